//! Sessions that come and go, and graceful restart of the peer (RFC 4724 §4.2).
//!
//! Paths bear their announcer's epoch. When a session ends, the epoch turns and every path of the peer
//! is stale at once; what is announced again takes the new epoch; what is still stale at End-of-RIB,
//! at the deadline, or at once where nothing may be kept, is swept. A refresh whose begin and end the
//! peer marks (RFC 7313) does the same within a session.

use std::sync::Arc;
use std::time::Instant;

use super::REFRESH_STALE_MAX;
use super::adj_rib_in::Staleness;
use super::command::SessionTerms;
use super::peers::PeerSlot;
use super::prefix_limit::PrefixTally;
use super::shard::Shard;
use super::sweep::{Sweep, SweepKind};
use crate::net::{Family, PeerId, PerFamily};

impl Shard {
    pub(super) fn share_tally(&mut self, id: PeerId, tallies: PerFamily<Arc<PrefixTally>>) {
        let Some(slot) = self.shared.peers.slot(id) else {
            return;
        };
        let PerFamily { ipv4, ipv6 } = tallies;
        let ribs = &mut self.shared.peers.get_mut(slot).ribs;
        ribs.ipv4.share_tally(ipv4);
        ribs.ipv6.share_tally(ipv6);
    }

    pub(super) fn session_up(&mut self, terms: SessionTerms) {
        let Some(slot) = self.shared.peers.slot(terms.peer) else {
            return;
        };
        if self.shared.peers.get(slot).session.is_some() {
            self.session_down(terms.peer, PerFamily::default());
        }
        self.shared.peers.get_mut(slot).router_id = terms.peer_id;
        for family in Family::ALL {
            let rib = self.shared.peers.get_mut(slot).ribs.get_mut(family);
            rib.forget_said();
            let kept = *terms.families.get(family) && *terms.forwarding_preserved.get(family);
            if !rib.has_stale() {
                rib.end_wait();
            } else if kept && rib.stale_until.is_some() {
                rib.stale_until = terms.stale_until.or(rib.stale_until);
            } else {
                rib.end_wait();
                self.begin_sweep(Sweep::new(family, SweepKind::Expire(slot)));
            }
        }
        self.shared.peers.get_mut(slot).session = Some(terms);
        self.v4.join(&mut self.shared, slot);
        self.v6.join(&mut self.shared, slot);
        self.find_deadline();
    }

    pub(super) fn session_down(&mut self, id: PeerId, keep_until: PerFamily<Option<Instant>>) {
        let Some(slot) = self.shared.peers.slot(id) else {
            return;
        };
        self.v4.leave(&mut self.shared, slot);
        self.v6.leave(&mut self.shared, slot);
        self.waiting.retain(|(_, peer)| *peer != id);
        let was_up = self.shared.peers.get_mut(slot).session.take().is_some();
        for family in Family::ALL {
            self.end_family(slot, family, was_up, *keep_until.get(family));
        }
        self.find_deadline();
    }

    fn end_family(
        &mut self,
        slot: PeerSlot,
        family: Family,
        was_up: bool,
        keep_until: Option<Instant>,
    ) {
        let rib = self.shared.peers.get_mut(slot).ribs.get_mut(family);
        if was_up {
            // RFC 4724 §4.2: what is stale from the restart before goes now, however much it is. What
            // waits for the end of a refresh was good when the session ended.
            if rib.staleness != Some(Staleness::Refresh) || !rib.can_begin_epoch() {
                self.expire_now(slot, family);
            }
            let rib = self.shared.peers.get_mut(slot).ribs.get_mut(family);
            rib.begin_epoch(Staleness::Restart);
            rib.stale_until = keep_until.filter(|_| rib.has_stale());
        } else if keep_until.is_none() {
            rib.end_wait();
        }
        let rib = self.shared.peers.get(slot).ribs.get(family);
        if rib.has_stale() && rib.stale_until.is_none() {
            self.begin_sweep(Sweep::new(family, SweepKind::Expire(slot)));
        }
    }

    /// Removes a peer's stale paths in one go.
    fn expire_now(&mut self, slot: PeerSlot, family: Family) {
        if self.shared.peers.get(slot).ribs.get(family).has_stale() {
            let mut sweep = Sweep::new(family, SweepKind::Expire(slot));
            self.run_sweep(&mut sweep, usize::MAX);
        }
        self.sweeps
            .retain(|sweep| sweep.family != family || !sweep.expires(slot));
    }

    pub(super) fn end_of_rib(&mut self, peer: PeerId, family: Family) {
        if let Some(slot) = self.shared.peers.slot(peer) {
            let rib = self.shared.peers.get_mut(slot).ribs.get_mut(family);
            if rib.staleness == Some(Staleness::Refresh) {
                // The end of a refresh is another message.
                return;
            }
            rib.end_wait();
            if rib.has_stale() {
                self.begin_sweep(Sweep::new(family, SweepKind::Expire(slot)));
            }
            self.find_deadline();
        }
    }

    pub(super) fn refresh_begin(&mut self, now: Instant, peer: PeerId, family: Family) {
        let Some(slot) = self.shared.peers.slot(peer) else {
            return;
        };
        if self.shared.peers.get(slot).session_in(family).is_none() {
            return;
        }
        match self.shared.peers.get(slot).ribs.get(family).staleness {
            // RFC 7313 §4: none counts before End-of-RIB.
            Some(Staleness::Restart) => return,
            Some(Staleness::Refresh) => {}
            // A sweep that is under way must not take for stale what is only about to be told again.
            None => self.expire_now(slot, family),
        }
        let rib = self.shared.peers.get_mut(slot).ribs.get_mut(family);
        // A peer that begins time and again without an end is no longer listened to; the deadline
        // takes away what it has not announced since the last begin that counted.
        if rib.can_begin_epoch() {
            rib.begin_epoch(Staleness::Refresh);
            rib.stale_until = rib.has_stale().then(|| now + REFRESH_STALE_MAX);
            self.find_deadline();
        }
    }

    pub(super) fn refresh_end(&mut self, peer: PeerId, family: Family) {
        let Some(slot) = self.shared.peers.slot(peer) else {
            return;
        };
        let rib = self.shared.peers.get_mut(slot).ribs.get_mut(family);
        if rib.staleness == Some(Staleness::Refresh) {
            rib.end_wait();
            if rib.has_stale() {
                self.begin_sweep(Sweep::new(family, SweepKind::Expire(slot)));
            }
            self.find_deadline();
        }
    }

    /// Sweeps what is kept beyond its time.
    pub(super) fn fire_deadlines(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        let due = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        let mut expired = Vec::new();
        for (_, slot, peer) in self.shared.peers.iter() {
            for (family, rib) in peer.ribs.iter() {
                if due(rib.stale_until) {
                    expired.push((slot, family));
                }
            }
        }
        for (slot, family) in expired {
            let rib = self.shared.peers.get_mut(slot).ribs.get_mut(family);
            rib.end_wait();
            self.begin_sweep(Sweep::new(family, SweepKind::Expire(slot)));
        }
        self.find_deadline();
    }

    fn find_deadline(&mut self) {
        let peers = self.shared.peers.iter();
        self.deadline = peers
            .flat_map(|(_, _, peer)| [peer.ribs.ipv4.stale_until, peer.ribs.ipv6.stale_until])
            .flatten()
            .min();
    }
}
