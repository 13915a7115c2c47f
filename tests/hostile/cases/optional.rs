//! MED to COMMUNITIES, reflection's attributes, and those of later RFCs.

use super::{twice, with};
use crate::case::{
    Case, Expect, absent, absent_outside, inside, no_route_outside, outside, relayed,
};
use crate::octets::{EXTENDED, OPTIONAL, PARTIAL, TRANSITIVE, WELL_KNOWN, attribute};
use crate::stage::{CLUSTER, DAEMON_V4};

const FLAGS: &str = "RFC 7606 §3 c";
const WELL_KNOWN_COMMUNITIES: &str = "RFC 1997";

pub(super) fn cases() -> Vec<Case> {
    [
        med(),
        aggregation(),
        communities(),
        reflection(),
        extended(),
        large(),
        aigp(),
        otc(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn withdraw(name: &'static str, rfc: &'static str, flags: u8, code: u8, value: &[u8]) -> Case {
    with(name, rfc, flags, code, value, Expect::Withdraw).rows(&[13])
}

/// The Partial bit that somebody has set stays set.
fn partial(name: &'static str, code: u8, value: &[u8]) -> Case {
    kept(
        name,
        "RFC 4271 §4.3: never set back to 0",
        TRANSITIVE | PARTIAL,
        code,
        value,
    )
}

/// The attribute is dropped, the route stays.
fn discard(name: &'static str, rfc: &'static str, flags: u8, code: u8, value: &[u8]) -> Case {
    with(
        name,
        rfc,
        flags,
        code,
        value,
        Expect::Discard(vec![absent(code)]),
    )
    .rows(&[13])
}

fn kept(name: &'static str, rfc: &'static str, flags: u8, code: u8, value: &[u8]) -> Case {
    let normal = flags & !EXTENDED;
    with(
        name,
        rfc,
        flags,
        code,
        value,
        Expect::Accepted(vec![relayed(normal, code, value)]),
    )
}

fn med() -> Vec<Case> {
    const MED: &str = "RFC 7606 §7.4";
    let value = [0, 0, 0, 9];
    vec![
        withdraw("med_of_0_octets", MED, OPTIONAL, 4, &[]).rows(&[9]),
        withdraw("med_of_3_octets", MED, OPTIONAL, 4, &[0, 0, 9]).rows(&[9]),
        withdraw("med_of_5_octets", MED, OPTIONAL, 4, &[0, 0, 0, 0, 9]).rows(&[9]),
        withdraw("med_that_is_transitive", FLAGS, TRANSITIVE, 4, &value),
        withdraw("med_that_is_well_known", FLAGS, WELL_KNOWN, 4, &value),
        with(
            "med",
            "RFC 4271 §5.1.4",
            OPTIONAL,
            4,
            &value,
            Expect::Accepted(vec![inside(OPTIONAL, 4, &value), absent_outside(4)]),
        ),
        with(
            "med_with_the_partial_bit",
            FLAGS,
            0xa0,
            4,
            &value,
            Expect::Accepted(vec![inside(OPTIONAL, 4, &value)]),
        ),
        with(
            "med_of_extended_length",
            "RFC 4271 §4.3",
            0x90,
            4,
            &value,
            Expect::Accepted(vec![inside(OPTIONAL, 4, &value)]),
        )
        .rows(&[6]),
        twice(
            "med_twice",
            OPTIONAL,
            4,
            &value,
            &[0, 0, 0, 8],
            Expect::Discard(vec![inside(OPTIONAL, 4, &value)]),
        ),
    ]
}

fn aggregation() -> Vec<Case> {
    const ATOMIC: &str = "RFC 7606 §7.6";
    const AGGREGATOR: &str = "RFC 7606 §7.7";
    let good = [0, 0, 0xfd, 0xde, 10, 9, 8, 7];
    vec![
        discard("atomic_aggregate_of_1_octet", ATOMIC, WELL_KNOWN, 6, &[0]),
        discard(
            "atomic_aggregate_of_4_octets",
            ATOMIC,
            WELL_KNOWN,
            6,
            &[0; 4],
        ),
        withdraw(
            "atomic_aggregate_that_is_optional",
            FLAGS,
            TRANSITIVE,
            6,
            &[],
        ),
        withdraw("atomic_aggregate_that_is_not_transitive", FLAGS, 0, 6, &[]),
        kept("atomic_aggregate", "RFC 4271 §5.1.6", WELL_KNOWN, 6, &[]),
        discard("aggregator_of_0_octets", AGGREGATOR, TRANSITIVE, 7, &[]),
        discard(
            "aggregator_of_6_octets",
            AGGREGATOR,
            TRANSITIVE,
            7,
            &good[2..],
        ),
        discard(
            "aggregator_of_7_octets",
            AGGREGATOR,
            TRANSITIVE,
            7,
            &good[1..],
        ),
        discard("aggregator_of_9_octets", AGGREGATOR, TRANSITIVE, 7, &[1; 9]),
        discard(
            "aggregator_with_as_0",
            "RFC 7607 §2",
            TRANSITIVE,
            7,
            &[0, 0, 0, 0, 1, 1, 1, 1],
        )
        .rows(&[40]),
        withdraw(
            "aggregator_that_is_not_transitive",
            FLAGS,
            OPTIONAL,
            7,
            &good,
        ),
        withdraw("aggregator_that_is_well_known", FLAGS, WELL_KNOWN, 7, &good),
        kept("aggregator", "RFC 4271 §5.1.7", TRANSITIVE, 7, &good),
        partial("aggregator_that_is_partial", 7, &good),
        twice(
            "aggregator_twice",
            TRANSITIVE,
            7,
            &good,
            &[1; 8],
            Expect::Discard(vec![relayed(TRANSITIVE, 7, &good)]),
        ),
    ]
}

fn communities() -> Vec<Case> {
    const COMMUNITIES: &str = "RFC 7606 §7.8";
    let good = [0xfd, 0xde, 0, 7, 0xfd, 0xde, 0, 8];
    let known = |name, value: [u8; 4], expect| {
        with(name, WELL_KNOWN_COMMUNITIES, TRANSITIVE, 8, &value, expect).rows(&[39])
    };
    vec![
        withdraw("communities_of_0_octets", COMMUNITIES, TRANSITIVE, 8, &[]).rows(&[36]),
        withdraw(
            "communities_of_3_octets",
            COMMUNITIES,
            TRANSITIVE,
            8,
            &[1, 2, 3],
        )
        .rows(&[9]),
        withdraw(
            "communities_of_6_octets",
            COMMUNITIES,
            TRANSITIVE,
            8,
            &good[..6],
        )
        .rows(&[9]),
        withdraw(
            "communities_that_are_not_transitive",
            FLAGS,
            OPTIONAL,
            8,
            &good,
        ),
        withdraw(
            "communities_that_are_well_known",
            FLAGS,
            WELL_KNOWN,
            8,
            &good,
        ),
        kept("communities", WELL_KNOWN_COMMUNITIES, TRANSITIVE, 8, &good),
        kept(
            "communities_of_extended_length",
            "RFC 4271 §4.3",
            0xd0,
            8,
            &good,
        )
        .rows(&[6]),
        kept(
            "communities_of_800_octets",
            "RFC 4271 §4.3",
            TRANSITIVE,
            8,
            &good.repeat(100),
        ),
        partial("communities_that_are_partial", 8, &good),
        twice(
            "communities_twice",
            TRANSITIVE,
            8,
            &good,
            &[1; 4],
            Expect::Discard(vec![relayed(TRANSITIVE, 8, &good)]),
        ),
        known(
            "no_advertise_on_a_second_announcement",
            [255, 255, 255, 2],
            Expect::Gone,
        ),
        known(
            "no_export_on_a_second_announcement",
            [255, 255, 255, 1],
            Expect::Accepted(vec![
                inside(TRANSITIVE, 8, &[255, 255, 255, 1]),
                no_route_outside(),
            ]),
        ),
        known(
            "no_export_subconfed_on_a_second_announcement",
            [255, 255, 255, 3],
            Expect::Accepted(vec![no_route_outside()]),
        ),
    ]
}

fn reflection() -> Vec<Case> {
    const ORIGINATOR: &str = "RFC 7606 §7.9";
    const CLUSTER_LIST: &str = "RFC 7606 §7.10";
    let wrong =
        |name, rfc, flags, code, value: &[u8]| withdraw(name, rfc, flags, code, value).internal();
    let foreign =
        |name, rfc, flags, code, value: &[u8]| discard(name, rfc, flags, code, value).external();
    let long = |name, count: usize| {
        let list: Vec<u8> = (0..count)
            .flat_map(|number| [10, 77, 1, crate::octets::byte(number)])
            .collect();
        let passed_on = [&CLUSTER[..], &list].concat();
        with(
            name,
            "RFC 4456 §8",
            OPTIONAL,
            10,
            &list,
            Expect::Accepted(vec![inside(OPTIONAL, 10, &passed_on), absent_outside(10)]),
        )
        .internal()
        .rows(&[33])
    };
    vec![
        wrong("originator_id_of_0_octets", ORIGINATOR, OPTIONAL, 9, &[]),
        wrong(
            "originator_id_of_3_octets",
            ORIGINATOR,
            OPTIONAL,
            9,
            &[10, 9, 1],
        ),
        wrong(
            "originator_id_of_5_octets",
            ORIGINATOR,
            OPTIONAL,
            9,
            &[10, 9, 1, 1, 1],
        ),
        wrong(
            "originator_id_that_is_transitive",
            FLAGS,
            TRANSITIVE,
            9,
            &[10, 9, 1, 1],
        ),
        wrong(
            "originator_id_that_is_well_known",
            FLAGS,
            WELL_KNOWN,
            9,
            &[10, 9, 1, 1],
        ),
        with(
            "originator_id",
            "RFC 4456 §8",
            OPTIONAL,
            9,
            &[10, 77, 1, 1],
            Expect::Accepted(vec![
                inside(OPTIONAL, 9, &[10, 77, 1, 1]),
                absent_outside(9),
            ]),
        )
        .internal(),
        with(
            "originator_id_of_the_daemon",
            "RFC 4456 §8",
            OPTIONAL,
            9,
            &DAEMON_V4,
            Expect::Gone,
        )
        .internal()
        .rows(&[38]),
        foreign(
            "originator_id_from_outside",
            ORIGINATOR,
            OPTIONAL,
            9,
            &[10, 77, 1, 1],
        ),
        foreign(
            "originator_id_of_2_octets_from_outside",
            ORIGINATOR,
            OPTIONAL,
            9,
            &[10, 77],
        ),
        foreign(
            "originator_id_of_the_daemon_from_outside",
            ORIGINATOR,
            OPTIONAL,
            9,
            &DAEMON_V4,
        ),
        wrong("cluster_list_of_0_octets", CLUSTER_LIST, OPTIONAL, 10, &[]),
        wrong(
            "cluster_list_of_3_octets",
            CLUSTER_LIST,
            OPTIONAL,
            10,
            &[10, 9, 1],
        ),
        wrong(
            "cluster_list_of_6_octets",
            CLUSTER_LIST,
            OPTIONAL,
            10,
            &[10, 9, 1, 1, 1, 1],
        ),
        wrong(
            "cluster_list_that_is_transitive",
            FLAGS,
            TRANSITIVE,
            10,
            &[10, 9, 1, 1],
        ),
        with(
            "cluster_list_with_the_own_cluster",
            "RFC 4456 §8",
            OPTIONAL,
            10,
            &[[10, 77, 1, 1], CLUSTER].concat(),
            Expect::Gone,
        )
        .internal()
        .rows(&[38, 50]),
        foreign(
            "cluster_list_from_outside",
            CLUSTER_LIST,
            OPTIONAL,
            10,
            &[10, 77, 1, 1],
        ),
        foreign(
            "cluster_list_of_3_octets_from_outside",
            CLUSTER_LIST,
            OPTIONAL,
            10,
            &[10, 77, 1],
        ),
        foreign(
            "cluster_list_with_the_own_cluster_from_outside",
            CLUSTER_LIST,
            OPTIONAL,
            10,
            &CLUSTER,
        ),
        long("cluster_list_of_62_entries", 62),
        long("cluster_list_of_63_entries", 63),
        long("cluster_list_of_64_entries", 64),
        long("cluster_list_of_200_entries", 200),
        twice(
            "cluster_list_twice",
            OPTIONAL,
            10,
            &[10, 77, 1, 1],
            &CLUSTER,
            Expect::Discard(vec![inside(
                OPTIONAL,
                10,
                &[&CLUSTER[..], &[10, 77, 1, 1]].concat(),
            )]),
        )
        .internal(),
    ]
}

fn extended() -> Vec<Case> {
    const EXTENDED_COMMUNITIES: &str = "RFC 7606 §7.14";
    const IPV6: &str = "RFC 7606 §7.15";
    let target = [0, 2, 0xfd, 0xde, 0, 0, 0, 9];
    let not_transitive = [0x40, 2, 0xfd, 0xde, 0, 0, 0, 9];
    let ipv6 = [&[0, 2, 0xfd, 0x5a][..], &[7; 14], &[0, 9]].concat();
    vec![
        withdraw(
            "extended_communities_of_0_octets",
            EXTENDED_COMMUNITIES,
            TRANSITIVE,
            16,
            &[],
        )
        .rows(&[36]),
        withdraw(
            "extended_communities_of_7_octets",
            EXTENDED_COMMUNITIES,
            TRANSITIVE,
            16,
            &target[1..],
        )
        .rows(&[9]),
        withdraw(
            "extended_communities_of_12_octets",
            EXTENDED_COMMUNITIES,
            TRANSITIVE,
            16,
            &[1; 12],
        )
        .rows(&[9]),
        withdraw(
            "extended_communities_that_are_not_transitive",
            FLAGS,
            OPTIONAL,
            16,
            &target,
        ),
        withdraw(
            "extended_communities_that_are_well_known",
            FLAGS,
            WELL_KNOWN,
            16,
            &target,
        ),
        kept(
            "extended_communities",
            "RFC 4360 §2",
            TRANSITIVE,
            16,
            &target,
        ),
        kept(
            "extended_communities_of_an_unknown_type",
            "RFC 7606 §7.14",
            TRANSITIVE,
            16,
            &[0x3f, 0xee, 1, 2, 3, 4, 5, 6],
        ),
        with(
            "extended_community_that_stays_in_its_as",
            "RFC 4360 §6",
            TRANSITIVE,
            16,
            &not_transitive,
            Expect::Accepted(vec![
                inside(TRANSITIVE, 16, &not_transitive),
                absent_outside(16),
            ]),
        )
        .internal(),
        with(
            "extended_communities_of_both_kinds",
            "RFC 4360 §6",
            TRANSITIVE,
            16,
            &[not_transitive, target].concat(),
            Expect::Accepted(vec![outside(TRANSITIVE, 16, &target)]),
        )
        .internal(),
        partial("extended_communities_that_are_partial", 16, &target),
        withdraw(
            "ipv6_extended_communities_of_0_octets",
            IPV6,
            TRANSITIVE,
            25,
            &[],
        ),
        withdraw(
            "ipv6_extended_communities_of_19_octets",
            IPV6,
            TRANSITIVE,
            25,
            &ipv6[1..],
        ),
        withdraw(
            "ipv6_extended_communities_of_21_octets",
            IPV6,
            TRANSITIVE,
            25,
            &[1; 21],
        ),
        withdraw(
            "ipv6_extended_communities_that_are_not_transitive",
            FLAGS,
            OPTIONAL,
            25,
            &ipv6,
        ),
        with(
            "ipv6_extended_communities",
            "RFC 5701 §2",
            TRANSITIVE,
            25,
            &ipv6,
            Expect::Accepted(vec![relayed(TRANSITIVE, 25, &ipv6)]),
        ),
    ]
}

fn large() -> Vec<Case> {
    const LARGE: &str = "RFC 8092 §6";
    let one = [0, 0, 0xfd, 0xde, 0, 0, 0, 1, 0, 0, 0, 2];
    let two = [0, 0, 0xfd, 0xde, 0, 0, 0, 3, 0, 0, 0, 4];
    vec![
        withdraw("large_communities_of_0_octets", LARGE, TRANSITIVE, 32, &[]).rows(&[36]),
        withdraw(
            "large_communities_of_11_octets",
            LARGE,
            TRANSITIVE,
            32,
            &one[1..],
        )
        .rows(&[9]),
        withdraw(
            "large_communities_of_13_octets",
            LARGE,
            TRANSITIVE,
            32,
            &[1; 13],
        )
        .rows(&[9]),
        withdraw(
            "large_communities_that_are_not_transitive",
            FLAGS,
            OPTIONAL,
            32,
            &one,
        ),
        withdraw(
            "large_communities_that_are_well_known",
            FLAGS,
            WELL_KNOWN,
            32,
            &one,
        ),
        kept(
            "large_communities",
            "RFC 8092 §3",
            TRANSITIVE,
            32,
            &[one, two].concat(),
        ),
        with(
            "large_communities_that_repeat",
            "RFC 8092 §5: removed silently",
            TRANSITIVE,
            32,
            &[one, two, one].concat(),
            Expect::Accepted(vec![relayed(TRANSITIVE, 32, &[one, two].concat())]),
        ),
        partial(
            "large_communities_that_are_partial",
            32,
            &[one, two].concat(),
        ),
        twice(
            "large_communities_twice",
            TRANSITIVE,
            32,
            &one,
            &two,
            Expect::Discard(vec![relayed(TRANSITIVE, 32, &one)]),
        ),
    ]
}

fn aigp() -> Vec<Case> {
    const AIGP: &str = "RFC 7311 §3";
    const DISABLED: &str = "RFC 7311 §3.3: not enabled towards other ASes";
    let good = [1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 7];
    let wrong = |name, flags, value: &[u8]| discard(name, AIGP, flags, 26, value).internal();
    vec![
        wrong("aigp_of_2_octets", OPTIONAL, &[1, 0]),
        wrong(
            "aigp_with_a_metric_of_7_octets",
            OPTIONAL,
            &[1, 0, 10, 0, 0, 0, 0, 0, 0, 7],
        ),
        wrong(
            "aigp_beyond_its_value",
            OPTIONAL,
            &[1, 0, 99, 0, 0, 0, 0, 0, 0, 0, 7],
        ),
        wrong(
            "aigp_with_a_length_of_0",
            OPTIONAL,
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
        )
        .rows(&[22]),
        wrong("aigp_that_is_transitive", TRANSITIVE, &good),
        with(
            "aigp_from_outside",
            DISABLED,
            OPTIONAL,
            26,
            &good,
            Expect::Accepted(vec![absent(26)]),
        )
        .external(),
        with(
            "aigp_of_rubbish_from_outside",
            DISABLED,
            OPTIONAL,
            26,
            &[9, 9, 9],
            Expect::Accepted(vec![absent(26)]),
        )
        .external(),
        with(
            "aigp_from_inside",
            DISABLED,
            OPTIONAL,
            26,
            &good,
            Expect::Accepted(vec![absent_outside(26)]),
        )
        .internal(),
    ]
}

fn otc() -> Vec<Case> {
    const OTC: &str = "RFC 9234 §5";
    let good = [0, 0, 0xfd, 0xde];
    vec![
        withdraw("otc_of_0_octets", OTC, TRANSITIVE, 35, &[]),
        withdraw("otc_of_3_octets", OTC, TRANSITIVE, 35, &good[1..]).rows(&[9]),
        withdraw("otc_of_5_octets", OTC, TRANSITIVE, 35, &[0; 5]).rows(&[9]),
        withdraw("otc_that_is_not_transitive", FLAGS, OPTIONAL, 35, &good),
        withdraw("otc_that_is_well_known", FLAGS, WELL_KNOWN, 35, &good),
        Case::draft(
            "otc",
            "RFC 9234 §5: no role, no check",
            move |_, draft| draft.add(attribute(0xe0, 35, &good)),
            Expect::Accepted(vec![relayed(0xe0, 35, &good)]),
        ),
        Case::draft(
            "otc_of_extended_length",
            "RFC 4271 §4.3",
            move |_, draft| draft.add(attribute(0xf0, 35, &good)),
            Expect::Accepted(vec![relayed(0xe0, 35, &good)]),
        )
        .rows(&[6]),
    ]
}
