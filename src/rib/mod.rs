//! Routes: what peers said, what is best, and what each group of peers is told.
//!
//! A [`Shard`] owns all route state of its prefixes. It is pure: [`Command`]s go in, [`Output`]s come
//! out, time is an argument. The daemon gives it its turns between those of the sessions, the simulator
//! calls it directly. There may be several ([`Sharding`]); what they tell is the same in sum.
//!
//! # How routes come in
//!
//! Attributes come as the octets of their content and are interned by it, so equal content is one
//! pointer, and only a set that is new is taken apart. Loops and the import policy are checked,
//! and the path is stored with what was received and what was made of it: a path that is refused
//! replaces the good one before it and is kept for questions and for the next policy. Then the
//! destination decides again, and what readers could see of a change goes into the change log of the
//! family. Whatever concerns many destinations at once (a peer that is gone, another import policy, a
//! next hop that moved) is a sweep, done a bounded step per turn.
//!
//! # How routes leave
//!
//! A group of peers that are told the same in the same bytes has one *head* that reads the log,
//! applies the export policy once, packs messages and publishes them as [`Chunk`]s. Members that
//! follow the publications are *live*. A member that has just come up (dumping) or fell behind
//! (catching up) is served chunk by chunk, when it asks, from what the group has advertised last; a
//! slow member costs a cursor, never a queue. The kernel's writer is one more cursor on the log.
//!
//! Another configuration moves no one to the beginning. A group whose members all change alike gets
//! the new key where it stands, one that some leave is copied, and a sweep logs what is exported
//! otherwise by the new key; who goes over to another group is told how that one's routes differ. Until
//! the sweep is over nobody begins a dump in the group, so that an End-of-RIB says what holds.
//!
//! # What must hold
//!
//! - A change that some reader has not met is named by an entry of the log ahead of that reader, and a
//!   destination without paths lives until every reader has passed it (invariant 7). Therefore the
//!   owner must report [`Command::Lagged`] before it counts the others in [`Command::Drained`], and a
//!   group with live members whose owner never reports `Drained` keeps its part of the log, which is
//!   bounded by destinations.
//! - At rest a member has what its group's Adj-RIB-Out says, less its own routes (invariant 5).
//! - Outcomes do not depend on hash seeds or addresses in memory: hash tables are for lookup, and what
//!   is sent is in the order of destinations and of first appearance (invariant 1).

mod adj_rib_in;
mod adj_rib_out;
mod answer;
mod batch;
mod change_log;
mod chunk;
mod command;
mod configure;
mod decision;
mod dest_set;
mod dump;
mod explain;
mod explanation;
mod export;
mod extended;
mod feed;
mod group_counts;
mod import;
mod index;
mod intern;
mod known;
mod loc_rib;
mod member;
mod membership;
mod nexthop;
mod path;
mod path_ids;
mod paths;
mod peers;
mod policy_pool;
mod prefix_limit;
mod query;
mod refusal;
mod regroup;
mod restart;
mod selection;
mod shard;
mod sharding;
mod shared;
mod shared_dump;
mod sweep;
mod table;
#[cfg(test)]
mod testing;
// The fuzz target needs peers, not the tests' driver.
#[cfg(all(fuzzing, not(test)))]
#[path = "testing/fixtures.rs"]
#[expect(dead_code, reason = "tests use the others")]
mod testing;
#[cfg(test)]
mod tests;
mod update_group;
mod withheld;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing {
    //! The body of the fuzz target that edits attributes on their way through.
    pub use super::export::fuzzing::attribute_edit;
}

pub use batch::{RouteBatch, RouteOp};
pub use command::{
    Chunk, Command, GroupId, LocalRoute, Mark, NextHopState, Output, PeerSetup, Routes,
    SessionTerms, Version,
};
pub use decision::DecisionStep;
pub use explanation::{
    DecisionOutcome, DecisionVerdict, ExplainedExport, ExplainedPath, Explanation, ExportVerdict,
    ImportVerdict, KernelVerdict, PolicyVerdict, RuleRow,
};
pub use feed::{FibChange, FibRoute, FibRouteKind};
pub use prefix_limit::{PrefixLimitEvent, PrefixTally};
// For the benches, and the test that nothing is allocated for known sets.
pub use group_counts::GroupCounts;
#[doc(hidden)]
pub use intern::Interner;
pub use query::{
    Answer, BehindRow, GroupRow, LongestMatch, MemberState, PathRow, PeerCounts, Query, RibTotals,
    RouteRow, RouteTable, RoutesPage, RoutesQuery,
};
pub use refusal::RefusedCounts;
pub use shard::{Shard, ShardOptions};
pub use sharding::{
    BookSteps, Boundary, Demarcation, DemarcationSteps, Gathering, KernelPulls, NextHopBook,
    SHARDS_MAX, ShardId, Sharding, Shards,
};
pub use withheld::Withheld;

/// Chunks that a group's ring keeps; a member further behind catches up from the log.
pub const RING_CHUNKS: usize = 256;

/// How long what a peer has not announced again stays after it began to tell everything anew, should
/// it never say that it has ended (RFC 7313 §4).
pub const REFRESH_STALE_MAX: std::time::Duration = std::time::Duration::from_secs(360);

/// The most octets in one [`Chunk`].
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// The most routes in one [`RouteBatch`].
pub const BATCH_ROUTES_MAX: usize = 1024;
