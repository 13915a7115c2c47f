//! Bad input gets the answer of the RFC, or a message that says what and where; the rest runs on.

use std::process::{Command, Output};

use serde_json::Value;

use crate::lan::{self, LOCAL_AS, Lan, Neighbor, OWN_BLOCKS};
use crate::support::calidris::{Calidris, PROGRAM};
use crate::support::raw_peer::{KEEPALIVE, NOTIFICATION, RawMessage, RawPeer, message, open};
use crate::support::{self, kernel, resources, wait_for};

/// What one bad peer sends after the daemon's OPEN, and the NOTIFICATION that it must get.
struct Case {
    name: &'static str,
    sends: Vec<Vec<u8>>,
    answer: (u8, u8),
}

fn cases() -> Vec<Case> {
    let id = [10, 9, 0, 9];
    let mut bad_marker = message(KEEPALIVE, &[]);
    bad_marker[3] = 0;
    vec![
        Case {
            name: "garbage before OPEN",
            sends: vec![b"GET / HTTP/1.1\r\nHost: a-web-server\r\n\r\n".to_vec()],
            answer: (1, 1),
        },
        Case {
            name: "wrong AS",
            sends: vec![open(64_999, 90, id)],
            answer: (2, 2),
        },
        Case {
            name: "bad marker",
            sends: vec![open(65_003, 90, id), bad_marker],
            answer: (1, 1),
        },
        Case {
            name: "hold time of 1",
            sends: vec![open(65_004, 1, id)],
            answer: (2, 6),
        },
        Case {
            name: "bad version",
            sends: vec![{
                let mut bytes = open(65_005, 90, id);
                bytes[19] = 3;
                bytes
            }],
            answer: (2, 1),
        },
    ]
}

#[test]
fn bad_peers_get_their_notification_and_disturb_nobody() {
    if !support::network_allowed("bad_input::bad_peers_get_their_notification_and_disturb_nobody") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS, 65_001, 65_002, 65_003, 65_004, 65_005]);
    let good = Neighbor::new(2, LOCAL_AS);
    let _bird = lan.start_bird(&good);
    let speaker = lan.start_speaker();
    let before = good
        .sessions()
        .map(|name| speaker.wait_for_state(&name, "Established"));

    for (index, case) in cases().into_iter().enumerate() {
        let host = index + 3;
        let (mut peer, _open) = RawPeer::connect(&lan.neighbors[index + 1], "10.9.0.1");
        for bytes in &case.sends {
            peer.send(bytes);
        }
        let RawMessage { body, .. } = peer.expect(NOTIFICATION);
        assert_eq!((body[0], body[1]), case.answer, "{}: {body:?}", case.name);
        let name = lan::sessions_with(host)[0].clone();
        wait_for(&format!("{}: told of {name}", case.name), || {
            let session = speaker.session(&name);
            let sent = &session["notificationSent"];
            let told = sent["code"] == case.answer.0 && sent["subcode"] == case.answer.1;
            support::expect(told && session["lastError"]["message"].is_string(), session)
        });
    }

    let after = good.sessions().map(|name| speaker.session(&name));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after["state"], "Established");
        assert_eq!(after["since"], before["since"]);
    }
}

/// Files that are wrong, each with words that the message about it must hold.
const BAD_FILES: [(&str, &str, &[&str]); 3] = [
    (
        "broken.yaml",
        "kind: BGPPeer\nmetadata: {name: [unclosed\n",
        &["broken.yaml"],
    ),
    (
        "as-abc.yaml",
        "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata:\n  name: letters\nspec:\n  \
         peerIP: 10.9.0.77\n  asNumber: abc\n",
        &["as-abc.yaml", "letters", "asNumber", "abc"],
    ),
    (
        "no-address.yaml",
        "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata:\n  name: nowhere\nspec:\n  \
         asNumber: 65010\n",
        &["nowhere", "peerIP"],
    ),
];

#[test]
fn bad_resources_are_named_and_the_rest_runs_on() {
    if !support::network_allowed("bad_input::bad_resources_are_named_and_the_rest_runs_on") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS]);
    let good = Neighbor::new(2, LOCAL_AS);
    let bird = lan.start_bird(&good);
    let speaker = lan.start_speaker();
    let before = good
        .sessions()
        .map(|name| speaker.wait_for_state(&name, "Established"));
    for block in OWN_BLOCKS {
        bird.wait_for_route(block);
    }

    for (name, text, _) in BAD_FILES {
        lan.resources.write(name, text).expect("the folder is ours");
    }
    // A file that was good keeps its last good version in force.
    lan.resources
        .write("blocks.yaml", "kind: [")
        .expect("the folder is ours");
    // What comes after the bad files still arrives.
    lan.resources
        .write("later.yaml", &resources::block("n1", "172.30.1.192/26"))
        .expect("the folder is ours");
    bird.wait_for_route("172.30.1.192/26");

    for (name, _, words) in BAD_FILES {
        wait_for(&format!("{name} is reported"), || {
            let told = everything_told(&speaker);
            support::expect(words.iter().all(|word| told.contains(word)), told)
        });
    }
    for (before, after) in before
        .iter()
        .zip(good.sessions().map(|name| speaker.session(&name)))
    {
        assert_eq!(after["since"], before["since"]);
    }
    for block in OWN_BLOCKS {
        assert!(bird.route(block).is_some(), "{block} was to stay");
        kernel::wait_for_route(&lan.speaker, block, |route| route.kind == "blackhole");
    }
}

/// All that a user can learn from the running daemon.
fn everything_told(speaker: &Calidris<'_>) -> String {
    let (_, datastore) = speaker.get("/api/v1/datastore");
    format!("{}\n{datastore}\n{}", speaker.log(400), speaker.plan())
}

fn calidris(arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .output()
        .expect("the program can be run")
}

fn both_streams(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

#[test]
fn validate_names_file_resource_field_and_value() {
    let folder = resources::Resources::create().expect("a temporary folder");
    folder
        .write(
            "good.yaml",
            &resources::node("n1", "10.9.0.1/24", "fd09::1/64"),
        )
        .expect("the folder is ours");
    let path = folder.path().to_string_lossy().into_owned();
    let good = calidris(&["validate", &path]);
    assert_eq!(good.status.code(), Some(0), "{}", both_streams(&good));

    for (name, text, words) in BAD_FILES {
        folder.write(name, text).expect("the folder is ours");
        let file = folder.path().join(name);
        let bad = calidris(&["validate", &file.to_string_lossy()]);
        let said = both_streams(&bad);
        assert_eq!(bad.status.code(), Some(1), "{name}: {said}");
        for word in words {
            assert!(said.contains(word), "{name}: {word} is missing in: {said}");
        }
    }
}

#[test]
fn a_missing_node_is_named() {
    let folder = resources::Resources::create().expect("a temporary folder");
    folder
        .write(
            "nodes.yaml",
            &resources::node("n1", "10.9.0.1/24", "fd09::1/64"),
        )
        .expect("the folder is ours");
    let datastore = format!("dir:{}", folder.path().display());
    let output = calidris(&["plan", "--datastore", &datastore, "--node", "ghost"]);
    assert!(
        both_streams(&output).contains("ghost"),
        "{}",
        both_streams(&output)
    );
}

#[test]
fn two_nodes_with_one_address_leave_one_session_and_a_warning() {
    let folder = resources::Resources::create().expect("a temporary folder");
    let documents = [
        resources::configuration(LOCAL_AS, true),
        resources::node("n1", "10.9.0.1/24", "fd09::1/64"),
        resources::node("n2", "10.9.0.2/24", "fd09::2/64"),
        resources::node("n3", "10.9.0.2/24", "fd09::3/64"),
    ];
    folder
        .write("all.yaml", &resources::documents(&documents))
        .expect("the folder is ours");
    let datastore = format!("dir:{}", folder.path().display());
    let arguments = [
        "plan",
        "--datastore",
        &datastore,
        "--node",
        "n1",
        "-o",
        "json",
    ];
    let output = calidris(&arguments);
    let plan: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", both_streams(&output)));

    let peers = plan["peers"].as_object().expect("sessions by name");
    let names: Vec<&str> = peers.keys().map(String::as_str).collect();
    assert_eq!(names, ["Mesh_10_9_0_2", "Mesh_fd09__2", "Mesh_fd09__3"]);
    let warnings = plan["warnings"].to_string();
    for word in ["10.9.0.2", "n2", "n3"] {
        assert!(warnings.contains(word), "{word} is missing in {warnings}");
    }
}
