//! Routes travel both ways, with the right attributes, into the kernel and out of it again.

use std::collections::BTreeSet;

use serde_json::json;

use crate::lan::{self, LOCAL_AS, Lan, Neighbor, OWN_BLOCKS};
use crate::support::bird::Bird;
use crate::support::calidris::{Calidris, rows};
use crate::support::{self, kernel, resources, wait_for};

/// LOCAL_PREF of routes that the cluster originates: 2³¹ − 1 less the normal route priority.
const OWN_LOCAL_PREF: &str = "2147482623";
/// The kernel's metric for routes of LOCAL_PREF 100.
const METRIC_AT_100: u64 = 2_147_483_547;

const EXTERNAL_AS: u32 = 65_001;

/// What the external neighbour does to its announcements, so that each attribute is seen to travel.
const EXTERNAL_EDIT: &str = "bgp_path.prepend(65001);
    bgp_med = 50;
    bgp_origin = ORIGIN_INCOMPLETE;
    bgp_community.add((65001, 7));";

fn internal() -> Neighbor {
    Neighbor::new(2, LOCAL_AS)
}

fn external() -> Neighbor {
    Neighbor {
        edit: EXTERNAL_EDIT,
        ..Neighbor::new(3, EXTERNAL_AS)
    }
}

fn wait_until_established(speaker: &Calidris<'_>, neighbors: &[&Neighbor]) {
    for name in neighbors.iter().flat_map(|neighbor| neighbor.sessions()) {
        speaker.wait_for_state(&name, "Established");
    }
}

#[test]
fn own_blocks_reach_both_kinds_of_peer() {
    if !support::network_allowed("routes::own_blocks_reach_both_kinds_of_peer") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS, EXTERNAL_AS]);
    let (internal, external) = (lan.start_bird(&internal()), lan.start_bird(&external()));
    let _speaker = lan.start_speaker();

    for (block, address) in OWN_BLOCKS.into_iter().zip(["10.9.0.1", "fd09::1"]) {
        let inside = internal.wait_for_route(block);
        assert_eq!(inside.get("as_path"), "");
        assert_eq!(inside.get("origin"), "IGP");
        assert_eq!(inside.get("local_pref"), OWN_LOCAL_PREF);
        assert_eq!(inside.next_hop(), address);

        let outside = external.wait_for_route(block);
        assert_eq!(outside.get("as_path"), "64512");
        assert_eq!(outside.get("origin"), "IGP");
        // LOCAL_PREF does not leave the AS: what is here is BIRD's own default.
        assert_eq!(outside.get("local_pref"), "100");
        assert_eq!(outside.get("med"), "");
        assert_eq!(outside.next_hop(), address);

        let route = kernel::wait_for_route(&lan.speaker, block, |_| true);
        assert_eq!(route.kind, "blackhole");
    }
}

#[test]
fn learned_routes_reach_the_kernel_and_the_other_peer() {
    if !support::network_allowed("routes::learned_routes_reach_the_kernel_and_the_other_peer") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS, EXTERNAL_AS]);
    let (inner, outer) = (internal(), external());
    let (internal, external) = (lan.start_bird(&inner), lan.start_bird(&outer));
    let speaker = lan.start_speaker();
    wait_until_established(&speaker, &[&inner, &outer]);

    for family in 0..2 {
        let own_address = ["10.9.0.1", "fd09::1"][family];
        for host in [2, 3] {
            let gateway = [lan::ipv4(host), lan::ipv6(host)][family].clone();
            for prefix in [
                &lan::blocks_of(host)[family],
                &lan::outside_of(host)[family],
            ] {
                let route = kernel::wait_for_route(&lan.speaker, prefix, |_| true);
                assert_eq!(route.kind, "unicast");
                assert_eq!(route.gateways, std::slice::from_ref(&gateway));
                assert_eq!(route.metric, Some(METRIC_AT_100));
            }
        }

        // An internal route goes out with our AS and address.
        let outside = external.wait_for_route(&lan::blocks_of(2)[family]);
        assert_eq!(outside.get("as_path"), "64512");
        assert_eq!(outside.next_hop(), own_address);

        // An external route comes in unchanged, at the default preference.
        let inside = internal.wait_for_route(&lan::blocks_of(3)[family]);
        assert_eq!(inside.get("as_path"), "65001 65001");
        assert_eq!(inside.next_hop(), [lan::ipv4(3), lan::ipv6(3)][family]);
        assert_eq!(inside.get("local_pref"), "100");
        assert_eq!(inside.get("med"), "50");
        assert_eq!(inside.get("origin"), "Incomplete");
        assert_eq!(inside.get("community"), "(65001,7)");

        // What lies outside the pools stays here.
        assert_eq!(external.route(&lan::outside_of(2)[family]), None);
        assert_eq!(internal.route(&lan::outside_of(3)[family]), None);

        let path = speaker
            .best_path(&lan::blocks_of(3)[family])
            .expect("it is in the kernel");
        assert_eq!(path["from"], lan::sessions_with(3)[family]);
        assert_eq!(path["asPath"], "65001 65001");
        assert_eq!(path["asPathNumbers"], json!([65_001, 65_001]));
        assert_eq!(path["nextHop"], [lan::ipv4(3), lan::ipv6(3)][family]);
        assert_eq!(path["origin"], "incomplete");
        assert_eq!(path["med"], 50);
        assert_eq!(path["communities"], json!(["65001:7"]));
        let path = speaker
            .best_path(&lan::blocks_of(2)[family])
            .expect("it is in the kernel");
        assert_eq!(path["asPath"], "");
        assert_eq!(path["localPref"], 100);
        assert_eq!(path["origin"], "igp");
    }
}

#[test]
fn a_new_block_is_announced_without_a_reset() {
    if !support::network_allowed("routes::a_new_block_is_announced_without_a_reset") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS, EXTERNAL_AS]);
    let (inner, outer) = (internal(), external());
    let birds = [lan.start_bird(&inner), lan.start_bird(&outer)];
    let speaker = lan.start_speaker();
    wait_until_established(&speaker, &[&inner, &outer]);
    let names: Vec<String> = inner
        .sessions()
        .into_iter()
        .chain(outer.sessions())
        .collect();
    let uptimes = || -> Vec<_> {
        let sessions = names.iter().map(|name| speaker.session(name));
        sessions
            .map(|one| (one["since"].clone(), one["counters"]["established"].clone()))
            .collect()
    };
    let before = uptimes();

    let blocks = ["172.30.1.64/26", "fd5a:1:0:1::40/122"];
    let text = resources::documents(&blocks.map(|cidr| resources::block("n1", cidr)));
    lan.resources
        .write("more.yaml", &text)
        .expect("the folder is ours");
    for block in blocks {
        for bird in &birds {
            bird.wait_for_route(block);
        }
        kernel::wait_for_route(&lan.speaker, block, |route| route.kind == "blackhole");
    }
    assert_eq!(uptimes(), before);

    lan.resources.remove("more.yaml").expect("it was written");
    for block in blocks {
        for bird in &birds {
            bird.wait_for_no_route(block);
        }
        kernel::wait_for_no_route(&lan.speaker, block);
    }
    assert_eq!(uptimes(), before);
}

/// A block of its own makes the speaker's export policy another one, by which what lies inside the
/// block is told no more.
#[test]
fn another_export_policy_tells_bird_the_differences_only() {
    if !support::network_allowed("routes::another_export_policy_tells_bird_the_differences_only") {
        return;
    }
    let many = (0..40).map(|n| format!("172.30.{}.0/26", 100 + n));
    let inside = ["172.30.1.65/32", "172.30.1.66/32"];
    let outer = Neighbor {
        routes: many.clone().chain(inside.map(str::to_owned)).collect(),
        ..Neighbor::new(2, EXTERNAL_AS)
    };
    let inner = Neighbor::new(3, LOCAL_AS);
    let lan = Lan::with_neighbors(&[EXTERNAL_AS, LOCAL_AS]);
    let (_teller, hearer) = (lan.start_bird(&outer), lan.start_bird(&inner));
    let speaker = lan.start_speaker();
    wait_until_established(&speaker, &[&outer, &inner]);
    for route in many.chain(inside.map(str::to_owned)) {
        hearer.wait_for_route(&route);
    }
    let [session, _] = inner.sessions();
    let established = || speaker.session(&session)["counters"]["established"].clone();
    let before = (heard(&hearer), established());

    let block = "172.30.1.64/26";
    let text = resources::documents(&[resources::block("n1", block)]);
    lan.resources
        .write("more.yaml", &text)
        .expect("the folder is ours");
    hearer.wait_for_route(block);
    for route in inside {
        hearer.wait_for_no_route(route);
    }
    let (updates, withdraws) = before.0;
    assert_eq!(heard(&hearer), (updates + 1, withdraws + 2));

    lan.resources.remove("more.yaml").expect("it was written");
    hearer.wait_for_no_route(block);
    for route in inside {
        hearer.wait_for_route(route);
    }
    assert_eq!(heard(&hearer), (updates + 3, withdraws + 3));
    assert_eq!(established(), before.1);
}

/// How many announcements and withdrawals of IPv4 prefixes BIRD has had.
fn heard(bird: &Bird<'_>) -> (u64, u64) {
    let text = bird.ask("show protocols all calidris4");
    let received = |what: &str| {
        let line = text.lines().find(|line| line.trim().starts_with(what));
        let numbers = line.and_then(|line| line.split_once(':')?.1.split_whitespace().next());
        numbers
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("{what} in {text}"))
    };
    (received("Import updates"), received("Import withdraws"))
}

#[test]
fn equal_paths_share_the_load_in_the_kernel() {
    if !support::network_allowed("routes::equal_paths_share_the_load_in_the_kernel") {
        return;
    }
    let shared = ["172.30.100.0/26", "fd5a:1:0:100::/122"];
    let announcing = |host: usize| Neighbor {
        routes: shared
            .map(str::to_owned)
            .into_iter()
            .chain(lan::blocks_of(host))
            .collect(),
        ..Neighbor::new(host, LOCAL_AS)
    };
    let lan = Lan::with_neighbors(&[LOCAL_AS, LOCAL_AS]);
    let _first = lan.start_bird(&announcing(2));
    let second = lan.start_bird(&announcing(3));
    let _speaker = lan.start_speaker();

    let both = [[lan::ipv4(2), lan::ipv4(3)], [lan::ipv6(2), lan::ipv6(3)]];
    for (prefix, gateways) in shared.into_iter().zip(&both) {
        kernel::wait_for_route(&lan.speaker, prefix, |route| route.gateways == gateways);
    }

    second.configure(
        &Neighbor {
            routes: Vec::new(),
            ..announcing(3)
        }
        .configuration(),
    );
    for (prefix, gateways) in shared.into_iter().zip(&both) {
        kernel::wait_for_route(&lan.speaker, prefix, |route| {
            route.gateways == gateways[..1]
        });
    }
}

#[test]
fn the_plan_names_the_sessions_that_run() {
    if !support::network_allowed("routes::the_plan_names_the_sessions_that_run") {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS, EXTERNAL_AS]);
    let (inner, outer) = (internal(), external());
    let _birds = [lan.start_bird(&inner), lan.start_bird(&outer)];
    let speaker = lan.start_speaker();
    wait_until_established(&speaker, &[&inner, &outer]);

    let plan = speaker.plan();
    let planned = plan["peers"].as_object().expect("sessions by name");
    let running = rows(&speaker.show(&["summary"])["neighbors"]);
    let names: BTreeSet<&str> = running
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert_eq!(
        planned.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        names
    );
    for (name, peer) in planned {
        let session = speaker.session(name);
        for field in [
            "address", "port", "family", "localAs", "remoteAs", "passive",
        ] {
            assert_eq!(session[field], peer[field], "{field} of {name}");
        }
    }
    let originated = plan["originated"].as_object().expect("routes by prefix");
    assert_eq!(
        originated.keys().map(String::as_str).collect::<Vec<_>>(),
        OWN_BLOCKS
    );
    for block in OWN_BLOCKS {
        wait_for(&format!("{block} in the tables"), || {
            speaker.best_path(block).ok_or_else(|| "nothing".to_owned())
        });
    }
}
