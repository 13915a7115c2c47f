//! The peer is killed and comes back: calidris keeps its routes meanwhile (RFC 4724 §4.2).

use super::{Case, exchange};
use crate::lab::Lab;
use crate::setup::{FEEDERS, Family};
use crate::wait::{eventually, holds};

/// One crash for both families: they are one program.
pub(super) fn graceful_restart(lab: &mut Lab<'_>) {
    let ready = Family::ALL.into_iter().try_for_each(|family| {
        lab.wait_until_established(family)?;
        let wanted = lab.wanted_here(family, FEEDERS[0], lab.from_peer.of(family));
        lab.wait_here(family, &wanted)
    });
    lab.kill_peer();
    let kept = Family::ALL.map(|family| ready.clone().and_then(|()| routes_are_kept(lab, family)));
    let started = lab.peer.recover();
    for (family, kept) in Family::ALL.into_iter().zip(kept) {
        let started = started.clone();
        lab.case(Case::GracefulRestart, family, move |lab, family| {
            kept.and(started)?;
            is_back(lab, family)
        });
    }
    // The cases that follow need the session, whatever came of this one.
    for family in Family::ALL {
        if let Err(error) = lab.wait_until_established(family) {
            println!("{error}");
        }
    }
}

fn routes_are_kept(lab: &Lab<'_>, family: Family) -> Result<(), String> {
    if (lab.program.lacks)(Case::GracefulRestart, lab.kind, family).is_some() {
        return Ok(());
    }
    eventually("its routes are stale", || {
        let session = lab.session(family)?;
        let is_down = session["state"] != "Established";
        holds(is_down && !session["staleUntil"].is_null(), session)
    })?;
    let wanted = lab.wanted_here(family, FEEDERS[0], lab.from_peer.of(family));
    lab.wait_here(family, &wanted)?;
    let stale = lab.session(family)?["prefixes"][family.name()]["stale"].clone();
    // More than wanted where it also sent back what it had from calidris.
    let are_all = stale.as_u64() >= wanted.len().try_into().ok();
    holds(are_all, format!("{stale} stale routes"))
}

fn is_back(lab: &mut Lab<'_>, family: Family) -> Result<(), String> {
    lab.wait_until_established(family)?;
    eventually("End-of-RIB, and nothing stale", || {
        let session = lab.session(family)?;
        let is_complete = session["endOfRibReceived"][family.name()] == true;
        let is_fresh =
            session["staleUntil"].is_null() && session["prefixes"][family.name()]["stale"] == 0;
        holds(is_complete && is_fresh, session)
    })?;
    exchange::routes_from_peer(lab, family)?;
    exchange::routes_to_peer(lab, family)
}
