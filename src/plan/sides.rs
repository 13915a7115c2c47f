//! The two sides of a BGPPeer: the nodes that it is for, and those that it describes as their peers
//! (spec/calico.md §3.2, §3.4).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::PeerKind;
use super::speaker::{BGP_PORT, as_of, global_as, port_of};
use crate::model::{BgpPeer, Node, Selector, Store};

/// What the sessions of a node are called that a BGPPeer is for; `None` if it is not for it.
pub(super) fn kind_for(peer: &BgpPeer, node: &Node) -> Option<PeerKind> {
    match (&peer.node, &peer.node_selector) {
        (None, None) => Some(PeerKind::Global),
        (Some(name), _) if *name == node.metadata.name => Some(PeerKind::Node),
        (None, Some(selector)) if selector.matches(&node.metadata.labels) => Some(PeerKind::Node),
        _ => None,
    }
}

/// Whether a BGPPeer describes a node as a peer, so that the node has sessions back to those that
/// it is for.
pub(super) fn is_reverse_for(store: &Store, peer: &BgpPeer, node: &Node) -> bool {
    if !peer.reverse_peering || peer.local_workload_selector.is_some() {
        return false;
    }
    match (&peer.peer_selector, peer.peer_ip) {
        (Some(selector), _) => selector.matches(&node.metadata.labels),
        (None, Some(endpoint)) => {
            let has_address = |(_, address): (_, IpAddr)| address == endpoint.address;
            let addresses = node.addresses.iter();
            let mut addresses =
                addresses.filter_map(|(family, own)| Some((family, (*own)?.address)));
            let global = store.global_configuration();
            let asn = peer.asn.unwrap_or_else(|| global_as(global));
            addresses.any(has_address)
                && as_of(global, node) == asn
                && endpoint
                    .port
                    .is_none_or(|port| port == port_of(store, node).unwrap_or(BGP_PORT))
        }
        (None, None) => false,
    }
}

/// The nodes that selectors choose: each selector is tried once on every node, however many
/// BGPPeers have it.
pub(super) struct Selection<'a> {
    store: &'a Store,
    chosen: BTreeMap<Arc<Selector>, Rc<[&'a Node]>>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self {
            store,
            chosen: BTreeMap::new(),
        }
    }

    /// The nodes that a selector chooses, by name.
    pub(super) fn by(&mut self, selector: &Arc<Selector>) -> Rc<[&'a Node]> {
        let store = self.store;
        let choose = || {
            let nodes = store.nodes();
            nodes
                .filter(|node| selector.matches(&node.metadata.labels))
                .collect()
        };
        let chosen = self.chosen.entry(Arc::clone(selector));
        Rc::clone(chosen.or_insert_with(choose))
    }

    /// The nodes that a BGPPeer is for.
    pub(super) fn of_node_side(&mut self, peer: &BgpPeer) -> Rc<[&'a Node]> {
        match (&peer.node, &peer.node_selector) {
            (Some(name), _) => self.store.node(name).into_iter().collect(),
            (None, Some(selector)) => self.by(selector),
            (None, None) => self.store.nodes().collect(),
        }
    }
}
