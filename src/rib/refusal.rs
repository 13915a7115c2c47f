//! Why paths are refused, and how many of a peer's are for each reason.

use serde::{Deserialize, Serialize};

/// Why a path can never be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The local AS occurs too often in AS_PATH (RFC 4271 §9.1.2).
    AsLoop,
    /// ORIGINATOR_ID is this speaker (RFC 4456 §8).
    OriginatorLoop,
    /// CLUSTER_LIST names this speaker's cluster (RFC 4456 §8).
    ClusterLoop,
    /// NEXT_HOP is this speaker (RFC 4271 §5.1.3).
    OwnNextHop,
    /// ONLY_TO_CUSTOMER says that it must not have come this way (RFC 9234 §5).
    RouteLeak,
    /// The import policy refused it.
    Policy,
}

impl Refusal {
    /// The refusal of a number, which it is cast to.
    pub(crate) const fn numbered(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AsLoop),
            1 => Some(Self::OriginatorLoop),
            2 => Some(Self::ClusterLoop),
            3 => Some(Self::OwnNextHop),
            4 => Some(Self::RouteLeak),
            5 => Some(Self::Policy),
            _ => None,
        }
    }

    /// The reason as `show routes` words it.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::AsLoop => "AS loop",
            Self::OriginatorLoop => "originator loop",
            Self::ClusterLoop => "cluster loop",
            Self::OwnNextHop => "own next hop",
            Self::RouteLeak => "route leak",
            Self::Policy => "import policy",
        }
    }
}

/// Paths of one peer in one family that are refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedCounts {
    /// The local AS occurs too often in AS_PATH (RFC 4271 §9.1.2).
    pub as_loop: u64,
    /// ORIGINATOR_ID is this speaker (RFC 4456 §8).
    pub originator_loop: u64,
    /// CLUSTER_LIST names this speaker's cluster (RFC 4456 §8).
    pub cluster_loop: u64,
    /// NEXT_HOP is this speaker (RFC 4271 §5.1.3).
    pub own_next_hop: u64,
    /// ONLY_TO_CUSTOMER tells a leak (RFC 9234 §5).
    pub route_leak: u64,
    /// The import policy refused them.
    pub import_policy: u64,
    /// Announcements in this session of more paths than one prefix may have.
    pub too_many_paths: u64,
}

impl RefusedCounts {
    /// The counts under their reasons, as `show routes` words them.
    pub const fn by_reason(&self) -> [(&'static str, u64); 7] {
        [
            (Refusal::AsLoop.text(), self.as_loop),
            (Refusal::OriginatorLoop.text(), self.originator_loop),
            (Refusal::ClusterLoop.text(), self.cluster_loop),
            (Refusal::OwnNextHop.text(), self.own_next_hop),
            (Refusal::RouteLeak.text(), self.route_leak),
            (Refusal::Policy.text(), self.import_policy),
            ("too many paths", self.too_many_paths),
        ]
    }

    /// The count of one reason.
    pub(crate) const fn of(&mut self, refusal: Refusal) -> &mut u64 {
        match refusal {
            Refusal::AsLoop => &mut self.as_loop,
            Refusal::OriginatorLoop => &mut self.originator_loop,
            Refusal::ClusterLoop => &mut self.cluster_loop,
            Refusal::OwnNextHop => &mut self.own_next_hop,
            Refusal::RouteLeak => &mut self.route_leak,
            Refusal::Policy => &mut self.import_policy,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.by_reason().iter().map(|(_, count)| count).sum()
    }
}

impl std::ops::AddAssign for RefusedCounts {
    fn add_assign(&mut self, other: Self) {
        self.as_loop += other.as_loop;
        self.originator_loop += other.originator_loop;
        self.cluster_loop += other.cluster_loop;
        self.own_next_hop += other.own_next_hop;
        self.route_leak += other.route_leak;
        self.import_policy += other.import_policy;
        self.too_many_paths += other.too_many_paths;
    }
}
