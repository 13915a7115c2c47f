//! One calidris among real BIRDs, in network namespaces, IPv4 and IPv6.
//!
//! Each test builds a segment of its own, so they run side by side. As another user than root they
//! run themselves again inside a user namespace; where that is forbidden they say so and skip.

#![expect(clippy::panic, reason = "that is how a test fails")]

#[expect(dead_code, reason = "other suites use what this one does not")]
#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod explain;
mod lan;
mod metrics;
mod password;
mod peer_restart;
mod restart;
mod routes;
