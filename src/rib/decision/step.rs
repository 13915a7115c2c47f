//! The steps of the decision process by name.

use serde::{Deserialize, Serialize};

/// One step of the decision process; [`Self::ALL`] has them in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DecisionStep {
    /// The preference of the source.
    Preference,
    /// An own route wins among equals.
    OwnRoute,
    /// A next hop that leads somewhere.
    NextHop,
    /// Not kept over a long absence of its announcer.
    LongLivedStale,
    /// The degree of preference.
    LocalPref,
    /// The accumulated IGP metric.
    Aigp,
    /// The length of the AS path.
    AsPathLength,
    /// ORIGIN.
    Origin,
    /// MULTI_EXIT_DISC.
    Med,
    /// eBGP over iBGP.
    External,
    /// The interior cost to the next hop.
    Metric,
    /// ORIGINATOR_ID or BGP Identifier.
    RouterId,
    /// The length of CLUSTER_LIST.
    ClusterListLength,
    /// The peer's address.
    PeerAddress,
    /// The numbers of peer and path, so that there is always one best path.
    PathNumber,
}

impl DecisionStep {
    /// All steps in the order in which they are taken.
    pub const ALL: [Self; 15] = [
        Self::Preference,
        Self::OwnRoute,
        Self::NextHop,
        Self::LongLivedStale,
        Self::LocalPref,
        Self::Aigp,
        Self::AsPathLength,
        Self::Origin,
        Self::Med,
        Self::External,
        Self::Metric,
        Self::RouterId,
        Self::ClusterListLength,
        Self::PeerAddress,
        Self::PathNumber,
    ];

    /// The steps that choose the best among equally good paths, which may share the load.
    pub(super) const TIE_BREAKS: [Self; 4] = [
        Self::RouterId,
        Self::ClusterListLength,
        Self::PeerAddress,
        Self::PathNumber,
    ];

    /// What wins this step, as a sentence continues after "preferred is".
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Preference => "the higher preference of the source",
            Self::OwnRoute => "the own route",
            Self::NextHop => "the reachable next hop",
            Self::LongLivedStale => "the route that is not long-lived stale",
            Self::LocalPref => "the higher LOCAL_PREF",
            Self::Aigp => "the lower accumulated IGP metric",
            Self::AsPathLength => "the shorter AS path",
            Self::Origin => "the lower ORIGIN",
            Self::Med => "the lower MED",
            Self::External => "the path from another AS",
            Self::Metric => "the lower interior cost to the next hop",
            Self::RouterId => "the lower ORIGINATOR_ID or BGP Identifier",
            Self::ClusterListLength => "the shorter CLUSTER_LIST",
            Self::PeerAddress => "the lower peer address",
            Self::PathNumber => "the lower number of peer and path",
        }
    }

    /// Where the step is written down; two are of this speaker alone.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Preference => "preference of sources, spec/calico.md §5.4",
            Self::OwnRoute => "preference of sources",
            Self::NextHop => "RFC 4271 §9.1.2.1",
            Self::LongLivedStale => "RFC 9494 §4.4",
            Self::LocalPref => "RFC 4271 §9.1.1",
            Self::Aigp => "RFC 7311 §4.1",
            Self::AsPathLength => "RFC 4271 §9.1.2.2 a",
            Self::Origin => "RFC 4271 §9.1.2.2 b",
            Self::Med => "RFC 4271 §9.1.2.2 c",
            Self::External => "RFC 4271 §9.1.2.2 d",
            Self::Metric => "RFC 4271 §9.1.2.2 e",
            Self::RouterId => "RFC 4271 §9.1.2.2 f, RFC 4456 §9",
            Self::ClusterListLength => "RFC 4456 §9",
            Self::PeerAddress => "RFC 4271 §9.1.2.2 g",
            Self::PathNumber => "last resort",
        }
    }
}
