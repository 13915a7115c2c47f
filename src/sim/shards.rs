//! The shards of a speaker, driven like one.

use std::time::Instant;

use crate::rib::{Command, Output, Shard, ShardOptions};

/// One of the shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ShardId(pub(super) u8);

/// All shards; there is one.
pub(super) struct Shards {
    shard: Shard,
}

impl Shards {
    pub(super) fn new(options: ShardOptions) -> Self {
        Self {
            shard: Shard::new(options),
        }
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        std::iter::once(ShardId(0))
    }

    pub(super) fn handle(&mut self, now: Instant, command: Command) {
        self.shard.handle(now, command);
    }

    pub(super) fn handle_at(&mut self, now: Instant, _: ShardId, command: Command) {
        self.shard.handle(now, command);
    }

    pub(super) fn turn(&mut self, now: Instant) -> bool {
        self.shard.turn(now)
    }

    pub(super) fn poll_output(&mut self) -> Option<(ShardId, Output)> {
        self.shard.poll_output().map(|output| (ShardId(0), output))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.shard.poll_timeout()
    }
}
