//! Which sessions a node has: the mesh, and BGPPeers for all nodes or for this one (§3).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::annotations::SessionSettings;
use super::peer_fields::{
    DEFAULT_RESTART_TIME, keepalive, next_hop_mode, restart_time, unsupported_protection,
    unsupported_selector,
};
use super::policies::SessionPolicies;
use super::speaker::{BGP_PORT, Local, address_field, resource_of};
use super::{PeerKind, PeerName, PeerPlan, Provenance, Warnings};
use crate::model::{BgpPeer, Node, PeerEndpoint, SourceAddress};
use crate::net::{AddPathDirection, Asn, Family, PerFamily};
use crate::policy::NextHopMode;

/// Delay before the first dial (§3.9).
const CONNECT_DELAY: Duration = Duration::from_secs(2);

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

struct Planner<'a> {
    local: &'a Local<'a>,
    policies: &'a PerFamily<SessionPolicies>,
    settings: SessionSettings,
    peers: BTreeMap<PeerName, PeerPlan>,
    /// Addresses that BGPPeers claim, with the resource that did so first.
    explicit: BTreeMap<IpAddr, Arc<str>>,
    /// Address and port of every BGPPeer that is settled; the first one wins (§3.2).
    taken: BTreeSet<(IpAddr, u16)>,
}

/// What distinguishes one session from another of the same family.
struct Session {
    kind: PeerKind,
    address: IpAddr,
    port: Option<u16>,
    local_as: Asn,
    remote_as: Asn,
    passive: bool,
    provenance: Provenance,
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
        let Some(own_address) = self.local.address(family) else {
            let message = format!(
                "{} is left out: this node has no {family} address",
                endpoint.address
            );
            warnings.add(resource, "spec.peerIP", message);
            return;
        };
        if endpoint.address == own_address {
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
        if !self.taken.insert((address, port.unwrap_or(BGP_PORT))) {
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
        if let Some((field, what)) = unsupported_protection(peer) {
            let message = format!("{what} not there yet: the session to {address} is left out");
            warnings.add(Arc::clone(resource), field, message);
            return;
        }
        let settings = self
            .settings
            .overridden_by(&peer.metadata, resource, warnings);
        if settings.is_shut_down {
            let message = format!("the session to {address} is left out, as it is to be down");
            warnings.add(
                Arc::clone(resource),
                "metadata.annotations[calidris.io/shutdown]",
                message,
            );
            return;
        }
        if peer.reachable_by.is_some() {
            let message =
                "the host route to the peer is not there yet: the session runs without it";
            warnings.add(Arc::clone(resource), "spec.reachableBy", message.to_owned());
        }
        let session = Session {
            kind,
            address,
            port,
            local_as: peer.local_asn.unwrap_or(self.local.local_as()),
            remote_as,
            passive: kind == PeerKind::Global && self.is_passive_towards_node(address),
            provenance: Provenance {
                resource: Arc::clone(resource),
                field: "spec.peerIP".into(),
            },
        };
        let mut planned = self.planned(session, settings);
        let external = planned.remote_as != planned.local_as;
        planned.next_hop_mode = next_hop_mode(peer, external);
        planned.keepalive = keepalive(peer);
        planned.restart_time = restart_time(peer.max_restart_time);
        planned.allowed_local_as = peer.allowed_local_as;
        if peer.source_address == SourceAddress::None {
            planned.source_address = None;
        }
        // The peer's own cluster id is unknown here, so an internal peer counts as a client (§3.7).
        planned.reflector_client = self.local.node.cluster_id.filter(|_| !external);
        self.peers
            .insert(session_name(kind, address, port), planned);
    }

    fn add_mesh(&mut self, warnings: &mut Warnings) {
        let configuration = self.local.global;
        let enabled = configuration.is_none_or(|global| global.mesh_enabled != Some(false));
        if !enabled || self.local.node.cluster_id.is_some() {
            return;
        }
        if configuration.is_some_and(|global| global.mesh_password.is_some()) {
            let message = "passwords are not there yet: the mesh is left out";
            warnings.add(
                "BGPConfiguration/default",
                "spec.nodeMeshPassword",
                message.to_owned(),
            );
            return;
        }
        let restart_time =
            restart_time(configuration.and_then(|global| global.mesh_max_restart_time));
        for node in self.local.store.nodes() {
            if node.cluster_id.is_some() {
                continue;
            }
            for family in Family::ALL {
                self.add_mesh_session(node, family, restart_time, warnings);
            }
        }
    }

    fn add_mesh_session(
        &mut self,
        node: &Node,
        family: Family,
        restart_time: u16,
        warnings: &mut Warnings,
    ) {
        let (Some(own), Some(address)) = (self.local.address(family), node.address(family)) else {
            return;
        };
        let holder = self.local.nodes_by_address.get(&address);
        let is_holder = holder.is_some_and(|first| first.metadata.name == node.metadata.name);
        if own == address || !is_holder {
            return;
        }
        if let Some(other) = self.explicit.get(&address) {
            let message = format!("the mesh session to {address} is suppressed by {other}");
            warnings.add(resource_of(node), address_field(family), message);
            return;
        }
        let session = Session {
            kind: PeerKind::Mesh,
            address,
            port: self.local.port_of(node),
            local_as: self.local.local_as(),
            remote_as: self.local.as_of(node),
            passive: sorts_after(address, own),
            provenance: Provenance {
                resource: resource_of(node),
                field: address_field(family).into(),
            },
        };
        let mut planned = self.planned(session, self.settings);
        planned.restart_time = restart_time;
        self.peers
            .insert(session_name(PeerKind::Mesh, address, None), planned);
    }

    fn planned(&self, session: Session, settings: SessionSettings) -> PeerPlan {
        let family = Family::of(session.address);
        let policies = self.policies.get(family);
        PeerPlan {
            kind: session.kind,
            address: session.address,
            port: session.port.unwrap_or(BGP_PORT),
            family,
            families: PerFamily {
                ipv4: family == Family::Ipv4,
                ipv6: family == Family::Ipv6,
            },
            local_as: session.local_as,
            remote_as: session.remote_as,
            source_address: self.local.address(family),
            passive: settings.passive.unwrap_or(session.passive),
            hold_time: settings.hold_time,
            keepalive: None,
            connect_delay: CONNECT_DELAY,
            connect_retry: settings.connect_retry,
            idle_hold: settings.idle_hold,
            restart_time: DEFAULT_RESTART_TIME,
            next_hop_mode: NextHopMode::Auto,
            reflector_client: None,
            allowed_local_as: 0,
            password: None,
            ttl_security: None,
            interface: None,
            add_path: AddPathDirection {
                receive: true,
                send: false,
            },
            add_path_max: 16,
            prefix_limit: None,
            role: None,
            long_lived_time: None,
            shutdown: None,
            import: Arc::clone(&policies.import),
            export: Arc::clone(&policies.export),
            provenance: session.provenance,
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
    [local.global, local.own].into_iter().flatten().fold(
        SessionSettings::default(),
        |settings, configuration| {
            let resource = format!("BGPConfiguration/{}", configuration.metadata.name);
            settings.overridden_by(&configuration.metadata, &resource, warnings)
        },
    )
}

/// Whether an address comes after another one as text, which is how Calico's nodes agree on who
/// dials (§3.5): the node whose peer sorts after itself waits.
fn sorts_after(address: IpAddr, own: IpAddr) -> bool {
    address.to_string() > own.to_string()
}

fn session_name(kind: PeerKind, address: IpAddr, port: Option<u16>) -> PeerName {
    let prefix = match kind {
        PeerKind::Mesh => "Mesh",
        PeerKind::Global => "Global",
        PeerKind::Node => "Node",
    };
    let address = address.to_string().replace(['.', ':'], "_");
    PeerName(match port {
        None => format!("{prefix}_{address}").into(),
        Some(port) => format!("{prefix}_{address}_port_{port}").into(),
    })
}
