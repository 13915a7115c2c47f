//! A set of destinations as a sparse bitmap: one bit each, in blocks that exist only where needed.

use super::table::DestId;

/// Destinations per block.
const BLOCK: usize = 1024;
const WORDS: usize = BLOCK / 64;

/// A set of [`DestId`]s, iterated in ascending order.
///
/// A full table of 1 M destinations takes 128 KiB + 8 KiB; a node with a few neighbouring blocks takes
/// 128 octets and 8 for every 1,024 destinations below it.
#[derive(Clone, Debug, Default)]
pub(crate) struct DestSet {
    blocks: Vec<Option<Box<[u64; WORDS]>>>,
    len: usize,
}

impl DestSet {
    /// Adds a destination; says whether it is new.
    pub(crate) fn insert(&mut self, dest: DestId) -> bool {
        let (block, word, bit) = place(dest);
        if block >= self.blocks.len() {
            self.blocks.resize_with(block + 1, || None);
        }
        let words = self.blocks[block].get_or_insert_with(|| Box::new([0; WORDS]));
        let new = words[word] & bit == 0;
        words[word] |= bit;
        self.len += usize::from(new);
        new
    }

    /// Removes a destination; says whether it was there.
    pub(crate) fn remove(&mut self, dest: DestId) -> bool {
        let (block, word, bit) = place(dest);
        let Some(slot) = self.blocks.get_mut(block) else {
            return false;
        };
        let Some(words) = slot else {
            return false;
        };
        let was = words[word] & bit != 0;
        words[word] &= !bit;
        if was {
            self.len -= 1;
            if words.iter().all(|word| *word == 0) {
                *slot = None;
            }
            if self.len == 0 {
                self.blocks = Vec::new();
            }
        }
        was
    }

    /// Whether a destination is in the set.
    pub(crate) fn contains(&self, dest: DestId) -> bool {
        let (block, word, bit) = place(dest);
        self.blocks
            .get(block)
            .and_then(Option::as_ref)
            .is_some_and(|words| words[word] & bit != 0)
    }

    /// Adds all of another set.
    pub(crate) fn extend(&mut self, other: &Self) {
        let mut next = other.next_from(DestId(0));
        while let Some(dest) = next {
            self.insert(dest);
            next = other.next_from(dest.next());
        }
    }

    /// The first member at or after a destination.
    pub(crate) fn next_from(&self, from: DestId) -> Option<DestId> {
        let (first, first_word, bit) = place(from);
        for (number, block) in self.blocks.iter().enumerate().skip(first) {
            let Some(words) = block else {
                continue;
            };
            let skip = if number == first { first_word } else { 0 };
            for (index, word) in words.iter().enumerate().skip(skip) {
                let at_start = number == first && index == first_word;
                let word = if at_start { word & !(bit - 1) } else { *word };
                if word != 0 {
                    let id = number * BLOCK + index * 64 + word.trailing_zeros() as usize;
                    return Some(DestId(
                        u32::try_from(id).expect("only 32-bit ids were inserted"),
                    ));
                }
            }
        }
        None
    }

    /// The number of members.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }
}

const fn place(dest: DestId) -> (usize, usize, u64) {
    let id = dest.0 as usize;
    (id / BLOCK, id % BLOCK / 64, 1 << (id % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn members(set: &DestSet) -> Vec<u32> {
        let mut found = Vec::new();
        let mut next = set.next_from(DestId(0));
        while let Some(dest) = next {
            found.push(dest.0);
            next = set.next_from(dest.next());
        }
        found
    }

    proptest! {
        #[test]
        fn behaves_as_an_ordered_set(ops in prop::collection::vec((any::<bool>(), 0u32..5000), 0..300)) {
            let (mut set, mut model) = (DestSet::default(), BTreeSet::new());
            for (insert, id) in ops {
                if insert {
                    prop_assert_eq!(set.insert(DestId(id)), model.insert(id));
                } else {
                    prop_assert_eq!(set.remove(DestId(id)), model.remove(&id));
                }
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(set.contains(DestId(id)), model.contains(&id));
            }
            prop_assert_eq!(members(&set), model.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_emptied_set_holds_no_memory() {
        let mut set = DestSet::default();
        for id in 0..3000 {
            set.insert(DestId(id));
        }
        for id in 0..3000 {
            set.remove(DestId(id));
        }
        assert_eq!((set.len(), set.blocks.capacity()), (0, 0));
    }
}
