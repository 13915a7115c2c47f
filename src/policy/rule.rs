//! Rules and the policy that holds them.

use std::sync::Arc;

use super::edit::Edit;
use super::matcher::Condition;
use crate::wire::PathAttributes;

/// An ordered list of rules; equal policies are interchangeable, so that groups can share them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Policy {
    /// What the policy is called in `plan` and `explain`, such as `export ipv4 Mesh`.
    pub name: Arc<str>,
    /// The rules, first to last.
    pub rules: Vec<Rule>,
    /// What happens to a route that no rule decided.
    pub otherwise: Then,
}

/// One rule: if all conditions hold, the edits apply, and then it decides or passes on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Rule {
    /// Where the rule comes from, such as `IPPool/pods-v4 spec.cidr`.
    pub name: Arc<str>,
    /// All must hold; none means always.
    pub conditions: Vec<Condition>,
    /// Applied in order where the conditions hold.
    pub edits: Vec<Edit>,
    /// What happens next.
    pub then: Then,
}

/// The end of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// Accept the route as edited.
    Accept,
    /// Refuse the route.
    Reject,
    /// Go on with the next rule.
    Next,
}

/// What a policy says of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The route passes.
    Accept {
        /// The edited attributes; `None` where nothing changed.
        attributes: Option<Box<PathAttributes>>,
        /// The preference set by [`Edit::Preference`].
        preference: Option<u32>,
        /// The index of the deciding rule; `None` for the policy's `otherwise`.
        rule: Option<usize>,
    },
    /// The route is refused.
    Reject {
        /// The index of the deciding rule; `None` for the policy's `otherwise`.
        rule: Option<usize>,
    },
}
