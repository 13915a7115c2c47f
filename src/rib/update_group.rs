//! Update groups: peers that are told the same in the same bytes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use bars::Bars;
use hashbrown::HashMap;
use rekey::Reexport;
use smallvec::SmallVec;

use super::adj_rib_out::{AdjRibOut, Advertised, AdvertisedPaths, ONLY_PATH};
use super::change_log::ChangeLog;
use super::chunk::{Barred, Batch};
use super::command::{Chunk, GroupId, PeerSetup, SessionTerms, Version};
use super::export::{Exporter, is_link_local};
use super::group_counts::GroupCounts;
use super::member::Member;
use super::path::Path;
use super::path_ids::PathIds;
use super::shared::Shared;
use super::shared_dump::Dumps;
use super::table::{DestId, Destination, Table};
use crate::net::{AddressFamily, Asn, ClusterId, Family, PathId, PeerId, Role};
use crate::policy::{NextHopMode, Policy};
use crate::wire::{EncodeContext, Nlri};

mod bars;
mod rekey;

/// All that decides what a peer is told and in which bytes; equal keys share a group.
#[derive(Clone, Debug)]
pub(crate) struct GroupKey {
    /// Whether the members are in other ASes.
    pub(crate) external: bool,
    /// The cluster that the members are clients of.
    pub(crate) client: Option<ClusterId>,
    /// The AS of this side.
    pub(crate) local_as: Asn,
    /// How NEXT_HOP is set.
    pub(crate) next_hop_mode: NextHopMode,
    /// This side's address in the family.
    pub(crate) own_next_hop: Option<IpAddr>,
    /// This side's role (RFC 9234).
    pub(crate) role: Option<Role>,
    /// How many paths to a destination are sent at most; at least one.
    pub(crate) paths_max: u16,
    /// The export policy; shared, so that equal content is one pointer.
    pub(crate) export: Arc<Policy>,
    /// How bytes are written.
    pub(crate) encode: EncodeContext,
}

impl GroupKey {
    /// The key of a peer's session in one family.
    pub(crate) fn of(setup: &PeerSetup, terms: &SessionTerms, family: Family) -> Self {
        let add_path = terms.add_path.get(family).send;
        Self {
            external: setup.external,
            client: setup.reflector_client,
            local_as: setup.local_as,
            next_hop_mode: setup.next_hop_mode,
            own_next_hop: own_next_hop(setup, terms, family),
            role: setup.role.filter(|_| setup.external),
            paths_max: if add_path {
                setup.add_path_max.max(1)
            } else {
                1
            },
            export: Arc::clone(setup.export.get(family)),
            encode: EncodeContext {
                four_octet_as: terms.four_octet_as,
                add_path,
                extended_message: terms.extended_message,
                extended_next_hop: terms.extended_next_hop,
            },
        }
    }
}

/// This side's address of the session, or of the family (a link-local one only if need be: it means
/// nothing beyond the link); for IPv4 without one an IPv6 address where the
/// peer takes that (RFC 8950).
fn own_next_hop(setup: &PeerSetup, terms: &SessionTerms, family: Family) -> Option<IpAddr> {
    let of_family = |family| {
        let connected = terms
            .local_address
            .filter(|address| Family::of(*address) == family);
        connected
            .filter(|address| !is_link_local(*address))
            .or(*setup.own_next_hop.get(family))
            .or(connected)
    };
    let extended = terms.extended_next_hop && family == Family::Ipv4;
    of_family(family).or_else(|| of_family(Family::Ipv6).filter(|_| extended))
}

/// One group in one family.
///
/// The *head* is how far the log was read and `rib` reflects it. Live members follow what the head
/// publishes; the others have cursors of their own, never ahead of the head.
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) key: GroupKey,
    pub(crate) members: BTreeMap<PeerId, Member>,
    /// The members by the addresses of their sessions: no one is told a route that leads to itself.
    pub(super) addresses: HashMap<IpAddr, PeerId>,
    pub(crate) rib: AdjRibOut,
    pub(crate) head: Version,
    /// The next destination of the first walk over the table; `None` once `rib` is complete. Nobody
    /// is served before.
    building: Option<DestId>,
    /// The version of the last chunk published.
    published: Version,
    /// The version that every live member has surely taken.
    drained: Version,
    /// What the owner has said of that.
    reported: Version,
    /// Members that follow the publications.
    live: usize,
    /// A member went live while the log held changes that the head had not met. The log may have
    /// coalesced a change that only this member lacks with one of those, so until the head has met
    /// them all, destinations are told again even where nothing changed for the others.
    retell: bool,
    /// What was advertised at a version, shared by members that leave at the same time.
    told: (Version, Weak<AdjRibOut>),
    reexport: Reexport,
    /// What it has cost and given so far.
    pub(crate) counts: GroupCounts,
    pub(crate) dumps: Dumps,
}

impl Group {
    pub(crate) fn new(id: GroupId, key: GroupKey, log: &mut ChangeLog) -> Self {
        let head = log.head();
        log.read_to(head);
        let rib = AdjRibOut::new(key.encode.add_path);
        Self {
            id,
            key,
            members: BTreeMap::new(),
            addresses: HashMap::new(),
            rib,
            head,
            building: Some(DestId(0)),
            published: head,
            drained: head,
            reported: Version(0),
            live: 0,
            retell: false,
            told: (head, Weak::new()),
            reexport: Reexport::Logged(head),
            counts: GroupCounts::default(),
            dumps: Dumps::default(),
        }
    }

    /// Moves the head over up to `steps` destinations, and returns what is to be published.
    pub(crate) fn advance<A: AddressFamily>(
        &mut self,
        table: &Table<A>,
        log: &mut ChangeLog,
        ids: &PathIds,
        shared: &mut Shared,
        steps: usize,
    ) -> Vec<Chunk> {
        if let Some(next) = self.building {
            self.build(table, ids, shared, next, steps);
            return Vec::new();
        }
        let before = self.head;
        let mut batch = Batch::<A>::new(self.key.encode);
        let key = self.key.clone();
        let mut exporter = Exporter::new(&key, A::FAMILY, shared);
        let mut bars = Bars::default();
        let mut replaced = 0;
        for (version, dest) in log.after(before).take(steps) {
            self.head = version;
            let destination = table.get(dest);
            if destination.version != version {
                continue;
            }
            // What is held back is told as it was, and only to a member that may lack it.
            let new = if destination.held {
                self.rib.get(dest)
            } else {
                exporter.paths(dest, destination, ids)
            };
            replaced += self.tell(&mut batch, &mut bars, dest, destination, new, ids);
        }
        shared.interner.release(replaced);
        debug_assert!(self.head >= before, "invariant 7: no cursor moves back");
        log.read_to(self.head);
        if self.head == log.head() {
            self.retell = false;
        }
        if self.live == 0 || batch.is_empty() {
            return Vec::new();
        }
        if self.drained >= self.published {
            // All was taken so far, so the live members are where the head was.
            self.drained = before;
        }
        self.published = self.head;
        batch.pack(before, self.head)
    }

    /// Fills the Adj-RIB-Out from the table. No one is told: nobody is live yet, and the head meets
    /// whatever changes meanwhile.
    fn build<A: AddressFamily>(
        &mut self,
        table: &Table<A>,
        ids: &PathIds,
        shared: &mut Shared,
        next: DestId,
        steps: usize,
    ) {
        let key = self.key.clone();
        let mut exporter = Exporter::new(&key, A::FAMILY, shared);
        let mut dest = next;
        for _ in 0..steps {
            if dest >= table.end() {
                self.building = None;
                return;
            }
            if let Some(destination) = table.live(dest) {
                let new = exporter.paths(dest, destination, ids);
                self.rib.set(dest, new);
            }
            dest = dest.next();
        }
        self.building = Some(dest);
    }

    /// Records what a destination is advertised as, and adds to the batch what live members have to
    /// hear; returns how many earlier states were replaced.
    fn tell<A: AddressFamily>(
        &mut self,
        batch: &mut Batch<A>,
        bars: &mut Bars,
        dest: DestId,
        destination: &Destination<A>,
        new: AdvertisedPaths,
        ids: &PathIds,
    ) -> usize {
        self.dumps.clear();
        if self.live == 0 {
            return self.rib.set(dest, new).len();
        }
        let old = self.rib.set(dest, new.clone());
        let prefix = destination.prefix;
        let nlri = |path_id| Nlri { prefix, path_id };
        let same = |one: &Advertised, other: &Advertised| one.path_id == other.path_id;
        for path in &new {
            let before = old.iter().find(|old| same(old, path));
            if !self.retell && before.is_some_and(|old| self.is_told(old, path)) {
                continue;
            }
            let barred = bars.of(self, path);
            batch.announce(nlri(path.path_id), &path.attributes, barred);
            // Who is told this one no longer knows the one before, if there was one.
            for peer in barred {
                if self.retell || before.is_some_and(|old| !self.bars(old, *peer)) {
                    batch.amend(*peer, nlri(path.path_id));
                }
            }
        }
        if self.retell {
            let gone = self.unsaid(ids, dest, &destination.paths, &new);
            gone.into_iter().for_each(|id| batch.withdraw(nlri(id)));
        } else {
            let gone = old
                .iter()
                .filter(|old| !new.iter().any(|new| same(old, new)));
            gone.for_each(|old| batch.withdraw(nlri(old.path_id)));
        }
        old.len()
    }

    /// Whether a change of a path means nothing to any member.
    fn is_told(&self, old: &Advertised, new: &Advertised) -> bool {
        let sources = [old.source, new.source];
        let of_members = sources.iter().any(|peer| self.members.contains_key(peer));
        old.is_same_as(new) && (old.source == new.source || !of_members)
    }

    /// The members that are not told a path: whose it is, and whose address is its next hop, which
    /// that peer could only take for a loop (RFC 4271 §5.1.3).
    fn barred(&self, path: &Advertised) -> Barred {
        let source = Some(path.source).filter(|source| self.members.contains_key(source));
        let mut barred = Barred::from_iter(source);
        barred.extend(self.led_to(path).filter(|peer| *peer != path.source));
        barred
    }

    /// Whether a member is not told a path.
    pub(crate) fn bars(&self, path: &Advertised, peer: PeerId) -> bool {
        path.source == peer || self.led_to(path) == Some(peer)
    }

    /// The member that a path leads to.
    pub(crate) fn led_to(&self, path: &Advertised) -> Option<PeerId> {
        let address = self.foreign_next_hop(path)?;
        self.addresses.get(&address).copied()
    }

    /// What a member is told of a destination.
    pub(crate) fn told_to(&self, dest: DestId, peer: PeerId) -> AdvertisedPaths {
        let mut told = self.rib.get(dest);
        told.retain(|path| !self.bars(path, peer));
        told
    }

    /// The identifiers that a member may know of a destination with these paths beside those that it is
    /// told.
    pub(crate) fn unsaid(
        &self,
        ids: &PathIds,
        dest: DestId,
        paths: &[Path],
        said: &[Advertised],
    ) -> SmallVec<[PathId; 1]> {
        if self.key.encode.add_path {
            let is_said = |id: &PathId| said.iter().any(|path| path.path_id == *id);
            ids.known(dest, paths).filter(|id| !is_said(id)).collect()
        } else {
            SmallVec::from_iter(said.is_empty().then_some(ONLY_PATH))
        }
    }

    /// Adds a member whose session has this address.
    pub(crate) fn insert(&mut self, peer: PeerId, address: IpAddr, member: Member) {
        self.members.insert(peer, member);
        self.addresses.insert(address, peer);
    }

    /// Takes a member out.
    pub(crate) fn remove(&mut self, peer: PeerId, address: IpAddr) -> Option<Member> {
        if self.addresses.get(&address) == Some(&peer) {
            self.addresses.remove(&address);
        }
        self.members.remove(&peer)
    }

    /// Whether the head has something to read, or the Adj-RIB-Out to be completed.
    pub(crate) fn has_work(&self, log: &ChangeLog) -> bool {
        self.building.is_some() || self.head < log.head()
    }

    /// Whether what the head meets is published: somebody follows.
    pub(crate) const fn publishes(&self) -> bool {
        self.live > 0
    }

    /// Whether members can be served.
    pub(crate) const fn is_built(&self) -> bool {
        self.building.is_none()
    }

    /// What the live members have surely taken.
    pub(crate) fn floor(&self) -> Version {
        if self.live == 0 || self.drained >= self.published {
            self.head
        } else {
            self.drained
        }
    }

    /// The slowest reader of the log in this group.
    pub(crate) fn slowest(&self) -> Version {
        let cursors = self.members.values().filter_map(Member::cursor);
        cursors.fold(self.head.min(self.floor()), Version::min)
    }

    /// Takes note that all live members have taken what was published up to a version.
    pub(crate) fn drain(&mut self, upto: Version) {
        self.reported = self.reported.max(upto.min(self.head));
        self.drained = self.drained.max(self.reported);
    }

    /// The version that a live member has reached which has written everything up to `after`; `None`
    /// where the owner had counted it as drained beyond that, so that the log is gone already.
    pub(crate) fn position(&self, after: Version) -> Option<Version> {
        if after >= self.published {
            Some(self.head)
        } else {
            (after >= self.reported).then(|| after.max(self.floor()))
        }
    }

    /// Counts a member that follows the publications from here on.
    pub(crate) fn enter_live(&mut self, log: &ChangeLog) {
        if self.live == 0 {
            (self.published, self.drained) = (self.head, self.head);
        }
        self.live += 1;
        self.retell |= self.head < log.head();
    }

    /// Takes back the count of a live member.
    pub(crate) fn leave_live(&mut self) {
        self.live -= 1;
    }

    /// Whether a member waits for the head to meet what it is to hear before its End-of-RIB.
    pub(crate) fn owes_an_end(&self) -> bool {
        let mut members = self.members.values();
        self.lagging() > 0 && members.any(|member| member.awaits_beyond(self.head))
    }

    /// How many members are behind.
    pub(crate) fn lagging(&self) -> usize {
        self.members.len() - self.live
    }
}
