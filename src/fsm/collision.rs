//! Which of two connections to one peer survives (RFC 4271 §6.8, RFC 6286 §2.3, RFC 4724 §4.2).
//!
//! Both sides must come to the same verdict from what each has seen, in whatever order. The rule by
//! identifiers is symmetric; "an established connection always wins" is not, as only one side may
//! have got there. Two measures close the gap: a connection without precedence is not established
//! while one with precedence still waits for OPEN (see [`blocks`]), and a connection that arrives
//! beside an established session is not answered before it is judged. A test walks through every
//! interleaving of two peers that dial each other.

use std::time::{Duration, Instant};

use super::config::PeerConfig;
use super::connection::Connection;
use super::event::Direction;
use super::negotiate::Negotiated;
use super::state::State;

/// What becomes of a connection whose OPEN has just been found good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on; the other, if any, is not yet far enough to be compared.
    Proceed,
    /// It goes on, and the other is closed with Cease 6/7.
    ProceedAlone,
    /// It is closed with Cease 6/7.
    Yield,
    /// It goes on, and the established session is closed in silence: the peer has restarted.
    TakeOver,
}

/// An established session younger than this is not given up for a new connection: two sides that
/// dial each other would look like a restart.
pub(super) const RESTART_AGE_MIN: Duration = Duration::from_secs(5);

/// Judges the connection that `negotiated` was agreed on against the other one.
pub(super) fn judge(
    config: &PeerConfig,
    negotiated: &Negotiated,
    direction: Direction,
    rival: Option<&Connection>,
    now: Instant,
) -> Verdict {
    let Some(rival) = rival else {
        return Verdict::Proceed;
    };
    match &rival.state {
        State::Newcomer { .. } | State::Delayed { .. } | State::OpenSent { .. } => Verdict::Proceed,
        State::OpenConfirm { .. } if has_precedence(config, negotiated, direction) => {
            Verdict::ProceedAlone
        }
        State::OpenConfirm { .. } => Verdict::Yield,
        State::Established {
            negotiated, since, ..
        } => {
            let restarted = negotiated.graceful_restart.is_some()
                && now.saturating_duration_since(*since) >= RESTART_AGE_MIN;
            if restarted {
                Verdict::TakeOver
            } else {
                Verdict::Yield
            }
        }
    }
}

/// Whether `rival` keeps a confirmed connection on `negotiated` terms from being established.
///
/// The peer may already have decided for the rival, and will then close this one.
pub(super) fn blocks(config: &PeerConfig, negotiated: &Negotiated, rival: &Connection) -> bool {
    match &rival.state {
        State::Delayed { .. } | State::OpenSent { .. } => {
            has_precedence(config, negotiated, rival.direction)
        }
        State::Newcomer { .. } | State::OpenConfirm { .. } | State::Established { .. } => false,
    }
}

/// Whether a connection of this direction was opened by the side with the higher identifier, or with
/// the higher AS where the identifiers are equal.
fn has_precedence(config: &PeerConfig, negotiated: &Negotiated, direction: Direction) -> bool {
    let local = (config.router_id, config.local_as);
    let remote = (negotiated.peer_id, negotiated.peer_as);
    match direction {
        Direction::Outgoing => local > remote,
        Direction::Incoming => local <= remote,
    }
}
