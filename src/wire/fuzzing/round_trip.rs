//! Arbitrary values of ours, written and read back, and arbitrary octets, read and written back.

use super::{Draw, each_update};
use crate::net::{
    AddPathDirection, AddressFamily, Asn, ClusterId, Family, Ipv4, Ipv6, PathId, PerFamily,
    PrefixKey, RouterId,
};
use crate::wire::{
    Aggregator, AsPath, Capabilities, Community, DecodeContext, EncodeContext, GracefulRestart,
    GracefulRestartFamily, HoldTime, LargeCommunity, LongLived, LongLivedFamily,
    MESSAGE_LENGTH_MAX, Message, NextHop, Nlri, Notification, Open, Origin, PathAttributes,
    RareAttributes, RefreshKind, RouteRefresh, UnknownAttribute, UpdatePacker, decode,
};

/// A value chosen by octets: what is written reads back as it was, and what reads back is written as
/// it was before.
pub fn round_trip(data: &[u8]) {
    let mut draw = Draw::new(data);
    match draw.below(8) {
        0 => returns(
            &open(&mut draw),
            |open, out| open.encode(out),
            |message| match message {
                Message::Open(open) => Some(open),
                _ => None,
            },
        ),
        1 => returns(
            &notification(&mut draw),
            |n, out| n.encode(out),
            |message| match message {
                Message::Notification(notification) => Some(notification),
                _ => None,
            },
        ),
        2 => returns(
            &refresh(&mut draw),
            |refresh, out| refresh.encode(out),
            |message| match message {
                Message::RouteRefresh(refresh) => Some(refresh),
                _ => None,
            },
        ),
        3..=5 => update::<Ipv4>(&mut draw),
        _ => update::<Ipv6>(&mut draw),
    }
}

/// Writes a message of one type twice, with a reader in between that finds the same in it.
fn returns<T: PartialEq + std::fmt::Debug>(
    message: &T,
    write: impl Fn(&T, &mut Vec<u8>),
    find: impl Fn(Message<'_>) -> Option<T>,
) {
    let (mut octets, mut again) = (Vec::new(), Vec::new());
    write(message, &mut octets);
    assert!(octets.len() <= MESSAGE_LENGTH_MAX);
    let read = decode(&octets, &DecodeContext::BEFORE_OPEN).expect("ours is in order");
    let read = find(read).expect("the type stays");
    assert_eq!(&read, message);
    write(&read, &mut again);
    assert_eq!(again, octets);
}

/// Attributes and prefixes: every prefix comes back once and in order, with equal attributes, or is
/// withdrawn where no message holds them; and packing what was read gives the same octets.
fn update<A: AddressFamily>(draw: &mut Draw<'_>) {
    let four_octet_as = draw.flag();
    let add_path = draw.flag();
    let context = EncodeContext {
        four_octet_as,
        add_path,
        ..EncodeContext::default()
    };
    let reader = DecodeContext {
        four_octet_as,
        add_path: PerFamily {
            ipv4: add_path,
            ipv6: add_path,
        },
        families: PerFamily {
            ipv4: true,
            ipv6: true,
        },
        external: false,
        extended_next_hop: false,
    };
    let next_hop = next_hop(draw, A::FAMILY);
    let attributes = attributes(draw, next_hop);
    let sent = nlri::<A>(draw, add_path);
    let mut packer = UpdatePacker::new(context);
    let packed = packer.announce::<A>(&attributes, sent.iter().copied());
    assert_eq!(packed.announced + packed.withdrawn, sent.len());
    let octets = packer.take();
    let (mut got, mut gone, mut first) = (Vec::new(), Vec::new(), None);
    each_update(&octets, &reader, |update| {
        assert_eq!(update.faults, []);
        for announced in &update.announced {
            let again = update.path(announced);
            assert_eq!(again, attributes);
            first.get_or_insert(again);
            got.extend(announced.nlri.iter::<A>());
        }
        gone.extend(update.withdrawn.iter().flat_map(|run| run.iter::<A>()));
    });
    assert_eq!(
        (got.len(), gone.len()),
        (packed.announced, packed.withdrawn)
    );
    got.extend(gone);
    assert_eq!(got, sent);
    if let Some(attributes) = first {
        packer.announce::<A>(&attributes, got.iter().copied());
        assert_eq!(packer.take(), octets);
    }
}

fn open(draw: &mut Draw<'_>) -> Open {
    let capabilities = capabilities(draw);
    let two_octets = Asn(u32::from(draw.short()).max(1));
    Open {
        asn: capabilities.four_octet_as.unwrap_or(two_octets),
        hold_time: HoldTime::new(draw.short())
            .or(HoldTime::new(0))
            .expect("zero is one"),
        router_id: RouterId(draw.long().max(1).into()),
        capabilities,
    }
}

fn per_family<'a, T>(
    draw: &mut Draw<'a>,
    mut value: impl FnMut(&mut Draw<'a>) -> T,
) -> PerFamily<T> {
    PerFamily {
        ipv4: value(draw),
        ipv6: value(draw),
    }
}

fn capabilities(draw: &mut Draw<'_>) -> Capabilities {
    let mut other_families: Vec<_> = draw.list(60, |draw| (draw.short().max(3), draw.octet()));
    other_families.sort_unstable();
    other_families.dedup();
    // Above all codes that are assigned to something that calidris reads.
    let mut unknown = draw.list(60, |draw| draw.octet() | 0x80);
    unknown.sort_unstable();
    unknown.dedup();
    Capabilities {
        extended_message: draw.flag(),
        extended_next_hop: draw.flag(),
        role: draw.option(Draw::octet),
        long_lived: draw.option(|draw| LongLived {
            families: per_family(draw, |draw| {
                draw.option(|draw| LongLivedFamily {
                    forwarding_preserved: draw.flag(),
                    stale_time: draw.long() >> 8,
                })
            }),
        }),
        families: per_family(draw, Draw::flag),
        other_families,
        route_refresh: draw.flag(),
        enhanced_route_refresh: draw.flag(),
        graceful_restart: draw.option(|draw| GracefulRestart {
            restarting: draw.flag(),
            notification: draw.flag(),
            restart_time: draw.short() % 4_096,
            families: per_family(draw, |draw| {
                draw.option(|draw| GracefulRestartFamily {
                    forwarding_preserved: draw.flag(),
                })
            }),
        }),
        four_octet_as: draw.option(asn),
        add_path: per_family(draw, |draw| AddPathDirection {
            receive: draw.flag(),
            send: draw.flag(),
        }),
        unknown,
    }
}

fn notification(draw: &mut Draw<'_>) -> Notification {
    Notification {
        code: draw.octet(),
        subcode: draw.octet(),
        data: draw.octets(1_000).to_vec(),
    }
}

fn refresh(draw: &mut Draw<'_>) -> RouteRefresh {
    RouteRefresh {
        family: Some(if draw.flag() {
            Family::Ipv6
        } else {
            Family::Ipv4
        }),
        kind: match draw.octet() {
            0 => RefreshKind::Request,
            1 => RefreshKind::Begin,
            2 => RefreshKind::End,
            other => RefreshKind::Unknown(other),
        },
    }
}

fn asn(draw: &mut Draw<'_>) -> Asn {
    let number = match draw.flag() {
        true => draw.long(),
        false => draw.short().into(),
    };
    Asn(number.max(1))
}

fn next_hop(draw: &mut Draw<'_>, family: Family) -> NextHop {
    match family {
        Family::Ipv4 => NextHop::V4((1 << 24 | draw.long() >> 8).into()),
        Family::Ipv6 => NextHop::V6 {
            global: (0x2001_u128 << 112 | u128::from(draw.long())).into(),
            link_local: draw.option(|draw| (0xfe80_u128 << 112 | u128::from(draw.long())).into()),
        },
    }
}

/// Attributes as one speaker in an AS may send them to another.
pub(super) fn attributes(draw: &mut Draw<'_>, next_hop: NextHop) -> PathAttributes {
    let mut large = draw.list(20, |draw| {
        LargeCommunity([draw.long(), draw.long(), draw.long()])
    });
    large.sort_unstable();
    large.dedup();
    let rare = RareAttributes {
        aggregator: draw.option(|draw| Aggregator {
            asn: asn(draw),
            router_id: draw.long().into(),
        }),
        originator_id: draw.option(|draw| RouterId(draw.long().max(1).into())),
        cluster_list: draw.list(100, |draw| ClusterId(draw.long().into())),
        extended_communities: draw.list(20, Draw::array).into(),
        ipv6_extended_communities: draw.list(5, Draw::array).into(),
        aigp: draw.option(aigp).unwrap_or_default().into(),
        large_communities: large.into(),
        otc: draw.option(asn),
        unknown: unknown(draw).into(),
    };
    PathAttributes {
        origin: [Origin::Igp, Origin::Egp, Origin::Incomplete][draw.below(3)],
        as_path: as_path(draw),
        med: draw.option(Draw::long),
        local_pref: draw.option(Draw::long),
        atomic_aggregate: draw.flag(),
        communities: draw.list(200, |draw| Community(draw.long())).into(),
        rare: rare.into(),
        ..PathAttributes::originated(next_hop)
    }
}

fn as_path(draw: &mut Draw<'_>) -> AsPath {
    let segments = draw.list(3, |draw| draw.list(255, asn));
    AsPath::sequence(segments.into_iter().flatten())
}

/// AIGP with a metric (RFC 7311 §3), below the one that means "too large".
fn aigp(draw: &mut Draw<'_>) -> Box<[u8]> {
    let metric = u64::from(draw.long());
    [&[1, 0, 11][..], &metric.to_be_bytes()].concat().into()
}

/// Attributes of types that nobody has assigned, by ascending type.
fn unknown(draw: &mut Draw<'_>) -> Box<[UnknownAttribute]> {
    let mut code = 200;
    let attributes = draw.list(3, |draw| {
        code += 1 + draw.octet() % 16;
        let length = usize::from(draw.short()) % 1_500;
        UnknownAttribute {
            code,
            value: draw.octets(length).into(),
        }
    });
    attributes.into()
}

fn nlri<A: AddressFamily>(draw: &mut Draw<'_>, add_path: bool) -> Vec<Nlri<A::Prefix>> {
    let copies = 1 + draw.below(200);
    let distinct = draw.list(30, |draw| {
        let length = draw.octet() % (A::Prefix::WIDTH + 1);
        let octets: [u8; 16] = draw.array();
        let path_id = if add_path { draw.long() } else { 0 };
        Nlri {
            prefix: prefix::<A>(octets, length),
            path_id: PathId(path_id),
        }
    });
    distinct
        .iter()
        .copied()
        .cycle()
        .take(distinct.len() * copies)
        .collect()
}

fn prefix<A: AddressFamily>(octets: [u8; 16], length: u8) -> A::Prefix {
    A::Prefix::from_octets(&octets, length).expect("the length is within the family's width")
}
