use serde_json::{Value, json};

use super::*;
use crate::model::{Event, Parsed, Revision, parse};
use crate::policy::{Condition, Edit, PRIORITY_MAX, RouteSource, Rule, Then};

/// A store of documents given as (kind, name, spec).
pub(super) fn store(documents: &[(&str, &str, Value)]) -> Store {
    let mut store = Store::default();
    for (kind, name, spec) in documents {
        add(&mut store, kind, name, spec, &json!({}));
    }
    store.apply(Event::InSync);
    store
}

fn add(store: &mut Store, kind: &str, name: &str, spec: &Value, annotations: &Value) {
    let document = json!({
        "apiVersion": "projectcalico.org/v3", "kind": kind,
        "metadata": {"name": name, "annotations": annotations}, "spec": spec,
    });
    match parse(&document) {
        Ok(Parsed::Resource(resource)) => store.apply(Event::Upsert(resource, Revision(1))),
        other => panic!("not a resource: {other:?}"),
    }
}

pub(super) fn identity(node: &str) -> Identity {
    Identity {
        node: node.to_owned(),
        router_id: RouterIdChoice::NodeAddress,
        listen_port: None,
    }
}

pub(super) fn planned(store: &Store, node: &str) -> Plan {
    plan(store, &identity(node)).expect("the node is there")
}

/// A dual-stack Node with addresses that end in `last`.
fn node(last: u8) -> Value {
    json!({"bgp": {"ipv4Address": format!("192.0.2.{last}/24"),
                   "ipv6Address": format!("2001:db8::{last}/64")}})
}

fn with(mut spec: Value, key: &str, value: Value) -> Value {
    spec["bgp"][key] = value;
    spec
}

fn mesh_of_three() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("Node", "a", node(9)),
        ("Node", "b", node(10)),
        ("Node", "c", node(11)),
        ("IPPool", "pods-v4", json!({"cidr": "10.65.0.0/16"})),
        ("IPPool", "pods-v6", json!({"cidr": "fd00:10:65::/64"})),
    ]
}

fn mesh_and(more: Vec<(&'static str, &'static str, Value)>) -> Store {
    let mut documents = mesh_of_three();
    documents.extend(more);
    store(&documents)
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.peers.keys().map(|name| &*name.0).collect()
}

fn peer<'a>(plan: &'a Plan, name: &str) -> &'a PeerPlan {
    plan.peers
        .get(&PeerName(name.into()))
        .unwrap_or_else(|| panic!("{name} is not among {:?}", names(plan)))
}

/// `resource field` of every warning.
fn warned(plan: &Plan) -> Vec<String> {
    let warnings = plan.warnings.iter();
    warnings
        .map(|warning| format!("{} {}", warning.resource, warning.field))
        .collect()
}

#[test]
fn a_mesh_has_one_session_for_each_family_and_other_node() {
    let plan = planned(&mesh_and(vec![]), "a");
    let expected = [
        "Mesh_192_0_2_10",
        "Mesh_192_0_2_11",
        "Mesh_2001_db8__10",
        "Mesh_2001_db8__11",
    ];
    assert_eq!(names(&plan), expected);
    let v4 = peer(&plan, "Mesh_192_0_2_10");
    assert_eq!(
        (v4.remote_as, v4.local_as, v4.port),
        (Asn(64_512), Asn(64_512), 179)
    );
    assert_eq!(
        v4.source_address,
        Some("192.0.2.9".parse().expect("an address"))
    );
    assert_eq!((v4.hold_time, v4.restart_time), (240, 120));
    assert_eq!(v4.connect_delay, Duration::from_secs(2));
    assert_eq!(v4.connect_retry, Duration::from_secs(5));
    assert_eq!(
        v4.idle_hold,
        (Duration::from_secs(5), Duration::from_secs(30))
    );
    assert_eq!(&*v4.provenance.resource, "Node/b");
    assert_eq!(peer(&plan, "Mesh_2001_db8__10").family, Family::Ipv6);
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[test]
fn the_side_whose_peer_sorts_after_it_as_text_waits() {
    let store = mesh_and(vec![]);
    // "192.0.2.10" < "192.0.2.9" as text, though not as a number.
    assert!(!peer(&planned(&store, "a"), "Mesh_192_0_2_10").passive);
    assert!(peer(&planned(&store, "b"), "Mesh_192_0_2_9").passive);
    for (one, other) in [("a", "b"), ("a", "c"), ("b", "c")] {
        let (of_one, of_other) = (planned(&store, one), planned(&store, other));
        for family in Family::ALL {
            let towards = |from: &Plan, to: &Plan| {
                let address = to.speaker.addresses.get(family).expect("dual stack");
                from.peers
                    .values()
                    .find(|peer| peer.address == address)
                    .expect("a mesh")
                    .passive
            };
            assert_ne!(towards(&of_one, &of_other), towards(&of_other, &of_one));
        }
    }
}

#[test]
fn a_peer_without_an_as_is_in_the_clusters_as_and_not_in_ours() {
    let plan = planned(
        &store(&[
            ("BGPConfiguration", "default", json!({"asNumber": 64520})),
            ("Node", "a", with(node(1), "asNumber", json!(64521))),
            ("Node", "b", node(2)),
            ("Node", "c", with(node(3), "asNumber", json!("1.10"))),
        ]),
        "a",
    );
    assert_eq!(plan.speaker.local_as, Asn(64_521));
    assert_eq!(peer(&plan, "Mesh_192_0_2_2").remote_as, Asn(64_520));
    assert_eq!(peer(&plan, "Mesh_192_0_2_3").remote_as, Asn(65_546));
}

#[test]
fn mesh_ports_and_restart_time_come_from_the_configurations() {
    let plan = planned(
        &mesh_and(vec![
            (
                "BGPConfiguration",
                "default",
                json!({"listenPort": 1790, "nodeMeshMaxRestartTime": "5m0s"}),
            ),
            ("BGPConfiguration", "node.b", json!({"listenPort": 2790})),
        ]),
        "a",
    );
    assert_eq!(peer(&plan, "Mesh_192_0_2_10").port, 2790);
    assert_eq!(peer(&plan, "Mesh_192_0_2_11").port, 1790);
    assert_eq!(peer(&plan, "Mesh_192_0_2_11").restart_time, 300);
    assert_eq!(
        plan.speaker.listen,
        ["0.0.0.0:1790", "[::]:1790"].map(|s| s.parse().expect("a socket"))
    );
}

#[test]
fn a_reflector_leaves_the_mesh_on_both_sides() {
    let store = store(&[
        ("Node", "a", node(1)),
        ("Node", "b", node(2)),
        (
            "Node",
            "r",
            with(node(3), "routeReflectorClusterID", json!("244.0.0.1")),
        ),
        (
            "BGPPeer",
            "in",
            json!({"node": "r", "peerIP": "192.0.2.1", "asNumber": 64512}),
        ),
        (
            "BGPPeer",
            "out",
            json!({"node": "r", "peerIP": "192.0.2.77", "asNumber": 65001}),
        ),
    ]);
    assert_eq!(
        names(&planned(&store, "a")),
        ["Mesh_192_0_2_2", "Mesh_2001_db8__2"]
    );
    let plan = planned(&store, "r");
    assert_eq!(names(&plan), ["Node_192_0_2_1", "Node_192_0_2_77"]);
    let cluster = plan.speaker.cluster_id;
    assert!(cluster.is_some());
    assert_eq!(peer(&plan, "Node_192_0_2_1").reflector_client, cluster);
    assert_eq!(peer(&plan, "Node_192_0_2_77").reflector_client, None);
}

#[test]
fn the_mesh_can_be_switched_off() {
    let off = (
        "BGPConfiguration",
        "default",
        json!({"nodeToNodeMeshEnabled": false}),
    );
    assert!(planned(&mesh_and(vec![off]), "a").peers.is_empty());
}

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
        ["Node/b spec.bgp.ipv4Address", "Node/c spec.bgp.ipv4Address"]
    );
    assert!(plan.warnings[0].message.contains("suppressed by BGPPeer/p"));
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
    assert_eq!(names(&hub), ["Global_192_0_2_99"], "no session to itself");
    assert_eq!(warned(&hub), ["BGPPeer/hub spec.reversePeering"]);
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
    let secret = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    let plan = planned(
        &mesh_and(vec![
            (
                "BGPPeer",
                "a",
                json!({"nodeSelector": "all()", "peerIP": "198.51.100.1", "asNumber": 1}),
            ),
            ("BGPPeer", "b", json!({"peerSelector": "has(rr)"})),
            (
                "BGPPeer",
                "c",
                json!({"localWorkloadSelector": "has(vm)", "asNumber": 1}),
            ),
            (
                "BGPPeer",
                "d",
                json!({"peerIP": "192.0.2.10", "asNumber": 64512, "password": secret}),
            ),
            (
                "BGPPeer",
                "e",
                json!({"peerIP": "192.0.2.11", "asNumber": 64512, "filters": ["f"]}),
            ),
            (
                "BGPPeer",
                "f",
                json!({"peerIP": "2001:db8::10", "asNumber": 64512, "ttlSecurity": 1}),
            ),
        ]),
        "a",
    );
    assert_eq!(names(&plan), ["Mesh_2001_db8__11"]);
    assert_eq!(
        warned(&plan)[..6],
        [
            "BGPPeer/a spec.nodeSelector",
            "BGPPeer/b spec.peerSelector",
            "BGPPeer/c spec.localWorkloadSelector",
            "BGPPeer/d spec.password",
            "BGPPeer/e spec.filters",
            "BGPPeer/f spec.ttlSecurity"
        ]
    );
    let password = (
        "BGPConfiguration",
        "default",
        json!({"nodeMeshPassword": {"secretKeyRef": {"name": "s", "key": "k"}}}),
    );
    let plan = planned(&mesh_and(vec![password]), "a");
    assert!(plan.peers.is_empty());
    assert_eq!(
        warned(&plan),
        ["BGPConfiguration/default spec.nodeMeshPassword"]
    );
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

#[test]
fn a_missing_node_is_pending_with_the_names_that_there_are() {
    let pending = plan(&mesh_and(vec![]), &identity("x")).expect_err("x is not there");
    assert_eq!(
        pending.to_string(),
        "node \"x\" is not among the Node resources: known nodes are a, b, c"
    );
    let nobody = plan(&Store::default(), &identity("x")).expect_err("nobody is there");
    assert!(nobody.to_string().ends_with("there are none"));
}

#[test]
fn a_node_has_sessions_and_sockets_in_its_own_families_only() {
    let plan = planned(
        &store(&[
            (
                "Node",
                "a",
                json!({"bgp": {"ipv6Address": "2001:db8::1/64"}}),
            ),
            ("Node", "b", node(2)),
            ("BGPConfiguration", "default", json!({"bindMode": "NodeIP"})),
            (
                "BGPPeer",
                "tor",
                json!({"peerIP": "198.51.100.1", "asNumber": 65001}),
            ),
        ]),
        "a",
    );
    assert_eq!(names(&plan), ["Mesh_2001_db8__2"]);
    assert_eq!(
        plan.speaker.listen,
        ["[2001:db8::1]:179".parse().expect("a socket")]
    );
    assert_eq!(
        warned(&plan),
        ["Node/a spec.bgp.ipv4Address", "BGPPeer/tor spec.peerIP"]
    );
    assert_eq!(plan.speaker.router_id.to_string(), "202.151.129.18");
}

#[test]
fn the_router_id_can_be_chosen_and_the_listen_port_overridden() {
    let store = mesh_and(vec![(
        "BGPConfiguration",
        "node.a",
        json!({"listenPort": 1790}),
    )]);
    let fixed = RouterId(std::net::Ipv4Addr::new(10, 0, 0, 1));
    let mut identity = identity("a");
    identity.router_id = RouterIdChoice::Fixed(fixed);
    identity.listen_port = Some(1179);
    let chosen = plan(&store, &identity).expect("a plan");
    assert_eq!(chosen.speaker.router_id, fixed);
    assert!(
        chosen
            .speaker
            .listen
            .iter()
            .all(|socket| socket.port() == 1179)
    );
    assert_eq!(planned(&store, "a").speaker.listen[0].port(), 1790);
    assert_eq!(
        planned(&store, "b").speaker.router_id.to_string(),
        "192.0.2.10"
    );
}

#[test]
fn annotations_override_from_wide_to_narrow() {
    let mut store = mesh_and(vec![]);
    let wide = json!({"calidris.io/hold-time": "30s", "calidris.io/passive": "true"});
    add(&mut store, "BGPConfiguration", "default", &json!({}), &wide);
    let node = json!({"calidris.io/hold-time": "20s", "calidris.io/connect-retry": "fast"});
    add(&mut store, "BGPConfiguration", "node.a", &json!({}), &node);
    let narrow = json!({"calidris.io/hold-time": "9s", "calidris.io/passive": "false"});
    let tor = json!({"peerIP": "198.51.100.1", "asNumber": 65001});
    add(&mut store, "BGPPeer", "tor", &tor, &narrow);
    add(
        &mut store,
        "BGPPeer",
        "down",
        &json!({"peerIP": "198.51.100.2", "asNumber": 65001}),
        &json!({"calidris.io/shutdown": "maintenance"}),
    );
    let plan = planned(&store, "a");
    let mesh = peer(&plan, "Mesh_192_0_2_10");
    assert_eq!((mesh.hold_time, mesh.passive), (20, true));
    let tor = peer(&plan, "Global_198_51_100_1");
    assert_eq!((tor.hold_time, tor.passive), (9, false));
    assert_eq!(tor.connect_retry, Duration::from_secs(5));
    assert_eq!(
        warned(&plan),
        [
            "BGPConfiguration/node.a metadata.annotations[calidris.io/connect-retry]",
            "BGPPeer/down metadata.annotations[calidris.io/shutdown]"
        ]
    );
}

fn affinity(node: &str, cidr: &str, state: &str) -> Value {
    json!({"node": node, "cidr": cidr, "state": state, "deleted": "false"})
}

fn blocks() -> Store {
    mesh_and(vec![
        (
            "BlockAffinity",
            "1",
            affinity("a", "10.65.1.0/26", "confirmed"),
        ),
        ("BlockAffinity", "2", affinity("a", "10.65.2.0/26", "")),
        (
            "BlockAffinity",
            "3",
            affinity("a", "10.65.3.0/26", "pendingDeletion"),
        ),
        (
            "BlockAffinity",
            "4",
            affinity("a", "10.65.4.0/26", "pending"),
        ),
        (
            "BlockAffinity",
            "5",
            affinity("a", "10.65.5.5/32", "confirmed"),
        ),
        (
            "BlockAffinity",
            "6",
            affinity("b", "10.65.6.0/26", "confirmed"),
        ),
        (
            "BlockAffinity",
            "7",
            affinity("a", "fd00:10:65::/122", "confirmed"),
        ),
    ])
}

#[test]
fn own_blocks_are_originated_as_their_state_says() {
    let plan = planned(&blocks(), "a");
    let prefixes: Vec<String> = plan.originated.keys().map(ToString::to_string).collect();
    assert_eq!(
        prefixes,
        [
            "10.65.1.0/26",
            "10.65.2.0/26",
            "10.65.3.0/26",
            "fd00:10:65::/122"
        ]
    );
    let first = plan.originated.values().next().expect("a route");
    assert_eq!(&*first.provenance.resource, "BlockAffinity/a/10.65.1.0/26");
}

fn prefixes(texts: &[&str]) -> Arc<[Prefix]> {
    texts
        .iter()
        .map(|text| text.parse().expect("a prefix"))
        .collect()
}

fn without_names(rules: &[Rule]) -> Vec<(Vec<Condition>, Vec<Edit>, Then)> {
    let rules = rules.iter();
    rules
        .map(|rule| (rule.conditions.clone(), rule.edits.clone(), rule.then))
        .collect()
}

#[test]
fn the_export_policy_has_the_steps_of_calico_in_order() {
    let mut store = blocks();
    let hidden = json!({"cidr": "10.66.0.0/16", "disableBGPExport": true});
    add(&mut store, "IPPool", "hidden", &hidden, &json!({}));
    let configuration = json!({
        "communities": [{"name": "dc", "value": "64520:100"}],
        "prefixAdvertisements": [{"cidr": "10.65.0.0/16", "communities": ["dc", "64520:7:9", "?"]}],
        "ipv4NormalRoutePriority": 2000,
    });
    add(
        &mut store,
        "BGPConfiguration",
        "default",
        &configuration,
        &json!({}),
    );
    let plan = planned(&store, "a");
    let export = &peer(&plan, "Mesh_192_0_2_10").export;
    let normal = PRIORITY_MAX - 2000;
    let own = prefixes(&["10.65.1.0/26", "10.65.2.0/26", "10.65.5.5/32"]);
    let inside_own = Condition::Inside(own.clone());
    let communities = vec![
        Edit::AddCommunity(crate::wire::Community(64_520 << 16 | 100)),
        Edit::AddLargeCommunity(crate::wire::LargeCommunity([64_520, 7, 9])),
    ];
    let pool = || vec![Condition::Inside(prefixes(&["10.65.0.0/16"]))];
    assert_eq!(
        without_names(&export.rules),
        vec![
            (
                vec![Condition::Source([RouteSource::Static].into())],
                vec![Edit::LocalPref(normal)],
                Then::Next
            ),
            (
                vec![Condition::Inside(prefixes(&["10.66.0.0/16"]))],
                vec![],
                Then::Reject
            ),
            (pool(), communities, Then::Next),
            (vec![Condition::Equals(own)], vec![], Then::Accept),
            (
                vec![inside_own.clone(), Condition::LocalPrefAbove(normal)],
                vec![],
                Then::Accept
            ),
            (vec![inside_own], vec![], Then::Reject),
            (pool(), vec![], Then::Accept),
        ]
    );
    assert_eq!(export.otherwise, Then::Reject);
    assert_eq!(
        &*export.rules[1].name,
        "IPPool/hidden spec.disableBGPExport"
    );
    assert_eq!(
        warned(&plan),
        ["BGPConfiguration/default spec.prefixAdvertisements[0]"]
    );
    let import = &peer(&plan, "Mesh_192_0_2_10").import;
    assert_eq!(
        without_names(&import.rules),
        vec![(
            vec![Condition::LocalPrefAbove(normal)],
            vec![Edit::Preference(200)],
            Then::Next
        )]
    );
    assert_eq!(import.otherwise, Then::Accept);
}

#[test]
fn sessions_of_one_family_share_their_policies() {
    let plan = planned(&blocks(), "a");
    let (one, other) = (
        peer(&plan, "Mesh_192_0_2_10"),
        peer(&plan, "Mesh_192_0_2_11"),
    );
    assert!(Arc::ptr_eq(&one.export, &other.export) && Arc::ptr_eq(&one.import, &other.import));
}

#[test]
fn a_nodes_own_advertisements_replace_those_of_the_cluster() {
    let advertise =
        |cidr: &str| json!({"prefixAdvertisements": [{"cidr": cidr, "communities": ["1:2"]}]});
    let plan = planned(
        &mesh_and(vec![
            ("BGPConfiguration", "default", advertise("10.65.0.0/16")),
            ("BGPConfiguration", "node.a", advertise("fd00:10:65::/64")),
        ]),
        "a",
    );
    let has_edits = |name: &str| {
        peer(&plan, name)
            .export
            .rules
            .iter()
            .filter(|rule| {
                rule.edits
                    .iter()
                    .any(|edit| matches!(edit, Edit::AddCommunity(_)))
            })
            .count()
    };
    assert_eq!(
        (has_edits("Mesh_192_0_2_10"), has_edits("Mesh_2001_db8__10")),
        (0, 1)
    );
}

#[test]
fn the_kernel_gets_what_felix_does_not_program() {
    use Then::{Accept, Reject};
    let pools = |owner: &str| {
        store(&[
            ("Node", "a", node(1)),
            (
                "BGPConfiguration",
                "default",
                json!({"programClusterRoutes": owner}),
            ),
            ("IPPool", "plain", json!({"cidr": "10.67.0.0/16"})),
            (
                "IPPool",
                "vxlan",
                json!({"cidr": "10.66.0.0/16", "vxlanMode": "CrossSubnet"}),
            ),
            (
                "IPPool",
                "ipip",
                json!({"cidr": "10.65.0.0/16", "ipipMode": "Always"}),
            ),
            ("IPPool", "v6", json!({"cidr": "fd00::/64"})),
        ])
    };
    let verdicts = |owner: &str| {
        let plan = planned(&pools(owner), "a");
        assert_eq!(plan.kernel.ipv4.otherwise, Accept);
        let rules = plan.kernel.ipv4.rules.iter().chain(&plan.kernel.ipv6.rules);
        (
            rules.map(|rule| rule.then).collect::<Vec<_>>(),
            plan.warnings.len(),
        )
    };
    assert_eq!(verdicts(""), (vec![Reject, Reject, Accept, Accept], 0));
    assert_eq!(
        verdicts("EnabledNoEncapOnly"),
        (vec![Reject, Reject, Accept, Accept], 0)
    );
    assert_eq!(
        verdicts("Disabled"),
        (vec![Reject, Reject, Reject, Reject], 0)
    );
    assert_eq!(
        verdicts("Enabled"),
        (vec![Reject, Reject, Accept, Accept], 1)
    );
    assert_eq!(
        verdicts("EnabledIPIPOnly"),
        (vec![Reject, Reject, Reject, Reject], 1)
    );
    assert_eq!(
        verdicts("Sometimes"),
        (vec![Reject, Reject, Accept, Accept], 1)
    );
}

#[test]
fn without_an_ipv4_address_every_ipv4_pool_is_programmed_plainly() {
    let plan = planned(
        &store(&[
            ("Node", "a", json!({"bgp": {"ipv6Address": "2001:db8::1"}})),
            (
                "IPPool",
                "vxlan",
                json!({"cidr": "10.66.0.0/16", "vxlanMode": "Always"}),
            ),
            (
                "IPPool",
                "vxlan6",
                json!({"cidr": "fd00::/64", "vxlanMode": "Always"}),
            ),
        ]),
        "a",
    );
    assert!(plan.kernel.ipv4.rules.is_empty());
    assert_eq!(plan.kernel.ipv6.rules.len(), 1);
}

#[test]
fn a_mesh_of_thousands_is_planned_and_compared() {
    let mut big = Store::default();
    for index in 0..3000_u32 {
        let (high, low) = (index / 250, index % 250 + 1);
        let spec = json!({"bgp": {"ipv4Address": format!("10.0.{high}.{low}/16"),
                                  "ipv6Address": format!("fd00::{high}:{low}/64")}});
        add(&mut big, "Node", &format!("n{index}"), &spec, &json!({}));
        let block = affinity(
            "n0",
            &format!("10.{}.{}.0/26", 65 + index / 250, low),
            "confirmed",
        );
        add(
            &mut big,
            "BlockAffinity",
            &format!("b{index}"),
            &block,
            &json!({}),
        );
    }
    let plan = planned(&big, "n0");
    assert_eq!((plan.peers.len(), plan.originated.len()), (5998, 3000));
    assert!(diff(&plan, &planned(&big, "n0")).is_empty());
}

#[test]
fn the_text_names_every_session_and_rule_with_its_resource() {
    let text = render_plan(&planned(&blocks(), "a"));
    let expected = [
        "sessions (4)",
        "  Mesh_192_0_2_10    192.0.2.10    179   64512  64512     internal  dials  192.0.2.9",
        "originated routes (4)\n  PREFIX            FROM\n  10.65.1.0/26      BlockAffinity/a/10.65.1.0/26 spec.cidr",
        "policy export ipv4",
        "inside 10.65.0.0/16",
        "IPPool/pods-v4 spec.cidr",
        "  otherwise reject",
        "warnings (0)",
    ];
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn json_names_policies_and_holds_each_once() {
    let value = serde_json::to_value(planned(&blocks(), "a")).expect("a plan is JSON");
    let session = &value["peers"]["Mesh_192_0_2_10"];
    assert_eq!(session["export"], "export ipv4");
    assert_eq!(session["remoteAs"], 64512);
    assert_eq!(
        value["policies"].as_object().map(serde_json::Map::len),
        Some(6)
    );
    assert_eq!(value["kernel"]["ipv6"], "kernel ipv6");
}
