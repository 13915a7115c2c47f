//! Who peers with whom, as far as it concerns more than one node: selectors that choose nobody, and
//! nodes that are left without sessions.

use crate::model::{Node, Store};
use crate::plan::Warnings;
use crate::plan::sides::{Selection, is_reverse_for, kind_for};
use crate::plan::speaker::resource_of;

/// Names that a remark lists before it only counts them.
const NAMED_MAX: usize = 5;

/// Remarks on the topology, where the set has Nodes at all.
pub(super) fn check(store: &Store, remarks: &mut Warnings) {
    if store.nodes().next().is_none() {
        return;
    }
    check_selectors(store, remarks);
    check_isolated(store, remarks);
}

fn check_selectors(store: &Store, remarks: &mut Warnings) {
    let mut selection = Selection::new(store);
    for peer in store.peers() {
        let selectors = [
            ("spec.nodeSelector", &peer.node_selector),
            ("spec.peerSelector", &peer.peer_selector),
        ];
        for (field, selector) in selectors {
            let Some(selector) = selector else { continue };
            if selection.by(selector).is_empty() {
                let message = format!("no Node has labels that fit {selector}");
                remarks.add(format!("BGPPeer/{}", peer.metadata.name), field, message);
            }
        }
    }
}

/// Reflectors are not in the mesh, and without it nobody is: these nodes need a BGPPeer.
fn check_isolated(store: &Store, remarks: &mut Warnings) {
    let global = store.global_configuration();
    let is_mesh = global.is_none_or(|global| global.mesh_enabled != Some(false));
    let has_peering = |node: &Node| {
        store
            .peers()
            .any(|peer| kind_for(peer, node).is_some() || is_reverse_for(store, peer, node))
    };
    let mut isolated = Vec::new();
    for node in store.nodes() {
        let is_meshed = is_mesh && node.cluster_id.is_none();
        if is_meshed || has_peering(node) {
            continue;
        }
        if node.cluster_id.is_some() {
            let message = "a route reflector is not in the mesh, and no BGPPeer is about this one: it \
                           has no sessions";
            let field = "spec.bgp.routeReflectorClusterID";
            remarks.add(resource_of(node), field, message.to_owned());
        } else {
            isolated.push(&*node.metadata.name);
        }
    }
    if !isolated.is_empty() {
        let named = isolated.len().min(NAMED_MAX);
        let rest = match isolated.len() - named {
            0 => String::new(),
            rest => format!(" and {rest} more"),
        };
        let message = format!(
            "the mesh is off, and no BGPPeer is about these nodes, which have no sessions: {}{rest}",
            isolated[..named].join(", ")
        );
        remarks.add(
            "BGPConfiguration/default",
            "spec.nodeToNodeMeshEnabled",
            message,
        );
    }
}
