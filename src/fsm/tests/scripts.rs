//! Random scripts: whatever comes in whatever order, what the room promises holds.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fsm::{CloseReason, StopReason};
use crate::net::Family;
use crate::wire::{Notification, RefreshKind, RouteRefresh, WireError, cease};

#[derive(Clone, Debug)]
enum Word {
    Start,
    Stop(bool),
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
    Refresh,
    Notification(u8, u8),
    Faulty,
}

fn letters() -> impl Strategy<Value = Letter> {
    prop_oneof![
        6 => Just(Letter::Open),
        1 => Just(Letter::WrongOpen),
        6 => Just(Letter::Keepalive),
        3 => Just(Letter::Update),
        1 => Just(Letter::Refresh),
        1 => (1u8..=7, 0u8..=9).prop_map(|(code, subcode)| Letter::Notification(code, subcode)),
        1 => Just(Letter::Faulty),
    ]
}

fn words() -> impl Strategy<Value = Word> {
    prop_oneof![
        1 => Just(Word::Start),
        1 => any::<bool>().prop_map(Word::Stop),
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
    next_id: u64,
    dialling: bool,
    up: Option<ConnectionId>,
    stopped: bool,
}

impl Owner {
    fn new(config: PeerConfig) -> Self {
        Self {
            bench: Bench::new(config),
            alive: BTreeSet::new(),
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
                Action::SendOpen(id, _)
                | Action::SendKeepalive(id)
                | Action::SendNotification(id, _) => {
                    assert!(self.alive.contains(&id), "{id:?} is closed");
                }
                Action::Close(id) => {
                    assert!(self.alive.remove(&id), "{id:?} was closed before");
                }
                Action::Up(id, _) => {
                    assert!(self.alive.contains(&id));
                    assert_eq!(self.up.replace(id), None, "one session at a time");
                }
                Action::Down(_) => assert!(self.up.take().is_some(), "nothing was up"),
                Action::Refresh(_) => assert!(self.up.is_some()),
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
            Word::Stop(silent) => {
                self.stopped = true;
                let reason = match silent {
                    true => StopReason::Silent,
                    false => StopReason::Cease(Notification::cease(cease::ADMIN_RESET)),
                };
                let actions = self.bench.input(Input::Stop(reason));
                self.obey(actions);
                assert!(self.alive.is_empty() && !self.dialling && self.up.is_none());
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
            Letter::Refresh => Received::RouteRefresh(RouteRefresh {
                family: Some(Family::Ipv4),
                kind: RefreshKind::Request,
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
    )
        .prop_map(|(passive, restart, host, hold)| PeerConfig {
            passive,
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
