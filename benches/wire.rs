//! What a message costs: UPDATEs in and out, next to a plain pass over the same octets.
//!
//! Three streams, made in `streams`. `full-table` is like the transfer of a whole table to an internal
//! peer: 20,000 messages of about 7 prefixes and 5 to 6 attributes, paths of 3 to 6 hops, communities,
//! sometimes MED and an aggregator, no two messages with the same set. `calico-ipv4` and `calico-ipv6`
//! are what a reflector tells its clients: a node's few blocks a message, an empty path.
//!
//! `pass` and `copy` are the limit: to look at every octet, and to move it. `decode` reads every message
//! and walks its prefixes; `frame` does so behind a [`Framer`] that is fed 64 KiB at a time; `batch`
//! gathers what was decoded for a shard, as a session does; `intern` also asks for every set in a table
//! that knows them all, which is the way of a route up to the RIB. `encode` packs the routes again,
//! 64 KiB at a time. An element of these is a message. `nlri` is a run of 1,000 prefixes, of about one
//! length (`even`) or as in a table (`mixed`); an element is a prefix.
//!
//! November 2026, virtual machine with two cores of an AMD EPYC, shared with seven builders, so that
//! criterion's medians say little. ns a message, the least of 400 passes over 2,000 messages:
//!
//! | stream | pass | decode | frame | batch | intern | encode |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | full-table | 1.0 | 127 | 160 | 178 | 263 | 51 |
//! | calico-ipv4 | 0.7 | 107 | 130 | 134 | 208 | 39 |
//! | calico-ipv6 | 1.3 | 123 | 144 | 164 | 215 | 55 |
//!
//! The medians of the same passes for the full table: decode 147, frame 174, batch 195, intern 285,
//! encode 52 to 65. A prefix in a run of 1,000 takes 0.9 to verify and 2.4 to walk, 3.2 for both.

use std::hint::black_box;

use calidris::net::{AddressFamily, Family, Ipv4, Ipv4Prefix, Ipv6, PeerId, PrefixKey};
use calidris::rib::{Interner, RouteBatch, RouteOp};
use calidris::wire::{Framer, Message, Nlri, NlriRun, Update, UpdatePacker, decode};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

mod streams;
use streams::{READER, Sets, WRITER, calico, full_table, messages, octets, pack};

const MESSAGES: u32 = 20_000;

fn read(message: &[u8]) -> Update<'_> {
    match decode(message, &READER) {
        Ok(Message::Update(update)) => update,
        _ => unreachable!("packed here"),
    }
}

/// Walks every prefix of a message, and counts them.
fn walk<A: AddressFamily>(update: &Update<'_>) -> usize {
    let mut prefixes = 0;
    for announced in &update.announced {
        for nlri in announced.nlri.iter::<A>() {
            black_box(nlri);
            prefixes += 1;
        }
    }
    prefixes
}

/// Adds the routes of a message to a batch, and hands it over when it is full.
fn gather<A: AddressFamily>(
    batch: &mut RouteBatch<A::Prefix>,
    update: &Update<'_>,
    mut full: impl FnMut(RouteBatch<A::Prefix>),
) {
    for announced in &update.announced {
        let mut nlri = announced.nlri.iter::<A>();
        while !nlri.is_empty() {
            batch.announce(&update.attributes, announced.next_hop, &mut nlri);
            if batch.is_full() {
                full(batch.take());
            }
        }
    }
}

fn intern<P: Copy>(interner: &mut Interner, batch: &RouteBatch<P>) {
    for (op, nlri) in batch.iter() {
        if let RouteOp::Announce(content) = op {
            black_box((interner.intern_content(content), nlri));
        }
    }
}

fn stream<A: AddressFamily>(criterion: &mut Criterion, name: &str, sets: &Sets<A>) {
    let stream = octets::<A>(sets);
    let count = messages(&stream).count() as u64;
    let read_all = |stream| messages(stream).map(|message| walk::<A>(&read(message)));
    let prefixes: usize = sets.iter().map(|(_, nlri)| nlri.len()).sum();
    assert_eq!(read_all(&stream).sum::<usize>(), prefixes);
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(count));
    limits(&mut group, &stream);
    group.bench_function("decode", |bencher| {
        bencher.iter(|| read_all(black_box(&stream)).sum::<usize>());
    });
    group.bench_function("frame", |bencher| {
        bencher.iter(|| {
            let mut framer = Framer::new();
            let mut prefixes = 0;
            for piece in black_box(&stream).chunks(65_536) {
                framer.extend(piece);
                while let Some(message) = framer.next().expect("packed here") {
                    prefixes += walk::<A>(&read(&message));
                }
            }
            prefixes
        });
    });
    group.bench_function("batch", |bencher| {
        bencher.iter(|| {
            let mut batch = RouteBatch::new(PeerId(1));
            for message in messages(black_box(&stream)) {
                gather::<A>(&mut batch, &read(message), |full| drop(black_box(full)));
            }
            batch
        });
    });
    group.bench_function("intern", |bencher| {
        let mut interner = Interner::default();
        let mut all = || {
            let mut batch = RouteBatch::new(PeerId(1));
            for message in messages(black_box(&stream)) {
                gather::<A>(&mut batch, &read(message), |full| {
                    intern(&mut interner, &full);
                });
            }
            intern(&mut interner, &batch);
        };
        all();
        bencher.iter(all);
    });
    group.bench_function("encode", |bencher| {
        let mut packer = UpdatePacker::new(WRITER);
        bencher.iter(|| {
            pack::<A>(&mut packer, black_box(sets), |chunk| {
                black_box(chunk);
            });
        });
    });
    group.finish();
}

/// What any reader or writer of these octets has to pay.
fn limits(group: &mut BenchmarkGroup<'_, WallTime>, stream: &[u8]) {
    group.bench_function("pass", |bencher| {
        bencher.iter(|| {
            let words = black_box(stream).as_chunks::<8>().0.iter();
            words.fold(0, |sum: u64, word| {
                sum.wrapping_add(u64::from_ne_bytes(*word))
            })
        });
    });
    group.bench_function("copy", |bencher| {
        let mut to = vec![0; stream.len()];
        bencher.iter(|| {
            to.copy_from_slice(black_box(stream));
            black_box(&to);
        });
    });
}

fn run(criterion: &mut Criterion, name: &str, nlri: impl Iterator<Item = Nlri<Ipv4Prefix>>) {
    let mut packer = UpdatePacker::new(WRITER);
    packer.withdraw::<Ipv4>(nlri.take(1_000));
    let message = packer.take();
    let octets = &message[21..message.len() - 2];
    let run = NlriRun::verify(Family::Ipv4, false, octets).expect("packed here");
    assert_eq!(run.len(), 1_000);
    let mut group = criterion.benchmark_group(format!("nlri-{name}"));
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| NlriRun::verify(Family::Ipv4, false, black_box(octets)));
    });
    group.bench_function("walk", |bencher| {
        bencher.iter(|| {
            for nlri in black_box(&run).iter::<Ipv4>() {
                black_box(nlri);
            }
        });
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    let table = full_table(MESSAGES);
    stream::<Ipv4>(criterion, "full-table", &table);
    stream::<Ipv4>(criterion, "calico-ipv4", &calico::<Ipv4>(MESSAGES));
    stream::<Ipv6>(criterion, "calico-ipv6", &calico::<Ipv6>(MESSAGES));
    let mixed = || table.iter().flat_map(|(_, nlri)| nlri.iter().copied());
    run(criterion, "mixed", mixed());
    let even = mixed().filter(|nlri| (17..=24).contains(&nlri.prefix.length()));
    run(criterion, "even", even);
}

criterion_group!(wire, all);
criterion_main!(wire);
