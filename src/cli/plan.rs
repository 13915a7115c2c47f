//! `calidris plan`: what a node would run, from its resources alone, and how that differs from what
//! the daemon runs.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use super::args::{Format, PlanArgs, ValidateArgs};
use super::{CliError, FAILED, output, show};
use crate::datastore::{self, Problem, Severity};
use crate::plan::{plan as compute, render_plan};
use crate::settings::{DatastoreUrl, RunArgs, Settings, Surroundings};

use super::text::counted;

/// Prints the plan, or its differences from the running one; faults of resources go to standard
/// error.
pub(super) fn plan(args: PlanArgs, around: &dyn Surroundings) -> Result<ExitCode, CliError> {
    let run = RunArgs {
        intent: args.intent,
        socket: args.socket.clone(),
        ..RunArgs::default()
    };
    let settings = Settings::resolve(run, around)?;
    let DatastoreUrl::Directory(folder) = &settings.datastore;
    let (store, problems) = datastore::load(std::slice::from_ref(folder));
    for problem in &problems {
        eprintln!("{problem}");
    }
    let plan = compute(&store, &settings.identity())?;
    if !args.diff {
        output::answer(args.output.output, &plan, render_plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    let running: Value = show::ask(args.socket, around, "/api/v1/plan")?;
    let planned =
        serde_json::to_value(&plan).map_err(|error| CliError::Output(error.to_string()))?;
    let mut differences = Vec::new();
    compare("", &running, &planned, &mut differences);
    output::answer(args.output.output, &differences, |differences| {
        let lines: String = differences.iter().map(Difference::line).collect();
        match lines.is_empty() {
            true => "no differences\n".to_owned(),
            false => lines,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// One place in which two plans differ; a side that lacks it is `null`.
#[derive(Debug, PartialEq, Serialize)]
struct Difference {
    /// Field names, joined by dots.
    path: String,
    /// What the daemon runs.
    running: Value,
    /// What would be run.
    planned: Value,
}

impl Difference {
    fn line(&self) -> String {
        let path = &self.path;
        match (&self.running, &self.planned) {
            (Value::Null, Value::Object(_)) => format!("+ {path}\n"),
            (Value::Object(_), Value::Null) => format!("- {path}\n"),
            (running, planned) => format!("~ {path}: {running} becomes {planned}\n"),
        }
    }
}

/// Goes down both sides together and notes where they part.
fn compare(path: &str, running: &Value, planned: &Value, differences: &mut Vec<Difference>) {
    if running == planned {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (running, planned) else {
        differences.push(Difference {
            path: path.to_owned(),
            running: running.clone(),
            planned: planned.clone(),
        });
        return;
    };
    let added = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(added) {
        let below = match path {
            "" => key.clone(),
            _ => format!("{path}.{key}"),
        };
        let side = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
        compare(&below, &side(old), &side(new), differences);
    }
}

/// Checks resource files; the exit status is 1 if any of them has an error.
pub(super) fn validate(args: &ValidateArgs) -> Result<ExitCode, CliError> {
    let (store, problems) = datastore::load(&args.paths);
    if store.is_empty() && problems.is_empty() {
        let paths: Vec<_> = args
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(CliError::NothingFound(paths.join(", ")));
    }
    let is_error = |problem: &&Problem| problem.severity == Severity::Error;
    let errors = problems.iter().filter(is_error).count();
    match args.output.output {
        Format::Table => {
            let mut text: String = problems
                .iter()
                .map(|problem| format!("{problem}\n"))
                .collect();
            text.push_str(&match problems.is_empty() {
                true => format!("{}, no problems\n", counted(store.len(), "resource")),
                false => format!(
                    "{}, {}\n",
                    counted(errors, "error"),
                    counted(problems.len() - errors, "warning")
                ),
            });
            output::print(&text)?;
        }
        format => {
            let rows: Vec<ProblemRow> = problems.iter().map(ProblemRow::from).collect();
            output::answer(format, &rows, |_| String::new())?;
        }
    }
    Ok(match errors {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(FAILED),
    })
}

/// A problem as `-o json` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemRow<'a> {
    file: &'a str,
    line: u64,
    column: u64,
    severity: &'static str,
    resource: Option<&'a str>,
    field: Option<&'a str>,
    value: Option<&'a str>,
    message: &'a str,
}

impl<'a> From<&'a Problem> for ProblemRow<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            file: &problem.location.file,
            line: problem.location.line,
            column: problem.location.column,
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            resource: problem.resource.as_deref(),
            field: problem.field.as_deref(),
            value: problem.value.as_deref(),
            message: &problem.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(running: &Value, planned: &Value) -> Vec<String> {
        let mut differences = Vec::new();
        compare("", running, planned, &mut differences);
        differences.iter().map(Difference::line).collect()
    }

    #[test]
    fn equal_plans_have_no_differences() {
        let plan = json!({"peers": {"a": {"port": 179}}});
        assert!(lines(&plan, &plan).is_empty());
    }

    #[test]
    fn sessions_that_come_and_go_are_one_line_and_changes_name_the_field() {
        let running = json!({"peers": {"a": {"port": 179}, "b": {"port": 179}}});
        let planned = json!({"peers": {"a": {"port": 180, "passive": true}, "c": {"port": 179}}});
        assert_eq!(
            lines(&running, &planned),
            [
                "~ peers.a.port: 179 becomes 180\n",
                "~ peers.a.passive: null becomes true\n",
                "- peers.b\n",
                "+ peers.c\n",
            ]
        );
    }
}
