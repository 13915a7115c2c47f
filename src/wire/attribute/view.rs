//! The attributes of one UPDATE, verified and left where they arrived.

use std::net::Ipv4Addr;

use smallvec::SmallVec;

use super::as_path::Received;
use super::code::{self, OPTIONAL, TRANSITIVE};
use super::content::put_next_hop;
use super::encode::{Sink, Writer};
use super::raw::{Raw, Seen};
use super::value::without_repetitions;
use super::{Aggregator, NextHop, Origin, PartialBits, PathAttributes};
use crate::net::Asn;

/// Verified attributes of an UPDATE, borrowed from it; all but the next hop, which each run of prefixes
/// has for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributesView<'a> {
    pub(super) list: &'a [u8],
    pub(super) four_octet_as: bool,
    /// Whether there are optional transitive attributes that are not interpreted.
    pub(super) unknown: bool,
    /// Whether a large community stands there twice.
    pub(super) repeated: bool,
    pub(super) atomic_aggregate: bool,
    pub(super) partial: PartialBits,
    pub(super) origin: Option<Origin>,
    pub(super) as_path: Span,
    pub(super) as4_path: Span,
    /// NEXT_HOP, for the classic NLRI field only.
    pub(in crate::wire) next_hop: Option<Ipv4Addr>,
    pub(super) med: Option<u32>,
    pub(super) local_pref: Option<u32>,
    pub(super) originator_id: Option<[u8; 4]>,
    pub(super) otc: Option<u32>,
    pub(super) aggregator: Span,
    pub(super) as4_aggregator: Span,
    pub(super) communities: Span,
    pub(super) cluster_list: Span,
    pub(super) extended_communities: Span,
    pub(super) ipv6_extended_communities: Span,
    pub(super) aigp: Span,
    pub(super) large_communities: Span,
}

/// Where the value of an attribute stands in the list; an attribute list has at most 65,535 octets.
///
/// A value never begins at zero, where the first attribute's flags are, so that means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u16,
    length: u16,
}

impl Span {
    /// The place of a value behind which `after` octets of a list of `list` octets follow.
    #[inline]
    pub(super) fn of(value: &[u8], list: usize, after: usize) -> Self {
        let narrow = |octets: usize| u16::try_from(octets).unwrap_or(0);
        Self {
            start: narrow(list - after - value.len()),
            length: narrow(value.len()),
        }
    }

    #[inline]
    pub(super) const fn is_there(self) -> bool {
        self.start > 0
    }
}

impl<'a> AttributesView<'a> {
    #[inline]
    pub(super) const fn new(list: &'a [u8], four_octet_as: bool) -> Self {
        const NOWHERE: Span = Span {
            start: 0,
            length: 0,
        };
        Self {
            list,
            four_octet_as,
            unknown: false,
            repeated: false,
            atomic_aggregate: false,
            partial: PartialBits(0),
            origin: None,
            as_path: NOWHERE,
            as4_path: NOWHERE,
            next_hop: None,
            med: None,
            local_pref: None,
            originator_id: None,
            otc: None,
            aggregator: NOWHERE,
            as4_aggregator: NOWHERE,
            communities: NOWHERE,
            cluster_list: NOWHERE,
            extended_communities: NOWHERE,
            ipv6_extended_communities: NOWHERE,
            aigp: NOWHERE,
            large_communities: NOWHERE,
        }
    }

    /// Builds the set that these attributes and a run's next hop make.
    pub fn to_path(&self, next_hop: NextHop) -> PathAttributes {
        let mut content = Vec::new();
        self.put_content(next_hop, &mut content);
        PathAttributes::from_content(&content)
    }

    /// Appends the content of the set that these attributes and a run's next hop make.
    ///
    /// Equal sets have equal contents, in whatever form they arrived. Nothing is allocated beyond the
    /// growth of `out`, but for paths and lists of great length that have to be put in order.
    pub fn put_content(&self, next_hop: NextHop, out: &mut Vec<u8>) {
        put_next_hop(next_hop, out);
        let mut unknown: SmallVec<[(u8, &[u8]); 4]> = SmallVec::new();
        if self.unknown {
            self.collect_unknown(&mut unknown);
        }
        let mut writer = Writer::new(self.partial, unknown.iter().copied(), out);
        writer.origin(self.origin.unwrap_or(Origin::Incomplete));
        self.path()
            .with_value(|value| writer.put(code::AS_PATH, value));
        if let NextHop::V4(address) = next_hop {
            writer.four(code::NEXT_HOP, address.octets());
        }
        if let Some(med) = self.med {
            writer.four(code::MULTI_EXIT_DISC, med.to_be_bytes());
        }
        if let Some(local_pref) = self.local_pref {
            writer.four(code::LOCAL_PREF, local_pref.to_be_bytes());
        }
        if self.atomic_aggregate {
            writer.put(code::ATOMIC_AGGREGATE, &[]);
        }
        if self.aggregator.is_there() {
            self.put_aggregator(&mut writer);
        }
        writer.some(code::COMMUNITIES, self.at(self.communities));
        if let Some(originator) = self.originator_id {
            writer.four(code::ORIGINATOR_ID, originator);
        }
        writer.some(code::CLUSTER_LIST, self.at(self.cluster_list));
        writer.some(
            code::EXTENDED_COMMUNITIES,
            self.at(self.extended_communities),
        );
        writer.some(
            code::IPV6_EXTENDED_COMMUNITIES,
            self.at(self.ipv6_extended_communities),
        );
        writer.some(code::AIGP, self.at(self.aigp));
        let large = self.at(self.large_communities);
        if self.repeated {
            writer.some(code::LARGE_COMMUNITY, &without_repetitions(large));
        } else {
            writer.some(code::LARGE_COMMUNITY, large);
        }
        if let Some(otc) = self.otc {
            writer.four(code::ONLY_TO_CUSTOMER, otc.to_be_bytes());
        }
        writer.finish();
    }

    /// The value at a place; empty where there is none.
    #[inline]
    pub(super) fn at(&self, span: Span) -> &'a [u8] {
        let (start, length) = (usize::from(span.start), usize::from(span.length));
        self.list.get(start..start + length).unwrap_or_default()
    }

    pub(super) fn path(&self) -> Received<'a> {
        Received {
            value: self.at(self.as_path),
            four_octet_as: self.four_octet_as,
            as4_path: self.as4_path.is_there().then(|| self.at(self.as4_path)),
        }
    }

    fn put_aggregator<'u, S: Sink>(
        &self,
        writer: &mut Writer<'_, 'u, S, impl Iterator<Item = (u8, &'u [u8])>>,
    ) {
        match (self.at(self.as4_aggregator), self.at(self.aggregator)) {
            ([], [x, y, a, b, c, d]) => {
                let aggregator = Aggregator {
                    asn: Asn(u16::from_be_bytes([*x, *y]).into()),
                    router_id: Ipv4Addr::new(*a, *b, *c, *d),
                };
                writer.aggregator(aggregator, true);
            }
            ([], whole) | (whole, _) => writer.put(code::AGGREGATOR, whole),
        }
    }

    /// Finds the attributes that are not interpreted, the first of each type, by ascending type.
    #[cold]
    pub(super) fn collect_unknown(&self, found: &mut SmallVec<[(u8, &'a [u8]); 4]>) {
        let mut seen = Seen::default();
        let mut left = self.list;
        while let Some((raw, rest)) = Raw::split_off(left) {
            left = rest;
            let is_unknown = code::flags(raw.code).is_none();
            // One that is not transitive ends here, quietly (RFC 4271 §5).
            let passes_on = raw.flags & (OPTIONAL | TRANSITIVE) == OPTIONAL | TRANSITIVE;
            if is_unknown && seen.insert(raw.code) && passes_on {
                found.push((raw.code, raw.value));
            }
        }
        found.sort_unstable_by_key(|(code, _)| *code);
    }
}
