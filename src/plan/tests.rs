mod passwords;
mod peers;
mod policies;
mod reflectors;
mod settings;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::model::{Event, Parsed, Revision, parse};
use crate::net::Family;
use crate::policy::NextHopMode;

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
    let metadata = json!({"name": name, "annotations": annotations});
    upsert(store, kind, &metadata, spec);
}

fn upsert(store: &mut Store, kind: &str, metadata: &Value, spec: &Value) {
    let document = json!({
        "apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": metadata, "spec": spec,
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
        passwords: Default::default(),
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
        ["Mesh_192_0_2_2", "Mesh_2001_db8__2", "Node_192_0_2_3"]
    );
    assert_eq!(
        names(&planned(&store, "b")),
        ["Mesh_192_0_2_1", "Mesh_2001_db8__1"]
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
    let down = peer(&plan, "Global_198_51_100_2");
    assert_eq!(
        (down.shutdown.as_deref(), &mesh.shutdown),
        (Some("maintenance"), &None)
    );
    let origin = |name: &str, setting: &str| &*peer(&plan, name).settings[setting].resource;
    assert_eq!(
        origin("Mesh_192_0_2_10", "hold-time"),
        "BGPConfiguration/node.a"
    );
    assert_eq!(
        origin("Mesh_192_0_2_10", "passive"),
        "BGPConfiguration/default"
    );
    assert_eq!(origin("Global_198_51_100_1", "passive"), "BGPPeer/tor");
    assert_eq!(
        warned(&plan),
        ["BGPConfiguration/node.a metadata.annotations[calidris.io/connect-retry]"]
    );
}
