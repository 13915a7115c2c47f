//! The message header (RFC 4271 §4.1) and the cutting of a byte stream into messages.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::WireError;
use super::{EXTENDED_MESSAGE_LENGTH_MAX, HEADER_LENGTH, MESSAGE_LENGTH_MAX};

/// The message types that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {
    /// OPEN, type 1.
    Open,
    /// UPDATE, type 2.
    Update,
    /// NOTIFICATION, type 3.
    Notification,
    /// KEEPALIVE, type 4.
    Keepalive,
    /// ROUTE-REFRESH, type 5 (RFC 2918).
    RouteRefresh,
}

impl MessageKind {
    /// All types, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Update,
        Self::Notification,
        Self::Keepalive,
        Self::RouteRefresh,
    ];

    /// Recognises a type field.
    pub const fn from_wire(kind: u8) -> Option<Self> {
        match kind {
            1 => Some(Self::Open),
            2 => Some(Self::Update),
            3 => Some(Self::Notification),
            4 => Some(Self::Keepalive),
            5 => Some(Self::RouteRefresh),
            _ => None,
        }
    }

    /// The type field.
    pub const fn wire(self) -> u8 {
        match self {
            Self::Open => 1,
            Self::Update => 2,
            Self::Notification => 3,
            Self::Keepalive => 4,
            Self::RouteRefresh => 5,
        }
    }

    /// The name in the RFCs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Update => "UPDATE",
            Self::Notification => "NOTIFICATION",
            Self::Keepalive => "KEEPALIVE",
            Self::RouteRefresh => "ROUTE-REFRESH",
        }
    }

    /// Whether a length field is possible for this type. A ROUTE-REFRESH may be short here: which
    /// error that is depends on its subtype. OPEN stays short whatever was agreed (RFC 8654 §4).
    const fn allows(self, length: usize) -> bool {
        match self {
            Self::Open => length >= 29 && length <= MESSAGE_LENGTH_MAX,
            Self::Update => length >= 23,
            Self::Notification => length >= 21,
            Self::Keepalive => length == HEADER_LENGTH,
            Self::RouteRefresh => length >= HEADER_LENGTH,
        }
    }
}

/// A header that was found to be in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The length of the whole message.
    pub(crate) length: usize,
    /// The type.
    pub(crate) kind: MessageKind,
}

impl Header {
    /// Reads the header at the front of `octets`; `None` where it has not arrived completely. A
    /// marker that is wrong is reported as soon as its first wrong octet is there, so that a
    /// stranger who speaks another protocol is answered at once. `length_max` bounds the message.
    pub(crate) fn read(octets: &[u8], length_max: usize) -> Result<Option<Self>, WireError> {
        let marker = octets.get(..MARKER.len()).unwrap_or(octets);
        if marker.iter().any(|octet| *octet != 0xff) {
            return Err(WireError::Marker(marker.to_vec()));
        }
        let Some([high, low, kind]) = octets
            .get(MARKER.len()..)
            .and_then(|rest| rest.first_chunk::<3>())
        else {
            return Ok(None);
        };
        let length = u16::from_be_bytes([*high, *low]);
        if !(HEADER_LENGTH..=length_max).contains(&usize::from(length)) {
            return Err(WireError::Length { kind: None, length });
        }
        let kind = MessageKind::from_wire(*kind).ok_or(WireError::MessageType(*kind))?;
        if !kind.allows(length.into()) {
            return Err(WireError::Length {
                kind: Some(kind),
                length,
            });
        }
        Ok(Some(Self {
            length: length.into(),
            kind,
        }))
    }

    /// Writes a whole message around a body of at most 4077 octets, or 65,516 where RFC 8654 is in
    /// force.
    pub(crate) fn put(kind: MessageKind, body: &[u8], out: &mut impl BufMut) {
        debug_assert!(HEADER_LENGTH + body.len() <= EXTENDED_MESSAGE_LENGTH_MAX);
        let length = u16::try_from(HEADER_LENGTH + body.len()).unwrap_or(u16::MAX);
        out.put_slice(&MARKER);
        out.put_u16(length);
        out.put_u8(kind.wire());
        out.put_slice(body);
    }
}

/// The 16 octets of ones that every message begins with.
pub(crate) const MARKER: [u8; 16] = [0xff; 16];

/// KEEPALIVE, complete.
pub const KEEPALIVE: [u8; HEADER_LENGTH] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0, 19, 4,
];

/// Cuts a byte stream into messages.
///
/// The owner reads from its socket into [`Framer::buffer`] and takes messages until there is none.
/// A message shares the buffer's memory: drop it before the next read, so that the buffer is reused.
/// What is buffered is bounded by what the owner reads at a time plus one message.
///
/// Messages are bounded by 4096 octets until [`Framer::allow_extended`] says otherwise.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    extended: bool,
}

impl Framer {
    /// Makes an empty framer.
    pub fn new() -> Self {
        Self::default()
    }

    /// The buffer to read into, at its end.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Appends octets that were read elsewhere.
    pub fn extend(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// Lets messages other than OPEN and KEEPALIVE have up to 65,535 octets (RFC 8654 §4), for
    /// sessions whose both sides have offered that. It counts from the next call of
    /// [`Framer::next`], so it must be said between the peer's OPEN and the message behind it.
    pub const fn allow_extended(&mut self, extended: bool) {
        self.extended = extended;
    }

    /// The octets that were read and not yet taken.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next whole message, header included; `None` where it has not arrived completely.
    ///
    /// # Errors
    /// [`WireError::Marker`], [`WireError::Length`], [`WireError::MessageType`], as soon as the
    /// header shows them. The stream cannot be read on after that; every further call fails alike.
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: none means not yet, and errors are for good"
    )]
    pub fn next(&mut self) -> Result<Option<Bytes>, WireError> {
        let length_max = match self.extended {
            true => EXTENDED_MESSAGE_LENGTH_MAX,
            false => MESSAGE_LENGTH_MAX,
        };
        let Some(header) = Header::read(&self.buffer, length_max)? else {
            return Ok(None);
        };
        if self.buffer.len() < header.length {
            return Ok(None);
        }
        Ok(Some(self.buffer.split_to(header.length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u16, kind: u8) -> Vec<u8> {
        let mut octets = MARKER.to_vec();
        octets.extend_from_slice(&length.to_be_bytes());
        octets.push(kind);
        octets
    }

    #[test]
    fn messages_are_cut_whatever_the_pieces_they_arrive_in() {
        let mut stream = Vec::new();
        stream.extend_from_slice(&KEEPALIVE);
        Header::put(MessageKind::Update, &[0, 0, 0, 0], &mut stream);
        stream.extend_from_slice(&KEEPALIVE);
        for size in 1..=stream.len() {
            let mut framer = Framer::new();
            let mut cut = Vec::new();
            for piece in stream.chunks(size) {
                framer.extend(piece);
                while let Some(message) = framer.next().expect("valid") {
                    cut.push(message.len());
                }
            }
            assert_eq!(cut, [19, 23, 19], "in pieces of {size}");
            assert_eq!(framer.buffered(), 0);
        }
    }

    #[test]
    fn another_protocol_is_refused_by_its_first_octets() {
        let mut framer = Framer::new();
        framer.extend(b"GET ");
        let error = framer.next().expect_err("no marker");
        assert_eq!(error, WireError::Marker(b"GET ".to_vec()));
        assert_eq!(error.notification().code, 1);
        assert_eq!(error.notification().subcode, 1);
        assert!(framer.next().is_err(), "a broken stream stays broken");
    }

    #[test]
    fn lengths_out_of_bounds_are_refused_with_the_length_as_data() {
        let cases = [
            (18, 4),
            (0, 2),
            (4097, 2),
            (65_535, 2), // of any message
            (28, 1),
            (22, 2),
            (20, 3),
            (20, 4), // of one type
        ];
        for (length, kind) in cases {
            let mut framer = Framer::new();
            framer.extend(&message(length, kind));
            let notification = framer.next().expect_err("out of bounds").notification();
            assert_eq!((notification.code, notification.subcode), (1, 2));
            assert_eq!(notification.data, length.to_be_bytes());
        }
    }

    #[test]
    fn long_messages_are_cut_once_both_sides_have_agreed_on_them() {
        let mut stream = Vec::new();
        Header::put(MessageKind::Update, &vec![7; 65_516], &mut stream);
        Header::put(MessageKind::Notification, &[7; 5_000], &mut stream);
        Header::put(MessageKind::RouteRefresh, &[7; 4_078], &mut stream);
        let mut framer = Framer::new();
        framer.extend(&stream);
        framer.allow_extended(true);
        let lengths: Vec<_> =
            std::iter::from_fn(|| framer.next().expect("within bounds").map(|m| m.len())).collect();
        assert_eq!(lengths, [65_535, 5_019, 4_097]);

        let mut framer = Framer::new();
        framer.extend(&stream);
        assert_eq!(
            framer.next(),
            Err(WireError::Length {
                kind: None,
                length: 65_535
            })
        );
    }

    #[test]
    fn open_and_keepalive_stay_short_whatever_was_agreed() {
        for (length, kind) in [(4_097, 1), (65_535, 1), (4_097, 4), (20, 4), (18, 2)] {
            let mut framer = Framer::new();
            framer.allow_extended(true);
            framer.extend(&message(length, kind));
            let notification = framer.next().expect_err("out of bounds").notification();
            assert_eq!((notification.code, notification.subcode), (1, 2));
            assert_eq!(notification.data, length.to_be_bytes());
        }
    }

    #[test]
    fn unknown_types_are_refused_with_the_type_as_data() {
        for kind in [0, 6, 255] {
            let mut framer = Framer::new();
            framer.extend(&message(19, kind));
            let notification = framer.next().expect_err("unknown").notification();
            assert_eq!((notification.code, notification.subcode), (1, 3));
            assert_eq!(notification.data, [kind]);
        }
    }
}
