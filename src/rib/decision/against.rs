//! One candidate against the best of others: what the steps come to when just one path is new.

use std::cmp::Ordering;

use super::{Candidate, tie_break};
use crate::policy::SelectionRules;

/// How a new candidate stands to those that were selected before it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// It loses a step, and with that changes nothing.
    Loses,
    /// All others lose a step to it.
    Wins,
    /// It may share the load, and is the best one or not.
    Shares {
        /// Whether it wins the tie.
        is_best: bool,
    },
    /// Others have to be looked at, of which MED may strike or spare some.
    Unclear,
}

impl Candidate {
    /// Takes the steps for this candidate and the `best` of all others. `meds` says whether any of
    /// them may have a MED; without, each step only asks for the least, and so do all of them together.
    pub(crate) fn against(&self, best: &Self, rules: &SelectionRules, meds: bool) -> Against {
        let before = before_med(self).cmp(&before_med(best));
        let order = match before {
            Ordering::Equal if meds && !rules.always_compare_med => return Against::Unclear,
            Ordering::Equal => from_med(self).cmp(&from_med(best)),
            Ordering::Less | Ordering::Greater => before,
        };
        match order {
            Ordering::Greater => Against::Loses,
            Ordering::Less => Against::Wins,
            Ordering::Equal if rules.multipath_same_as_path => Against::Unclear,
            Ordering::Equal => Against::Shares {
                is_best: tie_break(self, best).1.is_lt(),
            },
        }
    }

    /// Whether the candidate has a MED that could strike others.
    pub(crate) const fn has_med(&self) -> bool {
        self.med != 0
    }
}

fn before_med(c: &Candidate) -> impl Ord {
    let source = (!c.preference, !c.local, !c.reachable, c.long_lived_stale);
    let attributes = (!c.local_pref, (c.aigp.is_none(), c.aigp));
    (source, attributes, c.as_path_length, c.origin)
}

fn from_med(c: &Candidate) -> impl Ord {
    (c.med, !c.external, c.metric)
}
