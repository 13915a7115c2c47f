//! A cluster on one machine: a network namespace for each node, a bridge between them, and one
//! calidris in each, with blocks to announce.
//!
//! `cargo run --release --example lab` shows sessions coming up and routes arriving in each kernel
//! until Ctrl-C; `--once` ends with 0 when everything is there, or with 1 and what is missing.

#[path = "lab/cluster.rs"]
mod cluster;
#[path = "../tests/support/kernel_routes.rs"]
mod kernel_routes;
#[path = "../tests/support/namespace.rs"]
#[expect(dead_code, reason = "the tests also send signals")]
mod namespace;
#[expect(dead_code, reason = "the tests use what this does not")]
#[path = "../tests/support/privilege.rs"]
mod privilege;
#[path = "lab/report.rs"]
mod report;
#[path = "../tests/support/resources.rs"]
#[expect(dead_code, reason = "the tests need more kinds of resources")]
mod resources;

use std::ffi::OsString;
use std::fmt::Display;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use std::{env, io, iter};

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use cluster::Cluster;
use privilege::Privilege;
use report::Screen;

/// Builds a small cluster of network namespaces, one calidris in each, and shows routes arriving.
#[derive(Debug, Parser)]
#[command(name = "lab")]
struct Arguments {
    /// How many nodes; reflectors come on top of them.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..=100))]
    nodes: u8,
    /// Who peers with whom.
    #[arg(long, value_enum, default_value_t = Mode::Mesh)]
    mode: Mode,
    /// Where the nodes read their resources.
    #[arg(long, value_enum, default_value_t = Datastore::Dir)]
    datastore: Datastore,
    /// Stop as soon as everything is there, or at the deadline.
    #[arg(long)]
    once: bool,
    /// The deadline for --once, in seconds.
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// Pull this node's plug first, to see what is missing then.
    #[arg(long, value_name = "NODE")]
    unplug: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Every node with every other.
    Mesh,
    /// Every node with two route reflectors off the data path.
    Rr,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Datastore {
    /// A folder of YAML files.
    Dir,
}

/// The first argument with which the lab starts itself again as one of its nodes.
const NODE: &str = "node";

fn main() -> ExitCode {
    let mut words = env::args_os();
    if words.nth(1).is_some_and(|first| first == NODE) {
        return node(words.collect());
    }
    let arguments = Arguments::parse();
    if let Err(error) = install_tools() {
        return failed(&error);
    }
    match Privilege::detect() {
        Privilege::Here => {}
        Privilege::UserNamespace => {
            println!("Not root: moving into a user namespace.");
            let again: Vec<OsString> = env::args_os().skip(1).collect();
            let error = match privilege::inside_user_namespace(&[], &again) {
                Ok(mut command) => command.exec(),
                Err(error) => error,
            };
            return failed(&error);
        }
        Privilege::None => {
            eprintln!("The lab needs root, or a kernel that lets users make user namespaces.");
            return ExitCode::FAILURE;
        }
    }
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

/// What the lab is as one of its own nodes: the program itself.
fn node(arguments: Vec<OsString>) -> ExitCode {
    let program = iter::once(OsString::from("calidris")).chain(arguments);
    calidris::daemon::main(program)
}

/// Networks are built with iproute2, which small systems lack.
fn install_tools() -> io::Result<()> {
    if Path::new("/sbin/ip").exists() {
        return Ok(());
    }
    println!("The lab needs iproute2, which is not here: scripts/install-test-tools installs it.");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install-test-tools");
    let said = namespace::output(Command::new(script).args(["iproute2", "util-linux"]))?;
    print!("{said}");
    Ok(())
}

fn failed(error: &dyn Display) -> ExitCode {
    eprintln!("lab: {error:#}");
    ExitCode::FAILURE
}

fn run(arguments: &Arguments) -> io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(watch(arguments))
}

/// Runs the cluster until it is interrupted or, with `--once`, complete or out of time.
async fn watch(arguments: &Arguments) -> io::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut tick = tokio::time::interval(Duration::from_millis(250));

    let Datastore::Dir = arguments.datastore;
    let unplugged = arguments.unplug.as_deref();
    let mut cluster = Cluster::build(arguments.nodes, arguments.mode, unplugged)?;
    let start = now();
    let mut screen = Screen::new(&cluster, arguments.once);
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hang_up.recv() => break,
            _ = tick.tick() => {}
        }
        let state = cluster.look()?;
        screen.show(start.elapsed(), &state);
        let missing = state.missing();
        if arguments.once && missing.is_empty() {
            screen.complete(start.elapsed(), &state);
            return Ok(ExitCode::SUCCESS);
        }
        if arguments.once && start.elapsed() > Duration::from_secs(arguments.timeout) {
            eprintln!("Not complete after {} s; missing:", arguments.timeout);
            for line in &missing {
                eprintln!("  {line}");
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    println!("\nTaking everything down.");
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::disallowed_methods, reason = "the lab runs in real time")]
fn now() -> Instant {
    Instant::now()
}
