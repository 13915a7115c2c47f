//! MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760 §3, §4; RFC 2545 §3).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::NextHop;
use super::error::AttributeErrorKind;
use super::value::length_fault;
use crate::net::{Afi, Family, Safi};
use crate::wire::DecodeContext;
use crate::wire::nlri::NlriRun;

/// What MP_REACH_NLRI announces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach<'a> {
    /// The next hop of these prefixes.
    pub(crate) next_hop: NextHop,
    /// The prefixes.
    pub(crate) nlri: NlriRun<'a>,
}

impl<'a> Reach<'a> {
    /// Reads the value of MP_REACH_NLRI; of a family that was not negotiated only as far as the
    /// prefixes, which end in [`AttributeErrorKind::NotNegotiated`].
    pub(crate) fn decode(
        value: &'a [u8],
        context: &DecodeContext,
    ) -> Result<Self, AttributeErrorKind> {
        let too_short = || length_fault(value.len(), "at least 5 and the next hop's length");
        let ([afi_high, afi_low, safi, length], rest) =
            value.split_first_chunk::<4>().ok_or_else(too_short)?;
        let (next_hop, rest) = rest
            .split_at_checked(usize::from(*length))
            .ok_or_else(too_short)?;
        // One reserved octet, once the count of SNPAs, which receivers ignore.
        let (_, octets) = rest.split_first().ok_or_else(too_short)?;
        let family = negotiated(u16::from_be_bytes([*afi_high, *afi_low]), *safi, context)?;
        let next_hop =
            read_next_hop(family, next_hop, context).ok_or(AttributeErrorKind::NextHopLength {
                found: *length,
                wanted: match (family, context.extended_next_hop) {
                    (Family::Ipv4, false) => "4",
                    (Family::Ipv4, true) => "4, 16 or 32",
                    (Family::Ipv6, _) => "16 or 32",
                },
            })?;
        let nlri = NlriRun::verify(family, *context.add_path.get(family), octets)
            .map_err(AttributeErrorKind::Nlri)?;
        Ok(Self { next_hop, nlri })
    }
}

/// Reads the value of MP_UNREACH_NLRI.
pub(crate) fn decode_unreach<'a>(
    value: &'a [u8],
    context: &DecodeContext,
) -> Result<NlriRun<'a>, AttributeErrorKind> {
    let ([afi_high, afi_low, safi], octets) = value
        .split_first_chunk::<3>()
        .ok_or_else(|| length_fault(value.len(), "at least 3"))?;
    let family = negotiated(u16::from_be_bytes([*afi_high, *afi_low]), *safi, context)?;
    NlriRun::verify(family, *context.add_path.get(family), octets).map_err(AttributeErrorKind::Nlri)
}

fn negotiated(afi: u16, safi: u8, context: &DecodeContext) -> Result<Family, AttributeErrorKind> {
    Family::from_wire(Afi(afi), Safi(safi))
        .filter(|family| *context.families.get(*family))
        .ok_or(AttributeErrorKind::NotNegotiated { afi, safi })
}

/// The next hop in a form that its family may have; `None` for any other length.
fn read_next_hop(family: Family, octets: &[u8], context: &DecodeContext) -> Option<NextHop> {
    match (family, octets.first_chunk::<4>()) {
        (Family::Ipv4, Some(address)) if octets.len() == 4 => {
            Some(NextHop::V4(Ipv4Addr::from(*address)))
        }
        (Family::Ipv4, _) if !context.extended_next_hop => None,
        (Family::Ipv4 | Family::Ipv6, _) => read_ipv6(octets),
    }
}

fn read_ipv6(octets: &[u8]) -> Option<NextHop> {
    let (global, rest) = octets.split_first_chunk::<16>()?;
    let link_local = match rest {
        [] => None,
        _ => {
            let second = Ipv6Addr::from(<[u8; 16]>::try_from(rest).ok()?);
            // Some speakers fill the second half with zeros or a copy of the first.
            Some(second).filter(Ipv6Addr::is_unicast_link_local)
        }
    };
    let global = Ipv6Addr::from(*global);
    // A speaker without a global address on the link has nothing to say in the first half (BIRD).
    let (global, link_local) = match link_local {
        Some(only) if global.is_unspecified() => (only, None),
        _ => (global, link_local),
    };
    Some(NextHop::V6 { global, link_local })
}
