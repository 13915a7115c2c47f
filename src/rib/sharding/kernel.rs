//! The kernel's writer pulls from all shards as if they were one.

use super::{ShardId, ShardSet, Sharding};

/// Of which shards changes are to be pulled, and when there is nothing more.
///
/// A shard's empty answer says that nothing more is to be expected of it. The writer is told so only
/// once all have said it since it last wrote something: upon that it removes what is left of an
/// earlier life (invariant 11). While it writes nothing is pulled, so that no more than one batch of
/// each shard waits for it.
#[derive(Debug)]
pub struct KernelPulls {
    all: ShardSet,
    sharding: Sharding,
    /// To be pulled from as soon as possible.
    pending: ShardSet,
    /// Pulls under way.
    pulling: ShardSet,
    /// Shards whose last answer was empty.
    empty: ShardSet,
    writing: bool,
}

impl KernelPulls {
    /// Nothing is pulled yet.
    pub fn new(sharding: Sharding) -> Self {
        Self {
            all: ShardSet::all(sharding),
            sharding,
            pending: ShardSet::default(),
            pulling: ShardSet::default(),
            empty: ShardSet::default(),
            writing: false,
        }
    }

    /// A shard has changes.
    pub const fn on_pending(&mut self, shard: ShardId) {
        self.pending.insert(shard);
        self.empty.remove(shard);
    }

    /// A shard has answered; says whether the writer is to have that answer.
    pub fn on_changes(&mut self, shard: ShardId, is_empty: bool) -> bool {
        self.pulling.remove(shard);
        if is_empty {
            if !self.pending.contains(shard) {
                self.empty.insert(shard);
            }
            return self.empty == self.all;
        }
        self.empty.remove(shard);
        self.pending.insert(shard);
        self.writing = true;
        true
    }

    /// The writer has written what it had, and wants more.
    pub const fn on_written(&mut self) {
        self.writing = false;
        self.pending = self.all;
        self.empty = ShardSet(0);
    }

    /// The next shard to pull from, if any.
    pub fn next_pull(&mut self) -> Option<ShardId> {
        if self.writing {
            return None;
        }
        let due = |shard: &ShardId| self.pending.contains(*shard) && !self.pulling.contains(*shard);
        let shard = self.sharding.shards().find(due)?;
        self.pending.remove(shard);
        self.pulling.insert(shard);
        Some(shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ShardId = ShardId(0);
    const B: ShardId = ShardId(1);

    fn pulls() -> KernelPulls {
        KernelPulls::new(Sharding::new(2, 0))
    }

    #[test]
    fn nothing_is_pulled_while_a_pull_or_a_write_is_under_way() {
        let mut pulls = pulls();
        pulls.on_pending(A);
        assert_eq!(pulls.next_pull(), Some(A));
        pulls.on_pending(A);
        assert_eq!(pulls.next_pull(), None);
        assert!(pulls.on_changes(A, false));
        assert_eq!(pulls.next_pull(), None);
        pulls.on_written();
        assert_eq!((pulls.next_pull(), pulls.next_pull()), (Some(A), Some(B)));
    }

    #[test]
    fn an_empty_answer_ends_the_pulling_until_the_next_change() {
        let mut pulls = pulls();
        pulls.on_pending(B);
        assert_eq!(pulls.next_pull(), Some(B));
        assert!(!pulls.on_changes(B, true));
        assert_eq!(pulls.next_pull(), None);
        pulls.on_pending(B);
        assert_eq!(pulls.next_pull(), Some(B));
    }

    #[test]
    fn the_writer_hears_that_there_is_nothing_once_all_shards_say_so() {
        let mut pulls = pulls();
        pulls.on_written();
        assert_eq!((pulls.next_pull(), pulls.next_pull()), (Some(A), Some(B)));
        assert!(!pulls.on_changes(A, true));
        // It has found something after all.
        pulls.on_pending(A);
        assert!(!pulls.on_changes(B, true));
        assert_eq!(pulls.next_pull(), Some(A));
        assert!(pulls.on_changes(A, true));
    }
}
