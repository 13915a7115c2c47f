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
                "warning of the plan"
            );
        }
        self.told.clone_from(&next.warnings);
        if self.plans.borrow().plan.as_deref() == Some(&next) {
            let again = self
                .plans
                .send_if_modified(|planned| planned.pending.take().is_some());
            if again {
                info!("the resources make a plan again; nothing has changed");
            }
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
            let in_force = self.plans.borrow().plan.is_some();
            warn!(reason, in_force, "no plan can be made from the resources");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Parsed, Revision, parse};
    use crate::plan::RouterIdChoice;

    fn node(name: &str, address: &str) -> Event {
        let node = json!({
            "apiVersion": "projectcalico.org/v3", "kind": "Node", "metadata": {"name": name},
            "spec": {"bgp": {"ipv4Address": address}},
        });
        match parse(&node) {
            Ok(Parsed::Resource(node)) => Event::Upsert(node, Revision(1)),
            other => panic!("{other:?}"),
        }
    }

    fn start() -> (mpsc::Sender<Vec<Event>>, watch::Receiver<Planned>) {
        let (changes, inbox) = mpsc::channel(8);
        let plans = watch::Sender::new(Planned::default());
        let planned = plans.subscribe();
        let router_id = RouterIdChoice::NodeAddress;
        let identity = Identity {
            node: "a".into(),
            router_id,
            listen_port: None,
            passwords: Default::default(),
        };
        tokio::spawn(run(identity, inbox, plans));
        (changes, planned)
    }

    async fn next(plans: &mut watch::Receiver<Planned>) -> Planned {
        plans.changed().await.expect("the planner runs");
        plans.borrow_and_update().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_planned_from_a_partial_snapshot() {
        let (changes, mut plans) = start();
        changes
            .send(vec![node("a", "192.0.2.1/24")])
            .await
            .expect("room");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!plans.has_changed().expect("the planner runs"));
        changes.send(vec![Event::InSync]).await.expect("room");
        assert!(next(&mut plans).await.plan.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_becomes_one_plan() {
        let (changes, mut plans) = start();
        for n in 1..=50u8 {
            let event = node(&format!("n{n}"), &format!("192.0.2.{n}/24"));
            changes.send(vec![event]).await.expect("room");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        changes
            .send(vec![node("a", "192.0.2.200/24"), Event::InSync])
            .await
            .expect("room");
        let plan = next(&mut plans).await.plan.expect("a plan");
        assert_eq!(plan.peers.len(), 50);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!plans.has_changed().expect("the planner runs"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_node_is_named_and_the_last_plan_stays() {
        let (changes, mut plans) = start();
        changes
            .send(vec![node("b", "192.0.2.2/24"), Event::InSync])
            .await
            .expect("room");
        let waiting = next(&mut plans).await;
        assert!(waiting.plan.is_none());
        let reason = waiting.pending.expect("a reason");
        assert!(reason.contains('a') && reason.contains("Node"), "{reason}");

        changes
            .send(vec![node("a", "192.0.2.1/24")])
            .await
            .expect("room");
        let planned = next(&mut plans).await;
        assert!(planned.plan.is_some() && planned.pending.is_none());

        let key = match node("a", "192.0.2.1/24") {
            Event::Upsert(node, _) => node.key(),
            other => panic!("{other:?}"),
        };
        changes.send(vec![Event::Delete(key)]).await.expect("room");
        let gone = next(&mut plans).await;
        assert!(gone.plan.is_some() && gone.pending.is_some());
    }
}
