//! What a plan says of one session.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::Provenance;
use crate::net::{AddPathDirection, Asn, ClusterId, Family, PerFamily, PrefixLimit, Role, Secret};
use crate::policy::{NextHopMode, Policy};

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
    /// The Node that the peer is known to be: in the mesh, by selector, or by a reverse peering.
    pub node: Option<Arc<str>>,
    /// The peer's address.
    pub address: IpAddr,
    /// The peer's port.
    pub port: u16,
    /// The family of the session's address.
    pub family: Family,
    /// The families offered in the session.
    pub families: PerFamily<bool>,
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
    /// Fixed keepalive interval; seconds in JSON.
    #[serde(serialize_with = "optional_seconds")]
    pub keepalive: Option<Duration>,
    /// Delay before the first dial; seconds in JSON.
    #[serde(serialize_with = "seconds")]
    pub connect_delay: Duration,
    /// Delay between dials; seconds in JSON.
    #[serde(serialize_with = "seconds")]
    pub connect_retry: Duration,
    /// First and largest idle hold after an error; seconds in JSON.
    #[serde(serialize_with = "two_seconds")]
    pub idle_hold: (Duration, Duration),
    /// How long an accepted connection waits for the peer's OPEN (DelayOpen, RFC 4271 §8.1.1);
    /// seconds in JSON.
    #[serde(serialize_with = "optional_seconds")]
    pub delay_open: Option<Duration>,
    /// Restart time to advertise, in seconds.
    pub restart_time: u16,
    /// How NEXT_HOP is set.
    pub next_hop_mode: NextHopMode,
    /// Set where the peer is this reflector's client.
    pub reflector_client: Option<ClusterId>,
    /// Tolerated occurrences of the local AS.
    pub allowed_local_as: u32,
    /// The TCP-MD5 password (RFC 2385); in JSON only whether there is one.
    #[serde(serialize_with = "is_set")]
    pub password: Option<Secret>,
    /// Set where packets must come from at most so many hops away (RFC 5082, spec/calico.md §2.2).
    pub ttl_security: Option<u8>,
    /// The interface that a link-local peer is reached by.
    pub interface: Option<Arc<str>>,
    /// What is offered of ADD-PATH.
    pub add_path: AddPathDirection,
    /// How many paths to a prefix are sent at most.
    pub add_path_max: u16,
    /// How many prefixes the peer may announce in a family.
    #[serde(serialize_with = "limit")]
    pub prefix_limit: Option<PrefixLimit>,
    /// The role of this side (RFC 9234).
    pub role: Option<Role>,
    /// Long-lived stale time to advertise, in seconds (RFC 9494).
    pub long_lived_time: Option<u32>,
    /// Set where the session is held down, with the message for the peer (RFC 9003).
    pub shutdown: Option<Arc<str>>,
    /// Import policy in each family offered; their names in JSON.
    #[serde(serialize_with = "policy_names")]
    pub import: PerFamily<Option<Arc<Policy>>>,
    /// Export policy in each family offered; their names in JSON.
    #[serde(serialize_with = "policy_names")]
    pub export: PerFamily<Option<Arc<Policy>>>,
    /// The annotations in force, by name without `calidris.io/`.
    pub settings: Arc<BTreeMap<Arc<str>, PlannedSetting>>,
    /// Where this comes from.
    pub provenance: Provenance,
}

/// A setting that an annotation carries (spec/interfaces.md §5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedSetting {
    /// The value as written.
    pub value: Arc<str>,
    /// `Kind/name` of the resource with the annotation.
    pub resource: Arc<str>,
}

fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64())
}

fn optional_seconds<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(to)
}

fn two_seconds<S: Serializer>(times: &(Duration, Duration), to: S) -> Result<S::Ok, S::Error> {
    (times.0.as_secs_f64(), times.1.as_secs_f64()).serialize(to)
}

fn is_set<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(secret.is_some())
}

fn limit<S: Serializer>(limit: &Option<PrefixLimit>, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Limit {
        max: u32,
        warn_percent: u8,
        /// Seconds, like all times of a plan.
        restart: Option<f64>,
    }
    limit
        .map(|limit| Limit {
            max: limit.max,
            warn_percent: limit.warn_percent,
            restart: limit.restart.map(|time| time.as_secs_f64()),
        })
        .serialize(to)
}

fn policy_names<S: Serializer>(
    policies: &PerFamily<Option<Arc<Policy>>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let name =
        |policy: &Option<Arc<Policy>>| policy.as_ref().map(|policy| Arc::clone(&policy.name));
    PerFamily {
        ipv4: name(&policies.ipv4),
        ipv6: name(&policies.ipv6),
    }
    .serialize(to)
}
