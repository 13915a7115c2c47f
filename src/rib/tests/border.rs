//! What passes the border to another AS, and what does not.

use super::*;
use crate::net::{Asn, Role};
use crate::wire::{Community, PathAttributes, RareAttributes};

fn tagged(communities: &[Community]) -> PathAttributes {
    PathAttributes {
        communities: communities.into(),
        ..attributes(address(V4, 1), &[65_001])
    }
}

/// External peer 1 announces; 2 is external, 3 internal.
fn world() -> World {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    world.peer_up(peer(3, false, false));
    world.settle();
    world
}

fn heard(world: &mut World, announced: PathAttributes) -> (bool, bool) {
    world.announce(1, &[nth(V4, 1)], announced);
    world.settle();
    (!world.told(2, V4).is_empty(), !world.told(3, V4).is_empty())
}

#[test]
fn a_community_on_a_new_announcement_takes_the_old_one_back() {
    let mut world = world();
    for (community, expected) in [
        (Community::NO_EXPORT, (false, true)),
        (Community::NO_EXPORT_SUBCONFED, (false, true)),
        (Community::NO_ADVERTISE, (false, false)),
    ] {
        assert_eq!(heard(&mut world, tagged(&[])), (true, true));
        assert_eq!(heard(&mut world, tagged(&[community])), expected);
    }
}

#[test]
fn a_blackhole_route_stays_within_the_as() {
    let mut world = world();
    let announced = tagged(&[Community::BLACKHOLE]);
    assert_eq!(heard(&mut world, announced), (false, true));
    let told = &world.told(3, V4)[&nth(V4, 1)];
    assert_eq!(
        told.communities[..],
        [Community::BLACKHOLE, Community::NO_EXPORT]
    );
    assert!(matches!(
        world.fib[&nth(V4, 1)].kind,
        FibRouteKind::Unicast(_)
    ));
    let received = world.rows(RouteTable::Received(PeerId(1)), V4);
    assert_eq!(
        received[&nth(V4, 1)][0].communities.len(),
        1,
        "kept as received"
    );
}

#[test]
fn a_route_of_a_peer_that_shuts_down_is_the_last_choice() {
    let mut world = world();
    world.announce(
        2,
        &[nth(V4, 1)],
        attributes(address(V4, 2), &[65_002, 65_009]),
    );
    heard(&mut world, tagged(&[Community::GRACEFUL_SHUTDOWN]));
    assert_eq!(
        world.told(3, V4)[&nth(V4, 1)].as_path.to_string(),
        "65002 65009"
    );
    world.withdraw(2, &[nth(V4, 1)]);
    world.settle();
    let told = &world.told(3, V4)[&nth(V4, 1)];
    assert_eq!((told.local_pref, told.communities.len()), (Some(0), 1));
}

#[test]
fn within_the_as_graceful_shutdown_changes_no_preference() {
    let mut world = World::new(false);
    world.peer_up(peer(1, false, true));
    world.peer_up(peer(3, false, true));
    let mut announced = tagged(&[Community::GRACEFUL_SHUTDOWN]);
    announced.local_pref = Some(70);
    world.announce(1, &[nth(V4, 1)], announced);
    world.settle();
    assert_eq!(world.told(3, V4)[&nth(V4, 1)].local_pref, Some(70));
}

#[test]
fn local_pref_of_another_as_counts_for_nothing() {
    let mut world = world();
    world.announce(2, &[nth(V4, 1)], attributes(address(V4, 2), &[65_002]));
    let mut announced = attributes(address(V4, 1), &[65_001, 65_009]);
    announced.local_pref = Some(5000);
    heard(&mut world, announced);
    let told = &world.told(3, V4)[&nth(V4, 1)];
    assert_eq!(
        (told.as_path.to_string(), told.local_pref),
        ("65002".into(), Some(100))
    );
}

#[test]
fn a_route_that_leads_to_a_peer_is_not_told_to_it() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    for n in 3..=4 {
        world.peer_up(peer(n, false, false));
    }
    let leads_to = |n| attributes(address(V4, n), &[65_001]);
    let hear = |world: &mut World, n| {
        world.announce(1, &[nth(V4, 1)], leads_to(n));
        world.settle();
        (world.told(3, V4).len(), world.told(4, V4).len())
    };
    assert_eq!(hear(&mut world, 1), (1, 1));
    assert_eq!(hear(&mut world, 3), (0, 1), "what it knew is withdrawn");
    assert_eq!(hear(&mut world, 4), (1, 0));
    world.lag(3, V4);
    world.lag(4, V4);
    assert_eq!(hear(&mut world, 3), (0, 1));
    assert_eq!(world.rows(RouteTable::Advertised(PeerId(3)), V4).len(), 0);
}

/// A world where this side has a role towards peer 1, and another towards peer 2.
fn with_roles(towards_1: Role, towards_2: Role) -> World {
    let mut world = World::new(false);
    for (n, role) in [(1, towards_1), (2, towards_2)] {
        let mut setup = peer(n, true, false);
        setup.role = Some(role);
        world.peer_up(setup);
    }
    world.peer_up(peer(3, false, false));
    world
}

fn marked(otc: Option<u32>) -> PathAttributes {
    PathAttributes {
        rare: RareAttributes {
            otc: otc.map(Asn),
            ..RareAttributes::default()
        }
        .into(),
        ..attributes(address(V4, 1), &[65_001])
    }
}

#[test]
fn a_leaked_route_is_refused_and_says_why() {
    for (role, otc) in [
        (Role::Provider, 65_001),
        (Role::Rs, 65_009),
        (Role::Peer, 65_009),
    ] {
        let mut world = with_roles(role, Role::Provider);
        assert_eq!(heard(&mut world, marked(None)), (true, true));
        assert_eq!(heard(&mut world, marked(Some(otc))), (false, false));
        let row = &world.rows(RouteTable::Received(PeerId(1)), V4)[&nth(V4, 1)][0];
        assert_eq!(row.reason.as_deref(), Some("route leak"));
    }
}

#[test]
fn a_route_from_a_provider_goes_to_customers_only() {
    for (role, goes) in [
        (Role::Provider, true),
        (Role::Rs, true),
        (Role::Peer, false),
        (Role::Customer, false),
        (Role::RsClient, false),
    ] {
        let mut world = with_roles(Role::Customer, role);
        world.announce(1, &[nth(V4, 1)], marked(None));
        world.settle();
        assert_eq!(!world.told(2, V4).is_empty(), goes, "{role}");
    }
}

#[test]
fn the_sessions_own_address_is_no_next_hop_though_it_is_not_the_nodes() {
    let mut world = World::new(false);
    world.tell(Command::AddPeer(peer(1, true, false)));
    let mut own = terms(1);
    own.local_address = Some(address(V4, 77));
    world.session_up(own);
    world.peer_up(peer(2, true, false));
    world.announce(1, &[nth(V4, 1)], attributes(address(V4, 77), &[65_001]));
    world.announce(1, &[nth(V4, 2)], attributes(address(V4, 78), &[65_001]));
    world.settle();
    let told: Vec<_> = world.told(2, V4).keys().copied().collect();
    assert_eq!(told, [nth(V4, 2)]);
}
