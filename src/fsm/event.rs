//! What goes into the machine.

use std::fmt;
use std::time::Duration;

use super::action::ConnectionId;
use crate::net::Family;
use crate::wire::{Notification, Open, RouteRefresh, WireError, cease};

/// An event for [`super::Peer::handle`]; timers are not among them: they fire by `handle_timeout`.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Begin (ManualStart). Ends a pause after failures and after [`StopReason::PrefixLimit`], too.
    Start,
    /// End all connections; what follows depends on the reason.
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
    /// The system took octets to be sent on a connection. Told after every write that made progress,
    /// whatever was written; the send hold timer (RFC 9687) measures the time between two of these.
    Wrote {
        /// The connection.
        connection: ConnectionId,
        /// Whether everything that the machine asked to send is out; routes may still wait. Until it
        /// is, no further KEEPALIVE is asked for, so that nothing piles up behind a peer that does
        /// not read.
        caught_up: bool,
    },
    /// Ask the peer for its routes of a family again: answered by one
    /// [`super::Action::SendRefresh`] or [`super::Action::RefreshRefused`].
    RequestRefresh(Family),
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

/// Why the owner stops the machine, which decides what the peer is told and what follows.
///
/// A session whose sides keep routes over NOTIFICATION (RFC 8538) is told of an end for good by a
/// Hard Reset around the Cease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Close silently, so that the peer keeps routes as after a crash (graceful restart). Stays down.
    Silent,
    /// An operator switches the session off: Cease 6/2 with a text, which may be empty (RFC 9003).
    /// Stays down.
    AdminShutdown(String),
    /// An operator resets the session: Cease 6/4 with a text, which may be empty. Comes back by itself
    /// after a short pause; both sides keep routes where RFC 8538 was agreed. A machine that is
    /// stopped stays so.
    AdminReset(String),
    /// As [`Self::AdminReset`], but neither side keeps anything.
    HardReset(String),
    /// The peer has announced too many prefixes: Cease 6/1. Stays down.
    PrefixLimit {
        /// The family with too many.
        family: Family,
        /// How many it may have.
        max: u32,
        /// After this time it begins again by itself.
        restart: Option<Duration>,
    },
    /// The peer is configured no longer: Cease 6/3. Stays down.
    Deconfigured,
    /// The session's parameters change in a way that needs another machine: Cease 6/6. Stays down.
    ConfigChange,
}

impl StopReason {
    /// The Cease that says it; `None` where nothing is said.
    pub(super) fn cease(&self) -> Option<Notification> {
        Some(match self {
            Self::Silent => return None,
            Self::AdminShutdown(text) => Notification::admin_shutdown(text),
            Self::AdminReset(text) | Self::HardReset(text) => Notification::admin_reset(text),
            Self::PrefixLimit { family, max, .. } => Notification::prefix_limit(*family, *max),
            Self::Deconfigured => Notification::cease(cease::PEER_DECONFIGURED),
            Self::ConfigChange => Notification::cease(cease::CONFIG_CHANGE),
        })
    }

    /// Whether the peer must forget this side's routes, even where it would keep them.
    pub(super) const fn is_for_good(&self) -> bool {
        match self {
            Self::Silent | Self::AdminReset(_) => false,
            Self::AdminShutdown(_)
            | Self::HardReset(_)
            | Self::PrefixLimit { .. }
            | Self::Deconfigured
            | Self::ConfigChange => true,
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("stopped"),
            Self::AdminShutdown(_) => f.write_str("shut down by the operator"),
            Self::AdminReset(_) | Self::HardReset(_) => f.write_str("reset by the operator"),
            Self::PrefixLimit {
                family,
                max,
                restart,
            } => {
                write!(f, "more than {max} prefixes of {}", family.name())?;
                match restart {
                    Some(pause) => write!(f, ", down for {} s", pause.as_secs()),
                    None => f.write_str(", down until it is enabled"),
                }
            }
            Self::Deconfigured => f.write_str("the peer is configured no longer"),
            Self::ConfigChange => f.write_str("the session's parameters changed"),
        }
    }
}

/// Whether bytes that have arrived are still unread when a timer fires (invariant 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Input waits because this side paused reading.
    Unread,
    /// All that has arrived was read.
    Drained,
}
