use super::*;
use crate::fsm::tests::{config, open_of_peer};

fn both(value: bool) -> PerFamily<bool> {
    PerFamily {
        ipv4: value,
        ipv6: value,
    }
}

#[test]
fn smaller_hold_time_wins_and_sets_the_keepalive_interval() {
    let ours = config(1, 2);
    let mut open = open_of_peer(&ours);
    open.hold_time = HoldTime::new(9).expect("nine is allowed");
    let terms = Negotiated::agree(&ours, open).expect("the OPEN is good");
    assert_eq!(terms.hold_time.seconds(), 9);
    assert_eq!(terms.keepalive, Some(Duration::from_secs(3)));
}

#[test]
fn hold_time_of_zero_switches_keepalives_off() {
    let ours = config(1, 2);
    let mut open = open_of_peer(&ours);
    open.hold_time = HoldTime::new(0).expect("zero is off");
    let terms = Negotiated::agree(&ours, open).expect("the OPEN is good");
    assert_eq!(terms.keepalive, None);
}

#[test]
fn configured_keepalive_counts_while_it_is_below_the_hold_time() {
    let mut ours = config(1, 2);
    ours.keepalive = Some(Duration::from_secs(20));
    let mut open = open_of_peer(&ours);
    let terms = Negotiated::agree(&ours, open.clone()).expect("the OPEN is good");
    assert_eq!(terms.keepalive, Some(Duration::from_secs(20)));
    open.hold_time = HoldTime::new(12).expect("twelve is allowed");
    let terms = Negotiated::agree(&ours, open).expect("the OPEN is good");
    assert_eq!(terms.keepalive, Some(Duration::from_secs(4)));
}

#[test]
fn own_identifier_is_refused_inside_an_as_only() {
    let mut ours = config(1, 2);
    let mut open = open_of_peer(&ours);
    open.router_id = ours.router_id;
    let error = Negotiated::agree(&ours, open.clone()).expect_err("2/3");
    let answer = error.notification();
    assert_eq!((answer.code, answer.subcode), (2, 3));
    ours.remote_as = Asn(65_001);
    open.asn = Asn(65_001);
    assert!(Negotiated::agree(&ours, open).is_ok());
}

#[test]
fn identifier_of_zero_is_refused() {
    let ours = config(1, 2);
    let mut open = open_of_peer(&ours);
    open.router_id = RouterId([0, 0, 0, 0].into());
    let error = Negotiated::agree(&ours, open).expect_err("2/3");
    assert_eq!(error.notification().subcode, 3);
}

#[test]
fn families_are_those_of_both_sides() {
    let ours = config(1, 2);
    let mut open = open_of_peer(&ours);
    open.capabilities.families.ipv4 = false;
    let terms = Negotiated::agree(&ours, open).expect("ipv6 is common");
    assert_eq!(
        terms.families.families().collect::<Vec<_>>(),
        [Family::Ipv6]
    );
}

#[test]
fn peer_without_multiprotocol_means_ipv4_or_the_only_family_of_the_session() {
    let mut ours = config(1, 2);
    let mut open = open_of_peer(&ours);
    open.capabilities = Capabilities::default();
    let terms = Negotiated::agree(&ours, open.clone()).expect("ipv4 is implied");
    assert_eq!(
        terms.families.families().collect::<Vec<_>>(),
        [Family::Ipv4]
    );
    assert!(!terms.four_octet_as && !terms.route_refresh);
    ours.families.ipv4 = false;
    let terms = Negotiated::agree(&ours, open).expect("ipv6 is meant");
    assert_eq!(
        terms.families.families().collect::<Vec<_>>(),
        [Family::Ipv6]
    );
}

#[test]
fn no_common_family_is_answered_with_our_capabilities() {
    let mut ours = config(1, 2);
    ours.families.ipv4 = false;
    let mut open = open_of_peer(&ours);
    open.capabilities.families = PerFamily {
        ipv4: true,
        ipv6: false,
    };
    let error = Negotiated::agree(&ours, open).expect_err("nothing in common");
    assert_eq!(
        error.notification(),
        Notification {
            code: 2,
            subcode: 7,
            data: vec![1, 4, 0, 2, 0, 1],
        }
    );
    assert_eq!(
        error.to_string(),
        "no address family in common: this side offers ipv6"
    );
}

#[test]
fn add_path_needs_a_sender_and_a_receiver() {
    let mut ours = config(1, 2);
    let direction = |receive, send| AddPathDirection { receive, send };
    ours.add_path.ipv4 = direction(true, true);
    ours.add_path.ipv6 = direction(true, false);
    let mut open = open_of_peer(&ours);
    open.capabilities.add_path.ipv4 = direction(false, true);
    open.capabilities.add_path.ipv6 = direction(true, true);
    let terms = Negotiated::agree(&ours, open).expect("the OPEN is good");
    assert_eq!(terms.add_path.ipv4, direction(true, false));
    assert_eq!(terms.add_path.ipv6, direction(true, false));
}

#[test]
fn graceful_restart_needs_both_sides() {
    let mut ours = config(1, 2);
    let open = open_of_peer(&ours);
    let terms = Negotiated::agree(&ours, open.clone()).expect("the OPEN is good");
    assert_eq!(
        terms.graceful_restart.map(|terms| terms.restart_time),
        Some(120)
    );
    ours.restart_time = None;
    let terms = Negotiated::agree(&ours, open).expect("the OPEN is good");
    assert_eq!(terms.graceful_restart, None);
}

#[test]
fn our_open_offers_what_is_configured_and_no_more() {
    let mut ours = config(1, 2);
    ours.families = PerFamily {
        ipv4: true,
        ipv6: false,
    };
    ours.add_path.ipv6.receive = true;
    let open = our_open(&ours, false);
    assert_ne!(open.capabilities.families, both(true));
    assert_eq!(open.capabilities.add_path.ipv6, AddPathDirection::default());
    assert_eq!(open.capabilities.four_octet_as, Some(Asn(64_512)));
}
