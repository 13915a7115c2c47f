//! Groups whose key changes, while what they have told stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::{Group, GroupKey};
use crate::net::AddressFamily;
use crate::rib::adj_rib_out::{AdjRibOut, Advertised};
use crate::rib::change_log::ChangeLog;
use crate::rib::command::{GroupId, Version};
use crate::rib::export::Exporter;
use crate::rib::path_ids::PathIds;
use crate::rib::shared::Shared;
use crate::rib::shared_dump::Dumps;
use crate::rib::table::{DestId, Destination, Table};

/// How far a group is with what another key means for what it had told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reexport {
    /// A sweep looks for it.
    UnderWay,
    /// The log names all of it, up to this version.
    Logged(Version),
}

impl PartialEq for GroupKey {
    fn eq(&self, other: &Self) -> bool {
        let facts = |key: &Self| {
            (
                (key.external, key.client, key.local_as, key.role),
                (key.next_hop_mode, key.own_next_hop, key.paths_max),
                key.encode,
            )
        };
        facts(self) == facts(other) && Arc::ptr_eq(&self.export, &other.export)
    }
}

impl Group {
    /// Another group that has told the same and is as far, without members.
    pub(crate) fn copy(&self, id: GroupId) -> Self {
        let rib = match self.building {
            Some(_) => AdjRibOut::new(self.key.encode.add_path),
            None => self.rib.clone(),
        };
        Self {
            id,
            key: self.key.clone(),
            members: BTreeMap::new(),
            addresses: HashMap::new(),
            rib,
            published: self.head,
            drained: self.head,
            reported: Version(0),
            live: 0,
            retell: false,
            told: (self.head, std::sync::Weak::new()),
            dumps: Dumps::default(),
            ..*self
        }
    }

    /// Exports by another key from here on. What was told so far is compared by a sweep; where nobody
    /// was told anything yet, it is made anew.
    pub(crate) fn rekey(&mut self, key: GroupKey) {
        debug_assert_eq!(self.key.encode, key.encode, "a session's encoding lasts");
        self.key = key;
        self.dumps.clear();
        match &mut self.building {
            Some(next) => *next = DestId(0),
            None => self.reexport = Reexport::UnderWay,
        }
    }

    /// Notes that the log names all that another key means.
    pub(crate) fn end_reexport(&mut self, log: &ChangeLog) {
        self.reexport = Reexport::Logged(log.head());
    }

    /// Whether the Adj-RIB-Out may still be that of an earlier key.
    pub(crate) fn is_reexporting(&self) -> bool {
        match self.reexport {
            Reexport::UnderWay => self.building.is_none(),
            Reexport::Logged(upto) => self.head < upto,
        }
    }

    /// The destinations among up to `steps` from `next` on that the key exports otherwise than they
    /// were told, but for those that the head has still to meet, and those that are held back, which
    /// it will.
    pub(crate) fn differing<A: AddressFamily>(
        &self,
        table: &Table<A>,
        ids: &mut PathIds,
        shared: &mut Shared,
        next: &mut DestId,
        steps: usize,
    ) -> Vec<DestId> {
        let mut exporter = Exporter::new(&self.key, A::FAMILY, shared);
        let mut differing = Vec::new();
        for _ in 0..steps {
            let dest = *next;
            if dest >= table.end() {
                break;
            }
            *next = dest.next();
            let told = |destination: &&Destination<A>| {
                !destination.held && destination.version <= self.head
            };
            if let Some(destination) = table.live(dest).filter(told) {
                let new = exporter.paths(dest, destination, ids);
                if !are_same(&self.rib.get(dest), &new) {
                    differing.push(dest);
                }
            }
        }
        differing
    }

    /// Whether every live member is surely known to have what the group has told.
    pub(crate) fn have_all_live_heard_all(&self) -> bool {
        self.floor() == self.head && !self.retell
    }

    /// What the group has told, to be compared with what another one tells.
    pub(crate) fn snapshot(&mut self) -> Arc<AdjRibOut> {
        let known = self.told.1.upgrade().filter(|_| self.told.0 == self.head);
        known.unwrap_or_else(|| {
            let told = Arc::new(self.rib.clone());
            self.told = (self.head, Arc::downgrade(&told));
            told
        })
    }
}

/// Whether two states of a destination are the same, in whatever order.
fn are_same(old: &[Advertised], new: &[Advertised]) -> bool {
    let is_in = |path: &Advertised| {
        old.iter().any(|old| {
            old.path_id == path.path_id && old.source == path.source && old.is_same_as(path)
        })
    };
    old.len() == new.len() && new.iter().all(is_in)
}
