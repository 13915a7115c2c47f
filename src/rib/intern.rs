//! One `Arc<PathAttributes>` for each distinct set in a shard, so that equal content is one pointer.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::wire::PathAttributes;

/// The sets in use, and those not swept yet.
///
/// Sets are found by the hash of their content through a table of indices into a slab; the slab lets a
/// sweep stop and go on, and keeps each hash, so that growth and sweeps read no content. Hash seeds
/// differ between processes, which no output can show: the table is for lookup.
#[derive(Default)]
pub struct Interner {
    hasher: DefaultHashBuilder,
    index: HashTable<u32>,
    slots: Slots,
    free: Vec<u32>,
    sweep_at: usize,
    /// References given up since the last sweep began: how much a sweep may find.
    released: usize,
    sweeping: bool,
    /// The content of a set that did not come as content.
    scratch: Vec<u8>,
}

/// The slab, in chunks, so that growing moves nothing and reserves little.
#[derive(Default)]
struct Slots {
    chunks: Vec<Vec<Slot>>,
    len: usize,
}

/// A place in the slab.
struct Slot {
    hash: u64,
    attributes: Option<Arc<PathAttributes>>,
}

impl Slots {
    fn get(&self, number: u32) -> &Slot {
        &self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }

    fn get_mut(&mut self, number: u32) -> &mut Slot {
        &mut self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }

    fn push(&mut self, slot: Slot) -> u32 {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(last) = self.chunks.last_mut() {
            last.push(slot);
        }
        self.len += 1;
        u32::try_from(self.len - 1).expect("fewer than 2^32 attribute sets")
    }
}

impl Interner {
    /// The shared handle of the set with this content; nothing is allocated where it is known.
    pub fn intern_content(&mut self, content: &[u8]) -> Arc<PathAttributes> {
        let hash = self.hasher.hash_one(content);
        match self.find(hash, content) {
            Some(known) => known,
            None => self.enter(hash, Arc::new(PathAttributes::from_content(content))),
        }
    }

    /// The shared handle of a set that was made here.
    pub(crate) fn intern(&mut self, attributes: Arc<PathAttributes>) -> Arc<PathAttributes> {
        let mut content = std::mem::take(&mut self.scratch);
        content.clear();
        attributes.put_content(&mut content);
        let hash = self.hasher.hash_one(&*content);
        let known = self.find(hash, &content);
        self.scratch = content;
        known.unwrap_or_else(|| self.enter(hash, attributes))
    }

    fn enter(&mut self, hash: u64, attributes: Arc<PathAttributes>) -> Arc<PathAttributes> {
        let entered = Slot {
            hash,
            attributes: Some(Arc::clone(&attributes)),
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                *self.slots.get_mut(slot) = entered;
                slot
            }
            None => self.slots.push(entered),
        };
        let slots = &self.slots;
        self.index
            .insert_unique(hash, slot, |slot| slots.get(*slot).hash);
        attributes
    }

    fn find(&self, hash: u64, content: &[u8]) -> Option<Arc<PathAttributes>> {
        let slot = self.index.find(hash, |slot| {
            let slot = self.slots.get(*slot);
            let known = slot.attributes.as_ref();
            slot.hash == hash && known.is_some_and(|known| known.has_content(content))
        })?;
        self.slots.get(*slot).attributes.clone()
    }

    /// Notes that references were dropped, so that a sweep is worth its while.
    pub(crate) fn release(&mut self, references: usize) {
        self.released += references;
    }

    /// Whether a sweep would begin at rest, or go on.
    pub(crate) const fn is_due_at_rest(&self) -> bool {
        self.sweeping || self.released > 0
    }

    /// Looks at up to `steps` sets and forgets those that nothing else refers to; says whether it
    /// wants to go on. A sweep begins when much was released, or when the shard is idle.
    pub(crate) fn sweep(&mut self, steps: usize, idle: bool) -> bool {
        if !self.sweeping {
            let due = self.released > self.len() / 4 + SWEEP_RELEASED_MIN;
            if !(due || idle && self.released > 0) {
                return false;
            }
            self.sweeping = true;
            self.sweep_at = 0;
            self.released = 0;
        }
        let end = (self.sweep_at + steps).min(self.slots.len);
        for slot in self.sweep_at..end {
            self.forget_unused(slot);
        }
        self.sweep_at = end;
        if end == self.slots.len {
            self.sweeping = false;
            self.shrink();
        }
        self.sweeping || (idle && self.released > 0)
    }

    fn forget_unused(&mut self, slot: usize) {
        let number = u32::try_from(slot).expect("slots are numbered in 32 bits");
        let place = self.slots.get_mut(number);
        if place
            .attributes
            .take_if(|attributes| Arc::strong_count(attributes) == 1)
            .is_none()
        {
            return;
        }
        let hash = place.hash;
        if let Ok(entry) = self.index.find_entry(hash, |known| *known == number) {
            entry.remove();
        }
        self.free.push(number);
    }

    /// Gives memory back once most of it is unused.
    fn shrink(&mut self) {
        if self.index.is_empty() {
            *self = Self {
                hasher: self.hasher.clone(),
                released: self.released,
                ..Self::default()
            };
        } else if self.index.capacity() > 4 * self.index.len() + 1024 {
            let slots = &self.slots;
            self.index
                .shrink_to(2 * self.index.len(), |slot| slots.get(*slot).hash);
        }
    }

    /// The number of sets held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no set is held.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
}

/// Sets per chunk of the slab: 16 KiB.
const CHUNK: usize = 1024;

/// References that must have been dropped before a busy shard sweeps.
const SWEEP_RELEASED_MIN: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::NextHop;

    fn attributes(local_pref: u32) -> Arc<PathAttributes> {
        let mut attributes = PathAttributes::originated(NextHop::Local);
        attributes.local_pref = Some(local_pref);
        Arc::new(attributes)
    }

    #[test]
    fn equal_content_is_one_pointer() {
        let mut interner = Interner::default();
        let one = interner.intern(attributes(1));
        let same = interner.intern(attributes(1));
        let other = interner.intern(attributes(2));
        assert!(Arc::ptr_eq(&one, &same));
        assert!(!Arc::ptr_eq(&one, &other));
        assert_eq!(interner.len(), 2);
    }

    #[test]
    fn sets_are_the_same_whether_they_come_as_content_or_not() {
        let mut interner = Interner::default();
        let mut content = Vec::new();
        attributes(1).put_content(&mut content);
        let received = interner.intern_content(&content);
        assert_eq!(received, attributes(1));
        assert!(Arc::ptr_eq(&received, &interner.intern(attributes(1))));
        assert!(Arc::ptr_eq(&received, &interner.intern_content(&content)));
        assert_eq!(interner.len(), 1);
    }

    #[test]
    fn a_sweep_in_small_steps_forgets_what_nobody_uses() {
        let mut interner = Interner::default();
        let kept: Vec<_> = (0..10).map(|n| interner.intern(attributes(n))).collect();
        for n in 10..100 {
            interner.intern(attributes(n));
        }
        interner.release(90);
        while interner.sweep(7, true) {}
        assert_eq!(interner.len(), 10);
        for (n, kept) in (0..).zip(&kept) {
            assert!(Arc::ptr_eq(kept, &interner.intern(attributes(n))));
        }
    }

    #[test]
    fn a_busy_shard_does_not_sweep_for_a_few() {
        let mut interner = Interner::default();
        interner.intern(attributes(1));
        interner.release(1);
        assert!(!interner.sweep(100, false));
        assert_eq!(interner.len(), 1);
    }
}
