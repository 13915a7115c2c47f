//! Commands that tell the running daemon what to do with a session.

use std::process::ExitCode;

use super::args::{EnableArgs, OutputArgs, ResetArgs, ShutdownArgs};
use super::client::percent_encode;
use super::{CliError, output, show};
use crate::control::ActionAnswer;
use crate::settings::{SocketArgs, Surroundings};

/// Resets a session, or has its routes exchanged anew.
pub(super) fn reset(args: ResetArgs, around: &dyn Surroundings) -> Result<ExitCode, CliError> {
    let action = match (args.soft_in, args.soft_out, args.hard) {
        (true, _, _) => "soft-in",
        (_, true, _) => "soft-out",
        (_, _, true) => "reset?hard=true",
        (false, false, false) => "reset",
    };
    perform(&args.neighbor, action, args.socket, args.output, around)
}

/// Closes a session and keeps it closed.
pub(super) fn shutdown(
    args: ShutdownArgs,
    around: &dyn Surroundings,
) -> Result<ExitCode, CliError> {
    let action = match &args.message {
        Some(message) => format!("shutdown?message={}", percent_encode(message)),
        None => "shutdown".to_owned(),
    };
    perform(&args.neighbor, &action, args.socket, args.output, around)
}

/// Lets a session come up again.
pub(super) fn enable(args: EnableArgs, around: &dyn Surroundings) -> Result<ExitCode, CliError> {
    perform(&args.neighbor, "enable", args.socket, args.output, around)
}

fn perform(
    neighbor: &str,
    action: &str,
    socket: SocketArgs,
    printed: OutputArgs,
    around: &dyn Surroundings,
) -> Result<ExitCode, CliError> {
    let path = format!("/api/v1/neighbors/{}/{action}", percent_encode(neighbor));
    let answer: ActionAnswer = show::tell(socket, around, &path)?;
    output::answer(printed.output, &answer, text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &ActionAnswer) -> String {
    format!("{}: {}\n", answer.neighbor, answer.message)
}
