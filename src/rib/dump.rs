//! What one member is told of destinations, less what it knows.

use smallvec::SmallVec;

use super::adj_rib_out::{Advertised, AdvertisedPaths};
use super::chunk::{Barred, Batch};
use super::known::KnownPaths;
use super::loc_rib::LocRib;
use super::member::{Progress, STEPS_MAX};
use super::table::DestId;
use super::update_group::Group;
use crate::net::{AddressFamily, PathId, PeerId};
use crate::wire::Nlri;

impl<A: AddressFamily> LocRib<A> {
    /// Walks on through the Adj-RIB-Out; says whether the end was reached.
    pub(super) fn dump(
        &self,
        group: &Group,
        peer: PeerId,
        batch: &mut Batch<A>,
        progress: &mut Progress,
    ) -> bool {
        let Progress::Dumping {
            next,
            after,
            known,
            everything,
        } = progress
        else {
            return true;
        };
        for _ in 0..STEPS_MAX {
            let dest = *next;
            if dest >= self.table.end() {
                return true;
            }
            if let Some(destination) = self.table.live(dest) {
                let prefix = destination.prefix;
                let said = match known.of(dest) {
                    KnownPaths::Exactly(known) if !*everything => {
                        // What has changed meanwhile is met in the log, and so is what is held back
                        // once it is not.
                        destination.version > *after
                            || destination.held
                            || self.say_difference(group, peer, batch, (dest, prefix), known)
                    }
                    KnownPaths::Nothing => self.say(group, peer, batch, (dest, prefix), false),
                    KnownPaths::Perhaps | KnownPaths::Exactly(_) => {
                        self.say(group, peer, batch, (dest, prefix), true)
                    }
                };
                if !said {
                    return false;
                }
            }
            *next = dest.next();
        }
        false
    }

    /// Adds what a member is told of a destination, and withdrawals of what else it `may_know` of it;
    /// says whether there was room.
    pub(super) fn say(
        &self,
        group: &Group,
        peer: PeerId,
        batch: &mut Batch<A>,
        (dest, prefix): (DestId, A::Prefix),
        may_know: bool,
    ) -> bool {
        let told = group.told_to(dest, peer);
        let mut gone = SmallVec::<[PathId; 1]>::new();
        if may_know {
            let paths = &self.table.get(dest).paths;
            gone = group.unsaid(&self.path_ids, dest, paths, &told);
        }
        put(batch, prefix, &gone, &told)
    }

    /// The same where the member is known to know just these paths and perhaps its own: what it is not
    /// told yet, and withdrawals of what it is not told any more.
    pub(super) fn say_difference(
        &self,
        group: &Group,
        peer: PeerId,
        batch: &mut Batch<A>,
        (dest, prefix): (DestId, A::Prefix),
        mut known: AdvertisedPaths,
    ) -> bool {
        known.retain(|path| path.source != peer);
        if known.iter().any(|path| group.led_to(path) == Some(peer)) {
            // The other group may have seen it otherwise.
            return self.say(group, peer, batch, (dest, prefix), true);
        }
        let mut told = group.told_to(dest, peer);
        let is_told = |id: PathId| told.iter().any(|path| path.path_id == id);
        let gone: SmallVec<[PathId; 1]> = known
            .iter()
            .map(|path| path.path_id)
            .filter(|id| !is_told(*id))
            .collect();
        told.retain(|path| {
            let mut same = known.iter().filter(|known| known.path_id == path.path_id);
            !same.any(|known| known.is_same_as(path))
        });
        put(batch, prefix, &gone, &told)
    }
}

/// Adds withdrawals and announcements of a destination; says whether there was room.
fn put<A: AddressFamily>(
    batch: &mut Batch<A>,
    prefix: A::Prefix,
    gone: &[PathId],
    told: &[Advertised],
) -> bool {
    if told.is_empty() && gone.is_empty() {
        return true;
    }
    if !batch.has_room_for(told, gone.len()) {
        return false;
    }
    for path_id in gone.iter().copied() {
        batch.withdraw(Nlri { prefix, path_id });
    }
    for path in told {
        let path_id = path.path_id;
        batch.announce(Nlri { prefix, path_id }, &path.attributes, &Barred::new());
    }
    true
}
