//! What a group has been told: for each destination the attributes as last sent, and whose route it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::dest_set::DestSet;
use super::table::DestId;
use crate::net::{PathId, PeerId};
use crate::wire::PathAttributes;

/// Destinations per block; a block is 6 KiB.
const BLOCK: usize = 1 << BLOCK_BITS;
const BLOCK_BITS: u32 = 9;

#[derive(Clone, Debug)]
struct Block {
    attributes: [Option<Arc<PathAttributes>>; BLOCK],
    sources: [PeerId; BLOCK],
    used: usize,
}

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
/// several paths are sent, a list for each destination.
///
/// A clone shares every block until one of the two changes it, so that what was advertised at one
/// time can be kept, or be the beginning of another group, for a pointer per block.
#[derive(Clone, Debug, Default)]
pub(crate) struct AdjRibOut {
    routes: Routes,
    by_source: BTreeMap<PeerId, u64>,
    len: u64,
}

#[derive(Clone, Debug)]
enum Routes {
    Single(Blocks),
    Several(BTreeMap<u32, Arc<Lists>>),
}

/// The lists of one block of destinations.
type Lists = BTreeMap<DestId, Box<[Advertised]>>;

impl Default for Routes {
    fn default() -> Self {
        Self::Single(Blocks::default())
    }
}

impl AdjRibOut {
    /// An empty one, for one path to each destination or for several.
    pub(crate) fn new(several: bool) -> Self {
        let routes = if several {
            Routes::Several(BTreeMap::new())
        } else {
            Routes::default()
        };
        Self {
            routes,
            ..Self::default()
        }
    }

    /// What was last advertised for a destination.
    pub(crate) fn get(&self, dest: DestId) -> AdvertisedPaths {
        match &self.routes {
            Routes::Single(blocks) => blocks.get(dest).into_iter().collect(),
            Routes::Several(blocks) => {
                let lists = blocks.get(&block_of(dest));
                let list = lists.and_then(|lists| lists.get(&dest));
                list.map_or(&[][..], |list| list).iter().cloned().collect()
            }
        }
    }

    /// Records what is advertised from here on, and returns what was before.
    pub(crate) fn set(&mut self, dest: DestId, new: AdvertisedPaths) -> AdvertisedPaths {
        let gained: SmallVec<[PeerId; 1]> = new.iter().map(|new| new.source).collect();
        let old: AdvertisedPaths = match &mut self.routes {
            Routes::Single(blocks) => {
                debug_assert!(new.len() < 2, "without ADD-PATH there is one path");
                blocks
                    .replace(dest, new.into_iter().next())
                    .into_iter()
                    .collect()
            }
            Routes::Several(blocks) => {
                let old = replace_list(blocks, dest, new.into_vec());
                old.map(Vec::from).unwrap_or_default().into()
            }
        };
        let lost = old.iter().map(|old| old.source);
        if !lost.clone().eq(gained.iter().copied()) {
            lost.for_each(|source| self.count(Some(source), None));
            gained
                .iter()
                .for_each(|source| self.count(None, Some(*source)));
        }
        old
    }

    fn count(&mut self, lost: Option<PeerId>, gained: Option<PeerId>) {
        if let Some(source) = lost {
            self.len -= 1;
            if let Some(count) = self.by_source.get_mut(&source) {
                *count -= 1;
                if *count == 0 {
                    self.by_source.remove(&source);
                }
            }
        }
        if let Some(source) = gained {
            self.len += 1;
            *self.by_source.entry(source).or_default() += 1;
        }
    }

    /// The destinations advertised.
    pub(crate) fn destinations(&self) -> DestSet {
        let mut set = DestSet::default();
        match &self.routes {
            Routes::Single(blocks) => blocks.add_to(&mut set),
            Routes::Several(blocks) => {
                for dest in blocks.values().flat_map(|lists| lists.keys()) {
                    set.insert(*dest);
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

const fn block_of(dest: DestId) -> u32 {
    dest.0 >> BLOCK_BITS
}

fn replace_list(
    blocks: &mut BTreeMap<u32, Arc<Lists>>,
    dest: DestId,
    new: Vec<Advertised>,
) -> Option<Box<[Advertised]>> {
    let number = block_of(dest);
    if !new.is_empty() {
        let lists = Arc::make_mut(blocks.entry(number).or_default());
        return lists.insert(dest, new.into());
    }
    let lists = blocks.get_mut(&number)?;
    if !lists.contains_key(&dest) {
        return None;
    }
    let lists = Arc::make_mut(lists);
    let old = lists.remove(&dest);
    if lists.is_empty() {
        blocks.remove(&number);
    }
    old
}

/// One route for each destination, in blocks that exist where there is one.
#[derive(Clone, Debug, Default)]
struct Blocks(Vec<Option<Arc<Block>>>);

impl Blocks {
    fn get(&self, dest: DestId) -> Option<Advertised> {
        let block = self.0.get(dest.0 as usize / BLOCK)?.as_ref()?;
        let at = dest.0 as usize % BLOCK;
        block.attributes[at].as_ref().map(|attributes| Advertised {
            path_id: ONLY_PATH,
            attributes: Arc::clone(attributes),
            source: block.sources[at],
        })
    }

    fn replace(&mut self, dest: DestId, new: Option<Advertised>) -> Option<Advertised> {
        let (number, at) = (dest.0 as usize / BLOCK, dest.0 as usize % BLOCK);
        if number >= self.0.len() {
            new.as_ref()?;
            self.0.resize_with(number + 1, || None);
        }
        if self.0[number].is_none() {
            new.as_ref()?;
            self.0[number] = Some(Arc::new(Block {
                attributes: [const { None }; BLOCK],
                sources: [PeerId::LOCAL; BLOCK],
                used: 0,
            }));
        }
        let slot = &mut self.0[number];
        let block = slot.as_mut().expect("it was made above");
        if new.is_none() && block.attributes[at].is_none() {
            return None;
        }
        let block = Arc::make_mut(block);
        let old = block.attributes[at].take().map(|attributes| Advertised {
            path_id: ONLY_PATH,
            attributes,
            source: block.sources[at],
        });
        block.used -= usize::from(old.is_some());
        if let Some(new) = new {
            block.used += 1;
            block.attributes[at] = Some(new.attributes);
            block.sources[at] = new.source;
        } else if block.used == 0 {
            *slot = None;
        }
        old
    }

    fn add_to(&self, set: &mut DestSet) {
        for (number, block) in self.0.iter().enumerate() {
            let Some(block) = block else { continue };
            for (at, attributes) in block.attributes.iter().enumerate() {
                if attributes.is_some() {
                    let id = u32::try_from(number * BLOCK + at);
                    set.insert(DestId(id.expect("only 32-bit ids were recorded")));
                }
            }
        }
    }
}
