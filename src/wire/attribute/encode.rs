//! Attributes to octets, in ascending order of their types (RFC 4271 §5 asks for that).

use super::code::{self, EXTENDED_LENGTH, OPTIONAL, PARTIAL, TRANSITIVE};
use super::{Aggregator, LargeCommunity, NextHop, Origin, PartialBits, PathAttributes};
use crate::net::Asn;

/// What octets are handed to, one stretch after the other.
pub(super) trait Sink {
    /// Takes the next octets.
    fn put(&mut self, octets: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, octets: &[u8]) {
        self.extend_from_slice(octets);
    }
}

/// Counts octets.
struct Count(usize);

impl Sink for Count {
    fn put(&mut self, octets: &[u8]) {
        self.0 += octets.len();
    }
}

impl PathAttributes {
    /// Writes all attributes but MP_REACH_NLRI: NEXT_HOP is among them where the next hop is IPv4.
    ///
    /// Towards peers with two-octet AS numbers, those that do not fit become AS_TRANS, with AS4_PATH
    /// and AS4_AGGREGATOR beside them (RFC 6793 §4.2.2).
    pub fn encode(&self, four_octet_as: bool, out: &mut Vec<u8>) {
        self.write(four_octet_as, out);
    }

    /// The octets that [`Self::encode`] writes.
    pub fn encoded_length(&self, four_octet_as: bool) -> usize {
        let mut count = Count(0);
        self.write(four_octet_as, &mut count);
        count.0
    }

    #[inline]
    pub(super) fn write(&self, four_octet_as: bool, out: &mut impl Sink) {
        let unknown = self
            .rare
            .unknown
            .iter()
            .map(|attribute| (attribute.code, &*attribute.value));
        let mut writer = Writer::new(self.partial, unknown, out);
        writer.origin(self.origin);
        let path_length = self.as_path.encoded_length(four_octet_as);
        writer.put_with(code::AS_PATH, path_length, |out| {
            self.as_path.encode(four_octet_as, out);
        });
        if let NextHop::V4(address) = self.next_hop {
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
        if let Some(aggregator) = self.rare.aggregator {
            writer.aggregator(aggregator, four_octet_as);
        }
        writer.list(code::COMMUNITIES, &self.communities, |community| {
            community.0.to_be_bytes()
        });
        if let Some(originator) = self.rare.originator_id {
            writer.four(code::ORIGINATOR_ID, originator.0.octets());
        }
        writer.list(code::CLUSTER_LIST, &self.rare.cluster_list, |id| {
            id.0.octets()
        });
        writer.some(
            code::EXTENDED_COMMUNITIES,
            self.rare.extended_communities.as_flattened(),
        );
        if !four_octet_as {
            self.put_as4(&mut writer);
        }
        writer.some(
            code::IPV6_EXTENDED_COMMUNITIES,
            self.rare.ipv6_extended_communities.as_flattened(),
        );
        writer.some(code::AIGP, &self.rare.aigp);
        writer.list(
            code::LARGE_COMMUNITY,
            &self.rare.large_communities,
            large_community_octets,
        );
        if let Some(otc) = self.rare.otc {
            writer.four(code::ONLY_TO_CUSTOMER, otc.0.to_be_bytes());
        }
        writer.finish();
    }

    #[cold]
    fn put_as4<'u, S: Sink>(
        &self,
        writer: &mut Writer<'_, 'u, S, impl Iterator<Item = (u8, &'u [u8])>>,
    ) {
        if !self.as_path.fits_two_octets() {
            let length = self.as_path.encoded_length(true);
            writer.put_with(code::AS4_PATH, length, |out| self.as_path.encode(true, out));
        }
        if let Some(aggregator) = self.rare.aggregator
            && aggregator.asn > TWO_OCTETS_MAX
        {
            writer.put(code::AS4_AGGREGATOR, &aggregator.octets());
        }
    }
}

impl Aggregator {
    /// The value with a four-octet number.
    pub(super) fn octets(self) -> [u8; 8] {
        let [w, x, y, z] = self.asn.0.to_be_bytes();
        let [a, b, c, d] = self.router_id.octets();
        [w, x, y, z, a, b, c, d]
    }
}

fn large_community_octets(community: &LargeCommunity) -> [u8; 12] {
    let mut octets = [0; 12];
    for (to, from) in octets.as_chunks_mut::<4>().0.iter_mut().zip(community.0) {
        *to = from.to_be_bytes();
    }
    octets
}

/// Writes attributes in ascending order, with flags made from their definitions, and slips the unknown
/// ones in where they belong.
pub(super) struct Writer<'s, 'u, S, U> {
    out: &'s mut S,
    partial: PartialBits,
    /// The unknown one to write next.
    next: Option<(u8, &'u [u8])>,
    /// Those after it, by ascending type.
    unknown: U,
}

impl<'s, 'u, S: Sink, U: Iterator<Item = (u8, &'u [u8])>> Writer<'s, 'u, S, U> {
    #[inline]
    pub(super) fn new(partial: PartialBits, mut unknown: U, out: &'s mut S) -> Self {
        Self {
            out,
            partial,
            next: unknown.next(),
            unknown,
        }
    }

    #[inline]
    pub(super) fn origin(&mut self, origin: Origin) {
        self.out
            .put(&[TRANSITIVE, code::ORIGIN, 1, origin.to_wire()]);
    }

    /// Writes an attribute of four octets.
    #[inline]
    pub(super) fn four(&mut self, code: u8, [a, b, c, d]: [u8; 4]) {
        self.put_unknown_below(code);
        self.out.put(&[self.flags(code), code, 4, a, b, c, d]);
    }

    #[inline]
    pub(super) fn put(&mut self, code: u8, value: &[u8]) {
        self.put_with(code, value.len(), |out| out.put(value));
    }

    /// Writes an attribute unless it is empty, which is malformed on the wire (RFC 7606 §7.8, §7.10,
    /// §7.14).
    #[inline]
    pub(super) fn some(&mut self, code: u8, value: &[u8]) {
        if !value.is_empty() {
            self.put(code, value);
        }
    }

    #[inline]
    pub(super) fn aggregator(&mut self, aggregator: Aggregator, four_octet_as: bool) {
        if four_octet_as {
            self.put(code::AGGREGATOR, &aggregator.octets());
        } else {
            let [x, y] = aggregator.asn.to_two_octets().to_be_bytes();
            let [a, b, c, d] = aggregator.router_id.octets();
            self.put(code::AGGREGATOR, &[x, y, a, b, c, d]);
        }
    }

    /// Writes a list of items of `N` octets unless it is empty.
    #[inline]
    fn list<T, const N: usize>(&mut self, code: u8, list: &[T], item: impl Fn(&T) -> [u8; N]) {
        if !list.is_empty() {
            self.put_with(code, N * list.len(), |out| {
                for entry in list {
                    out.put(&item(entry));
                }
            });
        }
    }

    #[inline]
    pub(super) fn put_with(&mut self, code: u8, length: usize, value: impl FnOnce(&mut S)) {
        self.put_unknown_below(code);
        self.put_header(self.flags(code), code, length);
        value(self.out);
    }

    /// Writes what is left of the unknown ones.
    #[inline]
    pub(super) fn finish(&mut self) {
        while self.next.is_some() {
            self.put_unknown();
        }
    }

    #[inline]
    fn flags(&self, code: u8) -> u8 {
        let partial = match self.partial.contains(code) {
            true => PARTIAL,
            false => 0,
        };
        code::flags(code).unwrap_or(OPTIONAL) | partial
    }

    #[inline]
    fn put_unknown_below(&mut self, code: u8) {
        while self.next.is_some_and(|(unknown, _)| unknown < code) {
            self.put_unknown();
        }
    }

    /// We are one of those that do not know it, hence the Partial bit (RFC 4271 §5).
    #[cold]
    fn put_unknown(&mut self) {
        if let Some((code, value)) = self.next {
            self.put_header(OPTIONAL | TRANSITIVE | PARTIAL, code, value.len());
            self.out.put(value);
        }
        self.next = self.unknown.next();
    }

    /// The extended length is for those that need it (RFC 4271 §4.3). A length above 65535 cannot be
    /// written; such a set exceeds every message, so the packer throws it away.
    #[inline]
    fn put_header(&mut self, flags: u8, code: u8, length: usize) {
        match u8::try_from(length) {
            Ok(length) => self.out.put(&[flags, code, length]),
            Err(_) => {
                let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
                self.out.put(&[flags | EXTENDED_LENGTH, code, high, low]);
            }
        }
    }
}

impl Origin {
    /// The value on the wire.
    const fn to_wire(self) -> u8 {
        match self {
            Self::Igp => 0,
            Self::Egp => 1,
            Self::Incomplete => 2,
        }
    }
}

const TWO_OCTETS_MAX: Asn = Asn(0xffff);
