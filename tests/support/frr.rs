//! FRR's bgpd, alone: it takes next hops for reachable as long as no zebra tells it otherwise.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::namespace::{Namespace, Process, last_lines, output};

/// The program.
pub(crate) const BGPD: &str = "/usr/lib/frr/bgpd";

/// One bgpd; killed when dropped.
pub(crate) struct Bgpd<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
    process: Option<Process>,
}

impl<'a> Bgpd<'a> {
    pub(crate) fn new(namespace: &'a Namespace) -> Self {
        Self {
            namespace,
            folder: TempDir::new().expect("a temporary folder"),
            process: None,
        }
    }

    /// Writes the configuration of the next start.
    pub(crate) fn write(&self, configuration: &str) -> Result<(), String> {
        fs::write(self.path("bgpd.conf"), configuration).map_err(|error| error.to_string())
    }

    /// Starts it; [`Self::ready`] tells when it can be asked.
    pub(crate) fn launch(&mut self) -> Result<(), String> {
        let folder = self.folder.path().display().to_string();
        let arguments = [
            "--config_file",
            &format!("{folder}/bgpd.conf"),
            "--pid_file",
            &format!("{folder}/bgpd.pid"),
            "--socket",
            &format!("{folder}/zserv.api"),
            "--vty_socket",
            &folder,
            "--vty_port",
            "0",
            "--user",
            "root",
            "--group",
            "root",
            "--skip_runas",
            "--no_kernel",
            "--log",
            "stdout",
        ];
        let process = self.namespace.spawn(BGPD, &arguments, &self.path("log"));
        self.process = Some(process.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Whether it answers and has read its configuration.
    pub(crate) fn ready(&self) -> Result<(), String> {
        let socket = self.path("bgpd.vty");
        socket.exists().then_some(()).ok_or_else(|| self.log(5))?;
        let told = self.ask(&["show running-config"])?;
        told.contains("router bgp").then_some(()).ok_or(told)
    }

    /// Ends it without notice, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
        let _ = fs::remove_file(self.path("bgpd.vty"));
    }

    /// What vtysh prints for these commands.
    pub(crate) fn ask(&self, commands: &[&str]) -> Result<String, String> {
        let mut vtysh = self.vtysh();
        for command in commands {
            vtysh.args(["-c", command]);
        }
        let told = output(&mut vtysh).map_err(|error| error.to_string())?;
        // The exit code does not tell.
        if told.starts_with('%') {
            Err(told)
        } else {
            Ok(told)
        }
    }

    pub(crate) fn ask_json(&self, command: &str) -> Result<Value, String> {
        let told = self.ask(&[command])?;
        serde_json::from_str(&told).map_err(|error| format!("{error} in {told}"))
    }

    /// Its shell, still without commands.
    pub(crate) fn vtysh(&self) -> Command {
        let mut command = Command::new("/usr/bin/vtysh");
        command.arg("--vty_socket").arg(self.folder.path());
        command
    }

    /// The last lines of its log.
    pub(crate) fn log(&self, lines: usize) -> String {
        last_lines(&self.path("log"), lines)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
