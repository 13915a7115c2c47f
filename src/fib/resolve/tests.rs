use proptest::prelude::*;

use super::*;
use crate::fib::route::TABLE_MAIN;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn link(index: u32, is_up: bool, has_carrier: bool) -> Link {
    Link {
        index,
        name: format!("eth{index}"),
        is_up,
        has_carrier,
    }
}

fn route(prefix: &str, metric: u32, hops: &[(Option<&str>, u32)]) -> KernelRoute {
    let hops = hops.iter().map(|(gateway, oif)| KernelNextHop {
        gateway: gateway.map(ip),
        ..KernelNextHop::device(*oif)
    });
    KernelRoute {
        prefix: prefix.parse().expect("a prefix"),
        kind: KernelRouteKind::unicast(hops),
        metric,
        protocol: 2,
        table: TABLE_MAIN,
        has_extras: false,
    }
}

/// Two interfaces with a subnet each, and a default route through the first.
fn node() -> Resolver {
    let mut resolver = Resolver::default();
    resolver.reset(
        vec![link(1, true, true), link(2, true, true)],
        vec![
            LinkAddress {
                address: ip("192.0.2.1"),
                link: 1,
            },
            LinkAddress {
                address: ip("fd00:1::1"),
                link: 1,
            },
        ],
        [
            route("192.0.2.0/24", 0, &[(None, 1)]),
            route("198.51.100.0/24", 0, &[(None, 2)]),
            route("0.0.0.0/0", 0, &[(Some("192.0.2.254"), 1)]),
            route("fd00:1::/64", 256, &[(None, 1)]),
            route("::/0", 1024, &[(Some("fe80::9"), 1)]),
        ],
    );
    resolver
}

fn via(gateway: &str, oif: u32) -> Resolution {
    Resolution::Via(SmallVec::from_iter([KernelNextHop::via(ip(gateway), oif)]))
}

#[test]
fn the_longest_match_decides() {
    let node = node();
    assert_eq!(
        node.resolve(ip("192.0.2.12")),
        Resolution::Direct { oif: 1 }
    );
    assert_eq!(node.resolve(ip("203.0.113.1")), via("192.0.2.254", 1));
    assert_eq!(
        node.resolve(ip("fd00:1::12")),
        Resolution::Direct { oif: 1 }
    );
    assert_eq!(node.resolve(ip("fd00:2::12")), via("fe80::9", 1));
}

#[test]
fn own_addresses_and_addresses_without_a_scope_are_no_next_hops() {
    let node = node();
    assert_eq!(node.resolve(ip("192.0.2.1")), Resolution::Local);
    assert_eq!(node.resolve(ip("fe80::5")), Resolution::Unreachable);
    assert_eq!(node.resolve(ip("127.0.0.1")), Resolution::Unreachable);
    assert_eq!(node.resolve(ip("0.0.0.0")), Resolution::Unreachable);
    assert_eq!(Resolution::Local.state(), NextHopState::Unreachable);
}

#[test]
fn a_blackhole_hides_the_default_route() {
    let mut node = node();
    let mut blackhole = route("203.0.113.0/24", 0, &[]);
    blackhole.kind = KernelRouteKind::Blackhole;
    node.track(ip("203.0.113.1"));
    let effect = node.add_route(blackhole.clone(), false);
    assert_eq!(effect.changed, [ip("203.0.113.1")]);
    assert_eq!(node.resolve(ip("203.0.113.1")), Resolution::Unreachable);
    assert_eq!(node.remove_route(&blackhole).changed, [ip("203.0.113.1")]);
}

#[test]
fn a_dead_wire_leaves_the_next_best_route() {
    let mut node = node();
    node.track(ip("198.51.100.7"));
    node.track(ip("192.0.2.7"));
    let effect = node.set_link(link(2, true, false));
    assert_eq!(effect.changed, [ip("198.51.100.7")]);
    assert_eq!(node.resolve(ip("198.51.100.7")), via("192.0.2.254", 1));
    let effect = node.set_link(link(2, true, true));
    assert_eq!(
        effect.changed,
        [ip("198.51.100.7")],
        "carrier loss took no route away"
    );
    assert_eq!(
        node.tracked(ip("198.51.100.7")),
        Some(&Resolution::Direct { oif: 2 })
    );
}

#[test]
fn a_link_that_goes_down_takes_its_routes_along() {
    let mut node = node();
    node.track(ip("198.51.100.7"));
    let effect = node.set_link(link(2, false, false));
    assert_eq!((effect.changed.len(), effect.is_certain), (1, true));
    let effect = node.set_link(link(2, true, true));
    assert!(
        effect.changed.is_empty(),
        "the subnet's route has to come back first"
    );
    let effect = node.add_route(route("198.51.100.0/24", 0, &[(None, 2)]), false);
    assert_eq!(effect.changed, [ip("198.51.100.7")]);
}

#[test]
fn a_multipath_route_that_loses_a_leg_must_be_read_again() {
    let mut node = node();
    let two = route(
        "203.0.113.0/24",
        0,
        &[(Some("192.0.2.5"), 1), (Some("198.51.100.5"), 2)],
    );
    node.add_route(two, false);
    let Resolution::Via(hops) = node.resolve(ip("203.0.113.1")) else {
        panic!("behind routers");
    };
    assert_eq!(hops.len(), 2);
    let effect = node.set_link(link(2, false, false));
    assert!(!effect.is_certain);
    assert_eq!(node.resolve(ip("203.0.113.1")), via("192.0.2.5", 1));
}

#[test]
fn the_lowest_metric_wins_and_replacement_needs_the_kernels_word() {
    let mut node = node();
    assert!(
        node.add_route(route("0.0.0.0/0", 50, &[(Some("198.51.100.1"), 2)]), false)
            .is_certain
    );
    assert_eq!(node.resolve(ip("203.0.113.1")), via("192.0.2.254", 1));
    let other = route("0.0.0.0/0", 0, &[(Some("192.0.2.253"), 1)]);
    assert!(node.add_route(other.clone(), true).is_certain);
    assert_eq!(node.resolve(ip("203.0.113.1")), via("192.0.2.253", 1));
    assert!(node.add_route(other, false).is_certain, "seen before");
    assert!(
        !node
            .add_route(route("0.0.0.0/0", 0, &[(Some("192.0.2.9"), 1)]), false)
            .is_certain
    );
    assert!(
        !node
            .remove_route(&route("0.0.0.0/0", 0, &[(None, 7)]))
            .is_certain
    );
    assert!(
        node.remove_route(&route("203.0.113.0/24", 0, &[(None, 7)]))
            .is_certain
    );
}

#[test]
fn an_address_that_becomes_our_own_stops_being_a_next_hop() {
    let mut node = node();
    node.track(ip("192.0.2.12"));
    let own = LinkAddress {
        address: ip("192.0.2.12"),
        link: 1,
    };
    assert_eq!(node.add_address(own).changed, [ip("192.0.2.12")]);
    assert_eq!(node.remove_address(own).changed, [ip("192.0.2.12")]);
}

proptest! {
    /// The mirror kept by events resolves as one that was read at once.
    #[test]
    fn events_and_a_fresh_start_agree(
        steps in proptest::collection::vec((0u8..4, 0u8..5, 0u32..3, 1u32..4), 1..40),
    ) {
        let prefixes = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32"];
        let mut kept = Resolver::default();
        let links: Vec<Link> = (1..4).map(|index| link(index, true, true)).collect();
        kept.reset(links.clone(), vec![], []);
        let next_hops = [ip("10.1.2.3"), ip("10.1.9.9"), ip("10.9.9.9"), ip("9.9.9.9")];
        for next_hop in next_hops {
            kept.track(next_hop);
        }
        let mut table: BTreeMap<_, KernelRoute> = BTreeMap::new();
        for (action, prefix, metric, oif) in steps {
            let route = route(prefixes[usize::from(prefix)], metric, &[(Some("10.255.0.1"), oif)]);
            if action == 0 {
                if let Some(gone) = table.remove(&route.key()) {
                    kept.remove_route(&gone);
                }
            } else {
                let replaced = table.insert(route.key(), route.clone());
                kept.add_route(route, replaced.is_some());
            }
            let mut fresh = Resolver::default();
            fresh.reset(links.clone(), vec![], table.values().cloned());
            for next_hop in next_hops {
                prop_assert_eq!(kept.tracked(next_hop), Some(&fresh.resolve(next_hop)));
            }
        }
    }
}
