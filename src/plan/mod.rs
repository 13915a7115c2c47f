//! The desired state of one node, computed from Calico's resources.
//!
//! `plan(&Store, &Identity) → Plan` is pure and total: the smallest bad unit is left out with a
//! warning, everything else is unchanged. `diff` turns two plans into changes, each marked soft (the
//! session stays) or reset with its reason. Nothing else may create a peer, a policy or an
//! originated route.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::net::{Asn, ClusterId, Family, PerFamily, Prefix, RouterId};
use crate::policy::{NextHopMode, Policy};

/// Who this process is, from its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of the Node resource that is this node.
    pub node: String,
    /// How the BGP Identifier is chosen.
    pub router_id: RouterIdChoice,
    /// `--listen-port`, which overrides BGPConfiguration.
    pub listen_port: Option<u16>,
}

/// `CALICO_ROUTER_ID` (spec/calico.md §3.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouterIdChoice {
    /// The node's IPv4 address; the hash of its name where it has none.
    #[default]
    NodeAddress,
    /// The first four octets of SHA-256 of the node's name.
    Hash,
    /// This one.
    Fixed(RouterId),
}

/// All that a node should be doing; ordered, comparable, printable.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The speaker itself.
    pub speaker: SpeakerPlan,
    /// The sessions, by name.
    pub peers: BTreeMap<PeerName, PeerPlan>,
    /// The routes that the node originates.
    pub originated: BTreeMap<Prefix, OriginatedPlan>,
    /// Which routes reach the kernel, in each family.
    pub kernel: PerFamily<Arc<Policy>>,
    /// What was left out, and why.
    pub warnings: Vec<Warning>,
}

/// The speaker itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpeakerPlan {
    /// The node's name.
    pub node: String,
    /// The AS of the node.
    pub local_as: Asn,
    /// The BGP Identifier.
    pub router_id: RouterId,
    /// Set where the node is a route reflector.
    pub cluster_id: Option<ClusterId>,
    /// The node's addresses.
    pub addresses: PerFamily<Option<IpAddr>>,
    /// Where connections are accepted; IPv6 sockets accept IPv6 only.
    pub listen: Vec<SocketAddr>,
    /// Where this comes from.
    pub provenance: Provenance,
}

/// A session's name, unique on a node: `Mesh_192_0_2_12`, `Global_…`, `Node_…` (§3.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PeerName(pub Arc<str>);

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of peering a session belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerKind {
    /// Node-to-node mesh.
    Mesh,
    /// A BGPPeer for all nodes.
    Global,
    /// A BGPPeer for this node.
    Node,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerPlan {
    /// Mesh, global or node.
    pub kind: PeerKind,
    /// The peer's address.
    pub address: IpAddr,
    /// The peer's port.
    pub port: u16,
    /// The family of the session.
    pub family: Family,
    /// The AS of this side.
    pub local_as: Asn,
    /// The AS of the peer.
    pub remote_as: Asn,
    /// The address to dial from; `None` lets the kernel choose.
    pub source_address: Option<IpAddr>,
    /// Whether this side never dials.
    pub passive: bool,
    /// Hold time to propose, in seconds.
    pub hold_time: u16,
    /// Fixed keepalive interval.
    pub keepalive: Option<Duration>,
    /// Delay before the first dial.
    pub connect_delay: Duration,
    /// Delay between dials.
    pub connect_retry: Duration,
    /// First and largest idle hold after an error.
    pub idle_hold: (Duration, Duration),
    /// Restart time to advertise, in seconds.
    pub restart_time: u16,
    /// How NEXT_HOP is set.
    pub next_hop_mode: NextHopMode,
    /// Set where the peer is this reflector's client.
    pub reflector_client: Option<ClusterId>,
    /// Tolerated occurrences of the local AS.
    pub allowed_local_as: u32,
    /// Import policy.
    pub import: Arc<Policy>,
    /// Export policy.
    pub export: Arc<Policy>,
    /// Where this comes from.
    pub provenance: Provenance,
}

/// A route that the node originates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginatedPlan {
    /// Where it comes from.
    pub provenance: Provenance,
}

/// The resource, field and revision that something in a plan stems from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// `Kind/name`.
    pub resource: Arc<str>,
    /// The field that decided, such as `spec.nodeToNodeMeshEnabled`.
    pub field: Arc<str>,
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// `Kind/name`.
    pub resource: Arc<str>,
    /// The field at fault.
    pub field: Arc<str>,
    /// One sentence with the value found, what is allowed and what follows.
    pub message: String,
}

/// One step from one plan to another.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The speaker's own identity changed: every session is reset.
    Speaker(SpeakerPlan),
    /// Listen sockets changed.
    Listen(Vec<SocketAddr>),
    /// A session is new.
    AddPeer(PeerName, PeerPlan),
    /// A session is gone.
    RemovePeer(PeerName),
    /// A session changed.
    UpdatePeer(PeerName, PeerPlan, ChangeMode),
    /// A route is originated from here on.
    Originate(Prefix, OriginatedPlan),
    /// A route is originated no longer.
    Withdraw(Prefix),
    /// Another kernel policy.
    SetKernelPolicy(PerFamily<Arc<Policy>>),
}

/// What a change does to a session (invariant 10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeMode {
    /// The session stays up.
    Soft,
    /// The session is closed with Cease 6/6 and opened again; the text names what changed.
    Reset(String),
}
