use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Event, Parsed, Resource, Revision, Store, parse};
use crate::plan::tests::{identity, planned, store};
use crate::plan::{plan, render_diff};

fn two_nodes(peer: Value, configuration: Value) -> Store {
    store(&[
        ("Node", "a", json!({"bgp": {"ipv4Address": "192.0.2.1/24"}})),
        ("Node", "b", json!({"bgp": {"ipv4Address": "192.0.2.2/24"}})),
        ("BGPPeer", "tor", peer),
        ("BGPConfiguration", "default", configuration),
    ])
}

fn tor(key: &str, value: Value) -> Value {
    let mut spec = json!({"peerIP": "198.51.100.1", "asNumber": 65001});
    spec[key] = value;
    spec
}

/// The changes, as text, that one edit of the BGPPeer makes.
fn edited(key: &str, value: Value) -> String {
    let before = planned(&two_nodes(tor("node", json!("")), json!({})), "a");
    let after = planned(&two_nodes(tor(key, value), json!({})), "a");
    render_diff(&diff(&before, &after))
}

#[test]
fn what_open_says_resets_the_session_and_names_the_reason() {
    for (key, value, reason) in [
        ("asNumber", json!(65002), "remote AS 65001 → 65002"),
        ("localASNumber", json!(64999), "local AS 64512 → 64999"),
        (
            "sourceAddress",
            json!("None"),
            "source address 192.0.2.1 → any",
        ),
        ("maxRestartTime", json!("30s"), "restart time 120 → 30"),
        (
            "numAllowedLocalASNumbers",
            json!(1),
            "allowed local AS 0 → 1",
        ),
    ] {
        let expected = format!("! session Global_198_51_100_1: reset, {reason}\n");
        assert_eq!(edited(key, value), expected, "{key}");
    }
}

/// The changes, as text, that one annotation of the BGPPeer makes.
fn annotated(setting: &str, value: &str) -> String {
    let before = two_nodes(tor("node", json!("")), json!({}));
    let mut after = before.clone();
    let peer = json!({
        "apiVersion": "projectcalico.org/v3", "kind": "BGPPeer", "spec": tor("node", json!("")),
        "metadata": {"name": "tor", "annotations": {format!("calidris.io/{setting}"): value}},
    });
    match parse(&peer) {
        Ok(Parsed::Resource(peer)) => after.apply(Event::Upsert(peer, Revision(2))),
        other => panic!("not a BGPPeer: {other:?}"),
    }
    render_diff(&diff(&planned(&before, "a"), &planned(&after, "a")))
}

#[test]
fn what_only_open_can_say_resets_the_session_and_names_both_values() {
    for (setting, value, reason) in [
        ("families", "ipv4,ipv6", "families ipv4 → ipv4,ipv6"),
        ("add-path", "receive", "ADD-PATH both → receive"),
        ("role", "customer", "role none → customer"),
        ("passive", "true", "passive false → true"),
    ] {
        let expected = format!("! session Global_198_51_100_1: reset, {reason}\n");
        assert_eq!(annotated(setting, value), expected, "{setting}");
    }
    let expected = "! session Global_198_51_100_1: reset, TTL security off → 1\n";
    assert_eq!(edited("ttlSecurity", json!(1)), expected);
}

#[test]
fn limits_timers_and_a_shutdown_are_soft() {
    for (setting, value) in [
        ("prefix-limit", "10"),
        ("add-path-max", "2"),
        ("shutdown", "maintenance"),
        ("delay-open", "2s"),
        ("hold-time", "9s"),
        ("llgr-time", "1h"),
    ] {
        let expected = "~ session Global_198_51_100_1: stays up\n";
        assert_eq!(annotated(setting, value), expected, "{setting}");
    }
}

#[test]
fn the_rest_is_soft() {
    for (key, value) in [
        ("keepaliveTime", json!("10s")),
        ("nextHopMode", json!("Self")),
    ] {
        assert_eq!(
            edited(key, value),
            "~ session Global_198_51_100_1: stays up\n",
            "{key}"
        );
    }
    assert_eq!(edited("keepOriginalNextHop", json!(false)), "no changes\n");
}

#[test]
fn who_dials_resets_the_session() {
    let with_node = |address: &str| {
        let mut both = two_nodes(tor("node", json!("")), json!({}));
        let node = store(&[("Node", "z", json!({"bgp": {"ipv4Address": address}}))]);
        for node in node.nodes() {
            let node = Resource::Node(node.clone());
            both.apply(Event::Upsert(node, Revision(1)));
        }
        planned(&both, "a")
    };
    // A global peer whose address sorts after ours is waited for once it is a node's.
    let (stranger, node) = (with_node("192.0.2.9/24"), with_node("198.51.100.1/24"));
    let text = render_diff(&diff(&stranger, &node));
    assert!(
        text.contains("! session Global_198_51_100_1: reset, passive false → true"),
        "{text}"
    );
}

#[test]
fn a_peers_listen_port_is_soft_and_the_own_one_moves_the_socket() {
    let before = planned(&two_nodes(tor("node", json!("")), json!({})), "a");
    let after = planned(
        &two_nodes(tor("node", json!("")), json!({"listenPort": 1790})),
        "a",
    );
    assert_eq!(
        render_diff(&diff(&before, &after)),
        "~ listen: 0.0.0.0:1790\n~ session Mesh_192_0_2_2: stays up\n"
    );
}

#[test]
fn a_new_pool_changes_policies_and_resets_nothing() {
    let documents = |pools: &[(&'static str, &'static str, Value)]| {
        let mut documents = vec![
            ("Node", "a", json!({"bgp": {"ipv4Address": "192.0.2.1/24"}})),
            ("Node", "b", json!({"bgp": {"ipv4Address": "192.0.2.2/24"}})),
        ];
        documents.extend_from_slice(pools);
        store(&documents)
    };
    let before = planned(&documents(&[]), "a");
    let after = planned(
        &documents(&[("IPPool", "p", json!({"cidr": "10.65.0.0/16"}))]),
        "a",
    );
    assert_eq!(
        render_diff(&diff(&before, &after)),
        "~ session Mesh_192_0_2_2: stays up\n~ kernel policy\n"
    );
}

#[test]
fn a_new_block_is_originated_without_touching_a_session_hard() {
    let before = planned(&two_nodes(tor("node", json!("")), json!({})), "a");
    let mut with_block = two_nodes(tor("node", json!("")), json!({}));
    let block = store(&[(
        "BlockAffinity",
        "x",
        json!({"node": "a", "cidr": "10.65.1.0/26"}),
    )]);
    for affinity in block.affinities() {
        with_block.apply(Event::Upsert(
            Resource::BlockAffinity(affinity.clone()),
            Revision(2),
        ));
    }
    let changes = diff(&before, &planned(&with_block, "a"));
    assert!(
        changes
            .iter()
            .any(|change| matches!(change, Change::Originate(..)))
    );
    assert!(!changes.iter().any(|change| matches!(
        change,
        Change::Speaker(_) | Change::UpdatePeer(_, _, ChangeMode::Reset(_))
    )));
}

#[test]
fn only_another_router_id_resets_everything() {
    let store = two_nodes(tor("node", json!("")), json!({}));
    let before = planned(&store, "a");
    let mut other = identity("a");
    other.router_id = crate::plan::RouterIdChoice::Hash;
    let after = plan(&store, &other).expect("a plan");
    assert!(matches!(
        diff(&before, &after).as_slice(),
        [Change::Speaker(_)]
    ));
    let dual = store_with_v6(&store);
    let changes = diff(&before, &planned(&dual, "a"));
    assert!(
        matches!(
            changes.as_slice(),
            [Change::UpdateSpeaker(_), Change::Listen(_)]
        ),
        "{changes:?}"
    );
}

fn store_with_v6(base: &Store) -> Store {
    let mut dual = base.clone();
    let addresses = json!({"bgp": {"ipv4Address": "192.0.2.1/24", "ipv6Address": "2001:db8::1"}});
    for node in store(&[("Node", "a", addresses)]).nodes() {
        dual.apply(Event::Upsert(Resource::Node(node.clone()), Revision(2)));
    }
    dual
}

#[test]
fn a_plan_comes_about_from_its_initial_changes() {
    let store = two_nodes(tor("node", json!("")), json!({}));
    let wanted = planned(&store, "a");
    let mut other = planned(&store, "b");
    other.peers.clear();
    other.originated.clear();
    apply(&mut other, &initial(&wanted));
    assert_eq!(other, wanted);
}

/// Random clusters of up to five nodes, seen from `n0`, which is always there.
fn any_plan() -> impl Strategy<Value = Plan> {
    let node = (
        1u8..8,
        any::<bool>(),
        any::<bool>(),
        prop::option::of(64_512u32..64_515),
        any::<bool>(),
    );
    let peer = (
        1u8..8,
        prop::option::of(64_512u32..64_515),
        prop::option::of(178u16..181),
        0u32..3,
    );
    let configuration = (any::<bool>(), prop::option::of(178u16..181), 1u32..4);
    (
        prop::collection::vec(node, 1..6),
        prop::collection::vec(peer, 0..4),
        configuration,
        prop::collection::btree_map(0u8..8, 0usize..4, 0..6),
    )
        .prop_map(|(nodes, peers, (mesh, port, priority), blocks)| {
            let states = ["confirmed", "", "pending", "pendingDeletion"];
            let names: Vec<String> = (0..8).map(|index| format!("n{index}")).collect();
            let mut documents: Vec<(&str, &str, Value)> = Vec::new();
            for (name, (last, v4, v6, asn, reflects)) in names.iter().zip(nodes) {
                let mut bgp = json!({"asNumber": asn});
                if v4 {
                    bgp["ipv4Address"] = json!(format!("192.0.2.{last}/24"));
                }
                if v6 {
                    bgp["ipv6Address"] = json!(format!("2001:db8::{last}/64"));
                }
                if reflects && last % 3 == 0 {
                    bgp["routeReflectorClusterID"] = json!("244.0.0.1");
                }
                documents.push(("Node", name, json!({"bgp": bgp})));
            }
            for (name, (last, asn, port, allowed)) in names.iter().zip(peers) {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                let spec = json!({"peerIP": format!("192.0.2.{last}{port}"), "asNumber": asn,
                    "numAllowedLocalASNumbers": allowed});
                documents.push(("BGPPeer", name, spec));
            }
            documents.push((
                "BGPConfiguration",
                "default",
                json!({"nodeToNodeMeshEnabled": mesh,
                "listenPort": port, "ipv4NormalRoutePriority": priority}),
            ));
            for (block, state) in blocks {
                let spec = json!({"node": "n0", "cidr": format!("10.65.{block}.0/26"),
                    "state": states[state]});
                documents.push(("BlockAffinity", "b", spec));
            }
            planned(&store(&documents), "n0")
        })
}

proptest! {
    #[test]
    fn applying_a_diff_leads_to_the_other_plan(old in any_plan(), new in any_plan()) {
        let changes = diff(&old, &new);
        let mut reached = old.clone();
        apply(&mut reached, &changes);
        reached.warnings.clone_from(&new.warnings);
        prop_assert_eq!(&reached, &new);
        prop_assert!(diff(&reached, &new).is_empty());
        prop_assert!(diff(&old, &old.clone()).is_empty());
    }

    #[test]
    fn soft_changes_touch_nothing_that_open_said(old in any_plan(), new in any_plan()) {
        for change in diff(&old, &new) {
            if let Change::UpdatePeer(name, peer, ChangeMode::Soft) = change {
                let before = &old.peers[&name];
                prop_assert_eq!(before.address, peer.address);
                prop_assert_eq!(before.local_as, peer.local_as);
                prop_assert_eq!(before.remote_as, peer.remote_as);
                prop_assert_eq!(before.source_address, peer.source_address);
                prop_assert_eq!(before.restart_time, peer.restart_time);
            }
        }
    }
}
