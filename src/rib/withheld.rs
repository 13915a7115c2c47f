//! Why a peer is not told of a path.

use serde::{Deserialize, Serialize};

/// Why a peer is not told of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Withheld {
    /// Its session is not established.
    SessionDown,
    /// Its session does not carry the family.
    FamilyNotNegotiated,
    /// It is the peer's own.
    SplitHorizon,
    /// Its next hop is the peer.
    LeadsToPeer,
    /// NO_ADVERTISE is attached.
    NoAdvertise,
    /// NO_EXPORT is attached, and the peer is in another AS.
    NoExport,
    /// NO_EXPORT_SUBCONFED is attached, and the peer is in another AS.
    NoExportSubconfed,
    /// ONLY_TO_CUSTOMER is attached, and the peer is no customer.
    RouteLeak,
    /// It would go from iBGP to iBGP, and neither side of it is a client.
    NotReflected,
    /// Its CLUSTER_LIST names the cluster that the peer is a client of.
    ClusterListed,
    /// The export policy refuses it.
    Policy,
    /// No next hop can be told that the peer could use.
    NextHop,
    /// Its next hop leads nowhere, and there are better paths.
    NextHopUnreachable,
    /// As many better paths are sent as may be (ADD-PATH).
    PathsMax,
}

impl Withheld {
    /// The reason as a sentence continues after "withheld: ".
    pub const fn text(self) -> &'static str {
        match self {
            Self::SessionDown => "the session is not established",
            Self::FamilyNotNegotiated => "the session does not carry the family",
            Self::SplitHorizon => "split horizon: it comes from this neighbour",
            Self::LeadsToPeer => "its next hop is this neighbour",
            Self::NoAdvertise => "NO_ADVERTISE is attached",
            Self::NoExport => "NO_EXPORT is attached, and the neighbour is in another AS",
            Self::NoExportSubconfed => {
                "NO_EXPORT_SUBCONFED is attached, and the neighbour is in another AS"
            }
            Self::RouteLeak => "it would be a route leak: ONLY_TO_CUSTOMER is attached",
            Self::NotReflected => {
                "it comes by iBGP, and neither its sender nor this neighbour is a reflector client"
            }
            Self::ClusterListed => "its CLUSTER_LIST names this neighbour's cluster",
            Self::Policy => "the export policy refuses it",
            Self::NextHop => "no next hop can be told that the neighbour could use",
            Self::NextHopUnreachable => "its next hop is unreachable, and there are better paths",
            Self::PathsMax => "as many better paths are told as may be (ADD-PATH)",
        }
    }

    /// Where that is written down, if somewhere.
    pub const fn section(self) -> Option<&'static str> {
        match self {
            Self::SplitHorizon | Self::FamilyNotNegotiated | Self::SessionDown => None,
            Self::LeadsToPeer | Self::NextHop => Some("RFC 4271 §5.1.3"),
            Self::NoAdvertise | Self::NoExport | Self::NoExportSubconfed => Some("RFC 1997"),
            Self::RouteLeak => Some("RFC 9234 §5"),
            Self::NotReflected => Some("RFC 4456 §6"),
            Self::ClusterListed => Some("RFC 4456 §8"),
            Self::Policy | Self::NextHopUnreachable | Self::PathsMax => None,
        }
    }
}
