//! What the program was told: flags, environment and file become one [`Settings`].
//!
//! Each value is looked for in a flag, then in its environment variables, then in the file of
//! `--config` (default [`FILE_DEFAULT`], if it exists), then in the defaults; [`Settings::origins`]
//! remembers where it was found. The result is complete: nothing in it means "not decided yet".
//! Reading the environment and files goes through [`Surroundings`], so tests bring their own.

mod args;
mod file;
mod finder;
mod shards;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

pub use args::{IntentArgs, RunArgs, SocketArgs};
pub use shards::RibShards;
pub use values::{
    DatastoreUrl, FibMode, HttpListen, ListenPort, LogFormat, OnStop, SOCKET_DEFAULT,
};

use crate::metrics::PeerSeries;
use crate::plan::{Identity, PasswordRules, RouterIdChoice};
use file::FileSettings;
use finder::{DATASTORE, Finder, LOG, plain};
use values::NodeName;

/// The file that is read without `--config`, if it exists.
pub const FILE_DEFAULT: &str = "/etc/calidris/calidris.yaml";

/// Everything that the program was told, decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where Calico's resources come from.
    pub datastore: DatastoreUrl,
    /// Which Node resource is this node.
    pub node: String,
    /// How the BGP Identifier is chosen.
    pub router_id: RouterIdChoice,
    /// Whether routes go into the kernel.
    pub fib: FibMode,
    /// The kernel table that routes are installed in.
    pub table: u32,
    /// The protocol number that marks routes as ours.
    pub route_protocol: u8,
    /// The control API's unix socket.
    pub socket: PathBuf,
    /// Where metrics, health and the read-only API are served.
    pub http: HttpListen,
    /// The BGP port.
    pub listen_port: ListenPort,
    /// Where passwords are, and what a session does without one.
    pub passwords: PasswordRules,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written, as a `tracing` filter.
    pub log: String,
    /// Parts of the routing table; of several each has a thread.
    pub rib_shards: RibShards,
    /// What SIGTERM does.
    pub on_stop: OnStop,
    /// Which sessions have metric series of their own.
    pub metrics_peers: PeerSeries,
    /// Where each value was found, by the name that it has in the file.
    pub origins: BTreeMap<&'static str, Origin>,
}

/// Where a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// The settings file, at this line.
    File(PathBuf, u64),
    /// The file that holds the node's name.
    NodenameFile(PathBuf),
    /// The host's name.
    HostName,
    /// The default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path, line) => write!(f, "{} line {line}", path.display()),
            Self::NodenameFile(path) => write!(f, "content of {}", path.display()),
            Self::HostName => f.write_str("host name"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Why there are no settings; the program exits with status 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The settings file is not YAML of the known keys.
    #[error("in the settings file {}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The key, line and column, and what is allowed.
        reason: String,
    },
    /// A value is not allowed.
    #[error("{key} = {value:?} ({origin}): {reason}")]
    Value {
        /// The setting, as in the file.
        key: &'static str,
        /// The value found.
        value: String,
        /// Where it was found.
        origin: Origin,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// Nothing tells which node this is.
    #[error(
        "no node name: give --node or NODENAME, since {} cannot be read and the host has no name",
        .0.display()
    )]
    NoNode(PathBuf),
}

/// The environment and the files that settings are read from.
pub trait Surroundings {
    /// The value of an environment variable, if it is set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of a file.
    ///
    /// # Errors
    /// As the system's.
    fn file(&self, path: &Path) -> std::io::Result<String>;
}

/// The process's own environment and the real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process;

impl Surroundings for Process {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

impl Settings {
    /// Decides every setting.
    ///
    /// # Errors
    /// [`SettingsError`] names the first setting that cannot be decided.
    pub fn resolve(args: RunArgs, around: &dyn Surroundings) -> Result<Self, SettingsError> {
        let (file, file_path) = file::read(args.intent.config.as_deref(), around)?;
        let mut finder = Finder::new(around, &file, &file_path);
        let intent = args.intent;
        let datastore = finder.or_default("datastore", intent.datastore, &DATASTORE)?;
        let node = match finder.find::<NodeName>("node", intent.node, &[plain("NODENAME")])? {
            Some(node) => node.0,
            None => finder.node_of_host()?,
        };
        let router_id = finder.find::<values::RouterIdText>(
            "routerId",
            intent.router_id,
            &[plain("CALICO_ROUTER_ID")],
        )?;
        Ok(Self {
            datastore,
            node,
            router_id: router_id.map(|text| text.0).unwrap_or_default(),
            fib: finder.or_default("fib", args.fib, &[plain("CALIDRIS_FIB")])?,
            table: finder
                .or_default::<values::Table>("table", args.table, &[])?
                .0,
            route_protocol: finder
                .or_default::<values::RouteProtocol>("routeProtocol", args.route_protocol, &[])?
                .0,
            rib_shards: finder.or_default("ribShards", args.rib_shards, &[])?,
            socket: finder
                .or_default::<values::SocketPath>(
                    "socket",
                    args.socket.socket,
                    &[plain("CALIDRIS_SOCKET")],
                )?
                .0,
            http: finder.or_default("http", args.http, &[plain("CALIDRIS_HTTP")])?,
            listen_port: finder.or_default("listenPort", intent.listen_port, &[])?,
            passwords: PasswordRules {
                namespace: finder
                    .or_default::<values::SecretNamespace>(
                        "secretNamespace",
                        intent.secret_namespace,
                        &[plain("NAMESPACE")],
                    )?
                    .0
                    .into(),
                missing: finder.or_default(
                    "missingPassword",
                    intent.missing_password,
                    &[plain("CALIDRIS_MISSING_PASSWORD")],
                )?,
            },
            log_format: finder.or_default("logFormat", args.log_format, &[])?,
            log: finder
                .or_default::<values::LogFilter>("log", args.log, &LOG)?
                .0,
            on_stop: finder.or_default("onStop", args.on_stop, &[])?,
            metrics_peers: finder
                .or_default::<values::MetricsPeers>("metricsPeers", args.metrics_peers, &[])?
                .0,
            origins: finder.origins,
        })
    }

    /// Decides only where the control API's socket is, for its clients.
    ///
    /// # Errors
    /// [`SettingsError`] where the settings file or the path is wrong.
    pub fn socket(args: SocketArgs, around: &dyn Surroundings) -> Result<PathBuf, SettingsError> {
        let nothing = FileSettings::default();
        let variables = [plain("CALIDRIS_SOCKET")];
        let mut finder = Finder::new(around, &nothing, Path::new(FILE_DEFAULT));
        // A client that was told should not stumble over a faulty file.
        let told = finder.find::<values::SocketPath>("socket", args.socket, &variables)?;
        if let Some(path) = told {
            return Ok(path.0);
        }
        let (file, path) = file::read(None, around)?;
        let mut finder = Finder::new(around, &file, &path);
        let path = finder.or_default::<values::SocketPath>("socket", None, &[])?;
        Ok(path.0)
    }

    /// Who this process is, for the plan.
    pub fn identity(&self) -> Identity {
        Identity {
            node: self.node.clone(),
            router_id: self.router_id,
            listen_port: match self.listen_port {
                ListenPort::Planned => None,
                ListenPort::Fixed(port) => Some(port),
            },
            passwords: self.passwords.clone(),
        }
    }

    /// The settings as a file that would give the same, each line with where its value came from.
    pub fn print(&self) -> String {
        let lines = [
            ("datastore", self.datastore.to_string()),
            ("node", self.node.clone()),
            ("routerId", values::RouterIdText(self.router_id).to_string()),
            ("fib", self.fib.to_string()),
            ("table", self.table.to_string()),
            ("routeProtocol", self.route_protocol.to_string()),
            ("ribShards", self.rib_shards.to_string()),
            ("socket", self.socket.display().to_string()),
            ("http", self.http.to_string()),
            ("listenPort", self.listen_port.to_string()),
            ("secretNamespace", self.passwords.namespace.to_string()),
            ("missingPassword", self.passwords.missing.to_string()),
            ("logFormat", self.log_format.to_string()),
            ("log", self.log.clone()),
            ("onStop", self.on_stop.to_string()),
            ("metricsPeers", self.metrics_peers.to_string()),
        ];
        let mut text = String::new();
        for (key, value) in lines {
            let origin = self.origins.get(key).unwrap_or(&Origin::Default);
            // JSON's quoting is YAML's double-quoted style, so any value survives.
            let setting = format!("{key}: {}", serde_json::Value::from(value));
            text.push_str(&format!("{setting:<44} # {origin}\n"));
        }
        text
    }
}
