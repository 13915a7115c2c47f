//! The states, each with the data that only it needs.

use std::fmt;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::negotiate::Negotiated;
use super::timer::SessionTimers;
use crate::net::PerFamily;

/// The states of RFC 4271 §8.2.2 by name, for views; ordered by progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StateName {
    /// Stopped, or waiting after a failure; connections are refused.
    Idle,
    /// Dialling.
    Connect,
    /// Waiting for the next dial, or for the peer to dial.
    Active,
    /// OPEN sent.
    OpenSent,
    /// OPEN accepted, KEEPALIVE awaited.
    OpenConfirm,
    /// Exchanging routes.
    Established,
}

impl StateName {
    /// All states, in the order of a session's life.
    pub const ALL: [Self; 6] = [
        Self::Idle,
        Self::Connect,
        Self::Active,
        Self::OpenSent,
        Self::OpenConfirm,
        Self::Established,
    ];

    /// The state's name as in the RFC.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        }
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is done to obtain a connection: the part of the machine that belongs to no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialler {
    /// Nothing, until the owner says `Start`.
    Stopped,
    /// Nothing, until a failure is atoned for; connections are refused meanwhile (RFC 4271 §8.2.2).
    IdleHold {
        /// When it ends.
        until: Instant,
    },
    /// No dial is needed or allowed; connections are accepted.
    Resting,
    /// The next dial has a time; connections are accepted.
    Scheduled {
        /// The time.
        at: Instant,
    },
    /// A dial is under way; connections are accepted.
    Dialling {
        /// When to give it up.
        until: Instant,
    },
}

/// How far one connection has come.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Accepted beside an established session: this side says nothing before the peer's OPEN has
    /// been judged (the DelayOpen of RFC 4271 §8.1.1). An OPEN of ours could make the peer prefer this
    /// connection while we prefer the other, and both would be lost.
    Newcomer {
        /// When patience ends.
        until: Instant,
    },
    /// Accepted by a side that lets the peer speak first (DelayOpen, RFC 4271 §8.1.1): its own OPEN
    /// follows the peer's, or comes when the delay is over.
    Delayed {
        /// When the delay is over.
        open_at: Instant,
        /// When patience ends.
        until: Instant,
    },
    /// Our OPEN is out.
    OpenSent {
        /// When patience ends.
        until: Instant,
    },
    /// Both OPENs are out and agreed on.
    OpenConfirm {
        /// The terms.
        negotiated: Box<Negotiated>,
        /// The timers.
        timers: SessionTimers,
        /// The peer's KEEPALIVE has come, but a connection with precedence may still make it.
        confirmed: bool,
    },
    /// Routes flow.
    Established {
        /// The terms.
        negotiated: Box<Negotiated>,
        /// The timers.
        timers: SessionTimers,
        /// Since when.
        since: Instant,
        /// The families whose routes were asked for by a message that is not written yet.
        asked: PerFamily<bool>,
    },
}
