//! The invariants, checked when nothing moves.

use std::collections::BTreeMap;

use super::expected::{Candidate, Told, all_best, export};
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
            let best = all_best(speakers, speaker, &own.received, family);
            check_decision(speaker, own, &best)?;
            check_kernel(speaker, own, family)?;
            for (index, session) in speaker.sessions.iter().enumerate() {
                let there = session.remote;
                let theirs = &tables[there.speaker].get(family).received[there.session];
                match session.terms().map(|terms| *terms.families.get(family)) {
                    Some(true) => {
                        check_mirror(session, &own.advertised[index], theirs)?;
                        check_export(speakers, session, family, &best, &own.advertised[index])?;
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
    received: Vec<BTreeMap<Prefix, Told>>,
    advertised: Vec<BTreeMap<Prefix, Told>>,
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
            rows.into_iter()
                .map(|(prefix, row)| {
                    assert_eq!(row.paths.len(), 1, "without ADD-PATH there is one path");
                    (prefix, Told::of(&row.paths[0]))
                })
                .collect()
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

fn check_mirror(
    session: &Session,
    told: &BTreeMap<Prefix, Told>,
    held: &BTreeMap<Prefix, Told>,
) -> Result<(), Violation> {
    for prefix in told.keys().chain(held.keys()) {
        let (told, held) = (told.get(prefix), held.get(prefix));
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
        Some(prefix) => Err(Violation::Leftover {
            speaker: session.place.speaker,
            of: session.remote.speaker,
            prefix: *prefix,
        }),
    }
}

fn check_decision(
    speaker: &Speaker,
    own: &Tables,
    best: &BTreeMap<Prefix, Candidate<'_>>,
) -> Result<(), Violation> {
    for prefix in own.loc.keys().chain(best.keys()) {
        let best = best.get(prefix);
        let wanted = best.map(|candidate| match candidate {
            Candidate::Own => "local".to_owned(),
            Candidate::Learned(session, _) => format!("to {}", session.remote.speaker),
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
        Some(Candidate::Learned(session, _)) => format!("to {}", session.remote.speaker),
    };
    let received: Vec<_> = own
        .received
        .iter()
        .map(|table| table.get(&prefix))
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
    best: &BTreeMap<Prefix, Candidate<'_>>,
    told: &BTreeMap<Prefix, Told>,
) -> Result<(), Violation> {
    let speaker = &speakers[to.place.speaker];
    for prefix in best.keys().chain(told.keys()) {
        let due = best
            .get(prefix)
            .and_then(|candidate| export(speakers, speaker, candidate, to, family));
        if due.as_ref() != told.get(prefix) {
            return Err(Violation::Export {
                from: speaker.identity.index,
                to: to.remote.speaker,
                prefix: *prefix,
                told: format!("{:?}", told.get(prefix)),
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
