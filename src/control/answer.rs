//! The JSON of the API, both ways: the server writes these types, the command line reads them.
//!
//! They are apart from the rooms' snapshots so that a room can change its own without changing what
//! scripts read.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::timestamp::Timestamp;
use crate::datastore::{ObjectCounts, RejectedObject};
use crate::fib::{FibRow, FibView};
use crate::net::{Asn, ClusterId, Family, PerFamily, Prefix, PrefixLimit, Role, RouterId};
use crate::plan::{PeerKind, Provenance};
use crate::rib::{
    ExplainedExport, ExplainedPath, GroupRow, KernelVerdict, PeerCounts, RibTotals, RouteRow,
};
use crate::session::{CountersView, HeldBy, NegotiatedView, PeerState};

/// `GET /api/v1/summary`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// When this was true.
    pub as_of: Timestamp,
    /// When the process started.
    pub started: Timestamp,
    /// The program's version.
    pub version: String,
    /// The node's name.
    pub node: String,
    /// The BGP Identifier, once there is a plan.
    pub router_id: Option<RouterId>,
    /// The AS, once there is a plan.
    pub local_as: Option<Asn>,
    /// The cluster that this node reflects routes in, if it does.
    pub cluster_id: Option<ClusterId>,
    /// Whether the start is complete.
    pub readiness: ReadinessAnswer,
    /// Why no plan can be made at present, while an earlier one is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_plan: Option<String>,
    /// The datastore in short.
    pub datastore: DatastoreSummary,
    /// The kernel's writer.
    pub fib: FibView,
    /// Totals of the tables; `null` where the routing table did not answer.
    pub rib: Option<PerFamily<RibTotals>>,
    /// How much of the configuration was left out of the plan.
    pub warnings: usize,
    /// Where connections are accepted.
    #[serde(default)]
    pub listen: Vec<ListenAnswer>,
    /// One line a session.
    pub neighbors: Vec<NeighborLine>,
}

/// The datastore in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatastoreSummary {
    /// The URL that it was given.
    pub url: String,
    /// Whether it can be read at present.
    pub up: bool,
    /// Whether it has been read completely at least once.
    pub synced: bool,
    /// Why it cannot be read, if so.
    pub last_error: Option<String>,
    /// Objects refused at present.
    pub rejected: usize,
}

/// One session in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NeighborLine {
    /// The session's name.
    pub name: String,
    /// The peer's address.
    pub address: IpAddr,
    /// The peer's AS.
    pub remote_as: Asn,
    /// Mesh, global or node.
    #[serde(rename = "type")]
    pub kind: PeerKind,
    /// The state.
    pub state: PeerState,
    /// Why it is held down, where it is.
    #[serde(default)]
    pub held: Option<HeldAnswer>,
    /// When it was last established or lost.
    pub since: Timestamp,
    /// Prefixes over both families; `null` where the routing table did not answer.
    pub prefixes: Option<PeerCounts>,
    /// Why it last went down or did not come up.
    pub last_error: Option<TimedError>,
}

/// `GET /api/v1/neighbors`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NeighborsAnswer {
    /// The sessions, by name.
    pub neighbors: Vec<Neighbor>,
}

/// `GET /api/v1/neighbors/NAME`: everything about one session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Neighbor {
    /// When this was true.
    pub as_of: Timestamp,
    /// The session's name.
    pub name: String,
    /// Mesh, global or node.
    #[serde(rename = "type")]
    pub kind: PeerKind,
    /// Where the session comes from in the plan.
    pub provenance: Provenance,
    /// The peer's address.
    pub address: IpAddr,
    /// The peer's port.
    pub port: u16,
    /// The family that the session was planned for.
    pub family: Family,
    /// This side's AS.
    pub local_as: Asn,
    /// This side's BGP Identifier.
    pub local_router_id: RouterId,
    /// The peer's AS.
    pub remote_as: Asn,
    /// The address that this side dials from.
    pub source_address: Option<IpAddr>,
    /// Whether this side never dials.
    pub passive: bool,
    /// Whether this side reflects to the peer.
    pub reflector_client: bool,
    /// Whether the peer must sign with a password (RFC 2385).
    pub password: bool,
    /// From how many hops away packets may come at most (RFC 5082).
    pub ttl_security: Option<u8>,
    /// The interface that the peer is reached by.
    pub interface: Option<String>,
    /// This side's role between autonomous systems (RFC 9234).
    pub role: Option<Role>,
    /// How many prefixes the peer may announce in a family.
    pub prefix_limit: Option<PrefixLimit>,
    /// Families in which the peer is beyond the warning threshold of its prefix limit.
    pub near_prefix_limit: PerFamily<bool>,
    /// Why the session is held down, where it is.
    pub held: Option<HeldAnswer>,
    /// The state.
    pub state: PeerState,
    /// When it was last established or lost.
    pub since: Timestamp,
    /// What was negotiated, while established.
    pub negotiated: Option<NegotiatedView>,
    /// Whether the peer has sent End-of-RIB.
    pub end_of_rib_received: PerFamily<bool>,
    /// Whether this side has sent everything once.
    pub end_of_rib_sent: PerFamily<bool>,
    /// Until when the peer's routes are kept as stale, while they are.
    pub stale_until: Option<Timestamp>,
    /// Dials failed since the session was last established.
    pub failed_dials: u64,
    /// Why it last went down or did not come up.
    pub last_error: Option<TimedError>,
    /// The last NOTIFICATION sent.
    pub notification_sent: Option<TimedNotification>,
    /// The last NOTIFICATION received.
    pub notification_received: Option<TimedNotification>,
    /// Counters since the session was planned.
    pub counters: CountersView,
    /// Prefix counts; `null` where the routing table did not answer.
    pub prefixes: Option<PerFamily<PeerCounts>>,
}

/// What holds a session down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldAnswer {
    /// Who or what.
    pub by: HeldBy,
    /// The message for the peer, or what happened; may be empty.
    pub message: String,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
    /// All of it in one sentence.
    pub text: String,
}

/// One listening socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenAnswer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether it listens.
    pub listening: bool,
    /// Why not, once it has been tried.
    pub reason: Option<String>,
    /// Peers whose passwords the kernel has refused, with its reason; their connections are closed.
    pub refused_passwords: BTreeMap<IpAddr, String>,
}

/// `POST /api/v1/neighbors/NAME/ACTION`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionAnswer {
    /// The session's name.
    pub neighbor: String,
    /// What was asked for: `reset`, `soft-in`, `soft-out`, `shutdown`, `enable`.
    pub action: String,
    /// What was done, in one sentence.
    pub message: String,
}

/// An error and when it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimedError {
    /// When.
    pub at: Timestamp,
    /// One sentence.
    pub message: String,
}

/// A NOTIFICATION and when it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimedNotification {
    /// When.
    pub at: Timestamp,
    /// The code.
    pub code: u8,
    /// The subcode.
    pub subcode: u8,
    /// The meaning in the RFC's words.
    pub meaning: String,
}

/// `GET /api/v1/routes`; streamed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutesAnswer {
    /// The routes, in no particular order.
    pub routes: Vec<RouteRow>,
}

/// `GET /api/v1/fib`; streamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FibAnswer {
    /// Wanted against present, in no particular order.
    pub routes: Vec<FibRow>,
}

/// `GET /api/v1/explain`: the life of a prefix.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainAnswer {
    /// When this was true.
    pub as_of: Timestamp,
    /// What was asked for: a prefix, or an address.
    pub asked: String,
    /// The prefix that is explained: of an address, the longest match.
    pub prefix: Prefix,
    /// Where it comes from in the plan, if this node originates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Provenance>,
    /// Its paths, best first.
    pub paths: Vec<ExplainedPath>,
    /// Whether readers are left with what they were told, as the path that leads waits for its next
    /// hop.
    pub held: bool,
    /// What is wanted of the kernel, and what it holds.
    pub kernel: KernelAnswer,
    /// What the neighbours are told, by name.
    pub exports: Vec<ExplainedExport>,
    /// All of it in one sentence.
    pub summary: String,
}

/// What is wanted of the kernel against what it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KernelAnswer {
    /// What the routing table wants.
    #[serde(flatten)]
    pub verdict: KernelVerdict,
    /// Whether routes are written at all.
    pub enabled: bool,
    /// The kernel's route, wanted against present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<FibRow>,
    /// How the two relate, in words.
    pub state: String,
    /// The same in a few words.
    pub holds: String,
}

/// `GET /api/v1/updategroups`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupsAnswer {
    /// The groups.
    pub groups: Vec<GroupRow>,
}

/// `GET /api/v1/datastore`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatastoreAnswer {
    /// When this was true.
    pub as_of: Timestamp,
    /// The backend.
    pub backend: String,
    /// The URL that it was given.
    pub url: String,
    /// Whether it can be read at present.
    pub up: bool,
    /// Whether it has been read completely at least once.
    pub synced: bool,
    /// Grows with every change seen.
    pub revision: u64,
    /// When the last change was seen.
    pub last_event: Option<Timestamp>,
    /// Complete re-reads.
    pub relists: u64,
    /// Why it cannot be read, if so.
    pub last_error: Option<String>,
    /// Objects by kind.
    pub objects: BTreeMap<String, ObjectCounts>,
    /// Objects refused.
    pub rejected: Vec<RejectedObject>,
    /// What was left out of the plan.
    pub warnings: Vec<WarningAnswer>,
}

/// Something that was left out of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WarningAnswer {
    /// `Kind/name`.
    pub resource: String,
    /// The field at fault.
    pub field: String,
    /// One sentence.
    pub message: String,
}

/// `GET /readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadinessAnswer {
    /// Whether all conditions hold.
    pub ready: bool,
    /// The conditions.
    pub conditions: Vec<ConditionAnswer>,
}

/// One condition of readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionAnswer {
    /// Its name.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// Why.
    pub detail: String,
}

/// `GET /healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LivenessAnswer {
    /// Whether the process works.
    pub live: bool,
    /// Why.
    pub detail: String,
}

/// What every refused request is answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorAnswer {
    /// The error.
    pub error: ErrorBody,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A stable word for scripts.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// The parameter at fault, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}
