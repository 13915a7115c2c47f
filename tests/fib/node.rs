//! A node under test: namespace, interfaces, the task and its ends.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use calidris::fib::{self, FibInput, FibOptions, FibOutput, FibRow, FibView, Netlink};
use calidris::metrics::Metrics;
use calidris::rib::{FibChange, FibRoute, FibRouteKind, NextHopState};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

pub(crate) const MAIN: FibOptions = FibOptions {
    table: 254,
    protocol: 12,
};

/// Generous: nothing here asserts speed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The task under test and its ends.
pub(crate) struct Node {
    input: mpsc::Sender<FibInput>,
    output: mpsc::Receiver<FibOutput>,
    pub(crate) view: watch::Receiver<FibView>,
}

impl Node {
    pub(crate) async fn start(options: FibOptions) -> Self {
        let kernel = Netlink::open(options.table).expect("netlink sockets open");
        Self::on(kernel, options).await
    }

    /// Runs the task on sockets that a test has prepared.
    pub(crate) async fn on(kernel: Netlink, options: FibOptions) -> Self {
        let (input, from_us) = mpsc::channel(64);
        let (to_us, output) = mpsc::channel(64);
        let (shown, view) = watch::channel(FibView::default());
        tokio::spawn(fib::run(
            options,
            kernel,
            from_us,
            to_us,
            shown,
            Arc::new(Metrics::new()),
        ));
        let mut node = Self {
            input,
            output,
            view,
        };
        node.until(|view| view.resyncs.contains_key("start")).await;
        node
    }

    pub(crate) async fn send(&self, message: FibInput) {
        self.input.send(message).await.expect("the task runs");
    }

    /// Hands a batch in and waits until it is written.
    pub(crate) async fn apply(&mut self, changes: &[FibChange]) {
        self.send(FibInput::Changes(changes.to_vec())).await;
        self.wants_more().await;
    }

    pub(crate) async fn wants_more(&mut self) {
        while self.hear().await != FibOutput::WantMore {}
    }

    /// Says that the tables are complete, and has nothing more when asked.
    pub(crate) async fn sweep(&mut self) {
        self.send(FibInput::AllowSweep).await;
        for _ in 0..2 {
            self.wants_more().await;
            self.send(FibInput::Changes(vec![])).await;
        }
    }

    pub(crate) async fn track(&self, next_hops: &[&str]) {
        let next_hops = next_hops.iter().map(|text| address(text)).collect();
        self.send(FibInput::Track(next_hops)).await;
    }

    /// Waits to be told a state of a next hop.
    pub(crate) async fn told(&mut self, next_hop: &str, state: NextHopState) {
        let wanted = (address(next_hop), state);
        loop {
            match self.hear().await {
                FibOutput::NextHops(news) if news.contains(&wanted) => {
                    // The rest of the same message is not lost for the next question.
                    let rest = news
                        .into_iter()
                        .filter(|one| *one != wanted)
                        .collect::<Vec<_>>();
                    self.send(FibInput::Track(
                        rest.into_iter().map(|(hop, _)| hop).collect(),
                    ))
                    .await;
                    return;
                }
                _ => {}
            }
        }
    }

    pub(crate) async fn hear(&mut self) -> FibOutput {
        let heard = timeout(PATIENCE, self.output.recv()).await;
        heard.expect("told in time").expect("the task runs")
    }

    pub(crate) async fn rows(&self) -> Vec<FibRow> {
        let (reply, answer) = oneshot::channel();
        let (after, max) = (None, usize::MAX);
        self.send(FibInput::Rows { after, max, reply }).await;
        answer.await.expect("answered")
    }

    pub(crate) async fn until(&mut self, holds: impl FnMut(&FibView) -> bool) {
        let is_seen = timeout(PATIENCE, self.view.wait_for(holds)).await.is_ok();
        let now = self.view.borrow().clone();
        assert!(is_seen, "not in time: {now:?}");
    }
}

/// What happens to routes, as `ip monitor` tells it.
pub(crate) struct Monitor {
    child: Child,
    heard: Arc<Mutex<String>>,
}

/// A table whose routes mark the beginning and the end of what is recorded.
const MARK: &str = "table 9999";

impl Monitor {
    pub(crate) async fn start() -> Self {
        let child = Command::new("ip")
            .args(["monitor", "route"])
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("ip monitor starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let heard = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&heard);
        std::thread::spawn(move || {
            for line in out.lines() {
                let line = line.expect("text") + "\n";
                into.lock().expect("nobody panics with it").push_str(&line);
            }
        });
        let monitor = Self { child, heard };
        monitor.mark().await;
        monitor
    }

    /// Makes changes of its own until one is heard.
    async fn mark(&self) {
        // Never the same change twice, of which the kernel would not tell.
        static MARKS: AtomicU8 = AtomicU8::new(0);
        let mark = format!("198.18.{}.", MARKS.fetch_add(1, Ordering::Relaxed));
        let mut attempts = 0..=u8::MAX;
        eventually(|| {
            let attempt = attempts.next().expect("patience ends earlier");
            ip(&format!("route add blackhole {mark}{attempt} {MARK}"));
            let heard = self.heard.lock().expect("nobody panics with it");
            heard.lines().any(|line| line.contains(&mark))
        })
        .await;
    }

    /// All that was heard, a line for each event or next hop.
    pub(crate) async fn stop(self) -> String {
        self.mark().await;
        let heard = self.heard.lock().expect("nobody panics with it");
        let events = heard.lines().filter(|line| !line.contains(MARK));
        events.map(|line| format!("{line}\n")).collect()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It is gone already where this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two interfaces with two networks each.
pub(crate) fn two_networks() {
    ip("link set lo up");
    for (device, peer, v4, v6) in [
        ("va", "vb", "192.0.2.1/24", "fd00:1::1/64"),
        ("vc", "vd", "198.51.100.1/24", "fd00:2::1/64"),
    ] {
        ip(&format!("link add {device} type veth peer name {peer}"));
        ip(&format!("addr add {v4} dev {device}"));
        ip(&format!("-6 addr add {v6} dev {device} nodad"));
        ip(&format!("link set {peer} up"));
        ip(&format!("link set {device} up"));
    }
    // Link-local addresses and their routes come a moment later.
    std::thread::sleep(Duration::from_millis(200));
}

/// The routes to a prefix in the main table, a line each, without the IPv6 router preference.
pub(crate) fn kernel(prefix: &str) -> Vec<String> {
    let family = if prefix.contains(':') { "-6" } else { "-4" };
    let text = output("ip", &[family, "-o", "route", "show", "exact", prefix]);
    let clean = |line: &str| {
        let words = line.replace(" pref medium", "").replace('\\', " ");
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    text.lines().map(clean).collect()
}

pub(crate) fn ip(arguments: &str) {
    output("ip", &arguments.split_whitespace().collect::<Vec<_>>());
}

pub(crate) fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    // A table without routes does not exist, which iproute2 takes for an error.
    let is_fine = output.status.success() || error.contains("table does not exist");
    assert!(is_fine, "{program} {arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("text")
}

pub(crate) async fn eventually(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .expect("comes true in time");
}

pub(crate) fn change(prefix: &str, kind: FibRouteKind, metric: Option<u32>) -> FibChange {
    FibChange {
        prefix: prefix.parse().expect("a prefix"),
        route: Some(FibRoute { kind, metric }),
    }
}

pub(crate) fn via(prefix: &str, next_hops: &[&str], metric: u32) -> FibChange {
    let next_hops = next_hops.iter().map(|text| address(text)).collect();
    change(prefix, FibRouteKind::Unicast(next_hops), Some(metric))
}

pub(crate) fn none(prefix: &str) -> FibChange {
    let prefix = prefix.parse().expect("a prefix");
    FibChange {
        prefix,
        route: None,
    }
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Set in the process that runs inside.
const INSIDE: &str = "CALIDRIS_TEST_INSIDE";

/// Runs a test's body in a process with a network of its own; `wrapper` goes ahead of the program.
pub(crate) fn in_namespace(test: &str, wrapper: &[&str], body: impl Future<Output = ()>) {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime starts").block_on(body);
        return;
    }
    let is_allowed = |unshare: &[&str]| {
        let tried = Command::new("unshare").args(unshare).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let ways: [&[&str]; 2] = [&["--net"], &["--net", "--user", "--map-root-user"]];
    let Some(unshare) = ways.into_iter().find(|way| is_allowed(way)) else {
        super::skip::skip(test, "this machine allows no network namespaces");
        return;
    };
    let program = std::env::current_exe().expect("a test has a program");
    let status = Command::new("unshare")
        .args(unshare)
        .args(wrapper)
        .arg(program)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "yes")
        .status();
    assert!(
        status.expect("unshare starts").success(),
        "{test} failed inside its namespace"
    );
}
