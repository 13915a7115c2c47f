//! Explains what became of a prefix, by the verdicts of the code that decides.
//!
//! Import, decision and kernel policy are asked again, with somebody looking on; nothing is recorded
//! while routes flow. What the decision knew of a path is in the table, and is what counts: where a
//! policy has changed and not been applied to this path yet, the explanation says so.

mod exports;

use std::sync::Arc;

use super::answer::{loc_row, ranked, source_name};
use super::decision::{Candidate, Candidates, Comparison, Outcome, judge};
use super::explanation::{
    DecisionOutcome, DecisionVerdict, ExplainedPath, Explanation, ImportVerdict, KernelVerdict,
    PolicyVerdict, RuleRow,
};
use super::feed::{self, FibRoute, FibRouteKind};
use super::import::{Import, source_of};
use super::loc_rib::LocRib;
use super::path::{Path, Usability};
use super::refusal::Refusal;
use super::shared::Shared;
use super::table::Destination;
use crate::net::{AddressFamily, PeerId, Prefix, PrefixKey};
use crate::policy::{Policy, RouteContext, RouteSource, Verdict};
use crate::wire::{Community, PathAttributes};

impl<A: AddressFamily> LocRib<A> {
    /// The life of a prefix; `None` where nobody has announced it.
    pub(super) fn explain(
        &self,
        shared: &Shared,
        prefix: Prefix,
        to: Option<PeerId>,
    ) -> Option<Explanation> {
        let dest = self.table.find(A::Prefix::from_prefix(prefix)?)?;
        let destination = self.table.live(dest)?;
        if destination.paths.is_empty() {
            return None;
        }
        let outcomes = outcomes(destination, shared);
        let order = ranked(destination, shared);
        let explained = |index: usize| ExplainedPath {
            path: loc_row::<A>(shared, destination, index),
            import: import::<A>(shared, prefix, &destination.paths[index]),
            decision: decision(shared, destination, index, &outcomes),
        };
        Some(Explanation {
            prefix,
            paths: order.into_iter().map(explained).collect(),
            held: destination.held,
            kernel: kernel(shared, prefix, destination),
            exports: self.exports(shared, dest, to),
        })
    }
}

/// The outcome of each path that was compared.
fn outcomes<A: AddressFamily>(
    destination: &Destination<A>,
    shared: &Shared,
) -> Vec<(usize, Outcome)> {
    let rules = &shared.options.selection;
    let paths = destination.paths.iter().enumerate();
    let compared = paths
        .filter(|(_, path)| path.refusal().is_none() && path.usability() != Usability::Waiting);
    let candidates: Candidates = compared
        .map(|(index, path)| {
            Candidate::of(index, path, &shared.peers, &shared.next_hops).under(rules, path)
        })
        .collect();
    judge(&candidates, rules)
}

fn decision<A: AddressFamily>(
    shared: &Shared,
    destination: &Destination<A>,
    index: usize,
    outcomes: &[(usize, Outcome)],
) -> DecisionVerdict {
    let silent = |outcome, text: &str| DecisionVerdict {
        outcome,
        step: None,
        section: None,
        to: None,
        own: None,
        other: None,
        text: text.to_owned(),
    };
    let compared = |outcome, comparison: &Comparison, what: &str| {
        let to = source_name(shared, destination.paths[comparison.to].source());
        let step = comparison.step;
        let (own, other) = (&comparison.own, &comparison.other);
        DecisionVerdict {
            outcome,
            step: Some(step),
            section: Some(step.section().to_owned()),
            text: format!(
                "{what} {to}: preferred is {} ({}), {other} there, {own} here",
                step.rule(),
                step.section()
            ),
            to: Some(to),
            own: Some(own.clone()),
            other: Some(other.clone()),
        }
    };
    let outcome = outcomes.iter().find(|(compared, _)| *compared == index);
    match outcome.map(|(_, outcome)| outcome) {
        Some(Outcome::Best) if outcomes.len() == 1 => {
            silent(DecisionOutcome::Best, "best: the only path to choose from")
        }
        Some(Outcome::Best) => silent(DecisionOutcome::Best, "best"),
        Some(Outcome::Shares(comparison)) => compared(
            DecisionOutcome::Shares,
            comparison,
            "shares the load, a tie-break behind",
        ),
        Some(Outcome::OtherAsPath(comparison)) => compared(
            DecisionOutcome::OtherAsPath,
            comparison,
            "shares no load, as its AS path is another one; a tie-break behind",
        ),
        Some(Outcome::BeyondMultipath(comparison)) => compared(
            DecisionOutcome::BeyondMultipath,
            comparison,
            "shares no load, as enough others do; a tie-break behind",
        ),
        Some(Outcome::Loses(comparison)) => {
            compared(DecisionOutcome::Loses, comparison, "loses to")
        }
        None if destination.paths[index].refusal().is_some() => silent(
            DecisionOutcome::NotCompared,
            "not compared, as import refused it",
        ),
        None => silent(
            DecisionOutcome::NotCompared,
            "not compared, as it is not known yet whether its next hop is reachable",
        ),
    }
}

fn import<A: AddressFamily>(shared: &Shared, prefix: Prefix, path: &Path) -> ImportVerdict {
    if path.source().is_local() {
        return ImportVerdict {
            accepted: true,
            reason: None,
            policy: None,
            changes: Vec::new(),
            text: "originated by this speaker".to_owned(),
        };
    }
    let peer = shared.peers.get(path.source());
    let trace = Import::new(
        &peer.setup,
        peer.local_address(),
        A::FAMILY,
        path.received(),
    );
    let mut met = Vec::new();
    let verdict = trace.trace(prefix, |rule| met.push(rule));
    let policy = peer.setup.import.get(A::FAMILY);
    let policy = verdict.map(|verdict| policy_verdict(policy, &verdict, &met));
    let accepted = path.refusal().is_none();
    let changes = match accepted {
        true => changes(path),
        false => Vec::new(),
    };
    let mut text = match (path.refusal(), &policy) {
        (Some(Refusal::Policy), Some(policy)) => format!("refused by {}", policy.text()),
        (Some(refusal), _) => refused(refusal),
        (None, Some(policy)) => format!("accepted by {}", policy.text()),
        (None, None) => "accepted".to_owned(),
    };
    if !changes.is_empty() {
        text.push_str(&format!("; {}", changes.join(", ")));
    }
    let said = policy.as_ref().is_some_and(|policy| policy.accepted);
    if said != accepted {
        text.push_str("; it is about to be judged anew, as the policy or the session has changed");
    }
    ImportVerdict {
        accepted,
        reason: path.refusal().map(|refusal| refusal.text().to_owned()),
        policy,
        changes,
        text,
    }
}

/// A refusal in words, with the section that asks for it.
fn refused(refusal: Refusal) -> String {
    let (reason, section) = match refusal {
        Refusal::AsLoop => ("AS_PATH names this AS", "RFC 4271 §9.1.2"),
        Refusal::OriginatorLoop => ("ORIGINATOR_ID is this speaker", "RFC 4456 §8"),
        Refusal::ClusterLoop => ("CLUSTER_LIST names this speaker's cluster", "RFC 4456 §8"),
        Refusal::OwnNextHop => ("NEXT_HOP is this speaker", "RFC 4271 §5.1.3"),
        Refusal::RouteLeak => ("ONLY_TO_CUSTOMER tells a route leak", "RFC 9234 §5"),
        Refusal::Policy => return "refused by the import policy".to_owned(),
    };
    format!("refused: {reason} ({section})")
}

/// What import changed, in words.
fn changes(path: &Path) -> Vec<String> {
    let (before, after) = (path.received(), path.attributes());
    let mut changes = Vec::new();
    let mut differ = |what: &str, before: String, after: String| {
        if before != after {
            changes.push(format!("{what} {before} → {after}"));
        }
    };
    let shown = |value: Option<u32>| value.map_or("none".to_owned(), |value| value.to_string());
    differ(
        "LOCAL_PREF",
        shown(before.local_pref),
        shown(after.local_pref),
    );
    differ("MED", shown(before.med), shown(after.med));
    let communities = |attributes: &PathAttributes| {
        let plain = attributes.communities.iter().map(Community::to_string);
        let large = attributes
            .rare
            .large_communities
            .iter()
            .map(ToString::to_string);
        let all: Vec<String> = plain.chain(large).collect();
        match all.is_empty() {
            true => "none".to_owned(),
            false => all.join(" "),
        }
    };
    differ("communities", communities(before), communities(after));
    let otc = |attributes: &PathAttributes| shown(attributes.rare.otc.map(|asn| asn.0));
    differ("ONLY_TO_CUSTOMER", otc(before), otc(after));
    let aigp = |attributes: &PathAttributes| match attributes.aigp_metric() {
        Some(metric) => metric.to_string(),
        None => "none".to_owned(),
    };
    differ("AIGP", aigp(before), aigp(after));
    let preference = super::path::PREFERENCE_BGP;
    differ(
        "preference",
        preference.to_string(),
        path.preference().to_string(),
    );
    changes
}

/// What a policy said, with the rules that it met on the way.
fn policy_verdict(policy: &Policy, verdict: &Verdict, met: &[usize]) -> PolicyVerdict {
    let (accepted, decided) = match verdict {
        Verdict::Accept { rule, .. } => (true, *rule),
        Verdict::Reject { rule } => (false, *rule),
    };
    let row = |index: usize| RuleRow {
        number: index + 1,
        name: policy
            .rules
            .get(index)
            .map_or("".into(), |rule| Arc::clone(&rule.name)),
    };
    let passed = met.iter().filter(|index| Some(**index) != decided);
    PolicyVerdict {
        policy: Arc::clone(&policy.name),
        accepted,
        rule: decided.map(row),
        passed: passed.map(|index| row(*index)).collect(),
    }
}

fn kernel<A: AddressFamily>(
    shared: &Shared,
    prefix: Prefix,
    destination: &Destination<A>,
) -> KernelVerdict {
    let nothing = |text: &str| KernelVerdict {
        wanted: None,
        policy: None,
        text: text.to_owned(),
    };
    let Some(policy) = &shared.kernel else {
        return nothing("nothing is wanted before there is a kernel policy");
    };
    let policy = policy.get(A::FAMILY);
    let Some(best) = destination.best() else {
        return nothing("no path is selected, so no route is wanted");
    };
    let source = match best.source().is_local() {
        true => RouteSource::Static,
        false => source_of(shared.peers.facts(best.source()).external),
    };
    let mut met = Vec::new();
    let route = RouteContext {
        prefix,
        attributes: best.attributes(),
        source,
    };
    let verdict = policy.apply_watched(&route, |rule| met.push(rule));
    let policy_verdict = policy_verdict(policy, &verdict, &met);
    let wanted = feed::change(destination, shared, policy).route;
    let wanted = wanted.as_ref().map(in_words);
    let mut text = match &wanted {
        Some(wanted) => format!("wanted: {wanted}, by {}", policy_verdict.text()),
        None => format!("no route is wanted, by {}", policy_verdict.text()),
    };
    if destination.held {
        text.push_str(
            "; until the next hop of the path that leads is known, what was wanted stays",
        );
    }
    KernelVerdict {
        wanted,
        policy: Some(policy_verdict),
        text,
    }
}

fn in_words(route: &FibRoute) -> String {
    let kind = match &route.kind {
        FibRouteKind::Unicast(next_hops) => {
            let list: Vec<String> = next_hops.iter().map(ToString::to_string).collect();
            format!("via {}", list.join(" and "))
        }
        FibRouteKind::Blackhole => "blackhole".to_owned(),
        FibRouteKind::Unreachable => "unreachable".to_owned(),
    };
    match route.metric {
        Some(metric) => format!("{kind} metric {metric}"),
        None => kind,
    }
}

#[cfg(test)]
mod tests;
