//! Members that fall behind.

use super::*;

fn variant(n: u32) -> crate::wire::PathAttributes {
    attributes(address(V4, 1), &[65_001, 65_100 + n])
}

fn path(world: &World, n: u32, p: u32) -> String {
    world.told(n, V4)[&nth(V4, p)].as_path.to_string()
}

#[test]
fn a_laggard_is_served_the_latest_state_once() {
    let mut world = World::new(false);
    for n in 1..=3 {
        world.peer_up(peer(n, true, false));
    }
    world.settle();
    let before = world.drivers[&(PeerId(2), V4)].octets;
    for n in 0..50 {
        world.announce(1, &[nth(V4, 1)], variant(n));
        world.turn();
        world.read(3, V4, usize::MAX);
    }
    world.lag(2, V4);
    world.settle();
    assert_eq!(path(&world, 2, 1), "64512 65001 65149");
    let took = |n| world.drivers[&(PeerId(n), V4)].octets - before;
    assert!(took(2) * 50 <= took(3), "one message instead of fifty");
}

/// A destination goes from A to B, which the head publishes and the laggard misses, to C and back to
/// B before the head looks again. The kernel's cursor in between makes the log forget the first
/// change, so nothing but the head can tell the laggard.
#[test]
fn a_member_that_went_live_behind_a_flap_is_told_though_nothing_changed() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    let (flapping, others) = ([0, 1, 2].map(|p| nth(V4, p)), [3, 4, 5].map(|p| nth(V4, p)));
    world.announce(1, &flapping, variant(0));
    world.settle();
    world.announce(1, &flapping, variant(1));
    world.turn();
    world.lag(2, V4);
    world.announce(1, &others, variant(7));
    world.announce(1, &flapping, variant(2));
    for _ in 0..4 {
        world.pull_fib(100);
    }
    world.announce(1, &flapping, variant(1));
    world.announce(1, &others, variant(8));
    world.settle();
    for p in 0..3 {
        assert_eq!(path(&world, 2, p), "64512 65001 65101");
    }
}
