//! Attributes and prefixes to UPDATEs of full size, many into one buffer.

use bytes::{Bytes, BytesMut};

use super::attribute::{NextHop, PathAttributes, code};
use super::frame::{MARKER, MessageKind};
use super::nlri::Nlri;
use super::refresh::RouteRefresh;
use super::{EXTENDED_MESSAGE_LENGTH_MAX, EncodeContext, HEADER_LENGTH, MESSAGE_LENGTH_MAX};
use crate::net::{AddressFamily, Family, PrefixKey};

/// Writes UPDATEs, each as full as 4096 octets allow, or 65535 with RFC 8654, into one buffer.
///
/// Every call begins a message of its own, so [`UpdatePacker::len`] between two calls is a message
/// boundary. IPv4 goes into the classic fields where its next hop is IPv4; all else into MP_REACH_NLRI
/// and MP_UNREACH_NLRI, which stand first among the attributes (RFC 7606 §5.1).
#[derive(Debug)]
pub struct UpdatePacker {
    context: EncodeContext,
    out: BytesMut,
    /// What stands before the prefixes of each message of the call at hand, lengths left zero.
    opening: Vec<u8>,
    /// The attributes that stand behind the prefixes.
    closing: Vec<u8>,
    /// Prefixes on their way into `out`: one copy for many is cheaper than one for each.
    block: Block,
}

/// What a call has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Prefixes announced.
    pub announced: usize,
    /// Prefixes withdrawn: those asked for, or those whose attributes leave no room for a prefix in a
    /// message, or whose next hop is of a family that this session cannot be told for them.
    pub withdrawn: usize,
}

impl UpdatePacker {
    /// Makes a packer for sessions of one kind.
    pub fn new(context: EncodeContext) -> Self {
        Self {
            context,
            out: BytesMut::new(),
            opening: Vec::new(),
            closing: Vec::new(),
            block: Block::default(),
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
            (Family::Ipv4, NextHop::V6 { .. }) if self.context.extended_next_hop => Layout::Reach,
            (Family::Ipv6, NextHop::V6 { .. }) => Layout::Reach,
            (Family::Ipv4, NextHop::V6 { .. }) | (Family::Ipv6, NextHop::V4(_)) => {
                return self.withdraw::<A>(nlri);
            }
        };
        self.open(layout);
        match layout {
            Layout::Reach => {
                self.put_multiprotocol(code::MP_REACH_NLRI, A::FAMILY);
                put_next_hop(attributes.next_hop, &mut self.opening);
                self.opening.push(0);
                attributes.encode(self.context.four_octet_as, &mut self.closing);
            }
            Layout::Classic | Layout::Withdraw | Layout::Unreach => {
                attributes.encode(self.context.four_octet_as, &mut self.opening);
                self.set_list_length();
            }
        }
        let path_id = if self.context.add_path { 4 } else { 0 };
        let widest = path_id + 1 + usize::from(A::Prefix::WIDTH / 8);
        if self.opening.len() + self.closing.len() + widest > self.length_max() {
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
        let layout = self.open_withdrawal(A::FAMILY);
        Packed {
            announced: 0,
            withdrawn: self.fill::<A>(layout, nlri),
        }
    }

    /// Writes End-of-RIB (RFC 4724 §2).
    pub fn end_of_rib(&mut self, family: Family) {
        let layout = self.open_withdrawal(family);
        let start = self.begin();
        self.finish(layout, start);
    }

    /// The longest message that may be written.
    #[inline]
    const fn length_max(&self) -> usize {
        if self.context.extended_message {
            EXTENDED_MESSAGE_LENGTH_MAX
        } else {
            MESSAGE_LENGTH_MAX
        }
    }

    /// Begins the opening: header, no withdrawn routes unless they are the matter.
    #[inline]
    fn open(&mut self, layout: Layout) {
        self.opening.clear();
        self.closing.clear();
        self.opening.extend_from_slice(match layout {
            Layout::Withdraw => OPENING.first_chunk::<WITHDRAWN_OFFSET>().unwrap_or(&[0; _]),
            Layout::Classic | Layout::Reach | Layout::Unreach => &OPENING,
        });
    }

    fn open_withdrawal(&mut self, family: Family) -> Layout {
        let layout = match family {
            Family::Ipv4 => Layout::Withdraw,
            Family::Ipv6 => Layout::Unreach,
        };
        self.open(layout);
        match layout {
            Layout::Unreach => self.put_multiprotocol(code::MP_UNREACH_NLRI, family),
            Layout::Withdraw => self.closing.extend_from_slice(&[0, 0]),
            Layout::Classic | Layout::Reach => {}
        }
        layout
    }

    /// Writes the header and the family of MP_REACH_NLRI or MP_UNREACH_NLRI, with room for an extended
    /// length.
    fn put_multiprotocol(&mut self, code: u8, family: Family) {
        let flags = code::OPTIONAL | code::EXTENDED_LENGTH;
        let [high, low] = family.afi().0.to_be_bytes();
        self.opening
            .extend_from_slice(&[flags, code, 0, 0, high, low, family.safi().0]);
    }

    /// Sets the length of an attribute list that ends with the opening.
    #[inline]
    fn set_list_length(&mut self) {
        let length = self.opening.len() - LIST_OFFSET;
        patch(&mut self.opening, LIST_OFFSET - 2, length);
    }

    /// Writes a ROUTE-REFRESH between the UPDATEs: the begin or the end of a refresh (RFC 7313 §4).
    pub fn route_refresh(&mut self, refresh: &RouteRefresh) {
        refresh.encode(&mut self.out);
    }

    /// Writes as many messages as the prefixes need, and says how many prefixes there were.
    #[inline]
    fn fill<A: AddressFamily>(
        &mut self,
        layout: Layout,
        nlri: impl IntoIterator<Item = Nlri<A::Prefix>>,
    ) -> usize {
        let add_path = self.context.add_path;
        let room = self.length_max() - self.opening.len() - self.closing.len();
        let (mut start, mut left) = (None, 0);
        let mut count = 0;
        for item in nlri {
            let octets = item.encoded_length(add_path);
            if octets > left {
                if let Some(start) = start {
                    self.finish(layout, start);
                }
                start = Some(self.begin());
                left = room;
            }
            left -= octets;
            self.put(&item, add_path);
            count += 1;
        }
        if let Some(start) = start {
            self.finish(layout, start);
        }
        count
    }

    #[inline]
    fn put<P: PrefixKey>(&mut self, nlri: &Nlri<P>, add_path: bool) {
        if !self.block.put(nlri, add_path) {
            self.flush();
            self.block.put(nlri, add_path);
        }
    }

    #[inline]
    fn flush(&mut self) {
        self.out.extend_from_slice(self.block.filled());
        self.block.length = 0;
    }

    /// Writes all that stands before the prefixes, and returns where the message begins.
    #[inline]
    fn begin(&mut self) -> usize {
        let start = self.out.len();
        self.out.reserve(MESSAGE_LENGTH_MAX);
        self.out.extend_from_slice(&self.opening);
        start
    }

    /// Writes what stands after the prefixes, and all lengths that depend on them.
    #[inline]
    fn finish(&mut self, layout: Layout, start: usize) {
        self.flush();
        match layout {
            Layout::Classic => {}
            Layout::Withdraw => {
                let withdrawn = self.out.len() - start - WITHDRAWN_OFFSET;
                patch(&mut self.out, start + WITHDRAWN_OFFSET - 2, withdrawn);
                self.out.extend_from_slice(&self.closing);
            }
            Layout::Reach | Layout::Unreach => {
                self.close_multiprotocol(start + LIST_OFFSET);
                self.out.extend_from_slice(&self.closing);
                let list = self.out.len() - start - LIST_OFFSET;
                patch(&mut self.out, start + LIST_OFFSET - 2, list);
            }
        }
        let length = self.out.len() - start;
        debug_assert!(
            length <= self.length_max(),
            "room was counted before writing"
        );
        patch(&mut self.out, start + MARKER.len(), length);
    }

    /// Writes the length of the attribute at `at`, the last one so far; a value of up to 255 octets
    /// moves up one place, since only a longer one may have an extended length (RFC 4271 §4.3).
    fn close_multiprotocol(&mut self, at: usize) {
        let value = at + 4;
        let length = self.out.len() - value;
        match u8::try_from(length) {
            Err(_) => patch(&mut self.out, at + 2, length),
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
}

/// Prefixes as they stand on the wire, ahead of their place in a message.
#[derive(Debug)]
struct Block {
    octets: [u8; BLOCK_OCTETS],
    length: usize,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            octets: [0; BLOCK_OCTETS],
            length: 0,
        }
    }
}

impl Block {
    /// Appends a prefix; `false` where there may be no room for it.
    #[inline]
    fn put<P: PrefixKey>(&mut self, nlri: &Nlri<P>, add_path: bool) -> bool {
        let room = self
            .octets
            .get_mut(self.length..)
            .and_then(|room| room.first_chunk_mut());
        let Some(room) = room else {
            return false;
        };
        self.length += nlri.encode(add_path, room);
        true
    }

    #[inline]
    fn filled(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// Sets a length field that was written as zero.
#[inline]
fn patch(octets: &mut [u8], at: usize, length: usize) {
    let field = octets
        .get_mut(at..)
        .and_then(|rest| rest.first_chunk_mut::<2>())
        .expect("the field was written before");
    *field = short(length).to_be_bytes();
}

/// Where the prefixes go.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// Announced in the classic field.
    Classic,
    /// Announced in MP_REACH_NLRI.
    Reach,
    /// Withdrawn in the classic field.
    Withdraw,
    /// Withdrawn in MP_UNREACH_NLRI.
    Unreach,
}

/// Writes the next hop of MP_REACH_NLRI behind its length.
fn put_next_hop(next_hop: NextHop, out: &mut Vec<u8>) {
    match next_hop {
        NextHop::Local => out.push(0),
        NextHop::V4(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        NextHop::V6 { global, link_local } => {
            out.push(if link_local.is_some() { 32 } else { 16 });
            out.extend_from_slice(&global.octets());
            if let Some(link_local) = link_local {
                out.extend_from_slice(&link_local.octets());
            }
        }
    }
}

/// A length inside a message, which never exceeds 65535.
#[inline]
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// Where the withdrawn routes begin in a message.
const WITHDRAWN_OFFSET: usize = HEADER_LENGTH + 2;
/// Where the attribute list begins in a message without withdrawn routes.
const LIST_OFFSET: usize = WITHDRAWN_OFFSET + 2;

/// An UPDATE up to its attribute list, lengths left zero.
const OPENING: [u8; LIST_OFFSET] = {
    let mut opening = [0; LIST_OFFSET];
    let (marker, rest) = opening.split_at_mut(MARKER.len());
    marker.copy_from_slice(&MARKER);
    if let [_, _, kind, ..] = rest {
        *kind = MessageKind::Update.wire();
    }
    opening
};

/// The size of [`Block`]: a few dozen prefixes.
const BLOCK_OCTETS: usize = 256;

#[cfg(test)]
mod tests;
