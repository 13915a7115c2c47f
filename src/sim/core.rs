//! What a speaker has besides its sessions.

use std::time::Instant;

use super::defect::Defect;
use super::fanout::Fanout;
use super::peering::spoilt;
use super::world::Options;
use crate::rib::{Command, PeerSetup, ShardId, ShardOptions, Sharding, Shards};

/// What a speaker has besides its sessions.
pub(super) struct Core {
    pub(super) rib: Shards,
    pub(super) fanout: Fanout,
    pub(super) defect: Option<Defect>,
    /// Whether the shards were told something since their last turn.
    pub(super) told: bool,
    /// Whether members have come further than was reported, or have left.
    pub(super) moved: bool,
}

impl Core {
    pub(super) fn new(options: &Options, recovering: bool) -> Self {
        let mut shard = ShardOptions {
            track_next_hops: true,
            recovering,
            ..ShardOptions::default()
        };
        if options.defect == Some(Defect::SinglePath) {
            shard.multipath_max = 1;
        }
        Self {
            rib: Shards::new(shard, Sharding::new(options.shards, options.seed)),
            fanout: Fanout::new(options.ring_chunks),
            defect: options.defect,
            told: false,
            moved: false,
        }
    }

    /// Tells the shards something.
    pub(super) fn tell(&mut self, now: Instant, command: Command) {
        self.told = true;
        self.rib.handle(now, command);
    }

    /// Tells one shard something.
    pub(super) fn tell_at(&mut self, now: Instant, shard: ShardId, command: Command) {
        self.told = true;
        self.rib.handle_at(now, shard, command);
    }

    /// Tells the shards that the configuration of peers has changed.
    pub(super) fn update(&mut self, now: Instant, setups: impl Iterator<Item = PeerSetup>) {
        if self.defect != Some(Defect::SetupsUntold) {
            let setups = setups.map(|setup| spoilt(setup, self.defect)).collect();
            self.tell(now, Command::UpdatePeers(setups));
        }
    }
}

