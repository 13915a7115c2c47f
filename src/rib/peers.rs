//! The configured peers, under small numbers that paths can afford to carry.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::adj_rib_in::AdjRibIn;
use super::command::{GroupId, PeerSetup, SessionTerms};
use crate::net::{Family, PeerId, PerFamily, RouterId};

/// A peer's number while any of its paths exist; two octets in every path. Reused afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PeerSlot(u16);

impl PeerSlot {
    /// The speaker itself.
    pub(crate) const LOCAL: Self = Self(0);

    /// Whether the speaker itself is meant.
    pub(crate) const fn is_local(self) -> bool {
        self.0 == 0
    }

    /// The number as octets, which stand anywhere.
    pub(crate) const fn to_octets(self) -> [u8; 2] {
        self.0.to_ne_bytes()
    }

    /// The slot of such octets.
    pub(crate) const fn from_octets(octets: [u8; 2]) -> Self {
        Self(u16::from_ne_bytes(octets))
    }

    /// The number.
    pub(crate) const fn number(self) -> u16 {
        self.0
    }
}

/// One configured peer, or one that is gone but for its paths.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its configuration.
    pub(crate) setup: Arc<PeerSetup>,
    /// The terms of its session, while it is established.
    pub(crate) session: Option<SessionTerms>,
    /// Its BGP Identifier in the last session; paths may outlive that (RFC 4724).
    pub(crate) router_id: RouterId,
    /// Its update group in each family of the session.
    pub(crate) groups: PerFamily<Option<GroupId>>,
    /// Its routes in each family.
    pub(crate) ribs: PerFamily<AdjRibIn>,
    /// Whether it is no longer configured; the slot is free once its paths are gone.
    pub(crate) removed: bool,
}

impl Peer {
    /// This side's address of the session, while there is one.
    pub(crate) fn local_address(&self) -> Option<IpAddr> {
        self.session.as_ref().and_then(|terms| terms.local_address)
    }

    /// The terms of its session, if that carries the family.
    pub(crate) fn session_in(&self, family: Family) -> Option<&SessionTerms> {
        self.session
            .as_ref()
            .filter(|terms| *terms.families.get(family))
    }
}

/// What the decision process asks of a path's source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceFacts {
    /// The peer.
    pub(crate) peer: PeerId,
    /// Whether it is in another AS.
    pub(crate) external: bool,
    /// Its BGP Identifier.
    pub(crate) router_id: RouterId,
    /// Its address.
    pub(crate) address: IpAddr,
}

/// All peers.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    by_id: BTreeMap<PeerId, PeerSlot>,
    /// Slot `n` is at `n − 1`: zero stands for the speaker itself.
    slots: Vec<Option<Box<Peer>>>,
    free: Vec<PeerSlot>,
}

impl Peers {
    /// Adds a peer; `None` where 65,535 have a slot already.
    pub(crate) fn add(&mut self, setup: PeerSetup) -> Option<PeerSlot> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                let Ok(number) = u16::try_from(self.slots.len()) else {
                    self.slots.pop();
                    return None;
                };
                PeerSlot(number)
            }
        };
        self.by_id.insert(setup.peer, slot);
        self.slots[usize::from(slot.0) - 1] = Some(Box::new(Peer {
            setup: Arc::new(setup),
            session: None,
            router_id: RouterId(Ipv4Addr::UNSPECIFIED),
            groups: PerFamily::default(),
            ribs: PerFamily::default(),
            removed: false,
        }));
        Some(slot)
    }

    /// Forgets the name of a peer; its slot stays until [`Self::release`].
    pub(crate) fn remove(&mut self, peer: PeerId) -> Option<PeerSlot> {
        let slot = self.by_id.remove(&peer)?;
        self.get_mut(slot).removed = true;
        Some(slot)
    }

    /// Frees the slot of a removed peer if its last path is gone; says whether it did.
    pub(crate) fn release(&mut self, slot: PeerSlot) -> bool {
        let entry = &mut self.slots[usize::from(slot.0) - 1];
        let gone = entry.as_ref().is_some_and(|peer| {
            peer.removed && peer.ribs.iter().all(|(_, rib)| rib.dests.len() == 0)
        });
        if gone {
            *entry = None;
            self.free.push(slot);
        }
        gone
    }

    /// The slot of a configured peer.
    pub(crate) fn slot(&self, peer: PeerId) -> Option<PeerSlot> {
        self.by_id.get(&peer).copied()
    }

    /// A peer that still has its slot.
    pub(crate) fn get(&self, slot: PeerSlot) -> &Peer {
        self.slots[usize::from(slot.0) - 1]
            .as_ref()
            .expect("a slot is in use as long as any path names it")
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, slot: PeerSlot) -> &mut Peer {
        self.slots[usize::from(slot.0) - 1]
            .as_mut()
            .expect("a slot is in use as long as any path names it")
    }

    /// A peer's routes in a family; `None` for the speaker itself.
    pub(crate) fn rib_mut(&mut self, slot: PeerSlot, family: Family) -> Option<&mut AdjRibIn> {
        (!slot.is_local()).then(|| self.get_mut(slot).ribs.get_mut(family))
    }

    /// A configured peer by its id.
    pub(crate) fn by_id(&self, peer: PeerId) -> Option<&Peer> {
        self.slot(peer).map(|slot| self.get(slot))
    }

    /// The configured peers in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PeerId, PeerSlot, &Peer)> {
        self.by_id
            .iter()
            .map(|(peer, slot)| (*peer, *slot, self.get(*slot)))
    }

    /// What the decision process asks of a source.
    pub(crate) fn facts(&self, slot: PeerSlot) -> SourceFacts {
        if slot.is_local() {
            return SourceFacts {
                peer: PeerId::LOCAL,
                external: false,
                router_id: RouterId(Ipv4Addr::UNSPECIFIED),
                address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            };
        }
        let peer = self.get(slot);
        SourceFacts {
            peer: peer.setup.peer,
            external: peer.setup.external,
            router_id: peer.router_id,
            address: peer.setup.address,
        }
    }
}
