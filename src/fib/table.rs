//! Wanted against present, prefix by prefix. Pure: wishes, snapshots, events and outcomes go in;
//! batches of operations and states of next hops come out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use super::kernel::{Event, Refusal, Snapshot};
use super::reconcile::{Op, Terms, reconcile};
use super::resolve::{Effect, Resolver};
use super::route::{KernelRoute, KernelRouteKind, RouteKey, TABLE_MAIN};
use super::task::FibOptions;
use super::view::{FibRow, FibRowState, FibView};
use crate::net::{PerFamily, Prefix};
use crate::rib::{FibChange, FibRoute, FibRouteKind, NextHopState};

/// The most next hops of one route; what exceeds it is left out (spec: ECMP up to 16).
const ECMP_MAX: usize = 16;

/// The most prefixes looked at for one batch; most of them need nothing when routes are adopted.
const LOOKED_AT_MAX: usize = 4096;

const DENIED: &str = "missing CAP_NET_ADMIN: the kernel refuses to change routes (EPERM)";

/// Why the kernel is read again, in rising order of what it explains: differences that a link or a
/// lost message explains are nobody's meddling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resync {
    /// The safety net.
    Interval,
    /// An answer of the kernel that the mirror cannot explain.
    Refused,
    /// Others touched our routes, or an event does not fit the mirror.
    Event,
    /// A link with routes went down.
    Link,
    /// Messages were lost.
    Overrun,
    /// Nothing is known yet.
    Start,
}

impl Resync {
    /// The label in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Refused => "refused",
            Self::Event => "event",
            Self::Link => "link",
            Self::Overrun => "overrun",
            Self::Start => "start",
        }
    }

    const fn blames_others(self) -> bool {
        matches!(self, Self::Interval | Self::Event)
    }
}

/// What is known of one prefix.
#[derive(Debug, Default)]
struct Entry {
    wanted: Option<FibRoute>,
    /// The route that fulfils the wish as next hops lead at present.
    target: Option<KernelRoute>,
    /// Our routes in the kernel: one, or two while a metric changes.
    present: SmallVec<[KernelRoute; 1]>,
    /// Whether this run had a route here, so that it may take it away before sweeping is allowed.
    is_released: bool,
    refusal: Option<Refusal>,
}

/// All routes of ours, wanted and present.
#[derive(Debug)]
pub(super) struct FibTable {
    options: FibOptions,
    resolver: Resolver,
    entries: BTreeMap<Prefix, Entry>,
    /// Which prefixes a next hop carries.
    users: HashMap<IpAddr, BTreeSet<Prefix>>,
    /// The next hops that the owner asked for, whether routes use them or not.
    asked: BTreeSet<IpAddr>,
    /// States to tell, latest only.
    news: BTreeMap<IpAddr, NextHopState>,
    /// Keys in our table that others hold.
    taken: HashSet<RouteKey>,
    /// How many of our routes go through a link.
    through: HashMap<u32, usize>,
    dirty: PerFamily<BTreeSet<Prefix>>,
    refused: PerFamily<BTreeSet<Prefix>>,
    /// While writing is denied, one operation is let through now and then to see whether it still is.
    is_denied: bool,
    may_probe: bool,
    view: FibView,
}

impl FibTable {
    pub(super) fn new(options: FibOptions) -> Self {
        Self {
            options,
            resolver: Resolver::default(),
            entries: BTreeMap::new(),
            users: HashMap::new(),
            asked: BTreeSet::new(),
            news: BTreeMap::new(),
            taken: HashSet::new(),
            through: HashMap::new(),
            dirty: PerFamily::default(),
            refused: PerFamily::default(),
            is_denied: false,
            may_probe: false,
            view: FibView {
                enabled: true,
                ..FibView::default()
            },
        }
    }

    // ---- what the RIB wants ----

    /// Takes the latest wish for a prefix.
    pub(super) fn want(&mut self, change: FibChange) {
        let FibChange { prefix, route } = change;
        let entry = self.entries.entry(prefix).or_default();
        entry.is_released |= entry.wanted.is_some();
        let before = std::mem::replace(&mut entry.wanted, route.clone());
        entry.refusal = None;
        for next_hop in next_hops(route.as_ref()) {
            self.users.entry(*next_hop).or_default().insert(prefix);
            if self.resolver.tracked(*next_hop).is_none() {
                self.resolver.track(*next_hop);
            }
        }
        for next_hop in next_hops(before.as_ref()) {
            if !next_hops(route.as_ref()).contains(next_hop) {
                self.release(*next_hop, prefix);
            }
        }
        self.aim(prefix);
        self.mark(prefix);
    }

    /// Watches next hops for the owner, who is told about each at once.
    pub(super) fn track(&mut self, next_hops: Vec<IpAddr>) {
        for next_hop in next_hops {
            self.asked.insert(next_hop);
            let state = self.resolver.track(next_hop).state();
            self.news.insert(next_hop, state);
        }
    }

    /// Stops to watch next hops for the owner.
    pub(super) fn untrack(&mut self, next_hops: &[IpAddr]) {
        for next_hop in next_hops {
            self.asked.remove(next_hop);
            self.news.remove(next_hop);
            if !self.users.contains_key(next_hop) {
                self.resolver.untrack(*next_hop);
            }
        }
    }

    /// Allows to delete left-over routes: the tables are complete (invariant 11).
    pub(super) fn allow_sweep(&mut self) {
        self.view.sweeping = true;
        let left_over = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.wanted.is_none());
        for prefix in left_over.map(|(prefix, _)| *prefix).collect::<Vec<_>>() {
            self.mark(prefix);
        }
    }

    // ---- what the kernel tells ----

    /// Replaces the whole mirror by what the kernel says.
    pub(super) fn reset(&mut self, snapshot: Snapshot, reason: Resync) {
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
        let differs = entry.present != found;
        for route in std::mem::replace(&mut entry.present, found.clone()) {
            count_links(&mut self.through, &route, false);
            *self.view.routes.get_mut(prefix.family()) -= 1;
        }
        for route in &found {
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
    pub(super) fn on_event(&mut self, event: Event) -> Option<Resync> {
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

    // ---- what there is to do ----

    /// Whether operations wait.
    pub(super) fn has_work(&self) -> bool {
        self.dirty.iter().any(|(_, dirty)| !dirty.is_empty())
    }

    /// Whether refused operations wait for another try.
    pub(super) fn has_refused(&self) -> bool {
        self.refused.iter().any(|(_, refused)| !refused.is_empty())
    }

    /// Tries everything refused once more.
    pub(super) fn retry_refused(&mut self) {
        self.may_probe = true;
        for (dirty, refused) in [
            (&mut self.dirty.ipv4, &mut self.refused.ipv4),
            (&mut self.dirty.ipv6, &mut self.refused.ipv6),
        ] {
            dirty.append(refused);
        }
    }

    /// Takes operations for about `max` changes from the queue.
    pub(super) fn batch(&mut self, max: usize) -> Vec<Op> {
        let mut ops = Vec::new();
        for _ in 0..LOOKED_AT_MAX {
            if ops.len() >= max {
                break;
            }
            let dirty = [&mut self.dirty.ipv4, &mut self.dirty.ipv6];
            let Some(prefix) = dirty.into_iter().find_map(BTreeSet::pop_first) else {
                break;
            };
            let todo = self.todo(prefix);
            if todo.is_empty() {
                self.settle(prefix);
            } else if self.is_denied && !std::mem::take(&mut self.may_probe) {
                self.refused.get_mut(prefix.family()).insert(prefix);
            } else {
                ops.extend(todo);
            }
        }
        ops
    }

    /// Takes the outcomes of a batch; says whether the kernel has to be read again.
    pub(super) fn on_outcomes(
        &mut self,
        ops: Vec<Op>,
        outcomes: Vec<Result<(), Refusal>>,
    ) -> Option<Resync> {
        debug_assert_eq!(ops.len(), outcomes.len());
        let mut resync = None;
        for (op, outcome) in ops.into_iter().zip(outcomes) {
            let result = match &outcome {
                Ok(()) => "ok".to_owned(),
                Err(refusal) => refusal.name(),
            };
            let by_result = self
                .view
                .operations
                .entry(op.name().to_owned())
                .or_default();
            *by_result.entry(result).or_default() += 1;
            match outcome {
                Ok(()) => self.on_done(op),
                Err(refusal) => resync = resync.max(self.on_refused(&op, refusal)),
            }
        }
        resync
    }

    /// Puts operations back whose outcome is unknown.
    pub(super) fn put_back(&mut self, ops: &[Op]) {
        for op in ops {
            self.mark(op.key().prefix);
        }
    }

    fn on_done(&mut self, op: Op) {
        if std::mem::take(&mut self.is_denied) {
            self.retry_refused();
        }
        let prefix = op.key().prefix;
        match op {
            Op::Add(route) => self.now_present(route),
            Op::Replace { old, new } => {
                self.now_absent(&old);
                self.now_present(new);
            }
            Op::Delete(route) => self.now_absent(&route),
        }
        if let Some(entry) = self.entries.get_mut(&prefix) {
            entry.refusal = None;
        }
        // A change of metric has a second step.
        if !self.todo(prefix).is_empty() {
            self.mark(prefix);
        } else {
            self.settle(prefix);
        }
    }

    fn on_refused(&mut self, op: &Op, refusal: Refusal) -> Option<Resync> {
        let prefix = op.key().prefix;
        let is_known = self.taken.contains(&op.key());
        let resync = match (op, refusal.errno) {
            (_, libc::EPERM | libc::EACCES) => {
                self.is_denied = true;
                None
            }
            // What we meant to change is not there: somebody took it away and the event is on its way.
            (Op::Replace { .. }, libc::ENOENT | libc::ESRCH)
            | (Op::Delete(_), libc::ENOENT | libc::ESRCH) => Some(Resync::Event),
            (Op::Add(_), libc::EEXIST) if !is_known => Some(Resync::Refused),
            _ => None,
        };
        if let Some(entry) = self.entries.get_mut(&prefix) {
            entry.refusal = Some(refusal);
            self.refused.get_mut(prefix.family()).insert(prefix);
        }
        resync
    }

    fn now_present(&mut self, route: KernelRoute) {
        let entry = self.entries.entry(route.prefix).or_default();
        count_links(&mut self.through, &route, true);
        *self.view.routes.get_mut(route.prefix.family()) += 1;
        entry.present.push(route);
    }

    fn now_absent(&mut self, route: &KernelRoute) {
        let Some(entry) = self.entries.get_mut(&route.prefix) else {
            return;
        };
        if let Some(at) = entry.present.iter().position(|present| present == route) {
            entry.present.remove(at);
            count_links(&mut self.through, route, false);
            *self.view.routes.get_mut(route.prefix.family()) -= 1;
        }
    }

    /// Closes the books on a prefix that is as it should be; forgets it where it is nothing.
    fn settle(&mut self, prefix: Prefix) {
        self.refused.get_mut(prefix.family()).remove(&prefix);
        let Some(entry) = self.entries.get_mut(&prefix) else {
            return;
        };
        entry.refusal = None;
        if entry.wanted.is_none() && entry.present.is_empty() {
            self.entries.remove(&prefix);
        }
    }

    fn todo(&self, prefix: Prefix) -> SmallVec<[Op; 1]> {
        let Some(entry) = self.entries.get(&prefix) else {
            return SmallVec::new();
        };
        let target = entry.target.as_ref();
        let terms = Terms {
            may_delete: self.view.sweeping || entry.is_released,
            is_taken: target.is_some_and(|target| self.taken.contains(&target.key())),
        };
        reconcile(target, &entry.present, terms)
    }

    fn mark(&mut self, prefix: Prefix) {
        self.refused.get_mut(prefix.family()).remove(&prefix);
        self.dirty.get_mut(prefix.family()).insert(prefix);
    }

    // ---- next hops ----

    /// Carries a change of next hops on to the routes that use them and to the owner.
    fn follow(&mut self, changed: Vec<IpAddr>) {
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
    fn aim(&mut self, prefix: Prefix) -> bool {
        let Some(entry) = self.entries.get(&prefix) else {
            return false;
        };
        let target = entry.wanted.as_ref().map(|wanted| KernelRoute {
            prefix,
            kind: self.kernel_kind(&wanted.kind),
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
    fn kernel_kind(&self, wanted: &FibRouteKind) -> KernelRouteKind {
        match wanted {
            FibRouteKind::Blackhole => KernelRouteKind::Blackhole,
            FibRouteKind::Unreachable => KernelRouteKind::Unreachable,
            FibRouteKind::Unicast(next_hops) => {
                let resolved = next_hops
                    .iter()
                    .filter_map(|next_hop| Some(self.resolver.tracked(*next_hop)?.hops(*next_hop)));
                match KernelRouteKind::unicast(resolved.flatten()) {
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

    fn release(&mut self, next_hop: IpAddr, prefix: Prefix) {
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
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Takes what there is to tell of next hops.
    pub(super) fn take_news(&mut self) -> Vec<(IpAddr, NextHopState)> {
        std::mem::take(&mut self.news).into_iter().collect()
    }

    // ---- what is shown ----

    /// Says that the first full programming is over.
    pub(super) fn set_programmed(&mut self) {
        self.view.programmed = true;
    }

    /// The totals.
    pub(super) fn view(&self) -> FibView {
        let mut view = self.view.clone();
        view.denied = self.is_denied.then(|| DENIED.to_owned());
        for (family, dirty) in self.dirty.iter() {
            let pending = dirty.len() + self.refused.get(family).len();
            *view.pending.get_mut(family) = pending as u64;
        }
        view
    }

    /// Up to `max` prefixes in order, from the one behind `after`.
    pub(super) fn rows(&self, after: Option<Prefix>, max: usize) -> Vec<FibRow> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.entries.range((from, Bound::Unbounded)).take(max);
        entries
            .map(|(prefix, entry)| self.row(*prefix, entry))
            .collect()
    }

    fn row(&self, prefix: Prefix, entry: &Entry) -> FibRow {
        let words = |route: &KernelRoute| route.in_words(|index| self.resolver.link_name(index));
        let present: Vec<String> = entry.present.iter().map(words).collect();
        let is_refused = self.refused.get(prefix.family()).contains(&prefix);
        let is_installed = entry.present.as_slice() == entry.target.as_slice();
        let state = match &entry.target {
            Some(_) if is_installed => FibRowState::Installed,
            _ if is_refused => FibRowState::Refused,
            None if !entry.is_released && !self.view.sweeping => FibRowState::Stale,
            Some(_) | None => FibRowState::Pending,
        };
        let denied = || (is_refused && self.is_denied).then(|| DENIED.to_owned());
        FibRow {
            prefix,
            wanted: entry.target.as_ref().map(words),
            present: (!present.is_empty()).then(|| present.join("; ")),
            state,
            error: entry
                .refusal
                .as_ref()
                .map(Refusal::to_string)
                .or_else(denied),
        }
    }
}

fn next_hops(route: Option<&FibRoute>) -> &[IpAddr] {
    match route.map(|route| &route.kind) {
        Some(FibRouteKind::Unicast(next_hops)) => next_hops,
        Some(FibRouteKind::Blackhole | FibRouteKind::Unreachable) | None => &[],
    }
}

fn count_links(through: &mut HashMap<u32, usize>, route: &KernelRoute, is_new: bool) {
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

#[cfg(test)]
mod tests;
