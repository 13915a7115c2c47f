//! Routes: what peers said, what is best, and what each group of peers is told.
//!
//! A [`Shard`] owns all route state of its prefixes. It is pure: [`Command`]s go in, [`Output`]s come
//! out, time is an argument. The daemon runs it on a thread of its own, the simulator calls it
//! directly.
//!
//! # How routes leave
//!
//! Every change of a destination's selection is appended to one change log per family. A group of
//! peers that are told the same in the same bytes has one *head* that reads the log, applies the
//! export policy once, packs messages and publishes them as [`Chunk`]s. Members that follow the
//! publications are *live*. A member that has just come up (dumping) or fell behind (catching up) is
//! served chunk by chunk, when it asks, from what the group has advertised last; a slow member costs
//! a cursor, never a queue.

mod command;
mod feed;
mod query;

pub use command::{
    Chunk, Command, GroupId, LocalRoute, Mark, NextHopState, Output, PeerSetup, RouteBatch,
    RouteOp, Routes, SessionTerms, Version,
};
pub use feed::{FibChange, FibRoute, FibRouteKind};
pub use query::{
    Answer, GroupRow, PathRow, PeerCounts, Query, RibTotals, RouteRow, RouteTable, RoutesPage,
    RoutesQuery,
};

/// Chunks that a group's ring keeps; a member further behind catches up from the log.
pub const RING_CHUNKS: usize = 256;

/// The most octets in one [`Chunk`].
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// The most routes in one [`RouteBatch`].
pub const BATCH_ROUTES_MAX: usize = 1024;
