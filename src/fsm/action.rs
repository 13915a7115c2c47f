//! What the machine asks of its owner.

use std::fmt;

use super::negotiate::Negotiated;
use crate::net::Family;
use crate::wire::{Notification, Open};

/// The owner's handle of one TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One thing to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Open a TCP connection to the peer.
    Dial,
    /// Give up the dial under way.
    CancelDial,
    /// Send OPEN on a connection.
    SendOpen(ConnectionId, Open),
    /// Send KEEPALIVE on a connection, ahead of any queued routes.
    SendKeepalive(ConnectionId),
    /// Send NOTIFICATION on a connection, ahead of any queued routes.
    SendNotification(ConnectionId, Notification),
    /// Close a connection once what was asked to be sent is written.
    Close(ConnectionId),
    /// The session is established on this connection.
    Up(ConnectionId, Box<Negotiated>),
    /// The established session is gone.
    Down(SessionDown),
    /// The peer asks for its routes again.
    Refresh(Family),
    /// An attempt has failed before a session was established; a new one follows in its time.
    Failed(DownReason),
}

/// The end of an established session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDown {
    /// Why.
    pub reason: DownReason,
    /// Whether RFC 4724 lets this side keep the peer's routes as stale, in each family that the peer
    /// offered; the time is in [`Negotiated`].
    pub keep_routes: bool,
}

/// Why a session ended, or did not come up; for logs, metrics and `show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownReason {
    /// The dial failed.
    DialFailed(String),
    /// The connection was closed without a word.
    ConnectionClosed(String),
    /// This side sent a NOTIFICATION; the text says what was wrong.
    NotificationSent(Notification, String),
    /// The peer sent a NOTIFICATION.
    NotificationReceived(Notification),
    /// The owner stopped the session silently.
    Stopped,
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DialFailed(reason) => write!(f, "connecting failed: {reason}"),
            Self::ConnectionClosed(reason) => write!(f, "connection closed: {reason}"),
            Self::NotificationSent(notification, reason) => {
                write!(f, "sent {}: {reason}", notification.meaning())
            }
            Self::NotificationReceived(notification) => {
                write!(f, "received {}", notification.meaning())
            }
            Self::Stopped => f.write_str("stopped"),
        }
    }
}
