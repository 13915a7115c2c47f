//! What a group has been told: for each destination the attributes as last sent, and whose route it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::dest_set::DestSet;
use super::table::DestId;
use crate::net::{PathId, PeerId};
use crate::wire::PathAttributes;

/// Destinations per block; a block is 6 KiB, or 8 with ADD-PATH.
const BLOCK: usize = 512;

/// One advertised route.
#[derive(Clone, Debug)]
pub(crate) struct Advertised {
    /// The identifier that it is sent under; [`ONLY_PATH`] without ADD-PATH.
    pub(crate) path_id: PathId,
    /// The attributes as sent; interned, so that equal content is one pointer.
    pub(crate) attributes: Arc<PathAttributes>,
    /// Whose route it is; that peer is not told.
    pub(crate) source: PeerId,
}

/// What is advertised of one destination: at most one route without ADD-PATH.
pub(crate) type AdvertisedPaths = SmallVec<[Advertised; 1]>;

/// What stands for the identifier where none is sent.
pub(crate) const ONLY_PATH: PathId = PathId(0);

impl Advertised {
    /// Whether two states are sent in the same bytes.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.attributes, &other.attributes)
    }
}

/// The Adj-RIB-Out of a group: 12 octets per destination, whatever the number of members. Where
/// several paths are sent, 4 more for the identifier of the first, and a list for the others.
///
/// A clone shares every block until one of the two changes it, so that what was advertised at one
/// time can be kept, or be the beginning of another group, for a pointer per block.
#[derive(Clone, Debug, Default)]
pub(crate) struct AdjRibOut {
    blocks: Vec<Option<Arc<Block>>>,
    several: bool,
    by_source: BTreeMap<PeerId, u64>,
    len: u64,
}

/// Successive destinations.
#[derive(Clone, Debug)]
struct Block {
    /// The first path to each.
    attributes: [Option<Arc<PathAttributes>>; BLOCK],
    sources: [PeerId; BLOCK],
    used: usize,
    more: Option<Box<More>>,
}

/// What several paths take besides.
#[derive(Clone, Debug)]
struct More {
    /// The identifiers of the first paths.
    path_ids: [PathId; BLOCK],
    /// The paths after the first.
    others: BTreeMap<u16, Box<[Advertised]>>,
}

impl AdjRibOut {
    /// An empty one, for one path to each destination or for several.
    pub(crate) fn new(several: bool) -> Self {
        Self {
            several,
            ..Self::default()
        }
    }

    /// What was last advertised for a destination.
    pub(crate) fn get(&self, dest: DestId) -> AdvertisedPaths {
        let (number, at) = place(dest);
        let block = self.blocks.get(number).and_then(Option::as_ref);
        block.map_or_else(AdvertisedPaths::new, |block| block.get(at))
    }

    /// Records what is advertised from here on, and returns what was before.
    pub(crate) fn set(&mut self, dest: DestId, new: AdvertisedPaths) -> AdvertisedPaths {
        debug_assert!(self.several || new.len() < 2, "there is one path");
        let (number, at) = place(dest);
        if !new.is_empty() {
            if number >= self.blocks.len() {
                self.blocks.resize_with(number + 1, || None);
            }
            let several = self.several;
            self.blocks[number].get_or_insert_with(|| Arc::new(Block::new(several)));
        }
        let Some(Some(block)) = self.blocks.get_mut(number) else {
            return AdvertisedPaths::new();
        };
        if new.is_empty() && block.attributes[at].is_none() {
            return AdvertisedPaths::new();
        }
        let gained: SmallVec<[PeerId; 1]> = new.iter().map(|new| new.source).collect();
        let block = Arc::make_mut(block);
        let old = block.take(at);
        block.put(at, new);
        if block.used == 0 {
            self.blocks[number] = None;
            while self.blocks.last().is_some_and(Option::is_none) {
                self.blocks.pop();
            }
            if self.blocks.is_empty() {
                self.blocks = Vec::new();
            }
        }
        self.count(&old, &gained);
        old
    }

    fn count(&mut self, lost: &[Advertised], gained: &[PeerId]) {
        let lost = lost.iter().map(|lost| lost.source);
        if lost.clone().eq(gained.iter().copied()) {
            return;
        }
        for source in lost {
            self.len -= 1;
            if let Some(count) = self.by_source.get_mut(&source) {
                *count -= 1;
                if *count == 0 {
                    self.by_source.remove(&source);
                }
            }
        }
        for source in gained {
            self.len += 1;
            *self.by_source.entry(*source).or_default() += 1;
        }
    }

    /// The destinations advertised.
    pub(crate) fn destinations(&self) -> DestSet {
        let mut set = DestSet::default();
        for (number, block) in self.blocks.iter().enumerate() {
            let Some(block) = block else { continue };
            for (at, attributes) in block.attributes.iter().enumerate() {
                if attributes.is_some() {
                    let id = u32::try_from(number * BLOCK + at);
                    set.insert(DestId(id.expect("only 32-bit ids were recorded")));
                }
            }
        }
        set
    }

    /// How many paths are advertised: with one path to each destination, how many destinations.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// How many of them a peer is told: all but its own.
    pub(crate) fn told_to(&self, peer: PeerId) -> u64 {
        self.len - self.by_source.get(&peer).copied().unwrap_or(0)
    }
}

impl Block {
    fn new(several: bool) -> Self {
        let more = || {
            Box::new(More {
                path_ids: [ONLY_PATH; BLOCK],
                others: BTreeMap::new(),
            })
        };
        Self {
            attributes: [const { None }; BLOCK],
            sources: [PeerId::LOCAL; BLOCK],
            used: 0,
            more: several.then(more),
        }
    }

    fn get(&self, at: usize) -> AdvertisedPaths {
        let mut paths = AdvertisedPaths::new();
        let Some(attributes) = &self.attributes[at] else {
            return paths;
        };
        let more = self.more.as_ref();
        paths.push(Advertised {
            path_id: more.map_or(ONLY_PATH, |more| more.path_ids[at]),
            attributes: Arc::clone(attributes),
            source: self.sources[at],
        });
        if let Some(others) = more.and_then(|more| more.others.get(&key(at))) {
            paths.extend(others.iter().cloned());
        }
        paths
    }

    /// Empties a place.
    fn take(&mut self, at: usize) -> AdvertisedPaths {
        let mut paths = AdvertisedPaths::new();
        let Some(attributes) = self.attributes[at].take() else {
            return paths;
        };
        self.used -= 1;
        let more = self.more.as_mut();
        paths.push(Advertised {
            path_id: more.as_ref().map_or(ONLY_PATH, |more| more.path_ids[at]),
            attributes,
            source: self.sources[at],
        });
        if let Some(others) = more.and_then(|more| more.others.remove(&key(at))) {
            paths.extend(Vec::from(others));
        }
        paths
    }

    /// Fills a place that is empty.
    fn put(&mut self, at: usize, paths: AdvertisedPaths) {
        let mut paths = paths.into_iter();
        let Some(first) = paths.next() else { return };
        self.used += 1;
        self.attributes[at] = Some(first.attributes);
        self.sources[at] = first.source;
        if let Some(more) = &mut self.more {
            more.path_ids[at] = first.path_id;
            if paths.len() > 0 {
                more.others.insert(key(at), paths.collect());
            }
        }
    }
}

const fn place(dest: DestId) -> (usize, usize) {
    (dest.0 as usize / BLOCK, dest.0 as usize % BLOCK)
}

fn key(at: usize) -> u16 {
    u16::try_from(at).expect("a block has fewer destinations")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::NextHop;

    fn paths(sources: &[u32]) -> AdvertisedPaths {
        let attributes = Arc::new(PathAttributes::originated(NextHop::Local));
        let advertised = |source: &u32| Advertised {
            path_id: PathId(*source),
            attributes: Arc::clone(&attributes),
            source: PeerId(*source),
        };
        sources.iter().map(advertised).collect()
    }

    fn sources(paths: &AdvertisedPaths) -> Vec<u32> {
        assert!(paths.iter().all(|path| path.path_id.0 == path.source.0));
        paths.iter().map(|path| path.source.0).collect()
    }

    proptest! {
        #[test]
        fn behaves_as_a_map_and_its_clone_stays_as_it_was(
            ops in prop::collection::vec((0u32..1500, prop::collection::vec(1u32..5, 0..4)), 0..80),
            cloned_at in 0usize..80,
        ) {
            let (mut rib, mut model) = (AdjRibOut::new(true), BTreeMap::new());
            let mut earlier = (rib.clone(), model.clone());
            for (step, (dest, told)) in ops.into_iter().enumerate() {
                if step == cloned_at {
                    earlier = (rib.clone(), model.clone());
                }
                let old = rib.set(DestId(dest), paths(&told));
                prop_assert_eq!(sources(&old), model.remove(&dest).unwrap_or_default());
                if !told.is_empty() {
                    model.insert(dest, told);
                }
            }
            for (rib, model) in [(rib, model), earlier] {
                let told: Vec<u32> = model.values().flatten().copied().collect();
                prop_assert_eq!(rib.len(), told.len() as u64);
                let of_others = told.iter().filter(|source| **source != 2).count() as u64;
                prop_assert_eq!(rib.told_to(PeerId(2)), of_others);
                prop_assert_eq!(rib.destinations().len(), model.len());
                for dest in 0..1500 {
                    let known = model.get(&dest).cloned().unwrap_or_default();
                    prop_assert_eq!(sources(&rib.get(DestId(dest))), known);
                }
            }
        }
    }

    #[test]
    fn an_emptied_one_holds_no_memory() {
        let mut rib = AdjRibOut::new(true);
        for dest in 0..3000 {
            rib.set(DestId(dest), paths(&[1, 2]));
        }
        for dest in 0..3000 {
            rib.set(DestId(dest), paths(&[]));
        }
        assert_eq!((rib.blocks.capacity(), rib.len()), (0, 0));
    }
}
