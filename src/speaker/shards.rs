//! The RIB's shards and their mailboxes.
//!
//! A shard that is alone is a task on the thread of the sessions: what a peer says passes from its
//! socket to the sockets of the others without a switch of threads, and a machine of two cores has
//! one left. Several shards have a thread each.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::oneshot;

use super::fib_link::FibLink;
use super::shard_runner::ShardRunner;
use crate::metrics::Metrics;
use crate::rib::{Answer, Command, Gathering, Query, ShardId, ShardOptions, Sharding};
use crate::session::{RibMail, RibMailboxes};

/// Letters that wait for one shard.
pub(super) const MAILBOX_MAX: usize = 1024;

/// The shell's end of the shards' mailboxes.
#[derive(Clone, Debug)]
pub struct RibHandle {
    mailboxes: RibMailboxes,
}

impl RibHandle {
    /// The mailboxes, for a session's own use.
    pub const fn mailboxes(&self) -> &RibMailboxes {
        &self.mailboxes
    }

    /// How prefixes are spread over shards.
    pub const fn sharding(&self) -> Sharding {
        self.mailboxes.sharding()
    }

    /// Sends a command to whichever shards it concerns, waiting for room. Their threads live as long as
    /// the process; at shutdown letters are dropped.
    pub async fn send(&self, command: Command) {
        let mut parts = Vec::new();
        self.sharding()
            .deliver(command, |shard, command| parts.push((shard, command)));
        for (shard, command) in parts {
            self.send_to(shard, command).await;
        }
    }

    /// The same for one shard.
    pub async fn send_to(&self, shard: ShardId, command: Command) {
        self.mail(shard, RibMail::Command(command)).await;
    }

    /// Completes once the thread of a shard is gone.
    pub async fn gone(&self) {
        let closed = self
            .mailboxes
            .iter()
            .map(|mailbox| Box::pin(mailbox.closed()));
        let mut closed: Vec<_> = closed.collect();
        poll_fn(|context| {
            let mut polls = closed.iter_mut().map(|one| one.as_mut().poll(context));
            polls.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await;
    }

    /// Asks a question; `None` once a shard is gone.
    pub async fn ask(&self, query: Query) -> Option<Answer> {
        let mut gathering = Gathering::new(self.sharding(), query);
        let mut replies = Vec::new();
        for (shard, query) in gathering.questions().collect::<Vec<_>>() {
            let (answer, reply) = oneshot::channel();
            self.mail(shard, RibMail::Ask { query, answer }).await;
            replies.push((shard, reply));
        }
        let mut all = None;
        for (shard, reply) in replies {
            all = gathering.add(shard, reply.await.ok()?);
        }
        all
    }

    async fn mail(&self, shard: ShardId, letter: RibMail) {
        if let Some(mailbox) = self.mailboxes.of(shard) {
            let _ = mailbox.send(letter).await;
        }
    }
}

/// Starts the shards; each ends once every sender of its mailbox is gone.
///
/// # Errors
/// The system's, where no thread can be made.
pub fn spawn(
    options: ShardOptions,
    sharding: Sharding,
    fib: &Arc<FibLink>,
    metrics: &Metrics,
) -> io::Result<RibHandle> {
    let mut senders = Vec::new();
    for id in sharding.shards() {
        let decision = metrics.rib_decision().clone();
        let (mailbox, runner) = ShardRunner::new(id, sharding, options, Arc::clone(fib), decision);
        tokio::spawn(runner.crier().run());
        if sharding.count() == 1 {
            tokio::spawn(runner.run());
        } else {
            run_on_thread(id, runner)?;
        }
        senders.push(mailbox);
    }
    let mailboxes = RibMailboxes::new(sharding, senders);
    Ok(RibHandle { mailboxes })
}

fn run_on_thread(id: ShardId, runner: ShardRunner) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    std::thread::Builder::new()
        .name(format!("rib-{}", id.0))
        .spawn(move || runtime.block_on(runner.run()))?;
    Ok(())
}
