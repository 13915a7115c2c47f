use std::sync::Arc;

use crate::net::{Family, PeerId, PerFamily, Prefix};
use crate::policy::{Condition, Policy, Rule, SelectionRules, Then};
use crate::rib::testing::*;
use crate::rib::{
    Answer, Command, DecisionOutcome, DecisionStep, ExplainedExport, Explanation, NextHopState,
    Query, RouteTable, Withheld,
};
use crate::wire::{Community, Origin, PathAttributes, RareAttributes};

const V4: Family = Family::Ipv4;

fn net() -> Prefix {
    prefix("203.0.113.0/24")
}

fn explained(world: &mut World) -> Explanation {
    world.explain(net(), None).expect("it is known")
}

fn export<'a>(explanation: &'a Explanation, to: &str) -> &'a ExplainedExport {
    let mut exports = explanation.exports.iter();
    exports
        .find(|export| &*export.to == to)
        .expect("a peer of this name")
}

fn heard_from(n: u32, path: &[u32]) -> PathAttributes {
    attributes(address(V4, n), path)
}

#[test]
fn of_five_paths_each_is_told_the_step_that_decided() {
    let mut world = World::new(false);
    for n in 1..=5 {
        world.peer_up(peer(n, n <= 3, false));
    }
    world.announce(1, &[net()], heard_from(1, &[65_001, 65_009]));
    world.announce(2, &[net()], heard_from(2, &[65_002, 65_008, 65_009]));
    let med = PathAttributes {
        med: Some(5),
        ..heard_from(3, &[65_001, 65_009])
    };
    world.announce(3, &[net()], med);
    let egp = PathAttributes {
        origin: Origin::Egp,
        ..heard_from(4, &[65_004, 65_009])
    };
    world.announce(4, &[net()], egp);
    let internal = heard_from(5, &[65_005, 65_009]);
    world.announce(5, &[net()], internal);
    world.settle();
    let explanation = explained(&mut world);
    let mut steps: Vec<(&str, DecisionOutcome, Option<DecisionStep>)> = Vec::new();
    for path in &explanation.paths {
        steps.push((&path.path.from, path.decision.outcome, path.decision.step));
    }
    steps.sort_by_key(|(from, ..)| *from);
    use DecisionOutcome::{Best, Loses};
    assert_eq!(
        steps,
        [
            ("peer 1", Best, None),
            ("peer 2", Loses, Some(DecisionStep::AsPathLength)),
            ("peer 3", Loses, Some(DecisionStep::Med)),
            ("peer 4", Loses, Some(DecisionStep::Origin)),
            ("peer 5", Loses, Some(DecisionStep::External)),
        ]
    );
    let texts = explanation
        .paths
        .iter()
        .map(|path| path.decision.text.as_str());
    let texts: Vec<&str> = texts.collect();
    assert_eq!(texts[0], "best");
    assert!(texts.contains(
        &"loses to peer 1: preferred is the shorter AS path (RFC 4271 §9.1.2.2 a), 2 there, 3 here"
    ));
    let first = &explanation.paths[0];
    assert_eq!(
        first.import.text,
        "accepted by the end of all, as no rule decides"
    );
    let kernel = "wanted: via 192.0.2.1 metric 2147483547, by the end of all, as no rule decides";
    assert_eq!(explanation.kernel.text, kernel);
}

#[test]
fn what_import_refused_names_the_rule_or_the_loop() {
    let mut world = World::new(false);
    let mut setup = peer(1, true, false);
    setup.import = both(refusing("203.0.113.0/24"));
    world.peer_up(setup);
    world.peer_up(peer(2, true, false));
    world.announce(1, &[net()], heard_from(1, &[65_001]));
    world.announce(2, &[net()], heard_from(2, &[65_002, 64_512]));
    world.settle();
    let explanation = explained(&mut world);
    let texts: Vec<&str> = explanation
        .paths
        .iter()
        .map(|path| &*path.import.text)
        .collect();
    assert_eq!(
        texts,
        [
            "refused by rule 1 of all but 203.0.113.0/24 (refused)",
            "refused: AS_PATH names this AS (RFC 4271 §9.1.2)",
        ]
    );
    for path in &explanation.paths {
        assert_eq!(path.decision.outcome, DecisionOutcome::NotCompared);
    }
    assert_eq!(explanation.kernel.wanted, None);
    assert_eq!(
        export(&explanation, "peer 1").text,
        "withheld: no path is selected"
    );
}

#[test]
fn what_import_changed_is_told() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    let leaving = PathAttributes {
        communities: [Community::GRACEFUL_SHUTDOWN].into(),
        rare: RareAttributes {
            aigp: [1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9].into(),
            ..RareAttributes::default()
        }
        .into(),
        ..heard_from(1, &[65_001])
    };
    world.announce(1, &[net()], leaving);
    world.settle();
    let explanation = explained(&mut world);
    let changes = &explanation.paths[0].import.changes;
    assert_eq!(changes[..], ["LOCAL_PREF none → 0", "AIGP 9 → none"]);
}

#[test]
fn every_peer_is_told_why_it_is_not_told() {
    let mut world = World::new(false);
    world.peer_up(peer(1, false, false));
    world.peer_up(peer(2, false, false));
    world.peer_up(peer(3, false, true));
    let mut refusing_peer = peer(4, true, false);
    refusing_peer.export = both(refusing("203.0.113.0/24"));
    world.peer_up(refusing_peer);
    world.tell(Command::AddPeer(peer(5, true, false)));
    world.tell(Command::AddPeer(peer(6, true, false)));
    let mut only_v6 = terms(6);
    only_v6.families = PerFamily {
        ipv4: false,
        ipv6: true,
    };
    world.session_up(only_v6);
    world.announce(1, &[net()], heard_from(1, &[]));
    world.settle();
    let explanation = explained(&mut world);
    let withheld = |to| export(&explanation, to).withheld;
    assert_eq!(withheld("peer 1"), Some(Withheld::SplitHorizon));
    assert_eq!(withheld("peer 2"), Some(Withheld::NotReflected));
    assert_eq!(withheld("peer 3"), None);
    assert_eq!(withheld("peer 4"), Some(Withheld::Policy));
    assert_eq!(withheld("peer 5"), Some(Withheld::SessionDown));
    assert_eq!(withheld("peer 6"), Some(Withheld::FamilyNotNegotiated));
    let text = "withheld by rule 1 of all but 203.0.113.0/24 (refused)";
    assert_eq!(export(&explanation, "peer 4").text, text);
    let text = "the path of peer 1 is told, by the end of all, as no rule decides";
    assert_eq!(export(&explanation, "peer 3").text, text);
}

#[test]
fn communities_own_routes_and_own_addresses_are_reasons() {
    let mut world = World::new(false);
    for n in 1..=2 {
        world.peer_up(peer(n, true, false));
    }
    for n in 3..=4 {
        world.peer_up(peer(n, false, true));
    }
    let kept_in = PathAttributes {
        communities: [Community::NO_EXPORT].into(),
        ..heard_from(1, &[65_001])
    };
    world.announce(1, &[net()], kept_in);
    world.settle();
    let explanation = explained(&mut world);
    assert_eq!(
        export(&explanation, "peer 2").withheld,
        Some(Withheld::NoExport)
    );
    assert_eq!(export(&explanation, "peer 3").withheld, None);
    // By way of peer 3, but told by peer 1.
    world.announce(1, &[net()], heard_from(3, &[65_001]));
    world.settle();
    let explanation = explained(&mut world);
    assert_eq!(
        export(&explanation, "peer 1").withheld,
        Some(Withheld::SplitHorizon)
    );
    assert_eq!(
        export(&explanation, "peer 3").withheld,
        Some(Withheld::LeadsToPeer)
    );
    assert_eq!(export(&explanation, "peer 4").withheld, None);
}

#[test]
fn where_several_paths_are_told_the_bound_is_a_reason() {
    let mut world = World::new(false);
    for n in 1..=3 {
        world.peer_up(peer(n, true, false));
    }
    let mut setup = peer(4, false, false);
    setup.add_path_max = 2;
    world.tell(Command::AddPeer(setup));
    let mut terms = terms(4);
    terms.add_path.ipv4.send = true;
    world.session_up(terms);
    for n in 1..=3 {
        let path: Vec<u32> = (0..=n).map(|hop| 65_000 + n + hop).collect();
        world.announce(n, &[net()], heard_from(n, &path));
    }
    world.settle();
    let explanation = world.explain(net(), Some(4)).expect("it is known");
    assert_eq!(explanation.exports.len(), 1);
    let export = &explanation.exports[0];
    let paths: Vec<_> = export
        .paths
        .iter()
        .map(|path| (&*path.from, path.withheld))
        .collect();
    assert_eq!(
        paths,
        [
            ("peer 1", None),
            ("peer 2", None),
            ("peer 3", Some(Withheld::PathsMax)),
        ]
    );
    assert_eq!(export.sent.len(), 2);
    assert!(
        export
            .text
            .starts_with("told 2 of 3 paths: that of peer 1 told")
    );
}

#[test]
fn a_next_hop_that_is_not_told_yet_is_a_reason() {
    let mut world = World::new(true);
    world.peer_up(peer(1, true, false));
    world.announce(1, &[net()], heard_from(1, &[65_001]));
    let explanation = explained(&mut world);
    let text = "not compared, as it is not known yet whether its next hop is reachable";
    assert_eq!(explanation.paths[0].decision.text, text);
    world.tell(Command::NextHops(vec![(
        address(V4, 1),
        NextHopState::Unreachable,
    )]));
    world.turn();
    let explanation = explained(&mut world);
    assert_eq!(
        explanation.kernel.wanted.as_deref(),
        Some("unreachable metric 2147483547")
    );
}

#[test]
fn nobody_can_explain_what_nobody_has_announced() {
    let mut world = World::new(false);
    world.peer_up(peer(1, true, false));
    world.announce(1, &[net()], heard_from(1, &[65_001]));
    world.settle();
    assert!(world.explain(prefix("203.0.112.0/24"), None).is_none());
    world.withdraw(1, &[net()]);
    assert!(
        world.explain(net(), None).is_none(),
        "a tombstone is nothing"
    );
}

#[test]
fn rules_of_selection_change_while_routes_are_there() {
    let mut world = World::new(true);
    world.answers = Some(Default::default());
    for n in 1..=3 {
        world.peer_up(peer(n, true, false));
        world.announce(n, &[net()], heard_from(n, &[65_000 + n]));
    }
    world.settle();
    let shared = |world: &mut World| {
        let explanation = explained(world);
        let outcomes = explanation.paths.iter().map(|path| path.decision.outcome);
        outcomes.collect::<Vec<_>>()
    };
    use DecisionOutcome::{Best, BeyondMultipath, OtherAsPath, Shares};
    assert_eq!(shared(&mut world), [Best, Shares, Shares]);
    let mut rules = SelectionRules {
        multipath_max: 2,
        ..SelectionRules::default()
    };
    world.tell(Command::SetSelection(rules));
    world.settle();
    assert_eq!(shared(&mut world), [Best, Shares, BeyondMultipath]);
    assert_eq!(
        world.fib[&net()].kind,
        crate::rib::FibRouteKind::Unicast(vec![address(V4, 1), address(V4, 2),])
    );
    rules.multipath_same_as_path = true;
    world.tell(Command::SetSelection(rules));
    world.settle();
    assert_eq!(shared(&mut world), [Best, OtherAsPath, OtherAsPath]);
}

#[test]
fn rules_that_pass_on_are_told_before_the_one_that_decides() {
    let rule = |name: &str, then| Rule {
        name: name.into(),
        conditions: vec![Condition::Inside([prefix("203.0.113.0/24")].into())],
        edits: Vec::new(),
        then,
    };
    let mut world = World::new(false);
    let mut setup = peer(1, true, false);
    setup.import = both(Arc::new(Policy {
        name: "import".into(),
        rules: vec![rule("first", Then::Next), rule("second", Then::Accept)],
        otherwise: Then::Reject,
    }));
    world.peer_up(setup);
    world.announce(1, &[net()], heard_from(1, &[65_001]));
    world.settle();
    let explanation = explained(&mut world);
    let policy = explanation.paths[0]
        .import
        .policy
        .clone()
        .expect("it was asked");
    assert_eq!(policy.text(), "rule 2 of import (second)");
    assert_eq!((policy.passed.len(), policy.passed[0].number), (1, 1));
}

#[test]
fn an_address_leads_to_the_most_specific_prefix_in_use() {
    let mut world = World::new(false);
    let mut setup = peer(1, true, false);
    setup.import = both(refusing("10.65.1.0/26"));
    world.peer_up(setup);
    world.peer_up(peer(2, true, false));
    let nets = ["0.0.0.0/0", "10.65.0.0/16", "10.65.1.0/26"].map(prefix);
    world.announce(1, &nets, heard_from(1, &[65_001]));
    world.settle();
    let mut found = |table, address: &str| {
        let place = Prefix::host(address.parse().expect("an address"));
        match world.ask(Query::LongestMatch { table, place }) {
            Answer::LongestMatch(found) => found.map(|found| found.prefix.to_string()),
            other => panic!("{other:?}"),
        }
    };
    let loc = RouteTable::Loc;
    assert_eq!(found(loc, "10.65.1.7").as_deref(), Some("10.65.0.0/16"));
    assert_eq!(found(loc, "192.0.2.9").as_deref(), Some("0.0.0.0/0"));
    assert_eq!(found(loc, "2001:db8::1"), None);
    let received = RouteTable::Received(PeerId(1));
    assert_eq!(
        found(received, "10.65.1.7").as_deref(),
        Some("10.65.1.0/26")
    );
    assert_eq!(found(RouteTable::Received(PeerId(2)), "10.65.1.7"), None);
    let told = RouteTable::Advertised(PeerId(2));
    assert_eq!(found(told, "10.65.1.7").as_deref(), Some("10.65.0.0/16"));
}
