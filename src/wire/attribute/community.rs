//! Standard communities (RFC 1997) and large ones (RFC 8092).

use std::fmt;
use std::str::FromStr;

/// A standard community (RFC 1997), `high:low` in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Community(pub u32);

impl Community {
    /// GRACEFUL_SHUTDOWN (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xffff_0000);
    /// ACCEPT_OWN (RFC 7611).
    pub const ACCEPT_OWN: Self = Self(0xffff_0001);
    /// LLGR_STALE: the route is kept though its announcer is gone (RFC 9494 §4.6).
    pub const LLGR_STALE: Self = Self(0xffff_0006);
    /// NO_LLGR: the route is not to be kept that long (RFC 9494 §4.7).
    pub const NO_LLGR: Self = Self(0xffff_0007);
    /// BLACKHOLE: traffic to the prefix is to be dropped (RFC 7999).
    pub const BLACKHOLE: Self = Self(0xffff_029a);
    /// NO_EXPORT (RFC 1997).
    pub const NO_EXPORT: Self = Self(0xffff_ff01);
    /// NO_ADVERTISE (RFC 1997).
    pub const NO_ADVERTISE: Self = Self(0xffff_ff02);
    /// NO_EXPORT_SUBCONFED (RFC 1997).
    pub const NO_EXPORT_SUBCONFED: Self = Self(0xffff_ff03);
    /// NOPEER (RFC 3765).
    pub const NOPEER: Self = Self(0xffff_ff04);

    /// The name that an RFC has given to it: `no-export`.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::GRACEFUL_SHUTDOWN => "graceful-shutdown",
            Self::ACCEPT_OWN => "accept-own",
            Self::LLGR_STALE => "llgr-stale",
            Self::NO_LLGR => "no-llgr",
            Self::BLACKHOLE => "blackhole",
            Self::NO_EXPORT => "no-export",
            Self::NO_ADVERTISE => "no-advertise",
            Self::NO_EXPORT_SUBCONFED => "no-export-subconfed",
            Self::NOPEER => "nopeer",
            _ => return None,
        })
    }
}

/// A large community (RFC 8092), three 32-bit parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LargeCommunity(pub [u32; 3]);

/// A text that is no community.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a community such as 65000:100 or 65000:1:100")]
pub struct CommunityError(String);

impl FromStr for Community {
    type Err = CommunityError;

    /// Reads `high:low`, two decimal numbers of 16 bits.
    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let parts = text
            .split_once(':')
            .and_then(|(high, low)| Some((high.parse::<u16>().ok()?, low.parse::<u16>().ok()?)));
        match parts {
            Some((high, low)) => Ok(Self(u32::from(high) << 16 | u32::from(low))),
            None => Err(CommunityError(text.to_owned())),
        }
    }
}

impl FromStr for LargeCommunity {
    type Err = CommunityError;

    /// Reads `global:first:second`, three decimal numbers of 32 bits.
    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let mut parts = text.split(':').map(|part| part.parse::<u32>().ok());
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(global)), Some(Some(first)), Some(Some(second)), None) => {
                Ok(Self([global, first, second]))
            }
            _ => Err(CommunityError(text.to_owned())),
        }
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0 >> 16, self.0 & 0xffff)
    }
}

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [global, first, second] = self.0;
        write!(f, "{global}:{first}:{second}")
    }
}

impl fmt::Debug for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Community {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl serde::Serialize for LargeCommunity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn communities_are_read_as_they_are_written() {
        assert_eq!("65000:100".parse(), Ok(Community(0xfde8_0064)));
        assert_eq!(Community::NO_EXPORT.to_string(), "65535:65281");
        assert_eq!(
            "4200000000:1:2".parse(),
            Ok(LargeCommunity([4_200_000_000, 1, 2]))
        );
        assert_eq!(LargeCommunity([1, 2, 3]).to_string(), "1:2:3");
    }

    #[test]
    fn well_known_communities_have_names() {
        assert_eq!(Community(0xffff_ff01).name(), Some("no-export"));
        assert_eq!(Community(0xffff_029a).name(), Some("blackhole"));
        assert_eq!("65535:6".parse(), Ok(Community::LLGR_STALE));
        assert_eq!(Community(0xfde8_0064).name(), None);
    }

    #[test]
    fn texts_that_are_no_communities_are_refused() {
        for text in ["", "1", "1:", "65536:1", "1:2:3", "a:b", "-1:2"] {
            assert!(text.parse::<Community>().is_err(), "{text}");
        }
        for text in ["", "1:2", "1:2:3:4", "1:2:4294967296", "x:1:2"] {
            assert!(text.parse::<LargeCommunity>().is_err(), "{text}");
        }
    }
}
