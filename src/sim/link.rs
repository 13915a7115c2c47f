//! Links between speakers and the TCP connections on them.
//!
//! A connection delivers octets in order, late, and never more than its window at a time. A cut link
//! delivers nothing, and everything that waited once it is up again, as retransmission would.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::clock::Clock;
use super::world::Event;
use crate::fsm::{CloseReason, ConnectionId, Direction};

/// Where a session lives: its speaker, and its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) speaker: usize,
    pub(super) session: usize,
}

/// What one end of a connection finds when it looks.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// The connection is there; the number is the dial's.
    Connected(Direction, u64),
    /// Octets.
    Octets(Bytes),
    /// The connection is gone.
    Ended(CloseReason),
}

/// One end of a connection, and what is on its way to it.
#[derive(Debug)]
struct End {
    place: Place,
    open: bool,
    coming: VecDeque<(Instant, Item)>,
    octets: usize,
    /// Whether the other end waits for room.
    awaited: bool,
}

impl End {
    const fn new(place: Place) -> Self {
        Self {
            place,
            open: true,
            coming: VecDeque::new(),
            octets: 0,
            awaited: false,
        }
    }
}

#[derive(Debug)]
struct Link {
    latency: Duration,
    up: bool,
}

/// All links and connections, and the queue of events.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) clock: Clock<Event>,
    links: BTreeMap<(usize, usize), Link>,
    connections: BTreeMap<ConnectionId, [End; 2]>,
    last_connection: u64,
    window: usize,
    trace: u64,
    octets: u64,
}

impl Network {
    /// A network whose connections hold at most `window` octets in each direction.
    pub(super) fn new(window: usize) -> Self {
        Self {
            clock: Clock::new(),
            links: BTreeMap::new(),
            connections: BTreeMap::new(),
            last_connection: 0,
            window,
            trace: FNV_OFFSET,
            octets: 0,
        }
    }

    /// Lays a link between two speakers.
    pub(super) fn link(&mut self, one: usize, other: usize, latency: Duration) {
        let link = Link { latency, up: true };
        self.links.insert(ordered(one, other), link);
    }

    pub(super) fn is_up(&self, one: usize, other: usize) -> bool {
        self.links[&ordered(one, other)].up
    }

    fn latency(&self, one: usize, other: usize) -> Duration {
        self.links[&ordered(one, other)].latency
    }

    /// Cuts a link, or mends it: then all that waited arrives.
    pub(super) fn set_up(&mut self, one: usize, other: usize, up: bool) {
        if let Some(link) = self.links.get_mut(&ordered(one, other)) {
            link.up = up;
        }
        let now = self.clock.now();
        for connection in self.between(one, other) {
            for side in 0..2 {
                let event = Event::Arrival { connection, side };
                self.clock.schedule(now, event);
            }
        }
    }

    /// Changes how long an octet takes from now on.
    pub(super) fn set_latency(&mut self, one: usize, other: usize, latency: Duration) {
        if let Some(link) = self.links.get_mut(&ordered(one, other)) {
            link.latency = latency;
        }
    }

    /// Ends a speaker's side of all its connections. The others learn of it, unless its host is gone,
    /// too: then nobody answers.
    pub(super) fn forsake(&mut self, speaker: usize, silently: bool) {
        let now = self.clock.now();
        let of_speaker = |ends: &[End; 2]| ends.iter().position(|e| e.place.speaker == speaker);
        let found = self.connections.iter();
        let found: Vec<_> = found
            .filter_map(|(id, ends)| Some((*id, of_speaker(ends)?)))
            .collect();
        for (connection, side) in found {
            let Some(ends) = self.connections.get_mut(&connection) else {
                continue;
            };
            ends[side].open = false;
            ends[side].coming.clear();
            let other = &mut ends[1 - side];
            if other.open && !silently {
                let reason = CloseReason::Error("connection reset".to_owned());
                other.coming.push_back((now, Item::Ended(reason)));
                let side = 1 - side;
                self.clock
                    .schedule(now, Event::Arrival { connection, side });
            }
            self.forget_if_closed(connection);
        }
    }

    /// Breaks every connection between two speakers; what was on its way is lost.
    pub(super) fn reset(&mut self, one: usize, other: usize) {
        let now = self.clock.now();
        for connection in self.between(one, other) {
            for side in 0..2 {
                let reason = CloseReason::Error("connection reset".to_owned());
                if let Some(ends) = self.connections.get_mut(&connection) {
                    ends[side].coming.clear();
                    ends[side].octets = 0;
                    ends[side].awaited = false;
                    ends[side].coming.push_back((now, Item::Ended(reason)));
                }
                self.clock
                    .schedule(now, Event::Arrival { connection, side });
            }
        }
    }

    fn between(&self, one: usize, other: usize) -> Vec<ConnectionId> {
        let wanted = ordered(one, other);
        self.connections
            .iter()
            .filter(|(_, [a, b])| ordered(a.place.speaker, b.place.speaker) == wanted)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Sends a SYN.
    pub(super) fn dial(&mut self, from: Place, to: Place, dial: u64) {
        let at = self.clock.now() + self.latency(from.speaker, to.speaker);
        self.clock.schedule(at, Event::Syn { from, to, dial });
    }

    /// A SYN has arrived: makes a connection, unless the link is cut.
    pub(super) fn connect(&mut self, from: Place, to: Place, dial: u64) {
        if !self.is_up(from.speaker, to.speaker) {
            return;
        }
        self.last_connection += 1;
        let connection = ConnectionId(self.last_connection);
        let ends = [End::new(from), End::new(to)];
        self.connections.insert(connection, ends);
        self.send(connection, 1, Item::Connected(Direction::Outgoing, dial));
        let now = self.clock.now();
        if let Some([_, end]) = self.connections.get_mut(&connection) {
            let item = Item::Connected(Direction::Incoming, dial);
            end.coming.push_back((now, item));
        }
        let event = Event::Arrival {
            connection,
            side: 1,
        };
        self.clock.schedule(now, event);
    }

    /// The session at one end.
    pub(super) fn place(&self, connection: ConnectionId, side: usize) -> Option<Place> {
        self.connections
            .get(&connection)
            .filter(|ends| ends[side].open)
            .map(|ends| ends[side].place)
    }

    /// Whether something has arrived that was not taken.
    pub(super) fn has_unread(&self, connection: ConnectionId, side: usize) -> bool {
        let now = self.clock.now();
        self.connections.get(&connection).is_some_and(|ends| {
            self.is_up(ends[0].place.speaker, ends[1].place.speaker)
                && ends[side].coming.front().is_some_and(|(at, _)| *at <= now)
        })
    }

    /// Whether nothing is on its way on any connection.
    pub(super) fn is_silent(&self) -> bool {
        self.connections.values().all(|ends| {
            ends.iter().all(|end| end.coming.is_empty())
                || !self.is_up(ends[0].place.speaker, ends[1].place.speaker)
        })
    }

    /// Takes what has arrived next, of octets at most `octets_max`.
    pub(super) fn take(
        &mut self,
        connection: ConnectionId,
        side: usize,
        octets_max: usize,
    ) -> Option<Item> {
        if !self.has_unread(connection, side) {
            return None;
        }
        let ends = self.connections.get_mut(&connection)?;
        let end = &mut ends[side];
        let item = match end.coming.front_mut()? {
            (_, Item::Octets(octets)) if octets.len() > octets_max => {
                Item::Octets(octets.split_to(octets_max))
            }
            _ => end.coming.pop_front()?.1,
        };
        match &item {
            Item::Connected(..) => {}
            Item::Octets(octets) => {
                end.octets -= octets.len();
                if std::mem::take(&mut end.awaited) {
                    let latency = self.latency_of(connection);
                    let event = Event::Writable {
                        connection,
                        side: 1 - side,
                    };
                    self.clock.schedule(self.clock.now() + latency, event);
                }
            }
            Item::Ended(_) => {
                ends[side].open = false;
                self.forget_if_closed(connection);
            }
        }
        Some(item)
    }

    /// Writes as much as the window lets through, from the front of `octets`.
    pub(super) fn write(&mut self, connection: ConnectionId, side: usize, octets: &mut Bytes) {
        let ends = self.connections.get_mut(&connection);
        let Some(there) = ends.map(|ends| &mut ends[1 - side]).filter(|end| end.open) else {
            octets.clear();
            return;
        };
        let room = self.window.saturating_sub(there.octets);
        let written = octets.split_to(room.min(octets.len()));
        there.awaited |= !octets.is_empty();
        if written.is_empty() {
            return;
        }
        self.octets += written.len() as u64;
        self.note(connection, side, &written);
        self.send(connection, side, Item::Octets(written));
    }

    /// Closes one end; the other finds out behind what was written.
    pub(super) fn close(&mut self, connection: ConnectionId, side: usize) {
        let Some(ends) = self.connections.get_mut(&connection) else {
            return;
        };
        ends[side].open = false;
        ends[side].coming.clear();
        if ends[1 - side].open {
            self.send(connection, side, Item::Ended(CloseReason::EndOfStream));
        }
        self.forget_if_closed(connection);
    }

    fn send(&mut self, connection: ConnectionId, from: usize, item: Item) {
        let earliest = self.clock.now() + self.latency_of(connection);
        let side = 1 - from;
        // The first item goes to the end that dialled, which is side 0.
        let Some(ends) = self.connections.get_mut(&connection) else {
            return;
        };
        let end = &mut ends[side];
        let at = end
            .coming
            .back()
            .map_or(earliest, |(at, _)| earliest.max(*at));
        if let Item::Octets(octets) = &item {
            end.octets += octets.len();
        }
        end.coming.push_back((at, item));
        self.clock.schedule(at, Event::Arrival { connection, side });
    }

    fn latency_of(&self, connection: ConnectionId) -> Duration {
        let ends = &self.connections[&connection];
        self.latency(ends[0].place.speaker, ends[1].place.speaker)
    }

    fn forget_if_closed(&mut self, connection: ConnectionId) {
        if self.connections[&connection].iter().all(|end| !end.open) {
            self.connections.remove(&connection);
        }
    }

    /// Hashes what is written, where and when (FNV-1a).
    fn note(&mut self, connection: ConnectionId, side: usize, octets: &[u8]) {
        let nanoseconds = self.clock.elapsed().as_nanos().to_be_bytes();
        let head = connection.0.to_be_bytes();
        let side = if side == 0 { 0 } else { 1 };
        let all = nanoseconds.iter().chain(&head).chain([&side]).chain(octets);
        for octet in all {
            self.trace = (self.trace ^ u64::from(*octet)).wrapping_mul(FNV_PRIME);
        }
    }

    /// The hash over everything written so far.
    pub(super) const fn trace(&self) -> u64 {
        self.trace
    }

    /// The octets that a connection holds in each direction.
    pub(super) const fn window(&self) -> usize {
        self.window
    }

    /// The octets written so far.
    pub(super) const fn octets(&self) -> u64 {
        self.octets
    }
}

fn ordered(one: usize, other: usize) -> (usize, usize) {
    (one.min(other), one.max(other))
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
