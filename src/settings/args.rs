//! The flags of `calidris run`, and those that other commands share with it.

use std::path::PathBuf;

use clap::Args;

use super::shards::RibShards;
use super::values::{
    DatastoreUrl, FibMode, HttpListen, ListenPort, LogFilter, LogFormat, MetricsPeers, NodeName,
    OnStop, RouteProtocol, RouterIdText, SecretNamespace, SocketPath, Table,
};
use crate::plan::MissingPassword;

/// Flags that decide what a node should be doing; `run` and `plan` have them.
#[derive(Args, Clone, Debug, Default)]
pub struct IntentArgs {
    /// Settings file; by default /etc/calidris/calidris.yaml if it exists
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where Calico's resources come from: dir:PATH, a folder of YAML or JSON files
    ///
    /// Else CALIDRIS_DATASTORE, else DATASTORE_TYPE, else dir:/etc/calidris/resources.
    #[arg(long, value_name = "URL")]
    pub datastore: Option<DatastoreUrl>,

    /// The name of the Node resource that is this node
    ///
    /// Else NODENAME, else the content of /var/lib/calico/nodename (or of the file that
    /// CALICO_NODENAME_FILE names), else the host's name in lower case.
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,

    /// BGP identifier as a dotted quad, or `hash` to derive it from the node's name
    ///
    /// Else CALICO_ROUTER_ID, else the node's IPv4 address.
    #[arg(long, value_name = "ID")]
    pub router_id: Option<RouterIdText>,

    /// BGP port; by default what BGPConfiguration's listenPort says, else 179
    #[arg(long, value_name = "N")]
    pub listen_port: Option<ListenPort>,

    /// The namespace of the Secrets that hold passwords
    /// [env: NAMESPACE; default: kube-system]
    #[arg(long, value_name = "NAME")]
    pub secret_namespace: Option<SecretNamespace>,

    /// What a session does whose password is missing: run without, as in Calico, or hold until it
    /// is there [env: CALIDRIS_MISSING_PASSWORD; default: run]
    #[arg(long, value_name = "WHAT")]
    pub missing_password: Option<MissingPassword>,
}

/// Where the control API is; `run` and its clients have it.
#[derive(Args, Clone, Debug, Default)]
pub struct SocketArgs {
    /// Unix socket of the control API
    ///
    /// Else CALIDRIS_SOCKET, else /run/calidris/calidris.sock.
    #[arg(long, value_name = "PATH")]
    pub socket: Option<SocketPath>,
}

/// The flags of `calidris run`.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// What the node should be doing.
    #[command(flatten)]
    pub intent: IntentArgs,

    /// Where routes are installed: kernel, or none for a route reflector off the data path
    /// [env: CALIDRIS_FIB; default: kernel]
    #[arg(long, value_name = "WHERE")]
    pub fib: Option<FibMode>,

    /// Kernel routing table [default: 254, main]
    #[arg(long, value_name = "N")]
    pub table: Option<Table>,

    /// Kernel route protocol number [default: 12, bird]
    #[arg(long, value_name = "N")]
    pub route_protocol: Option<RouteProtocol>,

    /// Parts of the routing table, 1 to 64, or `auto`; two and more have a thread each [default: auto]
    #[arg(long, value_name = "N")]
    pub rib_shards: Option<RibShards>,

    /// The control API's socket.
    #[command(flatten)]
    pub socket: SocketArgs,

    /// Metrics, health and read-only API over TCP, or `off`
    /// [env: CALIDRIS_HTTP; default: 127.0.0.1:9900]
    #[arg(long, value_name = "ADDR:PORT")]
    pub http: Option<HttpListen>,

    /// Log lines as text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Log level or filter, such as info or calidris::session=debug
    ///
    /// Else RUST_LOG, else BGP_LOGSEVERITYSCREEN, else info.
    #[arg(long, value_name = "FILTER")]
    pub log: Option<LogFilter>,

    /// What SIGTERM does: keep leaves routes in the kernel and with peers, as a restart wants it
    /// [default: keep]
    #[arg(long, value_name = "WHAT")]
    pub on_stop: Option<OnStop>,

    /// Sessions with metric series of their own: all, unhealthy or none; the rest is summed up
    /// [default: all]
    #[arg(long, value_name = "WHICH")]
    pub metrics_peers: Option<MetricsPeers>,

    /// Print the resulting settings, each with where it comes from, and stop
    #[arg(long)]
    pub print_config: bool,
}
