//! A speaker, its plan and its RIB.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::peer::RawPeer;
use crate::net::{Asn, Family, PerFamily, Prefix, RouterId, Secret};
use crate::plan::{PeerName, PeerPlan, Plan, Provenance, SpeakerPlan};
use crate::policy::{Policy, Then};
use crate::rib::{Answer, Query, RibTotals, RouteTable, RoutesQuery, ShardOptions, Sharding};
use crate::session::{OperatorAction, OperatorAnswer, PeerState, PeerView, testing};
use crate::speaker::{Operation, RibHandle, Speaker, spawn_shards};

/// How long anything may take that ends well.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct World {
    pub(super) local: SocketAddr,
    rib: RibHandle,
    speaker: Speaker,
    plan: Plan,
}

impl World {
    /// A speaker that listens on a port of this address once it has a plan. Each test takes an address
    /// of its own, so that their ports do not meet.
    pub(super) fn new(local: [u8; 4]) -> Self {
        Self::with_shards(local, 1)
    }

    /// The same with a RIB of several shards.
    pub(super) fn with_shards(local: [u8; 4], shards: usize) -> Self {
        let probe = std::net::TcpListener::bind((IpAddr::from(local), 0)).expect("a port");
        let local = probe.local_addr().expect("an address");
        let options = ShardOptions {
            track_next_hops: false,
            ..ShardOptions::default()
        };
        let sharding = Sharding::new(shards, 1);
        let metrics = crate::metrics::Metrics::new();
        let rib = spawn_shards(options, sharding, &Arc::default(), &metrics).expect("threads");
        let policy = Arc::new(Policy {
            name: "kernel".into(),
            rules: vec![],
            otherwise: Then::Accept,
        });
        let speaker = SpeakerPlan {
            node: "a".to_owned(),
            local_as: Asn(64_512),
            router_id: RouterId([192, 0, 2, 1].into()),
            cluster_id: None,
            addresses: PerFamily {
                ipv4: Some(local.ip()),
                ipv6: None,
            },
            listen: vec![local],
            provenance: Provenance {
                resource: "Node/a".into(),
                field: "spec.bgp".into(),
            },
        };
        Self {
            local,
            rib: rib.clone(),
            speaker: Speaker::new(rib),
            plan: Plan {
                speaker,
                peers: Default::default(),
                originated: Default::default(),
                kernel: PerFamily {
                    ipv4: Arc::clone(&policy),
                    ipv6: policy,
                },
                selection: Default::default(),
                warnings: vec![],
            },
        }
    }

    /// Waits until the RIB has so many IPv4 prefixes.
    pub(super) async fn wait_for_prefixes(&self, count: u64) {
        let counted = async {
            while self.totals().await.prefixes != count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, counted).await.expect("in time");
    }

    async fn totals(&self) -> RibTotals {
        match self.rib.ask(Query::Totals).await {
            Some(Answer::Totals(totals)) => totals.ipv4,
            other => panic!("not totals: {other:?}"),
        }
    }

    /// The IPv4 prefixes of a table, page by page, as they come.
    pub(super) async fn prefixes(&self, table: RouteTable) -> Vec<Prefix> {
        let (mut prefixes, mut start) = (Vec::new(), 0);
        loop {
            let query = RoutesQuery {
                table,
                family: Family::Ipv4,
                prefix: None,
                longer: false,
                start,
                limit: 16,
            };
            let Some(Answer::Routes(page)) = self.rib.ask(Query::Routes(query)).await else {
                panic!("not a page");
            };
            prefixes.extend(page.rows.iter().map(|row| row.prefix));
            match page.next {
                Some(next) => start = next,
                None => return prefixes,
            }
        }
    }

    pub(super) fn secret(text: &str) -> Option<Secret> {
        Some(Secret::new(text.as_bytes()))
    }

    /// Plans a session of one AS that waits for its peer.
    pub(super) fn add(&mut self, address: [u8; 4]) -> &mut PeerPlan {
        let plan = PeerPlan {
            address: address.into(),
            passive: true,
            ..testing::spec("x").plan
        };
        self.plan
            .peers
            .entry(name(address))
            .insert_entry(plan)
            .into_mut()
    }

    pub(super) fn plan(&mut self, address: [u8; 4]) -> &mut PeerPlan {
        self.plan.peers.get_mut(&name(address)).expect("planned")
    }

    pub(super) fn remove(&mut self, address: [u8; 4]) {
        self.plan.peers.remove(&name(address));
    }

    /// Makes the speaker follow the plan, and waits until it listens.
    pub(super) async fn apply(&mut self) {
        self.speaker.apply(&Arc::new(self.plan.clone())).await;
        let mut listening = self.speaker.listening();
        let local = self.local;
        let listens = listening.wait_for(|views| views.get(&local).is_some_and(|v| v.listening));
        drop(timeout(PATIENCE, listens).await.expect("in time"));
    }

    /// Connects as the peer until the session is established; after a reset it is refused for a while.
    pub(super) async fn establish(&self, address: [u8; 4], password: Option<&str>) -> RawPeer {
        for _ in 0..PATIENCE.as_secs() {
            let dialled = RawPeer::dial(self.local, address, password).await;
            let mut peer = dialled.expect("a connection");
            peer.say_hello(address).await;
            let up = self.wait_for(address, PeerState::Established);
            if timeout(Duration::from_secs(1), up).await.is_ok() {
                return peer;
            }
        }
        panic!("not established: {:#?}", self.view(address));
    }

    pub(super) async fn wait_for(&self, address: [u8; 4], state: PeerState) -> PeerView {
        self.wait(address, |view| view.state == state).await
    }

    /// Waits until the session looks like this.
    pub(super) async fn wait(
        &self,
        address: [u8; 4],
        looks: impl Fn(&PeerView) -> bool,
    ) -> PeerView {
        let views = self.speaker.views().borrow().clone();
        let mut view = views[&name(address)].clone();
        let found = timeout(PATIENCE, view.wait_for(|view| looks(view))).await;
        match found {
            Ok(found) => PeerView::clone(&found.expect("the session runs")),
            Err(_) => panic!("waited in vain: {:#?}", self.view(address)),
        }
    }

    pub(super) fn view(&self, address: [u8; 4]) -> PeerView {
        let views = self.speaker.views().borrow().clone();
        let view = views[&name(address)].borrow().clone();
        PeerView::clone(&view)
    }

    pub(super) async fn operate(
        &mut self,
        address: [u8; 4],
        action: OperatorAction,
    ) -> OperatorAnswer {
        let (reply, answer) = oneshot::channel();
        let peer = name(address);
        let operation = Operation {
            peer,
            action,
            reply,
        };
        self.speaker.operate(operation).await;
        let answer = timeout(PATIENCE, answer).await.expect("in time");
        answer.expect("an answer")
    }
}

fn name(address: [u8; 4]) -> PeerName {
    let [a, b, c, d] = address;
    PeerName(format!("Node_{a}_{b}_{c}_{d}").into())
}
