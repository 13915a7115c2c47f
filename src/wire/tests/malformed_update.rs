//! UPDATEs whose sections, prefixes and next hops are not as they should be, with what RFC 7606 makes
//! of them.

use super::*;

/// What becomes of an UPDATE that announces 10.65.0.0/26 (and more, in some cases).
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// The session ends with NOTIFICATION 3 and this subcode.
    Reset(u8),
    /// Nothing is announced, the prefix is withdrawn; the fault is in this attribute.
    Withdrawn(u8),
    /// The prefix is announced without the attribute.
    Discarded(u8),
    /// The prefix is announced, and no fault is reported.
    Accepted,
    /// No fault, and nothing of the message is for this session.
    Ignored,
}
use Outcome::{Accepted, Discarded, Ignored, Reset, Withdrawn};

pub(super) fn outcome(octets: &[u8], context: &DecodeContext) -> Outcome {
    let update = match read(octets, context) {
        Ok(update) => update,
        Err(error) => {
            let notification = error.notification();
            assert_eq!(notification.code, 3, "{error}");
            return Reset(notification.subcode);
        }
    };
    let fault = update.faults.iter().min_by_key(|fault| fault.disposition);
    match (update.announced.is_empty(), fault) {
        (false, None) => Accepted,
        (true, None) => Ignored,
        (false, Some(fault)) => {
            assert_eq!(
                fault.disposition,
                Disposition::DiscardAttribute,
                "{fault:?}"
            );
            Discarded(fault.code)
        }
        (true, Some(fault)) => {
            assert_eq!(fault.disposition, Disposition::TreatAsWithdraw, "{fault:?}");
            assert!(!update.withdrawn.is_empty(), "{fault:?}");
            Withdrawn(fault.code)
        }
    }
}

#[test]
fn sections_and_prefixes_that_do_not_fit_reset_the_session() {
    let body = |body: &[u8]| message(MessageKind::Update, body);
    let good = [ORIGIN, AS_PATH, NEXT_HOP].concat();
    let cases: &[(&str, Vec<u8>, Outcome)] = &[
        (
            "withdrawn routes beyond the message",
            body(&[0, 9, 8, 10, 0, 0]),
            Reset(1),
        ),
        (
            "withdrawn routes eat the next length",
            body(&[0, 3, 8, 10, 0]),
            Reset(1),
        ),
        (
            "attributes beyond the message",
            body(&[0, 0, 0, 9, 0x40, 1]),
            Reset(1),
        ),
        (
            "withdrawn prefix of 33 bits",
            update(&[33, 1, 1, 1, 1, 1], &[], &[]),
            Reset(10),
        ),
        (
            "withdrawn prefix cut short",
            update(&[24, 10], &[], &[]),
            Reset(10),
        ),
        (
            "prefix of 33 bits",
            update(&[], &[&good], &[33, 1, 1, 1, 1, 1]),
            Reset(10),
        ),
        (
            "prefix cut short",
            update(&[], &[&good], &[24, 10, 65]),
            Reset(10),
        ),
        (
            "second prefix cut short",
            update(&[], &[&good], &[8, 10, 24, 10]),
            Reset(10),
        ),
        (
            "malformed prefix and attribute",
            update(&[], &[&[0x40, 1, 1, 9]], &[33]),
            Reset(10),
        ),
        (
            "two MP_REACH_NLRI",
            update(&[], &[&good, REACH, REACH], &[]),
            Reset(1),
        ),
        (
            "two MP_UNREACH_NLRI",
            update(&[], &[UNREACH, UNREACH], &[]),
            Reset(1),
        ),
        (
            "a fault without prefixes",
            update(&[], &[&[0x40, 1, 1, 9], AS_PATH], &[]),
            Reset(6),
        ),
        (
            "wrong flags without prefixes",
            update(&[], &[&[0, 1, 1, 0], AS_PATH], &[]),
            Reset(4),
        ),
        (
            "a fault beside withdrawals only",
            update(NLRI, &[&[0x40, 1, 1, 9]], &[]),
            Reset(6),
        ),
        (
            "an overrun beside MP_UNREACH_NLRI",
            update(&[], &[UNREACH, &[0x80, 4, 9]], &[]),
            Reset(1),
        ),
        (
            "a wrong length without prefixes",
            update(&[], &[&[0x80, 4, 1, 0]], &[]),
            Reset(5),
        ),
        (
            "AS 0 without prefixes",
            update(&[], &[&[0x40, 2, 6, 2, 1, 0, 0, 0, 0]], &[]),
            Reset(11),
        ),
        (
            "empty COMMUNITIES without prefixes",
            update(&[], &[&[0xc0, 8, 0]], &[]),
            Reset(5),
        ),
        (
            "good attributes without prefixes",
            update(&[], &[&good], &[]),
            Ignored,
        ),
    ];
    for (name, octets, wanted) in cases {
        assert_eq!(outcome(octets, &INTERNAL), *wanted, "{name}");
    }
}

#[test]
fn next_hops_of_mp_reach_are_checked_like_others() {
    let reach = |next_hop: &[u8]| {
        let length = u8::try_from(next_hop.len()).expect("short");
        let head = [0x80, 14, 7 + length, 0, 2, 1, length];
        [&head, next_hop, &[0, 8, 0xfd]].concat()
    };
    let address = |text: &str| text.parse::<std::net::Ipv6Addr>().expect("valid").octets();
    let (global, link_local) = (address("2001:db8::1"), address("fe80::1"));
    let cases = [
        ("global", reach(&global), Accepted),
        (
            "global and link-local",
            reach(&[global, link_local].concat()),
            Accepted,
        ),
        ("link-local alone", reach(&link_local), Accepted),
        ("unspecified", reach(&address("::")), Withdrawn(14)),
        ("loopback", reach(&address("::1")), Withdrawn(14)),
        ("multicast", reach(&address("ff02::1")), Withdrawn(14)),
        ("24 octets", reach(&[0xfd; 24]), Reset(9)),
        ("4 octets", reach(&[192, 0, 2, 1]), Reset(9)),
        ("no octets", reach(&[]), Reset(9)),
    ];
    for (name, reach, wanted) in cases {
        // NEXT_HOP does not matter here and may even be nonsense (RFC 4760 §3).
        let octets = update(
            &[],
            &[&reach, ORIGIN, AS_PATH, &[0x40, 3, 4, 0, 0, 0, 0]],
            &[],
        );
        assert_eq!(outcome(&octets, &INTERNAL), wanted, "{name}");
    }
}

#[test]
fn treat_as_withdraw_takes_every_announced_prefix() {
    let octets = update(
        &[8, 11],
        &[REACH, UNREACH, &[0x40, 1, 1, 7], AS_PATH, NEXT_HOP],
        NLRI,
    );
    let update = read(&octets, &INTERNAL).expect("survived");
    assert_eq!(announced(&update), [""; 0]);
    assert_eq!(
        prefixes(&update.withdrawn),
        ["11.0.0.0/8", "fd00:66::/32", "10.65.0.0/26", "fd00:65::/32"]
    );
}

#[test]
fn the_first_of_two_equal_attributes_counts() {
    let octets = update(
        &[],
        &[ORIGIN, AS_PATH, NEXT_HOP, &[0x40, 3, 4, 9, 9, 9, 9]],
        NLRI,
    );
    let update = read(&octets, &INTERNAL).expect("survived");
    let address = "192.0.2.1".parse().expect("valid");
    assert_eq!(update.announced[0].next_hop, NextHop::V4(address));
}

#[test]
fn faults_say_what_where_and_show_the_octets() {
    let octets = update(
        &[],
        &[ORIGIN, AS_PATH, NEXT_HOP, &[0x80, 4, 3, 0, 0, 1]],
        NLRI,
    );
    let update = read(&octets, &INTERNAL).expect("survived");
    let fault = &update.faults[0];
    assert_eq!((fault.code, fault.offset), (4, 43));
    assert_eq!(fault.octets, [0x80, 4, 3, 0, 0, 1]);
    assert_eq!(
        fault.to_string(),
        "attribute 4 MULTI_EXIT_DISC: length is 3 where 4 is allowed, at octet 43: 80 04 03 00 00 01"
    );
}

#[test]
fn a_thousand_faults_are_survived_and_few_are_told() {
    let many: Vec<u8> = [0xc0, 99, 0].repeat(1_200);
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &many], NLRI);
    let update = read(&octets, &INTERNAL).expect("survived");
    assert_eq!(update.announced.len(), 1);
    assert_eq!(update.faults.len(), 16);
}

#[test]
fn resets_carry_the_attribute_to_the_peer() {
    let octets = update(
        &[],
        &[ORIGIN, AS_PATH, NEXT_HOP, &[0x40, 99, 2, 7, 8]],
        NLRI,
    );
    let error = read(&octets, &INTERNAL).expect_err("unrecognised");
    assert_eq!(error.notification().data, [0x40, 99, 2, 7, 8]);
    let octets = update(&[], &[ORIGIN, &[0x80, 14, 3, 0, 2, 1]], NLRI);
    let error = read(&octets, &INTERNAL).expect_err("too short");
    assert_eq!(error.notification().data, [0x80, 14, 3, 0, 2, 1]);
    assert_eq!(
        error.to_string(),
        "UPDATE attribute 14 MP_REACH_NLRI: length is 3 where at least 5 and the next hop's length \
         is allowed, at octet 27: 80 0e 03 00 02 01"
    );
}
