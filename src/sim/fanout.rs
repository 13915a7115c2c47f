//! The publications of a speaker's groups: one short ring each.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::rib::{Chunk, GroupId, ShardId};

/// A group of one shard.
pub(super) type GroupOf = (ShardId, GroupId);

/// What a member finds at its place in a ring.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// The next chunk.
    Chunk(Arc<Chunk>),
    /// Nothing yet.
    Nothing,
    /// The ring has gone on without it.
    Lagged,
}

#[derive(Debug, Default)]
struct Ring {
    first: u64,
    chunks: VecDeque<Arc<Chunk>>,
}

/// All rings of a speaker.
#[derive(Debug)]
pub(super) struct Fanout {
    rings: BTreeMap<GroupOf, Ring>,
    chunks_max: usize,
}

impl Fanout {
    /// Rings of at most `chunks_max` chunks; a small number makes members lag.
    pub(super) const fn new(chunks_max: usize) -> Self {
        Self {
            rings: BTreeMap::new(),
            chunks_max,
        }
    }

    /// Publishes a chunk; the oldest falls out of a full ring.
    pub(super) fn publish(&mut self, group: GroupOf, chunk: Arc<Chunk>) {
        let ring = self.rings.entry(group).or_default();
        ring.chunks.push_back(chunk);
        if ring.chunks.len() > self.chunks_max {
            ring.chunks.pop_front();
            ring.first += 1;
        }
    }

    /// The place of the next publication.
    pub(super) fn next(&self, group: GroupOf) -> u64 {
        self.rings
            .get(&group)
            .map_or(0, |ring| ring.first + ring.chunks.len() as u64)
    }

    /// Looks at a place.
    pub(super) fn find(&self, group: GroupOf, place: u64) -> Found {
        let Some(ring) = self.rings.get(&group) else {
            return Found::Nothing;
        };
        let Some(index) = place.checked_sub(ring.first) else {
            return Found::Lagged;
        };
        usize::try_from(index)
            .ok()
            .and_then(|index| ring.chunks.get(index))
            .map_or(Found::Nothing, |chunk| Found::Chunk(Arc::clone(chunk)))
    }

    /// Forgets a group.
    pub(super) fn forget(&mut self, group: GroupOf) {
        self.rings.remove(&group);
    }
}
