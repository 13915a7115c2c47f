//! Text of a plan and of a diff for people, and their JSON form for programs.

mod session;

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Value, json};

use super::{Change, ChangeMode, PeerPlan, Plan};
use crate::net::Family;
use crate::policy::{Condition, Edit, Policy, RouteSource, Rule, SelectionRules, Then};

use session::render_sessions;
pub(super) use session::{direction, families};

/// List elements shown before the rest is only counted.
const SHOWN_MAX: usize = 4;

/// The plan as aligned text; every line names the resource that it comes from.
pub fn render_plan(plan: &Plan) -> String {
    let mut text = String::new();
    render_speaker(plan, &mut text);
    render_sessions(plan, &mut text);
    section(&mut text, "originated routes", plan.originated.len());
    let routes = plan.originated.iter().map(|(prefix, route)| {
        let from = &route.provenance;
        vec![
            prefix.to_string(),
            format!("{} {}", from.resource, from.field),
        ]
    });
    table(&mut text, &["PREFIX", "FROM"], routes.collect());
    for policy in policies(plan).values() {
        render_policy(policy, &mut text);
    }
    section(&mut text, "warnings", plan.warnings.len());
    for warning in &plan.warnings {
        line(
            &mut text,
            format_args!(
                "  {} {}: {}",
                warning.resource, warning.field, warning.message
            ),
        );
    }
    text
}

/// The changes as text, one a line; every reset names its reason.
pub fn render_diff(changes: &[Change]) -> String {
    let mut text = String::new();
    for change in changes {
        let (sign, what) = match change {
            Change::Speaker(speaker) => (
                '!',
                format!(
                    "speaker: router id {}, every session is reset",
                    speaker.router_id
                ),
            ),
            Change::UpdateSpeaker(speaker) => (
                '~',
                format!(
                    "speaker: AS {}, cluster id {}, addresses {}",
                    speaker.local_as,
                    speaker
                        .cluster_id
                        .map_or_else(|| "none".to_owned(), |id| id.to_string()),
                    addresses(speaker)
                ),
            ),
            Change::Listen(sockets) => ('~', format!("listen: {}", joined(sockets))),
            Change::AddPeer(name, peer) => ('+', format!("session {name}: {}", origin(peer))),
            Change::RemovePeer(name) => ('-', format!("session {name}")),
            Change::UpdatePeer(name, _, ChangeMode::Soft) => {
                ('~', format!("session {name}: stays up"))
            }
            Change::UpdatePeer(name, _, ChangeMode::Reset(reason)) => {
                ('!', format!("session {name}: reset, {reason}"))
            }
            Change::Originate(prefix, route) => (
                '+',
                format!("route {prefix}: {}", route.provenance.resource),
            ),
            Change::Withdraw(prefix) => ('-', format!("route {prefix}")),
            Change::SetKernelPolicy(_) => ('~', "kernel policy".to_owned()),
            Change::SetSelection(selection) => {
                ('~', format!("selection: {}", selected_by(&selection.rules)))
            }
        };
        line(&mut text, format_args!("{sign} {what}"));
    }
    if changes.is_empty() {
        text.push_str("no changes\n");
    }
    text
}

/// The changes as JSON: an array of objects with `change` and what it concerns.
pub fn render_diff_json(changes: &[Change]) -> Value {
    let value = |change: &Change| match change {
        Change::Speaker(speaker) => json!({"change": "resetSpeaker", "speaker": speaker}),
        Change::UpdateSpeaker(speaker) => json!({"change": "updateSpeaker", "speaker": speaker}),
        Change::Listen(sockets) => json!({"change": "listen", "listen": sockets}),
        Change::AddPeer(name, peer) => json!({"change": "addPeer", "name": name, "peer": peer}),
        Change::RemovePeer(name) => json!({"change": "removePeer", "name": name}),
        Change::UpdatePeer(name, peer, mode) => {
            let reset = match mode {
                ChangeMode::Soft => None,
                ChangeMode::Reset(reason) => Some(reason),
            };
            json!({"change": "updatePeer", "name": name, "peer": peer, "reset": reset})
        }
        Change::Originate(prefix, route) => {
            json!({"change": "originate", "prefix": prefix, "route": route})
        }
        Change::Withdraw(prefix) => json!({"change": "withdraw", "prefix": prefix}),
        Change::SetSelection(selection) => {
            json!({"change": "setSelection", "selection": selection})
        }
        Change::SetKernelPolicy(kernel) => {
            json!({"change": "setKernelPolicy", "kernel": kernel})
        }
    };
    changes.iter().map(value).collect()
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kernel = json!({"ipv4": self.kernel.ipv4.name, "ipv6": self.kernel.ipv6.name});
        let mut plan = serializer.serialize_struct("Plan", 7)?;
        plan.serialize_field("speaker", &self.speaker)?;
        plan.serialize_field("peers", &self.peers)?;
        plan.serialize_field("originated", &self.originated)?;
        plan.serialize_field("kernel", &kernel)?;
        plan.serialize_field("selection", &self.selection)?;
        plan.serialize_field("policies", &policies(self))?;
        plan.serialize_field("warnings", &self.warnings)?;
        plan.end()
    }
}

/// Every policy of a plan, once, by name.
fn policies(plan: &Plan) -> BTreeMap<&str, &Policy> {
    let of_peers = plan.peers.values().flat_map(|peer| {
        let (import, export) = (&peer.import, &peer.export);
        [&import.ipv4, &import.ipv6, &export.ipv4, &export.ipv6]
    });
    of_peers
        .flatten()
        .chain([&plan.kernel.ipv4, &plan.kernel.ipv6])
        .map(|policy| (&*policy.name, &**policy))
        .collect()
}

fn render_speaker(plan: &Plan, text: &mut String) {
    let speaker = &plan.speaker;
    let from = &speaker.provenance;
    let mut rows = vec![
        ("node", speaker.node.clone()),
        ("as", speaker.local_as.to_string()),
        ("router id", speaker.router_id.to_string()),
        ("addresses", addresses(speaker)),
        ("listen", joined(&speaker.listen)),
        ("from", format!("{} {}", from.resource, from.field)),
    ];
    if let Some(cluster_id) = speaker.cluster_id {
        rows.insert(3, ("cluster id", format!("{cluster_id} (route reflector)")));
    }
    for (setting, origin) in &plan.selection.settings {
        let value = format!(
            "calidris.io/{setting} = {} ({})",
            origin.value, origin.resource
        );
        rows.push(("setting", value));
    }
    for (what, value) in rows {
        line(text, format_args!("{what:<11}{value}"));
    }
}

/// How paths are chosen, in words.
fn selected_by(rules: &SelectionRules) -> String {
    format!(
        "up to {} paths share the load (AS paths {}), MED is compared {}",
        rules.multipath_max,
        if rules.multipath_same_as_path {
            "that are the same"
        } else {
            "of equal length"
        },
        if rules.always_compare_med {
            "between all paths"
        } else {
            "within one neighbouring AS"
        },
    )
}

fn render_policy(policy: &Policy, text: &mut String) {
    line(text, format_args!("\npolicy {}", policy.name));
    let rows = policy.rules.iter().enumerate().map(|(index, rule)| {
        vec![
            (index + 1).to_string(),
            conditions(rule),
            outcome(rule),
            rule.name.to_string(),
        ]
    });
    table(text, &["#", "IF", "THEN", "FROM"], rows.collect());
    line(text, format_args!("  otherwise {}", then(policy.otherwise)));
}

fn conditions(rule: &Rule) -> String {
    if rule.conditions.is_empty() {
        return "always".to_owned();
    }
    let texts: Vec<String> = rule.conditions.iter().map(condition).collect();
    texts.join(" and ")
}

fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Equals(prefixes) => format!("equals {}", joined(prefixes)),
        Condition::Inside(prefixes) => format!("inside {}", joined(prefixes)),
        Condition::LocalPrefAbove(bound) => format!("LOCAL_PREF > {bound}"),
        Condition::Source(sources) => {
            let names: Vec<&str> = sources.iter().map(|source| source_name(*source)).collect();
            format!("source {}", names.join(" or "))
        }
        Condition::NextHopIs(addresses) => format!("next hop {}", joined(addresses)),
    }
}

const fn source_name(source: RouteSource) -> &'static str {
    match source {
        RouteSource::Internal => "internal",
        RouteSource::External => "external",
        RouteSource::Static => "static",
    }
}

fn outcome(rule: &Rule) -> String {
    let edits = rule.edits.iter().map(|edit| match edit {
        Edit::LocalPref(value) => format!("LOCAL_PREF := {value}"),
        Edit::Preference(value) => format!("preference := {value}"),
        Edit::AddCommunity(value) => format!("add {value}"),
        Edit::AddLargeCommunity(value) => format!("add {value}"),
    });
    let mut parts: Vec<String> = edits.collect();
    parts.push(then(rule.then).to_owned());
    parts.join(", ")
}

const fn then(then: Then) -> &'static str {
    match then {
        Then::Accept => "accept",
        Then::Reject => "reject",
        Then::Next => "go on",
    }
}

fn origin(peer: &PeerPlan) -> String {
    format!("{} {}", peer.provenance.resource, peer.provenance.field)
}

fn addresses(speaker: &super::SpeakerPlan) -> String {
    let addresses = Family::ALL.into_iter();
    let addresses: Vec<_> = addresses
        .filter_map(|f| *speaker.addresses.get(f))
        .collect();
    joined(&addresses)
}

fn joined<T: Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = items
        .iter()
        .take(SHOWN_MAX)
        .map(ToString::to_string)
        .collect();
    match items.len().checked_sub(SHOWN_MAX) {
        None | Some(0) => shown.join(", "),
        Some(rest) => format!("{} and {rest} more", shown.join(", ")),
    }
}

fn section(text: &mut String, title: &str, count: usize) {
    line(text, format_args!("\n{title} ({count})"));
}

fn table(text: &mut String, head: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let head = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let mut widths = vec![0; rows.iter().map(Vec::len).max().unwrap_or(0)];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        line(text, format_args!("  {}", cells.join("  ").trim_end()));
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let written = writeln!(text, "{arguments}");
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}
