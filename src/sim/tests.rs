//! A few worlds in every test run; `tests/sim.rs` walks through many.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;
use crate::net::{Asn, ClusterId, Prefix, RouterId};

fn mesh(speakers: u32) -> (World, Vec<SpeakerId>) {
    let mut world = World::new(Options {
        window_octets: 2_000,
        ring_chunks: 2,
        ..Options::default()
    });
    let speakers: Vec<_> = (0..speakers)
        .map(|number| {
            let router_id = RouterId(Ipv4Addr::from_bits(0x0a00_0001 + number));
            world.add_speaker(Asn(64_512), router_id, None)
        })
        .collect();
    for (index, one) in speakers.iter().enumerate() {
        for other in &speakers[index + 1..] {
            world.peer(*one, *other, &Peering::default());
        }
    }
    (world, speakers)
}

fn prefix(number: u8) -> Prefix {
    Prefix::new(Ipv4Addr::new(10, 65, number, 0).into(), 26).expect("26 is in range")
}

const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn a_mesh_comes_up_and_every_speaker_learns_every_prefix() {
    let (mut world, speakers) = mesh(4);
    for (number, speaker) in (0..).zip(&speakers) {
        world.inflict(Fault::Originate(*speaker, prefix(number)));
    }
    world.run_until_quiet(LIMIT).expect("it comes to rest");
    world.check().expect("every invariant holds");
    assert_eq!(world.session_ups(), 12);
    for speaker in &speakers {
        let selected: Vec<_> = (0..4).map(|n| world.selects(*speaker, prefix(n))).collect();
        assert_eq!(selected, [true; 4]);
    }
}

#[test]
fn a_reader_that_stalls_ends_with_the_latest_state_and_keeps_its_session() {
    let (mut world, speakers) = mesh(3);
    world.run_until_quiet(LIMIT).expect("it comes to rest");
    let (sender, reader) = (speakers[0], speakers[1]);
    world.inflict(Fault::Stall(reader, sender));
    for step in 0..4000u64 {
        let number = u8::try_from(step % 200).expect("below 200");
        let fault = match step % 3 {
            0 | 1 => Fault::Originate(sender, prefix(number)),
            _ => Fault::Withdraw(sender, prefix(number)),
        };
        world.plan(Duration::from_millis(step), fault);
    }
    // Longer than the hold time of 90 s: unread keepalives are no silence (invariant 9).
    world.run_for(Duration::from_secs(200));
    world.inflict(Fault::Resume(reader, sender));
    world.run_until_quiet(LIMIT).expect("it comes to rest");
    world.check().expect("every invariant holds");
    assert!(world.lags() > 0, "the reader fell out of its ring");
    assert_eq!(world.session_ups(), 6, "no session was lost");
}

#[test]
fn routes_of_a_dead_peer_go_when_its_link_is_cut() {
    let (mut world, speakers) = mesh(3);
    world.inflict(Fault::Originate(speakers[0], prefix(1)));
    world.run_until_quiet(LIMIT).expect("it comes to rest");
    world.inflict(Fault::Cut(speakers[0], speakers[1]));
    world.run_until_quiet(LIMIT).expect("it comes to rest");
    world.check().expect("every invariant holds");
    // Internal routes are not passed on, so there is no other way.
    assert!(!world.selects(speakers[1], prefix(1)));
    assert!(world.selects(speakers[2], prefix(1)));
}

#[test]
fn a_seed_names_one_history() {
    let run = |seed| {
        Scenario::from_seed(seed)
            .run()
            .expect("every invariant holds")
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).trace, run(4).trace);
}

#[test]
fn a_small_crowd_hears_everybody() {
    let crowd = Crowd::new(5, Shape::Hierarchy, 3, 23, 2);
    let report = crowd.run().expect("every invariant holds");
    assert_eq!(report.speakers, 23);
}

#[test]
fn reflectors_that_contradict_each_other_cause_no_storm() {
    let mut world = World::new(Options::default());
    let add = |world: &mut World, number: u32, cluster| {
        let router_id = RouterId(Ipv4Addr::from_bits(0x0a00_0001 + number));
        let cluster: Option<u32> = cluster;
        let cluster = cluster.map(|id| ClusterId(Ipv4Addr::from_bits(id)));
        world.add_speaker(Asn(64_512), router_id, cluster)
    };
    // Each takes each of the other three for its client.
    let reflectors: Vec<_> = (0..4).map(|n| add(&mut world, n, Some(n + 1))).collect();
    let clients: Vec<_> = (4..10).map(|n| add(&mut world, n, None)).collect();
    for (number, one) in reflectors.iter().enumerate() {
        let others = reflectors[number + 1..].iter().chain(&clients);
        for other in others {
            world.peer(*one, *other, &Peering::default());
        }
    }
    world.run_until_quiet(LIMIT).expect("it comes to rest");
    let before = world.heard();
    for fault in [Fault::Originate, Fault::Withdraw] {
        world.inflict(fault(clients[0], prefix(1)));
        world.run_until_quiet(LIMIT).expect("it comes to rest");
        world.check().expect("every invariant holds");
    }
    // Four reflectors hear it of the client. What each selects can change once for each length that a
    // CLUSTER_LIST can have, none to three, and each time it tells eight others.
    let heard = world.heard() - before;
    assert!(heard <= 2 * (4 + 4 * 4 * 8), "{heard} routes were told");
}
