//! What good UPDATEs mean on sessions of different terms.

use std::net::Ipv6Addr;

use super::*;
use crate::net::Family;

#[test]
fn both_families_of_one_message_have_their_own_next_hops() {
    // MP_REACH_NLRI may stand anywhere.
    let octets = update(&[8, 11], &[ORIGIN, AS_PATH, NEXT_HOP, UNREACH, REACH], NLRI);
    let update = read(&octets, &EXTERNAL).expect("valid");
    assert_eq!(announced(&update), ["10.65.0.0/26", "fd00:65::/32"]);
    assert_eq!(prefixes(&update.withdrawn), ["11.0.0.0/8", "fd00:66::/32"]);
    let hops: Vec<_> = update
        .announced
        .iter()
        .filter_map(|announced| announced.next_hop.address())
        .map(|address| address.to_string())
        .collect();
    assert_eq!(hops, ["192.0.2.1", "fd00::1"]);
    assert_eq!(update.faults, []);
}

#[test]
fn a_link_local_address_behind_an_unspecified_one_is_the_next_hop() {
    let next_hop = [
        [0; 16],
        "fe80::2".parse::<Ipv6Addr>().expect("valid").octets(),
    ]
    .concat();
    let value = [&[0, 2, 1, 32][..], &next_hop, &[0, 32, 0xfd, 0, 0, 0x65]].concat();
    let length = u8::try_from(value.len()).expect("short");
    let reach = [&[0x80, 14, length], &value[..]].concat();
    let octets = update(&[], &[&reach, ORIGIN, AS_PATH], &[]);
    let update = read(&octets, &EXTERNAL).expect("valid");
    assert_eq!(update.faults, []);
    assert_eq!(announced(&update), ["fd00:65::/32"]);
    let hop = update.announced[0].next_hop.address();
    assert_eq!(hop, Some("fe80::2".parse().expect("valid")));
}

#[test]
fn ipv4_prefixes_may_come_in_multiprotocol_attributes() {
    let reach = [0x80, 14, 11, 0, 1, 1, 4, 192, 0, 2, 9, 0, 8, 10];
    let unreach = [0x80, 15, 5, 0, 1, 1, 8, 11];
    let octets = update(&[], &[&reach, &unreach, ORIGIN, AS_PATH], &[]);
    let update = read(&octets, &EXTERNAL).expect("valid");
    assert_eq!(announced(&update), ["10.0.0.0/8"]);
    assert_eq!(prefixes(&update.withdrawn), ["11.0.0.0/8"]);
    let hop = "192.0.2.9".parse().expect("valid");
    assert_eq!(update.announced[0].next_hop, NextHop::V4(hop));
}

#[test]
fn families_that_were_not_negotiated_are_ignored() {
    let octets = update(&[8, 11], &[REACH, UNREACH, ORIGIN, AS_PATH, NEXT_HOP], NLRI);
    let ipv6_only = DecodeContext {
        families: PerFamily {
            ipv4: false,
            ipv6: true,
        },
        ..INTERNAL
    };
    let update = read(&octets, &ipv6_only).expect("valid");
    assert_eq!(announced(&update), ["fd00:65::/32"]);
    assert_eq!(prefixes(&update.withdrawn), ["fd00:66::/32"]);
    let ipv4_only = DecodeContext {
        families: PerFamily {
            ipv4: true,
            ipv6: false,
        },
        ..INTERNAL
    };
    let update = read(&octets, &ipv4_only).expect("valid");
    assert_eq!(announced(&update), ["10.65.0.0/26"]);
    assert_eq!(prefixes(&update.withdrawn), ["11.0.0.0/8"]);
    assert_eq!(
        update.faults.len(),
        2,
        "of MP_REACH_NLRI and MP_UNREACH_NLRI"
    );
}

#[test]
fn end_of_rib_is_recognised_in_both_forms() {
    let end =
        |octets: &[u8], context: &DecodeContext| read(octets, context).expect("valid").end_of_rib;
    let plain = update(&[], &[], &[]);
    let ipv4 = update(&[], &[&[0x80, 15, 3, 0, 1, 1]], &[]);
    let ipv6 = update(&[], &[&[0x80, 15, 3, 0, 2, 1]], &[]);
    let long = update(&[], &[&[0x90, 15, 0, 3, 0, 2, 1]], &[]);
    assert_eq!(end(&plain, &INTERNAL), Some(Family::Ipv4));
    assert_eq!(end(&ipv4, &INTERNAL), Some(Family::Ipv4));
    assert_eq!(end(&ipv6, &INTERNAL), Some(Family::Ipv6));
    assert_eq!(end(&long, &INTERNAL), Some(Family::Ipv6));
    let none = DecodeContext {
        families: PerFamily::default(),
        ..INTERNAL
    };
    assert_eq!(end(&plain, &none), None);
    assert_eq!(end(&ipv6, &none), None);
}

#[test]
fn withdrawals_are_no_end_of_rib() {
    let withdrawal = update(&[8, 11], &[], &[]);
    let beside = update(&[8, 11], &[&[0x80, 15, 3, 0, 2, 1]], &[]);
    let announcement = update(
        &[],
        &[&[0x80, 15, 3, 0, 2, 1], ORIGIN, AS_PATH, NEXT_HOP],
        NLRI,
    );
    for octets in [withdrawal, beside, announcement] {
        assert_eq!(read(&octets, &INTERNAL).expect("valid").end_of_rib, None);
    }
}

#[test]
fn path_identifiers_are_read_where_they_were_negotiated() {
    let with_ids = DecodeContext {
        add_path: BOTH,
        ..INTERNAL
    };
    let octets = update(
        &[0, 0, 0, 5, 8, 11],
        &[ORIGIN, AS_PATH, NEXT_HOP],
        &[0, 0, 0, 7, 8, 10],
    );
    let update = read(&octets, &with_ids).expect("valid");
    let id = |run: &NlriRun<'_>| run.iter::<Ipv4>().next().expect("one").path_id.0;
    assert_eq!(id(&update.withdrawn[0]), 5);
    assert_eq!(id(&update.announced[0].nlri), 7);
}

#[test]
fn numbers_of_four_octets_come_through_old_speakers() {
    let path = [0x40, 2, 8, 2, 3, 0xfd, 0xe9, 0x5b, 0xa0, 0x5b, 0xa0];
    let as4_path = [0xc0, 17, 10, 2, 2, 0, 1, 0, 0, 0, 1, 0, 1];
    let aggregator = [0xc0, 7, 6, 0x5b, 0xa0, 1, 1, 1, 1];
    let as4_aggregator = [0xc0, 18, 8, 0, 1, 0, 1, 2, 2, 2, 2];
    let octets = update(
        &[],
        &[
            ORIGIN,
            &path,
            NEXT_HOP,
            &aggregator,
            &as4_path,
            &as4_aggregator,
        ],
        NLRI,
    );
    let update = read(&octets, &OLD).expect("valid");
    let attributes = path_of(&update);
    assert_eq!(attributes.as_path.to_string(), "65001 65536 65537");
    let aggregator = attributes.rare.aggregator.expect("sent");
    assert_eq!(aggregator.asn.0, 65_537);
    assert_eq!(aggregator.router_id.to_string(), "2.2.2.2");
}

#[test]
fn an_old_speaker_that_aggregated_makes_as4_attributes_void() {
    let path = [0x40, 2, 4, 2, 1, 0x5b, 0xa0];
    let as4_path = [0xc0, 17, 6, 2, 1, 0, 1, 0, 0];
    let aggregator = [0xc0, 7, 6, 0xfd, 0xe9, 1, 1, 1, 1];
    let as4_aggregator = [0xc0, 18, 8, 0, 1, 0, 1, 2, 2, 2, 2];
    let octets = update(
        &[],
        &[
            ORIGIN,
            &path,
            NEXT_HOP,
            &aggregator,
            &as4_path,
            &as4_aggregator,
        ],
        NLRI,
    );
    let update = read(&octets, &OLD).expect("valid");
    let attributes = path_of(&update);
    assert_eq!(attributes.as_path.to_string(), "23456");
    assert_eq!(attributes.rare.aggregator.expect("sent").asn.0, 65_001);
}

#[test]
fn confederations_in_as4_path_are_dropped_from_it() {
    let path = [0x40, 2, 6, 2, 2, 0xfd, 0xe9, 0x5b, 0xa0];
    let as4_path = [0xc0, 17, 12, 3, 1, 0, 0, 0, 9, 2, 1, 0, 1, 0, 0];
    let octets = update(&[], &[ORIGIN, &path, NEXT_HOP, &as4_path], NLRI);
    let update = read(&octets, &OLD).expect("valid");
    assert_eq!(path_of(&update).as_path.to_string(), "65001 65536");
}

#[test]
fn unknown_transitive_attributes_leave_as_they_came_but_partial() {
    let mut unknown = [&[0xd0, 99, 0x0b, 0xb8][..], &[0xa5; 3_000]].concat();
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &unknown], NLRI);
    let update = read(&octets, &EXTERNAL).expect("valid");
    let mut out = Vec::new();
    path_of(&update).encode(true, &mut out);
    unknown[0] = 0xf0;
    assert!(out.ends_with(&unknown));
    assert_eq!(update.faults, []);
}

#[test]
fn an_extended_length_that_is_not_needed_is_not_passed_on() {
    let unknown = [0xd0, 99, 0, 4, 0, 0, 0, 7];
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &unknown], NLRI);
    let update = read(&octets, &EXTERNAL).expect("valid");
    let mut out = Vec::new();
    path_of(&update).encode(true, &mut out);
    assert!(out.ends_with(&[0xe0, 99, 4, 0, 0, 0, 7]));
}

#[test]
fn repeated_large_communities_are_one() {
    let one = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    let other = [0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 3];
    let attribute = [&[0xc0, 32, 36][..], &other, &one, &other].concat();
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &attribute], NLRI);
    let update = read(&octets, &EXTERNAL).expect("valid");
    assert_eq!(
        *path_of(&update).rare.large_communities,
        [LargeCommunity([9, 2, 3]), LargeCommunity([1, 2, 3])]
    );
}

#[test]
fn only_to_customer_leaves_partial_and_without_an_extended_length() {
    let otc = [0xf0, 35, 0, 4, 0, 0, 0xfd, 0xe9];
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &otc], NLRI);
    let update = read(&octets, &EXTERNAL).expect("valid");
    let attributes = path_of(&update);
    assert_eq!(attributes.rare.otc, Some(crate::net::Asn(65_001)));
    let mut out = Vec::new();
    attributes.encode(true, &mut out);
    assert!(out.ends_with(&[0xe0, 35, 4, 0, 0, 0xfd, 0xe9]));
}

#[test]
fn the_partial_bit_of_what_is_known_stays() {
    let communities = [0xe0, 8, 4, 0xff, 0xff, 0xff, 1];
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &communities], NLRI);
    let update = read(&octets, &EXTERNAL).expect("valid");
    let attributes = path_of(&update);
    assert!(attributes.has_community(Community::NO_EXPORT));
    let mut out = Vec::new();
    attributes.encode(true, &mut out);
    assert!(out.ends_with(&communities));
}

#[test]
fn the_accumulated_metric_is_that_of_the_first_tlv() {
    let aigp = [
        &[0x80, 26, 26, 7, 0, 4, 9][..],
        &[1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 5],
        &[1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 6],
    ]
    .concat();
    let octets = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &aigp], NLRI);
    let inside = path_of(&read(&octets, &INTERNAL).expect("valid"));
    assert_eq!(inside.aigp_metric(), Some(5));
    let mut out = Vec::new();
    inside.encode(true, &mut out);
    assert!(out.ends_with(&aigp), "every TLV is passed on as it came");
    let outside = path_of(&read(&octets, &EXTERNAL).expect("valid"));
    assert_eq!(outside.aigp_metric(), None);
}

#[test]
fn ipv4_prefixes_may_have_an_ipv6_next_hop_where_that_was_agreed() {
    let reach = |length: u8| {
        let global = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let link_local = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
        let next_hop = &[global, link_local].concat()[..length.into()];
        [
            &[0x80, 14, 7 + length, 0, 1, 1, length],
            next_hop,
            &[0, 8, 10],
        ]
        .concat()
    };
    let extended = DecodeContext {
        extended_next_hop: true,
        ..EXTERNAL
    };
    for (length, local) in [(16, None), (32, Some("fe80::2".parse().expect("valid")))] {
        let octets = update(&[], &[&reach(length), ORIGIN, AS_PATH], &[]);
        let update = read(&octets, &extended).expect("valid");
        assert_eq!(announced(&update), ["10.0.0.0/8"]);
        let wanted = NextHop::V6 {
            global: "fd00::1".parse().expect("valid"),
            link_local: local,
        };
        assert_eq!(path_of(&update).next_hop, wanted);
        read(&octets, &EXTERNAL).expect_err("it was not agreed");
    }
}

#[test]
fn attributes_in_any_order_make_the_same_set() {
    let med = [0x80, 4, 4, 0, 0, 0, 1];
    let large = [0xc0, 32, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    let known: [&[u8]; 5] = [ORIGIN, AS_PATH, NEXT_HOP, &med, &large];
    let long = [0x90, 4, 0, 4, 0, 0, 0, 1];
    let other: [&[u8]; 5] = [&large, &long, NEXT_HOP, AS_PATH, ORIGIN];
    let content = |list: &[&[u8]]| {
        let octets = update(&[], list, NLRI);
        let update = read(&octets, &INTERNAL).expect("valid");
        let mut content = Vec::new();
        update
            .attributes
            .put_content(update.announced[0].next_hop, &mut content);
        content
    };
    assert_eq!(content(&known), content(&other));
}

#[test]
fn a_path_too_long_for_four_octet_numbers_withdraws_its_prefixes() {
    let segment = [&[2, 255][..], &[0xfd, 0xe9].repeat(255)].concat();
    let path = segment.repeat(80);
    let length = u16::try_from(path.len()).expect("fits").to_be_bytes();
    let attribute = [&[0x50, 2][..], &length, &path].concat();
    let octets = update(&[], &[ORIGIN, &attribute, NEXT_HOP], NLRI);
    let update = read(&octets, &OLD).expect("survived");
    assert_eq!(announced(&update), [""; 0]);
    assert_eq!(prefixes(&update.withdrawn), ["10.65.0.0/26"]);
    assert_eq!(update.faults[0].octets.len(), 16);
}
