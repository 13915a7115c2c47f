//! The store: every resource in force, by kind and name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bgp_configuration::BgpConfiguration;
use super::bgp_peer::BgpPeer;
use super::ip_pool::IpPool;
use super::ipam::BlockAffinity;
use super::node::Node;
use super::resource::{Kind, Resource, ResourceKey};
use super::secret::{KubernetesSecret, full_name};

/// The position of a change in its datastore; grows with every change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// What a datastore says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all events are upserts, so boxing them would save nothing"
)]
pub enum Event {
    /// A resource is new or has changed.
    Upsert(Resource, Revision),
    /// A resource is gone.
    Delete(ResourceKey),
    /// Everything that there is has been said once.
    InSync,
}

/// Every resource in force; iteration is in the order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    configurations: BTreeMap<Arc<str>, BgpConfiguration>,
    peers: BTreeMap<Arc<str>, BgpPeer>,
    affinities: BTreeMap<Arc<str>, BlockAffinity>,
    pools: BTreeMap<Arc<str>, IpPool>,
    nodes: BTreeMap<Arc<str>, Node>,
    secrets: BTreeMap<Arc<str>, KubernetesSecret>,
    revisions: BTreeMap<ResourceKey, Revision>,
    in_sync: bool,
}

impl Store {
    /// Takes one event in.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Upsert(resource, revision) => self.upsert(resource, revision),
            Event::Delete(key) => self.delete(&key),
            Event::InSync => self.in_sync = true,
        }
    }

    fn upsert(&mut self, resource: Resource, revision: Revision) {
        let key = resource.key();
        let name = key.name.clone();
        self.revisions.insert(key, revision);
        match resource {
            Resource::BgpConfiguration(found) => {
                self.configurations.insert(name, found);
            }
            Resource::BgpPeer(found) => {
                self.peers.insert(name, found);
            }
            Resource::BlockAffinity(found) => {
                self.affinities.insert(name, found);
            }
            Resource::IpPool(found) => {
                self.pools.insert(name, found);
            }
            Resource::Node(found) => {
                self.nodes.insert(name, found);
            }
            Resource::Secret(found) => {
                self.secrets.insert(name, found);
            }
        }
    }

    fn delete(&mut self, key: &ResourceKey) {
        self.revisions.remove(key);
        match key.kind {
            Kind::BgpConfiguration => {
                self.configurations.remove(&key.name);
            }
            Kind::BgpPeer => {
                self.peers.remove(&key.name);
            }
            Kind::BlockAffinity => {
                self.affinities.remove(&key.name);
            }
            Kind::IpPool => {
                self.pools.remove(&key.name);
            }
            Kind::Node => {
                self.nodes.remove(&key.name);
            }
            Kind::Secret => {
                self.secrets.remove(&key.name);
            }
        }
    }

    /// Whether everything has been said once, so that what is absent does not exist.
    pub fn is_in_sync(&self) -> bool {
        self.in_sync
    }

    /// The revision of a resource in force.
    pub fn revision(&self, key: &ResourceKey) -> Option<Revision> {
        self.revisions.get(key).copied()
    }

    /// How many resources are in force.
    pub fn len(&self) -> usize {
        self.revisions.len()
    }

    /// Whether none is in force.
    pub fn is_empty(&self) -> bool {
        self.revisions.is_empty()
    }

    /// The BGPConfigurations.
    pub fn configurations(&self) -> impl Iterator<Item = &BgpConfiguration> {
        self.configurations.values()
    }

    /// The BGPConfiguration `default`.
    pub fn global_configuration(&self) -> Option<&BgpConfiguration> {
        self.configurations.get("default")
    }

    /// The BGPConfiguration of one node.
    pub fn node_configuration(&self, node: &str) -> Option<&BgpConfiguration> {
        self.configurations.get(format!("node.{node}").as_str())
    }

    /// The BGPPeers.
    pub fn peers(&self) -> impl Iterator<Item = &BgpPeer> {
        self.peers.values()
    }

    /// The BlockAffinities of all nodes.
    pub fn affinities(&self) -> impl Iterator<Item = &BlockAffinity> {
        self.affinities.values()
    }

    /// The IPPools.
    pub fn pools(&self) -> impl Iterator<Item = &IpPool> {
        self.pools.values()
    }

    /// The Nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// One Node.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// The Secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &KubernetesSecret> {
        self.secrets.values()
    }

    /// The Secret of that name in a namespace; one that does not say its namespace is in all of them.
    pub fn secret(&self, namespace: &str, name: &str) -> Option<&KubernetesSecret> {
        self.secrets
            .get(&full_name(Some(namespace), name))
            .or_else(|| self.secrets.get(name))
    }
}
