//! The kernel's writer on the running kernel, each test in a network namespace of its own.
//!
//! A test starts itself again under `unshare`; without the privilege to do so it says so and is
//! skipped.

mod node;
#[path = "../support/skip.rs"]
mod skip;

use calidris::fib::{FibOptions, FibRow, FibRowState, Netlink};
use calidris::rib::{FibRouteKind, NextHopState};

use node::{
    MAIN, Monitor, Node, change, eventually, in_namespace, ip, kernel, none, output, two_networks,
    via,
};

#[test]
fn routes_of_both_families_come_change_and_go() {
    in_namespace("routes_of_both_families_come_change_and_go", &[], async {
        two_networks();
        let mut node = Node::start(MAIN).await;
        let (v4, v6) = ("10.65.1.0/26", "fd00:65::/122");
        node.apply(&[via(v4, &["192.0.2.2"], 1024), via(v6, &["fd00:1::2"], 1024)])
            .await;
        assert_eq!(
            kernel(v4),
            [format!("{v4} via 192.0.2.2 dev va proto bird metric 1024")]
        );
        assert_eq!(
            kernel(v6),
            [format!("{v6} via fd00:1::2 dev va proto bird metric 1024")]
        );
        let events = Monitor::start().await;
        node.apply(&[
            via(v4, &["198.51.100.2"], 1024),
            via(v6, &["fd00:2::2"], 1024),
        ])
        .await;
        assert_eq!(
            kernel(v4),
            [format!(
                "{v4} via 198.51.100.2 dev vc proto bird metric 1024"
            )]
        );
        assert_eq!(
            kernel(v6),
            [format!("{v6} via fd00:2::2 dev vc proto bird metric 1024")]
        );
        let events = events.stop().await;
        assert!(
            !events.contains("Deleted"),
            "replaced in one step:\n{events}"
        );
        node.apply(&[none(v4), none(v6)]).await;
        assert!(kernel(v4).is_empty() && kernel(v6).is_empty());
        assert_eq!(node.view.borrow().operations["delete"]["ok"], 2);
    });
}

#[test]
fn equal_paths_become_multipath_and_turn_into_other_kinds_in_place() {
    let name = "equal_paths_become_multipath_and_turn_into_other_kinds_in_place";
    in_namespace(name, &[], async {
        two_networks();
        let mut node = Node::start(MAIN).await;
        let networks = [
            ("10.65.1.0/26", ["192.0.2.2", "198.51.100.2"]),
            ("fd00:65::/122", ["fd00:1::2", "fd00:2::2"]),
        ];
        let events = Monitor::start().await;
        for (prefix, [a, b]) in networks {
            let two = format!(
                "{prefix} proto bird metric 1024 nexthop via {a} dev va weight 1 nexthop via {b} dev vc weight 1"
            );
            let one = format!("{prefix} via {b} dev vc proto bird metric 1024");
            node.apply(&[via(prefix, &[a, b], 1024)]).await;
            assert_eq!(kernel(prefix), [two.as_str()]);
            node.apply(&[via(prefix, &[b], 1024)]).await;
            assert_eq!(kernel(prefix), [one]);
            node.apply(&[via(prefix, &[a, b], 1024)]).await;
            assert_eq!(kernel(prefix), [two.as_str()]);
            node.apply(&[change(prefix, FibRouteKind::Unreachable, Some(1024))])
                .await;
            assert_eq!(kernel(prefix).len(), 1);
            assert!(kernel(prefix)[0].starts_with("unreachable"));
            node.apply(&[via(prefix, &[a, b], 1024)]).await;
            assert_eq!(kernel(prefix), [two]);
        }
        let events = events.stop().await;
        assert!(!events.contains("Deleted"), "always in place:\n{events}");
        // The mirror agrees with the kernel: a minute's comparison would find nothing.
        node.apply(&[none(networks[0].0), none(networks[1].0)])
            .await;
        assert!(kernel(networks[0].0).is_empty() && kernel(networks[1].0).is_empty());
    });
}

#[test]
fn own_blocks_are_blackholes() {
    in_namespace("own_blocks_are_blackholes", &[], async {
        two_networks();
        let mut node = Node::start(MAIN).await;
        let (v4, v6) = ("10.65.0.0/26", "fd00:65::/122");
        let block = |prefix| change(prefix, FibRouteKind::Blackhole, None);
        node.apply(&[block(v4), block(v6)]).await;
        assert_eq!(kernel(v4), ["blackhole 10.65.0.0/26 proto bird"]);
        assert_eq!(
            kernel(v6),
            ["blackhole fd00:65::/122 dev lo proto bird metric 1024"]
        );
        let rows = node.rows().await;
        assert_eq!(
            rows[0].present.as_deref(),
            Some("blackhole 10.65.0.0/26 proto bird")
        );
        assert!(rows.iter().all(|row| row.state == FibRowState::Installed));
    });
}

#[test]
fn routes_of_an_earlier_run_are_adopted_without_an_event() {
    in_namespace(
        "routes_of_an_earlier_run_are_adopted_without_an_event",
        &[],
        async {
            two_networks();
            ip("route add 10.65.1.0/26 via 192.0.2.2 metric 1024 proto bird");
            ip(
                "route add 10.65.2.0/26 metric 1024 proto bird nexthop via 192.0.2.2 nexthop via 198.51.100.2",
            );
            ip("route add blackhole 10.65.0.0/26 proto bird");
            ip("-6 route add fd00:65::/122 via fd00:1::2 metric 1024 proto bird");
            ip(
                "-6 route add fd00:66::/122 metric 1024 proto bird nexthop via fd00:1::2 nexthop via fd00:2::2",
            );
            ip("-6 route add blackhole fd00:67::/122 proto bird");
            ip("route add 10.65.9.0/26 via 192.0.2.2 metric 1024 proto bird");
            ip("-6 route add fd00:69::/122 via fd00:1::2 metric 1024 proto bird");
            ip("route add 10.99.0.0/24 via 192.0.2.2 proto static");
            let events = Monitor::start().await;
            let mut node = Node::start(MAIN).await;
            node.apply(&[
                via("10.65.1.0/26", &["192.0.2.2"], 1024),
                via("10.65.2.0/26", &["192.0.2.2", "198.51.100.2"], 1024),
                change("10.65.0.0/26", FibRouteKind::Blackhole, None),
                via("fd00:65::/122", &["fd00:1::2"], 1024),
                via("fd00:66::/122", &["fd00:1::2", "fd00:2::2"], 1024),
                change("fd00:67::/122", FibRouteKind::Blackhole, None),
            ])
            .await;
            let left_over: Vec<_> = node.rows().await;
            let is_stale = |row: &&FibRow| row.state == FibRowState::Stale;
            assert_eq!(left_over.iter().filter(is_stale).count(), 2);
            let events = events.stop().await;
            assert_eq!(events, "", "nothing was touched");
            assert!(node.view.borrow().operations.is_empty());
            assert!(!node.view.borrow().programmed);

            node.sweep().await;
            node.until(|view| view.programmed).await;
            assert!(kernel("10.65.9.0/26").is_empty() && kernel("fd00:69::/122").is_empty());
            assert_eq!(kernel("10.99.0.0/24").len(), 1, "routes of others stay");
            assert_eq!(node.view.borrow().operations["delete"]["ok"], 2);
            assert_eq!(
                (
                    node.view.borrow().routes.ipv4,
                    node.view.borrow().routes.ipv6
                ),
                (3, 3)
            );
        },
    );
}

#[test]
fn a_route_of_others_is_left_alone_and_ours_follows_when_it_goes() {
    let name = "a_route_of_others_is_left_alone_and_ours_follows_when_it_goes";
    in_namespace(name, &[], async {
        two_networks();
        for (prefix, theirs, ours) in [
            ("10.65.1.0/26", "192.0.2.9", "192.0.2.2"),
            ("fd00:65::/122", "fd00:1::9", "fd00:1::2"),
        ] {
            ip(&format!(
                "route add {prefix} via {theirs} metric 1024 proto static"
            ));
            let before = kernel(prefix);
            let mut node = Node::start(MAIN).await;
            node.apply(&[via(prefix, &[ours], 1024)]).await;
            assert_eq!(kernel(prefix), before);
            let row = node.rows().await.remove(0);
            assert_eq!(row.state, FibRowState::Refused);
            let error = row.error.expect("the kernel said why");
            assert!(
                error.starts_with("EEXIST: another route with this prefix"),
                "{error}"
            );
            ip(&format!(
                "route del {prefix} via {theirs} metric 1024 proto static"
            ));
            eventually(|| kernel(prefix).len() == 1 && kernel(prefix)[0].contains("bird")).await;
            node.until(|view| view.pending == Default::default()).await;

            // The other way round: somebody puts his own in the place of ours.
            ip(&format!(
                "route replace {prefix} via {theirs} metric 1024 proto static"
            ));
            node.until(|view| view.pending != Default::default()).await;
            assert_eq!(kernel(prefix), before);
            node.apply(&[none(prefix)]).await;
            assert_eq!(kernel(prefix), before);
        }
    });
}

#[test]
fn what_others_do_to_our_routes_is_put_right() {
    in_namespace("what_others_do_to_our_routes_is_put_right", &[], async {
        two_networks();
        let mut node = Node::start(MAIN).await;
        let (v4, v6) = ("10.65.1.0/26", "fd00:65::/122");
        node.apply(&[
            via(v4, &["192.0.2.2"], 1024),
            via(v6, &["fd00:1::2", "fd00:2::2"], 1024),
        ])
        .await;
        let (want_v4, want_v6) = (kernel(v4), kernel(v6));
        ip("route del 10.65.1.0/26 proto bird");
        eventually(|| kernel(v4) == want_v4).await;
        ip("route change 10.65.1.0/26 via 192.0.2.77 metric 1024 proto bird");
        eventually(|| kernel(v4) == want_v4).await;
        ip("-6 route del fd00:65::/122 via fd00:2::2 metric 1024 proto bird");
        eventually(|| kernel(v6) == want_v6).await;
        node.until(|view| view.drift_repaired >= 3).await;
        assert_eq!(node.view.borrow().resyncs.get("overrun"), None);
    });
}

#[test]
fn a_link_that_flaps_gets_its_routes_back() {
    in_namespace("a_link_that_flaps_gets_its_routes_back", &[], async {
        two_networks();
        let mut node = Node::start(MAIN).await;
        let (v4, v6) = ("10.65.1.0/26", "fd00:65::/122");
        node.track(&["192.0.2.2", "fd00:1::2"]).await;
        node.apply(&[via(v4, &["192.0.2.2"], 1024), via(v6, &["fd00:1::2"], 1024)])
            .await;
        let (want_v4, want_v6) = (kernel(v4), kernel(v6));
        ip("link set va down");
        node.told("192.0.2.2", NextHopState::Unreachable).await;
        node.told("fd00:1::2", NextHopState::Unreachable).await;
        eventually(|| kernel(v4) == ["unreachable 10.65.1.0/26 proto bird metric 1024"]).await;
        ip("link set va up");
        // The kernel forgets IPv6 addresses of a link that goes down.
        ip("-6 addr add fd00:1::1/64 dev va nodad");
        node.told("192.0.2.2", NextHopState::Reachable { metric: 0 })
            .await;
        node.told("fd00:1::2", NextHopState::Reachable { metric: 0 })
            .await;
        eventually(|| kernel(v4) == want_v4 && kernel(v6) == want_v6).await;
        assert_eq!(node.view.borrow().drift_repaired, 0, "nobody meddled");

        // Down and up again before anything could be read.
        ip("link set va down");
        ip("link set va up");
        ip("-6 addr add fd00:1::1/64 dev va nodad");
        eventually(|| kernel(v4) == want_v4 && kernel(v6) == want_v6).await;
        node.until(|view| view.pending == Default::default()).await;
    });
}

#[test]
fn a_changed_metric_leaves_no_gap() {
    in_namespace("a_changed_metric_leaves_no_gap", &[], async {
        two_networks();
        let mut node = Node::start(MAIN).await;
        for (prefix, next_hop) in [
            ("10.65.1.0/26", "192.0.2.2"),
            ("fd00:65::/122", "fd00:1::2"),
        ] {
            node.apply(&[via(prefix, &[next_hop], 1024)]).await;
            let events = Monitor::start().await;
            node.apply(&[via(prefix, &[next_hop], 900)]).await;
            let wanted = format!("{prefix} via {next_hop} dev va proto bird metric 900");
            assert_eq!(kernel(prefix), [wanted]);
            let events = events.stop().await;
            let deleted = events.find("Deleted").expect("the old one went");
            assert!(
                events
                    .find("metric 900")
                    .is_some_and(|added| added < deleted),
                "{events}"
            );
        }
    });
}

#[test]
fn next_hops_follow_routes_and_addresses() {
    in_namespace("next_hops_follow_routes_and_addresses", &[], async {
        two_networks();
        let mut node = Node::start(MAIN).await;
        node.track(&["203.0.113.7", "192.0.2.1", "fd00:9::7"]).await;
        node.told("192.0.2.1", NextHopState::Unreachable).await;
        node.told("203.0.113.7", NextHopState::Unreachable).await;
        node.apply(&[via("10.65.1.0/26", &["203.0.113.7"], 1024)])
            .await;
        assert_eq!(
            kernel("10.65.1.0/26"),
            ["unreachable 10.65.1.0/26 proto bird metric 1024"]
        );
        ip("route add default via 192.0.2.254");
        node.told("203.0.113.7", NextHopState::Reachable { metric: 1 })
            .await;
        let behind = "10.65.1.0/26 via 192.0.2.254 dev va proto bird metric 1024";
        eventually(|| kernel("10.65.1.0/26") == [behind]).await;
        ip("route replace default via 198.51.100.254");
        let behind = "10.65.1.0/26 via 198.51.100.254 dev vc proto bird metric 1024";
        eventually(|| kernel("10.65.1.0/26") == [behind]).await;
        ip(
            "-6 route add fd00:9::/64 proto static nexthop via fd00:1::9 nexthop via fe80::9 dev vc",
        );
        node.told("fd00:9::7", NextHopState::Reachable { metric: 1 })
            .await;
        ip("addr add 203.0.113.7/32 dev lo");
        node.told("203.0.113.7", NextHopState::Unreachable).await;
        ip("addr del 192.0.2.1/24 dev va");
        ip("addr add 192.0.2.3/24 dev va");
        node.told("192.0.2.1", NextHopState::Reachable { metric: 0 })
            .await;
    });
}

#[test]
fn another_table_is_written_and_resolved_through_the_main_one() {
    let name = "another_table_is_written_and_resolved_through_the_main_one";
    in_namespace(name, &[], async {
        two_networks();
        let mut node = Node::start(FibOptions {
            table: 1000,
            protocol: 77,
        })
        .await;
        node.apply(&[
            via("10.65.1.0/26", &["192.0.2.2"], 1024),
            via("fd00:65::/122", &["fd00:1::2"], 1024),
        ])
        .await;
        let routes = output("ip", &["route", "show", "table", "1000"]);
        assert_eq!(
            routes.trim(),
            "10.65.1.0/26 via 192.0.2.2 dev va proto 77 metric 1024"
        );
        assert!(kernel("10.65.1.0/26").is_empty());
        drop(node);
        let mut again = Node::start(FibOptions {
            table: 1000,
            protocol: 77,
        })
        .await;
        again.sweep().await;
        again.until(|view| view.programmed).await;
        assert_eq!(again.view.borrow().operations["delete"]["ok"], 2);
        assert_eq!(output("ip", &["route", "show", "table", "1000"]), "");
    });
}

#[test]
fn a_large_table_is_written_in_batches_and_ends_equal() {
    in_namespace(
        "a_large_table_is_written_in_batches_and_ends_equal",
        &[],
        async {
            two_networks();
            let mut node = Node::start(MAIN).await;
            let prefixes: Vec<String> = (0..8_000u32)
                .map(|n| format!("10.{}.{}.0/24", 100 + n / 256, n % 256))
                .collect();
            let hops = [
                "192.0.2.2",
                "192.0.2.3",
                "192.0.2.4",
                "198.51.100.2",
                "198.51.100.3",
            ];
            for chunk in prefixes.chunks(512) {
                let wishes: Vec<_> = chunk
                    .iter()
                    .map(|prefix| via(prefix, &hops, 1024))
                    .collect();
                node.apply(&wishes).await;
            }
            let present = output("ip", &["-o", "route", "show", "proto", "bird"]);
            assert_eq!(present.lines().count(), prefixes.len());
            assert_eq!(node.view.borrow().routes.ipv4, 8_000);
            // Everything goes at once behind its back, more than a small receive buffer holds.
            ip("route flush proto bird");
            node.until(|view| view.drift_repaired > 0 || view.resyncs.contains_key("overrun"))
                .await;
            let count = || {
                output("ip", &["-o", "route", "show", "proto", "bird"])
                    .lines()
                    .count()
            };
            eventually(|| count() == 8_000).await;
            for chunk in prefixes.chunks(512) {
                node.apply(&chunk.iter().map(|prefix| none(prefix)).collect::<Vec<_>>())
                    .await;
            }
            assert_eq!(count(), 0);
        },
    );
}

#[test]
fn lost_events_are_noticed_and_made_up_for() {
    in_namespace("lost_events_are_noticed_and_made_up_for", &[], async {
        two_networks();
        let mut tiny = Netlink::open(MAIN.table).expect("netlink sockets open");
        tiny.set_monitor_buffer(4096)
            .expect("smaller is always allowed");
        let mut node = Node::on(tiny, MAIN).await;
        let prefixes: Vec<_> = (0..400)
            .map(|n| format!("10.77.{}.0/25", n % 256))
            .collect();
        let wishes: Vec<_> = prefixes
            .iter()
            .map(|p| via(p, &["192.0.2.2"], 1024))
            .collect();
        node.apply(&wishes).await;
        ip("route flush proto bird");
        node.until(|view| view.resyncs.contains_key("overrun"))
            .await;
        let count = || {
            output("ip", &["-o", "route", "show", "proto", "bird"])
                .lines()
                .count()
        };
        eventually(|| count() == 256).await;
        node.until(|view| view.pending == Default::default() && view.routes.ipv4 == 256)
            .await;
    });
}

#[test]
fn without_the_privilege_it_says_so_and_lives_on() {
    let without = ["setpriv", "--bounding-set", "-net_admin"];
    in_namespace(
        "without_the_privilege_it_says_so_and_lives_on",
        &without,
        async {
            let mut node = Node::start(MAIN).await;
            node.track(&["192.0.2.2"]).await;
            node.told("192.0.2.2", NextHopState::Unreachable).await;
            node.apply(&[change("10.65.0.0/26", FibRouteKind::Blackhole, None)])
                .await;
            node.until(|view| view.denied.is_some()).await;
            assert_eq!(node.view.borrow().pending.ipv4, 1);
            let row = node.rows().await.remove(0);
            assert_eq!(row.state, FibRowState::Refused);
            let error = row.error.expect("a reason");
            assert!(error.starts_with("EPERM: missing CAP_NET_ADMIN"), "{error}");
        },
    );
}
