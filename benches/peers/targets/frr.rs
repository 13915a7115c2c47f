//! FRR's bgpd without zebra: as it comes, and with its timers at zero.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use super::{ADDRESS, Setup, Target};

const PROGRAM: &str = "/usr/lib/frr/bgpd";

pub(crate) const TARGET: Target = Target {
    name: "frr",
    file: PROGRAM,
    version: &[PROGRAM, "--version"],
    prepare: |setup, folder| prepare(setup, folder, false),
    ready,
};

/// It waits for nothing, where it would gather changes otherwise.
pub(crate) const TUNED: Target = Target {
    name: "frr-tuned",
    prepare: |setup, folder| prepare(setup, folder, true),
    ..TARGET
};

fn prepare(setup: &Setup, folder: &Path, tuned: bool) -> io::Result<Command> {
    let file = folder.join("bgpd.conf");
    fs::write(&file, configuration(setup, tuned))?;
    let mut command = Command::new(PROGRAM);
    command
        .args(["--no_kernel", "--no_zebra", "--skip_runas"])
        .args(["--user", "root", "--group", "root"])
        .args(["--listenon", &ADDRESS.to_string(), "--vty_port", "0"])
        .arg("--config_file")
        .arg(&file)
        .arg("--pid_file")
        .arg(folder.join("bgpd.pid"))
        .arg("--vty_socket")
        .arg(folder);
    Ok(command)
}

fn configuration(setup: &Setup, tuned: bool) -> String {
    let mut text = format!(
        "log stdout warnings
router bgp {}
 bgp router-id {ADDRESS}
 bgp cluster-id {}
 no bgp ebgp-requires-policy
 no bgp network import-check
",
        setup.asn, setup.cluster
    );
    if tuned {
        text.push_str(" coalesce-time 0\n");
    }
    for neighbour in &setup.neighbours {
        let address = neighbour.address;
        let _ = writeln!(text, " neighbor {address} remote-as {}", neighbour.asn);
        let _ = writeln!(text, " neighbor {address} passive");
        if tuned {
            let _ = writeln!(text, " neighbor {address} advertisement-interval 0");
        }
        if !setup.is_internal(neighbour) {
            let _ = writeln!(text, " neighbor {address} disable-connected-check");
        }
    }
    text.push_str(" address-family ipv4 unicast\n");
    for neighbour in &setup.neighbours {
        if setup.is_internal(neighbour) {
            let address = neighbour.address;
            let _ = writeln!(text, "  neighbor {address} route-reflector-client");
        }
    }
    text.push_str(" exit-address-family\n");
    text
}

/// It reads its configuration once it listens.
fn ready(setup: &Setup, folder: &Path) -> Result<(), String> {
    let output = Command::new("/usr/bin/vtysh")
        .arg("--vty_socket")
        .arg(folder)
        .args(["-d", "bgpd", "-c", "show running-config"])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = setup.neighbours.last().map(|last| last.address.to_string());
    let is_there = last.is_none_or(|last| text.contains(&format!("neighbor {last} ")));
    is_there
        .then_some(())
        .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}
