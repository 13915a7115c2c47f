//! The program `calidris`: reads the command line, starts logging, and hands over.

use std::process::ExitCode;

use calidris::cli::{self, Cli, Command};
use calidris::daemon;
use calidris::settings::{LogFormat, Process, RunArgs, Settings};
use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run(*args),
        command => cli::execute(command),
    }
}

fn run(args: RunArgs) -> ExitCode {
    let print_config = args.print_config;
    let settings = match Settings::resolve(args, &Process) {
        Ok(settings) => settings,
        Err(error) => return fail(cli::USAGE, &error.to_string()),
    };
    if print_config {
        return cli::print(&settings.print());
    }
    if let Err(reason) = start_logging(&settings) {
        return fail(cli::USAGE, &reason);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(cli::FAILED, &format!("cannot start threads: {error}")),
    };
    match runtime.block_on(daemon::run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(cli::FAILED, &format!("{error:#}")),
    }
}

/// Logs go to standard error as `--log-format` and `--log` say.
fn start_logging(settings: &Settings) -> Result<(), String> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| {
        let origin = settings.origins.get("log").map(ToString::to_string);
        format!(
            "log = {:?} ({}): {error}",
            settings.log,
            origin.unwrap_or_default()
        )
    })?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Text => {
            let colour = std::io::IsTerminal::is_terminal(&std::io::stderr())
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            logs.with_ansi(colour).try_init()
        }
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| format!("cannot start logging: {error}"))
}

fn fail(code: u8, reason: &str) -> ExitCode {
    eprintln!("calidris: {reason}");
    ExitCode::from(code)
}
