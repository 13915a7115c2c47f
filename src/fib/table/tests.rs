use proptest::prelude::*;

use super::*;
use crate::fib::kernel::Event;
use crate::fib::memory::State;
use crate::fib::resolve::{Link, LinkAddress};
use crate::fib::route::{KernelNextHop, KernelRouteKind, TABLE_MAIN};
use crate::fib::view::FibRowState;
use crate::rib::FibRouteKind;

const OPTIONS: FibOptions = FibOptions {
    table: TABLE_MAIN,
    protocol: 12,
};

/// A table and its kernel.
struct World {
    table: FibTable,
    kernel: State,
}

impl World {
    fn new() -> Self {
        let mut kernel = State::default();
        for index in [1, 2] {
            kernel.is.links.push(link(index, true));
            let subnet = format!("10.{index}.0.0/16");
            let kind = KernelRouteKind::unicast([KernelNextHop::device(index)]);
            kernel.is.routes.push(route(&subnet, kind, 0, 2));
        }
        let address = "10.1.0.1".parse().expect("an address");
        kernel.is.addresses.push(LinkAddress { address, link: 1 });
        let table = FibTable::new(OPTIONS);
        Self { table, kernel }
    }

    fn started() -> Self {
        let mut world = Self::new();
        world.read(Resync::Start);
        world
    }

    fn read(&mut self, reason: Resync) {
        self.kernel.events.clear();
        self.table.reset(self.kernel.is.clone(), reason);
    }

    /// Takes events and writes until nothing is left to do.
    fn settle(&mut self) {
        let events = std::mem::take(&mut self.kernel.events);
        let doubts = events
            .into_iter()
            .filter_map(|event| self.table.on_event(event));
        let mut doubt = doubts.max();
        for _ in 0..10 {
            if let Some(reason) = doubt.take() {
                self.read(reason);
            }
            while self.table.has_work() {
                let ops = self.table.batch(3);
                let outcomes = ops.iter().map(|op| self.kernel.apply(op)).collect();
                doubt = doubt.max(self.table.on_outcomes(ops, outcomes));
            }
            if doubt.is_none() {
                return;
            }
        }
        panic!("never settles: {doubt:?}");
    }

    fn want(&mut self, prefix: &str, next_hops: &[&str]) {
        let next_hops = next_hops
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect();
        self.wish(prefix, Some(FibRouteKind::Unicast(next_hops)));
    }

    fn wish(&mut self, prefix: &str, kind: Option<FibRouteKind>) {
        self.table.want(FibChange {
            prefix: prefix.parse().expect("a prefix"),
            route: kind.map(|kind| FibRoute {
                kind,
                metric: Some(1024),
            }),
        });
    }

    /// The kernel's routes that others wrote, or that we did.
    fn routes(&self, ours: bool) -> Vec<KernelRoute> {
        let routes = self.kernel.is.routes.iter();
        routes
            .filter(|route| (route.protocol == 12) == ours)
            .cloned()
            .collect()
    }

    fn words(&self) -> Vec<String> {
        let mut words: Vec<_> = self
            .routes(true)
            .iter()
            .map(|r| r.in_words(|_| None))
            .collect();
        words.sort();
        words
    }
}

fn link(index: u32, is_up: bool) -> Link {
    Link {
        index,
        name: format!("eth{index}"),
        is_up,
        has_carrier: is_up,
    }
}

fn route(prefix: &str, kind: KernelRouteKind, metric: u32, protocol: u8) -> KernelRoute {
    KernelRoute {
        prefix: prefix.parse().expect("a prefix"),
        kind,
        metric,
        protocol,
        table: TABLE_MAIN,
        has_extras: false,
    }
}

fn gateway(text: &str, oif: u32) -> KernelRouteKind {
    let gateway = text.parse().expect("an address");
    KernelRouteKind::unicast([KernelNextHop::via(gateway, oif)])
}

#[test]
fn next_hops_that_lead_nowhere_are_left_out_of_a_multipath_route() {
    let mut world = World::started();
    world.want("10.65.1.0/26", &["10.1.0.9", "10.2.0.9", "172.16.0.1"]);
    world.settle();
    assert_eq!(
        world.words(),
        [
            "10.65.1.0/26 proto bird metric 1024 nexthop via 10.1.0.9 dev if1 weight 1 nexthop via 10.2.0.9 dev if2 weight 1"
        ]
    );
    world.want("10.65.1.0/26", &["172.16.0.1"]);
    world.settle();
    assert_eq!(
        world.words(),
        ["unreachable 10.65.1.0/26 proto bird metric 1024"]
    );
}

#[test]
fn a_route_takes_sixteen_next_hops_at_most() {
    let mut world = World::started();
    let next_hops: Vec<_> = (10..40).map(|n| format!("10.1.0.{n}")).collect();
    world.want(
        "10.65.1.0/26",
        &next_hops.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    world.settle();
    assert_eq!(world.routes(true)[0].kind.hops().len(), 16);
}

#[test]
fn a_wish_that_is_taken_back_goes_at_once_but_what_was_found_stays() {
    let mut world = World::new();
    let found = route("10.65.9.0/26", gateway("10.1.0.9", 1), 1024, 12);
    world.kernel.is.routes.push(found.clone());
    world.read(Resync::Start);
    world.want("10.65.1.0/26", &["10.1.0.9"]);
    world.settle();
    world.wish("10.65.1.0/26", None);
    world.wish("10.65.9.0/26", None);
    world.settle();
    assert_eq!(world.routes(true), [found]);
    assert_eq!(world.table.rows(None, 9)[0].state, FibRowState::Stale);
    world.table.allow_sweep();
    world.settle();
    assert!(world.routes(true).is_empty());
    assert!(
        world.table.rows(None, 9).is_empty(),
        "nothing is kept of what is gone"
    );
}

#[test]
fn a_link_that_goes_down_and_comes_back_restores_what_the_kernel_dropped() {
    let mut world = World::started();
    world.want("10.65.1.0/26", &["10.2.0.9"]);
    world.settle();
    let before = world.words();
    let subnet = world.kernel.is.routes[1].clone();
    world
        .kernel
        .is
        .routes
        .retain(|route| route.kind.hops().iter().all(|hop| hop.oif != 2));
    world.kernel.is.links[1] = link(2, false);
    world.kernel.events.push(Event::Link(link(2, false)));
    world.settle();
    assert_eq!(
        world.words(),
        ["unreachable 10.65.1.0/26 proto bird metric 1024"]
    );
    world.kernel.is.links[1] = link(2, true);
    world.kernel.events.push(Event::Link(link(2, true)));
    world.kernel.add(subnet);
    world.settle();
    assert_eq!(world.words(), before);
    assert_eq!(world.table.view().drift_repaired, 0);
    assert_eq!(world.table.view().resyncs["link"], 1);
}

#[test]
fn interfaces_that_carry_nothing_of_ours_come_and_go_without_a_reading() {
    let mut world = World::started();
    world.want("10.65.1.0/26", &["10.1.0.9"]);
    world.settle();
    for index in 10..200 {
        let pod = route(
            &format!("10.65.3.{index}/32"),
            gateway("10.65.3.1", index),
            0,
            3,
        );
        world.kernel.events.push(Event::Link(link(index, true)));
        world.kernel.add(pod.clone());
        world.settle();
        world.kernel.events.push(Event::Link(link(index, false)));
        world.kernel.remove(&pod);
        world.kernel.events.push(Event::LinkGone(index));
        world.settle();
    }
    assert_eq!(world.table.view().resyncs.len(), 1, "the start only");
}

#[test]
fn rows_come_in_pages() {
    let mut world = World::started();
    for n in 0..5 {
        world.wish(&format!("10.65.{n}.0/26"), Some(FibRouteKind::Blackhole));
    }
    world.settle();
    let first = world.table.rows(None, 3);
    let second = world.table.rows(Some(first[2].prefix), 3);
    assert_eq!((first.len(), second.len()), (3, 2));
    assert!(first[2].prefix < second[0].prefix);
    assert_eq!(second[1].wanted, second[1].present);
}

#[test]
fn a_next_hop_is_watched_as_long_as_anybody_needs_it() {
    let mut world = World::started();
    let next_hop = "10.2.0.9".parse().expect("an address");
    world.table.track(vec![next_hop]);
    assert_eq!(
        world.table.take_news(),
        [(next_hop, NextHopState::Reachable { metric: 0 })]
    );
    world.want("10.65.1.0/26", &["10.2.0.9"]);
    world.table.untrack(&[next_hop]);
    assert!(world.table.resolver.tracked(next_hop).is_some());
    world.wish("10.65.1.0/26", None);
    assert!(world.table.resolver.tracked(next_hop).is_none());
    assert!(world.table.users.is_empty() && !world.table.has_news());
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Want(u8, u8),
    Unwant(u8),
    /// Others write a route, over ours if need be.
    TheyAdd(u8, bool),
    TheyRemove(u8),
    TheyDeleteOurs(u8),
    Settle,
    Compare,
}

fn step() -> impl Strategy<Value = Step> {
    let prefix = 0u8..4;
    prop_oneof![
        (prefix.clone(), 0u8..4).prop_map(|(prefix, kind)| Step::Want(prefix, kind)),
        prefix.clone().prop_map(Step::Unwant),
        (prefix.clone(), any::<bool>()).prop_map(|(prefix, over)| Step::TheyAdd(prefix, over)),
        prefix.clone().prop_map(Step::TheyRemove),
        prefix.prop_map(Step::TheyDeleteOurs),
        Just(Step::Settle),
        Just(Step::Compare),
    ]
}

fn kind(number: u8) -> FibRouteKind {
    match number {
        0 => FibRouteKind::Blackhole,
        1 => FibRouteKind::Unicast(vec!["10.1.0.9".parse().expect("an address")]),
        2 => FibRouteKind::Unicast(vec!["10.2.0.9".parse().expect("an address")]),
        _ => FibRouteKind::Unicast(vec!["172.16.0.1".parse().expect("an address")]),
    }
}

proptest! {
    /// Whatever we want and others do, in the end the kernel has what is wanted, wherever no other
    /// holds the place, and every route of others is as they left it.
    #[test]
    fn any_history_ends_as_wanted(
        steps in proptest::collection::vec(step(), 0..40), left_over: [bool; 4], sweeps: bool,
    ) {
        let mut world = World::new();
        let name = |number: u8| format!("10.65.{number}.0/26");
        for number in (0..4u8).filter(|number| left_over[usize::from(*number)]) {
            world.kernel.is.routes.push(route(&name(number), gateway("10.1.0.77", 1), 1024, 12));
        }
        world.read(Resync::Start);
        let mut wanted: BTreeMap<u8, FibRouteKind> = BTreeMap::new();
        let mut named = BTreeSet::new();
        for step in steps {
            match step {
                Step::Want(number, what) => {
                    wanted.insert(number, kind(what));
                    named.insert(number);
                    world.wish(&name(number), Some(kind(what)));
                }
                Step::Unwant(number) => {
                    wanted.remove(&number);
                    world.wish(&name(number), None);
                }
                Step::TheyAdd(number, over) => {
                    let theirs = route(&name(number), gateway("10.1.0.66", 1), 1024, 4);
                    let same = |other: &KernelRoute| other.key() == theirs.key();
                    let at = world.kernel.is.routes.iter().position(same);
                    if over || at.is_none() {
                        at.map(|at| world.kernel.is.routes.remove(at));
                        world.kernel.is.routes.push(theirs.clone());
                        let replaces = at.is_some();
                        world.kernel.events.push(Event::Route { route: theirs, replaces });
                    }
                }
                Step::TheyRemove(number) => {
                    let theirs = route(&name(number), gateway("10.1.0.66", 1), 1024, 4);
                    if world.kernel.is.routes.contains(&theirs) {
                        world.kernel.remove(&theirs);
                    }
                }
                Step::TheyDeleteOurs(number) => {
                    let ours = world.routes(true).into_iter();
                    for ours in ours.filter(|route| route.prefix.to_string() == name(number)) {
                        world.kernel.remove(&ours);
                    }
                }
                Step::Settle => world.settle(),
                Step::Compare => world.read(Resync::Interval),
            }
        }
        let theirs = world.routes(false);
        if sweeps {
            world.table.allow_sweep();
        }
        world.table.retry_refused();
        world.settle();
        world.table.retry_refused();
        world.settle();
        prop_assert_eq!(&theirs, &world.routes(false));
        for number in 0..4u8 {
            let prefix: Prefix = name(number).parse().expect("a prefix");
            let is_taken = theirs.iter().any(|route| route.prefix == prefix);
            let ours: Vec<_> =
                world.routes(true).into_iter().filter(|route| route.prefix == prefix).collect();
            let row = world.table.rows(None, 9).into_iter().find(|row| row.prefix == prefix);
            match (wanted.get(&number), is_taken) {
                (Some(_), false) => {
                    let row = row.expect("a wanted prefix has a row");
                    prop_assert_eq!(row.state, FibRowState::Installed);
                    let words = ours.iter().map(|r| r.in_words(|index| world.table.resolver.link_name(index)));
                    prop_assert_eq!(words.collect::<Vec<_>>(), [row.wanted.expect("a wish")]);
                }
                (Some(_), true) => prop_assert_eq!(row.expect("a row").state, FibRowState::Refused),
                (None, _) if sweeps || named.contains(&number) => prop_assert!(ours.is_empty()),
                (None, _) => {}
            }
        }
        let view = world.table.view();
        prop_assert_eq!(view.routes.ipv4, world.routes(true).len() as u64);
    }
}
