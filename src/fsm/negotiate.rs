//! Two OPENs become the terms of a session.

use std::time::Duration;

use crate::net::{Asn, PerFamily, RouterId};
use crate::wire::{AddPathDirection, Capabilities, DecodeContext, GracefulRestart, HoldTime};

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The peer's AS.
    pub peer_as: Asn,
    /// The peer's BGP Identifier.
    pub peer_id: RouterId,
    /// Whether the peer is in another AS.
    pub external: bool,
    /// The smaller of the two hold times.
    pub hold_time: HoldTime,
    /// The interval between KEEPALIVEs; `None` where the timers are off.
    pub keepalive: Option<Duration>,
    /// The families of the session.
    pub families: PerFamily<bool>,
    /// Whether AS numbers have four octets.
    pub four_octet_as: bool,
    /// What this side may do with ADD-PATH, in each family.
    pub add_path: PerFamily<AddPathDirection>,
    /// Whether the peer answers ROUTE-REFRESH.
    pub route_refresh: bool,
    /// The peer's graceful-restart terms, where both sides have offered them.
    pub graceful_restart: Option<GracefulRestart>,
    /// All that the peer offered, for `show neighbor`.
    pub peer_capabilities: Capabilities,
}

impl Negotiated {
    /// What the codec must know to read this session's messages.
    pub fn decode_context(&self) -> DecodeContext {
        DecodeContext {
            four_octet_as: self.four_octet_as,
            add_path: PerFamily {
                ipv4: self.add_path.ipv4.receive,
                ipv6: self.add_path.ipv6.receive,
            },
            families: self.families,
            external: self.external,
        }
    }
}
