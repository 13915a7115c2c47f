//! Sessions: one task per peer, between a socket, the session machine and the RIB.
//!
//! A [`Driver`] owns its peer's sockets, its [`crate::fsm::Peer`] and what waits to be written. It
//! waits for whatever comes first: bytes, room to write, a deadline, a chunk of routes, a place in
//! the RIB's mailbox, a command. It never awaits a write while input waits, and keepalives never
//! queue behind routes.
//!
//! # Queues and their bounds (invariant 8)
//!
//! | queue | bound | when it is full |
//! | --- | --- | --- |
//! | bytes read, not yet parsed | one message and one read | nothing more is read until it is parsed |
//! | routes parsed, not yet in the RIB's mailbox | one read's worth | the socket is not read; TCP slows the peer, writing and keepalives go on |
//! | routes to write | [`outbox::ROUTE_OCTETS_MAX`] and one chunk | the ring is not read, nothing is pulled |
//! | a group's ring | [`crate::rib::RING_CHUNKS`] | the reader catches up from the RIB's log |
//! | replies from the RIB | [`mailbox::REPLIES_MAX`] | cannot happen: one request a family is under way |
//! | commands | [`driver::COMMANDS_MAX`] | the registry waits; an incoming connection is refused |

mod actions;
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
mod mailbox;
mod operate;
mod outbox;
mod receive;
mod record;
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
pub use mailbox::{RibMail, RibReply};
pub use operate::{OperatorAction, OperatorAnswer, OperatorRefusal, OperatorReply};
pub use spec::PeerSpec;
pub use view::{
    CountersView, ErrorView, MessageCounts, NegotiatedView, NotificationView, PeerState, PeerView,
    UpdateErrorCounts,
};
