use serde_json::json;

use super::*;

#[test]
fn explicit_peers_take_their_fields() {
    let plan = planned(
        &mesh_and(vec![
            (
                "BGPPeer",
                "g",
                json!({"peerIP": "198.51.100.1:1179", "asNumber": 65001,
                "localASNumber": 64999, "nextHopMode": "Self", "maxRestartTime": "2h",
                "keepaliveTime": "10.4s", "numAllowedLocalASNumbers": 2, "sourceAddress": "None"}),
            ),
            (
                "BGPPeer",
                "n",
                json!({"node": "a", "peerIP": "2001:db8:1::1", "asNumber": "65002",
                "keepOriginalNextHop": true}),
            ),
            (
                "BGPPeer",
                "other",
                json!({"node": "b", "peerIP": "198.51.100.9", "asNumber": 65003}),
            ),
        ]),
        "a",
    );
    let global = peer(&plan, "Global_198_51_100_1_port_1179");
    assert_eq!(
        (global.port, global.remote_as, global.local_as),
        (1179, Asn(65_001), Asn(64_999))
    );
    assert_eq!(global.next_hop_mode, NextHopMode::Own);
    assert_eq!((global.restart_time, global.allowed_local_as), (4095, 2));
    assert_eq!(global.keepalive, Some(Duration::from_secs(10)));
    assert_eq!((global.source_address, global.passive), (None, false));
    let node = peer(&plan, "Node_2001_db8_1__1");
    assert_eq!(node.next_hop_mode, NextHopMode::Keep);
    assert_eq!(node.family, Family::Ipv6);
    assert!(
        !names(&plan)
            .iter()
            .any(|name| name.contains("198_51_100_9"))
    );
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[test]
fn the_original_next_hop_is_kept_towards_external_peers_only() {
    let keep = json!({"peerIP": "198.51.100.1", "asNumber": 64512, "keepOriginalNextHop": true});
    let plan = planned(&mesh_and(vec![("BGPPeer", "p", keep)]), "a");
    assert_eq!(
        peer(&plan, "Global_198_51_100_1").next_hop_mode,
        NextHopMode::Auto
    );
}

#[test]
fn an_explicit_peer_that_is_a_node_takes_that_nodes_port_and_the_mesh_sessions_place() {
    let plan = planned(
        &mesh_and(vec![
            ("BGPConfiguration", "node.b", json!({"listenPort": 2790})),
            (
                "BGPPeer",
                "p",
                json!({"peerIP": "192.0.2.10", "asNumber": 64512}),
            ),
            (
                "BGPPeer",
                "wrong-as",
                json!({"node": "a", "peerIP": "192.0.2.11", "asNumber": 65000}),
            ),
        ]),
        "a",
    );
    assert_eq!(peer(&plan, "Global_192_0_2_10_port_2790").port, 2790);
    assert_eq!(peer(&plan, "Node_192_0_2_11").port, 179);
    let meshed: Vec<&str> = names(&plan)
        .into_iter()
        .filter(|n| n.starts_with("Mesh_1"))
        .collect();
    assert!(meshed.is_empty(), "{meshed:?}");
    assert_eq!(
        warned(&plan),
        ["BGPPeer/p spec.peerIP", "BGPPeer/wrong-as spec.peerIP"]
    );
    assert_eq!(
        plan.warnings[0].message,
        "BGPPeer/p takes the place of mesh sessions: 192.0.2.10"
    );
}

#[test]
fn a_global_peer_among_nodes_is_one_session_with_one_side_waiting() {
    let store = mesh_and(vec![
        (
            "BGPConfiguration",
            "default",
            json!({"nodeToNodeMeshEnabled": false}),
        ),
        (
            "BGPPeer",
            "hub",
            json!({"peerIP": "192.0.2.9", "asNumber": 64512}),
        ),
        (
            "BGPPeer",
            "tor",
            json!({"peerIP": "192.0.2.99", "asNumber": 65001}),
        ),
    ]);
    assert!(peer(&planned(&store, "b"), "Global_192_0_2_9").passive);
    assert!(!peer(&planned(&store, "b"), "Global_192_0_2_99").passive);
    let hub = planned(&store, "a");
    let back = ["Node_192_0_2_10", "Node_192_0_2_11"];
    assert_eq!(names(&hub)[0], "Global_192_0_2_99");
    assert_eq!(names(&hub)[1..], back, "no session to itself");
    assert!(back.iter().all(|name| !peer(&hub, name).passive));
}

#[test]
fn of_two_definitions_of_one_peer_the_lowest_name_wins_and_global_beats_node() {
    let plan = planned(
        &store(&[
            ("Node", "a", node(1)),
            (
                "BGPPeer",
                "y",
                json!({"peerIP": "198.51.100.1:179", "asNumber": 65002}),
            ),
            (
                "BGPPeer",
                "x",
                json!({"peerIP": "198.51.100.1", "asNumber": 65001}),
            ),
            (
                "BGPPeer",
                "n",
                json!({"node": "a", "peerIP": "198.51.100.1", "asNumber": 65003}),
            ),
            (
                "BGPPeer",
                "z",
                json!({"peerIP": "198.51.100.1:1179", "asNumber": 65004}),
            ),
        ]),
        "a",
    );
    assert_eq!(
        names(&plan),
        ["Global_198_51_100_1", "Global_198_51_100_1_port_1179"]
    );
    assert_eq!(peer(&plan, "Global_198_51_100_1").remote_as, Asn(65_001));
    assert_eq!(
        warned(&plan),
        ["BGPPeer/y spec.peerIP", "BGPPeer/n spec.peerIP"]
    );
    assert!(plan.warnings[0].message.contains("BGPPeer/x"));
}

#[test]
fn incomplete_peers_are_left_out_by_themselves() {
    let plan = planned(
        &mesh_and(vec![
            ("BGPPeer", "no-address", json!({"asNumber": 65001})),
            ("BGPPeer", "no-as", json!({"peerIP": "198.51.100.1"})),
            (
                "BGPPeer",
                "good",
                json!({"peerIP": "198.51.100.2", "asNumber": 65001}),
            ),
        ]),
        "a",
    );
    assert_eq!(
        warned(&plan),
        [
            "BGPPeer/no-address spec.peerIP",
            "BGPPeer/no-as spec.asNumber"
        ]
    );
    assert_eq!(plan.peers.len(), 5);
    assert_eq!(peer(&plan, "Global_198_51_100_2").remote_as, Asn(65_001));
}

#[test]
fn what_is_not_there_yet_leaves_its_session_out_and_keeps_the_mesh_from_replacing_it() {
    let plan = planned(
        &mesh_and(vec![
            (
                "BGPPeer",
                "c",
                json!({"localWorkloadSelector": "has(vm)", "asNumber": 1}),
            ),
            (
                "BGPPeer",
                "d",
                json!({"peerIP": "192.0.2.11", "asNumber": 64512, "filters": ["f"]}),
            ),
        ]),
        "a",
    );
    let left = ["Mesh_192_0_2_10", "Mesh_2001_db8__10", "Mesh_2001_db8__11"];
    assert_eq!(names(&plan), left);
    assert_eq!(
        warned(&plan)[..2],
        [
            "BGPPeer/c spec.localWorkloadSelector",
            "BGPPeer/d spec.filters",
        ]
    );
}

#[test]
fn a_peers_distance_is_limited_only_where_its_resource_says_so() {
    let plan = planned(
        &mesh_and(vec![
            (
                "BGPPeer",
                "far",
                json!({"peerIP": "198.51.100.1", "asNumber": 65001, "ttlSecurity": 3}),
            ),
            (
                "BGPPeer",
                "off",
                json!({"peerIP": "198.51.100.2", "asNumber": 65001, "ttlSecurity": 0}),
            ),
        ]),
        "a",
    );
    assert_eq!(peer(&plan, "Global_198_51_100_1").ttl_security, Some(3));
    assert_eq!(peer(&plan, "Global_198_51_100_2").ttl_security, None);
    assert_eq!(peer(&plan, "Mesh_192_0_2_10").ttl_security, None);
}

#[test]
fn two_nodes_with_one_address_are_both_named_and_the_lowest_is_met() {
    let store = store(&[
        ("Node", "a", node(1)),
        ("Node", "b", node(2)),
        ("Node", "c", node(2)),
    ]);
    let plan = planned(&store, "a");
    assert_eq!(names(&plan), ["Mesh_192_0_2_2", "Mesh_2001_db8__2"]);
    assert_eq!(
        &*peer(&plan, "Mesh_192_0_2_2").provenance.resource,
        "Node/b"
    );
    assert_eq!(
        warned(&plan),
        ["Node/c spec.bgp.ipv4Address", "Node/c spec.bgp.ipv6Address"]
    );
    assert!(
        plan.warnings[0].message.contains("Node/b and of Node/c"),
        "{:?}",
        plan.warnings[0]
    );
    let plan = planned(&store, "c");
    assert_eq!(names(&plan), ["Mesh_192_0_2_1", "Mesh_2001_db8__1"]);
    assert!(plan.warnings[0].message.contains("this node's own address"));
}
