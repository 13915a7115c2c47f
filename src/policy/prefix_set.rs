//! Sets of prefixes that conditions ask, for every route and every group.

use std::ops::Deref;
use std::sync::Arc;

use crate::net::Prefix;

/// A set of prefixes in ascending order, asked in logarithmic time; a clone is a pointer or two.
///
/// ```
/// use calidris::policy::PrefixSet;
/// use calidris::net::Prefix;
///
/// let prefix = |text: &str| text.parse::<Prefix>().expect("a prefix");
/// let blocks = PrefixSet::from([prefix("10.65.0.64/26"), prefix("10.65.0.0/26")]);
/// assert!(blocks.covers(&prefix("10.65.0.70/32")) && !blocks.has(&prefix("10.65.0.70/32")));
/// assert!(!blocks.covers(&prefix("10.65.0.0/24")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct PrefixSet {
    listed: Arc<[Prefix]>,
    /// Those that lie in no other one. They do not overlap, so of all that begin at or before a prefix
    /// only the last can cover it.
    #[serde(skip)]
    outermost: Arc<[Prefix]>,
}

impl PrefixSet {
    /// Whether a prefix is one of these.
    pub fn has(&self, prefix: &Prefix) -> bool {
        self.listed.binary_search(prefix).is_ok()
    }

    /// Whether a prefix is one of these or lies inside one.
    pub fn covers(&self, prefix: &Prefix) -> bool {
        let begun = self.outermost.partition_point(|one| one <= prefix);
        let last = begun.checked_sub(1).and_then(|at| self.outermost.get(at));
        last.is_some_and(|one| one.contains(prefix))
    }
}

impl FromIterator<Prefix> for PrefixSet {
    fn from_iter<I: IntoIterator<Item = Prefix>>(prefixes: I) -> Self {
        let mut listed: Vec<Prefix> = prefixes.into_iter().collect();
        listed.sort_unstable();
        listed.dedup();
        let mut outermost: Vec<Prefix> = Vec::new();
        for prefix in &listed {
            // Ascending, so whatever covers this one came before it.
            if !outermost.last().is_some_and(|last| last.contains(prefix)) {
                outermost.push(*prefix);
            }
        }
        let nested = outermost.len() < listed.len();
        let listed: Arc<[Prefix]> = listed.into();
        Self {
            outermost: if nested {
                outermost.into()
            } else {
                Arc::clone(&listed)
            },
            listed,
        }
    }
}

impl<const N: usize> From<[Prefix; N]> for PrefixSet {
    fn from(prefixes: [Prefix; N]) -> Self {
        prefixes.into_iter().collect()
    }
}

impl Deref for PrefixSet {
    type Target = [Prefix];

    fn deref(&self) -> &[Prefix] {
        &self.listed
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    /// Prefixes close to each other and to the ends of the address space, so that many nest.
    fn prefix() -> impl Strategy<Value = Prefix> {
        let masked = |bits: u32, length: u8| {
            bits & u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
        };
        let address = || prop_oneof![0u32..64, any::<u32>(), u32::MAX - 64..=u32::MAX];
        let length = || prop_oneof![0u8..=32, 24u8..=32];
        prop_oneof![
            (address(), length()).prop_map(move |(bits, length)| {
                Prefix::new(Ipv4Addr::from(masked(bits, length)).into(), length)
            }),
            (address(), length()).prop_map(move |(bits, length)| {
                let bits = u128::from(masked(bits, length)) << 96;
                Prefix::new(Ipv6Addr::from(bits).into(), length)
            }),
        ]
        .prop_map(|prefix| prefix.expect("in range"))
    }

    proptest! {
        #[test]
        fn answers_as_a_walk_over_all_would(
            listed in prop::collection::vec(prefix(), 0..40),
            asked in prop::collection::vec(prefix(), 1..40),
        ) {
            let set: PrefixSet = listed.iter().copied().collect();
            for prefix in asked.iter().chain(&listed) {
                prop_assert_eq!(set.has(prefix), listed.contains(prefix));
                let covered = listed.iter().any(|one| one.contains(prefix));
                prop_assert_eq!(set.covers(prefix), covered, "{}", prefix);
            }
        }
    }

    #[test]
    fn the_order_in_which_prefixes_are_listed_means_nothing() {
        let [a, b] = ["10.65.1.0/24", "10.65.0.0/16"].map(|p| p.parse().expect("a prefix"));
        assert_eq!(PrefixSet::from([a, b, a]), PrefixSet::from([b, a]));
        assert_eq!(PrefixSet::from([a, b]).to_vec(), [b, a]);
    }
}
