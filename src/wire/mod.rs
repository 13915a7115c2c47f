//! BGP-4 messages: bytes to values and back (RFC 4271 §4, RFC 4760, RFC 6793, RFC 7606, RFC 7911).
//!
//! Pure: octets go in, values or a typed [`WireError`] come out; no clock, socket or allocation that
//! an attacker can size. [`decode`] takes one whole message as [`Framer`] cuts it, [`UpdatePacker`]
//! and the `encode` methods write into a caller's buffer. What a faulty UPDATE does to its session is
//! decided here, as RFC 7606 says, and reported as values: nothing is logged in this room.

pub mod attribute;
mod capability;
mod error;
mod notification;
mod open;
mod refresh;
mod update;

pub use attribute::{
    Aggregator, AsPath, AsSegment, Community, LargeCommunity, NextHop, Origin, PathAttributes,
    UnknownAttribute,
};
pub use capability::{AddPathDirection, Capabilities, GracefulRestart, GracefulRestartFamily};
pub use error::{AttributeFault, Disposition, WireError};
pub use notification::{Notification, cease};
pub use open::{HoldTime, Open};
pub use refresh::{RefreshKind, RouteRefresh};
pub use update::{Announced, Nlri, NlriRun, Update};

use crate::net::PerFamily;

/// The octets of a message header: marker, length, type (RFC 4271 §4.1).
pub const HEADER_LENGTH: usize = 19;

/// The longest message without RFC 8654.
pub const MESSAGE_LENGTH_MAX: usize = 4096;

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
}

/// What must be known of a session to write UPDATEs for it; equal contexts may share bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EncodeContext {
    /// Whether AS numbers on this session have four octets (RFC 6793).
    pub four_octet_as: bool,
    /// Whether NLRI carry a path identifier in the family at hand (RFC 7911).
    pub add_path: bool,
}

/// One message as received.
#[derive(Clone, Debug, PartialEq)]
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
