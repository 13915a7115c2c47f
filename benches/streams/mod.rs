//! Streams of UPDATEs, made from a seed: the same octets in every run.

use calidris::net::{
    AddressFamily, Asn, ClusterId, Ipv4, Ipv4Prefix, Ipv6, Ipv6Prefix, PerFamily, RouterId,
};
use calidris::wire::{
    Aggregator, AsPath, Community, DecodeContext, EncodeContext, NextHop, Nlri, PathAttributes,
    RareAttributes, UpdatePacker,
};

/// An internal session with everything plain.
pub(crate) const READER: DecodeContext = DecodeContext {
    four_octet_as: true,
    add_path: PerFamily {
        ipv4: false,
        ipv6: false,
    },
    families: PerFamily {
        ipv4: true,
        ipv6: true,
    },
    external: false,
    extended_next_hop: false,
};

/// The same session, seen from the other side.
pub(crate) const WRITER: EncodeContext = EncodeContext {
    four_octet_as: true,
    add_path: false,
    extended_message: false,
    extended_next_hop: false,
};

/// The routes of a stream: sets, each with the prefixes that share it.
pub(crate) type Sets<A> = Vec<(PathAttributes, Vec<Nlri<<A as AddressFamily>::Prefix>>)>;

/// Numbers in an order without visible rule (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    fn below(&mut self, end: u32) -> u32 {
        self.next() % end
    }

    /// Whether something that happens so often in a hundred cases does.
    fn percent(&mut self, often: u32) -> bool {
        self.below(100) < often
    }
}

/// The transfer of a whole table to an internal peer: `messages` sets, all different, of about 7
/// prefixes and 5 to 6 attributes.
pub(crate) fn full_table(messages: u32) -> Sets<Ipv4> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    (0..messages)
        .map(|_| {
            // Many sets with few prefixes, few with many: 7 on average.
            let count = match numbers.below(100) {
                0..45 => 1 + numbers.below(2),
                45..75 => 3 + numbers.below(4),
                75..93 => 7 + numbers.below(12),
                _ => 20 + numbers.below(40),
            };
            let nlri = (0..count).map(|_| table_prefix(&mut numbers)).collect();
            (table_attributes(&mut numbers), nlri)
        })
        .collect()
}

fn table_prefix(numbers: &mut Numbers) -> Nlri<Ipv4Prefix> {
    let length = match numbers.below(100) {
        0..60 => 24,
        60..80 => 22 + numbers.below(2),
        80..95 => 18 + numbers.below(4),
        _ => 12 + numbers.below(6),
    };
    let bits = (1 << 24) + numbers.below(222 << 24);
    let length = u8::try_from(length).expect("at most 24");
    Nlri::plain(Ipv4Prefix::new(bits.into(), length).expect("at most 24"))
}

fn table_attributes(numbers: &mut Numbers) -> PathAttributes {
    let asn = |numbers: &mut Numbers| {
        Asn(match numbers.percent(80) {
            true => 1 + numbers.below(64_000),
            false => 196_608 + numbers.below(200_000),
        })
    };
    let hops = 3 + numbers.below(4);
    let mut path: Vec<_> = (0..hops).map(|_| asn(numbers)).collect();
    if numbers.percent(10) {
        path.extend(path.last().copied().into_iter().cycle().take(3));
    }
    let communities = match numbers.percent(75) {
        true => 1 + numbers.below(6),
        false => 0,
    };
    let aggregates = numbers.percent(8);
    PathAttributes {
        as_path: AsPath::sequence(path),
        med: numbers.percent(60).then(|| numbers.below(1_000)),
        local_pref: Some(100 + 10 * numbers.below(3)),
        atomic_aggregate: aggregates && numbers.percent(50),
        rare: RareAttributes {
            aggregator: aggregates.then(|| Aggregator {
                asn: asn(numbers),
                router_id: numbers.next().into(),
            }),
            ..RareAttributes::default()
        }
        .into(),
        communities: (0..communities)
            .map(|_| Community(numbers.next()))
            .collect(),
        ..PathAttributes::originated(NextHop::V4([192, 0, 2, 1].into()))
    }
}

/// A family in which a reflector's clients have blocks.
pub(crate) trait Blocks: AddressFamily {
    /// The `number`th block.
    fn block(number: u32) -> Self::Prefix;
    /// The address of a node.
    fn node(number: u32) -> NextHop;
}

impl Blocks for Ipv4 {
    fn block(number: u32) -> Ipv4Prefix {
        let bits = 0x0a41_0000 + (number << 6);
        Ipv4Prefix::new(bits.into(), 26).expect("26 is within 32")
    }

    fn node(number: u32) -> NextHop {
        NextHop::V4((0xac10_0000 + number).into())
    }
}

impl Blocks for Ipv6 {
    fn block(number: u32) -> Ipv6Prefix {
        let bits = 0xfd00 << 112 | u128::from(number) << 6;
        Ipv6Prefix::new(bits.into(), 122).expect("122 is within 128")
    }

    fn node(number: u32) -> NextHop {
        NextHop::V6 {
            global: (0xfd01 << 112 | u128::from(number)).into(),
            link_local: None,
        }
    }
}

/// What a reflector tells its clients: 1 to 8 blocks of each of `nodes` nodes.
pub(crate) fn calico<A: Blocks>(nodes: u32) -> Sets<A> {
    (0..nodes)
        .map(|node| {
            let attributes = PathAttributes {
                local_pref: Some(100),
                rare: RareAttributes {
                    originator_id: Some(RouterId((0xac10_0000 + node).into())),
                    cluster_list: [ClusterId([10, 0, 0, 1].into())].into(),
                    ..RareAttributes::default()
                }
                .into(),
                ..PathAttributes::originated(A::node(node))
            };
            let blocks = 1 + node % 8;
            let nlri = (0..blocks).map(|block| Nlri::plain(A::block(8 * node + block)));
            (attributes, nlri.collect())
        })
        .collect()
}

/// Packs sets, and hands the octets over every 64 KiB.
pub(crate) fn pack<A: AddressFamily>(
    packer: &mut UpdatePacker,
    sets: &[(PathAttributes, Vec<Nlri<A::Prefix>>)],
    mut take: impl FnMut(&[u8]),
) {
    for (attributes, nlri) in sets {
        packer.announce::<A>(attributes, nlri.iter().copied());
        if packer.len() > 60_000 {
            take(&packer.take());
        }
    }
    take(&packer.take());
}

/// The octets of a stream.
pub(crate) fn octets<A: AddressFamily>(sets: &Sets<A>) -> Vec<u8> {
    let mut octets = Vec::new();
    pack::<A>(&mut UpdatePacker::new(WRITER), sets, |chunk| {
        octets.extend_from_slice(chunk);
    });
    octets
}

/// The messages of a stream.
pub(crate) fn messages(mut stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = stream.get(16..18)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let (message, rest) = stream.split_at_checked(length)?;
        stream = rest;
        Some(message)
    })
}
