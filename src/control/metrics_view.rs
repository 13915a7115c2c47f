//! From the rooms' snapshots to the plain numbers of a scrape.

use std::time::{SystemTime, UNIX_EPOCH};

use super::view::Views;
use crate::datastore::DatastoreView;
use crate::fib::FibView;
use crate::metrics::{
    DatastoreSample, FibSample, GroupSample, KindSample, PeerPrefixes, PeerSample, RibSample,
    RouterSample, Sample, StateSample,
};
use crate::net::{Family, PerFamily};
use crate::plan::PeerKind;
use crate::rib::{GroupRow, PeerCounts, RibTotals};
use crate::session::{MessageCounts, PeerState, PeerView};

/// Gathers everything that one scrape shows.
pub(super) async fn sample(views: &Views) -> Sample {
    let counts = views.counts().await.unwrap_or_default();
    let groups = views.groups().await.unwrap_or_default();
    let totals = views.totals().await.ok();
    let plan = views.plan.borrow().clone();
    let sessions = views.sessions();
    let peers = sessions.iter().map(|view| {
        let counts = counts.get(&view.id).copied().unwrap_or_default();
        peer(view, &counts)
    });
    Sample {
        router: RouterSample {
            version: views.about.version.clone(),
            commit: views.about.commit.clone(),
            router: plan.map(|plan| {
                let speaker = &plan.speaker;
                let router_id = speaker.router_id.to_string();
                (router_id, speaker.local_as.0, speaker.node.clone())
            }),
        },
        peer_series: views.about.peer_series,
        peers: peers.collect(),
        groups: groups.iter().map(group).collect(),
        rib: totals.map(|totals| PerFamily {
            ipv4: rib(&totals.ipv4),
            ipv6: rib(&totals.ipv6),
        }),
        fib: fib(&views.fib.borrow()),
        datastore: datastore(
            &views.datastore.borrow(),
            views.readiness.borrow().stale_plan.is_some(),
        ),
    }
}

fn peer(view: &PeerView, counts: &PerFamily<PeerCounts>) -> PeerSample {
    let up = view.state == PeerState::Established;
    let counters = &view.counters;
    let errors = &counters.update_errors;
    let states = PeerState::ALL.map(|state| StateSample {
        state: state.name(),
        holds: state == view.state,
    });
    PeerSample {
        peer: view.name.clone(),
        kind: match view.kind {
            PeerKind::Mesh => "mesh",
            PeerKind::Global => "global",
            PeerKind::Node => "node",
        }
        .to_owned(),
        remote_as: view.remote_as.0,
        address: view.address.to_string(),
        reflector_client: view.reflector_client,
        states: states.to_vec(),
        up,
        since: unix_seconds(view.since),
        established: counters.established,
        down: counters.down.clone(),
        messages: [("received", &counters.received), ("sent", &counters.sent)]
            .into_iter()
            .flat_map(|(direction, counts)| messages(direction, counts))
            .collect(),
        notifications: counters.notifications.clone(),
        update_errors: vec![
            ("treat_as_withdraw", errors.treat_as_withdraw),
            ("attribute_discard", errors.attribute_discard),
            ("session_reset", errors.session_reset),
        ],
        resyncs: counters.resyncs,
        panics: counters.panics,
        prefix_limit_warnings: counters.prefix_limit_warnings,
        prefixes: families(view)
            .into_iter()
            .map(|family| {
                // Stale routes of a session that is down are the RIB's matter, not the session's.
                let counts = counts.get(family);
                let counts = if up {
                    prefixes(counts)
                } else {
                    PeerPrefixes::default()
                };
                (family, counts)
            })
            .collect(),
    }
}

/// The families that the session carries, or would carry.
fn families(view: &PeerView) -> Vec<Family> {
    match &view.negotiated {
        Some(negotiated) => negotiated.families.clone(),
        None => vec![view.family],
    }
}

fn prefixes(counts: &PeerCounts) -> PeerPrefixes {
    PeerPrefixes {
        received: counts.received,
        accepted: counts.accepted,
        filtered: counts.filtered,
        refused: counts
            .refused
            .by_reason()
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect(),
        best: counts.best,
        advertised: counts.advertised,
    }
}

fn messages(
    direction: &'static str,
    counts: &MessageCounts,
) -> [(&'static str, &'static str, u64); 5] {
    [
        (direction, "open", counts.open),
        (direction, "update", counts.update),
        (direction, "notification", counts.notification),
        (direction, "keepalive", counts.keepalive),
        (direction, "route_refresh", counts.route_refresh),
    ]
}

fn group(row: &GroupRow) -> GroupSample {
    GroupSample {
        group: row.group,
        family: row.family,
        peers: u64::try_from(row.members.len()).unwrap_or(u64::MAX),
        lagging: row.lagging,
        backlog_bytes: row.backlog_bytes,
        prefixes: row.prefixes,
        chunks: [row.counts.chunks, row.counts.served],
        resyncs: row.counts.resyncs,
    }
}

fn rib(totals: &RibTotals) -> RibSample {
    RibSample {
        prefixes: totals.prefixes,
        paths: totals.paths,
        stale_paths: totals.stale_paths,
        attribute_sets: totals.attribute_sets,
    }
}

fn fib(view: &FibView) -> FibSample {
    FibSample {
        routes: view.routes,
        pending: view.pending,
        operations: view.operations.clone(),
        resyncs: view.resyncs.clone(),
        drift_repaired: view.drift_repaired,
    }
}

fn datastore(view: &DatastoreView, is_plan_stale: bool) -> DatastoreSample {
    let kinds = view.objects.iter().map(|(kind, counts)| KindSample {
        kind: kind.clone(),
        accepted: counts.accepted,
        rejected: counts.rejected,
    });
    DatastoreSample {
        backend: view.backend.clone(),
        up: view.up,
        synced: view.synced,
        revision: view.revision,
        last_event: view.last_event.map(unix_seconds),
        relists: view.relists,
        objects: kinds.collect(),
        stale: is_plan_stale
            || !view.up
            || view.rejected.iter().any(|object| object.last_good_kept),
    }
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}
