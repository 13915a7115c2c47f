//! Plans become steps: which sessions start, change or stop, and what the RIB is told, in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::fsm::StopReason;
use crate::net::PeerId;
use crate::plan::{Change, ChangeMode, PeerName, PeerPlan, Plan, diff, initial};
use crate::rib::{Command, LocalRoute};
use crate::session::PeerSpec;

/// One thing to do; steps are done in order, each before the next.
#[derive(Debug)]
pub enum Step {
    /// Tell the RIB.
    Rib(Command),
    /// Start a session's task; the RIB knows the peer by now.
    Start(Box<PeerSpec>),
    /// Hand a session its new parameters.
    Reconfigure(Box<PeerSpec>, ChangeMode),
    /// End a session's task, before the RIB forgets the peer.
    Stop(PeerId, StopReason),
    /// Listen on exactly these addresses.
    Listen(Vec<SocketAddr>),
}

/// The plan in force, and the handles of its peers. Pure.
#[derive(Debug, Default)]
pub struct Registry {
    plan: Option<Arc<Plan>>,
    peers: BTreeMap<PeerName, PeerSpec>,
    last_id: u32,
}

impl Registry {
    /// The steps from the plan in force to `next`, which is in force from here on.
    pub fn apply(&mut self, next: &Arc<Plan>) -> Vec<Step> {
        let changes = match &self.plan {
            Some(plan) => diff(plan, next),
            None => initial(next),
        };
        self.plan = Some(Arc::clone(next));
        let steps = changes
            .into_iter()
            .flat_map(|change| self.steps(change, next));
        in_one_update(steps.collect())
    }

    /// The peers of the plan in force, by name.
    pub fn peers(&self) -> impl Iterator<Item = &PeerSpec> {
        self.peers.values()
    }

    fn steps(&mut self, change: Change, next: &Plan) -> Vec<Step> {
        match change {
            Change::Speaker(_) => {
                self.refresh_all(next, &ChangeMode::Reset("BGP Identifier".into()))
            }
            Change::UpdateSpeaker(_) => self.refresh_all(next, &ChangeMode::Soft),
            Change::Listen(addresses) => vec![Step::Listen(addresses)],
            Change::AddPeer(name, plan) => self.add(name, plan, next),
            Change::RemovePeer(name) => self.remove(&name),
            Change::UpdatePeer(name, plan, mode) => self.update(&name, plan, mode, next),
            Change::Originate(prefix, planned) => {
                let origin = planned.provenance.resource;
                vec![Step::Rib(Command::Originate(LocalRoute { prefix, origin }))]
            }
            Change::Withdraw(prefix) => vec![Step::Rib(Command::WithdrawLocal(prefix))],
            Change::SetSelection(selection) => {
                vec![Step::Rib(Command::SetSelection(selection.rules))]
            }
            Change::SetKernelPolicy(policy) => vec![Step::Rib(Command::SetKernelPolicy(policy))],
        }
    }

    /// Hands what changed of the speaker to every session that stays.
    fn refresh_all(&mut self, next: &Plan, mode: &ChangeMode) -> Vec<Step> {
        let mut steps = Vec::new();
        for (name, known) in &mut self.peers {
            let plan = known.plan.clone();
            *known = PeerSpec::new(known.id, name.clone(), plan, &next.speaker);
            steps.extend(hand_over(known, mode.clone()));
        }
        steps
    }

    fn add(&mut self, name: PeerName, plan: PeerPlan, next: &Plan) -> Vec<Step> {
        self.last_id += 1;
        let spec = PeerSpec::new(PeerId(self.last_id), name.clone(), plan, &next.speaker);
        self.peers.insert(name, spec.clone());
        vec![
            Step::Rib(Command::AddPeer(spec.rib_setup())),
            Step::Start(Box::new(spec)),
        ]
    }

    fn remove(&mut self, name: &PeerName) -> Vec<Step> {
        let Some(spec) = self.peers.remove(name) else {
            return vec![];
        };
        vec![
            Step::Stop(spec.id, StopReason::Deconfigured),
            Step::Rib(Command::RemovePeer(spec.id)),
        ]
    }

    fn update(
        &mut self,
        name: &PeerName,
        plan: PeerPlan,
        mode: ChangeMode,
        next: &Plan,
    ) -> Vec<Step> {
        let Some(known) = self.peers.get_mut(name) else {
            return vec![];
        };
        *known = PeerSpec::new(known.id, name.clone(), plan, &next.speaker);
        hand_over(known, mode).into()
    }
}

fn hand_over(spec: &PeerSpec, mode: ChangeMode) -> [Step; 2] {
    [
        Step::Rib(Command::UpdatePeers(vec![spec.rib_setup()])),
        Step::Reconfigure(Box::new(spec.clone()), mode),
    ]
}

/// Tells the RIB of all changed peers at once, where the first of them would have been told, so that
/// it compares all with all; of two changes of one peer the later one counts.
fn in_one_update(steps: Vec<Step>) -> Vec<Step> {
    let (mut kept, mut setups) = (Vec::with_capacity(steps.len()), BTreeMap::new());
    let mut first = None;
    for step in steps {
        if let Step::Rib(Command::UpdatePeers(changed)) = step {
            first.get_or_insert(kept.len());
            setups.extend(changed.into_iter().map(|setup| (setup.peer, setup)));
        } else {
            kept.push(step);
        }
    }
    if let Some(at) = first {
        let setups = setups.into_values().collect();
        kept.insert(at, Step::Rib(Command::UpdatePeers(setups)));
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{Event, Parsed, Revision, Store, parse};
    use crate::plan::{Identity, RouterIdChoice, plan};

    fn node(name: &str, address: &str, asn: u32) -> Value {
        json!({
            "apiVersion": "projectcalico.org/v3", "kind": "Node", "metadata": {"name": name},
            "spec": {"bgp": {"ipv4Address": address, "asNumber": asn}},
        })
    }

    fn block(cidr: &str) -> Value {
        json!({
            "apiVersion": "projectcalico.org/v3", "kind": "BlockAffinity",
            "metadata": {"name": format!("a-{}", cidr.replace(['.', '/'], "-"))},
            "spec": {"node": "a", "cidr": cidr, "state": "confirmed"},
        })
    }

    fn plan_of(resources: &[Value]) -> Arc<Plan> {
        let mut store = Store::default();
        for resource in resources {
            match parse(resource) {
                Ok(Parsed::Resource(resource)) => {
                    store.apply(Event::Upsert(resource, Revision(1)));
                }
                other => panic!("{other:?} in {resource}"),
            }
        }
        store.apply(Event::InSync);
        let router_id = RouterIdChoice::NodeAddress;
        let identity = Identity {
            node: "a".into(),
            router_id,
            listen_port: None,
            passwords: Default::default(),
        };
        Arc::new(plan(&store, &identity).expect("a plan"))
    }

    fn mesh() -> Vec<Value> {
        vec![
            node("a", "192.0.2.1/24", 64_512),
            node("b", "192.0.2.2/24", 64_512),
        ]
    }

    #[test]
    fn a_first_plan_tells_the_rib_of_a_peer_before_its_session_starts() {
        let steps = Registry::default().apply(&plan_of(&mesh()));
        let added = steps
            .iter()
            .position(|s| matches!(s, Step::Rib(Command::AddPeer(_))));
        let started = steps.iter().position(|s| matches!(s, Step::Start(_)));
        assert!(added.expect("a peer") < started.expect("a session"));
        assert!(
            steps
                .iter()
                .any(|s| matches!(s, Step::Listen(addresses) if !addresses.is_empty()))
        );
        assert!(
            steps
                .iter()
                .any(|s| matches!(s, Step::Rib(Command::SetKernelPolicy(_))))
        );
    }

    #[test]
    fn an_equal_plan_is_no_step() {
        let mut registry = Registry::default();
        registry.apply(&plan_of(&mesh()));
        let steps = registry.apply(&plan_of(&mesh()));
        assert!(steps.is_empty(), "{steps:?}");
    }

    #[test]
    fn a_new_block_touches_no_session() {
        let mut registry = Registry::default();
        registry.apply(&plan_of(&mesh()));
        let mut resources = mesh();
        resources.push(block("10.65.0.0/26"));
        let steps = registry.apply(&plan_of(&resources));
        assert!(
            steps
                .iter()
                .any(|s| matches!(s, Step::Rib(Command::Originate(_))))
        );
        for step in &steps {
            assert!(
                matches!(step, Step::Rib(_) | Step::Reconfigure(_, ChangeMode::Soft)),
                "{step:?}"
            );
        }
    }

    #[test]
    fn the_rib_is_told_once_of_all_peers_that_change_and_before_what_is_originated() {
        let mut registry = Registry::default();
        let mut resources = mesh();
        resources.push(node("c", "192.0.2.3/24", 64_512));
        registry.apply(&plan_of(&resources));
        resources.push(block("10.65.0.0/26"));
        let steps = registry.apply(&plan_of(&resources));
        let updates: Vec<_> = steps
            .iter()
            .enumerate()
            .filter_map(|(at, step)| match step {
                Step::Rib(Command::UpdatePeers(setups)) => Some((at, setups.len())),
                _ => None,
            })
            .collect();
        let [(at, 2)] = updates[..] else {
            panic!("one update of both peers, not {updates:?}");
        };
        let first = |wanted: fn(&Step) -> bool| steps.iter().position(wanted);
        let handed = first(|step| matches!(step, Step::Reconfigure(..)));
        let originated = first(|step| matches!(step, Step::Rib(Command::Originate(_))));
        assert!(at < handed.expect("sessions hear of it"));
        assert!(at < originated.expect("a block"));
    }

    #[test]
    fn a_session_ends_before_the_rib_forgets_its_peer() {
        let mut registry = Registry::default();
        registry.apply(&plan_of(&mesh()));
        let steps = registry.apply(&plan_of(&mesh()[..1]));
        let stopped = steps.iter().position(|s| matches!(s, Step::Stop(..)));
        let removed = steps
            .iter()
            .position(|s| matches!(s, Step::Rib(Command::RemovePeer(_))));
        assert!(stopped.expect("an end") < removed.expect("a removal"));
    }

    #[test]
    fn another_as_number_resets_the_session_under_the_same_handle() {
        let mut registry = Registry::default();
        registry.apply(&plan_of(&mesh()));
        let before = registry.peers().next().expect("a peer").id;
        let changed = [
            node("a", "192.0.2.1/24", 64_512),
            node("b", "192.0.2.2/24", 64_999),
        ];
        let steps = registry.apply(&plan_of(&changed));
        assert!(steps.iter().any(|step| matches!(
            step,
            Step::Reconfigure(spec, ChangeMode::Reset(_)) if spec.id == before
        )));
    }
}
