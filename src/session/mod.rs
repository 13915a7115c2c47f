//! Sessions: one task per peer, between a socket, the session machine and the RIB.
//!
//! A [`Driver`] owns its peer's sockets, its [`crate::fsm::Peer`] and what waits to be written. It
//! waits for whatever comes first: bytes, room to write, a deadline, a chunk of routes, a place in
//! the RIB's mailbox, a command. It never awaits a write while input waits, and keepalives never
//! queue behind routes.
//!
//! A [`Listener`] hands incoming connections over: strangers are closed before any state exists for
//! them, and where a session has a password, so is whoever comes while that key is not in force. The
//! options that this takes are set in `sockopt`, with `unsafe`.
//!
//! A session may be held down though it is planned (`hold`): by an operator, until he enables it or
//! the process ends; by the plan; beyond its prefix limit; after a defect. A panic, which would be a
//! defect, ends its own session only (`contain`): the message at fault is logged, the task begins anew
//! after a pause that doubles each time, and no other session notices.
//!
//! # Queues and their bounds (invariant 8)
//!
//! | queue | bound | when it is full |
//! | --- | --- | --- |
//! | bytes read, not yet parsed | one message a session, one read a thread | nothing more is read until it is parsed |
//! | routes parsed, not yet in a shard's mailbox | one read's worth | the socket is not read; TCP slows the peer, writing and keepalives go on |
//! | routes in the RIB's mailbox | a session's `Pace`: one letter, or three where shards have threads | as above; other sessions' letters do not wait for it |
//! | control messages to write | one of each content | a second KEEPALIVE or ROUTE-REFRESH is not queued |
//! | accepted connections without OPEN | one a session; two a session and 64 in all | the earlier one is closed; the new one is refused |
//! | routes to write | [`outbox::ROUTE_OCTETS_MAX`] and one chunk | the ring is not read, nothing is pulled |
//! | a group's ring | [`crate::rib::RING_CHUNKS`], [`ring::RING_OCTETS_MAX`]; [`ring::LAGGARD_OCTETS_MAX`] for the slower half | the reader catches up from the RIB's log |
//! | replies from the RIB | [`mailbox::REPLIES_MAX`] | a place for each: one request a family and shard is under way |
//! | commands | [`driver::COMMANDS_MAX`] | the registry waits; an incoming connection is refused |

mod actions;
mod alarm;
mod arrival;
mod connection;
mod contain;
mod dial;
mod driver;
mod follow;
mod hold;
mod inbox;
mod keys;
mod limit;
mod listen;
mod mail;
mod mailbox;
mod operate;
mod outbox;
mod post;
mod receive;
mod record;
mod ring;
mod socket;
mod sockopt;
mod spec;
#[cfg(test)]
pub(crate) mod testing;
mod throttle;
mod transport;
mod view;

pub use arrival::{Arrivals, Incoming};
#[cfg(test)]
pub(crate) use contain::BOMB;
pub use driver::{Driver, DriverCommand, DriverHandle, DriverOptions};
pub use hold::{HeldBy, HeldView};
pub use keys::Keys;
pub use listen::{Acceptor, Acceptors, ListenView, ListenViews, Listener, Reception};
pub use mailbox::{RibMail, RibMailboxes, RibReply};
pub use operate::{OperatorAction, OperatorAnswer, OperatorRefusal, OperatorReply};
pub use ring::{Found, Ring, RingReader, Unread};
pub use spec::PeerSpec;
pub use view::{
    CountersView, ErrorView, MessageCounts, NegotiatedView, NotificationView, PeerState, PeerView,
    UpdateErrorCounts,
};
