//! The daemon may end and start again; the kernel's routes do not notice.

use crate::lan::{self, LOCAL_AS, Lan, Neighbor, OWN_BLOCKS};
use crate::support::calidris::Calidris;
use crate::support::kernel::Monitor;
use crate::support::{self, kernel, resources};

#[test]
fn routes_stay_over_a_stop_and_a_start() {
    if !support::network_allowed("restart::routes_stay_over_a_stop_and_a_start") {
        return;
    }
    routes_stay_over(|speaker| speaker.stop());
}

#[test]
fn routes_stay_over_a_crash_and_a_start() {
    if !support::network_allowed("restart::routes_stay_over_a_crash_and_a_start") {
        return;
    }
    routes_stay_over(|speaker| speaker.kill());
}

/// Ends the daemon by `end` and starts it again: what is still wanted is never deleted from the
/// kernel, not even to be put back; what is wanted no longer goes once the tables are complete.
fn routes_stay_over(end: impl FnOnce(&mut Calidris<'_>)) {
    let lan = Lan::with_neighbors(&[LOCAL_AS]);
    let neighbor = Neighbor {
        restart_time: Some(120),
        ..Neighbor::new(2, LOCAL_AS)
    };
    let bird = lan.start_bird(&neighbor);
    let passing = ["172.30.1.128/26", "fd5a:1:0:1::80/122"];
    let text = resources::documents(&passing.map(|cidr| resources::block("n1", cidr)));
    lan.resources
        .write("passing.yaml", &text)
        .expect("the folder is ours");
    let mut speaker = lan.start_speaker();
    let lasting: Vec<String> = lan::blocks_of(2)
        .into_iter()
        .chain(OWN_BLOCKS.map(str::to_owned))
        .collect();
    let leaving: Vec<String> = lan::outside_of(2)
        .into_iter()
        .chain(passing.map(str::to_owned))
        .collect();
    for prefix in lasting.iter().chain(&leaving) {
        kernel::wait_for_route(&lan.speaker, prefix, |_| true);
    }
    for prefix in OWN_BLOCKS {
        bird.wait_for_route(prefix);
    }
    let monitor = Monitor::start(&lan.speaker);

    end(&mut speaker);
    let left = kernel::routes(&lan.speaker);
    assert!(
        lasting
            .iter()
            .chain(&leaving)
            .all(|prefix| left.contains_key(prefix)),
        "{left:#?}"
    );
    for prefix in OWN_BLOCKS {
        assert!(
            bird.route(prefix).is_some(),
            "the peer was to keep {prefix}"
        );
    }

    // While the daemon is away, half of the routes lose their reason.
    lan.resources
        .remove("passing.yaml")
        .expect("it was written");
    let fewer = Neighbor {
        routes: lan::blocks_of(2).to_vec(),
        ..neighbor
    };
    bird.configure(&fewer.configuration());
    speaker.restart();
    for prefix in &leaving {
        kernel::wait_for_no_route(&lan.speaker, prefix);
    }

    let kept = kernel::routes(&lan.speaker);
    for prefix in &lasting {
        assert_eq!(kept.get(prefix), left.get(prefix), "{prefix}");
        let events = monitor.events_of(prefix);
        assert!(
            !events.iter().any(|line| line.starts_with("Deleted")),
            "{events:#?}"
        );
    }
    for prefix in OWN_BLOCKS {
        bird.wait_for_route(prefix);
    }
}
