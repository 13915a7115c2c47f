//! The RFC 4271 §8 machine of one configured peer.
//!
//! Pure: [`Input`]s and the current time go in, [`Action`]s and the next deadline come out. The owner
//! (a session's driver, or the simulator) holds the sockets, the clock and the routes; the machine
//! holds the state, at most two connections and every timer. It never sees a prefix: an UPDATE is an
//! event to it.

mod action;
mod config;
mod event;
mod negotiate;

pub use action::{Action, ConnectionId, DownReason, SessionDown};
pub use config::PeerConfig;
pub use event::{Backlog, CloseReason, Direction, Input, Received, StopReason};
pub use negotiate::Negotiated;
