//! The invariants, checked when nothing moves.

use std::collections::BTreeMap;

use super::expected::{self, Candidate, Own, Routes, Told, all_candidates};
use super::link::Network;
use super::session::Session;
use super::speaker::Speaker;
use super::violation::Violation;
use crate::net::{Family, Prefix};
use crate::rib::{Answer, FibRouteKind, PathRow, Query, RibTotals, RouteRow, RouteTable};

/// Checks everything that must hold whatever has happened.
///
/// Tables are fetched as they are needed: those of a reflector with a thousand clients are large.
pub(super) fn check(network: &mut Network, speakers: &mut [Speaker]) -> Result<(), Violation> {
    for index in 0..speakers.len() {
        if !speakers[index].alive {
            continue;
        }
        for family in Family::ALL {
            check_family(network, speakers, index, family)?;
        }
        check_log(network, &mut speakers[index])?;
    }
    Ok(())
}

fn check_family(
    network: &mut Network,
    speakers: &mut [Speaker],
    index: usize,
    family: Family,
) -> Result<(), Violation> {
    let own = Own::of(&speakers[index]);
    let mut fetch = |speaker: usize, table| routes(network, &mut speakers[speaker], table, family);
    let tables = own.neighbours.iter().map(|n| RouteTable::Received(n.peer));
    let received: Vec<Routes> = tables.map(|table| fetch(index, table)).collect();
    let all = all_candidates(&own, &received, family);
    let speaker = &mut speakers[index];
    let loc = speaker.routes(network, RouteTable::Loc, family);
    check_decision(&own, &loc, &all)?;
    check_kernel(speaker, &all, family)?;
    let sessions = speaker.sessions.len();
    for (number, received) in received.iter().enumerate().take(sessions) {
        let speaker = &mut speakers[index];
        let table = RouteTable::Advertised(own.neighbours[number].peer);
        let told = routes(network, speaker, table, family);
        let session = &speaker.sessions[number];
        let carries = session
            .agreed()
            .is_some_and(|agreed| *agreed.families.get(family));
        if !carries {
            check_down(session, &told, received)?;
            continue;
        }
        check_export(session, &own, (number, family), &all, &told)?;
        let there = session.remote;
        let remote = &speakers[there.speaker].sessions[there.session];
        let table = RouteTable::Received(remote.peer);
        let held = routes(network, &mut speakers[there.speaker], table, family);
        check_mirror(&speakers[index].sessions[number], &told, &held)?;
    }
    Ok(())
}

/// The routes of a table with one peer.
fn routes(
    network: &mut Network,
    speaker: &mut Speaker,
    table: RouteTable,
    family: Family,
) -> Routes {
    let mut routes = Routes::new();
    for (prefix, row) in speaker.routes(network, table, family) {
        let paths = row.paths.iter();
        routes.extend(paths.map(|path| ((prefix, path.path_id), Told::of(path))));
    }
    routes
}

fn check_mirror(session: &Session, told: &Routes, held: &Routes) -> Result<(), Violation> {
    for route in told.keys().chain(held.keys()) {
        let (prefix, _) = route;
        let (told, held) = (told.get(route), held.get(route));
        if told != held {
            return Err(Violation::Mirror {
                from: session.place.speaker,
                to: session.remote.speaker,
                prefix: *prefix,
                told: format!("{told:?}"),
                held: format!("{held:?}"),
            });
        }
    }
    Ok(())
}

fn check_down(session: &Session, told: &Routes, received: &Routes) -> Result<(), Violation> {
    match received.keys().chain(told.keys()).next() {
        None => Ok(()),
        Some((prefix, _)) => Err(Violation::Leftover {
            speaker: session.place.speaker,
            of: session.remote.speaker,
            prefix: *prefix,
        }),
    }
}

fn check_decision(
    own: &Own,
    loc: &BTreeMap<Prefix, RouteRow>,
    all: &BTreeMap<Prefix, Vec<Candidate>>,
) -> Result<(), Violation> {
    for prefix in loc.keys().chain(all.keys()) {
        let candidates = all.get(prefix).map_or(&[][..], |candidates| candidates);
        let best = expected::best(candidates).map(|best| match best.from {
            None => ("local".to_owned(), 0),
            Some(from) => (own.neighbours[from].name.clone(), best.id),
        });
        let selected = loc.get(prefix).and_then(selected);
        let selected = selected.map(|row| (row.from.to_string(), row.path_id));
        if best != selected {
            return Err(Violation::Decision {
                speaker: own.identity.index,
                prefix: *prefix,
                selected: format!("{selected:?}"),
                best: format!("{best:?} of {candidates:?}"),
            });
        }
    }
    Ok(())
}

fn selected(row: &RouteRow) -> Option<&PathRow> {
    row.paths.iter().find(|path| path.best)
}

fn check_export(
    session: &Session,
    own: &Own,
    (number, family): (usize, Family),
    all: &BTreeMap<Prefix, Vec<Candidate>>,
    told: &Routes,
) -> Result<(), Violation> {
    let several = session
        .agreed()
        .is_some_and(|agreed| agreed.add_path.get(family).send);
    let to = &own.neighbours[number];
    let address = session.other.address(Family::Ipv4);
    let told_of = told.keys().map(|(prefix, _)| prefix);
    for prefix in all.keys().chain(told_of) {
        let candidates = all.get(prefix).map_or(&[][..], |candidates| candidates);
        let due = expected::due(own, candidates, to, address, (*prefix, several));
        let told: Vec<&Told> = told
            .range((*prefix, 0)..=(*prefix, u32::MAX))
            .map(|(_, told)| told)
            .collect();
        // Paths may look alike and still be two.
        let count = |one: &Told, of: &[&Told]| of.iter().filter(|other| **other == one).count();
        let is_told = |one: &Told| count(one, &told) == count(one, &due.iter().collect::<Vec<_>>());
        if told.len() != due.len() || !due.iter().all(is_told) {
            return Err(Violation::Export {
                from: session.place.speaker,
                to: session.remote.speaker,
                prefix: *prefix,
                told: format!("{told:?}"),
                due: format!("{due:?}"),
            });
        }
    }
    Ok(())
}

fn check_kernel(
    speaker: &Speaker,
    all: &BTreeMap<Prefix, Vec<Candidate>>,
    family: Family,
) -> Result<(), Violation> {
    let kernel = speaker.kernel.keys();
    let kernel = kernel.filter(|prefix| prefix.family() == family);
    for prefix in all.keys().chain(kernel) {
        let candidates = all.get(prefix).map_or(&[][..], |candidates| candidates);
        let due = expected::kernel_route(candidates);
        let told = speaker.kernel.get(prefix).map(|route| &route.kind);
        if told != due.as_ref() {
            return Err(Violation::Kernel {
                speaker: speaker.identity.index,
                prefix: *prefix,
                told: format!("{told:?}"),
                due: format!("{due:?}"),
            });
        }
    }
    Ok(())
}

fn totals(network: &mut Network, speaker: &mut Speaker) -> [RibTotals; 2] {
    let Answer::Totals(totals) = speaker.ask(network, Query::Totals) else {
        unreachable!("totals were asked for");
    };
    [totals.ipv4, totals.ipv6]
}

/// At rest every reader is at the end of the log, so nothing is left in it.
fn check_log(network: &mut Network, speaker: &mut Speaker) -> Result<(), Violation> {
    for totals in totals(network, speaker) {
        if totals.log_entries > 0 {
            return Err(Violation::Log {
                speaker: speaker.identity.index,
                entries: totals.log_entries,
                prefixes: totals.prefixes,
            });
        }
    }
    Ok(())
}

/// Checks that nothing is held for routes that are gone.
pub(super) fn check_empty(
    network: &mut Network,
    speakers: &mut [Speaker],
) -> Result<(), Violation> {
    for speaker in speakers.iter_mut().filter(|speaker| speaker.alive) {
        let totals = totals(network, speaker);
        let is_empty = |totals: &RibTotals| {
            let sizes = (totals.prefixes, totals.paths, totals.attribute_sets);
            sizes == (0, 0, 0) && totals.log_entries == 0
        };
        if !totals.iter().all(is_empty) || !speaker.kernel.is_empty() {
            return Err(Violation::NotEmpty {
                speaker: speaker.identity.index,
                what: format!("{totals:?}, kernel: {:?}", speaker.kernel),
            });
        }
    }
    Ok(())
}

/// Checks that everybody has a way to what everybody originates, by the kernel's routes.
pub(super) fn check_reach(speakers: &[Speaker]) -> Result<(), Violation> {
    let mut owner = BTreeMap::new();
    for speaker in speakers {
        let addresses = Family::ALL.map(|family| speaker.identity.address(family));
        owner.extend(addresses.map(|address| (address, speaker.identity.index)));
        for source in 0..SOURCES_MAX {
            let addresses = Family::ALL.map(|f| speaker.identity.source_address(source, f));
            owner.extend(addresses.map(|address| (address, speaker.identity.index)));
        }
    }
    for origin in speakers.iter().filter(|speaker| speaker.alive) {
        for prefix in &origin.originated {
            for speaker in speakers.iter().filter(|speaker| speaker.alive) {
                follow(speakers, &owner, (speaker, origin), *prefix)?;
            }
        }
    }
    Ok(())
}

/// Sends a packet from one speaker until some speaker keeps it.
fn follow(
    speakers: &[Speaker],
    owner: &BTreeMap<std::net::IpAddr, usize>,
    (from, origin): (&Speaker, &Speaker),
    prefix: Prefix,
) -> Result<(), Violation> {
    let mut way = vec![from.identity.index];
    loop {
        let at = *way.last().expect("it begins somewhere");
        let next = match speakers[at].kernel.get(&prefix).map(|route| &route.kind) {
            Some(FibRouteKind::Blackhole | FibRouteKind::Unreachable) => return Ok(()),
            Some(FibRouteKind::Unicast(next_hops)) => next_hops[0],
            None => {
                return Err(Violation::Unheard {
                    speaker: at,
                    prefix,
                    of: origin.identity.index,
                });
            }
        };
        let next = owner[&next];
        if next == at {
            // A source of the speaker itself.
            return Ok(());
        }
        way.push(next);
        if way.len() > speakers.len() + 1 {
            return Err(Violation::Loop { prefix, way });
        }
    }
}

/// What every speaker has told every peer.
pub(super) fn told(network: &mut Network, speakers: &mut [Speaker]) -> Vec<String> {
    let mut lines = Vec::new();
    for speaker in speakers.iter_mut().filter(|speaker| speaker.alive) {
        let from = speaker.identity.index;
        for number in 0..speaker.sessions.len() {
            let session = &speaker.sessions[number];
            let (to, peer) = (session.remote.speaker, session.peer);
            for family in Family::ALL {
                let table = RouteTable::Advertised(peer);
                let routes = routes(network, speaker, table, family);
                let line = |((prefix, _), told): (&(Prefix, u32), &Told)| {
                    format!("{from} to {to} {prefix} {told:?}")
                };
                let start = lines.len();
                lines.extend(routes.iter().map(line));
                // Identifiers are not what is compared, nor the order that they give.
                lines[start..].sort_unstable();
            }
        }
    }
    lines
}

/// Sources that a speaker may have.
const SOURCES_MAX: usize = 4;
