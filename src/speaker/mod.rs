//! The reconciler: a plan comes in, sessions, the RIB and the kernel's feed follow it.
//!
//! [`Registry`] turns the difference of two plans into [`Step`]s without touching anything;
//! [`Speaker`] runs them. The RIB's shards are run by [`shard_runner`] and reached through [`shards`], the rings that
//! carry their publications in [`fanout`], the rule for when left-over kernel routes may go in
//! [`recovery`].
//!
//! # Who waits for whom
//!
//! planner → speaker → {session, fib} → shard. A shard waits for nobody: it publishes to lossy rings
//! and answers requests that have reserved their place.
//!
//! | queue | bound | when it is full |
//! | --- | --- | --- |
//! | a shard's mailbox | [`shards::MAILBOX_MAX`] | sessions stop reading; the speaker waits |
//! | a group's ring | [`crate::rib::RING_CHUNKS`] and its octets | the slowest readers fall off and catch up |
//! | rings with something new | one entry a publication of one turn | cannot happen |
//! | kernel changes | one batch a shard, asked for by the writer | cannot happen |
//! | next hops to track | one entry a next hop | coalesced |

mod fanout;
mod feed;
mod fib_link;
mod heap;
mod operate;
mod recovery;
mod registry;
mod shard_runner;
mod shards;

pub use feed::run as run_fib_feed;
pub use fib_link::FibLink;
pub use operate::{OPERATIONS_MAX, Operation};
pub use recovery::{Recovery, RecoveryState};
pub use registry::{Registry, Step};
pub use shards::{RibHandle, spawn as spawn_shards};

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::fsm::StopReason;
use crate::net::{PeerId, PerFamily};
use crate::plan::{ChangeMode, PeerName, Plan};
use crate::rib::Command;
use crate::session::{
    Acceptor, Acceptors, Arrivals, Driver, DriverCommand, DriverHandle, DriverOptions, Keys,
    ListenViews, Listener, PeerSpec, PeerView, Reception,
};

/// The sessions of the moment and what each shows of itself.
pub type PeerViews = Arc<BTreeMap<PeerName, watch::Receiver<Arc<PeerView>>>>;

/// Runs sessions and listeners as the plan says.
#[derive(Debug)]
pub struct Speaker {
    registry: Registry,
    rib: RibHandle,
    drivers: HashMap<PeerId, DriverHandle>,
    listeners: BTreeMap<SocketAddr, Listener>,
    acceptors: watch::Sender<Acceptors>,
    views: watch::Sender<PeerViews>,
    listen: watch::Sender<ListenViews>,
    arrivals: Arrivals,
    /// The passwords that peers must sign with.
    keys: Keys,
    /// Sessions that an operator has shut down, with his messages; a session that is planned anew
    /// under the same name is still meant.
    shut_down: BTreeMap<PeerName, Arc<str>>,
    restarting: bool,
}

impl Speaker {
    /// A speaker without a plan: no sessions, no listeners. It counts as restarting until
    /// [`Speaker::recovered`].
    pub fn new(rib: RibHandle) -> Self {
        Self {
            registry: Registry::default(),
            rib,
            drivers: HashMap::new(),
            listeners: BTreeMap::new(),
            acceptors: watch::Sender::new(Acceptors::default()),
            views: watch::Sender::new(PeerViews::default()),
            listen: watch::Sender::new(ListenViews::default()),
            arrivals: Arrivals::default(),
            keys: Keys::default(),
            shut_down: BTreeMap::new(),
            restarting: true,
        }
    }

    /// The views of all sessions.
    pub fn views(&self) -> watch::Receiver<PeerViews> {
        self.views.subscribe()
    }

    /// The listening sockets.
    pub fn listening(&self) -> watch::Receiver<ListenViews> {
        self.listen.subscribe()
    }

    /// Makes the world follow `plan`.
    pub async fn apply(&mut self, plan: &Arc<Plan>) {
        let steps = self.registry.apply(plan);
        // Before any session is reset for its password: its peer may be quick to come back.
        self.rekey();
        // All sessions that end are told so first: each may take a second to say goodbye, and they
        // take it together.
        for step in &steps {
            if let Step::Stop(id, reason) = step {
                self.say_stop(*id, reason).await;
            }
        }
        for step in steps {
            self.step(step).await;
        }
        self.publish();
    }

    /// Starts sessions again whose tasks have died, which only a defect can make them do: the loss of
    /// one session must not become the loss of all.
    pub async fn revive(&mut self) {
        let is_dead = |spec: &&PeerSpec| {
            let driver = self.drivers.get(&spec.id);
            driver.is_none_or(|driver| driver.task.is_finished())
        };
        let dead: Vec<PeerSpec> = self.registry.peers().filter(is_dead).cloned().collect();
        for spec in dead {
            error!(peer = %spec.name, "a session's task has died; it is started again");
            let keep_until = PerFamily::default();
            let peer = spec.id;
            let down = Command::SessionDown { peer, keep_until };
            self.rib.send(down).await;
            self.start(spec);
            self.publish();
        }
    }

    /// Ends the restarting state: peers get the End-of-RIB that they are owed (RFC 4724 §4.1), and
    /// OPENs from here on carry neither R nor F bit.
    pub async fn recovered(&mut self) {
        self.restarting = false;
        self.rib.send(Command::Recovered).await;
        for driver in self.drivers.values() {
            // A full queue only delays a bit in the next OPEN; the session itself goes on.
            let _ = driver.commands.send(DriverCommand::Restarting(false)).await;
        }
    }

    /// Ends all sessions and waits for their tasks.
    pub async fn shutdown(mut self, reason: &StopReason) {
        self.listeners.clear();
        for id in self.drivers.keys() {
            self.say_stop(*id, reason).await;
        }
        for (_, driver) in self.drivers.drain() {
            if let Err(error) = driver.task.await {
                warn!(reason = %error, "a session's task ended badly");
            }
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Rib(command) => self.rib.send(command).await,
            Step::Start(spec) => self.start(*spec),
            Step::Reconfigure(spec, mode) => self.reconfigure(*spec, mode).await,
            Step::Stop(id, _) => self.stop(id).await,
            Step::Listen(addresses) => self.listen(&addresses),
        }
    }

    fn start(&mut self, spec: PeerSpec) {
        info!(peer = %spec.name, address = %spec.plan.address, peer_as = %spec.plan.remote_as, "session planned");
        let (id, seed) = (spec.id, RandomState::new().hash_one(&spec.name));
        let options = DriverOptions {
            restarting: self.restarting,
            shutdown: self.shut_down.get(&spec.name).cloned(),
            seed,
        };
        let driver = Driver::spawn(spec, self.rib.mailboxes(), options);
        self.drivers.insert(id, driver);
    }

    async fn reconfigure(&mut self, spec: PeerSpec, mode: ChangeMode) {
        if let Some(driver) = self.drivers.get(&spec.id) {
            let command = DriverCommand::Reconfigure(Box::new(spec), mode);
            if driver.commands.send(command).await.is_err() {
                warn!("a session's task is gone; it will be started again");
            }
        }
    }

    async fn say_stop(&self, id: PeerId, reason: &StopReason) {
        if let Some(driver) = self.drivers.get(&id) {
            // A task that is gone has stopped already.
            let _ = driver
                .commands
                .send(DriverCommand::Stop(reason.clone()))
                .await;
        }
    }

    async fn stop(&mut self, id: PeerId) {
        let Some(driver) = self.drivers.remove(&id) else {
            return;
        };
        if let Err(error) = driver.task.await {
            warn!(peer = %id, reason = %error, "a session's task ended badly");
        }
    }

    fn listen(&mut self, addresses: &[SocketAddr]) {
        self.listeners
            .retain(|address, _| addresses.contains(address));
        for address in addresses {
            self.listeners.entry(*address).or_insert_with(|| {
                let reception = Reception {
                    acceptors: self.acceptors.subscribe(),
                    arrivals: self.arrivals.clone(),
                    views: self.listen.clone(),
                };
                Listener::spawn(*address, reception, Arc::clone(&self.keys))
            });
        }
    }

    /// Makes the listening sockets demand the passwords of the plan.
    fn rekey(&mut self) {
        let key = |spec: &PeerSpec| Some((spec.plan.address, spec.plan.password.clone()?));
        let keys: HashMap<_, _> = self.registry.peers().filter_map(key).collect();
        if *self.keys != keys {
            self.keys = Arc::new(keys);
            for listener in self.listeners.values() {
                listener.rekey(&self.keys);
            }
        }
    }

    fn publish(&self) {
        let mut acceptors: HashMap<_, Vec<Acceptor>> = HashMap::new();
        let mut views = BTreeMap::new();
        for spec in self.registry.peers() {
            if let Some(driver) = self.drivers.get(&spec.id) {
                let acceptor = Acceptor::new(spec, driver.commands.clone());
                acceptors
                    .entry(spec.plan.address)
                    .or_default()
                    .push(acceptor);
                views.insert(spec.name.clone(), driver.view.clone());
            }
        }
        self.acceptors.send_replace(Arc::new(acceptors));
        self.views.send_replace(Arc::new(views));
    }
}

#[cfg(test)]
mod tests;
