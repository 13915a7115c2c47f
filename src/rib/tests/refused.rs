//! Paths that are not used: counted by reason, and the owner is told of the faults.

use super::*;

#[test]
fn counts_tell_received_from_accepted_best_and_advertised() {
    let mut world = World::new(false);
    let mut first = peer(1, true, false);
    first.import = both(refusing("10.0.1.0/24"));
    world.peer_up(first);
    world.peer_up(peer(2, true, false));
    world.announce(
        1,
        &[nth(V4, 1), nth(V4, 2), nth(V4, 3)],
        attributes(address(V4, 1), &[1]),
    );
    world.announce(
        2,
        &[nth(V4, 3), nth(V4, 4)],
        attributes(address(V4, 2), &[2, 2]),
    );
    world.settle();
    let Answer::Peers(peers) = world.ask(Query::Peers) else {
        panic!("not peers");
    };
    let expected = PeerCounts {
        received: 3,
        accepted: 2,
        filtered: 1,
        refused: RefusedCounts {
            import_policy: 1,
            ..RefusedCounts::default()
        },
        best: 2,
        advertised: 1,
        stale: 0,
    };
    assert_eq!(peers[0].1.ipv4, expected);
    assert_eq!((peers[1].1.ipv4.best, peers[1].1.ipv4.advertised), (1, 2));
}

#[test]
fn the_first_path_of_a_session_with_a_fault_is_told_and_all_are_counted() {
    let mut world = World::new(false);
    let mut first = peer(1, true, false);
    first.import = both(refusing("10.0.1.0/24"));
    world.peer_up(first);
    let announce = |world: &mut World, range: std::ops::Range<u32>, path: &[u32]| {
        let prefixes: Vec<_> = range.map(|n| nth(V4, n)).collect();
        world.announce(1, &prefixes, attributes(address(V4, 1), path));
        world.settle();
    };
    let reasons = |world: &mut World| {
        let Answer::Peers(peers) = world.ask(Query::Peers) else {
            panic!("not peers");
        };
        let counts = peers[0].1.ipv4;
        assert_eq!(counts.filtered, counts.refused.total());
        assert_eq!(counts.received, counts.accepted + counts.filtered);
        (counts.refused.as_loop, counts.refused.import_policy)
    };
    announce(&mut world, 0..5, &[65_001, 64_512]);
    announce(&mut world, 5..9, &[64_512]);
    assert_eq!(world.refused, [(PeerId(1), nth(V4, 0), "AS loop")]);
    assert_eq!(reasons(&mut world), (9, 0));
    announce(&mut world, 0..9, &[65_001]);
    assert_eq!(reasons(&mut world), (0, 1), "a policy is no fault");
    assert_eq!(world.refused.len(), 1);

    world.session_down(1, None);
    world.session_up(terms(1));
    announce(&mut world, 3..4, &[64_512]);
    let told = (PeerId(1), nth(V4, 3), "AS loop");
    assert_eq!(world.refused[1..], [told], "another session");
    world.withdraw(1, &[nth(V4, 3)]);
    world.settle();
    assert_eq!(reasons(&mut world), (0, 0));
}
