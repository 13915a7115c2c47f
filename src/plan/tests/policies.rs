use serde_json::{Value, json};

use super::*;
use crate::policy::{Condition, Edit, PRIORITY_MAX, PrefixSet, RouteSource, Rule, Then};

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

fn prefixes(texts: &[&str]) -> PrefixSet {
    texts
        .iter()
        .map(|text| text.parse().expect("a prefix"))
        .collect()
}

fn in_ipv4(policies: &PerFamily<Option<Arc<Policy>>>) -> &Arc<Policy> {
    policies.ipv4.as_ref().expect("the session offers IPv4")
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
    let export = in_ipv4(&peer(&plan, "Mesh_192_0_2_10").export);
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
    let import = in_ipv4(&peer(&plan, "Mesh_192_0_2_10").import);
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
    for (one, other) in [(&one.export, &other.export), (&one.import, &other.import)] {
        assert!(Arc::ptr_eq(in_ipv4(one), in_ipv4(other)));
        assert_eq!((&one.ipv6, &other.ipv6), (&None, &None));
    }
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
        let export = &peer(&plan, name).export;
        let policies = export.ipv4.iter().chain(&export.ipv6);
        policies
            .flat_map(|policy| &policy.rules)
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
    assert_eq!(
        session["export"],
        json!({"ipv4": "export ipv4", "ipv6": null})
    );
    assert_eq!(session["remoteAs"], 64512);
    assert_eq!(
        value["policies"].as_object().map(serde_json::Map::len),
        Some(6)
    );
    assert_eq!(value["kernel"]["ipv6"], "kernel ipv6");
}
