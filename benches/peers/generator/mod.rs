//! The load generator: all neighbours of a target in one thread.
//!
//! It shares the machine's few cores with the target, so it does as little as can be: what it sends
//! is encoded before the clock runs, and of what it receives it computes one digest a message and
//! looks one number up a prefix. Yet nothing goes unseen: a receiver is done when it has, of every
//! prefix that there is, exactly the route that it should have, or none.

pub(crate) mod digest;
mod expect;
mod parse;
mod speaker;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::clock::now;

pub(crate) use digest::Passage;
pub(crate) use parse::{Attributes, Key, Prefixes, parts};
pub(crate) use speaker::{Octets, State, each_message};

use expect::{ANYTHING, Expectation, Heard};
use speaker::{Speaker, keepalive};

/// Why a scenario did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It took too long; what was missing.
    Late(Duration, String),
    /// The target broke the rules, or a session off.
    Wrong(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(limit, missing) => {
                write!(out, "not in {} s ({missing})", limit.as_secs())
            }
            Self::Wrong(what) => out.write_str(what),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Wrong(error.to_string())
    }
}

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

    fn turn(&mut self, wait: Duration) -> io::Result<()> {
        let wait = if self.again.is_empty() {
            wait
        } else {
            Duration::ZERO
        };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => other?,
        }
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        let again = mem::take(&mut self.again);
        for event in &events {
            let Token(speaker) = event.token();
            if event.is_writable() || event.is_error() {
                self.write(speaker);
            }
            if event.is_readable() || event.is_read_closed() {
                self.read(speaker);
            }
        }
        self.events = events;
        for speaker in again {
            self.write(speaker);
            self.read(speaker);
        }
        self.on_time();
        Ok(())
    }

    fn on_time(&mut self) {
        if self.retries.is_empty() && self.queue.is_empty() && self.again.len() > 1 {
            return;
        }
        let time = now();
        while self.retries.front().is_some_and(|(at, _)| *at <= time) {
            if let Some((_, speaker)) = self.retries.pop_front() {
                self.queue.push_back(speaker);
            }
        }
        self.fill_window();
        if time >= self.keepalive_at {
            self.keepalive_at = time + KEEPALIVE;
            let keepalive = Octets::new(keepalive());
            for speaker in 0..self.speakers.len() {
                if self.speakers[speaker].state == State::Established {
                    self.send(speaker, &keepalive);
                }
            }
        }
    }

    fn fill_window(&mut self) {
        while self.connecting < self.window {
            let Some(number) = self.queue.pop_front() else {
                return;
            };
            self.connecting += 1;
            let speaker = &mut self.speakers[number];
            let begun = speaker.connect(self.target).and_then(|()| {
                let interest = Interest::READABLE | Interest::WRITABLE;
                match &mut speaker.stream {
                    Some(stream) => self
                        .poll
                        .registry()
                        .register(stream, Token(number), interest),
                    None => Ok(()),
                }
            });
            if let Err(error) = begun {
                self.lost(number, &error.to_string());
            }
        }
    }

    fn write(&mut self, number: usize) {
        let speaker = &mut self.speakers[number];
        if speaker.state == State::Connecting {
            let Some(stream) = &speaker.stream else {
                return;
            };
            match stream.take_error() {
                Ok(None) if stream.peer_addr().is_ok() => speaker.open(),
                Ok(None) => return,
                Ok(Some(error)) | Err(error) => return self.lost(number, &error.to_string()),
            }
        }
        match speaker.flush(WRITE_MAX) {
            Ok(true) => self.again.push(number),
            Ok(false) => {}
            Err(error) => self.lost(number, &error.to_string()),
        }
    }

    fn read(&mut self, number: usize) {
        for _ in 0..READS_MAX {
            let speaker = &mut self.speakers[number];
            if !speaker.reads || speaker.state == State::Connecting {
                return;
            }
            let mut room = mem::take(&mut self.room);
            let read = speaker.read(&mut room);
            let done = match read {
                Ok(Some(length)) => {
                    if let Err(what) = self.take(number, &room[..length]) {
                        self.lost(number, &what);
                    }
                    // Events come at edges: less than there was room for means that the next
                    // octets will cause one.
                    length < room.len()
                }
                Ok(None) => true,
                Err(error) => {
                    self.lost(number, &error.to_string());
                    true
                }
            };
            self.room = room;
            if done {
                return;
            }
        }
        self.again.push(number);
    }

    fn take(&mut self, number: usize, octets: &[u8]) -> Result<(), String> {
        let rest = each_message(octets, |kind, message| match kind {
            2 => self.update(number, message),
            _ => self.hear(number, kind, message),
        })?;
        self.speakers[number].partial.extend_from_slice(rest);
        Ok(())
    }

    fn hear(&mut self, number: usize, kind: u8, message: &[u8]) -> Result<(), String> {
        let speaker = &mut self.speakers[number];
        let before = speaker.state;
        speaker.hear(kind, message)?;
        if speaker.state != before {
            if speaker.state == State::Established {
                self.up += 1;
                self.connecting -= 1;
                self.risen.push(number);
            }
            self.write(number);
        }
        Ok(())
    }

    fn update(&mut self, number: usize, message: &[u8]) -> Result<(), String> {
        let Some(heard) = &mut self.speakers[number].heard else {
            return Ok(());
        };
        let parts = parts(message).ok_or("an UPDATE whose lengths do not hold")?;
        let was_wrong = heard.wrong > 0;
        let (index, expectation) = (&self.expectation.index, &self.expectation);
        let unknown = |key| format!("a prefix that nobody sent: {}", parse::text(key));
        for key in Prefixes(parts.withdrawn) {
            // To withdraw what never was is superfluous, not wrong.
            if let Some(prefix) = index.find(key) {
                heard.mark(prefix, expectation.wanted_by(number, prefix) <= ANYTHING);
            }
        }
        if !parts.announced.is_empty() {
            let seen = digest::seen(parts.attributes, self.passage);
            for key in Prefixes(parts.announced) {
                let prefix = index.find(key).ok_or_else(|| unknown(key))?;
                heard.mark(prefix, expectation.holds(number, prefix, seen));
            }
        }
        self.waiting += usize::from(heard.wrong > 0);
        self.waiting -= usize::from(was_wrong);
        Ok(())
    }

    /// Sees to a connection that broke: another attempt if it was not established, else a fault.
    fn lost(&mut self, number: usize, why: &str) {
        let state = self.speakers[number].state;
        match state {
            State::Down => return,
            State::Established => {
                let address = self.speakers[number].address;
                self.wrong = Some(format!("lost the session of {address}: {why}"));
            }
            State::Connecting | State::Opening | State::Confirming => {
                self.retries.push_back((now() + RETRY, number));
            }
        }
        self.take_down(number);
    }

    fn take_down(&mut self, number: usize) {
        let speaker = &mut self.speakers[number];
        match speaker.state {
            State::Down => {}
            State::Established => self.up -= 1,
            State::Connecting | State::Opening | State::Confirming => self.connecting -= 1,
        }
        speaker.state = State::Down;
        speaker.stream = None;
        speaker.outbox.clear();
        speaker.partial.clear();
        if let Some(heard) = &mut speaker.heard {
            self.waiting -= usize::from(heard.wrong > 0);
            *heard = Heard::nothing(number, &self.expectation);
            self.waiting += usize::from(heard.wrong > 0);
        }
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

/// The announced prefixes of a stream, each with its set as encoded.
fn announcements(stream: &[u8]) -> Vec<(Key, &[u8])> {
    let mut all = Vec::new();
    let read = each_message(stream, |_, message| {
        let parts = parts(message).ok_or("no UPDATE")?;
        all.extend(Prefixes(parts.announced).map(|key| (key, parts.attributes)));
        Ok(())
    });
    debug_assert_eq!(read.map(<[u8]>::len), Ok(0));
    all
}

/// How many prefixes a stream announces.
pub(crate) fn prefixes_in(stream: &[u8]) -> usize {
    announcements(stream).len()
}

/// A stream in pieces of whole messages, each about as long as said.
pub(crate) fn split(stream: &[u8], length: usize) -> Vec<Vec<u8>> {
    let mut pieces = vec![Vec::new()];
    let read = each_message(stream, |_, message| {
        if pieces.last().is_some_and(|piece| piece.len() > length) {
            pieces.push(Vec::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.extend_from_slice(message);
        }
        Ok(())
    });
    debug_assert_eq!(read.map(<[u8]>::len), Ok(0));
    pieces
}

/// The cluster id of every reflector here.
pub(crate) const CLUSTER: Ipv4Addr = Ipv4Addr::new(244, 0, 0, 1);
/// Octets written to one connection before the others have their turn.
const WRITE_MAX: usize = 128 << 10;
/// Reads of one connection before the others have their turn.
const READS_MAX: usize = 4;
/// Until a failed attempt to connect is made again.
const RETRY: Duration = Duration::from_millis(50);
/// Between two KEEPALIVEs.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// The longest wait for events.
const TURN: Duration = Duration::from_millis(20);
