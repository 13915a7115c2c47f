//! Random scripts: whatever comes in whatever order, what the room promises holds.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fsm::{CloseReason, RefreshRefusal, StateName, StopReason};
use crate::net::Family;
use crate::wire::{Notification, RefreshKind, RouteRefresh, WireError};

#[derive(Clone, Debug)]
enum Word {
    Start,
    Stop(StopReason),
    RequestRefresh(bool),
    Wrote(usize, bool),
    Accept,
    AnswerDial(bool),
    Close(usize),
    Receive(usize, Letter),
    Wait(u32),
    WaitForTimer(bool),
}

#[derive(Clone, Copy, Debug)]
enum Letter {
    Open,
    WrongOpen,
    Keepalive,
    Update,
    Refresh(u8),
    Notification(u8, u8),
    Faulty,
}

fn letters() -> impl Strategy<Value = Letter> {
    prop_oneof![
        6 => Just(Letter::Open),
        1 => Just(Letter::WrongOpen),
        6 => Just(Letter::Keepalive),
        3 => Just(Letter::Update),
        1 => (0u8..4).prop_map(Letter::Refresh),
        1 => (1u8..=7, 0u8..=9).prop_map(|(code, subcode)| Letter::Notification(code, subcode)),
        1 => Just(Letter::Faulty),
    ]
}

fn stops() -> impl Strategy<Value = StopReason> {
    let limit = |restart| StopReason::PrefixLimit {
        family: Family::Ipv4,
        max: 1_000,
        restart,
    };
    prop_oneof![
        Just(StopReason::Silent),
        Just(StopReason::AdminShutdown("maintenance".into())),
        Just(StopReason::AdminReset(String::new())),
        Just(StopReason::HardReset(String::new())),
        Just(limit(None)),
        Just(limit(Some(Duration::from_secs(20)))),
        Just(StopReason::Deconfigured),
        Just(StopReason::ConfigChange),
    ]
}

fn words() -> impl Strategy<Value = Word> {
    prop_oneof![
        1 => Just(Word::Start),
        1 => stops().prop_map(Word::Stop),
        1 => any::<bool>().prop_map(Word::RequestRefresh),
        4 => ((0usize..3), any::<bool>()).prop_map(|(index, all)| Word::Wrote(index, all)),
        4 => Just(Word::Accept),
        4 => any::<bool>().prop_map(Word::AnswerDial),
        2 => (0usize..3).prop_map(Word::Close),
        12 => ((0usize..3), letters()).prop_map(|(index, letter)| Word::Receive(index, letter)),
        3 => (0u32..40_000).prop_map(Word::Wait),
        4 => any::<bool>().prop_map(Word::WaitForTimer),
    ]
}

/// The owner's side: what it knows of sockets, and what it must never be asked.
struct Owner {
    bench: Bench,
    alive: BTreeSet<ConnectionId>,
    /// Connections with a KEEPALIVE that is not written.
    unwritten: BTreeSet<ConnectionId>,
    next_id: u64,
    dialling: bool,
    up: Option<ConnectionId>,
    stopped: bool,
}

impl Owner {
    fn new(config: PeerConfig) -> Self {
        let mut bench = Bench::new(config);
        bench.takes = false;
        Self {
            bench,
            alive: BTreeSet::new(),
            unwritten: BTreeSet::new(),
            next_id: 0,
            dialling: false,
            up: None,
            stopped: false,
        }
    }

    fn obey(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Dial => {
                    assert!(!self.dialling, "one dial at a time");
                    assert!(!self.bench.config.passive, "a passive side never dials");
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
                Action::RefreshRefused(_, RefreshRefusal::NotEstablished) => {
                    assert_eq!(self.up, None);
                }
                Action::RefreshRefused(..) => assert!(self.up.is_some()),
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
                Action::Failed(_) => {}
            }
        }
        self.check();
    }

    fn check(&self) {
        let peer = &self.bench.peer;
        assert!(peer.is_consistent());
        assert!(self.alive.len() <= 2);
        assert_eq!(peer.established().map(|(id, _)| id), self.up);
        // Nothing waits for ever: unless stopped, passive or without hold time, a timer runs.
        let quiet = self.stopped
            || (self.bench.config.passive && self.alive.is_empty())
            || (self.up.is_some() && self.bench.config.hold_time.seconds() == 0);
        assert!(quiet || peer.poll_timeout().is_some(), "{peer:?}");
        if self.dialling {
            assert!(peer.poll_timeout().is_some());
        }
        if let Some((at, _)) = peer.poll_timeout() {
            assert!(at >= self.bench.now, "what is due has fired");
        }
    }

    fn connect(&mut self, direction: Direction) {
        let connection = ConnectionId(self.next_id);
        self.next_id += 1;
        self.alive.insert(connection);
        let actions = self.bench.input(Input::Connected {
            direction,
            connection,
        });
        self.obey(actions);
    }

    fn say(&mut self, word: &Word) {
        let nth = |index: usize| self.alive.iter().nth(index).copied();
        match word {
            Word::Start => {
                self.stopped = false;
                let actions = self.bench.input(Input::Start);
                self.obey(actions);
            }
            Word::Stop(reason) => {
                self.stopped |= !matches!(
                    reason,
                    StopReason::AdminReset(_)
                        | StopReason::HardReset(_)
                        | StopReason::PrefixLimit {
                            restart: Some(_),
                            ..
                        }
                );
                let actions = self.bench.input(Input::Stop(reason.clone()));
                self.obey(actions);
                assert!(self.alive.is_empty() && !self.dialling && self.up.is_none());
                assert_eq!(self.bench.peer.state(), StateName::Idle);
            }
            Word::RequestRefresh(ipv6) => {
                let family = if *ipv6 { Family::Ipv6 } else { Family::Ipv4 };
                let actions = self.bench.input(Input::RequestRefresh(family));
                assert_eq!(actions.len(), 1, "every request is answered");
                self.obey(actions);
            }
            Word::Wrote(index, caught_up) => {
                if let Some(connection) = nth(*index) {
                    if *caught_up {
                        self.unwritten.remove(&connection);
                    }
                    self.bench.wrote(connection, *caught_up);
                    self.obey(vec![]);
                }
            }
            Word::Accept => self.connect(Direction::Incoming),
            Word::AnswerDial(false) if self.dialling => {
                self.dialling = false;
                let reason = "refused".to_owned();
                let actions = self.bench.input(Input::DialFailed { reason });
                self.obey(actions);
            }
            Word::AnswerDial(true) if self.dialling => {
                self.dialling = false;
                self.connect(Direction::Outgoing);
            }
            Word::AnswerDial(_) => {}
            Word::Close(index) => {
                if let Some(connection) = nth(*index) {
                    self.alive.remove(&connection);
                    let actions = self.bench.input(Input::Closed {
                        connection,
                        reason: CloseReason::EndOfStream,
                    });
                    self.obey(actions);
                }
            }
            Word::Receive(index, letter) => {
                if let Some(connection) = nth(*index) {
                    let message = self.message(*letter);
                    let actions = self.bench.input(Input::Received {
                        connection,
                        message,
                    });
                    self.obey(actions);
                }
            }
            Word::Wait(milliseconds) => {
                let until = self.bench.now + Duration::from_millis((*milliseconds).into());
                self.wait_until(until, Backlog::Drained);
            }
            Word::WaitForTimer(unread) => {
                let backlog = match unread {
                    true => Backlog::Unread,
                    false => Backlog::Drained,
                };
                if let Some((at, _)) = self.bench.peer.poll_timeout() {
                    self.wait_until(at, backlog);
                }
            }
        }
    }

    fn wait_until(&mut self, until: Instant, backlog: Backlog) {
        self.bench.now = until;
        self.bench.peer.handle_timeout(until, backlog);
        let actions = self.bench.actions();
        self.obey(actions);
    }

    fn message(&self, letter: Letter) -> Received {
        let mut open = open_of_peer(&self.bench.config);
        match letter {
            Letter::Open => Received::Open(open),
            Letter::WrongOpen => {
                open.asn = Asn(1);
                Received::Open(open)
            }
            Letter::Keepalive => Received::Keepalive,
            Letter::Update => Received::Update,
            Letter::Refresh(subtype) => Received::RouteRefresh(RouteRefresh {
                family: Some(Family::Ipv4),
                kind: match subtype {
                    0 => RefreshKind::Request,
                    1 => RefreshKind::Begin,
                    2 => RefreshKind::End,
                    other => RefreshKind::Unknown(other),
                },
            }),
            Letter::Notification(code, subcode) => {
                Received::Notification(Notification::new(code, subcode))
            }
            Letter::Faulty => Received::Faulty(WireError::MessageType(9)),
        }
    }
}

fn configs() -> impl Strategy<Value = PeerConfig> {
    (
        any::<bool>(),
        any::<bool>(),
        1u8..=3,
        prop_oneof![Just(0u16), Just(9), Just(240)],
        prop_oneof![Just(None), Just(Some(Duration::from_secs(10)))],
    )
        .prop_map(|(passive, restart, host, hold, delay_open)| PeerConfig {
            passive,
            delay_open,
            restart_time: restart.then_some(120),
            hold_time: HoldTime::new(hold).expect("not one or two"),
            ..config(host, 2 + u8::from(host == 2))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn promises_hold_under_any_script(
        config in configs(),
        script in prop::collection::vec(words(), 0..80),
    ) {
        let mut owner = Owner::new(config);
        for word in &script {
            owner.say(word);
        }
    }

    #[test]
    fn equal_seeds_and_scripts_give_equal_actions(
        config in configs(),
        script in prop::collection::vec(words(), 0..40),
    ) {
        let start = begin();
        let trace = || {
            let mut owner = Owner::new(config.clone());
            owner.bench.peer = Peer::new(config.clone(), 1);
            owner.bench.now = start;
            let actions = owner.bench.input(Input::Start);
            owner.obey(actions);
            for word in &script {
                owner.say(word);
            }
            format!("{:?}", owner.bench.peer)
        };
        prop_assert_eq!(trace(), trace());
    }
}
