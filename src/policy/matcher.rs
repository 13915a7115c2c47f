//! Conditions of rules, and what they look at.

use std::sync::Arc;

use crate::net::Prefix;
use crate::wire::PathAttributes;

/// What a policy sees of a route besides its attributes.
#[derive(Clone, Copy, Debug)]
pub struct RouteContext<'a> {
    /// The prefix.
    pub prefix: Prefix,
    /// The attributes as they stand before the policy.
    pub attributes: &'a PathAttributes,
    /// Where the route comes from.
    pub source: RouteSource,
}

/// Where a route comes from, as policies tell routes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteSource {
    /// Learned from a peer in the same AS.
    Internal,
    /// Learned from a peer in another AS.
    External,
    /// Originated by plan: a block or a service prefix.
    Static,
}

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// The prefix equals one of these.
    Equals(Arc<[Prefix]>),
    /// The prefix lies inside one of these, or equals it.
    Inside(Arc<[Prefix]>),
    /// LOCAL_PREF is above this; `MAX − m` here means that the route's metric is below `m`
    /// (spec/calico.md §4.2).
    LocalPrefAbove(u32),
    /// The route comes from one of these sources.
    Source(Arc<[RouteSource]>),
    /// The BGP next hop is one of these addresses.
    NextHopIs(Arc<[std::net::IpAddr]>),
}
