//! One peer in a group: dumping, then catching up, then live.
//!
//! A member that is not live costs a cursor. It is served a chunk at a time, when it asks, from what
//! the group has advertised last: first every destination in the order of numbers, then those that
//! the log names after the version at which the dump began. Both send the state as of the head, so a
//! destination may be told twice, never wrongly; whatever the head changes later is further on in the
//! log.

use std::sync::Arc;

use super::chunk::Batch;
use super::command::{Chunk, Version};
use super::dest_set::DestSet;
use super::loc_rib::LocRib;
use super::shard::steps;
use super::table::{DestId, Table};
use super::update_group::Group;
use crate::net::{AddressFamily, PeerId};
use crate::wire::PathAttributes;

/// Where a member stands.
#[derive(Debug)]
pub(crate) enum Progress {
    /// On its way through the group's Adj-RIB-Out.
    Dumping {
        /// The next destination.
        next: DestId,
        /// Where to read the log from afterwards.
        after: Version,
        /// Destinations that the member may know from an earlier group: withdrawn unless told again.
        known: Option<Arc<DestSet>>,
    },
    /// On its way through the log.
    CatchingUp {
        /// All up to here is written.
        after: Version,
    },
    /// Following what the head publishes.
    Live,
}

/// One peer in a group.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) progress: Progress,
    /// Whether End-of-RIB was sent in this session (RFC 4724 §2).
    pub(crate) end_of_rib_sent: bool,
}

/// What a pull is answered with.
pub(crate) enum Served {
    /// A chunk.
    Chunk(Chunk),
    /// Nothing is missing; the member is live as of this version.
    Live(Version),
    /// Nothing yet: the step is over before something was found.
    Later,
}

impl Member {
    /// A member that knows nothing, or what is in `known`, as of a version of the log.
    pub(crate) const fn new(after: Version, known: Option<Arc<DestSet>>) -> Self {
        Self {
            progress: Progress::Dumping {
                next: DestId(0),
                after,
                known,
            },
            end_of_rib_sent: false,
        }
    }

    /// The member's place in the log, if it has one of its own.
    pub(crate) const fn cursor(&self) -> Option<Version> {
        match self.progress {
            Progress::Dumping { after, .. } | Progress::CatchingUp { after } => Some(after),
            Progress::Live => None,
        }
    }

    /// Whether the member follows the publications.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.progress, Progress::Live)
    }
}

impl<A: AddressFamily> LocRib<A> {
    /// Answers one pull of a member of the group at `index`.
    /// While the speaker is `recovering`, what it says is not all yet, and it does not claim so.
    pub(crate) fn serve(&mut self, index: usize, peer: PeerId, recovering: bool) -> Served {
        let group = &mut self.groups[index];
        if !group.is_built() {
            return Served::Later;
        }
        let Some(mut member) = group.members.remove(&peer) else {
            return Served::Later;
        };
        let served = self.serve_member(index, peer, &mut member, recovering);
        self.groups[index].members.insert(peer, member);
        served
    }

    fn serve_member(
        &mut self,
        index: usize,
        peer: PeerId,
        member: &mut Member,
        recovering: bool,
    ) -> Served {
        let owed = !recovering && !member.end_of_rib_sent;
        let group = &mut self.groups[index];
        let mut batch = Batch::<A>::new(group.key.encode);
        if let Progress::Dumping { next, after, known } = &mut member.progress {
            let after = *after;
            if !dump(&self.table, group, peer, &mut batch, next, known.as_deref()) {
                return chunk(batch, after, false).map_or(Served::Later, Served::Chunk);
            }
            member.progress = Progress::CatchingUp { after };
            member.end_of_rib_sent |= owed;
            if let Some(chunk) = chunk(batch, after, owed) {
                return Served::Chunk(chunk);
            }
            batch = Batch::new(group.key.encode);
        }
        if let Progress::CatchingUp { after } = &mut member.progress {
            let caught_up = self.catch_up(index, peer, &mut batch, after);
            let after = *after;
            let end_of_rib = owed && caught_up;
            member.end_of_rib_sent |= end_of_rib;
            if let Some(chunk) = chunk(batch, after, end_of_rib) {
                return Served::Chunk(chunk);
            }
            if !caught_up {
                return Served::Later;
            }
            member.progress = Progress::Live;
            self.groups[index].enter_live(&self.log);
        }
        Served::Live(self.groups[index].head)
    }

    /// Reads the log up to the group's head; says whether it came there.
    fn catch_up(
        &self,
        index: usize,
        peer: PeerId,
        batch: &mut Batch<A>,
        after: &mut Version,
    ) -> bool {
        let group = &self.groups[index];
        for (step, (version, dest)) in self.log.after(*after).enumerate() {
            if version > group.head {
                break;
            }
            let destination = self.table.get(dest);
            // An older entry is skipped: the destination is met again, here or by the head.
            if destination.version == version {
                let told = group.rib.get(dest).filter(|told| told.source != peer);
                let attributes = told.as_ref().map(|told| &told.attributes);
                if step == STEPS_MAX || !batch.has_room_for(attributes.map(|a| &**a)) {
                    return false;
                }
                match attributes {
                    Some(attributes) => batch.announce(destination.prefix, attributes, None),
                    None => batch.withdraw(destination.prefix),
                }
            }
            debug_assert!(version > *after, "invariant 7: no cursor moves back");
            *after = version;
        }
        *after = (*after).max(group.head);
        true
    }
}

/// Walks on through the Adj-RIB-Out; says whether the end was reached.
fn dump<A: AddressFamily>(
    table: &Table<A>,
    group: &Group,
    peer: PeerId,
    batch: &mut Batch<A>,
    next: &mut DestId,
    known: Option<&DestSet>,
) -> bool {
    for _ in 0..STEPS_MAX {
        let dest = *next;
        if dest >= table.end() {
            return true;
        }
        let told = group.rib.get(dest).filter(|told| told.source != peer);
        let attributes: Option<&PathAttributes> = told.as_ref().map(|told| &*told.attributes);
        let withdraws = attributes.is_none() && known.is_some_and(|known| known.contains(dest));
        if (attributes.is_some() || withdraws) && !batch.has_room_for(attributes) {
            return false;
        }
        if let Some(destination) = table.live(dest) {
            match &told {
                Some(told) => batch.announce(destination.prefix, &told.attributes, None),
                None if withdraws => batch.withdraw(destination.prefix),
                None => {}
            }
        }
        *next = dest.next();
    }
    false
}

/// The batch as one chunk; `None` where it would be empty.
fn chunk<A: AddressFamily>(batch: Batch<A>, upto: Version, end_of_rib: bool) -> Option<Chunk> {
    let mut chunks = batch.pack(upto, upto, end_of_rib);
    debug_assert!(chunks.len() < 2, "a batch with room for all fits one chunk");
    chunks.pop()
}

/// Destinations looked at for one answer.
const STEPS_MAX: usize = steps(16_384);
