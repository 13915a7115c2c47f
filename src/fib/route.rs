//! One route as the kernel holds it, in a form in which equal routes compare equal.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::net::{Family, Prefix};

/// The number of the main routing table.
pub const TABLE_MAIN: u32 = 254;

/// The metric that the kernel gives to an IPv6 route which asks for none.
const IPV6_DEFAULT_METRIC: u32 = 1024;

/// The next hops of a route; nearly all routes have one.
pub type NextHops = SmallVec<[KernelNextHop; 1]>;

/// A route of a kernel table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KernelRoute {
    /// The destination.
    pub prefix: Prefix,
    /// What happens to packets.
    pub kind: KernelRouteKind,
    /// The priority; the lowest wins. Never zero in IPv6.
    pub metric: u32,
    /// Who wrote the route, such as 12 for `bird` and 2 for the kernel itself.
    pub protocol: u8,
    /// The table's number.
    pub table: u32,
    /// Whether it bears what calidris never sets: a preferred source, an MTU, an encapsulation, a
    /// next hop object. Such a route of ours is replaced by a plain one.
    pub has_extras: bool,
}

/// What happens to packets that match a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KernelRouteKind {
    /// Forwarded to one of these, sorted and without duplicates.
    Unicast(NextHops),
    /// Dropped silently.
    Blackhole,
    /// Answered with an error.
    Unreachable,
    /// Another of the kernel's route types, by number.
    Other(u8),
}

/// One next hop of a kernel route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelNextHop {
    /// The router to send to; `None` where destinations are neighbours themselves.
    pub gateway: Option<IpAddr>,
    /// The index of the interface to send through.
    pub oif: u32,
    /// Whether the gateway counts as a neighbour although no route says so.
    pub onlink: bool,
    /// The share of this next hop among several, 1 to 256.
    pub weight: u16,
}

/// What no two routes of one table share, as far as calidris is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// The destination.
    pub prefix: Prefix,
    /// The metric as the kernel reports it.
    pub metric: u32,
}

impl KernelRouteKind {
    /// Makes a unicast kind whose next hops compare equal whatever order they came in.
    pub fn unicast(hops: impl IntoIterator<Item = KernelNextHop>) -> Self {
        let mut hops: NextHops = hops.into_iter().collect();
        hops.sort_unstable();
        hops.dedup();
        if let [only] = hops.as_mut_slice() {
            only.weight = 1;
        }
        Self::Unicast(hops)
    }

    /// The next hops; none for the other kinds.
    pub fn hops(&self) -> &[KernelNextHop] {
        match self {
            Self::Unicast(hops) => hops,
            Self::Blackhole | Self::Unreachable | Self::Other(_) => &[],
        }
    }
}

impl KernelNextHop {
    /// A gateway behind an interface, at equal weight.
    pub const fn via(gateway: IpAddr, oif: u32) -> Self {
        Self {
            gateway: Some(gateway),
            oif,
            onlink: false,
            weight: 1,
        }
    }

    /// The interface itself: destinations are neighbours.
    pub const fn device(oif: u32) -> Self {
        Self {
            gateway: None,
            oif,
            onlink: false,
            weight: 1,
        }
    }
}

impl KernelRoute {
    /// The key under which the kernel knows the route.
    pub const fn key(&self) -> RouteKey {
        RouteKey {
            prefix: self.prefix,
            metric: self.metric,
        }
    }

    /// The metric under which the kernel files a route that asks for `wanted`.
    pub fn effective_metric(family: Family, wanted: Option<u32>) -> u32 {
        match (family, wanted) {
            (Family::Ipv4, wanted) => wanted.unwrap_or(0),
            (Family::Ipv6, None | Some(0)) => IPV6_DEFAULT_METRIC,
            (Family::Ipv6, Some(metric)) => metric,
        }
    }

    /// Tells the route in the words of `ip route`; `link_name` names interfaces by index.
    pub fn in_words<'a>(&self, link_name: impl Fn(u32) -> Option<&'a str>) -> String {
        let mut words = Vec::new();
        match &self.kind {
            KernelRouteKind::Unicast(_) => {}
            KernelRouteKind::Blackhole => words.push("blackhole".to_owned()),
            KernelRouteKind::Unreachable => words.push("unreachable".to_owned()),
            KernelRouteKind::Other(number) => words.push(type_name(*number)),
        }
        words.push(self.prefix.to_string());
        let hops = self.kind.hops();
        if let [only] = hops {
            words.push(only.in_words(self.prefix.family(), &link_name));
        }
        words.push(format!("proto {}", protocol_name(self.protocol)));
        if self.table != TABLE_MAIN {
            words.push(format!("table {}", self.table));
        }
        if self.metric != 0 {
            words.push(format!("metric {}", self.metric));
        }
        match hops {
            [only] if only.onlink => words.push("onlink".to_owned()),
            [] | [_] => {}
            several => words.extend(several.iter().map(|hop| {
                let onlink = if hop.onlink { " onlink" } else { "" };
                let place = hop.in_words(self.prefix.family(), &link_name);
                format!("nexthop {place} weight {}{onlink}", hop.weight)
            })),
        }
        words.join(" ")
    }
}

impl KernelNextHop {
    fn in_words<'a>(&self, family: Family, link_name: &impl Fn(u32) -> Option<&'a str>) -> String {
        let device = match link_name(self.oif) {
            Some(name) => format!("dev {name}"),
            None => format!("dev if{}", self.oif),
        };
        match self.gateway {
            None => device,
            Some(gateway) if Family::of(gateway) == family => format!("via {gateway} {device}"),
            Some(gateway @ IpAddr::V4(_)) => format!("via inet {gateway} {device}"),
            Some(gateway @ IpAddr::V6(_)) => format!("via inet6 {gateway} {device}"),
        }
    }
}

/// The names that iproute2 gives to the protocols met on a node; a number otherwise.
fn protocol_name(protocol: u8) -> String {
    let name = match protocol {
        1 => "redirect",
        2 => "kernel",
        3 => "boot",
        4 => "static",
        9 => "ra",
        11 => "zebra",
        12 => "bird",
        16 => "dhcp",
        186 => "bgp",
        number => return number.to_string(),
    };
    name.to_owned()
}

/// The names that iproute2 gives to route types (RTN_*); a number otherwise.
fn type_name(number: u8) -> String {
    let name = match number {
        2 => "local",
        3 => "broadcast",
        4 => "anycast",
        5 => "multicast",
        8 => "prohibit",
        9 => "throw",
        number => return format!("type {number}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(prefix: &str, kind: KernelRouteKind, metric: u32) -> KernelRoute {
        KernelRoute {
            prefix: prefix.parse().expect("a prefix"),
            kind,
            metric,
            protocol: 12,
            table: TABLE_MAIN,
            has_extras: false,
        }
    }

    fn hop(gateway: &str, oif: u32) -> KernelNextHop {
        KernelNextHop::via(gateway.parse().expect("an address"), oif)
    }

    fn words(route: &KernelRoute) -> String {
        route.in_words(|index| (index == 2).then_some("eth0"))
    }

    #[test]
    fn routes_read_as_ip_route_prints_them() {
        let mut one = route(
            "10.65.1.0/26",
            KernelRouteKind::unicast([hop("192.0.2.12", 2)]),
            1024,
        );
        assert_eq!(
            words(&one),
            "10.65.1.0/26 via 192.0.2.12 dev eth0 proto bird metric 1024"
        );
        one.table = 100;
        assert_eq!(
            words(&one),
            "10.65.1.0/26 via 192.0.2.12 dev eth0 proto bird table 100 metric 1024"
        );
        let blackhole = route("10.65.0.0/26", KernelRouteKind::Blackhole, 0);
        assert_eq!(words(&blackhole), "blackhole 10.65.0.0/26 proto bird");
        let two = route(
            "fd00::/64",
            KernelRouteKind::unicast([hop("fd01::2", 9), hop("fd01::1", 2)]),
            1024,
        );
        assert_eq!(
            words(&two),
            "fd00::/64 proto bird metric 1024 nexthop via fd01::1 dev eth0 weight 1 nexthop via fd01::2 dev if9 weight 1"
        );
        let mixed = route(
            "10.0.0.0/8",
            KernelRouteKind::unicast([hop("fe80::1", 2)]),
            0,
        );
        assert_eq!(
            words(&mixed),
            "10.0.0.0/8 via inet6 fe80::1 dev eth0 proto bird"
        );
    }

    #[test]
    fn next_hops_compare_equal_in_any_order_and_number() {
        let (a, b) = (hop("192.0.2.1", 2), hop("192.0.2.2", 2));
        assert_eq!(
            KernelRouteKind::unicast([b, a, a]),
            KernelRouteKind::unicast([a, b])
        );
    }

    #[test]
    fn the_kernel_has_no_zero_metric_in_ipv6() {
        assert_eq!(KernelRoute::effective_metric(Family::Ipv4, None), 0);
        assert_eq!(KernelRoute::effective_metric(Family::Ipv6, None), 1024);
        assert_eq!(KernelRoute::effective_metric(Family::Ipv6, Some(0)), 1024);
        assert_eq!(KernelRoute::effective_metric(Family::Ipv6, Some(7)), 7);
    }
}
