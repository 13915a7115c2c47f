//! The RFC 4271 §8 machine of one configured peer.
//!
//! Pure: [`Input`]s and the current time go in, [`Action`]s and the next deadline come out. The owner
//! (a session's driver, or the simulator) holds the sockets, the clock and the routes; the machine
//! holds the state, at most two connections and every timer. It never sees a prefix: an UPDATE is an
//! event to it.
//!
//! # How it is cut
//!
//! RFC 4271 describes one machine for each TCP connection and says in §6.8 what happens when there
//! are two. Here a [`Peer`] is one *dialler* (Idle, Connect, Active: what is done to obtain a
//! connection) and up to two *connections* (OpenSent, OpenConfirm, Established), so the question of
//! two is asked in one place, `collision.rs`. Each state owns the data that only it needs, and every
//! pair of state and event is written out.
//!
//! # What must hold
//!
//! - At most one connection is established; [`Action::Up`] and [`Action::Down`] alternate.
//! - Nothing is asked of a connection after [`Action::Close`] or after the owner reported it closed.
//! - Each [`Action::Dial`] is followed by exactly one of: the owner's answer, [`Action::CancelDial`].
//! - Time and jitter come from outside: equal seeds and scripts give equal actions.
//!
//! # What the owner does
//!
//! After each call of [`Peer::handle`] or [`Peer::handle_timeout`] it takes all actions from
//! [`Peer::poll_action`] and does them in order. An UPDATE counts if, *after* the machine was told of
//! it, [`Peer::established`] names the connection that it came from. At the time that
//! [`Peer::poll_timeout`] gives, it calls [`Peer::handle_timeout`]. A dialled connection that the
//! machine does not want any more comes back as [`Action::Close`].
//!
//! ```
//! use std::time::{Duration, Instant};
//! use calidris::fsm::{Action, Backlog, Input, Peer, PeerConfig, StateName};
//! use calidris::net::{Asn, PerFamily, RouterId};
//! use calidris::wire::HoldTime;
//!
//! let config = PeerConfig {
//!     local_as: Asn(64_512),
//!     remote_as: Asn(64_512),
//!     router_id: RouterId([192, 0, 2, 1].into()),
//!     remote_address: [192, 0, 2, 2].into(),
//!     passive: false,
//!     families: PerFamily { ipv4: true, ipv6: false },
//!     add_path: PerFamily::default(),
//!     hold_time: HoldTime::new(240).expect("not one or two"),
//!     keepalive: None,
//!     connect_delay: Duration::from_secs(2),
//!     connect_retry: Duration::from_secs(5),
//!     idle_hold: (Duration::from_secs(5), Duration::from_secs(30)),
//!     restart_time: Some(120),
//!     long_lived_time: None,
//!     role: None,
//!     delay_open: None,
//! };
//! let mut peer = Peer::new(config, 7);
//! peer.handle(Instant::now(), Input::Start);
//! let (at, _) = peer.poll_timeout().expect("the first dial is scheduled");
//! peer.handle_timeout(at, Backlog::Drained);
//! assert_eq!(peer.poll_action(), Some(Action::Dial));
//! assert_eq!(peer.state(), StateName::Connect);
//! ```

#![deny(clippy::wildcard_enum_match_arm)]

mod action;
mod collision;
mod config;
mod connection;
mod event;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod negotiate;
mod peer;
mod state;
mod timer;

#[cfg(test)]
mod tests;

pub use action::{Action, ConnectionId, DownReason, SessionDown};
pub use config::PeerConfig;
pub use event::{Backlog, CloseReason, Direction, Input, Received, StopReason};
pub use negotiate::{Negotiated, OpenError};
pub use peer::Peer;
pub use state::StateName;
pub use timer::Timer;
