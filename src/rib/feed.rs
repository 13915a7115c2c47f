//! What the kernel should hold, as the RIB hands it on.

use std::net::IpAddr;

use crate::net::Prefix;

/// The latest wish for one prefix; it replaces any earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FibChange {
    /// The prefix.
    pub prefix: Prefix,
    /// The route wanted; `None` to have none.
    pub route: Option<FibRoute>,
}

/// One route for the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FibRoute {
    /// What the kernel does with packets.
    pub kind: FibRouteKind,
    /// The kernel metric (priority); `None` for the kernel's default.
    pub metric: Option<u32>,
}

/// What the kernel does with packets to a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FibRouteKind {
    /// Forward to one of these BGP next hops, sorted and without duplicates; several are ECMP. They
    /// are resolved by the kernel's writer.
    Unicast(Vec<IpAddr>),
    /// Drop silently: an own block.
    Blackhole,
    /// Answer with an error: no usable next hop.
    Unreachable,
}
