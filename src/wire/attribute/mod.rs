//! Path attributes (RFC 4271 §4.3, §5) as calidris keeps them: complete, immutable, comparable.
//!
//! A set has three forms. [`AttributesView`] borrows from the UPDATE that it arrived in: verified, and
//! not copied. Its *content* is a row of octets: what is written for a peer with four-octet AS numbers,
//! with any IPv6 next hop in front. [`PathAttributes`] is the set taken apart, for rules and decisions.
//! Two sets are equal exactly where their contents are, so a table of known sets is asked by the content
//! of a view, and only a set that is new has to be built.

mod as_path;
pub mod code;
mod community;
mod content;
mod encode;
mod error;
mod list;
mod rare;
mod raw;
mod reach;
mod value;
mod view;
mod walk;

pub use as_path::AsPath;
pub use community::{Community, CommunityError, LargeCommunity};
pub use error::{AttributeError, AttributeErrorKind};
pub use list::RareList;
pub use rare::{Rare, RareAttributes};
pub use view::AttributesView;
pub(crate) use walk::Walk;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::Asn;

/// Everything that one UPDATE says about its prefixes; equal content means equal value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathAttributes {
    /// ORIGIN (1).
    pub origin: Origin,
    /// AS_PATH (2), already reconciled with AS4_PATH.
    pub as_path: AsPath,
    /// NEXT_HOP (3), or the next hop of MP_REACH_NLRI (14).
    pub next_hop: NextHop,
    /// MULTI_EXIT_DISC (4).
    pub med: Option<u32>,
    /// LOCAL_PREF (5).
    pub local_pref: Option<u32>,
    /// ATOMIC_AGGREGATE (6).
    pub atomic_aggregate: bool,
    /// COMMUNITIES (8), in the order received.
    pub communities: Box<[Community]>,
    /// Which attributes came with the Partial bit, which nobody may take away (RFC 4271 §5).
    pub partial: PartialBits,
    /// All others.
    pub rare: Rare,
}

impl PathAttributes {
    /// The attributes of a route that the speaker itself originates: IGP origin, empty path.
    pub fn originated(next_hop: NextHop) -> Self {
        Self {
            origin: Origin::Igp,
            as_path: AsPath::default(),
            next_hop,
            med: None,
            local_pref: None,
            atomic_aggregate: false,
            communities: Box::default(),
            partial: PartialBits::default(),
            rare: Rare::default(),
        }
    }

    /// The accumulated IGP metric: the value of the first TLV of type 1 in AIGP (RFC 7311 §3).
    pub fn aigp_metric(&self) -> Option<u64> {
        value::aigp_metric(&self.rare.aigp)
    }

    /// Whether a standard community is attached.
    pub fn has_community(&self, community: Community) -> bool {
        self.communities.contains(&community)
    }
}

/// ORIGIN (RFC 4271 §5.1.1); lower is preferred.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Interior to the originating AS.
    Igp,
    /// Learned by EGP.
    Egp,
    /// Learned otherwise.
    Incomplete,
}

/// Where packets for the announced prefixes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NextHop {
    /// The speaker itself: a route that it originates; replaced before anything is sent.
    Local,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, with the link-local one where MP_REACH_NLRI carried 32 octets (RFC 2545 §3).
    V6 {
        /// The global address.
        global: Ipv6Addr,
        /// The link-local address on the shared link.
        link_local: Option<Ipv6Addr>,
    },
}

impl NextHop {
    /// The (global) address; `None` for [`NextHop::Local`].
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Local => None,
            Self::V4(address) => Some(IpAddr::V4(*address)),
            Self::V6 { global, .. } => Some(IpAddr::V6(*global)),
        }
    }
}

impl From<IpAddr> for NextHop {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(global) => Self::V6 {
                global,
                link_local: None,
            },
        }
    }
}

/// AGGREGATOR (RFC 4271 §5.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Aggregator {
    /// The AS that formed the aggregate.
    pub asn: Asn,
    /// The speaker that formed it.
    pub router_id: Ipv4Addr,
}

/// Interpreted attributes that some speaker on the way did not know.
///
/// Only optional transitive ones are noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PartialBits(u8);

impl PartialBits {
    /// The bit of a type code; none where the Partial bit means nothing.
    const fn bit(code: u8) -> u8 {
        match code {
            code::AGGREGATOR => 1,
            code::COMMUNITIES => 1 << 1,
            code::EXTENDED_COMMUNITIES => 1 << 2,
            code::IPV6_EXTENDED_COMMUNITIES => 1 << 3,
            code::LARGE_COMMUNITY => 1 << 4,
            code::ONLY_TO_CUSTOMER => 1 << 5,
            _ => 0,
        }
    }

    /// Notes the Partial bit of an attribute that it means something for.
    const fn insert(&mut self, code: u8) {
        self.0 |= Self::bit(code);
    }

    /// Forgets the bit of an attribute that is not there any more, so that equal sets are equal.
    pub const fn remove(&mut self, code: u8) {
        self.0 &= !Self::bit(code);
    }

    /// Whether an attribute came with the Partial bit.
    pub const fn contains(self, code: u8) -> bool {
        self.0 & Self::bit(code) != 0
    }
}

/// An optional transitive attribute kept byte for byte; it leaves with the Partial bit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnknownAttribute {
    /// The attribute type code.
    pub code: u8,
    /// The value.
    pub value: Box<[u8]>,
}
