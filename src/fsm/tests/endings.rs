//! How sessions end: what the peer is told, what is kept, and when it begins again.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one action among many"
)]

use super::*;
use crate::fsm::{CloseReason, SessionDown, StateName, StopReason, Timer};
use crate::net::Family;
use crate::wire::{Notification, cease};

fn sent(actions: &[Action]) -> Option<&Notification> {
    actions.iter().find_map(|action| match action {
        Action::SendNotification(_, sent) => Some(sent),
        _ => None,
    })
}

fn down(actions: &[Action]) -> &SessionDown {
    actions
        .iter()
        .find_map(|action| match action {
            Action::Down(down) => Some(down),
            _ => None,
        })
        .expect("the session ends")
}

/// R and F (of IPv4) of the OPEN among the actions.
fn restart_bits(actions: &[Action]) -> (bool, bool) {
    actions
        .iter()
        .find_map(|action| match action {
            Action::SendOpen(_, open) => open.capabilities.graceful_restart,
            _ => None,
        })
        .map(|terms| {
            let ipv4 = terms.families.ipv4.expect("offered");
            (terms.restarting, ipv4.forwarding_preserved)
        })
        .expect("an OPEN with a restart time")
}

/// Establishes a session with a peer that sets the N bit or does not.
fn established(notification: bool) -> Bench {
    let mut bench = Bench::new(config(1, 2));
    bench.accept(1);
    let mut open = open_of_peer(&bench.config);
    let restart = open.capabilities.graceful_restart.as_mut();
    restart.expect("offered").notification = notification;
    bench.receive(1, Received::Open(open));
    bench.receive(1, Received::Keepalive);
    assert_eq!(bench.peer.state(), StateName::Established);
    bench
}

fn limit(restart: Option<u64>) -> StopReason {
    StopReason::PrefixLimit {
        family: Family::Ipv6,
        max: 1_000,
        restart: restart.map(Duration::from_secs),
    }
}

#[test]
fn every_reason_to_stop_has_its_cease() {
    let cases = [
        (
            StopReason::AdminShutdown("rack 4 moves".into()),
            Notification::admin_shutdown("rack 4 moves"),
        ),
        (
            StopReason::AdminReset(String::new()),
            Notification::admin_reset(""),
        ),
        (
            StopReason::HardReset("why".into()),
            Notification::admin_reset("why"),
        ),
        (limit(None), Notification::prefix_limit(Family::Ipv6, 1_000)),
        (
            StopReason::Deconfigured,
            Notification::cease(cease::PEER_DECONFIGURED),
        ),
        (
            StopReason::ConfigChange,
            Notification::cease(cease::CONFIG_CHANGE),
        ),
    ];
    for (reason, expected) in cases {
        let mut bench = established(false);
        let actions = bench.input(Input::Stop(reason.clone()));
        assert_eq!(sent(&actions), Some(&expected));
        assert!(!down(&actions).keep_routes, "{reason}");

        // A peer that keeps routes over a Cease is told not to, unless it may.
        let mut bench = established(true);
        let actions = bench.input(Input::Stop(reason.clone()));
        let graceful = matches!(reason, StopReason::AdminReset(_));
        let expected = match graceful {
            true => expected,
            false => Notification::hard_reset(&expected),
        };
        assert_eq!(sent(&actions), Some(&expected));
        assert_eq!(down(&actions).keep_routes, graceful, "{reason}");
    }
}

#[test]
fn a_stop_before_the_terms_are_known_is_a_plain_cease() {
    let mut bench = Bench::new(config(1, 2));
    bench.accept(1);
    let actions = bench.input(Input::Stop(StopReason::Deconfigured));
    assert_eq!(
        sent(&actions),
        Some(&Notification::cease(cease::PEER_DECONFIGURED))
    );
}

#[test]
fn a_shutdown_lasts_until_start() {
    for reason in [
        StopReason::AdminShutdown(String::new()),
        limit(None),
        StopReason::Deconfigured,
        StopReason::ConfigChange,
        StopReason::Silent,
    ] {
        let mut bench = established(true);
        bench.input(Input::Stop(reason));
        assert_eq!(bench.peer.state(), StateName::Idle);
        assert_eq!(bench.peer.poll_timeout(), None);
        assert_eq!(bench.accept(2), [Action::Close(ConnectionId(2))]);
        // Nor does a reset begin what is shut down.
        bench.input(Input::Stop(StopReason::AdminReset(String::new())));
        bench.input(Input::Stop(limit(Some(1))));
        assert_eq!(bench.peer.poll_timeout(), None);
        bench.input(Input::Start);
        bench.dial(3);
        assert_eq!(bench.peer.state(), StateName::OpenSent);
    }
}

#[test]
fn a_reset_comes_back_by_itself_after_two_seconds_and_is_no_failure() {
    for reason in [
        StopReason::AdminReset(String::new()),
        StopReason::HardReset(String::new()),
    ] {
        let mut bench = established(true);
        for id in 2..10 {
            bench.input(Input::Stop(reason.clone()));
            let (until, timer) = bench.peer.poll_timeout().expect("the pause ends");
            assert_eq!(timer, Timer::IdleHold);
            assert_eq!(until - bench.now, Duration::from_secs(2));
            assert_eq!(bench.accept(99), [Action::Close(ConnectionId(99))]);
            bench.next_timer();
            bench.establish(id);
        }
        assert_eq!(bench.peer.failures(), 0);
    }
}

#[test]
fn a_prefix_limit_keeps_the_session_down_for_its_restart_time() {
    let mut bench = established(true);
    bench.input(Input::Stop(limit(Some(900))));
    bench.wait(Duration::from_secs(899));
    assert_eq!(bench.peer.state(), StateName::Idle);
    assert_eq!(bench.accept(2), [Action::Close(ConnectionId(2))]);
    bench.wait(Duration::from_secs(1));
    assert_ne!(bench.peer.state(), StateName::Idle);
    bench.establish(3);

    // An operator need not wait.
    bench.input(Input::Stop(limit(Some(900))));
    bench.input(Input::Start);
    bench.establish(4);
    bench.input(Input::Stop(limit(Some(900))));
    bench.input(Input::Stop(StopReason::AdminReset(String::new())));
    bench.wait(Duration::from_secs(2));
    bench.establish(5);
}

#[test]
fn a_passive_side_pauses_longer_with_each_failure_and_refuses_meanwhile() {
    let mut bench = Bench::new(PeerConfig {
        passive: true,
        ..config(1, 2)
    });
    let mut pauses = Vec::new();
    for id in 0..5 {
        bench.establish(2 * id);
        let fault = crate::wire::WireError::MessageType(9);
        bench.receive(2 * id, Received::Faulty(fault));
        assert_eq!(bench.peer.state(), StateName::Idle);
        assert_eq!(
            bench.accept(2 * id + 1),
            [Action::Close(ConnectionId(2 * id + 1))]
        );
        let (until, timer) = bench.peer.poll_timeout().expect("the pause ends");
        assert_eq!(timer, Timer::IdleHold);
        pauses.push((until - bench.now).as_secs_f64());
        bench.next_timer();
    }
    for (pause, full) in pauses.iter().zip([5.0, 10.0, 20.0, 30.0, 30.0]) {
        assert!((full * 0.75..=full).contains(pause), "{pauses:?}");
    }
    assert_eq!(bench.peer.failures(), 5);
}

#[test]
fn pauses_longer_than_the_usual_memory_are_not_forgotten() {
    let mut bench = Bench::new(PeerConfig {
        idle_hold: (Duration::from_secs(200), Duration::from_secs(1_000)),
        ..config(1, 2)
    });
    let mut pauses = Vec::new();
    for id in 0..4 {
        bench.dial(id);
        bench.receive(id, Received::Update);
        let (until, _) = bench.peer.poll_timeout().expect("the pause ends");
        pauses.push((until - bench.now).as_secs_f64());
    }
    for (pause, full) in pauses.iter().zip([200.0, 400.0, 800.0, 1_000.0]) {
        assert!((full * 0.75..=full).contains(pause), "{pauses:?}");
    }
}

#[test]
fn notifications_keep_routes_only_where_both_sides_have_said_so() {
    for both in [true, false] {
        let mut bench = established(both);
        let reset = Notification::admin_reset("");
        let actions = bench.receive(1, Received::Notification(reset));
        assert_eq!(down(&actions).keep_routes, both);

        let mut bench = established(both);
        let actions = bench.wait(Duration::from_secs(241));
        assert_eq!(sent(&actions).map(|sent| sent.code), Some(4));
        assert_eq!(down(&actions).keep_routes, both);
    }
}

#[test]
fn a_hard_reset_keeps_nothing_and_pauses_for_what_it_holds() {
    for (subcode, pause) in [(cease::ADMIN_SHUTDOWN, false), (cease::PREFIX_LIMIT, true)] {
        let mut bench = established(true);
        let reset = Notification::hard_reset(&Notification::cease(subcode));
        let actions = bench.receive(1, Received::Notification(reset));
        assert!(!down(&actions).keep_routes);
        assert_eq!(bench.peer.state() == StateName::Idle, pause, "6/{subcode}");
    }
}

#[test]
fn the_next_open_tells_that_forwarding_went_on() {
    let mut bench = established(true);
    bench.input(Input::Closed {
        connection: ConnectionId(1),
        reason: CloseReason::EndOfStream,
    });
    assert_eq!(restart_bits(&bench.accept(2)), (false, true));

    // After a NOTIFICATION both sides have restarted, so neither waits for the other.
    let mut bench = established(true);
    bench.receive(
        1,
        Received::Notification(Notification::cease(cease::CONFIG_CHANGE)),
    );
    assert_eq!(restart_bits(&bench.accept(2)), (true, true));

    let mut bench = established(true);
    bench.input(Input::Stop(StopReason::HardReset(String::new())));
    bench.next_timer();
    assert_eq!(restart_bits(&bench.accept(2)), (false, false));

    // A peer without the N bit has dropped everything.
    let mut bench = established(false);
    bench.receive(
        1,
        Received::Notification(Notification::cease(cease::CONFIG_CHANGE)),
    );
    assert_eq!(restart_bits(&bench.accept(2)), (false, false));
}

#[test]
fn a_session_that_comes_and_goes_in_order_leaves_no_bits_behind() {
    let mut bench = established(true);
    bench.input(Input::Closed {
        connection: ConnectionId(1),
        reason: CloseReason::EndOfStream,
    });
    bench.establish(2);
    bench.input(Input::Stop(StopReason::AdminShutdown(String::new())));
    bench.input(Input::Start);
    assert_eq!(restart_bits(&bench.accept(3)), (false, false));
}
