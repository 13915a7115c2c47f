//! Next hops of all shards, asked for once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{ShardId, ShardSet};
use crate::rib::NextHopState;

/// Which shards use a next hop, and what was last told of it.
#[derive(Debug, Default)]
pub struct NextHopBook {
    entries: BTreeMap<IpAddr, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    users: ShardSet,
    state: Option<NextHopState>,
}

/// What follows from the wishes of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookSteps {
    /// To resolve and report from here on.
    pub track: Vec<IpAddr>,
    /// What the shard is told at once, because another one has asked before.
    pub tell: Vec<(IpAddr, NextHopState)>,
    /// No shard uses these any more.
    pub untrack: Vec<IpAddr>,
}

impl NextHopBook {
    /// A shard begins to use a next hop, or asks again.
    pub fn track(&mut self, shard: ShardId, address: IpAddr, steps: &mut BookSteps) {
        let entry = self.entries.entry(address).or_insert_with(|| {
            steps.track.push(address);
            Entry::default()
        });
        entry.users.insert(shard);
        steps.tell.extend(entry.state.map(|state| (address, state)));
    }

    /// A shard uses a next hop no longer.
    pub fn untrack(&mut self, shard: ShardId, address: IpAddr, steps: &mut BookSteps) {
        let Some(entry) = self.entries.get_mut(&address) else {
            return;
        };
        entry.users.remove(shard);
        if entry.users.is_empty() {
            self.entries.remove(&address);
            steps.untrack.push(address);
        }
    }

    /// Remembers what is told to all shards.
    pub fn tell(&mut self, states: &[(IpAddr, NextHopState)]) {
        for (address, state) in states {
            if let Some(entry) = self.entries.get_mut(address) {
                entry.state = Some(*state);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const STATE: NextHopState = NextHopState::Reachable { metric: 3 };

    fn track(book: &mut NextHopBook, shard: u8) -> BookSteps {
        let mut steps = BookSteps::default();
        book.track(ShardId(shard), X, &mut steps);
        steps
    }

    fn untrack(book: &mut NextHopBook, shard: u8) -> Vec<IpAddr> {
        let mut steps = BookSteps::default();
        book.untrack(ShardId(shard), X, &mut steps);
        steps.untrack
    }

    #[test]
    fn a_next_hop_is_asked_for_once_and_given_up_with_its_last_user() {
        let mut book = NextHopBook::default();
        assert_eq!(track(&mut book, 0).track, [X]);
        assert_eq!(track(&mut book, 1), BookSteps::default());
        assert!(untrack(&mut book, 0).is_empty());
        assert!(untrack(&mut book, 0).is_empty());
        assert_eq!(untrack(&mut book, 1), [X]);
        assert_eq!(track(&mut book, 1).track, [X]);
    }

    #[test]
    fn who_asks_later_is_told_what_is_known() {
        let mut book = NextHopBook::default();
        track(&mut book, 0);
        book.tell(&[(X, STATE)]);
        assert_eq!(track(&mut book, 1).tell, [(X, STATE)]);
        assert_eq!(track(&mut book, 0).tell, [(X, STATE)], "asked again");
    }
}
