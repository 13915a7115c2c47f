use proptest::prelude::*;

use super::*;
use crate::net::{Family, PrefixKey};
use crate::policy::SelectionRules;
use crate::rib::Shard;
use crate::rib::testing::*;
use crate::wire::PathAttributes;

/// One path announced, or withdrawn.
#[derive(Clone, Debug)]
struct Step {
    peer: u32,
    path_id: PathId,
    announced: Option<PathAttributes>,
}

fn any_attributes() -> impl Strategy<Value = PathAttributes> {
    let path = prop_oneof![
        4 => prop::collection::vec(65_001u32..65_003, 1..3),
        // A loop, which is refused.
        1 => Just(vec![64_512]),
    ];
    let med = prop_oneof![3 => Just(None), 1 => (0u32..3).prop_map(Some)];
    (path, med, 0u32..6).prop_map(|(path, med, local_pref)| PathAttributes {
        med,
        local_pref: Some(local_pref / 5),
        ..attributes(address(Family::Ipv4, 200), &path)
    })
}

fn any_step(meds: bool) -> impl Strategy<Value = Step> {
    let announced = prop_oneof![
        3 => any_attributes().prop_map(Some),
        1 => Just(None),
    ];
    (1u32..6, 0u32..3, announced).prop_map(move |(peer, path_id, mut announced)| {
        if let Some(attributes) = &mut announced
            && !meds
        {
            attributes.med = None;
        }
        Step {
            peer,
            path_id: PathId(path_id),
            announced,
        }
    })
}

fn any_rules() -> impl Strategy<Value = SelectionRules> {
    (0u8..6, any::<bool>(), any::<bool>()).prop_map(|(max, same, always)| SelectionRules {
        multipath_max: max,
        multipath_same_as_path: same && max > 3,
        always_compare_med: always,
    })
}

proptest! {
    #[test]
    fn what_is_decided_step_by_step_is_what_all_paths_together_decide(
        steps in any::<bool>().prop_flat_map(|meds| prop::collection::vec(any_step(meds), 1..60)),
        rules in any_rules(),
    ) {
        let mut world = World::new(false);
        world.shard.shared.options.selection = rules;
        for n in 1..=5 {
            world.peer_up(peer(n, n < 4, n >= 4));
        }
        let prefix = nth(Family::Ipv4, 1);
        for step in steps {
            match step.announced {
                Some(path) => world.announce_path(step.peer, step.path_id, &[prefix], path),
                None => world.withdraw_path(step.peer, step.path_id, &[prefix]),
            }
            let Some(key) = crate::net::Ipv4Prefix::from_prefix(prefix) else {
                unreachable!("it is IPv4");
            };
            let Shard { v4, shared, .. } = &mut world.shard;
            let Some(dest) = v4.table.find(key) else {
                continue;
            };
            let destination = v4.table.get_mut(dest);
            let known = Selection::of(destination, true);
            decide(destination, shared);
            prop_assert!(Selection::of(destination, true) == known);
        }
    }
}
