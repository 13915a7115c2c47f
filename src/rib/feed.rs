//! What the kernel should hold, as the RIB hands it on.

use std::net::IpAddr;
use std::sync::Arc;

use super::command::{Output, Version};
use super::import::source_of;
use super::loc_rib::LocRib;
use super::path::{Path, Usability};
use super::shard::{Shard, steps};
use super::shared::Shared;
use super::table::{DestId, Destination};
use crate::net::{AddressFamily, Prefix};
use crate::policy::{LOCAL_PREF_DEFAULT, PRIORITY_MAX, Policy, RouteContext, RouteSource, Verdict};

/// The latest wish for one prefix; it replaces any earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FibChange {
    /// The prefix.
    pub prefix: Prefix,
    /// The route wanted; `None` to have none.
    pub route: Option<FibRoute>,
}

/// One route for the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FibRoute {
    /// What the kernel does with packets.
    pub kind: FibRouteKind,
    /// The kernel metric (priority); `None` for the kernel's default.
    pub metric: Option<u32>,
}

/// What the kernel does with packets to a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FibRouteKind {
    /// Forward to one of these BGP next hops, sorted and without duplicates; several are ECMP. They
    /// are resolved by the kernel's writer.
    Unicast(Vec<IpAddr>),
    /// Drop silently: an own block.
    Blackhole,
    /// Answer with an error: no usable next hop.
    Unreachable,
}

/// The kernel's cursor in one family.
///
/// A writer that never pulls holds nothing back: its place in the log begins with its first pull.
#[derive(Debug, Default)]
pub(crate) enum KernelFeed {
    /// Nobody has pulled; whether anything would be found.
    #[default]
    Idle,
    /// On the way through the table.
    Walking {
        /// The next destination.
        next: DestId,
        /// Where to read the log from afterwards.
        after: Version,
    },
    /// Reading the log.
    Following {
        /// All up to here was handed on.
        after: Version,
    },
}

impl KernelFeed {
    /// The feed's place in the log, if it has one.
    pub(crate) const fn cursor(&self) -> Option<Version> {
        match self {
            Self::Idle => None,
            Self::Walking { after, .. } | Self::Following { after } => Some(*after),
        }
    }
}

impl<A: AddressFamily> LocRib<A> {
    /// Starts over: the writer, or the policy, has forgotten or changed what was handed on.
    pub(crate) fn restart_feed(&mut self) {
        if let Some(after) = self.feed.cursor() {
            self.feed = KernelFeed::Walking {
                next: DestId(0),
                after,
            };
        }
    }

    /// Whether a pull would look at something.
    pub(crate) fn feed_waits(&self) -> bool {
        match self.feed {
            KernelFeed::Idle => self.table.len() > 0,
            KernelFeed::Walking { .. } => true,
            KernelFeed::Following { after } => after < self.log.head(),
        }
    }

    /// Adds the latest state of changed destinations to `changes`, up to `max` in all.
    pub(crate) fn pull_feed(
        &mut self,
        shared: &Shared,
        changes: &mut Vec<FibChange>,
        max: usize,
        steps: &mut usize,
    ) {
        let Some(policies) = &shared.kernel else {
            return;
        };
        let policy = policies.get(A::FAMILY);
        if matches!(self.feed, KernelFeed::Idle) {
            let after = self.log.head();
            self.feed = KernelFeed::Walking {
                next: DestId(0),
                after,
            };
            self.log.read_to(after);
        }
        if let KernelFeed::Walking { mut next, after } = self.feed {
            while next < self.table.end() && changes.len() < max && *steps > 0 {
                *steps -= 1;
                // A prefix without an answer yet may be in the kernel from an earlier life.
                let settled =
                    |destination: &&Destination<A>| !destination.held && !destination.waits();
                if let Some(destination) = self.table.live(next).filter(settled) {
                    changes.push(change(destination, shared, policy));
                }
                next = next.next();
            }
            self.feed = KernelFeed::Walking { next, after };
            if next < self.table.end() {
                return;
            }
            self.feed = KernelFeed::Following { after };
        }
        let KernelFeed::Following { after } = &mut self.feed else {
            return;
        };
        for (version, dest) in self.log.after(*after) {
            if changes.len() == max || *steps == 0 {
                break;
            }
            *steps -= 1;
            let destination = self.table.get(dest);
            if destination.version == version && !destination.held {
                changes.push(change(destination, shared, policy));
            }
            debug_assert!(version > *after, "invariant 7: no cursor moves back");
            *after = version;
        }
        let after = *after;
        self.log.read_to(after);
    }
}

impl Shard {
    /// Answers the kernel's writer as far as there is an answer. An empty one says that nothing more
    /// will come of what was heard, upon which the writer removes what is left of an earlier life
    /// (invariant 11); so it is not given before that is true.
    pub(super) fn turn_fib(&mut self) {
        let mut steps = FEED_STEPS;
        while let Some(max) = self.fib_pulls.front().copied() {
            let mut changes = Vec::new();
            let Self { v4, v6, shared, .. } = self;
            v4.pull_feed(shared, &mut changes, max, &mut steps);
            v6.pull_feed(shared, &mut changes, max, &mut steps);
            let more_may_come = self.feeds_wait() || !self.is_settled();
            let speaks = max > 0 && self.shared.kernel.is_some();
            if speaks && changes.is_empty() && more_may_come {
                return;
            }
            self.fib_pulls.pop_front();
            self.fib_told = false;
            self.shared.outputs.push_back(Output::Fib(changes));
        }
    }

    /// Whether the kernel's cursors have something to look at.
    pub(super) fn feeds_wait(&self) -> bool {
        self.v4.feed_waits() || self.v6.feed_waits()
    }

    /// Says once that changes wait for the kernel's writer.
    pub(super) fn tell_fib(&mut self) {
        let waits = self.shared.kernel.is_some() && self.feeds_wait();
        if waits && !self.fib_told && self.fib_pulls.is_empty() {
            self.fib_told = true;
            self.shared.outputs.push_back(Output::FibPending);
        }
    }
}

/// What is wanted of the kernel for a destination.
pub(super) fn change<A: AddressFamily>(
    destination: &Destination<A>,
    shared: &Shared,
    policy: &Arc<Policy>,
) -> FibChange {
    let prefix = destination.prefix.into();
    FibChange {
        prefix,
        route: destination
            .best()
            .and_then(|best| route(prefix, best, destination.selected(), shared, policy)),
    }
}

fn route(
    prefix: Prefix,
    best: &Path,
    selected: &[Path],
    shared: &Shared,
    policy: &Policy,
) -> Option<FibRoute> {
    let local = best.source().is_local();
    let source = if local {
        RouteSource::Static
    } else {
        source_of(shared.peers.facts(best.source()).external)
    };
    let attributes = best.attributes();
    let verdict = policy.apply(&RouteContext {
        prefix,
        attributes,
        source,
    });
    let local_pref = match verdict {
        Verdict::Reject { .. } => return None,
        Verdict::Accept {
            attributes: edited, ..
        } => edited.map_or(attributes.local_pref, |edited| edited.local_pref),
    };
    if local {
        return Some(FibRoute {
            kind: FibRouteKind::Blackhole,
            metric: None,
        });
    }
    let kind = if best.usability() == Usability::Usable {
        let mut next_hops: Vec<_> = selected.iter().filter_map(next_hop).collect();
        next_hops.sort_unstable();
        next_hops.dedup();
        FibRouteKind::Unicast(next_hops)
    } else {
        FibRouteKind::Unreachable
    };
    // As in BIRD, a LOCAL_PREF above MAX wraps around (spec/calico.md §4.2).
    let metric = PRIORITY_MAX.wrapping_sub(local_pref.unwrap_or(LOCAL_PREF_DEFAULT));
    Some(FibRoute {
        kind,
        metric: Some(metric),
    })
}

fn next_hop(path: &Path) -> Option<IpAddr> {
    path.attributes().next_hop.address()
}

/// Destinations looked at for one pull of the kernel's writer.
const FEED_STEPS: usize = steps(16_384);
