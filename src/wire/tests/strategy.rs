//! Arbitrary values that are valid on the wire.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use crate::net::{Asn, ClusterId, Family, Ipv4Prefix, Ipv6Prefix, PathId, PerFamily, RouterId};
use crate::wire::*;

pub(super) fn asn() -> impl Strategy<Value = Asn> {
    prop_oneof![1u32..=65_535, 65_536u32.., Just(23_456)].prop_map(Asn)
}

fn per_family<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = PerFamily<T>> {
    (value.clone(), value).prop_map(|(ipv4, ipv6)| PerFamily { ipv4, ipv6 })
}

fn router_id() -> impl Strategy<Value = RouterId> {
    (1u32..).prop_map(|bits| RouterId(bits.into()))
}

prop_compose! {
    fn graceful_restart()(
        restarting: bool,
        notification: bool,
        restart_time in 0u16..4096,
        families in per_family(option::of(any::<bool>())),
    ) -> GracefulRestart {
        let terms = |preserved: Option<bool>| preserved.map(|forwarding_preserved| {
            GracefulRestartFamily { forwarding_preserved }
        });
        GracefulRestart {
            restarting,
            notification,
            restart_time,
            families: PerFamily { ipv4: terms(families.ipv4), ipv6: terms(families.ipv6) },
        }
    }
}

prop_compose! {
    /// The capabilities that came after ADD-PATH.
    fn newer()(
        extended_message: bool,
        extended_next_hop: bool,
        role in option::of(any::<u8>()),
        long_lived in option::of(per_family(option::of((any::<bool>(), 0u32..1 << 24)))),
    ) -> Capabilities {
        let family = |terms: Option<(bool, u32)>| {
            terms.map(|(forwarding_preserved, stale_time)| LongLivedFamily {
                forwarding_preserved,
                stale_time,
            })
        };
        Capabilities {
            extended_message,
            extended_next_hop,
            role,
            long_lived: long_lived.map(|families| LongLived {
                families: PerFamily { ipv4: family(families.ipv4), ipv6: family(families.ipv6) },
            }),
            ..Capabilities::default()
        }
    }
}

prop_compose! {
    fn capabilities()(
        families in per_family(any::<bool>()),
        other_families in btree_set((3u16.., any::<u8>()), 0..50),
        route_refresh: bool,
        enhanced_route_refresh: bool,
        newer in newer(),
        graceful_restart in option::of(graceful_restart()),
        four_octet_as in option::of(asn()),
        add_path in per_family((any::<bool>(), any::<bool>())),
        unknown in btree_set(128u8.., 0..20),
    ) -> Capabilities {
        let directions = |(receive, send)| AddPathDirection { receive, send };
        Capabilities {
            families,
            other_families: other_families.into_iter().collect(),
            route_refresh,
            enhanced_route_refresh,
            graceful_restart,
            four_octet_as,
            add_path: PerFamily {
                ipv4: directions(add_path.ipv4),
                ipv6: directions(add_path.ipv6),
            },
            unknown: unknown.into_iter().collect(),
            ..newer
        }
    }
}

prop_compose! {
    pub(super) fn open()(
        capabilities in capabilities(),
        two_octet_as in 1u16..,
        hold_time in prop_oneof![Just(0u16), 3u16..],
        router_id in router_id(),
    ) -> Open {
        Open {
            asn: capabilities.four_octet_as.unwrap_or(Asn(two_octet_as.into())),
            hold_time: HoldTime::new(hold_time).expect("one and two are left out"),
            router_id,
            capabilities,
        }
    }
}

prop_compose! {
    pub(super) fn notification()(
        code: u8,
        subcode: u8,
        data in vec(any::<u8>(), 0..300),
    ) -> Notification {
        Notification { code, subcode, data }
    }
}

prop_compose! {
    pub(super) fn refresh()(ipv6: bool, subtype: u8) -> RouteRefresh {
        RouteRefresh {
            family: Some(if ipv6 { Family::Ipv6 } else { Family::Ipv4 }),
            kind: match subtype {
                0..64 => RefreshKind::Request,
                64..128 => RefreshKind::Begin,
                128..192 => RefreshKind::End,
                other => RefreshKind::Unknown(other),
            },
        }
    }
}

fn as_path() -> impl Strategy<Value = AsPath> {
    prop_oneof![9 => vec(asn(), 0..8), 1 => vec(asn(), 200..300)].prop_map(AsPath::sequence)
}

pub(super) fn next_hop_v4() -> impl Strategy<Value = NextHop> {
    (0x0100_0000u32..0x7f00_0000).prop_map(|bits| NextHop::V4(bits.into()))
}

pub(super) fn next_hop_v6() -> impl Strategy<Value = NextHop> {
    (2u128..0xff00 << 112, option::of(any::<u64>())).prop_map(|(global, host)| NextHop::V6 {
        global: global.into(),
        link_local: host.map(|host| (0xfe80 << 112 | u128::from(host)).into()),
    })
}

fn unknown() -> impl Strategy<Value = Box<[UnknownAttribute]>> {
    let code = prop_oneof![Just(11u8), Just(20), Just(31), 33u8..35, 36u8..=255];
    btree_map(code, vec(any::<u8>(), 0..300), 0..3).prop_map(|attributes| {
        attributes
            .into_iter()
            .map(|(code, value)| UnknownAttribute {
                code,
                value: value.into(),
            })
            .collect()
    })
}

/// AIGP with a metric, and with a TLV of another type in front.
fn tlvs(metric: u64, other: bool) -> Box<[u8]> {
    let other = if other { &[9, 0, 5, 1, 2][..] } else { &[] };
    [other, &[1, 0, 11], &metric.to_be_bytes()].concat().into()
}

prop_compose! {
    fn lists()(
        communities in vec(any::<u32>(), 0..80),
        cluster_list in vec(any::<u32>(), 0..70),
        extended in vec(any::<[u8; 8]>(), 0..5),
        ipv6_extended in vec(any::<[u8; 20]>(), 0..3),
        large in btree_set(any::<[u32; 3]>(), 0..5),
    ) -> PathAttributes {
        PathAttributes {
            communities: communities.into_iter().map(Community).collect(),
            rare: RareAttributes {
                cluster_list: cluster_list.into_iter().map(|id| ClusterId(id.into())).collect(),
                extended_communities: extended.into(),
                ipv6_extended_communities: ipv6_extended.into(),
                large_communities: large.into_iter().map(LargeCommunity).collect(),
                ..RareAttributes::default()
            }
            .into(),
            ..PathAttributes::originated(NextHop::Local)
        }
    }
}

prop_compose! {
    /// Attributes as an internal peer may send them, without a next hop.
    pub(super) fn attributes()(
        lists in lists(),
        origin in prop_oneof![Just(Origin::Igp), Just(Origin::Egp), Just(Origin::Incomplete)],
        as_path in as_path(),
        med: Option<u32>,
        local_pref: Option<u32>,
        atomic_aggregate: bool,
        aggregator in option::of((asn(), any::<u32>())),
        originator_id in option::of(router_id()),
        aigp in option::of((0..u64::MAX, any::<bool>())),
        otc in option::of(asn()),
        unknown in unknown(),
    ) -> PathAttributes {
        PathAttributes {
            origin,
            as_path,
            med,
            local_pref,
            atomic_aggregate,
            rare: RareAttributes {
                aggregator: aggregator.map(|(asn, id)| Aggregator { asn, router_id: id.into() }),
                originator_id,
                aigp: aigp.map_or_else(RareList::default, |(metric, other)| {
                    tlvs(metric, other).into()
                }),
                otc,
                unknown: unknown.into(),
                ..RareAttributes::clone(&lists.rare)
            }
            .into(),
            ..lists
        }
    }
}

pub(super) fn nlri_v4() -> impl Strategy<Value = Vec<Nlri<Ipv4Prefix>>> {
    let one = (any::<u32>(), 0u8..=32, any::<u32>()).prop_map(|(bits, length, id)| Nlri {
        prefix: Ipv4Prefix::new(bits.into(), length).expect("in range"),
        path_id: PathId(id),
    });
    prop_oneof![9 => vec(one.clone(), 1..8), 1 => vec(one, 900..2_000)]
}

pub(super) fn nlri_v6() -> impl Strategy<Value = Vec<Nlri<Ipv6Prefix>>> {
    let one = (any::<u128>(), 0u8..=128, any::<u32>()).prop_map(|(bits, length, id)| Nlri {
        prefix: Ipv6Prefix::new(bits.into(), length).expect("in range"),
        path_id: PathId(id),
    });
    prop_oneof![9 => vec(one.clone(), 1..20), 1 => vec(one, 300..1_000)]
}
