use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::net::{Family, PerFamily};

fn peer(name: &str, up: bool) -> PeerSample {
    let state = |state, holds| StateSample { state, holds };
    PeerSample {
        peer: name.to_owned(),
        kind: "mesh".to_owned(),
        remote_as: 64_512,
        address: "192.0.2.12".to_owned(),
        reflector_client: false,
        states: vec![state("Active", !up), state("Established", up)],
        up,
        since: 1_700_000_000.5,
        established: 2,
        down: BTreeMap::from([("hold_timer".to_owned(), 1)]),
        messages: vec![("received", "update", 10), ("sent", "keepalive", 3)],
        notifications: vec![("sent".to_owned(), 4, 0, 1)],
        update_errors: vec![("treat_as_withdraw", 1)],
        resyncs: 1,
        panics: 1,
        prefix_limit_warnings: 2,
        prefixes: vec![(
            Family::Ipv4,
            PeerPrefixes {
                received: 5,
                accepted: 4,
                filtered: 1,
                refused: [("cluster loop", 1)].into(),
                best: 3,
                advertised: 2,
            },
        )],
    }
}

/// A sample in which every family has at least one series.
fn full() -> Sample {
    Sample {
        router: RouterSample {
            version: "0.1.0".to_owned(),
            commit: "abc".to_owned(),
            router: Some(("192.0.2.1".to_owned(), 64_512, "node-\"a\"\\".to_owned())),
        },
        peer_series: PeerSeries::All,
        peers: vec![
            peer("Mesh_192_0_2_12", true),
            peer("Mesh_192_0_2_13", false),
        ],
        groups: vec![GroupSample {
            group: 1,
            family: Family::Ipv4,
            peers: 2,
            lagging: 1,
            backlog_bytes: Some(4_096),
            prefixes: 8,
            chunks: [3, 1],
            resyncs: 2,
        }],
        rib: Some(PerFamily {
            ipv4: RibSample {
                prefixes: 9,
                paths: 12,
                stale_paths: 1,
                attribute_sets: 3,
            },
            ipv6: RibSample::default(),
        }),
        fib: FibSample {
            routes: PerFamily { ipv4: 7, ipv6: 0 },
            pending: PerFamily { ipv4: 1, ipv6: 0 },
            operations: BTreeMap::from([(
                "add".to_owned(),
                BTreeMap::from([("ok".to_owned(), 7), ("EEXIST".to_owned(), 1)]),
            )]),
            resyncs: BTreeMap::from([("start".to_owned(), 1)]),
            drift_repaired: 2,
        },
        datastore: DatastoreSample {
            backend: "dir".to_owned(),
            up: true,
            synced: true,
            revision: 4,
            last_event: Some(1_700_000_001.0),
            relists: 1,
            objects: vec![KindSample {
                kind: "Node".to_owned(),
                accepted: 3,
                rejected: 1,
            }],
            stale: false,
        },
    }
}

fn render(sample: &Sample) -> String {
    let metrics = Metrics::new();
    metrics.fib_apply().observe(0.003);
    metrics.keepalive_delay().observe(0.001);
    metrics.render(sample).expect("the text format")
}

#[test]
fn every_family_has_help_and_type_and_comes_once() {
    let text = render(&full());
    let mut named = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, help) = line.split_once(' ').expect("a help text");
        assert!(!help.trim().is_empty(), "{name} has help");
        assert!(named.insert(name.to_owned()), "{name} comes once");
        let kind = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("# TYPE {name} ")))
            .expect("a type");
        assert_eq!(
            kind == "counter",
            name.ends_with("_total"),
            "{name} is a {kind}"
        );
    }
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().expect("a name");
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| {
                name.strip_suffix(suffix)
                    .filter(|base| named.contains(*base))
            })
            .unwrap_or(name);
        assert!(named.contains(family), "{name} belongs to a family");
    }
}

#[test]
fn the_names_of_the_contract_are_there() {
    let text = render(&full());
    for name in [
        "calidris_build_info",
        "calidris_router_info",
        "calidris_peer_info",
        "calidris_peer_up",
        "calidris_peer_state",
        "calidris_peers",
        "calidris_peer_state_since_timestamp_seconds",
        "calidris_peer_established_total",
        "calidris_peer_down_total",
        "calidris_peer_messages_total",
        "calidris_peer_notifications_total",
        "calidris_peer_prefixes",
        "calidris_update_errors_total",
        "calidris_update_group_peers",
        "calidris_update_group_lagging_peers",
        "calidris_peer_resyncs_total",
        "calidris_peer_panics_total",
        "calidris_peer_prefix_limit_warnings_total",
        "calidris_rib_prefixes",
        "calidris_rib_paths",
        "calidris_rib_stale_paths",
        "calidris_rib_attribute_sets",
        "calidris_fib_routes",
        "calidris_fib_pending",
        "calidris_fib_operations_total",
        "calidris_fib_apply_seconds",
        "calidris_fib_resyncs_total",
        "calidris_fib_drift_repaired_total",
        "calidris_datastore_up",
        "calidris_datastore_synced",
        "calidris_datastore_revision",
        "calidris_datastore_last_event_timestamp_seconds",
        "calidris_datastore_relists_total",
        "calidris_datastore_objects",
        "calidris_datastore_rejected_objects",
        "calidris_config_stale",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_start_time_seconds",
    ] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} is shown");
    }
}

#[test]
fn labels_are_escaped_and_numbers_exact() {
    let text = render(&full());
    for line in [
        r#"calidris_router_info{router_id="192.0.2.1",local_as="64512",node="node-\"a\"\\"} 1"#,
        r#"calidris_peer_state{peer="Mesh_192_0_2_12",state="Established"} 1"#,
        r#"calidris_peer_state{peer="Mesh_192_0_2_12",state="Active"} 0"#,
        r#"calidris_peers{state="Active"} 1"#,
        r#"calidris_peer_prefixes{peer="Mesh_192_0_2_12",family="ipv4",stage="filtered"} 1"#,
        r#"calidris_peer_refused_paths{peer="Mesh_192_0_2_12",family="ipv4",reason="cluster_loop"} 1"#,
        r#"calidris_peer_state_since_timestamp_seconds{peer="Mesh_192_0_2_12"} 1700000000.5"#,
        r#"calidris_fib_operations_total{op="add",result="EEXIST"} 1"#,
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line}\nin\n{text}"
        );
    }
}

#[test]
fn handles_that_nobody_asked_for_are_not_shown() {
    let text = Metrics::new().render(&full()).expect("the text format");
    assert!(!text.contains("calidris_fib_apply_seconds"));
}

#[test]
fn unhealthy_sessions_stand_alone_and_the_rest_is_summed_up() {
    let sample = Sample {
        peer_series: PeerSeries::Unhealthy,
        ..full()
    };
    let text = render(&sample);
    assert!(
        !text.contains("Mesh_192_0_2_12"),
        "the healthy one is folded"
    );
    assert!(text.contains(r#"calidris_peer_up{peer="Mesh_192_0_2_13"} 0"#));
    assert!(text.contains(r#"calidris_peer_prefixes{peer="*",family="ipv4",stage="received"} 5"#));
    assert!(text.contains(r#"calidris_peer_established_total{peer="*"} 4"#));
    assert!(text.contains(r#"calidris_peers{state="Established"} 1"#));
}

#[test]
fn without_series_of_sessions_only_sums_are_left() {
    let sample = Sample {
        peer_series: PeerSeries::None,
        ..full()
    };
    let text = render(&sample);
    assert!(!text.contains("Mesh_"));
    assert!(!text.contains("calidris_peer_up"));
    assert!(text.contains(
        r#"calidris_peer_messages_total{peer="*",direction="received",type="update"} 20"#
    ));
    assert!(text.contains(r#"calidris_peer_prefixes{peer="*",family="ipv4",stage="received"} 10"#));
}

#[test]
fn promtool_finds_no_fault() {
    for series in [PeerSeries::All, PeerSeries::Unhealthy, PeerSeries::None] {
        let text = render(&Sample {
            peer_series: series,
            ..full()
        });
        let child = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("skipped: promtool is not installed (Debian package prometheus)");
            return;
        };
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(text.as_bytes()).expect("promtool reads");
        drop(input);
        let output = child.wait_with_output().expect("promtool ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
    }
}
