//! The command line: what people type, and what they read.
//!
//! Every command but `run` is here. Those that look at a running daemon are clients of its control
//! API (`client`) and nothing more; `plan` and `validate` read resource files themselves. Text for
//! people is made by pure functions (`text`, `neighbor`) from the API's answers, so that what is
//! shown can be pinned down in tests; `-o json` and `-o yaml` print the answers.

mod args;
mod client;
mod explain;
mod groups;
mod listen;
mod neighbor;
mod operate;
mod output;
mod plan;
mod show;
#[cfg(test)]
mod tests;
mod text;

use std::process::ExitCode;

pub use args::{Cli, Command};

use crate::plan::PlanPending;
use crate::settings::{Process, SettingsError};
use client::ClientError;

/// Exit status of a command that failed.
pub const FAILED: u8 = 1;

/// Exit status of wrong usage or wrong settings.
pub const USAGE: u8 = 2;

/// Why a command did not do what it was asked; printed as one line on standard error.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The daemon did not answer, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nothing can be planned.
    #[error(transparent)]
    Pending(#[from] PlanPending),
    /// There is nothing to validate.
    #[error(
        "{0}: no resource that BGP reads was found (folders are read without those inside them)"
    )]
    NothingFound(String),
    /// The answer cannot be printed.
    #[error("cannot write the answer: {0}")]
    Output(String),
    /// Writing to standard output failed.
    #[error("cannot write to standard output: {0}")]
    Print(#[from] std::io::Error),
}

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) => USAGE,
            Self::Client(_)
            | Self::Pending(_)
            | Self::NothingFound(_)
            | Self::Output(_)
            | Self::Print(_) => FAILED,
        }
    }
}

/// Runs one command other than `run`, with the process's own environment, to its exit status.
pub fn execute(command: Command) -> ExitCode {
    finish(perform(command))
}

/// Prints a text to standard output, to the exit status.
pub fn print(text: &str) -> ExitCode {
    finish(output::print(text).map(|()| ExitCode::SUCCESS))
}

fn finish(result: Result<ExitCode, CliError>) -> ExitCode {
    match result {
        Ok(code) => code,
        // The reader of a pipe that has seen enough is no failure.
        Err(CliError::Print(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("calidris: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn perform(command: Command) -> Result<ExitCode, CliError> {
    let around = Process;
    match command {
        // The daemon is not this room's; `main` has taken it out before.
        Command::Run(_) => Ok(ExitCode::from(USAGE)),
        Command::Plan(plan) => plan::plan(*plan, &around),
        Command::Validate(validate) => plan::validate(&validate),
        Command::Show(show) => show::show(show, &around),
        Command::Explain(args) => explain::explain(args, &around),
        Command::Reset(args) => operate::reset(args, &around),
        Command::Shutdown(args) => operate::shutdown(args, &around),
        Command::Enable(args) => operate::enable(args, &around),
        Command::Health(health) => show::health(&health, &around),
        Command::Completions { shell } => {
            output::print(&args::completions(shell))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
