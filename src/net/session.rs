//! What two speakers agree on, as far as several rooms must name it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one side is willing to do with ADD-PATH in a family (RFC 7911 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AddPathDirection {
    /// Able to receive several paths to a prefix.
    pub receive: bool,
    /// Able to send several paths to a prefix.
    pub send: bool,
}

/// The role of this side in a peering between autonomous systems (RFC 9234 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// This side sells transit to the peer.
    Provider,
    /// This side is a route server.
    Rs,
    /// This side is the client of a route server.
    RsClient,
    /// This side buys transit from the peer.
    Customer,
    /// Both sides exchange their own and their customers' routes.
    Peer,
}

impl Role {
    /// The value in the capability.
    pub const fn wire(self) -> u8 {
        match self {
            Self::Provider => 0,
            Self::Rs => 1,
            Self::RsClient => 2,
            Self::Customer => 3,
            Self::Peer => 4,
        }
    }

    /// The role with this value; `None` for those that RFC 9234 leaves unassigned.
    pub const fn from_wire(value: u8) -> Option<Self> {
        Some(match value {
            0 => Self::Provider,
            1 => Self::Rs,
            2 => Self::RsClient,
            3 => Self::Customer,
            4 => Self::Peer,
            _ => return None,
        })
    }

    /// The one role that the other side may have (RFC 9234 §4.2).
    #[must_use]
    pub const fn counterpart(self) -> Self {
        match self {
            Self::Provider => Self::Customer,
            Self::Customer => Self::Provider,
            Self::Rs => Self::RsClient,
            Self::RsClient => Self::Rs,
            Self::Peer => Self::Peer,
        }
    }

    /// As the annotation `calidris.io/role` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Rs => "rs",
            Self::RsClient => "rs-client",
            Self::Customer => "customer",
            Self::Peer => "peer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many prefixes a peer may announce in a family (RFC 4271 §6.7, RFC 4486).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrefixLimit {
    /// The session is closed with Cease 6/1 when there are more than these.
    pub max: u32,
    /// A warning is given when this share of `max` is exceeded, in percent.
    pub warn_percent: u8,
    /// How long the session then stays down; `None` until an operator enables it.
    pub restart: Option<Duration>,
}

/// Octets that nobody may read: a password. Neither shown by `Debug` nor serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// Wraps the octets.
    pub fn new(octets: &[u8]) -> Self {
        Self(octets.into())
    }

    /// The octets, for the one place that hands them to the kernel.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
