//! Netlink messages to and from this room's types.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NlasIterator, Parseable,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHop,
    RouteNextHopFlags, RouteProtocol, RouteScope, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::super::kernel::{Event, Refusal};
use super::super::reconcile::Op;
use super::super::resolve::{Link, LinkAddress};
use super::super::route::{KernelNextHop, KernelRoute, KernelRouteKind};
use crate::net::{Family, Prefix};

const RTM_NEWLINK: u16 = libc::RTM_NEWLINK;
const RTM_DELLINK: u16 = libc::RTM_DELLINK;
const RTM_NEWADDR: u16 = libc::RTM_NEWADDR;
const RTM_DELADDR: u16 = libc::RTM_DELADDR;
const RTM_NEWROUTE: u16 = libc::RTM_NEWROUTE;
const RTM_DELROUTE: u16 = libc::RTM_DELROUTE;

/// The octets of `struct ifinfomsg` and `struct ifaddrmsg`, ahead of the attributes.
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;

/// Where `struct rtmsg` has the table's number, and the number of the local table, which is skipped
/// unread: it is of no use here and the kernel tells much about it.
const TABLE_OFFSET: usize = 4;
const TABLE_LOCAL: u8 = 255;

/// Appends the message of one operation to a buffer.
pub(super) fn encode(op: &Op, sequence: u32, acknowledge: bool, into: &mut Vec<u8>) {
    let (payload, flags) = match op {
        Op::Add(route) => (
            RouteNetlinkMessage::NewRoute(message(route)),
            NLM_F_CREATE | NLM_F_EXCL,
        ),
        // Without CREATE: if ours is no longer there, the place may belong to somebody else.
        Op::Replace { new, .. } => (RouteNetlinkMessage::NewRoute(message(new)), NLM_F_REPLACE),
        Op::Delete(route) => (RouteNetlinkMessage::DelRoute(deletion(route)), 0),
    };
    let acknowledge = if acknowledge { NLM_F_ACK } else { 0 };
    append(payload, flags | acknowledge, sequence, into);
}

/// Appends a request.
pub(super) fn append(payload: RouteNetlinkMessage, flags: u16, sequence: u32, into: &mut Vec<u8>) {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(payload));
    message.finalize();
    let start = into.len();
    into.resize(start + message.buffer_len().next_multiple_of(4), 0);
    message.serialize(&mut into[start..start + message.buffer_len()]);
}

/// Asks for the routes of one family in one table.
pub(super) fn route_request(family: Family, table: u32) -> RouteNetlinkMessage {
    let mut request = RouteMessage::default();
    request.header.address_family = address_family(family);
    request.attributes.push(RouteAttribute::Table(table));
    RouteNetlinkMessage::GetRoute(request)
}

fn message(route: &KernelRoute) -> RouteMessage {
    let mut message = bare(route);
    let hops = route.kind.hops();
    let has_gateway = hops.iter().any(|hop| hop.gateway.is_some());
    message.header.scope = if hops.is_empty() || has_gateway {
        RouteScope::Universe
    } else {
        RouteScope::Link
    };
    add_hops(&mut message, route.prefix.family(), hops);
    message
}

/// The message that takes a route away: in IPv4 it names the next hops, because the kernel takes a
/// metric of zero for "any"; in IPv6 prefix, metric and protocol name one route with all its legs.
fn deletion(route: &KernelRoute) -> RouteMessage {
    let mut message = bare(route);
    message.header.scope = RouteScope::NoWhere;
    if route.prefix.family() == Family::Ipv4 {
        add_hops(&mut message, Family::Ipv4, route.kind.hops());
    }
    message
}

fn bare(route: &KernelRoute) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: address_family(route.prefix.family()),
        destination_prefix_length: route.prefix.length(),
        table: u8::try_from(route.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC),
        protocol: RouteProtocol::from(route.protocol),
        kind: match route.kind {
            KernelRouteKind::Unicast(_) => RouteType::Unicast,
            KernelRouteKind::Blackhole => RouteType::BlackHole,
            KernelRouteKind::Unreachable => RouteType::Unreachable,
            KernelRouteKind::Other(number) => RouteType::from(number),
        },
        ..RouteHeader::default()
    };
    let destination = RouteAddress::from(route.prefix.address());
    message
        .attributes
        .push(RouteAttribute::Destination(destination));
    message.attributes.push(RouteAttribute::Table(route.table));
    if route.metric != 0 {
        message
            .attributes
            .push(RouteAttribute::Priority(route.metric));
    }
    message
}

fn add_hops(message: &mut RouteMessage, family: Family, hops: &[KernelNextHop]) {
    match hops {
        [] => {}
        [only] => {
            message
                .attributes
                .extend(only.gateway.map(|gateway| via(family, gateway)));
            message.attributes.push(RouteAttribute::Oif(only.oif));
            if only.onlink {
                message.header.flags |= RouteFlags::Onlink;
            }
        }
        several => {
            let legs = several.iter().map(|hop| {
                let mut leg = RouteNextHop::default();
                leg.hops = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
                leg.interface_index = hop.oif;
                leg.attributes
                    .extend(hop.gateway.map(|gateway| via(family, gateway)));
                if hop.onlink {
                    leg.flags |= RouteNextHopFlags::Onlink;
                }
                leg
            });
            message
                .attributes
                .push(RouteAttribute::MultiPath(legs.collect()));
        }
    }
}

/// The attribute for a gateway of the route's family or, for RFC 8950, of the other one.
fn via(family: Family, gateway: IpAddr) -> RouteAttribute {
    match gateway {
        IpAddr::V6(gateway) if family == Family::Ipv4 => {
            RouteAttribute::Via(RouteVia::Inet6(gateway))
        }
        gateway => RouteAttribute::Gateway(RouteAddress::from(gateway)),
    }
}

const fn address_family(family: Family) -> AddressFamily {
    match family {
        Family::Ipv4 => AddressFamily::Inet,
        Family::Ipv6 => AddressFamily::Inet6,
    }
}

/// Reads a message of the kernel about a link, an address or a route; `None` for what does not
/// concern this room or does not parse.
pub(super) fn decode(kind: u16, flags: u16, payload: &[u8]) -> Option<Event> {
    match kind {
        RTM_NEWLINK => link(payload).map(Event::Link),
        RTM_DELLINK => link(payload).map(|link| Event::LinkGone(link.index)),
        RTM_NEWADDR => address(payload).map(Event::Address),
        RTM_DELADDR => address(payload).map(Event::AddressGone),
        RTM_NEWROUTE => route(payload).map(|route| Event::Route {
            route,
            replaces: flags & NLM_F_REPLACE != 0,
        }),
        RTM_DELROUTE => route(payload).map(Event::RouteGone),
        _ => None,
    }
}

/// Reads the three facts needed of a link and nothing else, so that link attributes of newer kernels
/// cannot spoil them.
fn link(payload: &[u8]) -> Option<Link> {
    // Bridges tell of their ports in messages that look the same: a port that leaves is no link gone.
    if *payload.first()? != AF_UNSPEC {
        return None;
    }
    let flags = u32_at(payload, 8)?;
    let name = attribute(payload.get(LINK_HEADER..)?, libc::IFLA_IFNAME)?;
    let name = name.split(|octet| *octet == 0).next().unwrap_or_default();
    Some(Link {
        index: u32_at(payload, 4)?,
        name: String::from_utf8_lossy(name).into_owned(),
        is_up: flags & IFF_UP != 0,
        has_carrier: flags & IFF_LOWER_UP != 0,
    })
}

const AF_UNSPEC: u8 = 0;
const IFF_UP: u32 = 1;
const IFF_LOWER_UP: u32 = 1 << 16;

fn address(payload: &[u8]) -> Option<LinkAddress> {
    let attributes = payload.get(ADDRESS_HEADER..)?;
    // On point-to-point links IFA_ADDRESS is the other end and IFA_LOCAL is ours.
    let octets = attribute(attributes, libc::IFA_LOCAL)
        .or_else(|| attribute(attributes, libc::IFA_ADDRESS))?;
    Some(LinkAddress {
        address: ip_address(octets)?,
        link: u32_at(payload, 4)?,
    })
}

fn route(payload: &[u8]) -> Option<KernelRoute> {
    if *payload.get(TABLE_OFFSET)? == TABLE_LOCAL {
        return None;
    }
    from_message(&RouteMessage::parse(payload).ok()?)
}

/// Reads a route; `None` for those outside this room's model: cached ones, those with a type of
/// service or a source prefix, other families.
fn from_message(message: &RouteMessage) -> Option<KernelRoute> {
    let header = &message.header;
    let family = match header.address_family {
        AddressFamily::Inet => Family::Ipv4,
        AddressFamily::Inet6 => Family::Ipv6,
        _ => return None,
    };
    let is_plain = header.tos == 0 && header.source_prefix_length == 0;
    if !is_plain || header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let mut destination = match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let (mut metric, mut table, mut has_extras) = (0, u32::from(header.table), false);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => destination = route_address(address)?,
            RouteAttribute::Priority(value) => metric = *value,
            RouteAttribute::Table(value) => table = *value,
            RouteAttribute::Metrics(values) => has_extras |= !values.is_empty(),
            RouteAttribute::PrefSource(_)
            | RouteAttribute::Encap(_)
            | RouteAttribute::NhId(_)
            | RouteAttribute::Realm(_) => has_extras = true,
            _ => {}
        }
    }
    Some(KernelRoute {
        prefix: Prefix::new(destination, header.destination_prefix_length).ok()?,
        kind: match header.kind {
            RouteType::Unicast => KernelRouteKind::unicast(next_hops(message)),
            RouteType::BlackHole => KernelRouteKind::Blackhole,
            RouteType::Unreachable => KernelRouteKind::Unreachable,
            other => KernelRouteKind::Other(other.into()),
        },
        metric,
        protocol: header.protocol.into(),
        table,
        has_extras,
    })
}

fn next_hops(message: &RouteMessage) -> Vec<KernelNextHop> {
    let mut single = KernelNextHop::device(0);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::MultiPath(legs) => return legs.iter().map(leg).collect(),
            RouteAttribute::Oif(index) => single.oif = *index,
            other => single.gateway = gateway(other).or(single.gateway),
        }
    }
    single.onlink = message.header.flags.contains(RouteFlags::Onlink);
    vec![single]
}

fn leg(leg: &RouteNextHop) -> KernelNextHop {
    KernelNextHop {
        gateway: leg.attributes.iter().find_map(gateway),
        oif: leg.interface_index,
        onlink: leg.flags.contains(RouteNextHopFlags::Onlink),
        weight: u16::from(leg.hops) + 1,
    }
}

fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(address) => route_address(address),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some((*address).into()),
        _ => None,
    }
}

fn route_address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

/// Reads an NLMSG_ERROR: `Ok` for an acknowledgement. `None` where it is too short.
///
/// The socket has asked for capped errors, so only the header of the request comes back, and behind
/// it what the kernel says in words.
pub(super) fn outcome(payload: &[u8]) -> Option<Result<(), Refusal>> {
    const REQUEST_HEADER: usize = 16;
    let code = i32::from_ne_bytes(*payload.first_chunk()?);
    if code == 0 {
        return Some(Ok(()));
    }
    let text = payload
        .get(4 + REQUEST_HEADER..)
        .and_then(|attributes| attribute(attributes, NLMSGERR_ATTR_MSG))
        .map(|text| text.strip_suffix(&[0]).unwrap_or(text))
        .map(|text| String::from_utf8_lossy(text).into_owned());
    Some(Err(Refusal {
        errno: code.saturating_neg(),
        text,
    }))
}

const NLMSGERR_ATTR_MSG: u16 = 1;

fn attribute(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    NlasIterator::new(attributes)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == kind)
        .map(|attribute| attribute.into_inner())
        .and_then(|whole| {
            let length = u16::from_ne_bytes(*whole.first_chunk()?);
            whole.get(4..usize::from(length))
        })
}

fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(octets.into());
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets
        .get(at..)?
        .first_chunk()
        .map(|octets| u32::from_ne_bytes(*octets))
}

#[cfg(test)]
mod tests;
