use serde_json::json;

use super::*;
use crate::net::{AddPathDirection, PrefixLimit, Role};

/// One node with a BGPPeer in another AS, with annotations on `default` and on the BGPPeer.
fn annotated(wide: &Value, peer_spec: &Value, narrow: &Value) -> Store {
    let mut store = mesh_and(vec![]);
    add(&mut store, "BGPConfiguration", "default", &json!({}), wide);
    add(&mut store, "BGPPeer", "tor", peer_spec, narrow);
    store
}

fn tor() -> Value {
    json!({"peerIP": "198.51.100.1", "asNumber": 65001})
}

const TOR: &str = "Global_198_51_100_1";

#[test]
fn without_annotations_a_session_is_what_calico_makes_of_it() {
    let plan = planned(&annotated(&json!({}), &tor(), &json!({})), "a");
    for name in [TOR, "Mesh_192_0_2_10"] {
        let peer = peer(&plan, name);
        let both = AddPathDirection {
            receive: true,
            send: true,
        };
        assert_eq!((peer.families.ipv4, peer.families.ipv6), (true, false));
        assert_eq!((peer.add_path, peer.add_path_max), (both, 16));
        assert_eq!((peer.prefix_limit, peer.role), (None, None));
        assert_eq!((peer.long_lived_time, peer.delay_open), (None, None));
        assert_eq!((&peer.shutdown, &peer.interface), (&None, &None));
        assert!(peer.settings.is_empty() && peer.password.is_none());
    }
}

#[test]
fn all_settings_reach_the_session() {
    let narrow = json!({
        "calidris.io/families": "ipv4,ipv6", "calidris.io/add-path": "receive",
        "calidris.io/add-path-max": "2", "calidris.io/role": "customer",
        "calidris.io/prefix-limit": "1000,warn=90%,restart=5m",
        "calidris.io/llgr-time": "1h", "calidris.io/delay-open": "5s",
    });
    let plan = planned(&annotated(&json!({}), &tor(), &narrow), "a");
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    let tor = peer(&plan, TOR);
    assert!(tor.families.ipv4 && tor.families.ipv6);
    let receive = AddPathDirection {
        receive: true,
        send: false,
    };
    assert_eq!((tor.add_path, tor.add_path_max), (receive, 2));
    let limit = PrefixLimit {
        max: 1000,
        warn_percent: 90,
        restart: Some(Duration::from_secs(300)),
    };
    assert_eq!(
        (tor.prefix_limit, tor.role),
        (Some(limit), Some(Role::Customer))
    );
    assert_eq!(tor.long_lived_time, Some(3600));
    assert_eq!(tor.delay_open, Some(Duration::from_secs(5)));
    assert_eq!(tor.settings.len(), 7);
    let text = render_plan(&plan);
    let line = text
        .lines()
        .find(|line| line.contains(TOR))
        .expect("a line");
    let terms = "ipv4,ipv6, role customer, limit 1000 warn 90% restart 300s, add-path receive, \
                 llgr 3600s, delay-open 5s";
    assert!(line.contains(terms), "{line}");
    let origin = text
        .lines()
        .find(|line| line.trim_start().starts_with("prefix-limit"))
        .expect("a line");
    let words: Vec<&str> = origin.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "prefix-limit",
            "1000,warn=90%,restart=5m",
            TOR,
            "BGPPeer/tor"
        ]
    );
}

#[test]
fn each_family_of_a_session_has_the_policies_of_its_own() {
    let wide = json!({"calidris.io/families": "ipv4,ipv6"});
    let narrow = json!({"calidris.io/families": "ipv6"});
    let plan = planned(&annotated(&wide, &tor(), &narrow), "a");
    let names = |policies: &PerFamily<Option<Arc<Policy>>>| {
        let name = |policy: &Option<Arc<Policy>>| policy.as_ref().map(|p| p.name.to_string());
        (name(&policies.ipv4), name(&policies.ipv6))
    };
    let text = |text: &str| Some(text.to_owned());
    let mesh = peer(&plan, "Mesh_192_0_2_10");
    assert_eq!(
        names(&mesh.import),
        (text("import ipv4"), text("import ipv6"))
    );
    assert_eq!(
        names(&mesh.export),
        (text("export ipv4"), text("export ipv6"))
    );
    let tor = peer(&plan, TOR);
    assert_eq!(names(&tor.import), (None, text("import ipv6")));
    assert_eq!(names(&tor.export), (None, text("export ipv6")));
    let other = peer(&plan, "Mesh_2001_db8__10");
    let (one, other) = (mesh.export.ipv6.as_ref(), other.export.ipv6.as_ref());
    assert!(
        one.zip(other)
            .is_some_and(|(one, other)| Arc::ptr_eq(one, other))
    );
}

#[test]
fn a_node_without_ipv6_is_told_what_ipv6_routes_come_to() {
    let wide = json!({"calidris.io/families": "ipv4,ipv6"});
    let warnings = |bgp: Value| {
        let mut store = store(&[("Node", "a", json!({"bgp": bgp}))]);
        add(&mut store, "BGPConfiguration", "default", &json!({}), &wide);
        add(&mut store, "BGPPeer", "tor", &tor(), &json!({}));
        let plan = planned(&store, "a");
        assert!(peer(&plan, TOR).families.ipv6);
        warned(&plan)
    };
    let field = "BGPConfiguration/default metadata.annotations[calidris.io/families]";
    assert_eq!(warnings(json!({"ipv4Address": "192.0.2.1/24"})), [field]);
    let reflector = json!({"ipv4Address": "192.0.2.1/24", "routeReflectorClusterID": "244.0.0.1"});
    assert!(warnings(reflector).is_empty());
}

#[test]
fn a_role_is_for_other_autonomous_systems() {
    let wide = json!({"calidris.io/role": "peer"});
    let plan = planned(&annotated(&wide, &tor(), &json!({})), "a");
    assert_eq!(peer(&plan, TOR).role, Some(Role::Peer));
    let mesh = peer(&plan, "Mesh_192_0_2_10");
    assert!(mesh.role.is_none() && mesh.settings.is_empty());
    assert!(plan.warnings.is_empty());

    let internal = json!({"peerIP": "198.51.100.1", "asNumber": 64512});
    let plan = planned(&annotated(&json!({}), &internal, &wide), "a");
    assert_eq!(peer(&plan, TOR).role, None);
    let field = "BGPPeer/tor metadata.annotations[calidris.io/role]";
    assert_eq!(warned(&plan), [field]);
}

#[test]
fn link_local_peers_are_told_apart_by_their_interfaces() {
    let spec = json!({"peerIP": "fe80::1", "asNumber": 65001});
    let mut store = annotated(&json!({}), &spec, &json!({"calidris.io/interface": "eth0"}));
    let other = json!({"calidris.io/interface": "eth1.7"});
    add(&mut store, "BGPPeer", "tor2", &spec, &other);
    let again = json!({"calidris.io/interface": "eth0"});
    add(&mut store, "BGPPeer", "tor3", &spec, &again);
    add(&mut store, "BGPPeer", "tor4", &spec, &json!({}));
    let plan = planned(&store, "a");
    let first = peer(&plan, "Global_fe80__1_eth0");
    assert_eq!(first.interface.as_deref(), Some("eth0"));
    assert_eq!((first.family, first.source_address), (Family::Ipv6, None));
    let second = peer(&plan, "Global_fe80__1_eth1.7");
    assert_eq!(second.interface.as_deref(), Some("eth1.7"));
    assert_eq!(
        warned(&plan),
        [
            "BGPPeer/tor3 spec.peerIP",
            "BGPPeer/tor4 metadata.annotations[calidris.io/interface]"
        ]
    );
}

#[test]
fn a_link_local_peer_needs_no_address_of_the_node() {
    let mut store = store(&[("Node", "a", json!({"bgp": {"ipv4Address": "192.0.2.1/24"}}))]);
    let spec = json!({"peerIP": "fe80::1", "asNumber": 65001});
    let interface = json!({"calidris.io/interface": "eth0", "calidris.io/families": "ipv4"});
    add(&mut store, "BGPPeer", "tor", &spec, &interface);
    let plan = planned(&store, "a");
    let families = peer(&plan, "Global_fe80__1_eth0").families;
    assert_eq!((families.ipv4, families.ipv6), (true, false));
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[test]
fn other_peers_take_no_interface() {
    let interface = json!({"calidris.io/interface": "eth0"});
    let plan = planned(&annotated(&json!({}), &tor(), &interface), "a");
    let tor = peer(&plan, TOR);
    assert!(tor.interface.is_none() && tor.source_address.is_some() && tor.settings.is_empty());
    let field = "BGPPeer/tor metadata.annotations[calidris.io/interface]";
    assert_eq!(warned(&plan), [field]);
}
