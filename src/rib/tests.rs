//! Claims about a whole shard.

use std::net::IpAddr;

use super::testing::*;
use super::*;
use crate::net::{Family, PathId, PeerId};

mod add_path;
mod border;
mod feed;
mod held;
mod lag;
mod limits;
mod paths;
mod random;
mod recovery;
mod refresh;
mod refused;
mod regroup;
mod restart;
mod shared_dump;

const V4: Family = Family::Ipv4;
const V6: Family = Family::Ipv6;

fn next_hop(world: &World, n: u32, p: &str) -> Option<IpAddr> {
    world
        .told(n, V4)
        .get(&prefix(p))
        .and_then(|told| told.next_hop.address())
}

#[test]
fn a_route_goes_from_one_peer_to_the_others_and_not_back() {
    let mut world = World::new(false);
    for n in 1..=3 {
        world.peer_up(peer(n, true, false));
    }
    world.settle();
    let p = prefix("203.0.113.0/24");
    world.announce(1, &[p], attributes(address(V4, 1), &[65_001]));
    world.settle();
    assert!(!world.told(1, V4).contains_key(&p));
    for n in 2..=3 {
        let told = &world.told(n, V4)[&p];
        assert_eq!(told.as_path.to_string(), "64512 65001");
        assert_eq!(told.next_hop.address(), Some(address(V4, 254)));
        assert_eq!(told.local_pref, None);
    }
    world.withdraw(1, &[p]);
    world.settle();
    assert!(world.told(2, V4).is_empty());
}

#[test]
fn withdrawal_of_an_unknown_prefix_changes_nothing() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    world.settle();
    let octets = world.drivers[&(PeerId(2), V4)].octets;
    world.withdraw(1, &[prefix("203.0.113.0/24")]);
    world.settle();
    assert_eq!(world.drivers[&(PeerId(2), V4)].octets, octets);
}

#[test]
fn own_routes_are_told_in_both_families_with_own_next_hops() {
    let mut world = World::new(true);
    world.originate(prefix("10.65.0.0/26"));
    world.originate(prefix("fd00:65::/122"));
    world.peer_up(peer(1, false, false));
    world.settle();
    let told = &world.told(1, V4)[&prefix("10.65.0.0/26")];
    assert_eq!(told.next_hop.address(), Some(address(V4, 254)));
    assert_eq!(told.local_pref, Some(100));
    let told = &world.told(1, V6)[&prefix("fd00:65::/122")];
    assert_eq!(told.next_hop.address(), Some(address(V6, 254)));
    assert_eq!(
        world.fib[&prefix("10.65.0.0/26")].kind,
        FibRouteKind::Blackhole
    );
    assert_eq!(world.fib[&prefix("10.65.0.0/26")].metric, None);
}

#[test]
fn every_member_gets_one_end_of_rib_in_a_session() {
    let mut world = World::new(false);
    world.peer_up(peer(1, false, false));
    world.settle();
    world.refresh(1, V4);
    world.settle();
    assert_eq!(world.drivers[&(PeerId(1), V4)].end_of_ribs, 1);
    assert_eq!(world.drivers[&(PeerId(1), V6)].end_of_ribs, 1);
}

#[test]
fn a_peer_whose_route_becomes_the_best_is_told_to_forget_the_other() {
    let mut world = World::new(false);
    for n in 1..=3 {
        world.peer_up(peer(n, true, false));
    }
    let p = prefix("203.0.113.0/24");
    world.announce(1, &[p], attributes(address(V4, 1), &[65_001, 65_009]));
    world.settle();
    assert!(world.told(2, V4).contains_key(&p));
    world.announce(2, &[p], attributes(address(V4, 2), &[65_002]));
    world.settle();
    assert!(!world.told(2, V4).contains_key(&p));
    assert_eq!(world.told(1, V4)[&p].as_path.to_string(), "64512 65002");
    assert_eq!(world.told(3, V4)[&p].as_path.to_string(), "64512 65002");
}

#[test]
fn internal_routes_go_to_internal_peers_only_by_reflection() {
    let mut world = World::new(false);
    world.peer_up(peer(1, false, false));
    world.peer_up(peer(2, false, false));
    world.peer_up(peer(3, false, true));
    world.peer_up(peer(4, false, true));
    world.peer_up(peer(5, true, false));
    let (plain, client) = (prefix("10.1.0.0/24"), prefix("10.3.0.0/24"));
    world.announce(1, &[plain], attributes(address(V4, 1), &[]));
    world.announce(3, &[client], attributes(address(V4, 3), &[]));
    world.settle();
    let heard = |n| {
        let told = world.told(n, V4);
        (told.contains_key(&plain), told.contains_key(&client))
    };
    assert_eq!(heard(1), (false, true));
    assert_eq!(heard(2), (false, true));
    assert_eq!(heard(3), (true, false));
    assert_eq!(heard(4), (true, true));
    assert_eq!(heard(5), (true, true));
    let reflected = &world.told(4, V4)[&client];
    assert_eq!(reflected.next_hop.address(), Some(address(V4, 3)));
    assert_eq!(
        reflected.rare.originator_id.map(|id| id.to_string()),
        Some("192.0.2.3".into())
    );
    assert_eq!(reflected.rare.cluster_list.len(), 1);
    assert_eq!(world.told(5, V4)[&client].rare.cluster_list.len(), 0);
}

#[test]
fn a_refused_route_replaces_the_good_one_before_it() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    let p = prefix("203.0.113.0/24");
    world.announce(1, &[p], attributes(address(V4, 1), &[65_001]));
    world.settle();
    assert!(world.told(2, V4).contains_key(&p));
    for (path, next_hop, reason) in [
        (&[65_001, 64_512][..], 1, "AS loop"),
        (&[65_001][..], 254, "own next hop"),
    ] {
        world.announce(1, &[p], attributes(address(V4, next_hop), path));
        world.settle();
        assert!(world.told(2, V4).is_empty());
        let row = &world.rows(RouteTable::Received(PeerId(1)), V4)[&p][0];
        assert_eq!((row.usable, row.reason.as_deref()), (false, Some(reason)));
    }
}

#[test]
fn a_path_waits_for_the_first_answer_about_its_next_hop() {
    let mut world = World::new(true);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    let p = prefix("203.0.113.0/24");
    world.announce(1, &[p], attributes(address(V4, 1), &[65_001]));
    world.settle();
    assert_eq!(world.asked, [address(V4, 1)]);
    assert!(world.told(2, V4).is_empty() && world.fib.is_empty());
    let state = |state| Command::NextHops(vec![(address(V4, 1), state)]);
    world.tell(state(NextHopState::Reachable { metric: 0 }));
    world.settle();
    assert!(world.told(2, V4).contains_key(&p));
    assert_eq!(
        world.fib[&p].kind,
        FibRouteKind::Unicast(vec![address(V4, 1)])
    );
    world.tell(state(NextHopState::Unreachable));
    world.settle();
    assert!(world.told(2, V4).contains_key(&p), "still advertised");
    assert_eq!(world.fib[&p].kind, FibRouteKind::Unreachable);
    world.withdraw(1, &[p]);
    world.settle();
    assert_eq!(world.unasked, [address(V4, 1)]);
    assert!(world.fib.is_empty());
}

#[test]
fn equal_paths_become_one_route_with_several_next_hops() {
    let mut world = World::new(false);
    let p = prefix("203.0.113.0/24");
    for n in [3, 1, 2] {
        world.peer_up(peer(n, true, false));
        world.announce(n, &[p], attributes(address(V4, n), &[65_000 + n]));
    }
    world.settle();
    let next_hops = (1..=3).map(|n| address(V4, n)).collect();
    assert_eq!(world.fib[&p].kind, FibRouteKind::Unicast(next_hops));
    assert_eq!(
        world.fib[&p].metric,
        Some(crate::policy::PRIORITY_MAX - 100)
    );
}

#[test]
fn paths_with_other_identifiers_are_other_paths() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    let p = prefix("203.0.113.0/24");
    world.announce_path(
        1,
        PathId(1),
        &[p],
        attributes(address(V4, 11), &[65_001, 65_005]),
    );
    world.announce_path(1, PathId(2), &[p], attributes(address(V4, 12), &[65_001]));
    world.settle();
    assert_eq!(world.rows(RouteTable::Received(PeerId(1)), V4)[&p].len(), 2);
    assert_eq!(world.told(2, V4)[&p].as_path.to_string(), "64512 65001");
    assert_eq!(
        world.fib[&p].kind,
        FibRouteKind::Unicast(vec![address(V4, 12)])
    );
}

#[test]
fn a_changed_export_policy_withdraws_the_difference_and_keeps_the_session() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    world.announce(
        1,
        &[prefix("203.0.113.0/24"), prefix("198.51.100.0/24")],
        attributes(address(V4, 1), &[65_001]),
    );
    world.settle();
    assert_eq!(world.told(2, V4).len(), 2);
    let mut setup = peer(2, true, false);
    setup.export = both(refusing("203.0.113.0/24"));
    world.tell(Command::UpdatePeers(vec![setup]));
    world.settle();
    assert_eq!(next_hop(&world, 2, "203.0.113.0/24"), None);
    assert!(next_hop(&world, 2, "198.51.100.0/24").is_some());
    assert_eq!(world.drivers[&(PeerId(2), V4)].end_of_ribs, 1);
}

#[test]
fn a_changed_import_policy_is_applied_to_what_is_stored() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    let p = prefix("203.0.113.0/24");
    world.announce(1, &[p], attributes(address(V4, 1), &[65_001]));
    world.settle();
    let mut setup = peer(1, true, false);
    setup.import = both(refusing("203.0.113.0/24"));
    world.tell(Command::UpdatePeers(vec![setup]));
    world.settle();
    assert!(world.told(2, V4).is_empty() && world.fib.is_empty());
    world.tell(Command::UpdatePeers(vec![peer(1, true, false)]));
    world.settle();
    assert!(world.told(2, V4).contains_key(&p));
}

#[test]
fn nothing_is_left_once_everything_is_withdrawn() {
    let mut world = World::new(true);
    world.answers = Some(Default::default());
    for n in 1..=3 {
        world.peer_up(peer(n, n > 1, false));
        let prefixes: Vec<_> = (0..300).map(|p| nth(V4, p * n)).collect();
        for (p, one) in (0..).zip(&prefixes) {
            world.announce(n, &[*one], attributes(address(V4, n), &[65_000 + n, p + 1]));
        }
    }
    world.originate(nth(V4, 1));
    world.settle();
    for n in 1..=2 {
        world.session_down(n, None);
    }
    world.tell(Command::RemovePeer(PeerId(3)));
    world.drivers.clear();
    world.tell(Command::WithdrawLocal(nth(V4, 1)));
    world.settle();
    let Answer::Totals(totals) = world.ask(Query::Totals) else {
        panic!("not totals");
    };
    assert_eq!(totals, Default::default());
    assert!(world.fib.is_empty());
    assert_eq!(world.shard.v4.table.end().0, 0, "the slab is given back");
    assert!(world.shard.v4.groups.is_empty());
    assert_eq!(world.unasked.len(), 3);
}

#[test]
fn members_of_one_group_share_one_publication() {
    let mut world = World::new(false);
    for n in 1..=20 {
        world.peer_up(peer(n, true, false));
    }
    world.settle();
    let Answer::Groups(groups) = world.ask(Query::Groups) else {
        panic!("not groups");
    };
    let sizes: Vec<_> = groups
        .iter()
        .map(|group| (group.family, group.members.len()))
        .collect();
    assert_eq!(sizes, [(V4, 20), (V6, 20)]);
    assert!(groups.iter().all(|group| group.lagging == 0));
}

#[test]
fn a_peer_that_changes_group_twice_forgets_what_the_first_one_told() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.peer_up(peer(2, true, false));
    world.announce(
        1,
        &[nth(V4, 1), nth(V4, 2)],
        attributes(address(V4, 1), &[65_001]),
    );
    world.settle();
    for name in ["first", "second"] {
        let mut policy = (*refusing("10.0.1.0/24")).clone();
        policy.name = name.into();
        let mut setup = peer(2, true, false);
        setup.export = both(policy.into());
        world.tell(Command::UpdatePeers(vec![setup]));
    }
    world.settle();
    assert_eq!(world.told(2, V4).keys().collect::<Vec<_>>(), [&nth(V4, 2)]);
}

#[test]
fn where_identifiers_were_agreed_prefixes_carry_one() {
    let mut world = World::new(false);
    world.originate(nth(V4, 1));
    world.originate(nth(V6, 1));
    world.tell(Command::AddPeer(peer(1, false, false)));
    let mut terms = terms(1);
    terms.add_path.ipv4.send = true;
    terms.four_octet_as = false;
    world.session_up(terms);
    world.settle();
    assert!(world.told(1, V4).contains_key(&nth(V4, 1)));
    assert!(world.told(1, V6).contains_key(&nth(V6, 1)));
    let row = &world.rows(RouteTable::Advertised(PeerId(1)), V4)[&nth(V4, 1)][0];
    assert_eq!((row.path_id, &*row.from), (1, "local"));
}

#[test]
fn pages_narrow_down_to_a_prefix_and_what_is_inside() {
    let mut world = World::new(false);
    for net in ["10.65.0.0/16", "10.65.1.0/24", "10.66.0.0/24"] {
        world.originate(prefix(net));
    }
    let mut found = |net: &str, longer| {
        let query = RoutesQuery {
            table: RouteTable::Loc,
            family: V4,
            prefix: Some(prefix(net)),
            longer,
            start: 0,
            limit: 256,
        };
        let Answer::Routes(page) = world.ask(Query::Routes(query)) else {
            panic!("not a page");
        };
        page.rows.len()
    };
    assert_eq!(found("10.65.0.0/16", false), 1);
    assert_eq!(found("10.65.0.0/16", true), 2);
    assert_eq!(found("10.64.0.0/10", false), 0);
    assert_eq!(found("10.64.0.0/10", true), 3);
}
