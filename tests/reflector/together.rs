//! One reflector with clients of every kind.

use crate::client::{Client, wait_for_all};
use crate::network::{Family, Machine, Network, is_allowed};
use crate::support::frr::BGPD;
use crate::support::gobgp::GOBGPD;

const REFLECTOR: Machine<'_> = Machine::reflector("rr", 1, "244.0.0.1");
const CLIENTS: [Machine<'_>; 4] = [
    Machine::client("bird", 2),
    Machine::client("frr", 3),
    Machine::client("gobgp", 4),
    Machine::client("node", 5),
];

#[test]
fn clients_of_every_kind_have_each_others_routes_unchanged_but_for_what_reflection_adds() {
    let name = "together::clients_of_every_kind_have_each_others_routes_unchanged_but_for_what_\
                reflection_adds";
    if !is_allowed(name, &[BGPD, GOBGPD]) {
        return;
    }
    let network = Network::new();
    network.all_to_reflectors();
    network.describe(&REFLECTOR);
    for machine in &CLIENTS {
        network.describe(machine);
    }
    let place = network.join(&REFLECTOR);
    let [bird, frr, gobgp, node] = CLIENTS.map(|machine| network.join(&machine));
    let reflector = network.calidris(&place, REFLECTOR.name);
    let clients = [
        Client::bird(&bird, 2, &[1]),
        Client::frr(&frr, 3, &[1]),
        Client::gobgp(&gobgp, 4, &[1]),
        Client::calidris(&network, &node, &CLIENTS[3]),
    ];
    wait_for_all(&clients, 1, &["244.0.0.1"]);

    let sessions = || {
        let sessions = CLIENTS.iter().flat_map(|machine| {
            Family::ALL.map(|family| {
                reflector.wait_for_state(&family.session(machine.host), "Established")
            })
        });
        sessions.collect::<Vec<_>>()
    };
    let before = sessions();
    assert!(
        before
            .iter()
            .all(|session| session["reflectorClient"] == true),
        "{before:?}"
    );

    // Another cluster id is told to everybody, and no session ends of it.
    network.describe(&Machine {
        cluster: Some("244.0.0.9"),
        ..REFLECTOR
    });
    wait_for_all(&clients, 1, &["244.0.0.9"]);
    for (before, after) in before.iter().zip(sessions()) {
        assert_eq!(before["since"], after["since"], "{}", before["name"]);
    }
}
