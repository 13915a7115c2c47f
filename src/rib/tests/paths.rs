//! Many paths to one prefix from one peer (RFC 7911).

use std::time::Duration;

use super::*;

fn announce(world: &mut World, ids: std::ops::Range<u32>) {
    for id in ids {
        let told = attributes(address(V4, 1), &[65_001, 65_100 + id]);
        world.announce_path(1, PathId(id), &[nth(V4, 1)], told);
    }
    world.settle();
}

/// Paths stored, received and filtered.
fn counts(world: &mut World) -> (usize, u64, u64) {
    let rows = world.rows(RouteTable::Received(PeerId(1)), V4);
    let Answer::Peers(peers) = world.ask(Query::Peers) else {
        panic!("not peers");
    };
    let counts = peers[0].1.ipv4;
    let stored = rows.get(&nth(V4, 1)).map_or(0, Vec::len);
    (stored, counts.received, counts.filtered)
}

#[test]
fn a_peer_has_at_most_64_paths_to_a_prefix() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    announce(&mut world, 1..71);
    assert_eq!(counts(&mut world), (64, 70, 6));
    // One that is known is replaced all the same, and another peer has room of its own.
    announce(&mut world, 1..2);
    assert_eq!(counts(&mut world), (64, 70, 6));
    world.withdraw_path(1, PathId(70), &[nth(V4, 1)]);
    world.withdraw_path(1, PathId(1), &[nth(V4, 1)]);
    announce(&mut world, 70..71);
    assert_eq!(counts(&mut world).0, 64);
    world.peer_up(peer(2, true, false));
    world.announce(2, &[nth(V4, 1)], attributes(address(V4, 2), &[65_002]));
    world.settle();
    assert_eq!(world.rows(RouteTable::Received(PeerId(2)), V4).len(), 1);
}

#[test]
fn stale_paths_take_no_room_from_a_restarted_peer() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    announce(&mut world, 0..70);
    let deadline = world.now + Duration::from_secs(120);
    world.session_down(1, Some(deadline));
    let mut terms = terms(1);
    terms.stale_until = Some(deadline);
    world.session_up(terms);
    announce(&mut world, 100..164);
    let (peer, family) = (PeerId(1), V4);
    world.tell(Command::EndOfRib { peer, family });
    world.settle();
    assert_eq!(counts(&mut world), (64, 64, 0));
}
