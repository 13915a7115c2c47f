//! All shards of a speaker, driven like one.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use super::next_hops::BookSteps;
use super::{Gathering, NextHopBook, ShardId, Sharding};
use crate::rib::{Command, Output, Shard, ShardOptions};

/// The shards of a speaker that drives them itself.
///
/// Each output comes with its shard. [`Command::Pull`], [`Command::Lagged`], [`Command::Drained`] and
/// [`Command::PullFib`] answer outputs of one shard and go back to that one ([`Self::handle_at`]);
/// everything else is for [`Self::handle`]. Next hops are asked for once and questions have one
/// answer, whatever the number of shards.
pub struct Shards {
    sharding: Sharding,
    shards: Vec<Shard>,
    next_hops: NextHopBook,
    gatherings: BTreeMap<u64, Gathering>,
    outputs: VecDeque<(ShardId, Output)>,
}

impl Shards {
    /// Empty shards.
    pub fn new(options: ShardOptions, sharding: Sharding) -> Self {
        Self {
            sharding,
            shards: sharding.shards().map(|_| Shard::new(options)).collect(),
            next_hops: NextHopBook::default(),
            gatherings: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// How prefixes are spread.
    pub const fn sharding(&self) -> Sharding {
        self.sharding
    }

    /// Takes one command for whichever shards it concerns.
    pub fn handle(&mut self, now: Instant, command: Command) {
        match command {
            Command::Query { id, query } => {
                let gathering = Gathering::new(self.sharding, query);
                let questions: Vec<_> = gathering.questions().collect();
                self.gatherings.insert(id, gathering);
                for (shard, query) in questions {
                    self.handle_at(now, shard, Command::Query { id, query });
                }
            }
            command => {
                for (shard, command) in self.address(command) {
                    self.handle_at(now, shard, command);
                }
            }
        }
    }

    /// What each shard has to take of a command, for an owner that lets them do so at their own pace.
    pub fn address(&mut self, command: Command) -> Vec<(ShardId, Command)> {
        if let Command::NextHops(states) = &command {
            self.next_hops.tell(states);
        }
        let mut parts = Vec::new();
        self.sharding
            .deliver(command, |shard, command| parts.push((shard, command)));
        parts
    }

    /// Takes one command for one shard.
    pub fn handle_at(&mut self, now: Instant, shard: ShardId, command: Command) {
        if let Some(of) = self.shards.get_mut(shard.index()) {
            of.handle(now, command);
        }
        self.collect(now, shard);
    }

    /// Gives each shard one bounded turn; says whether one has more to do.
    pub fn turn(&mut self, now: Instant) -> bool {
        let shards = self.sharding.shards();
        shards.fold(false, |busy, shard| busy | self.turn_at(now, shard))
    }

    /// Gives one shard one bounded turn; says whether it has more to do.
    pub fn turn_at(&mut self, now: Instant, shard: ShardId) -> bool {
        let of = self.shards.get_mut(shard.index());
        let busy = of.is_some_and(|of| of.turn(now));
        self.collect(now, shard);
        busy
    }

    /// The next thing that a shard asks.
    pub fn poll_output(&mut self) -> Option<(ShardId, Output)> {
        self.outputs.pop_front()
    }

    /// When [`Self::turn`] is due though nothing else happens.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.shards.iter().filter_map(Shard::poll_timeout).min()
    }

    /// When a turn is worth its while, should nothing happen until then.
    pub fn poll_tidy(&self) -> Option<Instant> {
        self.shards.iter().filter_map(Shard::poll_tidy).min()
    }

    fn collect(&mut self, now: Instant, shard: ShardId) {
        while let Some(output) = self
            .shards
            .get_mut(shard.index())
            .and_then(Shard::poll_output)
        {
            match output {
                Output::TrackNextHops(addresses) => self.track(now, shard, addresses),
                Output::UntrackNextHops(addresses) => {
                    let mut steps = BookSteps::default();
                    for address in addresses {
                        self.next_hops.untrack(shard, address, &mut steps);
                    }
                    if !steps.untrack.is_empty() {
                        let output = Output::UntrackNextHops(steps.untrack);
                        self.outputs.push_back((shard, output));
                    }
                }
                Output::Answer { id, answer } => {
                    let gathering = self.gatherings.get_mut(&id);
                    if let Some(answer) = gathering.and_then(|all| all.add(shard, answer)) {
                        self.gatherings.remove(&id);
                        self.outputs
                            .push_back((shard, Output::Answer { id, answer }));
                    }
                }
                output => self.outputs.push_back((shard, output)),
            }
        }
    }

    fn track(&mut self, now: Instant, shard: ShardId, addresses: Vec<IpAddr>) {
        let mut steps = BookSteps::default();
        for address in addresses {
            self.next_hops.track(shard, address, &mut steps);
        }
        if !steps.track.is_empty() {
            let output = Output::TrackNextHops(steps.track);
            self.outputs.push_back((shard, output));
        }
        if !steps.tell.is_empty()
            && let Some(of) = self.shards.get_mut(shard.index())
        {
            of.handle(now, Command::NextHops(steps.tell));
        }
    }
}
