//! Conditions of rules, and what they look at.

use std::sync::Arc;

use super::prefix_set::PrefixSet;
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
    Equals(PrefixSet),
    /// The prefix lies inside one of these, or equals it.
    Inside(PrefixSet),
    /// LOCAL_PREF is above this; `MAX − m` here means that the route's metric is below `m`
    /// (spec/calico.md §4.2).
    LocalPrefAbove(u32),
    /// The route comes from one of these sources.
    Source(Arc<[RouteSource]>),
    /// The BGP next hop is one of these addresses.
    NextHopIs(Arc<[std::net::IpAddr]>),
}

/// LOCAL_PREF of a route that carries none (spec/calico.md §3.9).
pub const LOCAL_PREF_DEFAULT: u32 = 100;

impl Condition {
    /// Whether the condition holds for a route as it stands.
    pub fn holds(&self, route: &RouteContext<'_>) -> bool {
        match self {
            Self::Equals(prefixes) => prefixes.has(&route.prefix),
            Self::Inside(prefixes) => prefixes.covers(&route.prefix),
            Self::LocalPrefAbove(bound) => {
                route.attributes.local_pref.unwrap_or(LOCAL_PREF_DEFAULT) > *bound
            }
            Self::Source(sources) => sources.contains(&route.source),
            Self::NextHopIs(addresses) => route
                .attributes
                .next_hop
                .address()
                .is_some_and(|address| addresses.contains(&address)),
        }
    }

    pub(super) fn looks_at_prefix(&self) -> bool {
        match self {
            Self::Equals(_) | Self::Inside(_) => true,
            Self::LocalPrefAbove(_) | Self::Source(_) | Self::NextHopIs(_) => false,
        }
    }
}
