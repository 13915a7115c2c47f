//! BGPPeer: a peering besides the mesh (spec/calico.md §2.2).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::metadata::{Metadata, SecretKeyRef};
use super::read::{FieldError, Object, ZeroAsn};
use super::selector::Selector;
use crate::net::Asn;

/// A BGPPeer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpPeer {
    /// Name, labels, annotations.
    pub metadata: Metadata,
    /// `spec.node`: the one node that it is for.
    pub node: Option<Arc<str>>,
    /// `spec.nodeSelector`: the nodes that it is for.
    pub node_selector: Option<Arc<Selector>>,
    /// `spec.peerIP`.
    pub peer_ip: Option<PeerEndpoint>,
    /// `spec.peerSelector`: nodes that are the peers.
    pub peer_selector: Option<Arc<Selector>>,
    /// `spec.localWorkloadSelector`: workloads that are the peers; Felix evaluates it.
    pub local_workload_selector: Option<Arc<str>>,
    /// `spec.asNumber`.
    pub asn: Option<Asn>,
    /// `spec.localASNumber`.
    pub local_asn: Option<Asn>,
    /// `spec.keepOriginalNextHop`, read where `nextHopMode` is absent.
    pub keep_original_next_hop: bool,
    /// `spec.nextHopMode`.
    pub next_hop_mode: Option<NextHopMode>,
    /// `spec.password`.
    pub password: Option<SecretKeyRef>,
    /// `spec.sourceAddress`.
    pub source_address: SourceAddress,
    /// `spec.maxRestartTime`.
    pub max_restart_time: Option<Duration>,
    /// `spec.keepaliveTime`.
    pub keepalive_time: Option<Duration>,
    /// `spec.numAllowedLocalASNumbers`.
    pub allowed_local_as: u32,
    /// `spec.ttlSecurity` in hops; zero is off.
    pub ttl_security: u8,
    /// `spec.reachableBy`: the gateway to the peer.
    pub reachable_by: Option<IpAddr>,
    /// `spec.filters`: names of BGPFilters.
    pub filters: Vec<Arc<str>>,
    /// `spec.reversePeering` is not `Manual`.
    pub reverse_peering: bool,
}

/// `spec.peerIP`: an address and, where given, a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerEndpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: Option<u16>,
}

/// `spec.nextHopMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHopMode {
    /// Self to eBGP, unchanged to iBGP.
    Auto,
    /// Always this side's address; `Self` in Calico.
    Own,
    /// Never changed.
    Keep,
}

/// `spec.sourceAddress`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceAddress {
    /// Sessions start from the node's address.
    #[default]
    UseNodeIp,
    /// The kernel chooses.
    None,
}

impl BgpPeer {
    /// Reads a BGPPeer.
    pub(super) fn read(root: &Object<'_>) -> Result<Self, FieldError> {
        let spec = root.object("spec")?;
        let text = |key| Ok::<_, FieldError>(spec.text(key)?.map(Arc::<str>::from));
        let peer = Self {
            metadata: Metadata::read(root)?,
            node: text("node")?,
            node_selector: spec.selector("nodeSelector")?,
            peer_ip: spec.parsed("peerIP", PEER_IP_ALLOWED, PeerEndpoint::parse)?,
            peer_selector: spec.selector("peerSelector")?,
            local_workload_selector: text("localWorkloadSelector")?,
            asn: spec.asn("asNumber", ZeroAsn::Unset)?,
            local_asn: spec.asn("localASNumber", ZeroAsn::Refused)?,
            keep_original_next_hop: spec.boolean("keepOriginalNextHop")?.unwrap_or(false),
            next_hop_mode: spec.parsed("nextHopMode", "Auto, Self or Keep", next_hop_mode)?,
            password: SecretKeyRef::read(&spec, "password")?,
            source_address: spec
                .parsed("sourceAddress", "UseNodeIP or None", source_address)?
                .unwrap_or_default(),
            max_restart_time: spec.duration("maxRestartTime")?,
            keepalive_time: spec.duration("keepaliveTime")?,
            allowed_local_as: spec
                .integer("numAllowedLocalASNumbers", 0..=i32::MAX as u64)?
                .unwrap_or(0),
            ttl_security: spec.integer("ttlSecurity", 0..=255)?.unwrap_or(0),
            reachable_by: spec.address("reachableBy")?,
            filters: spec.texts("filters")?,
            reverse_peering: spec
                .parsed("reversePeering", "Auto or Manual", |text| match text {
                    "Auto" => Some(true),
                    "Manual" => Some(false),
                    _ => None,
                })?
                .unwrap_or(true),
        };
        peer.check(&spec)?;
        Ok(peer)
    }

    fn check(&self, spec: &Object<'_>) -> Result<(), FieldError> {
        let exclusive = [
            ("nodeSelector", "node"),
            ("peerSelector", "peerIP"),
            ("localWorkloadSelector", "peerIP"),
            ("localWorkloadSelector", "peerSelector"),
        ];
        for (key, other) in exclusive {
            if spec.is_set(key) && spec.is_set(other) {
                return Err(spec.conflict(key, other));
            }
        }
        if self.peer_selector.is_some() && self.asn.is_some() {
            return Err(spec.conflict("asNumber", "peerSelector"));
        }
        match (self.reachable_by, self.peer_ip) {
            (Some(gateway), Some(peer)) if gateway.is_ipv4() != peer.address.is_ipv4() => Err(spec
                .refuse(
                    "reachableBy",
                    "an address of the same family as spec.peerIP",
                )),
            _ => Ok(()),
        }
    }
}

impl PeerEndpoint {
    /// Reads `a.b.c.d`, an IPv6 address, or either with a port (`a.b.c.d:port`, `[v6]:port`).
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return usable(address, None);
        }
        // A zone would be lost on the way, and the address with it.
        let endpoint: SocketAddr = text.parse().ok().filter(|_| !text.contains('%'))?;
        (endpoint.port() != 0)
            .then(|| usable(endpoint.ip(), Some(endpoint.port())))
            .flatten()
    }
}

fn usable(address: IpAddr, port: Option<u16>) -> Option<PeerEndpoint> {
    (!address.is_unspecified() && !address.is_multicast()).then_some(PeerEndpoint { address, port })
}

const PEER_IP_ALLOWED: &str = "an address with an optional port, such as 192.0.2.1, \
    192.0.2.1:1179 or [2001:db8::1]:179 (the annotation calidris.io/interface names the interface \
    of a link-local one)";

fn next_hop_mode(text: &str) -> Option<NextHopMode> {
    match text {
        "Auto" => Some(NextHopMode::Auto),
        "Self" => Some(NextHopMode::Own),
        "Keep" => Some(NextHopMode::Keep),
        _ => None,
    }
}

fn source_address(text: &str) -> Option<SourceAddress> {
    match text {
        "UseNodeIP" => Some(SourceAddress::UseNodeIp),
        "None" => Some(SourceAddress::None),
        _ => None,
    }
}
