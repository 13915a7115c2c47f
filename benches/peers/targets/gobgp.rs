//! GoBGP.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use super::{ADDRESS, PORT, Setup, Target};

pub(crate) const TARGET: Target = Target {
    name: "gobgp",
    file: "/usr/bin/gobgpd",
    version: &["/usr/bin/gobgpd", "--version"],
    prepare,
    ready,
};

fn prepare(setup: &Setup, folder: &Path) -> io::Result<Command> {
    let file = folder.join("gobgpd.toml");
    fs::write(&file, configuration(setup))?;
    let mut command = Command::new(TARGET.file);
    command
        .args(["--api-hosts", API, "--pprof-disable", "--log-plain"])
        .args(["--log-level", "warn"])
        .arg("--config-file")
        .arg(&file);
    Ok(command)
}

fn configuration(setup: &Setup) -> String {
    let mut text = format!(
        "[global.config]
as = {}
router-id = \"{ADDRESS}\"
port = {PORT}
local-address-list = [\"{ADDRESS}\"]
",
        setup.asn
    );
    for neighbour in &setup.neighbours {
        let _ = write!(
            text,
            "[[neighbors]]
[neighbors.config]
neighbor-address = \"{}\"
peer-as = {}
[neighbors.transport.config]
passive-mode = true
",
            neighbour.address, neighbour.asn
        );
        if setup.is_internal(neighbour) {
            let _ = write!(
                text,
                "[neighbors.route-reflector.config]
route-reflector-client = true
route-reflector-cluster-id = \"{}\"
",
                setup.cluster
            );
        } else {
            text.push_str("[neighbors.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = 64\n");
        }
    }
    text
}

/// It listens first and adds its neighbours then.
fn ready(setup: &Setup, _: &Path) -> Result<(), String> {
    let output = Command::new("/usr/bin/gobgp")
        .arg("neighbor")
        .output()
        .map_err(|error| error.to_string())?;
    let lines = String::from_utf8_lossy(&output.stdout).lines().count();
    (lines == setup.neighbours.len() + 1)
        .then_some(())
        .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

const API: &str = "127.0.0.1:50051";
