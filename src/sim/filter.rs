//! Policies of the world, in the few forms that it needs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::net::Prefix;
use crate::policy::{Condition, Edit, Policy, PrefixSet, Rule, Then};
use crate::wire::Community;

/// What a session lets through in one direction, and what it makes of it.
///
/// The *low* prefixes are those inside 10.65.0.0/19 and fd10:65::/43.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// Everything.
    #[default]
    All,
    /// Nothing.
    Nothing,
    /// Low prefixes only.
    Low,
    /// All but low prefixes.
    High,
    /// Everything; low prefixes with this LOCAL_PREF.
    Prefer(u32),
    /// Everything, with a community.
    Tag(u16),
}

impl Filter {
    /// Whether a prefix is one of the low ones.
    pub(super) fn is_low(prefix: Prefix) -> bool {
        match prefix.address() {
            IpAddr::V4(address) => address.octets()[2] < 32,
            IpAddr::V6(address) => address.segments()[2] < 32,
        }
    }

    /// The community that a tag stands for.
    pub(super) const fn community(tag: u16) -> Community {
        Community(0xfc00_0000 | tag as u32)
    }

    /// The same as a policy.
    pub(super) fn policy(self) -> Arc<Policy> {
        let low = [
            Prefix::new(Ipv4Addr::new(10, 65, 0, 0).into(), 19),
            Prefix::new(Ipv6Addr::new(0xfd10, 0x65, 0, 0, 0, 0, 0, 0).into(), 43),
        ];
        let low: PrefixSet = low.into_iter().flatten().collect();
        let rule = |conditions, edits, then| {
            vec![Rule {
                name: "rule".into(),
                conditions,
                edits,
                then,
            }]
        };
        let inside = vec![Condition::Inside(low)];
        let (rules, otherwise) = match self {
            Self::All => (Vec::new(), Then::Accept),
            Self::Nothing => (Vec::new(), Then::Reject),
            Self::Low => (rule(inside, Vec::new(), Then::Accept), Then::Reject),
            Self::High => (rule(inside, Vec::new(), Then::Reject), Then::Accept),
            Self::Prefer(value) => {
                let edits = vec![Edit::LocalPref(value)];
                (rule(inside, edits, Then::Accept), Then::Accept)
            }
            Self::Tag(tag) => {
                let edits = vec![Edit::AddCommunity(Self::community(tag))];
                (rule(Vec::new(), edits, Then::Next), Then::Accept)
            }
        };
        Arc::new(Policy {
            name: "of the world".into(),
            rules,
            otherwise,
        })
    }
}
