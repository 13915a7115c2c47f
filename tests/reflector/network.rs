//! One segment with reflectors and clients, and the resources that describe them.

use std::path::Path;

use crate::support;
use crate::support::calidris::Calidris;
use crate::support::namespace::{Namespace, Segment};
use crate::support::resources::{self, Resources};
use crate::support::skip::skip;

/// The AS of everybody.
pub(crate) const AS: u32 = 64_512;

/// An address family; each has a session of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// `ipv4` or `ipv6`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }

    /// `4` or `6`.
    pub(crate) const fn digit(self) -> char {
        match self {
            Self::V4 => '4',
            Self::V6 => '6',
        }
    }

    /// The address of a host.
    pub(crate) fn address(self, host: u8) -> String {
        match self {
            Self::V4 => format!("10.9.0.{host}"),
            Self::V6 => format!("fd09::{host}"),
        }
    }

    /// The block that a host announces.
    pub(crate) fn block(self, host: u8) -> String {
        match self {
            Self::V4 => format!("10.65.{host}.0/26"),
            Self::V6 => format!("fd00:10:65:{host}::/122"),
        }
    }

    /// The name of a calidris' session with a host that is a Node.
    pub(crate) fn session(self, host: u8) -> String {
        format!("Node_{}", self.address(host).replace(['.', ':'], "_"))
    }
}

/// The segment and the folder of resources.
pub(crate) struct Network {
    pub(crate) resources: Resources,
    segment: Segment,
}

/// What a Node of the network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) name: &'a str,
    /// The last part of its addresses.
    pub(crate) host: u8,
    /// Its cluster id, if it is a reflector.
    pub(crate) cluster: Option<&'a str>,
    /// The value of its label `tier`; none if empty.
    pub(crate) tier: &'a str,
}

impl<'a> Machine<'a> {
    /// A reflector, with the label `tier: reflector`.
    pub(crate) const fn reflector(name: &'a str, host: u8, cluster: &'a str) -> Self {
        Self {
            name,
            host,
            cluster: Some(cluster),
            tier: "reflector",
        }
    }

    /// A node without labels.
    pub(crate) const fn client(name: &'a str, host: u8) -> Self {
        Self {
            name,
            host,
            cluster: None,
            tier: "",
        }
    }
}

impl Network {
    /// Builds the segment, and resources of a cluster without a mesh.
    pub(crate) fn new() -> Self {
        let network = Self {
            resources: Resources::create().expect("a temporary folder"),
            segment: Segment::create("hub").expect("namespaces can be made"),
        };
        let impatient = "metadata:
  name: default
  annotations:
    calidris.io/connect-retry: 1s
    calidris.io/idle-hold: 1s..2s
";
        let configuration = resources::configuration(AS, false);
        network.write(
            "base",
            &[
                configuration.replace("metadata:\n  name: default\n", impatient),
                resources::pool("pods-v4", "10.65.0.0/16", 26),
                resources::pool("pods-v6", "fd00:10:65::/48", 122),
            ],
        );
        network
    }

    /// Joins a namespace to the segment.
    pub(crate) fn join(&self, machine: &Machine<'_>) -> Namespace {
        let namespace = Namespace::create(machine.name).expect("namespaces can be made");
        let ipv4 = format!("{}/24", Family::V4.address(machine.host));
        let ipv6 = format!("{}/64", Family::V6.address(machine.host));
        self.segment
            .attach(&namespace, &[&ipv4, &ipv6])
            .expect("links can be made");
        namespace
    }

    /// Writes the Node of a machine.
    pub(crate) fn describe(&self, machine: &Machine<'_>) {
        let ipv4 = format!("{}/24", Family::V4.address(machine.host));
        let ipv6 = format!("{}/64", Family::V6.address(machine.host));
        let mut node = resources::node(machine.name, &ipv4, &ipv6);
        if !machine.tier.is_empty() {
            let labels = format!("  labels:\n    tier: {}\nspec:\n", machine.tier);
            node = node.replace("spec:\n", &labels);
        }
        if let Some(cluster) = machine.cluster {
            node += &format!("    routeReflectorClusterID: {cluster}\n");
        }
        self.write(&format!("node-{}", machine.name), &[node]);
    }

    /// Writes a BGPPeer with two selectors.
    pub(crate) fn peer(&self, name: &str, nodes: &str, peers: &str) {
        let peer = format!(
            "apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: {name}
spec:
  nodeSelector: \"{nodes}\"
  peerSelector: \"{peers}\"
"
        );
        self.write(&format!("peer-{name}"), &[peer]);
    }

    /// From all nodes to the reflectors, as Calico's manual has it.
    pub(crate) fn all_to_reflectors(&self) {
        self.peer("to-reflectors", "all()", "tier == 'reflector'");
    }

    /// Gives a calidris its blocks, and communities to them.
    pub(crate) fn give_blocks(&self, machine: &Machine<'_>) {
        let host = machine.host;
        let blocks = Family::ALL.map(|family| resources::block(machine.name, &family.block(host)));
        let mut advertisements = String::new();
        for family in Family::ALL {
            let block = family.block(host);
            advertisements += &format!(
                "  - cidr: \"{block}\"\n    communities: [\"{AS}:{host}\", \"{AS}:1:{host}\"]\n"
            );
        }
        let configuration = format!(
            "apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata:
  name: node.{}
spec:
  prefixAdvertisements:
{advertisements}",
            machine.name
        );
        let [first, second] = blocks;
        self.write(
            &format!("blocks-{}", machine.name),
            &[first, second, configuration],
        );
    }

    pub(crate) fn write(&self, name: &str, documents: &[String]) {
        self.resources
            .write(&format!("{name}.yaml"), &resources::documents(documents))
            .expect("the folder is ours");
    }

    /// Starts a calidris that leaves the kernel alone.
    pub(crate) fn calidris<'a>(&'a self, namespace: &'a Namespace, name: &str) -> Calidris<'a> {
        Calidris::start_with(namespace, name, &self.resources, &["--fib", "none"])
    }
}

/// Whether the test called `name` should go on in this process; see [`support::network_allowed`].
pub(crate) fn is_allowed(name: &str, programs: &[&str]) -> bool {
    if let Some(missing) = programs.iter().find(|file| !Path::new(file).exists()) {
        skip(
            name,
            &format!("no {missing}; scripts/install-test-tools installs it"),
        );
        return false;
    }
    support::network_allowed(name)
}
