//! What is wrong between resources, whichever node one looks from; for `calidris validate`.

mod topology;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::annotations::{SessionSettings, field};
use super::passwords::{Unusable, usable};
use super::peer_fields::{is_link_local, unsupported_protection};
use super::speaker::{address_field, resource_of};
use super::{Identity, PasswordRules, RouterIdChoice, Warning, Warnings, plan};
use crate::model::{BgpPeer, ProgramClusterRoutes, SecretKeyRef, Store};
use crate::net::Prefix;

/// One remark about a set of resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub warning: Warning,
    /// Whether something must be changed; otherwise calidris merely cannot do it yet.
    pub is_error: bool,
}

/// Checks resources against each other, in time linear in the number of nodes and of BGPPeers.
///
/// References to nodes are checked where the set has Nodes at all, so that part of a cluster's
/// resources can be checked alone.
pub fn check(store: &Store) -> Vec<Finding> {
    let mut errors = Warnings::default();
    let mut remarks = Warnings::default();
    check_addresses(store, &mut errors);
    check_configurations(store, &mut errors, &mut remarks);
    for peer in store.peers() {
        check_peer(store, peer, &mut errors, &mut remarks);
    }
    check_pools(store, &mut errors);
    check_affinities(store, &mut errors);
    topology::check(store, &mut remarks);
    check_as_planned(store, &errors, &mut remarks);
    let finding = |is_error| move |warning| Finding { warning, is_error };
    let errors = errors.0.into_iter().map(finding(true));
    errors
        .chain(remarks.0.into_iter().map(finding(false)))
        .collect()
}

/// What a plan leaves out for reasons of the whole cluster shows in the plan of any node.
fn check_as_planned(store: &Store, errors: &Warnings, remarks: &mut Warnings) {
    let Some(node) = store.nodes().next() else {
        return;
    };
    let identity = Identity {
        node: node.metadata.name.to_string(),
        router_id: RouterIdChoice::Hash,
        listen_port: None,
        passwords: PasswordRules::default(),
    };
    let Ok(planned) = plan(store, &identity) else {
        return;
    };
    for warning in planned.warnings {
        let same =
            |known: &Warning| known.resource == warning.resource && known.field == warning.field;
        // The namespace of Secrets is known only where calidris runs.
        let is_of_password = warning.field.ends_with("secretKeyRef");
        if !is_of_password && !errors.0.iter().any(same) && !remarks.0.iter().any(same) {
            remarks.0.push(warning);
        }
    }
}

fn check_addresses(store: &Store, errors: &mut Warnings) {
    let mut first: BTreeMap<IpAddr, &Arc<str>> = BTreeMap::new();
    for node in store.nodes() {
        for (family, address) in node.addresses.iter() {
            let Some(address) = address.map(|address| address.address) else {
                continue;
            };
            let name = &node.metadata.name;
            let other = *first.entry(address).or_insert(name);
            if other != name {
                let message = format!(
                    "{address} is the address of Node/{other} too: every node needs its own"
                );
                errors.add(resource_of(node), address_field(family), message);
            }
        }
        if node.addresses.iter().all(|(_, address)| address.is_none()) {
            let message = "the node has neither an IPv4 nor an IPv6 address: it has no sessions";
            errors.add(resource_of(node), "spec.bgp", message.to_owned());
        }
    }
}

fn check_configurations(store: &Store, errors: &mut Warnings, remarks: &mut Warnings) {
    for found in store.configurations() {
        let name = &found.metadata.name;
        let resource: Arc<str> = format!("BGPConfiguration/{name}").into();
        match name.strip_prefix("node.") {
            Some(node) => check_node_exists(store, node, &resource, "metadata.name", errors),
            None if **name != *"default" => {
                let message =
                    format!("{name:?} is not used: the name must be \"default\" or \"node.NAME\"");
                errors.add(Arc::clone(&resource), "metadata.name", message);
            }
            None => {}
        }
        if let ProgramClusterRoutes::Unknown(text) = &found.program_cluster_routes {
            let message =
                format!("{text:?} is not Disabled, EnabledNoEncapOnly, EnabledIPIPOnly or Enabled");
            errors.add(Arc::clone(&resource), "spec.programClusterRoutes", message);
        }
        if let Some(reference) = &found.mesh_password {
            let field = "spec.nodeMeshPassword.secretKeyRef";
            check_password(store, reference, &resource, field, errors, remarks);
        }
        let _ = SessionSettings::default().overridden_by(&found.metadata, &resource, errors);
    }
}

fn check_peer(store: &Store, peer: &BgpPeer, errors: &mut Warnings, remarks: &mut Warnings) {
    let resource: Arc<str> = format!("BGPPeer/{}", peer.metadata.name).into();
    let is_selected = peer.peer_selector.is_some() || peer.local_workload_selector.is_some();
    if peer.peer_ip.is_none() && !is_selected {
        let message = "the peer has no address: set spec.peerIP or a selector";
        errors.add(Arc::clone(&resource), "spec.peerIP", message.to_owned());
    }
    if peer.asn.is_none() && peer.peer_selector.is_none() {
        let message = "the AS number of the peer is missing";
        errors.add(Arc::clone(&resource), "spec.asNumber", message.to_owned());
    }
    if let Some(node) = &peer.node {
        check_node_exists(store, node, &resource, "spec.node", errors);
    }
    if peer.local_workload_selector.is_some() {
        let message = "sessions with workloads are not there yet: calidris leaves them out";
        let field = "spec.localWorkloadSelector";
        remarks.add(Arc::clone(&resource), field, message.to_owned());
    }
    if let Some((field, what)) = unsupported_protection(peer) {
        let message = format!("{what} not there yet: calidris leaves the sessions out");
        remarks.add(Arc::clone(&resource), field, message);
    }
    if let Some(reference) = &peer.password {
        let field = "spec.password.secretKeyRef";
        check_password(store, reference, &resource, field, errors, remarks);
    }
    let settings = SessionSettings::default().overridden_by(&peer.metadata, &resource, errors);
    let is_scoped = peer.peer_ip.is_some_and(|peer| is_link_local(peer.address));
    if is_scoped && settings.interface.is_none() {
        let message = "the interface of the link-local peer is missing: name it here";
        errors.add(resource, &field("interface"), message.to_owned());
    }
}

/// Secrets usually live elsewhere, so only a set that has some must have this one; which namespace
/// is meant is known where calidris runs.
fn check_password(
    store: &Store,
    reference: &SecretKeyRef,
    resource: &Arc<str>,
    field: &str,
    errors: &mut Warnings,
    remarks: &mut Warnings,
) {
    let mut named = store
        .secrets()
        .filter(|secret| secret.metadata.name == reference.name)
        .map(|secret| usable(Some(secret), &reference.key));
    let fault = match named.next() {
        None => Unusable::NoSecret,
        Some(Ok(_)) => return,
        Some(Err(fault)) if named.all(|other| other.is_err()) => fault,
        Some(Err(_)) => return,
    };
    let message = fault.describe(reference);
    if store.secrets().next().is_some() {
        errors.add(Arc::clone(resource), field, message);
    } else {
        let message = format!("{message} among these resources: without it there is no password");
        remarks.add(Arc::clone(resource), field, message);
    }
}

fn check_pools(store: &Store, errors: &mut Warnings) {
    let mut first: BTreeMap<Prefix, &Arc<str>> = BTreeMap::new();
    for pool in store.pools() {
        let name = &pool.metadata.name;
        let other = *first.entry(pool.cidr).or_insert(name);
        if other != name {
            let message = format!("{} is the range of IPPool/{other} too", pool.cidr);
            errors.add(format!("IPPool/{name}"), "spec.cidr", message);
        }
    }
}

fn check_affinities(store: &Store, errors: &mut Warnings) {
    let mut first: BTreeMap<Prefix, &Arc<str>> = BTreeMap::new();
    for affinity in store.affinities().filter(|affinity| affinity.is_host) {
        let (node, cidr) = (&affinity.node, affinity.cidr);
        let resource: Arc<str> = format!("BlockAffinity/{node}/{cidr}").into();
        let owner = *first.entry(cidr).or_insert(node);
        if owner != node {
            let message = format!("{cidr} belongs to node {owner:?} too");
            errors.add(Arc::clone(&resource), "spec.cidr", message);
        }
        check_node_exists(store, node, &resource, "spec.node", errors);
    }
}

fn check_node_exists(
    store: &Store,
    node: &str,
    resource: &Arc<str>,
    field: &str,
    errors: &mut Warnings,
) {
    if store.nodes().next().is_some() && store.node(node).is_none() {
        let message = format!("{node:?} is not the name of a Node");
        errors.add(Arc::clone(resource), field, message);
    }
}
