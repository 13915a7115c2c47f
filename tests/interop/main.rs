//! calidris and every other BGP speaker of Debian, each in a network namespace of its own, over iBGP
//! and eBGP, IPv4 and IPv6. Prints a table of programs and cases, and fails if a cell does.
//!
//! `cargo test --test interop` runs all; `cargo test --test interop -- frr gobgp` those with such a
//! name. A lab is a segment with one calidris, one peer, and a feeder (a BIRD) that makes the routes
//! that calidris and the peer pass on to each other. `scripts/install-test-tools` installs what it
//! needs; what is missing is said in the table. It runs itself again inside namespaces of its own, also
//! as another user than root, so that nothing stays behind however it ends.

#![expect(clippy::panic, reason = "that is how a test fails")]

#[expect(dead_code, reason = "other suites use what this one does not")]
#[path = "../support/mod.rs"]
mod support;

mod capture;
mod cases;
mod feeder;
mod lab;
mod peers;
mod routes;
mod setup;
mod table;
mod wait;

use std::os::unix::process::CommandExt;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use cases::Case;
use peers::{PROGRAMS, Program};
use setup::{Family, Kind};
use support::now;
use support::privilege::{Privilege, inside_own_namespaces, is_inside};
use support::skip::skip;
use table::{Cell, Outcome};

/// Labs that run side by side; most of their time is spent waiting.
const LABS: usize = 4;

/// What every lab needs besides the peer.
const TOOLS: [&str; 3] = ["/usr/sbin/bird", "/usr/bin/tcpdump", "/usr/bin/tshark"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("0 tests, 0 benchmarks");
        return ExitCode::SUCCESS;
    }
    let names: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted: Vec<&'static Program> = PROGRAMS
        .into_iter()
        .filter(|program| {
            let is_named = |name: &&String| program.name.contains(name.as_str());
            names.is_empty() || names.iter().any(is_named)
        })
        .collect();
    if wanted.is_empty() {
        return ExitCode::SUCCESS;
    }
    if let Some(tool) = TOOLS.into_iter().find(|tool| !Path::new(tool).exists()) {
        skip(
            "interop",
            &format!("no {tool}; scripts/install-test-tools installs it"),
        );
        return ExitCode::SUCCESS;
    }
    if is_inside() {
        return meet(&wanted);
    }
    let privilege = Privilege::detect();
    if privilege == Privilege::None {
        skip(
            "interop",
            "neither root nor user namespaces, so no networks here",
        );
        return ExitCode::SUCCESS;
    }
    if privilege == Privilege::UserNamespace {
        println!("interop: not root, so it runs inside a user namespace");
    }
    let error = match inside_own_namespaces(privilege, &arguments) {
        // Only a failure returns.
        Ok(mut command) => command.exec(),
        Err(error) => error,
    };
    println!("interop: FAILED: {error}");
    ExitCode::FAILURE
}

/// Runs all labs and prints the table.
fn meet(programs: &[&'static Program]) -> ExitCode {
    let start = now();
    let mut cells = Vec::new();
    let mut labs = Vec::new();
    for program in programs {
        for kind in Kind::ALL {
            match obstacle(program) {
                Some(reason) => cells.extend(skipped(program, kind, &reason)),
                None => labs.push((*program, kind)),
            }
        }
    }
    labs.reverse();
    let (labs, found) = (Mutex::new(labs), Mutex::new(cells));
    // Processes end with the thread that started them, so a lab is one thread.
    thread::scope(|scope| {
        for _ in 0..LABS {
            scope.spawn(|| {
                loop {
                    let next = labs.lock().expect("no panic holds it").pop();
                    let Some((program, kind)) = next else {
                        return;
                    };
                    let cells = catch_unwind(|| lab::run(program, kind));
                    let cells = cells.unwrap_or_default();
                    found.lock().expect("no panic holds it").extend(cells);
                }
            });
        }
    });
    let cells = found.into_inner().expect("no panic holds it");
    table::print(&cells);
    println!("\n{:.0} s", start.elapsed().as_secs_f64());
    let is_good = |cell: &Cell| !matches!(cell.outcome, Outcome::Failed(_));
    let expected = programs.len() * Kind::ALL.len() * Family::ALL.len() * Case::ALL.len();
    if cells.iter().all(is_good) && cells.len() == expected {
        ExitCode::SUCCESS
    } else {
        println!("interop: FAILED");
        ExitCode::FAILURE
    }
}

/// Why a program cannot be met here.
fn obstacle(program: &Program) -> Option<String> {
    if !program.is_installed() {
        let file = program.file;
        return Some(format!("no {file}; scripts/install-test-tools installs it"));
    }
    if program.changes_user && has_one_user() {
        let name = program.name;
        return Some(format!(
            "{name}: it becomes another user, and this namespace has only one"
        ));
    }
    None
}

/// Whether this is a user namespace with no user but the one who made it.
fn has_one_user() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let mut counts = map
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2));
    counts.all(|count| count == "1")
}

fn skipped(program: &Program, kind: Kind, reason: &str) -> Vec<Cell> {
    skip(program.name, reason);
    let cells = Case::ALL.into_iter().flat_map(|case| {
        Family::ALL.map(|family| Cell {
            program: program.name,
            kind,
            family,
            case,
            outcome: Outcome::Skipped(reason.to_owned()),
        })
    });
    cells.collect()
}
