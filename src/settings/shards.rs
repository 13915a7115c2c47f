//! How many parts the routing table has.

use std::fmt;
use std::str::FromStr;

use crate::rib::SHARDS_MAX;

/// `--rib-shards`: how many parts the routing table has; of several each has a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RibShards {
    /// As many as are known to be of use.
    #[default]
    Auto,
    /// So many.
    Fixed(usize),
}

impl RibShards {
    /// The number that it comes to.
    pub const fn count(self) -> usize {
        match self {
            // With two cores a second shard takes from the sessions what it gives to the table.
            Self::Auto => 1,
            Self::Fixed(count) => count,
        }
    }
}

impl FromStr for RibShards {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(count) if (1..=SHARDS_MAX).contains(&count) => Ok(Self::Fixed(count)),
                _ => Err(format!("must be a number from 1 to {SHARDS_MAX}, or auto")),
            },
        }
    }
}

impl fmt::Display for RibShards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(count) => count.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_within_bounds_or_auto_is_taken() {
        assert_eq!("auto".parse(), Ok(RibShards::Auto));
        assert_eq!("2".parse(), Ok(RibShards::Fixed(2)));
        for text in ["0", "65", "-1", "many"] {
            assert!(text.parse::<RibShards>().is_err(), "{text}");
        }
        assert_eq!(RibShards::Fixed(3).to_string(), "3");
    }
}
