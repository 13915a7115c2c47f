//! Destinations: a hash index of numbers into a chunked slab, so that growing copies only numbers.

use super::command::Version;
use super::dest_set::DestSet;
use super::index::Index;
use super::path::Path;
use super::paths::Paths;
use crate::net::AddressFamily;

pub(crate) use super::index::PrefixHash;

/// The number of a destination; reused once nothing refers to it any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DestId(pub(crate) u32);

impl DestId {
    /// The number after this one.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A prefix and the paths to it: 32 octets with one path inline (IPv4).
#[derive(Debug)]
pub(crate) struct Destination<A: AddressFamily> {
    /// The version of the last change of the selection; zero before the first. Of a number that is not
    /// in use, the place in the chunk that is free after it.
    pub(crate) version: Version,
    /// The paths: the best first, then those that share its load, then the rest in no order.
    pub(crate) paths: Paths,
    /// The prefix.
    pub(crate) prefix: A::Prefix,
    /// How many of `paths` are selected: the best one and those that share its load.
    pub(crate) selected: u8,
    /// Whether readers of the log stay with what they were told: what they know was replaced by a
    /// path that waits for its next hop. The next change that does not wait is logged, whatever it is.
    pub(crate) held: bool,
    state: u8,
}

impl<A: AddressFamily> Destination<A> {
    const IN_USE: u8 = 1;
    const MAY_HAVE_MED: u8 = 2;

    fn new(prefix: A::Prefix) -> Self {
        Self {
            version: Version(0),
            paths: Paths::default(),
            prefix,
            selected: 0,
            held: false,
            state: Self::IN_USE,
        }
    }

    /// Whether the number is in use, be it as a tombstone without paths.
    const fn is_in_use(&self) -> bool {
        self.state & Self::IN_USE != 0
    }

    /// Whether a path that can be selected may have a MED, which is not zero.
    pub(crate) const fn may_have_med(&self) -> bool {
        self.state & Self::MAY_HAVE_MED != 0
    }

    /// Notes the same.
    pub(crate) const fn set_may_have_med(&mut self, may: bool) {
        self.state &= !Self::MAY_HAVE_MED;
        if may {
            self.state |= Self::MAY_HAVE_MED;
        }
    }

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
    index: Index,
    slab: Slab<A>,
}

impl<A: AddressFamily> Default for Table<A> {
    fn default() -> Self {
        Self {
            index: Index::default(),
            slab: Slab::default(),
        }
    }
}

impl<A: AddressFamily> Table<A> {
    /// The destination of a prefix, made if there is none.
    pub(crate) fn entry(&mut self, prefix: A::Prefix, hash: PrefixHash) -> DestId {
        if let Some(id) = self.find_hashed(prefix, hash) {
            return id;
        }
        let id = self.slab.take(Destination::new(prefix));
        let slab = &self.slab;
        self.index.insert(hash, id, |id| slab.get(id).prefix);
        id
    }

    /// The destination of a prefix, if there is one.
    pub(crate) fn find(&self, prefix: A::Prefix) -> Option<DestId> {
        self.find_hashed(prefix, self.index.hash(prefix))
    }

    /// The same, by a prefix's hash from [`Self::hash`].
    pub(crate) fn find_hashed(&self, prefix: A::Prefix, hash: PrefixHash) -> Option<DestId> {
        self.index
            .find(hash, |id| self.slab.get(id).prefix == prefix)
    }

    /// The hash of a prefix in this table.
    pub(crate) fn hash(&self, prefix: A::Prefix) -> PrefixHash {
        self.index.hash(prefix)
    }

    /// The destination of a number that was given out.
    pub(crate) fn get(&self, id: DestId) -> &Destination<A> {
        self.slab.get(id)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, id: DestId) -> &mut Destination<A> {
        self.slab.get_mut(id)
    }

    /// The destination of a number if that is in use.
    pub(crate) fn live(&self, id: DestId) -> Option<&Destination<A>> {
        let (chunk, at) = place(id);
        let destination = self.slab.chunks.get(chunk)?.slots.get(at)?;
        destination.is_in_use().then_some(destination)
    }

    /// Gives up a number; the destination has no paths and no reader cares for it.
    pub(crate) fn free(&mut self, id: DestId) {
        let destination = self.get(id);
        debug_assert!(destination.is_in_use() && destination.paths.is_empty());
        let hash = self.index.hash(destination.prefix);
        self.index.remove(hash, id);
        self.slab.give_back(id);
    }

    /// All destinations, tombstones included.
    pub(crate) fn destinations(&self) -> DestSet {
        let mut all = DestSet::default();
        for id in (0..self.end().0).map(DestId) {
            if self.live(id).is_some() {
                all.insert(id);
            }
        }
        all
    }

    /// One past the largest number in use.
    pub(crate) fn end(&self) -> DestId {
        let last = self.slab.chunks.last().map_or(0, |last| last.slots.len());
        number(self.slab.chunks.len().saturating_sub(1), last)
    }

    /// The number of destinations, tombstones included.
    pub(crate) const fn len(&self) -> usize {
        self.index.len()
    }
}

/// Destinations by number. A chunk in which none is in use has no memory.
#[derive(Debug)]
struct Slab<A: AddressFamily> {
    chunks: Vec<Chunk<A>>,
    /// Chunks with a free place, each once; some may be gone from the end of `chunks`.
    open: Vec<usize>,
}

#[derive(Debug)]
struct Chunk<A: AddressFamily> {
    slots: Vec<Destination<A>>,
    used: usize,
    /// The first free place below the end of `slots`; each names the next in its version.
    free: Option<usize>,
    is_open: bool,
}

impl<A: AddressFamily> Default for Slab<A> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            open: Vec::new(),
        }
    }
}

impl<A: AddressFamily> Slab<A> {
    fn get(&self, id: DestId) -> &Destination<A> {
        let (chunk, at) = place(id);
        &self.chunks[chunk].slots[at]
    }

    fn get_mut(&mut self, id: DestId) -> &mut Destination<A> {
        let (chunk, at) = place(id);
        &mut self.chunks[chunk].slots[at]
    }

    /// Gives a destination a number.
    fn take(&mut self, destination: Destination<A>) -> DestId {
        let at = self.open_chunk();
        let chunk = &mut self.chunks[at];
        let place = match chunk.free {
            Some(place) => {
                let next = usize::try_from(chunk.slots[place].version.0);
                chunk.free = next.ok().filter(|next| *next < CHUNK);
                chunk.slots[place] = destination;
                place
            }
            None => {
                if chunk.slots.is_empty() {
                    chunk.slots.reserve_exact(CHUNK);
                }
                chunk.slots.push(destination);
                chunk.slots.len() - 1
            }
        };
        chunk.used += 1;
        if chunk.used == CHUNK {
            chunk.is_open = false;
            self.open.pop();
        }
        number(at, place)
    }

    /// A chunk with a free place, which is the last one of `open`.
    fn open_chunk(&mut self) -> usize {
        while let Some(last) = self.open.last() {
            if *last < self.chunks.len() {
                return *last;
            }
            self.open.pop();
        }
        self.chunks.push(Chunk {
            slots: Vec::new(),
            used: 0,
            free: None,
            is_open: true,
        });
        self.open.push(self.chunks.len() - 1);
        self.chunks.len() - 1
    }

    fn give_back(&mut self, id: DestId) {
        let (at, place) = place(id);
        let chunk = &mut self.chunks[at];
        let destination = &mut chunk.slots[place];
        destination.state = 0;
        destination.version = Version(chunk.free.unwrap_or(CHUNK) as u64);
        chunk.free = Some(place);
        chunk.used -= 1;
        if chunk.used == 0 {
            (chunk.slots, chunk.free) = (Vec::new(), None);
        }
        if !chunk.is_open {
            chunk.is_open = true;
            self.open.push(at);
        }
        if self.chunks.last().is_some_and(|last| last.used == 0) {
            self.shorten();
        }
    }

    /// Forgets empty chunks at the end.
    fn shorten(&mut self) {
        while self.chunks.last().is_some_and(|last| last.used == 0) {
            self.chunks.pop();
        }
        if self.chunks.is_empty() {
            *self = Self::default();
        } else {
            let count = self.chunks.len();
            self.open.retain(|open| *open < count);
        }
    }
}

const fn place(id: DestId) -> (usize, usize) {
    (id.0 as usize / CHUNK, id.0 as usize % CHUNK)
}

fn number(chunk: usize, at: usize) -> DestId {
    DestId(u32::try_from(chunk * CHUNK + at).expect("fewer than 2^32 destinations"))
}

/// Destinations per chunk of the slab: 64 KiB of IPv4.
const CHUNK: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Ipv4, Ipv4Prefix, Ipv6};

    fn prefix(n: u32) -> Ipv4Prefix {
        Ipv4Prefix::new((n << 8).into(), 24).expect("24 is in range")
    }

    fn entry(table: &mut Table<Ipv4>, n: u32) -> DestId {
        let hash = table.hash(prefix(n));
        table.entry(prefix(n), hash)
    }

    #[test]
    fn a_destination_is_as_small_as_documented() {
        assert_eq!(size_of::<Destination<Ipv4>>(), 32);
        assert_eq!(size_of::<Destination<Ipv6>>(), 48);
    }

    #[test]
    fn numbers_are_stable_and_reused_after_release() {
        let mut table = Table::<Ipv4>::default();
        let ids: Vec<_> = (0..5000).map(|n| entry(&mut table, n)).collect();
        assert_eq!(table.len(), 5000);
        for (n, id) in (0..).zip(&ids) {
            assert_eq!(table.find(prefix(n)), Some(*id));
            assert_eq!(table.get(*id).prefix, prefix(n));
        }
        table.free(ids[17]);
        assert_eq!(table.find(prefix(17)), None);
        assert!(table.live(ids[17]).is_none());
        assert_eq!(entry(&mut table, 90_000), ids[17]);
    }

    #[test]
    fn an_emptied_table_holds_no_memory() {
        let mut table = Table::<Ipv4>::default();
        let ids: Vec<_> = (0..5000).map(|n| entry(&mut table, n)).collect();
        ids.into_iter().for_each(|id| table.free(id));
        let slab = &table.slab;
        assert_eq!((table.len(), table.end()), (0, DestId(0)));
        assert_eq!((slab.chunks.capacity(), slab.open.capacity()), (0, 0));
    }

    #[test]
    fn chunks_without_a_destination_hold_no_memory() {
        const COUNT: u32 = 4 * 2048;
        assert_eq!(COUNT as usize, 4 * CHUNK);
        let mut table = Table::<Ipv4>::default();
        let ids: Vec<_> = (0..COUNT).map(|n| entry(&mut table, n)).collect();
        let (kept, last) = (ids[5], ids[2 * CHUNK]);
        let others = ids.iter().filter(|id| ![kept, last].contains(id));
        others.for_each(|id| table.free(*id));
        let capacity = |chunk: usize| table.slab.chunks[chunk].slots.capacity();
        assert_eq!((capacity(0), capacity(1), capacity(2)), (CHUNK, 0, CHUNK));
        assert_eq!(table.slab.chunks.len(), 3);
        let again: Vec<_> = (0..COUNT).map(|n| entry(&mut table, n)).collect();
        assert_eq!((again[5], again[2 * CHUNK]), (kept, last));
        assert_eq!(table.slab.chunks.len(), 4);
    }
}
