//! Known faults whose tests have a course of their own: silence, deafness, floods, collisions.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

use crate::checker::Rules;
use crate::octets::{Open, attribute, capability, keepalive};
use crate::peer::{Connection, connect, now};
use crate::place;
use crate::stage::{CLUSTER, DAEMON_V4, Family};
use crate::world::{DIALLED_PORT, Slot, World};

/// The OPEN that this peer sends, with another hold time.
fn open_with_hold_time(slot: &Slot, hold_time: u16) -> Vec<u8> {
    Open {
        hold_time,
        ..slot.stage(0).open()
    }
    .octets()
}

fn expect_end(connection: &Connection, wanted: &str) {
    let ended = connection.wait_for(Duration::from_secs(60), |seen| seen.ended.then_some(()));
    let end = connection.seen().end();
    assert!(
        ended.is_some() && end.starts_with(wanted),
        "{wanted} was to come, not: {end}"
    );
}

/// Waits until the daemon shows this state of a session.
fn wait_for_state(world: &World, slot: &Slot, state: &str) -> Value {
    world.eventually(&format!("{} {state}", slot.name()), || {
        let view = world.neighbor(&slot.name());
        if view["state"] == state {
            Ok(view)
        } else {
            Err(view.to_string())
        }
    })
}

fn witnesses_are_up(world: &World) -> String {
    world
        .witnesses_are_up()
        .unwrap_or_else(|down| panic!("{down}"));
    "and the witnesses are up".to_owned()
}

#[test]
fn row_44_silence_in_open_confirm_gets_4_0() {
    place::run("row_44_silence_in_open_confirm_gets_4_0", || {
        let world = World::get();
        let slot = world.special("mute");
        let connection = slot.connect(Rules::Headers).expect("the daemon answers");
        connection.send(&open_with_hold_time(slot, 3));
        expect_end(&connection, "NOTIFICATION 4/0");
        assert!(connection.seen().keepalives > 0, "OPEN was answered");
        witnesses_are_up(world)
    });
}

#[test]
fn row_44_silence_in_established_gets_4_0() {
    place::run("row_44_silence_in_established_gets_4_0", || {
        let world = World::get();
        let slot = world.special("silent");
        let connection = slot.connect(Rules::Headers).expect("the daemon answers");
        connection.send(&open_with_hold_time(slot, 3));
        connection.send(&keepalive());
        expect_end(&connection, "NOTIFICATION 4/0");
        // One confirmed OPEN; the others show that the session was kept alive meanwhile.
        assert!(
            connection.seen().keepalives > 1,
            "{:?}",
            connection.seen().keepalives
        );
        witnesses_are_up(world)
    });
}

/// Routes that fill every buffer on the way to a peer that does not read.
const ROUTES: u8 = 250;

#[test]
fn row_45_a_peer_that_stops_reading_hurts_nobody() {
    place::run("row_45_a_peer_that_stops_reading_hurts_nobody", || {
        let world = World::get();
        let (deaf, talker) = (world.special("deaf"), world.special("second"));
        let stream = deaf_stream(world, deaf);
        let session = talker.establish().expect("the daemon answers");
        let witness = world.witness(false, Family::V4);
        let stage = talker.stage(world.number());
        let prefix = |which: u8| vec![32, 10, 254, 254, which];
        for round in 0..2 {
            for which in 0..ROUTES {
                let filler = attribute(0xc0, 99, &[&[round, which][..], &[0x5a; 3000]].concat());
                session.send(&stage.announce(&prefix(which)).add(filler).octets());
            }
        }
        let is_last = |seen: &crate::peer::Seen, which: u8| {
            let route = seen.routes.get(&prefix(which));
            route
                .and_then(|route| route.value(99))
                .is_some_and(|value| value[..2] == [1, which])
        };
        let all = |seen: &crate::peer::Seen| (0..ROUTES).all(|which| is_last(seen, which));
        let told = witness.wait_for(Duration::from_secs(30), |seen| all(seen).then_some(()));
        assert!(told.is_some(), "the witness waits for the deaf peer");

        let view = wait_for_state(world, deaf, "Established");
        let sent = view["counters"]["sent"]["update"]
            .as_u64()
            .expect("a number");
        assert!(
            sent < u64::from(ROUTES) * 2,
            "the peer was to be stuck, and got {sent} UPDATEs"
        );
        // As soon as it reads, it ends with the latest state, whatever was in between.
        let reading = Connection::on(stream, Rules::Whole(deaf.setting));
        let caught_up = reading.wait_for(Duration::from_secs(30), |seen| all(seen).then_some(()));
        assert!(caught_up.is_some(), "{}", reading.seen().end());
        let complaint = reading.seen().complaints.pop();
        assert_eq!(complaint, None);
        drop(session);
        witnesses_are_up(world)
    });
}

/// An established session of which nothing has been read, with the smallest of windows.
fn deaf_stream(world: &World, slot: &Slot) -> std::net::TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket
        .bind(&SocketAddr::new(slot.address, 0).into())
        .expect("our address");
    socket
        .connect(&SocketAddr::new(slot.daemon(), 179).into())
        .expect("the daemon listens");
    let stream: std::net::TcpStream = socket.into();
    std::io::Write::write_all(
        &mut &stream,
        &[slot.stage(0).open().octets(), keepalive()].concat(),
    )
    .expect("there is room for an OPEN");
    wait_for_state(world, slot, "Established");
    stream
}

#[test]
fn row_46_a_peer_that_keeps_failing_waits_longer() {
    place::run("row_46_a_peer_that_keeps_failing_waits_longer", || {
        let world = World::get();
        let slot = world.special("damped");
        for _ in 0..3 {
            let connection = slot.connect(Rules::Headers).expect("the daemon comes back");
            connection.send(
                &Open {
                    version: 3,
                    ..slot.stage(0).open()
                }
                .octets(),
            );
            expect_end(&connection, "NOTIFICATION 2/1");
        }
        // The third pause is four times the first of one second, less a quarter of jitter: a peer
        // that dials meanwhile is refused without an OPEN.
        let failed = now();
        let view = wait_for_state(world, slot, "Idle");
        assert!(view["lastError"]["message"].is_string(), "{view}");
        drop(slot.connect(Rules::Headers).expect("the daemon comes back"));
        let pause = failed.elapsed();
        assert!(pause > Duration::from_millis(1500), "a pause of {pause:?}");
        witnesses_are_up(world)
    });
}

#[test]
fn row_47_strangers_are_closed_at_once() {
    place::run("row_47_strangers_are_closed_at_once", || {
        let world = World::get();
        let own = std::net::IpAddr::V4(DAEMON_V4.into());
        // The daemon has no peer at its own address.
        let stranger = Connection::dial(own, own, Rules::Headers).expect("the daemon listens");
        stranger.send(&world.special("second").stage(0).open().octets());
        expect_end(&stranger, "closed without a NOTIFICATION");
        assert_eq!(stranger.seen().open, None, "a stranger learns nothing");
        witnesses_are_up(world)
    });
}

#[test]
fn row_47_a_flood_leaves_one_connection() {
    place::run("row_47_a_flood_leaves_one_connection", || {
        let world = World::get();
        let slot = world.special("flood");
        let flood: Vec<Connection> = (0..200)
            .filter_map(|_| connect(slot.address, slot.daemon()).ok())
            .map(|stream| Connection::on(stream, Rules::Headers))
            .collect();
        assert!(flood.len() > 100, "only {} connections", flood.len());
        world.eventually("one connection is left of the flood", || {
            let open = flood
                .iter()
                .filter(|connection| !connection.seen().ended)
                .count();
            if open <= 1 {
                Ok(())
            } else {
                Err(format!("{open} are open"))
            }
        });
        // The good one is welcome all the same.
        let session = slot.establish().expect("the daemon answers");
        wait_for_state(world, slot, "Established");
        drop(session);
        witnesses_are_up(world)
    });
}

#[test]
fn row_47_silence_before_open_gets_4_0() {
    place::run("row_47_silence_before_open_gets_4_0", || {
        let world = World::get();
        let connection = world
            .special("idle")
            .connect(Rules::Headers)
            .expect("the daemon answers");
        expect_end(&connection, "NOTIFICATION 4/0");
        witnesses_are_up(world)
    });
}

#[test]
fn row_48_of_two_connections_the_right_one_stays() {
    place::run("row_48_of_two_connections_the_right_one_stays", || {
        let world = World::get();
        let slot = world.special("collision");
        let listener =
            TcpListener::bind(SocketAddr::new(slot.address, DIALLED_PORT)).expect("our address");
        // RFC 4271 §6.8: the connection that the higher identifier has opened stays.
        for (identifier, ours_stays) in [([10, 9, 200, 1], true), ([10, 0, 0, 5], false)] {
            let (dialled, _) = listener.accept().expect("the daemon dials");
            let theirs = Connection::on(dialled, Rules::Headers);
            let ours = slot.connect(Rules::Headers).expect("the daemon answers");
            theirs
                .wait(|seen| seen.open.clone())
                .expect("the daemon sends OPEN");
            let open = Open {
                identifier,
                ..slot.stage(0).open()
            }
            .octets();
            for connection in [&theirs, &ours] {
                connection.send(&open);
                connection.send(&keepalive());
            }
            let (stays, goes) = if ours_stays {
                (ours, theirs)
            } else {
                (theirs, ours)
            };
            expect_end(&goes, "NOTIFICATION 6/7");
            wait_for_state(world, slot, "Established");
            assert_eq!(stays.seen().end(), "up");
            drop(stays);
        }
        witnesses_are_up(world)
    });
}

#[test]
fn row_49_two_peers_with_one_identifier_both_stay() {
    place::run("row_49_two_peers_with_one_identifier_both_stay", || {
        let world = World::get();
        let clones = ["clone-1", "clone-2"].map(|label| world.special(label));
        let sessions = clones.map(|slot| {
            let connection = slot.connect(Rules::Headers).expect("the daemon answers");
            let identifier = [10, 9, 99, 99];
            connection.send(
                &Open {
                    identifier,
                    ..slot.stage(0).open()
                }
                .octets(),
            );
            connection.send(&keepalive());
            connection
        });
        for slot in clones {
            wait_for_state(world, slot, "Established");
        }
        for session in &sessions {
            assert_eq!(session.seen().end(), "up");
        }
        witnesses_are_up(world)
    });
}

#[test]
fn row_50_the_api_names_a_cluster_loop() {
    place::run("row_50_the_api_names_a_cluster_loop", || {
        let world = World::get();
        let slot = world.special("reflector");
        let session = slot.establish().expect("the daemon answers");
        let stage = slot.stage(world.number());
        let looped = attribute(0x80, 10, &[[10, 77, 1, 1], CLUSTER].concat());
        session.send(&stage.again().set(10, looped).octets());
        let [_, a, b, c, d] = stage.known()[..] else {
            panic!("a prefix of four octets")
        };
        let path = format!("/api/v1/routes?prefix={a}.{b}.{c}.{d}/27");
        world.eventually("the reason of the refusal", || {
            let answer = world.ask(&path);
            if answer.contains("cluster loop") {
                Ok(())
            } else {
                Err(answer)
            }
        });
        let witness = world.witness(false, Family::V4);
        assert!(
            !witness.seen().routes.contains_key(&stage.known()),
            "a looped route went on"
        );
        witnesses_are_up(world)
    });
}

#[test]
fn a_fault_withdraws_the_prefixes_of_both_families() {
    place::run("a_fault_withdraws_the_prefixes_of_both_families", || {
        let world = World::get();
        let slot = world.special("dual");
        let v4 = slot.stage(world.number());
        let mut v6 = v4.clone();
        v6.setting.family = Family::V6;
        let capabilities = [v4.capabilities(), capability(1, &[0, 2, 0, 1])].concat();
        let session = slot.connect(Rules::Headers).expect("the daemon answers");
        session.send(&v4.open_with(&capabilities).octets());
        session.send(&keepalive());
        let next_hop = std::net::Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 77).octets();
        let both = |origin: u8| {
            let draft = v4.again().set(1, attribute(0x40, 1, &[origin]));
            draft.front(v6.reach(&next_hop, &v6.known())).octets()
        };
        for (origin, wanted) in [(0, true), (9, false), (1, true), (3, false)] {
            session.send(&both(origin));
            for stage in [&v4, &v6] {
                for external in [false, true] {
                    let witness = world.witness(external, stage.setting.family);
                    let prefix = stage.known();
                    let seen = witness
                        .wait(|seen| (seen.routes.contains_key(&prefix) == wanted).then_some(()));
                    assert!(seen.is_some(), "{origin}: {}", session.seen().end());
                }
            }
        }
        assert_eq!(session.seen().end(), "up");
        drop(session);
        witnesses_are_up(world)
    });
}

#[test]
fn a_peer_beyond_its_prefix_limit_gets_6_1() {
    place::run("a_peer_beyond_its_prefix_limit_gets_6_1", || {
        let world = World::get();
        let slot = world.special("limited");
        let session = slot.establish().expect("the daemon answers");
        let stage = slot.stage(world.number());
        let three = [stage.known(), stage.bystander(), stage.fresh()].concat();
        session.send(&stage.announce(&three).octets());
        let witness = world.witness(true, Family::V4);
        let told = witness.wait(|seen| seen.routes.contains_key(&stage.fresh()).then_some(()));
        assert!(told.is_some(), "{}", session.seen().end());
        session.send(&stage.announce(&stage.sentinel()).octets());
        expect_end(&session, "NOTIFICATION 6/1");
        let gone = witness.wait(|seen| (!seen.routes.contains_key(&stage.known())).then_some(()));
        assert!(
            gone.is_some(),
            "the routes of a session that is closed stay"
        );
        witnesses_are_up(world)
    });
}
