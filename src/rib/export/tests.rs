use std::net::Ipv4Addr;

use super::*;
use crate::net::{PathId, RouterId};
use crate::rib::path::{Epoch, Imported};
use crate::rib::testing::{accept_all, address, attributes, nth, peer, terms};

const V4: Family = Family::Ipv4;

/// Exports a path of peer 1 (in `from`'s role; local without one) to the group of peer 2.
fn export(
    from: Option<crate::rib::PeerSetup>,
    to: &crate::rib::PeerSetup,
    attributes: PathAttributes,
) -> Option<Arc<PathAttributes>> {
    let mut shared = Shared::new(crate::rib::ShardOptions::default());
    let slot = from.map_or(PeerSlot::LOCAL, |from| {
        let slot = shared.peers.add(from).expect("there is room");
        shared.peers.get_mut(slot).router_id = RouterId(Ipv4Addr::new(192, 0, 2, 1));
        slot
    });
    let received = shared.interner.intern(Arc::new(attributes));
    let path = Path::new(
        received,
        Imported::AsReceived,
        slot,
        PathId(0),
        Epoch::default(),
    );
    let key = GroupKey::of(to, &terms(2), V4);
    Exporter::new(&key, V4, &mut shared).export(nth(V4, 1), &path)
}

#[test]
fn a_link_local_next_hop_is_replaced_by_this_sides_address() {
    let received = attributes("fe80::1".parse().expect("an address"), &[65_001]);
    let v6 = Family::Ipv6;
    let key = |mode| {
        let mut to = peer(2, false, false);
        to.next_hop_mode = mode;
        GroupKey::of(&to, &terms(2), v6)
    };
    let sent = key(NextHopMode::Auto).finish(v6, received.clone());
    let sent = sent.expect("it is told").next_hop.address();
    assert_eq!(sent, Some(address(v6, 254)));
    let kept = key(NextHopMode::Keep).finish(v6, received.clone());
    assert_eq!(kept.map(|kept| kept.next_hop), Some(received.next_hop));
}

fn learned() -> PathAttributes {
    PathAttributes {
        med: Some(7),
        local_pref: Some(300),
        ..attributes(address(V4, 1), &[65_001])
    }
}

#[test]
fn towards_another_as_interior_attributes_are_left_out() {
    let sent = export(
        Some(peer(1, false, false)),
        &peer(2, true, false),
        learned(),
    );
    let sent = sent.expect("it is told");
    assert_eq!((sent.med, sent.local_pref), (None, None));
    assert_eq!(sent.as_path.to_string(), "64512 65001");
    assert_eq!(sent.next_hop.address(), Some(address(V4, 254)));
}

#[test]
fn within_the_as_med_and_next_hop_stay_and_local_pref_is_always_there() {
    let mut received = learned();
    received.local_pref = None;
    let sent = export(Some(peer(1, true, false)), &peer(2, false, false), received);
    let sent = sent.expect("it is told");
    assert_eq!((sent.med, sent.local_pref), (Some(7), Some(100)));
    assert_eq!(sent.as_path.to_string(), "65001");
    assert_eq!(sent.next_hop.address(), Some(address(V4, 1)));
}

#[test]
fn the_next_hop_mode_overrides_what_is_usual() {
    let mut keep = peer(2, true, false);
    keep.next_hop_mode = NextHopMode::Keep;
    let sent = export(Some(peer(1, true, false)), &keep, learned()).expect("it is told");
    assert_eq!(sent.next_hop.address(), Some(address(V4, 1)));
    let local = PathAttributes::originated(NextHop::Local);
    let sent = export(None, &keep, local).expect("it is told");
    assert_eq!(sent.next_hop.address(), Some(address(V4, 254)));
    let mut own = peer(2, false, false);
    own.next_hop_mode = NextHopMode::Own;
    let sent = export(Some(peer(1, true, false)), &own, learned()).expect("it is told");
    assert_eq!(sent.next_hop.address(), Some(address(V4, 254)));
}

#[test]
fn a_route_without_a_next_hop_of_its_family_is_withheld() {
    let mut to = peer(2, true, false);
    to.own_next_hop.ipv4 = None;
    let local = || PathAttributes::originated(NextHop::Local);
    assert!(export(None, &to, local()).is_none());
    assert!(export(Some(peer(1, true, false)), &to, learned()).is_none());
    to.own_next_hop.ipv4 = Some(address(Family::Ipv6, 254));
    assert!(export(None, &to, local()).is_none());
}

#[test]
fn well_known_communities_keep_routes_in() {
    let tagged = |community| PathAttributes {
        communities: [community].into(),
        ..learned()
    };
    let told = |community, external| {
        let from = Some(peer(1, true, false));
        export(from, &peer(2, external, false), tagged(community)).is_some()
    };
    assert!(!told(Community::NO_ADVERTISE, false));
    assert!(!told(Community::NO_EXPORT, true));
    assert!(!told(Community::NO_EXPORT_SUBCONFED, true));
    assert!(told(Community::NO_EXPORT, false));
    assert!(told(Community(64_512 << 16 | 1), true));
}

#[test]
fn reflection_names_the_originator_once_and_each_cluster() {
    let (from, to) = (peer(1, false, true), peer(2, false, true));
    let once = export(Some(from.clone()), &to, learned()).expect("it is told");
    assert_eq!(
        once.rare.originator_id,
        Some(RouterId(Ipv4Addr::new(192, 0, 2, 1)))
    );
    assert_eq!(
        once.rare.cluster_list[..],
        to.cluster_id.into_iter().collect::<Vec<_>>()[..]
    );
    assert_eq!((once.med, once.local_pref), (Some(7), Some(300)));
    assert!(
        export(Some(from.clone()), &to, (*once).clone()).is_none(),
        "never into a cluster that it has been in"
    );
    let mut kept = learned();
    kept.rare
        .edit(|rare| rare.originator_id = Some(RouterId(Ipv4Addr::new(10, 9, 9, 9))));
    let sent = export(Some(from), &to, kept.clone()).expect("it is told");
    assert_eq!(sent.rare.originator_id, kept.rare.originator_id);
}

#[test]
fn edits_of_the_policy_are_sent() {
    let mut to = peer(2, false, false);
    let mut policy = (*accept_all()).clone();
    policy.rules.push(crate::policy::Rule {
        name: "metric".into(),
        conditions: vec![crate::policy::Condition::Source(
            [RouteSource::Static].into(),
        )],
        edits: vec![crate::policy::Edit::LocalPref(2_147_482_623)],
        then: crate::policy::Then::Next,
    });
    to.export.ipv4 = Arc::new(policy);
    let sent = export(None, &to, PathAttributes::originated(NextHop::Local));
    assert_eq!(sent.expect("it is told").local_pref, Some(2_147_482_623));
    let sent = export(Some(peer(1, true, false)), &to, learned());
    assert_eq!(sent.expect("it is told").local_pref, Some(300));
}

#[test]
fn the_next_hop_of_own_routes_is_the_connections_local_address() {
    let connected = |local| crate::rib::SessionTerms {
        local_address: Some(local),
        ..terms(2)
    };
    let setup = peer(2, true, false);
    let of_the_family = GroupKey::of(&setup, &connected(address(V4, 9)), V4);
    assert_eq!(of_the_family.own_next_hop, Some(address(V4, 9)));
    let of_the_other = GroupKey::of(&setup, &connected(address(Family::Ipv6, 9)), V4);
    assert_eq!(of_the_other.own_next_hop, Some(address(V4, 254)));
}

#[test]
fn a_role_marks_what_goes_down_or_sideways_and_bars_what_came_down() {
    use crate::net::{Asn, Role};
    let sent = |role, otc: Option<u32>| {
        let mut to = peer(2, true, false);
        to.role = Some(role);
        let attributes = PathAttributes {
            rare: RareAttributes {
                otc: otc.map(Asn),
                ..RareAttributes::default()
            }
            .into(),
            ..learned()
        };
        export(Some(peer(1, true, false)), &to, attributes).map(|sent| sent.rare.otc)
    };
    for role in [Role::Provider, Role::Rs] {
        assert_eq!(sent(role, None), Some(Some(Asn(64_512))));
        assert_eq!(sent(role, Some(65_009)), Some(Some(Asn(65_009))));
    }
    assert_eq!(sent(Role::Peer, None), Some(Some(Asn(64_512))));
    assert_eq!(sent(Role::Peer, Some(65_009)), None);
    for role in [Role::Customer, Role::RsClient] {
        assert_eq!(sent(role, None), Some(None));
        assert_eq!(sent(role, Some(65_009)), None);
    }
}

#[test]
fn aigp_and_communities_that_are_not_transitive_stay_within_the_as() {
    let mut received = learned();
    let (target, own) = ([0, 2, 0, 1, 0, 0, 0, 1], [0x43, 0, 0, 0, 0, 0, 0, 1]);
    let (far, near) = ([0; 20], [0x40; 20]);
    received.rare.edit(|rare| {
        rare.extended_communities = [target, own].into();
        rare.ipv6_extended_communities = [near, far].into();
        rare.aigp = [1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9].into();
    });
    let sent = |external| {
        let to = peer(2, external, false);
        let sent = export(Some(peer(1, true, false)), &to, received.clone());
        Arc::unwrap_or_clone(sent.expect("it is told"))
    };
    let (outside, inside) = (sent(true), sent(false));
    assert_eq!(outside.rare.extended_communities[..], [target]);
    assert_eq!(outside.rare.ipv6_extended_communities[..], [far]);
    assert_eq!(outside.rare.aigp.len(), 0);
    assert_eq!(inside.rare.extended_communities[..], [target, own]);
    assert_eq!(inside.rare.ipv6_extended_communities[..], [near, far]);
    assert_eq!(inside.rare.aigp, received.rare.aigp);
}

#[test]
fn an_ipv6_next_hop_of_ipv4_is_told_to_those_who_can_take_it() {
    let via_v6 = || attributes(address(Family::Ipv6, 1), &[65_001]);
    let mut shared = Shared::new(crate::rib::ShardOptions::default());
    let slot = shared
        .peers
        .add(peer(1, true, false))
        .expect("there is room");
    let received = shared.interner.intern(Arc::new(via_v6()));
    let path = Path::new(
        received,
        Imported::AsReceived,
        slot,
        PathId(0),
        Epoch::default(),
    );
    let mut sent = |extended, mode, own: Option<IpAddr>| {
        let mut to = peer(2, false, false);
        to.next_hop_mode = mode;
        to.own_next_hop.ipv4 = own;
        let mut terms = terms(2);
        terms.extended_next_hop = extended;
        let key = GroupKey::of(&to, &terms, V4);
        let sent = Exporter::new(&key, V4, &mut shared).export(nth(V4, 1), &path);
        sent.and_then(|sent| sent.next_hop.address())
    };
    let own = Some(address(V4, 254));
    let theirs = Some(address(Family::Ipv6, 1));
    assert_eq!(sent(true, NextHopMode::Auto, own), theirs);
    assert_eq!(sent(false, NextHopMode::Auto, own), own);
    assert_eq!(sent(false, NextHopMode::Keep, own), None);
    assert_eq!(sent(false, NextHopMode::Auto, None), None);
    assert_eq!(sent(true, NextHopMode::Own, own), own);
    let own_v6 = Some(address(Family::Ipv6, 254));
    assert_eq!(sent(true, NextHopMode::Own, None), own_v6);
}

#[test]
fn a_link_local_address_is_told_only_for_want_of_another() {
    let link_local: IpAddr = "fe80::1".parse().expect("an address");
    let connected = crate::rib::SessionTerms {
        local_address: Some(link_local),
        ..terms(2)
    };
    let mut setup = peer(2, true, false);
    let key = GroupKey::of(&setup, &connected, Family::Ipv6);
    assert_eq!(key.own_next_hop, Some(address(Family::Ipv6, 254)));
    setup.own_next_hop.ipv6 = None;
    let key = GroupKey::of(&setup, &connected, Family::Ipv6);
    assert_eq!(key.own_next_hop, Some(link_local));
}
