//! The values of single attributes.

use std::net::{IpAddr, Ipv4Addr};

use super::error::AttributeErrorKind;
use super::{Aggregator, LargeCommunity, Origin};
use crate::net::Asn;

/// Whether no packet can be sent to an address: unspecified, loopback, multicast, broadcast.
pub(super) fn is_martian(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, ..] = address.octets();
            first == 0 || address.is_loopback() || address.is_multicast() || address.is_broadcast()
        }
        IpAddr::V6(address) => {
            address.is_unspecified() || address.is_loopback() || address.is_multicast()
        }
    }
}

pub(super) fn fixed<const N: usize>(
    value: &[u8],
    wanted: &'static str,
) -> Result<[u8; N], AttributeErrorKind> {
    value.try_into().map_err(|_| AttributeErrorKind::Length {
        found: value.len(),
        wanted,
    })
}

/// A list of items of `N` octets, with at least one.
pub(super) fn list<const N: usize, T>(
    value: &[u8],
    wanted: &'static str,
    item: impl Fn([u8; N]) -> T,
) -> Result<Box<[T]>, AttributeErrorKind> {
    match value.as_chunks::<N>() {
        (chunks @ [_, ..], []) => Ok(chunks.iter().map(|chunk| item(*chunk)).collect()),
        _ => Err(AttributeErrorKind::Length {
            found: value.len(),
            wanted,
        }),
    }
}

pub(super) fn read_origin(value: &[u8]) -> Result<Origin, AttributeErrorKind> {
    match fixed::<1>(value, "1")? {
        [0] => Ok(Origin::Igp),
        [1] => Ok(Origin::Egp),
        [2] => Ok(Origin::Incomplete),
        [other] => Err(AttributeErrorKind::Origin(other)),
    }
}

pub(super) fn read_aggregator(
    value: &[u8],
    four_octet_as: bool,
) -> Result<Aggregator, AttributeErrorKind> {
    let (asn, router_id) = if four_octet_as {
        let [a, b, c, d, router_id @ ..] = fixed::<8>(value, "8")?;
        (u32::from_be_bytes([a, b, c, d]), router_id)
    } else {
        let [a, b, router_id @ ..] = fixed::<6>(value, "6")?;
        (u16::from_be_bytes([a, b]).into(), router_id)
    };
    if asn == 0 {
        return Err(AttributeErrorKind::AsZero);
    }
    Ok(Aggregator {
        asn: Asn(asn),
        router_id: Ipv4Addr::from(router_id),
    })
}

/// Large communities without repetitions, which receivers remove silently (RFC 8092 §5).
pub(super) fn read_large_communities(
    value: &[u8],
) -> Result<Box<[LargeCommunity]>, AttributeErrorKind> {
    let all = list::<12, _>(value, "a multiple of 12 above 0", |octets| {
        let mut parts = [0; 3];
        for (part, octets) in parts.iter_mut().zip(octets.as_chunks::<4>().0) {
            *part = u32::from_be_bytes(*octets);
        }
        LargeCommunity(parts)
    })?;
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    if sorted.is_sorted_by(|one, next| one < next) {
        return Ok(all);
    }
    let mut distinct: Vec<LargeCommunity> = Vec::with_capacity(all.len());
    for community in all {
        if !distinct.contains(&community) {
            distinct.push(community);
        }
    }
    Ok(distinct.into())
}
