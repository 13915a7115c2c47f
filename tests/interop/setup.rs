//! What a lab is made of: one calidris, one peer, one feeder, on one segment.

use crate::routes::Table;

/// The AS of calidris.
pub(crate) const SPEAKER_AS: u32 = 64_512;
/// The AS of a peer that is external.
pub(crate) const EXTERNAL_AS: u32 = 65_001;
/// The last part of the addresses of calidris.
pub(crate) const SPEAKER: u8 = 1;
/// The last part of the addresses of the peer.
pub(crate) const PEER: u8 = 2;
/// The last part of the addresses of the feeder; a second one for other paths to the same prefixes.
pub(crate) static FEEDERS: [u8; 2] = [9, 10];

/// An address family; each has a session of its own, as in Calico.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The address of a host in the lab.
    pub(crate) fn address(self, host: u8) -> String {
        match self {
            Self::V4 => format!("10.9.0.{host}"),
            Self::V6 => format!("fd09::{host}"),
        }
    }

    /// The same with its mask.
    pub(crate) fn interface(self, host: u8) -> String {
        let length = match self {
            Self::V4 => 24,
            Self::V6 => 64,
        };
        format!("{}/{length}", self.address(host))
    }

    /// `ipv4` or `ipv6`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }

    /// `4` or `6`.
    pub(crate) fn digit(self) -> char {
        match self {
            Self::V4 => '4',
            Self::V6 => '6',
        }
    }
}

/// Whether both sides are in one AS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Internal,
    External,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Internal, Self::External];

    /// The AS of the peer.
    pub(crate) fn peer_as(self) -> u32 {
        match self {
            Self::Internal => SPEAKER_AS,
            Self::External => EXTERNAL_AS,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Internal => "iBGP",
            Self::External => "eBGP",
        }
    }
}

/// What a peer announces by itself, in each family.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announced {
    pub(crate) v4: Table,
    pub(crate) v6: Table,
}

impl Announced {
    pub(crate) fn of(&self, family: Family) -> &Table {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    pub(crate) fn of_mut(&mut self, family: Family) -> &mut Table {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// How a peer's session with calidris is to be configured; graceful restart is always on.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    /// ADD-PATH in both directions.
    pub(crate) add_path: bool,
    /// The TCP MD5 password.
    pub(crate) password: Option<&'static str>,
    /// TTL 255 sent and required.
    pub(crate) ttl_security: bool,
    /// What the peer announces by itself, where it can; others have it from the feeder.
    pub(crate) announced: Announced,
}

impl Setup {
    pub(crate) fn plain(kind: Kind, announced: Announced) -> Self {
        Self {
            kind,
            add_path: false,
            password: None,
            ttl_security: false,
            announced,
        }
    }

    /// The feeder's addresses that the peer has a session with, if it passes routes on: a neighbour
    /// that stays away would keep a restarting peer waiting.
    pub(crate) fn feeders(&self) -> &'static [u8] {
        match self.add_path {
            true => &FEEDERS,
            false => &FEEDERS[..1],
        }
    }
}

/// A capability that calidris announces and a peer may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Capability {
    Multiprotocol,
    RouteRefresh,
    EnhancedRefresh,
    FourOctetAs,
    GracefulRestart,
    AddPathReceive,
    AddPathSend,
    ExtendedMessage,
}
