//! `show neighbor`: everything about one session, for a person at three in the morning: first how it
//! stands and why, then terms, counters and history.

use std::fmt::Write;

use super::text::{age, counted, held_text, kind};
use crate::control::{Neighbor, TimedNotification, Timestamp};
use crate::net::{Family, PrefixLimit};
use crate::rib::RefusedCounts;
use crate::session::{MessageCounts, NegotiatedView, PeerState};

/// Width of the labels on the left.
const LABEL: usize = 16;

/// The session as text.
pub(super) fn text(neighbor: &Neighbor) -> String {
    let mut page = Page(String::new());
    let in_state = age(neighbor.as_of.since(neighbor.since));
    let state = match neighbor.state {
        PeerState::Established => format!("Established for {in_state}"),
        state => format!("{}, not established for {in_state}", state.name()),
    };
    page.heading(&format!("{} is {state}", neighbor.name));
    why(&mut page, neighbor);
    ends(&mut page, neighbor);
    if let Some(terms) = &neighbor.negotiated {
        negotiated(&mut page, neighbor, terms);
    }
    prefixes(&mut page, neighbor);
    counters(&mut page, neighbor);
    page.0
}

/// Labelled lines.
struct Page(String);

impl Page {
    fn heading(&mut self, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{text}");
    }

    fn line(&mut self, label: &str, text: &str) {
        let _ = writeln!(self.0, "  {label:<LABEL$} {text}");
    }
}

fn why(page: &mut Page, neighbor: &Neighbor) {
    let now = neighbor.as_of;
    if let Some(held) = &neighbor.held {
        page.line("held down", &held_text(held, now));
    }
    if let Some(error) = &neighbor.last_error {
        let ago = age(now.since(error.at));
        page.line("last error", &format!("{} ({ago} ago)", error.message));
    }
    if neighbor.failed_dials > 0 {
        let dials = usize::try_from(neighbor.failed_dials).unwrap_or(usize::MAX);
        page.line(
            "dialling",
            &format!("{} failed since it was last up", counted(dials, "dial")),
        );
    }
    if let Some(until) = neighbor.stale_until.filter(|until| until.0 > now.0) {
        let left = age(until.since(now));
        page.line(
            "restarting",
            &format!("its routes are kept as stale for another {left}"),
        );
    }
    let notification = |notification: &TimedNotification| told(notification, now);
    if let Some(received) = &neighbor.notification_received {
        page.line("it said", &notification(received));
    }
    if let Some(sent) = &neighbor.notification_sent {
        page.line("we said", &notification(sent));
    }
}

fn told(notification: &TimedNotification, now: Timestamp) -> String {
    format!(
        "NOTIFICATION {}/{}, {} ({} ago)",
        notification.code,
        notification.subcode,
        notification.meaning,
        age(now.since(notification.at))
    )
}

fn ends(page: &mut Page, neighbor: &Neighbor) {
    let from = &neighbor.provenance;
    page.line(
        "planned by",
        &format!(
            "{} {} ({} peering)",
            from.resource,
            from.field,
            kind(neighbor.kind)
        ),
    );
    let relation = match neighbor.remote_as == neighbor.local_as {
        true => "internal",
        false => "external",
    };
    let client = match neighbor.reflector_client {
        true => ", route reflector client",
        false => "",
    };
    page.line(
        "peer",
        &format!(
            "{} port {}, AS {} ({relation}{client})",
            neighbor.address, neighbor.port, neighbor.remote_as
        ),
    );
    let dials = match (neighbor.passive, neighbor.source_address) {
        (true, _) => "never dials".to_owned(),
        (false, Some(source)) => format!("dials from {source}"),
        (false, None) => "dials from the address that the kernel chooses".to_owned(),
    };
    page.line(
        "this side",
        &format!(
            "router id {}, AS {}, {dials}",
            neighbor.local_router_id, neighbor.local_as
        ),
    );
    page.line("security", &security(neighbor));
    if let Some(role) = neighbor.role {
        page.line("role", &format!("this side is {role}"));
    }
}

fn security(neighbor: &Neighbor) -> String {
    let password = match neighbor.password {
        true => "password (TCP-MD5)",
        false => "no password",
    };
    let ttl = match neighbor.ttl_security {
        Some(hops) => {
            let hops = counted(hops.into(), "hop");
            format!("packets from {hops} away at most")
        }
        None => "any number of hops".to_owned(),
    };
    match &neighbor.interface {
        Some(interface) => format!("{password}, {ttl}, by interface {interface}"),
        None => format!("{password}, {ttl}"),
    }
}

fn negotiated(page: &mut Page, neighbor: &Neighbor, terms: &NegotiatedView) {
    page.line(
        "connection",
        &format!("{} to {}", terms.local_endpoint, terms.remote_endpoint),
    );
    page.line("peer router id", &terms.peer_router_id.to_string());
    page.line(
        "timers",
        &match terms.hold_time {
            0 => "off (hold time 0)".to_owned(),
            hold => format!("hold {hold} s, keepalive {} s", terms.keepalive),
        },
    );
    page.line("families", &names(terms.families.iter().copied()));
    page.line("capabilities", &capabilities(terms).join(", "));
    page.line(
        "end of RIB",
        &format!(
            "received {}, sent {}",
            names(neighbor.end_of_rib_received.families()),
            names(neighbor.end_of_rib_sent.families())
        ),
    );
}

fn capabilities(terms: &NegotiatedView) -> Vec<String> {
    let mut agreed = Vec::new();
    if terms.four_octet_as {
        agreed.push("4-octet AS".to_owned());
    }
    if terms.route_refresh {
        agreed.push("route refresh".to_owned());
    }
    for (has, name) in [
        (terms.enhanced_refresh, "enhanced refresh"),
        (terms.extended_message, "extended message"),
        (terms.extended_next_hop, "extended next hop"),
    ] {
        if has {
            agreed.push(name.to_owned());
        }
    }
    if let Some(seconds) = terms.restart_time {
        let over = match terms.keeps_routes_over_notification {
            true => ", over NOTIFICATION too",
            false => "",
        };
        agreed.push(format!("graceful restart (peer: {seconds} s{over})"));
    }
    for (family, seconds) in terms.long_lived_times.iter() {
        if let Some(seconds) = seconds {
            agreed.push(format!(
                "long-lived graceful restart {family} ({seconds} s)"
            ));
        }
    }
    if let Some(role) = terms.peer_role {
        agreed.push(format!("role (peer: {role})"));
    }
    for (family, direction) in terms.add_path.iter() {
        match (direction.receive, direction.send) {
            (true, true) => agreed.push(format!("ADD-PATH {family} both ways")),
            (true, false) => agreed.push(format!("ADD-PATH {family} receive")),
            (false, true) => agreed.push(format!("ADD-PATH {family} send")),
            (false, false) => {}
        }
    }
    if !terms.unknown_capabilities.is_empty() {
        let codes: Vec<String> = terms
            .unknown_capabilities
            .iter()
            .map(u8::to_string)
            .collect();
        agreed.push(format!("not known here: {}", codes.join(" ")));
    }
    if agreed.is_empty() {
        agreed.push("none".to_owned());
    }
    agreed
}

fn prefixes(page: &mut Page, neighbor: &Neighbor) {
    let Some(counts) = &neighbor.prefixes else {
        page.line("prefixes", "unknown: the routing table does not answer");
        return;
    };
    for family in shown(neighbor) {
        let counts = counts.get(family);
        let stale = match counts.stale {
            0 => String::new(),
            stale => format!(", {stale} of them stale"),
        };
        page.line(
            &format!("{family} prefixes"),
            &format!(
                "{} received{stale}, {} accepted, {} filtered{}, {} best, {} advertised",
                counts.received,
                counts.accepted,
                counts.filtered,
                reasons(&counts.refused),
                counts.best,
                counts.advertised
            ),
        );
    }
    if let Some(limit) = &neighbor.prefix_limit {
        page.line("prefix limit", &prefix_limit(neighbor, limit));
    }
}

/// Why routes are filtered, in brackets; nothing where none are.
fn reasons(refused: &RefusedCounts) -> String {
    let reasons = refused.by_reason();
    let said: Vec<_> = reasons
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    match said.is_empty() {
        true => String::new(),
        false => format!(" ({})", said.join(", ")),
    }
}

fn prefix_limit(neighbor: &Neighbor, limit: &PrefixLimit) -> String {
    let beyond = names(neighbor.near_prefix_limit.families());
    let state = match beyond.as_str() {
        "none" => String::new(),
        families => format!("; {families} is beyond the warning threshold"),
    };
    let then = match limit.restart {
        Some(pause) => format!("then down for {}", age(pause)),
        None => "then down until enabled".to_owned(),
    };
    format!(
        "{} a family, warning beyond {} %, {then}{state}",
        limit.max, limit.warn_percent
    )
}

/// The families that the session carries, or would carry.
fn shown(neighbor: &Neighbor) -> Vec<Family> {
    let carried = neighbor.negotiated.as_ref().map(|terms| &terms.families);
    carried.cloned().unwrap_or_else(|| vec![neighbor.family])
}

fn counters(page: &mut Page, neighbor: &Neighbor) {
    let counters = &neighbor.counters;
    page.line("messages in", &messages(&counters.received));
    page.line("messages out", &messages(&counters.sent));
    let downs: Vec<String> = counters
        .down
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    page.line(
        "history",
        &format!(
            "established {}, down {}",
            times(counters.established),
            match downs.is_empty() {
                true => "never".to_owned(),
                false => downs.join(", "),
            }
        ),
    );
    let errors = &counters.update_errors;
    if *errors != Default::default() {
        page.line(
            "faulty updates",
            &format!(
                "{} treated as withdrawal, {} with an attribute dropped, {} ended the session",
                errors.treat_as_withdraw, errors.attribute_discard, errors.session_reset
            ),
        );
    }
    if counters.resyncs > 0 {
        page.line("fell behind", &times(counters.resyncs));
    }
    if counters.panics > 0 {
        let defects = format!("ended it {} (see the log)", times(counters.panics));
        page.line("defects", &defects);
    }
}

fn messages(counts: &MessageCounts) -> String {
    format!(
        "{} OPEN, {} UPDATE, {} NOTIFICATION, {} KEEPALIVE, {} ROUTE-REFRESH",
        counts.open, counts.update, counts.notification, counts.keepalive, counts.route_refresh
    )
}

fn times(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}

fn names(families: impl Iterator<Item = Family>) -> String {
    let names: Vec<&str> = families.map(Family::name).collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}
