//! Route reflection (RFC 4456) end to end: calidris as a reflector of BIRD, FRR, GoBGP and calidris, in
//! network namespaces, IPv4 and IPv6, its sessions planned from selectors as Calico's are.
//!
//! Each test builds a segment of its own. As another user than root they run themselves again inside a
//! user namespace; where that is forbidden they say so and skip.

#![expect(clippy::panic, reason = "that is how a test fails")]

#[expect(dead_code, reason = "other suites use what this one does not")]
#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod client;
mod failing;
mod floods;
mod network;
mod together;
mod topologies;
