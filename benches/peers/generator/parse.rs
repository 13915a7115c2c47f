//! Reading messages for what the generator must know of them, and nothing more. Independent of the
//! library: its faults must show.

/// Octets before the body of a message (RFC 4271 §4.1).
pub(crate) const HEADER: usize = 19;

/// Splits the first whole message off, with its type; `Ok(None)` where more must come first.
///
/// # Errors
/// A header that is no header.
pub(crate) fn next_message(octets: &[u8]) -> Result<Option<(u8, usize)>, String> {
    let Some(header) = octets.first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
    if header[..16] != [0xff; 16] || !(HEADER..=4096).contains(&length) {
        return Err(format!("no header: {header:02x?}"));
    }
    Ok((octets.len() >= length).then_some((header[18], length)))
}

/// The three parts of an UPDATE.
pub(crate) struct Parts<'a> {
    pub(crate) withdrawn: &'a [u8],
    pub(crate) attributes: &'a [u8],
    pub(crate) announced: &'a [u8],
}

/// The parts of a whole UPDATE, if its lengths hold.
pub(crate) fn parts(message: &[u8]) -> Option<Parts<'_>> {
    let body = message.get(HEADER..)?;
    let (withdrawn, rest) = sized(body)?;
    let (attributes, announced) = sized(rest)?;
    Some(Parts {
        withdrawn,
        attributes,
        announced,
    })
}

fn sized(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// A prefix as one number: its address, then its length.
pub(crate) type Key = u64;

/// The text of a prefix.
pub(crate) fn text(key: Key) -> String {
    let address = u32::try_from(key >> 8).expect("made of 32 bits");
    format!("{}/{}", std::net::Ipv4Addr::from(address), key & 0xff)
}

/// IPv4 prefixes one after the other; ends early at octets that are none.
pub(crate) struct Prefixes<'a>(pub(crate) &'a [u8]);

impl Iterator for Prefixes<'_> {
    type Item = Key;

    fn next(&mut self) -> Option<Key> {
        let (&length, rest) = self.0.split_first()?;
        let count = usize::from(length).div_ceil(8);
        let address = match rest.first_chunk::<4>() {
            // Most: one load, and the octets of the next prefix masked away.
            Some(four) if count <= 4 => {
                let unwanted = 32 - 8 * u32::try_from(count).expect("at most 4");
                let four = u64::from(u32::from_be_bytes(*four));
                four >> unwanted << unwanted
            }
            _ => {
                let octets = rest.get(..count).filter(|_| count <= 4)?;
                let shifted = |sum: u64, (place, octet): (usize, &u8)| {
                    sum | u64::from(*octet) << (24 - 8 * place)
                };
                octets.iter().enumerate().fold(0, shifted)
            }
        };
        self.0 = &rest[count..];
        Some(address << 8 | u64::from(length))
    }
}

/// The attributes of a set: type and value.
pub(crate) struct Attributes<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [flags, code, rest @ ..] = self.0 else {
            return None;
        };
        let (length, rest) = if flags & 0x10 == 0 {
            let (&length, rest) = rest.split_first()?;
            (usize::from(length), rest)
        } else {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*code, value))
    }
}
