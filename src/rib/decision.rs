//! The decision process: RFC 4271 §9.1.2.2, RFC 4456 §9, RFC 7311 §4.1 and RFC 9494 §4.4, in the order
//! of spec/calico.md §3.9; [`DecisionStep`] names every step and the section that it comes from.
//!
//! Each step strikes the candidates that lose it, so the outcome depends on the set of paths only,
//! never on the order in which they arrived; MED, which compares only within one neighbouring AS, is
//! therefore deterministic. What is left before the router ids are compared is equally good and may
//! share the load.
//!
//! [`judge`] takes the very same steps as [`select`], and looks on.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use smallvec::SmallVec;

use super::nexthop::NextHops;
use super::path::{Path, Usability};
use super::peers::Peers;
use crate::net::{Asn, PathId, PeerId, RouterId};
use crate::policy::{LOCAL_PREF_DEFAULT, SelectionRules};
use crate::wire::{Community, Origin};

mod against;
mod judge;
mod step;

pub(crate) use against::Against;
pub(crate) use judge::{Comparison, Outcome, judge};
pub use step::DecisionStep;

/// What the steps compare of one path.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Where the path stands in its destination.
    pub(crate) index: usize,
    preference: u32,
    local: bool,
    reachable: bool,
    long_lived_stale: bool,
    local_pref: u32,
    aigp: Option<u64>,
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
    /// Tells AS paths apart where only equal ones may share the load, else zero.
    as_path: u64,
}

/// Candidates of one destination.
pub(crate) type Candidates = SmallVec<[Candidate; 4]>;

impl Candidate {
    /// Gathers what is compared of a path that can be selected.
    pub(crate) fn of(index: usize, path: &Path, peers: &Peers, next_hops: &NextHops) -> Self {
        let attributes = path.attributes();
        let facts = peers.facts(path.source());
        let metric = next_hops.resolve(attributes.next_hop.address()).metric;
        // AIGP is for use inside an AS (RFC 7311 §3.2), and counts from the next hop on.
        let aigp = match attributes.rare.aigp.is_empty() || facts.external {
            true => None,
            false => attributes.aigp_metric(),
        };
        Self {
            index,
            preference: path.preference(),
            local: path.source().is_local(),
            reachable: path.usability() == Usability::Usable,
            long_lived_stale: attributes.has_community(Community::LLGR_STALE),
            local_pref: attributes.local_pref.unwrap_or(LOCAL_PREF_DEFAULT),
            aigp: aigp.map(|aigp| aigp.saturating_add(metric.into())),
            as_path_length: attributes.as_path.hop_count(),
            origin: attributes.origin,
            // A missing MED is the best one (RFC 4271 §9.1.2.2 c).
            med: attributes.med.unwrap_or(0),
            neighbour: attributes.as_path.neighbour(),
            external: facts.external,
            metric,
            router_id: attributes.rare.originator_id.unwrap_or(facts.router_id),
            cluster_list_length: attributes.rare.cluster_list.len(),
            address: facts.address,
            path: (facts.peer, path.path_id()),
            as_path: 0,
        }
    }

    /// The same, with what tells AS paths apart where the rules ask for it.
    pub(crate) fn under(mut self, rules: &SelectionRules, path: &Path) -> Self {
        if rules.multipath_same_as_path {
            // Its keys are fixed, so that equal input gives equal output (invariant 1).
            let mut hasher = DefaultHasher::new();
            path.attributes().as_path.hash(&mut hasher);
            self.as_path = hasher.finish();
        }
        self
    }
}

/// Runs the steps. What is left is the best candidate first, then those that share its load by
/// ascending peer and path id.
pub(crate) fn select(candidates: &mut Candidates, rules: &SelectionRules) {
    if candidates.len() < 2 {
        return;
    }
    eliminate(candidates, rules, &mut Unwatched);
    share(candidates, rules);
}

/// The places of the first `count` candidates, best first: each is what the steps leave once those
/// before it are out of the way.
pub(crate) fn rank(
    mut candidates: Candidates,
    count: usize,
    rules: &SelectionRules,
) -> SmallVec<[usize; 8]> {
    let mut order = SmallVec::new();
    while order.len() < count && candidates.len() > 1 {
        let mut left = candidates.clone();
        eliminate(&mut left, rules, &mut Unwatched);
        let best = best(&left).index;
        order.push(best);
        candidates.retain(|candidate| candidate.index != best);
    }
    if order.len() < count {
        order.extend(candidates.first().map(|last| last.index));
    }
    order
}

/// Who looks on while the steps are taken.
trait Watch {
    /// Takes one step, which `keep`s some of the candidates.
    fn step(
        &mut self,
        step: DecisionStep,
        candidates: &mut Candidates,
        keep: impl FnOnce(&mut Candidates),
    );
}

/// Nobody looks on: nothing but the steps themselves is paid for.
struct Unwatched;

impl Watch for Unwatched {
    fn step(
        &mut self,
        _: DecisionStep,
        candidates: &mut Candidates,
        keep: impl FnOnce(&mut Candidates),
    ) {
        if candidates.len() > 1 {
            keep(candidates);
        }
    }
}

/// Takes the steps that tell better from worse; what is left is equally good.
fn eliminate(candidates: &mut Candidates, rules: &SelectionRules, watch: &mut impl Watch) {
    use DecisionStep as Step;
    watch.step(Step::Preference, candidates, prefer_source);
    watch.step(Step::OwnRoute, candidates, prefer_own);
    watch.step(Step::NextHop, candidates, prefer_reachable);
    watch.step(Step::LongLivedStale, candidates, prefer_fresh);
    watch.step(Step::LocalPref, candidates, prefer_local_pref);
    watch.step(Step::Aigp, candidates, prefer_low_aigp);
    watch.step(Step::AsPathLength, candidates, prefer_short_as_path);
    watch.step(Step::Origin, candidates, prefer_origin);
    watch.step(Step::Med, candidates, |all| prefer_low_med(all, rules));
    watch.step(Step::External, candidates, prefer_external);
    watch.step(Step::Metric, candidates, prefer_low_metric);
}

/// The preference of the source (spec/calico.md §5.4).
fn prefer_source(candidates: &mut Candidates) {
    keep_least(candidates, |c| !c.preference);
}

/// An own route wins among equals.
fn prefer_own(candidates: &mut Candidates) {
    keep_least(candidates, |c| !c.local);
}

/// A next hop that leads somewhere (RFC 4271 §9.1.2.1).
fn prefer_reachable(candidates: &mut Candidates) {
    keep_least(candidates, |c| !c.reachable);
}

/// Whatever was not kept over a long absence of its announcer (RFC 9494 §4.4).
fn prefer_fresh(candidates: &mut Candidates) {
    keep_least(candidates, |c| c.long_lived_stale);
}

/// The degree of preference: LOCAL_PREF (RFC 4271 §9.1.1).
fn prefer_local_pref(candidates: &mut Candidates) {
    keep_least(candidates, |c| !c.local_pref);
}

/// The lowest sum of AIGP and the cost to the next hop; a path without AIGP loses to one that has it
/// (RFC 7311 §4.1).
fn prefer_low_aigp(candidates: &mut Candidates) {
    keep_least(candidates, |c| (c.aigp.is_none(), c.aigp));
}

/// The shortest AS path (RFC 4271 §9.1.2.2 a).
fn prefer_short_as_path(candidates: &mut Candidates) {
    keep_least(candidates, |c| c.as_path_length);
}

/// The lowest ORIGIN (RFC 4271 §9.1.2.2 b).
fn prefer_origin(candidates: &mut Candidates) {
    keep_least(candidates, |c| c.origin);
}

/// The lowest MED within each neighbouring AS, or of all (RFC 4271 §9.1.2.2 c).
fn prefer_low_med(candidates: &mut Candidates, rules: &SelectionRules) {
    let first = candidates.first().map(|c| c.neighbour);
    if rules.always_compare_med || candidates.iter().all(|c| Some(c.neighbour) == first) {
        return keep_least(candidates, |c| c.med);
    }
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

fn keep_least<K: Ord>(candidates: &mut Candidates, key: impl Fn(&Candidate) -> K) {
    let mut keys = candidates.iter().map(&key);
    let Some(mut least) = keys.next() else {
        return;
    };
    // Most steps find no difference, and then there is nothing to move.
    let mut differ = false;
    for key in keys {
        match key.cmp(&least) {
            Ordering::Equal => {}
            Ordering::Greater => differ = true,
            Ordering::Less => (least, differ) = (key, true),
        }
    }
    if differ {
        candidates.retain(|candidate| key(candidate) == least);
    }
}

/// The best of what the steps so far have left.
fn best(candidates: &Candidates) -> &Candidate {
    candidates
        .iter()
        .min_by(|a, b| tie_break(a, b).1)
        .expect("no step strikes the last candidate")
}

/// Which of two equally good candidates is better, and the step that says so: the lowest ORIGINATOR_ID
/// or BGP Identifier (RFC 4271 §9.1.2.2 f, RFC 4456 §9), the shortest CLUSTER_LIST (RFC 4456 §9), the
/// lowest peer address (RFC 4271 §9.1.2.2 g); at last the peer's and the path's number.
fn tie_break(a: &Candidate, b: &Candidate) -> (DecisionStep, Ordering) {
    for step in DecisionStep::TIE_BREAKS {
        let order = match step {
            DecisionStep::RouterId => a.router_id.cmp(&b.router_id),
            DecisionStep::ClusterListLength => a.cluster_list_length.cmp(&b.cluster_list_length),
            DecisionStep::PeerAddress => a.address.cmp(&b.address),
            _ => a.path.cmp(&b.path),
        };
        if order.is_ne() {
            return (step, order);
        }
    }
    (DecisionStep::PathNumber, Ordering::Equal)
}

/// Puts the best of equally good candidates first and leaves those that may share its load.
fn share(candidates: &mut Candidates, rules: &SelectionRules) {
    if candidates.len() < 2 {
        return;
    }
    let best = best(candidates);
    let (path, as_path) = (best.path, best.as_path);
    if rules.multipath_same_as_path {
        candidates.retain(|candidate| candidate.as_path == as_path);
    }
    candidates.sort_by_key(|candidate| (candidate.path != path, candidate.path));
    candidates.truncate(usize::from(rules.multipath_max).max(1));
}

#[cfg(test)]
mod tests;
