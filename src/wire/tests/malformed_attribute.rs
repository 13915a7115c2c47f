//! The table of malformed attributes, each with what RFC 7606 makes of it.

use super::malformed_update::{Outcome, outcome};
use super::*;
use Outcome::{Accepted, Discarded, Reset, Withdrawn};

/// Runs cases on one kind of session: an attribute list behind the mandatory ones.
fn check(context: &DecodeContext, cases: &[(&str, &[u8], Outcome)]) {
    let path = if context.four_octet_as {
        AS_PATH
    } else {
        AS_PATH_OLD
    };
    for (name, extra, wanted) in cases {
        let octets = update(&[], &[ORIGIN, path, NEXT_HOP, extra], NLRI);
        assert_eq!(outcome(&octets, context), *wanted, "{name}");
    }
}

#[test]
fn optional_attributes_are_handled_one_by_one() {
    check(
        &INTERNAL,
        &[
            ("nothing more", &[], Accepted),
            ("MED of 3 octets", &[0x80, 4, 3, 0, 0, 1], Withdrawn(4)),
            (
                "MED of 5 octets",
                &[0x80, 4, 5, 0, 0, 0, 0, 1],
                Withdrawn(4),
            ),
            ("empty MED", &[0x80, 4, 0], Withdrawn(4)),
            ("transitive MED", &[0xc0, 4, 4, 0, 0, 0, 1], Withdrawn(4)),
            ("well-known MED", &[0x40, 4, 4, 0, 0, 0, 1], Withdrawn(4)),
            (
                "MED with the Partial bit",
                &[0xa0, 4, 4, 0, 0, 0, 1],
                Accepted,
            ),
            (
                "MED of extended length",
                &[0x90, 4, 0, 4, 0, 0, 0, 1],
                Accepted,
            ),
            (
                "LOCAL_PREF of 2 octets",
                &[0x40, 5, 2, 0, 100],
                Withdrawn(5),
            ),
            (
                "optional LOCAL_PREF",
                &[0xc0, 5, 4, 0, 0, 0, 100],
                Withdrawn(5),
            ),
            (
                "ATOMIC_AGGREGATE with a value",
                &[0x40, 6, 1, 0],
                Discarded(6),
            ),
            ("optional ATOMIC_AGGREGATE", &[0xc0, 6, 0], Withdrawn(6)),
            (
                "AGGREGATOR of 6 octets",
                &[0xc0, 7, 6, 0xfd, 0xe9, 1, 1, 1, 1],
                Discarded(7),
            ),
            (
                "AGGREGATOR with AS 0",
                &[0xc0, 7, 8, 0, 0, 0, 0, 1, 1, 1, 1],
                Discarded(7),
            ),
            (
                "non-transitive AGGREGATOR",
                &[0x80, 7, 8, 0, 0, 0, 1, 1, 1, 1, 1],
                Withdrawn(7),
            ),
            ("empty COMMUNITIES", &[0xc0, 8, 0], Withdrawn(8)),
            (
                "COMMUNITIES of 5 octets",
                &[0xc0, 8, 5, 0, 0, 0, 0, 0],
                Withdrawn(8),
            ),
            (
                "ORIGINATOR_ID of 3 octets",
                &[0x80, 9, 3, 1, 1, 1],
                Withdrawn(9),
            ),
            ("empty CLUSTER_LIST", &[0x80, 10, 0], Withdrawn(10)),
            (
                "CLUSTER_LIST of 6 octets",
                &[0x80, 10, 6, 1, 1, 1, 1, 1, 1],
                Withdrawn(10),
            ),
            (
                "transitive CLUSTER_LIST",
                &[0xc0, 10, 4, 1, 1, 1, 1],
                Withdrawn(10),
            ),
            (
                "EXTENDED COMMUNITIES of 7 octets",
                &[0xc0, 16, 7, 0, 2, 0, 1, 0, 0, 0],
                Withdrawn(16),
            ),
            ("empty EXTENDED COMMUNITIES", &[0xc0, 16, 0], Withdrawn(16)),
            (
                "LARGE_COMMUNITY of 11 octets",
                &[0xc0, 32, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                Withdrawn(32),
            ),
            ("empty LARGE_COMMUNITY", &[0xc0, 32, 0], Withdrawn(32)),
            (
                "AS4_PATH between new speakers",
                &[0xc0, 17, 6, 2, 1, 0, 1, 0, 0],
                Discarded(17),
            ),
            (
                "AS4_AGGREGATOR between new speakers",
                &[0xc0, 18, 8, 0, 1, 0, 0, 1, 1, 1, 1],
                Discarded(18),
            ),
            (
                "IPv6 EXTENDED COMMUNITIES of 19 octets",
                &[
                    0xc0, 25, 19, 0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                ],
                Withdrawn(25),
            ),
            (
                "empty IPv6 EXTENDED COMMUNITIES",
                &[0xc0, 25, 0],
                Withdrawn(25),
            ),
            (
                "non-transitive IPv6 EXTENDED COMMUNITIES",
                &[
                    0x80, 25, 20, 0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                ],
                Withdrawn(25),
            ),
            (
                "AIGP",
                &[0x80, 26, 11, 1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9],
                Accepted,
            ),
            ("empty AIGP", &[0x80, 26, 0], Discarded(26)),
            (
                "transitive AIGP",
                &[0xc0, 26, 11, 1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9],
                Discarded(26),
            ),
            (
                "well-known AIGP",
                &[0x40, 26, 11, 1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9],
                Discarded(26),
            ),
            (
                "AIGP TLV of 10 octets",
                &[0x80, 26, 10, 1, 0, 10, 0, 0, 0, 0, 0, 0, 9],
                Discarded(26),
            ),
            (
                "AIGP TLV longer than the attribute",
                &[0x80, 26, 10, 1, 0, 11, 0, 0, 0, 0, 0, 0, 9],
                Discarded(26),
            ),
            (
                "AIGP TLV of length 2",
                &[0x80, 26, 3, 9, 0, 2],
                Discarded(26),
            ),
            (
                "AIGP without a metric",
                &[0x80, 26, 4, 9, 0, 4, 1],
                Discarded(26),
            ),
            (
                "AIGP of infinity",
                &[
                    0x80, 26, 11, 1, 0, 11, 255, 255, 255, 255, 255, 255, 255, 255,
                ],
                Discarded(26),
            ),
            (
                "AIGP with an octet behind its TLV",
                &[0x80, 26, 12, 1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9, 0],
                Discarded(26),
            ),
            ("OTC", &[0xc0, 35, 4, 0, 0, 0xfd, 0xe9], Accepted),
            (
                "OTC of extended length",
                &[0xd0, 35, 0, 4, 0, 0, 0xfd, 0xe9],
                Accepted,
            ),
            ("OTC of 2 octets", &[0xc0, 35, 2, 0xfd, 0xe9], Withdrawn(35)),
            (
                "OTC of 5 octets",
                &[0xc0, 35, 5, 0, 0, 0, 0, 1],
                Withdrawn(35),
            ),
            ("empty OTC", &[0xc0, 35, 0], Withdrawn(35)),
            (
                "non-transitive OTC",
                &[0x80, 35, 4, 0, 0, 0xfd, 0xe9],
                Withdrawn(35),
            ),
            ("second ORIGIN", &[0x40, 1, 1, 2], Discarded(1)),
            ("second, malformed ORIGIN", &[0x40, 1, 1, 9], Discarded(1)),
            ("second NEXT_HOP", &[0x40, 3, 4, 0, 0, 0, 0], Discarded(3)),
            ("unknown well-known attribute", &[0x40, 99, 1, 0], Reset(2)),
            ("unknown attribute with no flags", &[0, 99, 1, 0], Reset(2)),
            ("unknown transitive attribute", &[0xc0, 99, 1, 0], Accepted),
            (
                "unknown empty transitive attribute",
                &[0xc0, 99, 0],
                Accepted,
            ),
            (
                "unknown non-transitive attribute",
                &[0x80, 99, 1, 0],
                Accepted,
            ),
            (
                "unknown attribute twice",
                &[0xc0, 99, 1, 0, 0xc0, 99, 0],
                Discarded(99),
            ),
            ("all-zero Prefix-SID", &[0xc0, 40, 3, 0, 0, 0], Accepted),
            ("one octet behind the attributes", &[0x40], Withdrawn(0)),
            ("an attribute without a length", &[0x80, 4], Withdrawn(4)),
            ("half an extended length", &[0x90, 4, 0], Withdrawn(4)),
            (
                "an attribute longer than the list",
                &[0x80, 4, 200, 0, 0, 0, 1],
                Withdrawn(4),
            ),
            (
                "MP_REACH_NLRI longer than the list",
                &[0x80, 14, 200, 0, 2, 1],
                Reset(9),
            ),
            (
                "MP_REACH_NLRI of 3 octets",
                &[0x80, 14, 3, 0, 2, 1],
                Reset(9),
            ),
            ("empty MP_REACH_NLRI", &[0x80, 14, 0], Reset(9)),
            (
                "MP_REACH_NLRI without the reserved octet",
                &[0x80, 14, 8, 0, 1, 1, 4, 1, 1, 1, 1],
                Reset(9),
            ),
            (
                "MP_REACH_NLRI with 5 octets of next hop",
                &[0x80, 14, 10, 0, 2, 1, 5, 1, 1, 1, 1, 1, 0],
                Reset(9),
            ),
            (
                "MP_REACH_NLRI, IPv4 prefix of 33 bits",
                &[0x80, 14, 15, 0, 1, 1, 4, 192, 0, 2, 1, 0, 33, 1, 1, 1, 1],
                Reset(9),
            ),
            (
                "MP_UNREACH_NLRI of 2 octets",
                &[0x80, 15, 2, 0, 2],
                Reset(9),
            ),
            (
                "MP_UNREACH_NLRI, prefix of 129 bits",
                &[0x80, 15, 4, 0, 2, 1, 129],
                Reset(9),
            ),
            (
                "MP_UNREACH_NLRI, prefix cut short",
                &[0x80, 15, 5, 0, 2, 1, 16, 0xfd],
                Reset(9),
            ),
            (
                "MP_UNREACH_NLRI of a family not carried",
                &[0x80, 15, 3, 0, 25, 70],
                Discarded(15),
            ),
            (
                "transitive MP_UNREACH_NLRI",
                &[0xc0, 15, 3, 0, 2, 1],
                Withdrawn(15),
            ),
        ],
    );
}

#[test]
fn external_peers_cannot_set_what_is_internal() {
    check(
        &EXTERNAL,
        &[
            ("LOCAL_PREF", &[0x40, 5, 4, 0, 0, 0, 200], Discarded(5)),
            ("malformed LOCAL_PREF", &[0xc0, 5, 1, 200], Discarded(5)),
            ("ORIGINATOR_ID", &[0x80, 9, 4, 1, 1, 1, 1], Discarded(9)),
            ("malformed ORIGINATOR_ID", &[0x80, 9, 0], Discarded(9)),
            ("CLUSTER_LIST", &[0x80, 10, 4, 1, 1, 1, 1], Discarded(10)),
            (
                "malformed CLUSTER_LIST",
                &[0x80, 10, 3, 1, 1, 1],
                Discarded(10),
            ),
            ("malformed MED", &[0x80, 4, 1, 0], Withdrawn(4)),
            // As unknown as any other that is not transitive, and as quietly gone.
            (
                "AIGP",
                &[0x80, 26, 11, 1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9],
                Accepted,
            ),
            ("malformed AIGP", &[0xc0, 26, 1, 1], Accepted),
        ],
    );
}

#[test]
fn as4_attributes_of_old_speakers_are_discarded_when_malformed() {
    check(
        &OLD,
        &[
            ("AS4_PATH", &[0xc0, 17, 6, 2, 1, 0, 1, 0, 0], Accepted),
            ("empty AS4_PATH", &[0xc0, 17, 0], Discarded(17)),
            (
                "AS4_PATH cut short",
                &[0xc0, 17, 6, 2, 2, 0, 1, 0, 0],
                Discarded(17),
            ),
            (
                "AS4_PATH with AS 0",
                &[0xc0, 17, 6, 2, 1, 0, 0, 0, 0],
                Discarded(17),
            ),
            (
                "AS4_PATH with segment type 9",
                &[0xc0, 17, 6, 9, 1, 0, 1, 0, 0],
                Discarded(17),
            ),
            (
                "AS4_PATH with a confederation",
                &[0xc0, 17, 6, 3, 1, 0, 1, 0, 0],
                Accepted,
            ),
            (
                "AS4_PATH with an AS_SET",
                &[0xc0, 17, 6, 1, 1, 0, 1, 0, 0],
                Withdrawn(17),
            ),
            (
                "AS4_PATH with an AS_CONFED_SET",
                &[0xc0, 17, 6, 4, 1, 0, 1, 0, 0],
                Withdrawn(17),
            ),
            (
                "AS4_AGGREGATOR of 6 octets",
                &[0xc0, 18, 6, 0, 1, 1, 1, 1, 1],
                Discarded(18),
            ),
            (
                "AS4_AGGREGATOR with AS 0",
                &[0xc0, 18, 8, 0, 0, 0, 0, 1, 1, 1, 1],
                Discarded(18),
            ),
            (
                "AGGREGATOR of 8 octets",
                &[0xc0, 7, 8, 0, 0, 0, 1, 1, 1, 1, 1],
                Discarded(7),
            ),
        ],
    );
}

#[test]
fn faults_in_mandatory_attributes_withdraw_the_prefixes() {
    let cases: &[(&str, [&[u8]; 3], Outcome)] = &[
        (
            "ORIGIN 3",
            [&[0x40, 1, 1, 3], AS_PATH, NEXT_HOP],
            Withdrawn(1),
        ),
        (
            "empty ORIGIN",
            [&[0x40, 1, 0], AS_PATH, NEXT_HOP],
            Withdrawn(1),
        ),
        (
            "ORIGIN of 2 octets",
            [&[0x40, 1, 2, 0, 0], AS_PATH, NEXT_HOP],
            Withdrawn(1),
        ),
        (
            "ORIGIN without the transitive bit",
            [&[0, 1, 1, 0], AS_PATH, NEXT_HOP],
            Withdrawn(1),
        ),
        (
            "optional ORIGIN",
            [&[0xc0, 1, 1, 0], AS_PATH, NEXT_HOP],
            Withdrawn(1),
        ),
        ("no ORIGIN", [&[], AS_PATH, NEXT_HOP], Withdrawn(1)),
        ("no AS_PATH", [ORIGIN, &[], NEXT_HOP], Withdrawn(2)),
        ("no NEXT_HOP", [ORIGIN, AS_PATH, &[]], Withdrawn(3)),
        ("no attribute at all", [&[], &[], &[]], Withdrawn(1)),
        ("empty AS_PATH", [ORIGIN, &[0x40, 2, 0], NEXT_HOP], Accepted),
        (
            "AS_PATH of one octet",
            [ORIGIN, &[0x40, 2, 1, 2], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_PATH with an empty segment",
            [ORIGIN, &[0x40, 2, 2, 2, 0], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_PATH with two-octet numbers",
            [ORIGIN, AS_PATH_OLD, NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_PATH with an octet too many",
            [ORIGIN, &[0x40, 2, 7, 2, 1, 0, 0, 0, 1, 2], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_PATH with segment type 0",
            [ORIGIN, &[0x40, 2, 6, 0, 1, 0, 0, 0, 1], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_PATH with segment type 5",
            [ORIGIN, &[0x40, 2, 6, 5, 1, 0, 0, 0, 1], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_PATH with AS 0",
            [ORIGIN, &[0x40, 2, 6, 2, 1, 0, 0, 0, 0], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_SET",
            [ORIGIN, &[0x40, 2, 6, 1, 1, 0, 0, 0, 1], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_SET behind an AS_SEQUENCE",
            [
                ORIGIN,
                &[0x40, 2, 12, 2, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 2],
                NEXT_HOP,
            ],
            Withdrawn(2),
        ),
        (
            "AS_PATH with a segment longer than the rest",
            [ORIGIN, &[0x40, 2, 6, 2, 2, 0, 0, 0, 1], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_CONFED_SEQUENCE",
            [ORIGIN, &[0x40, 2, 6, 3, 1, 0, 0, 0, 1], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "AS_CONFED_SET",
            [ORIGIN, &[0x40, 2, 6, 4, 1, 0, 0, 0, 1], NEXT_HOP],
            Withdrawn(2),
        ),
        (
            "NEXT_HOP of 3 octets",
            [ORIGIN, AS_PATH, &[0x40, 3, 3, 192, 0, 2]],
            Withdrawn(3),
        ),
        (
            "NEXT_HOP of 16 octets",
            [
                ORIGIN,
                AS_PATH,
                &[0x40, 3, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ],
            Withdrawn(3),
        ),
        (
            "NEXT_HOP 0.0.0.0",
            [ORIGIN, AS_PATH, &[0x40, 3, 4, 0, 0, 0, 0]],
            Withdrawn(3),
        ),
        (
            "NEXT_HOP 127.0.0.1",
            [ORIGIN, AS_PATH, &[0x40, 3, 4, 127, 0, 0, 1]],
            Withdrawn(3),
        ),
        (
            "NEXT_HOP 224.0.0.5",
            [ORIGIN, AS_PATH, &[0x40, 3, 4, 224, 0, 0, 5]],
            Withdrawn(3),
        ),
        (
            "NEXT_HOP 255.255.255.255",
            [ORIGIN, AS_PATH, &[0x40, 3, 4, 255, 255, 255, 255]],
            Withdrawn(3),
        ),
        (
            "optional NEXT_HOP",
            [ORIGIN, AS_PATH, &[0x80, 3, 4, 192, 0, 2, 1]],
            Withdrawn(3),
        ),
        ("any order", [NEXT_HOP, AS_PATH, ORIGIN], Accepted),
    ];
    for context in [&INTERNAL, &EXTERNAL] {
        for (name, attributes, wanted) in cases {
            let octets = update(&[], attributes, NLRI);
            assert_eq!(outcome(&octets, context), *wanted, "{name}");
        }
    }
}
