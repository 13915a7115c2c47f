//! The dialler, and what happens when a timer fires.

use std::time::{Duration, Instant};

use super::Peer;
use crate::fsm::action::{Action, DownReason};
use crate::fsm::event::{Backlog, Direction};
use crate::fsm::state::{Dialler, State};
use crate::fsm::timer::{BACKLOG_GRACE, DIAL_MIN, Timer};
use crate::wire::Notification;

impl Peer {
    pub(super) fn on_dialler_due(&mut self, now: Instant) {
        match self.dialler {
            Dialler::IdleHold { .. } => self.seek(now, Duration::ZERO),
            Dialler::Scheduled { .. } => self.dial(now),
            Dialler::Dialling { .. } => {
                // RFC 4271 §8.2.2, Connect, event 9: drop the attempt and start another.
                self.actions.push_back(Action::CancelDial);
                self.failed(DownReason::DialFailed("no answer".to_owned()));
                self.dial(now);
            }
            Dialler::Stopped | Dialler::Resting => {
                debug_assert!(false, "no deadline belongs to these states");
            }
        }
    }

    pub(super) fn on_connection_due(
        &mut self,
        now: Instant,
        index: usize,
        timer: Timer,
        backlog: Backlog,
    ) {
        match (timer, backlog) {
            (Timer::OpenHold | Timer::Hold, Backlog::Unread) => {
                self.connections[index].postpone(now + BACKLOG_GRACE);
            }
            (Timer::OpenHold, Backlog::Drained) => self.on_open_overdue(now, index),
            (Timer::Hold, Backlog::Drained) => {
                let reason = "nothing was received for the hold time".to_owned();
                self.fail(now, index, Notification::hold_timer_expired(), reason);
            }
            (Timer::Keepalive, Backlog::Unread | Backlog::Drained) => {
                let held = &mut self.connections[index];
                if let Some(interval) = held.keepalive_interval()
                    && held.keepalive_due(now + self.jitter.shorten(interval))
                {
                    self.actions.push_back(Action::SendKeepalive(held.id));
                }
            }
            // What we have not read says nothing about what the peer has not read.
            (Timer::SendHold, Backlog::Unread | Backlog::Drained) => {
                let reason = "the peer took nothing for the send hold time".to_owned();
                self.fail(now, index, Notification::send_hold_timer_expired(), reason);
            }
            (Timer::DelayOpen, Backlog::Unread | Backlog::Drained) => self.on_delay_over(index),
            (Timer::ConnectRetry | Timer::IdleHold, Backlog::Unread | Backlog::Drained) => {
                debug_assert!(false, "these belong to the dialler");
            }
        }
    }

    /// The peer has let the delay pass: this side speaks first after all.
    fn on_delay_over(&mut self, index: usize) {
        let open = self.our_open();
        let held = &mut self.connections[index];
        match held.state {
            State::Delayed { until, .. } => {
                held.state = State::OpenSent { until };
                self.actions.push_back(Action::SendOpen(held.id, open));
            }
            State::Newcomer { .. }
            | State::OpenSent { .. }
            | State::OpenConfirm { .. }
            | State::Established { .. } => {
                debug_assert!(false, "only a delayed OPEN has this deadline");
            }
        }
    }

    fn on_open_overdue(&mut self, now: Instant, index: usize) {
        let reason = "no OPEN was received in time".to_owned();
        match self.connections[index].direction {
            Direction::Outgoing => {
                self.fail(now, index, Notification::hold_timer_expired(), reason);
            }
            // Whoever dials in and says nothing is no reason to stop dialling the peer.
            Direction::Incoming => {
                let held = self.connections.remove(index);
                let notification = Notification::hold_timer_expired();
                self.refuse(held.id, notification.clone());
                self.report_end(
                    &held,
                    DownReason::NotificationSent(notification, reason),
                    true,
                );
                self.settle(now, &held, false);
            }
        }
    }

    /// Leaves Idle: dials after `delay`, or waits for the peer where this side is passive.
    pub(super) fn seek(&mut self, now: Instant, delay: Duration) {
        if self.config.passive {
            self.dialler = Dialler::Resting;
        } else {
            self.schedule(now, delay);
        }
    }

    pub(super) fn schedule(&mut self, now: Instant, delay: Duration) {
        self.dialler = Dialler::Scheduled {
            at: now + self.jitter.shorten(delay),
        };
    }

    pub(super) fn dial(&mut self, now: Instant) {
        self.dialler = Dialler::Dialling {
            until: now + self.config.connect_retry.max(DIAL_MIN),
        };
        self.actions.push_back(Action::Dial);
    }

    /// Stops seeking connections.
    pub(super) fn rest(&mut self) {
        match self.dialler {
            Dialler::Dialling { .. } => {
                self.actions.push_back(Action::CancelDial);
                self.dialler = Dialler::Resting;
            }
            Dialler::Scheduled { .. } => self.dialler = Dialler::Resting,
            Dialler::Stopped | Dialler::IdleHold { .. } | Dialler::Resting => {}
        }
    }

    pub(super) fn next_deadline(&self) -> Option<(Instant, Timer, Owner)> {
        let dialler = match self.dialler {
            Dialler::Stopped | Dialler::Resting => None,
            Dialler::IdleHold { until } => Some((until, Timer::IdleHold, Owner::Dialler)),
            Dialler::Scheduled { at: until } | Dialler::Dialling { until } => {
                Some((until, Timer::ConnectRetry, Owner::Dialler))
            }
        };
        let connections = self
            .connections
            .iter()
            .enumerate()
            .flat_map(|(index, held)| {
                held.deadlines()
                    .map(move |(at, timer)| (at, timer, Owner::Connection(index)))
            });
        dialler
            .into_iter()
            .chain(connections)
            .min_by_key(|(at, _, _)| *at)
    }
}

/// Whose deadline it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    Dialler,
    Connection(usize),
}
