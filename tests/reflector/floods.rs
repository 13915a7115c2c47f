//! Clients that send or read what no sound client does, without end: what they cost stays bounded, the
//! others do not notice, and metrics and log tell who it is.

use std::net::Ipv4Addr;

use crate::client::Client;
use crate::network::{AS, Family, Machine, Network, is_allowed};
use crate::support::calidris::Calidris;
use crate::support::namespace::Namespace;
use crate::support::raw_peer::{KEEPALIVE, NOTIFICATION, RawPeer, message, open};
use crate::support::{expect, wait_for};

const UPDATE: u8 = 2;
const MIB: f64 = 1024.0 * 1024.0;
/// The last parts of addresses: of the client that floods, and of one more.
const FLOODER: u8 = 3;
const OTHER: u8 = 4;

/// An UPDATE with a MED and a community that tell sets apart; prefixes of one length.
fn update(prefixes: &[Ipv4Addr], length: u8, mark: u32) -> Vec<u8> {
    let attributes = [
        &[0x40, 1, 1, 0][..],
        &[0x40, 2, 0],
        &[0x40, 3, 4, 10, 9, 0, FLOODER],
        &[0x80, 4, 4],
        &mark.to_be_bytes(),
        &[0x40, 5, 4, 0, 0, 0, 100],
        &[0xc0, 8, 4],
        &mark.to_be_bytes(),
    ]
    .concat();
    let attribute_octets = u16::try_from(attributes.len()).expect("few attributes");
    let mut body = [&[0, 0][..], &attribute_octets.to_be_bytes(), &attributes].concat();
    append(&mut body, prefixes, length);
    message(UPDATE, &body)
}

fn withdrawal(prefixes: &[Ipv4Addr], length: u8) -> Vec<u8> {
    let mut withdrawn = Vec::new();
    append(&mut withdrawn, prefixes, length);
    let octets = u16::try_from(withdrawn.len()).expect("few prefixes");
    let body = [&octets.to_be_bytes()[..], &withdrawn, &[0, 0]].concat();
    message(UPDATE, &body)
}

fn append(body: &mut Vec<u8>, prefixes: &[Ipv4Addr], length: u8) {
    for prefix in prefixes {
        body.push(length);
        body.extend(&prefix.octets()[..usize::from(length.div_ceil(8))]);
    }
}

/// The `n`th address of the pool, of what BIRD does not announce itself.
fn nth(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 65, 16, 0)) + n)
}

/// A reflector, BIRD as its sound client, and places for others.
struct Stage<'a> {
    reflector: Calidris<'a>,
    bird: Client<'a>,
    place: &'a Namespace,
    flooder: &'a Namespace,
    other: &'a Namespace,
}

/// Builds the stage, with the annotations that the reflector's sessions are to have.
fn play(annotations: &str, then: impl FnOnce(&Stage<'_>)) {
    let network = Network::new();
    // From both ends, for what is said of a session holds where it was said.
    network.all_to_reflectors();
    network.write(
        "peer-clients",
        &[format!(
            "apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: clients
  annotations:
    {annotations}
spec:
  nodeSelector: \"tier == 'reflector'\"
  peerSelector: \"all()\"
"
        )],
    );
    let machines = [
        Machine::reflector("rr", 1, "244.0.0.1"),
        Machine::client("bird", 2),
        Machine::client("flooder", FLOODER),
        Machine::client("other", OTHER),
    ];
    for machine in &machines {
        network.describe(machine);
    }
    let [place, bird, flooder, other] = machines.map(|machine| network.join(&machine));
    let reflector = network.calidris(&place, "rr");
    let bird = Client::bird(&bird, 2, &[1]);
    reflector.wait_for_state(&Family::V4.session(2), "Established");
    let since = reflector.session(&Family::V4.session(2))["since"].clone();
    let stage = Stage {
        reflector,
        bird,
        place: &place,
        flooder: &flooder,
        other: &other,
    };
    then(&stage);
    let after = stage.reflector.session(&Family::V4.session(2));
    assert_eq!(after["since"], since, "the sound client's session has held");
}

impl Stage<'_> {
    /// A session of a client that is no more than its bytes.
    fn connect(&self, place: &Namespace, host: u8) -> RawPeer {
        let (mut peer, _open) = RawPeer::connect(place, "10.9.0.1");
        let local_as = u16::try_from(AS).expect("a short AS");
        peer.send(&open(local_as, 0, [10, 9, 0, host]));
        peer.send(&message(KEEPALIVE, &[]));
        let session = Family::V4.session(host);
        self.reflector.wait_for_state(&session, "Established");
        peer
    }

    /// The sum of the series of a metric that have all these words.
    fn metric(&self, name: &str, words: &[&str]) -> f64 {
        let (_, text) = self.reflector.get("/metrics");
        let series = text
            .lines()
            .filter(|line| line.starts_with(name) && words.iter().all(|word| line.contains(word)));
        series
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    fn resident(&self) -> f64 {
        self.metric("process_resident_memory_bytes", &[])
    }

    /// Waits until BIRD has a route of the flooder.
    fn wait_for_bird(&self, prefix: &str) {
        wait_for(&format!("{prefix} at BIRD"), || {
            let seen = self.bird.seen(Family::V4, prefix, 1)?;
            expect(!seen.is_empty(), "nothing")
        });
    }
}

#[test]
fn endless_attribute_sets_are_forgotten_as_they_are_replaced() {
    let name = "floods::endless_attribute_sets_are_forgotten_as_they_are_replaced";
    if !is_allowed(name, &[]) {
        return;
    }
    play("calidris.io/passive: \"true\"", |stage| {
        let mut flooder = stage.connect(stage.flooder, FLOODER);
        let before = stage.resident();
        // A set each, of ten prefixes in turn: all but the last ten are nobody's any more.
        const SETS: u32 = 300_000;
        for first in (1..=SETS).step_by(1000) {
            let octets: Vec<_> = (first..first + 1000)
                .flat_map(|n| update(&[nth(n % 10)], 32, n))
                .collect();
            flooder.send(&octets);
        }
        flooder.send(&update(&[nth(77)], 32, 1));
        stage.wait_for_bird("10.65.16.77/32");
        wait_for("unused sets are forgotten", || {
            let sets = stage.metric("calidris_rib_attribute_sets", &[]);
            expect(sets <= 100.0, sets)
        });
        let session = Family::V4.session(FLOODER);
        let words = [&*session, "\"received\"", "\"update\""];
        wait_for("all are counted", || {
            let updates = stage.metric("calidris_peer_messages_total", &words);
            expect(updates >= f64::from(SETS), updates)
        });
        let grown = (stage.resident() - before) / MIB;
        assert!(grown < 16.0, "{grown} MiB more for what is gone");
    });
}

#[test]
fn millions_of_prefixes_end_at_the_limit() {
    let name = "floods::millions_of_prefixes_end_at_the_limit";
    if !is_allowed(name, &[]) {
        return;
    }
    play("calidris.io/prefix-limit: \"1000,restart=1h\"", |stage| {
        let mut flooder = stage.connect(stage.flooder, FLOODER);
        let before = stage.resident();
        for message in 0..10_000_u32 {
            let prefixes: Vec<_> = (0..1000)
                .map(|n| Ipv4Addr::from(0x2000_0000 + message * 1000 + n))
                .collect();
            // Beyond 4096 octets a message would not be BGP's.
            let octets: Vec<_> = prefixes
                .chunks(500)
                .flat_map(|some| update(some, 32, 1))
                .collect();
            flooder.send(&octets);
        }
        let notification = flooder.expect(NOTIFICATION);
        assert_eq!(notification.body[..2], [6, 1], "{notification:?}");
        let session = Family::V4.session(FLOODER);
        let words = [&*session, "code=\"6\"", "subcode=\"1\""];
        let counted = stage.metric("calidris_peer_notifications_total", &words);
        assert!(counted >= 1.0, "{counted}");
        let log = stage.reflector.log(1000);
        let is_named =
            |line: &str| line.contains("exceeded its prefix limit") && line.contains(&session);
        assert!(log.lines().any(is_named), "{log}");
        wait_for("its routes are gone", || {
            let paths = stage.metric("calidris_rib_paths", &[]);
            expect(paths <= 1.0, paths)
        });
        let grown = (stage.resident() - before) / MIB;
        assert!(grown < 8.0, "{grown} MiB more");
    });
}

#[test]
fn flapping_at_line_rate_leaves_the_last_state_and_no_backlog() {
    let name = "floods::flapping_at_line_rate_leaves_the_last_state_and_no_backlog";
    if !is_allowed(name, &[]) {
        return;
    }
    play("calidris.io/passive: \"true\"", |stage| {
        let mut flooder = stage.connect(stage.flooder, FLOODER);
        let before = stage.resident();
        let prefixes: Vec<_> = (0..100).map(nth).collect();
        const ROUNDS: u32 = 3000;
        for round in 0..ROUNDS {
            flooder.send(&update(&prefixes, 32, round));
            flooder.send(&withdrawal(&prefixes, 32));
        }
        flooder.send(&update(&prefixes[..50], 32, ROUNDS));
        stage.wait_for_bird("10.65.16.49/32");
        wait_for("what is left at BIRD", || {
            let left = (0..100)
                .map(|n| stage.bird.seen(Family::V4, &format!("10.65.16.{n}/32"), 1))
                .collect::<Result<Vec<_>, _>>()?;
            let med = |n: usize| left[n].first().and_then(|seen| seen.med);
            let is_last = (0..50).all(|n| med(n) == Some(ROUNDS.into()));
            expect(is_last && left[50..].iter().all(Vec::is_empty), left.len())
        });
        wait_for("no backlog", || {
            let backlog = stage.metric("calidris_update_group_backlog_bytes", &[]);
            expect(backlog == 0.0, backlog)
        });
        let session = Family::V4.session(FLOODER);
        let words = [&*session, "\"received\"", "\"update\""];
        wait_for("all are counted", || {
            let updates = stage.metric("calidris_peer_messages_total", &words);
            expect(updates >= f64::from(2 * ROUNDS), updates)
        });
        let grown = (stage.resident() - before) / MIB;
        assert!(grown < 16.0, "{grown} MiB more");
    });
}

#[test]
fn a_client_that_hardly_reads_costs_little_is_named_and_misses_nothing() {
    let name = "floods::a_client_that_hardly_reads_costs_little_is_named_and_misses_nothing";
    if !is_allowed(name, &[]) {
        return;
    }
    play("calidris.io/passive: \"true\"", |stage| {
        // The kernel would keep some megabytes for a connection.
        let little = "for file in tcp_rmem tcp_wmem; do echo 4096 16384 32768 > /proc/sys/net/ipv4/$file; done";
        for place in [stage.place, stage.other] {
            place
                .run("sh", &["-c", little])
                .expect("a namespace has its own limits");
        }
        let mut flooder = stage.connect(stage.flooder, FLOODER);
        let mut reader = stage.connect(stage.other, OTHER);
        let prefixes: Vec<_> = (0..20_000).map(nth).collect();
        let say_all = |flooder: &mut RawPeer, mark: u32| {
            for some in prefixes.chunks(500) {
                flooder.send(&update(some, 32, mark));
            }
        };
        say_all(&mut flooder, 0);
        stage.wait_for_bird("10.65.94.31/32");
        // From here on it is one of those that follow, and reads no more.
        while !reader.expect(UPDATE).body.ends_with(&[32, 10, 65, 94, 31]) {}
        wait_for("nobody is behind", || {
            let lagging = stage.metric("calidris_update_group_lagging_peers", &[]);
            expect(lagging == 0.0, lagging)
        });
        let before = stage.resident();
        const ROUNDS: u32 = 80;
        for round in 1..=ROUNDS {
            say_all(&mut flooder, round);
        }
        let session = Family::V4.session(OTHER);
        wait_for("it is counted as behind", || {
            let resyncs = stage.metric("calidris_peer_resyncs_total", &[&session]);
            expect(resyncs >= 1.0, resyncs)
        });
        wait_for("BIRD has the last", || {
            let seen = stage.bird.seen(Family::V4, "10.65.94.31/32", 1)?;
            let med = seen.first().and_then(|seen| seen.med);
            expect(med == Some(ROUNDS.into()), med)
        });
        let log = stage.reflector.log(1000);
        let is_named = |line: &str| line.contains("reads more slowly") && line.contains(&session);
        assert_eq!(
            log.lines().filter(|line| is_named(line)).count(),
            1,
            "{log}"
        );
        let grown = (stage.resident() - before) / MIB;
        assert!(grown < 16.0, "{grown} MiB more");

        // In its own time it gets the last state of everything.
        let mark = ROUNDS.to_be_bytes();
        loop {
            let body = reader.expect(UPDATE).body;
            let is_last = body.windows(4).any(|octets| octets == mark);
            if is_last && body.ends_with(&[32, 10, 65, 94, 31]) {
                break;
            }
        }
    });
}
