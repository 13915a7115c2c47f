//! Attributes that the daemon has no use for (RFC 4271 §5, §6.3, RFC 7606 §3).

use super::{twice, with};
use crate::case::{Case, Data, Expect, absent, relayed};
use crate::octets::{EXTENDED, OPTIONAL, PARTIAL, TRANSITIVE, WELL_KNOWN, attribute};

const PASS_ON: &str = "RFC 4271 §5: passed on with the Partial bit";
const LEAVE_OUT: &str = "RFC 4271 §5: not passed on";
const UNRECOGNIZED: &str = "RFC 4271 §6.3: unrecognized well-known attribute";

/// An optional transitive attribute that nobody here looks into.
fn passed_on(name: &'static str, flags: u8, code: u8, value: &[u8]) -> Case {
    let check = relayed(TRANSITIVE | PARTIAL, code, value);
    with(
        name,
        PASS_ON,
        flags,
        code,
        value,
        Expect::Accepted(vec![check]),
    )
}

fn left_out(name: &'static str, flags: u8, code: u8, value: &[u8]) -> Case {
    with(
        name,
        LEAVE_OUT,
        flags,
        code,
        value,
        Expect::Accepted(vec![absent(code)]),
    )
}

fn unrecognized(name: &'static str, flags: u8, code: u8, value: &[u8]) -> Case {
    let octets = attribute(flags, code, value);
    with(
        name,
        UNRECOGNIZED,
        flags,
        code,
        value,
        Expect::Reset(3, 2, Data::Is(octets)),
    )
    .rows(&[27])
}

pub(super) fn cases() -> Vec<Case> {
    let experiment: Vec<u8> = (0..3000)
        .map(|at: usize| crate::octets::byte(at % 251))
        .collect();
    vec![
        passed_on("attribute_99_of_3000_octets", TRANSITIVE, 99, &experiment).rows(&[1]),
        passed_on("attribute_99_of_3000_octets_partial", 0xe0, 99, &experiment).rows(&[1]),
        passed_on(
            "attribute_99_of_255_octets",
            TRANSITIVE,
            99,
            &experiment[..255],
        )
        .rows(&[1]),
        passed_on(
            "attribute_99_of_256_octets",
            TRANSITIVE,
            99,
            &experiment[..256],
        )
        .rows(&[1]),
        passed_on("attribute_99_of_0_octets", TRANSITIVE, 99, &[]).rows(&[1]),
        passed_on(
            "attribute_99_of_extended_length",
            TRANSITIVE | EXTENDED,
            99,
            &[1, 2, 3],
        )
        .rows(&[1, 6]),
        passed_on("attribute_99_with_unused_bits", 0xcf, 99, &[1, 2, 3]).rows(&[1]),
        passed_on("prefix_sid_of_zeros", TRANSITIVE, 40, &[0; 11]).rows(&[4, 5]),
        passed_on("prefix_sid_of_1_octet", TRANSITIVE, 40, &[1]).rows(&[4, 5]),
        passed_on(
            "prefix_sid_beyond_its_value",
            TRANSITIVE,
            40,
            &[1, 0, 200, 0],
        )
        .rows(&[4, 5]),
        passed_on("prefix_sid_of_0_octets", TRANSITIVE, 40, &[]).rows(&[4, 5]),
        passed_on("entropy_label_of_3_octets", TRANSITIVE, 28, &[1, 2, 3]).rows(&[7]),
        passed_on("entropy_label_of_0_octets", TRANSITIVE, 28, &[]).rows(&[7]),
        passed_on(
            "tunnel_encapsulation_of_3_octets",
            TRANSITIVE,
            23,
            &[0, 1, 0xff],
        )
        .rows(&[8, 10]),
        passed_on(
            "tunnel_encapsulation_beyond_its_value",
            TRANSITIVE,
            23,
            &[0, 8, 0xff, 0xff, 1],
        )
        .rows(&[8, 10]),
        passed_on("tunnel_encapsulation_of_0_octets", TRANSITIVE, 23, &[]).rows(&[8, 10]),
        passed_on("pmsi_tunnel_of_1_octet", TRANSITIVE, 22, &[0]).rows(&[8]),
        passed_on("bgpsec_path_that_is_transitive", TRANSITIVE, 33, &[0, 0]).rows(&[8]),
        passed_on("sfp_of_2_octets", TRANSITIVE, 37, &[1, 0]).rows(&[8]),
        passed_on("d_path_of_1_octet", TRANSITIVE, 36, &[9]).rows(&[8]),
        passed_on(
            "attr_set_of_rubbish",
            TRANSITIVE,
            128,
            &[0, 0, 0xfd, 0xde, 0x40, 1, 99],
        )
        .rows(&[8, 15]),
        passed_on("attribute_255", TRANSITIVE, 255, &[0xff; 20]),
        passed_on("attribute_241", TRANSITIVE, 241, &[1, 2, 3, 4]),
        left_out(
            "attribute_99_that_is_not_transitive",
            OPTIONAL,
            99,
            &[1, 2, 3],
        ),
        left_out(
            "attribute_29_that_is_not_transitive",
            OPTIONAL,
            29,
            &[0, 1, 0xff],
        ),
        left_out("attribute_255_that_is_not_transitive", OPTIONAL, 255, &[]),
        unrecognized(
            "attribute_99_that_is_well_known",
            WELL_KNOWN,
            99,
            &[1, 2, 3],
        ),
        unrecognized("attribute_99_without_flags", 0, 99, &[1, 2, 3]),
        unrecognized("attribute_255_that_is_well_known", WELL_KNOWN, 255, &[]),
        unrecognized(
            "attribute_99_that_is_well_known_and_long",
            WELL_KNOWN,
            99,
            &[7; 300],
        ),
        Case::draft(
            "fifty_unknown_attributes",
            PASS_ON,
            |_, draft| {
                (170..220).fold(draft, |draft, code| {
                    draft.add(attribute(TRANSITIVE, code, &[code]))
                })
            },
            Expect::Accepted(
                (170..220)
                    .map(|code| relayed(0xe0, code, &[code]))
                    .collect(),
            ),
        ),
        twice(
            "attribute_99_twice",
            TRANSITIVE,
            99,
            &[1],
            &[2, 2],
            Expect::Discard(vec![relayed(0xe0, 99, &[1])]),
        ),
        Case::draft(
            "five_hundred_duplicates",
            "RFC 7606 §3 g",
            |_, draft| draft.add(attribute(TRANSITIVE, 99, &[1]).repeat(500)),
            Expect::Discard(vec![relayed(0xe0, 99, &[1])]),
        )
        .rows(&[12]),
    ]
}
