//! The envelope: from JSON to a typed resource, and what a resource is called.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::bgp_configuration::BgpConfiguration;
use super::bgp_peer::BgpPeer;
use super::ip_pool::IpPool;
use super::ipam::BlockAffinity;
use super::metadata::Metadata;
use super::node::Node;
use super::read::{FieldError, Object};
use super::secret::{KubernetesSecret, full_name};

/// The kinds that BGP reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `BGPConfiguration`.
    BgpConfiguration,
    /// `BGPPeer`.
    BgpPeer,
    /// `BlockAffinity`.
    BlockAffinity,
    /// `IPPool`.
    IpPool,
    /// `Node`.
    Node,
    /// `Secret`, of Kubernetes.
    Secret,
}

impl Kind {
    /// All kinds, by name.
    pub const ALL: [Self; 6] = [
        Self::BgpConfiguration,
        Self::BgpPeer,
        Self::BlockAffinity,
        Self::IpPool,
        Self::Node,
        Self::Secret,
    ];

    /// The kind as Calico or Kubernetes spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BgpConfiguration => "BGPConfiguration",
            Self::BgpPeer => "BGPPeer",
            Self::BlockAffinity => "BlockAffinity",
            Self::IpPool => "IPPool",
            Self::Node => "Node",
            Self::Secret => "Secret",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the kind is of this version of an API; a Node of Kubernetes is not one of Calico.
    fn is_of(self, api_version: &str) -> bool {
        match self {
            Self::Secret => api_version == KUBERNETES_CORE,
            _ => CALICO_VERSIONS.contains(&api_version),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a resource is called: unique in a store; `Kind/name` in text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// The kind.
    pub kind: Kind,
    /// The name; of a BlockAffinity `node/cidr`, because that is what makes it one, and of a Secret
    /// `namespace/name` where it says its namespace.
    pub name: Arc<str>,
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A resource that BGP reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A BGPConfiguration.
    BgpConfiguration(BgpConfiguration),
    /// A BGPPeer.
    BgpPeer(BgpPeer),
    /// A BlockAffinity.
    BlockAffinity(BlockAffinity),
    /// An IPPool.
    IpPool(IpPool),
    /// A Node.
    Node(Node),
    /// A Secret of Kubernetes.
    Secret(KubernetesSecret),
}

impl Resource {
    /// What the resource is called.
    pub fn key(&self) -> ResourceKey {
        let (kind, name) = match self {
            Self::BgpConfiguration(found) => (Kind::BgpConfiguration, found.metadata.name.clone()),
            Self::BgpPeer(found) => (Kind::BgpPeer, found.metadata.name.clone()),
            Self::BlockAffinity(found) => return affinity_key(&found.node, &found.cidr),
            Self::IpPool(found) => (Kind::IpPool, found.metadata.name.clone()),
            Self::Node(found) => (Kind::Node, found.metadata.name.clone()),
            Self::Secret(found) => (Kind::Secret, found.full_name()),
        };
        ResourceKey { kind, name }
    }

    /// Name, labels and annotations.
    pub fn metadata(&self) -> &Metadata {
        match self {
            Self::BgpConfiguration(found) => &found.metadata,
            Self::BgpPeer(found) => &found.metadata,
            Self::BlockAffinity(found) => &found.metadata,
            Self::IpPool(found) => &found.metadata,
            Self::Node(found) => &found.metadata,
            Self::Secret(found) => &found.metadata,
        }
    }
}

/// What became of a document that is sound as far as BGP reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "short-lived: each value is taken apart where it was made"
)]
pub enum Parsed {
    /// A resource.
    Resource(Resource),
    /// A kind of Calico's or Kubernetes' that BGP does not read.
    Ignored,
    /// A kind that nobody here knows.
    Unknown {
        /// `apiVersion`.
        api_version: String,
        /// `kind`.
        kind: String,
    },
}

/// Why a document is not a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{error}", .key.as_ref().map(|key| format!("{key} ")).unwrap_or_default())]
pub struct ResourceError {
    /// Which resource it would have been, as far as that could be told.
    pub key: Option<ResourceKey>,
    /// What is wrong with it.
    #[source]
    pub error: FieldError,
}

/// Turns the JSON form of a resource into a typed one.
///
/// # Errors
/// [`ResourceError`] for the first field that is not what it may be.
pub fn parse(value: &Value) -> Result<Parsed, ResourceError> {
    parse_known(value).map_err(|error| ResourceError {
        key: peek_key(value),
        error,
    })
}

fn parse_known(value: &Value) -> Result<Parsed, FieldError> {
    let root = Object::root(value)?;
    let api_version = root.required_text("apiVersion", "projectcalico.org/v3, for instance")?;
    let kind = root.required_text("kind", "the kind of the resource, such as Node")?;
    if let Some(kind) = Kind::from_name(kind).filter(|kind| kind.is_of(api_version)) {
        return read(kind, &root).map(Parsed::Resource);
    }
    let ignored = if CALICO_VERSIONS.contains(&api_version) {
        OTHER_CALICO_KINDS.contains(&kind)
    } else {
        is_kubernetes(api_version)
    };
    Ok(if ignored {
        Parsed::Ignored
    } else {
        Parsed::Unknown {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        }
    })
}

fn read(kind: Kind, root: &Object<'_>) -> Result<Resource, FieldError> {
    match kind {
        Kind::BgpConfiguration => BgpConfiguration::read(root).map(Resource::BgpConfiguration),
        Kind::BgpPeer => BgpPeer::read(root).map(Resource::BgpPeer),
        Kind::BlockAffinity => BlockAffinity::read(root).map(Resource::BlockAffinity),
        Kind::IpPool => IpPool::read(root).map(Resource::IpPool),
        Kind::Node => Node::read(root).map(Resource::Node),
        Kind::Secret => KubernetesSecret::read(root).map(Resource::Secret),
    }
}

/// Which resource a document is about, even where the rest of it is wrong.
pub fn peek_key(value: &Value) -> Option<ResourceKey> {
    let kind = Kind::from_name(value.get("kind")?.as_str()?)?;
    if kind == Kind::BlockAffinity {
        let spec = value.get("spec")?;
        let cidr = spec.get("cidr")?.as_str()?.parse().ok()?;
        return Some(affinity_key(spec.get("node")?.as_str()?, &cidr));
    }
    let metadata = value.get("metadata")?;
    let name = metadata.get("name")?.as_str()?;
    let name = match kind {
        Kind::Secret => full_name(metadata.get("namespace").and_then(Value::as_str), name),
        _ => name.into(),
    };
    Some(ResourceKey { kind, name })
}

fn affinity_key(node: &str, cidr: &crate::net::Prefix) -> ResourceKey {
    ResourceKey {
        kind: Kind::BlockAffinity,
        name: format!("{node}/{cidr}").into(),
    }
}

/// The version of Kubernetes' own first kinds.
const KUBERNETES_CORE: &str = "v1";

/// The spellings of Calico's v3 API.
const CALICO_VERSIONS: [&str; 2] = ["projectcalico.org/v3", "crd.projectcalico.org/v1"];

/// Kinds of Calico's that BGP does not read.
const OTHER_CALICO_KINDS: [&str; 22] = [
    "BGPFilter",
    "CalicoNodeStatus",
    "ClusterInformation",
    "FelixConfiguration",
    "GlobalNetworkPolicy",
    "GlobalNetworkSet",
    "HostEndpoint",
    "IPAMBlock",
    "IPAMConfig",
    "IPAMConfiguration",
    "IPAMHandle",
    "IPReservation",
    "KubeControllersConfiguration",
    "LiveMigration",
    "NetworkPolicy",
    "NetworkSet",
    "Profile",
    "StagedGlobalNetworkPolicy",
    "StagedKubernetesNetworkPolicy",
    "StagedNetworkPolicy",
    "Tier",
    "WorkloadEndpoint",
];

/// Whether a version belongs to Kubernetes itself: `v1`, or a group without a domain or under k8s.io.
fn is_kubernetes(api_version: &str) -> bool {
    match api_version.split_once('/') {
        None => api_version == KUBERNETES_CORE,
        Some((group, _)) => !group.contains('.') || group.ends_with(".k8s.io"),
    }
}

#[cfg(test)]
mod tests;
