//! Fixed views for tests: one session up, one down, three routes; and a shard for questions that
//! reach deeper.

mod shard;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use shard::FixedShard;

#[cfg(test)]
use super::answer::{DatastoreAnswer, ExplainAnswer, Neighbor, Summary};
use super::view::{
    About, BoxFuture, Condition, FibQueries, OperateError, Operators, Peers, QueryError, Readiness,
    RibQueries, Views,
};
use crate::datastore::{DatastoreView, ObjectCounts, RejectedObject};
use crate::fib::{FibRow, FibRowState, FibView};
use crate::metrics::PeerSeries;
use crate::net::{Asn, Family, PeerId, PerFamily, Prefix, RouterId};
use crate::plan::{
    OriginatedPlan, PeerKind, PeerName, Plan, Provenance, SelectionPlan, SpeakerPlan, Warning,
};
use crate::policy::{Policy, Then};
use crate::rib::{
    Answer, PathRow, PeerCounts, Query, RefusedCounts, RibTotals, RouteRow, RouteTable, RoutesPage,
};
use crate::session::{
    CountersView, ErrorView, ListenViews, MessageCounts, NegotiatedView, NotificationView,
    OperatorAction, OperatorRefusal, PeerState, PeerView,
};
use crate::wire::{AddPathDirection, Origin};

/// A moment so many seconds after the fixed start.
pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn provenance(resource: &str, field: &str) -> Provenance {
    Provenance {
        resource: resource.into(),
        field: field.into(),
    }
}

/// A session that is established.
pub(crate) fn up() -> PeerView {
    PeerView {
        id: PeerId(1),
        name: "Mesh_192_0_2_12".to_owned(),
        kind: PeerKind::Mesh,
        address: [192, 0, 2, 12].into(),
        port: 179,
        family: Family::Ipv4,
        local_as: Asn(64_512),
        local_router_id: RouterId([192, 0, 2, 11].into()),
        remote_as: Asn(64_512),
        source_address: Some([192, 0, 2, 11].into()),
        passive: true,
        reflector_client: false,
        password: false,
        ttl_security: None,
        interface: None,
        role: None,
        prefix_limit: None,
        near_prefix_limit: PerFamily::default(),
        held: None,
        state: PeerState::Established,
        since: at(100),
        provenance: provenance("BGPConfiguration/default", "spec.nodeToNodeMeshEnabled"),
        negotiated: Some(NegotiatedView {
            peer_router_id: RouterId([192, 0, 2, 12].into()),
            hold_time: 240,
            keepalive: 80.0,
            families: vec![Family::Ipv4],
            four_octet_as: true,
            add_path: PerFamily {
                ipv4: AddPathDirection {
                    receive: true,
                    send: true,
                },
                ipv6: AddPathDirection::default(),
            },
            route_refresh: true,
            enhanced_refresh: false,
            extended_message: false,
            extended_next_hop: false,
            peer_role: None,
            keeps_routes_over_notification: false,
            long_lived_times: PerFamily::default(),
            unknown_capabilities: Vec::new(),
            restart_time: Some(120),
            peer_restarting: false,
            local_endpoint: "192.0.2.11:179".to_owned(),
            remote_endpoint: "192.0.2.12:40123".to_owned(),
        }),
        end_of_rib_received: PerFamily {
            ipv4: true,
            ipv6: false,
        },
        end_of_rib_sent: PerFamily {
            ipv4: true,
            ipv6: false,
        },
        stale_until: None,
        failed_dials: 0,
        last_error: None,
        notification_sent: None,
        notification_received: None,
        counters: CountersView {
            received: MessageCounts {
                open: 1,
                update: 3,
                keepalive: 12,
                ..Default::default()
            },
            sent: MessageCounts {
                open: 1,
                update: 2,
                keepalive: 13,
                ..Default::default()
            },
            established: 1,
            ..Default::default()
        },
    }
}

/// A session that went down.
pub(crate) fn down() -> PeerView {
    PeerView {
        id: PeerId(2),
        name: "Global_192_0_2_254".to_owned(),
        kind: PeerKind::Global,
        address: [192, 0, 2, 254].into(),
        remote_as: Asn(65_001),
        source_address: None,
        passive: false,
        state: PeerState::Active,
        since: at(3_000),
        provenance: provenance("BGPPeer/tor", "spec.peerIP"),
        negotiated: None,
        end_of_rib_received: PerFamily::default(),
        end_of_rib_sent: PerFamily::default(),
        failed_dials: 3,
        last_error: Some(ErrorView {
            at: at(3_570),
            message: "dial failed: connection refused".to_owned(),
        }),
        notification_received: Some(NotificationView {
            at: at(3_000),
            code: 6,
            subcode: 2,
            meaning: "Cease / Administrative Shutdown: \"maintenance\"".to_owned(),
        }),
        counters: CountersView {
            established: 1,
            down: BTreeMap::from([("notification_received".to_owned(), 1)]),
            notifications: vec![("received".to_owned(), 6, 2, 1)],
            ..Default::default()
        },
        ..up()
    }
}

fn path(from: &str, best: bool, next_hop: Option<[u8; 4]>) -> PathRow {
    PathRow {
        from: from.into(),
        best,
        multipath: false,
        usable: true,
        reason: None,
        stale: false,
        next_hop: next_hop.map(Into::into),
        origin: Origin::Igp,
        as_path: String::new(),
        as_path_numbers: Vec::new(),
        med: None,
        local_pref: Some(100),
        communities: Vec::new(),
        extended_communities: Vec::new(),
        originator_id: None,
        cluster_list: Vec::new(),
        preference: 100,
        path_id: 0,
    }
}

/// The routes of the fixed RIB.
pub(crate) fn routes() -> Vec<RouteRow> {
    let refused = PathRow {
        usable: false,
        reason: Some("next hop unreachable".to_owned()),
        as_path: "65001 65002".to_owned(),
        ..path("Global_192_0_2_254", false, Some([192, 0, 2, 254]))
    };
    vec![
        RouteRow {
            prefix: prefix("10.65.1.0/26"),
            paths: vec![
                path("Mesh_192_0_2_12", true, Some([192, 0, 2, 12])),
                refused,
            ],
        },
        RouteRow {
            prefix: prefix("10.65.0.0/26"),
            paths: vec![path("local", true, None)],
        },
        RouteRow {
            prefix: prefix("fd00:10:65::/122"),
            paths: vec![path("local", true, None)],
        },
    ]
}

/// The kernel's routes as the fixed writer tells them.
pub(crate) fn kernel_rows() -> Vec<FibRow> {
    let installed = "via 192.0.2.12 dev eth0 proto bird".to_owned();
    vec![
        FibRow {
            prefix: prefix("10.65.1.0/26"),
            wanted: Some(installed.clone()),
            present: Some(installed),
            state: FibRowState::Installed,
            error: None,
        },
        FibRow {
            prefix: prefix("10.65.0.0/26"),
            wanted: Some("blackhole proto bird".to_owned()),
            present: None,
            state: FibRowState::Refused,
            error: Some("EEXIST: another route has this prefix".to_owned()),
        },
    ]
}

/// A RIB that answers in pages of two, or not at all.
pub(crate) struct FixedRib {
    pub(crate) alive: bool,
}

impl FixedRib {
    fn answer(&self, query: &Query) -> Answer {
        let counts = PeerCounts {
            received: 3,
            accepted: 2,
            filtered: 1,
            refused: RefusedCounts {
                as_loop: 1,
                ..RefusedCounts::default()
            },
            best: 1,
            advertised: 4,
            stale: 0,
        };
        match query {
            Query::Routes(query) => {
                let rows: Vec<RouteRow> = routes()
                    .into_iter()
                    .filter(|row| row.prefix.family() == query.family)
                    .filter(|_| query.table != RouteTable::Received(PeerId(2)))
                    .filter(|row| {
                        query.prefix.is_none_or(|prefix| {
                            prefix == row.prefix || query.longer && prefix.contains(&row.prefix)
                        })
                    })
                    .collect();
                let start = usize::try_from(query.start).expect("few rows");
                let next = (start + 1 < rows.len()).then_some(query.start + 1);
                let rows = rows.into_iter().skip(start).take(1).collect();
                Answer::Routes(RoutesPage { rows, next })
            }
            Query::Peers => Answer::Peers(vec![(
                PeerId(1),
                PerFamily {
                    ipv4: counts,
                    ipv6: PeerCounts::default(),
                },
            )]),
            Query::Totals => Answer::Totals(PerFamily {
                ipv4: RibTotals {
                    prefixes: 2,
                    paths: 3,
                    attribute_sets: 2,
                    ..Default::default()
                },
                ipv6: RibTotals {
                    prefixes: 1,
                    paths: 1,
                    attribute_sets: 2,
                    ..Default::default()
                },
            }),
            Query::LongestMatch { .. } | Query::Explain { .. } | Query::Groups => {
                FixedShard::new().answer(query)
            }
        }
    }
}

impl RibQueries for FixedRib {
    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryError>> {
        let answer = match self.alive {
            true => Ok(self.answer(&query)),
            false => Err(QueryError::Gone("the routing table")),
        };
        Box::pin(std::future::ready(answer))
    }
}

struct FixedKernel;

impl FibQueries for FixedKernel {
    fn row(&self, prefix: Prefix) -> BoxFuture<'_, Result<Option<FibRow>, QueryError>> {
        let row = kernel_rows().into_iter().find(|row| row.prefix == prefix);
        Box::pin(std::future::ready(Ok(row)))
    }

    fn rows(&self) -> BoxFuture<'_, Result<Vec<FibRow>, QueryError>> {
        Box::pin(std::future::ready(Ok(kernel_rows())))
    }
}

fn plan() -> Plan {
    let policy = Arc::new(Policy {
        name: "kernel".into(),
        rules: Vec::new(),
        otherwise: Then::Accept,
    });
    Plan {
        speaker: SpeakerPlan {
            node: "node-a".to_owned(),
            local_as: Asn(64_512),
            router_id: RouterId([192, 0, 2, 11].into()),
            cluster_id: None,
            addresses: PerFamily {
                ipv4: Some([192, 0, 2, 11].into()),
                ipv6: None,
            },
            listen: vec!["0.0.0.0:179".parse().expect("an address")],
            provenance: provenance("Node/node-a", "spec.bgp"),
        },
        peers: BTreeMap::new(),
        originated: BTreeMap::from([(
            prefix("10.65.0.0/26"),
            OriginatedPlan {
                provenance: provenance("BlockAffinity/node-a-10-65-0-0-26", "spec.cidr"),
            },
        )]),
        kernel: PerFamily {
            ipv4: Arc::clone(&policy),
            ipv6: policy,
        },
        selection: SelectionPlan::default(),
        warnings: vec![Warning {
            resource: "BGPPeer/old".into(),
            field: "spec.asNumber".into(),
            message: "\"abc\" is not an AS number; the peering is left out".to_owned(),
        }],
    }
}

fn datastore() -> DatastoreView {
    DatastoreView {
        backend: "dir".to_owned(),
        url: "dir:/etc/calidris/resources".to_owned(),
        up: true,
        synced: true,
        revision: 7,
        last_event: Some(at(50)),
        relists: 1,
        last_error: None,
        objects: BTreeMap::from([
            (
                "BGPPeer".to_owned(),
                ObjectCounts {
                    accepted: 1,
                    rejected: 1,
                },
            ),
            (
                "Node".to_owned(),
                ObjectCounts {
                    accepted: 2,
                    rejected: 0,
                },
            ),
        ]),
        rejected: vec![RejectedObject {
            resource: "BGPPeer/old".to_owned(),
            location: "peers.yaml line 12".to_owned(),
            field: Some("spec.peerIP".to_owned()),
            reason: "\"nonsense\" is not an address".to_owned(),
            last_good_kept: true,
        }],
    }
}

/// Views of a node that has one session up and one down.
pub(crate) fn views() -> Views {
    views_with(FixedRib { alive: true })
}

/// The same with another RIB; the senders are gone, so what is seen stays as it is.
pub(crate) fn views_with(rib: FixedRib) -> Views {
    fn fixed<T>(value: T) -> watch::Receiver<T> {
        watch::channel(value).1
    }
    let peers: Peers = Arc::new(
        [up(), down()]
            .into_iter()
            .map(|view| (PeerName(view.name.as_str().into()), fixed(Arc::new(view))))
            .collect(),
    );
    let holds = |detail: &str| Condition {
        ok: true,
        detail: detail.to_owned(),
    };
    Views {
        about: Arc::new(About {
            version: "0.1.0".to_owned(),
            commit: "unknown".to_owned(),
            node: "node-a".to_owned(),
            started: at(0),
            peer_series: PeerSeries::All,
        }),
        peers: fixed(peers),
        listen: fixed(ListenViews::default()),
        plan: fixed(Some(Arc::new(plan()))),
        datastore: fixed(datastore()),
        fib: fixed(FibView {
            enabled: true,
            routes: PerFamily { ipv4: 1, ipv6: 0 },
            pending: PerFamily { ipv4: 1, ipv6: 0 },
            programmed: true,
            ..FibView::default()
        }),
        readiness: fixed(Readiness {
            stale_plan: None,
            datastore_synced: holds("read completely"),
            plan_applied: holds("2 sessions"),
            deferral_over: Condition {
                ok: false,
                detail: "waiting for End-of-RIB of 1 session".to_owned(),
            },
        }),
        rib: Arc::new(rib),
        kernel: Arc::new(FixedKernel),
    }
}

/// Does nothing and says what it was told, but that nothing is established.
pub(crate) struct FixedOperators;

impl Operators for FixedOperators {
    fn operate(
        &self,
        peer: PeerName,
        action: OperatorAction,
    ) -> BoxFuture<'_, Result<String, OperateError>> {
        Box::pin(async move {
            match action {
                OperatorAction::SoftIn | OperatorAction::SoftOut => {
                    Err(OperatorRefusal::NotEstablished.into())
                }
                other => Ok(format!("{peer} {other:?}")),
            }
        })
    }
}

/// The explanation of a prefix, or the error, an hour after the start.
#[cfg(test)]
pub(crate) async fn explained(query: &str) -> Result<ExplainAnswer, String> {
    use http_body_util::BodyExt;
    let answered = super::explain::explain(&views(), Some(query), at(3_600).into()).await;
    let response = answered.unwrap_or_else(super::api::ApiError::response);
    let status = response.status();
    let body = response.into_body().collect().await.expect("a whole body");
    match status.is_success() {
        true => Ok(serde_json::from_slice(&body.to_bytes()).expect("an explanation")),
        false => Err(String::from_utf8_lossy(&body.to_bytes()).into_owned()),
    }
}

/// The fixed summary, an hour after the start.
#[cfg(test)]
pub(crate) async fn summary() -> Summary {
    Summary::of(&views(), at(3_600).into()).await
}

/// The answer about a session, an hour after the start.
#[cfg(test)]
pub(crate) async fn neighbor(view: &PeerView) -> Neighbor {
    let counts = views().counts().await.ok();
    let prefixes = counts.map(|counts| counts.get(&view.id).copied().unwrap_or_default());
    Neighbor::of(view, prefixes, at(3_600).into())
}

/// The answer about the datastore, an hour after the start.
#[cfg(test)]
pub(crate) fn datastore_answer() -> DatastoreAnswer {
    DatastoreAnswer::of(&datastore(), Some(&plan()), at(3_600).into())
}
