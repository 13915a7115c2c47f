//! Attributes and prefixes to UPDATEs of full size, many into one buffer.

use bytes::{BufMut, Bytes, BytesMut};

use super::attribute::{NextHop, PathAttributes, code};
use super::frame::{MARKER, MessageKind};
use super::nlri::Nlri;
use super::refresh::RouteRefresh;
use super::{EncodeContext, HEADER_LENGTH, MESSAGE_LENGTH_MAX};
use crate::net::{AddressFamily, Family, PrefixKey};

/// Writes UPDATEs, each as full as 4096 octets allow, into one buffer.
///
/// Every call begins a message of its own, so [`UpdatePacker::len`] between two calls is a message
/// boundary. IPv4 goes into the classic fields, IPv6 into MP_REACH_NLRI and MP_UNREACH_NLRI, which
/// stand first among the attributes (RFC 7606 §5.1).
#[derive(Debug)]
pub struct UpdatePacker {
    context: EncodeContext,
    out: BytesMut,
    /// The attributes of the call at hand, as they stand in each of its messages.
    attributes: Vec<u8>,
}

/// What a call has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Prefixes announced.
    pub announced: usize,
    /// Prefixes withdrawn: those asked for, or those whose attributes leave no room for a prefix in
    /// a message of 4096 octets, or whose next hop is not of their family.
    pub withdrawn: usize,
}

impl UpdatePacker {
    /// Makes a packer for sessions of one kind.
    pub fn new(context: EncodeContext) -> Self {
        Self {
            context,
            out: BytesMut::new(),
            attributes: Vec::new(),
        }
    }

    /// The octets written and not yet taken.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether everything written was taken.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Takes what was written: whole messages.
    pub fn take(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// Announces prefixes that share these attributes.
    ///
    /// Where no message can hold the attributes, the prefixes are withdrawn instead: the peer must not
    /// go on using what it was told before. [`NextHop::Local`] is replaced by the RIB; should one
    /// arrive here, nothing is announced.
    pub fn announce<A: AddressFamily>(
        &mut self,
        attributes: &PathAttributes,
        nlri: impl IntoIterator<Item = Nlri<A::Prefix>>,
    ) -> Packed {
        let layout = match (A::FAMILY, attributes.next_hop) {
            (_, NextHop::Local) => {
                debug_assert!(false, "a next hop is set before a route is sent");
                return Packed::default();
            }
            (Family::Ipv4, NextHop::V4(_)) => Layout::Classic,
            (Family::Ipv6, NextHop::V6 { .. }) => Layout::Reach(attributes.next_hop),
            (Family::Ipv4, NextHop::V6 { .. }) | (Family::Ipv6, NextHop::V4(_)) => {
                return self.withdraw::<A>(nlri);
            }
        };
        self.attributes.clear();
        attributes.encode(self.context.four_octet_as, &mut self.attributes);
        let path_id = if self.context.add_path { 4 } else { 0 };
        let widest = path_id + 1 + usize::from(A::Prefix::WIDTH / 8);
        if layout.opening() + self.attributes.len() + widest > MESSAGE_LENGTH_MAX {
            return self.withdraw::<A>(nlri);
        }
        Packed {
            announced: self.fill::<A>(layout, nlri),
            withdrawn: 0,
        }
    }

    /// Withdraws prefixes.
    pub fn withdraw<A: AddressFamily>(
        &mut self,
        nlri: impl IntoIterator<Item = Nlri<A::Prefix>>,
    ) -> Packed {
        let layout = match A::FAMILY {
            Family::Ipv4 => Layout::Withdraw,
            Family::Ipv6 => Layout::Unreach,
        };
        Packed {
            announced: 0,
            withdrawn: self.fill::<A>(layout, nlri),
        }
    }

    /// Writes End-of-RIB (RFC 4724 §2).
    pub fn end_of_rib(&mut self, family: Family) {
        let layout = match family {
            Family::Ipv4 => Layout::Withdraw,
            Family::Ipv6 => Layout::Unreach,
        };
        let start = self.begin(layout);
        self.finish(layout, start);
    }

    /// Writes a ROUTE-REFRESH between the UPDATEs: the begin or the end of a refresh (RFC 7313 §4).
    pub fn route_refresh(&mut self, refresh: &RouteRefresh) {
        refresh.encode(&mut self.out);
    }

    /// Writes as many messages as the prefixes need, and says how many prefixes there were.
    fn fill<A: AddressFamily>(
        &mut self,
        layout: Layout,
        nlri: impl IntoIterator<Item = Nlri<A::Prefix>>,
    ) -> usize {
        let add_path = self.context.add_path;
        let nlri_end = MESSAGE_LENGTH_MAX - layout.closing(self.attributes.len());
        let mut message = None;
        let mut count = 0;
        for item in nlri {
            let start = match message {
                Some(start)
                    if self.out.len() - start + item.encoded_length(add_path) <= nlri_end =>
                {
                    start
                }
                full => {
                    if let Some(start) = full {
                        self.finish(layout, start);
                    }
                    self.begin(layout)
                }
            };
            message = Some(start);
            item.encode(add_path, &mut self.out);
            count += 1;
        }
        if let Some(start) = message {
            self.finish(layout, start);
        }
        count
    }

    /// Writes all that stands before the prefixes, and returns where the message begins. Lengths are
    /// left zero for [`Self::finish`].
    fn begin(&mut self, layout: Layout) -> usize {
        let start = self.out.len();
        self.out.reserve(MESSAGE_LENGTH_MAX);
        self.out.put_slice(&MARKER);
        self.out.put_u16(0);
        self.out.put_u8(MessageKind::Update.wire());
        self.out.put_u16(0);
        match layout {
            Layout::Withdraw => {}
            Layout::Classic => {
                self.out.put_u16(short(self.attributes.len()));
                self.out.put_slice(&self.attributes);
            }
            Layout::Reach(next_hop) => {
                self.put_multiprotocol(code::MP_REACH_NLRI);
                put_next_hop(next_hop, &mut self.out);
                self.out.put_u8(0);
            }
            Layout::Unreach => self.put_multiprotocol(code::MP_UNREACH_NLRI),
        }
        debug_assert_eq!(
            self.out.len() - start,
            layout.prefix_offset(&self.attributes)
        );
        start
    }

    /// Writes the length of the attribute list, then the header and the family of MP_REACH_NLRI or
    /// MP_UNREACH_NLRI, with room for an extended length.
    fn put_multiprotocol(&mut self, code: u8) {
        self.out.put_u16(0);
        let flags = code::OPTIONAL | code::EXTENDED_LENGTH;
        self.out.put_slice(&[flags, code, 0, 0]);
        self.out.put_u16(Family::Ipv6.afi().0);
        self.out.put_u8(Family::Ipv6.safi().0);
    }

    /// Writes what stands after the prefixes, and all lengths.
    fn finish(&mut self, layout: Layout, start: usize) {
        match layout {
            Layout::Classic => {}
            Layout::Withdraw => {
                let withdrawn = self.out.len() - start - WITHDRAWN_OFFSET;
                self.patch(start + WITHDRAWN_OFFSET - 2, withdrawn);
                self.out.put_u16(0);
            }
            Layout::Reach(_) | Layout::Unreach => {
                self.close_multiprotocol(start + LIST_OFFSET);
                if let Layout::Reach(_) = layout {
                    self.out.put_slice(&self.attributes);
                }
                let list = self.out.len() - start - LIST_OFFSET;
                self.patch(start + LIST_OFFSET - 2, list);
            }
        }
        let length = self.out.len() - start;
        debug_assert!(
            length <= MESSAGE_LENGTH_MAX,
            "room was counted before writing"
        );
        self.patch(start + MARKER.len(), length);
    }

    /// Writes the length of the attribute at `at`, the last one so far; a value of up to 255 octets
    /// moves up one place, since only a longer one may have an extended length (RFC 4271 §4.3).
    fn close_multiprotocol(&mut self, at: usize) {
        let value = at + 4;
        let length = self.out.len() - value;
        match u8::try_from(length) {
            Err(_) => self.patch(at + 2, length),
            Ok(length) => {
                self.out.copy_within(value.., value - 1);
                self.out.truncate(self.out.len() - 1);
                if let Some([flags, _, octet]) = self
                    .out
                    .get_mut(at..)
                    .and_then(|rest| rest.first_chunk_mut::<3>())
                {
                    *flags &= !code::EXTENDED_LENGTH;
                    *octet = length;
                }
            }
        }
    }

    /// Sets a length field that was written as zero.
    fn patch(&mut self, at: usize, length: usize) {
        let field = self
            .out
            .get_mut(at..)
            .and_then(|rest| rest.first_chunk_mut::<2>())
            .expect("the field was written by `begin`");
        *field = short(length).to_be_bytes();
    }
}

/// Where the prefixes go.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// Announced in the classic field.
    Classic,
    /// Announced in MP_REACH_NLRI.
    Reach(NextHop),
    /// Withdrawn in the classic field.
    Withdraw,
    /// Withdrawn in MP_UNREACH_NLRI.
    Unreach,
}

impl Layout {
    /// The octets before the prefixes, without any attributes between.
    const fn opening(self) -> usize {
        match self {
            Self::Classic => LIST_OFFSET,
            Self::Withdraw => WITHDRAWN_OFFSET,
            Self::Unreach => LIST_OFFSET + 4 + 3,
            Self::Reach(next_hop) => LIST_OFFSET + 4 + 3 + 1 + next_hop_length(next_hop) + 1,
        }
    }

    /// The octets before the prefixes.
    fn prefix_offset(self, attributes: &[u8]) -> usize {
        match self {
            Self::Classic => self.opening() + attributes.len(),
            Self::Withdraw | Self::Unreach | Self::Reach(_) => self.opening(),
        }
    }

    /// The octets after the prefixes.
    const fn closing(self, attributes: usize) -> usize {
        match self {
            Self::Classic | Self::Unreach => 0,
            Self::Withdraw => 2,
            Self::Reach(_) => attributes,
        }
    }
}

const fn next_hop_length(next_hop: NextHop) -> usize {
    match next_hop {
        NextHop::Local => 0,
        NextHop::V4(_) => 4,
        NextHop::V6 {
            link_local: None, ..
        } => 16,
        NextHop::V6 {
            link_local: Some(_),
            ..
        } => 32,
    }
}

/// Writes the next hop of MP_REACH_NLRI behind its length.
fn put_next_hop(next_hop: NextHop, out: &mut BytesMut) {
    match next_hop {
        NextHop::Local => out.put_u8(0),
        NextHop::V4(address) => {
            out.put_u8(4);
            out.put_slice(&address.octets());
        }
        NextHop::V6 { global, link_local } => {
            out.put_u8(if link_local.is_some() { 32 } else { 16 });
            out.put_slice(&global.octets());
            if let Some(link_local) = link_local {
                out.put_slice(&link_local.octets());
            }
        }
    }
}

/// A length inside a message, which never exceeds 4096.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// Where the withdrawn routes begin in a message.
const WITHDRAWN_OFFSET: usize = HEADER_LENGTH + 2;
/// Where the attribute list begins in a message without withdrawn routes.
const LIST_OFFSET: usize = WITHDRAWN_OFFSET + 2;

#[cfg(test)]
mod tests;
