//! What both families of a shard share: peers, attributes, next hops, and the way out.

use std::collections::VecDeque;
use std::sync::Arc;

use super::command::{GroupId, Output};
use super::intern::Interner;
use super::nexthop::NextHops;
use super::path::Path;
use super::peers::{PeerSlot, Peers};
use super::policy_pool::PolicyPool;
use super::prefix_limit::PrefixLimitEvent;
use super::shard::ShardOptions;
use super::table::DestId;
use crate::net::{Family, PerFamily, Prefix};
use crate::policy::Policy;

/// State of a shard beside the tables.
pub(crate) struct Shared {
    pub(crate) options: ShardOptions,
    pub(crate) peers: Peers,
    pub(crate) interner: Interner,
    pub(crate) policies: PolicyPool,
    pub(crate) next_hops: NextHops,
    /// Which routes reach the kernel; none do before the owner has said.
    pub(crate) kernel: Option<PerFamily<Arc<Policy>>>,
    pub(crate) outputs: VecDeque<Output>,
    groups: u32,
}

impl Shared {
    pub(crate) fn new(options: ShardOptions) -> Self {
        Self {
            options,
            peers: Peers::default(),
            interner: Interner::default(),
            policies: PolicyPool::default(),
            next_hops: NextHops::new(options.track_next_hops),
            kernel: None,
            outputs: VecDeque::new(),
            groups: 0,
        }
    }

    /// A group number that was never used.
    pub(crate) fn next_group(&mut self) -> GroupId {
        self.groups += 1;
        GroupId(self.groups)
    }

    /// Counts a path to a prefix that is stored. The owner is told of the first one in a session that is
    /// refused for a reason that a sound peer never gives.
    pub(crate) fn count_stored(&mut self, path: &Path, prefix: Prefix, dest: DestId) {
        let (slot, family, refusal) = (path.source(), prefix.family(), path.refusal());
        let rib = self.peers.rib_mut(slot, family);
        let is_first = rib.is_some_and(|rib| rib.stored(dest, refusal));
        match refusal {
            None => {
                let address = path.received().next_hop.address();
                self.next_hops.hold(address, family, dest);
            }
            Some(refusal) if is_first => self.outputs.push_back(Output::Refused {
                peer: self.peers.facts(slot).peer,
                prefix,
                reason: refusal.text(),
            }),
            Some(_) => {}
        }
    }

    /// Counts a path that goes.
    pub(crate) fn count_dropped(&mut self, path: &Path, family: Family) {
        let refusal = path.refusal();
        if let Some(rib) = self.peers.rib_mut(path.source(), family) {
            rib.dropped(refusal, path.epoch());
        }
        if refusal.is_none() {
            self.next_hops.drop_hold(path.received().next_hop.address());
        }
        self.interner.release(1);
    }

    /// Compares the number of a peer's prefixes with its limit.
    pub(crate) fn measure(&mut self, slot: PeerSlot, family: Family) {
        let event = self
            .peers
            .rib_mut(slot, family)
            .and_then(|rib| rib.measure());
        self.say_limit(slot, family, event);
    }

    /// Tells the owner what there is to say of a peer's limit.
    pub(crate) fn say_limit(
        &mut self,
        slot: PeerSlot,
        family: Family,
        event: Option<PrefixLimitEvent>,
    ) {
        if let Some(event) = event {
            let peer = self.peers.facts(slot).peer;
            self.outputs.push_back(Output::PrefixLimit {
                peer,
                family,
                event,
            });
        }
    }

    /// Counts a change of a best path's source.
    pub(crate) fn count_best(
        &mut self,
        before: Option<PeerSlot>,
        after: Option<PeerSlot>,
        family: Family,
    ) {
        if before == after {
            return;
        }
        for (source, gained) in [(before, false), (after, true)] {
            if let Some(rib) = source.and_then(|slot| self.peers.rib_mut(slot, family)) {
                rib.count_best(gained);
            }
        }
    }

    /// Asks the owner about next hops that are new.
    pub(crate) fn ask_for_next_hops(&mut self) {
        let new = self.next_hops.take_new();
        if !new.is_empty() {
            self.outputs.push_back(Output::TrackNextHops(new));
        }
    }
}
