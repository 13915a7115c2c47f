//! What the machine must know of its peer before any byte flows.

use std::net::IpAddr;
use std::time::Duration;

use crate::net::{Asn, PerFamily, Role, RouterId};
use crate::wire::{AddPathDirection, HoldTime};

/// The parameters of one peering, as far as the session machine is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// The AS that this side sends in OPEN.
    pub local_as: Asn,
    /// The AS that the peer must have.
    pub remote_as: Asn,
    /// This side's BGP Identifier.
    pub router_id: RouterId,
    /// The peer's address, for tie-breaks and texts.
    pub remote_address: IpAddr,
    /// Whether this side never dials.
    pub passive: bool,
    /// The families offered.
    pub families: PerFamily<bool>,
    /// What this side offers of ADD-PATH, in each family.
    pub add_path: PerFamily<AddPathDirection>,
    /// The hold time proposed.
    pub hold_time: HoldTime,
    /// A fixed keepalive interval; `None` for a third of the negotiated hold time.
    pub keepalive: Option<Duration>,
    /// Delay before the first dial.
    pub connect_delay: Duration,
    /// Delay between dials.
    pub connect_retry: Duration,
    /// Idle hold after a failure: first and largest delay; doubled in between.
    pub idle_hold: (Duration, Duration),
    /// The restart time to advertise, in seconds; `None` leaves graceful restart out, and with it RFC
    /// 8538 and RFC 9494.
    pub restart_time: Option<u16>,
    /// The long-lived stale time to advertise, in seconds; `None` leaves RFC 9494 out.
    pub long_lived_time: Option<u32>,
    /// This side's role between autonomous systems (RFC 9234).
    pub role: Option<Role>,
    /// How long an accepted connection waits for the peer's OPEN before this side sends its own
    /// (DelayOpen, RFC 4271 §8.1.1); `None` sends at once.
    pub delay_open: Option<Duration>,
}

impl PeerConfig {
    /// Whether the peer is in another AS.
    pub(super) fn is_external(&self) -> bool {
        self.local_as != self.remote_as
    }
}
