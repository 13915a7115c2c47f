//! The log of changed selections: one per family, read by every group, laggard and the kernel.
//!
//! An entry is live while its destination still bears its version; a later change of the same
//! destination makes it dead, for the reader meets that destination again further on. A change of a
//! destination whose live entry nobody has read yet needs no entry at all. So a reader sees each
//! destination in its latest state, and the length is bounded by destinations, not by changes
//! (invariant 7).
//!
//! Entries are kept in blocks, 8 octets each: growing moves nothing, and what was read goes back block by
//! block.

use std::collections::VecDeque;

use super::command::Version;
use super::table::DestId;

/// The log of one family.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog {
    blocks: VecDeque<Block>,
    len: usize,
    head: Version,
    trimmed: Version,
    dead: usize,
    /// The furthest that any reader has come: what is behind it must be appended again.
    read_to: Version,
}

/// Successive entries, at least one.
#[derive(Debug)]
struct Block {
    /// What the versions of the entries are counted from.
    base: u64,
    /// How many entries are popped.
    popped: usize,
    entries: Vec<(u32, DestId)>,
}

impl Block {
    fn new(base: Version) -> Self {
        Self {
            base: base.0,
            popped: 0,
            entries: Vec::with_capacity(BLOCK),
        }
    }

    fn left(&self) -> &[(u32, DestId)] {
        &self.entries[self.popped..]
    }

    const fn version(&self, offset: u32) -> Version {
        Version(self.base + offset as u64)
    }

    fn last(&self) -> Version {
        let last = self.entries.last().map_or(0, |(offset, _)| *offset);
        self.version(last)
    }

    /// The entries after a version.
    fn after(&self, version: Version) -> impl ExactSizeIterator<Item = (Version, DestId)> {
        let left = self.left();
        let start = left.partition_point(|(offset, _)| self.version(*offset) <= version);
        left[start..]
            .iter()
            .map(|(offset, dest)| (self.version(*offset), *dest))
    }
}

impl ChangeLog {
    /// Notes a change of a destination that bears `current`; `None` where its live entry still lies
    /// ahead of every reader, else the version that it bears from here on.
    pub(crate) fn append(&mut self, dest: DestId, current: Version) -> Option<Version> {
        if current > self.read_to.max(self.trimmed) {
            return None;
        }
        if current > self.trimmed {
            self.dead += 1;
        }
        self.head = Version(self.head.0 + 1);
        self.push(self.head, dest);
        Some(self.head)
    }

    fn push(&mut self, version: Version, dest: DestId) {
        let fits = |block: &Block| {
            let offset = u32::try_from(version.0 - block.base).ok();
            offset.filter(|_| block.entries.len() < BLOCK)
        };
        let offset = self.blocks.back().and_then(fits).unwrap_or_else(|| {
            self.blocks.push_back(Block::new(version));
            0
        });
        if let Some(last) = self.blocks.back_mut() {
            last.entries.push((offset, dest));
            self.len += 1;
        }
    }

    /// Drops dead entries once they are the majority; `version_of` tells what a destination bears.
    pub(crate) fn compact(&mut self, version_of: impl Fn(DestId) -> Version) {
        if self.len <= 2 * (self.len - self.dead) + COMPACT_SLACK {
            return;
        }
        self.len = 0;
        for block in std::mem::take(&mut self.blocks) {
            for (offset, dest) in block.left() {
                let version = block.version(*offset);
                if version_of(*dest) == version {
                    self.push(version, *dest);
                }
            }
        }
        self.dead = 0;
    }

    /// Removes the oldest entry if it is not after `to`, and returns it with its version.
    pub(crate) fn pop(&mut self, to: Version) -> Option<(Version, DestId)> {
        debug_assert!(to <= self.head, "no cursor is ahead of the log");
        let oldest = self.blocks.front_mut().and_then(|block| {
            let (offset, dest) = *block.left().first()?;
            let version = block.version(offset);
            (version <= to).then(|| {
                block.popped += 1;
                (version, dest)
            })
        });
        let Some((version, dest)) = oldest else {
            self.trimmed = self.trimmed.max(to);
            return None;
        };
        self.trimmed = version;
        self.len -= 1;
        self.blocks.pop_front_if(|block| block.left().is_empty());
        if self.blocks.is_empty() {
            self.blocks = VecDeque::new();
        }
        Some((version, dest))
    }

    /// Takes back the count of a dead entry that was popped.
    pub(crate) fn popped_dead(&mut self) {
        self.dead -= 1;
    }

    /// The entries after a version, oldest first.
    pub(crate) fn after(&self, version: Version) -> impl Iterator<Item = (Version, DestId)> {
        debug_assert!(
            version >= self.trimmed,
            "invariant 7: trimmed ahead of a reader"
        );
        let start = self.blocks.partition_point(|block| block.last() <= version);
        let blocks = self.blocks.range(start..);
        blocks.flat_map(move |block| block.after(version))
    }

    /// Notes that a reader has come to, or starts at, a version.
    pub(crate) fn read_to(&mut self, version: Version) {
        self.read_to = self.read_to.max(version);
    }

    /// The last version given out.
    pub(crate) const fn head(&self) -> Version {
        self.head
    }

    /// Up to where entries are gone.
    pub(crate) const fn trimmed(&self) -> Version {
        self.trimmed
    }

    /// The number of entries after a version, dead ones included.
    pub(crate) fn count_after(&self, version: Version) -> usize {
        let start = self.blocks.partition_point(|block| block.last() <= version);
        let mut blocks = self.blocks.range(start..);
        let first = blocks
            .next()
            .map_or(0, |block| block.after(version).count());
        first + blocks.map(|block| block.left().len()).sum::<usize>()
    }

    /// The number of entries, dead ones included.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }
}

/// Dead entries that are always tolerated.
const COMPACT_SLACK: usize = 64;

/// Entries per block: 8 KiB. Few in this crate's own tests, so that they meet ends of blocks.
const BLOCK: usize = if cfg!(test) { 4 } else { 1024 };

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A table of one number per destination, and readers that mirror it.
    #[derive(Default)]
    struct Model {
        log: ChangeLog,
        table: BTreeMap<u32, (Version, u32)>,
        readers: Vec<(Version, BTreeMap<u32, u32>)>,
    }

    impl Model {
        fn set(&mut self, dest: u32, value: u32) {
            let (version, current) = self.table.entry(dest).or_default();
            *current = value;
            if let Some(next) = self.log.append(DestId(dest), *version) {
                *version = next;
            }
            let table = &self.table;
            self.log.compact(|dest| table[&dest.0].0);
            assert!(self.log.len() <= 2 * self.table.len() + 64, "invariant 7");
        }

        fn read(&mut self, reader: usize, steps: usize) {
            let (cursor, mirror) = &mut self.readers[reader];
            for (version, dest) in self.log.after(*cursor).take(steps) {
                *cursor = version;
                let (current, value) = self.table[&dest.0];
                if current == version {
                    mirror.insert(dest.0, value);
                }
            }
            let cursor = *cursor;
            self.log.read_to(cursor);
        }

        fn trim(&mut self) {
            let slowest = self.readers.iter().map(|(cursor, _)| *cursor).min();
            let slowest = slowest.unwrap_or(self.log.head());
            while let Some((version, dest)) = self.log.pop(slowest) {
                if self.table[&dest.0].0 != version {
                    self.log.popped_dead();
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_reader_ends_equal_to_the_table(
            ops in prop::collection::vec((0u8..8, 0u32..40, 0usize..4, 0usize..20), 0..400),
        ) {
            let mut model = Model {
                readers: vec![Default::default(); 4],
                ..Model::default()
            };
            for (n, (op, dest, reader, steps)) in (0..).zip(ops) {
                match op {
                    0..5 => model.set(dest, n),
                    5..7 => model.read(reader, steps),
                    _ => model.trim(),
                }
            }
            for reader in 0..4 {
                model.read(reader, usize::MAX);
            }
            let table: BTreeMap<_, _> = model.table.iter().map(|(d, (_, v))| (*d, *v)).collect();
            for (_, mirror) in &model.readers {
                prop_assert_eq!(mirror, &table);
            }
            model.trim();
            prop_assert_eq!(model.log.len(), 0, "empty at rest");
        }
    }
}
