//! Answers to queries.

use std::sync::Arc;

use super::adj_rib_out::Advertised;
use super::decision::{Candidate, Candidates, rank};
use super::extended;
use super::loc_rib::LocRib;
use super::member::Progress;
use super::path::{Path, Usability};
use super::peers::PeerSlot;
use super::query::{
    Answer, BehindRow, GroupRow, LongestMatch, MemberState, PathRow, PeerCounts, Query, RibTotals,
    RouteRow, RouteTable, RoutesPage, RoutesQuery,
};
use super::shard::{Shard, in_family};
use super::shared::Shared;
use super::table::{DestId, Destination};
use super::update_group::Group;
use crate::net::{AddressFamily, PeerId, PerFamily, Prefix, PrefixKey};
use crate::wire::PathAttributes;

impl Shard {
    pub(super) fn answer(&self, query: &Query) -> Answer {
        match query {
            Query::Routes(query) => {
                let page = in_family!(self, query.family, page, &self.shared, query);
                Answer::Routes(page)
            }
            Query::Peers => Answer::Peers(
                self.shared
                    .peers
                    .iter()
                    .map(|(peer, slot, _)| (peer, self.counts(peer, slot)))
                    .collect(),
            ),
            Query::Totals => Answer::Totals(PerFamily {
                ipv4: self.v4.totals(&self.shared),
                ipv6: self.v6.totals(&self.shared),
            }),
            Query::Groups => {
                let mut rows = self.v4.group_rows(&self.shared);
                rows.extend(self.v6.group_rows(&self.shared));
                Answer::Groups(rows)
            }
            Query::LongestMatch { table, place } => {
                let family = place.family();
                let found = in_family!(self, family, longest_match, &self.shared, *table, *place);
                Answer::LongestMatch(found)
            }
            Query::Explain { prefix, to } => {
                let family = prefix.family();
                let told = in_family!(self, family, explain, &self.shared, *prefix, *to);
                Answer::Explain(told.map(Box::new))
            }
        }
    }

    fn counts(&self, peer: PeerId, slot: PeerSlot) -> PerFamily<PeerCounts> {
        let mut counts = PerFamily::default();
        for (family, rib) in self.shared.peers.get(slot).ribs.iter() {
            let advertised = in_family!(self, family, advertised_to, &self.shared, peer);
            *counts.get_mut(family) = PeerCounts {
                advertised,
                ..rib.counts()
            };
        }
        counts
    }
}

impl<A: AddressFamily> LocRib<A> {
    fn advertised_to(&self, shared: &Shared, peer: PeerId) -> u64 {
        self.group_of_peer(shared, peer)
            .map_or(0, |index| self.groups[index].rib.told_to(peer))
    }

    fn totals(&self, shared: &Shared) -> RibTotals {
        let stale = |slot| shared.peers.get(slot).ribs.get(A::FAMILY).counts().stale;
        RibTotals {
            prefixes: self.prefixes,
            paths: self.paths,
            stale_paths: shared.peers.iter().map(|(_, slot, _)| stale(slot)).sum(),
            attribute_sets: count(shared.interner.len()),
            log_entries: count(self.log.len()),
        }
    }

    fn group_rows(&self, shared: &Shared) -> Vec<GroupRow> {
        self.groups
            .iter()
            .map(|group| self.group_row(shared, group))
            .collect()
    }

    fn group_row(&self, shared: &Shared, group: &Group) -> GroupRow {
        let key = &group.key;
        let members = group.members.keys();
        let ahead = count(self.log.count_after(group.head));
        let behind = group.members.iter().filter_map(|(peer, member)| {
            let (state, after) = match &member.progress {
                Progress::Dumping { after, .. } => (MemberState::Dumping, *after),
                Progress::CatchingUp { after, .. } => (MemberState::CatchingUp, *after),
                Progress::Live => return None,
            };
            Some(BehindRow {
                name: name_of(shared, *peer),
                state,
                changes: count(self.log.count_after(after)).saturating_sub(ahead),
            })
        });
        GroupRow {
            group: group.id.0,
            family: A::FAMILY,
            members: members.map(|peer| name_of(shared, *peer)).collect(),
            lagging: count(group.lagging()),
            behind: behind.collect(),
            prefixes: group.rib.len(),
            pending: ahead,
            backlog_bytes: None,
            external: key.external,
            client: key.client,
            local_as: key.local_as,
            next_hop_mode: key.next_hop_mode,
            own_next_hop: key.own_next_hop,
            role: key.role,
            add_path: key.encode.add_path.then_some(key.paths_max),
            policy: Arc::clone(&key.export.name),
            four_octet_as: key.encode.four_octet_as,
            extended_message: key.encode.extended_message,
            extended_next_hop: key.encode.extended_next_hop,
            counts: group.counts,
        }
    }

    fn page(&self, shared: &Shared, query: &RoutesQuery) -> RoutesPage {
        let exact = query.prefix.filter(|_| !query.longer);
        if let Some(prefix) = exact {
            let dest = A::Prefix::from_prefix(prefix).and_then(|prefix| self.table.find(prefix));
            let row = dest.and_then(|dest| self.row(shared, query.table, dest));
            return RoutesPage {
                rows: row.into_iter().collect(),
                next: None,
            };
        }
        let mut rows = Vec::new();
        let mut next = DestId(u32::try_from(query.start).unwrap_or(u32::MAX));
        for _ in 0..query.limit.clamp(1, PAGE_DESTINATIONS_MAX) {
            let dest = match query.table {
                RouteTable::Received(peer) => shared
                    .peers
                    .by_id(peer)
                    .and_then(|peer| peer.ribs.get(A::FAMILY).dests.next_from(next)),
                RouteTable::Loc | RouteTable::Advertised(_) => {
                    Some(next).filter(|next| *next < self.table.end())
                }
            };
            let Some(dest) = dest else {
                return RoutesPage { rows, next: None };
            };
            next = dest.next();
            let inside = |row: &RouteRow| query.prefix.is_none_or(|p| p.contains(&row.prefix));
            rows.extend(self.row(shared, query.table, dest).filter(inside));
        }
        RoutesPage {
            rows,
            next: Some(next.0.into()),
        }
    }

    /// The most specific prefix of a table that contains a place; one look-up a length.
    fn longest_match(
        &self,
        shared: &Shared,
        table: RouteTable,
        place: Prefix,
    ) -> Option<LongestMatch> {
        let of_length = |length| {
            let prefix = Prefix::new(place.address(), length).ok()?;
            let dest = self.table.find(A::Prefix::from_prefix(prefix)?)?;
            let used = self.is_in(shared, table, dest)?;
            Some(LongestMatch { used, prefix })
        };
        let lengths = (0..=place.length()).rev();
        lengths.filter_map(of_length).max_by_key(LongestMatch::rank)
    }

    /// Whether a table has a destination, and whether a path of it is in use.
    fn is_in(&self, shared: &Shared, table: RouteTable, dest: DestId) -> Option<bool> {
        let destination = self.table.live(dest)?;
        let found = match table {
            RouteTable::Loc => {
                let used = destination.selected > 0;
                return (!destination.paths.is_empty()).then_some(used);
            }
            RouteTable::Received(peer) => {
                let slot = shared.peers.slot(peer)?;
                destination.paths.iter().any(|path| path.source() == slot)
            }
            RouteTable::Advertised(peer) => {
                let group = &self.groups[self.group_of_peer(shared, peer)?];
                !group.told_to(dest, peer).is_empty()
            }
        };
        found.then_some(true)
    }

    fn row(&self, shared: &Shared, table: RouteTable, dest: DestId) -> Option<RouteRow> {
        let destination = self.table.live(dest)?;
        let paths = match table {
            RouteTable::Loc => ranked(destination, shared)
                .into_iter()
                .map(|index| loc_row::<A>(shared, destination, index))
                .collect(),
            RouteTable::Received(peer) => {
                let slot = shared.peers.slot(peer)?;
                let paths = destination.paths.iter().enumerate();
                paths
                    .filter(|(_, path)| path.source() == slot)
                    .map(|(index, path)| PathRow {
                        ..described(loc_row::<A>(shared, destination, index), path.received())
                    })
                    .collect()
            }
            RouteTable::Advertised(peer) => {
                let group = &self.groups[self.group_of_peer(shared, peer)?];
                let told = group.told_to(dest, peer);
                let rows = told.iter().enumerate();
                rows.map(|(rank, told)| PathRow {
                    best: rank == 0,
                    ..advertised_row(shared, destination, told)
                })
                .collect()
            }
        };
        let prefix: Prefix = destination.prefix.into();
        Some(RouteRow { prefix, paths }).filter(|row: &RouteRow| !row.paths.is_empty())
    }
}

/// The indices of a destination's paths, best first.
pub(super) fn ranked<A: AddressFamily>(
    destination: &Destination<A>,
    shared: &Shared,
) -> Vec<usize> {
    let selected = usize::from(destination.selected);
    let mut order: Vec<usize> = (0..selected).collect();
    let (mut rest, mut unusable) = (Candidates::new(), Vec::new());
    for (index, path) in destination.paths.iter().enumerate().skip(selected) {
        if path.refusal().is_none() && path.usability() != Usability::Waiting {
            rest.push(Candidate::of(index, path, &shared.peers, &shared.next_hops));
        } else {
            unusable.push(index);
        }
    }
    order.extend(rank(rest, usize::MAX, &shared.options.selection));
    order.extend(unusable);
    order
}

pub(super) fn loc_row<A: AddressFamily>(
    shared: &Shared,
    destination: &Destination<A>,
    index: usize,
) -> PathRow {
    let path = &destination.paths[index];
    let selected = usize::from(destination.selected);
    let reason = reason(path);
    let stale = |slot| shared.peers.get(slot).ribs.get(A::FAMILY).epoch() != path.epoch();
    let row = PathRow {
        best: index == 0 && selected > 0,
        multipath: index < selected && selected > 1,
        usable: reason.is_none(),
        reason: reason.map(str::to_owned),
        stale: !path.source().is_local() && stale(path.source()),
        preference: path.preference(),
        path_id: path.path_id().0,
        ..blank(source_name(shared, path.source()))
    };
    described(row, path.attributes())
}

pub(super) fn advertised_row<A: AddressFamily>(
    shared: &Shared,
    destination: &Destination<A>,
    told: &Advertised,
) -> PathRow {
    let row = PathRow {
        usable: true,
        preference: destination.best().map_or(0, Path::preference),
        path_id: told.path_id.0,
        ..blank(name_of(shared, told.source))
    };
    described(row, &told.attributes)
}

/// A row that says nothing yet of its path.
fn blank(from: Arc<str>) -> PathRow {
    PathRow {
        from,
        best: false,
        multipath: false,
        usable: false,
        reason: None,
        stale: false,
        next_hop: None,
        origin: crate::wire::Origin::Igp,
        as_path: String::new(),
        as_path_numbers: Vec::new(),
        med: None,
        local_pref: None,
        communities: Vec::new(),
        extended_communities: Vec::new(),
        originator_id: None,
        cluster_list: Vec::new(),
        preference: 0,
        path_id: 0,
    }
}

/// The row with what attributes say.
fn described(row: PathRow, attributes: &PathAttributes) -> PathRow {
    let communities = attributes.communities.iter().map(ToString::to_string);
    let extended = attributes.rare.extended_communities.iter().copied();
    let large = attributes
        .rare
        .large_communities
        .iter()
        .map(ToString::to_string);
    PathRow {
        next_hop: attributes.next_hop.address(),
        origin: attributes.origin,
        as_path: attributes.as_path.to_string(),
        as_path_numbers: attributes.as_path.numbers().collect(),
        med: attributes.med,
        local_pref: attributes.local_pref,
        communities: communities.chain(large).collect(),
        extended_communities: extended.map(extended::text).collect(),
        originator_id: attributes.rare.originator_id.map(|id| id.to_string()),
        cluster_list: attributes
            .rare
            .cluster_list
            .iter()
            .map(ToString::to_string)
            .collect(),
        ..row
    }
}

fn reason(path: &Path) -> Option<&'static str> {
    match (path.refusal(), path.usability()) {
        (Some(refusal), _) => Some(refusal.text()),
        (None, Usability::Unreachable) => Some("next hop unreachable"),
        (None, Usability::Waiting) => Some("next hop unknown"),
        (None, Usability::Usable) => None,
    }
}

pub(super) fn source_name(shared: &Shared, slot: PeerSlot) -> Arc<str> {
    if slot.is_local() {
        return "local".into();
    }
    Arc::clone(&shared.peers.get(slot).setup.name)
}

pub(super) fn name_of(shared: &Shared, peer: PeerId) -> Arc<str> {
    if peer == PeerId::LOCAL {
        return "local".into();
    }
    shared.peers.by_id(peer).map_or_else(
        || peer.to_string().into(),
        |peer| Arc::clone(&peer.setup.name),
    )
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The most destinations looked at for one page, whatever the asker wants.
const PAGE_DESTINATIONS_MAX: u32 = 4096;
