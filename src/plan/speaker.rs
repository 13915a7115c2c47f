//! The speaker itself: AS, BGP Identifier, addresses, listen sockets.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{
    Identity, PasswordRules, PlanPending, Provenance, RouterIdChoice, SpeakerPlan, Warnings,
};
use crate::model::{BgpConfiguration, BindMode, Node, Store};
use crate::net::{Asn, Family, PerFamily, RouterId};
use crate::policy::PRIORITY_MAX;

/// The AS of a cluster that names none (spec/calico.md §2.1).
const DEFAULT_AS: Asn = Asn(64_512);
/// The port of BGP (RFC 4271 §8).
pub(super) const BGP_PORT: u16 = 179;
/// The metric of an ordinary route (§2.1).
const DEFAULT_NORMAL_PRIORITY: u32 = 1024;
/// Names listed when a node is missing.
const KNOWN_NODES_SHOWN: usize = 5;

/// The node that is planned for, with all that concerns more than one part of its plan.
pub(super) struct Local<'a> {
    /// The resources.
    pub(super) store: &'a Store,
    /// This node.
    pub(super) node: &'a Node,
    /// BGPConfiguration `default`.
    pub(super) global: Option<&'a BgpConfiguration>,
    /// BGPConfiguration `node.NAME` of this node.
    pub(super) own: Option<&'a BgpConfiguration>,
    /// Where passwords are.
    pub(super) passwords: &'a PasswordRules,
    /// The nodes by address; of several with one address, the lowest name.
    pub(super) nodes_by_address: BTreeMap<IpAddr, &'a Node>,
    speaker: SpeakerPlan,
}

impl<'a> Local<'a> {
    /// Finds the node and settles what it is.
    pub(super) fn new(
        store: &'a Store,
        identity: &'a Identity,
        warnings: &mut Warnings,
    ) -> Result<Self, PlanPending> {
        let Some(node) = store.node(&identity.node) else {
            return Err(missing(store, identity));
        };
        let global = store.global_configuration();
        let own = store.node_configuration(&identity.node);
        remark_on_configurations(store, own, warnings);
        Ok(Self {
            store,
            node,
            global,
            own,
            passwords: &identity.passwords,
            nodes_by_address: nodes_by_address(store, node, warnings),
            speaker: SpeakerPlan {
                node: identity.node.clone(),
                local_as: as_of(global, node),
                router_id: router_id(identity, node, warnings),
                cluster_id: node.cluster_id,
                addresses: PerFamily {
                    ipv4: node.address(Family::Ipv4),
                    ipv6: node.address(Family::Ipv6),
                },
                listen: listen(identity, node, global, own),
                provenance: Provenance {
                    resource: resource_of(node),
                    field: "spec.bgp".into(),
                },
            },
        })
    }

    /// The speaker's part of the plan.
    pub(super) fn into_speaker(self) -> SpeakerPlan {
        self.speaker
    }

    /// The node's AS.
    pub(super) fn local_as(&self) -> Asn {
        self.speaker.local_as
    }

    /// The node's address of one family.
    pub(super) fn address(&self, family: Family) -> Option<IpAddr> {
        *self.speaker.addresses.get(family)
    }

    /// The AS of another node: its own, else the cluster's.
    pub(super) fn as_of(&self, node: &Node) -> Asn {
        as_of(self.global, node)
    }

    /// The port that a node listens on, where resources name one.
    pub(super) fn port_of(&self, node: &Node) -> Option<u16> {
        port_of(self.store, node)
    }

    /// Whether this node is the one that is met at `address`: of several with one, the first.
    pub(super) fn is_holder(&self, node: &Node, address: IpAddr) -> bool {
        let holder = self.nodes_by_address.get(&address);
        holder.is_some_and(|first| first.metadata.name == node.metadata.name)
    }

    /// The LOCAL_PREF of an ordinary route (§4.2); higher ones are elevated.
    pub(super) fn normal_local_pref(&self, family: Family) -> u32 {
        let normal = self
            .global
            .and_then(|global| *global.normal_priority.get(family))
            .unwrap_or(DEFAULT_NORMAL_PRIORITY);
        PRIORITY_MAX.saturating_sub(normal)
    }
}

/// `Node/name`.
pub(super) fn resource_of(node: &Node) -> Arc<str> {
    format!("Node/{}", node.metadata.name).into()
}

/// The field that holds a node's address of one family.
pub(super) const fn address_field(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "spec.bgp.ipv4Address",
        Family::Ipv6 => "spec.bgp.ipv6Address",
    }
}

/// The AS of a node: its own, else the cluster's.
pub(super) fn as_of(global: Option<&BgpConfiguration>, node: &Node) -> Asn {
    node.asn.unwrap_or_else(|| global_as(global))
}

/// The port that a node listens on, where resources name one.
pub(super) fn port_of(store: &Store, node: &Node) -> Option<u16> {
    let global = || store.global_configuration()?.listen_port;
    let own = store.node_configuration(&node.metadata.name);
    own.and_then(|own| own.listen_port).or_else(global)
}

/// The AS of nodes that have none of their own.
pub(super) fn global_as(global: Option<&BgpConfiguration>) -> Asn {
    global.and_then(|global| global.asn).unwrap_or(DEFAULT_AS)
}

fn missing(store: &Store, identity: &Identity) -> PlanPending {
    PlanPending::NodeMissing {
        node: identity.node.clone(),
        known: store
            .nodes()
            .take(KNOWN_NODES_SHOWN)
            .map(|node| node.metadata.name.to_string())
            .collect(),
        count: store.nodes().count(),
    }
}

fn nodes_by_address<'a>(
    store: &'a Store,
    own: &Node,
    warnings: &mut Warnings,
) -> BTreeMap<IpAddr, &'a Node> {
    let mut found: BTreeMap<IpAddr, &Node> = BTreeMap::new();
    for node in store.nodes() {
        for (family, address) in node.addresses.iter() {
            let Some(address) = address.map(|address| address.address) else {
                continue;
            };
            let first = *found.entry(address).or_insert(node);
            if first.metadata.name == node.metadata.name {
                continue;
            }
            let is_own = own.address(family) == Some(address);
            let outcome = if is_own {
                "it is this node's own address, so there is no session to it".to_owned()
            } else {
                format!("sessions are planned for Node/{} only", first.metadata.name)
            };
            warnings.add(
                resource_of(node),
                address_field(family),
                format!(
                    "{address} is the address of Node/{} and of Node/{}: {outcome}",
                    first.metadata.name, node.metadata.name
                ),
            );
        }
    }
    found
}

fn router_id(identity: &Identity, node: &Node, warnings: &mut Warnings) -> RouterId {
    match (identity.router_id, node.address(Family::Ipv4)) {
        (RouterIdChoice::Fixed(id), _) => id,
        (RouterIdChoice::Hash, _) => hashed_router_id(&identity.node),
        (RouterIdChoice::NodeAddress, Some(IpAddr::V4(address))) => RouterId(address),
        (RouterIdChoice::NodeAddress, _) => {
            let id = hashed_router_id(&identity.node);
            warnings.add(
                resource_of(node),
                address_field(Family::Ipv4),
                format!(
                    "the node has no IPv4 address to be its router id: {id} is used, the hash of \
                     its name (set the router id to `hash` or to an address to say so)"
                ),
            );
            id
        }
    }
}

/// The first four octets of SHA-256 of the name, kept out of the multicast range (§3.6).
fn hashed_router_id(name: &str) -> RouterId {
    let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let [a, b, c, d, ..] = digest;
    let a = if a > 223 { a - 32 } else { a };
    RouterId(Ipv4Addr::new(a, b, c, d))
}

fn listen(
    identity: &Identity,
    node: &Node,
    global: Option<&BgpConfiguration>,
    own: Option<&BgpConfiguration>,
) -> Vec<SocketAddr> {
    let port = identity
        .listen_port
        .or_else(|| own.and_then(|own| own.listen_port))
        .or_else(|| global.and_then(|global| global.listen_port))
        .unwrap_or(BGP_PORT);
    let bind_mode = global.map(|global| global.bind_mode).unwrap_or_default();
    Family::ALL
        .into_iter()
        .filter_map(|family| {
            let address = node.address(family)?;
            Some(match (bind_mode, family) {
                (BindMode::NodeIp, _) => address,
                (BindMode::None, Family::Ipv4) => Ipv4Addr::UNSPECIFIED.into(),
                (BindMode::None, Family::Ipv6) => Ipv6Addr::UNSPECIFIED.into(),
            })
        })
        .map(|address| SocketAddr::new(address, port))
        .collect()
}

fn remark_on_configurations(
    store: &Store,
    own: Option<&BgpConfiguration>,
    warnings: &mut Warnings,
) {
    for configuration in store.configurations() {
        let name = &configuration.metadata.name;
        if **name != *"default" && !name.starts_with("node.") {
            warnings.add(
                format!("BGPConfiguration/{name}"),
                "metadata.name",
                format!("{name:?} is neither \"default\" nor \"node.NAME\": it is not used"),
            );
        }
    }
    if let Some(global) = store.global_configuration() {
        for field in &global.set_fields {
            if field.starts_with("spec.service") {
                let message = "service prefixes are not advertised yet: the field is not used";
                warnings.add("BGPConfiguration/default", field, message.to_owned());
            }
        }
    }
    if let Some(own) = own {
        for field in &own.set_fields {
            warnings.add(
                format!("BGPConfiguration/{}", own.metadata.name),
                field,
                "it is read in BGPConfiguration/default only: the field is not used".to_owned(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_router_ids_are_those_of_calico() {
        for (name, id) in [
            ("node-a", "102.87.15.240"),
            ("worker-1", "19.2.159.158"),
            ("node-18", "213.194.139.227"),
        ] {
            assert_eq!(hashed_router_id(name).to_string(), id, "{name}");
        }
    }
}
