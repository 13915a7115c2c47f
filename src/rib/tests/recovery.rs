//! Restart of the speaker itself (RFC 4724 §4.1).

use super::*;

fn end_of_ribs(world: &World) -> Vec<usize> {
    world.drivers.values().map(|d| d.end_of_ribs).collect()
}

#[test]
fn end_of_rib_is_withheld_until_recovered_and_then_told_once() {
    let mut world = World::recovering(false);
    for n in 1..=2 {
        world.peer_up(peer(n, true, false));
    }
    world.announce(1, &[nth(V4, 1)], attributes(address(V4, 1), &[65_001]));
    world.settle();
    assert!(world.told(2, V4).contains_key(&nth(V4, 1)), "routes go out");
    assert_eq!(end_of_ribs(&world), [0; 4]);
    // One member is live, one lags behind, one has just come.
    world.announce(1, &[nth(V4, 2)], attributes(address(V4, 1), &[65_001]));
    world.turn();
    world.lag(2, V4);
    world.peer_up(peer(3, false, false));
    world.tell(Command::Recovered);
    world.settle();
    assert_eq!(end_of_ribs(&world), [1; 6]);
    assert_eq!(world.told(2, V4).len(), 2);
    world.tell(Command::Recovered);
    world.peer_up(peer(4, true, false));
    world.announce(1, &[nth(V4, 3)], attributes(address(V4, 1), &[65_001]));
    world.settle();
    assert_eq!(end_of_ribs(&world), [1; 8]);
    assert_eq!(world.told(2, V4).len(), 3, "following as before");
}

#[test]
fn end_of_rib_comes_after_the_routes_whose_next_hops_are_asked_for() {
    let mut world = World::recovering(true);
    for n in 1..=2 {
        world.peer_up(peer(n, true, false));
    }
    world.settle();
    world.announce(1, &[nth(V4, 1)], attributes(address(V4, 1), &[65_001]));
    world.tell(Command::Recovered);
    world.settle();
    assert_eq!(end_of_ribs(&world), [0; 4]);
    world.answers = Some(Default::default());
    world.settle();
    assert_eq!(end_of_ribs(&world), [1; 4]);
    assert!(world.told(2, V4).contains_key(&nth(V4, 1)));
}

#[test]
fn a_refresh_or_another_group_during_recovery_costs_no_end_of_rib() {
    let mut world = World::recovering(false);
    world.peer_up(peer(1, true, false));
    world.originate(nth(V4, 1));
    world.settle();
    world.refresh(1, V4);
    world.settle();
    let mut setup = peer(1, true, false);
    setup.export = both(refusing("203.0.113.0/24"));
    world.tell(Command::UpdatePeers(vec![setup]));
    world.settle();
    assert_eq!(end_of_ribs(&world), [0; 2]);
    world.tell(Command::Recovered);
    world.settle();
    assert_eq!(end_of_ribs(&world), [1; 2]);
}
