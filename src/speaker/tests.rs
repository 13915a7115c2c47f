//! Whole speakers with real sockets on the loopback; the peers are made of bytes.

mod peer;
mod sharded;
mod world;

use std::time::Duration;

use self::peer::RawPeer;
use self::world::World;
use crate::net::PrefixLimit;
use crate::session::{BOMB, HeldBy, OperatorAction, OperatorRefusal, PeerState};

const A: [u8; 4] = [127, 5, 0, 1];
const B: [u8; 4] = [127, 5, 0, 2];
const C: [u8; 4] = [127, 5, 0, 3];

#[tokio::test]
async fn a_thousand_peers_that_connect_at_once_are_all_taken() {
    let address = |n: u16| {
        let [high, low] = n.to_be_bytes();
        [127, 20, high, low]
    };
    let mut world = World::new([127, 4, 1, 1]);
    for n in 1..=1_000 {
        world.add(address(n));
    }
    world.apply().await;
    let dials: Vec<_> = (1..=1_000)
        .map(|n| {
            let local = world.local;
            tokio::spawn(async move {
                let mut peer = RawPeer::dial(local, address(n), None).await?;
                peer.say_hello(address(n)).await;
                Some(peer)
            })
        })
        .collect();
    let mut peers = Vec::new();
    for dial in dials {
        peers.push(dial.await.expect("no panic").expect("a connection"));
    }
    for n in 1..=1_000 {
        world.wait_for(address(n), PeerState::Established).await;
    }
}

#[tokio::test]
async fn a_session_with_the_right_password_comes_up_and_no_other() {
    let mut world = World::new([127, 4, 2, 1]);
    world.add(A).password = World::secret("right");
    world.add(B);
    world.apply().await;
    for password in [None, Some("wrong")] {
        assert!(RawPeer::dial(world.local, A, password).await.is_none());
    }
    assert!(RawPeer::dial(world.local, B, Some("right")).await.is_none());
    let _a = world.establish(A, Some("right")).await;
    let _b = world.establish(B, None).await;
    assert!(world.view(A).password && !world.view(B).password);
}

#[tokio::test]
async fn this_side_signs_what_it_dials_too() {
    let mut world = World::new([127, 4, 3, 1]);
    let (listener, port) = peer::listen_with_key(A, world.local.ip(), "right");
    let plan = world.add(A);
    plan.password = World::secret("right");
    plan.passive = false;
    plan.port = port;
    plan.connect_delay = Duration::from_millis(10);
    plan.source_address = Some([127, 4, 3, 1].into());
    world.apply().await;
    let mut dialled = RawPeer::accept(&listener).await;
    dialled.say_hello(A).await;
    world.wait_for(A, PeerState::Established).await;
}

#[tokio::test]
async fn another_password_resets_the_session_and_is_demanded_at_once() {
    let mut world = World::new([127, 4, 4, 1]);
    world.add(A).password = World::secret("old");
    world.add(B).password = World::secret("other");
    world.apply().await;
    let mut a = world.establish(A, Some("old")).await;
    let mut b = world.establish(B, Some("other")).await;

    world.plan(A).password = World::secret("new");
    world.apply().await;
    // Cease: other configuration change.
    assert_eq!(a.notification().await, Some((6, 6)));
    assert!(RawPeer::dial(world.local, A, Some("old")).await.is_none());
    let _a = world.establish(A, Some("new")).await;

    world.plan(A).password = None;
    world.apply().await;
    let _a = world.establish(A, None).await;
    assert_eq!(world.view(B).counters.established, 1);
    assert!(b.is_open().await);
}

#[tokio::test]
async fn ttl_security_is_checked_on_the_accepted_socket() {
    let mut world = World::new([127, 4, 5, 1]);
    world.add(A).ttl_security = Some(1);
    world.add(B);
    world.apply().await;
    // From 192 routers away, as far as the TTL tells: its OPEN is not heard.
    let mut far = RawPeer::dial(world.local, A, None).await.expect("accepted");
    far.say_hello(A).await;
    let _b = world.establish(B, None).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.view(A).counters.received.open, 0);
    drop(far);
    let mut near = RawPeer::dial_near(world.local, A).await.expect("accepted");
    near.say_hello(A).await;
    world.wait_for(A, PeerState::Established).await;
}

#[tokio::test]
async fn only_one_connection_of_a_peer_waits_for_its_open() {
    let mut world = World::new([127, 4, 6, 1]);
    world.add(A);
    world.apply().await;
    let mut first = RawPeer::dial(world.local, A, None).await.expect("accepted");
    let mut second = RawPeer::dial(world.local, A, None).await.expect("accepted");
    assert!(first.is_closed().await);
    second.say_hello(A).await;
    world.wait_for(A, PeerState::Established).await;
    let mut stranger = RawPeer::dial(world.local, C, None).await.expect("accepted");
    assert!(stranger.is_closed().await);
}

#[tokio::test]
async fn a_panic_ends_one_session_and_its_peer_may_come_again() {
    let mut world = World::new([127, 4, 7, 1]);
    world.add(A).idle_hold = (Duration::from_secs(1), Duration::from_secs(1));
    world.add(B);
    world.apply().await;
    let mut a = world.establish(A, None).await;
    let mut b = world.establish(B, None).await;
    a.announce_with(BOMB).await;
    assert!(a.is_closed().await);
    let view = world.wait(A, |view| view.counters.panics == 1).await;
    assert_eq!(view.counters.down["panic"], 1);
    let held = view.held.expect("held down");
    assert_eq!(held.by, HeldBy::Defect);
    assert!(held.message.contains("asked for by a test"), "{held:?}");

    // The pause after a first panic is short; the task is the same one.
    world.wait(A, |view| view.held.is_none()).await;
    let _a = world.establish(A, None).await;
    assert!(b.is_open().await);
    let witness = world.view(B);
    assert_eq!(witness.state, PeerState::Established);
    assert_eq!(
        (witness.counters.established, witness.counters.panics),
        (1, 0)
    );
}

#[tokio::test]
async fn what_an_operator_shuts_down_stays_down_over_new_plans() {
    let mut world = World::new([127, 4, 8, 1]);
    world.add(A);
    world.add(B);
    world.apply().await;
    let mut a = world.establish(A, None).await;
    let mut b = world.establish(B, None).await;
    let done = world.operate(A, OperatorAction::Shutdown("maintenance".into()));
    done.await.expect("done");
    assert_eq!(a.notification().await, Some((6, 2)));
    let held = world.wait(A, |view| view.held.is_some()).await.held;
    let held = held.expect("waited for").to_string();
    assert_eq!(held, "shut down by operator: maintenance");

    // Neither a changed nor a forgotten and remembered session comes up.
    world.plan(A).hold_time = 90;
    world.apply().await;
    assert!(
        RawPeer::dial(world.local, A, None)
            .await
            .expect("accepted")
            .is_closed()
            .await
    );
    let plan = world.plan(A).clone();
    world.remove(A);
    world.apply().await;
    *world.add(A) = plan;
    world.apply().await;
    assert!(
        RawPeer::dial(world.local, A, None)
            .await
            .expect("accepted")
            .is_closed()
            .await
    );
    let refused = world
        .operate(A, OperatorAction::Reset { hard: false })
        .await;
    assert!(
        matches!(refused, Err(OperatorRefusal::Held(_))),
        "{refused:?}"
    );

    world
        .operate(A, OperatorAction::Enable)
        .await
        .expect("done");
    let _a = world.establish(A, None).await;
    assert!(b.is_open().await);
}

#[tokio::test]
async fn the_plan_can_hold_a_session_down() {
    let mut world = World::new([127, 4, 9, 1]);
    world.add(A);
    world.apply().await;
    let mut a = world.establish(A, None).await;
    world.plan(A).shutdown = Some("moving".into());
    world.apply().await;
    assert_eq!(a.notification().await, Some((6, 2)));
    let enabled = world
        .operate(A, OperatorAction::Enable)
        .await
        .expect("an answer");
    assert!(
        enabled.contains("held down by the plan: moving"),
        "{enabled}"
    );
    assert!(
        RawPeer::dial(world.local, A, None)
            .await
            .expect("accepted")
            .is_closed()
            .await
    );
    world.plan(A).shutdown = None;
    world.apply().await;
    let _a = world.establish(A, None).await;
}

#[tokio::test]
async fn a_peer_beyond_its_prefix_limit_stays_down_until_it_is_enabled() {
    let mut world = World::new([127, 4, 11, 1]);
    world.add(A).prefix_limit = Some(PrefixLimit {
        max: 2,
        warn_percent: 50,
        restart: None,
    });
    world.add(B);
    world.apply().await;
    let mut a = world.establish(A, None).await;
    let mut b = world.establish(B, None).await;
    a.announce(2, [192, 0, 2, 9]).await;
    let view = world.wait(A, |view| view.near_prefix_limit.ipv4).await;
    assert_eq!(view.counters.prefix_limit_warnings, 1);
    a.announce(3, [192, 0, 2, 9]).await;
    assert_eq!(a.notification().await, Some((6, 1)));
    let view = world.wait(A, |view| view.held.is_some()).await;
    let held = view.held.expect("waited for").to_string();
    assert_eq!(
        held,
        "prefix limit exceeded: 3 ipv4 prefixes where 2 are allowed"
    );
    let refused = RawPeer::dial(world.local, A, None).await;
    assert!(refused.expect("accepted").is_closed().await);
    world
        .operate(A, OperatorAction::Enable)
        .await
        .expect("done");
    let _a = world.establish(A, None).await;
    assert!(b.is_open().await);
}

#[tokio::test]
async fn operators_reset_and_refresh() {
    let mut world = World::new([127, 4, 10, 1]);
    world.add(A);
    world.apply().await;
    for action in [OperatorAction::SoftIn, OperatorAction::SoftOut] {
        let refused = world.operate(A, action).await;
        assert_eq!(refused, Err(OperatorRefusal::NotEstablished));
    }
    let mut a = world.establish(A, None).await;
    let asked = world.operate(A, OperatorAction::SoftIn).await;
    assert_eq!(asked.as_deref(), Ok("asked for its ipv4 routes again"));
    a.expect(peer::ROUTE_REFRESH).await;
    // The answer to soft-out ends in End-of-RIB, or in EoRR; here it is enough that it is taken.
    let sent = world.operate(A, OperatorAction::SoftOut).await;
    assert_eq!(sent.as_deref(), Ok("sending all ipv4 routes again"));
    let reset = world
        .operate(A, OperatorAction::Reset { hard: false })
        .await;
    assert_eq!(reset.as_deref(), Ok("reset; the session is opened again"));
    assert_eq!(a.notification().await, Some((6, 4)));
    let _a = world.establish(A, None).await;
    let gone = world.operate(B, OperatorAction::Enable).await;
    assert_eq!(gone, Err(OperatorRefusal::NoSession));
}
