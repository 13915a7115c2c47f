//! The routes of one family: paths in, selections out into the log.

use std::sync::Arc;

use super::batch::{RouteBatch, RouteOp};
use super::change_log::ChangeLog;
use super::command::LocalRoute;
use super::feed::KernelFeed;
use super::import::Import;
use super::path::{Epoch, Imported, Path};
use super::path_ids::PathIds;
use super::peers::PeerSlot;
use super::selection::{Selection, decide, decide_on, holds, is_total};
use super::shared::Shared;
use super::table::{DestId, PrefixHash, Table};
use super::update_group::Group;
use crate::net::{AddressFamily, PathId, PrefixKey};
use crate::wire::{NextHop, Nlri, PathAttributes};

/// All route state of one family.
pub(crate) struct LocRib<A: AddressFamily> {
    pub(crate) table: Table<A>,
    pub(crate) log: ChangeLog,
    pub(crate) groups: Vec<Group>,
    pub(crate) feed: KernelFeed,
    pub(crate) path_ids: PathIds,
    /// Prefixes with at least one path.
    pub(crate) prefixes: u64,
    /// Paths, refused ones included.
    pub(crate) paths: u64,
    /// Where the destinations of a batch are; empty between two batches.
    located: Vec<Located>,
}

/// The hash of a prefix, and its destination as it was when the batch arrived.
#[derive(Clone, Copy)]
struct Located {
    hash: PrefixHash,
    dest: Option<DestId>,
}

impl<A: AddressFamily> Default for LocRib<A> {
    fn default() -> Self {
        Self {
            table: Table::default(),
            log: ChangeLog::default(),
            groups: Vec::new(),
            feed: KernelFeed::default(),
            path_ids: PathIds::default(),
            prefixes: 0,
            paths: 0,
            located: Vec::new(),
        }
    }
}

impl<A: AddressFamily> LocRib<A> {
    /// Applies a peer's routes in the order in which they arrived.
    pub(crate) fn apply(
        &mut self,
        shared: &mut Shared,
        slot: PeerSlot,
        batch: &RouteBatch<A::Prefix>,
    ) {
        let peer = shared.peers.get(slot);
        let (setup, local_address) = (Arc::clone(&peer.setup), peer.local_address());
        let mut located = self.locate(batch.nlri());
        let mut places = located.iter().copied();
        for (op, run) in batch.iter() {
            match op {
                RouteOp::Announce(content) => {
                    let received = shared.interner.intern_content(content);
                    let mut import = Import::new(&setup, local_address, A::FAMILY, &received);
                    for (nlri, place) in run.iter().zip(&mut places) {
                        let imported = import.verdict(nlri.prefix.into(), &mut shared.interner);
                        self.store(shared, slot, *nlri, place, Arc::clone(&received), imported);
                    }
                }
                RouteOp::Withdraw => {
                    for (nlri, place) in run.iter().zip(&mut places) {
                        self.withdraw(shared, slot, *nlri, place);
                    }
                }
            }
        }
        located.clear();
        self.located = located;
    }

    /// Looks up all prefixes of a batch. Nothing else is done meanwhile, so that the processor waits for
    /// many places in memory at once.
    fn locate(&mut self, nlri: &[Nlri<A::Prefix>]) -> Vec<Located> {
        let mut located = std::mem::take(&mut self.located);
        located.extend(nlri.iter().map(|nlri| Located {
            hash: self.table.hash(nlri.prefix),
            dest: None,
        }));
        for (place, nlri) in located.iter_mut().zip(nlri) {
            place.dest = self.table.find_hashed(nlri.prefix, place.hash);
        }
        located
    }

    /// The destination of a prefix; one that a route of the same batch has changed is looked up again.
    fn destination(&self, prefix: A::Prefix, place: Located) -> Option<DestId> {
        let is_there = |dest: &DestId| {
            let destination = self.table.live(*dest);
            destination.is_some_and(|destination| destination.prefix == prefix)
        };
        let known = place.dest.filter(is_there);
        known.or_else(|| self.table.find_hashed(prefix, place.hash))
    }

    /// Originates a route.
    pub(crate) fn originate(&mut self, shared: &mut Shared, route: &LocalRoute) {
        let Some(prefix) = A::Prefix::from_prefix(route.prefix) else {
            return;
        };
        let attributes = Arc::new(PathAttributes::originated(NextHop::Local));
        let received = shared.interner.intern(attributes);
        let nlri = Nlri {
            prefix,
            path_id: PathId(0),
        };
        let place = Located {
            hash: self.table.hash(prefix),
            dest: None,
        };
        let verdict = Imported::AsReceived;
        self.store(shared, PeerSlot::LOCAL, nlri, place, received, verdict);
    }

    fn store(
        &mut self,
        shared: &mut Shared,
        slot: PeerSlot,
        nlri: Nlri<A::Prefix>,
        place: Located,
        received: Arc<PathAttributes>,
        imported: Imported,
    ) {
        let mut dest = self.destination(nlri.prefix, place);
        if !self.admits(shared, slot, dest) {
            shared.interner.release(1);
            return;
        }
        let dest = *dest.get_or_insert_with(|| self.table.entry(nlri.prefix, place.hash));
        let destination = self.table.get_mut(dest);
        let before = Selection::of(destination, false);
        let epoch = shared
            .peers
            .rib_mut(slot, A::FAMILY)
            .map_or(Epoch::default(), |rib| rib.epoch());
        let mut paths = destination.paths.iter();
        let known = paths.position(|path| path.is(slot, nlri.path_id));
        if known.is_none() && has_enough(&destination.paths, slot, epoch) {
            if let Some(rib) = shared.peers.rib_mut(slot, A::FAMILY) {
                rib.surplus();
            }
            shared.interner.release(1);
            return;
        }
        let path = Path::new(received, imported, slot, nlri.path_id, epoch);
        // The new path is counted first: a next hop that both share stays in use throughout.
        shared.count_stored(&path, destination.prefix.into(), dest);
        let mut is_news = path.refusal().is_none();
        let was_selected = known.is_some_and(|at| at < destination.selected.into());
        match known {
            Some(at) => {
                let known = &mut destination.paths[at];
                let old = std::mem::replace(known, path);
                if old.holds() {
                    known.set_holds();
                }
                is_news |= old.refusal().is_none();
                is_news &= !is_same(&old, known);
                shared.count_dropped(&old, A::FAMILY);
            }
            None => {
                self.prefixes += u64::from(destination.paths.is_empty());
                self.paths += 1;
                destination.paths.push(path);
                self.path_ids.added(dest, &destination.paths);
            }
        }
        shared.measure(slot, A::FAMILY);
        let destination = self.table.get_mut(dest);
        if was_selected {
            decide(destination, shared);
        } else {
            let at = known.unwrap_or(destination.paths.len() - 1);
            decide_on(destination, at, known.is_some(), shared);
        }
        self.log_change(shared, dest, &before, is_news && self.path_ids.is_on());
    }

    /// Whether a peer's limit lets it announce a prefix with this destination, if it has one. One that
    /// it has announced already may change: the table does not grow by that.
    fn admits(&self, shared: &mut Shared, slot: PeerSlot, dest: Option<DestId>) -> bool {
        let Some(rib) = shared.peers.rib_mut(slot, A::FAMILY) else {
            return true;
        };
        if !rib.is_full() {
            return true;
        }
        let admits = dest.is_some_and(|dest| rib.dests.contains(dest));
        if !admits {
            let event = rib.refuse();
            shared.say_limit(slot, A::FAMILY, event);
        }
        admits
    }

    /// Withdraws a path; one that is not there changes nothing.
    fn withdraw(
        &mut self,
        shared: &mut Shared,
        slot: PeerSlot,
        nlri: Nlri<A::Prefix>,
        place: Located,
    ) {
        if let Some(dest) = self.destination(nlri.prefix, place) {
            self.remove_paths(shared, dest, slot, |path| path.path_id() == nlri.path_id);
        }
    }

    /// Removes those paths of a source to a destination that `goes` picks.
    pub(crate) fn remove_paths(
        &mut self,
        shared: &mut Shared,
        dest: DestId,
        slot: PeerSlot,
        goes: impl Fn(&Path) -> bool,
    ) {
        let destination = self.table.get_mut(dest);
        let before = Selection::of(destination, false);
        let mut removed = 0;
        let mut is_news = false;
        let ids = &mut self.path_ids;
        let mut selected = destination.selected;
        let mut index = 0;
        let mut stays = false;
        destination.paths.retain(|path| {
            let goes = path.source() == slot && goes(path);
            if goes {
                removed += 1;
                selected -= u8::from(index < usize::from(destination.selected));
                is_news |= path.refusal().is_none();
                ids.removed(dest, path);
                shared.count_dropped(path, A::FAMILY);
            }
            stays |= path.source() == slot && !goes;
            index += 1;
            !goes
        });
        if removed == 0 {
            return;
        }
        let lost = destination.selected - selected;
        destination.selected = selected;
        if lost > 0 || destination.paths.len() < 2 || !is_total(destination, shared) {
            decide(destination, shared);
        }
        self.paths -= removed;
        self.prefixes -= u64::from(destination.paths.is_empty());
        if let Some(rib) = shared.peers.rib_mut(slot, A::FAMILY).filter(|_| !stays) {
            rib.gone(dest);
        }
        self.log_change(shared, dest, &before, is_news && self.path_ids.is_on());
    }

    /// Runs the decision process over a destination, and logs what changed as [`Self::log_change`].
    pub(crate) fn reselect(
        &mut self,
        shared: &mut Shared,
        dest: DestId,
        before: &Selection,
        touch: bool,
    ) {
        decide(self.table.get_mut(dest), shared);
        self.log_change(shared, dest, before, touch);
    }

    /// Logs what readers could see of a change; with `touch` also where there is none. A change for
    /// the worse that is due to a next hop which the owner has not told yet is held back.
    fn log_change(&mut self, shared: &mut Shared, dest: DestId, before: &Selection, touch: bool) {
        let destination = self.table.get_mut(dest);
        let after = Selection::of(destination, before.others.is_some());
        let was_held = destination.held;
        destination.held = holds(destination, before);
        let changed = after != *before || (touch && destination.selected > 0);
        shared.count_best(before.best(), after.best(), A::FAMILY);
        if (changed || was_held) && !destination.held {
            self.touch(dest);
        }
        self.free_unless_seen(dest);
    }

    /// Makes every reader of the log look at a destination (again).
    pub(crate) fn touch(&mut self, dest: DestId) {
        let destination = self.table.get_mut(dest);
        if let Some(version) = self.log.append(dest, destination.version) {
            destination.version = version;
            let table = &self.table;
            self.log
                .compact(|dest| table.live(dest).map(|d| d.version).unwrap_or_default());
        }
        debug_assert!(self.log.len() <= 2 * self.table.len() + 64, "invariant 7");
    }

    /// Gives up an empty destination that no reader has still to learn about; others stay as
    /// tombstones until the log is trimmed behind them (invariant 7).
    fn free_unless_seen(&mut self, dest: DestId) {
        let destination = self.table.get(dest);
        if destination.version > self.log.trimmed() {
            return;
        }
        // What is held back is still told under the identifiers that it had.
        if !destination.held {
            self.path_ids.passed(dest);
        }
        if destination.paths.is_empty() {
            self.table.free(dest);
        }
    }

    /// Drops what every reader has passed, up to `steps` entries; says whether more is left.
    pub(crate) fn trim(&mut self, steps: usize) -> bool {
        if self.log.len() == 0 {
            return false;
        }
        let slowest = self.slowest_reader();
        for _ in 0..steps {
            let Some((version, dest)) = self.log.pop(slowest) else {
                return false;
            };
            match self.table.live(dest) {
                Some(destination) if destination.version == version => {
                    self.free_unless_seen(dest);
                }
                Some(_) | None => self.log.popped_dead(),
            }
        }
        true
    }
}

/// Whether a peer has all the paths to one prefix that it may have. Stale ones do not count: a restarted
/// peer may number its paths anew.
fn has_enough(paths: &[Path], slot: PeerSlot, epoch: Epoch) -> bool {
    let current = |path: &&Path| path.source() == slot && path.epoch() == epoch;
    paths.len() >= PEER_PATHS_MAX && paths.iter().filter(current).count() >= PEER_PATHS_MAX
}

/// Whether a path that replaces another one of the same identity tells readers nothing new.
fn is_same(old: &Path, new: &Path) -> bool {
    Arc::ptr_eq(old.attributes(), new.attributes())
        && old.refusal().is_some() == new.refusal().is_some()
}

/// The most paths that one peer may have to one prefix (ADD-PATH, RFC 7911 §6 warns of what they take):
/// further ones are not stored, and come in only when they are announced again after others have gone.
const PEER_PATHS_MAX: usize = 64;
