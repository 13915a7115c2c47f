//! What the kernel tells: snapshots and events.

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::{Entry, FibTable, Resync};
use crate::fib::kernel::{Event, Snapshot};
use crate::fib::resolve::Effect;
use crate::fib::route::{KernelRoute, TABLE_MAIN};
use crate::fib::task::FibOptions;
use crate::net::Prefix;

impl FibTable {
    /// Replaces the whole mirror by what the kernel says.
    pub(in crate::fib) fn reset(&mut self, snapshot: Snapshot, reason: Resync) {
        *self
            .view
            .resyncs
            .entry(reason.name().to_owned())
            .or_default() += 1;
        let FibOptions { table, protocol } = self.options;
        let mut ours: HashMap<Prefix, SmallVec<[KernelRoute; 1]>> = HashMap::new();
        let mut others = Vec::new();
        self.taken.clear();
        for route in snapshot.routes {
            if route.protocol != protocol {
                if route.table == table {
                    self.taken.insert(route.key());
                }
                if route.table == TABLE_MAIN {
                    others.push(route);
                }
            } else if route.table == table {
                ours.entry(route.prefix).or_default().push(route);
            }
        }
        let changed = self
            .resolver
            .reset(snapshot.links, snapshot.addresses, others);
        self.follow(changed);
        let known: Vec<Prefix> = self.entries.keys().copied().collect();
        for prefix in known {
            let found = ours.remove(&prefix).unwrap_or_default();
            self.found(prefix, found, reason);
        }
        for (prefix, found) in ours {
            self.entries.insert(prefix, Entry::default());
            self.found(prefix, found, reason);
        }
    }

    /// Takes what a dump says of one prefix.
    fn found(&mut self, prefix: Prefix, found: SmallVec<[KernelRoute; 1]>, reason: Resync) {
        let is_settled = !self.dirty.get(prefix.family()).contains(&prefix)
            && !self.refused.get(prefix.family()).contains(&prefix);
        let Some(entry) = self.entries.get_mut(&prefix) else {
            return;
        };
        let before = std::mem::replace(&mut entry.present, found);
        let differs = before != entry.present;
        for route in &before {
            count_links(&mut self.through, route, false);
            *self.view.routes.get_mut(prefix.family()) -= 1;
        }
        for route in &entry.present {
            count_links(&mut self.through, route, true);
            *self.view.routes.get_mut(prefix.family()) += 1;
        }
        if differs && is_settled && reason.blames_others() && !self.todo(prefix).is_empty() {
            self.view.drift_repaired += 1;
        }
        if differs || !is_settled || !self.todo(prefix).is_empty() {
            self.mark(prefix);
        }
    }

    /// Takes a change that others made; says whether the kernel has to be read again.
    pub(in crate::fib) fn on_event(&mut self, event: Event) -> Option<Resync> {
        match event {
            Event::Link(link) => {
                let index = link.index;
                let went_down = !link.is_up;
                if self.resolver.link(index) == Some(&link) {
                    return None;
                }
                let effect = self.resolver.set_link(link);
                self.on_link_effect(index, effect, went_down)
            }
            Event::LinkGone(index) => {
                let effect = self.resolver.remove_link(index);
                self.on_link_effect(index, effect, true)
            }
            Event::Address(address) => {
                let effect = self.resolver.add_address(address);
                self.retry_refused();
                self.on_effect(effect)
            }
            Event::AddressGone(address) => {
                let effect = self.resolver.remove_address(address);
                let resync = self.on_effect(effect);
                // With its last IPv4 address an interface loses all IPv4 routes, without a word.
                let may_lose = address.address.is_ipv4()
                    && (self.through.contains_key(&address.link)
                        || self.resolver.has_routes_through(address.link));
                may_lose.then_some(Resync::Link).or(resync)
            }
            Event::Route { route, replaces } => self.on_route(route, replaces),
            Event::RouteGone(route) => self.on_route_gone(&route),
            Event::Overrun => Some(Resync::Overrun),
        }
    }

    fn on_link_effect(&mut self, index: u32, effect: Effect, went_down: bool) -> Option<Resync> {
        let resync = self.on_effect(effect).map(|_| Resync::Link);
        if went_down {
            return self
                .through
                .contains_key(&index)
                .then_some(Resync::Link)
                .or(resync);
        }
        self.retry_refused();
        resync
    }

    fn on_effect(&mut self, effect: Effect) -> Option<Resync> {
        self.follow(effect.changed);
        (!effect.is_certain).then_some(Resync::Event)
    }

    fn on_route(&mut self, route: KernelRoute, replaces: bool) -> Option<Resync> {
        let FibOptions { table, protocol } = self.options;
        if route.protocol == protocol {
            return (route.table == table).then_some(Resync::Event);
        }
        let mut resync = None;
        if route.table == table {
            self.taken.insert(route.key());
            let entry = self.entries.get(&route.prefix);
            // It may have taken the place of ours without another word.
            if entry.is_some_and(|entry| entry.present.iter().any(|r| r.key() == route.key())) {
                resync = Some(Resync::Event);
            }
        }
        if route.table == TABLE_MAIN {
            let effect = self.resolver.add_route(route, replaces);
            if !effect.changed.is_empty() {
                self.retry_refused();
            }
            resync = resync.max(self.on_effect(effect));
        }
        resync
    }

    fn on_route_gone(&mut self, route: &KernelRoute) -> Option<Resync> {
        let FibOptions { table, protocol } = self.options;
        if route.protocol == protocol {
            return (route.table == table).then_some(Resync::Event);
        }
        if route.table == table && self.taken.remove(&route.key()) {
            let refused = self.refused.get_mut(route.prefix.family());
            if refused.remove(&route.prefix) {
                self.mark(route.prefix);
            }
        }
        if route.table != TABLE_MAIN {
            return None;
        }
        let effect = self.resolver.remove_route(route);
        self.on_effect(effect)
    }
}

/// Keeps the count of our routes through each link.
pub(super) fn count_links(through: &mut HashMap<u32, usize>, route: &KernelRoute, is_new: bool) {
    for hop in route.kind.hops() {
        let count = through.entry(hop.oif).or_default();
        if is_new {
            *count += 1;
        } else {
            *count = count.saturating_sub(1);
        }
        if *count == 0 {
            through.remove(&hop.oif);
        }
    }
}
