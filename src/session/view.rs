//! What a session shows of itself: a snapshot that its task publishes whenever it changes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::hold::HeldView;
pub use crate::fsm::StateName as PeerState;
use crate::net::{Asn, Family, PeerId, PerFamily, PrefixLimit, Role, RouterId};
use crate::plan::{PeerKind, Provenance};
use crate::wire::AddPathDirection;

/// One session as `show neighbor` tells it. Prefix counts are the RIB's, see `rib::PeerCounts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerView {
    /// The process-local handle.
    pub id: PeerId,
    /// The session's name, such as `Mesh_192_0_2_12`.
    pub name: String,
    /// Mesh, global or node.
    pub kind: PeerKind,
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
    /// Families in which the peer has exceeded the warning threshold of its prefix limit.
    pub near_prefix_limit: PerFamily<bool>,
    /// Why the session is held down, where it is.
    pub held: Option<HeldView>,
    /// The state.
    pub state: PeerState,
    /// Since when: the wall clock at the last change into or out of Established, or at creation.
    pub since: SystemTime,
    /// Where the session comes from in the plan.
    pub provenance: Provenance,
    /// What was negotiated, while established.
    pub negotiated: Option<NegotiatedView>,
    /// Whether the peer has sent End-of-RIB since the session came up.
    pub end_of_rib_received: PerFamily<bool>,
    /// Whether this side has sent everything once since the session came up.
    pub end_of_rib_sent: PerFamily<bool>,
    /// Until when the peer's routes are kept as stale; `None` while they are not.
    pub stale_until: Option<SystemTime>,
    /// How many dials have failed since the session was last established.
    pub failed_dials: u64,
    /// Why the session last went down or did not come up.
    pub last_error: Option<ErrorView>,
    /// The last NOTIFICATION sent.
    pub notification_sent: Option<NotificationView>,
    /// The last NOTIFICATION received.
    pub notification_received: Option<NotificationView>,
    /// Counters since the session was planned.
    pub counters: CountersView,
}

/// The terms of an established session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NegotiatedView {
    /// The peer's BGP Identifier.
    pub peer_router_id: RouterId,
    /// Hold time in seconds; zero where the timers are off.
    pub hold_time: u16,
    /// Keepalive interval in seconds.
    pub keepalive: f64,
    /// The families of the session.
    pub families: Vec<Family>,
    /// Whether AS numbers have four octets.
    pub four_octet_as: bool,
    /// ADD-PATH directions in each family.
    pub add_path: PerFamily<AddPathDirection>,
    /// Whether the peer answers ROUTE-REFRESH.
    pub route_refresh: bool,
    /// Whether both sides mark the begin and the end of a refresh (RFC 7313).
    #[serde(default)]
    pub enhanced_refresh: bool,
    /// Whether messages may have up to 65,535 octets (RFC 8654).
    #[serde(default)]
    pub extended_message: bool,
    /// Whether IPv4 prefixes may go with an IPv6 next hop (RFC 8950).
    #[serde(default)]
    pub extended_next_hop: bool,
    /// The peer's role, where it names one (RFC 9234).
    #[serde(default)]
    pub peer_role: Option<Role>,
    /// Whether both sides keep routes over a NOTIFICATION (RFC 8538).
    #[serde(default)]
    pub keeps_routes_over_notification: bool,
    /// For how many seconds the peer's routes are kept after its restart time, where long-lived
    /// graceful restart was agreed (RFC 9494).
    #[serde(default)]
    pub long_lived_times: PerFamily<Option<u32>>,
    /// Codes of capabilities that the peer offers and calidris does not know.
    #[serde(default)]
    pub unknown_capabilities: Vec<u8>,
    /// The peer's restart time in seconds, where graceful restart was agreed.
    pub restart_time: Option<u16>,
    /// Whether the peer itself was recovering from a restart when the session came up (the R bit).
    pub peer_restarting: bool,
    /// The local address and port of the connection.
    pub local_endpoint: String,
    /// The remote address and port of the connection.
    pub remote_endpoint: String,
}

/// Why a session is not up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorView {
    /// When.
    pub at: SystemTime,
    /// One sentence.
    pub message: String,
}

/// A NOTIFICATION and what it means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationView {
    /// When.
    pub at: SystemTime,
    /// The code.
    pub code: u8,
    /// The subcode.
    pub subcode: u8,
    /// The meaning in the RFC's words, with a shutdown text where one came along.
    pub meaning: String,
}

/// Counters of one session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CountersView {
    /// Messages received, by type.
    pub received: MessageCounts,
    /// Messages sent, by type.
    pub sent: MessageCounts,
    /// How often the session was established.
    pub established: u64,
    /// How often it went down, by reason (`connection_closed`, `notification_received`, …).
    pub down: BTreeMap<String, u64>,
    /// NOTIFICATIONs as (direction, code, subcode, count); direction is `received` or `sent`.
    pub notifications: Vec<(String, u8, u8, u64)>,
    /// Faulty UPDATEs by what was done about them.
    pub update_errors: UpdateErrorCounts,
    /// How often the peer fell behind its group and was served from the log.
    pub resyncs: u64,
    /// How often a defect of calidris ended the session's task.
    #[serde(default)]
    pub panics: u64,
    /// How often the peer exceeded the warning threshold of its prefix limit.
    #[serde(default)]
    pub prefix_limit_warnings: u64,
}

/// Message counts by type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageCounts {
    /// OPEN.
    pub open: u64,
    /// UPDATE.
    pub update: u64,
    /// NOTIFICATION.
    pub notification: u64,
    /// KEEPALIVE.
    pub keepalive: u64,
    /// ROUTE-REFRESH.
    pub route_refresh: u64,
}

/// Faulty UPDATEs by disposition (RFC 7606 §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateErrorCounts {
    /// Prefixes withdrawn instead.
    pub treat_as_withdraw: u64,
    /// Attribute dropped.
    pub attribute_discard: u64,
    /// Session closed.
    pub session_reset: u64,
}
