//! The programs that are measured: how each is configured and started, and what it uses.

mod bird;
mod calidris;
mod frr;
mod gobgp;
pub(crate) mod limit;
mod openbgpd;
mod usage;

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::clock::now;

pub(crate) use usage::Usage;

/// Where every target listens, in a network namespace of this program's own.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// The port of BGP.
pub(crate) const PORT: u16 = 179;

/// One neighbour that the target is configured for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbour {
    pub(crate) address: Ipv4Addr,
    pub(crate) asn: u32,
}

/// What a target is to be.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) asn: u32,
    /// Internal neighbours are clients of a reflector with this cluster id.
    pub(crate) cluster: Ipv4Addr,
    pub(crate) neighbours: Vec<Neighbour>,
    /// How many neighbours, from the first, a copier copies from.
    pub(crate) sources: usize,
}

impl Setup {
    pub(crate) fn is_internal(&self, neighbour: &Neighbour) -> bool {
        neighbour.asn == self.asn
    }
}

/// A program that can be measured.
pub(crate) struct Target {
    /// Its name in tables and on the command line.
    pub(crate) name: &'static str,
    /// The file that shows it is installed.
    pub(crate) file: &'static str,
    /// The command that tells its version.
    pub(crate) version: &'static [&'static str],
    /// Writes its configuration into a folder; the command that starts it.
    pub(crate) prepare: fn(&Setup, &Path) -> io::Result<Command>,
    /// Waits until it is ready for its neighbours, beyond listening.
    pub(crate) ready: fn(&Setup, &Path) -> Result<(), String>,
}

/// All targets, in the order of tables.
pub(crate) const TARGETS: [&Target; 7] = [
    &calidris::TARGET,
    &bird::TARGET,
    &frr::TARGET,
    &frr::TUNED,
    &gobgp::TARGET,
    &openbgpd::TARGET,
    &limit::TARGET,
];

impl Target {
    pub(crate) fn is_installed(&self) -> bool {
        Path::new(self.file).exists()
    }

    /// Whether it copies octets instead of speaking BGP.
    pub(crate) fn is_limit(&self) -> bool {
        self.name == limit::TARGET.name
    }

    /// What it says its version is.
    pub(crate) fn version(&self) -> String {
        let [program, arguments @ ..] = self.version else {
            return String::new();
        };
        let output = Command::new(program).args(arguments).output();
        let text = output.map_or_else(
            |_| String::new(),
            |output| {
                let said = [output.stdout, output.stderr].concat();
                String::from_utf8_lossy(&said).into_owned()
            },
        );
        text.lines().next().unwrap_or_default().trim().to_owned()
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(&'static self, setup: &Setup) -> Result<Running, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let mut running = Running {
            target: self,
            setup: setup.clone(),
            folder,
            child: None,
        };
        running.launch()?;
        Ok(running)
    }
}

/// A running target; killed when dropped.
pub(crate) struct Running {
    pub(crate) target: &'static Target,
    setup: Setup,
    folder: TempDir,
    child: Option<Child>,
}

impl Running {
    /// Starts it, again after [`Self::kill`].
    pub(crate) fn launch(&mut self) -> Result<(), String> {
        self.spawn()?;
        self.wait()
    }

    /// Starts it without waiting for anything.
    pub(crate) fn spawn(&mut self) -> Result<(), String> {
        let folder = self.folder.path();
        let in_words = |error: io::Error| format!("{}: {error}", self.target.name);
        let prepared = (self.target.prepare)(&self.setup, folder).map_err(in_words)?;
        // It must not outlive this program, however that ends.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(prepared.get_program())
            .args(prepared.get_args());
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .map_err(in_words)?;
        let errors = log.try_clone().map_err(in_words)?;
        command
            .envs(
                prepared
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        self.child = Some(command.spawn().map_err(in_words)?);
        Ok(())
    }

    fn wait(&mut self) -> Result<(), String> {
        let end = now() + START_MAX;
        let address = SocketAddr::from((ADDRESS, PORT));
        while let Err(error) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            self.check(end, &error.to_string())?;
            std::thread::sleep(Duration::from_millis(20));
        }
        while let Err(error) = (self.target.ready)(&self.setup, self.folder.path()) {
            self.check(end, &error)?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn check(&mut self, end: std::time::Instant, error: &str) -> Result<(), String> {
        let child = self.child.as_mut().ok_or("it was not started")?;
        let ended = child.try_wait().map_err(|error| error.to_string())?;
        if ended.is_none() && now() < end {
            return Ok(());
        }
        let ended = ended.map(|status| status.to_string()).unwrap_or_default();
        Err(format!("does not start: {error} {ended}\n{}", self.log(8)))
    }

    /// What it has used since it was started.
    pub(crate) fn usage(&self) -> Usage {
        self.child
            .as_ref()
            .map_or_else(Usage::default, |child| Usage::of(child.id()))
    }

    /// Ends it without notice.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Parts of it end when the first does, or at last at this; it may have ended already.
            let parts = usage::family(child.id());
            for part in parts.iter().skip(1) {
                let _ = Command::new("kill")
                    .args(["-9", &part.to_string()])
                    .output();
            }
            let _ = child.kill();
            let _ = child.wait();
            // A part that still frees its memory holds the port.
            let end = now() + END_MAX;
            while parts.iter().any(|part| usage::exists(*part)) && now() < end {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// The last lines of its log.
    pub(crate) fn log(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// For targets that are ready when they listen.
fn at_once(_: &Setup, _: &Path) -> Result<(), String> {
    Ok(())
}

/// How long a target's last part may take to go.
const END_MAX: Duration = Duration::from_secs(10);
/// How long a target may take to start.
const START_MAX: Duration = Duration::from_secs(60);
