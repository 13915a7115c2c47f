//! When the kernel's writer is told that there is nothing more.

use super::*;

/// A world at rest whose kernel holds `prefixes` by way of peer 1.
fn world(prefixes: &[crate::net::Prefix]) -> World {
    let mut world = World::new(true);
    world.answers = Some(Default::default());
    world.peer_up(peer(1, true, false));
    world.announce(1, prefixes, attributes(address(V4, 1), &[65_001]));
    world.settle();
    assert_eq!((world.fib.len(), world.fib_pulls), (prefixes.len(), 0));
    world
}

fn through(n: u32, state: NextHopState) -> Command {
    Command::NextHops(vec![(address(V4, n), state)])
}

#[test]
fn a_pull_at_rest_is_answered_empty_at_once() {
    let mut world = world(&[nth(V4, 1)]);
    assert_eq!((world.pull_fib(100), world.fib_pulls), (0, 0));
    assert_eq!((world.pull_fib(0), world.fib_pulls), (0, 0));
}

#[test]
fn a_pull_behind_a_queued_sweep_is_answered_with_what_that_finds() {
    let mut world = world(&[nth(V4, 1)]);
    world.tell(through(1, NextHopState::Unreachable));
    world.pull_fib(100);
    assert_eq!(world.fib_pulls, 1, "held, not empty");
    world.turn();
    assert_eq!(world.fib_pulls, 0);
    assert_eq!(world.fib[&nth(V4, 1)].kind, FibRouteKind::Unreachable);
}

#[test]
fn a_pull_waits_for_next_hops_that_are_not_told_yet() {
    let mut world = world(&[]);
    world.answers = None;
    world.announce(1, &[nth(V4, 2)], attributes(address(V4, 12), &[65_001]));
    world.pull_fib(100);
    world.settle();
    assert_eq!((world.fib_pulls, world.fib_pending), (1, false));
    world.tell(through(12, NextHopState::Reachable { metric: 0 }));
    world.turn();
    assert_eq!((world.fib_pulls, world.fib.len()), (0, 1));
    // A next hop that nothing uses any more is waited for by nobody.
    world.announce(1, &[nth(V4, 3)], attributes(address(V4, 13), &[65_001]));
    world.pull_fib(100);
    assert_eq!(world.fib_pulls, 1);
    world.withdraw(1, &[nth(V4, 3)]);
    world.turn();
    assert_eq!((world.fib_pulls, world.fib.len()), (0, 1));
}

/// The walk passes by a prefix that waits, in pages of three destinations.
#[test]
fn an_empty_page_of_a_walk_is_not_the_end() {
    let prefixes: Vec<_> = (0..10).map(|p| nth(V4, p)).collect();
    let mut world = world(&prefixes);
    let replaced = attributes(address(V4, 12), &[65_001]);
    world.announce(1, &prefixes[..9], replaced);
    world.tell(Command::RestartFib);
    world.fib.clear();
    world.pull_fib(100);
    assert_eq!(world.fib_pulls, 1, "an empty page");
    for _ in 0..4 {
        world.turn();
    }
    assert_eq!((world.fib_pulls, world.fib.len()), (0, 1));
}
