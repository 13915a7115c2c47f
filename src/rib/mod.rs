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

mod adj_rib_in;
mod adj_rib_out;
mod answer;
mod change_log;
mod chunk;
mod command;
mod decision;
mod dest_set;
mod export;
mod feed;
mod import;
mod intern;
mod loc_rib;
mod member;
mod membership;
mod nexthop;
mod path;
mod peers;
mod query;
mod restart;
mod shard;
mod shared;
mod sweep;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod update_group;

pub use command::{
    Chunk, Command, GroupId, LocalRoute, Mark, NextHopState, Output, PeerSetup, RouteBatch,
    RouteOp, Routes, SessionTerms, Version,
};
pub use feed::{FibChange, FibRoute, FibRouteKind};
pub use query::{
    Answer, GroupRow, PathRow, PeerCounts, Query, RibTotals, RouteRow, RouteTable, RoutesPage,
    RoutesQuery,
};
pub use shard::{Shard, ShardOptions};

/// Chunks that a group's ring keeps; a member further behind catches up from the log.
pub const RING_CHUNKS: usize = 256;

/// The most octets in one [`Chunk`].
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// The most routes in one [`RouteBatch`].
pub const BATCH_ROUTES_MAX: usize = 1024;
