//! One machine and its owner's side: what the owner knows of sockets, and what it must never be asked.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::received;
use crate::fsm::negotiate::{Resumption, our_open};
use crate::fsm::{
    Action, Backlog, CloseReason, ConnectionId, Direction, Input, Peer, PeerConfig, Received,
    RefreshRefusal, StateName, StopReason,
};
use crate::net::{Asn, Family, Role, RouterId};
use crate::wire::{
    DecodeContext, HEADER_LENGTH, HoldTime, KEEPALIVE, MESSAGE_LENGTH_MAX, Message, Notification,
    Open, RefreshKind, RouteRefresh, WireError, decode,
};

/// One thing that happens to the machine.
#[derive(Clone, Debug)]
pub(in crate::fsm) enum Word {
    /// The owner starts it.
    Start,
    /// The owner stops it.
    Stop(StopReason),
    /// The owner wants the peer's routes of a family again.
    RequestRefresh(Family),
    /// The system takes octets on the n-th connection, all that were asked for or some.
    Wrote(usize, bool),
    /// The peer dials.
    Accept,
    /// The dial under way, if there is one, succeeds or fails.
    AnswerDial(bool),
    /// The n-th connection breaks.
    Close(usize),
    /// Something arrives on the n-th connection.
    Receive(usize, Letter),
    /// So many milliseconds pass, with all timers in between firing late.
    Wait(u32),
    /// Time passes until the next timer; input may wait unread.
    WaitForTimer(bool),
    /// Parameters change softly: hold time, in seconds, and restart time.
    Reconfigure(u16, Option<u16>),
    /// The speaker recovers, or has recovered.
    Restarting(bool),
}

/// One thing that arrives.
#[derive(Clone, Debug)]
pub(in crate::fsm) enum Letter {
    /// The OPEN that is expected.
    Open,
    /// An OPEN of another AS.
    WrongOpen,
    /// KEEPALIVE.
    Keepalive,
    /// UPDATE.
    Update,
    /// ROUTE-REFRESH of this subtype.
    Refresh(u8),
    /// NOTIFICATION.
    Notification(u8, u8),
    /// Octets that are no message.
    Faulty,
    /// A message of a type and a body, whatever they mean.
    Octets(u8, Vec<u8>),
}

/// A machine with a clock, and all that its owner has to know.
pub(in crate::fsm) struct Owner {
    pub(in crate::fsm) peer: Peer,
    config: PeerConfig,
    now: Instant,
    alive: BTreeSet<ConnectionId>,
    /// Connections with a KEEPALIVE that is not written.
    unwritten: BTreeSet<ConnectionId>,
    next_id: u64,
    dialling: bool,
    up: Option<ConnectionId>,
    stopped: bool,
}

impl Owner {
    /// Makes a machine and starts it.
    pub(in crate::fsm) fn new(config: PeerConfig, seed: u64, begin: Instant) -> Self {
        let mut owner = Self {
            peer: Peer::new(config.clone(), seed),
            config,
            now: begin,
            alive: BTreeSet::new(),
            unwritten: BTreeSet::new(),
            next_id: 0,
            dialling: false,
            up: None,
            stopped: false,
        };
        owner.input(Input::Start);
        owner
    }

    /// Lets one thing happen, does what the machine asks for, and checks the promises.
    pub(in crate::fsm) fn say(&mut self, word: &Word) {
        let nth = |index: usize| self.alive.iter().nth(index).copied();
        match word {
            Word::Start => {
                self.stopped = false;
                self.input(Input::Start);
            }
            Word::Stop(reason) => self.stop(reason),
            Word::RequestRefresh(family) => self.input(Input::RequestRefresh(*family)),
            Word::Wrote(index, caught_up) => {
                if let Some(connection) = nth(*index) {
                    if *caught_up {
                        self.unwritten.remove(&connection);
                    }
                    self.input(Input::Wrote {
                        connection,
                        caught_up: *caught_up,
                    });
                }
            }
            Word::Accept => self.connect(Direction::Incoming),
            Word::AnswerDial(succeeds) => self.answer_dial(*succeeds),
            Word::Close(index) => {
                if let Some(connection) = nth(*index) {
                    self.alive.remove(&connection);
                    let reason = CloseReason::EndOfStream;
                    self.input(Input::Closed { connection, reason });
                }
            }
            Word::Receive(index, letter) => {
                if let Some(connection) = nth(*index) {
                    let message = self.message(connection, letter);
                    self.input(Input::Received {
                        connection,
                        message,
                    });
                }
            }
            Word::Wait(milliseconds) => {
                let until = self.now + Duration::from_millis((*milliseconds).into());
                self.wait_until(until, Backlog::Drained);
            }
            Word::WaitForTimer(unread) => {
                let backlog = match unread {
                    true => Backlog::Unread,
                    false => Backlog::Drained,
                };
                if let Some((at, _)) = self.peer.poll_timeout() {
                    self.wait_until(at, backlog);
                }
            }
            Word::Reconfigure(hold_time, restart_time) => {
                if let Some(hold_time) = HoldTime::new(*hold_time) {
                    self.config.hold_time = hold_time;
                }
                self.config.restart_time = *restart_time;
                self.peer.reconfigure(self.config.clone());
                self.obey();
            }
            Word::Restarting(restarting) => {
                self.peer.set_restarting(*restarting);
                self.obey();
            }
        }
    }

    fn stop(&mut self, reason: &StopReason) {
        self.stopped |= match reason {
            StopReason::AdminReset(_) | StopReason::HardReset(_) => false,
            StopReason::PrefixLimit { restart, .. } => restart.is_none(),
            StopReason::Silent
            | StopReason::AdminShutdown(_)
            | StopReason::Deconfigured
            | StopReason::ConfigChange => true,
        };
        self.input(Input::Stop(reason.clone()));
        assert!(self.alive.is_empty() && !self.dialling && self.up.is_none());
        assert_eq!(self.peer.state(), StateName::Idle);
    }

    fn answer_dial(&mut self, succeeds: bool) {
        if !std::mem::take(&mut self.dialling) {
            return;
        }
        if succeeds {
            self.connect(Direction::Outgoing);
        } else {
            let reason = "refused".to_owned();
            self.input(Input::DialFailed { reason });
        }
    }

    fn connect(&mut self, direction: Direction) {
        let connection = ConnectionId(self.next_id);
        self.next_id += 1;
        self.alive.insert(connection);
        self.input(Input::Connected {
            direction,
            connection,
        });
    }

    fn wait_until(&mut self, until: Instant, backlog: Backlog) {
        self.now = self.now.max(until);
        self.peer.handle_timeout(self.now, backlog);
        self.obey();
    }

    fn input(&mut self, input: Input) {
        self.peer.handle(self.now, input);
        self.obey();
    }

    fn obey(&mut self) {
        while let Some(action) = self.peer.poll_action() {
            self.check_message(&action);
            match action {
                Action::Dial => {
                    assert!(!self.dialling, "one dial at a time");
                    assert!(!self.config.passive, "a passive side never dials");
                    assert!(!self.stopped, "nothing is dialled once stopped");
                    self.dialling = true;
                }
                Action::CancelDial => {
                    assert!(self.dialling, "only a dial under way is cancelled");
                    self.dialling = false;
                }
                Action::SendOpen(id, _) | Action::SendNotification(id, _) => {
                    assert!(self.alive.contains(&id), "{id:?} is closed");
                }
                Action::SendKeepalive(id) => {
                    assert!(self.alive.contains(&id), "{id:?} is closed");
                    assert!(self.unwritten.insert(id), "one KEEPALIVE waits at a time");
                }
                Action::SendRefresh(id, _) => assert_eq!(self.up, Some(id)),
                Action::RefreshRefused(_, reason) => {
                    assert_eq!(self.up.is_none(), reason == RefreshRefusal::NotEstablished);
                }
                Action::Close(id) => {
                    assert!(self.alive.remove(&id), "{id:?} was closed before");
                }
                Action::Up(id, _) => {
                    assert!(self.alive.contains(&id));
                    assert_eq!(self.up.replace(id), None, "one session at a time");
                }
                Action::Down(_) => assert!(self.up.take().is_some(), "nothing was up"),
                Action::Refresh(_) | Action::RefreshBegins(_) | Action::RefreshEnds(_) => {
                    assert!(self.up.is_some());
                }
                Action::Failed(reason) => assert!(!reason.to_string().is_empty()),
            }
        }
        self.check();
    }

    /// What is sent can be read, and means what is configured.
    fn check_message(&self, action: &Action) {
        match action {
            Action::SendOpen(_, open) => {
                assert_eq!(open.asn, self.config.local_as);
                assert_eq!(open.router_id, self.config.router_id);
                assert_eq!(open.capabilities.families, self.config.families);
                assert_eq!(sent(|out| open.encode(out)), Message::Open(open.clone()));
            }
            Action::SendNotification(_, notification) => {
                let wanted = Message::Notification(notification.clone());
                assert_eq!(sent(|out| notification.encode(out)), wanted);
            }
            Action::Up(_, negotiated) => {
                assert_eq!(negotiated.peer_as, self.config.remote_as);
                let hold = negotiated.hold_time.duration();
                assert_eq!(negotiated.keepalive.is_some(), hold.is_some());
                assert!(negotiated.keepalive <= hold);
                let ours = self.config.families;
                assert!(
                    negotiated
                        .families
                        .families()
                        .all(|family| *ours.get(family))
                );
                assert!(negotiated.families.families().next().is_some());
            }
            Action::Dial
            | Action::CancelDial
            | Action::SendKeepalive(_)
            | Action::Close(_)
            | Action::Down(_)
            | Action::SendRefresh(..)
            | Action::RefreshRefused(..)
            | Action::Refresh(_)
            | Action::RefreshBegins(_)
            | Action::RefreshEnds(_)
            | Action::Failed(_) => {}
        }
    }

    fn check(&self) {
        let peer = &self.peer;
        assert!(peer.is_consistent());
        assert!(self.alive.len() <= 2);
        assert_eq!(peer.established().map(|(id, _)| id), self.up);
        // Nothing waits for ever: unless stopped, passive or without hold time, a timer runs.
        let without_hold = peer
            .established()
            .is_some_and(|(_, terms)| terms.hold_time.seconds() == 0);
        let quiet = self.stopped || (self.config.passive && self.alive.is_empty()) || without_hold;
        assert!(quiet || peer.poll_timeout().is_some(), "{peer:?}");
        assert!(!self.dialling || peer.poll_timeout().is_some());
        if let Some((at, _)) = peer.poll_timeout() {
            assert!(at >= self.now, "what is due has fired");
        }
    }

    fn message(&self, connection: ConnectionId, letter: &Letter) -> Received {
        match letter {
            Letter::Open => Received::Open(open_of_peer(&self.config)),
            Letter::WrongOpen => Received::Open(Open {
                asn: Asn(self.config.remote_as.0 ^ 1),
                ..open_of_peer(&self.config)
            }),
            Letter::Keepalive => Received::Keepalive,
            Letter::Update => Received::Update,
            Letter::Refresh(subtype) => Received::RouteRefresh(RouteRefresh {
                family: Some(Family::Ipv4),
                kind: match subtype {
                    0 => RefreshKind::Request,
                    1 => RefreshKind::Begin,
                    2 => RefreshKind::End,
                    other => RefreshKind::Unknown(*other),
                },
            }),
            Letter::Notification(code, subcode) => {
                Received::Notification(Notification::new(*code, *subcode))
            }
            Letter::Faulty => Received::Faulty(WireError::MessageType(9)),
            Letter::Octets(kind, body) => {
                let terms = self.peer.negotiated(connection);
                let context = terms.map_or(DecodeContext::BEFORE_OPEN, |t| t.decode_context());
                received(&message(*kind, body), &context)
            }
        }
    }
}

/// The OPEN that the peer of `config` would send.
fn open_of_peer(config: &PeerConfig) -> Open {
    let peer = PeerConfig {
        local_as: config.remote_as,
        remote_as: config.local_as,
        router_id: match config.remote_address {
            std::net::IpAddr::V4(address) => RouterId(address),
            std::net::IpAddr::V6(_) => config.router_id,
        },
        role: config.role.map(Role::counterpart),
        ..config.clone()
    };
    our_open(&peer, Resumption::Anew)
}

/// A message of this type and body, whatever they mean.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = KEEPALIVE.to_vec();
    octets.truncate(HEADER_LENGTH);
    let body = body
        .get(..MESSAGE_LENGTH_MAX - HEADER_LENGTH)
        .unwrap_or(body);
    let length = u16::try_from(HEADER_LENGTH + body.len()).expect("it was cut");
    octets[16..18].copy_from_slice(&length.to_be_bytes());
    octets[18] = kind;
    octets.extend_from_slice(body);
    octets
}

/// What a peer reads of what is written.
fn sent(write: impl FnOnce(&mut Vec<u8>)) -> Message<'static> {
    let mut out = Vec::new();
    write(&mut out);
    assert!(out.len() <= MESSAGE_LENGTH_MAX);
    match decode(&out, &DecodeContext::BEFORE_OPEN).expect("our own messages are in order") {
        Message::Open(open) => Message::Open(open),
        Message::Notification(notification) => Message::Notification(notification),
        Message::Update(_) | Message::Keepalive | Message::RouteRefresh(_) => {
            unreachable!("neither OPEN nor NOTIFICATION was written")
        }
    }
}
