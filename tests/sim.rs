//! Many seeds of the simulator: every invariant of every world, and the same history twice.

use calidris::sim::{Report, Scenario};

/// The seeds walked through; `CALIDRIS_SIM_SEEDS=7..8` walks through others.
fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("CALIDRIS_SIM_SEEDS") else {
        return 0..200;
    };
    let (first, end) = text.split_once("..").expect("a range such as 0..200");
    first.parse().expect("a number")..end.parse().expect("a number")
}

fn run(seed: u64) -> Report {
    let outcome = Scenario::from_seed(seed).run();
    let violation = outcome.as_ref().err().map(ToString::to_string);
    assert_eq!(violation, None, "seed {seed}");
    outcome.expect("there was no violation")
}

#[test]
fn invariants_hold_in_every_world() {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let all: Vec<u64> = seeds().collect();
    let mut reports: Vec<Report> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                let own = all.iter().skip(worker).step_by(workers);
                scope.spawn(move || own.map(|seed| run(*seed)).collect::<Vec<_>>())
            })
            .collect();
        let joined = handles.into_iter().map(|handle| handle.join());
        joined
            .flat_map(|reports| reports.expect("the seed that failed is named above"))
            .collect()
    });
    reports.sort_by_key(|report| report.seed);
    for report in &reports {
        println!(
            "seed {:3}: {:2} speakers, {:3} sessions ({:?}), {:3} faults, {:4} ups, {:3} lags, \
             {:6} events, {:8} octets, trace {:016x}",
            report.seed,
            report.speakers,
            report.sessions,
            report.topology,
            report.faults,
            report.session_ups,
            report.lags,
            report.events,
            report.octets,
            report.trace,
        );
    }
    let most = reports.iter().map(|report| report.speakers).max();
    let lags: u64 = reports.iter().map(|report| report.lags).sum();
    println!(
        "{} seeds, up to {} speakers, {} events, {lags} lags",
        reports.len(),
        most.unwrap_or(0),
        reports.iter().map(|report| report.events).sum::<u64>(),
    );
    assert!(reports.len() < 100 || lags > 0, "the slow path was walked");
}

#[test]
fn equal_seeds_give_equal_histories() {
    for seed in seeds().step_by(40) {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
