//! The daemon's main loop: plans are applied, recovery is judged, readiness told, signals heeded.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::planner::Planned;
use crate::clock;
use crate::control::{Condition, Readiness};
use crate::datastore::DatastoreView;
use crate::fib::{FibInput, FibView};
use crate::fsm::StopReason;
use crate::plan::Plan;
use crate::session::PeerView;
use crate::speaker::{Operation, Recovery, RecoveryState, RibHandle, Speaker};

/// How often recovery is judged while it lasts, and whether all tasks live.
const JUDGE_INTERVAL: Duration = Duration::from_millis(500);

/// What the loop owns and watches.
pub(super) struct Supervisor {
    pub(super) speaker: Speaker,
    pub(super) rib: RibHandle,
    pub(super) plans: watch::Receiver<Planned>,
    /// The plan in force, for the control API.
    pub(super) plan: watch::Sender<Option<Arc<Plan>>>,
    pub(super) datastore: watch::Receiver<DatastoreView>,
    pub(super) fib: watch::Receiver<FibView>,
    pub(super) fib_input: Option<mpsc::Sender<FibInput>>,
    /// The kernel's writer and its feed, which end before the sessions do.
    pub(super) kernel: Vec<JoinHandle<()>>,
    pub(super) readiness: watch::Sender<Readiness>,
    pub(super) reread: Arc<Notify>,
    /// What operators wish.
    pub(super) operations: mpsc::Receiver<Operation>,
}

/// How far the daemon is since its start.
enum Phase {
    /// No plan yet.
    Unplanned,
    /// Sessions run, left-over kernel routes stay.
    Recovering(Recovery, Vec<String>),
    /// The tables are complete.
    Running,
}

impl Supervisor {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// Where signals cannot be heard.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        let mut signals = Signals::new()?;
        let mut phase = Phase::Unplanned;
        let mut tick = tokio::time::interval(JUDGE_INTERVAL);
        let writes = self.fib_input.is_some();
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.tell_readiness(&phase);
            tokio::select! {
                changed = self.plans.changed() => {
                    if changed.is_err() {
                        anyhow::bail!("the planner has ended");
                    }
                    self.apply_plan(&mut phase).await;
                }
                _ = tick.tick() => {
                    self.judge(&mut phase).await;
                    self.speaker.revive().await;
                }
                changed = self.datastore.changed() => {
                    changed.context("the datastore's reader has ended")?;
                }
                changed = self.fib.changed(), if writes => {
                    changed.context("the kernel's route writer has ended")?;
                }
                // Without it no session says anything true: better to start anew, kernel routes stay.
                () = self.rib.gone() => anyhow::bail!(
                    "the RIB has ended, which is a defect; its panic is told above"
                ),
                Some(operation) = self.operations.recv() => self.speaker.operate(operation).await,
                heard = signals.next() => match heard {
                    Heard::Reread => {
                        info!("re-reading the datastore");
                        self.reread.notify_one();
                    }
                    Heard::End(name) => {
                        info!(signal = name, "stopping; kernel routes stay");
                        break;
                    }
                },
            }
        }
        notify_systemd(&[sd_notify::NotifyState::Stopping]);
        // Sessions that end take their routes out of the tables: the kernel must not hear of it.
        for task in self.kernel {
            task.abort();
            let _ = task.await;
        }
        self.speaker.shutdown(&StopReason::Silent).await;
        Ok(())
    }

    async fn apply_plan(&mut self, phase: &mut Phase) {
        let Some(plan) = self.plans.borrow_and_update().plan.clone() else {
            return;
        };
        self.speaker.apply(&plan).await;
        let first = self.plan.send_replace(Some(plan)).is_none();
        if first {
            *phase = Phase::Recovering(Recovery::new(clock::now()), vec![]);
            notify_systemd(&[sd_notify::NotifyState::Ready]);
        }
    }

    async fn judge(&mut self, phase: &mut Phase) {
        let Phase::Recovering(recovery, waiting) = phase else {
            return;
        };
        let views = self.speaker.views();
        let peers: Vec<Arc<PeerView>> = views
            .borrow()
            .values()
            .map(|view| view.borrow().clone())
            .collect();
        match recovery.judge(clock::now(), peers.iter().map(AsRef::as_ref)) {
            RecoveryState::Waiting(names) => *waiting = names,
            RecoveryState::Over => {
                info!("recovery is over: left-over kernel routes may go");
                *phase = Phase::Running;
                self.speaker.recovered().await;
                if let Some(writer) = &self.fib_input
                    && writer.send(FibInput::AllowSweep).await.is_err()
                {
                    warn!("the kernel's writer has ended");
                }
            }
        }
    }

    fn tell_readiness(&self, phase: &Phase) {
        let datastore = self.datastore.borrow();
        let datastore_synced = match (&datastore.last_error, datastore.synced) {
            (_, true) => condition(true, "in sync"),
            (Some(error), false) => condition(false, error.clone()),
            (None, false) => condition(false, "not read completely yet"),
        };
        let plan_applied = match (self.plan.borrow().is_some(), &self.plans.borrow().pending) {
            (true, None) => condition(true, "applied"),
            (true, Some(reason)) => {
                condition(true, format!("an earlier plan is in force: {reason}"))
            }
            (false, Some(reason)) => condition(false, reason.clone()),
            (false, None) => condition(false, "no plan yet"),
        };
        let is_planned = self.plan.borrow().is_some();
        let stale_plan = self.plans.borrow().pending.clone().filter(|_| is_planned);
        let fib = self.fib.borrow();
        let deferral_over = match phase {
            Phase::Unplanned => condition(false, "waits for a plan"),
            Phase::Recovering(_, names) => {
                condition(false, format!("waits for {}", names.join(", ")))
            }
            Phase::Running => match (&fib.denied, fib.enabled && !fib.programmed) {
                (Some(reason), _) => condition(false, reason.clone()),
                (None, true) => condition(false, "the kernel has not taken the first routes yet"),
                (None, false) => condition(true, "over"),
            },
        };
        let next = Readiness {
            datastore_synced,
            plan_applied,
            deferral_over,
            stale_plan,
        };
        self.readiness.send_if_modified(|readiness| {
            let changed = *readiness != next;
            *readiness = next;
            changed
        });
    }
}

fn condition(ok: bool, detail: impl Into<String>) -> Condition {
    Condition {
        ok,
        detail: detail.into(),
    }
}

/// Tells systemd; without systemd there is nobody to tell.
fn notify_systemd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(reason = %error, "systemd could not be told");
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::End("SIGTERM"),
            _ = self.interrupt.recv() => Heard::End("SIGINT"),
            _ = self.hangup.recv() => Heard::Reread,
        }
    }
}

/// What a signal asks for.
enum Heard {
    Reread,
    End(&'static str),
}
