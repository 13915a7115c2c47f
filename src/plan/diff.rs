//! From one plan to the next: the smallest list of changes, each with what it does to sessions.
//!
//! A session is reset only where the running one could not become the planned one: its addresses, AS
//! numbers, who dials, and what OPEN says once and for all. Everything else is soft, the peer's port
//! too: it matters for the next connection, not for one that stands.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use super::render::{direction, families};
use super::{Change, ChangeMode, PeerPlan, Plan, SelectionPlan, SpeakerPlan};
use crate::net::PerFamily;
use crate::policy::Policy;

/// The changes that turn `old` into `new`, in the order in which to make them; warnings apart.
pub fn diff(old: &Plan, new: &Plan) -> Vec<Change> {
    let mut changes = Vec::new();
    let removed = old
        .peers
        .keys()
        .filter(|name| !new.peers.contains_key(*name));
    changes.extend(removed.cloned().map(Change::RemovePeer));
    let withdrawn = old.originated.keys();
    let withdrawn = withdrawn.filter(|prefix| !new.originated.contains_key(*prefix));
    changes.extend(withdrawn.copied().map(Change::Withdraw));
    changes.extend(speaker_change(&old.speaker, &new.speaker));
    if old.speaker.listen != new.speaker.listen {
        changes.push(Change::Listen(new.speaker.listen.clone()));
    }
    let mut policies = PolicyComparison::default();
    for (name, peer) in &new.peers {
        match old.peers.get(name) {
            None => changes.push(Change::AddPeer(name.clone(), peer.clone())),
            Some(before) => {
                if let Some(mode) = peer_change(before, peer, &mut policies) {
                    changes.push(Change::UpdatePeer(name.clone(), peer.clone(), mode));
                }
            }
        }
    }
    for (prefix, route) in &new.originated {
        if old.originated.get(prefix) != Some(route) {
            changes.push(Change::Originate(*prefix, route.clone()));
        }
    }
    if !policies.are_same(&old.kernel, &new.kernel) {
        changes.push(Change::SetKernelPolicy(new.kernel.clone()));
    }
    if old.selection != new.selection {
        changes.push(Change::SetSelection(new.selection.clone()));
    }
    changes
}

/// The changes that bring a plan about from nothing.
pub fn initial(plan: &Plan) -> Vec<Change> {
    let peers = plan.peers.iter();
    let routes = plan.originated.iter();
    let chosen_otherwise = plan.selection != SelectionPlan::default();
    let selection = chosen_otherwise.then(|| Change::SetSelection(plan.selection.clone()));
    [
        Change::SetKernelPolicy(plan.kernel.clone()),
        Change::Speaker(plan.speaker.clone()),
        Change::Listen(plan.speaker.listen.clone()),
    ]
    .into_iter()
    .chain(selection)
    .chain(routes.map(|(prefix, route)| Change::Originate(*prefix, route.clone())))
    .chain(peers.map(|(name, peer)| Change::AddPeer(name.clone(), peer.clone())))
    .collect()
}

/// Makes changes to a plan: `apply(old, diff(old, new))` leaves `old` equal to `new` but for
/// warnings.
pub fn apply(plan: &mut Plan, changes: &[Change]) {
    for change in changes {
        match change {
            Change::Speaker(speaker) | Change::UpdateSpeaker(speaker) => {
                let listen = std::mem::take(&mut plan.speaker.listen);
                plan.speaker = speaker.clone();
                plan.speaker.listen = listen;
            }
            Change::Listen(listen) => plan.speaker.listen.clone_from(listen),
            Change::AddPeer(name, peer) | Change::UpdatePeer(name, peer, _) => {
                plan.peers.insert(name.clone(), peer.clone());
            }
            Change::RemovePeer(name) => {
                plan.peers.remove(name);
            }
            Change::Originate(prefix, route) => {
                plan.originated.insert(*prefix, route.clone());
            }
            Change::Withdraw(prefix) => {
                plan.originated.remove(prefix);
            }
            Change::SetKernelPolicy(kernel) => plan.kernel = kernel.clone(),
            Change::SetSelection(selection) => plan.selection = selection.clone(),
        }
    }
}

fn speaker_change(old: &SpeakerPlan, new: &SpeakerPlan) -> Option<Change> {
    // Spelled out, so that a new field must say what a change of it does.
    let SpeakerPlan {
        node,
        local_as,
        router_id,
        cluster_id,
        addresses,
        listen: _,
        provenance,
    } = new;
    if old.router_id != *router_id {
        return Some(Change::Speaker(new.clone()));
    }
    let is_same = old.node == *node
        && old.local_as == *local_as
        && old.cluster_id == *cluster_id
        && old.addresses == *addresses
        && old.provenance == *provenance;
    (!is_same).then(|| Change::UpdateSpeaker(new.clone()))
}

fn peer_change(
    old: &PeerPlan,
    new: &PeerPlan,
    policies: &mut PolicyComparison,
) -> Option<ChangeMode> {
    let reasons = reset_reasons(old, new);
    if !reasons.is_empty() {
        return Some(ChangeMode::Reset(reasons.join(", ")));
    }
    let PeerPlan {
        kind,
        node,
        address: _,
        port,
        family: _,
        families: _,
        local_as: _,
        remote_as: _,
        source_address: _,
        passive: _,
        hold_time,
        keepalive,
        connect_delay,
        connect_retry,
        idle_hold,
        delay_open,
        restart_time: _,
        next_hop_mode,
        reflector_client,
        allowed_local_as: _,
        password: _,
        ttl_security: _,
        interface: _,
        add_path: _,
        add_path_max,
        prefix_limit,
        role: _,
        long_lived_time,
        shutdown,
        import,
        export,
        settings,
        provenance,
    } = new;
    let is_same = old.kind == *kind
        && old.node == *node
        && old.port == *port
        && old.hold_time == *hold_time
        && old.keepalive == *keepalive
        && old.connect_delay == *connect_delay
        && old.connect_retry == *connect_retry
        && old.idle_hold == *idle_hold
        && old.delay_open == *delay_open
        && old.next_hop_mode == *next_hop_mode
        && old.reflector_client == *reflector_client
        && old.add_path_max == *add_path_max
        && old.prefix_limit == *prefix_limit
        && old.long_lived_time == *long_lived_time
        && old.shutdown == *shutdown
        && policies.are_same_where_offered(&old.import, import)
        && policies.are_same_where_offered(&old.export, export)
        && old.settings == *settings
        && old.provenance == *provenance;
    (!is_same).then_some(ChangeMode::Soft)
}

fn reset_reasons(old: &PeerPlan, new: &PeerPlan) -> Vec<String> {
    let or = |text: Option<String>, none: &str| text.unwrap_or_else(|| none.to_owned());
    let source = |plan: &PeerPlan| or(plan.source_address.map(|a| a.to_string()), "any");
    let hops = |plan: &PeerPlan| or(plan.ttl_security.map(|hops| hops.to_string()), "off");
    let interface = |plan: &PeerPlan| or(plan.interface.as_ref().map(ToString::to_string), "none");
    let role = |plan: &PeerPlan| or(plan.role.map(|role| role.to_string()), "none");
    [
        changed("address", &old.address, &new.address),
        changed("family", &old.family, &new.family),
        changed("local AS", &old.local_as, &new.local_as),
        changed("remote AS", &old.remote_as, &new.remote_as),
        changed("source address", &source(old), &source(new)),
        changed("passive", &old.passive, &new.passive),
        changed("restart time", &old.restart_time, &new.restart_time),
        changed(
            "allowed local AS",
            &old.allowed_local_as,
            &new.allowed_local_as,
        ),
        changed("families", &families(old), &families(new)),
        // A connection keeps the key that it was made with (spec/calico.md §3.8). Neither value may show.
        (old.password != new.password).then(|| "password".to_owned()),
        changed("TTL security", &hops(old), &hops(new)),
        changed("interface", &interface(old), &interface(new)),
        changed(
            "ADD-PATH",
            &direction(old.add_path),
            &direction(new.add_path),
        ),
        changed("role", &role(old), &role(new)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn changed<T: PartialEq + Display>(what: &str, old: &T, new: &T) -> Option<String> {
    (old != new).then(|| format!("{what} {old} → {new}"))
}

/// Compares policies, each pair once: thousands of sessions share a few of them.
#[derive(Default)]
struct PolicyComparison {
    known: BTreeMap<(*const Policy, *const Policy), bool>,
}

impl PolicyComparison {
    fn is_same(&mut self, old: &Arc<Policy>, new: &Arc<Policy>) -> bool {
        *self
            .known
            .entry((Arc::as_ptr(old), Arc::as_ptr(new)))
            .or_insert_with(|| old == new)
    }

    /// Families that are not offered on both sides differ by that already.
    fn are_same_where_offered(
        &mut self,
        old: &PerFamily<Option<Arc<Policy>>>,
        new: &PerFamily<Option<Arc<Policy>>>,
    ) -> bool {
        let mut is_same = |old: &Option<Arc<Policy>>, new: &Option<Arc<Policy>>| match (old, new) {
            (Some(old), Some(new)) => self.is_same(old, new),
            (old, new) => old.is_none() && new.is_none(),
        };
        is_same(&old.ipv4, &new.ipv4) && is_same(&old.ipv6, &new.ipv6)
    }

    fn are_same(&mut self, old: &PerFamily<Arc<Policy>>, new: &PerFamily<Arc<Policy>>) -> bool {
        self.is_same(&old.ipv4, &new.ipv4) && self.is_same(&old.ipv6, &new.ipv6)
    }
}

#[cfg(test)]
mod tests;
