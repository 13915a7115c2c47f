//! The desired state of one node, computed from Calico's resources.
//!
//! `plan(&Store, &Identity) → Plan` is pure and total: the smallest bad unit is left out with a
//! warning, everything else is unchanged. `diff` turns two plans into changes, each marked soft (the
//! session stays) or reset with its reason. Nothing else may create a peer, a policy or an
//! originated route.
//!
//! The rules are Calico's (spec/calico.md §3 and §4); where a rule of BIRD's or confd's was a defect,
//! the sound behaviour is taken. A session whose resource asks for something that is not there yet
//! and that protects it (filters) is left out, never run without it.
//!
//! Policies are built once for each family and shared, and every selector is tried once on each node,
//! so a cluster of thousands of nodes costs one [`PeerPlan`] a session and little more.

mod annotations;
mod check;
mod diff;
mod identity;
mod kernel;
mod mesh;
mod passwords;
mod peer_fields;
mod peer_plan;
mod peering;
mod peers;
mod policies;
mod remarks;
mod render;
mod routes;
mod selection;
mod session;
mod sides;
mod speaker;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::Store;
use crate::net::{Asn, ClusterId, PerFamily, Prefix, RouterId};
use crate::policy::Policy;

pub use check::{Finding, check};
pub use diff::{apply, diff, initial};
pub use identity::{Identity, MissingPassword, PasswordRules, RouterIdChoice};
pub use peer_plan::{PeerKind, PeerName, PeerPlan, PlannedSetting};
pub use render::{render_diff, render_diff_json, render_plan};
pub use selection::SelectionPlan;

/// Computes what a node should be doing.
///
/// Total: whatever is wrong with a resource leaves out the smallest unit and adds a warning.
///
/// # Errors
/// [`PlanPending`] while nothing can be planned at all; the caller waits for the next change.
///
/// ```
/// use calidris::model::{Event, Parsed, Revision, Store, parse};
/// use calidris::plan::{Identity, plan};
///
/// let mut store = Store::default();
/// for (name, address) in [("a", "192.0.2.1/24"), ("b", "192.0.2.2/24")] {
///     let node = serde_json::json!({
///         "apiVersion": "projectcalico.org/v3", "kind": "Node",
///         "metadata": {"name": name}, "spec": {"bgp": {"ipv4Address": address}},
///     });
///     if let Ok(Parsed::Resource(node)) = parse(&node) {
///         store.apply(Event::Upsert(node, Revision(1)));
///     }
/// }
/// let identity = Identity {
///     node: "a".into(),
///     router_id: Default::default(),
///     listen_port: None,
///     passwords: Default::default(),
/// };
/// let plan = plan(&store, &identity).expect("the node is there");
/// let names: Vec<String> = plan.peers.keys().map(ToString::to_string).collect();
/// assert_eq!(names, ["Mesh_192_0_2_2"]);
/// ```
pub fn plan(store: &Store, identity: &Identity) -> Result<Plan, PlanPending> {
    let mut warnings = Warnings::default();
    let local = speaker::Local::new(store, identity, &mut warnings)?;
    let policies = policies::plan(&local, &mut warnings);
    Ok(Plan {
        peers: peers::plan(&local, &policies, &mut warnings),
        originated: routes::plan(&local),
        kernel: kernel::plan(&local, &mut warnings),
        selection: selection::plan(&local),
        speaker: local.into_speaker(),
        warnings: warnings.0,
    })
}

/// Why there is no plan yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanPending {
    /// The node is not among the Nodes.
    #[error("node {node:?} is not among the Node resources: {}", known_nodes(.known, *.count))]
    NodeMissing {
        /// The name looked for.
        node: String,
        /// The first few names that there are.
        known: Vec<String>,
        /// How many there are.
        count: usize,
    },
}

fn known_nodes(known: &[String], count: usize) -> String {
    match count {
        0 => "there are none".to_owned(),
        _ if count > known.len() => {
            let rest = count - known.len();
            format!("known nodes are {} and {rest} more", known.join(", "))
        }
        _ => format!("known nodes are {}", known.join(", ")),
    }
}

/// Warnings as they gather.
#[derive(Debug, Default)]
struct Warnings(Vec<Warning>);

impl Warnings {
    fn add(&mut self, resource: impl Into<Arc<str>>, field: &str, message: String) {
        self.0.push(Warning {
            resource: resource.into(),
            field: field.into(),
            message,
        });
    }
}

/// All that a node should be doing; ordered, comparable, printable.
///
/// In JSON, a session names its policies, and `policies` holds each of them once.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The speaker itself.
    pub speaker: SpeakerPlan,
    /// The sessions, by name.
    pub peers: BTreeMap<PeerName, PeerPlan>,
    /// The routes that the node originates.
    pub originated: BTreeMap<Prefix, OriginatedPlan>,
    /// Which routes reach the kernel, in each family.
    pub kernel: PerFamily<Arc<Policy>>,
    /// How paths are chosen.
    pub selection: SelectionPlan,
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
    /// The BGP Identifier changed: every session is reset.
    Speaker(SpeakerPlan),
    /// Something of the speaker changed that resets no session by itself (addresses, AS, cluster
    /// id): the sessions that depend on it have changes of their own, the others only learn it.
    UpdateSpeaker(SpeakerPlan),
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
    /// Paths are chosen otherwise.
    SetSelection(SelectionPlan),
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

#[cfg(test)]
mod tests;
