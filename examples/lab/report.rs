//! The cluster on screen: a table that refreshes on a terminal, plain lines elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::io::{self, IsTerminal, stdout};
use std::time::Duration;

use crate::cluster::{Cluster, NodeState, State};
use crate::kernel_routes::KernelRoute;

/// How many events stay on a terminal; older ones scroll out.
const EVENTS_SHOWN: usize = 12;

/// What has been shown so far.
pub(crate) struct Screen {
    redraws: bool,
    hint: String,
    addresses: BTreeMap<String, String>,
    /// What was known of each node: lines by subject.
    known: BTreeMap<String, BTreeMap<String, String>>,
    recent: VecDeque<String>,
    drawn: Option<String>,
}

impl Screen {
    pub(crate) fn new(cluster: &Cluster, once: bool) -> Self {
        let redraws = stdout().is_terminal() && !once;
        let first = &cluster.nodes[0];
        let hint = format!(
            "Sockets and logs: {}\nLook inside: nsenter --net=/run/netns/{} ip route",
            cluster.folder(),
            first.namespace.name(),
        );
        let addresses = cluster
            .nodes
            .iter()
            .map(|node| (node.name.clone(), node.addresses.join("  ")))
            .collect();
        let reflectors = cluster
            .nodes
            .iter()
            .filter(|node| node.is_reflector)
            .count();
        let nodes = cluster.nodes.len() - reflectors;
        let peering = match reflectors {
            0 => "full mesh".to_owned(),
            _ => format!("clients of {reflectors} reflectors off the data path"),
        };
        println!("{nodes} nodes, {peering}, IPv4 and IPv6.\n{hint}");
        Self {
            redraws,
            hint,
            addresses,
            known: BTreeMap::new(),
            recent: VecDeque::new(),
            drawn: None,
        }
    }

    /// Shows what has changed.
    pub(crate) fn show(&mut self, elapsed: Duration, state: &State) {
        for node in &state.nodes {
            let before = self.known.remove(&node.name).unwrap_or_default();
            let after = facts(node);
            for line in changes(&before, &after) {
                self.event(format!(
                    "{:6.1} s  {:<11} {line}",
                    elapsed.as_secs_f64(),
                    node.name
                ));
            }
            self.known.insert(node.name.clone(), after);
        }
        if self.redraws {
            self.draw(elapsed, state);
        }
    }

    /// Ends with the table.
    pub(crate) fn complete(&self, elapsed: Duration, state: &State) {
        let sessions: usize = state.nodes.iter().map(NodeState::established).sum();
        let reflectors = state.nodes.iter().filter(|node| node.is_reflector).count();
        println!("\n{}", self.table(state));
        println!(
            "Complete after {:.1} s: {sessions} session ends Established, {} blocks in each of {} \
             kernels{}.",
            elapsed.as_secs_f64(),
            state.blocks(0).count() + state.blocks(1).count(),
            state.nodes.len() - reflectors,
            match reflectors {
                0 => "",
                _ => " and at each reflector",
            }
        );
    }

    fn event(&mut self, line: String) {
        if !self.redraws {
            println!("{line}");
        }
        self.recent.push_back(line);
        if self.recent.len() > EVENTS_SHOWN {
            self.recent.pop_front();
        }
    }

    fn draw(&mut self, elapsed: Duration, state: &State) {
        let mut text = format!("{}\n", self.table(state));
        for line in &self.recent {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        }
        let complete = if state.missing().is_empty() {
            "complete"
        } else {
            "converging"
        };
        let _ = writeln!(
            text,
            "\n{}\n{complete}; Ctrl-C takes everything down.",
            self.hint
        );
        if self.drawn.as_ref() != Some(&text) {
            // Home, clear: the whole picture is short.
            print!(
                "\x1b[H\x1b[2Jcalidris lab, {} s\n\n{text}",
                elapsed.as_secs()
            );
            let _ = io::Write::flush(&mut stdout());
            self.drawn = Some(text);
        }
    }

    fn table(&self, state: &State) -> String {
        let mut text = format!(
            "{:<13}{:<30}{:>9}{:>14}{:>14}\n",
            "NODE", "ADDRESSES", "SESSIONS", "IPv4 BLOCKS", "IPv6 BLOCKS"
        );
        for node in &state.nodes {
            let blocks = |family| {
                let all = state.blocks(family).count();
                format!("{}/{all}", state.blocks_at(node, family))
            };
            let sessions = format!("{}/{}", node.established(), state.sessions_of(node));
            let cells = [sessions, blocks(0), blocks(1)];
            let _ = writeln!(
                text,
                "{:<13}{:<30}{:>9}{:>14}{:>14}",
                node.name, self.addresses[&node.name], cells[0], cells[1], cells[2]
            );
        }
        text
    }
}

/// What is so at a node, by subject.
fn facts(node: &NodeState) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    if let Some(ended) = &node.ended {
        facts.insert("the daemon ended".to_owned(), ended.clone());
    }
    for (name, session) in &node.sessions {
        facts.insert(format!("session {name}"), session.state.clone());
    }
    for (prefix, route) in &node.routes {
        let place = if node.is_reflector {
            "route "
        } else {
            "kernel"
        };
        facts.insert(format!("{place}  {prefix}"), in_words(route));
    }
    facts
}

fn in_words(route: &KernelRoute) -> String {
    match route.gateways.as_slice() {
        [] => route.kind.clone(),
        gateways => format!("via {}", gateways.join(" and ")),
    }
}

fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let new = after
        .iter()
        .filter(|(subject, fact)| before.get(*subject) != Some(fact));
    let gone = before
        .keys()
        .filter(|subject| !after.contains_key(*subject));
    new.map(|(subject, fact)| format!("{subject} {fact}"))
        .chain(gone.map(|subject| format!("{subject} gone")))
        .collect()
}
