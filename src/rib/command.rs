//! The alphabet of a shard: what it is told and what it asks.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::batch::RouteBatch;
use super::feed::FibChange;
use super::prefix_limit::{PrefixLimitEvent, PrefixTally};
use super::query::{Answer, Query};
use crate::net::{
    Asn, ClusterId, Family, Ipv4Prefix, Ipv6Prefix, PeerId, PerFamily, Prefix, PrefixLimit, Role,
    RouterId,
};
use crate::policy::{NextHopMode, Policy, SelectionRules};
use crate::wire::AddPathDirection;

/// The position of a change in a family's log; grows with every change, never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Version(pub u64);

/// The handle of an update group, unique over both families and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct GroupId(pub u32);

/// What a shard is told.
#[derive(Clone, Debug)]
pub enum Command {
    /// A peer is configured.
    AddPeer(PeerSetup),
    /// Policies, reflector roles, next-hop modes or limits of peers changed; their sessions stay, and
    /// each peer is told what differs for it. Changes of one plan come in one command: peers that were
    /// and are to be told the same then stay together.
    UpdatePeers(Vec<PeerSetup>),
    /// A peer is no longer configured; its routes go at once.
    RemovePeer(PeerId),
    /// A peer's session is established.
    SessionUp(SessionTerms),
    /// The prefixes of a peer's next session count together with those that other shards have of it.
    /// Said right before [`Self::SessionUp`] where there are several shards.
    ShareTally {
        /// The peer.
        peer: PeerId,
        /// The counts of that session.
        tallies: PerFamily<Arc<PrefixTally>>,
    },
    /// A peer's session is gone.
    SessionDown {
        /// The peer.
        peer: PeerId,
        /// The families whose routes stay as stale, each until this time (RFC 4724 §4.2); the others
        /// go at once.
        keep_until: PerFamily<Option<Instant>>,
    },
    /// Routes from a peer, in the order in which they arrived.
    Routes(Routes),
    /// A peer has sent End-of-RIB: what is still stale goes.
    EndOfRib {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
    },
    /// A peer asks to be told everything again, or an operator wants that it is.
    Refresh {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
        /// Whether [`Output::Complete`] is to say when that is done; no other one may be awaited. See
        /// [`super::Demarcation`].
        awaited: bool,
    },
    /// A peer begins to tell everything again (BoRR, RFC 7313 §4): what it has announced is stale. A
    /// second one begins anew; one that comes before the End-of-RIB of a restart means nothing.
    RefreshBegin {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
    },
    /// A peer has told everything again (EoRR): what is still stale goes. Without a begin it means
    /// nothing; where it does not come, [`super::REFRESH_STALE_MAX`] ends the wait.
    RefreshEnd {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
    },
    /// A member that is not live asks for its next chunk; answered by exactly one
    /// [`Output::Pulled`] or [`Output::Live`] (and by nothing once its session is down).
    Pull {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
    },
    /// A live member fell out of its ring; it has written everything up to `after`. It pulls next.
    Lagged {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
        /// The last version that it wrote, from [`Chunk::upto`].
        after: Version,
    },
    /// Every live member of a group has taken everything published up to `upto`, so the log need
    /// not keep it for them. A member counts as live until its [`Self::Lagged`] was handed in: were
    /// it left out earlier, the log that it needs would be gone.
    Drained {
        /// The group.
        group: GroupId,
        /// The version reached.
        upto: Version,
    },
    /// The speaker originates a route, or changes one that it originates.
    Originate(LocalRoute),
    /// The speaker originates this route no longer.
    WithdrawLocal(Prefix),
    /// Which routes reach the kernel.
    SetKernelPolicy(PerFamily<Arc<Policy>>),
    /// How paths are chosen from here on; every destination decides again.
    SetSelection(SelectionRules),
    /// What is known of next hops.
    NextHops(Vec<(IpAddr, NextHopState)>),
    /// The kernel's writer asks for up to `max` changes; answered by exactly one [`Output::Fib`]. Where
    /// there is nothing, that comes, empty, only once nothing more is to be expected of what was heard:
    /// no sweep is under way and the owner has told every next hop in use. (Before the kernel policy
    /// is set, and with a `max` of zero, it comes at once.)
    PullFib {
        /// The most changes.
        max: usize,
    },
    /// What other speakers had to tell after this one's restart has arrived (RFC 4724 §4.1), or is
    /// waited for no longer. As soon as no sweep is under way and every next hop in use is told,
    /// the [`Output::Complete`] follow that were withheld; live members are detached for it. Without
    /// [`super::ShardOptions::recovering`], and the second time, it does nothing.
    Recovered,
    /// The kernel's writer lost its state and wants every route again.
    RestartFib,
    /// A question; answered by one [`Output::Answer`] with the same number.
    Query {
        /// The asker's number.
        id: u64,
        /// The question.
        query: Query,
    },
}

/// What a shard asks of its owner, in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// To every live member of a group.
    Publish {
        /// The group.
        group: GroupId,
        /// What to write.
        chunk: Arc<Chunk>,
    },
    /// To one member that asked; it asks again when this is written.
    Pulled {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
        /// What to write.
        chunk: Chunk,
    },
    /// To one member that asked: nothing is missing, follow the group's publications from here on.
    Live {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
        /// The group whose next publication is the first to follow.
        group: GroupId,
        /// The version that the member has reached.
        at: Version,
    },
    /// A member was handed everything that there was to tell since its session came up, or since a
    /// refresh that is awaited; said once each time, behind the last chunk.
    Complete {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
    },
    /// A live member must leave its group and pull (a refresh, another group than its fellows, or an
    /// End-of-RIB that was withheld).
    Detach {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
    },
    /// A peer announces more prefixes than somebody wants to know of, or than it may.
    PrefixLimit {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
        /// What there is to say.
        event: PrefixLimitEvent,
    },
    /// A peer has announced a path that no sound peer announces to this one: it is refused. Said once a
    /// session and reason.
    Refused {
        /// The peer.
        peer: PeerId,
        /// What the first such path leads to.
        prefix: Prefix,
        /// The reason, as `show routes` words it.
        reason: &'static str,
    },
    /// A group has no members any more.
    GroupGone(GroupId),
    /// Changes wait for the kernel's writer; said once until it pulls, and not while a pull waits.
    FibPending,
    /// The answer to [`Command::PullFib`].
    Fib(Vec<FibChange>),
    /// Next hops of routes in use that the owner should resolve and report.
    TrackNextHops(Vec<IpAddr>),
    /// Next hops that no route uses any more.
    UntrackNextHops(Vec<IpAddr>),
    /// The answer to a query.
    Answer {
        /// The asker's number.
        id: u64,
        /// The answer.
        answer: Answer,
    },
}

/// A configured peer, as the RIB sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerSetup {
    /// The peer.
    pub peer: PeerId,
    /// The session's name, such as `Mesh_192_0_2_12`.
    pub name: Arc<str>,
    /// The peer's address: the last tie-break (RFC 4271 §9.1.2.2 g).
    pub address: IpAddr,
    /// The AS that this side is in on this session.
    pub local_as: Asn,
    /// The AS of the peer.
    pub remote_as: Asn,
    /// This side's BGP Identifier.
    pub router_id: RouterId,
    /// Whether the peer is in another AS.
    pub external: bool,
    /// Set where this side reflects to the peer as its client (RFC 4456), with the cluster's id.
    pub reflector_client: Option<ClusterId>,
    /// This side's own cluster id, if it is a reflector: for the loop check.
    pub cluster_id: Option<ClusterId>,
    /// How NEXT_HOP is set on what is sent.
    pub next_hop_mode: NextHopMode,
    /// This side's address in each family, the next hop of what it originates.
    pub own_next_hop: PerFamily<Option<IpAddr>>,
    /// Tolerated occurrences of the local AS in a received path.
    pub allowed_local_as: u32,
    /// Import policy in each family.
    pub import: PerFamily<Arc<Policy>>,
    /// Export policy in each family.
    pub export: PerFamily<Arc<Policy>>,
    /// How many prefixes the peer may announce, in each family.
    pub prefix_limit: PerFamily<Option<PrefixLimit>>,
    /// This side's role between autonomous systems (RFC 9234).
    pub role: Option<Role>,
    /// How many paths to a prefix are sent at most where ADD-PATH lets more than one be sent.
    pub add_path_max: u16,
}

/// The terms of an established session, as the RIB sees them.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionTerms {
    /// The peer.
    pub peer: PeerId,
    /// The peer's BGP Identifier.
    pub peer_id: RouterId,
    /// This side's address of the connection: the next hop of what it sends in the address's family
    /// (spec/calico.md §3.9); `None` leaves [`PeerSetup::own_next_hop`].
    pub local_address: Option<IpAddr>,
    /// The families of the session.
    pub families: PerFamily<bool>,
    /// Whether AS numbers have four octets.
    pub four_octet_as: bool,
    /// What was negotiated of ADD-PATH.
    pub add_path: PerFamily<AddPathDirection>,
    /// Families in which the peer kept its forwarding state, so that stale routes may stay until
    /// End-of-RIB; stale routes of other families go at once (RFC 4724 §4.2).
    pub forwarding_preserved: PerFamily<bool>,
    /// The time by which stale routes that were not announced again go, End-of-RIB or not.
    pub stale_until: Option<Instant>,
    /// Whether both sides mark the begin and the end of a refresh (RFC 7313).
    pub enhanced_refresh: bool,
    /// Whether messages may have up to 65,535 octets (RFC 8654).
    pub extended_message: bool,
    /// Whether IPv4 NLRI may go with an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
}

/// A batch of either family.
#[derive(Clone, Debug)]
pub enum Routes {
    /// IPv4 unicast.
    V4(RouteBatch<Ipv4Prefix>),
    /// IPv6 unicast.
    V6(RouteBatch<Ipv6Prefix>),
}

impl Routes {
    /// The number of routes.
    pub const fn len(&self) -> usize {
        match self {
            Self::V4(batch) => batch.len(),
            Self::V6(batch) => batch.len(),
        }
    }

    /// Whether there is no route.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A route that the speaker originates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRoute {
    /// The prefix; a blackhole in the kernel where the kernel policy lets it through.
    pub prefix: Prefix,
    /// Where it comes from, such as `BlockAffinity/…`, for `explain`.
    pub origin: Arc<str>,
}

/// What the owner knows of a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHopState {
    /// Nothing leads there.
    Unreachable,
    /// Reachable at this interior cost (RFC 4271 §9.1.2.2 e): zero on a shared link.
    Reachable {
        /// The cost.
        metric: u32,
    },
}

/// Whole messages to write, shared by all members of a group.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Whole UPDATEs, at most [`super::CHUNK_BYTES_MAX`] octets unless one message is longer.
    pub bytes: Bytes,
    /// Which stretches announce routes of which peer, or routes that lead to it, by ascending `start`; a
    /// member leaves out its own. Two peers may share a stretch.
    pub marks: Vec<Mark>,
    /// Withdrawals that only the peer named must write, ahead of `bytes`: routes replaced by one that
    /// is that peer's own, or leads to it.
    pub amends: Vec<(PeerId, Bytes)>,
    /// The log position that this chunk brings a member to.
    pub upto: Version,
    /// Prefixes announced and withdrawn, for counters.
    pub prefixes: u32,
}

impl Chunk {
    /// The octets that keeping it takes, about.
    pub fn octets(&self) -> usize {
        let amends = self.amends.iter().map(|(_, bytes)| bytes.len());
        self.bytes.len() + amends.sum::<usize>() + size_of_val(&*self.marks)
    }
}

/// A stretch of a chunk that one peer leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whose routes these are, or whom they lead to.
    pub source: PeerId,
    /// The first octet.
    pub start: u32,
    /// One past the last octet.
    pub end: u32,
}
