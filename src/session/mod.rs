//! Sessions: one task per peer, between a socket, the session machine and the RIB.

mod view;

pub use view::{
    CountersView, ErrorView, MessageCounts, NegotiatedView, NotificationView, PeerState, PeerView,
    UpdateErrorCounts,
};
