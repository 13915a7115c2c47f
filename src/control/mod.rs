//! The control API: questions over HTTP/1.1, on a unix socket and over TCP, and on the unix socket
//! what an operator may do to a session.
//!
//! One router (`api`) answers on both listeners (`http`); the command line is a client of the
//! socket and nothing more. `POST` needs the right to open the socket: over TCP it is refused.
//! Nothing here owns state: answers are made from the snapshots that rooms publish ([`Views`]) and
//! from pages that the RIB and the kernel's writer hand out between their turns, so a question never
//! stops routing. Long listings stream a page at a time, so that a slow reader holds one page and not
//! the table.
//!
//! What is bounded: connections per listener ([`CONNECTIONS_MAX`]; more wait in the kernel's queue,
//! and each listener has its own, so a flood over TCP does not lock out the operator), the time to
//! send a request's head, the age of a connection, and the time that a room may take to answer.

mod answer;
mod api;
mod body;
mod explain;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod gather;
mod http;
mod listing;
mod metrics_view;
mod operate;
mod params;
mod status_page;
#[cfg(any(test, fuzzing))]
#[cfg_attr(not(test), expect(dead_code, reason = "tests use the rest"))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod timestamp;
mod view;

pub use answer::{
    ActionAnswer, ConditionAnswer, DatastoreAnswer, DatastoreSummary, ErrorAnswer, ErrorBody,
    ExplainAnswer, FibAnswer, GroupsAnswer, HeldAnswer, KernelAnswer, ListenAnswer, LivenessAnswer,
    Neighbor, NeighborLine, NeighborsAnswer, ReadinessAnswer, RoutesAnswer, Summary, TimedError,
    TimedNotification, WarningAnswer,
};
pub use http::{Listen, ServeError, serve};
pub use params::Place;
pub use timestamp::Timestamp;
pub use view::{
    About, BoxFuture, Condition, FibQueries, OperateError, Operators, Peers, QueryError, Readiness,
    RibQueries, Views,
};

/// The most connections that one listener serves at a time; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 64;

/// The most destinations that one page of a listing looks at.
pub const PAGE_DESTINATIONS: u32 = 256;
