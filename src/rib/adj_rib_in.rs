//! What is known of one peer's routes in one family, besides the paths themselves.

use std::sync::Arc;
use std::time::Instant;

use super::dest_set::DestSet;
use super::path::Epoch;
use super::prefix_limit::{LimitGauge, PrefixLimitEvent, PrefixTally};
use super::query::PeerCounts;
use super::refusal::{Refusal, RefusedCounts};
use super::table::DestId;
use crate::net::PrefixLimit;

/// Why paths are stale, and so what ends that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staleness {
    /// The session has ended: End-of-RIB of the next one (RFC 4724 §4.2).
    Restart,
    /// The peer has begun to tell everything again: the mark of its end (RFC 7313 §4).
    Refresh,
}

/// The paths live in the destinations; this finds and counts them.
#[derive(Debug, Default)]
pub(crate) struct AdjRibIn {
    /// Destinations with at least one path of the peer.
    pub(crate) dests: DestSet,
    received: u64,
    refused: RefusedCounts,
    best: u64,
    stale: u64,
    /// For which reasons the owner was told of a path in this session, as bits.
    named: u8,
    /// Paths of other epochs are stale, so that a whole family becomes stale at once.
    epoch: Epoch,
    /// How many epochs before this one may still have paths.
    past: u8,
    /// What stale paths wait for; `None` where there are none, or where a sweep removes them.
    pub(crate) staleness: Option<Staleness>,
    /// When stale paths go at the latest; `None` where none are kept.
    pub(crate) stale_until: Option<Instant>,
    limit: LimitGauge,
}

impl AdjRibIn {
    /// Counts a path that was stored. Says whether it is the first of this session that is refused for
    /// its reason, if that is one of which the owner wants to know.
    pub(crate) fn stored(&mut self, dest: DestId, refusal: Option<Refusal>) -> bool {
        self.dests.insert(dest);
        self.received += 1;
        let Some(refusal) = refusal else {
            return false;
        };
        *self.refused.of(refusal) += 1;
        // What the policy refuses is as somebody wants it.
        let bit = match refusal {
            Refusal::Policy => 0,
            fault => 1 << fault as u8,
        };
        let is_first = self.named & bit != bit;
        self.named |= bit;
        is_first
    }

    /// Counts an announcement that was not stored, as its prefix has all the paths it may have.
    pub(crate) fn surplus(&mut self) {
        self.refused.too_many_paths += 1;
    }

    /// Counts a path that was removed or replaced.
    pub(crate) fn dropped(&mut self, refusal: Option<Refusal>, epoch: Epoch) {
        self.received -= 1;
        self.reimported(refusal, None);
        self.stale -= u64::from(epoch != self.epoch);
    }

    /// Counts another import verdict on a stored path.
    pub(crate) fn reimported(&mut self, was: Option<Refusal>, is: Option<Refusal>) {
        if let Some(refusal) = was {
            *self.refused.of(refusal) -= 1;
        }
        if let Some(refusal) = is {
            *self.refused.of(refusal) += 1;
        }
    }

    /// Counts a best path gained or lost.
    pub(crate) fn count_best(&mut self, gained: bool) {
        if gained {
            self.best += 1;
        } else {
            self.best -= 1;
        }
    }

    /// The epoch of paths that are announced from here on.
    pub(crate) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether another epoch can begin: one that no stale path bears is left.
    pub(crate) const fn can_begin_epoch(&self) -> bool {
        self.stale == 0 || self.past + 1 < Epoch::COUNT
    }

    /// Makes all paths stale. The caller has asked [`Self::can_begin_epoch`].
    pub(crate) fn begin_epoch(&mut self, why: Staleness) {
        debug_assert!(self.can_begin_epoch(), "a stale path would count as new");
        self.past = if self.stale == 0 { 1 } else { self.past + 1 };
        self.epoch = self.epoch.next();
        self.stale = self.received;
        self.refused.too_many_paths = 0;
        self.staleness = self.has_stale().then_some(why);
        self.tell_tally();
    }

    /// Ends the wait for stale paths to be announced again.
    pub(crate) fn end_wait(&mut self) {
        self.staleness = None;
        self.stale_until = None;
        self.tell_tally();
    }

    /// Whether stale paths are left.
    pub(crate) const fn has_stale(&self) -> bool {
        self.stale > 0
    }

    /// Sets the limit of prefixes, which may be the one there was.
    pub(crate) fn set_limit(&mut self, limit: Option<PrefixLimit>) -> Option<PrefixLimitEvent> {
        self.limit.set(limit);
        self.limit.measure(self.prefixes())
    }

    /// Counts the prefixes of the next session together with other shards.
    pub(crate) fn share_tally(&mut self, tally: Arc<PrefixTally>) {
        self.limit.share(tally);
    }

    /// Counts a prefix of which the last path is gone.
    pub(crate) fn gone(&mut self, dest: DestId) {
        self.dests.remove(dest);
        self.tell_tally();
    }

    /// Lets other shards know how many prefixes there are.
    fn tell_tally(&mut self) {
        if self.limit.is_shared() {
            self.limit.total(self.prefixes());
        }
    }

    /// Forgets what the owner was told: a session begins.
    pub(crate) fn forget_said(&mut self) {
        self.named = 0;
        self.limit.restart();
    }

    /// Whether no new prefix is taken.
    pub(crate) fn is_full(&mut self) -> bool {
        self.limit.is_full(self.prefixes())
    }

    /// Takes note of a prefix that was not taken.
    pub(crate) fn refuse(&mut self) -> Option<PrefixLimitEvent> {
        self.limit.refuse()
    }

    /// Compares the number of prefixes with the limit.
    pub(crate) fn measure(&mut self) -> Option<PrefixLimitEvent> {
        self.limit.measure(self.prefixes())
    }

    /// The prefixes that the peer announces in this session. Those kept from the last one do not count:
    /// the peer may not mean them any more. (Where a peer has several stale paths to one prefix, this is
    /// too low until they are gone.)
    fn prefixes(&self) -> u64 {
        u64::try_from(self.dests.len())
            .unwrap_or(u64::MAX)
            .saturating_sub(match self.staleness {
                Some(Staleness::Refresh) => 0,
                Some(Staleness::Restart) | None => self.stale,
            })
    }

    /// The counts for `show`; what was advertised is known elsewhere.
    pub(crate) fn counts(&self) -> PeerCounts {
        let (received, filtered) = (
            self.received + self.refused.too_many_paths,
            self.refused.total(),
        );
        PeerCounts {
            received,
            accepted: received - filtered,
            filtered,
            refused: self.refused,
            best: self.best,
            advertised: 0,
            stale: self.stale,
        }
    }
}
