//! The machine itself: one dialler, at most two connections, queued actions.

mod exchange;
mod orders;
mod timers;
mod views;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::timers::Owner;
use super::action::{Action, ConnectionId, DownReason, SessionDown};
use super::config::PeerConfig;
use super::connection::{Connection, Step};
use super::event::{Backlog, CloseReason, Direction, Input, Received};
use super::negotiate::{Resumption, our_open};
use super::state::{Dialler, State, StateName};
use super::timer::{BackOff, Jitter, OPEN_HOLD_INCOMING, OPEN_HOLD_OUTGOING, Timer};
use crate::wire::{Notification, Open, cease};

/// The machine of one configured peer; see the [room](super) for how it is driven.
#[derive(Clone, Debug)]
pub struct Peer {
    config: PeerConfig,
    restarting: bool,
    /// What the end of the last session lets the next OPEN say.
    resumption: Resumption,
    dialler: Dialler,
    /// At most two.
    connections: Vec<Connection>,
    back_off: BackOff,
    jitter: Jitter,
    last_down: Option<DownReason>,
    actions: VecDeque<Action>,
}

impl Peer {
    /// Creates a stopped machine; `seed` feeds the jitter of its timers.
    pub fn new(config: PeerConfig, seed: u64) -> Self {
        Self {
            config,
            restarting: false,
            resumption: Resumption::Anew,
            dialler: Dialler::Stopped,
            connections: Vec::with_capacity(CONNECTIONS_MAX),
            back_off: BackOff::default(),
            jitter: Jitter::new(seed),
            last_down: None,
            actions: VecDeque::new(),
        }
    }

    /// Takes one event.
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Start => self.on_start(now),
            Input::Stop(reason) => self.on_stop(now, &reason),
            Input::Connected {
                direction: Direction::Outgoing,
                connection,
            } => self.on_dialled(now, connection),
            Input::Connected {
                direction: Direction::Incoming,
                connection,
            } => self.on_accepted(now, connection),
            Input::DialFailed { reason } => self.on_dial_failed(now, reason),
            Input::Closed { connection, reason } => self.on_closed(now, connection, reason),
            Input::Wrote {
                connection,
                caught_up,
            } => self.on_wrote(now, connection, caught_up),
            Input::RequestRefresh(family) => self.on_request_refresh(family),
            Input::Received {
                connection,
                message,
            } => self.on_received(now, connection, message),
        }
        self.assert_consistent();
    }

    /// Fires every timer that is due; `backlog` says whether received bytes wait unread, in which
    /// case silence proves nothing (invariant 9).
    pub fn handle_timeout(&mut self, now: Instant, backlog: Backlog) {
        while let Some((at, timer, owner)) = self.next_deadline() {
            if at > now {
                break;
            }
            match owner {
                Owner::Dialler => self.on_dialler_due(now),
                Owner::Connection(index) => self.on_connection_due(now, index, timer, backlog),
            }
            self.assert_consistent();
        }
    }

    /// Takes the oldest action that is still to be done.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Peer::handle_timeout`] must be called next, and what for.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.next_deadline().map(|(at, timer, _)| (at, timer))
    }

    /// Replaces the parameters; timers and capabilities apply from the next OPEN or pause.
    ///
    /// For changes that need no reset: who dials stays as it was. Otherwise the owner stops the
    /// machine and makes another.
    pub fn reconfigure(&mut self, config: PeerConfig) {
        let passive = self.config.passive;
        self.config = config;
        self.config.passive = passive;
    }

    /// Says whether this side recovers from a restart: the R and F bits of the OPENs from here on.
    pub fn set_restarting(&mut self, restarting: bool) {
        self.restarting = restarting;
    }
}

/// What befalls connections, each against every state of the dialler.
impl Peer {
    fn on_dialled(&mut self, now: Instant, connection: ConnectionId) {
        match self.dialler {
            Dialler::Dialling { .. } => {
                self.dialler = Dialler::Resting;
                self.open(now, connection, Direction::Outgoing, OPEN_HOLD_OUTGOING);
            }
            // The dial was cancelled while the answer was on its way.
            Dialler::Stopped
            | Dialler::IdleHold { .. }
            | Dialler::Resting
            | Dialler::Scheduled { .. } => self.actions.push_back(Action::Close(connection)),
        }
    }

    fn on_accepted(&mut self, now: Instant, connection: ConnectionId) {
        match self.dialler {
            // RFC 4271 §8.2.2: in Idle all connections are refused, so that a peer that keeps
            // failing cannot dodge the pause by dialling.
            Dialler::Stopped | Dialler::IdleHold { .. } => {
                self.actions.push_back(Action::Close(connection));
            }
            Dialler::Resting | Dialler::Scheduled { .. } | Dialler::Dialling { .. } => {
                self.supersede_incoming();
                if self.connections.len() == CONNECTIONS_MAX {
                    // An established session and a dial of ours that still waits for OPEN; that
                    // ends soon, and the peer comes again.
                    self.actions.push_back(Action::Close(connection));
                } else if self.established().is_some() {
                    self.connections.push(Connection {
                        id: connection,
                        direction: Direction::Incoming,
                        state: State::Newcomer {
                            until: now + OPEN_HOLD_INCOMING,
                        },
                    });
                } else {
                    self.accept(now, connection);
                }
            }
        }
    }

    /// Takes an accepted connection where no session is established.
    fn accept(&mut self, now: Instant, id: ConnectionId) {
        let delay = self.config.delay_open.unwrap_or_default();
        if delay.is_zero() {
            self.open(now, id, Direction::Incoming, OPEN_HOLD_INCOMING);
        } else {
            self.connections.push(Connection {
                id,
                direction: Direction::Incoming,
                state: State::Delayed {
                    open_at: now + delay.min(OPEN_HOLD_INCOMING),
                    until: now + OPEN_HOLD_INCOMING,
                },
            });
        }
    }

    fn on_dial_failed(&mut self, now: Instant, reason: String) {
        match self.dialler {
            Dialler::Dialling { .. } => {
                self.failed(DownReason::DialFailed(reason));
                self.schedule(now, self.config.connect_retry);
            }
            Dialler::Stopped
            | Dialler::IdleHold { .. }
            | Dialler::Resting
            | Dialler::Scheduled { .. } => {}
        }
    }

    fn on_closed(&mut self, now: Instant, connection: ConnectionId, reason: CloseReason) {
        let Some(index) = self.position(connection) else {
            return;
        };
        let text = match reason {
            CloseReason::EndOfStream => "closed by the peer".to_owned(),
            CloseReason::Error(text) => text,
        };
        let held = self.connections.remove(index);
        let delay = match held.is_established() {
            // A peer that restarts should find its session again at once.
            true => self.config.connect_delay,
            false => self.config.connect_retry,
        };
        self.report_end(&held, DownReason::ConnectionClosed(text), true);
        self.carry_on(now, delay);
    }

    fn on_received(&mut self, now: Instant, connection: ConnectionId, message: Received) {
        let Some(index) = self.position(connection) else {
            return;
        };
        match self.connections[index].on_message(now, message) {
            Step::Stay => {}
            Step::Judge(open) => self.on_open(now, index, open),
            Step::Confirmed => self.on_confirmed(now, index),
            Step::InUse(action) => {
                self.establish(now, index);
                self.actions.extend(action);
            }
            Step::Do(action) => self.actions.push_back(action),
            Step::Ended(notification) => self.on_notification(now, index, notification),
            Step::Fault(notification, reason) => self.fail(now, index, notification, reason),
        }
    }
}

/// Small steps shared by the above.
impl Peer {
    fn position(&self, connection: ConnectionId) -> Option<usize> {
        self.connections
            .iter()
            .position(|held| held.id == connection)
    }

    /// Takes a new connection into OpenSent.
    fn open(&mut self, now: Instant, id: ConnectionId, direction: Direction, patience: Duration) {
        self.connections.push(Connection {
            id,
            direction,
            state: State::OpenSent {
                until: now + patience,
            },
        });
        let open = self.our_open();
        self.actions.push_back(Action::SendOpen(id, open));
    }

    /// The OPEN that this side sends as things stand.
    fn our_open(&self) -> Open {
        let resumption = match self.restarting {
            true => Resumption::Restarted,
            false => self.resumption,
        };
        our_open(&self.config, resumption)
    }

    /// Closes an accepted connection that is not established: the peer dials again only when its
    /// earlier dial is lost to it.
    fn supersede_incoming(&mut self) {
        let old = self
            .connections
            .iter()
            .position(|held| held.direction == Direction::Incoming && !held.is_established());
        if let Some(old) = old {
            let old = self.connections.remove(old);
            self.actions.push_back(Action::Close(old.id));
        }
    }

    /// Closes the loser of a collision.
    fn drop_rival(&mut self, id: ConnectionId) {
        if let Some(index) = self.position(id) {
            self.connections.remove(index);
            self.refuse(id, Notification::cease(cease::COLLISION));
        }
    }

    fn refuse(&mut self, id: ConnectionId, notification: Notification) {
        self.actions
            .push_back(Action::SendNotification(id, notification));
        self.actions.push_back(Action::Close(id));
    }

    /// Tells the owner of the end of a session, or of an attempt if that is worth telling.
    fn report_end(&mut self, held: &Connection, reason: DownReason, worth_telling: bool) {
        match &held.state {
            State::Established { negotiated, .. } => {
                let keep_routes = negotiated.keeps_routes(&reason);
                let lost = matches!(reason, DownReason::ConnectionClosed(_));
                self.resumption = match (keep_routes, lost) {
                    (false, _) => Resumption::Anew,
                    (true, true) => Resumption::ForwardingKept,
                    (true, false) => Resumption::Restarted,
                };
                self.last_down = Some(reason.clone());
                self.actions.push_back(Action::Down(SessionDown {
                    reason,
                    keep_routes,
                }));
            }
            State::Newcomer { .. }
            | State::Delayed { .. }
            | State::OpenSent { .. }
            | State::OpenConfirm { .. } => {
                if worth_telling {
                    self.failed(reason);
                }
            }
        }
    }

    fn failed(&mut self, reason: DownReason) {
        self.last_down = Some(reason.clone());
        self.actions.push_back(Action::Failed(reason));
    }

    fn assert_consistent(&self) {
        debug_assert!(self.is_consistent(), "{self:?}");
    }

    /// What must hold between the calls.
    pub(super) fn is_consistent(&self) -> bool {
        let count = |wanted: &dyn Fn(&Connection) -> bool| {
            self.connections.iter().filter(|held| wanted(held)).count()
        };
        let established = count(&Connection::is_established);
        let newcomers = count(&|held| matches!(held.state, State::Newcomer { .. }));
        let outgoing = count(&|held| held.direction == Direction::Outgoing);
        let far = count(&|held| held.name() >= StateName::OpenConfirm);
        let dialler = match self.dialler {
            Dialler::Stopped | Dialler::IdleHold { .. } => self.connections.is_empty(),
            Dialler::Resting => self.config.passive || !self.connections.is_empty(),
            Dialler::Scheduled { .. } | Dialler::Dialling { .. } => outgoing == 0 && far == 0,
        };
        self.connections.len() <= CONNECTIONS_MAX
            && established <= 1
            && newcomers <= established
            && outgoing <= 1
            && dialler
    }
}

const CONNECTIONS_MAX: usize = 2;
const CEASE: u8 = 6;
