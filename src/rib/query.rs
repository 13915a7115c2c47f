//! Questions that a shard answers between turns, a page at a time.

use std::net::IpAddr;
use std::ops::Add;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::explanation::Explanation;
use super::group_counts::GroupCounts;
use super::refusal::RefusedCounts;
use crate::net::{Asn, ClusterId, Family, PeerId, PerFamily, Prefix, Role};
use crate::policy::NextHopMode;
use crate::wire::Origin;

/// A question.
#[derive(Clone, Debug)]
pub enum Query {
    /// A page of routes.
    Routes(RoutesQuery),
    /// Prefix counts of every peer.
    Peers,
    /// Totals of the tables.
    Totals,
    /// The update groups.
    Groups,
    /// The most specific prefix of a table that contains another one, or equals it.
    LongestMatch {
        /// The table.
        table: RouteTable,
        /// What is to be contained; of an address the host prefix.
        place: Prefix,
    },
    /// The life of a prefix.
    Explain {
        /// The prefix.
        prefix: Prefix,
        /// Only what this peer is told, and that in full.
        to: Option<PeerId>,
    },
}

/// An answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Query::Routes`].
    Routes(RoutesPage),
    /// To [`Query::Peers`], in each family.
    Peers(Vec<(PeerId, PerFamily<PeerCounts>)>),
    /// To [`Query::Totals`].
    Totals(PerFamily<RibTotals>),
    /// To [`Query::Groups`].
    Groups(Vec<GroupRow>),
    /// To [`Query::LongestMatch`]; `None` where nothing contains the place.
    LongestMatch(Option<LongestMatch>),
    /// To [`Query::Explain`]; `None` where nobody has announced the prefix. Boxed, as it is large.
    Explain(Option<Box<Explanation>>),
}

/// A prefix that contains a place. Among several, those with a path in use come before others, and
/// then the most specific: the greatest value is the match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongestMatch {
    /// Whether a path of it is in use; what a peer has announced or has been told always is.
    pub used: bool,
    /// The prefix.
    pub prefix: Prefix,
}

impl LongestMatch {
    /// What matches are compared by.
    pub fn rank(&self) -> (bool, u8) {
        (self.used, self.prefix.length())
    }
}

/// Which routes to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutesQuery {
    /// The table.
    pub table: RouteTable,
    /// The family.
    pub family: Family,
    /// Only this prefix; with `longer` also those inside it.
    pub prefix: Option<Prefix>,
    /// Whether more specific prefixes count.
    pub longer: bool,
    /// Where the page starts: zero, or the `next` of the page before.
    pub start: u64,
    /// The most destinations to look at.
    pub limit: u32,
}

/// One of the tables of RFC 4271 §3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteTable {
    /// All paths, best first.
    Loc,
    /// What a peer has announced, refused ones included, attributes as received.
    Received(PeerId),
    /// What a peer has been told, attributes as sent.
    Advertised(PeerId),
}

/// A page of routes.
#[derive(Clone, Debug, Default)]
pub struct RoutesPage {
    /// The rows, in no particular order.
    pub rows: Vec<RouteRow>,
    /// Where the next page starts; `None` after the last one.
    pub next: Option<u64>,
}

/// One prefix and its paths.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteRow {
    /// The prefix.
    pub prefix: Prefix,
    /// The paths, best first.
    pub paths: Vec<PathRow>,
}

/// One path.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PathRow {
    /// The session that it comes from; `local` for own routes.
    pub from: Arc<str>,
    /// Whether it is the best path.
    pub best: bool,
    /// Whether it shares the load with the best path.
    pub multipath: bool,
    /// Whether it can be selected at all.
    pub usable: bool,
    /// Why not, if not: `import policy`, `next hop unreachable`, `AS loop`, `route leak`, ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Kept over the peer's restart (RFC 4724).
    pub stale: bool,
    /// NEXT_HOP; `None` for own routes.
    pub next_hop: Option<IpAddr>,
    /// ORIGIN.
    pub origin: Origin,
    /// AS_PATH as text, sets in braces.
    pub as_path: String,
    /// The AS numbers of the path in order, sets flattened.
    pub as_path_numbers: Vec<Asn>,
    /// MULTI_EXIT_DISC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub med: Option<u32>,
    /// LOCAL_PREF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_pref: Option<u32>,
    /// COMMUNITIES and large communities as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub communities: Vec<String>,
    /// Extended communities as text: `rt:65000:1`, `ro:65000:1`, others in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended_communities: Vec<String>,
    /// ORIGINATOR_ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub originator_id: Option<String>,
    /// CLUSTER_LIST.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_list: Vec<String>,
    /// The preference of its source (spec/calico.md §5.4).
    pub preference: u32,
    /// ADD-PATH identifier.
    pub path_id: u32,
}

/// Prefix counts of one peer in one family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerCounts {
    /// Announced by the peer.
    pub received: u64,
    /// Of those, passed by the import policy.
    pub accepted: u64,
    /// Of those, refused; with ADD-PATH also every announcement in this session beyond the 64 paths
    /// that one prefix may have from one peer.
    pub filtered: u64,
    /// Those refused, by reason.
    #[serde(default)]
    pub refused: RefusedCounts,
    /// Of those accepted, selected as best.
    pub best: u64,
    /// Told to the peer.
    pub advertised: u64,
    /// Of those received, kept over the peer's restart.
    pub stale: u64,
}

impl Add for PeerCounts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.received += other.received;
        self.accepted += other.accepted;
        self.filtered += other.filtered;
        self.refused += other.refused;
        self.best += other.best;
        self.advertised += other.advertised;
        self.stale += other.stale;
        self
    }
}

/// Totals of one family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RibTotals {
    /// Prefixes with at least one path.
    pub prefixes: u64,
    /// Paths.
    pub paths: u64,
    /// Of those, stale.
    pub stale_paths: u64,
    /// Distinct attribute sets (shared by both families).
    pub attribute_sets: u64,
    /// Entries of the change log.
    pub log_entries: u64,
}

/// One update group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupRow {
    /// Its number.
    pub group: u32,
    /// Its family.
    pub family: Family,
    /// The sessions in it.
    pub members: Vec<Arc<str>>,
    /// How many of them are behind.
    pub lagging: u64,
    /// Those that are behind, and how far.
    #[serde(default)]
    pub behind: Vec<BehindRow>,
    /// Prefixes advertised.
    pub prefixes: u64,
    /// Changes that the group has not come to yet.
    #[serde(default)]
    pub pending: u64,
    /// Octets published that some member has still to take; filled in by the owner of the rings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog_bytes: Option<u64>,
    /// Whether the members are in another AS.
    pub external: bool,
    /// The cluster that the members are clients of.
    pub client: Option<ClusterId>,
    /// The AS of this side.
    pub local_as: Asn,
    /// How NEXT_HOP is set.
    pub next_hop_mode: NextHopMode,
    /// This side's address, told as next hop.
    pub own_next_hop: Option<IpAddr>,
    /// This side's role (RFC 9234).
    pub role: Option<Role>,
    /// How many paths to a prefix are sent at most where ADD-PATH was agreed; else `None`.
    pub add_path: Option<u16>,
    /// The name of the export policy.
    pub policy: Arc<str>,
    /// Whether AS numbers have four octets.
    pub four_octet_as: bool,
    /// Whether messages may have up to 65,535 octets (RFC 8654).
    pub extended_message: bool,
    /// Whether IPv4 NLRI may go with an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// What the group has cost and given so far.
    pub counts: GroupCounts,
}

/// A member that is behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BehindRow {
    /// The session.
    pub name: Arc<str>,
    /// What it is served.
    pub state: MemberState,
    /// Entries of the change log between it and the head, those included that are out of date.
    pub changes: u64,
}

/// What a member that is behind is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberState {
    /// Everything that the group advertises.
    Dumping,
    /// What has changed since it fell behind.
    CatchingUp,
}
