//! Networks of our own: named namespaces, and segments that join them.
//!
//! Everything is made with iproute2 under names that carry this process's number, and goes away when
//! its value is dropped. Commands enter a namespace with `nsenter`, which needs no mounts.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Builds the part of a name that tells this process's namespaces from everybody else's.
fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("cal{}-{number}-{name}", std::process::id())
}

/// Addresses are usable at once, and nodes forward as nodes of a cluster do.
const SETTINGS: &str = "cd /proc/sys/net && echo 0 >ipv6/conf/all/accept_dad && \
    echo 0 >ipv6/conf/default/accept_dad && echo 1 >ipv6/conf/all/forwarding && \
    echo 1 >ipv4/ip_forward";

/// A network namespace with its loopback up; removed when dropped.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace; `label` ends its name.
    pub(crate) fn create(label: &str) -> io::Result<Self> {
        let namespace = Self {
            name: unique(label),
        };
        output(Command::new("ip").args(["netns", "add", &namespace.name]))?;
        namespace.run("sh", &["-c", SETTINGS])?;
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// The name under which `ip netns` knows it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A command that will run inside.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{}", self.name))
            .arg("--")
            .arg(program);
        command
    }

    /// Runs a command inside and returns what it printed.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> io::Result<String> {
        output(self.command(program).args(arguments))
    }

    /// Runs `ip` with the words of `arguments` inside.
    pub(crate) fn ip(&self, arguments: &str) -> io::Result<String> {
        output(self.command("ip").args(arguments.split_whitespace()))
    }

    /// Starts a program inside, its output going to `log`. It dies with the calling thread.
    pub(crate) fn spawn(
        &self,
        program: impl AsRef<OsStr>,
        arguments: &[impl AsRef<OsStr>],
        log: &Path,
    ) -> io::Result<Process> {
        let file = File::options().create(true).append(true).open(log)?;
        let child = self
            .command("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .args(arguments)
            .process_group(0) // an interrupt from the terminal is for us to handle
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()?;
        Ok(Process { child })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; whoever made a mess will have said so.
        let _ = output(Command::new("ip").args(["netns", "delete", &self.name]));
    }
}

/// One layer-2 segment: a bridge in a namespace of its own.
pub(crate) struct Segment {
    hub: Namespace,
    ports: AtomicU32,
}

impl Segment {
    pub(crate) fn create(label: &str) -> io::Result<Self> {
        let hub = Namespace::create(label)?;
        hub.ip("link add br0 type bridge stp_state 0 mcast_snooping 0")?;
        hub.ip("link set br0 up")?;
        Ok(Self {
            hub,
            ports: AtomicU32::new(0),
        })
    }

    /// Gives `namespace` an `eth0` on this segment with these addresses, usable at once.
    pub(crate) fn attach(&self, namespace: &Namespace, addresses: &[&str]) -> io::Result<()> {
        let port = format!("port{}", self.ports.fetch_add(1, Ordering::Relaxed));
        let (there, name) = (namespace.name(), &port);
        self.hub.ip(&format!(
            "link add {name} type veth peer name eth0 netns {there}"
        ))?;
        self.hub.ip(&format!("link set {name} master br0 up"))?;
        for address in addresses {
            let no_detection = if address.contains(':') { "nodad" } else { "" };
            namespace.ip(&format!("address add {address} dev eth0 {no_detection}"))?;
        }
        namespace.ip("link set eth0 up")?;
        Ok(())
    }
}

/// A program that this process started; killed when dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Sends a signal by name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) -> io::Result<()> {
        let pid = self.child.id().to_string();
        output(Command::new("bash").args(["-c", "kill -\"$0\" \"$1\"", name, &pid])).map(drop)
    }

    /// The exit status in words, once the program has ended.
    pub(crate) fn ended(&mut self) -> io::Result<Option<String>> {
        Ok(self.child.try_wait()?.map(|status| status.to_string()))
    }

    /// Ends the program without notice, as SIGKILL does.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.kill();
    }
}

/// The last lines of a log.
pub(crate) fn last_lines(log: &Path, count: usize) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Runs a command to its end; what it printed, or an error that says what failed and why.
pub(crate) fn output(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!(
        "{command:?}: {}: {}",
        output.status,
        said.trim()
    )))
}
