//! Paths that are replaced by ones whose next hops are not told yet.

use super::*;

const OLD: u32 = 1;
const NEW: u32 = 11;

/// Peer 1 has announced a prefix, which peer 2 and the kernel have; next hops are not answered from
/// here on.
fn world() -> (World, crate::net::Prefix) {
    let mut world = World::new(true);
    world.answers = Some(Default::default());
    for n in 1..=3 {
        world.peer_up(peer(n, true, false));
    }
    let p = nth(V4, 1);
    world.announce(1, &[p], attributes(address(V4, OLD), &[65_001]));
    world.settle();
    assert_eq!(as_path(&world, p), Some("64512 65001".into()));
    world.answers = None;
    (world, p)
}

fn as_path(world: &World, p: crate::net::Prefix) -> Option<String> {
    world
        .told(2, V4)
        .get(&p)
        .map(|told| told.as_path.to_string())
}

fn kernel(world: &World, p: crate::net::Prefix) -> Option<FibRouteKind> {
    world.fib.get(&p).map(|route| route.kind.clone())
}

fn via(n: u32) -> Option<FibRouteKind> {
    Some(FibRouteKind::Unicast(vec![address(V4, n)]))
}

/// Counts what peer 2 is sent.
fn octets(world: &World) -> usize {
    world.drivers[&(PeerId(2), V4)].octets
}

#[test]
fn a_replacement_through_an_untold_next_hop_withdraws_nothing() {
    let (mut world, p) = world();
    let before = octets(&world);
    world.announce(1, &[p], attributes(address(V4, NEW), &[65_001, 65_009]));
    world.settle();
    assert_eq!(octets(&world), before, "nothing is said meanwhile");
    assert_eq!(kernel(&world, p), via(OLD));
    world.answers = Some(Default::default());
    world.settle();
    assert_eq!(as_path(&world, p), Some("64512 65001 65009".into()));
    assert_eq!(kernel(&world, p), via(NEW));
}

#[test]
fn a_worse_path_is_not_told_while_the_better_ones_replacement_waits() {
    let (mut world, p) = world();
    world.answers = Some(Default::default());
    world.announce(3, &[p], attributes(address(V4, 3), &[65_003, 65_009]));
    world.settle();
    world.answers = None;
    let before = octets(&world);
    world.announce(1, &[p], attributes(address(V4, NEW), &[65_001]));
    world.settle();
    assert_eq!((octets(&world), kernel(&world, p)), (before, via(OLD)));
    world.withdraw(1, &[p]);
    world.settle();
    assert_eq!(as_path(&world, p), Some("64512 65003 65009".into()));
    assert_eq!(kernel(&world, p), via(3));
}

#[test]
fn what_was_held_back_is_withdrawn_once_nothing_waits() {
    let endings: [fn(&mut World, crate::net::Prefix); 5] = [
        |world, p| world.withdraw(1, &[p]),
        |world, p| world.announce(1, &[p], attributes(address(V4, NEW), &[64_512])),
        |world, _| world.session_down(1, None),
        |world, _| world.tell(Command::RemovePeer(PeerId(1))),
        |world, p| {
            let mut setup = peer(1, true, false);
            setup.import = both(refusing(&p.to_string()));
            world.tell(Command::UpdatePeers(vec![setup]));
        },
    ];
    for (number, ending) in endings.into_iter().enumerate() {
        let (mut world, p) = world();
        world.announce(1, &[p], attributes(address(V4, NEW), &[65_001]));
        world.settle();
        assert_eq!(kernel(&world, p), via(OLD));
        ending(&mut world, p);
        if number == 3 {
            world.drivers.retain(|(peer, _), _| peer.0 != 1);
        }
        world.settle();
        assert_eq!(
            (as_path(&world, p), kernel(&world, p)),
            (None, None),
            "{number}"
        );
        assert_eq!(world.shard.v4.log.len(), 0, "empty at rest");
    }
}

#[test]
fn a_hold_ends_with_its_reason_though_another_path_waits() {
    let (mut world, p) = world();
    world.announce(1, &[p], attributes(address(V4, NEW), &[65_001]));
    world.announce(3, &[p], attributes(address(V4, 13), &[65_003]));
    world.announce(1, &[p], attributes(address(V4, NEW + 1), &[65_001]));
    world.settle();
    assert_eq!(kernel(&world, p), via(OLD));
    let state = NextHopState::Reachable { metric: 0 };
    world.tell(Command::NextHops(vec![(address(V4, NEW + 1), state)]));
    world.settle();
    assert_eq!(kernel(&world, p), via(NEW + 1));
}

/// The change before is still in the log, so every reader meets the destination while it is held.
#[test]
fn readers_that_meet_a_held_destination_pass_it_by() {
    let (mut world, p) = world();
    let before = octets(&world);
    world.announce(1, &[p], attributes(address(V4, OLD), &[65_001, 65_002]));
    world.announce(1, &[p], attributes(address(V4, NEW), &[65_001, 65_003]));
    world.tell(Command::RestartFib);
    world.settle();
    assert_eq!((octets(&world), kernel(&world, p)), (before, via(OLD)));
    world.peer_up(peer(4, true, false));
    world.settle();
    world.answers = Some(Default::default());
    world.settle();
    assert_eq!(as_path(&world, p), Some("64512 65001 65003".into()));
    assert_eq!(kernel(&world, p), via(NEW));
    assert_eq!(world.told(4, V4), world.told(2, V4));
}
