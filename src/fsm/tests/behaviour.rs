//! One peer, step by step.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one action among many"
)]

use std::time::Duration;

use super::*;
use crate::fsm::{CloseReason, DownReason, SessionDown, StateName, StopReason, Timer};
use crate::net::Family;
use crate::wire::{Notification, RefreshKind, RouteRefresh, WireError, cease};

fn sent(actions: &[Action]) -> Option<(u8, u8)> {
    actions.iter().find_map(|action| match action {
        Action::SendNotification(_, sent) => Some((sent.code, sent.subcode)),
        _ => None,
    })
}

fn down(actions: &[Action]) -> Option<&SessionDown> {
    actions.iter().find_map(|action| match action {
        Action::Down(down) => Some(down),
        _ => None,
    })
}

fn lost(id: u64) -> Input {
    Input::Closed {
        connection: ConnectionId(id),
        reason: CloseReason::EndOfStream,
    }
}

#[test]
fn session_comes_up_by_the_book() {
    let mut bench = Bench::new(config(1, 2));
    assert_eq!(bench.peer.state(), StateName::Active);
    let actions = bench.dial(7);
    assert!(matches!(
        actions[..],
        [Action::SendOpen(ConnectionId(7), _)]
    ));
    assert_eq!(bench.peer.state(), StateName::OpenSent);
    let actions = bench.receive_open(7);
    assert_eq!(actions, [Action::SendKeepalive(ConnectionId(7))]);
    assert_eq!(bench.peer.state(), StateName::OpenConfirm);
    let actions = bench.receive(7, Received::Keepalive);
    assert!(matches!(actions[..], [Action::Up(ConnectionId(7), _)]));
    assert_eq!(bench.peer.state(), StateName::Established);
    assert_eq!(
        bench.peer.hold_remaining(bench.now),
        Some(Duration::from_secs(240))
    );
}

#[test]
fn first_dial_waits_for_the_connect_delay_and_later_ones_for_the_retry_time() {
    let mut bench = Bench::new(config(1, 2));
    let begun = bench.now;
    assert_eq!(bench.next_timer(), [Action::Dial]);
    let waited = bench.now - begun;
    assert!((Duration::from_millis(1500)..=Duration::from_secs(2)).contains(&waited));

    let failed = bench.now;
    let reason = "connection refused".to_owned();
    let actions = bench.input(Input::DialFailed {
        reason: reason.clone(),
    });
    assert_eq!(actions, [Action::Failed(DownReason::DialFailed(reason))]);
    assert_eq!(bench.next_timer(), [Action::Dial]);
    let waited = bench.now - failed;
    assert!((Duration::from_millis(3750)..=Duration::from_secs(5)).contains(&waited));
}

#[test]
fn dial_without_answer_is_given_up_and_begun_again() {
    let mut bench = Bench::new(config(1, 2));
    bench.next_timer();
    let actions = bench.next_timer();
    assert_eq!(actions[0], Action::CancelDial);
    assert_eq!(actions[2], Action::Dial);
    // The answer to a cancelled dial is closed.
    bench.input(Input::Stop(StopReason::Silent));
    let actions = bench.input(Input::Connected {
        direction: Direction::Outgoing,
        connection: ConnectionId(3),
    });
    assert_eq!(actions, [Action::Close(ConnectionId(3))]);
}

#[test]
fn passive_side_never_dials() {
    let mut bench = Bench::new(PeerConfig {
        passive: true,
        ..config(1, 2)
    });
    assert_eq!(bench.peer.poll_timeout(), None);
    bench.establish(1);
    bench.input(lost(1));
    assert_eq!(bench.peer.poll_timeout(), None);
    bench.establish(2);
}

#[test]
fn open_from_the_wrong_as_is_answered_with_2_2() {
    let mut bench = Bench::new(config(1, 2));
    bench.accept(1);
    let mut open = open_of_peer(&bench.config);
    open.asn = Asn(65_000);
    let actions = bench.receive(1, Received::Open(open));
    assert_eq!(sent(&actions), Some((2, 2)));
    assert!(actions.contains(&Action::Close(ConnectionId(1))));
    assert_eq!(bench.peer.state(), StateName::Idle);
    let Some(DownReason::NotificationSent(_, text)) = bench.peer.last_down() else {
        panic!("the reason is kept");
    };
    assert_eq!(text, "the peer says AS 65000, configured is AS 64512");
}

#[test]
fn unexpected_messages_are_named_by_state_and_type() {
    let mut bench = Bench::new(config(1, 2));
    bench.accept(1);
    let actions = bench.receive(1, Received::Keepalive);
    let expected = |subcode, kind| {
        Action::SendNotification(
            ConnectionId(1),
            Notification {
                code: 5,
                subcode,
                data: vec![kind],
            },
        )
    };
    assert_eq!(actions[0], expected(1, 4));

    let mut bench = Bench::new(config(1, 2));
    bench.accept(1);
    bench.receive_open(1);
    let actions = bench.receive(1, Received::Update);
    assert_eq!(actions[0], expected(2, 2));

    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    let actions = bench.receive_open(1);
    assert_eq!(actions[0], expected(3, 1));
    assert!(down(&actions).is_some(), "the session ends");
}

#[test]
fn faulty_bytes_are_answered_as_the_codec_says_in_every_state() {
    for messages in 0..3 {
        let mut bench = Bench::new(config(1, 2));
        bench.accept(1);
        if messages > 0 {
            bench.receive_open(1);
        }
        if messages > 1 {
            bench.receive(1, Received::Keepalive);
        }
        let error = WireError::Marker(b"GET /".to_vec());
        let actions = bench.receive(1, Received::Faulty(error));
        assert_eq!(sent(&actions), Some((1, 1)));
        assert_eq!(bench.peer.state(), StateName::Idle);
    }
}

#[test]
fn silent_peer_ends_by_hold_timer_in_open_confirm_and_established() {
    let mut bench = Bench::new(config(1, 2));
    bench.accept(1);
    bench.receive_open(1);
    assert_eq!(sent(&bench.wait(Duration::from_secs(241))), Some((4, 0)));

    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    let actions = bench.wait(Duration::from_secs(241));
    assert_eq!(sent(&actions), Some((4, 0)));
    assert!(down(&actions).is_some(), "the session ends");
}

#[test]
fn hold_time_of_zero_still_ends_a_silent_open_confirm() {
    let mut bench = Bench::new(PeerConfig {
        hold_time: HoldTime::new(0).expect("zero is off"),
        ..config(1, 2)
    });
    bench.accept(1);
    bench.receive_open(1);
    assert_eq!(sent(&bench.wait(Duration::from_secs(241))), Some((4, 0)));

    let mut bench = Bench::new(bench.config);
    bench.establish(1);
    assert_eq!(bench.peer.poll_timeout(), None);
}

#[test]
fn hold_timer_waits_while_input_is_unread() {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    while bench.peer.poll_timeout().expect("a timer runs").1 != Timer::Hold {
        bench.next_timer();
    }
    bench.now += Duration::from_secs(240);
    bench.peer.handle_timeout(bench.now, Backlog::Unread);
    assert_eq!(bench.peer.state(), StateName::Established);
    bench.receive(1, Received::Update);
    assert_eq!(
        bench.peer.hold_remaining(bench.now),
        Some(Duration::from_secs(240))
    );
}

#[test]
fn keepalives_are_spread_between_75_and_100_per_cent_of_the_interval() {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    let mut gaps = Vec::new();
    for _ in 0..50 {
        let before = bench.now;
        let actions = bench.next_timer();
        assert_eq!(actions, [Action::SendKeepalive(ConnectionId(1))]);
        gaps.push(bench.now - before);
        bench.receive(1, Received::Keepalive);
    }
    let bounds = Duration::from_secs(60)..=Duration::from_secs(80);
    assert!(gaps.iter().skip(1).all(|gap| bounds.contains(gap)));
    gaps.sort();
    gaps.dedup();
    assert!(gaps.len() > 10, "jitter varies");
}

#[test]
fn repeated_failures_double_the_pause_up_to_its_limit() {
    let mut bench = Bench::new(config(1, 2));
    let mut pauses = Vec::new();
    for id in 0..5 {
        bench.dial(id);
        bench.receive(id, Received::Update);
        assert_eq!(bench.peer.state(), StateName::Idle);
        let (until, timer) = bench.peer.poll_timeout().expect("the pause ends");
        assert_eq!(timer, Timer::IdleHold);
        pauses.push((until - bench.now).as_secs_f64());
    }
    for (pause, full) in pauses.iter().zip([5.0, 10.0, 20.0, 30.0, 30.0]) {
        assert!((full * 0.75..=full).contains(pause), "{pauses:?}");
    }
    bench.dial(9);
    bench.now += Duration::from_secs(301);
    bench.receive(9, Received::Update);
    let (until, _) = bench.peer.poll_timeout().expect("the pause ends");
    assert!(
        until - bench.now <= Duration::from_secs(5),
        "history is forgotten"
    );
}

#[test]
fn connections_are_refused_while_idle() {
    let mut bench = Bench::new(config(1, 2));
    bench.accept(1);
    bench.receive(1, Received::Update);
    assert_eq!(bench.accept(2), [Action::Close(ConnectionId(2))]);
    bench.input(Input::Stop(StopReason::Silent));
    assert_eq!(bench.accept(3), [Action::Close(ConnectionId(3))]);
}

#[test]
fn lost_tcp_connection_keeps_routes_and_is_replaced_fast() {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    let actions = bench.input(lost(1));
    assert!(down(&actions).expect("the session ends").keep_routes);
    let (at, timer) = bench.peer.poll_timeout().expect("a dial is due");
    assert_eq!(timer, Timer::ConnectRetry);
    assert!(at - bench.now <= Duration::from_secs(2));
    bench.establish(2);
}

#[test]
fn routes_go_with_the_connection_where_graceful_restart_was_not_agreed() {
    let mut bench = Bench::new(PeerConfig {
        restart_time: None,
        ..config(1, 2)
    });
    bench.establish(1);
    let actions = bench.input(lost(1));
    assert!(!down(&actions).expect("the session ends").keep_routes);
}

#[test]
fn cease_from_the_peer_brings_no_pause_unless_it_would_only_repeat_itself() {
    for (subcode, pause) in [
        (cease::ADMIN_RESET, false),
        (cease::CONFIG_CHANGE, false),
        (cease::PREFIX_LIMIT, true),
        (cease::CONNECTION_REJECTED, true),
    ] {
        let mut bench = Bench::new(config(1, 2));
        bench.establish(1);
        let actions = bench.receive(1, Received::Notification(Notification::cease(subcode)));
        assert!(down(&actions).is_some(), "the session ends");
        assert_eq!(sent(&actions), None);
        assert_eq!(bench.peer.state() == StateName::Idle, pause, "6/{subcode}");
    }
}

#[test]
fn stop_says_why_and_start_begins_again() {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    let actions = bench.input(Input::Stop(StopReason::AdminShutdown("for a while".into())));
    assert_eq!(sent(&actions), Some((6, 9)));
    assert!(down(&actions).is_some());
    assert_eq!(bench.peer.poll_timeout(), None);
    bench.input(Input::Start);
    bench.dial(2);
    assert_eq!(bench.peer.state(), StateName::OpenSent);
}

#[test]
fn silent_stop_sends_nothing() {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    let actions = bench.input(Input::Stop(StopReason::Silent));
    assert_eq!(sent(&actions), None);
    assert_eq!(actions.last(), Some(&Action::Close(ConnectionId(1))));
}

#[test]
fn accepted_connection_without_open_ends_after_30_seconds_without_pause() {
    let mut bench = Bench::new(PeerConfig {
        passive: true,
        ..config(1, 2)
    });
    bench.accept(1);
    assert_eq!(bench.wait(Duration::from_secs(29)), []);
    assert_eq!(sent(&bench.wait(Duration::from_secs(2))), Some((4, 0)));
    assert_eq!(bench.peer.state(), StateName::Active);
}

#[test]
fn newer_accepted_connection_replaces_one_that_is_not_established() {
    let mut bench = Bench::new(config(1, 2));
    bench.accept(1);
    let actions = bench.accept(2);
    assert_eq!(actions[0], Action::Close(ConnectionId(1)));
    assert!(matches!(actions[1], Action::SendOpen(ConnectionId(2), _)));
}

#[test]
fn established_session_wins_against_a_new_connection_without_graceful_restart() {
    let mut bench = Bench::new(PeerConfig {
        restart_time: None,
        ..config(1, 2)
    });
    bench.establish(1);
    bench.wait(Duration::from_secs(20));
    assert_eq!(bench.accept(2), [], "nothing is said before OPEN");
    let actions = bench.receive_open(2);
    assert_eq!(sent(&actions), Some((6, 7)));
    assert_eq!(bench.peer.state(), StateName::Established);
}

#[test]
fn new_connection_of_a_restarted_peer_takes_over_where_graceful_restart_was_agreed() {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    bench.wait(Duration::from_secs(20));
    bench.accept(2);
    let actions = bench.receive_open(2);
    assert!(down(&actions).expect("the old session ends").keep_routes);
    assert_eq!(sent(&actions), None);
    assert!(actions.contains(&Action::Close(ConnectionId(1))));
    let actions = bench.receive(2, Received::Keepalive);
    assert!(matches!(actions[..], [Action::Up(ConnectionId(2), _)]));
}

#[test]
fn new_connection_beside_a_session_that_dies_gets_its_open() {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    bench.accept(2);
    let actions = bench.input(lost(1));
    assert!(matches!(
        actions.last(),
        Some(Action::SendOpen(ConnectionId(2), _))
    ));
    bench.receive_open(2);
    bench.receive(2, Received::Keepalive);
    assert_eq!(bench.peer.state(), StateName::Established);
}

#[test]
fn refresh_is_passed_on_for_families_of_the_session() {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    let refresh = |family, kind| Received::RouteRefresh(RouteRefresh { family, kind });
    let actions = bench.receive(1, refresh(Some(Family::Ipv6), RefreshKind::Request));
    assert_eq!(actions, [Action::Refresh(Family::Ipv6)]);
    assert_eq!(bench.receive(1, refresh(None, RefreshKind::Request)), []);
    let actions = bench.receive(1, refresh(Some(Family::Ipv4), RefreshKind::Unknown(9)));
    assert_eq!(actions, []);
}

#[test]
fn restart_and_forwarding_bits_are_set_only_while_this_side_recovers() {
    let mut bench = Bench::new(config(1, 2));
    let restart = |actions: &[Action]| match actions {
        [Action::SendOpen(_, open)] => open
            .capabilities
            .graceful_restart
            .expect("a restart time is configured"),
        other => panic!("an OPEN was expected: {other:?}"),
    };
    bench.peer.set_restarting(true);
    let offered = restart(&bench.dial(1));
    assert!(offered.restarting);
    assert!(offered.families.ipv6.expect("offered").forwarding_preserved);
    bench.input(lost(1));
    bench.peer.set_restarting(false);
    let offered = restart(&bench.dial(2));
    assert!(!offered.restarting);
    assert!(!offered.families.ipv6.expect("offered").forwarding_preserved);
}
