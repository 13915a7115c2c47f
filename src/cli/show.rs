//! Commands that look at a running daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use super::args::{GroupsArgs, HealthArgs, NeighborArgs, RoutesArgs, Show};
use super::client::{self, percent_encode};
use super::{CliError, FAILED, groups, neighbor, output, text};
use crate::control::{
    DatastoreAnswer, FibAnswer, GroupsAnswer, LivenessAnswer, Neighbor, NeighborsAnswer,
    ReadinessAnswer, RoutesAnswer, Summary,
};
use crate::settings::{Settings, SettingsError, SocketArgs, Surroundings};

/// Shows a part of the daemon's state.
pub(super) fn show(show: Show, around: &dyn Surroundings) -> Result<ExitCode, CliError> {
    match show {
        Show::Summary(args) => {
            let summary: Summary = ask(args.socket, around, "/api/v1/summary")?;
            output::answer(args.output.output, &summary, text::summary)?;
        }
        Show::Neighbor(args) => show_neighbor(args, around)?,
        Show::Routes(args) => show_routes(args, around)?,
        Show::Updategroups(args) => {
            let path = format!("/api/v1/updategroups{}", groups_parameters(&args));
            let answer: GroupsAnswer = ask(args.socket, around, &path)?;
            output::answer(args.output.output, &answer, groups::text)?;
        }
        Show::Datastore(args) => {
            let answer: DatastoreAnswer = ask(args.socket, around, "/api/v1/datastore")?;
            output::answer(args.output.output, &answer, text::datastore)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show_neighbor(args: NeighborArgs, around: &dyn Surroundings) -> Result<(), CliError> {
    let format = args.output.output;
    match args.name {
        Some(name) => {
            let path = format!("/api/v1/neighbors/{}", percent_encode(&name));
            let answer: Neighbor = ask(args.socket, around, &path)?;
            output::answer(format, &answer, neighbor::text)
        }
        None => {
            let answer: NeighborsAnswer = ask(args.socket, around, "/api/v1/neighbors")?;
            output::answer(format, &answer, |answer| {
                let sessions: Vec<String> = answer.neighbors.iter().map(neighbor::text).collect();
                sessions.join("\n")
            })
        }
    }
}

fn show_routes(args: RoutesArgs, around: &dyn Surroundings) -> Result<(), CliError> {
    let format = args.output.output;
    let table = if args.fib { "fib" } else { "routes" };
    let path = format!("/api/v1/{table}{}", parameters(&args));
    if args.fib {
        let mut answer: FibAnswer = ask(args.socket, around, &path)?;
        answer.routes.sort_by_key(|row| row.prefix);
        return output::answer(format, &answer, text::fib);
    }
    let mut answer: RoutesAnswer = ask(args.socket, around, &path)?;
    answer.routes.sort_by_key(|row| row.prefix);
    output::answer(format, &answer, text::routes)
}

fn parameters(args: &RoutesArgs) -> String {
    let prefix = args.prefix.map(|prefix| prefix.to_string());
    let family = args.family.map(|family| family.to_string());
    let longer = args.longer.then(|| "true".to_owned());
    let all = [
        ("prefix", &prefix),
        ("longer", &longer),
        ("received", &args.received),
        ("advertised", &args.advertised),
        ("family", &family),
    ];
    query(&all)
}

fn groups_parameters(args: &GroupsArgs) -> String {
    let family = args.family.map(|family| family.to_string());
    query(&[("member", &args.neighbor), ("family", &family)])
}

/// Those parameters that have a value.
fn query(all: &[(&str, &Option<String>)]) -> String {
    let mut query = String::new();
    for (name, value) in all {
        if let Some(value) = value {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(&format!("{name}={}", percent_encode(value)));
        }
    }
    query
}

/// Probes the daemon; the exit status is the answer.
pub(super) fn health(args: &HealthArgs, around: &dyn Surroundings) -> Result<ExitCode, CliError> {
    let socket = socket(args.socket.clone(), around)?;
    let (ok, line) = if args.live {
        let answer: LivenessAnswer = block_on(client::probe(&socket, "/healthz"))??;
        let word = if answer.live { "live" } else { "not live" };
        (answer.live, format!("{word}: {}\n", answer.detail))
    } else {
        let answer: ReadinessAnswer = block_on(client::probe(&socket, "/readyz"))??;
        (answer.ready, text::readiness(&answer))
    };
    output::print(&line)?;
    Ok(match ok {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    })
}

/// Asks the daemon on the socket for an address of its API.
pub(super) fn ask<T: serde::de::DeserializeOwned>(
    socket_args: SocketArgs,
    around: &dyn Surroundings,
    path: &str,
) -> Result<T, CliError> {
    let socket = socket(socket_args, around)?;
    Ok(block_on(client::get(&socket, path))??)
}

/// Has the daemon on the socket do what an address of its API stands for.
pub(super) fn tell<T: serde::de::DeserializeOwned>(
    socket_args: SocketArgs,
    around: &dyn Surroundings,
    path: &str,
) -> Result<T, CliError> {
    let socket = socket(socket_args, around)?;
    Ok(block_on(client::post(&socket, path))??)
}

/// The socket by flag, environment, settings file or default.
fn socket(args: SocketArgs, around: &dyn Surroundings) -> Result<PathBuf, SettingsError> {
    Settings::socket(args, around)
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(future))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Format, OutputArgs};

    #[test]
    fn the_flags_of_show_routes_become_parameters() {
        let args = RoutesArgs {
            prefix: Some("fd00::/64".parse().expect("a place")),
            longer: true,
            received: Some("a b".to_owned()),
            advertised: None,
            family: Some(crate::net::Family::Ipv6),
            fib: false,
            socket: SocketArgs::default(),
            output: OutputArgs {
                output: Format::Json,
            },
        };
        assert_eq!(
            parameters(&args),
            "?prefix=fd00::%2F64&longer=true&received=a%20b&family=ipv6"
        );
    }
}
