//! A peer that dies takes its routes along, unless it said that it would be back.

use crate::lan::{self, LOCAL_AS, Lan, Neighbor};
use crate::support::kernel::Monitor;
use crate::support::{self, kernel, now, wait_for};

fn graceful(seconds: u16) -> Neighbor {
    Neighbor {
        restart_time: Some(seconds),
        ..Neighbor::new(2, LOCAL_AS)
    }
}

#[test]
fn routes_of_a_dead_peer_go() {
    if !support::network_allowed("peer_restart::routes_of_a_dead_peer_go") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS, LOCAL_AS]);
    let dying = Neighbor::new(2, LOCAL_AS);
    let mut bird = lan.start_bird(&dying);
    let _other = lan.start_bird(&Neighbor::new(3, LOCAL_AS));
    let speaker = lan.start_speaker();
    for host in [2, 3] {
        for prefix in lan::blocks_of(host) {
            kernel::wait_for_route(&lan.speaker, &prefix, |_| true);
        }
    }

    let killed = now();
    bird.kill();
    for prefix in &dying.routes {
        kernel::wait_for_no_route(&lan.speaker, prefix);
    }
    println!(
        "all routes gone {:.2} s after SIGKILL",
        killed.elapsed().as_secs_f64()
    );
    for name in dying.sessions() {
        let session = speaker.session(&name);
        assert_ne!(session["state"], "Established");
        assert!(session["lastError"]["message"].is_string(), "{session:#}");
    }
    let kept = kernel::routes(&lan.speaker);
    assert!(
        lan::blocks_of(3)
            .iter()
            .all(|prefix| kept.contains_key(prefix)),
        "{kept:#?}"
    );
}

#[test]
fn routes_of_a_restarting_peer_stay_for_its_restart_time() {
    if !support::network_allowed(
        "peer_restart::routes_of_a_restarting_peer_stay_for_its_restart_time",
    ) {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS]);
    let neighbor = graceful(8);
    let mut bird = lan.start_bird(&neighbor);
    let speaker = lan.start_speaker();
    for name in neighbor.sessions() {
        let session = speaker.wait_for_state(&name, "Established");
        assert_eq!(session["negotiated"]["restartTime"], 8);
    }
    for prefix in &neighbor.routes {
        kernel::wait_for_route(&lan.speaker, prefix, |_| true);
    }

    let killed = now();
    bird.kill();
    for name in neighbor.sessions() {
        wait_for(&format!("{name} keeps stale routes"), || {
            let session = speaker.session(&name);
            support::expect(!session["staleUntil"].is_null(), session)
        });
    }
    let kept = kernel::routes(&lan.speaker);
    assert!(
        neighbor
            .routes
            .iter()
            .all(|prefix| kept.contains_key(prefix)),
        "{kept:#?}"
    );
    for prefix in &neighbor.routes {
        kernel::wait_for_no_route(&lan.speaker, prefix);
    }
    let elapsed = killed.elapsed();
    println!(
        "all routes gone {:.2} s after SIGKILL",
        elapsed.as_secs_f64()
    );
    assert!(
        elapsed.as_secs() >= 8,
        "the restart time was not waited for"
    );
}

#[test]
fn a_peer_that_is_back_in_time_loses_nothing() {
    if !support::network_allowed("peer_restart::a_peer_that_is_back_in_time_loses_nothing") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS]);
    let neighbor = graceful(60);
    let mut bird = lan.start_bird(&neighbor);
    let speaker = lan.start_speaker();
    for prefix in &neighbor.routes {
        kernel::wait_for_route(&lan.speaker, prefix, |_| true);
    }
    let monitor = Monitor::start(&lan.speaker);

    bird.kill();
    for name in neighbor.sessions() {
        wait_for(&format!("{name} down"), || {
            let session = speaker.session(&name);
            support::expect(session["state"] != "Established", session)
        });
    }
    bird.recover();
    for (name, family) in neighbor.sessions().iter().zip(["ipv4", "ipv6"]) {
        wait_for(&format!("End-of-RIB on {name}"), || {
            let session = speaker.session(name);
            let complete = session["endOfRibReceived"][family] == true;
            support::expect(complete && session["staleUntil"].is_null(), session)
        });
    }

    let kept = kernel::routes(&lan.speaker);
    assert!(
        neighbor
            .routes
            .iter()
            .all(|prefix| kept.contains_key(prefix)),
        "{kept:#?}"
    );
    for prefix in &neighbor.routes {
        let path = speaker.best_path(prefix).expect("it is in the kernel");
        assert_eq!(path["stale"], false, "{path:#}");
        let deleted: Vec<String> = monitor.events_of(prefix);
        let deleted: Vec<&String> = deleted
            .iter()
            .filter(|line| line.starts_with("Deleted"))
            .collect();
        assert!(deleted.is_empty(), "{deleted:#?}");
    }
}
