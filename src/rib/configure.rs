//! Peers are configured, changed and removed; their sessions stay where they can.

use std::sync::Arc;

use super::command::PeerSetup;
use super::import;
use super::peers::PeerSlot;
use super::shard::{Shard, in_family};
use super::sweep::{Sweep, SweepKind};
use crate::net::{Family, PeerId, PerFamily};

impl Shard {
    /// Configures peers, or changes their configuration. What changes together is compared together:
    /// peers that shared a group before and share one afterwards stay in it.
    pub(super) fn set_peers(&mut self, setups: Vec<PeerSetup>) {
        let mut changed = Vec::new();
        for mut setup in setups {
            for family in Family::ALL {
                self.shared.policies.share(setup.import.get_mut(family));
                self.shared.policies.share(setup.export.get_mut(family));
            }
            match self.shared.peers.slot(setup.peer) {
                Some(slot) => {
                    self.change_peer(slot, setup);
                    changed.push(slot);
                }
                // Above the limit the peer is as good as not configured: nothing of it is accepted.
                None => {
                    if let Some(slot) = self.shared.peers.add(setup) {
                        self.set_limits(slot);
                    }
                }
            }
        }
        for family in Family::ALL {
            let rekeyed = in_family!(self, family, regroup, &mut self.shared, &changed);
            for group in rekeyed {
                self.begin_sweep(Sweep::new(family, SweepKind::Reexport(group)));
            }
        }
    }

    fn change_peer(&mut self, slot: PeerSlot, setup: PeerSetup) {
        let peer = self.shared.peers.get_mut(slot);
        let old = std::mem::replace(&mut peer.setup, Arc::new(setup));
        let new = Arc::clone(&peer.setup);
        for family in Family::ALL {
            if import::differs(&old, &new, family) {
                let told_otherwise = import::is_told_otherwise(&old, &new);
                let kind = SweepKind::Reimport {
                    peer: slot,
                    told_otherwise,
                };
                self.begin_sweep(Sweep::new(family, kind));
            }
        }
        self.set_limits(slot);
    }

    fn set_limits(&mut self, slot: PeerSlot) {
        for family in Family::ALL {
            let peer = self.shared.peers.get_mut(slot);
            let limit = *peer.setup.prefix_limit.get(family);
            let event = peer.ribs.get_mut(family).set_limit(limit);
            self.shared.say_limit(slot, family, event);
        }
    }

    pub(super) fn remove_peer(&mut self, peer: PeerId) {
        self.session_down(peer, PerFamily::default());
        if let Some(slot) = self.shared.peers.remove(peer) {
            self.sweeps.retain(|sweep| !sweep.reimports(slot));
            self.release(slot);
        }
    }

    /// Frees the slot of a removed peer once its last path is gone.
    pub(super) fn release(&mut self, slot: PeerSlot) {
        if self.shared.peers.release(slot) {
            self.sweeps.retain(|sweep| !sweep.expires(slot));
        }
    }
}
