//! A world of speakers in virtual time: many machines, tables and links, one seed.
//!
//! The simulator is the shell that the daemon otherwise is. It drives the same pure rooms, real
//! messages travel over its links as bytes, and it plays the session's driver and the fan-out, with
//! one shard or several. What it adds is trouble ([`Fault`]), as much as one likes and the same each
//! time: speakers that crash and come back, links that are cut or slow, readers that stop or take an
//! octet a second, small windows and rings, policies, limits, roles and next hops that change, peers
//! that part, neighbours that say what they should not, and prefixes that come and go.
//!
//! Everything that happens is an event in one ordered queue; ties are broken by number. Chance comes
//! from the seed alone, so a seed names a whole history: [`World::trace`] is a hash over every octet
//! sent and the time at which that happened (invariant 1).
//!
//! When the trouble is over and nothing moves, [`World::check`] compares what is there with what must
//! be there: each receiver's Adj-RIB-In with the sender's Adj-RIB-Out (invariant 5), each Loc-RIB
//! and what follows from it with a naive computation (invariant 6), the log with its bound
//! (invariant 7). [`World::check_reach`] follows packets, [`World::check_empty`] looks for what is
//! left of routes that are gone, and [`World::told`] is what must not depend on the number of shards
//! (invariant 13). A [`Scenario`] is a small world, a [`Crowd`] a large one; a [`Defect`] is a fault
//! put in on purpose, to know that these checks see it. `tests/sim.rs` runs thousands.
//!
//! ```
//! use calidris::sim::Scenario;
//!
//! let report = Scenario::from_seed(7).run().expect("every invariant holds");
//! assert_eq!(report.trace, Scenario::from_seed(7).run().expect("again").trace);
//! ```

mod ask;
mod clock;
mod core;
mod crowd;
mod defect;
mod expected;
mod fanout;
mod fault;
mod filter;
mod identity;
mod learn;
mod link;
mod member;
mod oracle;
mod outbox;
mod peering;
mod random;
mod report;
mod scenario;
mod session;
mod source;
mod speaker;
mod tables;
mod violation;
mod world;

#[cfg(test)]
mod tests;

pub use crowd::{Crowd, Shape};
pub use defect::Defect;
pub use fault::Fault;
pub use filter::Filter;
pub use identity::Costs;
pub use peering::Peering;
pub use report::Report;
pub use scenario::{Scenario, Topology};
pub use source::Offer;
pub use violation::Violation;
pub use world::{Options, SpeakerId, World};
