//! Destinations: a hash index of numbers into a chunked slab, so that growing copies only numbers.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use smallvec::SmallVec;

use super::command::Version;
use super::dest_set::DestSet;
use super::path::Path;
use crate::net::AddressFamily;

/// The number of a destination; reused once nothing refers to it any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DestId(pub(crate) u32);

impl DestId {
    /// The number after this one.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A prefix and the paths to it: 56 octets with one path inline (IPv4).
#[derive(Debug)]
pub(crate) struct Destination<A: AddressFamily> {
    /// The prefix.
    pub(crate) prefix: A::Prefix,
    /// The version of the last change of the selection; zero before the first.
    pub(crate) version: Version,
    /// The paths: the best first, then those that share its load, then the rest in no order.
    pub(crate) paths: SmallVec<[Path; 1]>,
    /// How many of `paths` are selected: the best one and those that share its load.
    pub(crate) selected: u8,
    /// Whether readers of the log stay with what they were told: what they know was replaced by a
    /// path that waits for its next hop. The next change that does not wait is logged, whatever it is.
    pub(crate) held: bool,
    /// Whether the number is in use, be it as a tombstone without paths.
    in_use: bool,
}

impl<A: AddressFamily> Destination<A> {
    /// The selected paths, the best first.
    pub(crate) fn selected(&self) -> &[Path] {
        &self.paths[..usize::from(self.selected)]
    }

    /// Whether a path waits for its next hop, and nothing else could be selected.
    pub(crate) fn waits(&self) -> bool {
        self.selected == 0 && self.paths.iter().any(Path::waits)
    }

    /// The best path.
    pub(crate) fn best(&self) -> Option<&Path> {
        self.selected().first()
    }
}

/// All destinations of one family.
#[derive(Debug)]
pub(crate) struct Table<A: AddressFamily> {
    hasher: DefaultHashBuilder,
    index: HashTable<u32>,
    chunks: Vec<Vec<Destination<A>>>,
    free: Vec<DestId>,
    end: u32,
}

impl<A: AddressFamily> Default for Table<A> {
    fn default() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            index: HashTable::new(),
            chunks: Vec::new(),
            free: Vec::new(),
            end: 0,
        }
    }
}

impl<A: AddressFamily> Table<A> {
    /// The destination of a prefix, made if there is none.
    pub(crate) fn entry(&mut self, prefix: A::Prefix) -> DestId {
        let hash = self.hasher.hash_one(prefix);
        if let Some(id) = self.find_hashed(hash, prefix) {
            return id;
        }
        let destination = Destination {
            prefix,
            version: Version(0),
            paths: SmallVec::new(),
            selected: 0,
            held: false,
            in_use: true,
        };
        let id = match self.free.pop() {
            Some(id) => {
                *self.get_mut(id) = destination;
                id
            }
            None => self.push(destination),
        };
        let (chunks, hasher) = (&self.chunks, &self.hasher);
        self.index.insert_unique(hash, id.0, |id| {
            hasher.hash_one(at(chunks, DestId(*id)).prefix)
        });
        id
    }

    /// The destination of a prefix, if there is one.
    pub(crate) fn find(&self, prefix: A::Prefix) -> Option<DestId> {
        self.find_hashed(self.hasher.hash_one(prefix), prefix)
    }

    fn find_hashed(&self, hash: u64, prefix: A::Prefix) -> Option<DestId> {
        self.index
            .find(hash, |id| at(&self.chunks, DestId(*id)).prefix == prefix)
            .map(|id| DestId(*id))
    }

    fn push(&mut self, destination: Destination<A>) -> DestId {
        let id = DestId(self.end);
        if (self.end as usize).is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks
            .last_mut()
            .expect("a chunk was pushed at every multiple")
            .push(destination);
        self.end = self
            .end
            .checked_add(1)
            .expect("fewer than 2^32 destinations");
        id
    }

    /// The destination of a number that was given out.
    pub(crate) fn get(&self, id: DestId) -> &Destination<A> {
        at(&self.chunks, id)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, id: DestId) -> &mut Destination<A> {
        &mut self.chunks[id.0 as usize / CHUNK][id.0 as usize % CHUNK]
    }

    /// The destination of a number if that is in use.
    pub(crate) fn live(&self, id: DestId) -> Option<&Destination<A>> {
        (id.0 < self.end)
            .then(|| self.get(id))
            .filter(|destination| destination.in_use)
    }

    /// Gives up a number; the destination has no paths and no reader cares for it.
    pub(crate) fn free(&mut self, id: DestId) {
        let destination = self.get_mut(id);
        debug_assert!(destination.in_use && destination.paths.is_empty());
        destination.in_use = false;
        let hash = self.hasher.hash_one(self.get(id).prefix);
        if let Ok(entry) = self.index.find_entry(hash, |known| *known == id.0) {
            entry.remove();
        }
        self.free.push(id);
        if self.index.is_empty() {
            // Nothing is left to be numbered: the memory of the largest table goes back.
            self.index = HashTable::new();
            self.chunks = Vec::new();
            self.free = Vec::new();
            self.end = 0;
        }
    }

    /// All destinations, tombstones included.
    pub(crate) fn destinations(&self) -> DestSet {
        let mut all = DestSet::default();
        for id in (0..self.end).map(DestId) {
            if self.live(id).is_some() {
                all.insert(id);
            }
        }
        all
    }

    /// One past the largest number ever in use.
    pub(crate) const fn end(&self) -> DestId {
        DestId(self.end)
    }

    /// The number of destinations, tombstones included.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }
}

fn at<A: AddressFamily>(chunks: &[Vec<Destination<A>>], id: DestId) -> &Destination<A> {
    &chunks[id.0 as usize / CHUNK][id.0 as usize % CHUNK]
}

/// Destinations per chunk of the slab: 56 KiB of IPv4.
const CHUNK: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Ipv4, Ipv4Prefix, Ipv6};

    fn prefix(n: u32) -> Ipv4Prefix {
        Ipv4Prefix::new((n << 8).into(), 24).expect("24 is in range")
    }

    #[test]
    fn a_destination_is_as_small_as_documented() {
        assert_eq!(size_of::<Destination<Ipv4>>(), 56);
        assert_eq!(size_of::<Destination<Ipv6>>(), 64);
    }

    #[test]
    fn numbers_are_stable_and_reused_after_release() {
        let mut table = Table::<Ipv4>::default();
        let ids: Vec<_> = (0..5000).map(|n| table.entry(prefix(n))).collect();
        assert_eq!(table.len(), 5000);
        for (n, id) in (0..).zip(&ids) {
            assert_eq!(table.find(prefix(n)), Some(*id));
            assert_eq!(table.get(*id).prefix, prefix(n));
        }
        table.free(ids[17]);
        assert_eq!(table.find(prefix(17)), None);
        assert!(table.live(ids[17]).is_none());
        assert_eq!(table.entry(prefix(90_000)), ids[17]);
    }

    #[test]
    fn an_emptied_table_holds_no_memory() {
        let mut table = Table::<Ipv4>::default();
        let ids: Vec<_> = (0..5000).map(|n| table.entry(prefix(n))).collect();
        ids.into_iter().for_each(|id| table.free(id));
        assert_eq!(
            (table.len(), table.end(), table.chunks.capacity()),
            (0, DestId(0), 0)
        );
    }
}
