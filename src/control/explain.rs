//! `GET /api/v1/explain`: the life of one prefix, from who sent it to what the kernel holds.

use std::net::IpAddr;

use hyper::StatusCode;

use super::PAGE_DESTINATIONS;
use super::answer::{ExplainAnswer, KernelAnswer};
use super::api::{ApiError, ApiResult, ok};
use super::params::{PLACE, Params, Place};
use super::timestamp::Timestamp;
use super::view::{QueryError, Views};
use crate::fib::{FibRow, FibRowState, FibView};
use crate::net::Prefix;
use crate::rib::{
    DecisionOutcome, ExplainedExport, Explanation, KernelVerdict, RouteTable, RoutesQuery,
};
use crate::session::PeerState;

/// More specific prefixes that are named where the one asked for is unknown.
const INSIDE_MAX: usize = 3;

/// `GET /api/v1/explain?prefix=P[&to=NAME]`.
pub(super) async fn explain(views: &Views, query: Option<&str>, now: Timestamp) -> ApiResult {
    let params = Params::parse(query, &["prefix", "to"])?;
    let place = params.value("prefix", PLACE, |text| text.parse::<Place>().ok())?;
    let Some(place) = place else {
        return Err(ApiError::parameter("prefix", "is missing: say which one"));
    };
    let to = match params.text("to") {
        Some(name) => match views.session(name) {
            Some(view) => Some(view),
            None => return Err(ApiError::no_neighbor(name, Some("to"))),
        },
        None => None,
    };
    let prefix = match place {
        Place::Prefix(prefix) => Some(prefix),
        Place::Address(address) => longest_match(views, RouteTable::Loc, address).await?,
    };
    let explanation = match prefix {
        Some(prefix) => views.explain(prefix, to.map(|view| view.id)).await?,
        None => None,
    };
    let Some(explanation) = explanation else {
        let message = unknown(views, place).await?;
        let error = ApiError::new(StatusCode::NOT_FOUND, "no_such_prefix", message);
        return Err(error.in_field("prefix"));
    };
    let row = views.kernel_row(explanation.prefix).await?;
    Ok(ok(&answer(views, place, explanation, row, now)))
}

/// The prefix of a table that an address leads to.
pub(super) async fn longest_match(
    views: &Views,
    table: RouteTable,
    address: IpAddr,
) -> Result<Option<Prefix>, QueryError> {
    views.longest_match(table, Prefix::host(address)).await
}

fn answer(
    views: &Views,
    place: Place,
    explanation: Explanation,
    row: Option<FibRow>,
    as_of: Timestamp,
) -> ExplainAnswer {
    let kernel = kernel(&views.fib.borrow(), &explanation.kernel, row);
    let plan = views.plan.borrow().clone();
    let origin = plan
        .as_ref()
        .and_then(|plan| plan.originated.get(&explanation.prefix))
        .map(|planned| planned.provenance.clone());
    let summary = summary(&explanation, origin.as_ref().map(|o| &*o.resource), &kernel);
    ExplainAnswer {
        as_of,
        asked: place.to_string(),
        prefix: explanation.prefix,
        origin,
        paths: explanation.paths,
        held: explanation.held,
        kernel,
        exports: explanation.exports,
        summary,
    }
}

/// What is wanted of the kernel against what it holds.
fn kernel(view: &FibView, verdict: &KernelVerdict, row: Option<FibRow>) -> KernelAnswer {
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    let (state, holds) = match (&row, &view.denied) {
        _ if !view.enabled => (
            "this node writes no routes (--fib none)".to_owned(),
            "no kernel route is written here",
        ),
        (None, _) if verdict.wanted.is_none() => (
            "the kernel holds no route of ours".to_owned(),
            "no kernel route is wanted",
        ),
        (_, Some(reason)) => (
            format!("no routes can be written: {reason}"),
            "the kernel cannot be given it",
        ),
        (None, None) => (
            "the kernel has not been given it yet".to_owned(),
            "the kernel does not have it yet",
        ),
        (Some(row), None) => match row.state {
            FibRowState::Installed => (
                format!("the kernel holds {}, as wanted", shown(&row.present)),
                "the kernel has it",
            ),
            FibRowState::Refused => (
                format!(
                    "the kernel refused {}: {}",
                    shown(&row.wanted),
                    row.error.as_deref().unwrap_or("no reason known")
                ),
                "the kernel refused it",
            ),
            FibRowState::Pending => (
                format!(
                    "the kernel holds {}, and {} is under way",
                    shown(&row.present),
                    shown(&row.wanted)
                ),
                "the kernel does not have it yet",
            ),
            FibRowState::Stale => (
                format!(
                    "the kernel holds {}, left by an earlier run and kept until the tables are \
                     complete",
                    shown(&row.present)
                ),
                "the kernel holds what an earlier run left",
            ),
        },
    };
    KernelAnswer {
        verdict: verdict.clone(),
        enabled: view.enabled,
        route: row,
        state,
        holds: holds.to_owned(),
    }
}

/// One plain sentence.
fn summary(explanation: &Explanation, origin: Option<&str>, kernel: &KernelAnswer) -> String {
    let prefix = explanation.prefix;
    let best = explanation
        .paths
        .iter()
        .find(|path| path.decision.outcome == DecisionOutcome::Best);
    let path = match (best, origin) {
        (None, _) => {
            let why = match explanation.paths.first() {
                Some(path) if path.import.accepted => &path.decision.text,
                Some(path) => &path.import.text,
                None => "never there",
            };
            let which = match explanation.paths.len() {
                0 | 1 => "its only path was".to_owned(),
                several => format!("none of its {several} paths can be, the first of them"),
            };
            return format!("{prefix} is not used: {which} {why}; no neighbour is told.");
        }
        (Some(best), Some(origin)) if &*best.path.from == "local" => {
            format!("{prefix} is this node's own route, by {origin}")
        }
        (Some(best), _) if &*best.path.from == "local" => {
            format!("{prefix} is this node's own route")
        }
        (Some(best), _) => format!("{prefix} goes by the path of {}", best.path.from),
    };
    format!(
        "{path}{}; {}; {}.",
        choice(explanation),
        kernel.holds,
        telling(&explanation.exports)
    )
}

/// Over what the best path was chosen.
fn choice(explanation: &Explanation) -> String {
    let others = explanation.paths.len() - 1;
    let mut rules: Vec<&str> = Vec::new();
    let (mut sharing, mut refused) = (0, 0);
    for path in &explanation.paths {
        match (path.decision.outcome, path.decision.step) {
            (DecisionOutcome::Best, _) => {}
            (DecisionOutcome::NotCompared, _) => refused += 1,
            (DecisionOutcome::Shares, _) => sharing += 1,
            (_, Some(step)) if !rules.contains(&step.rule()) => rules.push(step.rule()),
            (_, _) => {}
        }
    }
    let mut text = match others {
        0 => return ", the only one".to_owned(),
        _ if rules.is_empty() => String::new(),
        _ => {
            let lost = others - sharing - refused;
            format!(
                ", preferred to {} for {}",
                other_paths(lost),
                listed(&rules)
            )
        }
    };
    if sharing > 0 {
        text.push_str(&format!(", its load shared with {}", other_paths(sharing)));
    }
    if refused > 0 {
        text.push_str(&format!(
            ", with {} out of the question",
            other_paths(refused)
        ));
    }
    text
}

fn telling(exports: &[ExplainedExport]) -> String {
    if let [only] = exports {
        return match only.told {
            true => format!("{} is told", only.to),
            false => format!("{} is not told ({})", only.to, only.text),
        };
    }
    let up = exports
        .iter()
        .filter(|export| export.group.is_some())
        .count();
    let told = exports.iter().filter(|export| export.told).count();
    match (up, told) {
        (0, _) => "there is no neighbour to tell".to_owned(),
        (_, 0) => format!("none of {up} neighbours is told"),
        _ if up == told => format!("all {up} neighbours are told"),
        _ => format!(
            "{told} of {up} neighbours {} told",
            if told == 1 { "is" } else { "are" }
        ),
    }
}

fn listed(parts: &[&str]) -> String {
    match parts {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn other_paths(count: usize) -> String {
    match count {
        1 => "1 other path".to_owned(),
        _ => format!("{count} other paths"),
    }
}

/// Why there may be nothing to say of a place.
async fn unknown(views: &Views, place: Place) -> Result<String, QueryError> {
    let mut text = match place {
        Place::Prefix(prefix) => format!("nobody has announced {prefix} here"),
        Place::Address(address) => {
            format!("no prefix that anybody has announced contains {address}")
        }
    };
    let sessions = views.sessions();
    let up = sessions
        .iter()
        .filter(|view| view.state == PeerState::Established)
        .count();
    if up == 0 {
        text.push_str(&format!(
            "; none of {} sessions is established",
            sessions.len()
        ));
    } else if up < sessions.len() {
        let down = sessions.len() - up;
        text.push_str(&format!(
            "; {down} of {} sessions are not established",
            sessions.len()
        ));
    }
    if let Place::Prefix(prefix) = place {
        if let Some(wider) = wider(prefix) {
            match views.longest_match(RouteTable::Loc, wider).await? {
                Some(found) => text.push_str(&format!("; {found} contains it, explain that one")),
                None => text.push_str("; no known prefix contains it"),
            }
        }
        let inside = inside(views, prefix).await?;
        if !inside.is_empty() {
            let inside: Vec<String> = inside.iter().map(ToString::to_string).collect();
            text.push_str(&format!("; inside it are {}", inside.join(", ")));
        }
    }
    Ok(text)
}

/// The prefix with one bit less.
fn wider(prefix: Prefix) -> Option<Prefix> {
    Prefix::new(prefix.address(), prefix.length().checked_sub(1)?).ok()
}

/// A few known prefixes inside another.
async fn inside(views: &Views, prefix: Prefix) -> Result<Vec<Prefix>, QueryError> {
    let mut query = RoutesQuery {
        table: RouteTable::Loc,
        family: prefix.family(),
        prefix: Some(prefix),
        longer: true,
        start: 0,
        // A rare question, and one that is asked between two turns.
        limit: 4 * PAGE_DESTINATIONS,
    };
    let mut found: Vec<Prefix> = Vec::new();
    loop {
        let page = views.routes(query.clone()).await?;
        found.extend(page.rows.iter().map(|row| row.prefix));
        match page.next {
            Some(next) if found.len() < INSIDE_MAX => query.start = next,
            Some(_) | None => break,
        }
    }
    found.sort_unstable();
    found.truncate(INSIDE_MAX);
    Ok(found)
}
