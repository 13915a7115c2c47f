//! The routes of one family: paths in, selections out into the log.

use std::sync::Arc;

use smallvec::SmallVec;

use super::batch::{RouteBatch, RouteOp};
use super::change_log::ChangeLog;
use super::command::LocalRoute;
use super::decision::{Candidate, Candidates, select};
use super::feed::KernelFeed;
use super::import::Import;
use super::path::{Epoch, Imported, Path, Usability};
use super::path_ids::PathIds;
use super::peers::PeerSlot;
use super::shared::Shared;
use super::table::{DestId, Destination, Table};
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
        }
    }
}

/// What readers of the log can see of a selection.
#[derive(PartialEq)]
pub(crate) struct Selection {
    selected: SmallVec<[Facts; 1]>,
    /// The other paths, where some group sends those as well; their order means nothing.
    others: Vec<Facts>,
}

/// Source, identifier, attributes and usability of a path. Attributes are told apart by their pointers:
/// they are interned, and nothing is swept between two looks at one destination.
type Facts = (PeerSlot, PathId, usize, Usability);

impl Selection {
    /// What is selected, and `with_others` also what is not but could be.
    pub(crate) fn of<A: AddressFamily>(destination: &Destination<A>, with_others: bool) -> Self {
        let facts = |path: &Path| {
            let attributes = Arc::as_ptr(path.attributes()) as usize;
            (path.source(), path.path_id(), attributes, path.usability())
        };
        let mut others = Vec::new();
        if with_others {
            let rest = destination.paths.iter().skip(destination.selected.into());
            others.extend(rest.filter(|path| path.refusal().is_none()).map(facts));
            others.sort_unstable_by_key(|(source, path_id, ..)| (*source, *path_id));
        }
        Self {
            selected: destination.selected().iter().map(facts).collect(),
            others,
        }
    }

    fn best(&self) -> Option<PeerSlot> {
        self.selected.first().map(|(source, ..)| *source)
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
        for (op, run) in batch.iter() {
            match op {
                RouteOp::Announce(content) => {
                    let received = shared.interner.intern_content(content);
                    let mut import = Import::new(&setup, local_address, A::FAMILY, &received);
                    for nlri in run {
                        let imported = import.verdict(nlri.prefix.into(), &mut shared.interner);
                        self.store(shared, slot, *nlri, Arc::clone(&received), imported);
                    }
                }
                RouteOp::Withdraw => {
                    for nlri in run {
                        self.withdraw(shared, slot, *nlri);
                    }
                }
            }
        }
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
        self.store(
            shared,
            PeerSlot::LOCAL,
            nlri,
            received,
            Imported::AsReceived,
        );
    }

    fn store(
        &mut self,
        shared: &mut Shared,
        slot: PeerSlot,
        nlri: Nlri<A::Prefix>,
        received: Arc<PathAttributes>,
        imported: Imported,
    ) {
        if !self.admits(shared, slot, nlri.prefix) {
            shared.interner.release(1);
            return;
        }
        let dest = self.table.entry(nlri.prefix);
        let destination = self.table.get_mut(dest);
        let before = Selection::of(destination, self.path_ids.is_on());
        let rib = shared.peers.rib_mut(slot, A::FAMILY);
        let epoch = rib.map_or(Epoch::default(), |rib| rib.epoch());
        // Stale paths do not count: a restarted peer may number its paths anew.
        let current = |path: &&Path| path.source() == slot && path.epoch() == epoch;
        let is_full = destination.paths.len() >= PEER_PATHS_MAX
            && destination.paths.iter().filter(current).count() >= PEER_PATHS_MAX;
        if is_full
            && !destination
                .paths
                .iter()
                .any(|path| path.is(slot, nlri.path_id))
        {
            if let Some(rib) = shared.peers.rib_mut(slot, A::FAMILY) {
                rib.surplus();
            }
            shared.interner.release(1);
            return;
        }
        let path = Path::new(received, imported, slot, nlri.path_id, epoch);
        // The new path is counted first: a next hop that both share stays in use throughout.
        shared.count_stored(&path, A::FAMILY, dest);
        let known = destination
            .paths
            .iter_mut()
            .find(|path| path.is(slot, nlri.path_id));
        match known {
            Some(known) => {
                let old = std::mem::replace(known, path);
                if old.holds() {
                    known.set_holds();
                }
                shared.count_dropped(&old, A::FAMILY);
            }
            None => {
                self.prefixes += u64::from(destination.paths.is_empty());
                self.paths += 1;
                destination.paths.push(path);
            }
        }
        shared.measure(slot, A::FAMILY);
        self.reselect(shared, dest, &before, false);
    }

    /// Whether a peer's limit lets it announce a prefix. One that it has announced already may change:
    /// the table does not grow by that.
    fn admits(&self, shared: &mut Shared, slot: PeerSlot, prefix: A::Prefix) -> bool {
        let Some(rib) = shared.peers.rib_mut(slot, A::FAMILY) else {
            return true;
        };
        if !rib.is_full() {
            return true;
        }
        let known = self.table.find(prefix);
        let admits = known.is_some_and(|dest| rib.dests.contains(dest));
        if !admits {
            let event = rib.refuse();
            shared.say_limit(slot, A::FAMILY, event);
        }
        admits
    }

    /// Withdraws a path; one that is not there changes nothing.
    pub(crate) fn withdraw(&mut self, shared: &mut Shared, slot: PeerSlot, nlri: Nlri<A::Prefix>) {
        if let Some(dest) = self.table.find(nlri.prefix) {
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
        let before = Selection::of(destination, self.path_ids.is_on());
        let mut removed = 0;
        let mut selected = destination.selected;
        let mut index = 0;
        let mut stays = false;
        destination.paths.retain(|path| {
            let goes = path.source() == slot && goes(path);
            if goes {
                removed += 1;
                selected -= u8::from(index < usize::from(destination.selected));
                shared.count_dropped(path, A::FAMILY);
            }
            stays |= path.source() == slot && !goes;
            index += 1;
            !goes
        });
        if removed == 0 {
            return;
        }
        destination.selected = selected;
        self.paths -= removed;
        self.prefixes -= u64::from(destination.paths.is_empty());
        if destination.paths.spilled() && destination.paths.len() < 2 {
            destination.paths.shrink_to_fit();
        }
        if let Some(rib) = shared.peers.rib_mut(slot, A::FAMILY).filter(|_| !stays) {
            rib.gone(dest);
        }
        self.reselect(shared, dest, &before, false);
    }

    /// Runs the decision process over a destination and logs what readers could see of a change;
    /// with `touch` also where there is none. A change for the worse that is due to a next hop which
    /// the owner has not told yet is held back.
    pub(crate) fn reselect(
        &mut self,
        shared: &mut Shared,
        dest: DestId,
        before: &Selection,
        touch: bool,
    ) {
        let destination = self.table.get_mut(dest);
        decide(destination, shared);
        let after = Selection::of(destination, self.path_ids.is_on());
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
        if destination.paths.is_empty() && destination.version <= self.log.trimmed() {
            self.path_ids.passed(dest, &[]);
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
                    // What is held back is still told under the identifiers that it had.
                    if !destination.held {
                        self.path_ids.passed(dest, &destination.paths);
                    }
                    self.free_unless_seen(dest);
                }
                Some(_) | None => self.log.popped_dead(),
            }
        }
        true
    }
}

/// Whether readers keep what they were told for now: all paths that are left wait for their next hops,
/// or the best one was replaced by one that does. The answer is on its way, and to say otherwise for a
/// few milliseconds would cut traffic.
fn holds<A: AddressFamily>(destination: &mut Destination<A>, before: &Selection) -> bool {
    if let Some((source, path_id, ..)) = before.selected.first() {
        let mut paths = destination.paths.iter_mut();
        if let Some(path) = paths.find(|path| path.is(*source, *path_id) && path.waits()) {
            path.set_holds();
        }
    }
    let was_told = destination.held || !before.selected.is_empty();
    (was_told && destination.waits()) || destination.paths.iter().any(Path::holds)
}

/// Sets the order and the number of selected paths.
fn decide<A: AddressFamily>(destination: &mut Destination<A>, shared: &Shared) {
    let mut candidates = Candidates::new();
    let mut selectable = 0;
    let alone = destination.paths.len() == 1;
    for (index, path) in destination.paths.iter_mut().enumerate() {
        if path.refusal().is_some() {
            continue;
        }
        let next_hop = path.received().next_hop.address();
        path.set_usability(shared.next_hops.resolve(next_hop).usability);
        if path.usability() == Usability::Waiting {
            continue;
        }
        selectable += 1;
        if !alone {
            let candidate = Candidate::of(index, path, &shared.peers, &shared.next_hops);
            candidates.push(candidate.under(&shared.options.selection, path));
        }
    }
    if alone {
        destination.selected = selectable;
        return;
    }
    select(&mut candidates, &shared.options.selection);
    for to in 0..candidates.len() {
        let from = candidates[to].index;
        destination.paths.swap(to, from);
        // Whoever stood at `to` stands at `from` now.
        for later in &mut candidates[to + 1..] {
            if later.index == to {
                later.index = from;
            }
        }
    }
    destination.selected =
        u8::try_from(candidates.len()).expect("the bound of load sharing is one octet");
}

/// The most paths that one peer may have to one prefix (ADD-PATH, RFC 7911 §6 warns of what they take):
/// further ones are not stored, and come in only when they are announced again after others have gone.
const PEER_PATHS_MAX: usize = 64;
