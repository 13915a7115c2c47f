//! `calidris explain`: the life of a prefix as text.

use std::process::ExitCode;

use super::args::ExplainArgs;
use super::client::percent_encode;
use super::text::{align_right, columns, counted, finished};
use super::{CliError, output, show};
use crate::control::ExplainAnswer;
use crate::rib::{DecisionOutcome, ExplainedExport, ExplainedPath};
use crate::settings::Surroundings;

/// Neighbours that are told the same are named up to this many.
const NAMES_MAX: usize = 5;

/// Asks the daemon and prints what it says.
pub(super) fn explain(args: ExplainArgs, around: &dyn Surroundings) -> Result<ExitCode, CliError> {
    let mut path = format!(
        "/api/v1/explain?prefix={}",
        percent_encode(&args.prefix.to_string())
    );
    if let Some(to) = &args.to {
        path.push_str(&format!("&to={}", percent_encode(to)));
    }
    let answer: ExplainAnswer = show::ask(args.socket, around, &path)?;
    output::answer(args.output.output, &answer, text)?;
    Ok(ExitCode::SUCCESS)
}

/// The explanation: one part a stage, and a sentence at the end.
pub(super) fn text(answer: &ExplainAnswer) -> String {
    let mut text = answer.prefix.to_string();
    if answer.asked != text {
        text.push_str(&format!(", the longest match of {}", answer.asked));
    }
    text.push_str(&format!(": {}\n", counted(answer.paths.len(), "path")));
    text.push_str(&paths(answer));
    text.push_str("\nImport\n");
    for (number, path) in numbered(&answer.paths) {
        text.push_str(&format!(
            "  {number} {}: {}\n",
            path.path.from, path.import.text
        ));
    }
    text.push_str("\nDecision\n");
    for (number, path) in numbered(&answer.paths) {
        text.push_str(&format!(
            "  {number} {}: {}\n",
            path.path.from, path.decision.text
        ));
    }
    if answer.held {
        text.push_str(
            "  all that were told are left with that, until the next hop of the path that leads \
             is known\n",
        );
    }
    let kernel = &answer.kernel;
    text.push_str(&format!(
        "\nKernel\n  {}\n  {}\n",
        kernel.verdict.text, kernel.state
    ));
    text.push_str("\nAdvertised\n");
    text.push_str(&exports(&answer.exports));
    text + &format!("\n{}\n", answer.summary)
}

fn numbered(paths: &[ExplainedPath]) -> impl Iterator<Item = (usize, &ExplainedPath)> {
    (1..).zip(paths)
}

/// Who sent what.
fn paths(answer: &ExplainAnswer) -> String {
    let mut rows = columns([
        "  #",
        "FROM",
        "NEXT HOP",
        "LOCAL PREF",
        "MED",
        "ORIGIN",
        "AS PATH",
        "NOTE",
    ]);
    for (number, path) in numbered(&answer.paths) {
        let row = &path.path;
        let mark = match path.decision.outcome {
            DecisionOutcome::Best => "best",
            DecisionOutcome::Shares => "shares the load",
            DecisionOutcome::NotCompared => "not usable",
            DecisionOutcome::OtherAsPath
            | DecisionOutcome::BeyondMultipath
            | DecisionOutcome::Loses => "",
        };
        let mut note = vec![mark.to_owned()];
        if row.stale {
            note.push("stale".to_owned());
        }
        if !row.communities.is_empty() {
            note.push(format!("communities {}", row.communities.join(" ")));
        }
        note.extend(
            row.originator_id
                .iter()
                .map(|id| format!("originator {id}")),
        );
        if row.path_id != 0 {
            note.push(format!("path id {}", row.path_id));
        }
        if let Some(origin) = answer.origin.as_ref().filter(|_| &*row.from == "local") {
            note.push(format!("{} {}", origin.resource, origin.field));
        }
        note.retain(|note| !note.is_empty());
        let number_of = |value: Option<u32>| value.map_or(String::new(), |value| value.to_string());
        rows.add_row([
            format!("  {number}"),
            row.from.to_string(),
            row.next_hop.map_or("-".to_owned(), |hop| hop.to_string()),
            number_of(row.local_pref),
            number_of(row.med),
            super::text::origin(row.origin).to_owned(),
            row.as_path.clone(),
            note.join(", "),
        ]);
    }
    align_right(&mut rows, &[3, 4]);
    finished(&rows)
}

/// What neighbours are told; those that are told the same share a line.
fn exports(exports: &[ExplainedExport]) -> String {
    if exports.is_empty() {
        return "  there are no neighbours\n".to_owned();
    }
    let mut lines: Vec<(Vec<&str>, String)> = Vec::new();
    for export in exports {
        let mut said = export.text.clone();
        if let Some(pending) = &export.pending {
            said.push_str(&format!("; {pending}"));
        }
        for sent in &export.sent {
            let next_hop = sent
                .next_hop
                .map_or("none".to_owned(), |hop| hop.to_string());
            said.push_str(&format!(
                "\n      sent: next hop {next_hop}, AS path {}",
                match sent.as_path.is_empty() {
                    true => "empty",
                    false => &sent.as_path,
                }
            ));
            if let Some(local_pref) = sent.local_pref {
                said.push_str(&format!(", LOCAL_PREF {local_pref}"));
            }
            if export.paths.len() > 1 {
                said.push_str(&format!(", path id {}", sent.path_id));
            }
        }
        match lines.iter_mut().find(|(_, line)| *line == said) {
            Some((names, _)) => names.push(&export.to),
            None => lines.push((vec![&export.to], said)),
        }
    }
    let line = |(names, said): &(Vec<&str>, String)| {
        let mut to = names[..names.len().min(NAMES_MAX)].join(", ");
        if names.len() > NAMES_MAX {
            to.push_str(&format!(" and {} more", names.len() - NAMES_MAX));
        }
        format!("  to {to}: {said}\n")
    };
    lines.iter().map(line).collect()
}
