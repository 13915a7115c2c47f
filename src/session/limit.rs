//! Peers that announce more prefixes than they may (RFC 4486).

use tracing::warn;

use super::driver::Driver;
use super::hold::Pause;
use crate::clock;
use crate::fsm::StopReason;
use crate::net::Family;
use crate::rib::PrefixLimitEvent;

impl Driver {
    /// Warns of a peer that comes near its limit, and closes the session of one that is beyond: it
    /// stays down for as long as the plan says, or until an operator enables it.
    pub(super) fn on_prefix_limit(&mut self, family: Family, event: PrefixLimitEvent) {
        match event {
            PrefixLimitEvent::Warning { count, limit } => {
                warn!(%family, count, limit, "the peer is near its prefix limit");
                self.record.near_prefix_limit(family);
            }
            PrefixLimitEvent::Exceeded { count, limit } => {
                warn!(%family, count, limit, "the peer has exceeded its prefix limit");
                let restart = self
                    .spec
                    .plan
                    .prefix_limit
                    .and_then(|planned| planned.restart);
                let reason = format!("{count} {family} prefixes where {limit} are allowed");
                let (now, wall) = (clock::now(), clock::wall());
                self.holds.prefix_limit = Some(Pause::new(reason, restart, now, wall));
                self.halt(StopReason::PrefixLimit {
                    family,
                    max: limit,
                    restart,
                });
            }
        }
    }
}
