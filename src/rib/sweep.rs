//! Work over many destinations, done a bounded step at a time.

use std::net::IpAddr;

use super::command::GroupId;
use super::import::Import;
use super::loc_rib::LocRib;
use super::peers::PeerSlot;
use super::selection::Selection;
use super::shared::Shared;
use super::table::DestId;
use crate::net::{AddressFamily, Family};

/// One piece of such work and how far it has come.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) family: Family,
    pub(crate) kind: SweepKind,
    next: DestId,
}

/// What is done to each destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SweepKind {
    /// Remove the peer's stale paths.
    Expire(PeerSlot),
    /// Run the import policy over the peer's paths again.
    Reimport {
        /// The peer.
        peer: PeerSlot,
        /// Whether groups have to look at all of them again, also where they stay the same.
        told_otherwise: bool,
    },
    /// Compare what a group is told under its key with what it was told.
    Reexport(GroupId),
    /// Decide again where a path leads through a next hop.
    Resolve(IpAddr),
    /// Decide everything again: the rules of selection changed.
    Reselect,
}

impl Sweep {
    pub(crate) const fn new(family: Family, kind: SweepKind) -> Self {
        Self {
            family,
            kind,
            next: DestId(0),
        }
    }

    /// Whether this will do all that `other` would. One that has begun may have passed what changed
    /// since, and is not restarted either: a flapping next hop would keep it from its end.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.family == other.family && self.kind == other.kind && self.next == DestId(0)
    }

    /// Whether this removes a peer's paths.
    pub(crate) fn expires(&self, slot: PeerSlot) -> bool {
        self.kind == SweepKind::Expire(slot)
    }

    /// Whether this imports a peer's paths again.
    pub(crate) fn reimports(&self, slot: PeerSlot) -> bool {
        matches!(self.kind, SweepKind::Reimport { peer, .. } if peer == slot)
    }
}

impl<A: AddressFamily> LocRib<A> {
    /// Does up to `steps` destinations of a sweep and returns what is left of the steps; `None`
    /// where the sweep needs more.
    pub(crate) fn sweep(
        &mut self,
        shared: &mut Shared,
        sweep: &mut Sweep,
        steps: usize,
    ) -> Option<usize> {
        if let SweepKind::Reexport(group) = sweep.kind {
            return self.reexport(shared, group, &mut sweep.next, steps);
        }
        for done in 0..steps {
            let dest = match sweep.kind {
                SweepKind::Expire(slot) | SweepKind::Reimport { peer: slot, .. } => {
                    let rib = shared.peers.rib_mut(slot, A::FAMILY);
                    rib.and_then(|rib| rib.dests.next_from(sweep.next))
                }
                SweepKind::Resolve(address) => {
                    shared.next_hops.next_dest(address, A::FAMILY, sweep.next)
                }
                SweepKind::Reexport(_) => None,
                SweepKind::Reselect => Some(sweep.next).filter(|next| *next < self.table.end()),
            };
            let Some(dest) = dest else {
                return Some(steps - done);
            };
            sweep.next = dest.next();
            match sweep.kind {
                SweepKind::Expire(slot) => self.expire(shared, slot, dest),
                SweepKind::Reimport {
                    peer,
                    told_otherwise,
                } => self.reimport(shared, peer, dest, told_otherwise),
                SweepKind::Resolve(address) => self.resolve(shared, address, dest),
                SweepKind::Reexport(_) => {}
                SweepKind::Reselect => self.decide_again(shared, dest),
            }
        }
        None
    }

    fn expire(&mut self, shared: &mut Shared, slot: PeerSlot, dest: DestId) {
        let current = shared.peers.get(slot).ribs.get(A::FAMILY).epoch();
        self.remove_paths(shared, dest, slot, |path| path.epoch() != current);
    }

    /// Logs the destination only where readers could see a change, unless they are told otherwise even
    /// of what stays.
    fn reimport(
        &mut self,
        shared: &mut Shared,
        slot: PeerSlot,
        dest: DestId,
        told_otherwise: bool,
    ) {
        let peer = shared.peers.get(slot);
        let (setup, local_address) = (std::sync::Arc::clone(&peer.setup), peer.local_address());
        let destination = self.table.get_mut(dest);
        let before = Selection::of(destination, self.path_ids.is_on());
        let prefix = destination.prefix.into();
        let mut touch = told_otherwise;
        for path in destination.paths.iter_mut() {
            if path.source() != slot {
                continue;
            }
            let mut import = Import::new(&setup, local_address, A::FAMILY, path.received());
            let imported = import.verdict(prefix, &mut shared.interner);
            let was = path.refusal();
            let preference = path.preference();
            path.set_imported(imported);
            let is = path.refusal();
            // It may rank otherwise among the paths that are not selected.
            touch |= self.path_ids.is_on() && path.preference() != preference;
            shared.interner.release(1);
            let next_hop = path.received().next_hop.address();
            match (was.is_none(), is.is_none()) {
                (false, true) => shared.next_hops.hold(next_hop, A::FAMILY, dest),
                (true, false) => shared.next_hops.drop_hold(next_hop),
                (true, true) | (false, false) => {}
            }
            if let Some(rib) = shared.peers.rib_mut(slot, A::FAMILY) {
                rib.reimported(was, is);
            }
        }
        self.reselect(shared, dest, &before, touch);
    }

    fn resolve(&mut self, shared: &mut Shared, address: IpAddr, dest: DestId) {
        let leads_through = self.table.live(dest).is_some_and(|destination| {
            destination
                .paths
                .iter()
                .any(|path| path.received().next_hop.address() == Some(address))
        });
        if !leads_through {
            shared.next_hops.forget_dest(address, A::FAMILY, dest);
            return;
        }
        let before = Selection::of(self.table.get(dest), self.path_ids.is_on());
        // What leads through here may rank otherwise among the paths that are not selected.
        self.reselect(shared, dest, &before, self.path_ids.is_on());
    }

    fn decide_again(&mut self, shared: &mut Shared, dest: DestId) {
        let Some(destination) = self.table.live(dest) else {
            return;
        };
        let before = Selection::of(destination, self.path_ids.is_on());
        // Other paths may rank before those that are sent besides the best.
        self.reselect(shared, dest, &before, self.path_ids.is_on());
    }
}
