//! Attributes to octets, in ascending order of their types (RFC 4271 §5 asks for that).

use super::code::{self, EXTENDED_LENGTH, OPTIONAL, TRANSITIVE};
use super::{NextHop, Origin, PathAttributes, UnknownAttribute};
use crate::net::Asn;

impl PathAttributes {
    /// Writes all attributes but MP_REACH_NLRI: NEXT_HOP is among them where the next hop is IPv4.
    ///
    /// Towards peers with two-octet AS numbers, those that do not fit become AS_TRANS, with AS4_PATH
    /// and AS4_AGGREGATOR beside them (RFC 6793 §4.2.2).
    pub fn encode(&self, four_octet_as: bool, out: &mut Vec<u8>) {
        let mut writer = Writer {
            out,
            unknown: &self.unknown,
        };
        writer.put(code::ORIGIN, &[origin_value(self.origin)]);
        let path_length = self.as_path.encoded_length(four_octet_as);
        writer.put_with(code::AS_PATH, path_length, |out| {
            self.as_path.encode(four_octet_as, out);
        });
        if let NextHop::V4(address) = self.next_hop {
            writer.put(code::NEXT_HOP, &address.octets());
        }
        if let Some(med) = self.med {
            writer.put(code::MULTI_EXIT_DISC, &med.to_be_bytes());
        }
        if let Some(local_pref) = self.local_pref {
            writer.put(code::LOCAL_PREF, &local_pref.to_be_bytes());
        }
        if self.atomic_aggregate {
            writer.put(code::ATOMIC_AGGREGATE, &[]);
        }
        self.put_aggregator(four_octet_as, &mut writer);
        writer.put_list(code::COMMUNITIES, &self.communities, |community| {
            community.0.to_be_bytes()
        });
        if let Some(originator) = self.originator_id {
            writer.put(code::ORIGINATOR_ID, &originator.0.octets());
        }
        writer.put_list(code::CLUSTER_LIST, &self.cluster_list, |id| id.0.octets());
        writer.put_list(
            code::EXTENDED_COMMUNITIES,
            &self.extended_communities,
            |octets| *octets,
        );
        if !four_octet_as {
            self.put_as4(&mut writer);
        }
        writer.put_large_communities(self);
        writer.put_unknown_below(None);
    }

    /// The octets that [`Self::encode`] writes.
    pub fn encoded_length(&self, four_octet_as: bool) -> usize {
        let mut out = Vec::new();
        self.encode(four_octet_as, &mut out);
        out.len()
    }

    fn put_aggregator(&self, four_octet_as: bool, writer: &mut Writer<'_>) {
        let Some(aggregator) = self.aggregator else {
            return;
        };
        let [a, b, c, d] = aggregator.router_id.octets();
        if four_octet_as {
            let [w, x, y, z] = aggregator.asn.0.to_be_bytes();
            writer.put(code::AGGREGATOR, &[w, x, y, z, a, b, c, d]);
        } else {
            let [x, y] = aggregator.asn.to_two_octets().to_be_bytes();
            writer.put(code::AGGREGATOR, &[x, y, a, b, c, d]);
        }
    }

    fn put_as4(&self, writer: &mut Writer<'_>) {
        if !self.as_path.fits_two_octets() {
            let length = self.as_path.encoded_length(true);
            writer.put_with(code::AS4_PATH, length, |out| self.as_path.encode(true, out));
        }
        if let Some(aggregator) = self.aggregator
            && aggregator.asn > TWO_OCTETS_MAX
        {
            let [w, x, y, z] = aggregator.asn.0.to_be_bytes();
            let [a, b, c, d] = aggregator.router_id.octets();
            writer.put(code::AS4_AGGREGATOR, &[w, x, y, z, a, b, c, d]);
        }
    }
}

/// Writes attributes in ascending order and slips the unknown ones in where they belong.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Those not yet written, by ascending type.
    unknown: &'a [UnknownAttribute],
}

impl Writer<'_> {
    fn put(&mut self, code: u8, value: &[u8]) {
        self.put_with(code, value.len(), |out| out.extend_from_slice(value));
    }

    fn put_list<T, const N: usize>(&mut self, code: u8, list: &[T], item: impl Fn(&T) -> [u8; N]) {
        // An empty list is malformed on the wire (RFC 7606 §7.8, §7.10, §7.14).
        if !list.is_empty() {
            self.put_with(code, N * list.len(), |out| {
                for entry in list {
                    out.extend_from_slice(&item(entry));
                }
            });
        }
    }

    fn put_large_communities(&mut self, attributes: &PathAttributes) {
        self.put_list(
            code::LARGE_COMMUNITY,
            &attributes.large_communities,
            |community| {
                let mut octets = [0; 12];
                for (to, from) in octets.as_chunks_mut::<4>().0.iter_mut().zip(community.0) {
                    *to = from.to_be_bytes();
                }
                octets
            },
        );
    }

    fn put_with(&mut self, code: u8, length: usize, value: impl FnOnce(&mut Vec<u8>)) {
        self.put_unknown_below(Some(code));
        self.put_header(code::flags(code).unwrap_or(OPTIONAL), code, length);
        value(self.out);
    }

    fn put_unknown_below(&mut self, code: Option<u8>) {
        while let Some((first, rest)) = self.unknown.split_first()
            && code.is_none_or(|code| first.code < code)
        {
            self.unknown = rest;
            let flags = first.flags | OPTIONAL | TRANSITIVE;
            self.put_header(flags, first.code, first.value.len());
            self.out.extend_from_slice(&first.value);
        }
    }

    /// The extended length is for those that need it (RFC 4271 §4.3). A length above 65535 cannot be
    /// written; such a set exceeds every message, so the packer throws it away.
    fn put_header(&mut self, flags: u8, code: u8, length: usize) {
        match u8::try_from(length) {
            Ok(length) => {
                self.out
                    .extend_from_slice(&[flags & !EXTENDED_LENGTH, code, length]);
            }
            Err(_) => {
                let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
                self.out
                    .extend_from_slice(&[flags | EXTENDED_LENGTH, code, high, low]);
            }
        }
    }
}

const fn origin_value(origin: Origin) -> u8 {
    match origin {
        Origin::Igp => 0,
        Origin::Egp => 1,
        Origin::Incomplete => 2,
    }
}

const TWO_OCTETS_MAX: Asn = Asn(0xffff);
