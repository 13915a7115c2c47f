//! The nodes, their resources, and what can be seen of them from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::{env, io};

use serde_json::Value;
use tempfile::TempDir;

use crate::NODE;
use crate::kernel_routes::{self, KernelRoute};
use crate::namespace::{Namespace, Process, Segment, last_lines, output};
use crate::resources::{self, Resources};

/// The settings of the cluster: full mesh, and the pools that the blocks below lie in.
const CLUSTER: &str = include_str!("../mesh/cluster.yaml");

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
    pub(crate) blocks: [String; 2],
    pub(crate) socket: PathBuf,
    pub(crate) namespace: Namespace,
    log: PathBuf,
    process: Option<Process>,
}

impl Cluster {
    /// Makes the namespaces, writes the resources and starts the nodes; `unplugged` has no link.
    pub(crate) fn build(count: u8, unplugged: Option<&str>) -> io::Result<Self> {
        let runs = TempDir::new()?;
        let segment = Segment::create("hub")?;
        let mut nodes = Vec::new();
        for number in 1..=count {
            let name = format!("node-{number}");
            let node = Node {
                addresses: [format!("192.0.2.{number}"), format!("2001:db8::{number:x}")],
                blocks: [
                    format!("10.65.{number}.0/26"),
                    format!("fd00:10:65::{number:x}00/122"),
                ],
                socket: runs.path().join(format!("{name}.sock")),
                namespace: Namespace::create(&name)?,
                log: runs.path().join(format!("{name}.log")),
                process: None,
                name,
            };
            let [ipv4, ipv6] = node.masked_addresses();
            segment.attach(&node.namespace, &[&ipv4, &ipv6])?;
            nodes.push(node);
        }
        if let Some(unplugged) = unplugged {
            let known = || io::Error::other(format!("--unplug: there is no node {unplugged}"));
            let node = nodes
                .iter()
                .find(|node| node.name == unplugged)
                .ok_or_else(known)?;
            node.namespace.ip("link set eth0 down")?;
        }
        let resources = write_resources(&nodes)?;
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
    fn masked_addresses(&self) -> [String; 2] {
        [
            format!("{}/24", self.addresses[0]),
            format!("{}/64", self.addresses[1]),
        ]
    }

    fn start(&mut self, resources: &Resources) -> io::Result<()> {
        let datastore = format!("dir:{}", resources.path().display());
        let socket = self.socket.to_string_lossy().into_owned();
        let arguments = [
            NODE,
            "run",
            "--datastore",
            &datastore,
            "--node",
            &self.name,
            "--socket",
            &socket,
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
            sessions: self.sessions().unwrap_or_default(),
            routes: kernel_routes::read(&self.namespace)?,
            ended: ended.map(|status| format!("{status}\n{}", last_lines(&self.log, 5))),
        })
    }

    /// The sessions by name, each with its state and, if it has one, its last error.
    fn sessions(&self) -> io::Result<BTreeMap<String, Session>> {
        let mut command = Command::new(env::current_exe()?);
        command
            .args([NODE, "show", "summary", "-o", "json", "--socket"])
            .arg(&self.socket);
        let answer: Value = serde_json::from_str(&output(&mut command)?)?;
        let rows = answer["neighbors"].as_array();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
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
}

/// Writes the settings of the example `mesh`, and as many nodes as there are, each with a block of
/// either family.
fn write_resources(nodes: &[Node]) -> io::Result<Resources> {
    let resources = Resources::create()?;
    resources.write("cluster.yaml", CLUSTER)?;
    for node in nodes {
        let [ipv4, ipv6] = node.masked_addresses();
        let mut documents = vec![resources::node(&node.name, &ipv4, &ipv6)];
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
    pub(crate) blocks: [String; 2],
    pub(crate) sessions: BTreeMap<String, Session>,
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
    /// Sessions that each node has when all is well: one a family with every other node.
    pub(crate) fn sessions_each(&self) -> usize {
        2 * (self.nodes.len() - 1)
    }

    /// The blocks of one family (0 for IPv4, 1 for IPv6) that are in this node's kernel.
    pub(crate) fn blocks_at(&self, node: &NodeState, family: usize) -> usize {
        let all = self.nodes.iter().map(|other| &other.blocks[family]);
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
            if known < self.sessions_each() {
                let wanted = self.sessions_each();
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
                format!(
                    "{}: the kernel lacks {block}, a block of {owner}",
                    node.name
                )
            }));
        }
        missing
    }
}
