//! What a speaker has to select and to tell, worked out the slow and plain way.
//!
//! Nothing here is shared with the rooms that are checked: the decision is a comparison of pairs, the
//! export rules are a list of cases, and both start from what the peers have announced.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::session::Session;
use super::speaker::{Identity, Speaker};
use crate::net::{Asn, Family, Prefix};
use crate::rib::PathRow;
use crate::wire::Origin;

/// The attributes of a route as they travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    next_hop: Option<IpAddr>,
    origin: Origin,
    as_path: Vec<Asn>,
    local_pref: Option<u32>,
    originator_id: Option<String>,
    cluster_list: Vec<String>,
}

/// Routes of one peer in one family, by prefix and path identifier.
pub(super) type Routes = BTreeMap<(Prefix, u32), Told>;

impl Told {
    pub(super) fn of(row: &PathRow) -> Self {
        assert_eq!(row.med, None, "nobody sets MED in this world");
        Self {
            next_hop: row.next_hop,
            origin: row.origin,
            as_path: row.as_path_numbers.clone(),
            local_pref: row.local_pref,
            originator_id: row.originator_id.clone(),
            cluster_list: row.cluster_list.clone(),
        }
    }
}

/// A path that can be selected: an own route, or what the peer of a session has announced.
#[derive(Clone, Copy, Debug)]
pub(super) enum Candidate<'a> {
    Own,
    Learned(&'a Session, u32, &'a Told),
}

/// The candidates for every prefix, the best first.
pub(super) fn all_ranked<'a>(
    speakers: &[Speaker],
    speaker: &'a Speaker,
    received: &'a [Routes],
    family: Family,
) -> BTreeMap<Prefix, Vec<Candidate<'a>>> {
    let originated = speaker.originated.iter();
    let announced = received.iter().flat_map(BTreeMap::keys);
    let prefixes: BTreeSet<Prefix> = originated
        .filter(|prefix| prefix.family() == family)
        .chain(announced.map(|(prefix, _)| prefix))
        .copied()
        .collect();
    let ranked = |prefix| (prefix, ranked(speakers, speaker, received, prefix));
    prefixes.into_iter().map(ranked).collect()
}

/// The candidates for a prefix, the best first.
fn ranked<'a>(
    speakers: &[Speaker],
    speaker: &'a Speaker,
    received: &'a [Routes],
    prefix: Prefix,
) -> Vec<Candidate<'a>> {
    let mut candidates = Vec::new();
    if speaker.originated.contains(&prefix) {
        candidates.push(Candidate::Own);
    }
    for (session, table) in speaker.sessions.iter().zip(received) {
        let from = &speakers[session.remote.speaker].identity;
        for ((_, id), told) in table.range((prefix, 0)..=(prefix, u32::MAX)) {
            if is_usable(&speaker.identity, from, told) {
                candidates.push(Candidate::Learned(session, *id, told));
            }
        }
    }
    candidates.sort_by_key(|candidate| rank(speakers, speaker, candidate));
    candidates
}

/// Loops end here (RFC 4271 §9.1.2, RFC 4456 §8); a cluster's other reflector may pass on what has
/// been in the cluster (spec/calico.md §3.7).
fn is_usable(own: &Identity, from: &Identity, told: &Told) -> bool {
    let own_address = Family::ALL.map(|family| Some(own.address(family)));
    let cluster_loop = is_client(own, from)
        && own
            .cluster_id
            .is_some_and(|cluster| told.cluster_list.contains(&cluster.to_string()));
    !told.as_path.contains(&own.asn)
        && told.originator_id != Some(own.router_id.to_string())
        && !cluster_loop
        && !own_address.contains(&told.next_hop)
}

/// Whether a speaker reflects to another as its client.
fn is_client(own: &Identity, other: &Identity) -> bool {
    own.asn == other.asn && own.cluster_id.is_some() && own.cluster_id != other.cluster_id
}

/// The steps up to "external", and those after it.
type Rank = (
    (bool, i64, usize, Origin, bool),
    (u32, u32, usize, usize, u32),
);

/// RFC 4271 §9.1.2.2 and RFC 4456 §9 without MED: the lowest is the best.
fn rank(speakers: &[Speaker], speaker: &Speaker, candidate: &Candidate<'_>) -> Rank {
    match candidate {
        Candidate::Own => ((false, 0, 0, Origin::Igp, false), (0, 0, 0, 0, 0)),
        Candidate::Learned(session, id, told) => {
            let from = &speakers[session.remote.speaker].identity;
            let external = from.asn != speaker.identity.asn;
            let local_pref = told.local_pref.filter(|_| !external).unwrap_or(100);
            let originator = told.originator_id.as_ref().map_or(from.router_id.0, |id| {
                id.parse().expect("an identifier is shown as an address")
            });
            let metric = told
                .next_hop
                .map_or(0, |address| speaker.identity.metric_to(address));
            // Addresses are in the order of the speakers' numbers.
            let address = session.remote.speaker;
            let path_length = told.as_path.len();
            (
                (
                    true,
                    -i64::from(local_pref),
                    path_length,
                    told.origin,
                    !external,
                ),
                (
                    metric,
                    originator.to_bits(),
                    told.cluster_list.len(),
                    address,
                    *id,
                ),
            )
        }
    }
}

/// What a session's peer is to be told of a selected path.
pub(super) fn export(
    speakers: &[Speaker],
    speaker: &Speaker,
    candidate: &Candidate<'_>,
    to: &Session,
    family: Family,
) -> Option<Told> {
    let own = &speaker.identity;
    let target = &speakers[to.remote.speaker].identity;
    let to_external = target.asn != own.asn;
    let mut told = match candidate {
        Candidate::Own => Told {
            next_hop: Some(own.address(family)),
            origin: Origin::Igp,
            as_path: Vec::new(),
            local_pref: None,
            originator_id: None,
            cluster_list: Vec::new(),
        },
        Candidate::Learned(from, ..) if from.peer == to.peer => return None,
        Candidate::Learned(from, _, received) => {
            let source = &speakers[from.remote.speaker].identity;
            let mut told = (*received).clone();
            if source.asn == own.asn && !to_external {
                let cluster = own.cluster_id?;
                let listed =
                    is_client(own, target) && told.cluster_list.contains(&cluster.to_string());
                if listed || !(is_client(own, source) || is_client(own, target)) {
                    return None;
                }
                told.originator_id
                    .get_or_insert_with(|| source.router_id.to_string());
                told.cluster_list.insert(0, cluster.to_string());
            }
            if source.asn != own.asn {
                told.local_pref = None;
            }
            told
        }
    };
    if to_external {
        told.as_path.insert(0, own.asn);
        told.next_hop = Some(own.address(family));
        told.local_pref = None;
        told.originator_id = None;
        told.cluster_list.clear();
    } else {
        told.local_pref.get_or_insert(100);
    }
    // Nobody is sent to itself; a peer is known by the address of its session.
    if told.next_hop == Some(target.address(Family::Ipv4)) {
        return None;
    }
    Some(told)
}
