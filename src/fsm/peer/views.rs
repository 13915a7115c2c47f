//! What the machine shows of itself.

use std::time::{Duration, Instant};

use super::Peer;
use crate::fsm::action::{ConnectionId, DownReason, RefreshRefusal};
use crate::fsm::connection::Connection;
use crate::fsm::negotiate::Negotiated;
use crate::fsm::state::{Dialler, State, StateName};
use crate::fsm::timer::Timer;
use crate::net::Family;

impl Peer {
    /// The state, for views: that of the connection that has got furthest, else the dialler's.
    pub fn state(&self) -> StateName {
        let furthest = self.connections.iter().map(Connection::name).max();
        furthest.unwrap_or(match self.dialler {
            Dialler::Stopped | Dialler::IdleHold { .. } => StateName::Idle,
            Dialler::Dialling { .. } => StateName::Connect,
            Dialler::Resting | Dialler::Scheduled { .. } => StateName::Active,
        })
    }

    /// The connection of the established session, and its terms.
    pub fn established(&self) -> Option<(ConnectionId, &Negotiated)> {
        self.connections.iter().find_map(|held| match &held.state {
            State::Established { negotiated, .. } => Some((held.id, &**negotiated)),
            State::Newcomer { .. }
            | State::Delayed { .. }
            | State::OpenSent { .. }
            | State::OpenConfirm { .. } => None,
        })
    }

    /// Why the peer cannot be asked for its routes of a family; `None` where it can.
    pub fn refresh_refusal(&self, family: Family) -> Option<RefreshRefusal> {
        let established = self.connections.iter().find(|held| held.is_established());
        established.map_or(Some(RefreshRefusal::NotEstablished), |held| {
            held.refresh_refusal(family)
        })
    }

    /// How often the peering has failed of late: each failure doubles the pause that follows it, up
    /// to a bound. Zero again after a long time without one.
    pub fn failures(&self) -> u32 {
        self.back_off.failures()
    }

    /// The terms on a connection, from OpenConfirm on: what the codec needs for the messages that
    /// follow OPEN.
    pub fn negotiated(&self, connection: ConnectionId) -> Option<&Negotiated> {
        self.connections
            .iter()
            .find(|held| held.id == connection)?
            .negotiated()
    }

    /// Why the session last went down or did not come up; kept while it is up again.
    pub fn last_down(&self) -> Option<&DownReason> {
        self.last_down.as_ref()
    }

    /// The time left of the established session's hold timer; `None` where it is off.
    pub fn hold_remaining(&self, now: Instant) -> Option<Duration> {
        self.remaining(now, Timer::Hold)
    }

    /// The time until the established session's next KEEPALIVE; `None` where there is none.
    pub fn keepalive_remaining(&self, now: Instant) -> Option<Duration> {
        self.remaining(now, Timer::Keepalive)
    }

    fn remaining(&self, now: Instant, which: Timer) -> Option<Duration> {
        let established = self.connections.iter().find(|held| held.is_established())?;
        let (at, _) = established.deadlines().find(|(_, timer)| *timer == which)?;
        Some(at.saturating_duration_since(now))
    }
}
