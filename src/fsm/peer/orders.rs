//! What the owner orders: start, stop, refresh; and what it tells of its writing.

use std::time::{Duration, Instant};

use super::Peer;
use crate::fsm::action::{Action, ConnectionId, DownReason, RefreshRefusal};
use crate::fsm::connection::Connection;
use crate::fsm::event::StopReason;
use crate::fsm::negotiate::Negotiated;
use crate::fsm::state::Dialler;
use crate::fsm::timer::RESET_HOLD;
use crate::net::Family;
use crate::wire::Notification;

impl Peer {
    pub(super) fn on_start(&mut self, now: Instant) {
        match self.dialler {
            // In Idle an operator's start ends the pause (RFC 4271 §8.2.2, event 1).
            Dialler::Stopped | Dialler::IdleHold { .. } => {
                self.seek(now, self.config.connect_delay);
            }
            // In every other state it is ignored.
            Dialler::Resting | Dialler::Scheduled { .. } | Dialler::Dialling { .. } => {}
        }
    }

    pub(super) fn on_stop(&mut self, now: Instant, reason: &StopReason) {
        let cease = reason.cease();
        for held in std::mem::take(&mut self.connections) {
            match &cease {
                Some(cease) => {
                    let sent = goodbye(&held, cease, reason);
                    let told = DownReason::NotificationSent(sent.clone(), reason.to_string());
                    self.report_end(&held, told, false);
                    self.refuse(held.id, sent);
                }
                None => {
                    self.report_end(&held, DownReason::Stopped, false);
                    self.actions.push_back(Action::Close(held.id));
                }
            }
        }
        self.rest();
        self.dialler = match (self.dialler, pause_after(reason)) {
            // What is stopped is not begun by an order to end something.
            (Dialler::Stopped, _) | (_, None) => Dialler::Stopped,
            (
                Dialler::IdleHold { .. }
                | Dialler::Resting
                | Dialler::Scheduled { .. }
                | Dialler::Dialling { .. },
                Some(pause),
            ) => Dialler::IdleHold { until: now + pause },
        };
    }

    pub(super) fn on_wrote(&mut self, now: Instant, connection: ConnectionId, caught_up: bool) {
        if let Some(index) = self.position(connection) {
            self.connections[index].wrote(now, caught_up);
        }
    }

    pub(super) fn on_request_refresh(&mut self, family: Family) {
        let established = self
            .connections
            .iter_mut()
            .find(|held| held.is_established());
        self.actions.push_back(match established {
            None => Action::RefreshRefused(family, RefreshRefusal::NotEstablished),
            Some(held) => match held.ask(family) {
                Ok(request) => Action::SendRefresh(held.id, request),
                Err(refusal) => Action::RefreshRefused(family, refusal),
            },
        });
    }
}

/// How long the machine pauses after a stop; `None` where it stays down.
fn pause_after(reason: &StopReason) -> Option<Duration> {
    match reason {
        StopReason::AdminReset(_) | StopReason::HardReset(_) => Some(RESET_HOLD),
        StopReason::PrefixLimit { restart, .. } => *restart,
        StopReason::Silent
        | StopReason::AdminShutdown(_)
        | StopReason::Deconfigured
        | StopReason::ConfigChange => None,
    }
}

/// The Cease as this connection's peer must hear it: inside a Hard Reset where it would keep routes
/// over a plain one and must not (RFC 8538 §3.2).
fn goodbye(held: &Connection, cease: &Notification, reason: &StopReason) -> Notification {
    let keeps = held
        .negotiated()
        .is_some_and(Negotiated::keeps_routes_over_notification);
    match keeps && reason.is_for_good() {
        true => Notification::hard_reset(cease),
        false => cease.clone(),
    }
}
