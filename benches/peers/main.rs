//! calidris beside the programs that it competes with: whole processes, real sockets, one machine.
//!
//! ```sh
//! cargo bench --bench peers -- [--quick] [--only SCENARIO,…] [--peers NAME,…] [--runs N]
//! ```
//!
//! A load generator (`generator`) plays all neighbours of a target on loopback addresses of a network
//! namespace of its own, and checks every route that arrives. Every run of every target is a new
//! process (`targets`); targets take turns, so that what else the machine does disturbs all alike;
//! tables show medians. CPU seconds are those of all threads of the target, in which another program
//! at work on the machine shows least; memory is the most that was ever resident. The row `limit` is
//! a program that only copies octets: what sockets and this generator cost. Results go to
//! `benches/results/`.

mod arguments;
mod chart;
mod clock;
mod generator;
#[path = "../../tests/recordings/mrt.rs"]
#[expect(dead_code, reason = "the tests of recordings use the rest")]
#[expect(
    clippy::panic,
    reason = "a recording that cannot be read is nothing to measure with"
)]
mod mrt;
mod namespace;
mod outcome;
mod recording;
mod report;
mod routes;
mod scenarios;
#[path = "../streams/mod.rs"]
#[expect(dead_code, reason = "the other benchmark uses the rest")]
mod streams;
mod targets;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use arguments::Arguments;
use outcome::{Figures, Row};
use report::Report;
use scenarios::{Scale, Scenario};
use targets::Target;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().map(String::as_str) == Some(targets::limit::ARGUMENT) {
        return said(targets::limit::copy(&words[1..]).map_err(|error| error.to_string()));
    }
    let arguments = match Arguments::parse(&words) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return said(Err(error)),
    };
    if !namespace::is_inside() {
        return match namespace::run_inside(&words) {
            Ok(code) => code,
            Err(error) => said(Err(format!("no network namespace to work in: {error}"))),
        };
    }
    said(run(&arguments))
}

fn said(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let mut targets = arguments.targets.clone();
    targets.retain(|target| {
        let there = target.is_installed();
        if !there {
            println!("SKIPPED {}: no {}", target.name, target.file);
        }
        there
    });
    let mut failed = Vec::new();
    for scenario in &arguments.scenarios {
        if let Some(report) = measure(arguments, scenario, &targets) {
            print!("{}", report.text());
            keep(&report).map_err(|error| format!("{}: {error}", results().display()))?;
            if report.rows.iter().any(|row| !row.failures.is_empty()) {
                failed.push(scenario.name);
            }
        }
    }
    if arguments.scale == Scale::Trial {
        return match failed.is_empty() {
            true => Ok(()),
            false => Err(format!("failed: {}", failed.join(", "))),
        };
    }
    let folder = results();
    let drawn = chart::draw(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    if drawn {
        println!("\n{}", folder.join("peers.svg").display());
    }
    Ok(())
}

/// Runs one scenario with all targets in turn, several times.
fn measure(
    arguments: &Arguments,
    scenario: &'static Scenario,
    targets: &[&'static Target],
) -> Option<Report> {
    let mut run = match (scenario.prepare)(arguments.scale) {
        Ok(run) => run,
        Err(why) => {
            println!("\nSKIPPED {}: {why}", scenario.name);
            return None;
        }
    };
    let mut rows: Vec<Row> = targets
        .iter()
        .map(|target| Row {
            target: target.name,
            version: target.version(),
            ..Row::default()
        })
        .collect();
    for round in 1..=arguments.runs {
        for (target, row) in targets.iter().zip(&mut rows) {
            // Who was too slow once has had its chance.
            if row.failures.len() >= FAILURES_MAX {
                continue;
            }
            eprintln!(
                "{} {round}/{}: {}",
                scenario.name, arguments.runs, target.name
            );
            let mut figures = Figures::default();
            match run(target, &mut figures) {
                Ok(()) => row.notes.append(&mut figures.notes),
                Err(failure) => row.failures.push(failure.to_string()),
            }
            row.runs.push(figures);
        }
    }
    Some(Report {
        scenario,
        scale: arguments.scale,
        rows,
    })
}

fn keep(report: &Report) -> io::Result<()> {
    let Some(name) = report.file_name() else {
        return Ok(());
    };
    let folder = results();
    fs::create_dir_all(&folder)?;
    let text = serde_json::to_string_pretty(&report.json())? + "\n";
    fs::write(folder.join(format!("{name}.json")), text)
}

fn results() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results")
}

/// Runs of a target that may fail before it is left out.
const FAILURES_MAX: usize = 1;
