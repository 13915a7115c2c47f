//! What the machine asks of its owner.

use std::fmt;

use super::negotiate::Negotiated;
use crate::net::Family;
use crate::wire::{Notification, Open, RouteRefresh};

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
    /// Send KEEPALIVE on a connection, ahead of any queued routes. None is asked for while an earlier
    /// one waits, see [`super::Input::Wrote`].
    SendKeepalive(ConnectionId),
    /// Send ROUTE-REFRESH on a connection, as [`super::Input::RequestRefresh`] has asked.
    SendRefresh(ConnectionId, RouteRefresh),
    /// Nothing is sent for [`super::Input::RequestRefresh`]; tell whoever asked.
    RefreshRefused(Family, RefreshRefusal),
    /// Send NOTIFICATION on a connection, ahead of any queued routes.
    SendNotification(ConnectionId, Notification),
    /// Close a connection once what was asked to be sent is written.
    Close(ConnectionId),
    /// The session is established on this connection.
    Up(ConnectionId, Box<Negotiated>),
    /// The established session is gone.
    Down(SessionDown),
    /// The peer asks for its routes again. Where [`Negotiated::enhanced_refresh`] is set, the answer
    /// stands between BoRR and EoRR (RFC 7313 §4).
    Refresh(Family),
    /// The peer begins to send its routes again (BoRR): what of them is there is stale from here on.
    ///
    /// Both marks stand in order with the routes: the owner hands on what it has received before. Where
    /// graceful restart was agreed, a begin before the peer's End-of-RIB of that family is ignored (RFC
    /// 7313 §4), which the RIB sees to.
    RefreshBegins(Family),
    /// The peer has sent all its routes again (EoRR): what is still stale goes. Without a begin, or
    /// after one that was ignored, it means nothing.
    RefreshEnds(Family),
    /// An attempt has failed before a session was established; a new one follows in its time.
    Failed(DownReason),
}

/// Why a peer cannot be asked for its routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// No session is established.
    #[error("the session is not established")]
    NotEstablished,
    /// The family was not negotiated.
    #[error("the family is not part of the session")]
    NoSuchFamily,
    /// An earlier request for the family is still to be written: the peer does not read.
    #[error("an earlier request is still to be written")]
    Waiting,
    /// The peer has not offered the capability (RFC 2918).
    #[error("the peer does not support route refresh")]
    NotSupported,
}

/// The end of an established session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDown {
    /// Why.
    pub reason: DownReason,
    /// Whether RFC 4724 or RFC 8538 lets this side keep the peer's routes as stale, in each family
    /// that the peer offered; the times are in [`Negotiated::graceful_restart`] and
    /// [`Negotiated::long_lived`]. See [`Negotiated::keeps_routes`].
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
