//! What a group has been told: for each destination the attributes as last sent, and whose route it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dest_set::DestSet;
use super::table::DestId;
use crate::net::PeerId;
use crate::wire::PathAttributes;

/// Destinations per block; a block is 6 KiB.
const BLOCK: usize = 512;

struct Block {
    attributes: [Option<Arc<PathAttributes>>; BLOCK],
    sources: [PeerId; BLOCK],
    used: usize,
}

/// One advertised route.
#[derive(Clone, Debug)]
pub(crate) struct Advertised {
    /// The attributes as sent; interned, so that equal content is one pointer.
    pub(crate) attributes: Arc<PathAttributes>,
    /// Whose route it is; that peer is not told.
    pub(crate) source: PeerId,
}

impl Advertised {
    /// Whether two states are sent in the same bytes.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.attributes, &other.attributes)
    }
}

/// The Adj-RIB-Out of a group: 12 octets per destination, whatever the number of members.
#[derive(Default)]
pub(crate) struct AdjRibOut {
    blocks: Vec<Option<Box<Block>>>,
    by_source: BTreeMap<PeerId, u64>,
    len: u64,
}

impl AdjRibOut {
    /// What was last advertised for a destination.
    pub(crate) fn get(&self, dest: DestId) -> Option<Advertised> {
        let block = self.blocks.get(dest.0 as usize / BLOCK)?.as_ref()?;
        let at = dest.0 as usize % BLOCK;
        block.attributes[at].as_ref().map(|attributes| Advertised {
            attributes: Arc::clone(attributes),
            source: block.sources[at],
        })
    }

    /// Records what is advertised from here on, and returns what was before.
    pub(crate) fn set(&mut self, dest: DestId, new: Option<Advertised>) -> Option<Advertised> {
        let source = new.as_ref().map(|new| new.source);
        let old = self.replace(dest, new);
        let old_source = old.as_ref().map(|old| old.source);
        if source != old_source {
            self.count(old_source, source);
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

    fn replace(&mut self, dest: DestId, new: Option<Advertised>) -> Option<Advertised> {
        let (number, at) = (dest.0 as usize / BLOCK, dest.0 as usize % BLOCK);
        if number >= self.blocks.len() {
            new.as_ref()?;
            self.blocks.resize_with(number + 1, || None);
        }
        if self.blocks[number].is_none() {
            new.as_ref()?;
            self.blocks[number] = Some(Box::new(Block {
                attributes: [const { None }; BLOCK],
                sources: [PeerId::LOCAL; BLOCK],
                used: 0,
            }));
        }
        let slot = &mut self.blocks[number];
        let block = slot.as_mut().expect("it was made above");
        let old = block.attributes[at].take().map(|attributes| Advertised {
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

    /// How many destinations are advertised.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// How many of them a peer is told: all but its own.
    pub(crate) fn told_to(&self, peer: PeerId) -> u64 {
        self.len - self.by_source.get(&peer).copied().unwrap_or(0)
    }
}
