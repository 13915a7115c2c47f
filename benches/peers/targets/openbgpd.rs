//! OpenBGPD in its portable edition: three processes, two of which give up root.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use super::{ADDRESS, Setup, Target, at_once};

pub(crate) const TARGET: Target = Target {
    name: "openbgpd",
    file: "/usr/sbin/bgpd",
    version: &["/usr/sbin/bgpctl", "-V"],
    prepare,
    ready: at_once,
};

fn prepare(setup: &Setup, folder: &Path) -> io::Result<Command> {
    // Where its parts go when they give up root; /run is this program's own.
    fs::create_dir_all("/run/openbgpd")?;
    let file = folder.join("bgpd.conf");
    fs::write(&file, configuration(setup, folder))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    let mut command = Command::new(TARGET.file);
    command.arg("-d").arg("-f").arg(&file);
    Ok(command)
}

fn configuration(setup: &Setup, folder: &Path) -> String {
    let mut text = format!(
        "AS {}
router-id {ADDRESS}
fib-update no
nexthop qualify via default
socket \"{}\"
listen on {ADDRESS}
",
        setup.asn,
        folder.join("ctl").display()
    );
    for neighbour in &setup.neighbours {
        let kind = match setup.is_internal(neighbour) {
            true => format!(" route-reflector {}\n", setup.cluster),
            false => " multihop 64\n enforce neighbor-as no\n".to_owned(),
        };
        let _ = writeln!(
            text,
            "neighbor {} {{\n remote-as {}\n passive\n announce IPv4 unicast\n{kind}}}",
            neighbour.address, neighbour.asn
        );
    }
    text.push_str("allow from any\nallow to any\n");
    text
}
