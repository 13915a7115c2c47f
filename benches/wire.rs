//! What a message costs: UPDATEs in and out, and one prefix in a run.
//!
//! The stream is made here: 10,000 IPv4 prefixes and as many of IPv6, in groups of 1, 8 and 64 that
//! share attributes, the sizes in which churn and initial dumps come.

use std::hint::black_box;

use calidris::net::{
    AddressFamily, Asn, Family, Ipv4, Ipv4Prefix, Ipv6, Ipv6Prefix, PerFamily, RouterId,
};
use calidris::wire::{
    AsPath, Community, DecodeContext, EncodeContext, Framer, Message, NextHop, Nlri, NlriRun,
    PathAttributes, UpdatePacker, decode,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const CONTEXT: DecodeContext = DecodeContext {
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

const PREFIXES: u32 = 10_000;
/// As many as one message holds in either family.
const RUN_PREFIXES: u32 = 200;

/// A family whose routes the benches can make.
trait Sample: AddressFamily {
    fn prefix(number: u32) -> Self::Prefix;
    fn next_hop() -> NextHop;
}

impl Sample for Ipv4 {
    fn prefix(number: u32) -> Ipv4Prefix {
        let bits = 0x0a00_0000 | number << 6;
        Ipv4Prefix::new(bits.into(), 26).expect("26 is within 32")
    }

    fn next_hop() -> NextHop {
        NextHop::V4([192, 0, 2, 1].into())
    }
}

impl Sample for Ipv6 {
    fn prefix(number: u32) -> Ipv6Prefix {
        let bits = 0xfd00 << 112 | u128::from(number) << 6;
        Ipv6Prefix::new(bits.into(), 122).expect("122 is within 128")
    }

    fn next_hop() -> NextHop {
        let [global, link_local] = [0xfd00 << 112 | 1, 0xfe80 << 112 | 1];
        NextHop::V6 {
            global: u128::into(global),
            link_local: Some(u128::into(link_local)),
        }
    }
}

fn attributes(number: u32, next_hop: NextHop) -> PathAttributes {
    PathAttributes {
        as_path: AsPath::sequence([64_512, 65_001, 4_200_000_000 + number].map(Asn)),
        local_pref: Some(100),
        communities: [0xfde8_0001, number].map(Community).into(),
        originator_id: Some(RouterId([192, 0, 2, 7].into())),
        ..PathAttributes::originated(next_hop)
    }
}

/// The routes of a stream: attributes and the prefixes that share them.
fn routes<A: Sample>(group: u32) -> Vec<(PathAttributes, Vec<Nlri<A::Prefix>>)> {
    (0..PREFIXES / group)
        .map(|number| {
            let nlri = (0..group).map(|index| Nlri::plain(A::prefix(number * group + index)));
            (attributes(number, A::next_hop()), nlri.collect())
        })
        .collect()
}

fn pack<A: Sample>(packer: &mut UpdatePacker, routes: &[(PathAttributes, Vec<Nlri<A::Prefix>>)]) {
    for (attributes, nlri) in routes {
        packer.announce::<A>(attributes, nlri.iter().copied());
    }
}

fn packer() -> UpdatePacker {
    UpdatePacker::new(EncodeContext {
        four_octet_as: true,
        ..EncodeContext::default()
    })
}

/// Cuts and decodes a stream, walks every prefix, and counts.
fn read<A: AddressFamily>(stream: &[u8]) -> (u64, u64) {
    let (mut messages, mut prefixes) = (0, 0);
    let mut framer = Framer::new();
    for piece in stream.chunks(65_536) {
        framer.extend(piece);
        while let Some(octets) = framer.next().expect("packed here") {
            messages += 1;
            let Ok(Message::Update(update)) = decode(&octets, &CONTEXT) else {
                unreachable!("packed here");
            };
            for announced in &update.announced {
                for nlri in announced.nlri.iter::<A>() {
                    black_box(nlri);
                    prefixes += 1;
                }
            }
        }
    }
    (messages, prefixes)
}

fn updates<A: Sample>(criterion: &mut Criterion) {
    for size in [1, 8, 64] {
        let routes = routes::<A>(size);
        let mut packer = packer();
        pack::<A>(&mut packer, &routes);
        let stream = packer.take();
        let (messages, prefixes) = read::<A>(&stream);
        assert_eq!(prefixes, u64::from(PREFIXES / size * size));

        let mut group = criterion.benchmark_group(format!("update/{}/{size}", A::FAMILY));
        group.throughput(Throughput::Elements(messages));
        group.bench_function("decode", |bencher| {
            bencher.iter(|| read::<A>(black_box(&stream)));
        });
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                pack::<A>(&mut packer, black_box(&routes));
                packer.take()
            });
        });
        group.finish();
    }
}

fn run<A: Sample>(criterion: &mut Criterion) {
    let mut packer = packer();
    packer.withdraw::<A>((0..RUN_PREFIXES).map(|number| Nlri::plain(A::prefix(number))));
    let message = packer.take();
    let octets = match A::FAMILY {
        Family::Ipv4 => message.slice(21..message.len() - 2),
        Family::Ipv6 => message.slice(30..),
    };
    let mut group = criterion.benchmark_group(format!("nlri/{}", A::FAMILY));
    group.throughput(Throughput::Elements(RUN_PREFIXES.into()));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| NlriRun::verify(A::FAMILY, false, black_box(&octets)).expect("valid"));
    });
    let run = NlriRun::verify(A::FAMILY, false, &octets).expect("valid");
    assert_eq!(run.len(), RUN_PREFIXES as usize);
    group.bench_function("walk", |bencher| {
        bencher.iter(|| {
            for nlri in black_box(&run).iter::<A>() {
                black_box(nlri);
            }
        });
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    updates::<Ipv4>(criterion);
    updates::<Ipv6>(criterion);
    run::<Ipv4>(criterion);
    run::<Ipv6>(criterion);
}

criterion_group!(wire, all);
criterion_main!(wire);
