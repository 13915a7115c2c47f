//! Topologies of reflectors and clients as Calico's selectors build them: each is written as a table of
//! nodes and BGPPeers, and what every node's plan must then hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::model::ResourceError;

/// Name, cluster id or nothing, and labels of a node; the first has the address 192.0.2.1.
type NodeRow = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

struct Topology {
    mesh: bool,
    nodes: Vec<NodeRow>,
    peers: Vec<(&'static str, Value)>,
}

impl Topology {
    fn store(&self) -> Store {
        let mut store = store(&[(
            "BGPConfiguration",
            "default",
            json!({"nodeToNodeMeshEnabled": self.mesh}),
        )]);
        for (index, (name, cluster, labels)) in self.nodes.iter().enumerate() {
            let labels: BTreeMap<_, _> = labels.iter().copied().collect();
            let metadata = json!({"name": name, "labels": labels});
            let address = format!("192.0.2.{}/24", index + 1);
            let bgp = json!({"ipv4Address": address, "routeReflectorClusterID": cluster});
            upsert(&mut store, "Node", &metadata, &json!({"bgp": bgp}));
        }
        for (name, spec) in &self.peers {
            add(&mut store, "BGPPeer", name, spec, &json!({}));
        }
        store
    }

    fn plans(&self) -> BTreeMap<&'static str, Plan> {
        let store = self.store();
        let names = self.nodes.iter().map(|(name, ..)| *name);
        names.map(|name| (name, planned(&store, name))).collect()
    }
}

/// `node` or, for a client, `node*`: the peers of a plan in the order of names, and how they are
/// called.
fn peers(plan: &Plan) -> String {
    let text = |(name, peer): (&PeerName, &PeerPlan)| {
        let kind = name.0.split('_').next().unwrap_or_default().to_owned();
        let node = peer.node.as_deref().unwrap_or("?");
        let star = if peer.reflector_client.is_some() {
            "*"
        } else {
            ""
        };
        (format!("{node}{star}"), kind)
    };
    let mut of_kind: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (node, kind) in plan.peers.iter().map(text) {
        of_kind.entry(kind).or_default().insert(node);
    }
    let texts = of_kind.iter().map(|(kind, nodes)| {
        let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
        format!("{kind} {}", nodes.join(" "))
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn assert_peers(topology: &Topology, expected: &[(&str, &str)]) {
    let plans = topology.plans();
    let found: Vec<(&str, String)> = plans
        .iter()
        .map(|(name, plan)| (*name, peers(plan)))
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(name, text)| (*name, &**text)).collect();
    assert_eq!(found, expected);
    for (name, plan) in &plans {
        assert!(plan.warnings.is_empty(), "{name}: {:?}", plan.warnings);
    }
    assert_both_ends(&plans);
    for origin in plans.keys() {
        assert_eq!(
            reached(&plans, origin),
            plans.keys().copied().collect(),
            "from {origin}"
        );
    }
}

/// Every session has its other end, the numbers of both agree, and one of them dials.
fn assert_both_ends(plans: &BTreeMap<&str, Plan>) {
    for (name, plan) in plans {
        for peer in plan.peers.values() {
            let other = &plans[peer.node.as_deref().expect("all peers are nodes")];
            let own = *plan.speaker.addresses.get(peer.family);
            let mut back = other
                .peers
                .values()
                .filter(|back| Some(back.address) == own);
            let there = back
                .next()
                .unwrap_or_else(|| panic!("no session back to {name}"));
            assert!(back.next().is_none(), "one session back to {name}");
            assert_eq!(
                (peer.local_as, peer.remote_as),
                (there.remote_as, there.local_as)
            );
            assert!(
                !(peer.passive && there.passive),
                "{name} and its peer both wait"
            );
        }
    }
}

/// The nodes that hear of a route of one node, by the rules of RFC 4456 §6.
fn reached<'a>(plans: &BTreeMap<&'a str, Plan>, origin: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![(origin, true)]);
    while let Some((name, may_tell_all)) = next.pop() {
        if !seen.insert((name, may_tell_all)) {
            continue;
        }
        for peer in plans[name].peers.values() {
            if !may_tell_all && peer.reflector_client.is_none() {
                continue;
            }
            let node = peer.node.as_deref().unwrap_or_default();
            let (there, plan) = plans.get_key_value(node).expect("all peers are nodes");
            let own = *plans[name].speaker.addresses.get(peer.family);
            let is_client = |back: &&PeerPlan| Some(back.address) == own;
            let back = plan.peers.values().find(is_client).expect("both ends");
            next.push((*there, back.reflector_client.is_some()));
        }
    }
    seen.into_iter().map(|(name, _)| name).collect()
}

const RR: &[(&str, &str)] = &[("route-reflector", "true")];
const NONE: &[(&str, &str)] = &[];

fn all_to_reflectors() -> (&'static str, Value) {
    (
        "to-reflectors",
        json!({"nodeSelector": "all()", "peerSelector": "route-reflector == 'true'"}),
    )
}

fn pair(first: &'static str, second: &'static str, mesh: bool) -> Topology {
    Topology {
        mesh,
        nodes: vec![
            ("a", "", NONE),
            ("b", "", NONE),
            ("r", first, RR),
            ("s", second, RR),
        ],
        peers: vec![all_to_reflectors()],
    }
}

#[test]
fn two_reflectors_of_one_cluster_are_equals() {
    assert_peers(
        &pair("244.0.0.1", "244.0.0.1", false),
        &[
            ("a", "Node r s"),
            ("b", "Node r s"),
            ("r", "Node a* b* s"),
            ("s", "Node a* b* r"),
        ],
    );
}

#[test]
fn two_reflectors_of_different_clusters_are_each_others_clients() {
    assert_peers(
        &pair("244.0.0.1", "244.0.0.2", false),
        &[
            ("a", "Node r s"),
            ("b", "Node r s"),
            ("r", "Node a* b* s*"),
            ("s", "Node a* b* r*"),
        ],
    );
    let plans = pair("244.0.0.1", "244.0.0.2", false).plans();
    let clusters: Vec<_> = plans["s"]
        .peers
        .values()
        .map(|peer| peer.reflector_client)
        .collect();
    assert_eq!(
        clusters, [plans["s"].speaker.cluster_id; 3],
        "always the own one"
    );
}

#[test]
fn a_mesh_that_is_still_on_stands_beside_the_reflectors() {
    assert_peers(
        &pair("244.0.0.1", "244.0.0.1", true),
        &[
            ("a", "Mesh b, Node r s"),
            ("b", "Mesh a, Node r s"),
            ("r", "Node a* b* s"),
            ("s", "Node a* b* r"),
        ],
    );
}

#[test]
fn reflectors_without_cluster_ids_are_plain_nodes_whose_sessions_replace_those_of_the_mesh() {
    let plans = pair("", "", true).plans();
    assert_eq!(peers(&plans["a"]), "Mesh b, Node r s");
    assert_eq!(peers(&plans["r"]), "Node a b s");
    let [warning] = &plans["r"].warnings[..] else {
        panic!("{:?}", plans["r"].warnings)
    };
    assert_eq!(
        warning.message,
        "BGPPeer/to-reflectors takes the place of mesh sessions: 192.0.2.1, 192.0.2.2, 192.0.2.4"
    );
}

#[test]
fn a_bgppeer_for_all_nodes_gives_global_sessions_forward_and_node_sessions_back() {
    let topology = Topology {
        peers: vec![("p", json!({"peerSelector": "has(route-reflector)"}))],
        ..pair("244.0.0.1", "244.0.0.1", false)
    };
    assert_peers(
        &topology,
        &[
            ("a", "Global r s"),
            ("b", "Global r s"),
            ("r", "Global s, Node a* b*"),
            ("s", "Global r, Node a* b*"),
        ],
    );
}

#[test]
fn a_hierarchy_makes_reflectors_clients_of_reflectors() {
    let top: &[_] = &[("tier", "top")];
    let (one, two): (&[_], &[_]) = (
        &[("tier", "rack"), ("rack", "1")],
        &[("tier", "rack"), ("rack", "2")],
    );
    let topology = Topology {
        mesh: false,
        nodes: vec![
            ("a", "", &[("rack", "1")]),
            ("b", "", &[("rack", "2")]),
            ("r1", "244.0.1.1", one),
            ("r2", "244.0.1.2", two),
            ("top", "244.0.0.1", top),
        ],
        peers: vec![
            (
                "rack-1",
                json!({"nodeSelector": "rack == '1' && !has(tier)",
                       "peerSelector": "rack == '1' && tier == 'rack'"}),
            ),
            (
                "rack-2",
                json!({"nodeSelector": "rack == '2' && !has(tier)",
                       "peerSelector": "rack == '2' && tier == 'rack'"}),
            ),
            (
                "racks",
                json!({"nodeSelector": "tier == 'rack'", "peerSelector": "tier == 'top'"}),
            ),
        ],
    };
    assert_peers(
        &topology,
        &[
            ("a", "Node r1"),
            ("b", "Node r2"),
            ("r1", "Node a* top*"),
            ("r2", "Node b* top*"),
            ("top", "Node r1* r2*"),
        ],
    );
}

#[test]
fn a_peering_by_address_has_its_way_back_too() {
    let topology = Topology {
        mesh: false,
        nodes: vec![("a", "", NONE), ("b", "", NONE), ("r", "244.0.0.1", NONE)],
        peers: vec![("p", json!({"peerIP": "192.0.2.3", "asNumber": 64512}))],
    };
    let plans = topology.plans();
    assert_eq!(names(&plans["a"]), ["Global_192_0_2_3"]);
    assert_eq!(peers(&plans["r"]), "Node a* b*");
    let back = peer(&plans["r"], "Node_192_0_2_1");
    assert_eq!(&*back.provenance.resource, "BGPPeer/p");
    assert_eq!(&*back.provenance.field, "spec.reversePeering");
}

#[test]
fn a_session_back_needs_the_address_the_as_and_the_port_of_the_node() {
    let sessions_back = |spec: Value, configuration: Value| {
        let mut store = pair("", "", false).store();
        let off = json!({"nodeToNodeMeshEnabled": false});
        add(&mut store, "BGPConfiguration", "default", &off, &json!({}));
        add(
            &mut store,
            "BGPConfiguration",
            "node.r",
            &configuration,
            &json!({}),
        );
        store.apply(Event::Delete(crate::model::ResourceKey {
            kind: crate::model::Kind::BgpPeer,
            name: "to-reflectors".into(),
        }));
        add(&mut store, "BGPPeer", "p", &spec, &json!({}));
        planned(&store, "r").peers.len()
    };
    let to = |ip: &str, asn: Value, mode: &str| json!({"node": "a", "peerIP": ip, "asNumber": asn, "reversePeering": mode});
    let cases = [
        (to("192.0.2.3", json!(64512), "Auto"), json!({}), 1),
        (to("192.0.2.3", json!(null), "Auto"), json!({}), 1),
        (to("192.0.2.3", json!(64512), "Manual"), json!({}), 0),
        (to("192.0.2.3", json!(65000), "Auto"), json!({}), 0),
        (to("192.0.2.4", json!(64512), "Auto"), json!({}), 0),
        (to("192.0.2.3:179", json!(64512), "Auto"), json!({}), 1),
        (to("192.0.2.3:1790", json!(64512), "Auto"), json!({}), 0),
        (
            to("192.0.2.3:1790", json!(64512), "Auto"),
            json!({"listenPort": 1790}),
            1,
        ),
        (
            to("192.0.2.3:179", json!(64512), "Auto"),
            json!({"listenPort": 1790}),
            0,
        ),
    ];
    for (spec, configuration, expected) in cases {
        let found = sessions_back(spec.clone(), configuration);
        assert_eq!(found, expected, "{spec}");
    }
}

#[test]
fn a_session_back_takes_what_belongs_to_both_ends_and_leaves_what_belongs_to_one() {
    let mut store = pair("244.0.0.1", "244.0.0.1", false).store();
    let spec = json!({
        "nodeSelector": "!has(route-reflector)", "peerSelector": "has(route-reflector)",
        "nextHopMode": "Keep", "maxRestartTime": "30s", "keepaliveTime": "5s", "ttlSecurity": 2,
        "sourceAddress": "None", "numAllowedLocalASNumbers": 3,
    });
    let annotations = json!({
        "calidris.io/passive": "true", "calidris.io/prefix-limit": "10", "calidris.io/add-path": "off",
        "calidris.io/hold-time": "9s",
    });
    add(&mut store, "BGPPeer", "to-reflectors", &spec, &annotations);
    let (forward, back) = (planned(&store, "a"), planned(&store, "r"));
    let (forward, back) = (
        peer(&forward, "Node_192_0_2_3"),
        peer(&back, "Node_192_0_2_1"),
    );
    let both = |peer: &PeerPlan| {
        (
            (peer.next_hop_mode, peer.restart_time, peer.keepalive),
            (peer.ttl_security, peer.source_address, peer.hold_time),
        )
    };
    assert_eq!(both(forward), both(back));
    assert_eq!(both(back).1, (Some(2), None, 9));
    assert_eq!((forward.passive, back.passive), (true, false));
    assert_eq!(forward.prefix_limit.map(|limit| limit.max), Some(10));
    assert_eq!(back.prefix_limit, None);
    assert!(back.add_path.send && !forward.add_path.send);
    assert_eq!(forward.allowed_local_as, 0, "selected peers have none");
    let settings = |peer: &PeerPlan| {
        peer.settings
            .keys()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        settings(forward),
        ["add-path", "hold-time", "passive", "prefix-limit"]
    );
    assert_eq!(settings(back), ["hold-time"]);
}

#[test]
fn a_session_forward_wins_over_one_back_and_the_lowest_name_over_others() {
    let explicit = |keepalive: &str| {
        json!({"nodeSelector": "has(route-reflector)", "peerSelector": "!has(route-reflector)",
               "keepaliveTime": keepalive})
    };
    let mut topology = pair("244.0.0.1", "244.0.0.1", false);
    topology.peers.push(("z-clients", explicit("7s")));
    topology.peers.push(("y-clients", explicit("9s")));
    let plans = topology.plans();
    assert_eq!(peers(&plans["r"]), "Node a* b* s");
    let to_client = peer(&plans["r"], "Node_192_0_2_1");
    assert_eq!(to_client.keepalive, Some(Duration::from_secs(9)));
    assert_eq!(&*to_client.provenance.field, "spec.peerSelector");
    assert_eq!(warned(&plans["r"]), ["BGPPeer/z-clients spec.peerSelector"]);
    assert_eq!(
        plans["r"].warnings[0].message,
        "BGPPeer/y-clients has the sessions with this address and port, which is left out: \
         192.0.2.1, 192.0.2.2"
    );
    assert!(plans["a"].warnings.is_empty(), "{:?}", plans["a"].warnings);
}

#[test]
fn reflectors_of_another_as_are_no_clients() {
    let mut store = pair("244.0.0.1", "244.0.0.1", false).store();
    let bgp = json!({"ipv4Address": "192.0.2.1/24", "asNumber": 65001});
    add(&mut store, "Node", "a", &json!({"bgp": bgp}), &json!({}));
    let plan = planned(&store, "r");
    let external = peer(&plan, "Node_192_0_2_1");
    assert_eq!(
        (external.remote_as, external.reflector_client),
        (Asn(65_001), None)
    );
    assert!(peer(&plan, "Node_192_0_2_2").reflector_client.is_some());
    let plan = planned(&store, "a");
    assert_eq!(peer(&plan, "Node_192_0_2_3").remote_as, Asn(64_512));
}

#[test]
fn a_reflector_of_the_same_cluster_named_by_address_is_a_client_and_that_is_said() {
    let mut topology = pair("244.0.0.1", "244.0.0.1", false);
    topology.peers = vec![(
        "p",
        json!({"node": "r", "peerIP": "192.0.2.4", "asNumber": 64512}),
    )];
    let plans = topology.plans();
    assert!(
        peer(&plans["r"], "Node_192_0_2_4")
            .reflector_client
            .is_some()
    );
    assert_eq!(warned(&plans["r"]), ["BGPPeer/p spec.peerIP"]);
    // On the way back the node is known, and with it its cluster.
    assert_eq!(peers(&plans["s"]), "Node r");
}

#[test]
fn a_reflector_without_sessions_is_told_so() {
    let mut topology = pair("244.0.0.1", "244.0.0.1", true);
    topology.peers.clear();
    let plans = topology.plans();
    assert!(plans["r"].peers.is_empty());
    assert_eq!(
        warned(&plans["r"]),
        ["Node/r spec.bgp.routeReflectorClusterID"]
    );
    assert_eq!(peers(&plans["a"]), "Mesh b");
}

#[test]
fn a_selector_that_chooses_nobody_is_named() {
    let mut topology = pair("", "", true);
    topology.peers = vec![("p", json!({"node": "a", "peerSelector": "has(spine)"}))];
    let plans = topology.plans();
    assert_eq!(warned(&plans["a"]), ["BGPPeer/p spec.peerSelector"]);
    assert!(plans["b"].warnings.is_empty());
    let found = check(&topology.store());
    let found: Vec<_> = found.iter().map(|finding| &finding.warning).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].message, "no Node has labels that fit has(spine)");
}

#[test]
fn validation_names_the_nodes_that_are_left_without_sessions() {
    let mut topology = pair("244.0.0.1", "", false);
    topology.peers = vec![(
        "p",
        json!({"node": "a", "peerIP": "198.51.100.1", "asNumber": 65001}),
    )];
    let found = check(&topology.store());
    let found: Vec<String> = found
        .iter()
        .map(|Finding { warning, is_error }| {
            format!(
                "{is_error} {} {}: {}",
                warning.resource, warning.field, warning.message
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "false Node/r spec.bgp.routeReflectorClusterID: a route reflector is not in the mesh, and \
             no BGPPeer is about this one: it has no sessions",
            "false BGPConfiguration/default spec.nodeToNodeMeshEnabled: the mesh is off, and no \
             BGPPeer is about these nodes, which have no sessions: b, s",
        ]
    );
}

#[test]
fn a_bad_selector_is_refused_with_field_and_value() {
    let document = json!({
        "apiVersion": "projectcalico.org/v3", "kind": "BGPPeer", "metadata": {"name": "p"},
        "spec": {"nodeSelector": "rack = 'r7'", "peerSelector": "all()"},
    });
    let error: ResourceError = parse(&document).expect_err("one = is not an operator");
    let text = error.to_string();
    assert!(
        text.contains("spec.nodeSelector: \"rack = 'r7'\" is not a selector: at character 6"),
        "{text}"
    );
}

#[test]
fn becoming_a_reflector_resets_no_session_that_stays() {
    let (before, after) = (
        pair("", "", false).plans(),
        pair("244.0.0.1", "", false).plans(),
    );
    let changes = diff(&before["r"], &after["r"]);
    let modes: Vec<_> = changes
        .iter()
        .map(|change| match change {
            Change::UpdateSpeaker(speaker) => speaker.cluster_id.is_some(),
            Change::UpdatePeer(_, _, mode) => *mode == ChangeMode::Soft,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        modes, [true; 4],
        "the speaker and three peers that become clients"
    );
    let moved = pair("244.0.0.9", "", false).plans();
    let changes = diff(&after["r"], &moved["r"]);
    assert!(!changes.iter().any(|change| matches!(
        change,
        Change::Speaker(_) | Change::UpdatePeer(_, _, ChangeMode::Reset(_)) | Change::RemovePeer(_)
    )));
    // To the others nothing changes but what the reflector is.
    assert_eq!(diff(&before["a"], &after["a"]), []);
}

#[test]
fn five_thousand_nodes_are_planned_with_one_warning_a_cause() {
    const NODES: usize = 5_000;
    let mut store = Store::default();
    let is_reflector = |index: usize| index < 2;
    for index in 0..NODES {
        let labels = if is_reflector(index) {
            json!({"rr": "true"})
        } else {
            json!({})
        };
        let metadata = json!({"name": format!("n{index}"), "labels": labels});
        let address = format!("10.{}.{}.1/32", index / 256, index % 256);
        let cluster = if is_reflector(index) { "244.0.0.1" } else { "" };
        let bgp = json!({"ipv4Address": address, "routeReflectorClusterID": cluster});
        upsert(&mut store, "Node", &metadata, &json!({"bgp": bgp}));
    }
    for name in ["p", "q"] {
        let spec = json!({"nodeSelector": "!has(rr)", "peerSelector": "all()"});
        add(&mut store, "BGPPeer", name, &spec, &json!({}));
    }
    let client = planned(&store, "n4999");
    assert_eq!(client.peers.len(), NODES - 1);
    assert_eq!(
        warned(&client),
        ["BGPPeer/q spec.peerSelector", "BGPPeer/p spec.peerSelector"],
        "what the second one does not get, and what the first one takes from the mesh"
    );
    for warning in &client.warnings {
        assert!(warning.message.contains(" more"), "{warning:?}");
    }
    let reflector = planned(&store, "n0");
    assert_eq!(
        reflector.peers.len(),
        NODES - 2,
        "all but the other reflector"
    );
    assert!(
        reflector
            .peers
            .values()
            .all(|peer| peer.reflector_client.is_some())
    );
}
