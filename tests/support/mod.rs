//! What the end-to-end tests share: networks, real neighbours, the daemon, and patience.

pub(crate) mod bird;
pub(crate) mod calidris;
pub(crate) mod frr;
pub(crate) mod gobgp;
pub(crate) mod kernel;
pub(crate) mod kernel_routes;
pub(crate) mod namespace;
pub(crate) mod privilege;
pub(crate) mod raw_peer;
pub(crate) mod resources;
pub(crate) mod skip;

use std::path::Path;
use std::time::{Duration, Instant};

use privilege::Privilege;

/// How long anything may take that ends well; a failing test waits this long, a passing one never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Whether the test called `name` should go on in this process.
///
/// Without the privilege to build networks the test is run again inside a user namespace, and this
/// returns `false` once it has passed there. Where that is forbidden too, or a tool is missing, it
/// says so and returns `false`.
///
/// # Panics
/// If the test fails inside the user namespace.
pub(crate) fn network_allowed(name: &str) -> bool {
    for tool in ["/usr/sbin/bird", "/usr/bin/curl", "/usr/bin/promtool"] {
        if !Path::new(tool).exists() {
            skip::skip(
                name,
                &format!("no {tool}; scripts/install-test-tools installs it"),
            );
            return false;
        }
    }
    match Privilege::detect() {
        Privilege::Here => true,
        Privilege::UserNamespace => {
            println!("{name}: not root, so it runs again inside a user namespace");
            let again = ["--exact", name, "--nocapture"].map(str::to_owned);
            // Killed with us, so that nothing stays behind when a run is interrupted.
            let status = privilege::inside_user_namespace(&["--kill-child"], &again)
                .and_then(|mut command| command.status())
                .expect("unshare can be run");
            assert!(
                status.success(),
                "{name} failed inside the user namespace: {status}"
            );
            false
        }
        Privilege::None => {
            skip::skip(
                name,
                "neither root nor user namespaces, so no networks here",
            );
            false
        }
    }
}

/// The clock, for deadlines and for reports of how long something took.
#[expect(
    clippy::disallowed_methods,
    reason = "tests of real processes run in real time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Polls until `probe` succeeds, says how long that took, and returns what it found.
///
/// # Panics
/// After [`PATIENCE`], with what `probe` saw last.
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Result<T, String>) -> T {
    let start = now();
    loop {
        match probe() {
            Ok(found) => {
                println!("{what}: after {:.1} s", start.elapsed().as_secs_f64());
                return found;
            }
            Err(seen) if start.elapsed() > PATIENCE => {
                panic!("waited {PATIENCE:?} for: {what}\nlast seen: {seen}");
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Fails a probe of [`wait_for`] with what was seen, unless `holds`.
pub(crate) fn expect(holds: bool, seen: impl std::fmt::Debug) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(format!("{seen:#?}"))
    }
}
