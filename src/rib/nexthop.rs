//! Next hops of paths in use: who leads there, at what cost, and whose paths depend on it.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::command::NextHopState;
use super::dest_set::DestSet;
use super::path::Usability;
use super::table::DestId;
use crate::net::{Family, PerFamily};

/// What the owner knows of a next hop, and what it is worth to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    /// Whether paths through it can be used.
    pub(crate) usability: Usability,
    /// The interior cost; zero unless reachable.
    pub(crate) metric: u32,
}

impl Resolution {
    const REACHABLE: Self = Self {
        usability: Usability::Usable,
        metric: 0,
    };
}

#[derive(Debug, Default)]
struct Entry {
    state: Option<NextHopState>,
    uses: u64,
    /// Whether it is in `NextHops::idle`, once at most.
    idle: bool,
    /// Destinations with a path through here; bits outlive the paths until the next change of state.
    dests: PerFamily<DestSet>,
}

/// All next hops in use. Without tracking (a reflector off the data path) each counts as reachable.
#[derive(Debug, Default)]
pub(crate) struct NextHops {
    tracked: bool,
    entries: HashMap<IpAddr, Entry>,
    to_track: Vec<IpAddr>,
    /// Next hops in use that the owner has said nothing of.
    untold: usize,
    /// Next hops that were unused at some time; looked at again between bursts, so that a route which
    /// goes and comes back at once keeps its answer.
    idle: VecDeque<IpAddr>,
}

impl NextHops {
    /// An empty set; `tracked` says whether the owner resolves next hops at all.
    pub(crate) fn new(tracked: bool) -> Self {
        Self {
            tracked,
            ..Self::default()
        }
    }

    /// Notes that an accepted path leads through an address.
    pub(crate) fn hold(&mut self, address: Option<IpAddr>, family: Family, dest: DestId) {
        let (true, Some(address)) = (self.tracked, address) else {
            return;
        };
        let entry = self.entries.entry(address).or_insert_with(|| {
            self.to_track.push(address);
            Entry::default()
        });
        self.untold += usize::from(entry.uses == 0 && entry.state.is_none());
        entry.uses += 1;
        entry.dests.get_mut(family).insert(dest);
    }

    /// Notes that an accepted path through an address is gone.
    pub(crate) fn drop_hold(&mut self, address: Option<IpAddr>) {
        let (true, Some(address)) = (self.tracked, address) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(&address) else {
            debug_assert!(false, "every accepted path holds its next hop");
            return;
        };
        entry.uses -= 1;
        self.untold -= usize::from(entry.uses == 0 && entry.state.is_none());
        if entry.uses == 0 && !entry.idle {
            entry.idle = true;
            self.idle.push_back(address);
        }
    }

    /// What is known of a next hop; `None` is the speaker itself.
    pub(crate) fn resolve(&self, address: Option<IpAddr>) -> Resolution {
        let (true, Some(address)) = (self.tracked, address) else {
            return Resolution::REACHABLE;
        };
        let waiting = Resolution {
            usability: Usability::Waiting,
            metric: 0,
        };
        match self.entries.get(&address).and_then(|entry| entry.state) {
            None => waiting,
            Some(NextHopState::Unreachable) => Resolution {
                usability: Usability::Unreachable,
                metric: 0,
            },
            Some(NextHopState::Reachable { metric }) => Resolution {
                usability: Usability::Usable,
                metric,
            },
        }
    }

    /// Takes what the owner says of a next hop; says whether that is news.
    pub(crate) fn tell(&mut self, address: IpAddr, state: NextHopState) -> bool {
        match self.entries.get_mut(&address) {
            Some(entry) if entry.state != Some(state) => {
                self.untold -= usize::from(entry.uses > 0 && entry.state.is_none());
                entry.state = Some(state);
                true
            }
            Some(_) | None => false,
        }
    }

    /// The first destination at or after `from` that may have a path through a next hop.
    pub(crate) fn next_dest(
        &self,
        address: IpAddr,
        family: Family,
        from: DestId,
    ) -> Option<DestId> {
        self.entries
            .get(&address)
            .and_then(|entry| entry.dests.get(family).next_from(from))
    }

    /// Notes that a destination has no path through a next hop after all.
    pub(crate) fn forget_dest(&mut self, address: IpAddr, family: Family, dest: DestId) {
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.dests.get_mut(family).remove(dest);
        }
    }

    /// Next hops to resolve since the last call.
    pub(crate) fn take_new(&mut self) -> Vec<IpAddr> {
        std::mem::take(&mut self.to_track)
    }

    /// Forgets up to `steps` next hops that are still unused, and returns them.
    pub(crate) fn take_unused(&mut self, steps: usize) -> Vec<IpAddr> {
        let count = steps.min(self.idle.len());
        let mut unused = Vec::new();
        for address in self.idle.drain(..count) {
            let Some(entry) = self.entries.get_mut(&address) else {
                continue;
            };
            entry.idle = false;
            if entry.uses == 0 {
                self.entries.remove(&address);
                unused.push(address);
            }
        }
        unused
    }

    /// Whether the owner has still to answer for a next hop in use.
    pub(crate) const fn has_untold(&self) -> bool {
        self.untold > 0
    }

    /// Whether unused next hops wait to be forgotten.
    pub(crate) fn has_idle(&self) -> bool {
        !self.idle.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

    fn tell(next_hops: &mut NextHops, state: NextHopState) -> bool {
        next_hops.tell(X.expect("an address"), state)
    }

    #[test]
    fn an_untold_next_hop_waits_until_the_first_answer() {
        let mut next_hops = NextHops::new(true);
        next_hops.hold(X, Family::Ipv4, DestId(1));
        assert_eq!(next_hops.take_new(), [X.expect("an address")]);
        assert_eq!(next_hops.resolve(X).usability, Usability::Waiting);
        assert!(tell(&mut next_hops, NextHopState::Reachable { metric: 5 }));
        assert!(!tell(&mut next_hops, NextHopState::Reachable { metric: 5 }));
        assert_eq!(next_hops.resolve(X).metric, 5);
        assert!(tell(&mut next_hops, NextHopState::Unreachable));
        assert_eq!(next_hops.resolve(X).usability, Usability::Unreachable);
    }

    #[test]
    fn a_next_hop_that_is_used_again_keeps_its_answer() {
        let mut next_hops = NextHops::new(true);
        next_hops.hold(X, Family::Ipv4, DestId(1));
        tell(&mut next_hops, NextHopState::Unreachable);
        next_hops.drop_hold(X);
        next_hops.hold(X, Family::Ipv4, DestId(2));
        assert!(next_hops.take_unused(10).is_empty());
        next_hops.drop_hold(X);
        assert_eq!(next_hops.take_unused(10), [X.expect("an address")]);
        assert_eq!(next_hops.resolve(X).usability, Usability::Waiting);
    }

    #[test]
    fn without_tracking_everything_is_reachable() {
        let mut next_hops = NextHops::new(false);
        next_hops.hold(X, Family::Ipv4, DestId(1));
        assert!(next_hops.take_new().is_empty());
        assert_eq!(next_hops.resolve(X), Resolution::REACHABLE);
    }
}
