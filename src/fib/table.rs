//! Wanted against present, prefix by prefix. Pure: wishes, snapshots, events and outcomes go in;
//! batches of operations and states of next hops come out.

mod mirror;
mod next_hops;
mod resync;
mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use super::kernel::Refusal;
use super::reconcile::{Op, Terms, reconcile};
use super::resolve::Resolver;
use super::route::{KernelRoute, RouteKey};
use super::task::FibOptions;
use super::view::FibView;
use crate::net::{PerFamily, Prefix};
use crate::rib::{FibChange, FibRoute, NextHopState};

use self::mirror::count_links;
use self::next_hops::next_hops;
pub(super) use self::resync::Resync;

/// The most prefixes looked at for one batch; most of them need nothing when routes are adopted.
const LOOKED_AT_MAX: usize = 4096;

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
}

#[cfg(test)]
mod tests;
