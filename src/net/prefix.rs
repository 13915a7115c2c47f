//! Masked prefixes: compact keys for tables, and one enum for the edges.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use serde::{Deserialize, Serialize};

use super::family::Family;

/// Why an address and a length do not make a prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// The length exceeds the family's width.
    #[error("prefix length {length} is above {max}")]
    Length {
        /// The length found.
        length: u8,
        /// The family's width in bits.
        max: u8,
    },
    /// The text is not an address with an optional length.
    #[error("{0:?} is not a prefix such as 10.65.0.0/26 or fd00:10:65::/122")]
    Text(String),
}

/// What tables need of a prefix: a small, hashable, ordered key that converts at the edges.
pub trait PrefixKey:
    Copy + Clone + fmt::Debug + fmt::Display + Eq + Ord + Hash + Send + Sync + Into<Prefix> + 'static
{
    /// The family's width in bits: 32 or 128.
    const WIDTH: u8;

    /// Masks `octets` (network order, missing ones zero, surplus ignored) to `length` bits.
    ///
    /// # Errors
    /// [`PrefixError::Length`] where the length exceeds [`Self::WIDTH`].
    fn from_octets(octets: &[u8], length: u8) -> Result<Self, PrefixError>;

    /// The address in network order, in an array of the widest family; `WIDTH / 8` octets count.
    fn octets(&self) -> [u8; 16];

    /// The number of leading bits that count.
    fn length(&self) -> u8;

    /// The prefix from its general form; `None` where the family differs.
    fn from_prefix(prefix: Prefix) -> Option<Self>;
}

/// A masked IPv4 prefix, 5 bytes wherever they stand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ipv4Prefix {
    octets: [u8; 4],
    length: u8,
}

/// A masked IPv6 prefix, 17 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ipv6Prefix {
    octets: [u8; 16],
    length: u8,
}

impl Ipv4Prefix {
    /// Masks an address.
    ///
    /// # Errors
    /// [`PrefixError::Length`] above 32.
    pub const fn new(address: Ipv4Addr, length: u8) -> Result<Self, PrefixError> {
        if length > 32 {
            return Err(PrefixError::Length { length, max: 32 });
        }
        let mask = if length == 0 {
            0
        } else {
            u32::MAX << (32 - length)
        };
        Ok(Self {
            octets: (address.to_bits() & mask).to_be_bytes(),
            length,
        })
    }

    /// The first address.
    pub const fn address(&self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.octets)
    }
}

impl Hash for Ipv4Prefix {
    /// Hands all over at once, which hashers of tables take in one step.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bits = u64::from(u32::from_ne_bytes(self.octets));
        state.write_u64(bits << 8 | u64::from(self.length));
    }
}

impl Ipv6Prefix {
    /// Masks an address.
    ///
    /// # Errors
    /// [`PrefixError::Length`] above 128.
    pub const fn new(address: Ipv6Addr, length: u8) -> Result<Self, PrefixError> {
        if length > 128 {
            return Err(PrefixError::Length { length, max: 128 });
        }
        let mask = if length == 0 {
            0
        } else {
            u128::MAX << (128 - length)
        };
        Ok(Self {
            octets: (address.to_bits() & mask).to_be_bytes(),
            length,
        })
    }

    /// The first address.
    pub const fn address(&self) -> Ipv6Addr {
        Ipv6Addr::from_octets(self.octets)
    }
}

impl Hash for Ipv6Prefix {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.octets));
        state.write_u8(self.length);
    }
}

impl PrefixKey for Ipv4Prefix {
    const WIDTH: u8 = 32;

    #[inline]
    fn from_octets(octets: &[u8], length: u8) -> Result<Self, PrefixError> {
        Self::new(Ipv4Addr::from(padded(octets)), length)
    }

    fn octets(&self) -> [u8; 16] {
        let [a, b, c, d] = self.octets;
        [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    }

    fn length(&self) -> u8 {
        self.length
    }

    fn from_prefix(prefix: Prefix) -> Option<Self> {
        match prefix {
            Prefix::V4(prefix) => Some(prefix),
            Prefix::V6(_) => None,
        }
    }
}

impl PrefixKey for Ipv6Prefix {
    const WIDTH: u8 = 128;

    #[inline]
    fn from_octets(octets: &[u8], length: u8) -> Result<Self, PrefixError> {
        Self::new(Ipv6Addr::from(padded(octets)), length)
    }

    fn octets(&self) -> [u8; 16] {
        self.octets
    }

    fn length(&self) -> u8 {
        self.length
    }

    fn from_prefix(prefix: Prefix) -> Option<Self> {
        match prefix {
            Prefix::V4(_) => None,
            Prefix::V6(prefix) => Some(prefix),
        }
    }
}

/// The first `N` octets, zeros where there are fewer. Whole arrays, the common case in long NLRI
/// runs, are one load.
#[inline]
fn padded<const N: usize>(octets: &[u8]) -> [u8; N] {
    if let Some(whole) = octets.first_chunk() {
        return *whole;
    }
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(octets) {
        *to = *from;
    }
    array
}

/// A masked prefix of either family, for plans, settings and answers; tables use the narrow types.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prefix {
    /// An IPv4 prefix.
    V4(Ipv4Prefix),
    /// An IPv6 prefix.
    V6(Ipv6Prefix),
}

impl Prefix {
    /// Masks an address to a length.
    ///
    /// # Errors
    /// [`PrefixError::Length`] above the family's width.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, PrefixError> {
        match address {
            IpAddr::V4(address) => Ipv4Prefix::new(address, length).map(Self::V4),
            IpAddr::V6(address) => Ipv6Prefix::new(address, length).map(Self::V6),
        }
    }

    /// The prefix that holds one address only.
    pub const fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(Ipv4Prefix {
                octets: address.octets(),
                length: 32,
            }),
            IpAddr::V6(address) => Self::V6(Ipv6Prefix {
                octets: address.octets(),
                length: 128,
            }),
        }
    }

    /// The prefix's family.
    pub const fn family(&self) -> Family {
        match self {
            Self::V4(_) => Family::Ipv4,
            Self::V6(_) => Family::Ipv6,
        }
    }

    /// The first address.
    pub const fn address(&self) -> IpAddr {
        match self {
            Self::V4(prefix) => IpAddr::V4(prefix.address()),
            Self::V6(prefix) => IpAddr::V6(prefix.address()),
        }
    }

    /// The number of leading bits that count.
    pub const fn length(&self) -> u8 {
        match self {
            Self::V4(prefix) => prefix.length,
            Self::V6(prefix) => prefix.length,
        }
    }

    /// Whether the prefix holds a single address: /32 or /128.
    pub const fn is_host(&self) -> bool {
        match self {
            Self::V4(prefix) => prefix.length == 32,
            Self::V6(prefix) => prefix.length == 128,
        }
    }

    /// Whether `other` is this prefix or a more specific one inside it.
    pub fn contains(&self, other: &Self) -> bool {
        other.length() >= self.length()
            && Self::new(other.address(), self.length()).is_ok_and(|masked| masked == *self)
    }

    /// Whether an address lies inside.
    pub fn contains_address(&self, address: IpAddr) -> bool {
        self.contains(&Self::host(address))
    }
}

impl From<Ipv4Prefix> for Prefix {
    fn from(prefix: Ipv4Prefix) -> Self {
        Self::V4(prefix)
    }
}

impl From<Ipv6Prefix> for Prefix {
    fn from(prefix: Ipv6Prefix) -> Self {
        Self::V6(prefix)
    }
}

impl From<IpNetwork> for Prefix {
    fn from(network: IpNetwork) -> Self {
        Self::new(network.ip(), network.prefix())
            .expect("ipnetwork holds no length above the family's width")
    }
}

impl From<Prefix> for IpNetwork {
    fn from(prefix: Prefix) -> Self {
        match prefix {
            Prefix::V4(p) => Self::V4(
                Ipv4Network::new(p.address(), p.length).expect("a prefix's length fits its family"),
            ),
            Prefix::V6(p) => Self::V6(
                Ipv6Network::new(p.address(), p.length).expect("a prefix's length fits its family"),
            ),
        }
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// Reads `address/length`; a bare address stands for its host prefix; host bits are masked off.
    fn from_str(text: &str) -> Result<Self, PrefixError> {
        text.parse::<IpNetwork>()
            .map(Self::from)
            .map_err(|_| PrefixError::Text(text.to_owned()))
    }
}

impl fmt::Display for Ipv4Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.length)
    }
}

impl fmt::Display for Ipv6Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address(), self.length)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(prefix) => prefix.fmt(f),
            Self::V6(prefix) => prefix.fmt(f),
        }
    }
}

macro_rules! debug_as_display {
    ($($name:ty),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
debug_as_display!(Ipv4Prefix, Ipv6Prefix, Prefix);

impl Serialize for Prefix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().expect("a valid prefix")
    }

    #[test]
    fn host_bits_are_masked_off() {
        assert_eq!(prefix("10.65.0.9/26"), prefix("10.65.0.0/26"));
        assert_eq!(prefix("fd00::1:5/112").to_string(), "fd00::1:0/112");
    }

    #[test]
    fn lengths_beyond_the_family_are_refused() {
        assert!("10.0.0.0/33".parse::<Prefix>().is_err());
        assert_eq!(
            Ipv6Prefix::new(Ipv6Addr::LOCALHOST, 129),
            Err(PrefixError::Length {
                length: 129,
                max: 128
            })
        );
    }

    #[test]
    fn containment_is_by_length_and_bits_within_one_family() {
        assert!(prefix("10.65.0.0/16").contains(&prefix("10.65.3.0/26")));
        assert!(prefix("10.65.3.0/26").contains(&prefix("10.65.3.0/26")));
        assert!(!prefix("10.65.3.0/26").contains(&prefix("10.65.0.0/16")));
        assert!(!prefix("0.0.0.0/0").contains(&prefix("::/0")));
        assert!(prefix("::/0").contains_address("fd00::1".parse().expect("an address")));
    }

    #[test]
    fn keys_are_as_small_as_documented() {
        assert_eq!(size_of::<Ipv4Prefix>(), 5);
        assert_eq!(size_of::<Ipv6Prefix>(), 17);
    }

    proptest! {
        #[test]
        fn text_and_octets_round_trip(bits: u128, v6: bool, length in 0u8..=128) {
            let prefix = if v6 {
                Prefix::new(Ipv6Addr::from_bits(bits).into(), length).expect("in range")
            } else {
                let [a, b, c, d, ..] = bits.to_be_bytes();
                Prefix::new(Ipv4Addr::new(a, b, c, d).into(), length % 33).expect("in range")
            };
            prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
            prop_assert_eq!(Prefix::from(IpNetwork::from(prefix)), prefix);
            match prefix {
                Prefix::V4(p) => prop_assert_eq!(Ipv4Prefix::from_octets(&p.octets(), p.length()), Ok(p)),
                Prefix::V6(p) => prop_assert_eq!(Ipv6Prefix::from_octets(&p.octets(), p.length()), Ok(p)),
            }
        }
    }
}
