//! Makes answers from the rooms' snapshots.

use super::answer::{
    ConditionAnswer, DatastoreAnswer, DatastoreSummary, HeldAnswer, ListenAnswer, Neighbor,
    NeighborLine, ReadinessAnswer, Summary, TimedError, TimedNotification, WarningAnswer,
};
use super::timestamp::Timestamp;
use super::view::{Readiness, Views};
use crate::datastore::DatastoreView;
use crate::net::PerFamily;
use crate::plan::Plan;
use crate::rib::PeerCounts;
use crate::session::{ErrorView, HeldView, ListenViews, NotificationView, PeerView};

impl From<&ErrorView> for TimedError {
    fn from(error: &ErrorView) -> Self {
        Self {
            at: error.at.into(),
            message: error.message.clone(),
        }
    }
}

impl From<&NotificationView> for TimedNotification {
    fn from(notification: &NotificationView) -> Self {
        Self {
            at: notification.at.into(),
            code: notification.code,
            subcode: notification.subcode,
            meaning: notification.meaning.clone(),
        }
    }
}

impl From<&HeldView> for HeldAnswer {
    fn from(held: &HeldView) -> Self {
        Self {
            by: held.by,
            message: held.message.clone(),
            until: held.until.map(Timestamp),
            text: held.to_string(),
        }
    }
}

impl ListenAnswer {
    fn all(views: &ListenViews) -> Vec<Self> {
        let answer = |(address, view): (&_, &crate::session::ListenView)| Self {
            address: *address,
            listening: view.listening,
            reason: view.reason.clone(),
            refused_passwords: view.refused_passwords.clone(),
        };
        views.iter().map(answer).collect()
    }
}

impl From<&Readiness> for ReadinessAnswer {
    fn from(readiness: &Readiness) -> Self {
        let conditions = readiness.conditions().into_iter();
        Self {
            ready: readiness.is_ready(),
            conditions: conditions
                .map(|(name, condition)| ConditionAnswer {
                    name: name.to_owned(),
                    ok: condition.ok,
                    detail: condition.detail.clone(),
                })
                .collect(),
        }
    }
}

impl NeighborLine {
    pub(super) fn of(view: &PeerView, prefixes: Option<PerFamily<PeerCounts>>) -> Self {
        Self {
            name: view.name.clone(),
            address: view.address,
            remote_as: view.remote_as,
            kind: view.kind,
            state: view.state,
            held: view.held.as_ref().map(HeldAnswer::from),
            since: view.since.into(),
            prefixes: prefixes.map(|counts| both(&counts)),
            last_error: view.last_error.as_ref().map(TimedError::from),
        }
    }
}

impl Neighbor {
    pub(super) fn of(
        view: &PeerView,
        prefixes: Option<PerFamily<PeerCounts>>,
        as_of: Timestamp,
    ) -> Self {
        Self {
            as_of,
            name: view.name.clone(),
            kind: view.kind,
            provenance: view.provenance.clone(),
            address: view.address,
            port: view.port,
            family: view.family,
            local_as: view.local_as,
            local_router_id: view.local_router_id,
            remote_as: view.remote_as,
            source_address: view.source_address,
            passive: view.passive,
            reflector_client: view.reflector_client,
            password: view.password,
            ttl_security: view.ttl_security,
            interface: view.interface.clone(),
            role: view.role,
            prefix_limit: view.prefix_limit,
            near_prefix_limit: view.near_prefix_limit,
            held: view.held.as_ref().map(HeldAnswer::from),
            state: view.state,
            since: view.since.into(),
            negotiated: view.negotiated.clone(),
            end_of_rib_received: view.end_of_rib_received,
            end_of_rib_sent: view.end_of_rib_sent,
            stale_until: view.stale_until.map(Timestamp),
            failed_dials: view.failed_dials,
            last_error: view.last_error.as_ref().map(TimedError::from),
            notification_sent: view.notification_sent.as_ref().map(TimedNotification::from),
            notification_received: view
                .notification_received
                .as_ref()
                .map(TimedNotification::from),
            counters: view.counters.clone(),
            prefixes,
        }
    }
}

impl Summary {
    pub(super) async fn of(views: &Views, as_of: Timestamp) -> Self {
        let counts = views.counts().await.ok();
        let rib = views.totals().await.ok();
        let plan = views.plan.borrow().clone();
        let speaker = plan.as_ref().map(|plan| &plan.speaker);
        let neighbors = views.sessions();
        let neighbors = neighbors.iter().map(|view| {
            let prefixes = counts
                .as_ref()
                .map(|counts| counts.get(&view.id).copied().unwrap_or_default());
            NeighborLine::of(view, prefixes)
        });
        Self {
            as_of,
            started: views.about.started.into(),
            version: views.about.version.clone(),
            node: views.about.node.clone(),
            router_id: speaker.map(|speaker| speaker.router_id),
            local_as: speaker.map(|speaker| speaker.local_as),
            cluster_id: speaker.and_then(|speaker| speaker.cluster_id),
            readiness: ReadinessAnswer::from(&*views.readiness.borrow()),
            stale_plan: views.readiness.borrow().stale_plan.clone(),
            datastore: DatastoreSummary::of(&views.datastore.borrow()),
            fib: views.fib.borrow().clone(),
            rib,
            warnings: plan.as_ref().map_or(0, |plan| plan.warnings.len()),
            listen: ListenAnswer::all(&views.listen.borrow()),
            neighbors: neighbors.collect(),
        }
    }
}

impl DatastoreSummary {
    fn of(view: &DatastoreView) -> Self {
        Self {
            url: view.url.clone(),
            up: view.up,
            synced: view.synced,
            last_error: view.last_error.clone(),
            rejected: view.rejected.len(),
        }
    }
}

impl DatastoreAnswer {
    pub(super) fn of(view: &DatastoreView, plan: Option<&Plan>, as_of: Timestamp) -> Self {
        let warnings = plan
            .map(|plan| plan.warnings.as_slice())
            .unwrap_or_default();
        Self {
            as_of,
            backend: view.backend.clone(),
            url: view.url.clone(),
            up: view.up,
            synced: view.synced,
            revision: view.revision,
            last_event: view.last_event.map(Timestamp),
            relists: view.relists,
            last_error: view.last_error.clone(),
            objects: view.objects.clone(),
            rejected: view.rejected.clone(),
            warnings: warnings
                .iter()
                .map(|warning| WarningAnswer {
                    resource: warning.resource.to_string(),
                    field: warning.field.to_string(),
                    message: warning.message.clone(),
                })
                .collect(),
        }
    }
}

/// The counts of both families together.
fn both(counts: &PerFamily<PeerCounts>) -> PeerCounts {
    counts.ipv4 + counts.ipv6
}
