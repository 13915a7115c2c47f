//! The grammar of the command line.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::control::Place;
use crate::net::Family;
use crate::settings::{IntentArgs, RunArgs, SocketArgs};

/// BGP speaker and route reflector for Calico clusters
#[derive(Debug, Parser)]
#[command(name = "calidris", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon in the foreground; logs go to standard error
    Run(Box<RunArgs>),
    /// Print what a node would run, from its resources, without running it
    Plan(Box<PlanArgs>),
    /// Check resource files; exit status 1 if any has an error
    Validate(ValidateArgs),
    /// Show the state of the running daemon
    #[command(subcommand)]
    Show(Show),
    /// Tell the life of a prefix: who sent it, what became of it, and why
    Explain(ExplainArgs),
    /// Close a session and let it come up again, or only exchange its routes anew
    Reset(ResetArgs),
    /// Close a session and keep it closed, until it is enabled or the daemon starts again
    Shutdown(ShutdownArgs),
    /// Let a session come up again that was shut down
    Enable(EnableArgs),
    /// Probe the running daemon: exit status 0 or 1 and a line that says why
    Health(HealthArgs),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Flags of `plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// What the node should be doing.
    #[command(flatten)]
    pub intent: IntentArgs,
    /// Print only what differs from the plan of the running daemon
    #[arg(long)]
    pub diff: bool,
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `validate`.
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// Files, or folders of files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What can be shown.
#[derive(Debug, Subcommand)]
pub enum Show {
    /// One line a session
    Summary(PlainArgs),
    /// Everything about one session, or about all
    Neighbor(NeighborArgs),
    /// Routes: the best of all, received from or advertised to a neighbour, or in the kernel
    Routes(RoutesArgs),
    /// Neighbours that are told the same in the same bytes, and what that costs
    Updategroups(GroupsArgs),
    /// What was read, what was refused and why
    Datastore(PlainArgs),
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned text for people
    #[default]
    Table,
    /// JSON with the field names of the API
    Json,
    /// The same as YAML
    Yaml,
}

/// The flag that chooses between text, JSON and YAML.
#[derive(Args, Clone, Copy, Debug)]
pub struct OutputArgs {
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// Flags of commands without any of their own.
#[derive(Args, Debug)]
pub struct PlainArgs {
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `show neighbor`.
#[derive(Args, Debug)]
pub struct NeighborArgs {
    /// The session's name, such as Mesh_192_0_2_12, or its address; all sessions without it
    pub name: Option<String>,
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `show routes`.
#[derive(Args, Debug)]
pub struct RoutesArgs {
    /// Only this prefix, such as 10.65.0.0/26; of an address, the longest match
    pub prefix: Option<Place>,
    /// Prefixes inside it as well
    #[arg(long, requires = "prefix")]
    pub longer: bool,
    /// What this neighbour (name or address) has announced, refused routes included
    #[arg(long, value_name = "NEIGHBOR", conflicts_with_all = ["advertised", "fib"])]
    pub received: Option<String>,
    /// What this neighbour (name or address) has been told
    #[arg(long, value_name = "NEIGHBOR", conflicts_with = "fib")]
    pub advertised: Option<String>,
    /// Only this family: ipv4 or ipv6
    #[arg(long, value_parser = family)]
    pub family: Option<Family>,
    /// What is in the kernel against what should be
    #[arg(long)]
    pub fib: bool,
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `show updategroups`.
#[derive(Args, Debug)]
pub struct GroupsArgs {
    /// Only the groups of this neighbour (name or address)
    pub neighbor: Option<String>,
    /// Only this family: ipv4 or ipv6
    #[arg(long, value_parser = family)]
    pub family: Option<Family>,
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The prefix, such as 10.65.0.0/26; of an address, the longest match
    pub prefix: Place,
    /// Only what this neighbour (name or address) is told, and that in full
    #[arg(long, value_name = "NEIGHBOR")]
    pub to: Option<String>,
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `reset`.
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("how")))]
pub struct ResetArgs {
    /// The session's name, such as Mesh_192_0_2_12, or its address
    pub neighbor: String,
    /// Only ask the neighbour for its routes again (route refresh); the session stays up
    #[arg(long, group = "how")]
    pub soft_in: bool,
    /// Only send the neighbour all routes again; the session stays up
    #[arg(long, group = "how")]
    pub soft_out: bool,
    /// Let the neighbour drop the routes, even where graceful restart would keep them
    #[arg(long, group = "how")]
    pub hard: bool,
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `shutdown`.
#[derive(Args, Debug)]
pub struct ShutdownArgs {
    /// The session's name, such as Mesh_192_0_2_12, or its address
    pub neighbor: String,
    /// A text for the neighbour's operator, 255 octets at most (RFC 9003)
    #[arg(long, value_name = "TEXT", value_parser = operator_text)]
    pub message: Option<String>,
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `enable`.
#[derive(Args, Debug)]
pub struct EnableArgs {
    /// The session's name, such as Mesh_192_0_2_12, or its address
    pub neighbor: String,
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `health`.
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("probe").required(true)))]
pub struct HealthArgs {
    /// Whether the process works, or should be restarted
    #[arg(long, group = "probe")]
    pub live: bool,
    /// Whether the start is complete
    #[arg(long, group = "probe")]
    pub ready: bool,
    /// Where the daemon listens.
    #[command(flatten)]
    pub socket: SocketArgs,
}

/// The completion script of a shell.
pub(super) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "calidris", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn operator_text(text: &str) -> Result<String, String> {
    match text.len() {
        0..=255 => Ok(text.to_owned()),
        octets => Err(format!("has {octets} octets, may have 255")),
    }
}

fn family(text: &str) -> Result<Family, String> {
    Family::ALL
        .into_iter()
        .find(|family| family.name() == text)
        .ok_or_else(|| "must be ipv4 or ipv6".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        let words = std::iter::once("calidris").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.command)
    }

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_level_has_help() {
        for line in [
            "--help",
            "run --help",
            "show --help",
            "show routes --help",
            "show updategroups --help",
            "explain --help",
            "health --help",
        ] {
            let error = parse(line).expect_err("help ends the parse");
            assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{line}");
        }
    }

    #[test]
    fn the_launch_contract_is_understood() {
        let command = parse("run --datastore dir:/tmp/x --node a --http off --fib none");
        assert!(matches!(command, Ok(Command::Run(_))));
    }

    #[test]
    fn wrong_values_are_usage_errors_that_name_the_flag() {
        for (line, flag) in [
            ("run --fib kernle", "--fib"),
            ("run --http nowhere", "--http"),
            ("run --datastore etcd://a:2379", "--datastore"),
            ("run --datastore kubernetes:", "--datastore"),
            ("run --listen-port 0", "--listen-port"),
            ("run --table 0", "--table"),
            ("run --router-id 0.0.0.0", "--router-id"),
            ("run --on-stop withdraw", "--on-stop"),
            ("run --metrics-peers some", "--metrics-peers"),
            ("show routes --family ipx", "--family"),
        ] {
            let error = parse(line).expect_err("a wrong value");
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(flag), "{error}");
        }
        let error = parse("run --datastore etcd://a:2379").expect_err("not built");
        assert!(error.to_string().contains("not built yet"), "{error}");
    }

    #[test]
    fn flags_that_exclude_each_other_are_refused() {
        for line in [
            "show routes --received a --advertised b",
            "show routes --received a --fib",
            "show routes --longer",
            "show routes 10.0.0.0/33",
            "explain",
            "explain 10.0.0.0/33",
            "explain 10.0.0",
            "reset",
            "reset a --soft-in --hard",
            "shutdown",
            "enable",
            "health",
            "health --live --ready",
            "show",
            "validate",
            "",
        ] {
            assert_eq!(parse(line).expect_err("refused").exit_code(), 2, "{line:?}");
        }
    }

    #[test]
    fn answers_can_be_printed_in_three_ways() {
        for (line, format) in [
            ("show summary", Format::Table),
            ("show summary -o json", Format::Json),
            ("show summary --output yaml", Format::Yaml),
        ] {
            match parse(line) {
                Ok(Command::Show(Show::Summary(args))) => assert_eq!(args.output.output, format),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_shutdown_text_is_bounded() {
        let fits = format!("shutdown a --message {}", "x".repeat(255));
        assert!(matches!(parse(&fits), Ok(Command::Shutdown(_))));
        let error = parse(&(fits + "x")).expect_err("too long");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("256 octets"), "{error}");
    }

    #[test]
    fn there_are_completions_for_each_shell() {
        for shell in Shell::value_variants() {
            let script = completions(*shell);
            for word in ["summary", "explain", "updategroups"] {
                assert!(script.contains(word), "{word} {shell}");
            }
        }
    }
}
