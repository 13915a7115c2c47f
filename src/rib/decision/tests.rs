use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn candidate(peer: u32) -> Candidate {
    Candidate {
        index: peer as usize,
        preference: 100,
        local: false,
        reachable: true,
        long_lived_stale: false,
        local_pref: 100,
        aigp: None,
        as_path_length: 1,
        origin: Origin::Igp,
        med: 0,
        neighbour: Some(Asn(65_001)),
        external: true,
        metric: 0,
        router_id: RouterId(peer.into()),
        cluster_list_length: 0,
        address: IpAddr::V4(peer.into()),
        path: (PeerId(peer), PathId(0)),
        as_path: 0,
    }
}

fn selected(candidates: impl IntoIterator<Item = Candidate>) -> Vec<u32> {
    selected_under(&SelectionRules::default(), candidates)
}

fn selected_under(
    rules: &SelectionRules,
    candidates: impl IntoIterator<Item = Candidate>,
) -> Vec<u32> {
    let mut candidates: Candidates = candidates.into_iter().collect();
    select(&mut candidates, rules);
    candidates.iter().map(|c| c.path.0.0).collect()
}

fn judged(rules: &SelectionRules, all: &[Candidate]) -> BTreeMap<u32, Outcome> {
    let candidates: Candidates = all.iter().cloned().collect();
    let outcomes = judge(&candidates, rules).into_iter();
    outcomes
        .map(|(index, outcome)| (u32::try_from(index).expect("few"), outcome))
        .collect()
}

fn step(outcome: &Outcome) -> Option<DecisionStep> {
    match outcome {
        Outcome::Best => None,
        Outcome::Shares(comparison)
        | Outcome::OtherAsPath(comparison)
        | Outcome::BeyondMultipath(comparison)
        | Outcome::Loses(comparison) => Some(comparison.step),
    }
}

/// Peer 2 is better in one respect and worse in all that come later.
fn second_wins(better: impl Fn(&mut Candidate)) {
    let (first, mut second) = (candidate(1), candidate(2));
    better(&mut second);
    assert_eq!(selected([first.clone(), second.clone()]), [2]);
    assert_eq!(selected([second, first]), [2]);
}

#[test]
fn each_step_outranks_those_after_it() {
    second_wins(|c| (c.preference, c.reachable) = (200, false));
    second_wins(|c| (c.local, c.local_pref) = (true, 50));
    second_wins(|c| (c.local_pref, c.aigp) = (101, None));
    second_wins(|c| (c.aigp, c.as_path_length) = (Some(7), 9));
    let mut stale = candidate(1);
    (stale.long_lived_stale, stale.local_pref) = (true, 900);
    assert_eq!(selected([stale, candidate(2)]), [2]);
    let mut unreachable = candidate(1);
    (unreachable.reachable, unreachable.local_pref) = (false, 900);
    assert_eq!(selected([unreachable, candidate(2)]), [2]);
    let mut incomplete = candidate(1);
    incomplete.origin = Origin::Incomplete;
    assert_eq!(selected([incomplete, candidate(2)]), [2]);
    let mut internal = candidate(1);
    internal.external = false;
    assert_eq!(selected([internal, candidate(2)]), [2]);
    let mut far = candidate(1);
    far.metric = 10;
    assert_eq!(selected([far, candidate(2)]), [2]);
}

#[test]
fn med_counts_within_one_neighbouring_as_only() {
    let (mut low, mut high, mut other) = (candidate(3), candidate(1), candidate(2));
    (low.med, high.med, other.med) = (10, 20, 900);
    other.neighbour = Some(Asn(65_002));
    assert_eq!(selected([low.clone(), high.clone()]), [3]);
    assert_eq!(selected([high, low, other]), [2, 3]);
}

#[test]
fn equal_paths_share_the_load_up_to_the_bound() {
    let all = || (1..=5).rev().map(candidate);
    assert_eq!(selected(all()), [1, 2, 3, 4, 5]);
    let mut candidates: Candidates = all().collect();
    let rules = SelectionRules {
        multipath_max: 2,
        ..SelectionRules::default()
    };
    select(&mut candidates, &rules);
    assert_eq!(candidates.len(), 2);
    assert_eq!(candidates[0].path.0, PeerId(1));
}

#[test]
fn the_shorter_cluster_list_decides_between_equal_originators() {
    let (mut long, mut short) = (candidate(1), candidate(2));
    (long.router_id, short.router_id) = (RouterId(9.into()), RouterId(9.into()));
    long.cluster_list_length = 1;
    assert_eq!(selected([long, short]), [2, 1]);
}

#[test]
fn med_counts_between_all_where_rules_say_so() {
    let (mut low, mut high) = (candidate(2), candidate(1));
    (low.med, high.med) = (10, 20);
    high.neighbour = Some(Asn(65_002));
    let rules = SelectionRules {
        always_compare_med: true,
        ..SelectionRules::default()
    };
    let all = [low, high];
    assert_eq!(selected_under(&rules, all.clone()), [2]);
    assert_eq!(step(&judged(&rules, &all)[&1]), Some(DecisionStep::Med));
    assert_eq!(selected(all), [1, 2]);
}

#[test]
fn other_as_paths_share_the_load_unless_rules_forbid() {
    let (first, mut second) = (candidate(1), candidate(2));
    second.as_path = 7;
    let rules = SelectionRules {
        multipath_same_as_path: true,
        ..SelectionRules::default()
    };
    let all = [first, second, candidate(3)];
    assert_eq!(selected(all.clone()), [1, 2, 3]);
    assert_eq!(selected_under(&rules, all.clone()), [1, 3]);
    let judged = judged(&rules, &all);
    assert!(matches!(judged[&2], Outcome::OtherAsPath(_)));
    assert!(matches!(judged[&3], Outcome::Shares(_)));
}

#[test]
fn each_of_five_candidates_is_told_the_step_that_decided() {
    let mut all: Vec<Candidate> = (1..=5).map(candidate).collect();
    all[0].local_pref = 50;
    all[1].as_path_length = 3;
    all[2].med = 10;
    all[3].origin = Origin::Egp;
    let judged = judged(&SelectionRules::default(), &all);
    let steps: Vec<_> = judged.values().map(step).collect();
    use DecisionStep::{AsPathLength, LocalPref, Med, Origin as ByOrigin};
    let expected = [
        Some(LocalPref),
        Some(AsPathLength),
        Some(Med),
        Some(ByOrigin),
        None,
    ];
    assert_eq!(steps, expected);
    let Outcome::Loses(comparison) = &judged[&2] else {
        panic!("the second loses");
    };
    let comparison = (
        comparison.to,
        comparison.own.as_str(),
        comparison.other.as_str(),
    );
    assert_eq!(comparison, (5, "3", "1"));
}

#[test]
fn a_path_that_loses_by_med_is_told_who_has_the_lower_one() {
    let (mut high, mut low, mut other) = (candidate(3), candidate(2), candidate(1));
    (high.med, low.med, other.med) = (20, 10, 900);
    other.neighbour = Some(Asn(65_002));
    let judged = judged(&SelectionRules::default(), &[high, low, other]);
    assert_eq!(judged[&1], Outcome::Best);
    let Outcome::Loses(comparison) = &judged[&3] else {
        panic!("the third loses");
    };
    assert_eq!((comparison.step, comparison.to), (DecisionStep::Med, 2));
}

#[test]
fn every_step_has_a_name_and_a_section_of_its_own_kind() {
    let mut rules: Vec<_> = DecisionStep::ALL.iter().map(|step| step.rule()).collect();
    rules.sort_unstable();
    rules.dedup();
    assert_eq!(rules.len(), DecisionStep::ALL.len());
    assert!(DecisionStep::ALL.is_sorted());
    assert!(DecisionStep::ALL.ends_with(&DecisionStep::TIE_BREAKS));
    let cited = |step: &&DecisionStep| step.section().starts_with("RFC ");
    assert_eq!(DecisionStep::ALL.iter().filter(cited).count(), 12);
}

#[derive(Default)]
struct Steps(Vec<DecisionStep>);

impl Watch for Steps {
    fn step(
        &mut self,
        step: DecisionStep,
        all: &mut Candidates,
        keep: impl FnOnce(&mut Candidates),
    ) {
        self.0.push(step);
        keep(all);
    }
}

#[test]
fn the_steps_are_taken_in_the_order_in_which_they_are_listed() {
    let mut steps = Steps::default();
    let mut all: Candidates = (1..=2).map(candidate).collect();
    eliminate(&mut all, &SelectionRules::default(), &mut steps);
    steps.0.extend(DecisionStep::TIE_BREAKS);
    assert_eq!(steps.0, DecisionStep::ALL);
}

/// A plain reading of the RFCs: whether one candidate rules another out, step by step.
fn reference(all: &[Candidate], rules: &SelectionRules) -> Vec<u32> {
    fn strike(left: &mut Vec<&Candidate>, better: impl Fn(&Candidate, &Candidate) -> bool) {
        let before = left.clone();
        left.retain(|c| !before.iter().any(|other| better(other, c)));
    }
    let mut left: Vec<&Candidate> = all.iter().collect();
    strike(&mut left, |a, b| a.preference > b.preference);
    strike(&mut left, |a, b| a.local && !b.local);
    strike(&mut left, |a, b| a.reachable && !b.reachable);
    strike(&mut left, |a, b| !a.long_lived_stale && b.long_lived_stale);
    strike(&mut left, |a, b| a.local_pref > b.local_pref);
    strike(&mut left, |a, b| match (a.aigp, b.aigp) {
        (Some(a), Some(b)) => a < b,
        (a, b) => a.is_some() && b.is_none(),
    });
    strike(&mut left, |a, b| a.as_path_length < b.as_path_length);
    strike(&mut left, |a, b| a.origin < b.origin);
    strike(&mut left, |a, b| {
        a.med < b.med && (rules.always_compare_med || a.neighbour == b.neighbour)
    });
    strike(&mut left, |a, b| a.external && !b.external);
    strike(&mut left, |a, b| a.metric < b.metric);
    left.sort_by_key(|c| (c.router_id, c.cluster_list_length, c.address, c.path));
    let best = left.remove(0);
    left.retain(|c| !rules.multipath_same_as_path || c.as_path == best.as_path);
    left.sort_by_key(|c| c.path);
    left.insert(0, best);
    left.truncate(rules.multipath_max.max(1).into());
    left.iter().map(|c| c.path.0.0).collect()
}

fn any_candidate(peer: u32) -> impl Strategy<Value = Candidate> {
    (
        (
            0u32..2,
            any::<bool>(),
            any::<bool>(),
            0u32..2,
            0usize..2,
            any::<bool>(),
        ),
        (prop::option::of(0u64..2), 0u64..2),
        (0u32..3, 0u32..2, any::<bool>(), 0u32..2, 0u32..2, 0usize..2),
    )
        .prop_map(move |(a, c, b)| Candidate {
            preference: 100 + a.0,
            local: a.1,
            reachable: a.2,
            long_lived_stale: a.5,
            aigp: c.0,
            as_path: c.1,
            local_pref: a.3,
            as_path_length: a.4,
            med: b.0,
            neighbour: Some(Asn(b.1)),
            external: b.2,
            metric: b.3,
            router_id: RouterId(b.4.into()),
            cluster_list_length: b.5,
            ..candidate(peer)
        })
}

/// Candidates of one destination; most differ in late steps only.
fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let any = (1u32..8).prop_flat_map(|n| (1..=n).map(any_candidate).collect::<Vec<_>>());
    (any, 0usize..4).prop_map(|(mut all, level)| {
        for c in &mut all {
            if level > 0 {
                (c.preference, c.local, c.reachable) = (100, false, true);
                c.long_lived_stale = false;
            }
            if level > 1 {
                (c.local_pref, c.aigp, c.as_path_length) = (100, None, 1);
            }
            if level > 2 {
                (c.med, c.external, c.metric) = (0, true, 0);
            }
        }
        all
    })
}

fn any_rules() -> impl Strategy<Value = SelectionRules> {
    (0u8..4, any::<bool>(), any::<bool>()).prop_map(|(max, same, always)| SelectionRules {
        multipath_max: max,
        multipath_same_as_path: same,
        always_compare_med: always,
    })
}

proptest! {
    #[test]
    fn the_outcome_is_that_of_a_plain_reading(all in any_candidates(), rules in any_rules()) {
        prop_assert_eq!(selected_under(&rules, all.clone()), reference(&all, &rules));
    }

    #[test]
    fn what_is_explained_is_what_was_decided(all in any_candidates(), rules in any_rules()) {
        let chosen = selected_under(&rules, all.clone());
        let judged = judged(&rules, &all);
        prop_assert_eq!(judged.len(), all.len());
        for (peer, outcome) in judged {
            match &outcome {
                Outcome::Best => prop_assert_eq!(chosen[0], peer),
                Outcome::Shares(_) => prop_assert!(chosen[1..].contains(&peer)),
                Outcome::OtherAsPath(comparison) | Outcome::BeyondMultipath(comparison) => {
                    prop_assert!(!chosen.contains(&peer));
                    prop_assert_eq!(comparison.to, chosen[0] as usize);
                }
                Outcome::Loses(comparison) => {
                    prop_assert!(!chosen.contains(&peer));
                    prop_assert_ne!(&comparison.own, &comparison.other);
                    // Alone with the one that it lost to, it loses in the same step, unless that one
                    // was ruled out by a third.
                    let pair = all.iter().filter(|c| {
                        [comparison.to, peer as usize].contains(&c.index)
                    });
                    let pair: Vec<_> = pair.cloned().collect();
                    let alone = self::judged(&rules, &pair);
                    prop_assert_eq!(step(&alone[&peer]), Some(comparison.step));
                }
            }
        }
    }

    #[test]
    fn ranking_begins_with_the_best_and_takes_it_away(
        all in any_candidates(), rules in any_rules(), count in 0usize..9,
    ) {
        let mut left = all.clone();
        let mut expected = Vec::new();
        while expected.len() < count && !left.is_empty() {
            let best = reference(&left, &rules)[0];
            expected.push(best as usize);
            left.retain(|c| c.path.0.0 != best);
        }
        let ranked = rank(all.into_iter().collect(), count, &rules);
        prop_assert_eq!(ranked.to_vec(), expected);
    }

    #[test]
    fn the_outcome_does_not_depend_on_the_order(
        (given, shuffled) in (1u32..8)
            .prop_flat_map(|n| (1..=n).map(any_candidate).collect::<Vec<_>>())
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let outcome = selected(given);
        prop_assert!(!outcome.is_empty());
        prop_assert_eq!(outcome, selected(shuffled));
    }

    #[test]
    fn a_path_that_loses_never_makes_the_winner_lose(
        all in (2u32..8).prop_flat_map(|n| (1..=n).map(any_candidate).collect::<Vec<_>>()),
    ) {
        // MED aside, the order is total: the winner of all beats each of the others alone.
        let all: Vec<_> = all.into_iter().map(|c| Candidate { med: 0, ..c }).collect();
        let best = selected(all.clone())[0];
        let winner = all.iter().find(|c| c.path.0.0 == best).expect("it was among them").clone();
        for other in all {
            if other.path.0.0 != best {
                prop_assert_eq!(selected([other, winner.clone()])[0], best);
            }
        }
    }
}
