//! Two machines that peer with each other, over links that carry octets in order and can break.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::received;
use crate::fsm::{
    Action, Backlog, CloseReason, ConnectionId, Direction, Input, Peer, PeerConfig, StopReason,
};
use crate::net::Family;
use crate::wire::{DecodeContext, EncodeContext, KEEPALIVE, UpdatePacker};

/// Both machines, their clock, and what is under way between them.
#[derive(Debug)]
pub(in crate::fsm) struct World {
    peers: [Peer; 2],
    /// Sides whose dial has not reached the other.
    dialling: [bool; 2],
    links: Vec<Link>,
    now: Instant,
}

/// One connection as each side sees it.
#[derive(Debug)]
struct Link {
    id: ConnectionId,
    inbound: [VecDeque<Event>; 2],
    closed: [bool; 2],
}

/// What a side has still to see of a connection.
#[derive(Debug)]
enum Event {
    Connected(Direction),
    Message(Vec<u8>),
    Closed,
}

impl World {
    /// Starts both.
    pub(in crate::fsm) fn new(configs: [PeerConfig; 2], begin: Instant) -> Self {
        let [first, second] = configs;
        let mut world = Self {
            peers: [Peer::new(first, 1), Peer::new(second, 2)],
            dialling: [false; 2],
            links: Vec::new(),
            now: begin,
        };
        for side in 0..2 {
            world.handle(side, Input::Start);
        }
        world
    }

    /// The dial of a side reaches the other.
    pub(in crate::fsm) fn dial_arrives(&mut self, side: usize) {
        if std::mem::take(&mut self.dialling[side]) {
            let mut inbound = [VecDeque::new(), VecDeque::new()];
            inbound[side].push_back(Event::Connected(Direction::Outgoing));
            inbound[1 - side].push_back(Event::Connected(Direction::Incoming));
            self.links.push(Link {
                id: ConnectionId(self.links.len() as u64),
                inbound,
                closed: [false; 2],
            });
        }
    }

    /// The dial of a side is refused on its way.
    pub(in crate::fsm) fn dial_fails(&mut self, side: usize) {
        if std::mem::take(&mut self.dialling[side]) {
            let reason = "refused".to_owned();
            self.handle(side, Input::DialFailed { reason });
        }
    }

    /// A side sees the next event of the n-th link on which it has one.
    pub(in crate::fsm) fn deliver(&mut self, n: usize, side: usize) {
        let mut waiting = self
            .links
            .iter_mut()
            .filter(|link| !link.inbound[side].is_empty());
        let Some(link) = waiting.nth(n) else {
            return;
        };
        let connection = link.id;
        let Some(event) = link.inbound[side].pop_front() else {
            return;
        };
        let input = match event {
            Event::Connected(direction) => Input::Connected {
                direction,
                connection,
            },
            Event::Message(octets) => {
                let terms = self.peers[side].negotiated(connection);
                let context = terms.map_or(DecodeContext::BEFORE_OPEN, |t| t.decode_context());
                Input::Received {
                    connection,
                    message: received(&octets, &context),
                }
            }
            Event::Closed => {
                link.closed[side] = true;
                Input::Closed {
                    connection,
                    reason: CloseReason::EndOfStream,
                }
            }
        };
        self.handle(side, input);
    }

    /// Time passes; timers that are due fire at its end.
    pub(in crate::fsm) fn wait(&mut self, duration: Duration) {
        self.now += duration;
        for side in 0..2 {
            self.peers[side].handle_timeout(self.now, Backlog::Drained);
            self.obey(side);
        }
    }

    /// Time passes until the next timer.
    pub(in crate::fsm) fn wait_for_timer(&mut self) {
        let next = self
            .peers
            .iter()
            .filter_map(Peer::poll_timeout)
            .map(|(at, _)| at)
            .min();
        if let Some(at) = next {
            self.wait(at.saturating_duration_since(self.now));
        }
    }

    /// The n-th open link breaks: both sides lose what was under way on it.
    pub(in crate::fsm) fn break_link(&mut self, n: usize) {
        let mut open = self
            .links
            .iter_mut()
            .filter(|link| link.closed != [true; 2]);
        if let Some(link) = open.nth(n) {
            for side in 0..2 {
                // A connection that was never seen is not missed, but by whoever waits for its dial.
                let unseen = link.inbound[side]
                    .pop_front()
                    .filter(|event| !link.closed[side] && matches!(event, Event::Connected(_)));
                link.inbound[side].clear();
                link.inbound[side].extend(unseen);
                if !link.closed[side] {
                    link.inbound[side].push_back(Event::Closed);
                }
            }
        }
    }

    /// A side is stopped for some reason, and started again.
    pub(in crate::fsm) fn restart(&mut self, side: usize, reason: StopReason) {
        self.handle(side, Input::Stop(reason));
        self.handle(side, Input::Start);
    }

    /// Lets everything arrive in time from here on: one session comes of it, the same on both sides.
    pub(in crate::fsm) fn come_to_rest(&mut self) {
        for _ in 0..STEPS_MAX {
            match self.side_with_event() {
                Some(side) => self.deliver(0, side),
                None if self.dialling[0] => self.dial_arrives(0),
                None if self.dialling[1] => self.dial_arrives(1),
                None if self.session().is_some() => {
                    let open = self.links.iter().filter(|link| link.closed == [false; 2]);
                    assert_eq!(open.count(), 1, "{self:#?}");
                    return;
                }
                None => self.wait_for_timer(),
            }
        }
        unreachable!("no session comes of this: {self:#?}");
    }

    fn side_with_event(&self) -> Option<usize> {
        let has_event = |side: &usize| self.links.iter().any(|l| !l.inbound[*side].is_empty());
        (0..2).find(has_event)
    }

    /// The session that both sides have.
    fn session(&self) -> Option<ConnectionId> {
        let [first, second] = &self.peers;
        let (session, _) = first.established()?;
        let (other, _) = second.established()?;
        (session == other).then_some(session)
    }

    fn handle(&mut self, side: usize, input: Input) {
        self.peers[side].handle(self.now, input);
        self.obey(side);
    }

    fn obey(&mut self, side: usize) {
        while let Some(action) = self.peers[side].poll_action() {
            match action {
                Action::Dial => self.dialling[side] = true,
                Action::CancelDial => self.cancel_dial(side),
                Action::SendOpen(id, open) => self.send(side, id, |out| open.encode(out)),
                Action::SendKeepalive(id) => self.send(side, id, |out| out.extend(KEEPALIVE)),
                Action::SendNotification(id, sent) => self.send(side, id, |out| sent.encode(out)),
                Action::Close(id) => self.close(side, id),
                // The first thing that a session does is to send routes, or to say that it has none.
                Action::Up(id, _) => self.send(side, id, |out| {
                    let mut packer = UpdatePacker::new(EncodeContext::default());
                    packer.end_of_rib(Family::Ipv4);
                    out.extend_from_slice(&packer.take());
                }),
                Action::SendRefresh(id, refresh) => self.send(side, id, |out| refresh.encode(out)),
                Action::Down(_)
                | Action::RefreshRefused(..)
                | Action::Refresh(_)
                | Action::RefreshBegins(_)
                | Action::RefreshEnds(_)
                | Action::Failed(_) => {}
            }
        }
    }

    /// A dial is given up: where it has reached the other side, that sees the end of it.
    fn cancel_dial(&mut self, side: usize) {
        self.dialling[side] = false;
        let answered = self.links.iter().find(|link| {
            matches!(
                link.inbound[side].front(),
                Some(Event::Connected(Direction::Outgoing))
            )
        });
        if let Some(id) = answered.map(|link| link.id) {
            self.close(side, id);
        }
    }

    fn close(&mut self, side: usize, id: ConnectionId) {
        let link = self.link(id);
        assert!(!link.closed[side], "{id:?} is closed twice");
        link.closed[side] = true;
        link.inbound[side].clear();
        if !link.closed[1 - side] {
            link.inbound[1 - side].push_back(Event::Closed);
        }
    }

    fn send(&mut self, side: usize, id: ConnectionId, write: impl FnOnce(&mut Vec<u8>)) {
        let mut octets = Vec::new();
        write(&mut octets);
        let link = self.link(id);
        assert!(!link.closed[side], "nothing is sent on a closed connection");
        if !link.closed[1 - side] {
            link.inbound[1 - side].push_back(Event::Message(octets));
        }
        let wrote = Input::Wrote {
            connection: id,
            caught_up: true,
        };
        self.peers[side].handle(self.now, wrote);
    }

    fn link(&mut self, id: ConnectionId) -> &mut Link {
        let found = self.links.iter_mut().find(|link| link.id == id);
        found.expect("a machine names only connections that it was told of")
    }
}

/// More than any two machines need to agree: each step delivers an event or fires a timer.
const STEPS_MAX: usize = 10_000;
