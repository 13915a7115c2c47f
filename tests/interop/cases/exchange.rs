//! Many routes both ways, asked for again, and taken back.

use crate::lab::Lab;
use crate::routes::Table;
use crate::setup::{FEEDERS, Family};
use crate::wait::{eventually, holds};

pub(super) fn routes_to_peer(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    let wanted = lab.wanted_there(family, FEEDERS[0], lab.feed.speaker.of(family));
    lab.wait_there(family, &wanted)
}

pub(super) fn routes_from_peer(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    let wanted = lab.wanted_here(family, FEEDERS[0], lab.from_peer.of(family));
    lab.wait_here(family, &wanted)
}

/// The request arrives, and what was announced before is announced again, in the same session.
pub(super) fn refresh_by_peer(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    let before = lab.session(family)?["counters"].clone();
    lab.peer.ask_refresh(family)?;
    eventually("the routes are sent again", || {
        let counters = lab.session(family)?["counters"].clone();
        let asked = grown(&before, &counters, "received", "routeRefresh") > 0;
        // Each set of attributes needs a message of its own.
        let answered = grown(&before, &counters, "sent", "update") >= 500;
        let is_same = counters["established"] == before["established"];
        holds(asked && answered && is_same, counters)
    })?;
    routes_to_peer(lab, family)
}

/// The other side answers a request, and what it had announced is as before.
pub(super) fn refresh_by_speaker(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    let before = lab.session(family)?["counters"].clone();
    let name = Lab::session_name(family);
    lab.calidris.act(&["reset", &name, "--soft-in"])?;
    eventually("the routes come again", || {
        let counters = lab.session(family)?["counters"].clone();
        let asked = grown(&before, &counters, "sent", "routeRefresh") > 0;
        let answered = grown(&before, &counters, "received", "update") >= 500;
        let is_same = counters["established"] == before["established"];
        holds(asked && answered && is_same, counters)
    })?;
    routes_from_peer(lab, family)
}

fn grown(
    before: &serde_json::Value,
    after: &serde_json::Value,
    direction: &str,
    kind: &str,
) -> u64 {
    let count = |counters: &serde_json::Value| counters[direction][kind].as_u64().unwrap_or(0);
    count(after).saturating_sub(count(before))
}

/// Every second route goes, on both sides; the others stay.
pub(super) fn withdrawal(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    let half = |table: &Table| -> Table {
        let pairs = table.iter().step_by(2);
        pairs
            .map(|(key, paths)| (key.clone(), paths.clone()))
            .collect()
    };
    let to_peer = half(lab.feed.speaker.of(family));
    *lab.feed.speaker.of_mut(family) = to_peer;
    let from_peer = half(lab.from_peer.of(family));
    lab.announce_from_peer(family, &from_peer)?;
    lab.feeder.feed(&lab.feed);
    routes_to_peer(lab, family)?;
    routes_from_peer(lab, family)
}
