//! The threads that run the RIB's shards, and their mailboxes.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::fanout::Fanout;
use super::fib_link::FibLink;
use super::heap::Thrift;
use crate::clock;
use crate::metrics::{Histogram, Metrics};
use crate::net::PeerId;
use crate::rib::{
    Answer, Command, Gathering, Output, PrefixLimitEvent, Query, Shard, ShardId, ShardOptions,
    Sharding,
};
use crate::session::{RibMail, RibMailboxes, RibReply};

/// Letters that wait for one shard.
pub(super) const MAILBOX_MAX: usize = 1024;

/// Letters taken in one turn.
const LETTERS_A_TURN: usize = MAILBOX_MAX;

/// Routes taken in one turn, or a letter's more, so that output does not wait behind a flood of input:
/// 2048 × 300 ns.
const ROUTES_A_TURN: usize = 2048;

/// Places for each shard's replies that are kept free of warnings: a pull, its end, a detach and an
/// exceeded limit in each family.
const REPLIES_RESERVED: usize = 8;

/// How often rings are looked at while somebody still reads them.
const DRAIN_INTERVAL: Duration = Duration::from_millis(200);

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

/// Starts the shards' threads; each ends once every sender of its mailbox is gone.
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
        let (mailbox, letters) = mpsc::channel(MAILBOX_MAX);
        let fanout = Fanout::default();
        tokio::spawn(fanout.crier().run());
        let thread = ShardThread {
            id,
            sharding,
            shard: Shard::new(options),
            letters,
            fib: Arc::clone(fib),
            fanout,
            thrift: Thrift::default(),
            replies: HashMap::new(),
            answers: HashMap::new(),
            last_question: 0,
            decision: metrics.rib_decision().clone(),
        };
        std::thread::Builder::new()
            .name(format!("rib-{}", id.0))
            .spawn(move || thread.run())?;
        senders.push(mailbox);
    }
    let mailboxes = RibMailboxes::new(sharding, senders);
    Ok(RibHandle { mailboxes })
}

struct ShardThread {
    id: ShardId,
    sharding: Sharding,
    shard: Shard,
    letters: mpsc::Receiver<RibMail>,
    fib: Arc<FibLink>,
    fanout: Fanout,
    thrift: Thrift,
    replies: HashMap<PeerId, mpsc::Sender<(ShardId, RibReply)>>,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
    last_question: u64,
    /// How long a batch of routes takes.
    decision: Histogram,
}

impl ShardThread {
    fn run(mut self) {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut busy = false;
        loop {
            let mut routes = 0;
            if !busy {
                match self.wait(&waker) {
                    Some(Some(letter)) => routes += self.take(letter),
                    Some(None) => return,
                    None => self.thrift.act(clock::now()),
                }
            }
            for _ in 0..LETTERS_A_TURN {
                if routes >= ROUTES_A_TURN {
                    break;
                }
                match self.letters.try_recv() {
                    Ok(letter) => routes += self.take(letter),
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => return,
                }
            }
            let now = clock::now();
            let fanout = &mut self.fanout;
            fanout.begin_turn();
            busy = self.shard.turn_paced(now, &mut |group, changes| {
                fanout.may_publish(now, group, changes)
            });
            self.hand_out(now);
            if busy || routes > 0 {
                self.thrift.busy(now, self.shard.paths());
            }
            if !busy {
                // What is drained may be trimmed: that takes another turn.
                busy = self.tell_drained();
            }
        }
    }

    /// The next letter, or `None` at a deadline.
    fn wait(&mut self, waker: &Waker) -> Option<Option<RibMail>> {
        let draining = self
            .fanout
            .is_draining()
            .then(|| clock::now() + DRAIN_INTERVAL);
        let deadlines = [
            draining,
            self.shard.poll_timeout(),
            self.fanout.held_until(),
            self.thrift.due(),
        ];
        let deadline = deadlines.into_iter().flatten().min();
        let mut context = Context::from_waker(waker);
        loop {
            if let Poll::Ready(letter) = self.letters.poll_recv(&mut context) {
                return Some(letter);
            }
            match deadline {
                None => std::thread::park(),
                Some(deadline) => {
                    let now = clock::now();
                    if now >= deadline {
                        return None;
                    }
                    std::thread::park_timeout(deadline - now);
                }
            }
        }
    }

    /// Does what a letter says; returns how many routes it brought.
    fn take(&mut self, letter: RibMail) -> usize {
        match letter {
            RibMail::Routes { routes, toll } => {
                let (began, count) = (clock::now(), routes.len());
                self.shard.handle(began, Command::Routes(routes));
                self.decision.observe(began.elapsed().as_secs_f64());
                drop(toll);
                return count;
            }
            // What waited for it is seen to in this turn.
            RibMail::Rouse => {}
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
        0
    }

    fn hand_out(&mut self, now: Instant) {
        while let Some(output) = self.shard.poll_output() {
            match output {
                Output::Publish { group, chunk } => self.fanout.publish(now, group, chunk),
                Output::GroupGone(group) => self.fanout.remove(group),
                Output::Pulled {
                    peer,
                    family,
                    chunk,
                } => {
                    self.reply(
                        peer,
                        RibReply::Chunk {
                            family,
                            chunk: Box::new(chunk),
                        },
                    );
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
                Output::FibPending => self.fib.put(self.id, |mail| mail.pending = true),
                Output::Fib(changes) => {
                    self.fib.put(self.id, |mail| mail.changes = Some(changes));
                }
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
        self.fanout.cry();
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
            } if session.capacity() <= REPLIES_RESERVED * self.sharding.count()
        );
        if may_miss {
            return;
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = session.try_send((self.id, reply)) {
            debug_assert!(
                false,
                "one request a family is under way, so a place is free"
            );
            tracing::error!(peer = %peer, "a reply to a session was lost");
        }
    }

    fn track(&self, addresses: Vec<std::net::IpAddr>, wanted: bool) {
        self.fib.put(self.id, |mail| {
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

/// Wakes the shard's thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
