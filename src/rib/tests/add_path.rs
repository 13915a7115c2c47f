//! Several paths to a prefix (RFC 7911).

use super::*;
use crate::wire::PathAttributes;

/// A world in which external peers 1 to 3 announce, and internal peer 4 is sent several paths.
fn world() -> World {
    let mut world = World::new(false);
    for n in 1..=3 {
        world.peer_up(peer(n, true, false));
    }
    several(&mut world, 4, 16);
    world
}

fn several(world: &mut World, n: u32, max: u16) {
    let mut setup = peer(n, false, false);
    setup.add_path_max = max;
    world.tell(Command::AddPeer(setup));
    world.session_up(sent_several(n));
}

fn sent_several(n: u32) -> SessionTerms {
    let mut terms = terms(n);
    terms.add_path.ipv4.send = true;
    terms
}

fn from(n: u32) -> PathAttributes {
    attributes(address(V4, n), &[65_000 + n])
}

/// What a peer holds of the first prefix: identifier and the announcer's number.
fn held(world: &World, n: u32) -> Vec<(u32, String)> {
    let paths = &world.drivers[&(PeerId(n), V4)].paths;
    let of_first = paths.iter().filter(|((p, _), _)| *p == nth(V4, 1));
    of_first
        .map(|((_, id), attributes)| (id.0, attributes.as_path.to_string()))
        .collect()
}

#[test]
fn every_usable_path_is_sent_and_keeps_its_identifier_while_it_lives() {
    let mut world = world();
    for n in 1..=3 {
        world.announce(n, &[nth(V4, 1)], from(n));
    }
    world.settle();
    let before = held(&world, 4);
    let paths: Vec<_> = before.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(paths, ["65001", "65002", "65003"]);
    // A better one comes, one changes, one goes and comes back.
    world.announce(
        2,
        &[nth(V4, 1)],
        attributes(address(V4, 2), &[65_002, 65_009]),
    );
    world.withdraw(3, &[nth(V4, 1)]);
    world.settle();
    world.announce(3, &[nth(V4, 1)], from(3));
    world.settle();
    let after = held(&world, 4);
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1], (before[1].0, "65002 65009".into()));
    assert_eq!(after[2].1, "65003");
}

#[test]
fn only_what_has_changed_is_sent() {
    let mut world = world();
    for n in 1..=3 {
        world.announce(n, &[nth(V4, 1)], from(n));
    }
    world.settle();
    let announced = world.drivers[&(PeerId(4), V4)].announced;
    world.announce(1, &[nth(V4, 1)], from(1));
    world.announce(
        3,
        &[nth(V4, 1)],
        attributes(address(V4, 3), &[65_003, 65_009]),
    );
    world.settle();
    assert_eq!(world.drivers[&(PeerId(4), V4)].announced, announced + 1);
}

#[test]
fn no_more_paths_are_sent_than_agreed_and_the_best_come_first() {
    let mut world = world();
    several(&mut world, 5, 2);
    world.announce(
        1,
        &[nth(V4, 1)],
        attributes(address(V4, 1), &[65_001, 65_009]),
    );
    world.announce(2, &[nth(V4, 1)], from(2));
    world.announce(3, &[nth(V4, 1)], from(3));
    world.settle();
    let paths = |world: &World, n| -> Vec<String> {
        held(world, n).into_iter().map(|(_, path)| path).collect()
    };
    assert_eq!(paths(&world, 5), ["65002", "65003"]);
    let row = &world.rows(RouteTable::Advertised(PeerId(5)), V4)[&nth(V4, 1)];
    assert_eq!((row.len(), &*row[0].from, row[0].best), (2, "peer 2", true));
    world.withdraw(2, &[nth(V4, 1)]);
    world.settle();
    assert_eq!(paths(&world, 5).len(), 2);
    assert_eq!(paths(&world, 4).len(), 2);
}

#[test]
fn a_laggard_withdraws_the_identifiers_of_paths_that_are_gone() {
    let mut world = world();
    for n in 1..=3 {
        world.announce(n, &[nth(V4, 1)], from(n));
    }
    world.settle();
    // It lives through nothing of what follows.
    for n in 1..=3 {
        world.withdraw(n, &[nth(V4, 1)]);
        while world.turn() {}
        world.announce(n, &[nth(V4, 1)], from(n));
        while world.turn() {}
    }
    world.withdraw(1, &[nth(V4, 1)]);
    while world.turn() {}
    world.lag(4, V4);
    world.settle();
    let paths: Vec<_> = held(&world, 4).into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, ["65002", "65003"]);
}

#[test]
fn identifiers_survive_another_export_policy() {
    let mut world = world();
    for n in 1..=3 {
        world.announce(n, &[nth(V4, 1), nth(V4, 2)], from(n));
    }
    world.settle();
    let before = held(&world, 4);
    let mut setup = peer(4, false, false);
    setup.export = both(refusing("10.0.2.0/24"));
    world.tell(Command::UpdatePeers(vec![setup]));
    world.settle();
    assert_eq!(held(&world, 4), before);
    assert_eq!(world.drivers[&(PeerId(4), V4)].paths.len(), 3);
}

#[test]
fn a_path_goes_not_back_to_its_peer() {
    let mut world = World::new(false);
    for n in 1..=3 {
        world.tell(Command::AddPeer(peer(n, true, false)));
        world.session_up(sent_several(n));
        world.announce(n, &[nth(V4, 1)], from(n));
    }
    world.settle();
    let paths: Vec<_> = held(&world, 2).into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, ["64512 65001", "64512 65003"]);
}

#[test]
fn more_paths_than_a_chunk_holds_are_sent_in_several() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    let long: Vec<u32> = (0..900).map(|n| 70_000 + n).collect();
    for id in 0..60 {
        let mut path = attributes(address(V4, 1), &long);
        path.med = Some(id);
        world.announce_path(1, PathId(id), &[nth(V4, 1)], path);
    }
    world.settle();
    several(&mut world, 2, 64);
    world.settle();
    assert_eq!(world.drivers[&(PeerId(2), V4)].paths.len(), 60);
    assert_eq!(world.drivers[&(PeerId(2), V4)].end_of_ribs, 1);
}

#[test]
fn a_path_whose_next_hop_is_lost_is_sent_only_as_the_best() {
    let mut world = World::new(true);
    world.answers = Some([(address(V4, 1), NextHopState::Unreachable)].into());
    for n in 1..=2 {
        world.peer_up(peer(n, true, false));
    }
    several(&mut world, 4, 16);
    world.announce(1, &[nth(V4, 1)], from(1));
    world.settle();
    assert_eq!(held(&world, 4).len(), 1);
    world.announce(2, &[nth(V4, 1)], from(2));
    world.settle();
    let paths: Vec<_> = held(&world, 4).into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, ["65002"]);
}

#[test]
fn without_such_a_session_other_paths_are_no_news() {
    let mut world = World::new(false);
    for n in 1..=3 {
        world.peer_up(peer(n, true, false));
        world.announce(n, &[nth(V4, 1)], from(n));
    }
    world.settle();
    let longer = |n| attributes(address(V4, 3), &[65_003, 65_004, 65_005, n]);
    // Peer 3 shares the load no more; what it does from here on concerns nobody.
    world.announce(3, &[nth(V4, 1)], longer(1));
    world.settle();
    let head = world.shard.v4.log.head();
    world.announce(3, &[nth(V4, 1)], longer(2));
    assert_eq!(world.shard.v4.log.head(), head);
    assert_eq!(world.shard.v4.path_ids.len(), 0);
}

#[test]
fn a_path_that_was_held_back_is_withdrawn_from_a_peer_that_fell_behind_meanwhile() {
    let mut world = World::new(true);
    world.answers = Some(Default::default());
    for n in 1..=2 {
        world.peer_up(peer(n, true, false));
    }
    several(&mut world, 4, 16);
    world.settle();
    world.announce(1, &[nth(V4, 1)], from(1));
    world.settle();
    world.answers = None;
    world.announce(2, &[nth(V4, 1)], from(2));
    world.withdraw(1, &[nth(V4, 1)]);
    world.settle();
    assert_eq!(held(&world, 4).len(), 1, "what is left waits");
    world.lag(4, V4);
    world.answers = Some(Default::default());
    world.answer_next_hops();
    world.settle();
    let paths: Vec<_> = held(&world, 4).into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, ["65002"]);
}
