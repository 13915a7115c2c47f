//! The load generator: all neighbours of a target in one thread.
//!
//! It shares the machine's few cores with the target, so it does as little as can be: what it sends
//! is encoded before the clock runs, and of what it receives it computes one digest a message and
//! looks one number up a prefix. Yet nothing goes unseen: a receiver is done when it has, of every
//! prefix that there is, exactly the route that it should have, or none.

mod connections;
pub(crate) mod digest;
mod expect;
mod failure;
mod parse;
mod speaker;
mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::clock::now;

pub(crate) use digest::Passage;
pub(crate) use failure::Failure;
pub(crate) use parse::{Attributes, Key, Prefixes, parts};
pub(crate) use speaker::{Octets, State, each_message};
pub(crate) use stream::{prefixes_in, split};

use connections::KEEPALIVE;
use expect::{ANYTHING, Expectation, Heard};
use speaker::Speaker;
use stream::announcements;

/// All neighbours of one target.
pub(crate) struct Generator {
    target: SocketAddr,
    passage: Passage,
    poll: Poll,
    speakers: Vec<Speaker>,
    expectation: Expectation,
    /// Receivers that lack something.
    waiting: usize,
    /// Sessions that are established.
    up: usize,
    /// Speakers that want to connect, and how many may do so at once.
    queue: VecDeque<usize>,
    window: usize,
    connecting: usize,
    /// Attempts that failed, to be made again.
    retries: VecDeque<(Instant, usize)>,
    /// Connections with more to read or write than was taken up last time.
    again: Vec<usize>,
    room: Vec<u8>,
    keepalive_at: Instant,
    wrong: Option<String>,
    /// Speakers that were established since this was asked last.
    risen: Vec<usize>,
    events: Events,
}

impl Generator {
    pub(crate) fn new(target: SocketAddr, passage: Passage) -> io::Result<Self> {
        Ok(Self {
            target,
            passage,
            poll: Poll::new()?,
            speakers: Vec::new(),
            expectation: Expectation::default(),
            waiting: 0,
            up: 0,
            queue: VecDeque::new(),
            window: 1,
            connecting: 0,
            retries: VecDeque::new(),
            again: Vec::new(),
            room: vec![0; 256 << 10],
            keepalive_at: now() + KEEPALIVE,
            wrong: None,
            risen: Vec::new(),
            events: Events::with_capacity(1024),
        })
    }

    /// Adds a neighbour, not connected yet; its number.
    pub(crate) fn add(&mut self, address: Ipv4Addr, asn: u32) -> usize {
        self.speakers.push(Speaker::new(address, asn));
        self.speakers.len() - 1
    }

    /// Has a neighbour check what it hears; all prefixes must be known already.
    pub(crate) fn listen(&mut self, speaker: usize) {
        let heard = Heard::nothing(speaker, &self.expectation);
        self.waiting += usize::from(heard.wrong > 0);
        self.speakers[speaker].heard = Some(heard);
    }

    /// Makes the prefixes of a stream known, without any route expected.
    pub(crate) fn know(&mut self, stream: &[u8], owner: Option<usize>) {
        for (key, _) in announcements(stream) {
            let number = self.expectation.know(key);
            if let Some(owner) = owner {
                self.expectation.own(number, owner);
            }
        }
    }

    /// From here on everyone must hear the routes of a stream as `speaker` sends it.
    pub(crate) fn expect(&mut self, speaker: usize, stream: &[u8]) {
        let added = (self.speakers[speaker].address, CLUSTER);
        let mut last: (&[u8], u64) = (&[], 0);
        for (key, attributes) in announcements(stream) {
            if last.0.as_ptr() != attributes.as_ptr() {
                last = (
                    attributes,
                    digest::wanted(attributes, self.passage, Some(added)),
                );
            }
            self.want(key, last.1);
        }
    }

    /// From here on nobody may have routes to the prefixes of a stream of announcements.
    pub(crate) fn expect_none(&mut self, stream: &[u8]) {
        for (key, _) in announcements(stream) {
            self.want(key, 0);
        }
    }

    /// From here on everyone must hear these routes, with their sets as `speaker` encodes them.
    pub(crate) fn expect_table(&mut self, speaker: usize, table: &BTreeMap<Key, &[u8]>) {
        let added = (self.speakers[speaker].address, CLUSTER);
        for (key, attributes) in table {
            self.want(*key, digest::wanted(attributes, self.passage, Some(added)));
        }
    }

    /// Other routes to a prefix that are as good as the expected one.
    pub(crate) fn accept(&mut self, key: Key, digests: Vec<u64>) {
        let number = self.expectation.know(key);
        self.expectation.accept(number, digests);
    }

    /// From here on everyone must hear this route to a prefix, or none if it is 0.
    pub(crate) fn want(&mut self, key: Key, wanted: u64) {
        let number = self.expectation.know(key);
        for (speaker, listener) in self.speakers.iter_mut().enumerate() {
            let Some(heard) = &mut listener.heard else {
                continue;
            };
            let before = self.expectation.wanted_by(speaker, number);
            self.expectation.set(number, wanted);
            let after = self.expectation.wanted_by(speaker, number);
            self.waiting -= usize::from(heard.wrong > 0);
            if before != after {
                // It had what it should, so it does not have what it should from now on.
                let had_none = listener.state != State::Established;
                heard.mark(number, after == ANYTHING || had_none && after == 0);
            }
            self.waiting += usize::from(heard.wrong > 0);
            self.expectation.set(number, before);
        }
        self.expectation.set(number, wanted);
    }

    /// Connects speakers, `window` at a time, until all are established.
    pub(crate) fn connect(
        &mut self,
        speakers: Range<usize>,
        window: usize,
        limit: Duration,
    ) -> Result<Duration, Failure> {
        self.begin_connecting(speakers, window);
        self.run(limit, Self::all_up)
    }

    /// The same without waiting.
    pub(crate) fn begin_connecting(&mut self, speakers: Range<usize>, window: usize) {
        self.window = window;
        self.queue.extend(speakers);
        self.fill_window();
    }

    /// Whether every speaker that was to connect is established.
    pub(crate) fn all_up(&mut self) -> bool {
        self.queue.is_empty() && self.connecting == 0 && self.retries.is_empty()
    }

    /// The speakers that were established since this was asked last.
    pub(crate) fn take_risen(&mut self) -> Vec<usize> {
        mem::take(&mut self.risen)
    }

    /// Whether all receivers have what they should.
    pub(crate) fn all_right(&mut self) -> bool {
        self.waiting == 0
    }

    /// Whether everything that was to be sent is with the system.
    pub(crate) fn has_sent(&self, speaker: usize) -> bool {
        self.speakers[speaker].outbox.is_empty()
    }

    /// Has a speaker send octets, as soon as they go.
    pub(crate) fn send(&mut self, speaker: usize, octets: &Octets) {
        let outbox = &mut self.speakers[speaker].outbox;
        let idle = outbox.is_empty();
        outbox.push_back((octets.clone(), 0));
        if idle {
            self.write(speaker);
        }
    }

    /// Closes a session without a word, as a crash does.
    pub(crate) fn hang_up(&mut self, speaker: usize) {
        self.take_down(speaker);
    }

    /// Closes all sessions and forgets what was heard.
    pub(crate) fn hang_up_all(&mut self) {
        for speaker in 0..self.speakers.len() {
            self.take_down(speaker);
        }
        self.queue.clear();
        self.retries.clear();
    }

    /// Stops or resumes reading.
    pub(crate) fn set_reading(&mut self, speaker: usize, reads: bool) {
        self.speakers[speaker].reads = reads;
        if reads {
            self.again.push(speaker);
        }
    }

    /// Leaves a receiver out of what is waited for.
    pub(crate) fn ignore(&mut self, speaker: usize) {
        if let Some(heard) = self.speakers[speaker].heard.take() {
            self.waiting -= usize::from(heard.wrong > 0);
        }
    }

    /// Works until `until` holds, and says how long that took.
    pub(crate) fn run(
        &mut self,
        limit: Duration,
        mut until: impl FnMut(&mut Self) -> bool,
    ) -> Result<Duration, Failure> {
        let start = now();
        loop {
            if let Some(wrong) = self.wrong.take() {
                return Err(Failure::Wrong(wrong));
            }
            if until(self) {
                return Ok(start.elapsed());
            }
            let spent = start.elapsed();
            if spent > limit {
                return Err(Failure::Late(limit, self.missing()));
            }
            self.turn((limit - spent).min(TURN))?;
        }
    }

    /// Works for a while.
    pub(crate) fn idle(&mut self, time: Duration) -> Result<(), Failure> {
        let end = now() + time;
        self.run(time + TURN, |_| now() >= end).map(drop)
    }

    /// What is missing, in words.
    fn missing(&self) -> String {
        let wanted = self.connecting + self.queue.len() + self.retries.len();
        if wanted > 0 {
            return format!("{} sessions up, {wanted} not", self.up);
        }
        let first = self.speakers.iter().find_map(|speaker| {
            let heard = speaker.heard.as_ref().filter(|heard| heard.wrong > 0)?;
            let prefix = heard.first_wrong(self.expectation.index.len())?;
            let key = parse::text(self.expectation.index.key(prefix));
            Some((speaker.address, heard.wrong, key))
        });
        match first {
            None => format!("{} sessions up", self.up),
            Some((address, count, key)) => format!(
                "{} receivers incomplete; {address} lacks {count}, such as {key}",
                self.waiting
            ),
        }
    }
}

/// The cluster id of every reflector here.
pub(crate) const CLUSTER: Ipv4Addr = Ipv4Addr::new(244, 0, 0, 1);
/// The longest wait for events.
const TURN: Duration = Duration::from_millis(20);
