//! From the hash of a prefix to the number of its destination.
//!
//! Growing a hash table stops everything until all is moved, and doubles it. So there are many tables
//! of different sizes, which grow one after the other: each step is a few thousand destinations, and
//! what is reserved follows what is needed. 1 M destinations take 7 to 8 octets each.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::table::DestId;
use crate::net::PrefixKey;

/// The hash of a prefix in one index. It is seeded, so that nobody can choose prefixes that meet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PrefixHash(u64);

/// All destinations by the hashes of their prefixes.
#[derive(Debug)]
pub(crate) struct Index {
    hasher: DefaultHashBuilder,
    parts: Vec<HashTable<u32>>,
    len: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            parts: (0..PARTS).map(|_| HashTable::new()).collect(),
            len: 0,
        }
    }
}

impl Index {
    /// The hash of a prefix.
    #[inline]
    pub(crate) fn hash<P: PrefixKey>(&self, prefix: P) -> PrefixHash {
        PrefixHash(self.hasher.hash_one(prefix))
    }

    /// The destination of a prefix with this hash; `is` tells whether it is that one.
    #[inline]
    pub(crate) fn find(&self, hash: PrefixHash, is: impl Fn(DestId) -> bool) -> Option<DestId> {
        let part = &self.parts[part_of(hash)];
        part.find(hash.0, |id| is(DestId(*id)))
            .map(|id| DestId(*id))
    }

    /// Adds a destination that is not there; `prefix_of` tells the prefixes of all that are.
    pub(crate) fn insert<P: PrefixKey>(
        &mut self,
        hash: PrefixHash,
        id: DestId,
        prefix_of: impl Fn(DestId) -> P,
    ) {
        let hasher = &self.hasher;
        self.parts[part_of(hash)]
            .insert_unique(hash.0, id.0, |id| hasher.hash_one(prefix_of(DestId(*id))));
        self.len += 1;
    }

    /// Removes a destination whose prefix has this hash.
    pub(crate) fn remove(&mut self, hash: PrefixHash, id: DestId) {
        let part = &mut self.parts[part_of(hash)];
        if let Ok(entry) = part.find_entry(hash.0, |known| *known == id.0) {
            entry.remove();
            self.len -= 1;
        }
        if part.is_empty() {
            *part = HashTable::new();
        }
    }

    /// The number of destinations.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }
}

/// The part in which destinations with a hash are.
#[inline]
const fn part_of(hash: PrefixHash) -> usize {
    // Neither the lowest bits nor the highest: tables use those.
    PART_OF[(hash.0 >> 40 & 0xff) as usize] as usize
}

const PARTS: usize = 32;

/// How hashes are shared out: the largest part has about twice as many as the smallest.
static PART_OF: [u8; 256] = {
    let mut parts = [0; 256];
    let (mut part, mut at) = (0u8, 0);
    while (part as usize) < PARTS {
        let mut share = 5 + (6 * part as usize + 18) / PARTS;
        while share > 0 && at < parts.len() {
            parts[at] = part;
            at += 1;
            share -= 1;
        }
        part += 1;
    }
    parts
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_different_sizes_and_all_in_use() {
        let mut shares = [0; PARTS];
        PART_OF
            .iter()
            .for_each(|part| shares[usize::from(*part)] += 1);
        let (least, most) = (shares.iter().min(), shares.iter().max());
        assert_eq!((least, most), (Some(&5), Some(&11)));
    }
}
