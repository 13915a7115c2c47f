//! Recordings of real sessions, made fit for a replay, and what a plain replay of them comes to.

use std::collections::BTreeMap;

use crate::generator::{Attributes, Key, Passage, Prefixes, digest, parts};
use crate::mrt;

/// What one recorded peer said.
pub(crate) struct Session {
    pub(crate) asn: u32,
    /// Its UPDATEs, one after the other.
    pub(crate) stream: Vec<u8>,
}

/// Reads a recording: a session for each peer, in the order of their first words; `None` where it is
/// absent.
///
/// Left out, as programs rightly differ about them: paths with an AS_SET (RFC 9774), AS 0 in a path or
/// an aggregator (RFC 7607), paths of external peers that do not begin with the peer's AS, and messages
/// of other families than IPv4.
pub(crate) fn sessions(name: &str) -> Option<Vec<Session>> {
    let recording = mrt::unpacked(name)?;
    let mut order: BTreeMap<(usize, &[u8]), usize> = BTreeMap::new();
    let mut sessions = Vec::new();
    for recorded in mrt::messages(&recording) {
        if !is_fit(&recorded) {
            continue;
        }
        let number = *order.entry(recorded.peer).or_insert_with(|| {
            sessions.push(Session {
                asn: u32::try_from(recorded.peer.0).expect("read from four octets"),
                stream: Vec::new(),
            });
            sessions.len() - 1
        });
        sessions[number].stream.extend_from_slice(recorded.octets);
    }
    Some(sessions)
}

fn is_fit(recorded: &mrt::Recorded<'_>) -> bool {
    const UPDATE: u8 = 2;
    const MP_REACH: u8 = 14;
    const MP_UNREACH: u8 = 15;
    if recorded.octets[18] != UPDATE {
        return false;
    }
    let Some(parts) = parts(recorded.octets) else {
        return false;
    };
    let bad = mrt::bad_path(recorded.octets);
    let begins_right = |path: &[u8]| {
        let first = path.get(2..6).map(|first| {
            first
                .iter()
                .fold(0, |sum, octet| sum << 8 | usize::from(*octet))
        });
        !recorded.external || first == Some(recorded.peer.0)
    };
    let fits = |(code, value): (u8, &[u8])| match code {
        MP_REACH | MP_UNREACH => false,
        2 => begins_right(value),
        7 => !value.starts_with(&[0; 4]),
        _ => true,
    };
    let says_something = !parts.withdrawn.is_empty() || !parts.announced.is_empty();
    says_something && !bad.set && !bad.zero && Attributes(parts.attributes).all(fits)
}

/// A session's routes in the end, each with its set as encoded.
pub(crate) fn replay(stream: &[u8]) -> BTreeMap<Key, &[u8]> {
    let mut table = BTreeMap::new();
    for message in crate::streams::messages(stream) {
        let Some(parts) = parts(message) else {
            continue;
        };
        for key in Prefixes(parts.withdrawn) {
            table.remove(&key);
        }
        for key in Prefixes(parts.announced) {
            table.insert(key, parts.attributes);
        }
    }
    table
}

/// What decides between paths of several external peers (RFC 4271 §9.1.2.2), in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    hops: usize,
    origin: u8,
    neighbour: u32,
    med: u32,
    /// The identifier, by which speakers here are numbered.
    speaker: usize,
    /// What a receiver sees of it.
    pub(crate) digest: u64,
}

impl Candidate {
    pub(crate) fn new(attributes: &[u8], neighbour: u32, speaker: usize) -> Self {
        let mut candidate = Self {
            hops: 0,
            origin: 0,
            neighbour,
            med: 0,
            speaker,
            digest: digest::wanted(attributes, Passage::Inwards, None),
        };
        for (code, value) in Attributes(attributes) {
            match (code, value) {
                (1, [origin]) => candidate.origin = *origin,
                (2, path) => candidate.hops = hops(path),
                (4, value) => candidate.med = number(value),
                _ => {}
            }
        }
        candidate
    }
}

fn number(octets: &[u8]) -> u32 {
    octets
        .iter()
        .fold(0, |sum, octet| sum << 8 | u32::from(*octet))
}

fn hops(mut path: &[u8]) -> usize {
    let mut hops = 0;
    while let [_, count, rest @ ..] = path {
        let count = usize::from(*count);
        hops += count;
        path = rest.get(4 * count..).unwrap_or_default();
    }
    hops
}

/// The best path; and those that a program may prefer which goes by age at the end.
pub(crate) fn best(candidates: &[Candidate]) -> (Candidate, Vec<Candidate>) {
    let shortest = candidates.iter().map(|path| (path.hops, path.origin)).min();
    let tied: Vec<Candidate> = candidates
        .iter()
        .filter(|path| Some((path.hops, path.origin)) == shortest)
        // MED is compared between paths of one neighbouring AS only.
        .filter(|path| {
            let mut rivals = candidates.iter();
            !rivals.any(|rival| {
                rival.neighbour == path.neighbour
                    && Some((rival.hops, rival.origin)) == shortest
                    && rival.med < path.med
            })
        })
        .copied()
        .collect();
    let best = tied.iter().min_by_key(|path| path.speaker);
    (*best.expect("there is a candidate"), tied)
}
