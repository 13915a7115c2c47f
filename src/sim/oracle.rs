//! The invariants, checked when nothing moves.

use std::collections::BTreeMap;

use super::expected::{Candidate, Routes, Told, all_ranked, export};
use super::link::Network;
use super::session::Session;
use super::speaker::Speaker;
use crate::net::{Family, PerFamily, Prefix};
use crate::rib::{Answer, FibRouteKind, PathRow, Query, RibTotals, RouteRow, RouteTable};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Something still moves although all trouble is over.
    #[error("no rest: {0}")]
    Restless(String),
    /// A receiver does not hold what the sender has told it (invariant 5).
    #[error("mirror, {from} to {to}, {prefix}: told {told}, held {held}")]
    Mirror {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// The first prefix that differs.
        prefix: Prefix,
        /// The sender's Adj-RIB-Out.
        told: String,
        /// The receiver's Adj-RIB-In.
        held: String,
    },
    /// Routes of a session that is down.
    #[error("leftovers, speaker {speaker} of {of}: {prefix}")]
    Leftover {
        /// Who has them.
        speaker: usize,
        /// The other end of the session.
        of: usize,
        /// The first such prefix.
        prefix: Prefix,
    },
    /// The selected path is not the best one (invariant 6).
    #[error("decision, speaker {speaker}, {prefix}: selected {selected}, best {best}")]
    Decision {
        /// Who has selected.
        speaker: usize,
        /// The prefix.
        prefix: Prefix,
        /// What was selected.
        selected: String,
        /// What should have been.
        best: String,
    },
    /// A peer was told something else than the selected path (invariant 6).
    #[error("export, {from} to {to}, {prefix}: told {told}, due {due}")]
    Export {
        /// The sender.
        from: usize,
        /// The receiver.
        to: usize,
        /// The prefix.
        prefix: Prefix,
        /// What was told.
        told: String,
        /// What is due.
        due: String,
    },
    /// The kernel was told something else than the selected paths.
    #[error("kernel, speaker {speaker}, {prefix}: told {told}, selected {selected}")]
    Kernel {
        /// The speaker.
        speaker: usize,
        /// The prefix.
        prefix: Prefix,
        /// What the kernel holds.
        told: String,
        /// What was selected.
        selected: String,
    },
    /// The log is longer than it may be (invariant 7).
    #[error("log, speaker {speaker}: {entries} entries for {prefixes} prefixes")]
    Log {
        /// The speaker.
        speaker: usize,
        /// Entries of its log.
        entries: u64,
        /// Prefixes in its table.
        prefixes: u64,
    },
}

/// Checks everything.
pub(super) fn check(network: &mut Network, speakers: &mut [Speaker]) -> Result<(), Violation> {
    let tables: Vec<PerFamily<Tables>> = speakers
        .iter_mut()
        .map(|speaker| PerFamily {
            ipv4: Tables::of(network, speaker, Family::Ipv4),
            ipv6: Tables::of(network, speaker, Family::Ipv6),
        })
        .collect();
    for (speaker, own) in speakers.iter().zip(&tables) {
        for (family, own) in own.iter() {
            let ranked = all_ranked(speakers, speaker, &own.received, family);
            check_decision(speaker, own, &ranked)?;
            check_kernel(speaker, own, family)?;
            for (index, session) in speaker.sessions.iter().enumerate() {
                let there = session.remote;
                let theirs = &tables[there.speaker].get(family).received[there.session];
                match session.terms().map(|terms| *terms.families.get(family)) {
                    Some(true) => {
                        check_mirror(session, &own.advertised[index], theirs)?;
                        check_export(speakers, session, family, &ranked, &own.advertised[index])?;
                    }
                    Some(false) | None => check_empty(session, own, index)?,
                }
            }
        }
    }
    for speaker in speakers {
        check_log(network, speaker)?;
    }
    Ok(())
}

/// The tables of a speaker in one family, with peers by the index of their sessions.
struct Tables {
    loc: BTreeMap<Prefix, RouteRow>,
    received: Vec<Routes>,
    advertised: Vec<Routes>,
}

impl Tables {
    fn of(network: &mut Network, speaker: &mut Speaker, family: Family) -> Self {
        let peers: Vec<_> = speaker
            .sessions
            .iter()
            .map(|session| session.peer)
            .collect();
        let mut told = |table| {
            let rows = speaker.routes(network, table, family);
            let mut routes = Routes::new();
            for (prefix, row) in rows {
                let paths = row.paths.iter();
                routes.extend(paths.map(|path| ((prefix, path.path_id), Told::of(path))));
            }
            routes
        };
        Self {
            received: peers
                .iter()
                .map(|peer| told(RouteTable::Received(*peer)))
                .collect(),
            advertised: peers
                .iter()
                .map(|peer| told(RouteTable::Advertised(*peer)))
                .collect(),
            loc: speaker.routes(network, RouteTable::Loc, family),
        }
    }
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

fn check_empty(session: &Session, own: &Tables, index: usize) -> Result<(), Violation> {
    let mut left = own.received[index]
        .keys()
        .chain(own.advertised[index].keys());
    match left.next() {
        None => Ok(()),
        Some((prefix, _)) => Err(Violation::Leftover {
            speaker: session.place.speaker,
            of: session.remote.speaker,
            prefix: *prefix,
        }),
    }
}

fn check_decision(
    speaker: &Speaker,
    own: &Tables,
    ranked: &BTreeMap<Prefix, Vec<Candidate<'_>>>,
) -> Result<(), Violation> {
    for prefix in own.loc.keys().chain(ranked.keys()) {
        let best = ranked.get(prefix).and_then(|ranked| ranked.first());
        let wanted = best.map(|candidate| match candidate {
            Candidate::Own => "local".to_owned(),
            Candidate::Learned(session, ..) => format!("to {}", session.remote.speaker),
        });
        let selected = selected(own, *prefix).map(|row| row.from.to_string());
        if wanted != selected {
            return Err(Violation::Decision {
                speaker: speaker.identity.index,
                prefix: *prefix,
                selected: format!("{selected:?}"),
                best: describe(best, own, *prefix),
            });
        }
    }
    Ok(())
}

/// The best candidate, and what there was to choose from.
fn describe(best: Option<&Candidate<'_>>, own: &Tables, prefix: Prefix) -> String {
    let best = match best {
        None => "none".to_owned(),
        Some(Candidate::Own) => "own".to_owned(),
        Some(Candidate::Learned(session, ..)) => format!("to {}", session.remote.speaker),
    };
    let received: Vec<_> = own
        .received
        .iter()
        .map(|table| table.range((prefix, 0)..=(prefix, u32::MAX)))
        .map(Iterator::collect::<Vec<_>>)
        .collect();
    format!("{best} of {received:?}")
}

fn selected(own: &Tables, prefix: Prefix) -> Option<&PathRow> {
    own.loc.get(&prefix)?.paths.iter().find(|path| path.best)
}

fn check_export(
    speakers: &[Speaker],
    to: &Session,
    family: Family,
    ranked: &BTreeMap<Prefix, Vec<Candidate<'_>>>,
    told: &Routes,
) -> Result<(), Violation> {
    let speaker = &speakers[to.place.speaker];
    let several = to
        .terms()
        .is_some_and(|terms| terms.add_path.get(family).send);
    let told_of = told.keys().map(|(prefix, _)| prefix);
    for prefix in ranked.keys().chain(told_of) {
        // Where several paths are sent all are due, else the best one.
        let candidates = ranked.get(prefix).map_or(&[][..], |ranked| ranked);
        let count = if several { candidates.len() } else { 1 };
        let due: Vec<Told> = candidates
            .iter()
            .take(count)
            .filter_map(|candidate| export(speakers, speaker, candidate, to, family))
            .collect();
        let told: Vec<&Told> = told
            .range((*prefix, 0)..=(*prefix, u32::MAX))
            .map(|(_, told)| told)
            .collect();
        let is_due = |told: &&&Told| due.contains(told);
        let is_told = |due: &&Told| told.contains(due);
        let told_right = told.iter().filter(is_due).count();
        if (told_right, due.iter().filter(is_told).count()) != (told.len(), due.len())
            || told.len() != due.len()
        {
            return Err(Violation::Export {
                from: speaker.identity.index,
                to: to.remote.speaker,
                prefix: *prefix,
                told: format!("{told:?}"),
                due: format!("{due:?}"),
            });
        }
    }
    Ok(())
}

fn check_kernel(speaker: &Speaker, own: &Tables, family: Family) -> Result<(), Violation> {
    let kernel = speaker
        .kernel
        .keys()
        .filter(|prefix| prefix.family() == family);
    for prefix in own.loc.keys().chain(kernel) {
        let selected = selected(own, *prefix);
        let told = speaker.kernel.get(prefix).map(|route| &route.kind);
        let agree = match (selected, told) {
            (None, None) => true,
            (Some(path), Some(FibRouteKind::Unicast(next_hops))) => {
                path.next_hop.is_some_and(|best| next_hops.contains(&best))
            }
            (Some(path), Some(FibRouteKind::Blackhole)) => path.from.as_ref() == "local",
            (Some(_), Some(FibRouteKind::Unreachable) | None) | (None, Some(_)) => false,
        };
        if !agree {
            return Err(Violation::Kernel {
                speaker: speaker.identity.index,
                prefix: *prefix,
                told: format!("{told:?}"),
                selected: format!("{selected:?}"),
            });
        }
    }
    Ok(())
}

/// At rest every reader is at the end of the log, so hardly anything is left in it.
fn check_log(network: &mut Network, speaker: &mut Speaker) -> Result<(), Violation> {
    let Answer::Totals(totals) = speaker.ask(network, Query::Totals) else {
        unreachable!("totals were asked for");
    };
    for (_, totals) in totals.iter() {
        let RibTotals {
            prefixes,
            log_entries: entries,
            ..
        } = *totals;
        if entries > LOG_AT_REST_MAX {
            return Err(Violation::Log {
                speaker: speaker.identity.index,
                entries,
                prefixes,
            });
        }
    }
    Ok(())
}

/// What may be left in a log at rest.
const LOG_AT_REST_MAX: u64 = 0;
