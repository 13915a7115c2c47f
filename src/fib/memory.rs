//! A kernel in memory, for tests: it refuses what Linux refuses and tells what others do.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::kernel::{Event, Fib, Refusal, Snapshot};
use super::reconcile::Op;
use super::route::KernelRoute;

/// A handle of a kernel in memory; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryKernel {
    state: Arc<Mutex<State>>,
    news: Arc<Notify>,
}

/// What tests look at and meddle with.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Links, addresses and routes.
    pub(super) is: Snapshot,
    /// What the next `watch` tells.
    pub(super) events: Vec<Event>,
    /// Operations tried, in order.
    pub(super) tried: Vec<Op>,
    /// The errno with which every write is refused.
    pub(super) refuses: Option<i32>,
    /// Whether the answer to the next batch is lost.
    pub(super) loses_answers: bool,
}

impl MemoryKernel {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics while it holds the lock")
    }

    /// Does something in somebody else's name.
    pub(super) fn meddle(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.news.notify_one();
    }

    pub(super) fn routes(&self) -> Vec<KernelRoute> {
        self.lock().is.routes.clone()
    }

    pub(super) fn tried(&self) -> Vec<Op> {
        self.lock().tried.clone()
    }
}

impl State {
    /// Adds a route in somebody else's name.
    pub(super) fn add(&mut self, route: KernelRoute) {
        self.is.routes.push(route.clone());
        let replaces = false;
        self.events.push(Event::Route { route, replaces });
    }

    /// Takes a route away in somebody else's name.
    pub(super) fn remove(&mut self, route: &KernelRoute) {
        self.is.routes.retain(|other| other != route);
        self.events.push(Event::RouteGone(route.clone()));
    }

    pub(super) fn apply(&mut self, op: &Op) -> Result<(), Refusal> {
        self.tried.push(op.clone());
        if let Some(errno) = self.refuses {
            return Err(refusal(errno));
        }
        let same_key = |route: &KernelRoute| route.table == 254 && route.key() == op.key();
        let at = self.is.routes.iter().position(same_key);
        match (op, at) {
            (Op::Add(_), Some(_)) => return Err(refusal(libc::EEXIST)),
            (Op::Add(route), None) => self.is.routes.push(route.clone()),
            (Op::Replace { new, .. }, Some(at)) => self.is.routes[at] = new.clone(),
            (Op::Replace { .. }, None) => return Err(refusal(libc::ENOENT)),
            (Op::Delete(route), _) => {
                let at = self.is.routes.iter().position(|other| other == route);
                self.is
                    .routes
                    .remove(at.ok_or_else(|| refusal(libc::ESRCH))?);
            }
        }
        Ok(())
    }
}

fn refusal(errno: i32) -> Refusal {
    Refusal { errno, text: None }
}

impl Fib for MemoryKernel {
    async fn dump(&mut self) -> io::Result<Snapshot> {
        Ok(self.lock().is.clone())
    }

    async fn apply(&mut self, batch: &[Op]) -> io::Result<Vec<Result<(), Refusal>>> {
        let mut state = self.lock();
        let outcomes = batch.iter().map(|op| state.apply(op)).collect();
        if std::mem::take(&mut state.loses_answers) {
            return Err(io::Error::from_raw_os_error(libc::ENOBUFS));
        }
        Ok(outcomes)
    }

    async fn watch(&mut self) -> io::Result<Vec<Event>> {
        loop {
            let events = std::mem::take(&mut self.lock().events);
            if !events.is_empty() {
                return Ok(events);
            }
            self.news.notified().await;
        }
    }
}
