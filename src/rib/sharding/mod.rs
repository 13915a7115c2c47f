//! Several shards behind one speaker.
//!
//! A prefix belongs to one shard, by a hash of it, and so do all its paths, its decision and what is
//! told of it: shards share nothing, and in which order members hear of two prefixes means nothing.
//! What is left is to say once what concerns all prefixes, and to hear once what all shards say:
//!
//! - [`Sharding`] addresses commands. A batch of routes is split; whatever is not about a prefix goes to
//!   each shard.
//! - [`Demarcation`] is a session's: End-of-RIB, and the end of a refresh, stand behind what all
//!   shards had to tell.
//! - [`NextHopBook`] and [`KernelPulls`] stand between the shards and the kernel's writer, [`Gathering`]
//!   between them and whoever asks a question.
//! - A limit of prefixes counts over all shards: those of one session share a [`PrefixTally`].
//!
//! [`Shards`] joins them to something that is driven like one shard. The simulator and tests drive
//! that; the daemon, where each shard has a runner and a mailbox, uses the same parts.
//!
//! [`PrefixTally`]: super::PrefixTally

mod demarcation;
mod gathering;
mod kernel;
mod next_hops;
mod shards;

pub use demarcation::{Boundary, Demarcation, DemarcationSteps};
pub use gathering::Gathering;
pub use kernel::KernelPulls;
pub use next_hops::{BookSteps, NextHopBook};
pub use shards::Shards;

use std::sync::Arc;

use super::batch::RouteBatch;
use super::command::{Command, Routes};
use super::prefix_limit::PrefixTally;
use crate::net::{PerFamily, Prefix, PrefixKey};

/// The most shards; many fewer are of use.
pub const SHARDS_MAX: usize = 64;

/// One of the shards: `rib-0`, `rib-1`, ….
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u8);

impl ShardId {
    /// Its place among the shards.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How prefixes are spread over shards: the same in every room of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharding {
    count: u8,
    seed: u64,
}

impl Sharding {
    /// Everything in one shard.
    pub const ONE: Self = Self { count: 1, seed: 0 };

    /// A number of shards, brought into `1..=`[`SHARDS_MAX`]. With a `seed` that peers do not know they
    /// cannot choose prefixes that meet in one shard.
    pub fn new(count: usize, seed: u64) -> Self {
        let count = u8::try_from(count.clamp(1, SHARDS_MAX)).unwrap_or(1);
        Self { count, seed }
    }

    /// The number of shards.
    pub const fn count(self) -> usize {
        self.count as usize
    }

    /// The shards in order.
    pub fn shards(self) -> impl DoubleEndedIterator<Item = ShardId> + ExactSizeIterator {
        (0..self.count).map(ShardId)
    }

    /// The shard of a prefix.
    pub fn shard_of(self, prefix: Prefix) -> ShardId {
        match prefix {
            Prefix::V4(prefix) => self.shard_of_key(prefix),
            Prefix::V6(prefix) => self.shard_of_key(prefix),
        }
    }

    /// The same, where the family is known.
    pub(crate) fn shard_of_key<P: PrefixKey>(self, prefix: P) -> ShardId {
        if self.count == 1 {
            return ShardId(0);
        }
        let bits = u128::from_be_bytes(prefix.octets());
        let halves = [bits >> 64, bits & u128::from(u64::MAX)];
        let [high, low] = halves.map(|half| u64::try_from(half).unwrap_or(0));
        let seed = self.seed.rotate_left(32) ^ MULTIPLIER;
        let mixed = mix(high ^ self.seed, low ^ u64::from(prefix.length()) ^ seed);
        // The upper half of the product with the count: as even as the hash, and no division.
        let place = (u128::from(mix(mixed, MULTIPLIER)) * u128::from(self.count)) >> 64;
        ShardId(u8::try_from(place).unwrap_or(0))
    }

    /// Hands a command to the shards that it is for, each shard's part in a call of its own.
    ///
    /// What is about one shard's own doings ([`Command::Pull`], [`Command::Lagged`],
    /// [`Command::Drained`], [`Command::PullFib`]) is for its owner to address, and a question for
    /// [`Gathering`]; here they go to every shard.
    pub fn deliver(self, command: Command, mut to: impl FnMut(ShardId, Command)) {
        if self.count == 1 {
            return to(ShardId(0), command);
        }
        match command {
            Command::Routes(Routes::V4(batch)) => self.split(&batch, |shard, batch| {
                to(shard, Command::Routes(Routes::V4(batch)));
            }),
            Command::Routes(Routes::V6(batch)) => self.split(&batch, |shard, batch| {
                to(shard, Command::Routes(Routes::V6(batch)));
            }),
            Command::Originate(route) => {
                to(self.shard_of(route.prefix), Command::Originate(route));
            }
            Command::WithdrawLocal(prefix) => {
                to(self.shard_of(prefix), Command::WithdrawLocal(prefix));
            }
            Command::SessionUp(terms) => {
                let peer = terms.peer;
                let tallies: PerFamily<Arc<PrefixTally>> = PerFamily::default();
                for shard in self.shards() {
                    let tallies = tallies.clone();
                    to(shard, Command::ShareTally { peer, tallies });
                    to(shard, Command::SessionUp(terms.clone()));
                }
            }
            command => self.deliver_to_each(command, to),
        }
    }

    fn deliver_to_each(self, command: Command, mut to: impl FnMut(ShardId, Command)) {
        let last = ShardId(self.count - 1);
        for shard in self.shards().filter(|shard| *shard != last) {
            to(shard, command.clone());
        }
        to(last, command);
    }

    fn split<P: PrefixKey>(
        self,
        batch: &RouteBatch<P>,
        mut to: impl FnMut(ShardId, RouteBatch<P>),
    ) {
        let parts = batch.split(self.count(), |prefix| self.shard_of_key(prefix).index());
        for (shard, part) in self.shards().zip(parts) {
            if !part.is_empty() {
                to(shard, part);
            }
        }
    }
}

/// A set of shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardSet(u64);

impl ShardSet {
    /// All shards.
    pub(crate) fn all(sharding: Sharding) -> Self {
        let mut all = Self::default();
        sharding.shards().for_each(|shard| all.insert(shard));
        all
    }

    pub(crate) const fn insert(&mut self, shard: ShardId) {
        self.0 |= 1 << shard.0;
    }

    pub(crate) const fn remove(&mut self, shard: ShardId) {
        self.0 &= !(1 << shard.0);
    }

    pub(crate) const fn contains(self, shard: ShardId) -> bool {
        self.0 & 1 << shard.0 != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Folds the product of two numbers: every bit of each reaches every bit of the result.
fn mix(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    let halves = [product >> 64, product & u128::from(u64::MAX)];
    let [high, low] = halves.map(|half| u64::try_from(half).unwrap_or(0));
    high ^ low
}

/// Odd, with its bits spread: the golden ratio's fraction.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests;
