//! BGP-4 messages: bytes to values and back (RFC 4271 §4, RFC 4760, RFC 6793, RFC 7606, RFC 7911).
//!
//! Pure: octets go in, values or a typed [`WireError`] come out; no clock, socket or allocation that
//! an attacker can size. [`decode`] takes one whole message as [`Framer`] cuts it, [`UpdatePacker`]
//! and the `encode` methods write into a caller's buffer. What a faulty UPDATE does to its session is
//! decided here, as RFC 7606 says, and reported as values: nothing is logged in this room.
//!
//! What must hold: no octets make it panic; an [`Update`] is safe to apply as it stands; what is
//! written reads back as what was meant; unknown transitive attributes leave byte for byte as they
//! came, with the Partial bit set.
//!
//! ```
//! use calidris::net::{Ipv4, PerFamily};
//! use calidris::wire::{DecodeContext, Framer, Message, decode};
//!
//! let context = DecodeContext {
//!     four_octet_as: true,
//!     add_path: PerFamily::default(),
//!     families: PerFamily { ipv4: true, ipv6: true },
//!     external: true,
//!     extended_next_hop: false,
//! };
//! let mut framer = Framer::new();
//! framer.extend(&[0xff; 16]); // marker
//! framer.extend(&[0, 48, 2]); // 48 octets of UPDATE
//! framer.extend(&[0, 0, 0, 20]); // nothing withdrawn, 20 octets of attributes
//! framer.extend(&[0x40, 1, 1, 0]); // ORIGIN: IGP
//! framer.extend(&[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9]); // AS_PATH: 65001
//! framer.extend(&[0x40, 3, 4, 192, 0, 2, 1]); // NEXT_HOP
//! framer.extend(&[26, 10, 65, 3, 64]); // 10.65.3.64/26
//!
//! let bytes = framer.next()?.expect("a whole message has arrived");
//! let Message::Update(update) = decode(&bytes, &context)? else {
//!     unreachable!("type 2 is UPDATE");
//! };
//! let announced = update.announced.first().expect("one run of prefixes");
//! assert_eq!(update.path(announced).as_path.to_string(), "65001");
//! let prefixes: Vec<_> = announced.nlri.iter::<Ipv4>().map(|n| n.prefix.to_string()).collect();
//! assert_eq!(prefixes, ["10.65.3.64/26"]);
//! # Ok::<(), calidris::wire::WireError>(())
//! ```

// Octets from peers are taken apart with slice patterns and checked splits only.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod attribute;
mod capability;
mod error;
mod frame;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod nlri;
mod notification;
mod open;
mod pack;
mod read;
mod refresh;
#[cfg(test)]
mod tests;
mod update;

pub use attribute::{
    Aggregator, AsPath, AttributeError, AttributeErrorKind, AttributesView, Community,
    LargeCommunity, NextHop, Origin, PartialBits, PathAttributes, Rare, RareAttributes, RareList,
    UnknownAttribute,
};
pub use capability::{
    Capabilities, GracefulRestart, GracefulRestartFamily, LongLived, LongLivedFamily,
};
pub use error::{AttributeFault, Disposition, OpenProblem, WireError};
pub use frame::{Framer, KEEPALIVE, MessageKind};
pub use nlri::{Nlri, NlriError, NlriIter, NlriRun};
pub use notification::{Notification, cease, fsm_error};
pub use open::{HoldTime, Open};
pub use pack::{Packed, UpdatePacker};
pub use refresh::{RefreshKind, RouteRefresh};
pub use update::{Announced, Update};

pub use crate::net::AddPathDirection;
use crate::net::PerFamily;

/// The octets of a message header: marker, length, type (RFC 4271 §4.1).
pub const HEADER_LENGTH: usize = 19;

/// The longest message without RFC 8654.
pub const MESSAGE_LENGTH_MAX: usize = 4096;

/// The longest message with RFC 8654, OPEN and KEEPALIVE excepted.
pub const EXTENDED_MESSAGE_LENGTH_MAX: usize = 65_535;

/// What must be known of a session to read its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeContext {
    /// Whether AS numbers on this session have four octets (RFC 6793).
    pub four_octet_as: bool,
    /// The families in which received NLRI carry a path identifier (RFC 7911).
    pub add_path: PerFamily<bool>,
    /// The families that were negotiated; NLRI of others are ignored.
    pub families: PerFamily<bool>,
    /// Whether the peer is in another AS.
    pub external: bool,
    /// Whether IPv4 NLRI may come with an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
}

impl DecodeContext {
    /// What is assumed of a connection until both OPENs are known: no message but UPDATE depends on
    /// it, and no family's routes are taken.
    pub const BEFORE_OPEN: Self = Self {
        four_octet_as: true,
        add_path: PerFamily {
            ipv4: false,
            ipv6: false,
        },
        families: PerFamily {
            ipv4: false,
            ipv6: false,
        },
        external: false,
        extended_next_hop: false,
    };
}

/// What must be known of a session to write UPDATEs for it; equal contexts may share bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EncodeContext {
    /// Whether AS numbers on this session have four octets (RFC 6793).
    pub four_octet_as: bool,
    /// Whether NLRI carry a path identifier in the family at hand (RFC 7911).
    pub add_path: bool,
    /// Whether messages may have up to 65,535 octets (RFC 8654).
    pub extended_message: bool,
    /// Whether IPv4 NLRI may go with an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
}

/// One message as received.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every message is an UPDATE, and a box would be an allocation for each"
)]
pub enum Message<'a> {
    /// OPEN, type 1.
    Open(Open),
    /// UPDATE, type 2.
    Update(Update<'a>),
    /// NOTIFICATION, type 3.
    Notification(Notification),
    /// KEEPALIVE, type 4.
    Keepalive,
    /// ROUTE-REFRESH, type 5 (RFC 2918, RFC 7313).
    RouteRefresh(RouteRefresh),
}

impl Message<'_> {
    /// The message's type.
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Open(_) => MessageKind::Open,
            Self::Update(_) => MessageKind::Update,
            Self::Notification(_) => MessageKind::Notification,
            Self::Keepalive => MessageKind::Keepalive,
            Self::RouteRefresh(_) => MessageKind::RouteRefresh,
        }
    }
}

/// Reads one whole message, header included, as [`Framer::next`] returns it. How long the session's
/// messages may be is the framer's to judge: up to 65,535 octets are read here.
///
/// # Errors
/// [`WireError`] for what ends the session; faults in attributes that RFC 7606 lets it survive are
/// in [`Update::faults`]. Octets that are less or more than the header's length are an error, too.
pub fn decode<'a>(message: &'a [u8], context: &DecodeContext) -> Result<Message<'a>, WireError> {
    let header = frame::Header::read(message, EXTENDED_MESSAGE_LENGTH_MAX)?;
    let Some(header) = header.filter(|header| header.length == message.len()) else {
        return Err(WireError::Length {
            kind: header.map(|header| header.kind),
            length: u16::try_from(message.len()).unwrap_or(u16::MAX),
        });
    };
    let body = message.get(HEADER_LENGTH..).unwrap_or_default();
    Ok(match header.kind {
        MessageKind::Open => Message::Open(Open::decode(body)?),
        MessageKind::Update => Message::Update(Update::decode(body, context)?),
        MessageKind::Notification => Message::Notification(Notification::decode(body)),
        MessageKind::Keepalive => Message::Keepalive,
        MessageKind::RouteRefresh => Message::RouteRefresh(RouteRefresh::decode(message)?),
    })
}
