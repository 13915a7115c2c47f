use proptest::prelude::*;

use super::*;

fn candidate(peer: u32) -> Candidate {
    Candidate {
        index: peer as usize,
        preference: 100,
        local: false,
        reachable: true,
        local_pref: 100,
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
    }
}

fn selected(candidates: impl IntoIterator<Item = Candidate>) -> Vec<u32> {
    let mut candidates: Candidates = candidates.into_iter().collect();
    select(&mut candidates, 16);
    candidates.iter().map(|c| c.path.0.0).collect()
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
    second_wins(|c| (c.local_pref, c.as_path_length) = (101, 9));
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
    select(&mut candidates, 2);
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

fn any_candidate(peer: u32) -> impl Strategy<Value = Candidate> {
    (
        (0u32..2, any::<bool>(), any::<bool>(), 0u32..2, 0usize..2),
        (0u32..3, 0u32..2, any::<bool>(), 0u32..2, 0u32..2, 0usize..2),
    )
        .prop_map(move |(a, b)| Candidate {
            preference: 100 + a.0,
            local: a.1,
            reachable: a.2,
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

proptest! {
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
