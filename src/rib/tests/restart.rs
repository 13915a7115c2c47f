//! Graceful restart of the peer (RFC 4724 §4.2).

use std::time::Duration;

use super::*;

#[test]
fn routes_of_a_restarting_peer_stay_until_end_of_rib() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    let (again, gone) = (prefix("203.0.113.0/24"), prefix("198.51.100.0/24"));
    let told = attributes(address(V4, 1), &[65_001]);
    world.announce(1, &[again, gone], told.clone());
    world.settle();
    let deadline = world.now + Duration::from_secs(120);
    world.session_down(1, Some(deadline));
    world.settle();
    assert_eq!(world.told(2, V4).len(), 2);
    assert_eq!(world.shard.poll_timeout(), Some(deadline));
    assert!(world.rows(RouteTable::Loc, V4)[&again][0].stale);
    let mut terms = terms(1);
    terms.stale_until = Some(deadline);
    world.session_up(terms);
    world.announce(1, &[again], told);
    world.settle();
    assert_eq!(world.told(2, V4).len(), 2);
    world.tell(Command::EndOfRib {
        peer: PeerId(1),
        family: V4,
    });
    world.settle();
    assert_eq!(world.told(2, V4).keys().collect::<Vec<_>>(), [&again]);
    assert!(!world.rows(RouteTable::Loc, V4)[&again][0].stale);
    assert_eq!(world.shard.poll_timeout(), None);
}

#[test]
fn stale_routes_go_at_the_deadline() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.announce(
        1,
        &[nth(V4, 1), nth(V6, 1)],
        attributes(address(V4, 1), &[65_001]),
    );
    let deadline = world.now + Duration::from_secs(120);
    world.session_down(1, Some(deadline));
    world.after(Duration::from_secs(119));
    assert_eq!(world.rows(RouteTable::Loc, V4).len(), 1);
    world.after(Duration::from_secs(1));
    assert!(world.rows(RouteTable::Loc, V4).is_empty());
    assert!(world.rows(RouteTable::Loc, V6).is_empty());
    assert_eq!(world.shard.poll_timeout(), None);
}

#[test]
fn a_second_restart_drops_what_was_stale_already() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    let told = attributes(address(V4, 1), &[65_001]);
    world.announce(1, &[nth(V4, 1), nth(V4, 2)], told.clone());
    let deadline = Some(world.now + Duration::from_secs(120));
    world.session_down(1, deadline);
    world.session_up(terms(1));
    world.announce(1, &[nth(V4, 2)], told);
    world.session_down(1, deadline);
    world.settle();
    let left: Vec<_> = world.rows(RouteTable::Loc, V4).into_keys().collect();
    assert_eq!(left, [nth(V4, 2)]);
}

#[test]
fn a_peer_that_kept_no_forwarding_state_loses_its_stale_routes_at_once() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.announce(1, &[nth(V4, 1)], attributes(address(V4, 1), &[65_001]));
    world.session_down(1, Some(world.now + Duration::from_secs(120)));
    let mut terms = terms(1);
    terms.forwarding_preserved = both(false);
    world.session_up(terms);
    world.settle();
    assert!(world.rows(RouteTable::Loc, V4).is_empty());
}
