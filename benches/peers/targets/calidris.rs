//! The daemon of this package, as a reflector off the data path.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use serde_json::Value;

use super::{ADDRESS, PORT, Setup, Target};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_calidris");

/// Says how many shards to measure, where that is not the daemon's own choice.
const SHARDS: &str = "CALIDRIS_BENCH_SHARDS";

pub(crate) const TARGET: Target = Target {
    name: "calidris",
    file: PROGRAM,
    version: &[PROGRAM, "--version"],
    prepare,
    ready,
};

fn prepare(setup: &Setup, folder: &Path) -> io::Result<Command> {
    let resources = folder.join("resources");
    fs::create_dir_all(&resources)?;
    fs::write(resources.join("all.yaml"), documents(setup))?;
    let mut command = Command::new(PROGRAM);
    command
        .args(["run", "--fib", "none", "--http", "off", "--log", "warn"])
        .args(["--node", "target", "--listen-port", &PORT.to_string()])
        .arg(format!("--datastore=dir:{}", resources.display()))
        .arg(format!("--socket={}", socket(folder)));
    if let Ok(shards) = std::env::var(SHARDS) {
        command.args(["--rib-shards", &shards]);
    }
    Ok(command)
}

fn documents(setup: &Setup) -> String {
    let mut text = format!(
        "apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata:
  name: default
  annotations:
    calidris.io/passive: \"true\"
spec:
  asNumber: {}
  nodeToNodeMeshEnabled: false
---
apiVersion: projectcalico.org/v3
kind: Node
metadata:
  name: target
spec:
  bgp:
    ipv4Address: {ADDRESS}/16
    routeReflectorClusterID: {}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: everything
spec:
  cidr: 0.0.0.0/0
",
        setup.asn, setup.cluster
    );
    for (number, neighbour) in setup.neighbours.iter().enumerate() {
        let _ = write!(
            text,
            "---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: peer-{number}
spec:
  node: target
  peerIP: {}
  asNumber: {}
  reversePeering: Manual
",
            neighbour.address, neighbour.asn
        );
    }
    text
}

/// The listener may be there before all sessions are planned.
fn ready(setup: &Setup, folder: &Path) -> Result<(), String> {
    let output = Command::new(PROGRAM)
        .args(["show", "summary", "-o", "json", "--socket", &socket(folder)])
        .output()
        .map_err(|error| error.to_string())?;
    let answer: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let sessions = answer["neighbors"].as_array().map_or(0, Vec::len);
    if sessions == setup.neighbours.len() {
        Ok(())
    } else {
        Err(format!("it has {sessions} sessions: {answer:.300}"))
    }
}

fn socket(folder: &Path) -> String {
    folder.join("calidris.sock").display().to_string()
}
