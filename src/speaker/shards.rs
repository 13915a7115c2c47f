//! The thread that runs the RIB's shard, and its mailbox.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};

use super::fanout::Fanout;
use crate::clock;
use crate::net::PeerId;
use crate::rib::{
    Answer, Command, FibChange, Output, PrefixLimitEvent, Query, Shard, ShardOptions,
};
use crate::session::{RibMail, RibReply};

/// Letters that wait for the shard.
pub(super) const MAILBOX_MAX: usize = 1024;

/// Letters taken in one turn, so that output does not wait behind a flood of input.
const LETTERS_A_TURN: usize = 64;

/// Places for replies that are kept free of warnings: a pull, its end, a detach and an exceeded limit in
/// each family.
const REPLIES_RESERVED: usize = 8;

/// How often rings are looked at while somebody still reads them.
const DRAIN_INTERVAL: Duration = Duration::from_millis(200);

/// The shell's end of the shard's mailbox.
#[derive(Clone, Debug)]
pub struct RibHandle {
    mailbox: mpsc::Sender<RibMail>,
}

impl RibHandle {
    /// A sender for a session's own use.
    pub fn mailbox(&self) -> mpsc::Sender<RibMail> {
        self.mailbox.clone()
    }

    /// Sends one letter, waiting for room. The shard's thread lives as long as the process; at
    /// shutdown letters are dropped.
    pub async fn send(&self, letter: RibMail) {
        let _ = self.mailbox.send(letter).await;
    }

    /// Completes once the shard's thread is gone.
    pub async fn gone(&self) {
        self.mailbox.closed().await;
    }

    /// Asks a question; `None` once the shard is gone.
    pub async fn ask(&self, query: Query) -> Option<Answer> {
        let (answer, reply) = oneshot::channel();
        self.send(RibMail::Ask { query, answer }).await;
        reply.await.ok()
    }
}

/// What the shard hands to the kernel's feed. Never blocks the shard: wishes to track next hops are
/// coalesced to one an address, route changes are only sent when asked for.
#[derive(Debug, Default)]
pub struct FibLink {
    state: Mutex<FibMail>,
    /// Rung whenever there is something in the link.
    pub bell: Notify,
}

/// What waits for the kernel's feed.
#[derive(Debug, Default)]
pub(super) struct FibMail {
    /// The shard has changes to pull.
    pub(super) pending: bool,
    /// The answer to the last pull.
    pub(super) changes: Option<Vec<FibChange>>,
    /// Addresses to track from here on (`true`) or no longer.
    pub(super) tracking: HashMap<std::net::IpAddr, bool>,
}

impl FibLink {
    fn put(&self, fill: impl FnOnce(&mut FibMail)) {
        fill(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_one();
    }

    pub(super) fn take(&self) -> FibMail {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Starts the shard's thread; it ends once every sender of the mailbox is gone.
///
/// # Errors
/// The system's, where no thread can be made.
pub fn spawn(options: ShardOptions, fib: Arc<FibLink>) -> io::Result<RibHandle> {
    let (mailbox, letters) = mpsc::channel(MAILBOX_MAX);
    let runtime = Handle::current();
    let thread = ShardThread {
        shard: Shard::new(options),
        letters,
        fib,
        fanout: Fanout::default(),
        replies: HashMap::new(),
        answers: HashMap::new(),
        last_question: 0,
    };
    std::thread::Builder::new()
        .name("rib-0".into())
        .spawn(move || thread.run(&runtime))?;
    Ok(RibHandle { mailbox })
}

struct ShardThread {
    shard: Shard,
    letters: mpsc::Receiver<RibMail>,
    fib: Arc<FibLink>,
    fanout: Fanout,
    replies: HashMap<PeerId, mpsc::Sender<RibReply>>,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
    last_question: u64,
}

impl ShardThread {
    fn run(mut self, runtime: &Handle) {
        let mut busy = false;
        loop {
            if !busy {
                match self.wait(runtime) {
                    Some(Some(letter)) => self.take(letter),
                    Some(None) => return,
                    None => {}
                }
            }
            for _ in 0..LETTERS_A_TURN {
                match self.letters.try_recv() {
                    Ok(letter) => self.take(letter),
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => return,
                }
            }
            busy = self.shard.turn(clock::now());
            self.hand_out();
            if !busy {
                // What is drained may be trimmed: that takes another turn.
                busy = self.tell_drained();
            }
        }
    }

    /// The next letter, or `None` at a deadline.
    fn wait(&mut self, runtime: &Handle) -> Option<Option<RibMail>> {
        let draining = self
            .fanout
            .is_draining()
            .then(|| clock::now() + DRAIN_INTERVAL);
        let deadline = [draining, self.shard.poll_timeout()]
            .into_iter()
            .flatten()
            .min();
        match deadline {
            None => Some(self.letters.blocking_recv()),
            Some(deadline) => runtime.block_on(async {
                tokio::time::timeout_at(deadline.into(), self.letters.recv())
                    .await
                    .ok()
            }),
        }
    }

    fn take(&mut self, letter: RibMail) {
        match letter {
            RibMail::Command(command) => {
                if let Command::RemovePeer(peer) = &command {
                    self.replies.remove(peer);
                }
                self.shard.handle(clock::now(), command);
            }
            RibMail::Attach { peer, replies } => {
                self.replies.insert(peer, replies);
            }
            RibMail::Lagged {
                peer,
                family,
                after,
                ring,
            } => {
                let lagged = Command::Lagged {
                    peer,
                    family,
                    after,
                };
                self.shard.handle(clock::now(), lagged);
                drop(ring);
            }
            RibMail::Ask { query, answer } => {
                self.last_question += 1;
                let id = self.last_question;
                self.answers.insert(id, answer);
                self.shard
                    .handle(clock::now(), Command::Query { id, query });
            }
        }
    }

    fn hand_out(&mut self) {
        while let Some(output) = self.shard.poll_output() {
            match output {
                Output::Publish { group, chunk } => self.fanout.publish(group, chunk),
                Output::GroupGone(group) => self.fanout.remove(group),
                Output::Pulled {
                    peer,
                    family,
                    chunk,
                } => {
                    self.reply(peer, RibReply::Chunk { family, chunk });
                }
                Output::Live {
                    peer,
                    family,
                    group,
                    at,
                } => {
                    let ring = self.fanout.subscribe(group);
                    self.reply(peer, RibReply::Live { family, at, ring });
                }
                Output::Complete { peer, family } => {
                    self.reply(peer, RibReply::Complete { family });
                }
                Output::Detach { peer, family } => self.reply(peer, RibReply::Detach { family }),
                Output::PrefixLimit {
                    peer,
                    family,
                    event,
                } => self.reply(peer, RibReply::PrefixLimit { family, event }),
                Output::FibPending => self.fib.put(|mail| mail.pending = true),
                Output::Fib(changes) => self.fib.put(|mail| mail.changes = Some(changes)),
                Output::TrackNextHops(addresses) => self.track(addresses, true),
                Output::UntrackNextHops(addresses) => self.track(addresses, false),
                Output::Answer { id, answer } => {
                    if let Some(asker) = self.answers.remove(&id) {
                        // The asker may have given up meanwhile.
                        let _ = asker.send(answer);
                    }
                }
            }
        }
    }

    /// A session that has ended meanwhile has dropped its end.
    fn reply(&mut self, peer: PeerId, reply: RibReply) {
        let Some(session) = self.replies.get(&peer) else {
            return;
        };
        // A session that is told of its limit again before it has read the last time may miss that.
        let may_miss = matches!(
            reply,
            RibReply::PrefixLimit {
                event: PrefixLimitEvent::Warning { .. },
                ..
            } if session.capacity() <= REPLIES_RESERVED
        );
        if may_miss {
            return;
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = session.try_send(reply) {
            debug_assert!(
                false,
                "one request a family is under way, so a place is free"
            );
            tracing::error!(peer = %peer, "a reply to a session was lost");
        }
    }

    fn track(&self, addresses: Vec<std::net::IpAddr>, wanted: bool) {
        self.fib.put(|mail| {
            for address in addresses {
                mail.tracking.insert(address, wanted);
            }
        });
    }

    /// Tells the shard of rings that were read to the end; says whether there was one.
    fn tell_drained(&mut self) -> bool {
        let told = self.fanout.drained();
        let any = !told.is_empty();
        for command in told {
            self.shard.handle(clock::now(), command);
        }
        any
    }
}
