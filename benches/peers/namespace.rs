//! A network of this program's own, with all of 10.9.0.0/16 on its loopback device: targets listen
//! where they always listen, and nobody else is met.

use std::process::{Command, ExitCode, Stdio};
use std::{env, io};

/// Set in the process inside.
const MARK: &str = "CALIDRIS_BENCH_INSIDE";

/// A `/run` of its own for programs that insist on it, and sockets for a thousand neighbours.
const SETUP: &str = "ip link set lo up && ip address add 10.9.0.1/16 dev lo && \
    mount -t tmpfs tmpfs /run && ulimit -n $(ulimit -Hn) && exec \"$0\" \"$@\"";

/// Whether this process is the one inside.
pub(crate) fn is_inside() -> bool {
    env::var_os(MARK).is_some()
}

/// Runs this program again in new namespaces, and waits for its end.
pub(crate) fn run_inside(words: &[String]) -> io::Result<ExitCode> {
    let as_root = ["--net", "--mount"].as_slice();
    let as_user = ["--user", "--map-root-user", "--net", "--mount"].as_slice();
    let options = if works(as_root) { as_root } else { as_user };
    let status = Command::new("unshare")
        .args(options)
        .args(["--", "sh", "-c", SETUP])
        .arg(env::current_exe()?)
        .args(words)
        .env(MARK, "1")
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn works(options: &[&str]) -> bool {
    let status = Command::new("unshare")
        .args(options)
        .arg("true")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
