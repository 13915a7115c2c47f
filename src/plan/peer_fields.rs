//! What single fields of a BGPPeer come to in a session.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{self, BgpPeer};
use crate::policy::NextHopMode;

/// Restart time where nobody says otherwise, in seconds (§3.9).
pub(super) const DEFAULT_RESTART_TIME: u16 = 120;
/// The largest restart time that 12 bits on the wire hold (RFC 4724 §3).
const RESTART_TIME_MAX: u64 = 4095;

/// The field by which a BGPPeer protects its session in a way that is not there yet.
pub(super) fn unsupported_protection(peer: &BgpPeer) -> Option<(&'static str, &'static str)> {
    let has_filters = !peer.filters.is_empty();
    has_filters.then_some(("spec.filters", "BGPFilters are"))
}

/// Whether an address means something on one link only (RFC 4291 §2.5.6); IPv4 has such addresses
/// too, and routes them like any other.
pub(super) const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// How NEXT_HOP is set; `keepOriginalNextHop` is the old way to say it, for external peers only.
pub(super) fn next_hop_mode(peer: &BgpPeer, external: bool) -> NextHopMode {
    match peer.next_hop_mode {
        Some(model::NextHopMode::Own) => NextHopMode::Own,
        Some(model::NextHopMode::Keep) => NextHopMode::Keep,
        Some(model::NextHopMode::Auto) => NextHopMode::Auto,
        None if peer.keep_original_next_hop && external => NextHopMode::Keep,
        None => NextHopMode::Auto,
    }
}

/// The keepalive interval in whole seconds; what rounds to zero means the default, as in BIRD.
pub(super) fn keepalive(peer: &BgpPeer) -> Option<Duration> {
    let seconds = rounded_seconds(peer.keepalive_time?);
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// The restart time to advertise, in whole seconds.
pub(super) fn restart_time(time: Option<Duration>) -> u16 {
    time.map_or(DEFAULT_RESTART_TIME, |time| {
        let seconds = rounded_seconds(time).min(RESTART_TIME_MAX);
        u16::try_from(seconds).unwrap_or(DEFAULT_RESTART_TIME)
    })
}

fn rounded_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_millis() >= 500)
}
