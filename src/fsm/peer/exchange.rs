//! What messages lead to: from OPEN to Established, and every way to end.

use std::time::{Duration, Instant};

use super::{CEASE, Peer};
use crate::fsm::action::{Action, ConnectionId, DownReason};
use crate::fsm::collision::{self, Verdict};
use crate::fsm::connection::Connection;
use crate::fsm::event::Direction;
use crate::fsm::negotiate::Negotiated;
use crate::fsm::state::{Dialler, State, StateName};
use crate::fsm::timer::{OPEN_HOLD_OUTGOING, OPEN_HOLD_RIVAL, SessionTimers};
use crate::net::PerFamily;
use crate::wire::{Notification, Open, cease};

impl Peer {
    pub(super) fn on_open(&mut self, now: Instant, index: usize, open: Open) {
        let negotiated = match Negotiated::agree(&self.config, open) {
            Ok(negotiated) => negotiated,
            Err(error) => {
                return self.fail(now, index, error.notification(), error.to_string());
            }
        };
        let held = &self.connections[index];
        let (id, direction) = (held.id, held.direction);
        let rival = self.connections.iter().find(|other| other.id != id);
        let rival_id = rival.map(|rival| rival.id);
        match collision::judge(&self.config, &negotiated, direction, rival, now) {
            Verdict::Proceed => {
                if let Some(rival) = self.connections.iter_mut().find(|other| other.id != id) {
                    rival.hurry(now + OPEN_HOLD_RIVAL);
                }
                self.confirm(now, id, negotiated);
            }
            Verdict::ProceedAlone => {
                if let Some(rival) = rival_id {
                    self.drop_rival(rival);
                }
                self.confirm(now, id, negotiated);
            }
            Verdict::Yield => {
                self.drop_rival(id);
                self.carry_on(now, self.config.connect_retry);
            }
            Verdict::TakeOver => {
                if let Some(old) = rival_id.and_then(|rival| self.position(rival)) {
                    let old = self.connections.remove(old);
                    let reason = "the peer has restarted and opened another connection".to_owned();
                    self.report_end(&old, DownReason::ConnectionClosed(reason), true);
                    self.actions.push_back(Action::Close(old.id));
                }
                self.confirm(now, id, negotiated);
            }
        }
    }

    /// Answers a good OPEN: OpenSent becomes OpenConfirm, and no further connection is sought.
    fn confirm(&mut self, now: Instant, id: ConnectionId, negotiated: Negotiated) {
        let open = self.our_open();
        let keepalive = negotiated
            .keepalive
            .map(|interval| now + self.jitter.shorten(interval));
        let Some(held) = self.connections.iter_mut().find(|held| held.id == id) else {
            return;
        };
        match held.state {
            State::Newcomer { .. } | State::Delayed { .. } => {
                self.actions.push_back(Action::SendOpen(id, open));
            }
            State::OpenSent { .. } | State::OpenConfirm { .. } | State::Established { .. } => {}
        }
        // Even where the hold time is zero, a peer must not stay silent here for ever.
        let hold = negotiated
            .hold_time
            .duration()
            .unwrap_or(OPEN_HOLD_OUTGOING);
        held.state = State::OpenConfirm {
            negotiated: Box::new(negotiated),
            timers: SessionTimers {
                hold: Some(now + hold),
                keepalive,
                keepalive_waits: true,
                send_hold: None,
            },
            confirmed: false,
        };
        self.actions.push_back(Action::SendKeepalive(id));
        self.rest();
    }

    pub(super) fn on_confirmed(&mut self, now: Instant, index: usize) {
        if self.is_blocked(index) {
            match &mut self.connections[index].state {
                State::OpenConfirm { confirmed, .. } => *confirmed = true,
                State::Newcomer { .. }
                | State::Delayed { .. }
                | State::OpenSent { .. }
                | State::Established { .. } => {}
            }
        } else {
            self.establish(now, index);
        }
    }

    fn is_blocked(&self, index: usize) -> bool {
        let held = &self.connections[index];
        match &held.state {
            State::OpenConfirm { negotiated, .. } => self
                .connections
                .iter()
                .filter(|other| other.id != held.id)
                .any(|rival| collision::blocks(&self.config, negotiated, rival)),
            State::Newcomer { .. }
            | State::Delayed { .. }
            | State::OpenSent { .. }
            | State::Established { .. } => false,
        }
    }

    pub(super) fn establish(&mut self, now: Instant, index: usize) {
        let held = &mut self.connections[index];
        match &held.state {
            State::OpenConfirm {
                negotiated, timers, ..
            } => {
                let mut timers = *timers;
                if negotiated.hold_time.duration().is_none() {
                    timers.hold = None;
                }
                timers.send_hold = negotiated.send_hold_time().map(|time| now + time);
                let negotiated = negotiated.clone();
                let up = Action::Up(held.id, negotiated.clone());
                held.state = State::Established {
                    negotiated,
                    timers,
                    since: now,
                    asked: PerFamily::default(),
                };
                self.actions.push_back(up);
            }
            State::Newcomer { .. }
            | State::Delayed { .. }
            | State::OpenSent { .. }
            | State::Established { .. } => {
                debug_assert!(false, "only a confirmed connection is established");
            }
        }
    }

    pub(super) fn on_notification(
        &mut self,
        now: Instant,
        index: usize,
        notification: Notification,
    ) {
        let held = self.connections.remove(index);
        self.actions.push_back(Action::Close(held.id));
        let blame = is_failure(&notification);
        let lost_collision = notification.code == CEASE && notification.subcode == cease::COLLISION;
        let worth_telling = !lost_collision || self.connections.is_empty();
        let reason = DownReason::NotificationReceived(notification);
        self.report_end(&held, reason, worth_telling);
        self.settle(now, &held, blame);
    }

    /// Ends a connection with a NOTIFICATION.
    pub(super) fn fail(
        &mut self,
        now: Instant,
        index: usize,
        notification: Notification,
        reason: String,
    ) {
        let held = self.connections.remove(index);
        self.refuse(held.id, notification.clone());
        self.report_end(
            &held,
            DownReason::NotificationSent(notification, reason),
            true,
        );
        self.settle(now, &held, true);
    }

    /// After the end of `held`: pauses if the peering has failed, else goes on at once.
    ///
    /// A connection that fails beside another one is no failure of the peering: the other may be
    /// the peer's good one.
    pub(super) fn settle(&mut self, now: Instant, held: &Connection, blame: bool) {
        if blame && (held.is_established() || self.connections.is_empty()) {
            for other in std::mem::take(&mut self.connections) {
                self.actions.push_back(Action::Close(other.id));
            }
            self.rest();
            let pause = self.back_off.after_failure(now, &self.config);
            self.dialler = Dialler::IdleHold {
                until: now + self.jitter.shorten(pause),
            };
        } else {
            self.carry_on(now, self.config.connect_retry);
        }
    }

    /// After a connection has gone: the one that is left moves up, or the next is sought.
    pub(super) fn carry_on(&mut self, now: Instant, delay: Duration) {
        if self.established().is_none() {
            self.wake_newcomers();
        }
        let waiting = (0..self.connections.len()).find(|index| {
            let confirmed = match self.connections[*index].state {
                State::OpenConfirm { confirmed, .. } => confirmed,
                State::Newcomer { .. }
                | State::Delayed { .. }
                | State::OpenSent { .. }
                | State::Established { .. } => false,
            };
            confirmed && !self.is_blocked(*index)
        });
        if let Some(index) = waiting {
            self.establish(now, index);
        }
        match self.dialler {
            Dialler::Resting if self.needs_dial() => self.seek(now, delay),
            Dialler::Stopped
            | Dialler::IdleHold { .. }
            | Dialler::Resting
            | Dialler::Scheduled { .. }
            | Dialler::Dialling { .. } => {}
        }
    }

    /// Gives newcomers their OPEN: the session that they stood behind is gone.
    fn wake_newcomers(&mut self) {
        let open = self.our_open();
        for held in &mut self.connections {
            match held.state {
                State::Newcomer { until } => {
                    held.state = State::OpenSent { until };
                    self.actions
                        .push_back(Action::SendOpen(held.id, open.clone()));
                }
                State::Delayed { .. }
                | State::OpenSent { .. }
                | State::OpenConfirm { .. }
                | State::Established { .. } => {}
            }
        }
    }

    fn needs_dial(&self) -> bool {
        let far = |held: &Connection| held.name() >= StateName::OpenConfirm;
        let own = |held: &Connection| held.direction == Direction::Outgoing;
        !self.connections.iter().any(|held| far(held) || own(held))
    }
}

/// Whether a NOTIFICATION from the peer calls for a pause. Cease mostly means that the peer was told
/// to close; the session should be back as soon as the peer wants it. A full table or refused
/// connections would only repeat themselves.
fn is_failure(notification: &Notification) -> bool {
    let inner = notification.encapsulated();
    let notification = inner.as_ref().unwrap_or(notification);
    match (notification.code, notification.subcode) {
        (CEASE, cease::PREFIX_LIMIT | cease::CONNECTION_REJECTED | cease::OUT_OF_RESOURCES) => true,
        (CEASE, _) => false,
        (_, _) => true,
    }
}
