//! OPEN, NOTIFICATION and ROUTE-REFRESH that are not as they should be.

use super::*;
use crate::net::{Asn, Family};

/// The code, subcode and data with which a message is refused.
fn refusal(octets: &[u8]) -> (u8, u8, Vec<u8>) {
    let notification = decode(octets, &INTERNAL)
        .expect_err("malformed")
        .notification();
    (notification.code, notification.subcode, notification.data)
}

/// An OPEN of AS 65001 with these optional parameters behind their length.
fn open(parameters: &[u8]) -> Vec<u8> {
    let head = [4, 0xfd, 0xe9, 0, 90, 192, 0, 2, 1];
    message(MessageKind::Open, &[&head, parameters].concat())
}

fn accepted(parameters: &[u8]) -> Open {
    match decode(&open(parameters), &INTERNAL) {
        Ok(Message::Open(open)) => open,
        other => panic!("{other:?}"),
    }
}

#[test]
fn fixed_fields_are_refused_with_their_subcodes() {
    let body = |body: &[u8]| message(MessageKind::Open, body);
    let cases: [(&str, Vec<u8>, u8, &[u8]); 6] = [
        (
            "version 3",
            body(&[3, 0xfd, 0xe9, 0, 90, 1, 1, 1, 1, 0]),
            1,
            &[0, 4],
        ),
        (
            "version 5",
            body(&[5, 0xfd, 0xe9, 0, 90, 1, 1, 1, 1, 0]),
            1,
            &[0, 4],
        ),
        ("AS 0", body(&[4, 0, 0, 0, 90, 1, 1, 1, 1, 0]), 2, &[]),
        (
            "hold time 1",
            body(&[4, 0xfd, 0xe9, 0, 1, 1, 1, 1, 1, 0]),
            6,
            &[],
        ),
        (
            "hold time 2",
            body(&[4, 0xfd, 0xe9, 0, 2, 1, 1, 1, 1, 0]),
            6,
            &[],
        ),
        (
            "identifier 0.0.0.0",
            body(&[4, 0xfd, 0xe9, 0, 90, 0, 0, 0, 0, 0]),
            3,
            &[],
        ),
    ];
    for (name, octets, subcode, data) in cases {
        assert_eq!(refusal(&octets), (2, subcode, data.to_vec()), "{name}");
    }
}

#[test]
fn optional_parameters_that_do_not_add_up_are_refused() {
    let cases: &[(&str, &[u8], u8)] = &[
        ("length beyond the message", &[9, 2, 0], 0),
        ("octets behind the parameters", &[0, 1], 0),
        ("a parameter of one octet", &[1, 2], 0),
        ("a parameter beyond the list", &[2, 2, 9], 0),
        ("a capability of one octet", &[3, 2, 1, 1], 0),
        ("a capability beyond its parameter", &[4, 2, 2, 1, 4], 0),
        (
            "a capability that reaches into the next parameter",
            &[8, 2, 2, 1, 4, 2, 2, 0, 1],
            0,
        ),
        ("multiprotocol of 3 octets", &[7, 2, 5, 1, 3, 0, 1, 0], 0),
        ("four-octet AS of 2 octets", &[6, 2, 4, 65, 2, 0, 1], 0),
        ("empty four-octet AS", &[4, 2, 2, 65, 0], 0),
        ("graceful restart of 1 octet", &[5, 2, 3, 64, 1, 0], 0),
        (
            "graceful restart with half a family",
            &[8, 2, 6, 64, 4, 0, 120, 0, 1],
            0,
        ),
        ("ADD-PATH of 3 octets", &[7, 2, 5, 69, 3, 0, 1, 1], 0),
        ("four-octet AS 0", &[8, 2, 6, 65, 4, 0, 0, 0, 0], 2),
        ("empty graceful restart", &[4, 2, 2, 64, 0], 0),
        (
            "long-lived restart of 6 octets",
            &[10, 2, 8, 71, 6, 0, 1, 1, 0, 0, 1],
            0,
        ),
        (
            "long-lived restart with half a family",
            &[12, 2, 10, 71, 8, 0, 1, 1, 0, 0, 0, 60, 0],
            0,
        ),
        (
            "extended next hop of 4 octets",
            &[8, 2, 6, 5, 4, 0, 1, 0, 1],
            0,
        ),
        ("empty role", &[4, 2, 2, 9, 0], 0),
        ("role of 2 octets", &[6, 2, 4, 9, 2, 0, 0], 0),
        ("two roles", &[8, 2, 6, 9, 1, 0, 9, 1, 3], 11),
        (
            "two roles in two parameters",
            &[10, 2, 3, 9, 1, 4, 2, 3, 9, 1, 0],
            11,
        ),
        ("two unassigned roles", &[8, 2, 6, 9, 1, 77, 9, 1, 78], 11),
        ("authentication parameter", &[3, 1, 1, 0], 4),
        ("unknown parameter", &[2, 7, 0], 4),
        ("extended, length missing", &[255, 255], 0),
        ("extended, half a length", &[255, 255, 0], 0),
        (
            "extended, length beyond the message",
            &[255, 255, 0, 9, 2, 0, 0],
            0,
        ),
        (
            "extended, parameter with a short length",
            &[255, 255, 0, 2, 2, 0],
            0,
        ),
        (
            "extended, parameter beyond the list",
            &[255, 255, 0, 3, 2, 0, 4],
            0,
        ),
        ("extended, octets behind", &[255, 255, 0, 0, 7], 0),
        ("extended, unknown parameter", &[255, 255, 0, 3, 9, 0, 0], 4),
    ];
    for (name, parameters, subcode) in cases {
        assert_eq!(refusal(&open(parameters)), (2, *subcode, vec![]), "{name}");
    }
}

#[test]
fn faults_in_parameters_name_their_octet() {
    let error = decode(&open(&[7, 2, 5, 1, 3, 0, 1, 0]), &INTERNAL).expect_err("malformed");
    assert_eq!(
        error.to_string(),
        "OPEN is malformed at octet 31: capability 1 has length 3"
    );
}

#[test]
fn extended_parameters_are_read_like_short_ones() {
    let short = accepted(&[8, 2, 6, 1, 4, 0, 2, 0, 1]);
    assert!(short.capabilities.families.ipv6);
    assert_eq!(
        accepted(&[255, 255, 0, 9, 2, 0, 6, 1, 4, 0, 2, 0, 1]),
        short
    );
    // Any length but zero announces the extended form (RFC 9072 §2).
    assert_eq!(accepted(&[1, 255, 0, 9, 2, 0, 6, 1, 4, 0, 2, 0, 1]), short);
}

#[test]
fn what_is_not_known_of_capabilities_is_noted_and_harmless() {
    let open = accepted(&[
        18, 2, 16, 1, 4, 0, 25, 0, 70, 75, 2, 1, 0, 75, 0, 73, 0, 2, 0,
    ]);
    assert_eq!(open.capabilities.other_families, [(25, 70)]);
    assert_eq!(open.capabilities.unknown, [75, 73]);
    assert!(open.capabilities.route_refresh);
    assert_eq!(open.asn, Asn(65_001));
}

#[test]
fn a_role_that_is_said_twice_is_said_once() {
    assert_eq!(
        accepted(&[8, 2, 6, 9, 1, 3, 9, 1, 3]).capabilities.role,
        Some(3)
    );
    // Whether an unassigned role goes with ours is not the codec's to judge.
    assert_eq!(accepted(&[5, 2, 3, 9, 1, 77]).capabilities.role, Some(77));
}

#[test]
fn long_lived_terms_are_read_with_flags_and_24_bits_of_time() {
    let open = accepted(&[
        25, 2, 23, 71, 21, 0, 1, 1, 0x80, 0, 0x0e, 0x10, 0, 2, 1, 0x7f, 0xff, 0xff, 0xff, 0, 25,
        70, 0, 0, 0, 1,
    ]);
    let family = |forwarding_preserved, stale_time| {
        Some(LongLivedFamily {
            forwarding_preserved,
            stale_time,
        })
    };
    let terms = open.capabilities.long_lived.expect("sent");
    assert_eq!(terms.families.ipv4, family(true, 3_600));
    assert_eq!(terms.families.ipv6, family(false, 0xff_ffff));
}

#[test]
fn of_repeated_restart_terms_the_last_count() {
    let open = accepted(&[
        20, 2, 18, 64, 6, 0x80, 60, 0, 1, 1, 0x80, 64, 2, 0x40, 90, 71, 0, 6, 0, 70, 0,
    ]);
    let terms = open.capabilities.graceful_restart.expect("sent");
    assert!(!terms.restarting && terms.notification);
    assert_eq!(terms.restart_time, 90);
    assert_eq!(terms.families, PerFamily::default());
    assert_eq!(open.capabilities.long_lived, Some(LongLived::default()));
    assert!(open.capabilities.extended_message && open.capabilities.enhanced_route_refresh);
}

#[test]
fn only_ipv4_unicast_through_ipv6_counts_of_extended_next_hops() {
    let other = accepted(&[10, 2, 8, 5, 6, 0, 1, 0, 128, 0, 2]);
    assert!(!other.capabilities.extended_next_hop);
    let both = accepted(&[16, 2, 14, 5, 12, 0, 1, 0, 128, 0, 2, 0, 1, 0, 1, 0, 2]);
    assert!(both.capabilities.extended_next_hop);
    // Said in two capabilities, both count.
    let apart = accepted(&[14, 2, 12, 5, 6, 0, 1, 0, 1, 0, 2, 5, 0, 5, 0]);
    assert!(apart.capabilities.extended_next_hop);
}

#[test]
fn as_trans_is_a_placeholder_beside_a_number_of_four_octets() {
    let body = [
        &[4, 0x5b, 0xa0, 0, 90, 192, 0, 2, 1][..],
        &[8, 2, 6, 65, 4, 0, 1, 0, 0],
    ];
    let octets = message(MessageKind::Open, &body.concat());
    let Ok(Message::Open(open)) = decode(&octets, &INTERNAL) else {
        panic!("the OPEN is good");
    };
    assert_eq!(open.asn, Asn(65_536));
}

#[test]
fn capabilities_beyond_255_octets_go_into_the_extended_form() {
    let capabilities = Capabilities {
        other_families: (100..150).map(|afi| (afi, 1)).collect(),
        extended_message: true,
        ..Capabilities::default()
    };
    let open = Open {
        asn: Asn(65_001),
        hold_time: HoldTime::new(90).expect("not one or two"),
        router_id: crate::net::RouterId([192, 0, 2, 1].into()),
        capabilities,
    };
    let mut out = Vec::new();
    open.encode(&mut out);
    assert_eq!(out[28..30], [255, 255]);
    assert_eq!(decode(&out, &INTERNAL), Ok(Message::Open(open)));
}

#[test]
fn the_four_octet_number_is_the_senders_as() {
    let open = accepted(&[8, 2, 6, 65, 4, 0, 1, 0, 0]);
    assert_eq!(open.asn, Asn(65_536));
    assert_eq!(open.capabilities.four_octet_as, Some(Asn(65_536)));
}

#[test]
fn directions_of_add_path_beyond_three_are_ignored() {
    let open = accepted(&[12, 2, 10, 69, 8, 0, 1, 1, 3, 0, 2, 1, 4]);
    let directions = open.capabilities.add_path;
    assert!(directions.ipv4.receive && directions.ipv4.send);
    assert_eq!(directions.ipv6, AddPathDirection::default());
}

#[test]
fn refreshes_of_the_wrong_length_are_refused_by_their_subtype() {
    let begin = message(MessageKind::RouteRefresh, &[0, 1, 1, 1, 0]);
    assert_eq!(refusal(&begin), (7, 1, begin.clone()));
    let short_end = message(MessageKind::RouteRefresh, &[0, 1, 2]);
    assert_eq!(refusal(&short_end), (7, 1, short_end.clone()));
    let request = message(MessageKind::RouteRefresh, &[0, 1, 0]);
    assert_eq!(refusal(&request), (1, 2, vec![0, 22]));
    let empty = message(MessageKind::RouteRefresh, &[]);
    assert_eq!(refusal(&empty), (1, 2, vec![0, 19]));
}

#[test]
fn refreshes_of_families_not_carried_have_no_family() {
    let octets = message(MessageKind::RouteRefresh, &[0, 25, 9, 70]);
    let refresh = RouteRefresh {
        family: None,
        kind: RefreshKind::Unknown(9),
    };
    assert_eq!(
        decode(&octets, &INTERNAL),
        Ok(Message::RouteRefresh(refresh))
    );
    let octets = message(MessageKind::RouteRefresh, &[0, 2, 0, 1]);
    let refresh = RouteRefresh::request(Family::Ipv6);
    assert_eq!(
        decode(&octets, &INTERNAL),
        Ok(Message::RouteRefresh(refresh))
    );
}

#[test]
fn a_message_must_be_as_long_as_it_says() {
    assert_eq!(refusal(&KEEPALIVE[..18]), (1, 2, vec![0, 18]));
    let mut long = KEEPALIVE.to_vec();
    long.push(0);
    assert_eq!(refusal(&long), (1, 2, vec![0, 20]));
    assert_eq!(refusal(&[]), (1, 2, vec![0, 0]));
}
