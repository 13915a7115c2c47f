//! The nodes, their resources, and what can be seen of them from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use serde_json::Value;
use tempfile::TempDir;

use crate::kernel_routes::{self, KernelRoute};
use crate::namespace::{Namespace, Process, Segment, last_lines, output};
use crate::resources::{self, Resources};
use crate::{Mode, NODE};

/// The settings of the cluster, with the pools that the blocks below lie in: full mesh.
const MESH: &str = include_str!("../mesh/cluster.yaml");
/// The same with sessions to reflectors only.
const REFLECTORS: &str = include_str!("../route-reflector/cluster.yaml");
/// What makes a Node a reflector there.
const REFLECTOR_LABELS: &str = "  labels:
    route-reflector: \"true\"
";
const REFLECTOR_CLUSTER: &str = "    routeReflectorClusterID: 244.0.0.1
";
/// How many reflectors there are in a lab with some.
const REFLECTORS_COUNT: u8 = 2;
/// The last part of the first reflector's addresses.
const FIRST_REFLECTOR: u8 = 251;

/// A running cluster; dropping it ends its processes and removes its namespaces.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    runs: TempDir,
    _resources: Resources,
    _segment: Segment,
}

/// One node of the cluster.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) addresses: [String; 2],
    /// Its blocks, one of each family; a reflector has none.
    pub(crate) blocks: Vec<String>,
    pub(crate) is_reflector: bool,
    pub(crate) socket: PathBuf,
    pub(crate) namespace: Namespace,
    log: PathBuf,
    process: Option<Process>,
}

impl Cluster {
    /// Makes the namespaces, writes the resources and starts the nodes; `unplugged` has no link.
    pub(crate) fn build(count: u8, mode: Mode, unplugged: Option<&str>) -> io::Result<Self> {
        let runs = TempDir::new()?;
        let segment = Segment::create("hub")?;
        let reflectors = match mode {
            Mode::Mesh => 0,
            Mode::Rr => REFLECTORS_COUNT,
        };
        let mut nodes = Vec::new();
        for number in 1..=count {
            nodes.push(Node::create(number, false, runs.path())?);
        }
        for number in 1..=reflectors {
            nodes.push(Node::create(number, true, runs.path())?);
        }
        for node in &nodes {
            let [ipv4, ipv6] = node.masked_addresses();
            segment.attach(&node.namespace, &[&ipv4, &ipv6])?;
        }
        if let Some(unplugged) = unplugged {
            let known = || io::Error::other(format!("--unplug: there is no node {unplugged}"));
            let node = nodes
                .iter()
                .find(|node| node.name == unplugged)
                .ok_or_else(known)?;
            node.namespace.ip("link set eth0 down")?;
        }
        let resources = write_resources(&nodes, mode)?;
        for node in &mut nodes {
            node.start(&resources)?;
        }
        Ok(Self {
            nodes,
            runs,
            _resources: resources,
            _segment: segment,
        })
    }

    /// Asks every daemon and every kernel.
    pub(crate) fn look(&mut self) -> io::Result<State> {
        let mut nodes = Vec::new();
        for node in &mut self.nodes {
            nodes.push(node.look()?);
        }
        Ok(State { nodes })
    }

    /// Where the sockets and logs are.
    pub(crate) fn folder(&self) -> String {
        self.runs.path().display().to_string()
    }
}

impl Node {
    fn create(number: u8, is_reflector: bool, runs: &Path) -> io::Result<Self> {
        let (name, host, blocks) = if is_reflector {
            let host = FIRST_REFLECTOR + number - 1;
            (format!("reflector-{number}"), host, Vec::new())
        } else {
            let ipv4 = format!("10.65.{number}.0/26");
            let ipv6 = format!("fd00:10:65::{number:x}00/122");
            (format!("node-{number}"), number, vec![ipv4, ipv6])
        };
        Ok(Self {
            addresses: [format!("192.0.2.{host}"), format!("2001:db8::{host:x}")],
            blocks,
            is_reflector,
            socket: runs.join(format!("{name}.sock")),
            namespace: Namespace::create(&name)?,
            log: runs.join(format!("{name}.log")),
            process: None,
            name,
        })
    }

    fn masked_addresses(&self) -> [String; 2] {
        [
            format!("{}/24", self.addresses[0]),
            format!("{}/64", self.addresses[1]),
        ]
    }

    fn start(&mut self, resources: &Resources) -> io::Result<()> {
        let datastore = format!("dir:{}", resources.path().display());
        let socket = self.socket.to_string_lossy().into_owned();
        let fib = if self.is_reflector { "none" } else { "kernel" };
        let arguments = [
            NODE,
            "run",
            "--datastore",
            &datastore,
            "--node",
            &self.name,
            "--socket",
            &socket,
            "--fib",
            fib,
            "--http",
            "off",
        ];
        let process = self
            .namespace
            .spawn(env::current_exe()?, &arguments, &self.log)?;
        self.process = Some(process);
        Ok(())
    }

    fn look(&mut self) -> io::Result<NodeState> {
        let ended = match &mut self.process {
            Some(process) => process.ended()?,
            None => None,
        };
        Ok(NodeState {
            name: self.name.clone(),
            blocks: self.blocks.clone(),
            is_reflector: self.is_reflector,
            sessions: self.sessions().unwrap_or_default(),
            routes: match self.is_reflector {
                true => self.selected_routes().unwrap_or_default(),
                false => kernel_routes::read(&self.namespace)?,
            },
            ended: ended.map(|status| format!("{status}\n{}", last_lines(&self.log, 5))),
        })
    }

    /// The sessions by name, each with its state and, if it has one, its last error.
    fn sessions(&self) -> io::Result<BTreeMap<String, Session>> {
        let answer = self.ask("summary")?;
        let rows = answer["neighbors"].as_array();
        let session = |row: &Value| Session {
            state: text(&row["state"]),
            last_error: text(&row["lastError"]["message"]),
        };
        Ok(rows
            .into_iter()
            .flatten()
            .map(|row| (text(&row["name"]), session(row)))
            .collect())
    }

    /// What a daemon without a kernel would have put there: the best path of each prefix.
    fn selected_routes(&self) -> io::Result<BTreeMap<String, KernelRoute>> {
        let answer = self.ask("routes")?;
        let best = |row: &Value| {
            let mut paths = row["paths"].as_array().into_iter().flatten();
            let path = paths.find(|path| path["best"] == true)?;
            let route = KernelRoute {
                kind: "unicast".to_owned(),
                gateways: vec![text(&path["nextHop"])],
                metric: None,
            };
            Some((text(&row["prefix"]), route))
        };
        let rows = answer["routes"].as_array();
        Ok(rows.into_iter().flatten().filter_map(best).collect())
    }

    fn ask(&self, what: &str) -> io::Result<Value> {
        let mut command = Command::new(env::current_exe()?);
        command
            .args([NODE, "show", what, "-o", "json", "--socket"])
            .arg(&self.socket);
        Ok(serde_json::from_str(&output(&mut command)?)?)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Writes the settings of the example `mesh` or `route-reflector`, and as many nodes as there are, each with a block of
/// either family.
fn write_resources(nodes: &[Node], mode: Mode) -> io::Result<Resources> {
    let resources = Resources::create()?;
    let settings = match mode {
        Mode::Mesh => MESH,
        Mode::Rr => REFLECTORS,
    };
    resources.write("cluster.yaml", settings)?;
    for node in nodes {
        let [ipv4, ipv6] = node.masked_addresses();
        let mut document = resources::node(&node.name, &ipv4, &ipv6);
        if node.is_reflector {
            document = document.replace("spec:\n", &format!("{REFLECTOR_LABELS}spec:\n"));
            document += REFLECTOR_CLUSTER;
        }
        let mut documents = vec![document];
        documents.extend(
            node.blocks
                .iter()
                .map(|cidr| resources::block(&node.name, cidr)),
        );
        resources.write(
            &format!("{}.yaml", node.name),
            &resources::documents(&documents),
        )?;
    }
    Ok(resources)
}

/// What was seen at one time.
pub(crate) struct State {
    pub(crate) nodes: Vec<NodeState>,
}

/// What was seen of one node.
pub(crate) struct NodeState {
    pub(crate) name: String,
    pub(crate) blocks: Vec<String>,
    pub(crate) is_reflector: bool,
    pub(crate) sessions: BTreeMap<String, Session>,
    /// In its kernel; those selected where it has none.
    pub(crate) routes: BTreeMap<String, KernelRoute>,
    /// How the daemon ended, if it did, and its last words.
    pub(crate) ended: Option<String>,
}

/// One session as its node tells it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) state: String,
    pub(crate) last_error: String,
}

impl Session {
    pub(crate) fn is_established(&self) -> bool {
        self.state == "Established"
    }
}

impl NodeState {
    pub(crate) fn established(&self) -> usize {
        self.sessions
            .values()
            .filter(|session| session.is_established())
            .count()
    }
}

impl State {
    /// Sessions that a node has when all is well: one a family with every other node, or with every
    /// reflector where there are some.
    pub(crate) fn sessions_of(&self, node: &NodeState) -> usize {
        let reflectors = self.nodes.iter().filter(|node| node.is_reflector).count();
        let peers = match (reflectors, node.is_reflector) {
            (1.., false) => reflectors,
            (0, _) | (_, true) => self.nodes.len() - 1,
        };
        2 * peers
    }

    /// The blocks of one family (0 for IPv4, 1 for IPv6) of all nodes.
    pub(crate) fn blocks(&self, family: usize) -> impl Iterator<Item = &String> {
        let nodes = self.nodes.iter();
        nodes.filter_map(move |node| node.blocks.get(family))
    }

    /// The blocks of one family that this node has.
    pub(crate) fn blocks_at(&self, node: &NodeState, family: usize) -> usize {
        let all = self.blocks(family);
        all.filter(|block| node.routes.contains_key(*block)).count()
    }

    /// What is missing from the whole, a line each; nothing once the cluster is complete.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for node in &self.nodes {
            if let Some(ended) = &node.ended {
                missing.push(format!("{}: the daemon ended: {ended}", node.name));
                continue;
            }
            let known = node.sessions.len();
            let wanted = self.sessions_of(node);
            if known < wanted {
                missing.push(format!("{}: {known} of {wanted} sessions exist", node.name));
            }
            missing.extend(node.sessions.iter().filter_map(|(name, session)| {
                let Session { state, last_error } = session;
                let why = if last_error.is_empty() { "" } else { ": " };
                (!session.is_established())
                    .then(|| format!("{}: {name} is {state}{why}{last_error}", node.name))
            }));
            let lacking: BTreeSet<(&str, &str)> = self
                .nodes
                .iter()
                .flat_map(|other| other.blocks.iter().map(|block| (&*other.name, &**block)))
                .filter(|(_, block)| !node.routes.contains_key(*block))
                .collect();
            missing.extend(lacking.into_iter().map(|(owner, block)| {
                let place = if node.is_reflector { "RIB" } else { "kernel" };
                format!(
                    "{}: the {place} lacks {block}, a block of {owner}",
                    node.name
                )
            }));
        }
        missing
    }
}
