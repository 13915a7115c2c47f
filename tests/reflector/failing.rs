//! Two reflectors, one of which fails: nothing is lost.

use crate::client::{Client, wait_for_all};
use crate::network::{Family, Machine, Network, is_allowed};
use crate::support::frr::BGPD;
use crate::support::{expect, wait_for};

const CLIENTS: [Machine<'_>; 3] = [
    Machine::client("bird", 3),
    Machine::client("frr", 4),
    Machine::client("node", 5),
];

#[test]
fn of_two_reflectors_of_one_cluster_one_may_fail() {
    let name = "failing::of_two_reflectors_of_one_cluster_one_may_fail";
    if is_allowed(name, &[BGPD]) {
        one_fails(["244.0.0.1", "244.0.0.1"]);
    }
}

#[test]
fn of_two_reflectors_of_different_clusters_one_may_fail() {
    let name = "failing::of_two_reflectors_of_different_clusters_one_may_fail";
    if is_allowed(name, &[BGPD]) {
        one_fails(["244.0.0.1", "244.0.0.2"]);
    }
}

fn one_fails(clusters: [&str; 2]) {
    let network = Network::new();
    network.all_to_reflectors();
    let reflectors = [
        Machine::reflector("r1", 1, clusters[0]),
        Machine::reflector("r2", 2, clusters[1]),
    ];
    for machine in reflectors.iter().chain(&CLIENTS) {
        network.describe(machine);
    }
    let places = reflectors.map(|machine| network.join(&machine));
    let [bird, frr, node] = CLIENTS.map(|machine| network.join(&machine));
    let mut first = network.calidris(&places[0], "r1");
    let second = network.calidris(&places[1], "r2");
    let clients = [
        Client::bird(&bird, 3, &[1, 2]),
        Client::frr(&frr, 4, &[1, 2]),
        Client::calidris(&network, &node, &CLIENTS[2]),
    ];
    wait_for_all(&clients, 1, &clusters[..1]);
    wait_for_all(&clients, 2, &clusters[1..]);
    let sessions = || {
        let sessions = CLIENTS.iter().flat_map(|machine| {
            Family::ALL.map(|family| second.session(&family.session(machine.host))["since"].clone())
        });
        sessions.collect::<Vec<_>>()
    };
    let before = sessions();

    first.kill();
    wait_for("all clients know that one reflector is gone", || {
        let mut up = Vec::new();
        for client in &clients {
            for family in Family::ALL {
                if client.is_up(family, 1)? {
                    up.push((client.name(), family));
                }
                assert_has_all(client, &clients, family);
            }
        }
        expect(up.is_empty(), up)
    });
    wait_for_all(&clients, 2, &clusters[1..]);
    assert_eq!(sessions(), before, "the other reflector's sessions stand");

    first.restart();
    wait_for_all(&clients, 1, &clusters[..1]);
    wait_for_all(&clients, 2, &clusters[1..]);
    assert_eq!(sessions(), before, "the other reflector's sessions stand");
}

/// At this moment a client has the blocks of all others from the reflector that runs.
fn assert_has_all(client: &Client<'_>, all: &[Client<'_>], family: Family) {
    for from in all.iter().filter(|from| from.host != client.host) {
        let block = family.block(from.host);
        let seen = client.seen(family, &block, 2);
        assert!(
            seen.as_ref().is_ok_and(|seen| !seen.is_empty()),
            "{block} is lost at {}: {seen:?}",
            client.name()
        );
    }
}
