//! The simulator at scale: thousands of small worlds and some of a thousand speakers, with every
//! invariant checked at every rest; the same history twice; the same outcome whatever the number of
//! shards; and defects put in on purpose, each of which must be seen.
//!
//! `scripts/test --test sim` runs all of it, optimised. With arguments it runs what they say: `-- 17`
//! the world of seed 17, `-- 17..40` those of a range, `-- crowd 2` one large world, `-- some` a
//! tenth of everything. A world that fails says which of these replays it. With `CALIDRIS_SIM=few` in
//! the environment only a few small worlds are run: that is for builds that are not optimised.

use std::fmt::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use calidris::sim::{Crowd, Defect, Report, Scenario, Shape};

/// The small worlds.
const SEEDS: Range<u64> = 0..3_000;

/// Of every so many small worlds, one is run with each number of shards.
const SHARDS_EACH: u64 = 20;

/// Of every so many small worlds, one is run twice.
const TWICE_EACH: u64 = 100;

/// The numbers of shards that must come to the same.
const SHARDS: Range<usize> = 1..5;

/// Worlds within which a defect must be seen.
const DEFECT_SEEDS: Range<u64> = 0..600;

/// The large worlds: shape, reflectors, shards.
const CROWDS: [(Shape, usize, usize); 5] = [
    (Shape::OneCluster, 2, 1),
    (Shape::OwnClusters, 2, 2),
    (Shape::OwnClusters, 3, 3),
    (Shape::Contradictory, 3, 1),
    (Shape::Hierarchy, 3, 4),
];

/// The speakers of a large world.
const CROWD_SPEAKERS: usize = 1_000;

/// One thing to run.
#[derive(Clone, Copy, Debug)]
enum Job {
    /// A small world.
    Seed(u64),
    /// A small world, with each number of shards.
    Shards(u64),
    /// A small world, twice.
    Twice(u64),
    /// A large world.
    Crowd(usize),
    /// Worlds with a defect, until it is seen.
    Defect(Defect),
}

impl Job {
    /// What replays it.
    fn replay(self) -> String {
        let what = match self {
            Self::Seed(seed) => format!("{seed}"),
            Self::Shards(seed) => format!("shards {seed}"),
            Self::Twice(seed) => format!("twice {seed}"),
            Self::Crowd(number) => format!("crowd {number}"),
            Self::Defect(defect) => format!("defect {defect:?}"),
        };
        format!("scripts/test --test sim -- {what}")
    }

    /// Runs it; the worlds that it consisted of, or what is wrong.
    fn run(self) -> Result<Done, String> {
        match self {
            Self::Seed(seed) => {
                let report = Scenario::from_seed(seed).run();
                report.map(Done::world).map_err(|error| error.to_string())
            }
            Self::Shards(seed) => same_with_all_shards(seed),
            Self::Twice(seed) => twice(seed),
            Self::Crowd(number) => crowd(number),
            Self::Defect(defect) => see(defect),
        }
    }
}

/// What came of a job that did not fail.
struct Done {
    reports: Vec<Report>,
    note: Option<String>,
}

impl Done {
    fn world(report: Report) -> Self {
        Self {
            reports: vec![report],
            note: None,
        }
    }
}

fn same_with_all_shards(seed: u64) -> Result<Done, String> {
    let run = |shards| {
        let outcome = Scenario::with(seed, shards, None).run_and_tell();
        outcome.map_err(|error| format!("{shards} shards: {error}"))
    };
    let (report, told) = run(1)?;
    let mut reports = vec![report];
    for shards in SHARDS.skip(1) {
        let (report, others) = run(shards)?;
        if told != others {
            let differ = told.iter().find(|line| !others.contains(line));
            let other = others.iter().find(|line| !told.contains(line));
            return Err(format!(
                "one shard and {shards} differ: {differ:?} against {other:?}"
            ));
        }
        reports.push(report);
    }
    Ok(Done {
        reports,
        note: None,
    })
}

fn twice(seed: u64) -> Result<Done, String> {
    let run = || {
        let report = Scenario::from_seed(seed).run();
        report.map_err(|error| error.to_string())
    };
    let (one, other) = (run()?, run()?);
    if one != other {
        return Err(format!("{one} and then {other}"));
    }
    Ok(Done {
        reports: vec![one, other],
        note: None,
    })
}

fn crowd(number: usize) -> Result<Done, String> {
    let (shape, reflectors, shards) = CROWDS[number];
    let seed = 1_000 + number as u64;
    let crowd = Crowd::new(seed, shape, reflectors, CROWD_SPEAKERS, shards);
    let report = crowd.run().map_err(|error| error.to_string())?;
    let note = Some(format!("crowd {number}: {report}"));
    Ok(Done {
        reports: vec![report],
        note,
    })
}

fn see(defect: Defect) -> Result<Done, String> {
    for seed in DEFECT_SEEDS {
        let shards = usize::try_from(seed % 4).map_err(|error| error.to_string())? + 1;
        let run = || Scenario::with(seed, shards, Some(defect)).run();
        let seen = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(_)) => continue,
            Ok(Err(violation)) => violation.to_string(),
            Err(_) => "an assertion".to_owned(),
        };
        let seen: String = seen.chars().take(60).collect();
        return Ok(Done {
            reports: Vec::new(),
            note: Some(format!("defect {defect:?}: seen in seed {seed}: {seen}…")),
        });
    }
    Err(format!("not seen in seeds {DEFECT_SEEDS:?}"))
}

/// What was asked for.
fn jobs(arguments: &[String]) -> Result<Vec<Job>, String> {
    let number = |text: &str| text.parse().map_err(|_| format!("{text} is no seed"));
    let words: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    Ok(match words[..] {
        [] if std::env::var_os("CALIDRIS_SIM").is_some_and(|amount| amount == "few") => all(50),
        [] => all(1),
        ["some"] => all(10),
        ["shards", seed] => vec![Job::Shards(number(seed)?)],
        ["twice", seed] => vec![Job::Twice(number(seed)?)],
        ["crowds"] => (0..CROWDS.len()).map(Job::Crowd).collect(),
        ["crowd", which] => {
            let which = which.parse().ok().filter(|which| *which < CROWDS.len());
            vec![Job::Crowd(which.ok_or("no such crowd")?)]
        }
        ["defects"] => Defect::ALL.into_iter().map(Job::Defect).collect(),
        ["defect", name] => {
            let mut all = Defect::ALL.into_iter();
            let defect = all.find(|defect| format!("{defect:?}") == name);
            vec![Job::Defect(defect.ok_or("no such defect")?)]
        }
        [seeds] => match seeds.split_once("..") {
            Some((first, end)) => (number(first)?..number(end)?).map(Job::Seed).collect(),
            None => vec![Job::Seed(number(seeds)?)],
        },
        _ => return Err(format!("what is {words:?}?")),
    })
}

/// Everything, or one part in so many; the longest first, so that all workers end at the same time.
fn all(parts: u64) -> Vec<Job> {
    let seeds = SEEDS.start..SEEDS.end / parts;
    let crowds = if parts == 1 { CROWDS.len() } else { 0 };
    let each = |step: u64| seeds.clone().filter(move |seed| seed % step == 0);
    let crowds = (0..crowds).map(Job::Crowd);
    let defects = if parts == 1 { Defect::ALL.len() } else { 0 };
    let defects = Defect::ALL.into_iter().take(defects).map(Job::Defect);
    let jobs = crowds.chain(defects);
    let jobs = jobs.chain(each(SHARDS_EACH).map(Job::Shards));
    let jobs = jobs.chain(each(TWICE_EACH).map(Job::Twice));
    jobs.chain(seeds.clone().map(Job::Seed)).collect()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("0 tests, 0 benchmarks");
        return ExitCode::SUCCESS;
    }
    let jobs = match jobs(&arguments) {
        Ok(jobs) => jobs,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let verbose = jobs.len() <= 40;
    let mut summary = Summary::default();
    run_all(&jobs, |job, outcome| {
        summary.take(job, outcome, verbose);
    });
    println!("{}", summary.text());
    match summary.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Runs jobs on every processor.
fn run_all(jobs: &[Job], mut done: impl FnMut(Job, Result<Done, String>)) {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let (sender, outcomes) = sync_channel(workers);
    thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = catch_unwind(AssertUnwindSafe(|| job.run()));
                    let outcome = outcome.unwrap_or_else(|_| Err("an assertion failed".into()));
                    if sender.send((*job, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (job, outcome) in outcomes {
            done(job, outcome);
        }
    });
}

/// What came of all jobs.
#[derive(Default)]
struct Summary {
    worlds: usize,
    seeds: std::collections::BTreeSet<u64>,
    speakers: usize,
    speakers_max: usize,
    events: u64,
    heard: u64,
    ups: u64,
    lags: u64,
    defects: usize,
    failed: usize,
}

impl Summary {
    fn take(&mut self, job: Job, outcome: Result<Done, String>, verbose: bool) {
        let done = match outcome {
            Ok(done) => done,
            Err(what) => {
                self.failed += 1;
                println!("FAILED {job:?}: {what}\n  replay: {}", job.replay());
                return;
            }
        };
        for report in &done.reports {
            if verbose && done.note.is_none() {
                println!("{report}");
            }
            self.worlds += 1;
            self.seeds.insert(report.seed);
            self.speakers += report.speakers;
            self.speakers_max = self.speakers_max.max(report.speakers);
            self.events += report.events;
            self.heard += report.heard;
            self.ups += report.session_ups;
            self.lags += report.lags;
        }
        self.defects += usize::from(matches!(job, Job::Defect(_)));
        if let Some(note) = done.note {
            println!("{note}");
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} worlds of {} seeds: {} speakers in all, up to {} in one; {} events, {} sessions \
             came up, {} routes told, {} lags; {} defects seen",
            self.worlds,
            self.seeds.len(),
            self.speakers,
            self.speakers_max,
            self.events,
            self.ups / 2,
            self.heard,
            self.lags,
            self.defects,
        );
        match self.failed {
            0 => text.push_str("; every invariant holds"),
            failed => {
                let _ = write!(text, "; {failed} FAILED");
            }
        }
        text
    }
}
