//! Which sessions a node has besides the mesh: those of BGPPeers for all nodes or for this one, and
//! those back to nodes whose BGPPeers describe it as their peer (spec/calico.md §3.2–§3.4, §3.7).
//!
//! The first to claim an address and port has the session (§3.2): BGPPeers for all nodes come before
//! those for some, sessions back come last, and among equals the lowest name wins.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::annotations::{SessionSettings, field};
use super::peer_fields::is_link_local;
use super::peering::{Candidate, Found, Peering};
use super::policies::SessionPolicies;
use super::remarks::Remarks;
use super::session::{Session, session_name, sorts_after};
use super::sides::Selection;
use super::speaker::{BGP_PORT, Local, resource_of};
use super::{PeerKind, PeerName, PeerPlan, Provenance, Warnings};
use crate::model::Node;
use crate::net::{Asn, ClusterId, Family, PerFamily};

/// Plans all sessions.
pub(super) fn plan(
    local: &Local<'_>,
    policies: &PerFamily<SessionPolicies>,
    warnings: &mut Warnings,
) -> BTreeMap<PeerName, PeerPlan> {
    let has_address = Family::ALL
        .into_iter()
        .any(|family| local.address(family).is_some());
    if !has_address {
        warnings.add(
            resource_of(local.node),
            "spec.bgp",
            "the node has no address: it has no sessions".to_owned(),
        );
    }
    let mut planner = Planner {
        local,
        policies,
        settings: cluster_settings(local, warnings),
        peers: BTreeMap::new(),
        explicit: BTreeMap::new(),
        remarks: Remarks::default(),
        selection: Selection::new(local.store),
        taken: BTreeMap::new(),
    };
    planner.add_explicit(warnings);
    planner.add_mesh(warnings);
    planner.remarks.into_warnings(warnings);
    if planner.peers.is_empty() && has_address && local.node.cluster_id.is_some() {
        let message = "a route reflector is not in the mesh, and no BGPPeer gives this one a \
                       session: it has none";
        let field = "spec.bgp.routeReflectorClusterID";
        warnings.add(resource_of(local.node), field, message.to_owned());
    }
    planner.peers
}

/// Sessions as they gather, and what they have in common.
pub(super) struct Planner<'a> {
    pub(super) local: &'a Local<'a>,
    pub(super) policies: &'a PerFamily<SessionPolicies>,
    /// What holds for all sessions of the node.
    pub(super) settings: SessionSettings,
    pub(super) peers: BTreeMap<PeerName, PeerPlan>,
    /// Addresses that BGPPeers claim, with the first to do so.
    pub(super) explicit: BTreeMap<IpAddr, Provenance>,
    pub(super) remarks: Remarks,
    selection: Selection<'a>,
    /// Where every session of a BGPPeer leads, with the resource that has it.
    taken: BTreeMap<Place, Arc<str>>,
}

/// Address, interface and port.
type Place = (IpAddr, Option<Arc<str>>, u16);

impl<'a> Planner<'a> {
    fn add_explicit(&mut self, warnings: &mut Warnings) {
        let local = self.local;
        let peers = local.store.peers();
        let peerings: Vec<Peering<'a>> = peers
            .filter_map(|peer| Peering::new(peer, local, &self.settings, warnings))
            .collect();
        for kind in [PeerKind::Global, PeerKind::Node] {
            let of_this_kind = peerings.iter().filter(|one| one.forward == Some(kind));
            for peering in of_this_kind {
                match &peering.peer.peer_selector {
                    Some(selector) => {
                        let nodes = self.selection.by(selector);
                        if nodes.is_empty() {
                            let message = "no node has such labels: there are no sessions";
                            let resource = Arc::clone(&peering.resource);
                            warnings.add(resource, "spec.peerSelector", message.to_owned());
                        }
                        self.add_nodes(peering, kind, &nodes, Found::Selector);
                    }
                    None => self.add_address(peering, kind, warnings),
                }
            }
        }
        for peering in peerings.iter().filter(|peering| peering.is_reverse) {
            let nodes = self.selection.of_node_side(peering.peer);
            let back = peering.reversed(&self.settings);
            self.add_nodes(&back, PeerKind::Node, &nodes, Found::Reverse);
        }
    }

    /// The session with the address that a BGPPeer names.
    fn add_address(&mut self, peering: &Peering<'_>, kind: PeerKind, warnings: &mut Warnings) {
        let (peer, resource) = (peering.peer, || Arc::clone(&peering.resource));
        let Some(endpoint) = peer.peer_ip else {
            let message = "the peer has no address: the session is left out";
            warnings.add(resource(), "spec.peerIP", message.to_owned());
            return;
        };
        let address = endpoint.address;
        let family = Family::of(address);
        let own_address = self.local.address(family);
        // A link-local peer is met at a link-local address, which a node has anyway.
        if own_address.is_none() && !is_link_local(address) {
            let message = format!("{address} is left out: this node has no {family} address");
            warnings.add(resource(), "spec.peerIP", message);
            return;
        }
        if own_address == Some(address) {
            return;
        }
        let Some(remote_as) = peer.asn else {
            let message = format!("the AS number of {address} is missing: the session is left out");
            warnings.add(resource(), "spec.asNumber", message);
            return;
        };
        let candidate = Candidate {
            kind,
            address,
            port: endpoint
                .port
                .or_else(|| self.port_of_node(address, remote_as)),
            local_as: peer.local_asn.unwrap_or(self.local.local_as()),
            remote_as,
            passive: kind == PeerKind::Global && self.is_passive_towards_node(address),
            found: Found::Address,
        };
        self.add(peering, &candidate);
    }

    /// The sessions with some nodes, one for each family that both ends have; a BGPPeer that names an
    /// address is about the family of that address only.
    fn add_nodes(
        &mut self,
        peering: &Peering<'_>,
        kind: PeerKind,
        nodes: &[&'a Node],
        found: fn(&'a Node) -> Found<'a>,
    ) {
        let named = peering.peer.peer_ip.map(|named| Family::of(named.address));
        for &node in nodes {
            let families = Family::ALL.into_iter();
            for family in families.filter(|family| named.is_none_or(|named| named == *family)) {
                let ends = (self.local.address(family), node.address(family));
                let (Some(own), Some(address)) = ends else {
                    continue;
                };
                if own == address || !self.local.is_holder(node, address) {
                    continue;
                }
                let candidate = Candidate {
                    kind,
                    address,
                    port: self.local.port_of(node),
                    local_as: self.local.local_as(),
                    remote_as: self.local.as_of(node),
                    passive: false,
                    found: found(node),
                };
                self.add(peering, &candidate);
            }
        }
    }

    /// Adds a session, unless its address and port are taken or it cannot be run as asked for.
    fn add(&mut self, peering: &Peering<'_>, candidate: &Candidate<'_>) {
        let (address, resource) = (candidate.address, &peering.resource);
        let interface = peering.settings.interface.clone();
        let key = (
            address,
            interface.clone(),
            candidate.port.unwrap_or(BGP_PORT),
        );
        if let Some(other) = self.taken.get(&key) {
            // That a session back is there already is the usual case.
            if !matches!(candidate.found, Found::Reverse(_)) {
                let message = format!(
                    "{other} has the sessions with this address and port, which is left out"
                );
                self.remarks
                    .add(resource, candidate.found.field(), message, address);
            }
            return;
        }
        self.taken.insert(key, Arc::clone(resource));
        let provenance = Provenance {
            resource: Arc::clone(resource),
            field: candidate.found.field().into(),
        };
        // A session that is left out for its own safety must not come back as part of the mesh.
        let first = self.explicit.entry(address);
        first.or_insert_with(|| provenance.clone());
        if let Some((field, message)) = peering.left_out(address) {
            self.remarks.add(resource, &field, message, address);
            return;
        }
        self.remark(peering, candidate);
        let node = candidate.found.node();
        let session = Session {
            kind: candidate.kind,
            node: node.map(|node| Arc::clone(&node.metadata.name)),
            address,
            interface,
            port: candidate.port,
            local_as: candidate.local_as,
            remote_as: candidate.remote_as,
            passive: candidate.passive,
            password: peering.password.clone(),
            provenance,
        };
        let name = session_name(
            candidate.kind,
            address,
            session.interface.as_deref(),
            candidate.port,
        );
        let mut planned = self.planned(session, peering.settings.clone());
        peering.take_fields(candidate.found, &mut planned);
        let is_internal = planned.local_as == planned.remote_as;
        planned.reflector_client = self
            .cluster_of_client(node.and_then(|node| node.cluster_id))
            .filter(|_| is_internal);
        self.peers.insert(name, planned);
    }

    /// The cluster that an internal peer is a client in: this node's, unless the peer is known to be
    /// a reflector of the same one (§3.7). A peer known by its address alone is a client.
    fn cluster_of_client(&self, theirs: Option<ClusterId>) -> Option<ClusterId> {
        let own = self.local.node.cluster_id;
        own.filter(|_| theirs != own)
    }

    /// Says what of a BGPPeer a session cannot make use of, or may not mean.
    fn remark(&mut self, peering: &Peering<'_>, candidate: &Candidate<'_>) {
        if candidate.local_as != candidate.remote_as {
            return;
        }
        let (resource, address) = (&peering.resource, candidate.address);
        if peering.settings.role.is_some() && peering.settings.is_from("role", resource) {
            let message =
                "a role is for sessions with another AS and not used in those within ours";
            self.remarks
                .add(resource, &field("role"), message.to_owned(), address);
        }
        let cluster = self.local.node.cluster_id;
        let peer = self.local.nodes_by_address.get(&address);
        let is_of_same = cluster.is_some() && peer.is_some_and(|peer| peer.cluster_id == cluster);
        if matches!(candidate.found, Found::Address) && is_of_same {
            let message = "a reflector of the same cluster counts as a client where it is named by \
                           its address; spec.peerSelector would make it an equal";
            self.remarks
                .add(resource, "spec.peerIP", message.to_owned(), address);
        }
    }

    /// The port of the node that has this address and AS, where resources name one (§2.2).
    fn port_of_node(&self, address: IpAddr, asn: Asn) -> Option<u16> {
        let node = self.local.nodes_by_address.get(&address)?;
        (self.local.as_of(node) == asn)
            .then(|| self.local.port_of(node))
            .flatten()
    }

    fn is_passive_towards_node(&self, address: IpAddr) -> bool {
        self.local.nodes_by_address.contains_key(&address)
            && self
                .local
                .address(Family::of(address))
                .is_some_and(|own| sorts_after(address, own))
    }
}

/// Settings for all sessions of the node.
fn cluster_settings(local: &Local<'_>, warnings: &mut Warnings) -> SessionSettings {
    let mut settings = SessionSettings::default();
    for configuration in [local.global, local.own].into_iter().flatten() {
        let resource = format!("BGPConfiguration/{}", configuration.metadata.name).into();
        settings = settings.overridden_by(&configuration.metadata, &resource, warnings);
        remark_on_families(local, &settings, &resource, warnings);
    }
    settings
}

/// Says what families come to where the node has no address to be the next hop. A reflector need
/// have none, and IPv4 routes may go with an IPv6 next hop (RFC 8950).
pub(super) fn remark_on_families(
    local: &Local<'_>,
    settings: &SessionSettings,
    resource: &Arc<str>,
    warnings: &mut Warnings,
) {
    let wants_ipv6 = settings.families.is_some_and(|families| families.ipv6);
    let lacks_ipv6 = local.address(Family::Ipv6).is_none() && local.node.cluster_id.is_none();
    if wants_ipv6 && lacks_ipv6 && settings.is_from("families", resource) {
        let message = "this node has no ipv6 address: it announces no ipv6 routes of its own";
        warnings.add(Arc::clone(resource), &field("families"), message.to_owned());
    }
}
