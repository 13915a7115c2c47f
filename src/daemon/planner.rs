//! Resources in, plans out: owns the [`Store`], waits for quiet, plans.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::model::{Event, Store};
use crate::plan::{Identity, Plan, Warning, plan};

/// Quiet time after a change, so that a burst becomes one plan.
const QUIET: Duration = Duration::from_millis(100);

/// The longest that a stream of changes may put a plan off.
const PATIENCE: Duration = Duration::from_secs(1);

/// The plan in force, or why there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Planned {
    /// The latest plan; the last good one stays when planning fails.
    pub(super) plan: Option<Arc<Plan>>,
    /// Why no newer plan could be made.
    pub(super) pending: Option<String>,
}

/// Plans after every burst of changes, from the moment the datastore is in sync; ends with its input.
pub(super) async fn run(
    identity: Identity,
    mut changes: mpsc::Receiver<Vec<Event>>,
    plans: watch::Sender<Planned>,
) {
    let mut planner = Planner {
        identity,
        store: Store::default(),
        plans,
        told: Vec::new(),
    };
    while let Some(events) = changes.recv().await {
        planner.take(events);
        let latest = Instant::now() + PATIENCE;
        loop {
            let quiet = (Instant::now() + QUIET).min(latest);
            match tokio::time::timeout_at(quiet, changes.recv()).await {
                Ok(Some(events)) => planner.take(events),
                Ok(None) => return,
                Err(_) => break,
            }
        }
        planner.plan();
    }
}

struct Planner {
    identity: Identity,
    store: Store,
    plans: watch::Sender<Planned>,
    /// Warnings already logged, so that each is said once while it lasts.
    told: Vec<Warning>,
}

impl Planner {
    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            self.store.apply(event);
        }
    }

    fn plan(&mut self) {
        if !self.store.is_in_sync() {
            return;
        }
        match plan(&self.store, &self.identity) {
            Ok(next) => self.publish(next),
            Err(pending) => self.wait(&pending.to_string()),
        }
    }

    fn publish(&mut self, next: Plan) {
        for warning in next
            .warnings
            .iter()
            .filter(|warning| !self.told.contains(warning))
        {
            warn!(
                resource = %warning.resource,
                field = %warning.field,
                reason = warning.message,
                "resource left out of the plan"
            );
        }
        self.told.clone_from(&next.warnings);
        if self.plans.borrow().plan.as_deref() == Some(&next) {
            self.plans
                .send_if_modified(|planned| planned.pending.take().is_some());
            return;
        }
        info!(
            peers = next.peers.len(),
            originated = next.originated.len(),
            "new plan"
        );
        self.plans.send_replace(Planned {
            plan: Some(Arc::new(next)),
            pending: None,
        });
    }

    fn wait(&self, reason: &str) {
        let modified = self.plans.send_if_modified(|planned| {
            let news = planned.pending.as_deref() != Some(reason);
            planned.pending = Some(reason.to_owned());
            news
        });
        if modified {
            warn!(reason, "no plan can be made; the last one stays in force");
        }
    }
}
