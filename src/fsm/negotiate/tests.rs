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
    let open = our_open(&ours, Resumption::Anew);
    assert_ne!(open.capabilities.families, both(true));
    assert_eq!(open.capabilities.add_path.ipv6, AddPathDirection::default());
    assert_eq!(open.capabilities.four_octet_as, Some(Asn(64_512)));
}

#[test]
fn as_trans_is_nobodys_number() {
    let mut ours = config(1, 2);
    ours.remote_as = Asn::TRANS;
    let error = Negotiated::agree(&ours, open_of_peer(&ours)).expect_err("2/2");
    let answer = error.notification();
    assert_eq!((answer.code, answer.subcode), (2, 2));
}

#[test]
fn what_came_with_later_rfcs_needs_both_sides() {
    let ours = config(1, 2);
    let terms = Negotiated::agree(&ours, open_of_peer(&ours)).expect("the OPEN is good");
    assert!(terms.enhanced_refresh && terms.extended_message && terms.extended_next_hop);
    let mut open = open_of_peer(&ours);
    open.capabilities.enhanced_route_refresh = false;
    open.capabilities.extended_message = false;
    open.capabilities.extended_next_hop = false;
    let terms = Negotiated::agree(&ours, open).expect("the OPEN is good");
    assert!(!terms.enhanced_refresh && !terms.extended_message && !terms.extended_next_hop);
}

#[test]
fn extended_next_hops_are_for_sessions_that_carry_ipv4() {
    let mut ours = config(1, 2);
    ours.families.ipv4 = false;
    let offered = our_open(&ours, Resumption::Anew).capabilities;
    assert!(!offered.extended_next_hop);
    let open = open_of_peer(&config(1, 2));
    let terms = Negotiated::agree(&ours, open).expect("ipv6 is common");
    assert!(!terms.extended_next_hop);
}

#[test]
fn long_lived_terms_need_both_sides_and_graceful_restart() {
    let mut ours = config(1, 2);
    ours.long_lived_time = Some(86_400);
    let open = open_of_peer(&ours);
    let agreed = |ours: &PeerConfig, open: &Open| {
        Negotiated::agree(ours, open.clone())
            .expect("the OPEN is good")
            .long_lived
    };
    let terms = agreed(&ours, &open).expect("both sides offer it");
    let ipv6 = terms.families.ipv6.expect("offered");
    assert_eq!(
        (ipv6.stale_time, ipv6.forwarding_preserved),
        (86_400, false)
    );
    let mut without = open.clone();
    without.capabilities.graceful_restart = None;
    assert_eq!(agreed(&ours, &without), None);
    ours.long_lived_time = None;
    assert_eq!(agreed(&ours, &open), None);
    ours.long_lived_time = Some(86_400);
    ours.restart_time = None;
    assert_eq!(agreed(&ours, &open), None);
    assert_eq!(open_of_peer(&ours).capabilities.long_lived, None);
}

/// An external peering in which this side has a role.
fn with_role(role: Role) -> PeerConfig {
    PeerConfig {
        remote_as: Asn(65_001),
        role: Some(role),
        ..config(1, 2)
    }
}

#[test]
fn roles_must_go_together_and_one_that_is_not_said_is_accepted() {
    let roles = [
        Role::Provider,
        Role::Rs,
        Role::RsClient,
        Role::Customer,
        Role::Peer,
    ];
    for ours in roles {
        let config = with_role(ours);
        let offered = our_open(&config, Resumption::Anew).capabilities.role;
        assert_eq!(offered, Some(ours.wire()));
        for theirs in (0..=7).map(Some).chain([None]) {
            let mut open = open_of_peer(&config);
            open.capabilities.role = theirs;
            let fits = theirs.is_none_or(|theirs| theirs == ours.counterpart().wire());
            match Negotiated::agree(&config, open) {
                Ok(_) => assert!(fits, "{ours} and {theirs:?}"),
                Err(error) => {
                    assert!(!fits, "{ours} and {theirs:?}");
                    let answer = error.notification();
                    assert_eq!((answer.code, answer.subcode), (2, 11));
                }
            }
        }
    }
}

#[test]
fn roles_say_nothing_without_one_of_our_own_or_inside_an_as() {
    let mut ours = with_role(Role::Provider);
    let mut open = open_of_peer(&ours);
    open.capabilities.role = Some(Role::Provider.wire());
    ours.role = None;
    assert!(Negotiated::agree(&ours, open.clone()).is_ok());
    ours.role = Some(Role::Provider);
    ours.remote_as = ours.local_as;
    open.asn = ours.local_as;
    assert!(Negotiated::agree(&ours, open).is_ok());
    let offered = our_open(&ours, Resumption::Anew).capabilities.role;
    assert_eq!(offered, None);
}

#[test]
fn a_role_mismatch_says_who_is_what() {
    let ours = with_role(Role::Provider);
    let mut open = open_of_peer(&ours);
    for (theirs, text) in [(4, "peer"), (9, "9")] {
        open.capabilities.role = Some(theirs);
        let error = Negotiated::agree(&ours, open.clone()).expect_err("no customer");
        assert_eq!(
            error.to_string(),
            format!("the peer has role {text}, this side has role provider")
        );
    }
}

#[test]
fn routes_outlive_a_session_as_both_sides_have_agreed() {
    let ours = config(1, 2);
    let mut open = open_of_peer(&ours);
    let full = Negotiated::agree(&ours, open.clone()).expect("the OPEN is good");
    let restart = open
        .capabilities
        .graceful_restart
        .as_mut()
        .expect("offered");
    restart.notification = false;
    let plain = Negotiated::agree(&ours, open.clone()).expect("the OPEN is good");
    open.capabilities.graceful_restart = None;
    let none = Negotiated::agree(&ours, open).expect("the OPEN is good");

    let lost = DownReason::ConnectionClosed(String::new());
    let sent = |notification| DownReason::NotificationSent(notification, String::new());
    let expired = sent(Notification::hold_timer_expired());
    let hard = Notification::hard_reset(&Notification::hold_timer_expired());
    let told = DownReason::NotificationReceived(Notification::admin_reset(""));
    let cases = [
        (lost, [true, true, false]),
        (expired, [true, false, false]),
        (told, [true, false, false]),
        (sent(hard.clone()), [false; 3]),
        (DownReason::NotificationReceived(hard), [false; 3]),
        (DownReason::Stopped, [false; 3]),
    ];
    for (reason, kept) in cases {
        let terms = [&full, &plain, &none];
        assert_eq!(terms.map(|t| t.keeps_routes(&reason)), kept, "{reason}");
    }
}

#[test]
fn send_hold_time_is_eight_minutes_or_twice_the_hold_time() {
    let mut ours = config(1, 2);
    for (hold, expected) in [
        (0, None),
        (3, Some(480)),
        (240, Some(480)),
        (600, Some(1_200)),
    ] {
        ours.hold_time = HoldTime::new(hold).expect("not one or two");
        let terms = Negotiated::agree(&ours, open_of_peer(&ours)).expect("the OPEN is good");
        assert_eq!(terms.send_hold_time(), expected.map(Duration::from_secs));
    }
}
