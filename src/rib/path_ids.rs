//! The identifiers under which paths are sent where ADD-PATH was agreed (RFC 7911 §3).

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::path::Path;
use super::peers::PeerSlot;
use super::table::DestId;
use crate::net::{PathId, PeerId};

/// One path to a destination, and the identifier that it is sent under.
#[derive(Clone, Copy, Debug)]
struct Known {
    slot: PeerSlot,
    peer: PeerId,
    received: PathId,
    sent: PathId,
}

/// The identifiers of one family, the same in every group; empty while no group sends several paths.
///
/// A path keeps its identifier while it lives, also where a peer moves to another group. The next
/// path gets a number that none ever had (until 2³² are used up), so a number never means another
/// path to a reader that has yet to hear that the first one is gone. Identifiers of paths that are
/// gone are remembered until every reader of the log has passed their destination: whoever may hold
/// one is told to withdraw it, and to withdraw one too many does no harm.
#[derive(Debug, Default)]
pub(crate) struct PathIds {
    dests: HashMap<DestId, SmallVec<[Known; 2]>>,
    last: u32,
    is_on: bool,
}

impl PathIds {
    /// Whether some group sends several paths to a destination.
    pub(crate) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Notes whether some group sends several paths.
    pub(crate) fn set_on(&mut self, is_on: bool) {
        self.is_on = is_on;
        if !is_on {
            self.dests = HashMap::new();
        }
    }

    /// The identifier of a path of `peer`, given out when first asked for.
    pub(crate) fn id_of(&mut self, dest: DestId, peer: PeerId, path: &Path) -> PathId {
        let (slot, received) = (path.source(), path.path_id());
        let known = self.dests.entry(dest).or_default();
        let same =
            |known: &&Known| (known.slot, known.peer, known.received) == (slot, peer, received);
        if let Some(known) = known.iter().find(same) {
            return known.sent;
        }
        let sent = loop {
            self.last = self.last.wrapping_add(1);
            // Some speakers take zero for "none".
            let taken = |known: &Known| known.sent.0 == self.last;
            if self.last != 0 && !known.iter().any(taken) {
                break PathId(self.last);
            }
        };
        known.push(Known {
            slot,
            peer,
            received,
            sent,
        });
        sent
    }

    /// All identifiers under which a reader may know a path to a destination.
    pub(crate) fn known(&self, dest: DestId) -> impl Iterator<Item = PathId> {
        let known = self.dests.get(&dest).map_or(&[][..], |known| known);
        known.iter().map(|known| known.sent)
    }

    /// Forgets the identifiers of paths that are gone: every reader has passed the destination.
    pub(crate) fn passed(&mut self, dest: DestId, paths: &[Path]) {
        let Some(known) = self.dests.get_mut(&dest) else {
            return;
        };
        known.retain(|known| paths.iter().any(|path| path.is(known.slot, known.received)));
        if known.is_empty() {
            self.dests.remove(&dest);
        }
    }

    /// The number of destinations with identifiers.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.dests.len()
    }
}
