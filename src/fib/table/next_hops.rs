//! From next hops to routes: which prefixes they carry, and the routes that result.

use std::net::IpAddr;

use super::FibTable;
use crate::fib::route::{KernelRoute, KernelRouteKind};
use crate::net::{Family, Prefix};
use crate::rib::{FibRoute, FibRouteKind, NextHopState};

/// The most next hops of one route; what exceeds it is left out (spec: ECMP up to 16).
const ECMP_MAX: usize = 16;

impl FibTable {
    /// Watches next hops for the owner, who is told about each at once.
    pub(in crate::fib) fn track(&mut self, next_hops: Vec<IpAddr>) {
        for next_hop in next_hops {
            self.asked.insert(next_hop);
            let state = self.resolver.track(next_hop).state();
            self.news.insert(next_hop, state);
        }
    }

    /// Stops to watch next hops for the owner.
    pub(in crate::fib) fn untrack(&mut self, next_hops: &[IpAddr]) {
        for next_hop in next_hops {
            self.asked.remove(next_hop);
            self.news.remove(next_hop);
            if !self.users.contains_key(next_hop) {
                self.resolver.untrack(*next_hop);
            }
        }
    }

    /// Carries a change of next hops on to the routes that use them and to the owner.
    pub(super) fn follow(&mut self, changed: Vec<IpAddr>) {
        for next_hop in changed {
            let Some(resolution) = self.resolver.tracked(next_hop) else {
                continue;
            };
            if self.asked.contains(&next_hop) {
                self.news.insert(next_hop, resolution.state());
            }
            let users = self.users.get(&next_hop).cloned().unwrap_or_default();
            for prefix in users {
                if self.aim(prefix) {
                    self.mark(prefix);
                }
            }
        }
    }

    /// Computes the target of a prefix afresh; true where it differs from before.
    pub(super) fn aim(&mut self, prefix: Prefix) -> bool {
        let Some(entry) = self.entries.get(&prefix) else {
            return false;
        };
        let target = entry.wanted.as_ref().map(|wanted| KernelRoute {
            prefix,
            kind: self.kernel_kind(prefix.family(), &wanted.kind),
            metric: KernelRoute::effective_metric(prefix.family(), wanted.metric),
            protocol: self.options.protocol,
            table: self.options.table,
            has_extras: false,
        });
        self.entries.get_mut(&prefix).is_some_and(|entry| {
            let differs = entry.target != target;
            entry.target = target;
            differs
        })
    }

    /// Next hops that lead nowhere are left out; a route without any becomes unreachable, so that
    /// packets are answered instead of following a less specific route.
    fn kernel_kind(&self, family: Family, wanted: &FibRouteKind) -> KernelRouteKind {
        match wanted {
            FibRouteKind::Blackhole => KernelRouteKind::Blackhole,
            FibRouteKind::Unreachable => KernelRouteKind::Unreachable,
            FibRouteKind::Unicast(next_hops) => {
                let resolved = next_hops
                    .iter()
                    .filter_map(|next_hop| Some(self.resolver.tracked(*next_hop)?.hops(*next_hop)));
                // IPv4 goes through IPv6 routers (RFC 8950), not the other way round.
                let usable = resolved.flatten().filter(|hop| {
                    family == Family::Ipv4 || hop.gateway.is_none_or(|gateway| gateway.is_ipv6())
                });
                match KernelRouteKind::unicast(usable) {
                    KernelRouteKind::Unicast(hops) if hops.is_empty() => {
                        KernelRouteKind::Unreachable
                    }
                    KernelRouteKind::Unicast(hops) if hops.len() > ECMP_MAX => {
                        KernelRouteKind::unicast(hops.into_iter().take(ECMP_MAX))
                    }
                    kind => kind,
                }
            }
        }
    }

    pub(super) fn release(&mut self, next_hop: IpAddr, prefix: Prefix) {
        let Some(users) = self.users.get_mut(&next_hop) else {
            return;
        };
        users.remove(&prefix);
        if users.is_empty() {
            self.users.remove(&next_hop);
            if !self.asked.contains(&next_hop) {
                self.resolver.untrack(next_hop);
            }
        }
    }

    /// Whether there is something to tell of next hops.
    pub(in crate::fib) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Takes what there is to tell of next hops.
    pub(in crate::fib) fn take_news(&mut self) -> Vec<(IpAddr, NextHopState)> {
        std::mem::take(&mut self.news).into_iter().collect()
    }
}

pub(super) fn next_hops(route: Option<&FibRoute>) -> &[IpAddr] {
    match route.map(|route| &route.kind) {
        Some(FibRouteKind::Unicast(next_hops)) => next_hops,
        Some(FibRouteKind::Blackhole | FibRouteKind::Unreachable) | None => &[],
    }
}
