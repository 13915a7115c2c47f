//! Two peers that dial each other, in every order in which events can reach them (RFC 4271 §6.8).

use std::collections::{HashSet, VecDeque};

use super::*;
use crate::fsm::CloseReason;

/// What a side has still to see of one connection, in order.
#[derive(Clone, Debug)]
enum Event {
    Connected(Direction),
    Message(Received),
    Closed,
}

/// One connection as each side sees it.
#[derive(Clone, Debug)]
struct Link {
    id: ConnectionId,
    inbound: [VecDeque<Event>; 2],
    closed: [bool; 2],
}

#[derive(Clone, Debug)]
struct World {
    peers: [Peer; 2],
    /// Sides whose dial has not reached the other.
    dialling: [bool; 2],
    links: Vec<Link>,
    now: Instant,
}

#[derive(Clone, Copy)]
enum Choice {
    DialArrives(usize),
    Deliver { link: usize, side: usize },
}

impl World {
    fn new(configs: [PeerConfig; 2]) -> Self {
        let [first, second] = configs;
        let mut world = Self {
            peers: [Peer::new(first, 1), Peer::new(second, 2)],
            dialling: [false; 2],
            links: Vec::new(),
            now: begin(),
        };
        for side in 0..2 {
            world.peers[side].handle(world.now, Input::Start);
            world.peers[side].handle_timeout(world.now, Backlog::Drained);
            world.obey(side);
        }
        world
    }

    fn choices(&self) -> Vec<Choice> {
        let dials = (0..2)
            .filter(|side| self.dialling[*side])
            .map(Choice::DialArrives);
        let deliveries = self.links.iter().enumerate().flat_map(|(link, held)| {
            (0..2)
                .filter(|side| !held.inbound[*side].is_empty())
                .map(move |side| Choice::Deliver { link, side })
        });
        dials.chain(deliveries).collect()
    }

    fn take(&mut self, choice: Choice) {
        match choice {
            Choice::DialArrives(side) => {
                self.dialling[side] = false;
                let mut inbound = [VecDeque::new(), VecDeque::new()];
                inbound[side].push_back(Event::Connected(Direction::Outgoing));
                inbound[1 - side].push_back(Event::Connected(Direction::Incoming));
                self.links.push(Link {
                    id: ConnectionId(self.links.len() as u64),
                    inbound,
                    closed: [false; 2],
                });
            }
            Choice::Deliver { link, side } => {
                let held = &mut self.links[link];
                let connection = held.id;
                let event = held.inbound[side].pop_front().expect("chosen");
                let input = match event {
                    Event::Connected(direction) => Input::Connected {
                        direction,
                        connection,
                    },
                    Event::Message(message) => Input::Received {
                        connection,
                        message,
                    },
                    Event::Closed => Input::Closed {
                        connection,
                        reason: CloseReason::EndOfStream,
                    },
                };
                self.peers[side].handle(self.now, input);
                self.obey(side);
            }
        }
    }

    fn obey(&mut self, side: usize) {
        while let Some(action) = self.peers[side].poll_action() {
            match action {
                Action::Dial => self.dialling[side] = true,
                // An answer that is on its way is closed by the machine when it arrives.
                Action::CancelDial => self.dialling[side] = false,
                Action::SendOpen(id, open) => self.send(side, id, Received::Open(open)),
                Action::SendKeepalive(id) => self.send(side, id, Received::Keepalive),
                Action::SendNotification(id, sent) => {
                    self.send(side, id, Received::Notification(sent));
                }
                Action::Close(id) => {
                    let link = self.link(id);
                    assert!(!link.closed[side]);
                    link.closed[side] = true;
                    link.inbound[side].clear();
                    if !link.closed[1 - side] {
                        link.inbound[1 - side].push_back(Event::Closed);
                    }
                }
                // The first thing a session does is to send routes.
                Action::Up(id, _) => self.send(side, id, Received::Update),
                Action::Down(_)
                | Action::Refresh(_)
                | Action::RefreshBegins(_)
                | Action::RefreshEnds(_)
                | Action::SendRefresh(..)
                | Action::RefreshRefused(..)
                | Action::Failed(_) => {}
            }
        }
    }

    fn send(&mut self, side: usize, id: ConnectionId, message: Received) {
        let link = self.link(id);
        assert!(!link.closed[side], "nothing is sent on a closed connection");
        if !link.closed[1 - side] {
            link.inbound[1 - side].push_back(Event::Message(message));
        }
    }

    fn link(&mut self, id: ConnectionId) -> &mut Link {
        self.links
            .iter_mut()
            .find(|link| link.id == id)
            .expect("the connection exists")
    }

    fn assert_one_session(&self) {
        let [first, second] = &self.peers;
        let session = first.established().map(|(id, _)| id);
        assert!(session.is_some(), "{self:#?}");
        assert_eq!(session, second.established().map(|(id, _)| id), "{self:#?}");
        let open = self.links.iter().filter(|link| link.closed == [false; 2]);
        assert_eq!(open.count(), 1, "{self:#?}");
    }
}

/// Walks through every order, each world once; returns how many worlds came to rest.
fn walk(configs: [PeerConfig; 2]) -> usize {
    let mut seen = HashSet::new();
    let mut todo = vec![World::new(configs)];
    let mut at_rest = 0;
    while let Some(world) = todo.pop() {
        if !seen.insert(format!("{world:?}")) {
            continue;
        }
        let choices = world.choices();
        if choices.is_empty() {
            world.assert_one_session();
            at_rest += 1;
        }
        for choice in choices {
            let mut next = world.clone();
            next.take(choice);
            todo.push(next);
        }
    }
    at_rest
}

fn eager(host: u8, peer: u8) -> PeerConfig {
    PeerConfig {
        connect_delay: Duration::ZERO,
        ..config(host, peer)
    }
}

#[test]
fn one_session_survives_every_order_of_simultaneous_dials() {
    assert!(walk([eager(1, 2), eager(2, 1)]) > 1);
    assert!(walk([eager(2, 1), eager(1, 2)]) > 1);
}

#[test]
fn one_session_survives_without_graceful_restart_too() {
    let plain = |host, peer| PeerConfig {
        restart_time: None,
        ..eager(host, peer)
    };
    assert!(walk([plain(1, 2), plain(2, 1)]) > 1);
}

#[test]
fn equal_identifiers_are_told_apart_by_as() {
    let mut first = eager(1, 2);
    let mut second = eager(1, 1);
    (first.local_as, first.remote_as) = (Asn(65_001), Asn(65_002));
    (second.local_as, second.remote_as) = (Asn(65_002), Asn(65_001));
    assert!(walk([first, second]) > 1);
}

#[test]
fn one_session_survives_where_accepted_connections_wait_for_open() {
    let patient = |host, peer| PeerConfig {
        delay_open: Some(Duration::from_secs(5)),
        ..eager(host, peer)
    };
    assert!(walk([patient(1, 2), patient(2, 1)]) > 1);
    assert!(walk([patient(1, 2), eager(2, 1)]) > 1);
    assert!(walk([eager(1, 2), patient(2, 1)]) > 1);
}

#[test]
fn passive_side_and_dialling_side_meet() {
    let passive = PeerConfig {
        passive: true,
        ..eager(2, 1)
    };
    assert!(walk([eager(1, 2), passive]) >= 1);
}
