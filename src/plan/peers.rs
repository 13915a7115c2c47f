//! Which sessions a node has: BGPPeers for all nodes or for this one, besides the mesh (§3).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::annotations::{SessionSettings, field};
use super::passwords::{self, Password};
use super::peer_fields::{
    is_link_local, keepalive, next_hop_mode, restart_time, unsupported_protection,
    unsupported_selector,
};
use super::policies::SessionPolicies;
use super::session::{Session, session_name, sorts_after};
use super::speaker::{BGP_PORT, Local, resource_of};
use super::{PeerKind, PeerName, PeerPlan, Provenance, Warnings};
use crate::model::{BgpPeer, PeerEndpoint, SourceAddress};
use crate::net::{Asn, Family, PerFamily};

/// Plans all sessions.
pub(super) fn plan(
    local: &Local<'_>,
    policies: &PerFamily<SessionPolicies>,
    warnings: &mut Warnings,
) -> BTreeMap<PeerName, PeerPlan> {
    if Family::ALL
        .into_iter()
        .all(|family| local.address(family).is_none())
    {
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
        taken: BTreeSet::new(),
    };
    planner.add_explicit(warnings);
    planner.add_mesh(warnings);
    planner.peers
}

/// Sessions as they gather, and what they have in common.
pub(super) struct Planner<'a> {
    pub(super) local: &'a Local<'a>,
    pub(super) policies: &'a PerFamily<SessionPolicies>,
    /// What holds for all sessions of the node.
    pub(super) settings: SessionSettings,
    pub(super) peers: BTreeMap<PeerName, PeerPlan>,
    /// Addresses that BGPPeers claim, with the resource that did so first.
    pub(super) explicit: BTreeMap<IpAddr, Arc<str>>,
    /// Address, interface and port of every BGPPeer that is settled; the first one wins (§3.2).
    taken: BTreeSet<(IpAddr, Option<Arc<str>>, u16)>,
}

impl Planner<'_> {
    fn add_explicit(&mut self, warnings: &mut Warnings) {
        let own_name = &self.local.node.metadata.name;
        let peers: Vec<&BgpPeer> = self.local.store.peers().collect();
        for kind in [PeerKind::Global, PeerKind::Node] {
            for peer in &peers {
                let of_this_kind = match (&peer.node, kind) {
                    (None, PeerKind::Global) => true,
                    (Some(node), PeerKind::Node) => node == own_name,
                    _ => false,
                };
                if of_this_kind {
                    self.add_peer(peer, kind, warnings);
                }
            }
        }
        for peer in peers {
            self.remark_on_reverse(peer, warnings);
        }
    }

    fn add_peer(&mut self, peer: &BgpPeer, kind: PeerKind, warnings: &mut Warnings) {
        let resource: Arc<str> = format!("BGPPeer/{}", peer.metadata.name).into();
        if let Some((field, what)) = unsupported_selector(peer) {
            let message = format!("{what} not planned yet: its sessions are left out");
            warnings.add(resource, field, message);
            return;
        }
        let Some(endpoint) = peer.peer_ip else {
            let message = "the peer has no address: the session is left out";
            warnings.add(resource, "spec.peerIP", message.to_owned());
            return;
        };
        let family = Family::of(endpoint.address);
        let own_address = self.local.address(family);
        // A link-local peer is met at a link-local address, which a node has anyway.
        if own_address.is_none() && !is_link_local(endpoint.address) {
            let message = format!(
                "{} is left out: this node has no {family} address",
                endpoint.address
            );
            warnings.add(resource, "spec.peerIP", message);
            return;
        }
        if own_address == Some(endpoint.address) {
            return;
        }
        let Some(remote_as) = peer.asn else {
            let message = format!(
                "the AS number of {} is missing: the session is left out",
                endpoint.address
            );
            warnings.add(resource, "spec.asNumber", message);
            return;
        };
        self.add_complete(peer, kind, endpoint, remote_as, &resource, warnings);
    }

    fn add_complete(
        &mut self,
        peer: &BgpPeer,
        kind: PeerKind,
        endpoint: PeerEndpoint,
        remote_as: Asn,
        resource: &Arc<str>,
        warnings: &mut Warnings,
    ) {
        let address = endpoint.address;
        let port = endpoint
            .port
            .or_else(|| self.port_of_node(address, remote_as));
        let mut settings = self
            .settings
            .overridden_by(&peer.metadata, resource, warnings);
        if !is_link_local(address) {
            if settings.is_from("interface", resource) {
                let message =
                    format!("{address} is not a link-local address: the interface is not used");
                warnings.add(Arc::clone(resource), &field("interface"), message);
            }
            settings.interface = None;
            settings.forget("interface");
        }
        let key = (
            address,
            settings.interface.clone(),
            port.unwrap_or(BGP_PORT),
        );
        if !self.taken.insert(key) {
            let other = self.explicit.get(&address).cloned().unwrap_or_default();
            let message = format!(
                "{address} with that port is a peer by {other} already: the session is left out"
            );
            warnings.add(Arc::clone(resource), "spec.peerIP", message);
            return;
        }
        // A session that is left out for its own safety must not come back as part of the mesh.
        self.explicit
            .entry(address)
            .or_insert_with(|| Arc::clone(resource));
        if let Some((field, message)) = left_out(peer, address, &settings) {
            warnings.add(Arc::clone(resource), &field, message);
            return;
        }
        let local_as = peer.local_asn.unwrap_or(self.local.local_as());
        let session = Session {
            kind,
            address,
            interface: settings.interface.clone(),
            port,
            local_as,
            remote_as,
            passive: kind == PeerKind::Global && self.is_passive_towards_node(address),
            password: self.password(peer, resource, warnings),
            provenance: Provenance {
                resource: Arc::clone(resource),
                field: "spec.peerIP".into(),
            },
        };
        self.remark(peer, &session, &settings, warnings);
        let name = session_name(kind, address, session.interface.as_deref(), port);
        let mut planned = self.planned(session, settings);
        self.take_fields(peer, &mut planned);
        self.peers.insert(name, planned);
    }

    fn password(&self, peer: &BgpPeer, resource: &Arc<str>, warnings: &mut Warnings) -> Password {
        let find = |reference| {
            let field = "spec.password.secretKeyRef";
            passwords::find(self.local, reference, resource, field, warnings)
        };
        peer.password.as_ref().map(find).unwrap_or_default()
    }

    /// Calico's own fields that are plainly taken over.
    fn take_fields(&self, peer: &BgpPeer, planned: &mut PeerPlan) {
        let external = planned.remote_as != planned.local_as;
        planned.next_hop_mode = next_hop_mode(peer, external);
        planned.keepalive = keepalive(peer);
        planned.restart_time = restart_time(peer.max_restart_time);
        planned.allowed_local_as = peer.allowed_local_as;
        planned.ttl_security = Some(peer.ttl_security).filter(|hops| *hops > 0);
        if peer.source_address == SourceAddress::None {
            planned.source_address = None;
        }
        // The peer's own cluster id is unknown here, so an internal peer counts as a client (§3.7).
        planned.reflector_client = self.local.node.cluster_id.filter(|_| !external);
    }

    /// Says what of a BGPPeer its session cannot make use of.
    fn remark(
        &self,
        peer: &BgpPeer,
        session: &Session,
        settings: &SessionSettings,
        warnings: &mut Warnings,
    ) {
        let resource = &session.provenance.resource;
        remark_on_families(self.local, settings, resource, warnings);
        let is_internal = session.local_as == session.remote_as;
        if is_internal && settings.role.is_some() && settings.is_from("role", resource) {
            let message = "a role is for sessions with another AS: it is not used";
            warnings.add(Arc::clone(resource), &field("role"), message.to_owned());
        }
        if peer.reachable_by.is_some() {
            let message =
                "the host route to the peer is not there yet: the session runs without it";
            warnings.add(Arc::clone(resource), "spec.reachableBy", message.to_owned());
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

    /// A BGPPeer of other nodes that names this node's address implies a session back (§3.4).
    fn remark_on_reverse(&self, peer: &BgpPeer, warnings: &mut Warnings) {
        let Some(endpoint) = peer.peer_ip.filter(|_| peer.reverse_peering) else {
            return;
        };
        let own_name = &self.local.node.metadata.name;
        let is_own = self.local.address(Family::of(endpoint.address)) == Some(endpoint.address);
        let from_others = peer.node.as_ref() != Some(own_name);
        let as_matches = peer.asn.is_none_or(|asn| asn == self.local.local_as());
        if is_own && from_others && as_matches && peer.node_selector.is_none() {
            let message = "the reverse sessions of other nodes are not planned yet: nodes that are \
                           not in the mesh with this one need a BGPPeer of their own here";
            warnings.add(
                format!("BGPPeer/{}", peer.metadata.name),
                "spec.reversePeering",
                message.to_owned(),
            );
        }
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
fn remark_on_families(
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

/// Why the session of a BGPPeer cannot be run as asked for, with the field.
fn left_out(
    peer: &BgpPeer,
    address: IpAddr,
    settings: &SessionSettings,
) -> Option<(String, String)> {
    if let Some((field, what)) = unsupported_protection(peer) {
        let message = format!("{what} not there yet: the session to {address} is left out");
        return Some((field.to_owned(), message));
    }
    (is_link_local(address) && settings.interface.is_none()).then(|| {
        let message = format!(
            "{address} is a link-local address, and its interface is missing: the session is left \
             out"
        );
        (field("interface"), message)
    })
}
