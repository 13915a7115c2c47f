//! What a route costs in the RIB: a shard alone, driven as its thread drives it, without sockets.
//!
//! Streams are those of the codec's bench. `table` is a full table from one external peer to another,
//! and its withdrawal; `mesh` is the same between clients of a reflector that send and take several
//! paths, as Calico's do; `senders` are twenty external peers with the same 200,000 prefixes, and
//! `paths` four with 500,000; `fan-out` is 100,000 routes to 100 clients, once as they come in and once
//! to members that come later; `blocks` is 500 clients that have 8 blocks each and hear everyone.
//!
//! Time is that of the thread, in nanoseconds a path. Memory is octets asked for, per path: at rest, at
//! the most, and what is left after all routes are withdrawn. The least of `--runs` is shown.
//!
//! ```text
//! cargo bench --bench rib -- [NAME…] [--runs 3]
//! ```
//!
//! A test run, which does not say `--bench`, tries each once at a hundredth of its size.

use std::time::Instant;

use calidris::net::{AddressFamily, Asn, Ipv4, Ipv4Prefix, PathId};
use calidris::rib::{RouteBatch, ShardOptions};
use calidris::wire::{AsPath, NextHop, Nlri, PathAttributes, Rare};

mod memory;
#[path = "../streams/mod.rs"]
#[expect(dead_code, reason = "the codec's bench uses the others")]
mod streams;
mod world;

use memory::{Counting, peak, reset_peak, used};
use streams::{Sets, calico, full_table};
use world::{World, external, reflector_client};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What one run of a scenario has found, in nanoseconds and octets.
struct Row {
    name: String,
    announce: u128,
    withdraw: u128,
    rest: usize,
    peak: usize,
    left: usize,
    paths: usize,
}

impl Row {
    fn least(self, other: &Self) -> Self {
        Self {
            announce: self.announce.min(other.announce),
            withdraw: self.withdraw.min(other.withdraw),
            rest: self.rest.min(other.rest),
            peak: self.peak.min(other.peak),
            left: self.left.min(other.left),
            ..self
        }
    }

    fn print(&self) {
        let paths = self.paths;
        println!(
            "{:<12} {:>9} {:>9.0} {:>9.0} {:>9.1} {:>9.1} {:>9}",
            self.name,
            paths,
            self.announce as f64 / paths as f64,
            self.withdraw as f64 / paths as f64,
            self.rest as f64 / paths as f64,
            self.peak as f64 / paths as f64,
            self.left,
        );
    }
}

/// A peer's routes as its session hands them over.
type Batches = Vec<RouteBatch<Ipv4Prefix>>;

fn batches(peer: u32, sets: &Sets<Ipv4>) -> Batches {
    gather(peer, sets, |batch, attributes, nlri| {
        batch.announce_path(attributes, nlri);
    })
}

fn withdrawals(peer: u32, sets: &Sets<Ipv4>) -> Batches {
    gather(peer, sets, |batch, _, nlri| batch.withdraw(nlri))
}

fn gather(
    peer: u32,
    sets: &Sets<Ipv4>,
    add: impl Fn(
        &mut RouteBatch<Ipv4Prefix>,
        &PathAttributes,
        &mut std::iter::Peekable<std::vec::IntoIter<Nlri<Ipv4Prefix>>>,
    ),
) -> Batches {
    let mut batch = RouteBatch::new(calidris::net::PeerId(peer));
    let mut all = Vec::new();
    for (attributes, nlri) in sets {
        let mut left = nlri.clone().into_iter().peekable();
        while left.peek().is_some() {
            add(&mut batch, attributes, &mut left);
            if batch.is_full() {
                all.push(batch.take());
            }
        }
    }
    all.push(batch.take());
    all
}

/// The table as a peer in another AS tells it.
fn told_by(peer: u32, sets: &Sets<Ipv4>) -> Sets<Ipv4> {
    let tell = |(attributes, nlri): &(PathAttributes, Vec<_>)| {
        let numbers = attributes.as_path.numbers();
        let attributes = PathAttributes {
            as_path: AsPath::sequence(std::iter::once(Asn(65_000 + peer)).chain(numbers)),
            local_pref: None,
            next_hop: NextHop::V4((0xc000_0200 + peer).into()),
            ..attributes.clone()
        };
        (attributes, nlri.clone())
    };
    sets.iter().map(tell).collect()
}

/// Every prefix once, and at most `count` of them.
fn distinct(sets: Sets<Ipv4>, count: usize) -> Sets<Ipv4> {
    let mut seen = std::collections::HashSet::new();
    let mut left = count;
    let once = |nlri: &Nlri<<Ipv4 as AddressFamily>::Prefix>| {
        let takes = left > 0 && seen.insert(nlri.prefix);
        left -= usize::from(takes);
        takes
    };
    let mut once = once;
    sets.into_iter()
        .map(|(attributes, mut nlri)| {
            nlri.retain(&mut once);
            (attributes, nlri)
        })
        .filter(|(_, nlri)| !nlri.is_empty())
        .collect()
}

/// How many paths are told.
fn count(told: &[(u32, Sets<Ipv4>)]) -> usize {
    told.iter()
        .flat_map(|(_, sets)| sets.iter().map(|(_, nlri)| nlri.len()))
        .sum()
}

/// Announces all, peers in turn, and withdraws all.
fn run(name: &str, world: impl FnOnce() -> World, told: &[(u32, Sets<Ipv4>)]) -> Row {
    let paths = count(told);
    let begin = used();
    let mut world = world();
    let empty = used();
    let mut row = Row {
        name: name.to_owned(),
        announce: 0,
        withdraw: 0,
        rest: 0,
        peak: 0,
        left: 0,
        paths,
    };
    // Only what is in use beside the input counts.
    let input: Vec<_> = told.iter().map(|(n, sets)| batches(*n, sets)).collect();
    let input_octets = used() - empty;
    reset_peak();
    world.feed(&input);
    row.announce = world.take_time();
    row.rest = used() - empty - input_octets;
    row.peak = peak() - empty - input_octets;
    drop(input);
    let input: Vec<_> = told.iter().map(|(n, sets)| withdrawals(*n, sets)).collect();
    world.feed(&input);
    row.withdraw = world.take_time();
    drop(input);
    row.left = used().saturating_sub(empty);
    drop(world);
    assert!(used() <= begin + 4096, "nothing stays behind a shard");
    row
}

/// A part of so many routes of so many messages.
fn table_of(messages: u32, routes: usize, part: u32) -> Sets<Ipv4> {
    distinct(full_table(messages / part), routes / part as usize)
}

fn table(part: u32) -> Row {
    let sets = table_of(150_000, 1_000_000, part);
    let told = [(1, told_by(1, &sets))];
    drop(sets);
    let world = || {
        let mut world = World::new(options());
        world.up(external(1), false);
        world.up(external(2), false);
        world
    };
    run("table", world, &told)
}

fn mesh(part: u32) -> Row {
    let sets = table_of(80_000, 500_000, part);
    let told = [(1, sets)];
    let world = || {
        let mut world = World::new(options());
        world.up(reflector_client(1), true);
        world.up(reflector_client(2), true);
        world
    };
    run("mesh", world, &told)
}

fn senders(name: &str, count: u32, mut sets: Sets<Ipv4>, add_path: bool, meds: bool) -> Row {
    if !meds {
        sets.iter_mut()
            .for_each(|(attributes, _)| attributes.med = None);
    }
    let told: Vec<_> = (1..=count).map(|n| (n, told_by(n, &sets))).collect();
    drop(sets);
    let world = || {
        let mut world = World::new(options());
        (1..=count).for_each(|n| world.up(external(n), false));
        world.up(external(count + 1), add_path);
        world
    };
    run(name, world, &told)
}

fn fan_out(part: u32) -> Row {
    let told = [(1, table_of(20_000, 100_000, part))];
    let world = || {
        let mut world = World::new(options());
        (1..=101).for_each(|n| world.up(reflector_client(n), true));
        world
    };
    run("fan-out", world, &told)
}

/// As above, but members come when the table is there; the time is that of the dumps.
fn late(part: u32) -> Row {
    let told = [(1, table_of(20_000, 100_000, part))];
    let input = [batches(1, &told[0].1)];
    let mut world = World::new(options());
    world.up(reflector_client(1), true);
    let empty = used();
    world.feed(&input);
    world.take_time();
    let rest = used() - empty;
    reset_peak();
    (2..=101).for_each(|n| world.up(reflector_client(n), true));
    Row {
        name: "late".to_owned(),
        announce: world.take_time(),
        withdraw: 0,
        rest,
        peak: peak() - empty,
        left: 0,
        paths: count(&told),
    }
}

fn blocks(part: u32) -> Row {
    let clients = 500_u32.div_ceil(part);
    let sets = calico::<Ipv4>(clients);
    let told: Vec<_> = (1..=clients)
        .map(|n| {
            let nlri = (0..8)
                .map(|b| <Ipv4 as streams::Blocks>::block(8 * n + b))
                .map(|prefix| Nlri {
                    prefix,
                    path_id: PathId(0),
                })
                .collect();
            let attributes = PathAttributes {
                rare: Rare::default(),
                ..sets[n as usize - 1].0.clone()
            };
            (n, vec![(attributes, nlri)])
        })
        .collect();
    let world = || {
        let mut world = World::new(options());
        (1..=clients).for_each(|n| world.up(reflector_client(n), true));
        world
    };
    run("blocks", world, &told)
}

fn options() -> ShardOptions {
    ShardOptions {
        track_next_hops: false,
        ..ShardOptions::default()
    }
}

/// A name, and one run at a part of the size.
type Scenario = (&'static str, fn(u32) -> Row);

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let mut names = Vec::new();
    let (part, mut runs) = if is_bench { (1, 3) } else { (100, 1) };
    while let Some(argument) = arguments.next() {
        if argument == "--runs" {
            let value = arguments.next().and_then(|runs| runs.parse().ok());
            runs = value.expect("a number of runs");
        } else {
            names.push(argument);
        }
    }
    let all: [Scenario; 9] = [
        ("table", table),
        ("mesh", mesh),
        ("senders", |part| {
            let sets = table_of(80_000, 200_000, part);
            senders("senders", 20, sets, false, false)
        }),
        ("meds", |part| {
            let sets = table_of(80_000, 200_000, part);
            senders("meds", 20, sets, false, true)
        }),
        ("paths", |part| {
            let sets = table_of(80_000, 500_000, part);
            senders("paths", 4, sets, false, false)
        }),
        ("paths-all", |part| {
            let sets = table_of(80_000, 250_000, part);
            senders("paths-all", 4, sets, true, false)
        }),
        ("fan-out", fan_out),
        ("late", late),
        ("blocks", blocks),
    ];
    println!(
        "{:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "paths", "announce", "withdraw", "rest", "peak", "left"
    );
    for (name, scenario) in all {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            let rows = (0..runs.max(1)).map(|_| scenario(part));
            if let Some(row) = rows.reduce(|best, row| best.least(&row)) {
                row.print();
            }
        }
    }
}

/// The time now, which only deadlines are compared with.
fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an owner reads the clock")]
    Instant::now()
}
