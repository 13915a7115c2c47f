//! The types of single settings: each parses itself and says what is allowed.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use super::finder::Setting;
use super::shards::RibShards;
use crate::datastore::Source;
use crate::metrics::PeerSeries;
use crate::net::RouterId;
use crate::plan::{MissingPassword, PasswordRules, RouterIdChoice};

/// Where the control API's socket is unless told otherwise.
pub const SOCKET_DEFAULT: &str = "/run/calidris/calidris.sock";

/// `--datastore`: where Calico's resources come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatastoreUrl {
    /// `dir:PATH`: a folder of resource files, watched.
    Directory(PathBuf),
}

impl Default for DatastoreUrl {
    fn default() -> Self {
        Self::Directory(PathBuf::from("/etc/calidris/resources"))
    }
}

impl FromStr for DatastoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("dir", "")) => Err("the folder is missing: dir:PATH".to_owned()),
            Some(("dir", path)) => Ok(Self::Directory(PathBuf::from(path))),
            Some((scheme @ ("etcd" | "etcds" | "kubernetes"), _)) => Err(format!(
                "the {scheme} datastore is not built yet; use dir:PATH, a folder of resource files"
            )),
            _ => Err("must be dir:PATH, a folder of resource files".to_owned()),
        }
    }
}

impl From<DatastoreUrl> for Source {
    fn from(url: DatastoreUrl) -> Self {
        match url {
            DatastoreUrl::Directory(path) => Self::Directory(path),
        }
    }
}

impl fmt::Display for DatastoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
        }
    }
}

/// `--http`: where the read-only API is served over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpListen {
    /// Nowhere.
    Off,
    /// At this address and port.
    At(SocketAddr),
}

impl Default for HttpListen {
    fn default() -> Self {
        // The port at which Calico's BGP metrics are scraped.
        Self::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 9900)))
    }
}

impl FromStr for HttpListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse()
            .map(Self::At)
            .map_err(|_| "must be ADDRESS:PORT such as 127.0.0.1:9900 or [::1]:9900, or off".into())
    }
}

impl fmt::Display for HttpListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

/// `--listen-port`: where BGP connections are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenPort {
    /// As BGPConfiguration's `listenPort` says, else 179.
    #[default]
    Planned,
    /// This one.
    Fixed(u16),
}

impl FromStr for ListenPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "planned" => Ok(Self::Planned),
            _ => match text.parse() {
                Ok(port) if port > 0 => Ok(Self::Fixed(port)),
                _ => Err("must be a port from 1 to 65535".to_owned()),
            },
        }
    }
}

impl fmt::Display for ListenPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned => f.write_str("planned"),
            Self::Fixed(port) => port.fmt(f),
        }
    }
}

/// Settings whose values are words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$note])* $variant),* }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("must be one of {}", [$($word),*].join(", "))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),* })
            }
        }
    };
}

words! {
    /// `--fib`: whether routes go into the kernel.
    FibMode {
        /// Into the kernel.
        #[default]
        Kernel = "kernel",
        /// Nowhere: a route reflector off the data path.
        None = "none",
    }
}

words! {
    /// `--log-format`: how log lines look.
    LogFormat {
        /// For people.
        #[default]
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

/// `--on-stop`: what SIGTERM does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStop {
    /// Stop as a graceful restart would want it: peers keep routes, kernel routes stay.
    #[default]
    Keep,
}

impl FromStr for OnStop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "keep" => Ok(Self::Keep),
            "withdraw" => Err("withdraw is not built yet; use keep".to_owned()),
            _ => Err("must be keep".to_owned()),
        }
    }
}

impl fmt::Display for OnStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep"),
        }
    }
}

/// Wraps a plain type with the rule that its text must follow.
macro_rules! wrapped {
    ($(#[$about:meta])* $name:ident($inner:ty), $parse:expr) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub(crate) $inner);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let parse: fn(&str) -> Result<$inner, String> = $parse;
                parse(text).map(Self)
            }
        }
    };
}

wrapped!(
    /// `--node`: a name that could be a Node resource's.
    NodeName(String),
    |text| {
        let text = text.trim();
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("must be the name of a Node resource, without spaces".to_owned());
        }
        Ok(text.to_owned())
    }
);

wrapped!(
    /// `--router-id`: an identifier, `hash`, or empty for the node's IPv4 address.
    RouterIdText(RouterIdChoice),
    |text| match text {
        "" => Ok(RouterIdChoice::NodeAddress),
        "hash" => Ok(RouterIdChoice::Hash),
        _ => match text.parse::<Ipv4Addr>() {
            Ok(id) if !id.is_unspecified() => Ok(RouterIdChoice::Fixed(RouterId(id))),
            _ => Err("must be a dotted quad other than 0.0.0.0, hash, or empty for the node's \
                      IPv4 address"
                .to_owned()),
        },
    }
);

impl fmt::Display for RouterIdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RouterIdChoice::NodeAddress => Ok(()),
            RouterIdChoice::Hash => f.write_str("hash"),
            RouterIdChoice::Fixed(id) => id.fmt(f),
        }
    }
}

wrapped!(
    /// `--secret-namespace`: a namespace of Kubernetes.
    SecretNamespace(String),
    |text| {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 63 || !text.chars().all(is_allowed) {
            return Err("must be a namespace such as kube-system".to_owned());
        }
        Ok(text.to_owned())
    }
);

impl Default for SecretNamespace {
    fn default() -> Self {
        Self(PasswordRules::default().namespace.to_string())
    }
}

wrapped!(
    /// `--table`: a kernel routing table.
    Table(u32),
    |text| match text.parse() {
        Ok(table) if table > 0 => Ok(table),
        _ => Err("must be a routing table from 1 to 4294967295".to_owned()),
    }
);

impl Default for Table {
    fn default() -> Self {
        Self(254)
    }
}

wrapped!(
    /// `--route-protocol`: a protocol number that is neither the kernel's own nor an
    /// administrator's (0 to 4).
    RouteProtocol(u8),
    |text| match text.parse() {
        Ok(protocol) if protocol > 4 => Ok(protocol),
        _ => Err("must be a route protocol number from 5 to 255".to_owned()),
    }
);

impl Default for RouteProtocol {
    fn default() -> Self {
        // What BIRD uses, so that tools which look for it find ours.
        Self(12)
    }
}

wrapped!(
    /// `--socket`: the control API's unix socket.
    SocketPath(PathBuf),
    |text| {
        // The limit of sockaddr_un, with its closing zero.
        if text.is_empty() || text.len() > 107 {
            return Err("must be a path of 1 to 107 octets".to_owned());
        }
        Ok(PathBuf::from(text))
    }
);

impl Default for SocketPath {
    fn default() -> Self {
        Self(PathBuf::from(SOCKET_DEFAULT))
    }
}

wrapped!(
    /// `--log`: a `tracing` filter; it is checked where logging starts.
    LogFilter(String),
    |text| match text {
        "" => Err("must be a level such as info or a filter such as calidris::session=debug".into()),
        _ => Ok(text.to_owned()),
    }
);

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

wrapped!(
    /// `--metrics-peers`: which sessions have series of their own.
    MetricsPeers(PeerSeries),
    |text| text.parse::<PeerSeries>().map_err(|error| error.to_string())
);

impl Default for MetricsPeers {
    fn default() -> Self {
        Self(PeerSeries::All)
    }
}

macro_rules! flags {
    ($($name:ty => $flag:literal),* $(,)?) => {$(
        impl Setting for $name {
            const FLAG: &'static str = $flag;
        }
    )*};
}

flags! {
    DatastoreUrl => "--datastore",
    NodeName => "--node",
    RouterIdText => "--router-id",
    FibMode => "--fib",
    Table => "--table",
    RouteProtocol => "--route-protocol",
    RibShards => "--rib-shards",
    SocketPath => "--socket",
    HttpListen => "--http",
    ListenPort => "--listen-port",
    SecretNamespace => "--secret-namespace",
    MissingPassword => "--missing-password",
    LogFormat => "--log-format",
    LogFilter => "--log",
    OnStop => "--on-stop",
    MetricsPeers => "--metrics-peers",
}
