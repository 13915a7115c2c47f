//! `calidris show updategroups` as text.

use super::text::{align_right, columns, counted, finished};
use crate::control::GroupsAnswer;
use crate::policy::NextHopMode;
use crate::rib::{GroupRow, MemberState};

/// Members that are named; the rest is counted.
const NAMES_MAX: usize = 5;

/// A line a group with its numbers, then what each group's members have in common.
pub(super) fn text(answer: &GroupsAnswer) -> String {
    if answer.groups.is_empty() {
        return "no update groups: no session is established\n".to_owned();
    }
    let mut rows = columns([
        "GROUP", "FAMILY", "KIND", "MEMBERS", "BEHIND", "PREFIXES", "PENDING", "BACKLOG", "CHUNKS",
        "OCTETS", "SERVED", "RESYNCS",
    ]);
    for group in &answer.groups {
        let counts = &group.counts;
        rows.add_row([
            group.group.to_string(),
            group.family.to_string(),
            kind(group).to_owned(),
            group.members.len().to_string(),
            group.lagging.to_string(),
            group.prefixes.to_string(),
            group.pending.to_string(),
            group
                .backlog_bytes
                .map_or("-".to_owned(), |bytes| bytes.to_string()),
            counts.chunks.to_string(),
            counts.octets.to_string(),
            counts.served.to_string(),
            counts.resyncs.to_string(),
        ]);
    }
    align_right(&mut rows, &[3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let mut text = finished(&rows);
    for group in &answer.groups {
        text.push_str(&format!("\ngroup {}\n", group.group));
        for (name, value) in facts(group) {
            text.push_str(&format!("  {name:<10}{value}\n"));
        }
    }
    let members = answer.groups.iter().map(|group| group.members.len()).sum();
    text + &format!(
        "\n{}, {}\n",
        counted(answer.groups.len(), "group"),
        counted(members, "membership")
    )
}

const fn kind(group: &GroupRow) -> &'static str {
    match (group.external, group.client.is_some()) {
        (true, _) => "external",
        (false, true) => "client",
        (false, false) => "internal",
    }
}

/// What the members have in common, and who they are.
fn facts(group: &GroupRow) -> Vec<(&'static str, String)> {
    let mode = match group.next_hop_mode {
        NextHopMode::Auto if group.external => "self",
        NextHopMode::Auto => "unchanged, self for own routes",
        NextHopMode::Own => "always self",
        NextHopMode::Keep => "never changed but for own routes",
    };
    let own = group
        .own_next_hop
        .map_or("no address".to_owned(), |own| own.to_string());
    let mut terms = vec![
        match group.four_octet_as {
            true => "4-octet AS numbers",
            false => "2-octet AS numbers",
        }
        .to_owned(),
    ];
    terms.extend(
        group
            .add_path
            .map(|max| format!("ADD-PATH, {max} paths at most")),
    );
    terms.extend(
        group
            .extended_message
            .then(|| "extended messages".to_owned()),
    );
    terms.extend(
        group
            .extended_next_hop
            .then(|| "extended next hops".to_owned()),
    );
    let mut facts = vec![
        ("policy", group.policy.to_string()),
        ("as", group.local_as.to_string()),
        ("next hop", format!("{mode} ({own})")),
        ("terms", terms.join(", ")),
        (
            "members",
            named(group.members.iter().map(ToString::to_string)),
        ),
    ];
    if let Some(cluster) = group.client {
        facts.insert(
            1,
            (
                "cluster",
                format!("{cluster}, of which the members are clients"),
            ),
        );
    }
    if let Some(role) = group.role {
        facts.insert(1, ("role", role.to_string()));
    }
    if !group.behind.is_empty() {
        let behind = group.behind.iter().map(|behind| {
            let state = match behind.state {
                MemberState::Dumping => "being told everything",
                MemberState::CatchingUp => "catching up",
            };
            format!("{} ({state}, {} behind)", behind.name, behind.changes)
        });
        facts.push(("behind", named(behind)));
    }
    facts
}

fn named(names: impl ExactSizeIterator<Item = String>) -> String {
    let count = names.len();
    let shown: Vec<String> = names.take(NAMES_MAX).collect();
    match count.checked_sub(NAMES_MAX) {
        Some(more) if more > 0 => format!("{} and {more} more", shown.join(", ")),
        Some(_) | None => shown.join(", "),
    }
}
