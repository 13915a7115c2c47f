//! Claims about several shards: in sum they say what one says (invariant 13).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::net::{Family, PathId, PeerId, PrefixLimit};
use crate::rib::testing::{ShardedWorld, address, attributes, both, nth, peer, refusing, terms};
use crate::rib::*;
use crate::wire::{PathAttributes, RefreshKind};

const V4: Family = Family::Ipv4;

#[test]
fn prefixes_are_spread_evenly_and_always_in_the_same_way() {
    for family in Family::ALL {
        let sharding = Sharding::new(4, 99);
        let mut counts = [0; 4];
        for n in 0..4000 {
            let shard = sharding.shard_of(nth(family, n));
            assert_eq!(shard, Sharding::new(4, 99).shard_of(nth(family, n)));
            counts[shard.index()] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
    }
}

#[test]
fn another_seed_spreads_prefixes_otherwise() {
    let place = |seed, n| Sharding::new(2, seed).shard_of(nth(V4, n));
    let moved = (0..1000).filter(|n| place(1, *n) != place(2, *n)).count();
    assert!((400..600).contains(&moved), "{moved}");
}

#[test]
fn the_number_of_shards_has_bounds() {
    assert_eq!(Sharding::new(0, 0).count(), 1);
    assert_eq!(Sharding::new(usize::MAX, 0).count(), SHARDS_MAX);
}

#[test]
fn a_limit_counts_the_prefixes_of_all_shards() {
    let mut world = ShardedWorld::new(3, false);
    let mut setup = peer(1, true, false);
    setup.prefix_limit.ipv4 = Some(PrefixLimit {
        max: 20,
        warn_percent: 100,
        restart: None,
    });
    world.tell(Command::AddPeer(setup));
    world.session_up(terms(1));
    let prefixes: Vec<_> = (0..21).map(|p| nth(V4, p)).collect();
    let told = attributes(address(V4, 1), &[65_001]);
    world.announce(1, PathId(0), &prefixes[..20], Some(&told));
    world.settle();
    assert!(world.exceeded.is_empty());
    // In a session that follows, what the last one announced counts no more, and half of it goes.
    world.session_down(1, Some(Duration::from_secs(9)));
    world.session_up(terms(1));
    world.announce(1, PathId(0), &prefixes[10..], Some(&told));
    world.settle();
    assert!(world.exceeded.is_empty());
    world.announce(1, PathId(0), &prefixes[..10], Some(&told));
    world.settle();
    assert_eq!(world.exceeded, [1], "said once");
}

#[test]
fn the_kernel_hears_that_there_is_nothing_more_behind_the_routes_of_all_shards() {
    let mut world = ShardedWorld::new(3, false);
    for p in 0..30 {
        world.tell(Command::Originate(LocalRoute {
            prefix: nth(V4, p),
            origin: "test".into(),
        }));
    }
    world.want_more();
    world.settle();
    assert!(!world.fib_complete.is_empty());
    assert!(
        world.fib_complete.iter().all(|had| *had == 30),
        "{:?}",
        world.fib_complete
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn end_of_rib_and_the_marks_of_a_refresh_stand_around_the_routes_of_all_shards(
        count in 1usize..5,
        steps in prop::collection::vec((0usize..5, 0usize..4), 0..80),
        recovering: bool,
    ) {
        let mut world = ShardedWorld::new(count, recovering);
        for p in 0..30 {
            let origin = "test".into();
            world.tell(Command::Originate(LocalRoute { prefix: nth(V4, p), origin }));
        }
        world.tell(Command::AddPeer(peer(1, true, false)));
        let mut terms = terms(1);
        terms.enhanced_refresh = true;
        world.session_up(terms);
        for (shard, letters) in &steps {
            world.step(shard % count, *letters);
        }
        if recovering {
            world.settle();
            prop_assert_eq!(world.members[&1].driver.end_of_ribs, 0);
            world.tell(Command::Recovered);
        }
        world.settle();
        prop_assert_eq!(world.members[&1].driver.end_of_ribs, 1);
        prop_assert_eq!(world.members[&1].told_at_end, Some(30));
        world.refresh(1);
        for (shard, letters) in &steps {
            world.step(shard % count, *letters);
        }
        world.refresh(1);
        world.settle();
        let driver = &world.members[&1].driver;
        prop_assert_eq!(driver.end_of_ribs, 1);
        let marks = &driver.refreshes;
        let kinds: Vec<_> = marks.iter().map(|(kind, _)| *kind).collect();
        let (begin, end) = (RefreshKind::Begin, RefreshKind::End);
        prop_assert!(kinds == [begin, end, begin, end] || kinds == [begin, end]);
        for pair in marks.chunks(2) {
            prop_assert!(pair[1].1 >= pair[0].1 + 30, "{:?}", marks);
        }
    }
}

const PEERS: u32 = 6;
const PREFIXES: u32 = 24;
/// It has a limit, and neither withdraws anything nor goes, nor leaves anything out of a refresh: so it
/// means nothing in which order shards count, and when that is noticed.
const LIMITED: u32 = 1;

#[derive(Clone, Debug)]
enum Op {
    Announce(u32, u32, u32, u32, u32),
    Withdraw(u32, u32, u32, u32),
    Originate(u32, bool),
    Restart(u32, bool),
    EndOfRib(u32),
    Down(u32),
    Refresh(u32),
    BeginRefresh(u32),
    EndRefresh(u32),
    Policies(u32, bool, bool),
    NextHop(u32, u32),
    Recovered,
    Read(u32, usize, usize),
    Lag(u32, usize),
    Drain,
    PullFib,
    RestartFib,
    Step(usize, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let peer = || 1..=PEERS;
    let prefix = || 0..PREFIXES;
    prop_oneof![
        12 => (peer(), prefix(), 1u32..9, 0u32..6, 0u32..2)
            .prop_map(|(n, p, count, a, id)| Op::Announce(n, p, count, a, id)),
        5 => (peer(), prefix(), 1u32..9, 0u32..2).prop_map(|(n, p, c, id)| Op::Withdraw(n, p, c, id)),
        3 => (prefix(), any::<bool>()).prop_map(|(p, there)| Op::Originate(p, there)),
        2 => (peer(), any::<bool>()).prop_map(|(n, kept)| Op::Restart(n, kept)),
        1 => peer().prop_map(Op::EndOfRib),
        1 => peer().prop_map(Op::Down),
        2 => peer().prop_map(Op::Refresh),
        1 => peer().prop_map(Op::BeginRefresh),
        1 => peer().prop_map(Op::EndRefresh),
        2 => (peer(), any::<bool>(), any::<bool>()).prop_map(|(n, i, o)| Op::Policies(n, i, o)),
        1 => (peer(), 0u32..3).prop_map(|(n, state)| Op::NextHop(n, state)),
        1 => Just(Op::Recovered),
        8 => (peer(), 0usize..5, 0usize..4).prop_map(|(n, shard, c)| Op::Read(n, shard, c)),
        3 => (peer(), 0usize..5).prop_map(|(n, shard)| Op::Lag(n, shard)),
        2 => Just(Op::Drain),
        2 => Just(Op::PullFib),
        1 => Just(Op::RestartFib),
        12 => (0usize..5, 0usize..6).prop_map(|(shard, letters)| Op::Step(shard, letters)),
    ]
}

/// Peers 1 and 2 are external, 3 and 4 internal, 5 and 6 clients; odd ones are sent several paths.
fn setup(n: u32, add_path_max: u16, refuses_in: bool, refuses_out: bool) -> PeerSetup {
    let mut setup = peer(n, n <= 2, n >= 5);
    setup.add_path_max = add_path_max;
    if refuses_in {
        setup.import = both(refusing("10.0.3.0/24"));
    }
    if refuses_out {
        setup.export = both(refusing("10.0.4.0/24"));
    }
    if n == LIMITED {
        setup.prefix_limit.ipv4 = Some(PrefixLimit {
            max: PREFIXES / 2,
            warn_percent: 80,
            restart: None,
        });
    }
    setup
}

/// A world of so many shards, and what its owner knows.
struct Run {
    world: ShardedWorld,
    count: usize,
    add_path_max: u16,
    up: BTreeSet<u32>,
    /// Held down for its limit.
    held: BTreeSet<u32>,
    /// Peers that may not begin a refresh: one is under way, or End-of-RIB is due.
    busy: BTreeSet<u32>,
    sessions: BTreeMap<u32, usize>,
}

impl Run {
    fn new(count: usize, add_path_max: u16) -> Self {
        let mut run = Self {
            world: ShardedWorld::new(count, true),
            count,
            add_path_max,
            up: BTreeSet::new(),
            held: BTreeSet::new(),
            busy: BTreeSet::new(),
            sessions: BTreeMap::new(),
        };
        for n in 1..=PEERS {
            let setup = setup(n, add_path_max, false, false);
            run.world.tell(Command::AddPeer(setup));
            run.up(n);
        }
        run
    }

    fn up(&mut self, n: u32) {
        if self.held.contains(&n) {
            return;
        }
        let mut terms = terms(n);
        terms.add_path.ipv4.send = n % 2 == 1;
        terms.enhanced_refresh = n >= 3;
        self.world.session_up(terms);
        self.up.insert(n);
        *self.sessions.entry(n).or_default() += 1;
    }

    fn down(&mut self, n: u32, keep: Option<Duration>) {
        if self.up.remove(&n) {
            self.world.session_down(n, keep);
        }
    }

    /// Ends the sessions of peers beyond their limit.
    fn hold(&mut self) {
        for n in std::mem::take(&mut self.world.exceeded) {
            self.held.insert(n);
            self.down(n, None);
        }
    }

    fn step(&mut self, op: &Op) {
        let range = |p: u32, count: u32| -> Vec<_> {
            (p..p + count).map(|p| nth(V4, p % PREFIXES)).collect()
        };
        match *op {
            Op::Announce(n, p, count, a, id) if self.up.contains(&n) => {
                let told = variant(n, a);
                self.world
                    .announce(n, PathId(id), &range(p, count), Some(&told));
            }
            Op::Withdraw(n, p, count, id) if self.up.contains(&n) && n != LIMITED => {
                self.world.announce(n, PathId(id), &range(p, count), None);
            }
            Op::Originate(p, there) => self.world.tell(match there {
                true => Command::Originate(LocalRoute {
                    prefix: nth(V4, p),
                    origin: "test".into(),
                }),
                false => Command::WithdrawLocal(nth(V4, p)),
            }),
            Op::Restart(n, kept) if n != LIMITED => {
                self.down(n, kept.then_some(Duration::from_secs(600)));
                self.busy.insert(n);
                self.up(n);
            }
            Op::Down(n) if n != LIMITED => self.down(n, None),
            Op::Refresh(n) => self.world.refresh(n),
            Op::EndOfRib(n) if self.up.contains(&n) => {
                self.busy.remove(&n);
                self.tell_of(n, |peer, family| Command::EndOfRib { peer, family });
            }
            Op::BeginRefresh(n) if self.up.contains(&n) && n != LIMITED && self.busy.insert(n) => {
                self.tell_of(n, |peer, family| Command::RefreshBegin { peer, family });
            }
            Op::EndRefresh(n) if self.up.contains(&n) => {
                self.tell_of(n, |peer, family| Command::RefreshEnd { peer, family });
            }
            Op::Policies(n, refuses_in, refuses_out) => {
                let setup = setup(n, self.add_path_max, refuses_in, refuses_out);
                self.world.tell(Command::UpdatePeers(vec![setup]));
            }
            Op::NextHop(n, state) => {
                let state = match state {
                    0 => NextHopState::Unreachable,
                    metric => NextHopState::Reachable { metric },
                };
                self.world.next_hops.insert(address(V4, n), state);
                let told = vec![(address(V4, n), state)];
                self.world.tell(Command::NextHops(told));
            }
            Op::Recovered => self.world.tell(Command::Recovered),
            Op::Read(n, shard, count) => self.world.read(n, shard % self.count, count),
            Op::Lag(n, shard) => self.world.lag(n, shard % self.count),
            Op::Drain => self.world.drain(),
            Op::PullFib => {
                self.world.pull_fib(4);
            }
            Op::RestartFib => self.world.restart_fib(),
            Op::Step(shard, letters) => {
                self.world.step(shard % self.count, letters);
                self.world.answer_next_hops();
            }
            Op::Announce(..)
            | Op::Withdraw(..)
            | Op::Restart(..)
            | Op::Down(_)
            | Op::EndOfRib(_)
            | Op::BeginRefresh(_)
            | Op::EndRefresh(_) => {}
        }
        self.hold();
    }

    fn tell_of(&mut self, n: u32, command: impl Fn(PeerId, Family) -> Command) {
        self.world.tell(command(PeerId(n), V4));
    }

    /// Everything that can be seen from outside at rest.
    fn outcome(&mut self) -> Outcome {
        self.world.settle();
        self.hold();
        self.world.settle();
        let told = self.world.members.keys().copied().collect::<Vec<_>>();
        let told = told.into_iter().map(|n| {
            let paths = self.world.told(n).iter();
            let mut paths: Vec<_> = paths
                .map(|((prefix, _), told)| format!("{prefix} {told:?}"))
                .collect();
            paths.sort_unstable();
            (n, paths)
        });
        let told = told.collect();
        let loc = self.world.rows(RouteTable::Loc);
        let facts = |row: &PathRow| {
            let (best, usable) = (row.best, row.usable);
            format!("{} {} {best} {usable} {}", row.from, row.as_path, row.stale)
        };
        let loc = loc.iter().map(|(prefix, rows)| {
            let mut rows: Vec<_> = rows.iter().map(facts).collect();
            rows.sort_unstable();
            (*prefix, rows)
        });
        let loc = loc.collect();
        let Answer::Peers(peers) = self.world.ask(Query::Peers) else {
            panic!("not peers");
        };
        let Answer::Totals(totals) = self.world.ask(Query::Totals) else {
            panic!("not totals");
        };
        let Answer::Groups(groups) = self.world.ask(Query::Groups) else {
            panic!("not groups");
        };
        let groups = groups.into_iter().map(|row| {
            let (members, prefixes) = (format!("{:?}", row.members), row.prefixes);
            (members, prefixes, row.lagging)
        });
        let mut groups: Vec<_> = groups.collect();
        groups.sort_unstable();
        Outcome {
            told,
            loc,
            fib: self.world.fib.clone(),
            peers: peers
                .into_iter()
                .map(|(peer, counts)| (peer, counts.ipv4))
                .collect(),
            groups,
            totals: (
                totals.ipv4.prefixes,
                totals.ipv4.paths,
                totals.ipv4.stale_paths,
            ),
            log: totals.ipv4.log_entries,
            held: self.held.clone(),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Outcome {
    told: BTreeMap<u32, Vec<String>>,
    loc: BTreeMap<Prefix, Vec<String>>,
    fib: BTreeMap<Prefix, FibRoute>,
    peers: Vec<(PeerId, PeerCounts)>,
    groups: Vec<(String, u64, u64)>,
    totals: (u64, u64, u64),
    log: u64,
    held: BTreeSet<u32>,
}

fn variant(n: u32, a: u32) -> PathAttributes {
    let path: Vec<u32> = (0..=a % 3).map(|i| 65_000 + n + i * 100).collect();
    PathAttributes {
        local_pref: (n > 2).then_some(100 + a / 3),
        ..attributes(address(V4, n), &path)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn any_number_of_shards_says_what_one_says(
        rounds in prop::collection::vec(prop::collection::vec(op(), 0..60), 1..3),
        add_path_max in prop_oneof![Just(16), Just(2)],
    ) {
        let mut runs: Vec<Run> = [1, 2, 3, 5]
            .into_iter()
            .map(|count| Run::new(count, add_path_max))
            .collect();
        for round in &rounds {
            let mut first: Option<Outcome> = None;
            for run in &mut runs {
                round.iter().for_each(|op| run.step(op));
                let outcome = run.outcome();
                prop_assert_eq!(outcome.log, 0, "empty at rest");
                match &first {
                    None => first = Some(outcome),
                    Some(first) => prop_assert_eq!(first, &outcome, "{} shards", run.count),
                }
            }
        }
        for run in &mut runs {
            run.world.tell(Command::Recovered);
            run.world.settle();
            for (n, member) in &run.world.members {
                prop_assert_eq!(member.driver.end_of_ribs, 1, "peer {}", n);
            }
        }
    }
}
