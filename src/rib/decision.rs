//! The decision process: RFC 4271 §9.1.2.2 and RFC 4456 §9, in the order of spec/calico.md §3.9.
//!
//! Each step strikes the candidates that lose it, so the outcome depends on the set of paths only,
//! never on the order in which they arrived; MED, which compares only within one neighbouring AS, is
//! therefore deterministic. What is left before the router ids are compared is equally good and may
//! share the load; unlike RFC 4271 asks of no one, equal AS paths are not required, only equal
//! lengths.

use std::net::IpAddr;

use smallvec::SmallVec;

use super::nexthop::NextHops;
use super::path::{Path, Usability};
use super::peers::Peers;
use crate::net::{Asn, PathId, PeerId, RouterId};
use crate::policy::LOCAL_PREF_DEFAULT;
use crate::wire::Origin;

/// What the steps compare of one path.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Where the path stands in its destination.
    pub(crate) index: usize,
    preference: u32,
    local: bool,
    reachable: bool,
    local_pref: u32,
    as_path_length: usize,
    origin: Origin,
    med: u32,
    neighbour: Option<Asn>,
    external: bool,
    metric: u32,
    router_id: RouterId,
    cluster_list_length: usize,
    address: IpAddr,
    path: (PeerId, PathId),
}

/// Candidates of one destination.
pub(crate) type Candidates = SmallVec<[Candidate; 4]>;

impl Candidate {
    /// Gathers what is compared of a path that can be selected.
    pub(crate) fn of(index: usize, path: &Path, peers: &Peers, next_hops: &NextHops) -> Self {
        let attributes = path.attributes();
        let facts = peers.facts(path.source());
        Self {
            index,
            preference: path.preference(),
            local: path.source().is_local(),
            reachable: path.usability() == Usability::Usable,
            local_pref: attributes.local_pref.unwrap_or(LOCAL_PREF_DEFAULT),
            as_path_length: attributes.as_path.hop_count(),
            origin: attributes.origin,
            // A missing MED is the best one (RFC 4271 §9.1.2.2 c).
            med: attributes.med.unwrap_or(0),
            neighbour: attributes.as_path.neighbour(),
            external: facts.external,
            metric: next_hops.resolve(attributes.next_hop.address()).metric,
            router_id: attributes.originator_id.unwrap_or(facts.router_id),
            cluster_list_length: attributes.cluster_list.len(),
            address: facts.address,
            path: (facts.peer, path.path_id()),
        }
    }
}

/// Runs the steps. What is left is the best candidate first, then those that share its load by
/// ascending peer and path id, at most `multipath_max` in all (at least one).
pub(crate) fn select(candidates: &mut Candidates, multipath_max: usize) {
    if candidates.len() < 2 {
        return;
    }
    prefer_source(candidates);
    prefer_reachable(candidates);
    prefer_local_pref(candidates);
    prefer_short_as_path(candidates);
    prefer_origin(candidates);
    prefer_low_med(candidates);
    prefer_external(candidates);
    prefer_low_metric(candidates);
    let best = break_tie(candidates);
    candidates.sort_by_key(|candidate| (candidate.path != best, candidate.path));
    candidates.truncate(multipath_max.max(1));
}

/// The places of the first `count` candidates, best first: each is what the steps leave once those
/// before it are out of the way.
pub(crate) fn rank(mut candidates: Candidates, count: usize) -> SmallVec<[usize; 8]> {
    let mut order = SmallVec::new();
    while order.len() < count && !candidates.is_empty() {
        let mut best = candidates.clone();
        select(&mut best, 1);
        order.extend(best.iter().map(|candidate| candidate.index));
        candidates.retain(|candidate| !order.contains(&candidate.index));
    }
    order
}

/// The preference of the source (spec/calico.md §5.4); an own route wins among equals.
fn prefer_source(candidates: &mut Candidates) {
    keep_least(candidates, |c| (!c.preference, !c.local));
}

/// A next hop that leads somewhere (RFC 4271 §9.1.2.1).
fn prefer_reachable(candidates: &mut Candidates) {
    keep_least(candidates, |c| !c.reachable);
}

/// The degree of preference: LOCAL_PREF (RFC 4271 §9.1.1).
fn prefer_local_pref(candidates: &mut Candidates) {
    keep_least(candidates, |c| !c.local_pref);
}

/// The shortest AS path (RFC 4271 §9.1.2.2 a).
fn prefer_short_as_path(candidates: &mut Candidates) {
    keep_least(candidates, |c| c.as_path_length);
}

/// The lowest ORIGIN (RFC 4271 §9.1.2.2 b).
fn prefer_origin(candidates: &mut Candidates) {
    keep_least(candidates, |c| c.origin);
}

/// The lowest MED within each neighbouring AS (RFC 4271 §9.1.2.2 c).
fn prefer_low_med(candidates: &mut Candidates) {
    let mut least: SmallVec<[(Option<Asn>, u32); 4]> =
        candidates.iter().map(|c| (c.neighbour, c.med)).collect();
    // Sorted, because a reflector has as many candidates for one prefix as it has clients.
    least.sort_unstable();
    least.dedup_by_key(|(neighbour, _)| *neighbour);
    candidates.retain(|c| least.binary_search(&(c.neighbour, c.med)).is_ok());
}

/// eBGP over iBGP (RFC 4271 §9.1.2.2 d).
fn prefer_external(candidates: &mut Candidates) {
    keep_least(candidates, |c| !c.external);
}

/// The lowest interior cost to the next hop (RFC 4271 §9.1.2.2 e).
fn prefer_low_metric(candidates: &mut Candidates) {
    keep_least(candidates, |c| c.metric);
}

/// The lowest ORIGINATOR_ID or BGP Identifier (RFC 4271 §9.1.2.2 f, RFC 4456 §9), the shortest
/// CLUSTER_LIST (RFC 4456 §9), the lowest peer address (RFC 4271 §9.1.2.2 g); at last the peer's and
/// the path's number, so that there is always one best path.
fn break_tie(candidates: &Candidates) -> (PeerId, PathId) {
    candidates
        .iter()
        .min_by_key(|c| (c.router_id, c.cluster_list_length, c.address, c.path))
        .map(|c| c.path)
        .expect("no step strikes the last candidate")
}

fn keep_least<K: Ord>(candidates: &mut Candidates, key: impl Fn(&Candidate) -> K) {
    if let Some(least) = candidates.iter().map(&key).min() {
        candidates.retain(|candidate| key(candidate) == least);
    }
}

#[cfg(test)]
mod tests;
