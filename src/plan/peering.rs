//! One BGPPeer as a node takes part in it: what all its sessions there have in common.

use std::net::IpAddr;
use std::sync::Arc;

use super::annotations::{SessionSettings, field};
use super::passwords::{self, Password};
use super::peer_fields::{
    is_link_local, keepalive, next_hop_mode, restart_time, unsupported_protection,
};
use super::peers::remark_on_families;
use super::sides;
use super::speaker::Local;
use super::{PeerKind, PeerPlan, Warnings};
use crate::model::{BgpPeer, Node, SourceAddress};
use crate::net::Asn;

/// A BGPPeer that gives this node sessions.
pub(super) struct Peering<'a> {
    pub(super) peer: &'a BgpPeer,
    pub(super) resource: Arc<str>,
    /// What the sessions are called if the node is one of those that the BGPPeer is for.
    pub(super) forward: Option<PeerKind>,
    /// Whether the node is described as a peer.
    pub(super) is_reverse: bool,
    /// With the annotations of the BGPPeer.
    pub(super) settings: SessionSettings,
    pub(super) password: Password,
}

/// A session that a BGPPeer asks for.
pub(super) struct Candidate<'a> {
    pub(super) kind: PeerKind,
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
    pub(super) local_as: Asn,
    pub(super) remote_as: Asn,
    pub(super) passive: bool,
    pub(super) found: Found<'a>,
}

/// How a BGPPeer leads to a peer.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    /// By `peerIP`.
    Address,
    /// By `peerSelector`.
    Selector(&'a Node),
    /// By being among the nodes that the BGPPeer is for, while this node is the peer it describes.
    Reverse(&'a Node),
}

impl<'a> Found<'a> {
    /// The Node that the peer is, where that is known.
    pub(super) const fn node(self) -> Option<&'a Node> {
        match self {
            Self::Address => None,
            Self::Selector(node) | Self::Reverse(node) => Some(node),
        }
    }

    /// The field that decides.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Address => "spec.peerIP",
            Self::Selector(_) => "spec.peerSelector",
            Self::Reverse(_) => "spec.reversePeering",
        }
    }
}

impl<'a> Peering<'a> {
    /// What a BGPPeer comes to on this node, if anything.
    pub(super) fn new(
        peer: &'a BgpPeer,
        local: &Local<'_>,
        cluster: &SessionSettings,
        warnings: &mut Warnings,
    ) -> Option<Self> {
        let forward = sides::kind_for(peer, local.node);
        let is_reverse = sides::is_reverse_for(local.store, peer, local.node);
        if forward.is_none() && !is_reverse {
            return None;
        }
        let resource: Arc<str> = format!("BGPPeer/{}", peer.metadata.name).into();
        if peer.local_workload_selector.is_some() {
            let message = "sessions with workloads are not planned yet: they are left out";
            warnings.add(resource, "spec.localWorkloadSelector", message.to_owned());
            return None;
        }
        let mut settings = cluster.overridden_by(&peer.metadata, &resource, warnings);
        let scoped = peer.peer_ip.filter(|peer| is_link_local(peer.address));
        if scoped.is_none() {
            if settings.is_from("interface", &resource) {
                let message = "no peer has a link-local address: the interface is not used";
                warnings.add(
                    Arc::clone(&resource),
                    &field("interface"),
                    message.to_owned(),
                );
            }
            settings.interface = None;
            settings.forget("interface");
        }
        remark_on_families(local, &settings, &resource, warnings);
        if peer.reachable_by.is_some() {
            let message = "the host route to the peer is not there yet: sessions run without it";
            warnings.add(
                Arc::clone(&resource),
                "spec.reachableBy",
                message.to_owned(),
            );
        }
        let find = |reference| {
            let field = "spec.password.secretKeyRef";
            passwords::find(local, reference, &resource, field, warnings)
        };
        let password = peer.password.as_ref().map(find).unwrap_or_default();
        Some(Self {
            peer,
            forward,
            is_reverse,
            settings,
            password,
            resource,
        })
    }

    /// The same for the sessions back to the nodes that it is for.
    pub(super) fn reversed(&self, cluster: &SessionSettings) -> Self {
        Self {
            resource: Arc::clone(&self.resource),
            settings: self.settings.clone().reversed(cluster),
            password: self.password.clone(),
            ..*self
        }
    }

    /// Why the session to an address cannot be run as asked for, with the field.
    pub(super) fn left_out(&self, address: IpAddr) -> Option<(String, String)> {
        if let Some((field, what)) = unsupported_protection(self.peer) {
            let message = format!("{what} not there yet, so sessions are left out");
            return Some((field.to_owned(), message));
        }
        (is_link_local(address) && self.settings.interface.is_none()).then(|| {
            let message =
                "the interface of a link-local peer is missing, so its session is left out";
            (field("interface"), message.to_owned())
        })
    }

    /// Calico's own fields that are plainly taken over.
    pub(super) fn take_fields(&self, found: Found<'_>, planned: &mut PeerPlan) {
        let peer = self.peer;
        let external = planned.remote_as != planned.local_as;
        planned.next_hop_mode = next_hop_mode(peer, external);
        planned.keepalive = keepalive(peer);
        planned.restart_time = restart_time(peer.max_restart_time);
        planned.ttl_security = Some(peer.ttl_security).filter(|hops| *hops > 0);
        if peer.source_address == SourceAddress::None {
            planned.source_address = None;
        }
        if matches!(found, Found::Address) {
            planned.allowed_local_as = peer.allowed_local_as;
        }
    }
}
