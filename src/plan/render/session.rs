//! The sessions of a plan as text.

use std::collections::BTreeMap;

use super::{joined, origin, section, table};
use crate::net::{AddPathDirection, Family, PerFamily, PrefixLimit};
use crate::plan::{PeerPlan, Plan, PlannedSetting};
use crate::policy::NextHopMode;

/// The sessions as a table, and the settings behind them.
pub(super) fn render_sessions(plan: &Plan, text: &mut String) {
    section(text, "sessions", plan.peers.len());
    let rows = plan.peers.iter().map(|(name, peer)| {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        vec![
            name.to_string(),
            peer.address.to_string(),
            peer.port.to_string(),
            peer.remote_as.to_string(),
            peer.local_as.to_string(),
            relation(peer).to_owned(),
            if peer.passive { "waits" } else { "dials" }.to_owned(),
            or_dash(peer.source_address.map(|address| address.to_string())),
            format!("{}s", peer.hold_time),
            or_dash(peer.keepalive.map(|time| format!("{}s", time.as_secs()))),
            format!("{}s", peer.restart_time),
            next_hop(peer.next_hop_mode).to_owned(),
            terms(peer),
            origin_and_node(peer),
        ]
    });
    let head = [
        "NAME",
        "PEER",
        "PORT",
        "AS",
        "LOCAL AS",
        "ROLE",
        "DIAL",
        "SOURCE",
        "HOLD",
        "KEEPALIVE",
        "RESTART",
        "NEXT HOP",
        "TERMS",
        "FROM",
    ];
    table(text, &head, rows.collect());
    render_settings(plan, text);
}

/// The settings that annotations carry: thousands of sessions may have one from the same place.
fn render_settings(plan: &Plan, text: &mut String) {
    let mut sessions: BTreeMap<(&str, &PlannedSetting), Vec<&str>> = BTreeMap::new();
    for (name, peer) in &plan.peers {
        for (setting, planned) in &*peer.settings {
            let names = sessions.entry((setting, planned)).or_default();
            names.push(&name.0);
        }
    }
    if sessions.is_empty() {
        return;
    }
    section(text, "settings by annotation", sessions.len());
    let rows = sessions.into_iter().map(|((setting, planned), names)| {
        vec![
            setting.to_owned(),
            planned.value.to_string(),
            joined(&names),
            planned.resource.to_string(),
        ]
    });
    table(
        text,
        &["SETTING", "VALUE", "SESSIONS", "FROM"],
        rows.collect(),
    );
}

/// Where a session comes from and, where that does not say it, which node it leads to.
fn origin_and_node(peer: &PeerPlan) -> String {
    let resource = peer.node.as_ref().map(|node| format!("Node/{node}"));
    match resource.filter(|node| **node != *peer.provenance.resource) {
        Some(node) => format!("{}, {node}", origin(peer)),
        None => origin(peer),
    }
}

/// What a session has beyond the defaults, in few words.
fn terms(peer: &PeerPlan) -> String {
    let usual = PerFamily {
        ipv4: peer.family == Family::Ipv4,
        ipv6: peer.family == Family::Ipv6,
    };
    let both = AddPathDirection {
        receive: true,
        send: true,
    };
    let terms = [
        peer.shutdown
            .as_ref()
            .map(|why| format!("held down {why:?}")),
        (peer.families != usual).then(|| families(peer)),
        peer.interface
            .as_ref()
            .map(|name| format!("interface {name}")),
        peer.password.as_ref().map(|_| "password".to_owned()),
        peer.ttl_security.map(|hops| format!("ttl-security {hops}")),
        peer.role.map(|role| format!("role {role}")),
        peer.prefix_limit.map(limit),
        (peer.add_path != both).then(|| format!("add-path {}", direction(peer.add_path))),
        peer.long_lived_time.map(|time| format!("llgr {time}s")),
        peer.delay_open
            .map(|time| format!("delay-open {}s", time.as_secs_f64())),
        (peer.allowed_local_as > 0).then(|| format!("own AS {}×", peer.allowed_local_as)),
    ];
    let terms: Vec<String> = terms.into_iter().flatten().collect();
    if terms.is_empty() {
        return "-".to_owned();
    }
    terms.join(", ")
}

fn limit(limit: PrefixLimit) -> String {
    let PrefixLimit {
        max,
        warn_percent,
        restart,
    } = limit;
    let restart = restart.map_or_else(String::new, |time| format!(" restart {}s", time.as_secs()));
    format!("limit {max} warn {warn_percent}%{restart}")
}

/// The families that a session offers, as the annotation spells them.
pub(in crate::plan) fn families(peer: &PeerPlan) -> String {
    let names: Vec<&str> = peer.families.families().map(Family::name).collect();
    names.join(",")
}

/// A direction of ADD-PATH, as the annotation spells it.
pub(in crate::plan) const fn direction(direction: AddPathDirection) -> &'static str {
    match (direction.receive, direction.send) {
        (false, false) => "off",
        (true, false) => "receive",
        (false, true) => "send",
        (true, true) => "both",
    }
}

fn relation(peer: &PeerPlan) -> &'static str {
    if peer.reflector_client.is_some() {
        "client"
    } else if peer.local_as == peer.remote_as {
        "internal"
    } else {
        "external"
    }
}

const fn next_hop(mode: NextHopMode) -> &'static str {
    match mode {
        NextHopMode::Auto => "auto",
        NextHopMode::Own => "self",
        NextHopMode::Keep => "keep",
    }
}
