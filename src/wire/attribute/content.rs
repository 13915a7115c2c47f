//! The content of a set: the one row of octets that stands for it.
//!
//! It begins with an MP_REACH_NLRI that holds nothing but the next hop, where that is not IPv4; after it
//! come the attributes as [`PathAttributes::encode`] writes them for four-octet AS numbers.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::code::{self, OPTIONAL};
use super::encode::Sink;
use super::raw::Raw;
use super::view::AttributesView;
use super::walk::Walk;
use super::{
    Aggregator, AsPath, Community, LargeCommunity, NextHop, Origin, PathAttributes, RareAttributes,
    UnknownAttribute,
};
use crate::net::{Asn, ClusterId, PerFamily, RouterId};
use crate::wire::DecodeContext;

/// Compares what it is handed with octets at hand.
struct Comparison<'a> {
    left: &'a [u8],
    equal: bool,
}

impl Sink for Comparison<'_> {
    #[inline]
    fn put(&mut self, octets: &[u8]) {
        match self.left.split_at_checked(octets.len()) {
            Some((next, rest)) => {
                self.equal &= next == octets;
                self.left = rest;
            }
            None => self.equal = false,
        }
    }
}

impl PathAttributes {
    /// Appends the content of this set; equal sets have equal contents.
    pub(crate) fn put_content(&self, out: &mut Vec<u8>) {
        put_next_hop(self.next_hop, out);
        self.write(true, out);
    }

    /// Whether this set has that content.
    pub(crate) fn has_content(&self, content: &[u8]) -> bool {
        let mut comparison = Comparison {
            left: content,
            equal: true,
        };
        put_next_hop(self.next_hop, &mut comparison);
        self.write(true, &mut comparison);
        comparison.equal && comparison.left.is_empty()
    }

    /// Builds the set that has this content, which one of the two `put_content` wrote.
    pub(crate) fn from_content(content: &[u8]) -> Self {
        let (next_hop, list) = split_next_hop(content);
        let mut walk = Walk::new(list, &AS_KEPT);
        walk.run(0, &AS_KEPT)
            .expect("contents are written by this room");
        debug_assert!(walk.faults().is_empty(), "contents are in order");
        let next_hop = next_hop
            .or(walk.view.next_hop.map(NextHop::V4))
            .unwrap_or(NextHop::Local);
        build(&walk.view, next_hop)
    }
}

/// Contents are what an internal peer with four-octet AS numbers could send.
const AS_KEPT: DecodeContext = DecodeContext {
    four_octet_as: true,
    add_path: PerFamily {
        ipv4: false,
        ipv6: false,
    },
    families: PerFamily {
        ipv4: false,
        ipv6: false,
    },
    external: false,
    extended_next_hop: false,
};

/// Writes a next hop that is not IPv4, as an attribute.
#[inline]
pub(super) fn put_next_hop(next_hop: NextHop, out: &mut impl Sink) {
    match next_hop {
        NextHop::V4(_) => {}
        NextHop::Local => out.put(&[OPTIONAL, code::MP_REACH_NLRI, 0]),
        NextHop::V6 {
            global,
            link_local: None,
        } => {
            out.put(&[OPTIONAL, code::MP_REACH_NLRI, 16]);
            out.put(&global.octets());
        }
        NextHop::V6 {
            global,
            link_local: Some(link_local),
        } => {
            out.put(&[OPTIONAL, code::MP_REACH_NLRI, 32]);
            out.put(&global.octets());
            out.put(&link_local.octets());
        }
    }
}

/// Takes the next hop off the front, unless NEXT_HOP tells it.
fn split_next_hop(content: &[u8]) -> (Option<NextHop>, &[u8]) {
    match Raw::split_off(content) {
        Some((raw, rest)) if raw.code == code::MP_REACH_NLRI => {
            let next_hop = match raw.value.split_first_chunk::<16>() {
                Some((global, link_local)) => NextHop::V6 {
                    global: Ipv6Addr::from(*global),
                    link_local: link_local.first_chunk().copied().map(Ipv6Addr::from_octets),
                },
                None => NextHop::Local,
            };
            (Some(next_hop), rest)
        }
        _ => (None, content),
    }
}

/// Takes a view of a content apart.
fn build(view: &AttributesView<'_>, next_hop: NextHop) -> PathAttributes {
    let four = |value: &[u8]| value.as_chunks::<4>().0.to_vec().into_iter();
    let mut unknown = smallvec::SmallVec::new();
    if view.unknown {
        view.collect_unknown(&mut unknown);
    }
    let rare = RareAttributes {
        aggregator: view
            .at(view.aggregator)
            .split_first_chunk()
            .and_then(|(asn, router_id)| {
                Some(Aggregator {
                    asn: Asn(u32::from_be_bytes(*asn)),
                    router_id: Ipv4Addr::from(*router_id.first_chunk::<4>()?),
                })
            }),
        originator_id: view
            .originator_id
            .map(|octets| RouterId(Ipv4Addr::from(octets))),
        cluster_list: four(view.at(view.cluster_list))
            .map(|octets| ClusterId(Ipv4Addr::from(octets)))
            .collect(),
        extended_communities: view.at(view.extended_communities).as_chunks().0.into(),
        ipv6_extended_communities: view.at(view.ipv6_extended_communities).as_chunks().0.into(),
        aigp: view.at(view.aigp).into(),
        large_communities: view
            .at(view.large_communities)
            .as_chunks::<12>()
            .0
            .iter()
            .map(large_community)
            .collect(),
        otc: view.otc.map(Asn),
        unknown: unknown
            .into_iter()
            .map(|(code, value)| UnknownAttribute {
                code,
                value: value.into(),
            })
            .collect(),
    };
    PathAttributes {
        origin: view.origin.unwrap_or(Origin::Incomplete),
        as_path: AsPath::from_value(view.at(view.as_path)),
        next_hop,
        med: view.med,
        local_pref: view.local_pref,
        atomic_aggregate: view.atomic_aggregate,
        communities: four(view.at(view.communities))
            .map(|octets| Community(u32::from_be_bytes(octets)))
            .collect(),
        partial: view.partial,
        rare: rare.into(),
    }
}

fn large_community(octets: &[u8; 12]) -> LargeCommunity {
    let mut parts = [0; 3];
    for (part, octets) in parts.iter_mut().zip(octets.as_chunks::<4>().0) {
        *part = u32::from_be_bytes(*octets);
    }
    LargeCommunity(parts)
}
