//! Random worlds: whatever happens in whatever order, members end equal to the table (invariants 5
//! to 7), and the table equals a plain recomputation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::net::Prefix;
use crate::wire::{Origin, PathAttributes};

const PEERS: u32 = 6;
const PREFIXES: u32 = 12;
const REFUSED: u32 = 3;

/// The sessions in which several paths to a prefix are sent, and how many at most.
#[derive(Clone, Copy, Debug, Default)]
struct AddPath {
    peers: [bool; PEERS as usize + 1],
    max: u16,
}

impl AddPath {
    fn is_sent_to(&self, n: u32) -> bool {
        self.peers[n as usize]
    }

    fn terms(&self, n: u32) -> SessionTerms {
        let mut terms = terms(n);
        terms.add_path.ipv4.send = self.is_sent_to(n);
        terms.enhanced_refresh = n.is_multiple_of(2);
        terms
    }
}

/// Peers 1 and 2 are external, 3 and 4 internal, 5 and 6 clients.
fn setup(n: u32, add_path: AddPath, refuses_in: bool, refuses_out: bool) -> PeerSetup {
    let mut setup = peer(n, n <= 2, n >= 5);
    setup.add_path_max = add_path.max;
    let refusing = refusing("10.0.3.0/24");
    if refuses_in {
        setup.import = both(Arc::clone(&refusing));
    }
    if refuses_out {
        setup.export = both(refusing);
    }
    setup
}

#[derive(Clone, Debug)]
enum Op {
    Announce(u32, u32, u32, u32),
    AnnounceAll(u32, u32),
    Withdraw(u32, u32, u32),
    WithdrawAll(u32),
    Originate(u32),
    WithdrawLocal(u32),
    Flap(u32),
    Down(u32),
    Refresh(u32),
    BeginRefresh(u32),
    EndRefresh(u32),
    Policies(u32, bool, bool),
    NextHop(u32, u32),
    Read(u32, usize),
    Lag(u32),
    Drain,
    PullFib(usize),
    RestartFib,
    Turn,
}

fn op() -> impl Strategy<Value = Op> {
    let peer = || 1..=PEERS;
    let prefix = || 0..PREFIXES;
    prop_oneof![
        12 => (peer(), prefix(), 0u32..6, 0u32..2).prop_map(|(n, p, a, id)| Op::Announce(n, p, a, id)),
        5 => (peer(), prefix(), 0u32..2).prop_map(|(n, p, id)| Op::Withdraw(n, p, id)),
        4 => (peer(), 0u32..6).prop_map(|(n, a)| Op::AnnounceAll(n, a)),
        2 => peer().prop_map(Op::WithdrawAll),
        2 => prefix().prop_map(Op::Originate),
        2 => prefix().prop_map(Op::WithdrawLocal),
        1 => peer().prop_map(Op::Flap),
        1 => peer().prop_map(Op::Down),
        1 => peer().prop_map(Op::Refresh),
        1 => peer().prop_map(Op::BeginRefresh),
        1 => peer().prop_map(Op::EndRefresh),
        1 => (peer(), any::<bool>(), any::<bool>()).prop_map(|(n, i, o)| Op::Policies(n, i, o)),
        1 => (peer(), 0u32..3).prop_map(|(n, state)| Op::NextHop(n, state)),
        8 => (peer(), 0usize..4).prop_map(|(n, count)| Op::Read(n, count)),
        2 => peer().prop_map(Op::Lag),
        2 => Just(Op::Drain),
        2 => (0usize..5).prop_map(Op::PullFib),
        1 => Just(Op::RestartFib),
        8 => Just(Op::Turn),
    ]
}

/// What was announced, by (peer, prefix, path id).
#[derive(Default)]
struct Model {
    announced: BTreeMap<(u32, u32, u32), PathAttributes>,
    local: BTreeMap<u32, ()>,
    policies: BTreeMap<u32, (bool, bool)>,
    next_hops: BTreeMap<u32, NextHopState>,
    up: BTreeMap<u32, ()>,
    /// Announced before the peer began a refresh, and not again since.
    stale: BTreeSet<(u32, u32, u32)>,
    add_path: AddPath,
}

impl Model {
    fn refuses(&self, n: u32) -> (bool, bool) {
        self.policies.get(&n).copied().unwrap_or_default()
    }

    /// The best path to a prefix: the number of its peer (zero: local) and its attributes.
    fn best(&self, p: u32) -> Option<(u32, Option<&PathAttributes>)> {
        if self.local.contains_key(&p) {
            return Some((0, None));
        }
        let usable = self
            .announced
            .iter()
            .filter(|((n, prefix, _), _)| *prefix == p && !(p == REFUSED && self.refuses(*n).0));
        let rank = |(key, attributes): &(&(u32, u32, u32), &PathAttributes)| {
            let (n, _, id) = **key;
            let state = self.next_hops.get(&n).copied();
            let metric = match state.unwrap_or(NextHopState::Reachable { metric: 0 }) {
                NextHopState::Unreachable => None,
                NextHopState::Reachable { metric } => Some(metric),
            };
            (
                (metric.is_none(), !attributes.local_pref.unwrap_or(100)),
                (attributes.as_path.hop_count(), attributes.origin, n > 2),
                (metric, n, id),
            )
        };
        usable
            .min_by_key(rank)
            .map(|((n, _, _), attributes)| (*n, Some(attributes)))
    }

    /// The AS paths of all that a peer may be told of a prefix, sorted, where several paths are sent.
    fn several(&self, n: u32, p: u32) -> Vec<String> {
        if p == REFUSED && self.refuses(n).1 {
            return Vec::new();
        }
        let leads = |source: u32| {
            let state = self.next_hops.get(&source);
            !matches!(state, Some(NextHopState::Unreachable))
        };
        let some_lead = |p| {
            self.best(p)
                .is_some_and(|(source, _)| source == 0 || leads(source))
        };
        let mut paths: Vec<String> = Vec::new();
        if some_lead(p) {
            let announced = self.announced.iter().filter(|((source, prefix, _), _)| {
                *prefix == p && leads(*source) && !(p == REFUSED && self.refuses(*source).0)
            });
            let own = self.local.contains_key(&p).then_some((0, None));
            let all = announced.map(|((source, ..), attributes)| (*source, Some(attributes)));
            let heard = all.chain(own).filter_map(|path| self.heard(n, path));
            paths.extend(heard);
        } else {
            paths.extend(self.best(p).and_then(|path| self.heard(n, path)));
        }
        paths.sort_unstable();
        paths
    }

    /// The AS path under which a peer hears of a path, if it does.
    fn heard(
        &self,
        n: u32,
        (source, attributes): (u32, Option<&PathAttributes>),
    ) -> Option<String> {
        let internal = |n| n >= 3;
        let client = |n| n >= 5;
        let barred = internal(n) && internal(source) && !client(n) && !client(source);
        if source == n || barred {
            return None;
        }
        let path = attributes.map_or(String::new(), |a| a.as_path.to_string());
        Some(if internal(n) {
            path
        } else {
            format!("64512 {path}").trim().to_owned()
        })
    }

    /// What a peer must have been told: prefix to AS path.
    fn told(&self, n: u32) -> BTreeMap<Prefix, String> {
        let mut told = BTreeMap::new();
        for p in (0..PREFIXES).filter(|p| !(*p == REFUSED && self.refuses(n).1)) {
            if let Some(path) = self.best(p).and_then(|best| self.heard(n, best)) {
                told.insert(nth(V4, p), path);
            }
        }
        told
    }
}

fn variant(n: u32, a: u32) -> PathAttributes {
    let path = [65_000 + n, 65_100, 65_200];
    let mut attributes = attributes(address(V4, n), &path[..1 + a as usize % 3]);
    attributes.origin = if a == 4 {
        Origin::Incomplete
    } else {
        Origin::Igp
    };
    attributes.local_pref = (n > 2 && a == 5).then_some(200);
    attributes
}

fn step(world: &mut World, model: &mut Model, op: &Op) {
    match *op {
        Op::Announce(n, p, a, id) => {
            if model.up.contains_key(&n) {
                model.stale.remove(&(n, p, id));
                model.announced.insert((n, p, id), variant(n, a));
            }
            world.announce_path(n, PathId(id), &[nth(V4, p)], variant(n, a));
        }
        Op::Withdraw(n, p, id) => {
            model.announced.remove(&(n, p, id));
            world.withdraw_path(n, PathId(id), &[nth(V4, p)]);
        }
        Op::AnnounceAll(n, a) => {
            (0..PREFIXES).for_each(|p| step(world, model, &Op::Announce(n, p, a, 0)));
        }
        Op::WithdrawAll(n) => {
            (0..PREFIXES).for_each(|p| step(world, model, &Op::Withdraw(n, p, 0)));
        }
        Op::Originate(p) => {
            model.local.insert(p, ());
            world.originate(nth(V4, p));
        }
        Op::WithdrawLocal(p) => {
            model.local.remove(&p);
            world.tell(Command::WithdrawLocal(nth(V4, p)));
        }
        Op::Flap(n) | Op::Down(n) => {
            model.announced.retain(|key, _| key.0 != n);
            model.stale.retain(|key| key.0 != n);
            model.up.remove(&n);
            world.session_down(n, None);
            if matches!(op, Op::Flap(_)) {
                model.up.insert(n, ());
                world.session_up(model.add_path.terms(n));
            }
        }
        Op::Refresh(n) => world.refresh(n, V4),
        Op::BeginRefresh(n) => {
            let announced = model.announced.keys().copied();
            model.stale.extend(announced.filter(|key| key.0 == n));
            let (peer, family) = (PeerId(n), V4);
            world.tell(Command::RefreshBegin { peer, family });
        }
        Op::EndRefresh(n) => {
            let stale = std::mem::take(&mut model.stale);
            let (gone, kept): (BTreeSet<_>, _) = stale.into_iter().partition(|key| key.0 == n);
            model.announced.retain(|key, _| !gone.contains(key));
            model.stale = kept;
            let (peer, family) = (PeerId(n), V4);
            world.tell(Command::RefreshEnd { peer, family });
        }
        Op::Policies(n, refuses_in, refuses_out) => {
            model.policies.insert(n, (refuses_in, refuses_out));
            let setup = setup(n, model.add_path, refuses_in, refuses_out);
            world.tell(Command::UpdatePeers(vec![setup]));
        }
        Op::NextHop(n, state) => {
            let state = match state {
                0 => NextHopState::Unreachable,
                metric => NextHopState::Reachable { metric: metric - 1 },
            };
            model.next_hops.insert(n, state);
            let answers = world.answers.as_mut().expect("next hops are answered");
            answers.insert(address(V4, n), state);
            world.tell(Command::NextHops(vec![(address(V4, n), state)]));
        }
        Op::Read(n, count) => world.read(n, V4, count),
        Op::Lag(n) => world.lag(n, V4),
        Op::Drain => world.drain(),
        Op::PullFib(max) => {
            world.pull_fib(max);
        }
        Op::RestartFib => {
            world.fib.clear();
            world.tell(Command::RestartFib);
        }
        Op::Turn => {
            world.answer_next_hops();
            world.turn();
        }
    }
}

/// Compares what everyone holds with the model and with what the shard says of itself.
fn check(world: &mut World, model: &Model) {
    let loc = world.rows(RouteTable::Loc, V4);
    for p in 0..PREFIXES {
        let rows = loc.get(&nth(V4, p));
        let best = rows.and_then(|rows| rows.iter().find(|row| row.best));
        let expected = model.best(p).map(|(n, attributes)| {
            let path = attributes.map_or(String::new(), |a| a.as_path.to_string());
            let name = if n == 0 {
                "local".to_owned()
            } else {
                format!("peer {n}")
            };
            (name, path)
        });
        let found = best.map(|row| (row.from.to_string(), row.as_path.clone()));
        assert_eq!(found, expected, "invariant 6: {}", nth(V4, p));
        let route = world.fib.get(&nth(V4, p));
        assert_eq!(route.is_some(), expected.is_some(), "{}", nth(V4, p));
        if let Some(row) = best.filter(|row| &*row.from != "local") {
            let kind = &route.expect("checked above").kind;
            match kind {
                FibRouteKind::Unicast(next_hops) => {
                    assert!(row.usable && next_hops.contains(&row.next_hop.expect("not local")));
                }
                FibRouteKind::Unreachable => assert!(!row.usable),
                FibRouteKind::Blackhole => panic!("only own routes are blackholes"),
            }
        }
    }
    for n in model.up.keys().copied() {
        if model.add_path.is_sent_to(n) {
            check_several(world, model, n);
            continue;
        }
        let told = world.told(n, V4).clone();
        let paths: BTreeMap<_, _> = told
            .iter()
            .map(|(p, a)| (*p, a.as_path.to_string()))
            .collect();
        assert_eq!(paths, model.told(n), "invariant 5: peer {n}");
        let advertised = world.rows(RouteTable::Advertised(PeerId(n)), V4);
        assert_eq!(told.len(), advertised.len());
        for (prefix, rows) in advertised {
            assert_eq!(rows[0].next_hop, told[&prefix].next_hop.address());
            assert_eq!(rows[0].local_pref, told[&prefix].local_pref);
            assert_eq!(
                rows[0].cluster_list.len(),
                told[&prefix].rare.cluster_list.len()
            );
        }
    }
    assert_eq!(world.shard.v4.log.len(), 0, "empty at rest");
    for p in 0..PREFIXES {
        check_explanation(world, nth(V4, p), loc.get(&nth(V4, p)));
    }
}

/// Compares what is explained with what is so.
fn check_explanation(world: &mut World, prefix: Prefix, rows: Option<&Vec<PathRow>>) {
    let explanation = world.explain(prefix, None);
    let (Some(explanation), Some(rows)) = (&explanation, rows) else {
        assert_eq!(explanation.is_some(), rows.is_some(), "{prefix}");
        return;
    };
    assert_eq!(explanation.paths.len(), rows.len());
    for (explained, row) in explanation.paths.iter().zip(rows) {
        assert_eq!(explained.path.from, row.from);
        let outcome = explained.decision.outcome;
        assert_eq!(outcome == DecisionOutcome::Best, row.best);
        let selected = matches!(outcome, DecisionOutcome::Best | DecisionOutcome::Shares);
        assert_eq!(selected, row.best || row.multipath);
        assert_eq!(
            explained
                .import
                .policy
                .as_ref()
                .map_or(row.usable, |p| p.accepted),
            { row.reason.as_deref() != Some("import policy") }
        );
    }
    assert_eq!(
        explanation.kernel.wanted.is_some(),
        world.fib.contains_key(&prefix)
    );
    for export in &explanation.exports {
        assert_eq!(export.pending, None, "{prefix}");
        let n = export.to.strip_prefix("peer ").and_then(|n| n.parse().ok());
        let table = RouteTable::Advertised(PeerId(n.expect("a peer's name")));
        let sent = world.rows(table, V4).remove(&prefix).unwrap_or_default();
        let mut sent: Vec<_> = sent.iter().map(|row| Arc::clone(&row.from)).collect();
        let told = export.paths.iter().filter(|path| path.withheld.is_none());
        let mut told: Vec<_> = told.map(|path| Arc::clone(&path.from)).collect();
        sent.sort();
        told.sort();
        assert_eq!(told, sent, "{prefix} to {}", export.to);
        assert_eq!(export.told, !told.is_empty());
    }
}

/// Compares what a peer holds that is sent several paths.
fn check_several(world: &mut World, model: &Model, n: u32) {
    let advertised = world.rows(RouteTable::Advertised(PeerId(n)), V4);
    let held = &world.drivers[&(PeerId(n), V4)].paths;
    let rows: usize = advertised.values().map(Vec::len).sum();
    assert_eq!(held.len(), rows);
    for p in 0..PREFIXES {
        let of_prefix = held.iter().filter(|((prefix, _), _)| *prefix == nth(V4, p));
        let mut paths: Vec<String> = of_prefix.map(|(_, a)| a.as_path.to_string()).collect();
        paths.sort_unstable();
        let mut all = model.several(n, p);
        if model.add_path.max >= 16 {
            assert_eq!(paths, all, "peer {n}, {}", nth(V4, p));
            continue;
        }
        // Its own path may be among the best of the group.
        assert!(paths.len() <= model.add_path.max.into());
        if p != REFUSED || !model.refuses(n).1 {
            let best = model.best(p).and_then(|best| model.heard(n, best));
            assert!(
                best.is_none_or(|best| paths.contains(&best)),
                "the best one is sent"
            );
        }
        for path in paths {
            let at = all.iter().position(|one| *one == path);
            all.remove(at.expect("only what may be told"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn everyone_ends_with_the_latest_state(
        rounds in prop::collection::vec(prop::collection::vec(op(), 0..60), 1..4),
        // In one world of four nobody is sent several paths.
        peers in prop_oneof![
            1 => Just([false; PEERS as usize + 1]),
            3 => prop::array::uniform7(any::<bool>()),
        ],
        max in prop_oneof![Just(16), Just(2)],
    ) {
        let (mut world, mut model) = (World::new(true), Model::default());
        model.add_path = AddPath { peers, max };
        world.answers = Some(BTreeMap::new());
        for n in 1..=PEERS {
            world.tell(Command::AddPeer(setup(n, model.add_path, false, false)));
            world.session_up(model.add_path.terms(n));
            model.up.insert(n, ());
        }
        for round in rounds {
            for op in &round {
                step(&mut world, &mut model, op);
            }
            world.settle();
            check(&mut world, &model);
        }
        for n in 1..=PEERS {
            step(&mut world, &mut model, &Op::Down(n));
        }
        model.local.clear();
        for p in 0..PREFIXES {
            world.tell(Command::WithdrawLocal(nth(V4, p)));
        }
        world.settle();
        let Answer::Totals(totals) = world.ask(Query::Totals) else {
            panic!("not totals");
        };
        prop_assert_eq!(totals, Default::default());
        prop_assert_eq!(world.shard.v4.path_ids.len(), 0);
    }
}
