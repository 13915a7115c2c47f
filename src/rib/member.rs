//! One peer in a group: dumping, then catching up, then live.
//!
//! A member that is not live costs a cursor. It is served a chunk at a time, when it asks, from what
//! the group has advertised last: first every destination in the order of numbers (less what it knows
//! from a group that it was in before), then those that the log names after the version at which the
//! dump began. Both send the state as of the head, so a
//! destination may be told twice, never wrongly; whatever the head changes later is further on in the
//! log.

use std::collections::VecDeque;
use std::sync::Arc;

use super::adj_rib_out::AdjRibOut;
use super::chunk::Batch;
use super::command::{Chunk, Version};
use super::known::{Known, Recall};
use super::loc_rib::LocRib;
use super::shard::steps;
use super::shared::Shared;
use super::table::DestId;
use crate::net::{AddressFamily, PeerId};

/// Where a member stands.
#[derive(Debug)]
pub(crate) enum Progress {
    /// On its way through the group's Adj-RIB-Out.
    Dumping {
        /// The next destination.
        next: DestId,
        /// Where to read the log from afterwards.
        after: Version,
        /// What the member has heard in earlier groups.
        known: Known,
        /// Whether everything is told, whatever is known, and withdrawn what is not. The member has
        /// heard perhaps all of this group already. Otherwise what is known is not told again.
        everything: bool,
    },
    /// On its way through the log.
    CatchingUp {
        /// All up to here is written.
        after: Version,
        /// What is known of the destinations that the log names.
        recall: Option<Box<Recall>>,
    },
    /// Following what the head publishes.
    Live,
}

/// One peer in a group.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) progress: Progress,
    /// Set where the owner waits to hear that everything was told ([`super::Output::Complete`]): all that
    /// the log had up to this version, whether the group's head had met it or not.
    pub(crate) awaited: Option<Version>,
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
    /// A member that knows nothing as of a version of the log, and is to hear of the end of what there
    /// was at another.
    pub(crate) const fn new(after: Version, awaited: Version) -> Self {
        Self {
            progress: Progress::Dumping {
                next: DestId(0),
                after,
                known: Known::Nothing,
                everything: false,
            },
            awaited: Some(awaited),
            ended: false,
            ready: VecDeque::new(),
        }
    }

    /// Goes over to a group whose head is at a version, from one that has told so much. The member is
    /// not live.
    pub(crate) fn transfer(&mut self, told: &Arc<AdjRibOut>, head: Version) {
        debug_assert!(!self.is_live(), "a live member is detached first");
        let (after, known, everything) = match &mut self.progress {
            Progress::Dumping {
                after,
                known,
                everything: true,
                ..
            } => (*after, known.or_perhaps(told), true),
            Progress::Dumping {
                next, after, known, ..
            } => (*after, std::mem::take(known).or_below(*next, told), false),
            Progress::CatchingUp { after, .. } => (*after, Known::all_of(told), false),
            Progress::Live => (head, Known::all_of(told), false),
        };
        self.progress = Progress::Dumping {
            next: DestId(0),
            after: after.min(head),
            known,
            everything,
        };
    }

    /// The member's place in the log, if it has one of its own.
    pub(crate) const fn cursor(&self) -> Option<Version> {
        match self.progress {
            Progress::Dumping { after, .. } | Progress::CatchingUp { after, .. } => Some(after),
            Progress::Live => None,
        }
    }

    /// Notes that everything up to a version was told; while the speaker is `recovering`, that is not all
    /// yet.
    pub(super) fn end(&mut self, told: Version, recovering: bool) {
        self.ended |= self.awaited.is_some_and(|awaited| awaited <= told) && !recovering;
    }

    /// Whether an end is awaited of more than was told up to a version.
    pub(crate) fn awaits_beyond(&self, told: Version) -> bool {
        self.awaited.is_some_and(|awaited| awaited > told)
    }

    /// Whether the owner is to hear that everything is handed out; it hears it once.
    fn take_complete(&mut self) -> bool {
        let complete = self.ended && self.ready.is_empty();
        if complete {
            (self.ended, self.awaited) = (false, None);
        }
        complete
    }

    /// Whether the member follows the publications.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.progress, Progress::Live)
    }
}

impl Progress {
    /// The begin of telling everything that the group has advertised, where the member knows it, or
    /// what else is in `known`, as of a version of the log.
    pub(crate) const fn anew(after: Version, known: Known) -> Self {
        Self::Dumping {
            next: DestId(0),
            after,
            known,
            everything: true,
        }
    }

    /// Reading the log, with no more than that to go by.
    pub(crate) const fn catching_up(after: Version) -> Self {
        let recall = None;
        Self::CatchingUp { after, recall }
    }

    /// Whether something of other groups is kept for the member.
    pub(crate) const fn keeps_known(&self) -> bool {
        match self {
            Self::Dumping { known, .. } => !known.is_nothing(),
            Self::CatchingUp { recall, .. } => recall.is_some(),
            Self::Live => false,
        }
    }
}

impl<A: AddressFamily> LocRib<A> {
    /// Answers one pull of a member of the group at `index`; says also whether everything is told now
    /// of which the end is awaited.
    pub(crate) fn serve(
        &mut self,
        shared: &mut Shared,
        index: usize,
        peer: PeerId,
    ) -> (Served, bool) {
        let group = &mut self.groups[index];
        if !group.is_built() {
            return (Served::Later, false);
        }
        let Some(mut member) = group.members.remove(&peer) else {
            return (Served::Later, false);
        };
        let kept = member.progress.keeps_known();
        // While the speaker recovers, what it says is not all yet, and it does not claim so.
        let recovering = shared.options.recovering;
        let served = self.serve_member(index, peer, &mut member, recovering);
        let complete = member.take_complete();
        if let Served::Chunk(chunk) = &served {
            self.groups[index].counts.served(chunk);
        }
        if kept && !member.progress.keeps_known() {
            shared.interner.release(1);
        }
        let group = &mut self.groups[index];
        group.members.insert(peer, member);
        if group.lagging() == 0 {
            group.dumps.clear();
        }
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
            if self.groups[index].is_reexporting() {
                // Who is told everything is told what holds now, and all of it before the End-of-RIB.
                return Served::Later;
            }
            let served = match self.serve_shared(index, peer, member, recovering) {
                Some(served) => served,
                None => self.serve_dump(index, peer, member, recovering),
            };
            if !matches!(served, Served::Later)
                || matches!(member.progress, Progress::Dumping { .. })
            {
                return served;
            }
        }
        if let Progress::CatchingUp { after, recall } = &mut member.progress {
            let mut batch = Batch::new(context);
            let caught_up = self.catch_up(index, peer, &mut batch, after, recall.as_deref_mut());
            let (after, head) = (*after, self.groups[index].head);
            if caught_up {
                member.end(head, recovering);
            }
            if let Some(chunk) = chunk(batch, member, after) {
                return Served::Chunk(chunk);
            }
            // Who went live behind what a sweep has logged would have all of that told to everyone,
            // whether it changed or not.
            if !caught_up || self.is_reexporting() || member.awaits_beyond(head) {
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
        let Progress::Dumping { after, .. } = &member.progress else {
            return Served::Later;
        };
        let after = *after;
        if self.dump(group, peer, &mut batch, &mut member.progress) {
            member.progress = Progress::catching_up(after);
            member.end(group.head, recovering);
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
        mut recall: Option<&mut Recall>,
    ) -> bool {
        let group = &self.groups[index];
        for (step, (version, dest)) in self.log.after(*after).enumerate() {
            if version > group.head {
                break;
            }
            let destination = self.table.get(dest);
            // An older entry is skipped: the destination is met again, here or by the head.
            if destination.version == version {
                let known = recall.as_ref().and_then(|recall| recall.of(dest));
                let named = (dest, destination.prefix);
                let said = step < STEPS_MAX
                    && match known {
                        Some(known) => self.say_difference(group, peer, batch, named, known),
                        None => self.say(group, peer, batch, named, true),
                    };
                if !said {
                    return false;
                }
                if let Some(recall) = &mut recall {
                    recall.forget(dest);
                }
            }
            debug_assert!(version > *after, "invariant 7: no cursor moves back");
            *after = version;
        }
        *after = (*after).max(group.head);
        true
    }
}

/// The batch as one chunk, with what does not fit made ready to follow; `None` where it would be empty.
fn chunk<A: AddressFamily>(batch: Batch<A>, member: &mut Member, upto: Version) -> Option<Chunk> {
    member.ready.extend(batch.pack(upto, upto));
    member.ready.pop_front()
}

/// Destinations looked at for one answer.
pub(super) const STEPS_MAX: usize = steps(16_384);
