//! What a speaker has to select and to tell, worked out the slow and plain way.
//!
//! Nothing here is shared with the rooms that are checked: the decision is a comparison of each path
//! with every other, the export rules are a list of cases, and both start from what the peers have
//! announced.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::filter::Filter;
use super::identity::{Costs, Identity};
use super::speaker::Speaker;
use crate::net::{Asn, Family, PeerId, Prefix};
use crate::rib::{FibRouteKind, NextHopState, PathRow};
use crate::wire::{Community, Origin};

/// The attributes of a route as they travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) next_hop: Option<IpAddr>,
    origin: Origin,
    as_path: Vec<Asn>,
    med: Option<u32>,
    local_pref: Option<u32>,
    communities: Vec<String>,
    originator_id: Option<String>,
    cluster_list: Vec<String>,
}

/// Routes of one peer in one family, by prefix and path identifier.
pub(super) type Routes = BTreeMap<(Prefix, u32), Told>;

impl Told {
    pub(super) fn of(row: &PathRow) -> Self {
        Self {
            next_hop: row.next_hop,
            origin: row.origin,
            as_path: row.as_path_numbers.clone(),
            med: row.med,
            local_pref: row.local_pref,
            communities: row.communities.clone(),
            originator_id: row.originator_id.clone(),
            cluster_list: row.cluster_list.clone(),
        }
    }

    fn has(&self, community: Community) -> bool {
        self.communities.contains(&community.to_string())
    }
}

/// What is known of a peer, be it a session or a source.
#[derive(Clone, Debug)]
pub(super) struct Neighbour {
    pub(super) peer: PeerId,
    pub(super) name: String,
    external: bool,
    /// Whether the speaker takes it for its client.
    client: bool,
    router_id: std::net::Ipv4Addr,
    address: IpAddr,
    import: Filter,
    export: Filter,
    paths_max: usize,
}

/// The speaker that selects.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) identity: Identity,
    costs: Costs,
    originated: BTreeSet<Prefix>,
    /// Sessions first, in order, then sources.
    pub(super) neighbours: Vec<Neighbour>,
}

impl Own {
    pub(super) fn of(speaker: &Speaker) -> Self {
        let own = speaker.identity;
        let sessions = speaker.sessions.iter().map(|session| {
            let other = &session.other;
            Neighbour {
                peer: session.peer,
                name: format!("to {}", other.index),
                external: other.asn != own.asn,
                client: session.terms.client,
                router_id: other.router_id.0,
                address: other.address(Family::Ipv4),
                import: session.terms.import,
                export: session.terms.export,
                paths_max: session.terms.peering.paths_max.into(),
            }
        });
        let sources = speaker.sources.iter().map(|source| Neighbour {
            peer: source.peer,
            name: source.name(),
            external: true,
            client: false,
            router_id: source.router_id.0,
            address: own.source_address(source.number, Family::Ipv4),
            import: Filter::All,
            export: Filter::All,
            paths_max: 1,
        });
        Self {
            identity: own,
            costs: speaker.costs,
            originated: speaker.originated.clone(),
            neighbours: sessions.chain(sources).collect(),
        }
    }

    fn cluster(&self) -> Option<String> {
        self.identity.cluster_id.map(|cluster| cluster.to_string())
    }
}

/// A path that can be selected: an own route, or what a neighbour has announced, as imported.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The neighbour's place; none for own routes.
    pub(super) from: Option<usize>,
    pub(super) id: u32,
    pub(super) told: Option<Told>,
    /// The steps before MED, and those after it; the lower the better.
    first: (bool, bool, i64, usize, Option<Origin>),
    last: Last,
}

/// External, cost, identifier, length of the cluster list, address, peer, path.
type Last = (bool, u32, u32, usize, Option<IpAddr>, u32, u32);

impl Candidate {
    fn own() -> Self {
        Self {
            from: None,
            id: 0,
            told: None,
            first: (false, false, 0, 0, None),
            last: (false, 0, 0, 0, None, 0, 0),
        }
    }

    fn learned(own: &Own, from: usize, id: u32, told: Told) -> Self {
        let neighbour = &own.neighbours[from];
        let (unreachable, cost) = match told.next_hop.map(|address| own.costs.to(address)) {
            Some(NextHopState::Unreachable) => (true, 0),
            Some(NextHopState::Reachable { metric }) => (false, metric),
            None => (false, 0),
        };
        let local_pref = i64::from(told.local_pref.unwrap_or(100));
        let identifier = told.originator_id.as_ref();
        let identifier = identifier.map_or(neighbour.router_id, |id| {
            id.parse().expect("an identifier is shown as an address")
        });
        Self {
            from: Some(from),
            id,
            first: (
                true,
                unreachable,
                -local_pref,
                told.as_path.len(),
                Some(told.origin),
            ),
            last: (
                !neighbour.external,
                cost,
                identifier.to_bits(),
                told.cluster_list.len(),
                Some(neighbour.address),
                neighbour.peer.0,
                id,
            ),
            told: Some(told),
        }
    }

    pub(super) const fn is_reachable(&self) -> bool {
        !self.first.1
    }

    /// Whether another path rules this one out before costs are compared (RFC 4271 §9.1.2.2 a to c).
    fn is_beaten_by(&self, other: &Self) -> bool {
        let neighbour = |of: &Self| of.told.as_ref().map(|told| told.as_path.first().copied());
        let med = |of: &Self| of.told.as_ref().and_then(|told| told.med).unwrap_or(0);
        other.first < self.first
            || other.first == self.first
                && neighbour(other) == neighbour(self)
                && med(other) < med(self)
    }
}

/// The paths of those that none beats, the best first (RFC 4271 §9.1.2.2, RFC 4456 §9).
fn unbeaten(candidates: &[Candidate]) -> Vec<&Candidate> {
    let is_unbeaten = |one: &&Candidate| !candidates.iter().any(|other| one.is_beaten_by(other));
    let mut unbeaten: Vec<_> = candidates.iter().filter(is_unbeaten).collect();
    unbeaten.sort_by_key(|candidate| candidate.last);
    unbeaten
}

/// The best of the candidates.
pub(super) fn best(candidates: &[Candidate]) -> Option<&Candidate> {
    unbeaten(candidates).first().copied()
}

/// What the kernel has to do, given all candidates.
pub(super) fn kernel_route(candidates: &[Candidate]) -> Option<FibRouteKind> {
    let unbeaten = unbeaten(candidates);
    let best = unbeaten.first()?;
    if best.from.is_none() {
        return Some(FibRouteKind::Blackhole);
    }
    if !best.is_reachable() {
        return Some(FibRouteKind::Unreachable);
    }
    // Load is shared by those that only identifiers and addresses tell apart.
    let shares = |other: &&&Candidate| (other.last.0, other.last.1) == (best.last.0, best.last.1);
    let mut sharing: Vec<_> = unbeaten.iter().filter(shares).collect();
    sharing.sort_by_key(|other| (other.last != best.last, other.last.5, other.last.6));
    let next_hops = sharing.iter().take(SHARING_MAX);
    let next_hops: BTreeSet<_> = next_hops
        .filter_map(|other| other.told.as_ref()?.next_hop)
        .collect();
    Some(FibRouteKind::Unicast(next_hops.into_iter().collect()))
}

/// The candidates for every prefix, in no order.
pub(super) fn all_candidates(
    own: &Own,
    received: &[Routes],
    family: Family,
) -> BTreeMap<Prefix, Vec<Candidate>> {
    let mut all: BTreeMap<Prefix, Vec<Candidate>> = BTreeMap::new();
    let originated = own.originated.iter();
    for prefix in originated.filter(|prefix| prefix.family() == family) {
        all.entry(*prefix).or_default().push(Candidate::own());
    }
    for (from, table) in received.iter().enumerate() {
        for ((prefix, id), told) in table {
            if let Some(told) = import(own, &own.neighbours[from], *prefix, told) {
                let candidate = Candidate::learned(own, from, *id, told);
                all.entry(*prefix).or_default().push(candidate);
            }
        }
    }
    all
}

/// What is made of a route on its way in. Loops end here (RFC 4271 §9.1.2, RFC 4456 §8); a cluster's
/// other reflector may pass on what has been in the cluster (spec/calico.md §3.7).
fn import(own: &Own, from: &Neighbour, prefix: Prefix, told: &Told) -> Option<Told> {
    let identity = &own.identity;
    let is_own = |address| Family::ALL.map(|f| identity.address(f)).contains(&address);
    let cluster = own.cluster();
    if told.as_path.contains(&identity.asn)
        || told.originator_id == Some(identity.router_id.to_string())
        || from.client && cluster.is_some_and(|cluster| told.cluster_list.contains(&cluster))
        || told.next_hop.is_some_and(is_own)
    {
        return None;
    }
    let mut told = told.clone();
    if from.external {
        told.local_pref = None;
    }
    filtered(from.import, prefix, told)
}

fn filtered(filter: Filter, prefix: Prefix, mut told: Told) -> Option<Told> {
    let low = Filter::is_low(prefix);
    match filter {
        Filter::Nothing => return None,
        Filter::Low if !low => return None,
        Filter::High if low => return None,
        Filter::All | Filter::Low | Filter::High => {}
        Filter::Prefer(value) => {
            if low {
                told.local_pref = Some(value);
            }
        }
        Filter::Tag(tag) => {
            let community = Filter::community(tag);
            if !told.has(community) {
                told.communities.push(community.to_string());
            }
        }
    }
    Some(told)
}

/// What a neighbour is to be told of a prefix, given all candidates; `several` paths, or one.
///
/// The paths are chosen for all that are told the same; then each leaves out what comes from it or
/// leads to it.
pub(super) fn due(
    own: &Own,
    candidates: &[Candidate],
    to: &Neighbour,
    to_address: IpAddr,
    (prefix, several): (Prefix, bool),
) -> Vec<Told> {
    let exported = |candidate: &Candidate| export(own, candidate, to, prefix);
    let Some(best) = best(candidates) else {
        return Vec::new();
    };
    let mut chosen = vec![best.clone()];
    chosen.retain(|best| exported(best).is_some());
    // A path that leads nowhere helps nobody where there is another.
    let is_other = |one: &&Candidate| (one.from, one.id) != (best.from, best.id);
    let helps = |one: &&Candidate| several && one.is_reachable() && exported(one).is_some();
    let others = candidates.iter().filter(is_other).filter(helps);
    let mut others: Vec<Candidate> = others.cloned().collect();
    while chosen.len() < to.paths_max
        && let Some(next) = self::best(&others).cloned()
    {
        others.retain(|one| (one.from, one.id) != (next.from, next.id));
        chosen.push(next);
    }
    let peer_of = |one: &Candidate| one.from.map(|from| own.neighbours[from].peer);
    let others = chosen.iter().filter(|one| peer_of(one) != Some(to.peer));
    let told = others.filter_map(exported);
    // Nobody is sent to itself; a peer is known by the address of its session.
    told.filter(|told| told.next_hop != Some(to_address))
        .collect()
}

/// What those that are told the same as a neighbour are told of a path.
fn export(own: &Own, candidate: &Candidate, to: &Neighbour, prefix: Prefix) -> Option<Told> {
    let identity = &own.identity;
    let mut told = match (candidate.from, &candidate.told) {
        (Some(from), Some(received)) => {
            let from = &own.neighbours[from];
            let mut told = received.clone();
            if told.has(Community::NO_ADVERTISE) || to.external && told.has(Community::NO_EXPORT) {
                return None;
            }
            if !from.external && !to.external {
                let cluster = own.cluster()?;
                let listed = to.client && told.cluster_list.contains(&cluster);
                if listed || !(from.client || to.client) {
                    return None;
                }
                told.originator_id
                    .get_or_insert_with(|| from.router_id.to_string());
                told.cluster_list.insert(0, cluster);
            }
            told
        }
        _ => Told {
            next_hop: Some(identity.address(prefix.family())),
            origin: Origin::Igp,
            as_path: Vec::new(),
            med: None,
            local_pref: None,
            communities: Vec::new(),
            originator_id: None,
            cluster_list: Vec::new(),
        },
    };
    if to.external {
        told.as_path.insert(0, identity.asn);
    }
    told = filtered(to.export, prefix, told)?;
    if to.external {
        told.next_hop = Some(identity.address(prefix.family()));
        told.local_pref = None;
        told.med = None;
        told.originator_id = None;
        told.cluster_list.clear();
    } else {
        told.local_pref.get_or_insert(100);
    }
    Some(told)
}

/// The most next hops of one route in the kernel.
const SHARING_MAX: usize = 16;
