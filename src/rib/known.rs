//! What a member knows from the groups that it was in before.

use std::sync::Arc;

use super::adj_rib_out::{AdjRibOut, AdvertisedPaths};
use super::dest_set::DestSet;
use super::table::DestId;

/// What a member on its way through a group's Adj-RIB-Out has heard in other groups.
///
/// It holds as of the member's place in the log: what has changed since is met there.
#[derive(Clone, Debug, Default)]
pub(crate) enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// Perhaps something of these destinations.
    Perhaps(Arc<DestSet>),
    /// Of the destinations below a number just what a group had advertised, of the others the rest.
    Told {
        /// The first destination that the group had not come to.
        below: DestId,
        /// What it had advertised.
        told: Arc<AdjRibOut>,
        /// What the member knew before.
        rest: Arc<Self>,
    },
}

/// What a member was told by a group in which it was live and missed nothing, for as long as it reads
/// the log in a copy of that group: of what is logged it hears only what differs.
#[derive(Debug)]
pub(crate) struct Recall {
    told: Arc<AdjRibOut>,
    /// Destinations that it was told of since.
    since: DestSet,
}

impl Recall {
    pub(crate) fn new(told: &Arc<AdjRibOut>) -> Self {
        Self {
            told: Arc::clone(told),
            since: DestSet::default(),
        }
    }

    /// What the member knows of a destination, unless it was told of that since.
    pub(crate) fn of(&self, dest: DestId) -> Option<AdvertisedPaths> {
        (!self.since.contains(dest)).then(|| self.told.get(dest))
    }

    /// Notes that the member is told of a destination.
    pub(crate) fn forget(&mut self, dest: DestId) {
        self.since.insert(dest);
    }
}

/// What is known of one destination.
pub(crate) enum KnownPaths {
    /// Nothing.
    Nothing,
    /// Perhaps something.
    Perhaps,
    /// These paths, less the member's own.
    Exactly(AdvertisedPaths),
}

impl Known {
    /// All that a group has advertised.
    pub(crate) fn all_of(told: &Arc<AdjRibOut>) -> Self {
        Self::Nothing.or_below(DestId(u32::MAX), told)
    }

    /// The same, but for the destinations below a number, of which a group has told what it had.
    pub(crate) fn or_below(self, below: DestId, told: &Arc<AdjRibOut>) -> Self {
        if below == DestId(0) {
            return self;
        }
        if self.depth() == DEPTH_MAX {
            return self.or_perhaps(told);
        }
        Self::Told {
            below,
            told: Arc::clone(told),
            rest: Arc::new(self),
        }
    }

    /// The same, and perhaps something of whatever a group has advertised.
    pub(crate) fn or_perhaps(&self, told: &AdjRibOut) -> Self {
        let mut known = told.destinations();
        self.add_to(&mut known);
        Self::Perhaps(Arc::new(known))
    }

    /// What is known of a destination.
    pub(crate) fn of(&self, dest: DestId) -> KnownPaths {
        match self {
            Self::Nothing => KnownPaths::Nothing,
            Self::Perhaps(known) if known.contains(dest) => KnownPaths::Perhaps,
            Self::Perhaps(_) => KnownPaths::Nothing,
            Self::Told { below, told, .. } if dest < *below => KnownPaths::Exactly(told.get(dest)),
            Self::Told { rest, .. } => rest.of(dest),
        }
    }

    /// Whether nothing is known of any destination.
    pub(crate) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    fn add_to(&self, known: &mut DestSet) {
        match self {
            Self::Nothing => {}
            Self::Perhaps(more) => known.extend(more),
            Self::Told { told, rest, .. } => {
                known.extend(&told.destinations());
                rest.add_to(known);
            }
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Nothing | Self::Perhaps(_) => 0,
            Self::Told { rest, .. } => 1 + rest.depth(),
        }
    }
}

/// Groups that a member may change without coming to an end in any; from there on it is told
/// everything of what it may know, which is right as well, only longer.
const DEPTH_MAX: usize = 4;
