use std::fs;

use super::*;

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("written");
    }
    let root = folder.path().display().to_string() + "/";
    let problems = validate(&[folder.path().to_owned()]);
    problems
        .iter()
        .map(|problem| problem.to_string().replace(&root, ""))
        .collect()
}

const NODES: &str = "\
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec: {bgp: {ipv4Address: 192.0.2.1/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b}
spec:
  bgp:
    ipv4Address: 192.0.2.1/24
";

#[test]
fn problems_between_resources_are_placed_at_the_field() {
    assert_eq!(
        problems(&[("nodes.yaml", NODES)]),
        [
            "nodes.yaml:11:18: Node/b spec.bgp.ipv4Address: 192.0.2.1 is the address of Node/a too: \
          every node needs its own"
        ]
    );
}

#[test]
fn every_bad_resource_is_named_with_the_rest_unharmed() {
    let peer = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        )
    };
    let text = [
        peer("no-address", "{asNumber: 65001}"),
        peer("no-as", "{peerIP: 192.0.2.9}"),
        peer("bad-as", "{peerIP: 192.0.2.9, asNumber: abc}"),
        peer("nowhere", "{node: x, peerIP: 192.0.2.9, asNumber: 65001}"),
        peer(
            "later",
            "{peerIP: 192.0.2.8, asNumber: 65001, filters: [f]}",
        ),
        peer("good", "{peerIP: 192.0.2.7, asNumber: 65001}"),
        peer("good", "{peerIP: 192.0.2.6, asNumber: 65001}"),
        "---\nkind: [\n".to_owned(),
    ]
    .concat();
    let nodes = NODES.replace("192.0.2.1/24\n", "192.0.2.2/24\n");
    let found = problems(&[("nodes.yaml", &nodes), ("peers.yaml", &text)]);
    let starts = [
        "peers.yaml:5:7: BGPPeer/no-address spec.peerIP: the peer has no address",
        "peers.yaml:10:7: BGPPeer/no-as spec.asNumber: the AS number of the peer is missing",
        "peers.yaml:15:37: BGPPeer/bad-as spec.asNumber: \"abc\" is not an AS number",
        "peers.yaml:20:14: BGPPeer/nowhere spec.node: \"x\" is not the name of a Node",
        "peers.yaml:25:53: warning: BGPPeer/later spec.filters: ",
        "peers.yaml:32: BGPPeer/good: is defined at ",
    ];
    assert_eq!(found.len(), starts.len() + 1, "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert!(found[6].contains("is not YAML"), "{}", found[6]);
}

#[test]
fn passwords_and_annotations_are_checked_by_name() {
    let peer = |name: &str, annotations: &str, spec: &str| {
        format!(
            "---\napiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata:\n  name: {name}\n  \
             annotations: {{{annotations}}}\nspec: {{asNumber: 65001, {spec}}}\n"
        )
    };
    let password = "password: {secretKeyRef: {name: bgp, key: tor}}";
    let peers = [
        peer("a", "calidris.io/role: seller", "peerIP: 192.0.2.9"),
        peer("b", "", &format!("peerIP: 192.0.2.8, {password}")),
        peer("c", "", "peerIP: 'fe80::1'"),
        peer("d", "calidris.io/interface: eth0", "peerIP: 'fe80::1'"),
    ]
    .concat();
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: bgp, namespace: any}\n";
    let check = |values: &str| {
        let text = format!("{peers}{secret}stringData: {{{values}}}\n");
        let nodes = NODES.replace("192.0.2.1/24\n", "192.0.2.2/24\n");
        problems(&[("nodes.yaml", &nodes), ("peers.yaml", &text)])
    };
    let found = check("mesh: x");
    let starts = [
        "peers.yaml:6:35: BGPPeer/a metadata.annotations[calidris.io/role]: \"seller\" is not \
         provider, customer, peer, rs, rs-client or none",
        "peers.yaml:14:69: BGPPeer/b spec.password.secretKeyRef: Secret \"bgp\" has no key \"tor\"",
        "peers.yaml:20:16: BGPPeer/c metadata.annotations[calidris.io/interface]: ",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    let found = check("tor: c0rrect-horse");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(!found.concat().contains("c0rrect-horse"));
}

#[test]
fn without_any_secret_a_reference_is_only_remarked_on() {
    let text = "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: tor}\n\
                spec: {peerIP: 192.0.2.9, asNumber: 1, password: {secretKeyRef: {name: s, key: k}}}\n";
    let found = problems(&[("peer.yaml", text)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("warning: BGPPeer/tor spec.password.secretKeyRef"),
        "{found:#?}"
    );
}

#[test]
fn a_path_that_is_not_there_is_a_problem() {
    let found = validate(&[PathBuf::from("/nonexistent/x.yaml")]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].to_string().starts_with("/nonexistent/x.yaml: "),
        "{}",
        found[0]
    );
    assert_eq!(found[0].severity, Severity::Error);
}

#[test]
fn what_loads_can_be_planned() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yaml"), NODES).expect("written");
    let (store, problems) = load(&[folder.path().join("a.yaml")]);
    assert!(store.is_in_sync());
    assert_eq!((store.len(), problems.len()), (2, 1));
}

#[test]
fn all_examples_validate_and_plan_without_a_warning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = fs::read_dir(root.join("examples")).expect("there are examples");
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.expect("listed").path()).collect();
    folders.retain(|path| path.is_dir() && !path.ends_with("lab")); // the lab is a program
    folders.push(root.join("conf/resources"));
    assert!(folders.len() >= 5);
    for folder in folders {
        let (store, problems) = load(std::slice::from_ref(&folder));
        assert!(problems.is_empty(), "{}: {problems:?}", folder.display());
        assert!(store.nodes().count() > 0, "{}", folder.display());
        for node in store.nodes() {
            let identity = crate::plan::Identity {
                node: node.metadata.name.to_string(),
                router_id: crate::plan::RouterIdChoice::NodeAddress,
                listen_port: None,
                passwords: Default::default(),
            };
            let plan = crate::plan::plan(&store, &identity).expect("the node is there");
            assert!(
                plan.warnings.is_empty(),
                "{}: {:?}",
                folder.display(),
                plan.warnings
            );
            assert!(
                !plan.peers.is_empty(),
                "{}: {}",
                folder.display(),
                identity.node
            );
        }
    }
}
