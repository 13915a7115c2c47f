//! One path to a destination, as a peer announced it and as the import policy left it.

use std::sync::Arc;

use super::peers::PeerSlot;
use super::refusal::Refusal;
use crate::net::PathId;
use crate::wire::PathAttributes;

/// Preference of a BGP path for which the import policy set none (spec/calico.md §5.4).
pub(crate) const PREFERENCE_BGP: u32 = 100;

/// Preference of a route that the speaker originates (spec/calico.md §5.4).
pub(crate) const PREFERENCE_LOCAL: u32 = 200;

/// What the import policy changed; absent for most paths, so they do not pay for it.
#[derive(Debug)]
pub(crate) struct Edited {
    /// The attributes as received.
    pub(crate) received: Arc<PathAttributes>,
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

/// One path, 16 bytes: pre-policy content is kept, so a policy change needs no route refresh.
///
/// The facts have the alignment of an octet, so that the number of the variant stands beside them, and
/// what is left of that octet's values tells containers how many paths there are.
#[derive(Clone, Debug)]
pub(crate) enum Path {
    /// With the attributes as received.
    AsReceived(Facts, Arc<PathAttributes>),
    /// Accepted with other attributes or another preference.
    Edited(Facts, Arc<Edited>),
}

/// What there is to a path besides attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    path_id: [u8; 4],
    source: [u8; 2],
    /// The epoch in the four upper bits, and how the path stands in the lower ones.
    state: u8,
}

impl Path {
    const USABLE: u8 = 0;
    const UNREACHABLE: u8 = 1;
    const WAITING: u8 = 2;
    const HOLDING: u8 = 3;
    /// What is above is a [`Refusal`].
    const REFUSED: u8 = 4;
    const EPOCH: u8 = 0xf0;

    /// A path as received, in the sender's current epoch.
    pub(crate) fn new(
        received: Arc<PathAttributes>,
        imported: Imported,
        source: PeerSlot,
        path_id: PathId,
        epoch: Epoch,
    ) -> Self {
        let facts = Facts {
            path_id: path_id.0.to_ne_bytes(),
            source: source.to_octets(),
            state: epoch.0 << 4,
        };
        match imported {
            Imported::AsReceived => Self::AsReceived(facts, received),
            Imported::Edited(edited) => Self::Edited(facts, edited),
            Imported::Refused(refusal) => {
                let mut path = Self::AsReceived(facts, received);
                path.set_standing(Self::REFUSED + refusal as u8);
                path
            }
        }
    }

    /// Replaces the import verdict. A path that is refused holds no place any more.
    pub(crate) fn set_imported(&mut self, imported: Imported) {
        let (source, path_id, epoch) = (self.source(), self.path_id(), self.epoch());
        let standing = self.standing();
        let received = Arc::clone(self.received());
        let is_accepted = !matches!(imported, Imported::Refused(_));
        *self = Self::new(received, imported, source, path_id, epoch);
        if is_accepted && standing < Self::REFUSED {
            self.set_standing(standing);
        }
    }

    const fn facts(&self) -> &Facts {
        match self {
            Self::AsReceived(facts, _) | Self::Edited(facts, _) => facts,
        }
    }

    const fn standing(&self) -> u8 {
        self.facts().state & !Self::EPOCH
    }

    fn set_standing(&mut self, standing: u8) {
        let (Self::AsReceived(facts, _) | Self::Edited(facts, _)) = self;
        facts.state = facts.state & Self::EPOCH | standing;
    }

    /// Records what a decision knew of the next hop of a path that is not refused.
    pub(crate) fn set_usability(&mut self, usability: Usability) {
        debug_assert!(self.refusal().is_none(), "nobody asks for its next hop");
        let standing = match usability {
            Usability::Usable => Self::USABLE,
            Usability::Unreachable => Self::UNREACHABLE,
            Usability::Waiting if self.holds() => Self::HOLDING,
            Usability::Waiting => Self::WAITING,
        };
        self.set_standing(standing);
    }

    /// The attributes as received.
    pub(crate) fn received(&self) -> &Arc<PathAttributes> {
        match self {
            Self::AsReceived(_, received) => received,
            Self::Edited(_, edited) => &edited.received,
        }
    }

    /// The attributes after the import policy.
    pub(crate) fn attributes(&self) -> &Arc<PathAttributes> {
        match self {
            Self::AsReceived(_, received) => received,
            Self::Edited(_, edited) => &edited.attributes,
        }
    }

    /// The preference among sources.
    pub(crate) fn preference(&self) -> u32 {
        match self {
            Self::Edited(_, edited) => edited.preference,
            Self::AsReceived(..) if self.source().is_local() => PREFERENCE_LOCAL,
            Self::AsReceived(..) => PREFERENCE_BGP,
        }
    }

    /// Who announced it.
    pub(crate) const fn source(&self) -> PeerSlot {
        PeerSlot::from_octets(self.facts().source)
    }

    /// The announcer's identifier of the path.
    pub(crate) const fn path_id(&self) -> PathId {
        PathId(u32::from_ne_bytes(self.facts().path_id))
    }

    /// Why it can never be selected; `None` if it can.
    pub(crate) const fn refusal(&self) -> Option<Refusal> {
        match self.standing().checked_sub(Self::REFUSED) {
            Some(number) => Refusal::numbered(number),
            None => None,
        }
    }

    /// The epoch of its announcer in which it was announced; another one than the announcer's current
    /// epoch means that the path is stale.
    pub(crate) const fn epoch(&self) -> Epoch {
        Epoch(self.facts().state >> 4)
    }

    /// What the last decision knew of the next hop.
    pub(crate) const fn usability(&self) -> Usability {
        match self.standing() {
            Self::WAITING | Self::HOLDING => Usability::Waiting,
            Self::UNREACHABLE => Usability::Unreachable,
            _ => Usability::Usable,
        }
    }

    /// Whether the path would be a candidate, were its next hop told.
    pub(crate) const fn waits(&self) -> bool {
        matches!(self.standing(), Self::WAITING | Self::HOLDING)
    }

    /// Whether the path waits in the place of the best one, which readers keep until its next hop is
    /// told.
    pub(crate) const fn holds(&self) -> bool {
        self.standing() == Self::HOLDING
    }

    /// Notes that the path takes the place of the best one as soon as it is known to wait, if it is
    /// not refused.
    pub(crate) fn set_holds(&mut self) {
        if self.standing() < Self::REFUSED {
            self.set_standing(Self::HOLDING);
        }
    }

    /// Whether this is the path that a peer means by an identifier.
    pub(crate) fn is(&self, source: PeerSlot, path_id: PathId) -> bool {
        self.source() == source && self.path_id() == path_id
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
    fn every_refusal_is_found_by_its_number() {
        let found = (0..).map_while(Refusal::numbered);
        assert!(
            found
                .clone()
                .zip(0..)
                .all(|(refusal, number)| refusal as u8 == number)
        );
        assert_eq!(found.last(), Some(Refusal::Policy));
    }

    #[test]
    fn a_path_is_as_small_as_documented() {
        assert_eq!(size_of::<Path>(), 16);
    }
}
