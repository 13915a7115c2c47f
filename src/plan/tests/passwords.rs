use serde_json::json;

use super::*;

const PLANTED: &str = "c0rrect-horse";

/// A mesh whose password is `mesh`, a peer whose password is `tor`, and a Secret with these values.
fn protected(namespace: Option<&str>, values: &Value) -> Store {
    let reference = |key: &str| json!({"secretKeyRef": {"name": "bgp", "key": key}});
    let mut store = mesh_and(vec![
        (
            "BGPConfiguration",
            "default",
            json!({"nodeMeshPassword": reference("mesh")}),
        ),
        (
            "BGPPeer",
            "tor",
            json!({"peerIP": "198.51.100.1", "asNumber": 65001, "password": reference("tor")}),
        ),
    ]);
    let document = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "bgp", "namespace": namespace}, "stringData": values,
    });
    match parse(&document) {
        Ok(Parsed::Resource(secret)) => store.apply(Event::Upsert(secret, Revision(1))),
        other => panic!("not a Secret: {other:?}"),
    }
    store
}

fn held(store: &Store) -> Plan {
    let mut identity = identity("a");
    identity.passwords.missing = MissingPassword::Hold;
    plan(store, &identity).expect("the node is there")
}

fn password<'a>(plan: &'a Plan, name: &str) -> Option<&'a [u8]> {
    peer(plan, name)
        .password
        .as_ref()
        .map(crate::net::Secret::reveal)
}

const MESH: &str = "Mesh_192_0_2_10";
const TOR: &str = "Global_198_51_100_1";

#[test]
fn sessions_get_the_octets_of_the_key_that_they_name() {
    let values = json!({"mesh": " both\n", "tor": "x".repeat(80)});
    for namespace in [Some("kube-system"), None] {
        let plan = planned(&protected(namespace, &values), "a");
        assert_eq!(password(&plan, MESH), Some(&b" both\n"[..]));
        assert_eq!(password(&plan, TOR), Some("x".repeat(80).as_bytes()));
        assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    }
}

#[test]
fn secrets_are_looked_for_in_one_namespace() {
    let store = protected(Some("other"), &json!({"mesh": "a", "tor": "b"}));
    assert_eq!(password(&planned(&store, "a"), TOR), None);
    let mut identity = identity("a");
    identity.passwords.namespace = "other".into();
    let plan = plan(&store, &identity).expect("the node is there");
    assert_eq!(password(&plan, TOR), Some(&b"b"[..]));
}

#[test]
fn without_its_password_a_session_runs_or_is_held_as_told_and_the_warning_says_so() {
    let store = protected(None, &json!({"mesh": ""}));
    let running = planned(&store, "a");
    let warnings = [
        "BGPPeer/tor spec.password.secretKeyRef",
        "BGPConfiguration/default spec.nodeMeshPassword.secretKeyRef",
    ];
    assert_eq!(warned(&running), warnings);
    for warning in &running.warnings {
        assert!(
            warning.message.ends_with("run without a password"),
            "{warning:?}"
        );
    }
    assert!(running.peers.values().all(|peer| peer.shutdown.is_none()));
    let held = held(&store);
    assert_eq!(warned(&held), warnings);
    for (warning, peer) in held.warnings.iter().zip(held.peers.values()) {
        assert!(warning.message.ends_with("are held down"), "{warning:?}");
        assert!(peer.shutdown.is_some() && peer.password.is_none());
    }
    assert!(render_plan(&held).contains("held down"));
}

#[test]
fn a_password_that_no_kernel_takes_holds_the_session_down_either_way() {
    let store = protected(None, &json!({"mesh": "a", "tor": "x".repeat(81)}));
    let plan = planned(&store, "a");
    assert!(peer(&plan, TOR).shutdown.is_some() && peer(&plan, TOR).password.is_none());
    assert!(peer(&plan, MESH).shutdown.is_none());
    assert!(
        plan.warnings[0].message.contains("81 octets"),
        "{:?}",
        plan.warnings
    );
}

#[test]
fn another_password_resets_the_sessions_that_use_it_and_no_other() {
    let before = planned(&protected(None, &json!({"mesh": "a", "tor": PLANTED})), "a");
    let after = planned(&protected(None, &json!({"mesh": "a", "tor": "new"})), "a");
    let text = render_diff(&diff(&before, &after));
    assert_eq!(text, format!("! session {TOR}: reset, password\n"));
    let gone = planned(&protected(None, &json!({"mesh": "a"})), "a");
    let text = render_diff(&diff(&before, &gone));
    assert_eq!(text, format!("! session {TOR}: reset, password\n"));
}

#[test]
fn a_planted_password_shows_nowhere() {
    let values = json!({"mesh": PLANTED, "tor": format!("{PLANTED}{}", "x".repeat(90))});
    let store = protected(None, &values);
    let plan = held(&store);
    let changes = initial(&plan);
    let shown = [
        format!("{store:?}{plan:?}{changes:?}"),
        render_plan(&plan),
        serde_json::to_string(&plan).expect("JSON"),
        render_diff(&changes),
        render_diff_json(&changes).to_string(),
        format!("{:?}", check(&store)),
    ];
    // Octets in a list of numbers would be a leak too.
    let numbers = format!("{:?}", PLANTED.as_bytes());
    for text in shown {
        assert!(
            !text.contains(PLANTED) && !text.contains(&numbers),
            "{text}"
        );
    }
    assert!(password(&plan, MESH).is_some());
    let plan = serde_json::to_value(&plan).expect("JSON");
    assert_eq!(plan["peers"][MESH]["password"], json!(true));
    assert_eq!(plan["peers"][TOR]["password"], json!(false));
}
