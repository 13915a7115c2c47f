//! OPEN (RFC 4271 §4.2) and its optional parameters (RFC 5492, RFC 9072).

use std::time::Duration;

use super::capability::Capabilities;
use crate::net::{Asn, RouterId};

/// OPEN as sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The sender's AS: the four-octet capability's value where present, else the header field.
    pub asn: Asn,
    /// The hold time proposed.
    pub hold_time: HoldTime,
    /// The sender's BGP Identifier.
    pub router_id: RouterId,
    /// What the sender can do.
    pub capabilities: Capabilities,
}

/// Hold time of a session, in whole seconds (RFC 4271 §4.2).
///
/// Zero switches the hold and keepalive timers off; one and two are not representable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldTime(u16);

impl HoldTime {
    /// Accepts 0 and 3..=65535; `None` for one and two, which are answered with NOTIFICATION 2/6.
    pub const fn new(seconds: u16) -> Option<Self> {
        match seconds {
            1 | 2 => None,
            _ => Some(Self(seconds)),
        }
    }

    /// The number of seconds.
    pub const fn seconds(self) -> u16 {
        self.0
    }

    /// The time as a duration; `None` where the timers are off.
    pub const fn duration(self) -> Option<Duration> {
        match self.0 {
            0 => None,
            seconds => Some(Duration::from_secs(seconds as u64)),
        }
    }
}
