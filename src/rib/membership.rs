//! Who is in which update group: joining, leaving, and losing the thread.

use std::sync::Arc;

use super::command::{GroupId, Output, Version};
use super::known::Known;
use super::loc_rib::LocRib;
use super::member::{Member, Progress};
use super::peers::PeerSlot;
use super::shared::Shared;
use super::update_group::{Group, GroupKey};
use crate::net::{AddressFamily, PeerId};

impl<A: AddressFamily> LocRib<A> {
    /// Puts a peer whose session has come up into the group of its key.
    pub(crate) fn join(&mut self, shared: &mut Shared, slot: PeerSlot) {
        let peer = shared.peers.get(slot);
        let Some(terms) = peer.session_in(A::FAMILY) else {
            return;
        };
        let key = GroupKey::of(&peer.setup, terms, A::FAMILY);
        let index = match self.groups.iter().position(|group| group.key == key) {
            Some(index) => index,
            None => {
                // Numbers only grow, so the groups stay sorted.
                self.path_ids
                    .set_on(self.path_ids.is_on() || key.encode.add_path);
                let group = Group::new(shared.next_group(), key, &mut self.log);
                self.groups.push(group);
                self.groups.len() - 1
            }
        };
        let group = &mut self.groups[index];
        let peer = shared.peers.get_mut(slot);
        *peer.groups.get_mut(A::FAMILY) = Some(group.id);
        let member = Member::new(group.head, self.log.head());
        group.insert(peer.setup.peer, peer.setup.address, member);
    }

    /// Takes a peer out of its group.
    pub(crate) fn leave(&mut self, shared: &mut Shared, slot: PeerSlot) {
        let Some(index) = self.group_of(shared, slot) else {
            return;
        };
        let peer = shared.peers.get_mut(slot);
        *peer.groups.get_mut(A::FAMILY) = None;
        let group = &mut self.groups[index];
        if let Some(member) = group.remove(peer.setup.peer, peer.setup.address) {
            if member.is_live() {
                group.leave_live();
            }
            shared
                .interner
                .release(member.progress.keeps_known().into());
        }
        self.drop_if_empty(shared, index);
    }

    /// Ends the group at an index if nobody is in it.
    pub(crate) fn drop_if_empty(&mut self, shared: &mut Shared, index: usize) {
        if self.groups[index].members.is_empty() {
            let group = self.groups.remove(index);
            let advertised = usize::try_from(group.rib.len()).unwrap_or(usize::MAX);
            shared.interner.release(advertised);
            shared.outputs.push_back(Output::GroupGone(group.id));
            let mut left = self.groups.iter();
            self.path_ids
                .set_on(left.any(|group| group.key.encode.add_path));
        }
    }

    /// Tells a member everything again (RFC 2918); where that is `awaited`, the owner hears of the end.
    pub(crate) fn refresh(&mut self, shared: &mut Shared, slot: PeerSlot, awaited: bool) {
        let peer = shared.peers.get(slot).setup.peer;
        let Some(index) = self.group_of(shared, slot) else {
            return;
        };
        let group = &mut self.groups[index];
        let floor = group.floor();
        let Some(member) = group.members.get_mut(&peer) else {
            return;
        };
        if awaited {
            member.awaited = Some(self.log.head());
        }
        match &mut member.progress {
            Progress::Dumping { after, known, .. } => {
                member.progress = Progress::anew(*after, std::mem::take(known));
            }
            Progress::CatchingUp { after, .. } => {
                member.progress = Progress::anew(*after, Known::Nothing);
            }
            Progress::Live => {
                member.progress = Progress::anew(floor, Known::Nothing);
                group.leave_live();
                let family = A::FAMILY;
                shared.outputs.push_back(Output::Detach { peer, family });
            }
        }
    }

    /// Makes live members pull once more whose End-of-RIB was withheld while the speaker recovered:
    /// the answer comes behind everything that they have been told until then.
    pub(crate) fn owe_end_of_rib(&mut self, shared: &mut Shared) {
        for group in &mut self.groups {
            let (after, mut left) = (group.floor(), 0);
            for (peer, member) in &mut group.members {
                if member.is_live() && member.awaited.is_some() {
                    member.progress = Progress::catching_up(after);
                    left += 1;
                    let (peer, family) = (*peer, A::FAMILY);
                    shared.outputs.push_back(Output::Detach { peer, family });
                }
            }
            (0..left).for_each(|_| group.leave_live());
        }
    }

    /// Whether every group has taken note of every change.
    pub(crate) fn groups_rest(&self) -> bool {
        !self.groups.iter().any(|group| group.has_work(&self.log))
    }

    /// Serves a live member from the log from here on, which has written everything up to `after`.
    pub(crate) fn lag(&mut self, shared: &Shared, slot: PeerSlot, after: Version) {
        let peer = shared.peers.get(slot).setup.peer;
        let Some(index) = self.group_of(shared, slot) else {
            return;
        };
        let group = &mut self.groups[index];
        let position = group.position(after);
        let floor = group.floor();
        // A member that is not live was detached in the meantime, and is served anyway.
        let Some(member) = group.members.get_mut(&peer).filter(|m| m.is_live()) else {
            return;
        };
        debug_assert!(position.is_some(), "a member lags behind what was drained");
        member.progress = match position {
            Some(after) => Progress::catching_up(after),
            // The owner broke its word. What the member lacks is unknown, so it is told everything,
            // withdrawals of all that is left in the table included.
            None => {
                let known = Arc::new(self.table.destinations());
                Progress::anew(floor, Known::Perhaps(known))
            }
        };
        group.leave_live();
        group.counts.resyncs += 1;
    }

    /// Notes how far all live members of a group are.
    pub(crate) fn drain(&mut self, id: GroupId, upto: Version) {
        if let Ok(index) = self.groups.binary_search_by_key(&id, |group| group.id) {
            self.groups[index].drain(upto);
        }
    }

    /// Where a peer's group is.
    pub(crate) fn group_of(&self, shared: &Shared, slot: PeerSlot) -> Option<usize> {
        let id = (*shared.peers.get(slot).groups.get(A::FAMILY))?;
        self.groups.binary_search_by_key(&id, |group| group.id).ok()
    }

    /// The same, by the peer's id.
    pub(crate) fn group_of_peer(&self, shared: &Shared, peer: PeerId) -> Option<usize> {
        self.group_of(shared, shared.peers.slot(peer)?)
    }

    /// The number of the group at an index.
    pub(crate) fn group_id(&self, index: usize) -> GroupId {
        self.groups[index].id
    }

    /// The slowest reader of the log.
    pub(crate) fn slowest_reader(&self) -> Version {
        let groups = self.groups.iter().map(Group::slowest);
        groups
            .chain(self.feed.cursor())
            .fold(self.log.head(), Version::min)
    }
}
