//! The plain numbers of one scrape, handed in by whoever sees the rooms' snapshots.

use std::collections::BTreeMap;

use super::session::PeerSeries;
use crate::net::{Family, PerFamily};

/// Everything that one scrape shows of the speaker's state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Program and router.
    pub router: RouterSample,
    /// Which sessions have series of their own.
    pub peer_series: PeerSeries,
    /// The sessions.
    pub peers: Vec<PeerSample>,
    /// The update groups.
    pub groups: Vec<GroupSample>,
    /// The tables; `None` where the RIB did not answer.
    pub rib: Option<PerFamily<RibSample>>,
    /// The kernel's writer.
    pub fib: FibSample,
    /// The datastore.
    pub datastore: DatastoreSample,
}

/// Constants of program and router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterSample {
    /// The program's version.
    pub version: String,
    /// The commit that it was built from.
    pub commit: String,
    /// BGP Identifier, AS and node, once there is a plan.
    pub router: Option<(String, u32, String)>,
}

/// One session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeerSample {
    /// Its name.
    pub peer: String,
    /// `mesh`, `global` or `node`.
    pub kind: String,
    /// The peer's AS.
    pub remote_as: u32,
    /// The peer's address.
    pub address: String,
    /// Whether this side reflects to the peer.
    pub reflector_client: bool,
    /// All states, each with whether the session is in it.
    pub states: Vec<StateSample>,
    /// Whether it is established.
    pub up: bool,
    /// Since when, in seconds since 1970.
    pub since: f64,
    /// How often it was established.
    pub established: u64,
    /// How often it went down, by reason.
    pub down: BTreeMap<String, u64>,
    /// Messages by (direction, type).
    pub messages: Vec<(&'static str, &'static str, u64)>,
    /// NOTIFICATIONs by (direction, code, subcode).
    pub notifications: Vec<(String, u8, u8, u64)>,
    /// Faulty UPDATEs by what was done about them.
    pub update_errors: Vec<(&'static str, u64)>,
    /// How often it was served from the log.
    pub resyncs: u64,
    /// How often a defect ended the session's task.
    pub panics: u64,
    /// How often the warning threshold of the prefix limit was exceeded.
    pub prefix_limit_warnings: u64,
    /// The families whose prefixes are counted, with the counts.
    pub prefixes: Vec<(Family, PeerPrefixes)>,
}

/// A state and whether it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSample {
    /// The state's name.
    pub state: &'static str,
    /// Whether the session is in it.
    pub holds: bool,
}

/// Prefix counts of one session and family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerPrefixes {
    /// Announced by the peer.
    pub received: u64,
    /// Of those, passed by the import policy.
    pub accepted: u64,
    /// Of those, refused.
    pub filtered: u64,
    /// Paths refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Of those accepted, selected as best.
    pub best: u64,
    /// Told to the peer.
    pub advertised: u64,
}

impl PeerPrefixes {
    /// The counts by the name of their stage.
    pub(super) fn stages(&self) -> [(&'static str, u64); 5] {
        [
            ("received", self.received),
            ("accepted", self.accepted),
            ("filtered", self.filtered),
            ("best", self.best),
            ("advertised", self.advertised),
        ]
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.accepted += other.accepted;
        self.filtered += other.filtered;
        for (reason, count) in &other.refused {
            *self.refused.entry(reason).or_default() += count;
        }
        self.best += other.best;
        self.advertised += other.advertised;
    }
}

/// One update group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSample {
    /// Its number.
    pub group: u32,
    /// Its family.
    pub family: Family,
    /// Its members.
    pub peers: u64,
    /// Those of them that are behind.
    pub lagging: u64,
    /// Octets published that some member has still to take, where they are counted.
    pub backlog_bytes: Option<u64>,
    /// Prefixes advertised.
    pub prefixes: u64,
    /// Chunks encoded once for all members, and for one member alone.
    pub chunks: [u64; 2],
    /// How often a member fell behind.
    pub resyncs: u64,
}

/// Totals of one family's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RibSample {
    /// Prefixes with at least one path.
    pub prefixes: u64,
    /// Paths.
    pub paths: u64,
    /// Of those, stale.
    pub stale_paths: u64,
    /// Distinct attribute sets, shared by both families.
    pub attribute_sets: u64,
}

/// The kernel's writer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FibSample {
    /// Routes of ours in the kernel.
    pub routes: PerFamily<u64>,
    /// Routes wanted that are not there as they should be.
    pub pending: PerFamily<u64>,
    /// Operations by op and result.
    pub operations: BTreeMap<String, BTreeMap<String, u64>>,
    /// Full resyncs by reason.
    pub resyncs: BTreeMap<String, u64>,
    /// Differences put right.
    pub drift_repaired: u64,
}

/// The datastore.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatastoreSample {
    /// The backend, such as `dir`.
    pub backend: String,
    /// Whether it can be read.
    pub up: bool,
    /// Whether it has been read completely at least once.
    pub synced: bool,
    /// Grows with every change.
    pub revision: u64,
    /// When the last change was seen, in seconds since 1970.
    pub last_event: Option<f64>,
    /// Complete re-reads.
    pub relists: u64,
    /// Objects by kind.
    pub objects: Vec<KindSample>,
    /// Whether the configuration in force may be older than the datastore's content.
    pub stale: bool,
}

/// Objects of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindSample {
    /// The kind.
    pub kind: String,
    /// In force.
    pub accepted: u64,
    /// Refused.
    pub rejected: u64,
}
