use serde_json::json;

use super::*;
use crate::model::{AffinityState, FieldError, PeerEndpoint, ProgramClusterRoutes};
use crate::net::Asn;

fn document(kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": "x"}, "spec": spec})
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at the calls")]
fn resource(kind: &str, spec: Value) -> Resource {
    match parse(&document(kind, &spec)) {
        Ok(Parsed::Resource(resource)) => resource,
        other => panic!("expected a resource, found {other:?}"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at the calls")]
fn error(kind: &str, spec: Value) -> ResourceError {
    parse(&document(kind, &spec)).expect_err("must be refused")
}

fn peer(spec: Value) -> BgpPeer {
    match resource("BGPPeer", spec) {
        Resource::BgpPeer(peer) => peer,
        other => panic!("expected a BGPPeer, found {other:?}"),
    }
}

#[test]
fn as_numbers_may_be_numbers_text_or_asdot() {
    assert_eq!(peer(json!({"asNumber": 65001})).asn, Some(Asn(65_001)));
    assert_eq!(peer(json!({"asNumber": "65001"})).asn, Some(Asn(65_001)));
    assert_eq!(peer(json!({"asNumber": "1.10"})).asn, Some(Asn(65_546)));
    assert_eq!(peer(json!({"asNumber": 0})).asn, None);
    assert_eq!(peer(json!({})).asn, None);
}

#[test]
fn a_bad_as_number_is_named_with_resource_field_and_value() {
    let refused = error("BGPPeer", json!({"peerIP": "192.0.2.1", "asNumber": "abc"}));
    let text = refused.to_string();
    assert!(
        text.starts_with("BGPPeer/x spec.asNumber: \"abc\" is not an AS number (1–4294967295"),
        "{text}"
    );
    assert_eq!(refused.error.field(), "spec.asNumber");
    assert_eq!(refused.error.value(), Some("\"abc\""));
    for bad in [
        json!(1.1),
        json!(-1),
        json!(4_294_967_296_u64),
        json!([1]),
        json!("1.70000"),
    ] {
        assert_eq!(
            error("BGPPeer", json!({"asNumber": bad})).error.field(),
            "spec.asNumber"
        );
    }
    assert_eq!(
        error("Node", json!({"bgp": {"asNumber": 0}})).error.field(),
        "spec.bgp.asNumber"
    );
}

#[test]
fn a_password_in_place_of_its_reference_is_refused_and_not_shown() {
    for password in [
        json!("sEcReT8"),
        json!({"secretKeyRef": "sEcReT8"}),
        json!({"secretKeyRef": {"name": ["sEcReT8"], "key": "k"}}),
    ] {
        let refused = error("BGPPeer", json!({"password": password})).to_string();
        assert!(refused.contains("spec.password"), "{refused}");
        assert!(!refused.contains("sEcReT8"), "{refused}");
    }
}

#[test]
fn peer_addresses_take_an_optional_port() {
    let endpoint = |text: &str| peer(json!({"peerIP": text})).peer_ip;
    let expected = |address: &str, port| {
        Some(PeerEndpoint {
            address: address.parse().expect("an address"),
            port,
        })
    };
    assert_eq!(endpoint("192.0.2.1"), expected("192.0.2.1", None));
    assert_eq!(
        endpoint("192.0.2.1:1179"),
        expected("192.0.2.1", Some(1179))
    );
    assert_eq!(endpoint("2001:db8::1"), expected("2001:db8::1", None));
    assert_eq!(
        endpoint("[2001:db8::1]:179"),
        expected("2001:db8::1", Some(179))
    );
    assert_eq!(endpoint(""), None);
    for bad in [
        "tor-a",
        "192.0.2.1:0",
        "192.0.2.1:70000",
        "0.0.0.0",
        "192.0.2.300",
        "192.0.2.1/24",
        "fe80::1%eth0",
        "[fe80::1%2]:179",
    ] {
        assert_eq!(
            error("BGPPeer", json!({"peerIP": bad})).error.field(),
            "spec.peerIP",
            "{bad}"
        );
    }
}

#[test]
fn fields_that_exclude_each_other_are_refused() {
    let conflict = error("BGPPeer", json!({"node": "a", "nodeSelector": "all()"}));
    assert!(matches!(conflict.error, FieldError::Conflict { .. }));
    assert!(
        conflict
            .to_string()
            .contains("spec.nodeSelector and spec.node exclude each other")
    );
    error(
        "BGPPeer",
        json!({"peerSelector": "all()", "asNumber": 65001}),
    );
    error(
        "IPPool",
        json!({"cidr": "10.65.0.0/16", "ipipMode": "Always", "vxlanMode": "Always"}),
    );
}

#[test]
fn node_addresses_are_split_into_address_and_network() {
    let Resource::Node(node) = resource(
        "Node",
        json!({"bgp": {"ipv4Address": "192.0.2.11/25", "ipv6Address": "2001:db8::11",
                       "routeReflectorClusterID": "244.0.0.7"}}),
    ) else {
        panic!("expected a Node");
    };
    let v4 = node.addresses.ipv4.expect("an IPv4 address");
    assert_eq!(
        (v4.address.to_string(), v4.network.to_string()),
        ("192.0.2.11".to_owned(), "192.0.2.0/25".to_owned())
    );
    let v6 = node.addresses.ipv6.expect("an IPv6 address");
    assert_eq!(v6.network.to_string(), "2001:db8::11/128");
    assert_eq!(
        node.cluster_id.map(|id| id.to_string()).as_deref(),
        Some("244.0.0.7")
    );
    error("Node", json!({"bgp": {"ipv4Address": "2001:db8::1"}}));
    error("Node", json!({"bgp": {"ipv4Address": "192.0.2.1/33"}}));
    error("Node", json!({"bgp": "none"}));
}

#[test]
fn an_affinity_without_state_is_confirmed_and_keyed_by_node_and_block() {
    let found = resource(
        "BlockAffinity",
        json!({"node": "a", "cidr": "10.65.1.0/26", "deleted": "true"}),
    );
    assert_eq!(found.key().to_string(), "BlockAffinity/a/10.65.1.0/26");
    let Resource::BlockAffinity(affinity) = found else {
        panic!("expected a BlockAffinity")
    };
    assert_eq!(affinity.state, AffinityState::Confirmed);
    let refused = error(
        "BlockAffinity",
        json!({"node": "a", "cidr": "10.65.1.0/26", "state": "gone"}),
    );
    assert_eq!(
        refused.key.map(|key| key.to_string()).as_deref(),
        Some("BlockAffinity/a/10.65.1.0/26")
    );
    error("BlockAffinity", json!({"node": "a", "cidr": "10.65.1.0"}));
}

#[test]
fn unknown_fields_and_foreign_kinds_are_let_pass() {
    resource(
        "IPPool",
        json!({"cidr": "10.65.0.0/16", "natOutgoing": true, "later": {"a": 1}}),
    );
    assert_eq!(
        parse(&document("BGPFilter", &json!({}))),
        Ok(Parsed::Ignored)
    );
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}});
    assert_eq!(parse(&pod), Ok(Parsed::Ignored));
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"});
    assert_eq!(parse(&slice), Ok(Parsed::Ignored));
    assert!(matches!(
        parse(&document("BGPPear", &json!({}))),
        Ok(Parsed::Unknown { .. })
    ));
    let other = json!({"apiVersion": "example.com/v1", "kind": "Node"});
    assert!(matches!(parse(&other), Ok(Parsed::Unknown { .. })));
}

#[test]
fn both_api_versions_are_accepted() {
    let mut crd = document("IPPool", &json!({"cidr": "10.65.0.0/16"}));
    crd["apiVersion"] = json!("crd.projectcalico.org/v1");
    assert!(matches!(parse(&crd), Ok(Parsed::Resource(_))));
}

#[test]
fn an_unknown_owner_of_kernel_routes_is_kept_as_written() {
    let Resource::BgpConfiguration(found) = resource(
        "BGPConfiguration",
        json!({"programClusterRoutes": "Maybe", "listenPort": 1790}),
    ) else {
        panic!("expected a BGPConfiguration");
    };
    assert_eq!(
        found.program_cluster_routes,
        ProgramClusterRoutes::Unknown("Maybe".into())
    );
    assert_eq!(found.listen_port, Some(1790));
    let refused = error("BGPConfiguration", json!({"listenPort": 0}));
    assert_eq!(
        refused.error.to_string(),
        "spec.listenPort: 0 is not a whole number of 1–65535"
    );
}

#[test]
fn documents_that_are_no_resources_are_refused() {
    assert!(parse(&json!("text")).is_err());
    assert!(parse(&json!({"kind": "Node"})).is_err());
    let nameless = json!({"apiVersion": "projectcalico.org/v3", "kind": "Node", "metadata": {}});
    let refused = parse(&nameless).expect_err("a name is needed");
    assert_eq!(refused.error.field(), "metadata.name");
    assert_eq!(refused.key, None);
}
