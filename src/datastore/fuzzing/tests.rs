use super::*;
use crate::net::testing::{Seeds, check_corpus};

const NODE: &str = "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: node-1}\n\
                    spec: {bgp: {ipv4Address: 192.0.2.11/24, ipv6Address: 'fd00::11/64', asNumber: '1.10'}}\n";

const EVERY_FIELD: &str = r#"apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default, annotations: {calidris.io/x: "1"}}
spec:
  logSeverityScreen: Info
  nodeToNodeMeshEnabled: true
  nodeMeshMaxRestartTime: 120s
  nodeMeshPassword: {secretKeyRef: {name: bgp, key: mesh}}
  asNumber: 64512
  listenPort: 1790
  bindMode: NodeIP
  serviceClusterIPs: [{cidr: 10.96.0.0/12}]
  serviceExternalIPs: [{cidr: 203.0.113.0/24}]
  serviceLoadBalancerIPs: [{cidr: "fd00:1::/64"}]
  prefixAdvertisements: [{cidr: 10.65.0.0/16, communities: [bgp-large, "64512:100"]}]
  communities: [{name: bgp-large, value: "64512:300:100"}]
  ignoredInterfaces: [eth9]
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor, annotations: {calidris.io/role: customer}}
spec:
  peerIP: 192.0.2.254:1179
  asNumber: 65001
  node: node-1
  nextHopMode: Self
  keepOriginalNextHop: false
  keepaliveTime: 30s
  maxRestartTime: 2m
  numAllowedLocalASNumbers: 1
  ttlSecurity: 1
  sourceAddress: UseNodeIP
  reachableBy: 192.0.2.1
  filters: [a]
  password: {secretKeyRef: {name: tor, key: password}}
---
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: node-1-10-65-0-0-26}
spec: {cidr: 10.65.0.0/26, node: node-1, state: confirmed, deleted: "false"}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.65.0.0/16, ipipMode: Never, vxlanMode: CrossSubnet, natOutgoing: true, disabled: false, disableBGPExport: false, nodeSelector: all(), blockSize: 26}
"#;

/// Texts that go wrong in ways of their own.
const BROKEN: [(&str, &str); 16] = [
    ("not-yaml", "kind: Node\nmetadata: {name: [\n"),
    ("tabs", "kind:\tNode\nmetadata:\n\tname: x\n"),
    ("aliases", "a: &a [1, 2]\nb: &b [*a, *a]\nc: [*b, *b, *b]\n"),
    ("alias-of-itself", "a: &a {b: *a}\n"),
    ("unknown-anchor", "kind: *nothing\n"),
    (
        "merge-key",
        "base: &b {kind: Node}\n<<: *b\napiVersion: v1\n",
    ),
    ("two-of-a-key", "kind: Node\nkind: BGPPeer\n"),
    ("key-that-is-a-list", "? [a, b]\n: c\n"),
    (
        "name-of-two-lines",
        "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: \"a\\nb\"}\nspec: {bgp: {asNumber: x}}\n",
    ),
    (
        "numbers",
        "a: 0x1f\nb: 1e999\nc: -0\nd: .nan\ne: 18446744073709551616\nf: 0o17\n",
    ),
    (
        "markers",
        "---\n...\n---\n# nothing\n--- {kind: Node}\n---x\n",
    ),
    ("binary", "kind: !!binary aGk=\nmetadata: !!set {a, b}\n"),
    (
        "block-text",
        "kind: |-\n  Node\n   two\nname: >+\n  folded\n\n",
    ),
    ("bom", "\u{feff}kind: Node\r\nmetadata: {name: x}\r\n"),
    (
        "list-of-kinds",
        "kind: BGPPeerList\napiVersion: projectcalico.org/v3\nitems: [{kind: BGPPeer, apiVersion: projectcalico.org/v3}, 7, null, {}]\n",
    ),
    (
        "unsupported",
        "apiVersion: apps/v1\nkind: DaemonSet\n---\napiVersion: example.org/v1\nkind: Node\n",
    ),
];

fn seeds() -> Seeds {
    let json = r#"{"apiVersion":"projectcalico.org/v3","kind":"Node","metadata":{"name":"n","labels":{"a.b/c":"d"}},"spec":{"bgp":{"ipv4Address":"192.0.2.1/24","routeReflectorClusterID":"10.0.0.1"}}}"#;
    let list = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{json},{json}]}} {json} {{"#);
    let deep = format!("{}{}", "[".repeat(150), "]".repeat(150));
    let mut seeds: Seeds = vec![
        ("node", NODE.into()),
        (
            "node-and-every-field",
            format!("{NODE}---\n{EVERY_FIELD}").into(),
        ),
        ("json", json.into()),
        ("json-list", list.into()),
        ("json-deep", deep.into()),
        ("json-cut", json.as_bytes()[..90].to_vec()),
        ("not-text", vec![b'k', b':', 0xff, 0xfe]),
        ("empty", Vec::new()),
    ];
    seeds.extend(BROKEN.map(|(name, text)| (name, text.into())));
    let examples: [(&str, &str); 4] = [
        (
            "example-mesh-cluster",
            include_str!("../../../examples/mesh/cluster.yaml"),
        ),
        (
            "example-mesh-nodes",
            include_str!("../../../examples/mesh/nodes.yaml"),
        ),
        (
            "example-reflector",
            include_str!("../../../examples/route-reflector/cluster.yaml"),
        ),
        (
            "example-dual-stack",
            include_str!("../../../examples/dual-stack-tor/resources.yaml"),
        ),
    ];
    seeds.extend(examples.map(|(name, text)| (name, text.into())));
    seeds
}

#[test]
fn the_corpus_does_no_harm() {
    check_corpus("resource", seeds(), resource);
}
