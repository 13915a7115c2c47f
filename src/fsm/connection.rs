//! One TCP connection from OpenSent to Established: what each message means in each state.
//!
//! A connection knows nothing of the other one and decides nothing beyond itself: it answers each
//! message with a [`Step`] that the peer's machine takes.

use std::time::{Duration, Instant};

use super::action::{Action, ConnectionId, RefreshRefusal};
use super::event::{Direction, Received};
use super::negotiate::Negotiated;
use super::state::{State, StateName};
use super::timer::Timer;
use crate::net::{Family, PerFamily};
use crate::wire::{MessageKind, Notification, Open, RefreshKind, RouteRefresh, fsm_error};

/// One of the peer's connections.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The owner's handle.
    pub(super) id: ConnectionId,
    /// Who opened it.
    pub(super) direction: Direction,
    /// How far it has come.
    pub(super) state: State,
}

/// What follows from a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Nothing more.
    Stay,
    /// The peer's OPEN must be judged.
    Judge(Open),
    /// The peer has confirmed the session.
    Confirmed,
    /// The peer uses the session, so it counts it as established; what it says there is to be done.
    InUse(Option<Action>),
    /// The owner must do something.
    Do(Action),
    /// The peer has ended the connection.
    Ended(Notification),
    /// The connection must be ended with this NOTIFICATION, for this reason.
    Fault(Notification, String),
}

impl Connection {
    /// Takes a message; restarts the hold timer where it shows that the peer is alive.
    pub(super) fn on_message(&mut self, now: Instant, message: Received) -> Step {
        let state = self.name();
        let step = match (&self.state, message) {
            (
                State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. },
                Received::Open(open),
            ) => Step::Judge(open),
            (State::OpenConfirm { .. } | State::Established { .. }, Received::Open(_)) => {
                unexpected(state, MessageKind::Open)
            }
            (
                State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. },
                Received::Keepalive,
            ) => unexpected(state, MessageKind::Keepalive),
            (State::OpenConfirm { .. }, Received::Keepalive) => Step::Confirmed,
            (State::Established { .. }, Received::Keepalive) => Step::Stay,
            (
                State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. },
                Received::Update,
            ) => unexpected(state, MessageKind::Update),
            (State::OpenConfirm { confirmed, .. }, Received::Update) => match confirmed {
                true => Step::InUse(None),
                false => unexpected(state, MessageKind::Update),
            },
            (State::Established { .. }, Received::Update) => Step::Stay,
            (
                State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. },
                Received::RouteRefresh(_),
            ) => unexpected(state, MessageKind::RouteRefresh),
            (
                State::OpenConfirm {
                    confirmed,
                    negotiated,
                    ..
                },
                Received::RouteRefresh(refresh),
            ) => match confirmed {
                true => Step::InUse(asked(refresh, negotiated)),
                false => unexpected(state, MessageKind::RouteRefresh),
            },
            (State::Established { negotiated, .. }, Received::RouteRefresh(refresh)) => {
                asked(refresh, negotiated).map_or(Step::Stay, Step::Do)
            }
            (
                State::Newcomer { .. }
                | State::Delayed { .. }
                | State::OpenSent { .. }
                | State::OpenConfirm { .. }
                | State::Established { .. },
                Received::Notification(notification),
            ) => Step::Ended(notification),
            (
                State::Newcomer { .. }
                | State::Delayed { .. }
                | State::OpenSent { .. }
                | State::OpenConfirm { .. }
                | State::Established { .. },
                Received::Faulty(error),
            ) => Step::Fault(error.notification(), error.to_string()),
        };
        self.restart_hold(now);
        step
    }

    /// Starts the hold time anew, as after every good message.
    pub(super) fn restart_hold(&mut self, now: Instant) {
        match &mut self.state {
            // Before OPEN the wait is for OPEN alone, whatever else arrives.
            State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. } => {}
            State::OpenConfirm {
                negotiated, timers, ..
            }
            | State::Established {
                negotiated, timers, ..
            } => {
                if let Some(hold) = negotiated.hold_time.duration() {
                    timers.hold = Some(now + hold);
                }
            }
        }
    }

    /// Moves the deadline that has passed, without ending the connection.
    pub(super) fn postpone(&mut self, until_at_least: Instant) {
        match &mut self.state {
            State::Newcomer { until }
            | State::Delayed { until, .. }
            | State::OpenSent { until } => *until = until_at_least,
            State::OpenConfirm { timers, .. } | State::Established { timers, .. } => {
                timers.hold = Some(until_at_least);
            }
        }
    }

    /// Shortens the wait for OPEN.
    pub(super) fn hurry(&mut self, latest: Instant) {
        match &mut self.state {
            State::Newcomer { until }
            | State::Delayed { until, .. }
            | State::OpenSent { until } => *until = latest.min(*until),
            State::OpenConfirm { .. } | State::Established { .. } => {}
        }
    }

    /// Sets when the next KEEPALIVE is due; says whether one is to be sent at this time, which is so
    /// unless an earlier one is still to be written.
    pub(super) fn keepalive_due(&mut self, next: Instant) -> bool {
        match &mut self.state {
            State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. } => false,
            State::OpenConfirm { timers, .. } | State::Established { timers, .. } => {
                timers.keepalive = Some(next);
                !std::mem::replace(&mut timers.keepalive_waits, true)
            }
        }
    }

    /// Notes that octets were taken, and whether nothing of ours but routes waits.
    pub(super) fn wrote(&mut self, now: Instant, caught_up: bool) {
        match &mut self.state {
            State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. } => {}
            State::OpenConfirm { timers, .. } => timers.keepalive_waits &= !caught_up,
            State::Established {
                timers,
                negotiated,
                asked,
                ..
            } => {
                timers.keepalive_waits &= !caught_up;
                if caught_up {
                    *asked = PerFamily::default();
                }
                timers.send_hold = negotiated.send_hold_time().map(|time| now + time);
            }
        }
    }

    /// Asks for the routes of a family, unless something speaks against it.
    pub(super) fn ask(&mut self, family: Family) -> Result<RouteRefresh, RefreshRefusal> {
        if let Some(refusal) = self.refresh_refusal(family) {
            return Err(refusal);
        }
        match &mut self.state {
            State::Established { asked, .. } => *asked.get_mut(family) = true,
            State::Newcomer { .. }
            | State::Delayed { .. }
            | State::OpenSent { .. }
            | State::OpenConfirm { .. } => {}
        }
        Ok(RouteRefresh::request(family))
    }

    /// Why the peer cannot be asked for its routes of a family; `None` where it can.
    pub(super) fn refresh_refusal(&self, family: Family) -> Option<RefreshRefusal> {
        match &self.state {
            State::Newcomer { .. }
            | State::Delayed { .. }
            | State::OpenSent { .. }
            | State::OpenConfirm { .. } => Some(RefreshRefusal::NotEstablished),
            State::Established {
                negotiated, asked, ..
            } => {
                if !negotiated.families.get(family) {
                    Some(RefreshRefusal::NoSuchFamily)
                } else if !negotiated.route_refresh {
                    Some(RefreshRefusal::NotSupported)
                } else {
                    asked.get(family).then_some(RefreshRefusal::Waiting)
                }
            }
        }
    }

    /// The terms, once the peer's OPEN was good.
    pub(super) fn negotiated(&self) -> Option<&Negotiated> {
        match &self.state {
            State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. } => None,
            State::OpenConfirm { negotiated, .. } | State::Established { negotiated, .. } => {
                Some(negotiated)
            }
        }
    }

    /// The agreed keepalive interval.
    pub(super) fn keepalive_interval(&self) -> Option<Duration> {
        self.negotiated().and_then(|terms| terms.keepalive)
    }

    /// The deadlines of this connection.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Instant, Timer)> + use<> {
        let deadlines = match &self.state {
            State::Newcomer { until } | State::OpenSent { until } => {
                [Some((*until, Timer::OpenHold)), None, None]
            }
            State::Delayed { open_at, until } => [
                Some((*open_at, Timer::DelayOpen)),
                Some((*until, Timer::OpenHold)),
                None,
            ],
            State::OpenConfirm { timers, .. } | State::Established { timers, .. } => [
                timers.hold.map(|at| (at, Timer::Hold)),
                timers.keepalive.map(|at| (at, Timer::Keepalive)),
                timers.send_hold.map(|at| (at, Timer::SendHold)),
            ],
        };
        deadlines.into_iter().flatten()
    }

    /// The state's name; before it is sent, an OPEN is in preparation.
    pub(super) const fn name(&self) -> StateName {
        match &self.state {
            State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. } => {
                StateName::OpenSent
            }
            State::OpenConfirm { .. } => StateName::OpenConfirm,
            State::Established { .. } => StateName::Established,
        }
    }

    /// Whether the session on this connection is established.
    pub(super) const fn is_established(&self) -> bool {
        matches!(self.state, State::Established { .. })
    }
}

/// The Finite State Machine Error of RFC 6608: the subcode names the state, the data the message.
fn unexpected(state: StateName, message: MessageKind) -> Step {
    let subcode = match state {
        StateName::Idle | StateName::Connect | StateName::Active => fsm_error::UNSPECIFIED,
        StateName::OpenSent => fsm_error::OPEN_SENT,
        StateName::OpenConfirm => fsm_error::OPEN_CONFIRM,
        StateName::Established => fsm_error::ESTABLISHED,
    };
    let mut notification = Notification::fsm_error(subcode);
    notification.data.push(message.wire());
    Step::Fault(notification, format!("{} in {state}", message.name()))
}

/// What a ROUTE-REFRESH asks for, if its family is one of the session's.
fn asked(refresh: RouteRefresh, negotiated: &Negotiated) -> Option<Action> {
    let family = refresh
        .family
        .filter(|family| *negotiated.families.get(*family))?;
    match (negotiated.enhanced_refresh, refresh.kind) {
        // Without RFC 7313 the subtype is a reserved octet, to be ignored (RFC 2918 §3).
        (false, _) | (true, RefreshKind::Request) => Some(Action::Refresh(family)),
        (true, RefreshKind::Begin) => Some(Action::RefreshBegins(family)),
        (true, RefreshKind::End) => Some(Action::RefreshEnds(family)),
        (true, RefreshKind::Unknown(_)) => None,
    }
}
