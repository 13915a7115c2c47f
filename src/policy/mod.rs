//! Import, export and kernel policy: ordered rules, compiled once, applied without side effects.
//!
//! A [`Policy`] is a value: the plan builds it, the RIB applies it, `plan` and `explain` print it.

mod edit;
mod matcher;
mod prefix_set;
mod role;
mod rule;
mod selection;

pub use edit::{Edit, NextHopMode};
pub use matcher::{Condition, LOCAL_PREF_DEFAULT, RouteContext, RouteSource};
pub use prefix_set::PrefixSet;
pub use role::OtcVerdict;
pub use rule::{Policy, Rule, Then, Verdict};
pub use selection::SelectionRules;

/// 2³¹−1, the constant that ties kernel metrics to LOCAL_PREF in Calico: `p = MAX − m`
/// (spec/calico.md §4.2).
pub const PRIORITY_MAX: u32 = i32::MAX as u32;
