//! A peer that does not read, an OPEN that waits, and routes that are asked for again.

use super::*;
use crate::fsm::{DownReason, RefreshRefusal, StateName, Timer};
use crate::net::Family;
use crate::wire::{Notification, RefreshKind, RouteRefresh};

const FIRST: ConnectionId = ConnectionId(1);

fn keepalives(actions: &[Action]) -> usize {
    let keepalive = |action: &&Action| matches!(action, Action::SendKeepalive(_));
    actions.iter().filter(keepalive).count()
}

/// An established session whose peer reads no more, though it goes on talking.
fn stalled() -> Bench {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    bench.takes = false;
    bench
}

/// Waits in steps in which the peer gives signs of life.
fn wait_while_peer_talks(bench: &mut Bench, seconds: u64) -> Vec<Action> {
    let mut actions = Vec::new();
    for _ in 0..seconds / 10 {
        actions.extend(bench.wait(Duration::from_secs(10)));
        if bench.peer.state() == StateName::Established {
            actions.extend(bench.receive(1, Received::Keepalive));
        }
    }
    actions
}

#[test]
fn a_peer_that_takes_nothing_for_eight_minutes_is_given_up() {
    let mut bench = stalled();
    let actions = wait_while_peer_talks(&mut bench, 470);
    assert_eq!(bench.peer.state(), StateName::Established);
    assert_eq!(keepalives(&actions), 1, "nothing piles up behind it");
    let mut actions = Vec::new();
    while bench.peer.established().is_some() {
        actions.extend(bench.next_timer());
    }
    assert_eq!(bench.peer.state(), StateName::Idle);
    let expired = Notification::send_hold_timer_expired();
    assert!(actions.contains(&Action::SendNotification(FIRST, expired.clone())));
    assert!(actions.contains(&Action::Close(FIRST)));
    let Some(DownReason::NotificationSent(sent, text)) = bench.peer.last_down() else {
        panic!("the reason is kept");
    };
    assert_eq!(*sent, expired);
    assert_eq!(text, "the peer took nothing for the send hold time");
}

#[test]
fn any_progress_keeps_a_slow_reader_though_no_second_keepalive_waits() {
    let mut bench = stalled();
    let mut sent = 0;
    for _ in 0..10 {
        sent += keepalives(&wait_while_peer_talks(&mut bench, 400));
        bench.wrote(FIRST, false);
    }
    assert_eq!(bench.peer.state(), StateName::Established);
    assert_eq!(sent, 1);
    // Once it is through, the next one follows in its time.
    bench.wrote(FIRST, true);
    let actions = bench.wait(Duration::from_secs(80));
    assert_eq!(keepalives(&actions), 1);
}

#[test]
fn unread_input_does_not_stretch_the_send_hold_time() {
    let mut bench = stalled();
    for _ in 0..100 {
        let (at, _) = bench.peer.poll_timeout().expect("a timer runs");
        bench.now = at;
        bench.peer.handle_timeout(at, Backlog::Unread);
        if bench.peer.established().is_none() {
            return;
        }
    }
    panic!("the session is still up");
}

#[test]
fn the_send_hold_timer_runs_with_the_hold_timer_only() {
    let mut bench = Bench::new(PeerConfig {
        hold_time: HoldTime::new(0).expect("zero is off"),
        ..config(1, 2)
    });
    bench.establish(1);
    bench.wrote(FIRST, true);
    assert_eq!(bench.peer.poll_timeout(), None);
}

#[test]
fn writes_on_connections_that_are_gone_mean_nothing() {
    let mut bench = stalled();
    let before = format!("{:?}", bench.peer);
    bench.wrote(ConnectionId(77), true);
    assert_eq!(format!("{:?}", bench.peer), before);
}

/// A side that lets accepted connections speak first.
fn patient() -> Bench {
    Bench::new(PeerConfig {
        delay_open: Some(Duration::from_secs(10)),
        ..config(1, 2)
    })
}

#[test]
fn a_delayed_open_follows_the_peers() {
    let mut bench = patient();
    assert_eq!(bench.accept(1), []);
    let actions = bench.receive_open(1);
    assert!(matches!(
        actions[..],
        [Action::SendOpen(FIRST, _), Action::SendKeepalive(FIRST)]
    ));
    bench.receive(1, Received::Keepalive);
    assert_eq!(bench.peer.state(), StateName::Established);
}

#[test]
fn a_delayed_open_is_sent_when_the_delay_is_over() {
    let mut bench = Bench::new(PeerConfig {
        passive: true,
        ..patient().config
    });
    bench.accept(1);
    let (at, timer) = bench.peer.poll_timeout().expect("the delay ends");
    assert_eq!(timer, Timer::DelayOpen);
    assert_eq!(at - bench.now, Duration::from_secs(10));
    assert!(matches!(
        bench.next_timer()[..],
        [Action::SendOpen(FIRST, _)]
    ));
    // Patience with a silent stranger counts from its coming.
    let (at, timer) = bench.peer.poll_timeout().expect("patience ends");
    assert_eq!(timer, Timer::OpenHold);
    assert_eq!(at - bench.now, Duration::from_secs(20));
}

#[test]
fn outgoing_connections_speak_at_once_whatever_the_delay() {
    let mut bench = patient();
    assert!(matches!(bench.dial(1)[..], [Action::SendOpen(FIRST, _)]));
}

#[test]
fn routes_are_asked_for_on_the_established_connection() {
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    let actions = bench.input(Input::RequestRefresh(Family::Ipv6));
    let request = RouteRefresh::request(Family::Ipv6);
    assert_eq!(actions, [Action::SendRefresh(FIRST, request)]);
    // One request says it all while the peer has not read it.
    let actions = bench.input(Input::RequestRefresh(Family::Ipv6));
    let waiting = Action::RefreshRefused(Family::Ipv6, RefreshRefusal::Waiting);
    assert_eq!(actions, [waiting]);
    bench.wrote(FIRST, true);
    let actions = bench.input(Input::RequestRefresh(Family::Ipv6));
    assert_eq!(actions, [Action::SendRefresh(FIRST, request)]);
}

#[test]
fn a_request_that_cannot_be_sent_is_refused_aloud() {
    let refused = |bench: &mut Bench, family, why: RefreshRefusal| {
        assert_eq!(bench.peer.refresh_refusal(family), Some(why));
        let actions = bench.input(Input::RequestRefresh(family));
        assert_eq!(actions, [Action::RefreshRefused(family, why)]);
    };
    let mut bench = Bench::new(config(1, 2));
    refused(&mut bench, Family::Ipv4, RefreshRefusal::NotEstablished);
    bench.accept(1);
    let mut open = open_of_peer(&bench.config);
    open.capabilities.route_refresh = false;
    open.capabilities.families.ipv6 = false;
    bench.receive(1, Received::Open(open));
    bench.receive(1, Received::Keepalive);
    refused(&mut bench, Family::Ipv6, RefreshRefusal::NoSuchFamily);
    refused(&mut bench, Family::Ipv4, RefreshRefusal::NotSupported);
    assert_eq!(
        RefreshRefusal::NotSupported.to_string(),
        "the peer does not support route refresh"
    );
}

#[test]
fn marks_of_an_enhanced_refresh_are_passed_on_where_it_was_agreed() {
    let mark = |family, kind| Received::RouteRefresh(RouteRefresh { family, kind });
    let mut bench = Bench::new(config(1, 2));
    bench.establish(1);
    let ipv6 = Some(Family::Ipv6);
    let actions = bench.receive(1, mark(ipv6, RefreshKind::Begin));
    assert_eq!(actions, [Action::RefreshBegins(Family::Ipv6)]);
    let actions = bench.receive(1, mark(ipv6, RefreshKind::End));
    assert_eq!(actions, [Action::RefreshEnds(Family::Ipv6)]);
    assert_eq!(bench.receive(1, mark(None, RefreshKind::Begin)), []);
    assert_eq!(bench.receive(1, mark(ipv6, RefreshKind::Unknown(3))), []);

    // To a peer of RFC 2918 alone the octet means nothing.
    let mut bench = Bench::new(config(1, 2));
    bench.accept(1);
    let mut open = open_of_peer(&bench.config);
    open.capabilities.enhanced_route_refresh = false;
    bench.receive(1, Received::Open(open));
    bench.receive(1, Received::Keepalive);
    let actions = bench.receive(1, mark(ipv6, RefreshKind::Begin));
    assert_eq!(actions, [Action::Refresh(Family::Ipv6)]);
}
