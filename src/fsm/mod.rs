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
//! - At most one KEEPALIVE waits to be written on a connection: nothing grows behind a peer that does
//!   not read.
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
//! After each write that made progress it says [`Input::Wrote`]: without it the send hold timer (RFC
//! 9687) ends every session, and no second KEEPALIVE is asked for. After each OPEN that it has handed
//! in it tells the framer whether [`Peer::negotiated`] allows extended messages.
//!
//! # How a session ends, and what follows
//!
//! | end | the peer is told | routes kept | then |
//! | --- | --- | --- | --- |
//! | connection lost, or taken over by the peer's next one | – | with graceful restart | dials again soon |
//! | NOTIFICATION either way, hold or send hold expiry | its code | with the N bit on both sides | pause that doubles with each failure (a Cease from the peer is mostly none) |
//! | Hard Reset from the peer | – | no | as its inner code says |
//! | [`StopReason::AdminReset`] | 6/4 | with the N bit on both sides | back after two seconds |
//! | [`StopReason::HardReset`] | 6/4 | no | back after two seconds |
//! | [`StopReason::PrefixLimit`] | 6/1 with family and bound | no | down for its restart time, or until `Start` |
//! | [`StopReason::AdminShutdown`] | 6/2 with a text | no | down until `Start` |
//! | [`StopReason::Deconfigured`], [`StopReason::ConfigChange`] | 6/3, 6/6 | no | down until `Start` |
//! | [`StopReason::Silent`] | – | as the peer likes | down until `Start` |
//!
//! Where the table says "no" and both sides have set the N bit, the Cease goes inside a Hard Reset (RFC
//! 8538). After an end that kept routes, the next OPEN sets F, and R if a NOTIFICATION was the end: a
//! peer that saw F clear would drop what it has kept.
//!
//! While it pauses or is stopped, a passive side refuses connections like any other: whoever sends
//! rubbish and dials again at once waits, too.
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

pub use action::{Action, ConnectionId, DownReason, RefreshRefusal, SessionDown};
pub use config::PeerConfig;
pub use event::{Backlog, CloseReason, Direction, Input, Received, StopReason};
pub use negotiate::{Negotiated, OpenError};
pub use peer::Peer;
pub use state::StateName;
pub use timer::Timer;
