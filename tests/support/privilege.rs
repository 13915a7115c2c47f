//! What it takes to build networks: root, or a user namespace in which we are.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::{env, io};

/// Set in processes that [`inside_user_namespace`] started.
const MARK: &str = "CALIDRIS_TEST_USER_NAMESPACE";

/// How networks can be built from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// At once.
    Here,
    /// After moving into a user namespace.
    UserNamespace,
    /// Not at all.
    None,
}

impl Privilege {
    /// Finds out by trying.
    pub(crate) fn detect() -> Self {
        let works = |arguments: &[&str]| {
            let mut command = Command::new("unshare");
            command
                .args(arguments)
                .arg("true")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        if env::var_os(MARK).is_some() || works(&["--net", "--mount"]) {
            Self::Here
        } else if works(&["--user", "--map-root-user", "--net", "--mount"]) {
            Self::UserNamespace
        } else {
            Self::None
        }
    }
}

/// The command that runs this very program with namespaces of its own for mounts, with an own
/// `/run`, and for processes: whatever it starts or names ends with it, however it ends.
pub(crate) fn inside_own_namespaces(
    privilege: Privilege,
    arguments: &[impl AsRef<OsStr>],
) -> io::Result<Command> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare"]);
    if privilege == Privilege::UserNamespace {
        command.args(["--user", "--map-root-user", "--net"]);
    }
    command
        .args(["--mount", "--pid", "--mount-proc", "--fork", "--kill-child"])
        .args(["--", "sh", "-c", OWN_RUN])
        .arg(env::current_exe()?)
        .args(arguments)
        .env(MARK, "1");
    Ok(command)
}

const OWN_RUN: &str = "mount -t tmpfs tmpfs /run && mkdir /run/netns && exec \"$0\" \"$@\"";

/// Whether this process was started by one of the commands here.
pub(crate) fn is_inside() -> bool {
    env::var_os(MARK).is_some()
}

/// The command that runs this very program as root of a user namespace, with a `/run` of its own.
pub(crate) fn inside_user_namespace(
    options: &[&str],
    arguments: &[impl AsRef<OsStr>],
) -> io::Result<Command> {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net", "--mount"])
        .args(options)
        .args(["--", "sh", "-c"])
        .arg(OWN_RUN)
        .arg(env::current_exe()?)
        .args(arguments)
        .env(MARK, "1");
    Ok(command)
}
