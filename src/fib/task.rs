//! The task that owns the kernel's routes: requests, events, deadlines.

use std::future::ready;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::kernel::{Event, Fib};
use super::netlink::BATCH_OPS_MAX;
use super::table::{FibTable, Resync};
use super::view::{FibRow, FibView};
use crate::metrics::Metrics;
use crate::net::Prefix;
use crate::rib::{FibChange, NextHopState};

/// The pause between a doubtful event and reading the kernel again: one event rarely comes alone.
const SETTLE: Duration = Duration::from_millis(20);

/// The same for links, which flap.
const SETTLE_LINK: Duration = Duration::from_millis(50);

/// Reading the kernel takes at most one part in this many of the task's time, while it keeps being
/// necessary…
const RESYNC_SHARE: u32 = 5;

/// …but never waits longer than this.
const RESYNC_PAUSE_MAX: Duration = Duration::from_secs(2);

/// The interval of the full comparison that nothing should ever make necessary.
const COMPARE: Duration = Duration::from_secs(60);

/// The interval at which refused operations are tried again without a cause.
const RETRY: Duration = Duration::from_secs(5);

/// The pause after the kernel could not be read or watched.
const TROUBLE: Duration = Duration::from_secs(1);

/// Where and as whom routes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FibOptions {
    /// The table of our routes.
    pub table: u32,
    /// The protocol number that makes a route ours.
    pub protocol: u8,
}

/// What the task is told.
#[derive(Debug)]
pub enum FibInput {
    /// The RIB's answer to a pull: the latest wishes, or none where there are none. Answered by
    /// [`FibOutput::WantMore`] once written, unless empty.
    Changes(Vec<FibChange>),
    /// Next hops to watch; each is answered once at once and then whenever it changes.
    Track(Vec<IpAddr>),
    /// Next hops to watch no longer.
    Untrack(Vec<IpAddr>),
    /// The RIB is complete: what it does not want may go (invariant 11). Takes effect when the RIB
    /// has been pulled empty once more, for which the task asks by itself.
    AllowSweep,
    /// A page of prefixes, in order.
    Rows {
        /// The last prefix of the page before; `None` for the first page.
        after: Option<Prefix>,
        /// The most rows.
        max: usize,
        /// Where the answer goes.
        reply: oneshot::Sender<Vec<FibRow>>,
    },
    /// One prefix.
    Row {
        /// The prefix.
        prefix: Prefix,
        /// Where the answer goes; `None` where it is neither wanted nor present.
        reply: oneshot::Sender<Option<FibRow>>,
    },
    /// Stop. Routes stay.
    Shutdown,
}

/// What the task tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FibOutput {
    /// What is known of watched next hops.
    NextHops(Vec<(IpAddr, NextHopState)>),
    /// The last batch is written: pull the next one from the RIB and hand it in, be it empty.
    WantMore,
}

/// Runs until [`FibInput::Shutdown`] or until the input is closed. Routes stay then.
///
/// The task never waits for room in `output`; what it has to tell is merged meanwhile.
pub async fn run<K: Fib>(
    options: FibOptions,
    mut kernel: K,
    mut input: mpsc::Receiver<FibInput>,
    output: mpsc::Sender<FibOutput>,
    view: watch::Sender<FibView>,
    metrics: Arc<Metrics>,
) {
    let mut task = Task::new(options);
    loop {
        task.publish(&view);
        tokio::select! {
            message = input.recv() => match message {
                None | Some(FibInput::Shutdown) => break,
                Some(message) => task.on_input(message),
            },
            events = kernel.watch(), if task.is_watching() => task.on_events(events),
            permit = output.reserve(), if task.has_output() => match permit {
                Ok(permit) => task.speak(permit),
                Err(_) => break,
            },
            () = ready(()), if task.table.has_work() && task.is_ready => {
                let began = Instant::now();
                if task.write(&mut kernel).await {
                    metrics.fib_apply().observe(began.elapsed().as_secs_f64());
                    // Writing blocks the thread for a batch: sessions have their turn in between.
                    tokio::task::yield_now().await;
                }
            }
            () = sleep_until(task.next_deadline()) => task.on_deadline(&mut kernel).await,
        }
    }
    debug!("kernel writer stopped, routes stay");
}

/// How far the permission to sweep has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sweep {
    Forbidden,
    /// Allowed, and the RIB has to be found empty this many times: the first time may answer a pull
    /// from before the permission.
    Draining(u8),
    /// Everything that the RIB wanted is queued; programmed as soon as the queue is empty.
    Queued,
    Done,
}

struct Task {
    table: FibTable,
    /// Whether the kernel has been read at all; nothing is written before.
    is_ready: bool,
    wants_more: bool,
    sweep: Sweep,
    resync: Option<(Instant, Resync)>,
    /// The earliest time of the next resync.
    resync_not_before: Instant,
    compare_at: Instant,
    retry_at: Option<Instant>,
    watch_again_at: Option<Instant>,
    was_denied: bool,
}

impl Task {
    fn new(options: FibOptions) -> Self {
        let now = Instant::now();
        Self {
            table: FibTable::new(options),
            is_ready: false,
            wants_more: false,
            sweep: Sweep::Forbidden,
            resync: Some((now, Resync::Start)),
            resync_not_before: now,
            compare_at: now + COMPARE,
            retry_at: None,
            watch_again_at: None,
            was_denied: false,
        }
    }

    fn on_input(&mut self, message: FibInput) {
        match message {
            FibInput::Changes(changes) if changes.is_empty() => self.on_drained(),
            FibInput::Changes(changes) => {
                changes
                    .into_iter()
                    .for_each(|change| self.table.want(change));
                self.wants_more = true;
            }
            FibInput::Track(next_hops) => self.table.track(next_hops),
            FibInput::Untrack(next_hops) => self.table.untrack(&next_hops),
            FibInput::AllowSweep if self.sweep == Sweep::Forbidden => {
                self.sweep = Sweep::Draining(2);
                self.wants_more = true;
            }
            FibInput::AllowSweep | FibInput::Shutdown => {}
            FibInput::Rows { after, max, reply } => {
                // Nobody waits for the answer any more where sending fails.
                let _ = reply.send(self.table.rows(after, max));
            }
            FibInput::Row { prefix, reply } => {
                let _ = reply.send(self.table.row_of(prefix));
            }
        }
    }

    /// The RIB has nothing more.
    fn on_drained(&mut self) {
        match self.sweep {
            Sweep::Draining(left) if left > 1 => {
                self.sweep = Sweep::Draining(left - 1);
                self.wants_more = true;
            }
            Sweep::Draining(_) => {
                self.table.allow_sweep();
                self.sweep = Sweep::Queued;
                info!("left-over kernel routes may be deleted now");
            }
            Sweep::Forbidden | Sweep::Queued | Sweep::Done => {}
        }
    }

    fn is_watching(&self) -> bool {
        self.watch_again_at.is_none()
    }

    fn on_events(&mut self, events: io::Result<Vec<Event>>) {
        match events {
            // Before the first reading there is no mirror that they could change.
            Ok(_) if !self.is_ready => {}
            Ok(events) => {
                for event in events {
                    if let Some(reason) = self.table.on_event(event) {
                        self.schedule(reason);
                    }
                }
            }
            Err(error) => {
                warn!(reason = %error, "cannot watch the kernel");
                self.watch_again_at = Some(Instant::now() + TROUBLE);
                self.schedule(Resync::Overrun);
            }
        }
    }

    /// Answers come before questions: the RIB needs next hops to have something to pull.
    fn has_output(&self) -> bool {
        self.is_ready && (self.table.has_news() || (self.wants_more && !self.table.has_work()))
    }

    fn speak(&mut self, permit: mpsc::Permit<'_, FibOutput>) {
        if self.table.has_news() {
            permit.send(FibOutput::NextHops(self.table.take_news()));
        } else {
            self.wants_more = false;
            permit.send(FibOutput::WantMore);
        }
    }

    /// Writes one batch; says whether there was one.
    async fn write<K: Fib>(&mut self, kernel: &mut K) -> bool {
        let ops = self.table.batch(BATCH_OPS_MAX);
        if ops.is_empty() {
            return false;
        }
        match kernel.apply(&ops).await {
            Ok(outcomes) => {
                if let Some(reason) = self.table.on_outcomes(ops, outcomes) {
                    self.schedule(reason);
                }
            }
            Err(error) => {
                warn!(reason = %error, count = ops.len(), "outcome of kernel writes is unknown");
                self.table.put_back(&ops);
                // Nothing is written until the kernel has been read again.
                self.is_ready = false;
                self.resync_not_before = Instant::now() + TROUBLE;
                self.schedule(Resync::Overrun);
            }
        }
        if self.retry_at.is_none() && self.table.has_refused() {
            self.retry_at = Some(Instant::now() + RETRY);
        }
        true
    }

    /// Reads the kernel again soon; the strongest reason counts.
    fn schedule(&mut self, reason: Resync) {
        let pause = match reason {
            Resync::Link => SETTLE_LINK,
            Resync::Start | Resync::Overrun | Resync::Event | Resync::Refused => SETTLE,
            Resync::Interval => Duration::ZERO,
        };
        let at = (Instant::now() + pause).max(self.resync_not_before);
        self.resync = Some(match self.resync {
            Some((sooner, other)) => (sooner.min(at), other.max(reason)),
            None => (at, reason),
        });
    }

    fn next_deadline(&self) -> Instant {
        let resync = self.resync.map(|(at, _)| at);
        let others = [resync, self.retry_at, self.watch_again_at];
        others
            .into_iter()
            .flatten()
            .fold(self.compare_at, Instant::min)
    }

    async fn on_deadline<K: Fib>(&mut self, kernel: &mut K) {
        let now = Instant::now();
        if self.watch_again_at.is_some_and(|at| at <= now) {
            self.watch_again_at = None;
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.table.retry_refused();
        }
        if self.compare_at <= now {
            self.compare_at = now + COMPARE;
            self.schedule(Resync::Interval);
        }
        if let Some((_, reason)) = self.resync.take_if(|(at, _)| *at <= now) {
            self.read(kernel, reason).await;
        }
    }

    async fn read<K: Fib>(&mut self, kernel: &mut K, reason: Resync) {
        let began = Instant::now();
        match kernel.dump().await {
            Ok(snapshot) => {
                self.table.reset(snapshot, reason);
                self.is_ready = true;
                let took = began.elapsed();
                debug!(
                    reason = reason.name(),
                    elapsed_ms = took.as_millis(),
                    "kernel read"
                );
                let pause = took.saturating_mul(RESYNC_SHARE).min(RESYNC_PAUSE_MAX);
                self.resync_not_before = Instant::now() + pause;
            }
            Err(error) => {
                warn!(reason = %error, "cannot read the kernel's routes");
                self.resync_not_before = Instant::now() + TROUBLE;
                self.schedule(reason);
            }
        }
    }

    fn publish(&mut self, view: &watch::Sender<FibView>) {
        let mut now = self.table.view();
        if self.sweep == Sweep::Queued && !self.table.has_work() && now.denied.is_none() {
            self.sweep = Sweep::Done;
            self.table.set_programmed();
            now.programmed = true;
        }
        if now.denied.is_some() != self.was_denied {
            self.was_denied = now.denied.is_some();
            match &now.denied {
                Some(reason) => warn!(%reason, "kernel routes cannot be written"),
                None => info!("kernel routes can be written again"),
            }
        }
        view.send_if_modified(|shown| {
            let differs = *shown != now;
            *shown = now;
            differs
        });
    }
}

#[cfg(test)]
mod tests;
