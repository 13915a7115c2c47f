//! The daemon under test, met as users meet it: the program, its folder, its command line.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::namespace::{Namespace, Process, last_lines, output};
use super::resources::Resources;
use super::{expect, wait_for};

/// The program that cargo built for this test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_calidris");

/// Says in how many shards the daemon's routing table is, where a test does not.
const SHARDS: &str = "CALIDRIS_TEST_SHARDS";

/// One running daemon; killed when dropped, its log shown if the test is failing.
pub(crate) struct Calidris<'a> {
    namespace: &'a Namespace,
    node: String,
    resources: &'a Resources,
    options: Vec<String>,
    folder: TempDir,
    process: Option<Process>,
}

impl<'a> Calidris<'a> {
    /// Starts the daemon as `node` and waits until it answers.
    pub(crate) fn start(namespace: &'a Namespace, node: &str, resources: &'a Resources) -> Self {
        Self::start_with(namespace, node, resources, &[])
    }

    /// The same with more options of `calidris run`.
    pub(crate) fn start_with(
        namespace: &'a Namespace,
        node: &str,
        resources: &'a Resources,
        options: &[&str],
    ) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let node = node.to_owned();
        let mut daemon = Self {
            namespace,
            node,
            resources,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            folder,
            process: None,
        };
        daemon.restart();
        daemon
    }

    /// Starts the daemon after [`Self::stop`] or [`Self::kill`].
    pub(crate) fn restart(&mut self) {
        let mut arguments = vec!["run".to_owned(), "--http".into(), "127.0.0.1:9900".into()];
        arguments.extend(["--socket".into(), self.socket()]);
        arguments.extend(self.which_node());
        arguments.extend(self.options.iter().cloned());
        // What holds with one shard holds with several: the tests can be run with either.
        if let Ok(shards) = std::env::var(SHARDS) {
            arguments.extend(["--rib-shards".to_owned(), shards]);
        }
        let process = self
            .namespace
            .spawn(PROGRAM, &arguments, &self.folder.path().join("log"));
        self.process = Some(process.expect("the daemon can be started"));
        wait_for("the daemon answers", || {
            if let Some(status) = self.running().ended().map_err(|error| error.to_string())? {
                panic!("the daemon ended: {status}\n{}", self.log(40));
            }
            self.try_show(&["summary"]).map(drop)
        });
    }

    /// Ends the daemon with SIGTERM and waits until it has gone.
    pub(crate) fn stop(&mut self) {
        self.running()
            .signal("TERM")
            .expect("the daemon is running");
        wait_for("the daemon ends after SIGTERM", || {
            let status = self.running().ended().map_err(|error| error.to_string())?;
            status.ok_or_else(|| "still running".to_owned())
        });
        self.process = None;
    }

    /// Ends the daemon without notice, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// `calidris show … -o json`.
    pub(crate) fn show(&self, what: &[&str]) -> Value {
        self.try_show(what)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// What a command that acts on the running daemon prints, such as `reset` or `shutdown`.
    pub(crate) fn act(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(PROGRAM);
        command.args(words).args(["--socket", &self.socket()]);
        output(&mut command).map_err(|error| error.to_string())
    }

    /// `calidris plan -o json` for the folder and node that the daemon runs with.
    pub(crate) fn plan(&self) -> Value {
        let mut command = Command::new(PROGRAM);
        command
            .arg("plan")
            .args(self.which_node())
            .args(["-o", "json"]);
        json(&output(&mut command).expect("calidris plan works")).expect("it prints JSON")
    }

    /// The session called `name`, which must exist.
    pub(crate) fn session(&self, name: &str) -> Value {
        self.try_session(name)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until the session called `name` exists and is in `state`.
    pub(crate) fn wait_for_state(&self, name: &str, state: &str) -> Value {
        wait_for(&format!("{name} {state}"), || {
            let session = self.try_session(name)?;
            expect(session["state"] == state, &session)?;
            Ok(session)
        })
    }

    /// The best path to `prefix` in the Loc-RIB, if there is one.
    pub(crate) fn best_path(&self, prefix: &str) -> Option<Value> {
        let answer = self.show(&["routes", prefix]);
        let row = rows(&answer)
            .into_iter()
            .find(|row| row["prefix"] == prefix)?;
        rows(&row["paths"])
            .into_iter()
            .find(|path| path["best"] == true)
    }

    /// A path of the HTTP listener, with its status: `(200, body)`.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://127.0.0.1:9900{path}");
        let arguments = [
            "--silent",
            "--show-error",
            "--write-out",
            "\n%{http_code}",
            &url,
        ];
        let text = self
            .namespace
            .run("curl", &arguments)
            .expect("the HTTP listener answers");
        let (body, status) = text.rsplit_once('\n').expect("curl appends the status");
        (status.parse().expect("a number"), format!("{body}\n"))
    }

    /// The last lines of the daemon's log.
    pub(crate) fn log(&self, lines: usize) -> String {
        last_lines(&self.folder.path().join("log"), lines)
    }

    fn which_node(&self) -> [String; 4] {
        let folder = format!("dir:{}", self.resources.path().display());
        [
            "--datastore".to_owned(),
            folder,
            "--node".to_owned(),
            self.node.clone(),
        ]
    }

    /// The session called `name`, or why it cannot be told.
    pub(crate) fn try_session(&self, name: &str) -> Result<Value, String> {
        let answer = self.try_show(&["neighbor", name])?;
        Ok(rows(&answer).first().cloned().unwrap_or(answer))
    }

    /// `calidris show … -o json`, or why it failed.
    pub(crate) fn try_show(&self, what: &[&str]) -> Result<Value, String> {
        let mut command = Command::new(PROGRAM);
        command
            .arg("show")
            .args(what)
            .args(["-o", "json", "--socket", &self.socket()]);
        json(&output(&mut command).map_err(|error| error.to_string())?)
    }

    fn socket(&self) -> String {
        let path: PathBuf = self.folder.path().join("calidris.sock");
        path.to_string_lossy().into_owned()
    }

    fn running(&mut self) -> &mut Process {
        self.process.as_mut().expect("the daemon was started")
    }
}

impl Drop for Calidris<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- the daemon's last lines\n{}", self.log(60));
        }
    }
}

/// The rows of an answer: the array itself, or the one array that it carries.
pub(crate) fn rows(answer: &Value) -> Vec<Value> {
    match answer {
        Value::Array(rows) => rows.clone(),
        Value::Object(fields) => fields
            .values()
            .find_map(Value::as_array)
            .cloned()
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error} in {text}"))
}
