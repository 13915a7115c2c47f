//! Debian's BIRD 2.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use super::{ADDRESS, PORT, Setup, Target, at_once};

pub(crate) const TARGET: Target = Target {
    name: "bird",
    file: "/usr/sbin/bird",
    version: &["/usr/sbin/bird", "--version"],
    prepare,
    ready: at_once,
};

fn prepare(setup: &Setup, folder: &Path) -> io::Result<Command> {
    let file = folder.join("bird.conf");
    fs::write(&file, configuration(setup))?;
    let mut command = Command::new(TARGET.file);
    command.arg("-f").arg("-c").arg(&file);
    command.arg("-s").arg(folder.join("bird.ctl"));
    Ok(command)
}

/// Next hops are looked up in a table of their own, which is empty: that routes come and go in the
/// main one must not have BIRD look them all up again.
fn configuration(setup: &Setup) -> String {
    let mut text = format!(
        "log stderr {{ warning, error, fatal, bug }};
router id {ADDRESS};
protocol device {{ scan time 3600; }}
ipv4 table next_hops;
template bgp neighbour {{
    local {ADDRESS} port {PORT} as {};
    multihop;
    passive on;
    ipv4 {{ import all; export all; igp table next_hops; }};
}}
",
        setup.asn
    );
    for (number, neighbour) in setup.neighbours.iter().enumerate() {
        let client = match setup.is_internal(neighbour) {
            true => format!(" rr client; rr cluster id {};", setup.cluster),
            false => String::new(),
        };
        let _ = writeln!(
            text,
            "protocol bgp peer{number} from neighbour {{ neighbor {} as {};{client} }}",
            neighbour.address, neighbour.asn
        );
    }
    text
}
