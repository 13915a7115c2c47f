//! One path to a destination, as a peer announced it and as the import policy left it.

use std::sync::Arc;

use super::peers::PeerSlot;
use crate::net::PathId;
use crate::wire::PathAttributes;

/// Preference of a BGP path for which the import policy set none (spec/calico.md §5.4).
pub(crate) const PREFERENCE_BGP: u32 = 100;

/// Preference of a route that the speaker originates (spec/calico.md §5.4).
pub(crate) const PREFERENCE_LOCAL: u32 = 200;

/// Why a path can never be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The local AS occurs too often in AS_PATH (RFC 4271 §9.1.2).
    AsLoop,
    /// ORIGINATOR_ID is this speaker (RFC 4456 §8).
    OriginatorLoop,
    /// CLUSTER_LIST names this speaker's cluster (RFC 4456 §8).
    ClusterLoop,
    /// NEXT_HOP is this speaker (RFC 4271 §5.1.3).
    OwnNextHop,
    /// ONLY_TO_CUSTOMER says that it must not have come this way (RFC 9234 §5).
    RouteLeak,
    /// The import policy refused it.
    Policy,
}

impl Refusal {
    /// The reason as `show routes` words it.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::AsLoop => "AS loop",
            Self::OriginatorLoop => "originator loop",
            Self::ClusterLoop => "cluster loop",
            Self::OwnNextHop => "own next hop",
            Self::RouteLeak => "route leak",
            Self::Policy => "import policy",
        }
    }
}

/// What the import policy changed; absent for most paths, so they do not pay for it.
#[derive(Debug)]
pub(crate) struct Edited {
    /// The attributes after the policy.
    pub(crate) attributes: Arc<PathAttributes>,
    /// The preference that the policy set.
    pub(crate) preference: u32,
}

/// A stretch of what a peer has said: it begins with each session and with each marked refresh. Paths
/// of another epoch than the peer's current one are stale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epoch(u8);

impl Epoch {
    /// How many are told apart.
    pub(crate) const COUNT: u8 = 16;

    /// The one after it.
    pub(crate) const fn next(self) -> Self {
        Self((self.0 + 1) % Self::COUNT)
    }
}

/// What a decision knew of a path's next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usability {
    /// The next hop is reachable, or the route is local.
    Usable,
    /// The next hop is known to be unreachable: least preferred, but selectable.
    Unreachable,
    /// The owner has said nothing of the next hop yet: not selectable.
    Waiting,
}

/// One path, 24 bytes: pre-policy content is kept, so a policy change needs no route refresh.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    received: Arc<PathAttributes>,
    edited: Option<Arc<Edited>>,
    path_id: PathId,
    source: PeerSlot,
    refusal: Option<Refusal>,
    state: u8,
}

impl Path {
    const UNREACHABLE: u8 = 1;
    const WAITING: u8 = 2;
    const HOLDING: u8 = 4;
    /// The four upper bits are the epoch.
    const EPOCH: u8 = 0xf0;

    /// A path as received, in the sender's current epoch.
    pub(crate) fn new(
        received: Arc<PathAttributes>,
        imported: Imported,
        source: PeerSlot,
        path_id: PathId,
        epoch: Epoch,
    ) -> Self {
        let mut path = Self {
            received,
            edited: None,
            path_id,
            source,
            refusal: None,
            state: epoch.0 << 4,
        };
        path.set_imported(imported);
        path
    }

    /// Replaces the import verdict. A path that is refused holds no place any more.
    pub(crate) fn set_imported(&mut self, imported: Imported) {
        if matches!(imported, Imported::Refused(_)) {
            self.state &= !Self::HOLDING;
        }
        (self.edited, self.refusal) = match imported {
            Imported::AsReceived => (None, None),
            Imported::Edited(edited) => (Some(edited), None),
            Imported::Refused(refusal) => (None, Some(refusal)),
        };
    }

    /// Records what a decision knew of the next hop.
    pub(crate) fn set_usability(&mut self, usability: Usability) {
        let lasting = Self::EPOCH | Self::HOLDING;
        self.state = match usability {
            Usability::Usable => self.state & Self::EPOCH,
            Usability::Unreachable => self.state & Self::EPOCH | Self::UNREACHABLE,
            Usability::Waiting => self.state & lasting | Self::WAITING,
        };
    }

    /// The attributes as received.
    pub(crate) fn received(&self) -> &Arc<PathAttributes> {
        &self.received
    }

    /// The attributes after the import policy.
    pub(crate) fn attributes(&self) -> &Arc<PathAttributes> {
        self.edited
            .as_ref()
            .map_or(&self.received, |edited| &edited.attributes)
    }

    /// The preference among sources.
    pub(crate) fn preference(&self) -> u32 {
        match &self.edited {
            Some(edited) => edited.preference,
            None if self.source.is_local() => PREFERENCE_LOCAL,
            None => PREFERENCE_BGP,
        }
    }

    /// Who announced it.
    pub(crate) const fn source(&self) -> PeerSlot {
        self.source
    }

    /// The announcer's identifier of the path.
    pub(crate) const fn path_id(&self) -> PathId {
        self.path_id
    }

    /// Why it can never be selected; `None` if it can.
    pub(crate) const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// The epoch of its announcer in which it was announced; another one than the announcer's current
    /// epoch means that the path is stale.
    pub(crate) const fn epoch(&self) -> Epoch {
        Epoch(self.state >> 4)
    }

    /// What the last decision knew of the next hop.
    pub(crate) const fn usability(&self) -> Usability {
        if self.state & Self::WAITING != 0 {
            Usability::Waiting
        } else if self.state & Self::UNREACHABLE != 0 {
            Usability::Unreachable
        } else {
            Usability::Usable
        }
    }

    /// Whether the path would be a candidate, were its next hop told.
    pub(crate) fn waits(&self) -> bool {
        self.refusal.is_none() && self.usability() == Usability::Waiting
    }

    /// Whether the path waits in the place of the best one, which readers keep until its next hop is
    /// told.
    pub(crate) fn holds(&self) -> bool {
        self.waits() && self.state & Self::HOLDING != 0
    }

    /// Notes that the path waits in the place of the best one.
    pub(crate) fn set_holds(&mut self) {
        self.state |= Self::HOLDING;
    }

    /// Whether this is the path that a peer means by an identifier.
    pub(crate) fn is(&self, source: PeerSlot, path_id: PathId) -> bool {
        self.source == source && self.path_id == path_id
    }
}

/// The verdict on a received path.
#[derive(Clone, Debug)]
pub(crate) enum Imported {
    /// Accepted without a change.
    AsReceived,
    /// Accepted with other attributes or another preference.
    Edited(Arc<Edited>),
    /// Kept, but never selected.
    Refused(Refusal),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_as_small_as_documented() {
        assert_eq!(size_of::<Path>(), 24);
    }
}
