//! What runs one of the RIB's shards: letters in; replies, publications and kernel changes out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::fanout::{Crier, Fanout};
use super::fib_link::FibLink;
use super::heap::Thrift;
use super::shards::MAILBOX_MAX;
use crate::clock;
use crate::metrics::Histogram;
use crate::net::PeerId;
use crate::rib::{
    Answer, Command, Output, PrefixLimitEvent, Shard, ShardId, ShardOptions, Sharding,
};
use crate::session::{RibMail, RibReply};

/// Letters taken in one turn.
const LETTERS_A_TURN: usize = MAILBOX_MAX;

/// Routes taken in one turn, or a letter's more, so that output does not wait behind a flood of input:
/// 2048 × 300 ns.
const ROUTES_A_TURN: usize = 1024;

/// Places for each shard's replies that are kept free of warnings: a pull, its end, a detach and an
/// exceeded limit in each family.
const REPLIES_RESERVED: usize = 8;

/// How often rings are looked at while somebody still reads them.
const DRAIN_INTERVAL: Duration = Duration::from_millis(200);

/// One shard, its letters and what it answers to.
pub(super) struct ShardRunner {
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

impl ShardRunner {
    /// A shard with nothing in it, and its mailbox.
    pub(super) fn new(
        id: ShardId,
        sharding: Sharding,
        options: ShardOptions,
        fib: Arc<FibLink>,
        decision: Histogram,
    ) -> (mpsc::Sender<RibMail>, Self) {
        let (mailbox, letters) = mpsc::channel(MAILBOX_MAX);
        let runner = Self {
            id,
            sharding,
            shard: Shard::new(options),
            letters,
            fib,
            fanout: Fanout::default(),
            thrift: Thrift::default(),
            replies: HashMap::new(),
            answers: HashMap::new(),
            last_question: 0,
            decision,
        };
        (mailbox, runner)
    }

    /// What wakes the readers of the shard's rings; to be run on their thread.
    pub(super) fn crier(&self) -> Arc<Crier> {
        self.fanout.crier()
    }

    /// Runs as a task, one turn at a time, until every sender of the mailbox is gone. What a turn has
    /// published is written, and what has arrived is read, before the next one.
    pub(super) async fn run(mut self) {
        let mut busy = false;
        loop {
            let mut first = None;
            if !busy {
                match self.wait().await {
                    Some(Some(letter)) => first = Some(letter),
                    Some(None) => return,
                    None => self.thrift.act(clock::now()),
                }
            }
            busy = self.turn(first);
            tokio::task::yield_now().await;
        }
    }

    /// The next letter, or `None` at a deadline.
    async fn wait(&mut self) -> Option<Option<RibMail>> {
        match self.deadline() {
            None => Some(self.letters.recv().await),
            Some(at) => {
                let letter = tokio::time::timeout_at(at.into(), self.letters.recv());
                letter.await.ok()
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let draining = self
            .fanout
            .is_draining()
            .then(|| clock::now() + DRAIN_INTERVAL);
        let deadlines = [
            draining,
            self.shard.poll_timeout(),
            self.shard.poll_tidy(),
            self.fanout.held_until(),
            self.thrift.due(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Takes a letter and what else is there, and does one round of what waits; says whether more does.
    fn turn(&mut self, first: Option<RibMail>) -> bool {
        let mut routes = first.map_or(0, |letter| self.take(letter));
        for _ in 0..LETTERS_A_TURN {
            if routes >= ROUTES_A_TURN {
                break;
            }
            let Ok(letter) = self.letters.try_recv() else {
                break;
            };
            routes += self.take(letter);
        }
        let now = clock::now();
        let fanout = &mut self.fanout;
        fanout.begin_turn();
        let busy = self.shard.turn_paced(now, &mut |group, changes| {
            fanout.may_publish(now, group, changes)
        });
        self.hand_out(now);
        if busy || routes > 0 {
            self.thrift.busy(now, self.shard.paths());
        }
        // What is drained may be trimmed: that takes another turn.
        busy || self.tell_drained()
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
                Output::Refused {
                    peer,
                    prefix,
                    reason,
                } => self.reply(peer, RibReply::Refused { prefix, reason }),
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
        // A session that does not read may miss what is only to be logged; it is counted all the same.
        let is_news = matches!(
            reply,
            RibReply::Refused { .. }
                | RibReply::PrefixLimit {
                    event: PrefixLimitEvent::Warning { .. },
                    ..
                }
        );
        if is_news && session.capacity() <= REPLIES_RESERVED * self.sharding.count() {
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
