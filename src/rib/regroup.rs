//! Peers whose keys change while their sessions stand.
//!
//! Whatever a change of configuration does to a group, its members keep what they were told and are
//! told only what differs. Where all go the same way, the group gets the new key and the members do
//! not notice; where some go, a copy of the group goes with them. Both then look through the table for
//! what is exported otherwise under the new key, and put that into the log, where the head, and
//! whoever is behind it, meets it. Where a group of the new key exists, the members walk through its
//! Adj-RIB-Out and are told what differs from the one that they leave, then read the log from where
//! they were.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::command::{GroupId, Output};
use super::known::Recall;
use super::loc_rib::LocRib;
use super::member::{Member, Progress};
use super::peers::PeerSlot;
use super::shared::Shared;
use super::table::DestId;
use super::update_group::{Group, GroupKey};
use crate::net::AddressFamily;

/// Peers of one group that have one new key.
struct Move {
    from: GroupId,
    key: GroupKey,
    peers: Vec<PeerSlot>,
}

impl<A: AddressFamily> LocRib<A> {
    /// Puts each of these peers into the group of its key, and returns the groups to be exported
    /// again, as their keys are not those under which they were.
    pub(crate) fn regroup(&mut self, shared: &mut Shared, slots: &[PeerSlot]) -> Vec<GroupId> {
        let mut moves = self.moves(shared, slots);
        // Most peers first: they are the ones to stay where they are.
        moves.sort_by_key(|one| Reverse(one.peers.len()));
        // Groups whose key is given up.
        let mut leaving = self.left_by_all(&moves);
        let left: BTreeSet<GroupId> = moves.iter().map(|one| one.from).collect();
        let (mut changed, mut rest) = (Vec::new(), Vec::new());
        for one in moves {
            if leaving.contains(&one.from) && self.with_key(&one.key, &leaving).is_none() {
                leaving.remove(&one.from);
                changed.push(one.from);
                let index = self.index_of(one.from);
                self.groups[index].rekey(one.key);
            } else {
                rest.push(one);
            }
        }
        for one in rest {
            match self.with_key(&one.key, &leaving) {
                Some(to) => self.merge(shared, one.from, to, &one.peers),
                None => changed.push(self.split(shared, one)),
            }
        }
        for id in left {
            let index = self.index_of(id);
            self.drop_if_empty(shared, index);
        }
        changed
    }

    /// What has to happen, by group and key, in the order of the peers.
    fn moves(&self, shared: &Shared, slots: &[PeerSlot]) -> Vec<Move> {
        let mut moves: Vec<Move> = Vec::new();
        for slot in slots {
            let peer = shared.peers.get(*slot);
            let (Some(index), Some(terms)) =
                (self.group_of(shared, *slot), peer.session_in(A::FAMILY))
            else {
                continue;
            };
            let key = GroupKey::of(&peer.setup, terms, A::FAMILY);
            let group = &self.groups[index];
            if group.key == key {
                continue;
            }
            let same = |one: &&mut Move| one.from == group.id && one.key == key;
            match moves.iter_mut().find(same) {
                Some(one) => one.peers.push(*slot),
                None => moves.push(Move {
                    from: group.id,
                    key,
                    peers: vec![*slot],
                }),
            }
        }
        moves
    }

    /// The groups that no member stays in.
    fn left_by_all(&self, moves: &[Move]) -> BTreeSet<GroupId> {
        let mut going = BTreeMap::<GroupId, usize>::new();
        for one in moves {
            *going.entry(one.from).or_default() += one.peers.len();
        }
        let all = |(id, going): &(GroupId, usize)| {
            self.groups[self.index_of(*id)].members.len() == *going
        };
        going.into_iter().filter(all).map(|(id, _)| id).collect()
    }

    /// The group that has a key and keeps it.
    fn with_key(&self, key: &GroupKey, leaving: &BTreeSet<GroupId>) -> Option<GroupId> {
        let has = |group: &&Group| group.key == *key && !leaving.contains(&group.id);
        self.groups.iter().find(has).map(|group| group.id)
    }

    /// Makes a group of its own of some members.
    fn split(&mut self, shared: &mut Shared, one: Move) -> GroupId {
        let id = shared.next_group();
        let from = self.index_of(one.from);
        let mut group = self.groups[from].copy(id);
        group.rekey(one.key);
        // Numbers only grow, so the groups stay sorted.
        self.groups.push(group);
        for slot in one.peers {
            if let Some(member) = self.take_out(shared, one.from, slot) {
                self.put_in(shared, id, slot, member);
            }
        }
        id
    }

    /// Moves members to a group that exists.
    fn merge(&mut self, shared: &mut Shared, from: GroupId, to: GroupId, peers: &[PeerSlot]) {
        let (left, entered) = (self.index_of(from), self.index_of(to));
        let told = self.groups[left].snapshot();
        let head = self.groups[entered].head;
        for slot in peers {
            if let Some(mut member) = self.take_out(shared, from, *slot) {
                member.transfer(&told, head);
                self.put_in(shared, to, *slot, member);
            }
        }
    }

    /// Takes a member out of its group; one that is live reads the log on its own from here on.
    fn take_out(&mut self, shared: &mut Shared, from: GroupId, slot: PeerSlot) -> Option<Member> {
        let index = self.index_of(from);
        let group = &mut self.groups[index];
        let setup = &shared.peers.get(slot).setup;
        let peer = setup.peer;
        let mut member = group.remove(peer, setup.address)?;
        if member.is_live() {
            let after = group.floor();
            let recall = group
                .have_all_live_heard_all()
                .then(|| Box::new(Recall::new(&group.snapshot())));
            member.progress = Progress::CatchingUp { after, recall };
            group.leave_live();
            let family = A::FAMILY;
            shared.outputs.push_back(Output::Detach { peer, family });
        }
        Some(member)
    }

    fn put_in(&mut self, shared: &mut Shared, to: GroupId, slot: PeerSlot, member: Member) {
        let index = self.index_of(to);
        let peer = shared.peers.get_mut(slot);
        *peer.groups.get_mut(A::FAMILY) = Some(to);
        self.groups[index].insert(peer.setup.peer, peer.setup.address, member);
    }

    fn index_of(&self, id: GroupId) -> usize {
        self.groups
            .binary_search_by_key(&id, |group| group.id)
            .expect("groups go only once all have moved")
    }

    /// Looks at up to `steps` destinations from `next` on for what a group exports otherwise than it
    /// has told, and puts that into the log; returns the steps left once the table is through.
    pub(crate) fn reexport(
        &mut self,
        shared: &mut Shared,
        id: GroupId,
        next: &mut DestId,
        steps: usize,
    ) -> Option<usize> {
        let Ok(index) = self.groups.binary_search_by_key(&id, |group| group.id) else {
            return Some(steps);
        };
        let first = *next;
        let group = &self.groups[index];
        let differing = group.differing(&self.table, &mut self.path_ids, shared, next, steps);
        differing.into_iter().for_each(|dest| self.touch(dest));
        let done = usize::try_from(next.0 - first.0).unwrap_or(steps);
        (*next >= self.table.end()).then(|| steps.saturating_sub(done))
    }

    /// Notes that the table was looked through under a group's key.
    pub(crate) fn end_reexport(&mut self, id: GroupId) {
        if let Ok(index) = self.groups.binary_search_by_key(&id, |group| group.id) {
            self.groups[index].end_reexport(&self.log);
        }
    }

    /// Whether some group has still to tell what is exported otherwise under its key.
    pub(crate) fn is_reexporting(&self) -> bool {
        self.groups.iter().any(Group::is_reexporting)
    }
}
