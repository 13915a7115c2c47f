//! Who hears whom, beyond clients of one reflector: non-clients, and hierarchies.

use crate::client::Client;
use crate::network::{Family, Machine, Network, is_allowed};
use crate::support::calidris::rows;
use crate::support::frr::BGPD;
use crate::support::{expect, wait_for};

/// Two reflectors of the same cluster are non-clients; here they are a BIRD and an FRR that reflect
/// nothing, so that what they have is from the one reflector under test.
#[test]
fn routes_go_between_clients_and_non_clients_but_not_among_non_clients() {
    let name = "topologies::routes_go_between_clients_and_non_clients_but_not_among_non_clients";
    if !is_allowed(name, &[BGPD]) {
        return;
    }
    let cluster = "244.0.0.1";
    let network = Network::new();
    network.all_to_reflectors();
    let machines = [
        Machine::reflector("rr", 1, cluster),
        Machine::reflector("peer-a", 2, cluster),
        Machine::reflector("peer-b", 3, cluster),
        Machine::client("bird", 4),
        Machine::client("node", 5),
    ];
    for machine in &machines {
        network.describe(machine);
    }
    // A non-client calidris client would look for sessions with all reflectors: it has this one only.
    network.peer(
        "to-reflectors",
        "all()",
        "tier == 'reflector' && !has(nobody)",
    );
    let [place, a, b, bird, node] = machines.map(|machine| network.join(&machine));
    let reflector = network.calidris(&place, "rr");
    let non_clients = [Client::bird(&a, 2, &[1]), Client::frr(&b, 3, &[1])];
    let clients = [
        Client::bird(&bird, 4, &[1]),
        Client::calidris(&network, &node, &machines[4]),
    ];

    for client in &clients {
        for non_client in &non_clients {
            client.wait_for(non_client, 1, &[cluster]);
            non_client.wait_for(client, 1, &[cluster]);
        }
    }
    clients[0].wait_for(&clients[1], 1, &[cluster]);
    for (family, host) in Family::ALL
        .into_iter()
        .flat_map(|family| [(family, 2), (family, 3)])
    {
        let session = reflector.session(&family.session(host));
        assert_eq!(session["reflectorClient"], false, "{session}");
    }
    // What the reflector tells a non-client is what clients announce, and nothing else.
    for (family, host) in Family::ALL
        .into_iter()
        .flat_map(|family| [(family, 2), (family, 3)])
    {
        let session = family.session(host);
        let words = [
            "routes",
            "--advertised",
            &session,
            "--family",
            family.name(),
        ];
        let told = rows(&reflector.show(&words));
        let mut told: Vec<String> = told
            .iter()
            .map(|row| row["prefix"].as_str().unwrap_or_default().to_owned())
            .collect();
        told.sort();
        assert_eq!(told, [family.block(4), family.block(5)], "to .{host}");
    }
}

/// Two reflectors, and a client of each: they hear each other where the reflectors are clients of each
/// other, for clusters of their own. Of one cluster, a reflector keeps what the other one tells for
/// itself: by RFC 4456 the route has been in the cluster already.
#[test]
fn clients_that_share_no_reflector_hear_each_other_across_clusters_only() {
    let name = "topologies::clients_that_share_no_reflector_hear_each_other_across_clusters_only";
    if !is_allowed(name, &[BGPD]) {
        return;
    }
    for clusters in [["244.0.0.1", "244.0.0.2"], ["244.0.0.1", "244.0.0.1"]] {
        let network = Network::new();
        network.all_to_reflectors();
        let machines = [
            Machine::reflector("r1", 1, clusters[0]),
            Machine::reflector("r2", 2, clusters[1]),
            Machine::client("bird", 3),
            Machine::client("frr", 4),
        ];
        for machine in &machines {
            network.describe(machine);
        }
        let [r1, r2, bird, frr] = machines.map(|machine| network.join(&machine));
        let r1 = network.calidris(&r1, "r1");
        let r2 = network.calidris(&r2, "r2");
        let (bird, frr) = (Client::bird(&bird, 3, &[1]), Client::frr(&frr, 4, &[2]));
        if clusters[0] != clusters[1] {
            frr.wait_for(&bird, 2, &[clusters[1], clusters[0]]);
            bird.wait_for(&frr, 1, &clusters);
            continue;
        }
        for (reflector, session, block) in [(&r2, 4, 3), (&r1, 3, 4)] {
            for family in Family::ALL {
                let (session, block) = (family.session(session), family.block(block));
                reflector.wait_for_state(&session, "Established");
                wait_for(&format!("{block} at the other reflector"), || {
                    let path = reflector.best_path(&block).ok_or("nothing")?;
                    expect(path["clusterList"][0] == clusters[0], path)
                });
                let told = reflector.show(&["routes", "--advertised", &session]);
                assert!(rows(&told).is_empty(), "{told}");
            }
        }
    }
}

#[test]
fn in_a_hierarchy_of_two_levels_each_reflector_adds_its_cluster() {
    let name = "topologies::in_a_hierarchy_of_two_levels_each_reflector_adds_its_cluster";
    if !is_allowed(name, &[BGPD]) {
        return;
    }
    let network = Network::new();
    let reflector = |name, host, cluster, tier| Machine {
        tier,
        ..Machine::reflector(name, host, cluster)
    };
    let client = |name, host, tier| Machine {
        tier,
        ..Machine::client(name, host)
    };
    let machines = [
        reflector("top", 1, "244.0.0.1", "top"),
        reflector("r1", 2, "244.0.1.1", "r1"),
        reflector("r2", 3, "244.0.1.2", "r2"),
        client("bird", 4, "rack1"),
        client("frr", 5, "rack2"),
        client("node", 6, "rack2"),
    ];
    for machine in &machines {
        network.describe(machine);
    }
    network.peer("rack1", "tier == 'rack1'", "tier == 'r1'");
    network.peer("rack2", "tier == 'rack2'", "tier == 'r2'");
    network.peer("up", "tier in {'r1', 'r2'}", "tier == 'top'");
    let [top, r1, r2, bird, frr, node] = machines.map(|machine| network.join(&machine));
    let _top = network.calidris(&top, "top");
    let _r1 = network.calidris(&r1, "r1");
    let _r2 = network.calidris(&r2, "r2");
    let bird = Client::bird(&bird, 4, &[2]);
    let frr = Client::frr(&frr, 5, &[3]);
    let node = Client::calidris(&network, &node, &machines[5]);

    for below in [&frr, &node] {
        below.wait_for(&bird, 3, &["244.0.1.2", "244.0.0.1", "244.0.1.1"]);
        bird.wait_for(below, 2, &["244.0.1.1", "244.0.0.1", "244.0.1.2"]);
    }
    node.wait_for(&frr, 3, &["244.0.1.2"]);

    drop(bird);
    for below in [&frr, &node] {
        for family in Family::ALL {
            let block = family.block(4);
            wait_for(&format!("{block} is gone from {}", below.name()), || {
                let seen = below.seen(family, &block, 3)?;
                expect(seen.is_empty(), seen)
            });
        }
    }
    node.wait_for(&frr, 3, &["244.0.1.2"]);
}
