//! What no sound client sends: the reflector's own marks, and reflectors that contradict each other.

use crate::client::Client;
use crate::network::{AS, Family, Machine, Network, is_allowed};
use crate::support::calidris::{Calidris, rows};
use crate::support::raw_peer::{KEEPALIVE, RawPeer, message, open};
use crate::support::{expect, resources, wait_for};

const UPDATE: u8 = 2;
const CLUSTER: [u8; 4] = [244, 0, 0, 1];
const REFLECTOR: [u8; 4] = [10, 9, 0, 1];
const STRANGER: [u8; 4] = [192, 0, 2, 9];

/// An UPDATE of an IPv4 prefix with the attributes of reflection.
fn update(prefix: [u8; 4], length: u8, originator: [u8; 4], clusters: &[[u8; 4]]) -> Vec<u8> {
    let clusters = clusters.concat();
    let list_octets = u8::try_from(clusters.len()).expect("few clusters");
    let attributes = [
        &[0x40, 1, 1, 0][..],
        &[0x40, 2, 0],
        &[0x40, 3, 4, 10, 9, 0, 3],
        &[0x40, 5, 4, 0, 0, 0, 100],
        &[0x80, 9, 4],
        &originator,
        &[0x80, 10, list_octets],
        &clusters,
    ]
    .concat();
    let attribute_octets = u16::try_from(attributes.len()).expect("few attributes");
    let octets = usize::from(length).div_ceil(8);
    let body = [
        &[0, 0][..],
        &attribute_octets.to_be_bytes(),
        &attributes,
        &[length],
        &prefix[..octets],
    ];
    message(UPDATE, &body.concat())
}

/// Why a path that a peer announces is not used; `None` if it is.
fn reason(calidris: &Calidris<'_>, session: &str, prefix: &str) -> Result<Option<String>, String> {
    let answer = calidris.try_show(&["routes", "--received", session])?;
    let mut found = rows(&answer)
        .into_iter()
        .filter(|row| row["prefix"] == prefix);
    let row = found
        .next()
        .ok_or_else(|| format!("no {prefix} in {answer}"))?;
    let reason = row["paths"][0]["reason"].as_str();
    Ok(reason.map(str::to_owned))
}

#[test]
fn routes_with_the_reflectors_own_marks_are_refused_counted_and_named() {
    let name = "bad_input::routes_with_the_reflectors_own_marks_are_refused_counted_and_named";
    if !is_allowed(name, &[]) {
        return;
    }
    let network = Network::new();
    network.all_to_reflectors();
    let machines = [
        Machine::reflector("rr", 1, "244.0.0.1"),
        Machine::client("bird", 2),
        Machine::client("raw", 3),
    ];
    for machine in &machines {
        network.describe(machine);
    }
    let [place, bird, raw] = machines.map(|machine| network.join(&machine));
    let reflector = network.calidris(&place, "rr");
    let bird = Client::bird(&bird, 2, &[1]);
    let session = Family::V4.session(3);
    let (mut peer, _open) = RawPeer::connect(&raw, "10.9.0.1");
    peer.send(&open(
        u16::try_from(AS).expect("a short AS"),
        0,
        [10, 9, 0, 3],
    ));
    peer.send(&message(KEEPALIVE, &[]));
    reflector.wait_for_state(&session, "Established");
    let since = reflector.session(&session)["since"].clone();

    peer.send(&update([10, 65, 12, 0], 26, STRANGER, &[[1, 1, 1, 1]]));
    let clean = wait_for("the sound route at BIRD", || {
        let seen = bird.seen(Family::V4, "10.65.12.0/26", 1)?;
        seen.into_iter().next().ok_or_else(|| "nothing".to_owned())
    });
    assert_eq!(clean.originator, "192.0.2.9", "whoever set it first");
    assert_eq!(clean.clusters, ["244.0.0.1", "1.1.1.1"]);

    peer.send(&update(
        [10, 65, 10, 0],
        26,
        STRANGER,
        &[[1, 1, 1, 1], CLUSTER],
    ));
    peer.send(&update([10, 65, 11, 0], 26, REFLECTOR, &[[1, 1, 1, 1]]));
    for index in 0..500_u16 {
        let [high, low] = index.to_be_bytes();
        peer.send(&update([10, 65, 64 + high, low], 32, STRANGER, &[CLUSTER]));
    }
    for (prefix, wanted) in [
        ("10.65.10.0/26", "cluster loop"),
        ("10.65.11.0/26", "originator loop"),
        ("10.65.65.243/32", "cluster loop"),
    ] {
        wait_for(&format!("{prefix} is refused as {wanted}"), || {
            let reason = reason(&reflector, &session, prefix)?;
            expect(reason.as_deref() == Some(wanted), reason)
        });
    }
    let counts = reflector.session(&session)["prefixes"]["ipv4"].clone();
    assert_eq!(
        (&counts["received"], &counts["accepted"]),
        (&503.into(), &1.into())
    );
    let (_, metrics) = reflector.get("/metrics");
    let is_counted = |line: &str| {
        let words = [&*session, "\"filtered\"", "} 502"];
        words.iter().all(|word| line.contains(word))
    };
    let mut counts = metrics
        .lines()
        .filter(|line| line.contains("calidris_peer_prefixes"));
    assert!(counts.any(is_counted), "{metrics}");
    for (reason, count) in [("cluster_loop", 501), ("originator_loop", 1)] {
        let line = format!(
            r#"calidris_peer_refused_paths{{peer="{session}",family="ipv4",reason="{reason}"}} {count}"#
        );
        assert!(metrics.contains(&line), "no {line} in {metrics}");
    }
    let log = reflector.log(1_000);
    for reason in ["cluster loop", "originator loop"] {
        let is_named = |line: &&str| line.contains(reason) && line.contains(&session);
        assert_eq!(log.lines().filter(is_named).count(), 1, "{log}");
    }

    // A sound route that comes back with a loop is gone for the others.
    peer.send(&update([10, 65, 12, 0], 26, STRANGER, &[CLUSTER]));
    wait_for("the once sound route is gone from BIRD", || {
        let seen = bird.seen(Family::V4, "10.65.12.0/26", 1)?;
        expect(seen.is_empty(), seen)
    });
    for prefix in ["10.65.10.0/26", "10.65.11.0/26", "10.65.65.243/32"] {
        assert_eq!(bird.seen(Family::V4, prefix, 1), Ok(vec![]), "{prefix}");
    }
    let after = reflector.session(&session);
    assert_eq!(
        (&after["state"], &after["since"]),
        (&"Established".into(), &since)
    );
}

/// Each of two reflectors of one cluster is told that the other is its client, by naming it by its
/// address.
#[test]
fn contradictory_reflectors_pass_nothing_round_and_say_what_is_wrong() {
    let name = "bad_input::contradictory_reflectors_pass_nothing_round_and_say_what_is_wrong";
    if !is_allowed(name, &[]) {
        return;
    }
    let network = Network::new();
    let machines = [
        Machine::reflector("r1", 1, "244.0.0.1"),
        Machine::reflector("r2", 2, "244.0.0.1"),
        Machine::client("bird", 3),
        Machine::client("node", 4),
    ];
    for machine in &machines {
        network.describe(machine);
    }
    network.peer("to-reflectors", "!has(tier)", "tier == 'reflector'");
    let one_way = |name: &str, node: &str, host: u8| {
        let peer = resources::peer(name, node, &Family::V4.address(host), AS);
        peer + "  reversePeering: Manual\n"
    };
    network.write("odd", &[one_way("one", "r1", 2), one_way("other", "r2", 1)]);
    let [r1, r2, bird, node] = machines.map(|machine| network.join(&machine));
    let reflectors = [network.calidris(&r1, "r1"), network.calidris(&r2, "r2")];
    let clients = [
        Client::bird(&bird, 3, &[1, 2]),
        Client::calidris(&network, &node, &machines[3]),
    ];
    for reflector in [1, 2] {
        clients[0].wait_for(&clients[1], reflector, &["244.0.0.1"]);
        clients[1].wait_for(&clients[0], reflector, &["244.0.0.1"]);
    }
    // What one tells the other has the cluster of both: it is refused, and shown as that.
    for (reflector, other) in reflectors.iter().zip([2, 1]) {
        let session = Family::V4.session(other);
        let told = reflector.wait_for_state(&session, "Established");
        assert_eq!(told["reflectorClient"], true);
        for block in [Family::V4.block(3), Family::V4.block(4)] {
            wait_for(&format!("{block} from .{other} is refused"), || {
                let reason = reason(reflector, &session, &block)?;
                expect(reason.as_deref() == Some("cluster loop"), reason)
            });
        }
        let plan = reflector.plan();
        let warnings = rows(&plan["warnings"]);
        let is_named = |warning: &serde_json::Value| {
            let message = warning["message"].as_str().unwrap_or_default();
            message.contains("counts as a client")
        };
        assert!(warnings.iter().any(is_named), "{warnings:?}");
        let log = reflector.log(200);
        assert!(log.contains("counts as a client"), "{log}");
    }
    // Nothing goes round: once all is told, no more is told.
    let told = || {
        let counts = reflectors.iter().zip([2, 1]).map(|(reflector, other)| {
            let session = reflector.session(&Family::V4.session(other));
            session["messages"].to_string()
        });
        counts.collect::<Vec<_>>()
    };
    let mut before = told();
    wait_for("silence", || {
        let last = std::mem::replace(&mut before, told());
        expect(last == before, (&last, &before))
    });
}
