//! What goes into the machine.

use super::action::ConnectionId;
use crate::wire::{Notification, Open, RouteRefresh, WireError};

/// An event for [`super::Peer::handle`]; timers are not among them: they fire by `handle_timeout`.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Begin (ManualStart, AutomaticStart).
    Start,
    /// End all connections and stay idle until the next `Start`.
    Stop(StopReason),
    /// A TCP connection is up: one that [`super::Action::Dial`] asked for, or one accepted.
    Connected {
        /// Who opened it.
        direction: Direction,
        /// The owner's handle of the connection; never reused.
        connection: ConnectionId,
    },
    /// The dial that was asked for failed.
    DialFailed {
        /// What the system said.
        reason: String,
    },
    /// A connection is gone, without a NOTIFICATION from the peer.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// A whole message has arrived.
    Received {
        /// The connection that it came from.
        connection: ConnectionId,
        /// The message, or the fault found in it.
        message: Received,
    },
}

/// One message as far as the machine cares.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// OPEN.
    Open(Open),
    /// KEEPALIVE.
    Keepalive,
    /// UPDATE; its content goes elsewhere.
    Update,
    /// NOTIFICATION.
    Notification(Notification),
    /// ROUTE-REFRESH.
    RouteRefresh(RouteRefresh),
    /// Bytes that end the session.
    Faulty(WireError),
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// This side dialled.
    Outgoing,
    /// The peer dialled.
    Incoming,
}

/// Why a connection ended without a NOTIFICATION.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed it in order.
    EndOfStream,
    /// Reading or writing failed; what the system said.
    Error(String),
}

/// Why the owner stops the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Send this NOTIFICATION (a Cease) and close.
    Cease(Notification),
    /// Close silently, so that the peer keeps routes as after a crash (graceful restart).
    Silent,
}

/// Whether bytes that have arrived are still unread when a timer fires (invariant 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Input waits because this side paused reading.
    Unread,
    /// All that has arrived was read.
    Drained,
}
