//! What passes between calidris and the peer, and what tshark makes of it.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::setup::{Family, PEER};
use crate::support::namespace::{Namespace, Process, last_lines, output};
use crate::wait::eventually;

/// A running tcpdump on calidris' side.
pub(crate) struct Capture<'a> {
    namespace: &'a Namespace,
    folder: TempDir,
    process: Option<Process>,
}

impl<'a> Capture<'a> {
    /// Starts recording; packets are in the file as soon as they pass.
    pub(crate) fn start(namespace: &'a Namespace) -> Self {
        let mut capture = Self {
            namespace,
            folder: TempDir::new().expect("a temporary folder"),
            process: None,
        };
        capture.launch();
        capture
    }

    fn launch(&mut self) {
        let file = self.file().display().to_string();
        let hosts = Family::ALL.map(|family| format!("host {}", family.address(PEER)));
        let filter = format!("tcp port 179 and ({})", hosts.join(" or "));
        // As root it would become another user, who may not write here.
        let arguments = [
            "-i", "eth0", "-n", "-U", "-B", "65536", "-Z", "root", "-w", &file, &filter,
        ];
        let log = self.folder.path().join("log");
        let process = self.namespace.spawn("tcpdump", &arguments, &log);
        self.process = Some(process.expect("tcpdump can be started"));
        eventually("tcpdump listens", || {
            let told = last_lines(&log, 5);
            told.contains("listening on").then_some(()).ok_or(told)
        })
        .expect("tcpdump listens");
    }

    /// Ends the recording.
    pub(crate) fn stop(&mut self) -> Result<(), String> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        process.signal("INT").map_err(|error| error.to_string())?;
        eventually("tcpdump ends", || {
            let ended = process.ended().map_err(|error| error.to_string())?;
            ended.map(drop).ok_or_else(|| "still running".to_owned())
        })?;
        let told = last_lines(&self.folder.path().join("log"), 5);
        let is_whole = told.contains("0 packets dropped by kernel");
        is_whole.then_some(()).ok_or(told)
    }

    /// The lines that tshark prints for the packets of a family that match `filter`.
    pub(crate) fn read(&self, family: Family, filter: &str) -> Result<Vec<String>, String> {
        let ip = match family {
            Family::V4 => "ip",
            Family::V6 => "ipv6",
        };
        let mut tshark = Command::new("tshark");
        tshark
            .args(["-n", "-o", "tcp.reassemble_out_of_order:TRUE", "-r"])
            .arg(self.file())
            .args(["-Y", &format!("{ip} && ({filter})")]);
        let told = output(&mut tshark).map_err(|error| error.to_string())?;
        Ok(told.lines().map(str::to_owned).collect())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("capture.pcap")
    }
}
