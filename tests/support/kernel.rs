//! Waiting for the kernel of a namespace, and recording what happens there.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::kernel_routes::{self, KernelRoute};
use super::namespace::{Namespace, Process};
use super::{expect, wait_for};

/// All routes of protocol `bird` in the main tables of both families, by prefix.
pub(crate) fn routes(namespace: &Namespace) -> BTreeMap<String, KernelRoute> {
    kernel_routes::read(namespace).expect("ip route works")
}

/// Waits until a route to `prefix` is there and `holds` says that it is as it should be.
pub(crate) fn wait_for_route(
    namespace: &Namespace,
    prefix: &str,
    holds: impl Fn(&KernelRoute) -> bool,
) -> KernelRoute {
    wait_for(&format!("{prefix} in the kernel"), || {
        let all = routes(namespace);
        let found = all.get(prefix).filter(|route| holds(route)).cloned();
        found.ok_or_else(|| format!("{all:#?}"))
    })
}

/// Waits until no route to `prefix` is left.
pub(crate) fn wait_for_no_route(namespace: &Namespace, prefix: &str) {
    wait_for(&format!("{prefix} gone from the kernel"), || {
        let all = routes(namespace);
        expect(!all.contains_key(prefix), all)
    });
}

/// A record of every route event in a namespace, as `ip monitor route` prints them.
pub(crate) struct Monitor<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
    _process: Process,
}

impl<'a> Monitor<'a> {
    /// Starts recording, and waits until events do arrive.
    pub(crate) fn start(namespace: &'a Namespace) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let log = folder.path().join("events");
        let process = namespace
            .spawn("ip", &["monitor", "route"], &log)
            .expect("ip can be run");
        let monitor = Self {
            namespace,
            folder,
            _process: process,
        };
        wait_for("route events arrive", || {
            monitor.poke()?;
            expect(!monitor.events().is_empty(), ())
        });
        monitor
    }

    /// Events about `prefix` so far, in order; deletions begin with `Deleted`.
    pub(crate) fn events_of(&self, prefix: &str) -> Vec<String> {
        // A later event than all that matter, so that none of those is still on its way.
        let before = self.events().len();
        wait_for("the last route events", || {
            self.poke()?;
            expect(self.events().len() > before, ())
        });
        self.events()
            .into_iter()
            .filter(|line| line.contains(prefix))
            .collect()
    }

    /// Makes an event that is nobody's.
    fn poke(&self) -> Result<(), String> {
        for verb in ["replace", "delete"] {
            let change = format!("route {verb} blackhole 192.0.2.255/32 proto static");
            self.namespace
                .ip(&change)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn events(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events")
    }
}
