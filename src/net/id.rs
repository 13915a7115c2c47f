//! Numbers that name things: autonomous systems, routers, clusters, peers and paths.

use std::fmt;
use std::net::Ipv4Addr;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A four-octet autonomous system number (RFC 6793).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Asn(pub u32);

impl Asn {
    /// AS_TRANS, which stands for a four-octet number towards two-octet speakers (RFC 6793 §9).
    pub const TRANS: Self = Self(23_456);

    /// The number in two octets where it fits, else AS_TRANS.
    pub fn to_two_octets(self) -> u16 {
        u16::try_from(self.0).unwrap_or(23_456)
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Asn {
    type Err = ParseIntError;

    /// Reads plain decimal or asdot (`1.10` is 65546), as Calico does.
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        match text.split_once('.') {
            None => text.parse().map(Self),
            Some((high, low)) => {
                let (high, low) = (high.parse::<u16>()?, low.parse::<u16>()?);
                Ok(Self(u32::from(high) << 16 | u32::from(low)))
            }
        }
    }
}

/// A BGP Identifier: four octets, unique in an AS, not zero (RFC 6286).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RouterId(pub Ipv4Addr);

impl fmt::Display for RouterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A route reflection cluster's identifier (RFC 4456 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(pub Ipv4Addr);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The process-local handle of a configured peer; never on the wire, never reused while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PeerId(pub u32);

impl PeerId {
    /// The speaker itself: the source of locally originated routes.
    pub const LOCAL: Self = Self(0);
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer-{}", self.0)
    }
}

/// An ADD-PATH path identifier (RFC 7911); zero where ADD-PATH was not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PathId(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_numbers_are_read_in_both_notations() {
        assert_eq!("64512".parse(), Ok(Asn(64_512)));
        assert_eq!("1.10".parse(), Ok(Asn(65_546)));
        assert!("abc".parse::<Asn>().is_err());
        assert!("1.70000".parse::<Asn>().is_err());
        assert!("".parse::<Asn>().is_err());
    }

    #[test]
    fn large_as_numbers_become_as_trans_in_two_octets() {
        assert_eq!(Asn(64_512).to_two_octets(), 64_512);
        assert_eq!(Asn(65_546).to_two_octets(), 23_456);
    }
}
