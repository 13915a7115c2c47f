//! Policies that change under standing sessions: only differences are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::net::Prefix;
use crate::policy::{Condition, Edit, NextHopMode, Policy, Rule, Then};
use crate::rib::testing::Driver;
use crate::wire::{Community, PathAttributes};

const PREFIXES: u32 = 20;

/// Policy number `choice`: never the same pointer. The first two do the same.
fn policy(choice: u8) -> Arc<Policy> {
    let rule = |conditions, edits, then| Rule {
        name: "rule".into(),
        conditions,
        edits,
        then,
    };
    let low = || vec![Condition::Inside([prefix("10.0.0.0/21")].into())];
    let mark = Edit::AddCommunity(Community(64_512 << 16 | 7));
    let rules = match choice {
        0 | 1 => vec![],
        2 => vec![rule(low(), vec![], Then::Reject)],
        3 => vec![rule(low(), vec![mark], Then::Next)],
        4 => vec![rule(vec![], vec![Edit::LocalPref(300)], Then::Next)],
        5 => vec![rule(low(), vec![Edit::Preference(300)], Then::Next)],
        _ => vec![rule(vec![], vec![], Then::Reject)],
    };
    Arc::new(Policy {
        name: format!("policy {choice}").into(),
        rules,
        otherwise: Then::Accept,
    })
}

const CHOICES: u8 = 7;

fn exporting(mut setup: PeerSetup, choice: u8) -> PeerSetup {
    setup.export = both(policy(choice));
    setup
}

fn some_routes(world: &mut World, n: u32) {
    let prefixes: Vec<_> = (0..PREFIXES).map(|p| nth(V4, p)).collect();
    world.announce(n, &prefixes, attributes(address(V4, n), &[65_000 + n]));
}

/// Peer 1 announces, peers 2 to 4 share a group.
fn one_and_three() -> World {
    let mut world = World::new(false);
    for n in 1..=4 {
        world.peer_up(exporting(peer(n, true, false), 0));
    }
    some_routes(&mut world, 1);
    world.settle();
    world
}

fn messages(world: &World, n: u32) -> usize {
    let driver = &world.drivers[&(PeerId(n), V4)];
    driver.announced + driver.withdrawn
}

fn group_of(world: &World, n: u32) -> Option<GroupId> {
    let rib = &world.shard.v4;
    rib.group_of_peer(&world.shard.shared, PeerId(n))
        .map(|index| rib.group_id(index))
}

fn is_live(world: &World, n: u32) -> bool {
    world.drivers[&(PeerId(n), V4)].live.is_some()
}

/// Prefixes 0 to 7 are in 10.0.0.0/21.
const LOW: usize = 8;

#[test]
fn a_group_whose_members_all_change_stays_and_tells_the_difference() {
    let mut world = one_and_three();
    let (group, before) = (group_of(&world, 2), messages(&world, 2));
    let changed = (1..=4).map(|n| exporting(peer(n, true, false), 2));
    world.tell(Command::UpdatePeers(changed.collect()));
    assert!((1..=4).all(|n| is_live(&world, n)), "nobody is detached");
    world.settle();
    assert_eq!(group_of(&world, 2), group);
    assert_eq!(messages(&world, 2) - before, LOW);
    assert_eq!(world.told(2, V4).len(), PREFIXES as usize - LOW);
    let changed = (1..=4).map(|n| exporting(peer(n, true, false), 0));
    world.tell(Command::UpdatePeers(changed.collect()));
    world.settle();
    assert_eq!(messages(&world, 2) - before, 2 * LOW);
    assert_eq!(messages(&world, 1), 0);
}

#[test]
fn a_policy_that_does_the_same_tells_nothing() {
    let mut world = one_and_three();
    let group = group_of(&world, 2);
    let counts = |world: &World| [1, 2, 3, 4].map(|n| world.drivers[&(PeerId(n), V4)].octets);
    let before = counts(&world);
    for choice in [1, 0] {
        let changed = (1..=4).map(|n| exporting(peer(n, true, false), choice));
        world.tell(Command::UpdatePeers(changed.collect()));
        world.settle();
    }
    // The very same, under another pointer, is no change at all.
    let same = exporting(peer(2, true, false), 0);
    world.tell(Command::UpdatePeers(vec![same]));
    assert!(is_live(&world, 2) && world.shard.sweeps.is_empty());
    assert_eq!((counts(&world), group_of(&world, 2)), (before, group));
}

#[test]
fn a_peer_that_leaves_its_group_and_comes_back_is_told_the_difference_both_times() {
    let mut world = one_and_three();
    let group = group_of(&world, 2);
    let before = [2, 3, 4].map(|n| messages(&world, n));
    world.tell(Command::UpdatePeers(vec![exporting(
        peer(2, true, false),
        2,
    )]));
    world.settle();
    assert_ne!(group_of(&world, 2), group);
    assert_eq!(group_of(&world, 3), group);
    let now = [2, 3, 4].map(|n| messages(&world, n));
    assert_eq!(now, [before[0] + LOW, before[1], before[2]]);
    assert_eq!(world.told(2, V4).len(), PREFIXES as usize - LOW);
    world.tell(Command::UpdatePeers(vec![exporting(
        peer(2, true, false),
        0,
    )]));
    world.settle();
    assert_eq!(group_of(&world, 2), group);
    let now = [2, 3, 4].map(|n| messages(&world, n));
    assert_eq!(now, [before[0] + 2 * LOW, before[1], before[2]]);
    assert_eq!(world.told(2, V4).len(), PREFIXES as usize);
    assert_eq!(world.drivers[&(PeerId(2), V4)].end_of_ribs, 1);
}

#[test]
fn groups_that_swap_their_policies_keep_their_members() {
    let mut world = one_and_three();
    let other = (3..=4).map(|n| exporting(peer(n, true, false), 2));
    world.tell(Command::UpdatePeers(other.collect()));
    world.settle();
    let groups = [group_of(&world, 2), group_of(&world, 3)];
    let before = [2, 3].map(|n| messages(&world, n));
    let swapped = [(1, 2), (2, 2), (3, 0), (4, 0)];
    let swapped = swapped.map(|(n, choice)| exporting(peer(n, true, false), choice));
    world.tell(Command::UpdatePeers(swapped.into()));
    world.settle();
    assert_eq!([group_of(&world, 2), group_of(&world, 3)], groups);
    assert_eq!(
        [2, 3].map(|n| messages(&world, n) - before[n as usize - 2]),
        [LOW, LOW]
    );
}

#[test]
fn a_peer_that_changes_group_in_its_first_dump_is_told_everything_once() {
    let mut world = one_and_three();
    world.peer_up(exporting(peer(5, true, false), 3));
    world.settle();
    world.peer_up(peer(6, true, false));
    while messages(&world, 6) < 5 {
        world.turn();
        world.read(6, V4, 1);
    }
    assert!(messages(&world, 6) < PREFIXES as usize);
    let told = world.told(6, V4).len();
    world.tell(Command::UpdatePeers(vec![exporting(
        peer(6, true, false),
        3,
    )]));
    world.settle();
    assert_eq!(group_of(&world, 6), group_of(&world, 5));
    assert_eq!(world.told(6, V4), world.told(5, V4));
    // What it had heard so far was without the mark.
    assert!(messages(&world, 6) <= PREFIXES as usize + told);
    assert_eq!(world.drivers[&(PeerId(6), V4)].end_of_ribs, 1);
}

#[test]
fn who_joins_while_a_group_is_exported_again_hears_nothing_of_the_old_policy() {
    let mut world = one_and_three();
    let changed = (1..=4).map(|n| exporting(peer(n, true, false), 2));
    world.tell(Command::UpdatePeers(changed.collect()));
    world.turn();
    world.peer_up(exporting(peer(5, true, false), 2));
    assert_eq!(group_of(&world, 5), group_of(&world, 2));
    world.settle();
    assert_eq!(messages(&world, 5), PREFIXES as usize - LOW);
}

#[test]
fn an_import_policy_that_changes_some_routes_tells_those() {
    let mut world = one_and_three();
    let before = messages(&world, 2);
    let mut setup = peer(1, true, false);
    setup.import = both(policy(3));
    world.tell(Command::UpdatePeers(vec![setup.clone()]));
    world.settle();
    assert_eq!(messages(&world, 2) - before, LOW);
    // Another preference of the only path to each is nothing that anyone could see.
    setup.import = both(policy(5));
    world.tell(Command::UpdatePeers(vec![setup.clone()]));
    world.settle();
    assert_eq!(messages(&world, 2) - before, 2 * LOW);
    let head = world.shard.v4.log.head();
    setup.import = both(policy(1));
    world.tell(Command::UpdatePeers(vec![setup]));
    world.settle();
    assert_eq!(messages(&world, 2) - before, 2 * LOW);
    assert_eq!(world.shard.v4.log.head(), head, "nothing is logged either");
}

/// What is configured of a peer.
#[derive(Clone, Copy, Debug, Default)]
struct Config {
    export: u8,
    import: u8,
    client: bool,
    keeps_next_hop: bool,
    several: u16,
}

impl Config {
    /// Peers 1 and 2 are external, the others internal.
    fn setup(self, n: u32) -> PeerSetup {
        let mut setup = exporting(peer(n, n <= 2, n > 2 && self.client), self.export);
        setup.import = both(policy(self.import));
        setup.add_path_max = 1 + self.several;
        if self.keeps_next_hop {
            setup.next_hop_mode = NextHopMode::Keep;
        }
        setup
    }
}

fn config() -> impl Strategy<Value = Config> {
    let clients = any::<bool>();
    (0..CHOICES, 0..CHOICES, clients, any::<bool>(), 0u16..3).prop_map(
        |(export, import, client, keeps_next_hop, several)| Config {
            export,
            import: if import < 4 { 0 } else { import },
            client,
            keeps_next_hop,
            several,
        },
    )
}

/// What changes at once, by peer.
fn change() -> impl Strategy<Value = BTreeMap<u32, Config>> {
    let everyone = config().prop_map(|config| (1..=PEERS).map(|n| (n, config)).collect());
    prop_oneof![
        prop::collection::btree_map(1..=PEERS, config(), 1),
        prop::collection::btree_map(1..=PEERS, config(), 2..=PEERS as usize),
        everyone,
    ]
}

#[derive(Clone, Debug)]
enum Op {
    Announce(u32, u32, u32),
    Withdraw(u32, u32),
    Configure(u32, Config),
    ExportAll(u8),
    Flap(u32),
    Refresh(u32),
    Lag(u32),
    Read(u32, usize),
    Drain,
    Turn(u32),
}

const PEERS: u32 = 6;

fn op() -> impl Strategy<Value = Op> {
    let peer = || 1..=PEERS;
    prop_oneof![
        8 => (peer(), 0..PREFIXES, 0u32..4).prop_map(|(n, p, a)| Op::Announce(n, p, a)),
        3 => (peer(), 0..PREFIXES).prop_map(|(n, p)| Op::Withdraw(n, p)),
        4 => (peer(), config()).prop_map(|(n, config)| Op::Configure(n, config)),
        2 => (0..CHOICES).prop_map(Op::ExportAll),
        1 => peer().prop_map(Op::Flap),
        1 => peer().prop_map(Op::Refresh),
        2 => peer().prop_map(Op::Lag),
        6 => (peer(), 0usize..4).prop_map(|(n, count)| Op::Read(n, count)),
        1 => Just(Op::Drain),
        8 => (1u32..6).prop_map(Op::Turn),
    ]
}

/// All that should matter once a world is at rest.
#[derive(Default)]
struct State {
    configs: BTreeMap<u32, Config>,
    announced: BTreeMap<(u32, u32), u32>,
    add_path: [bool; PEERS as usize + 1],
}

impl State {
    fn variant(n: u32, a: u32) -> PathAttributes {
        let path = [65_000 + n, 65_100, 65_200];
        attributes(address(V4, n), &path[..1 + a as usize % 3])
    }

    fn terms(&self, n: u32) -> SessionTerms {
        let mut terms = terms(n);
        terms.add_path.ipv4.send = self.add_path[n as usize];
        terms.enhanced_refresh = n.is_multiple_of(2);
        terms
    }

    /// A world that has never known anything else.
    fn fresh(&self) -> World {
        let mut world = World::new(true);
        world.answers = Some(BTreeMap::new());
        for (n, config) in &self.configs {
            world.tell(Command::AddPeer(self.setup(*n, *config)));
            world.session_up(self.terms(*n));
        }
        for ((n, p), a) in &self.announced {
            world.announce(*n, &[nth(V4, *p)], Self::variant(*n, *a));
        }
        world.settle();
        world
    }

    /// A peer's configuration. Where identifiers are sent, drivers tell paths by their next hops, so
    /// those stay.
    fn setup(&self, n: u32, mut config: Config) -> PeerSetup {
        config.keeps_next_hop &= !self.add_path[n as usize];
        config.setup(n)
    }

    fn step(&mut self, world: &mut World, op: &Op) {
        match *op {
            Op::Announce(n, p, a) => {
                self.announced.insert((n, p), a);
                world.announce(n, &[nth(V4, p)], Self::variant(n, a));
            }
            Op::Withdraw(n, p) => {
                self.announced.remove(&(n, p));
                world.withdraw(n, &[nth(V4, p)]);
            }
            Op::Configure(n, config) => {
                self.configs.insert(n, config);
                world.tell(Command::UpdatePeers(vec![self.setup(n, config)]));
            }
            Op::ExportAll(choice) => {
                for config in self.configs.values_mut() {
                    config.export = choice;
                }
                let setups = self
                    .configs
                    .iter()
                    .map(|(n, config)| self.setup(*n, *config));
                world.tell(Command::UpdatePeers(setups.collect()));
            }
            Op::Flap(n) => {
                self.announced.retain(|(source, _), _| *source != n);
                world.session_down(n, None);
                world.session_up(self.terms(n));
            }
            Op::Refresh(n) => world.refresh(n, V4),
            Op::Lag(n) => world.lag(n, V4),
            Op::Read(n, count) => world.read(n, V4, count),
            Op::Drain => world.drain(),
            Op::Turn(count) => {
                world.answer_next_hops();
                (0..count).for_each(|_| {
                    world.turn();
                });
            }
        }
    }
}

/// What a peer holds of each prefix, under whatever identifiers.
fn held(driver: &Driver) -> BTreeMap<Prefix, Vec<String>> {
    let mut held = BTreeMap::<Prefix, Vec<String>>::new();
    for ((prefix, _), attributes) in &driver.paths {
        held.entry(*prefix)
            .or_default()
            .push(format!("{attributes:?}"));
    }
    held.values_mut().for_each(|paths| paths.sort_unstable());
    held
}

/// How many announcements and withdrawals lead from one state to the other.
fn difference(before: &Driver, after: &Driver) -> usize {
    let keys: BTreeSet<_> = before.paths.keys().chain(after.paths.keys()).collect();
    let differs = |key| before.paths.get(key) != after.paths.get(key);
    keys.into_iter().filter(|key| differs(*key)).count()
}

fn started(state: &State) -> World {
    let mut world = World::new(true);
    world.answers = Some(BTreeMap::new());
    for (n, config) in &state.configs {
        world.tell(Command::AddPeer(config.setup(*n)));
        world.session_up(state.terms(*n));
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever changes in whatever order, at rest everyone holds what a speaker would have told that
    /// was started with the last configuration.
    #[test]
    fn everyone_ends_as_if_the_last_policies_had_been_the_first(
        rounds in prop::collection::vec(prop::collection::vec(op(), 0..60), 1..4),
        add_path in prop_oneof![
            Just([false; PEERS as usize + 1]),
            prop::array::uniform7(any::<bool>()),
        ],
    ) {
        let mut state = State { add_path, ..State::default() };
        state.configs = (1..=PEERS).map(|n| (n, Config::default())).collect();
        let mut world = started(&state);
        for round in rounds {
            for op in &round {
                state.step(&mut world, op);
            }
            world.settle();
            let fresh = state.fresh();
            for (key, driver) in &world.drivers {
                prop_assert_eq!(held(driver), held(&fresh.drivers[key]), "{:?}", key);
            }
            prop_assert_eq!(world.shard.v4.log.len(), 0, "empty at rest");
        }
    }

    /// At rest a change of export costs each peer just what differs for it. Who has to change group
    /// while the table is looked through for others may hear again of what is found for those. Another
    /// import of several peers' routes may pass through states in between.
    #[test]
    fn a_change_at_rest_tells_each_peer_just_what_differs(
        routes in prop::collection::vec((1..=PEERS, 0..PREFIXES, 0u32..4), 0..60),
        changes in prop::collection::vec(change(), 1..5),
        add_path in prop_oneof![
            Just([false; PEERS as usize + 1]),
            prop::array::uniform7(any::<bool>()),
        ],
    ) {
        let mut state = State { add_path, ..State::default() };
        state.configs = (1..=PEERS).map(|n| (n, Config::default())).collect();
        let mut world = started(&state);
        for (n, p, a) in routes {
            state.step(&mut world, &Op::Announce(n, p, a));
        }
        world.settle();
        for change in changes {
            let before = world.drivers.clone();
            let alone = change.len() == 1;
            let mut exports_only = true;
            for (n, config) in change {
                let old = state.configs.insert(n, config).expect("all are configured");
                exports_only &= (old.import, old.client) == (config.import, config.client);
            }
            let setups = state.configs.iter().map(|(n, config)| state.setup(*n, *config));
            let setups = setups.collect();
            world.tell(Command::UpdatePeers(setups));
            world.settle();
            for (key, after) in &world.drivers {
                let before = &before[key];
                let told = after.announced + after.withdrawn - before.announced - before.withdrawn;
                let differs = difference(before, after);
                if exports_only && (alone || after.detached == before.detached) {
                    prop_assert_eq!(told, differs, "{:?}", key);
                }
                prop_assert!(told >= differs);
                prop_assert_eq!(before.end_of_ribs, after.end_of_ribs);
            }
        }
    }
}
