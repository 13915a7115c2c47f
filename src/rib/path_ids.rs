//! The identifiers under which paths are sent where ADD-PATH was agreed (RFC 7911 §3).

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::path::Path;
use super::peers::PeerSlot;
use super::table::DestId;
use crate::net::PathId;

/// The identifiers of one family, the same in every group.
///
/// A path's identifier follows from its source and the identifier that it came with, so it stays the
/// same while the path lives, also where a peer moves to another group, and takes no memory. Should two
/// paths to one destination come to the same, the later one is given another, which is remembered.
///
/// Identifiers of paths that are gone are remembered until every reader of the log has passed their
/// destination: whoever may hold one is told to withdraw it, and to withdraw one too many does no harm.
/// A new path may take one over before, which to a reader is a replacement like any other.
#[derive(Debug, Default)]
pub(crate) struct PathIds {
    given: HashMap<DestId, SmallVec<[Given; 1]>>,
    gone: HashMap<DestId, SmallVec<[PathId; 2]>>,
    is_on: bool,
}

/// A path whose identifier does not follow from what it is.
#[derive(Clone, Copy, Debug)]
struct Given {
    slot: PeerSlot,
    received: PathId,
    sent: PathId,
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
            self.gone = HashMap::new();
        }
    }

    /// The identifier of a path that [`Self::added`] knows.
    pub(crate) fn id_of(&self, dest: DestId, path: &Path) -> PathId {
        if !self.given.is_empty()
            && let Some(given) = self.given.get(&dest)
            && let Some(given) = given
                .iter()
                .find(|given| path.is(given.slot, given.received))
        {
            return given.sent;
        }
        derived(path)
    }

    /// Takes note of a path that was added behind the others to a destination.
    pub(crate) fn added(&mut self, dest: DestId, paths: &[Path]) {
        let Some((new, others)) = paths.split_last() else {
            return;
        };
        let taken = |id: PathId| {
            // Some speakers take zero for "none".
            id == PathId(0) || others.iter().any(|path| self.id_of(dest, path) == id)
        };
        let mut sent = derived(new);
        if !taken(sent) {
            return;
        }
        while taken(sent) {
            sent = PathId(sent.0.wrapping_add(1));
        }
        self.given.entry(dest).or_default().push(Given {
            slot: new.source(),
            received: new.path_id(),
            sent,
        });
    }

    /// Takes note of a path that is gone from a destination.
    pub(crate) fn removed(&mut self, dest: DestId, path: &Path) {
        if self.is_on {
            let id = self.id_of(dest, path);
            let gone = self.gone.entry(dest).or_default();
            if !gone.contains(&id) {
                gone.push(id);
            }
        }
        if let Some(given) = self.given.get_mut(&dest) {
            given.retain(|given| !path.is(given.slot, given.received));
            if given.is_empty() {
                self.given.remove(&dest);
            }
        }
    }

    /// All identifiers under which a reader may know a path to a destination that has these paths.
    pub(crate) fn known(&self, dest: DestId, paths: &[Path]) -> impl Iterator<Item = PathId> {
        let gone = self.gone.get(&dest).map_or(&[][..], |gone| gone);
        let live = paths.iter().map(move |path| self.id_of(dest, path));
        live.chain(gone.iter().copied())
    }

    /// Forgets the identifiers of paths that are gone: every reader has passed the destination.
    pub(crate) fn passed(&mut self, dest: DestId) {
        if !self.gone.is_empty() {
            self.gone.remove(&dest);
            if self.gone.is_empty() {
                self.gone = HashMap::new();
            }
        }
    }

    /// The number of destinations with identifiers that are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.given.len() + self.gone.len()
    }
}

/// The identifier that follows from what a path is: small where those that were received are.
fn derived(path: &Path) -> PathId {
    let number = u32::from(path.source().number()) ^ path.path_id().0.rotate_left(16);
    PathId(number.wrapping_add(1))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::rib::path::{Epoch, Imported};
    use crate::wire::{NextHop, PathAttributes};

    const DEST: DestId = DestId(7);

    fn path(slot: u16, received: u32) -> Path {
        let attributes = Arc::new(PathAttributes::originated(NextHop::Local));
        let slot = PeerSlot::from_octets(slot.to_ne_bytes());
        let id = PathId(received);
        Path::new(attributes, Imported::AsReceived, slot, id, Epoch::default())
    }

    /// Numbers of which many come to the same identifier.
    fn identity() -> impl Strategy<Value = (u16, u32)> {
        let slot = prop_oneof![0u16..4, 0xfffcu16..=0xffff];
        let received = prop_oneof![0u32..3, (0u32..4).prop_map(|n| n << 16), Just(0xffff_ffff)];
        (slot, received)
    }

    proptest! {
        #[test]
        fn identifiers_differ_within_a_destination_and_last_as_long_as_their_paths(
            ops in prop::collection::vec((identity(), any::<bool>()), 0..60),
        ) {
            let mut ids = PathIds::default();
            ids.set_on(true);
            let (mut paths, mut model) = (Vec::<Path>::new(), Vec::new());
            for ((slot, received), add) in ops {
                let new = path(slot, received);
                let known = paths.iter().position(|path| path.is(new.source(), new.path_id()));
                match (known, add) {
                    (None, true) => {
                        paths.push(new);
                        ids.added(DEST, &paths);
                        let id = ids.id_of(DEST, &paths[paths.len() - 1]);
                        prop_assert!(id != PathId(0) && !model.contains(&id));
                        model.push(id);
                    }
                    (Some(at), false) => {
                        ids.removed(DEST, &paths.remove(at));
                        let id = model.remove(at);
                        prop_assert!(ids.known(DEST, &paths).any(|known| known == id));
                    }
                    (Some(_), true) | (None, false) => {}
                }
                let found: Vec<_> = paths.iter().map(|path| ids.id_of(DEST, path)).collect();
                prop_assert_eq!(&found, &model);
            }
            paths.drain(..).for_each(|path| ids.removed(DEST, &path));
            ids.passed(DEST);
            prop_assert_eq!(ids.len(), 0);
        }
    }

    #[test]
    fn identifiers_of_plain_sessions_are_small() {
        let ids = PathIds::default();
        assert_eq!(ids.id_of(DEST, &path(0, 0)), PathId(1));
        assert_eq!(ids.id_of(DEST, &path(12, 0)), PathId(13));
    }
}
