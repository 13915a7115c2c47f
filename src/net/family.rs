//! Address families (RFC 4760 §3) and the trait that makes tables monomorphic in one of them.

use std::fmt;

use super::prefix::{Ipv4Prefix, Ipv6Prefix, Prefix, PrefixKey};

/// An Address Family Identifier as IANA numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Afi(pub u16);

impl Afi {
    /// IPv4, number 1.
    pub const IPV4: Self = Self(1);
    /// IPv6, number 2.
    pub const IPV6: Self = Self(2);
}

/// A Subsequent Address Family Identifier as IANA numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Safi(pub u8);

impl Safi {
    /// Unicast forwarding, number 1.
    pub const UNICAST: Self = Self(1);
}

/// A family whose routes calidris carries.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4 unicast, AFI 1 and SAFI 1.
    Ipv4,
    /// IPv6 unicast, AFI 2 and SAFI 1.
    Ipv6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// Recognises a pair of numbers from the wire; `None` for families that calidris does not carry.
    pub fn from_wire(afi: Afi, safi: Safi) -> Option<Self> {
        match (afi, safi) {
            (Afi::IPV4, Safi::UNICAST) => Some(Self::Ipv4),
            (Afi::IPV6, Safi::UNICAST) => Some(Self::Ipv6),
            _ => None,
        }
    }

    /// The AFI number of this family.
    pub const fn afi(self) -> Afi {
        match self {
            Self::Ipv4 => Afi::IPV4,
            Self::Ipv6 => Afi::IPV6,
        }
    }

    /// The SAFI number of this family.
    pub const fn safi(self) -> Safi {
        Safi::UNICAST
    }

    /// The family that an address belongs to.
    pub const fn of(address: std::net::IpAddr) -> Self {
        match address {
            std::net::IpAddr::V4(_) => Self::Ipv4,
            std::net::IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// The name used in metrics, flags and JSON: `ipv4` or `ipv6`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A family known at compile time, so that tables and codecs are generated once for each.
pub trait AddressFamily:
    Copy + Clone + fmt::Debug + Default + PartialEq + Eq + Send + Sync + 'static
{
    /// The masked prefix of this family.
    type Prefix: PrefixKey;
    /// The same family as a value.
    const FAMILY: Family;
}

/// IPv4 unicast as a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipv4;

/// IPv6 unicast as a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipv6;

impl AddressFamily for Ipv4 {
    type Prefix = Ipv4Prefix;
    const FAMILY: Family = Family::Ipv4;
}

impl AddressFamily for Ipv6 {
    type Prefix = Ipv6Prefix;
    const FAMILY: Family = Family::Ipv6;
}

/// One value for each family.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct PerFamily<T> {
    /// The value for IPv4.
    pub ipv4: T,
    /// The value for IPv6.
    pub ipv6: T,
}

impl<T> PerFamily<T> {
    /// Borrows the value of one family.
    pub const fn get(&self, family: Family) -> &T {
        match family {
            Family::Ipv4 => &self.ipv4,
            Family::Ipv6 => &self.ipv6,
        }
    }

    /// Borrows the value of one family mutably.
    pub const fn get_mut(&mut self, family: Family) -> &mut T {
        match family {
            Family::Ipv4 => &mut self.ipv4,
            Family::Ipv6 => &mut self.ipv6,
        }
    }

    /// Pairs each family with its value, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = (Family, &T)> {
        [(Family::Ipv4, &self.ipv4), (Family::Ipv6, &self.ipv6)].into_iter()
    }
}

impl PerFamily<bool> {
    /// The families whose value is `true`, IPv4 first.
    pub fn families(&self) -> impl Iterator<Item = Family> + use<> {
        let this = *self;
        Family::ALL
            .into_iter()
            .filter(move |family| *this.get(*family))
    }
}

impl From<Prefix> for Family {
    fn from(prefix: Prefix) -> Self {
        prefix.family()
    }
}
