//! Messages made of parts, right or wrong: the generator. It knows nothing of the codec under test.

/// Bytes for the wire.
pub(crate) type Octets = Vec<u8>;

pub(crate) const OPEN: u8 = 1;
pub(crate) const UPDATE: u8 = 2;
pub(crate) const NOTIFICATION: u8 = 3;
pub(crate) const KEEPALIVE: u8 = 4;
pub(crate) const ROUTE_REFRESH: u8 = 5;

/// The flags of a well-known attribute.
pub(crate) const WELL_KNOWN: u8 = 0x40;
/// The flags of an optional attribute that stays where it is.
pub(crate) const OPTIONAL: u8 = 0x80;
/// The flags of an optional attribute that is passed on.
pub(crate) const TRANSITIVE: u8 = 0xc0;
/// The flag of an attribute that somebody did not know.
pub(crate) const PARTIAL: u8 = 0x20;
/// The flag of a length of two octets.
pub(crate) const EXTENDED: u8 = 0x10;

/// A whole message around `body`.
pub(crate) fn message(kind: u8, body: &[u8]) -> Octets {
    message_of_length(kind, body, short(19 + body.len()))
}

/// A message with a length field of one's choice.
pub(crate) fn message_of_length(kind: u8, body: &[u8], length: u16) -> Octets {
    [&[0xff; 16][..], &length.to_be_bytes(), &[kind], body].concat()
}

pub(crate) fn keepalive() -> Octets {
    message(KEEPALIVE, &[])
}

pub(crate) fn notification(code: u8, subcode: u8, data: &[u8]) -> Octets {
    message(NOTIFICATION, &[&[code, subcode], data].concat())
}

pub(crate) fn refresh(afi: u16, subtype: u8, safi: u8) -> Octets {
    let [high, low] = afi.to_be_bytes();
    message(ROUTE_REFRESH, &[high, low, subtype, safi])
}

/// An UPDATE whose three sections have right lengths, whatever is in them.
pub(crate) fn update(withdrawn: &[u8], attributes: &[u8], nlri: &[u8]) -> Octets {
    let body = [
        &short(withdrawn.len()).to_be_bytes()[..],
        withdrawn,
        &short(attributes.len()).to_be_bytes(),
        attributes,
        nlri,
    ];
    message(UPDATE, &body.concat())
}

/// A path attribute; its length takes two octets where the flags say so or the value needs it.
pub(crate) fn attribute(flags: u8, code: u8, value: &[u8]) -> Octets {
    let length = short(value.len());
    match u8::try_from(value.len()) {
        Ok(length) if flags & EXTENDED == 0 => [&[flags, code, length], value].concat(),
        _ => {
            let [high, low] = length.to_be_bytes();
            [&[flags | EXTENDED, code, high, low], value].concat()
        }
    }
}

/// A segment of an AS path, of numbers of four octets or of two.
pub(crate) fn segment(kind: u8, numbers: &[u32], four_octets: bool) -> Octets {
    let count = u8::try_from(numbers.len()).expect("a segment has 255 numbers at most");
    let mut octets = vec![kind, count];
    for number in numbers {
        let [a, b, c, d] = number.to_be_bytes();
        if four_octets {
            octets.extend([a, b, c, d]);
        } else {
            octets.extend([c, d]);
        }
    }
    octets
}

/// A capability (RFC 5492 §4).
pub(crate) fn capability(code: u8, value: &[u8]) -> Octets {
    [&[code, byte(value.len())], value].concat()
}

/// An optional parameter (RFC 4271 §4.2).
pub(crate) fn parameter(kind: u8, value: &[u8]) -> Octets {
    [&[kind, byte(value.len())], value].concat()
}

/// An optional parameter with a length of two octets (RFC 9072 §2).
pub(crate) fn long_parameter(kind: u8, value: &[u8]) -> Octets {
    [&[kind][..], &short(value.len()).to_be_bytes(), value].concat()
}

/// The fields of an OPEN.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) version: u8,
    pub(crate) asn: u16,
    pub(crate) hold_time: u16,
    pub(crate) identifier: [u8; 4],
    /// All behind the identifier, the parameters' length included.
    pub(crate) tail: Octets,
}

impl Open {
    /// The message.
    pub(crate) fn octets(&self) -> Octets {
        let body = [
            &[self.version][..],
            &self.asn.to_be_bytes(),
            &self.hold_time.to_be_bytes(),
            &self.identifier,
            &self.tail,
        ];
        message(OPEN, &body.concat())
    }

    /// With these optional parameters behind their length.
    pub(crate) fn parameters(self, parameters: &[u8]) -> Self {
        self.tail([&[byte(parameters.len())], parameters].concat())
    }

    /// With these optional parameters in the extended form of RFC 9072.
    pub(crate) fn long_parameters(self, parameters: &[u8]) -> Self {
        let length = short(parameters.len()).to_be_bytes();
        self.tail([&[255, 255][..], &length, parameters].concat())
    }

    /// With these octets behind the identifier.
    pub(crate) fn tail(mut self, tail: Octets) -> Self {
        self.tail = tail;
        self
    }
}

pub(crate) fn short(number: usize) -> u16 {
    u16::try_from(number).expect("nothing here is above 65535 octets")
}

pub(crate) fn byte(number: usize) -> u8 {
    u8::try_from(number).expect("nothing here is above 255 octets")
}

/// Octets in hex, for messages of tests.
pub(crate) fn hex(octets: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text: String = octets
        .iter()
        .take(SHOWN)
        .map(|o| format!("{o:02x}"))
        .collect();
    match octets.len() {
        ..=SHOWN => text,
        length => format!("{text}… ({length} octets)"),
    }
}
