//! One peer in a group: dumping, then catching up, then live.
//!
//! A member that is not live costs a cursor. It is served a chunk at a time, when it asks, from what
//! the group has advertised last: first every destination in the order of numbers, then those that
//! the log names after the version at which the dump began. Both send the state as of the head, so a
//! destination may be told twice, never wrongly; whatever the head changes later is further on in the
//! log.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use super::chunk::{Barred, Batch};
use super::command::{Chunk, Version};
use super::dest_set::DestSet;
use super::loc_rib::LocRib;
use super::path_ids::PathIds;
use super::shard::steps;
use super::table::DestId;
use super::update_group::Group;
use crate::net::{AddressFamily, PathId, PeerId};
use crate::wire::Nlri;

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
    /// Whether the owner waits to hear that everything was told ([`super::Output::Complete`]).
    pub(crate) awaited: bool,
    /// Whether that was, but for what is `ready`.
    pub(crate) ended: bool,
    /// Chunks ahead of whatever is next: the paths to one destination may take more than one.
    pub(crate) ready: VecDeque<Chunk>,
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
            awaited: true,
            ended: false,
            ready: VecDeque::new(),
        }
    }

    /// The member's place in the log, if it has one of its own.
    pub(crate) const fn cursor(&self) -> Option<Version> {
        match self.progress {
            Progress::Dumping { after, .. } | Progress::CatchingUp { after } => Some(after),
            Progress::Live => None,
        }
    }

    /// Notes that everything was told; while the speaker is `recovering`, that is not all yet.
    const fn end(&mut self, recovering: bool) {
        self.ended |= self.awaited && !recovering;
    }

    /// Whether the owner is to hear that everything is handed out; it hears it once.
    fn take_complete(&mut self) -> bool {
        let complete = self.ended && self.ready.is_empty();
        if complete {
            (self.ended, self.awaited) = (false, false);
        }
        complete
    }

    /// Whether the member follows the publications.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.progress, Progress::Live)
    }
}

impl<A: AddressFamily> LocRib<A> {
    /// Answers one pull of a member of the group at `index`; says also whether everything is told now
    /// of which the end is awaited. While the speaker is `recovering`, what it says is not all yet, and
    /// it does not claim so.
    pub(crate) fn serve(&mut self, index: usize, peer: PeerId, recovering: bool) -> (Served, bool) {
        let group = &mut self.groups[index];
        if !group.is_built() {
            return (Served::Later, false);
        }
        let Some(mut member) = group.members.remove(&peer) else {
            return (Served::Later, false);
        };
        let served = self.serve_member(index, peer, &mut member, recovering);
        let complete = member.take_complete();
        self.groups[index].members.insert(peer, member);
        (served, complete)
    }

    fn serve_member(
        &mut self,
        index: usize,
        peer: PeerId,
        member: &mut Member,
        recovering: bool,
    ) -> Served {
        if let Some(chunk) = member.ready.pop_front() {
            return Served::Chunk(chunk);
        }
        let context = self.groups[index].key.encode;
        if matches!(member.progress, Progress::Dumping { .. }) {
            let served = self.serve_dump(index, peer, member, recovering);
            if !matches!(served, Served::Later)
                || matches!(member.progress, Progress::Dumping { .. })
            {
                return served;
            }
        }
        if let Progress::CatchingUp { after } = &mut member.progress {
            let mut batch = Batch::new(context);
            let caught_up = self.catch_up(index, peer, &mut batch, after);
            let after = *after;
            if caught_up {
                member.end(recovering);
            }
            if let Some(chunk) = chunk(batch, member, after) {
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

    /// Goes on with a dump. With [`Served::Later`] and another progress it has ended without a word.
    fn serve_dump(
        &self,
        index: usize,
        peer: PeerId,
        member: &mut Member,
        recovering: bool,
    ) -> Served {
        let group = &self.groups[index];
        let mut batch = Batch::<A>::new(group.key.encode);
        let Progress::Dumping { next, after, known } = &mut member.progress else {
            return Served::Later;
        };
        let after = *after;
        if self.dump(group, peer, &mut batch, next, known.as_deref()) {
            member.progress = Progress::CatchingUp { after };
            member.end(recovering);
        }
        chunk(batch, member, after).map_or(Served::Later, Served::Chunk)
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
            if destination.version == version
                && (step == STEPS_MAX
                    || !say(
                        group,
                        &self.path_ids,
                        peer,
                        batch,
                        dest,
                        destination.prefix,
                        true,
                    ))
            {
                return false;
            }
            debug_assert!(version > *after, "invariant 7: no cursor moves back");
            *after = version;
        }
        *after = (*after).max(group.head);
        true
    }

    /// Walks on through the Adj-RIB-Out; says whether the end was reached.
    fn dump(
        &self,
        group: &Group,
        peer: PeerId,
        batch: &mut Batch<A>,
        next: &mut DestId,
        known: Option<&DestSet>,
    ) -> bool {
        for _ in 0..STEPS_MAX {
            let dest = *next;
            if dest >= self.table.end() {
                return true;
            }
            if let Some(destination) = self.table.live(dest) {
                let may_know = known.is_some_and(|known| known.contains(dest));
                if !say(
                    group,
                    &self.path_ids,
                    peer,
                    batch,
                    dest,
                    destination.prefix,
                    may_know,
                ) {
                    return false;
                }
            }
            *next = dest.next();
        }
        false
    }
}

/// Adds what a member is told of a destination, and withdrawals of what else it `may_know` of it; says
/// whether there was room.
fn say<A: AddressFamily>(
    group: &Group,
    ids: &PathIds,
    peer: PeerId,
    batch: &mut Batch<A>,
    dest: DestId,
    prefix: A::Prefix,
    may_know: bool,
) -> bool {
    let told = group.told_to(dest, peer);
    let mut gone = SmallVec::<[PathId; 1]>::new();
    if may_know {
        gone = group.unsaid(ids, dest, &told);
    }
    if told.is_empty() && gone.is_empty() {
        return true;
    }
    if !batch.has_room_for(&told, gone.len()) {
        return false;
    }
    for path_id in gone {
        batch.withdraw(Nlri { prefix, path_id });
    }
    for path in &told {
        let path_id = path.path_id;
        batch.announce(Nlri { prefix, path_id }, &path.attributes, &Barred::new());
    }
    true
}

/// The batch as one chunk, with what does not fit made ready to follow; `None` where it would be empty.
fn chunk<A: AddressFamily>(batch: Batch<A>, member: &mut Member, upto: Version) -> Option<Chunk> {
    member.ready.extend(batch.pack(upto, upto));
    member.ready.pop_front()
}

/// Destinations looked at for one answer.
const STEPS_MAX: usize = steps(16_384);
