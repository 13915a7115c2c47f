//! The way out: what a group is told of a path.

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;

use super::adj_rib_out::{Advertised, AdvertisedPaths, ONLY_PATH};
use super::decision::{Candidate, Candidates, rank};
use super::import::source_of;
use super::intern::Interner;
use super::nexthop::NextHops;
use super::path::{Path, Usability};
use super::path_ids::PathIds;
use super::peers::{Peer, PeerSlot, Peers};
use super::shared::Shared;
use super::table::{DestId, Destination};
use super::update_group::GroupKey;
use super::withheld::Withheld;
use crate::net::{AddressFamily, Family, Prefix};
use crate::policy::{
    LOCAL_PREF_DEFAULT, NextHopMode, OtcVerdict, RouteContext, RouteSource, SelectionRules, Verdict,
};
use crate::wire::attribute::code;
use crate::wire::{Community, NextHop, PathAttributes, RareAttributes, RareList};

/// Export of paths to one group during one turn.
///
/// All but the policy depends on the attributes and the source only, and is done once for each pair;
/// the pointers in the cache stay valid because nothing is swept during a turn.
pub(crate) struct Exporter<'a> {
    key: &'a GroupKey,
    family: Family,
    peers: &'a Peers,
    next_hops: &'a NextHops,
    rules: &'a SelectionRules,
    interner: &'a mut Interner,
    looks_at_prefix: bool,
    prepared: Vec<Prepared>,
    /// Where the attributes of a source are in `prepared`.
    index: HashMap<(usize, PeerSlot), usize>,
    /// The same of the last path: neighbours in the log mostly share attributes.
    last: Option<((usize, PeerSlot), usize)>,
}

/// A path on its way out.
enum Prepared {
    /// As it is sent; `None` where it is not told.
    Settled(Option<Arc<PathAttributes>>),
    /// The policy has to look at each prefix.
    Open {
        source: RouteSource,
        /// As the export policy sees it.
        seen: PathAttributes,
        /// As it is sent where the policy changes nothing.
        sent: Arc<PathAttributes>,
    },
}

impl<'a> Exporter<'a> {
    pub(crate) fn new(key: &'a GroupKey, family: Family, shared: &'a mut Shared) -> Self {
        Self {
            key,
            family,
            peers: &shared.peers,
            next_hops: &shared.next_hops,
            rules: &shared.options.selection,
            interner: &mut shared.interner,
            looks_at_prefix: key.export.looks_at_prefix(),
            prepared: Vec::new(),
            index: HashMap::new(),
            last: None,
        }
    }

    /// What the group is told of a destination, best first.
    pub(crate) fn paths<A: AddressFamily>(
        &mut self,
        dest: DestId,
        destination: &Destination<A>,
        ids: &PathIds,
    ) -> AdvertisedPaths {
        let prefix = destination.prefix.into();
        let Some(best) = destination.best() else {
            return AdvertisedPaths::new();
        };
        let mut told = AdvertisedPaths::new();
        let best = self.advertised(prefix, best);
        if !self.key.encode.add_path {
            told.extend(best);
            return told;
        }
        told.extend(best.map(|path| Advertised {
            path_id: ids.id_of(dest, &destination.paths[0]),
            ..path
        }));
        let (candidates, others) = self.others(prefix, destination);
        for index in rank(
            candidates,
            usize::from(self.key.paths_max) - told.len(),
            self.rules,
        ) {
            let path = others.iter().find(|(other, _)| *other == index);
            told.extend(path.map(|(_, path)| Advertised {
                path_id: ids.id_of(dest, &destination.paths[index]),
                ..path.clone()
            }));
        }
        told
    }

    /// The paths besides the best that could be told, in no order. One whose next hop is unreachable
    /// helps nobody unless there is nothing better.
    fn others<A: AddressFamily>(
        &mut self,
        prefix: Prefix,
        destination: &Destination<A>,
    ) -> (Candidates, Vec<(usize, Advertised)>) {
        let (mut candidates, mut others) = (Candidates::new(), Vec::new());
        for (index, path) in destination.paths.iter().enumerate().skip(1) {
            if path.refusal().is_some() || path.usability() != Usability::Usable {
                continue;
            }
            if let Some(advertised) = self.advertised(prefix, path) {
                candidates.push(Candidate::of(index, path, self.peers, self.next_hops));
                others.push((index, advertised));
            }
        }
        (candidates, others)
    }

    fn advertised(&mut self, prefix: Prefix, path: &Path) -> Option<Advertised> {
        Some(Advertised {
            path_id: ONLY_PATH,
            attributes: self.export(prefix, path)?,
            source: self.peers.facts(path.source()).peer,
        })
    }

    /// The attributes to send for a path; `None` where the group is not told of it.
    pub(crate) fn export(&mut self, prefix: Prefix, path: &Path) -> Option<Arc<PathAttributes>> {
        let key = (Arc::as_ptr(path.attributes()) as usize, path.source());
        let at = match self.last {
            Some((last, at)) if last == key => at,
            Some(_) | None => match self.index.get(&key) {
                Some(at) => *at,
                None => {
                    let prepared = self.prepare(prefix, path);
                    self.prepared.push(prepared);
                    self.index.insert(key, self.prepared.len() - 1);
                    self.prepared.len() - 1
                }
            },
        };
        self.last = Some((key, at));
        match &self.prepared[at] {
            Prepared::Settled(sent) => sent.clone(),
            Prepared::Open { source, seen, sent } => {
                match self.key.policy_on(prefix, seen, *source) {
                    Verdict::Reject { .. } => None,
                    Verdict::Accept {
                        attributes: None, ..
                    } => Some(Arc::clone(sent)),
                    Verdict::Accept {
                        attributes: Some(edited),
                        ..
                    } => self.finished(*edited),
                }
            }
        }
    }

    /// What is the same for all prefixes; `prefix` is any of them.
    fn prepare(&mut self, prefix: Prefix, path: &Path) -> Prepared {
        let peer = (!path.source().is_local()).then(|| self.peers.get(path.source()));
        let attributes = path.attributes();
        if self.key.barred_by(peer, attributes).is_some() {
            return Prepared::Settled(None);
        }
        let source = peer.map_or(RouteSource::Static, |peer| source_of(peer.setup.external));
        let seen = self.key.before_policy(peer, attributes);
        // Whatever the policy says.
        if self.key.next_hop(self.family, seen.next_hop).is_none() {
            return Prepared::Settled(None);
        }
        if self.looks_at_prefix {
            return match self.finished(seen.clone()) {
                Some(sent) => Prepared::Open { source, seen, sent },
                None => Prepared::Settled(None),
            };
        }
        Prepared::Settled(match self.key.policy_on(prefix, &seen, source) {
            Verdict::Reject { .. } => None,
            Verdict::Accept { attributes, .. } => {
                self.finished(attributes.map_or(seen, |edited| *edited))
            }
        })
    }

    fn finished(&mut self, attributes: PathAttributes) -> Option<Arc<PathAttributes>> {
        let attributes = self.key.finish(self.family, attributes)?;
        Some(self.interner.intern(Arc::new(attributes)))
    }
}

impl GroupKey {
    fn policy_on(&self, prefix: Prefix, seen: &PathAttributes, source: RouteSource) -> Verdict {
        self.export.apply(&RouteContext {
            prefix,
            attributes: seen,
            source,
        })
    }

    /// Why the protocol keeps the group from being told of a path at all, if it does.
    pub(super) fn barred_by(
        &self,
        source: Option<&Peer>,
        attributes: &PathAttributes,
    ) -> Option<Withheld> {
        let has = |community| attributes.has_community(community);
        if has(Community::NO_ADVERTISE) {
            return Some(Withheld::NoAdvertise);
        }
        if self.external && has(Community::NO_EXPORT) {
            return Some(Withheld::NoExport);
        }
        if self.external && has(Community::NO_EXPORT_SUBCONFED) {
            return Some(Withheld::NoExportSubconfed);
        }
        let verdict = self
            .role
            .map(|role| OtcVerdict::on_export(role, self.local_as, attributes.rare.otc));
        if verdict == Some(OtcVerdict::Leak) {
            return Some(Withheld::RouteLeak);
        }
        if !self.reflects(source) {
            return None;
        }
        // RFC 4456 §6: from a client to all, from a non-client to clients; and never into a cluster
        // that the route has been in.
        let from_client = source.is_some_and(|peer| peer.setup.reflector_client.is_some());
        if !from_client && self.client.is_none() {
            return Some(Withheld::NotReflected);
        }
        self.client
            .is_some_and(|cluster| attributes.rare.cluster_list.contains(&cluster))
            .then_some(Withheld::ClusterListed)
    }

    /// Whether a path would go from iBGP to iBGP.
    fn reflects(&self, source: Option<&Peer>) -> bool {
        !self.external && source.is_some_and(|peer| !peer.setup.external)
    }

    /// The attributes as the export policy sees them: the AS path already prepended towards eBGP,
    /// and what RFC 4456 §8 asks of a reflector.
    pub(super) fn before_policy(
        &self,
        source: Option<&Peer>,
        attributes: &PathAttributes,
    ) -> PathAttributes {
        let mut seen = attributes.clone();
        if self.external {
            seen.as_path = seen.as_path.prepend(self.local_as);
        }
        if let Some(peer) = source.filter(|_| self.reflects(source)) {
            let cluster = self.client.or(peer.setup.reflector_client);
            seen.rare.edit(|rare| {
                rare.originator_id.get_or_insert(peer.router_id);
                let listed = cluster.into_iter().chain(rare.cluster_list.iter().copied());
                rare.cluster_list = listed.collect();
            });
        }
        seen
    }

    /// The attributes as they are sent; `None` where the next hop cannot be set.
    pub(super) fn finish(
        &self,
        family: Family,
        mut attributes: PathAttributes,
    ) -> Option<PathAttributes> {
        let received = attributes.next_hop.address();
        attributes.next_hop = self.next_hop(family, attributes.next_hop)?;
        // AIGP is enabled inside the AS only, and who sets another next hop has to add the distance to
        // the old one (RFC 7311 §3.3, §3.4.2), which nobody here knows.
        if self.external || attributes.next_hop.address() != received {
            attributes.rare.edit(|rare| rare.aigp = RareList::EMPTY);
        }
        if self.external {
            attributes.local_pref = None;
            // RFC 4271 §5.1.4: the MED of one neighbouring AS is not told to another. A receiver
            // takes the missing MED for zero, which is what BIRD sends here.
            attributes.med = None;
            attributes.rare.edit(|rare| self.keep_outside(rare));
            if attributes.rare.extended_communities.is_empty() {
                attributes.partial.remove(code::EXTENDED_COMMUNITIES);
            }
            if attributes.rare.ipv6_extended_communities.is_empty() {
                attributes.partial.remove(code::IPV6_EXTENDED_COMMUNITIES);
            }
        } else {
            attributes.local_pref.get_or_insert(LOCAL_PREF_DEFAULT);
        }
        Some(attributes)
    }

    /// Leaves what another AS is to see.
    fn keep_outside(&self, rare: &mut RareAttributes) {
        rare.originator_id = None;
        rare.cluster_list = Vec::new();
        keep_transitive(&mut rare.extended_communities);
        keep_transitive(&mut rare.ipv6_extended_communities);
        if let Some(role) = self.role
            && let OtcVerdict::Set(asn) = OtcVerdict::on_export(role, self.local_as, rare.otc)
        {
            rare.otc = Some(asn);
        }
    }

    /// Whether a next hop means nothing to the group: a link-local address leads somewhere on the link
    /// that it was heard on, and others come by way of this side (RFC 2545 §3).
    fn is_out_of_reach(&self, next_hop: IpAddr) -> bool {
        self.next_hop_mode != NextHopMode::Keep && is_link_local(next_hop)
    }

    fn next_hop(&self, family: Family, current: NextHop) -> Option<NextHop> {
        let own = match self.next_hop_mode {
            NextHopMode::Auto => self.external,
            NextHopMode::Own => true,
            NextHopMode::Keep => false,
        };
        let extended = self.encode.extended_next_hop && family == Family::Ipv4;
        let fits = |address: &IpAddr| Family::of(*address) == family || extended;
        let address = match current.address().filter(|_| !own) {
            Some(address) if fits(&address) && !self.is_out_of_reach(address) => address,
            // A peer that cannot take an IPv6 next hop for IPv4 comes by way of this side (RFC 8950
            // §4), unless that is ruled out.
            Some(_) if self.next_hop_mode == NextHopMode::Keep => return None,
            Some(_) | None => self.own_next_hop.filter(fits)?,
        };
        // The link-local half of a received next hop means nothing beyond its link (RFC 2545 §3).
        Some(NextHop::from(address))
    }
}

/// Whether an address means something on one link only (RFC 4291 §2.5.6).
pub(crate) const fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Leaves out what must not cross the border of an AS: bit 0x40 of the type says so (RFC 4360 §3).
fn keep_transitive<const N: usize>(communities: &mut RareList<[u8; N]>) {
    let stays = |community: &[u8; N]| community.first().is_some_and(|kind| kind & 0x40 == 0);
    if !communities.iter().all(stays) {
        *communities = communities.iter().copied().filter(stays).collect();
    }
}

#[cfg(any(test, fuzzing))]
pub(super) mod fuzzing;
#[cfg(test)]
mod tests;
