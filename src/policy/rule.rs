//! Rules and the policy that holds them.

use std::sync::Arc;

use super::edit::{Draft, Edit};
use super::matcher::{Condition, RouteContext};
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

impl Policy {
    /// Runs the rules in order until one decides.
    ///
    /// Edits of a rule that passes on are seen by the rules after it. Nothing is allocated where the
    /// attributes stay as they are; an edit that changes nothing counts as none.
    ///
    /// ```
    /// use calidris::policy::{Condition, Policy, RouteContext, RouteSource, Rule, Then, Verdict};
    /// use calidris::wire::{NextHop, PathAttributes};
    ///
    /// let pool = "10.65.0.0/16".parse().expect("a prefix");
    /// let policy = Policy {
    ///     name: "export ipv4".into(),
    ///     rules: vec![Rule {
    ///         name: "IPPool/pods spec.cidr".into(),
    ///         conditions: vec![Condition::Inside([pool].into())],
    ///         edits: Vec::new(),
    ///         then: Then::Accept,
    ///     }],
    ///     otherwise: Then::Reject,
    /// };
    /// let verdict = policy.apply(&RouteContext {
    ///     prefix: "10.65.3.0/26".parse().expect("a prefix"),
    ///     attributes: &PathAttributes::originated(NextHop::Local),
    ///     source: RouteSource::Static,
    /// });
    /// assert!(matches!(verdict, Verdict::Accept { rule: Some(0), attributes: None, .. }));
    /// ```
    pub fn apply(&self, route: &RouteContext<'_>) -> Verdict {
        self.apply_watched(route, |_| {})
    }

    /// The same, and `met` is told the index of each rule whose conditions hold, in order.
    pub fn apply_watched(&self, route: &RouteContext<'_>, mut met: impl FnMut(usize)) -> Verdict {
        let mut draft = Draft::new(route.attributes);
        for (index, rule) in self.rules.iter().enumerate() {
            let seen = RouteContext {
                attributes: draft.attributes(),
                ..*route
            };
            if !rule
                .conditions
                .iter()
                .all(|condition| condition.holds(&seen))
            {
                continue;
            }
            met(index);
            for edit in &rule.edits {
                draft.apply(edit);
            }
            match rule.then {
                Then::Accept => return draft.accept(Some(index)),
                Then::Reject => return Verdict::Reject { rule: Some(index) },
                Then::Next => {}
            }
        }
        match self.otherwise {
            // There is no rule after the last one; a plan that says `Next` here means "let it be".
            Then::Accept | Then::Next => draft.accept(None),
            Then::Reject => Verdict::Reject { rule: None },
        }
    }

    /// Whether the verdict may differ between prefixes with the same attributes and source.
    pub fn looks_at_prefix(&self) -> bool {
        self.rules
            .iter()
            .flat_map(|rule| &rule.conditions)
            .any(Condition::looks_at_prefix)
    }
}

#[cfg(test)]
mod tests;
