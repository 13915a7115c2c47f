use super::*;
use crate::net::Prefix;
use crate::policy::RouteSource;
use crate::wire::{Community, LargeCommunity, NextHop};

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a valid prefix")
}

fn rule(conditions: Vec<Condition>, edits: Vec<Edit>, then: Then) -> Rule {
    Rule {
        name: "test".into(),
        conditions,
        edits,
        then,
    }
}

fn policy(rules: Vec<Rule>, otherwise: Then) -> Policy {
    Policy {
        name: "test".into(),
        rules,
        otherwise,
    }
}

fn attributes() -> PathAttributes {
    PathAttributes::originated(NextHop::V4([192, 0, 2, 1].into()))
}

fn apply(policy: &Policy, net: &str, attributes: &PathAttributes) -> Verdict {
    policy.apply(&RouteContext {
        prefix: prefix(net),
        attributes,
        source: RouteSource::Internal,
    })
}

#[test]
fn the_first_deciding_rule_ends_the_policy() {
    let inside = |net| Condition::Inside([prefix(net)].into());
    let policy = policy(
        vec![
            rule(vec![inside("10.65.1.0/24")], vec![], Then::Reject),
            rule(vec![inside("10.65.0.0/16")], vec![], Then::Accept),
        ],
        Then::Reject,
    );
    let rule = |net| match apply(&policy, net, &attributes()) {
        Verdict::Accept { rule, .. } => (true, rule),
        Verdict::Reject { rule } => (false, rule),
    };
    assert_eq!(rule("10.65.1.64/26"), (false, Some(0)));
    assert_eq!(rule("10.65.2.64/26"), (true, Some(1)));
    assert_eq!(rule("10.66.0.0/16"), (false, None));
    assert_eq!(rule("10.0.0.0/8"), (false, None));
}

#[test]
fn later_rules_see_the_edits_of_earlier_ones() {
    let policy = policy(
        vec![
            rule(vec![], vec![Edit::LocalPref(500)], Then::Next),
            rule(
                vec![Condition::LocalPrefAbove(499)],
                vec![Edit::Preference(200)],
                Then::Accept,
            ),
        ],
        Then::Reject,
    );
    match apply(&policy, "10.0.0.0/8", &attributes()) {
        Verdict::Accept {
            attributes: Some(edited),
            preference,
            rule,
        } => {
            assert_eq!(edited.local_pref, Some(500));
            assert_eq!((preference, rule), (Some(200), Some(1)));
        }
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn edits_that_change_nothing_copy_nothing() {
    let community = Community(64_512 << 16 | 1);
    let large = LargeCommunity([64_512, 1, 2]);
    let policy = policy(
        vec![rule(
            vec![],
            vec![
                Edit::LocalPref(70),
                Edit::AddCommunity(community),
                Edit::AddLargeCommunity(large),
            ],
            Then::Next,
        )],
        Then::Accept,
    );
    let Verdict::Accept {
        attributes: Some(once),
        ..
    } = apply(&policy, "10.0.0.0/8", &attributes())
    else {
        panic!("the first pass edits");
    };
    assert_eq!(once.communities[..], [community]);
    assert_eq!(once.rare.large_communities[..], [large]);
    assert_eq!(
        apply(&policy, "10.0.0.0/8", &once),
        Verdict::Accept {
            attributes: None,
            preference: None,
            rule: None
        }
    );
}

#[test]
fn a_route_without_local_pref_counts_as_one_hundred() {
    let above = |bound| {
        let rules = vec![rule(
            vec![Condition::LocalPrefAbove(bound)],
            vec![],
            Then::Accept,
        )];
        let verdict = apply(&policy(rules, Then::Reject), "::/0", &attributes());
        matches!(verdict, Verdict::Accept { .. })
    };
    assert!(above(99));
    assert!(!above(100));
}

#[test]
fn all_conditions_of_a_rule_must_hold() {
    let conditions = vec![
        Condition::Equals([prefix("10.65.0.0/26"), prefix("fd00::/64")].into()),
        Condition::Source([RouteSource::Internal].into()),
        Condition::NextHopIs(["192.0.2.1".parse().expect("an address")].into()),
    ];
    let policy = policy(vec![rule(conditions, vec![], Then::Accept)], Then::Reject);
    assert!(policy.looks_at_prefix());
    let accepts = |net, source, attributes: &PathAttributes| {
        let route = RouteContext {
            prefix: prefix(net),
            attributes,
            source,
        };
        matches!(policy.apply(&route), Verdict::Accept { .. })
    };
    let other = PathAttributes::originated(NextHop::Local);
    assert!(accepts(
        "10.65.0.0/26",
        RouteSource::Internal,
        &attributes()
    ));
    assert!(!accepts(
        "10.65.0.0/27",
        RouteSource::Internal,
        &attributes()
    ));
    assert!(!accepts(
        "10.65.0.0/26",
        RouteSource::External,
        &attributes()
    ));
    assert!(!accepts("10.65.0.0/26", RouteSource::Internal, &other));
}
