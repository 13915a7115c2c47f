//! The decision process under observation: which step decided about each candidate.

use super::{Candidate, Candidates, DecisionStep, Watch, best, eliminate, select, tie_break};
use crate::policy::SelectionRules;

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is the best path.
    Best,
    /// It is as good as the best path, which only a tie-break puts first, and shares its load.
    Shares(Comparison),
    /// It is as good as the best path and shares no load: its AS path is another one.
    OtherAsPath(Comparison),
    /// It is as good as the best path and shares no load: enough others do.
    BeyondMultipath(Comparison),
    /// Another one is better.
    Loses(Comparison),
}

/// A candidate against the one that is preferred to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The step that told them apart.
    pub(crate) step: DecisionStep,
    /// Where the preferred path stands in its destination.
    pub(crate) to: usize,
    /// What the step saw of this one.
    pub(crate) own: String,
    /// What the step saw of the preferred one.
    pub(crate) other: String,
}

/// Takes the steps over all candidates and tells the outcome of each, by their places.
pub(crate) fn judge(candidates: &Candidates, rules: &SelectionRules) -> Vec<(usize, Outcome)> {
    let mut equal = candidates.clone();
    let mut struck = Struck::default();
    eliminate(&mut equal, rules, &mut struck);
    if equal.is_empty() {
        return Vec::new();
    }
    let winner = best(&equal).clone();
    let mut selected = candidates.clone();
    select(&mut selected, rules);
    let fate = |candidate: &Candidate| {
        if candidate.index == winner.index {
            return Outcome::Best;
        }
        if let Some((step, to)) = struck.by(candidate, &winner, candidates, rules) {
            return Outcome::Loses(compare(step, candidate, to));
        }
        let (step, _) = tie_break(&winner, candidate);
        let comparison = compare(step, candidate, &winner);
        if selected.iter().any(|other| other.index == candidate.index) {
            Outcome::Shares(comparison)
        } else if rules.multipath_same_as_path && candidate.as_path != winner.as_path {
            Outcome::OtherAsPath(comparison)
        } else {
            Outcome::BeyondMultipath(comparison)
        }
    };
    candidates.iter().map(|c| (c.index, fate(c))).collect()
}

/// Which step struck which candidates.
#[derive(Default)]
struct Struck(Vec<(DecisionStep, usize)>);

impl Watch for Struck {
    fn step(
        &mut self,
        step: DecisionStep,
        candidates: &mut Candidates,
        keep: impl FnOnce(&mut Candidates),
    ) {
        let before = candidates.clone();
        keep(candidates);
        let left = |index| candidates.iter().any(|candidate| candidate.index == index);
        let gone = before.iter().filter(|candidate| !left(candidate.index));
        self.0.extend(gone.map(|candidate| (step, candidate.index)));
    }
}

impl Struck {
    /// The step that struck a candidate, and in favour of whom: the winner, which has passed every
    /// step, but for MED between others of one neighbouring AS.
    fn by<'a>(
        &self,
        candidate: &Candidate,
        winner: &'a Candidate,
        all: &'a Candidates,
        rules: &SelectionRules,
    ) -> Option<(DecisionStep, &'a Candidate)> {
        let (at, (step, _)) =
            (self.0.iter().enumerate()).find(|(_, (_, index))| *index == candidate.index)?;
        let is_apart = *step == DecisionStep::Med && !rules.always_compare_med;
        if !is_apart || candidate.neighbour == winner.neighbour {
            return Some((*step, winner));
        }
        let earlier = |other: &Candidate| {
            let mut before = self.0[..at].iter();
            before.any(|(struck, index)| *index == other.index && struck < step)
        };
        let rivals = all
            .iter()
            .filter(|other| other.neighbour == candidate.neighbour);
        let rival = rivals
            .filter(|other| !earlier(other))
            .min_by_key(|other| (other.med, other.path));
        Some((*step, rival.unwrap_or(winner)))
    }
}

fn compare(step: DecisionStep, own: &Candidate, to: &Candidate) -> Comparison {
    Comparison {
        step,
        to: to.index,
        own: own.shown(step),
        other: to.shown(step),
    }
}

impl Candidate {
    /// What a step looks at, in words.
    fn shown(&self, step: DecisionStep) -> String {
        let either = |holds: bool, yes: &str, no: &str| if holds { yes } else { no }.to_owned();
        match step {
            DecisionStep::Preference => self.preference.to_string(),
            DecisionStep::OwnRoute => either(self.local, "own", "learned"),
            DecisionStep::NextHop => either(self.reachable, "reachable", "unreachable"),
            DecisionStep::LongLivedStale => either(self.long_lived_stale, "stale", "fresh"),
            DecisionStep::LocalPref => self.local_pref.to_string(),
            DecisionStep::Aigp => self.aigp.map_or("none".to_owned(), |sum| sum.to_string()),
            DecisionStep::AsPathLength => self.as_path_length.to_string(),
            DecisionStep::Origin => match self.origin {
                crate::wire::Origin::Igp => "igp".to_owned(),
                crate::wire::Origin::Egp => "egp".to_owned(),
                crate::wire::Origin::Incomplete => "incomplete".to_owned(),
            },
            DecisionStep::Med => self.med.to_string(),
            DecisionStep::External => either(self.external, "external", "internal"),
            DecisionStep::Metric => self.metric.to_string(),
            DecisionStep::RouterId => self.router_id.to_string(),
            DecisionStep::ClusterListLength => self.cluster_list_length.to_string(),
            DecisionStep::PeerAddress => self.address.to_string(),
            DecisionStep::PathNumber => format!("{}/{}", self.path.0.0, self.path.1.0),
        }
    }
}
