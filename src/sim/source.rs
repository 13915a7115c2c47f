//! Sources: neighbours in other ASes behind a speaker, of which nothing is played but what they say.
//!
//! They announce what no honest speaker of the world would: any MED, any AS path, communities that keep
//! a route in, and the originator or the cluster of somebody else. Their speaker passes it on.

use std::collections::BTreeSet;
use std::time::Instant;

use super::core::Core;
use super::identity::Identity;
use super::member::Member;
use super::peering::{bare_setup, spoilt};
use crate::net::{AddressFamily, Asn, Family, Ipv4, Ipv6, PathId, PeerId, PerFamily, Prefix};
use crate::net::{ClusterId, RouterId};
use crate::rib::{Command, PeerSetup, RouteBatch, Routes, SessionTerms, ShardId};
use crate::wire::{
    AddPathDirection, AsPath, Community, NextHop, Nlri, Origin, PathAttributes, RareAttributes,
};

/// What a source says of a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The ASes behind the source's own.
    pub behind: Vec<Asn>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// A community.
    pub community: Option<Community>,
    /// ORIGINATOR_ID, which only speakers of one AS tell each other.
    pub originator: Option<RouterId>,
    /// The only entry of CLUSTER_LIST.
    pub cluster: Option<ClusterId>,
}

/// One source.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) number: usize,
    pub(super) peer: PeerId,
    pub(super) asn: Asn,
    pub(super) router_id: RouterId,
    said: BTreeSet<Prefix>,
    /// What the RIB tells it goes nowhere, but is taken.
    members: Vec<PerFamily<Member>>,
}

impl Source {
    /// Source `number` of a speaker, in this AS.
    pub(super) fn new(number: usize, asn: Asn, speaker: &Identity) -> Self {
        let peer = u32::try_from(number).expect("few sources") + PEERS_FROM;
        let router_id = speaker.router_id.0.to_bits() ^ (peer << 24) ^ 0x0000_ff00;
        Self {
            number,
            peer: PeerId(peer),
            asn,
            router_id: RouterId(router_id.into()),
            said: BTreeSet::new(),
            members: Vec::new(),
        }
    }

    fn setup(&self, speaker: &Identity) -> PeerSetup {
        PeerSetup {
            name: self.name().into(),
            address: speaker.source_address(self.number, Family::Ipv4),
            remote_as: self.asn,
            ..bare_setup(self.peer, speaker)
        }
    }

    pub(super) fn name(&self) -> String {
        format!("source {}", self.number)
    }

    /// Takes back what it has said.
    pub(super) fn silence(&mut self, now: Instant, core: &mut Core, speaker: &Identity) {
        for prefix in std::mem::take(&mut self.said) {
            self.offer(now, core, speaker, prefix, None);
        }
    }

    /// Comes up, and has said nothing.
    pub(super) fn begin(&mut self, now: Instant, core: &mut Core, speaker: &Identity) {
        self.said.clear();
        let setup = spoilt(self.setup(speaker), core.defect);
        core.tell(now, Command::AddPeer(setup));
        let terms = SessionTerms {
            local_address: None,
            peer: self.peer,
            peer_id: self.router_id,
            families: PerFamily {
                ipv4: true,
                ipv6: true,
            },
            four_octet_as: true,
            add_path: PerFamily {
                ipv4: AddPathDirection::default(),
                ipv6: AddPathDirection::default(),
            },
            forwarding_preserved: PerFamily::default(),
            stale_until: None,
            enhanced_refresh: false,
            extended_message: false,
            extended_next_hop: false,
        };
        core.tell(now, Command::SessionUp(terms));
        let member = |shard, family| Member::new(shard, self.peer, family);
        let both = |shard| PerFamily {
            ipv4: member(shard, Family::Ipv4),
            ipv6: member(shard, Family::Ipv6),
        };
        self.members = core.rib.sharding().shards().map(both).collect();
        for members in &mut self.members {
            members.ipv4.begin(now, core);
            members.ipv6.begin(now, core);
        }
    }

    /// Announces a prefix, or withdraws it.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        core: &mut Core,
        speaker: &Identity,
        prefix: Prefix,
        offer: Option<&Offer>,
    ) {
        let family = prefix.family();
        match offer {
            Some(_) => self.said.insert(prefix),
            None => self.said.remove(&prefix),
        };
        let attributes = offer.map(|offer| PathAttributes {
            origin: Origin::Igp,
            as_path: AsPath::sequence([self.asn].into_iter().chain(offer.behind.iter().copied())),
            med: offer.med,
            communities: offer.community.into_iter().collect(),
            rare: RareAttributes {
                originator_id: offer.originator,
                cluster_list: offer.cluster.into_iter().collect(),
                ..RareAttributes::default()
            }
            .into(),
            ..PathAttributes::originated(NextHop::from(speaker.source_address(self.number, family)))
        });
        let routes = match prefix {
            Prefix::V4(prefix) => Routes::V4(batch::<Ipv4>(self.peer, prefix, attributes.as_ref())),
            Prefix::V6(prefix) => Routes::V6(batch::<Ipv6>(self.peer, prefix, attributes.as_ref())),
        };
        core.tell(now, Command::Routes(routes));
    }

    pub(super) fn member(&mut self, shard: ShardId, family: Family) -> &mut Member {
        self.members[shard.index()].get_mut(family)
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members
            .iter()
            .flat_map(|both| [&both.ipv4, &both.ipv6])
    }

    /// Takes all that there is.
    pub(super) fn drain(&mut self, now: Instant, core: &mut Core) {
        for members in &mut self.members {
            while members.ipv4.next_message(now, core).is_some() {}
            while members.ipv6.next_message(now, core).is_some() {}
        }
    }
}

fn batch<A: AddressFamily>(
    peer: PeerId,
    prefix: A::Prefix,
    attributes: Option<&PathAttributes>,
) -> RouteBatch<A::Prefix> {
    let path_id = PathId::default();
    let mut nlri = std::iter::once(Nlri { prefix, path_id });
    let mut batch = RouteBatch::new(peer);
    match attributes {
        Some(attributes) => batch.announce_path(attributes, &mut nlri),
        None => batch.withdraw(&mut nlri),
    }
    batch
}

/// Sources are peers from this number on.
const PEERS_FROM: u32 = 60_000;
