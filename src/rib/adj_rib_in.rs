//! What is known of one peer's routes in one family, besides the paths themselves.

use std::time::Instant;

use super::dest_set::DestSet;
use super::query::PeerCounts;
use super::table::DestId;

/// The paths live in the destinations; this finds and counts them.
#[derive(Debug, Default)]
pub(crate) struct AdjRibIn {
    /// Destinations with at least one path of the peer.
    pub(crate) dests: DestSet,
    received: u64,
    accepted: u64,
    best: u64,
    stale: u64,
    /// Announcements in this session of more paths than one prefix may have.
    surplus: u64,
    /// Paths of the other epoch are stale, so that a whole family becomes stale at once.
    epoch: bool,
    /// When stale paths go at the latest; `None` where no restart is under way.
    pub(crate) stale_until: Option<Instant>,
}

impl AdjRibIn {
    /// Counts a path that was stored; `epoch` is the one it bears.
    pub(crate) fn stored(&mut self, dest: DestId, accepted: bool) {
        self.dests.insert(dest);
        self.received += 1;
        self.accepted += u64::from(accepted);
    }

    /// Counts an announcement that was not stored, as its prefix has all the paths it may have.
    pub(crate) fn surplus(&mut self) {
        self.surplus += 1;
    }

    /// Counts a path that was removed or replaced.
    pub(crate) fn dropped(&mut self, accepted: bool, epoch: bool) {
        self.received -= 1;
        self.accepted -= u64::from(accepted);
        self.stale -= u64::from(epoch != self.epoch);
    }

    /// Counts another import verdict on a stored path.
    pub(crate) fn reimported(&mut self, was_accepted: bool, is_accepted: bool) {
        self.accepted -= u64::from(was_accepted);
        self.accepted += u64::from(is_accepted);
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
    pub(crate) const fn epoch(&self) -> bool {
        self.epoch
    }

    /// Makes all paths stale; none may be stale already, as one bit tells the epochs apart.
    pub(crate) fn begin_epoch(&mut self) {
        debug_assert_eq!(self.stale, 0, "stale paths of an earlier epoch are gone");
        self.epoch = !self.epoch;
        self.stale = self.received;
        self.surplus = 0;
    }

    /// Whether stale paths are left.
    pub(crate) const fn has_stale(&self) -> bool {
        self.stale > 0
    }

    /// The counts for `show`; what was advertised is known elsewhere.
    pub(crate) const fn counts(&self) -> PeerCounts {
        PeerCounts {
            received: self.received + self.surplus,
            accepted: self.accepted,
            filtered: self.received - self.accepted + self.surplus,
            best: self.best,
            advertised: 0,
            stale: self.stale,
        }
    }
}
