//! calidris: a BGP-4 speaker and route reflector for Calico clusters.
//!
//! Rooms, in the order of dependency (a room imports only from those above it):
//!
//! - [`net`]: prefixes, families, identifiers.
//! - [`wire`]: BGP messages to and from bytes; [`model`]: Calico's resources, typed.
//! - [`fsm`]: the RFC 4271 machine of one peer; [`policy`]: import, export and kernel verdicts.
//! - [`rib`]: tables, decision process, update groups; [`plan`]: the desired state of a node.
//!
//! All of those are pure: time and bytes go in, actions come out. The shell around them moves bytes:
//!
//! - [`session`]: one task per peer; [`fib`]: the kernel's routes; [`datastore`]: resource sources;
//!   [`metrics`]: numbers for Prometheus.
//! - [`speaker`]: makes sessions, RIB and kernel follow the plan.
//! - [`control`]: questions and answers over HTTP; [`cli`]: the command line, a client of it.
//!
//! [`settings`] decides what the program was told, [`clock`] reads the time for the shell, and
//! [`daemon`] joins all of it. With the feature `sim`, `sim` puts many speakers into one world of
//! virtual time.

pub mod cli;
pub mod clock;
pub mod control;
pub mod daemon;
pub mod datastore;
pub mod fib;
pub mod fsm;
pub mod metrics;
pub mod model;
pub mod net;
pub mod plan;
pub mod policy;
pub mod rib;
pub mod session;
pub mod settings;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod speaker;
pub mod wire;
