//! GoBGP.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::namespace::{Namespace, Process, last_lines};

/// The program.
pub(crate) const GOBGPD: &str = "/usr/bin/gobgpd";

/// One gobgpd; killed when dropped.
pub(crate) struct Gobgpd<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
    process: Option<Process>,
}

impl<'a> Gobgpd<'a> {
    pub(crate) fn new(namespace: &'a Namespace) -> Self {
        Self {
            namespace,
            folder: TempDir::new().expect("a temporary folder"),
            process: None,
        }
    }

    /// Writes the configuration of the next start.
    pub(crate) fn write(&self, configuration: &str) -> Result<(), String> {
        fs::write(self.path("gobgpd.toml"), configuration).map_err(|error| error.to_string())
    }

    /// Starts it; it can be asked a little later.
    pub(crate) fn launch(&mut self, options: &[&str]) -> Result<(), String> {
        let file = self.path("gobgpd.toml").display().to_string();
        let mut arguments = vec!["--config-file", &file, "--api-hosts", "127.0.0.1:50051"];
        arguments.extend(["--pprof-disable", "--log-plain"]);
        arguments.extend(options);
        let process = self.namespace.spawn(GOBGPD, &arguments, &self.path("log"));
        self.process = Some(process.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Ends it without notice, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// What the command-line client prints.
    pub(crate) fn ask(&self, words: &[&str]) -> Result<String, String> {
        self.namespace
            .run("/usr/bin/gobgp", words)
            .map_err(|error| error.to_string())
    }

    /// The last lines of its log.
    pub(crate) fn log(&self, lines: usize) -> String {
        last_lines(&self.path("log"), lines)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
