//! Refreshes whose begin and end are marked (RFC 7313), in both directions.

use std::time::Duration;

use super::*;
use crate::wire::RefreshKind;

fn begin(world: &mut World, n: u32) {
    let (peer, family) = (PeerId(n), V4);
    world.tell(Command::RefreshBegin { peer, family });
}

fn end(world: &mut World, n: u32) {
    let (peer, family) = (PeerId(n), V4);
    world.tell(Command::RefreshEnd { peer, family });
    world.settle();
}

fn announce(world: &mut World, prefixes: &[u32]) {
    let prefixes: Vec<_> = prefixes.iter().map(|n| nth(V4, *n)).collect();
    world.announce(1, &prefixes, attributes(address(V4, 1), &[65_001]));
}

fn left(world: &World) -> Vec<u32> {
    let told = world.told(2, V4);
    (0..20)
        .filter(|n| told.contains_key(&nth(V4, *n)))
        .collect()
}

fn world() -> World {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    announce(&mut world, &[1, 2, 3]);
    world.settle();
    world
}

#[test]
fn what_was_not_announced_again_goes_with_the_end() {
    let mut world = world();
    begin(&mut world, 1);
    announce(&mut world, &[2, 4]);
    world.settle();
    assert_eq!(left(&world), [1, 2, 3, 4]);
    end(&mut world, 1);
    assert_eq!(left(&world), [2, 4]);
    assert_eq!(world.shard.poll_timeout(), None);
    end(&mut world, 1);
    assert_eq!(left(&world), [2, 4], "an end without a begin means nothing");
}

#[test]
fn a_second_begin_begins_anew() {
    let mut world = world();
    begin(&mut world, 1);
    announce(&mut world, &[1]);
    begin(&mut world, 1);
    announce(&mut world, &[2]);
    end(&mut world, 1);
    assert_eq!(left(&world), [2]);
}

#[test]
fn a_peer_that_never_ends_keeps_no_old_routes_for_ever() {
    let mut world = world();
    for n in 0..100 {
        begin(&mut world, 1);
        announce(&mut world, &[n % 2 + 1]);
    }
    world.after(REFRESH_STALE_MAX - Duration::from_secs(1));
    assert_eq!(left(&world), [1, 2, 3]);
    world.after(Duration::from_secs(1));
    assert_eq!(left(&world), [1, 2], "of the last begin that counted");
}

#[test]
fn the_end_of_the_session_ends_the_refresh_and_keeps_what_a_restart_keeps() {
    let mut world = world();
    begin(&mut world, 1);
    announce(&mut world, &[2]);
    let deadline = world.now + Duration::from_secs(60);
    world.session_down(1, Some(deadline));
    world.settle();
    assert_eq!(left(&world), [1, 2, 3]);
    assert_eq!(world.shard.poll_timeout(), Some(deadline));
    let mut terms = terms(1);
    terms.stale_until = Some(deadline);
    world.session_up(terms);
    announce(&mut world, &[3]);
    // Before End-of-RIB there is no begin that counts.
    begin(&mut world, 1);
    end(&mut world, 1);
    assert_eq!(left(&world), [1, 2, 3]);
    let (peer, family) = (PeerId(1), V4);
    world.tell(Command::EndOfRib { peer, family });
    world.settle();
    assert_eq!(left(&world), [3]);
}

#[test]
fn end_of_rib_does_not_end_a_refresh() {
    let mut world = world();
    begin(&mut world, 1);
    let (peer, family) = (PeerId(1), V4);
    world.tell(Command::EndOfRib { peer, family });
    world.settle();
    assert_eq!(left(&world), [1, 2, 3]);
    end(&mut world, 1);
    assert_eq!(left(&world), [0; 0]);
}

#[test]
fn a_begin_right_after_an_end_loses_nothing_that_is_announced_again() {
    let mut world = world();
    begin(&mut world, 1);
    announce(&mut world, &[1, 2]);
    let (peer, family) = (PeerId(1), V4);
    world.tell(Command::RefreshEnd { peer, family });
    begin(&mut world, 1);
    announce(&mut world, &[1]);
    end(&mut world, 1);
    assert_eq!(left(&world), [1]);
}

fn marked(n: u32) -> SessionTerms {
    let mut terms = terms(n);
    terms.enhanced_refresh = true;
    terms
}

fn refresh(world: &mut World, n: u32) {
    world.refresh(n, V4);
}

fn marks(world: &World, n: u32) -> Vec<(RefreshKind, usize)> {
    world.drivers[&(PeerId(n), V4)].refreshes.clone()
}

#[test]
fn a_request_is_answered_between_marks_where_those_were_agreed() {
    let mut world = world();
    world.tell(Command::AddPeer(peer(3, true, false)));
    world.session_up(marked(3));
    world.settle();
    assert_eq!(marks(&world, 3), [], "the first dump has End-of-RIB");
    let before = world.drivers[&(PeerId(2), V4)].announced;
    refresh(&mut world, 3);
    refresh(&mut world, 2);
    world.settle();
    assert_eq!(
        marks(&world, 3),
        [(RefreshKind::Begin, 3), (RefreshKind::End, 6)]
    );
    assert_eq!(marks(&world, 2), []);
    assert_eq!(world.drivers[&(PeerId(2), V4)].announced, before + 3);
}

#[test]
fn a_table_without_routes_is_refreshed_too() {
    let mut world = World::new(false);
    world.tell(Command::AddPeer(peer(3, true, false)));
    world.session_up(marked(3));
    world.settle();
    refresh(&mut world, 3);
    world.settle();
    assert_eq!(
        marks(&world, 3),
        [(RefreshKind::Begin, 0), (RefreshKind::End, 0)]
    );
}

#[test]
fn before_end_of_rib_there_is_no_mark() {
    let mut world = world();
    world.tell(Command::AddPeer(peer(3, true, false)));
    world.session_up(marked(3));
    refresh(&mut world, 3);
    world.settle();
    assert_eq!(marks(&world, 3), []);
    assert_eq!(world.drivers[&(PeerId(3), V4)].end_of_ribs, 1);
}

#[test]
fn each_begin_has_its_end_though_requests_come_in_between() {
    let mut world = world();
    announce(&mut world, &(0..20).collect::<Vec<_>>());
    world.tell(Command::AddPeer(peer(3, true, false)));
    world.session_up(marked(3));
    world.settle();
    refresh(&mut world, 3);
    // The first chunk is asked for and begins the refresh.
    world.read(3, V4, 1);
    world.turn();
    assert_eq!(marks(&world, 3).len(), 1);
    refresh(&mut world, 3);
    refresh(&mut world, 3);
    // Another group in the midst of it changes nothing of that.
    let mut setup = peer(3, true, false);
    setup.export = both(refusing("10.0.7.0/24"));
    world.tell(Command::UpdatePeers(vec![setup]));
    world.settle();
    let kinds: Vec<_> = marks(&world, 3).into_iter().map(|(kind, _)| kind).collect();
    let (begin, end) = (RefreshKind::Begin, RefreshKind::End);
    assert_eq!(kinds, [begin, end, begin, end]);
    assert_eq!(world.told(3, V4).len(), 19);
}
