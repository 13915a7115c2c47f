//! What Prometheus and probes are told.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::lan::{LOCAL_AS, Lan, Neighbor};
use crate::support::{self, wait_for};

/// Families that dashboards and alerts rely on.
const PROMISED: [&str; 18] = [
    "calidris_build_info",
    "calidris_datastore_objects",
    "calidris_datastore_rejected_objects",
    "calidris_datastore_revision",
    "calidris_datastore_synced",
    "calidris_datastore_up",
    "calidris_fib_operations_total",
    "calidris_fib_pending",
    "calidris_fib_routes",
    "calidris_peer_established_total",
    "calidris_peer_info",
    "calidris_peer_messages_total",
    "calidris_peer_prefixes",
    "calidris_peer_state",
    "calidris_peer_up",
    "calidris_rib_paths",
    "calidris_rib_prefixes",
    "calidris_router_info",
];

#[test]
fn metrics_are_complete_and_please_promtool() {
    if !support::network_allowed("metrics::metrics_are_complete_and_please_promtool") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS]);
    let neighbor = Neighbor::new(2, LOCAL_AS);
    let bird = lan.start_bird(&neighbor);
    let speaker = lan.start_speaker();
    bird.wait_for_route("172.30.1.0/26");
    let [session, _] = neighbor.sessions();
    speaker.wait_for_state(&session, "Established");

    let up = format!("calidris_peer_up{{peer=\"{session}\"}} 1");
    let text = wait_for(&up, || {
        let (status, text) = speaker.get("/metrics");
        support::expect(status == 200 && text.contains(&up), &text)?;
        Ok(text)
    });
    for family in PROMISED {
        assert!(
            text.contains(&format!("# HELP {family} ")),
            "{family} is missing in\n{text}"
        );
    }
    let verdict = promtool(&text);
    assert_eq!(verdict, Ok(()), "{text}");
}

#[test]
fn probes_are_answered() {
    if !support::network_allowed("metrics::probes_are_answered") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS]);
    let neighbor = Neighbor::new(2, LOCAL_AS);
    let _bird = lan.start_bird(&neighbor);
    let speaker = lan.start_speaker();
    for name in neighbor.sessions() {
        speaker.wait_for_state(&name, "Established");
    }
    assert_eq!(speaker.get("/healthz").0, 200);
    wait_for("ready", || {
        let answer = speaker.get("/readyz");
        support::expect(answer.0 == 200, answer)
    });
    assert_eq!(speaker.get("/nothing-here").0, 404);
}

/// What `promtool check metrics` finds wrong.
fn promtool(text: &str) -> Result<(), String> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool can be run");
    let mut input = child.stdin.take().expect("it was asked for");
    input
        .write_all(text.as_bytes())
        .expect("promtool reads its input");
    drop(input);
    let output = child.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    match (output.status.success(), said.is_empty()) {
        (true, true) => Ok(()),
        _ => Err(String::from_utf8_lossy(&said).into_owned()),
    }
}
