//! Answers as text for people: aligned columns, states in words, times as ages.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

use super::listen;
use crate::control::{
    DatastoreAnswer, FibAnswer, HeldAnswer, NeighborLine, ReadinessAnswer, RoutesAnswer, Summary,
    Timestamp,
};
use crate::fib::FibRowState;
use crate::plan::PeerKind;
use crate::rib::PathRow;
use crate::session::PeerState;

/// `show summary`.
pub(super) fn summary(summary: &Summary) -> String {
    let mut text = head(summary);
    let mut rows = columns([
        "NAME",
        "ADDRESS",
        "AS",
        "TYPE",
        "STATE",
        "UP/DOWN",
        "RECV",
        "ACC",
        "SENT",
        "LAST ERROR",
    ]);
    for line in &summary.neighbors {
        rows.add_row(session(line, summary.as_of));
    }
    align_right(&mut rows, &[2, 6, 7, 8]);
    if summary.neighbors.is_empty() {
        text.push_str("\nno sessions are planned\n");
        return text;
    }
    let established = |line: &&NeighborLine| line.state == PeerState::Established;
    let up = summary.neighbors.iter().filter(established).count();
    text.push('\n');
    text.push_str(&finished(&rows));
    text.push_str(&format!(
        "\n{}, {up} established\n",
        counted(summary.neighbors.len(), "session")
    ));
    text
}

fn head(summary: &Summary) -> String {
    let mut text = format!("{}: ", summary.node);
    match (summary.router_id, summary.local_as) {
        (Some(router_id), Some(local_as)) => {
            text.push_str(&format!("router id {router_id}, AS {local_as}, "));
        }
        _ => text.push_str("no plan yet, "),
    }
    if let Some(cluster_id) = summary.cluster_id {
        text.push_str(&format!("route reflector of cluster {cluster_id}, "));
    }
    let up = age(summary.as_of.since(summary.started));
    text.push_str(&format!("up {up}, calidris {}\n", summary.version));
    text.push_str(&datastore_line(summary));
    if let Some(reason) = &summary.stale_plan {
        text.push_str(&format!("plan: an earlier one is in force: {reason}\n"));
    }
    text.push_str(&kernel_line(summary));
    text.push_str(&listen::lines(&summary.listen));
    if !summary.readiness.ready {
        text.push_str(&readiness(&summary.readiness));
    }
    text
}

fn datastore_line(summary: &Summary) -> String {
    let datastore = &summary.datastore;
    let state = match (datastore.up, datastore.synced) {
        (true, true) => "in sync".to_owned(),
        (true, false) => "being read for the first time".to_owned(),
        (false, _) => format!(
            "cannot be read: {}",
            datastore.last_error.as_deref().unwrap_or("no reason known")
        ),
    };
    let mut text = format!("datastore {}: {state}", datastore.url);
    if datastore.rejected > 0 {
        text.push_str(&format!(
            ", {} refused",
            counted(datastore.rejected, "object")
        ));
    }
    if summary.warnings > 0 {
        text.push_str(&format!(", {}", counted(summary.warnings, "warning")));
    }
    if datastore.rejected + summary.warnings > 0 {
        text.push_str(" (see calidris show datastore)");
    }
    text + "\n"
}

fn kernel_line(summary: &Summary) -> String {
    let fib = &summary.fib;
    if !fib.enabled {
        return "kernel: no routes are installed (--fib none)\n".to_owned();
    }
    if let Some(reason) = &fib.denied {
        return format!("kernel: no routes can be installed: {reason}\n");
    }
    let (routes, pending) = (&fib.routes, fib.pending.ipv4 + fib.pending.ipv6);
    let mut text = format!(
        "kernel: {} IPv4 and {} IPv6 routes",
        routes.ipv4, routes.ipv6
    );
    if pending > 0 {
        text.push_str(&format!(
            ", {pending} pending (see calidris show routes --fib)"
        ));
    }
    text + "\n"
}

fn session(line: &NeighborLine, now: Timestamp) -> Vec<String> {
    let count = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
    vec![
        line.name.clone(),
        line.address.to_string(),
        line.remote_as.to_string(),
        kind(line.kind).to_owned(),
        line.state.name().to_owned(),
        age(now.since(line.since)),
        count(line.prefixes.map(|prefixes| prefixes.received)),
        count(line.prefixes.map(|prefixes| prefixes.accepted)),
        count(line.prefixes.map(|prefixes| prefixes.advertised)),
        match (&line.held, &line.last_error) {
            (Some(held), _) => held_text(held, now),
            (None, Some(error)) => {
                format!("{} ({} ago)", error.message, age(now.since(error.at)))
            }
            (None, None) => String::new(),
        },
    ]
}

/// Why a session is held down, and for how long still.
pub(super) fn held_text(held: &HeldAnswer, now: Timestamp) -> String {
    match held.until {
        Some(until) => format!("{}; tried again in {}", held.text, age(until.since(now))),
        None => held.text.clone(),
    }
}

/// The lines of readiness: one where all is well, else one a condition that does not hold.
pub(super) fn readiness(answer: &ReadinessAnswer) -> String {
    if answer.ready {
        return "ready\n".to_owned();
    }
    let open = answer.conditions.iter().filter(|condition| !condition.ok);
    let open: Vec<String> = open
        .map(|condition| format!("{}: {}", condition.name, condition.detail))
        .collect();
    format!("not ready: {}\n", open.join("; "))
}

/// `show routes`: `*>` marks the best path, `*=` one that shares its load, `S` a stale one, `x` one
/// that cannot be used.
pub(super) fn routes(answer: &RoutesAnswer) -> String {
    let mut rows = columns([
        "",
        "NETWORK",
        "NEXT HOP",
        "FROM",
        "PREF",
        "LOCAL PREF",
        "MED",
        "ORIGIN",
        "AS PATH",
        "NOTE",
    ]);
    let mut paths = 0;
    for route in &answer.routes {
        for (index, path) in route.paths.iter().enumerate() {
            let network = match index {
                0 => route.prefix.to_string(),
                _ => String::new(),
            };
            rows.add_row(path_row(network, path));
            paths += 1;
        }
    }
    align_right(&mut rows, &[4, 5, 6]);
    let total = format!(
        "{}, {}\n",
        counted(answer.routes.len(), "network"),
        counted(paths, "path")
    );
    match paths {
        0 => "no routes\n".to_owned(),
        _ => finished(&rows) + "\n" + &total,
    }
}

fn path_row(network: String, path: &PathRow) -> Vec<String> {
    let mark = match (path.usable, path.best, path.multipath) {
        (false, _, _) => "x",
        (true, true, _) => "*>",
        (true, false, true) => "*=",
        (true, false, false) => "*",
    };
    let number = |value: Option<u32>| value.map_or_else(String::new, |value| value.to_string());
    let mut note: Vec<String> = path.reason.iter().cloned().collect();
    if !path.communities.is_empty() {
        note.push(format!("communities {}", path.communities.join(" ")));
    }
    if !path.extended_communities.is_empty() {
        let list = path.extended_communities.join(" ");
        note.push(format!("extended communities {list}"));
    }
    if let Some(originator) = &path.originator_id {
        note.push(format!("originator {originator}"));
    }
    vec![
        format!("{mark}{}", if path.stale { "S" } else { "" }),
        network,
        path.next_hop.map_or("-".to_owned(), |hop| hop.to_string()),
        path.from.to_string(),
        path.preference.to_string(),
        number(path.local_pref),
        number(path.med),
        origin(path.origin).to_owned(),
        path.as_path.clone(),
        note.join(", "),
    ]
}

/// ORIGIN in words.
pub(super) const fn origin(origin: crate::wire::Origin) -> &'static str {
    match origin {
        crate::wire::Origin::Igp => "igp",
        crate::wire::Origin::Egp => "egp",
        crate::wire::Origin::Incomplete => "incomplete",
    }
}

/// `show routes --fib`.
pub(super) fn fib(answer: &FibAnswer) -> String {
    if answer.routes.is_empty() {
        return "no routes\n".to_owned();
    }
    let mut rows = columns(["NETWORK", "STATE", "WANTED", "PRESENT", "KERNEL SAYS"]);
    let mut astray = 0;
    for row in &answer.routes {
        let state = match row.state {
            FibRowState::Installed => "installed",
            FibRowState::Pending => "pending",
            FibRowState::Refused => "refused",
            FibRowState::Stale => "stale",
        };
        astray += usize::from(row.state != FibRowState::Installed);
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        rows.add_row([
            row.prefix.to_string(),
            state.to_owned(),
            shown(&row.wanted),
            match row.present == row.wanted {
                true => "as wanted".to_owned(),
                false => shown(&row.present),
            },
            row.error.clone().unwrap_or_default(),
        ]);
    }
    finished(&rows)
        + &format!(
            "\n{}, {astray} not as wanted\n",
            counted(answer.routes.len(), "route")
        )
}

/// `show datastore`.
pub(super) fn datastore(answer: &DatastoreAnswer) -> String {
    let state = match (answer.up, answer.synced) {
        (true, true) => "in sync",
        (true, false) => "being read for the first time",
        (false, _) => "cannot be read",
    };
    let mut text = format!("{}: {state}, revision {}", answer.url, answer.revision);
    if let Some(last) = answer.last_event {
        let ago = age(answer.as_of.since(last));
        text.push_str(&format!(", last change {ago} ago"));
    }
    text.push('\n');
    if let Some(error) = &answer.last_error {
        text.push_str(&format!("last error: {error}\n"));
    }
    if !answer.objects.is_empty() {
        let mut rows = columns(["KIND", "IN FORCE", "REFUSED"]);
        for (kind, counts) in &answer.objects {
            rows.add_row([
                kind.clone(),
                counts.accepted.to_string(),
                counts.rejected.to_string(),
            ]);
        }
        align_right(&mut rows, &[1, 2]);
        text.push_str(&format!("\n{}", finished(&rows)));
    }
    if !answer.rejected.is_empty() {
        text.push_str("\nRefused\n");
    }
    for object in &answer.rejected {
        let field = object.field.as_ref().map(|field| format!(" {field}"));
        text.push_str(&format!(
            "  {}{} ({}): {}; {}\n",
            object.resource,
            field.unwrap_or_default(),
            object.location,
            object.reason,
            match object.last_good_kept {
                true => "its last good version stays in force",
                false => "no version of it is in force",
            }
        ));
    }
    if !answer.warnings.is_empty() {
        text.push_str("\nWarnings of the plan\n");
    }
    for warning in &answer.warnings {
        text.push_str(&format!(
            "  {} {}: {}\n",
            warning.resource, warning.field, warning.message
        ));
    }
    text
}

/// What a kind of peering is called.
pub(super) const fn kind(kind: PeerKind) -> &'static str {
    match kind {
        PeerKind::Mesh => "mesh",
        PeerKind::Global => "global",
        PeerKind::Node => "node",
    }
}

/// An age in its two largest units: `42s`, `3m12s`, `2h05m`, `4d03h`.
pub(super) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

/// A number with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// A table without borders.
pub(super) fn columns<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// Aligns columns of numbers to the right.
pub(super) fn align_right(table: &mut Table, indices: &[usize]) {
    for index in indices {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The table's text, columns two spaces apart, without spaces at the ends of lines.
pub(super) fn finished(table: &Table) -> String {
    let mut table = table.clone();
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
