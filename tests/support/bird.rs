//! Debian's BIRD 2 as a neighbour.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::namespace::{Namespace, Process, last_lines};
use super::{expect, wait_for};

/// One running BIRD; killed when dropped, its log shown if the test is failing.
pub(crate) struct Bird<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
    process: Option<Process>,
}

/// A route in BIRD's table as `show route all` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BirdRoute {
    /// `BGP.` attributes by name, such as `as_path`.
    pub(crate) attributes: BTreeMap<String, String>,
}

impl BirdRoute {
    /// An attribute's text; empty where it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// The first next hop; BIRD prints the link-local one behind it.
    pub(crate) fn next_hop(&self) -> &str {
        self.get("next_hop").split(' ').next().unwrap_or_default()
    }
}

impl<'a> Bird<'a> {
    /// Starts BIRD with this configuration and waits until it answers.
    pub(crate) fn start(namespace: &'a Namespace, configuration: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut bird = Self {
            namespace,
            folder,
            process: None,
        };
        bird.write(configuration);
        bird.launch(&[]);
        bird
    }

    /// Ends BIRD without notice, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again in recovery mode, as after a crash with graceful restart.
    pub(crate) fn recover(&mut self) {
        self.launch(&["-R"]);
    }

    /// Has the running BIRD take another configuration.
    pub(crate) fn configure(&self, configuration: &str) {
        self.write(configuration);
        let answer = self.ask("configure");
        assert!(answer.contains("Reconfigur"), "{answer}");
    }

    /// The answer to a command of `birdc`.
    pub(crate) fn ask(&self, command: &str) -> String {
        self.try_ask(command)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The best route to `prefix`, if there is one.
    pub(crate) fn route(&self, prefix: &str) -> Option<BirdRoute> {
        let text = self.ask(&format!("show route {prefix} all"));
        text.contains("Type:").then(|| BirdRoute {
            attributes: text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("BGP.")?.split_once(':'))
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
        })
    }

    /// Waits until a route to `prefix` is there.
    pub(crate) fn wait_for_route(&self, prefix: &str) -> BirdRoute {
        wait_for(&format!("{prefix} at BIRD"), || {
            self.route(prefix)
                .ok_or_else(|| self.ask("show protocols all"))
        })
    }

    /// Waits until no route to `prefix` is left.
    pub(crate) fn wait_for_no_route(&self, prefix: &str) {
        wait_for(&format!("{prefix} gone from BIRD"), || {
            let route = self.route(prefix);
            expect(route.is_none(), route)
        });
    }

    /// The last lines of its log.
    pub(crate) fn log(&self, lines: usize) -> String {
        last_lines(&self.path("log"), lines)
    }

    fn write(&self, configuration: &str) {
        fs::write(self.path("bird.conf"), configuration).expect("the folder is ours");
    }

    fn launch(&mut self, options: &[&str]) {
        let (file, socket) = (self.path("bird.conf"), self.path("bird.ctl"));
        let (file, socket) = (file.to_string_lossy(), socket.to_string_lossy());
        let mut arguments = vec!["-f", "-c", &*file, "-s", &*socket];
        arguments.extend(options);
        let process = self
            .namespace
            .spawn("/usr/sbin/bird", &arguments, &self.path("log"));
        self.process = Some(process.expect("bird can be started"));
        wait_for("BIRD answers", || self.try_ask("show status"));
    }

    /// An answer at all, be it that a command failed, as it does for a prefix without routes.
    pub(crate) fn try_ask(&self, command: &str) -> Result<String, String> {
        let mut birdc = Command::new("/usr/sbin/birdc");
        birdc
            .arg("-s")
            .arg(self.path("bird.ctl"))
            .args(command.split(' '))
            .stdin(Stdio::null());
        let output = birdc.output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.contains("ready.") {
            Ok(text)
        } else {
            Err(format!("{output:?}"))
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Bird<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- BIRD's last lines\n{}", self.log(30));
        }
    }
}
