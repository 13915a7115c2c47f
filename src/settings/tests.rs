use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};

use clap::Parser;

use super::*;
use crate::plan::MissingPassword;

#[derive(Default)]
struct Fake {
    variables: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<&'static str, &'static str>,
}

impl Fake {
    fn host() -> Self {
        Self::default().with_file("/proc/sys/kernel/hostname", "Node-A\n")
    }

    fn with_file(mut self, path: &'static str, content: &'static str) -> Self {
        self.files.insert(path, content);
        self
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.insert(name, value);
        self
    }

    fn resolve(&self, flags: &[&str]) -> Result<Settings, SettingsError> {
        Settings::resolve(parse(flags), self)
    }
}

impl Surroundings for Fake {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|&value| value.to_owned())
    }

    fn file(&self, path: &Path) -> std::io::Result<String> {
        path.to_str()
            .and_then(|path| self.files.get(path))
            .map(|&content| content.to_owned())
            .ok_or_else(|| Error::from(ErrorKind::NotFound))
    }
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    run: RunArgs,
}

fn parse(flags: &[&str]) -> RunArgs {
    Cli::try_parse_from(std::iter::once(&"run").chain(flags))
        .expect("flags parse")
        .run
}

#[test]
fn without_any_word_the_defaults_hold() {
    let settings = Fake::host().resolve(&[]).expect("settings");
    assert_eq!(settings.datastore, DatastoreUrl::default());
    assert_eq!(settings.node, "node-a");
    assert_eq!(settings.origins["node"], Origin::HostName);
    assert_eq!(settings.router_id, RouterIdChoice::NodeAddress);
    assert_eq!((settings.table, settings.route_protocol), (254, 12));
    assert_eq!(settings.socket, Path::new(SOCKET_DEFAULT));
    assert_eq!(settings.http.to_string(), "127.0.0.1:9900");
    assert_eq!(settings.listen_port, ListenPort::Planned);
    assert_eq!(settings.log, "info");
    assert_eq!(settings.origins["fib"], Origin::Default);
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let around = Fake::host()
        .with("CALIDRIS_FIB", "none")
        .with("CALIDRIS_HTTP", "off")
        .with_file(
            FILE_DEFAULT,
            "fib: kernel\nhttp: 0.0.0.0:9900\ntable: 100\n",
        );
    let settings = around.resolve(&["--http", "[::1]:9901"]).expect("settings");
    assert_eq!(settings.http.to_string(), "[::1]:9901");
    assert_eq!(settings.origins["http"], Origin::Flag("--http"));
    assert_eq!(settings.fib, FibMode::None);
    assert_eq!(settings.origins["fib"], Origin::Environment("CALIDRIS_FIB"));
    assert_eq!(settings.table, 100);
    assert_eq!(
        settings.origins["table"],
        Origin::File(FILE_DEFAULT.into(), 3)
    );
}

#[test]
fn the_node_is_named_by_calico_before_the_host() {
    let around = Fake::host().with_file("/var/lib/calico/nodename", "worker-1\n");
    assert_eq!(around.resolve(&[]).expect("settings").node, "worker-1");
    let around = around
        .with("CALICO_NODENAME_FILE", "/run/name")
        .with_file("/run/name", "worker-2");
    assert_eq!(around.resolve(&[]).expect("settings").node, "worker-2");
    let around = around.with("NODENAME", "worker-3");
    assert_eq!(around.resolve(&[]).expect("settings").node, "worker-3");
    assert_eq!(
        around.resolve(&["--node", "w4"]).expect("settings").node,
        "w4"
    );
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let around = Fake::host()
        .with("CALICO_ROUTER_ID", "")
        .with("NODENAME", " ");
    let settings = around.resolve(&[]).expect("settings");
    assert_eq!(settings.router_id, RouterIdChoice::NodeAddress);
    assert_eq!(settings.node, "node-a");
}

#[test]
fn router_ids_are_addresses_or_hashed() {
    let around = Fake::host().with("CALICO_ROUTER_ID", "hash");
    assert_eq!(
        around.resolve(&[]).expect("settings").router_id,
        RouterIdChoice::Hash
    );
    let around = Fake::host().with("CALICO_ROUTER_ID", "0.0.0.0");
    let error = around.resolve(&[]).expect_err("no identifier").to_string();
    assert!(error.starts_with("routerId = \"0.0.0.0\" (environment CALICO_ROUTER_ID): must be"));
}

#[test]
fn passwords_are_where_calico_says_and_missing_ones_hold_if_told() {
    let settings = Fake::host().resolve(&[]).expect("settings");
    assert_eq!(settings.identity().passwords, PasswordRules::default());
    let around = Fake::host()
        .with("NAMESPACE", "calico-system")
        .with_file(FILE_DEFAULT, "missingPassword: hold\n");
    let settings = around.resolve(&[]).expect("settings");
    let passwords = settings.identity().passwords;
    assert_eq!(&*passwords.namespace, "calico-system");
    assert_eq!(passwords.missing, MissingPassword::Hold);
    let around = around.with("CALIDRIS_MISSING_PASSWORD", "run");
    let settings = around
        .resolve(&["--secret-namespace", "bgp"])
        .expect("settings");
    assert_eq!(&*settings.passwords.namespace, "bgp");
    assert_eq!(settings.passwords.missing, MissingPassword::Run);
    let around = around.with("CALIDRIS_MISSING_PASSWORD", "wait");
    let error = around.resolve(&[]).expect_err("no such word").to_string();
    assert!(error.ends_with("must be one of run, hold"), "{error}");
}

#[test]
fn log_levels_come_in_calicos_words_too() {
    let around = Fake::host()
        .with("BGP_LOGSEVERITYSCREEN", "Warning")
        .with_file(FILE_DEFAULT, "log: debug\n");
    assert_eq!(around.resolve(&[]).expect("settings").log, "warn");
    let around = around.with("RUST_LOG", "calidris=trace");
    assert_eq!(around.resolve(&[]).expect("settings").log, "calidris=trace");
}

#[test]
fn datastores_that_are_not_built_are_named() {
    let around = Fake::host().with("DATASTORE_TYPE", "kubernetes");
    let error = around.resolve(&[]).expect_err("no such datastore");
    assert_eq!(
        error.to_string(),
        "datastore = \"kubernetes:\" (environment DATASTORE_TYPE): the kubernetes datastore is not \
         built yet; use dir:PATH, a folder of resource files"
    );
    assert!(around.resolve(&["--datastore", "dir:/tmp/x"]).is_ok());
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let around = Fake::host().with_file(FILE_DEFAULT, "fib: none\nrouterID: hash\n");
    let error = around.resolve(&[]).expect_err("unknown key").to_string();
    assert!(error.contains("routerID"), "{error}");
    assert!(error.contains("line 2"), "{error}");
    assert!(error.contains(FILE_DEFAULT), "{error}");
}

#[test]
fn a_bad_value_in_the_file_is_refused_with_key_and_line() {
    let around = Fake::host().with_file(FILE_DEFAULT, "# comment\nfib: kernle\n");
    assert_eq!(
        around.resolve(&[]).expect_err("bad value").to_string(),
        format!("fib = \"kernle\" ({FILE_DEFAULT} line 2): must be one of kernel, none")
    );
}

#[test]
fn off_in_the_file_is_the_word_and_not_a_boolean() {
    let around = Fake::host().with_file(FILE_DEFAULT, "http: off\n");
    assert_eq!(around.resolve(&[]).expect("settings").http, HttpListen::Off);
}

#[test]
fn a_file_that_was_named_must_exist() {
    let error = Fake::host()
        .resolve(&["--config", "/no/such"])
        .expect_err("no file");
    assert!(matches!(error, SettingsError::Unreadable { .. }));
}

#[test]
fn what_is_printed_reads_back_as_the_same_settings() {
    let flags = [
        "--router-id",
        "hash",
        "--listen-port",
        "1790",
        "--node",
        "0012",
    ];
    let settings = Fake::host().resolve(&flags).expect("settings");
    let printed: &'static str = Box::leak(settings.print().into_boxed_str());
    let again = Fake::host()
        .with_file("/tmp/printed", printed)
        .resolve(&["--config", "/tmp/printed"])
        .expect("settings");
    assert_eq!(
        Settings {
            origins: BTreeMap::new(),
            ..again
        },
        Settings {
            origins: BTreeMap::new(),
            ..settings
        }
    );
    assert!(printed.contains("# flag --router-id"), "{printed}");
    assert!(printed.contains("# default"), "{printed}");
}

#[test]
fn a_client_that_was_told_the_socket_does_not_read_the_file() {
    let around = Fake::host().with_file(FILE_DEFAULT, "socket: /run/x.sock\n");
    let flag = || parse(&["--socket", "/tmp/s"]).socket;
    let none = SocketArgs::default;
    assert_eq!(Settings::socket(none(), &around), Ok("/run/x.sock".into()));
    let broken = Fake::host().with_file(FILE_DEFAULT, "sockt: /run/x.sock\n");
    assert!(Settings::socket(none(), &broken).is_err());
    assert_eq!(Settings::socket(flag(), &broken), Ok("/tmp/s".into()));
    let broken = broken.with("CALIDRIS_SOCKET", "/tmp/e");
    assert_eq!(Settings::socket(none(), &broken), Ok("/tmp/e".into()));
}

#[test]
fn without_any_name_the_node_is_an_error() {
    let error = Fake::default().resolve(&[]).expect_err("no name");
    assert!(error.to_string().contains("--node"));
}

#[test]
fn the_annotated_file_in_conf_sets_nothing_but_the_defaults() {
    let annotated: &'static str = include_str!("../../conf/calidris.yaml");
    // Each commented setting is a default: uncommented, the file must say the same.
    let uncommented: String = annotated
        .lines()
        .map(|line| match line.strip_prefix("#: ") {
            Some(setting) => format!("{setting}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    for text in [annotated.to_owned(), uncommented] {
        let text: &'static str = Box::leak(text.into_boxed_str());
        let around = Fake::host().with_file(FILE_DEFAULT, text);
        let settings = around.resolve(&["--node", "a"]).expect("settings");
        let defaults = Fake::host().resolve(&["--node", "a"]).expect("settings");
        assert_eq!(
            Settings {
                origins: BTreeMap::new(),
                ..settings
            },
            Settings {
                origins: BTreeMap::new(),
                ..defaults
            }
        );
    }
}
