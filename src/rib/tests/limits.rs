//! Prefix limits (RFC 4271 §6.7, RFC 4486).

use std::time::Duration;

use super::*;
use crate::net::{Prefix, PrefixLimit};

fn limited(max: u32, warn_percent: u8) -> PeerSetup {
    let mut setup = peer(1, true, false);
    setup.prefix_limit.ipv4 = Some(PrefixLimit {
        max,
        warn_percent,
        restart: None,
    });
    setup
}

fn announce(world: &mut World, prefixes: std::ops::Range<u32>) {
    let prefixes: Vec<Prefix> = prefixes.map(|n| nth(V4, n)).collect();
    world.announce(1, &prefixes, attributes(address(V4, 1), &[65_001]));
}

fn said(world: &mut World) -> Vec<PrefixLimitEvent> {
    let said = std::mem::take(&mut world.limits);
    assert!(
        said.iter()
            .all(|(peer, family, _)| (*peer, *family) == (PeerId(1), V4))
    );
    said.into_iter().map(|(_, _, event)| event).collect()
}

#[test]
fn a_warning_comes_first_and_beyond_the_limit_nothing_new_is_stored() {
    let mut world = World::new(false);
    world.peer_up(limited(10, 80));
    world.peer_up(peer(2, true, false));
    announce(&mut world, 0..8);
    assert_eq!(said(&mut world), []);
    announce(&mut world, 8..10);
    let (count, limit) = (9, 10);
    assert_eq!(
        said(&mut world),
        [PrefixLimitEvent::Warning { count, limit }]
    );
    announce(&mut world, 10..1000);
    let count = 11;
    assert_eq!(
        said(&mut world),
        [PrefixLimitEvent::Exceeded { count, limit }]
    );
    world.settle();
    assert_eq!(world.told(2, V4).len(), 10);
    assert_eq!(world.shard.v4.table.len(), 10, "memory is bounded");
    // What is there may change and go.
    world.announce(
        1,
        &[nth(V4, 3)],
        attributes(address(V4, 1), &[65_001, 65_009]),
    );
    world.withdraw(1, &[nth(V4, 4)]);
    announce(&mut world, 20..21);
    world.settle();
    assert_eq!(world.told(2, V4).len(), 9);
    assert_eq!(
        world.told(2, V4)[&nth(V4, 3)].as_path.to_string(),
        "64512 65001 65009"
    );
    assert_eq!(said(&mut world), []);
}

#[test]
fn refused_prefixes_count_and_each_family_has_its_own_limit() {
    let mut world = World::new(false);
    let mut setup = limited(2, 100);
    setup.import = both(refusing("10.0.1.0/24"));
    world.peer_up(setup);
    announce(&mut world, 0..2);
    let v6: Vec<_> = (0..20).map(|n| nth(V6, n)).collect();
    world.announce(1, &v6, attributes(address(V4, 1), &[65_001]));
    assert_eq!(said(&mut world), []);
    announce(&mut world, 2..3);
    assert_eq!(said(&mut world).len(), 1);
}

#[test]
fn a_new_session_counts_anew_and_stale_routes_do_not_count() {
    let mut world = World::new(false);
    world.peer_up(limited(10, 100));
    announce(&mut world, 0..11);
    assert_eq!(said(&mut world).len(), 1);
    world.session_down(1, Some(world.now + Duration::from_secs(60)));
    world.session_up(terms(1));
    announce(&mut world, 100..110);
    assert_eq!(said(&mut world), []);
    announce(&mut world, 110..111);
    assert_eq!(said(&mut world).len(), 1);
}

#[test]
fn a_limit_that_is_lowered_is_exceeded_at_once() {
    let mut world = World::new(false);
    world.peer_up(limited(10, 100));
    announce(&mut world, 0..8);
    world.tell(Command::UpdatePeers(vec![limited(7, 100)]));
    let (count, limit) = (8, 7);
    assert_eq!(
        said(&mut world),
        [PrefixLimitEvent::Exceeded { count, limit }]
    );
    world.tell(Command::UpdatePeers(vec![limited(20, 100)]));
    announce(&mut world, 8..12);
    assert_eq!(said(&mut world), []);
}
