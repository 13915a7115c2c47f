//! The values of single attributes.

use std::net::{IpAddr, Ipv4Addr};

use super::Origin;
use super::error::AttributeErrorKind;

/// Whether no packet can be sent to an address: unspecified, loopback, multicast, reserved, broadcast.
#[inline]
pub(super) fn is_martian(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_martian_v4(address),
        IpAddr::V6(address) => {
            address.is_unspecified() || address.is_loopback() || address.is_multicast()
        }
    }
}

/// RFC 1122 §3.2.1.3: 0/8 and 127/8 are this host, 224/4 is multicast, and 255.255.255.255 everyone.
#[inline]
pub(super) const fn is_martian_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first == 0 || first == 127 || first & 0xf0 == 224 || address.is_broadcast()
}

#[inline]
pub(super) fn fixed<const N: usize>(
    value: &[u8],
    wanted: &'static str,
) -> Result<[u8; N], AttributeErrorKind> {
    value
        .try_into()
        .map_err(|_| length_fault(value.len(), wanted))
}

/// Checks a list of items of `N` octets, with at least one.
#[inline]
pub(super) fn list<const N: usize>(
    value: &[u8],
    wanted: &'static str,
) -> Result<(), AttributeErrorKind> {
    if value.is_empty() || !value.len().is_multiple_of(N) {
        return Err(length_fault(value.len(), wanted));
    }
    Ok(())
}

#[cold]
pub(super) fn length_fault(found: usize, wanted: &'static str) -> AttributeErrorKind {
    AttributeErrorKind::Length { found, wanted }
}

#[inline]
pub(super) fn read_origin(value: &[u8]) -> Result<Origin, AttributeErrorKind> {
    match fixed::<1>(value, "1")? {
        [0] => Ok(Origin::Igp),
        [1] => Ok(Origin::Egp),
        [2] => Ok(Origin::Incomplete),
        [other] => Err(AttributeErrorKind::Origin(other)),
    }
}

/// Checks an aggregator's number and address (RFC 4271 §5.1.7, RFC 7607 §2).
pub(super) fn verify_aggregator(
    value: &[u8],
    four_octet_as: bool,
) -> Result<(), AttributeErrorKind> {
    let is_zero = if four_octet_as {
        fixed::<8>(value, "8")?.starts_with(&[0; 4])
    } else {
        fixed::<6>(value, "6")?.starts_with(&[0; 2])
    };
    if is_zero {
        return Err(AttributeErrorKind::AsZero);
    }
    Ok(())
}

/// Checks AIGP: whole TLVs, with one of type 1 whose first says less than infinity (RFC 7311 §3).
pub(super) fn verify_aigp(value: &[u8]) -> Result<(), AttributeErrorKind> {
    let mut left = value;
    while !left.is_empty() {
        let malformed = AttributeErrorKind::AigpTlv {
            offset: value.len() - left.len(),
        };
        left = split_tlv(left).ok_or(malformed)?.1;
    }
    match aigp_metric(value) {
        None | Some(u64::MAX) => Err(AttributeErrorKind::AigpTlv {
            offset: value.len(),
        }),
        Some(_) => Ok(()),
    }
}

/// The value of the first TLV of type 1; further ones do not count.
pub(super) fn aigp_metric(value: &[u8]) -> Option<u64> {
    let mut left = value;
    while let Some((tlv, rest)) = split_tlv(left) {
        if let [AIGP_TLV, _, _, metric @ ..] = tlv {
            return metric.first_chunk().copied().map(u64::from_be_bytes);
        }
        left = rest;
    }
    None
}

/// Takes a TLV off: its length counts the three octets of its head.
fn split_tlv(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let [kind, high, low, ..] = octets else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let fits = match *kind {
        AIGP_TLV => length == 11,
        _ => length >= 3,
    };
    octets.split_at_checked(length).filter(|_| fits)
}

/// Whether a large community stands there more than once, or may: they are in no order.
#[inline]
pub(super) fn may_repeat(value: &[u8]) -> bool {
    value.len() > 12
        && !value
            .as_chunks::<12>()
            .0
            .is_sorted_by(|one, next| one < next)
}

/// Large communities without repetitions, which receivers remove silently (RFC 8092 §5).
#[cold]
pub(super) fn without_repetitions(value: &[u8]) -> Vec<u8> {
    let mut items: Vec<_> = value.as_chunks::<12>().0.iter().enumerate().collect();
    items.sort_unstable_by_key(|(place, octets)| (*octets, *place));
    items.dedup_by_key(|(_, octets)| *octets);
    items.sort_unstable();
    items.iter().flat_map(|(_, octets)| **octets).collect()
}

/// The AIGP TLV (RFC 7311 §3).
const AIGP_TLV: u8 = 1;
