//! AS numbers of two octets and of four (RFC 6793).

use super::with;
use crate::case::{Case, Expect, absent, path_inside, relayed};
use crate::octets::{Octets, TRANSITIVE, WELL_KNOWN, attribute, segment};
use crate::stage::{Draft, Stage};

const NEW: &str = "RFC 6793 §4.1: between new speakers";
const MERGE: &str = "RFC 6793 §4.2.3";
const MALFORMED: &str = "RFC 6793 §6";
const TRANS: u32 = 23_456;
/// An AS that two octets cannot hold.
const BIG: u32 = 131_072;

/// An old speaker sends a path with AS_TRANS in it, and AS4_PATH beside it.
fn merged(
    name: &'static str,
    rfc: &'static str,
    path: &'static [u32],
    as4_path: impl Fn(&Stage) -> Octets + Send + Sync + 'static,
    expect: Expect,
) -> Case {
    let edit = move |s: &Stage, draft: Draft| {
        let draft = draft.set(2, attribute(WELL_KNOWN, 2, &s.path(path)));
        draft.set(17, attribute(TRANSITIVE, 17, &as4_path(s)))
    };
    Case::draft(name, rfc, edit, expect).old().rows(&[28])
}

/// The path that the internal witness must see: four octets each, the sender's own AS in front.
fn sees(rest: &'static [u32]) -> Vec<crate::case::Check> {
    vec![
        absent(17),
        path_inside(move |s| segment(2, &s.numbers(rest), true)),
    ]
}

/// AS4_PATH that is malformed: it is dropped, and AS_PATH stays as it is.
fn dropped(name: &'static str, value: &'static [u8]) -> Case {
    merged(
        name,
        MALFORMED,
        &[TRANS, 64_990],
        move |_| value.to_vec(),
        Expect::Discard(sees(&[TRANS, 64_990])),
    )
    .rows(&[9, 28])
}

pub(super) fn cases() -> Vec<Case> {
    [paths(), aggregators()].into_iter().flatten().collect()
}

fn paths() -> Vec<Case> {
    let accepted = |name, path, as4: &'static [u8], wanted| {
        merged(
            name,
            MERGE,
            path,
            move |_| as4.to_vec(),
            Expect::Accepted(sees(wanted)),
        )
    };
    vec![
        with(
            "as4_path_between_new_speakers",
            NEW,
            TRANSITIVE,
            17,
            &[2, 1, 0, 2, 0, 0],
            Expect::Discard(vec![absent(17), path_inside(|s| s.path(&[64_990]))]),
        ),
        with(
            "as4_path_of_rubbish_between_new_speakers",
            NEW,
            TRANSITIVE,
            17,
            &[9, 9, 9],
            Expect::Discard(vec![absent(17)]),
        ),
        Case::draft(
            "an_old_speaker",
            "RFC 6793 §4.2.3",
            |_, draft| draft,
            Expect::Accepted(sees(&[64_990])),
        )
        .old(),
        accepted(
            "as4_path_of_the_last_two",
            &[TRANS, 64_990],
            &[2, 2, 0, 2, 0, 0, 0, 0, 0xfd, 0xde],
            &[BIG, 64_990],
        ),
        accepted(
            "as4_path_of_the_last_one",
            &[64_990, TRANS],
            &[2, 1, 0, 2, 0, 0],
            &[64_990, BIG],
        ),
        accepted(
            "as4_path_longer_than_as_path",
            &[TRANS],
            &[
                2, 9, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2,
                0, 0, 0, 2, 0, 0, 0, 2, 0, 0,
            ],
            &[TRANS],
        ),
        accepted(
            "as4_path_with_a_confederation",
            &[TRANS, 64_990],
            &[3, 1, 0, 3, 0, 0, 2, 2, 0, 2, 0, 0, 0, 0, 0xfd, 0xde],
            &[BIG, 64_990],
        )
        .rows(&[3, 28]),
        accepted(
            "as4_path_with_a_confederation_behind",
            &[TRANS, 64_990],
            &[2, 2, 0, 2, 0, 0, 0, 0, 0xfd, 0xde, 3, 1, 0, 3, 0, 0],
            &[BIG, 64_990],
        )
        .rows(&[3, 28]),
        merged(
            "as4_path_with_a_set",
            "RFC 9774 §3",
            &[TRANS, 64_990],
            |_| vec![1, 1, 0, 2, 0, 0],
            Expect::Withdraw,
        ),
        merged(
            "as4_path_with_a_confederation_set",
            "RFC 9774 §3",
            &[TRANS, 64_990],
            |_| vec![2, 1, 0, 2, 0, 0, 4, 1, 0, 3, 0, 0],
            Expect::Withdraw,
        ),
        accepted(
            "as4_path_of_a_confederation_alone",
            &[TRANS, 64_990],
            &[3, 1, 0, 3, 0, 0],
            &[TRANS, 64_990],
        )
        .rows(&[3, 28]),
        dropped("as4_path_of_0_octets", &[]),
        dropped("as4_path_of_4_octets", &[2, 1, 0, 2]),
        dropped("as4_path_cut_short", &[2, 3, 0, 2, 0, 0, 0, 2]),
        dropped("as4_path_with_an_empty_segment", &[2, 0, 2, 1, 0, 2, 0, 0]),
        dropped("as4_path_with_segment_type_9", &[9, 1, 0, 2, 0, 0]),
        dropped("as4_path_with_an_octet_too_many", &[2, 1, 0, 2, 0, 0, 7]),
        dropped("as4_path_with_as_0", &[2, 1, 0, 0, 0, 0]).rows(&[40]),
        Case::draft(
            "as_path_with_numbers_of_4_octets_from_an_old_speaker",
            "RFC 7606 §7.2",
            |s, draft| {
                draft.set(
                    2,
                    attribute(
                        WELL_KNOWN,
                        2,
                        &segment(2, &s.numbers(&[BIG, 64_990, 64_991]), true),
                    ),
                )
            },
            Expect::Withdraw,
        )
        .old(),
        Case::draft(
            "as4_path_that_is_not_transitive",
            "RFC 7606 §3 c",
            |s, draft| {
                let draft = draft.set(2, attribute(WELL_KNOWN, 2, &s.path(&[TRANS])));
                draft.add(attribute(0x80, 17, &[2, 1, 0, 2, 0, 0]))
            },
            Expect::Withdraw,
        )
        .old(),
    ]
}

fn aggregators() -> Vec<Case> {
    let old = |name, rfc, aggregator: &[u8], as4: &[u8], expect| {
        let (seven, eighteen) = (
            attribute(TRANSITIVE, 7, aggregator),
            attribute(TRANSITIVE, 18, as4),
        );
        Case::draft(
            name,
            rfc,
            move |_, draft| draft.add(seven.clone()).add(eighteen.clone()),
            expect,
        )
        .old()
        .rows(&[28])
    };
    let trans = [0x5b, 0xa0, 10, 9, 8, 7];
    let good = [0, 2, 0, 0, 10, 9, 8, 7];
    let as_trans = [0, 0, 0x5b, 0xa0, 10, 9, 8, 7];
    let stays = |value: &[u8]| vec![absent(18), relayed(TRANSITIVE, 7, value)];
    vec![
        with(
            "as4_aggregator_between_new_speakers",
            NEW,
            TRANSITIVE,
            18,
            &good,
            Expect::Discard(vec![absent(18), absent(7)]),
        ),
        with(
            "as4_aggregator_of_3_octets_between_new_speakers",
            NEW,
            TRANSITIVE,
            18,
            &[1, 2, 3],
            Expect::Discard(vec![absent(18)]),
        ),
        old(
            "as4_aggregator",
            MERGE,
            &trans,
            &good,
            Expect::Accepted(stays(&good)),
        ),
        old(
            "as4_aggregator_beside_a_small_number",
            MERGE,
            &[0xfd, 0xde, 10, 9, 8, 7],
            &good,
            Expect::Accepted(stays(&[0, 0, 0xfd, 0xde, 10, 9, 8, 7])),
        ),
        old(
            "as4_aggregator_of_6_octets",
            MALFORMED,
            &trans,
            &good[2..],
            Expect::Discard(stays(&as_trans)),
        ),
        old(
            "as4_aggregator_of_9_octets",
            MALFORMED,
            &trans,
            &[0, 2, 0, 0, 1, 1, 1, 1, 1],
            Expect::Discard(stays(&as_trans)),
        ),
        old(
            "as4_aggregator_with_as_0",
            "RFC 7607 §2",
            &trans,
            &[0, 0, 0, 0, 1, 1, 1, 1],
            Expect::Discard(stays(&as_trans)),
        )
        .rows(&[28, 40]),
        Case::draft(
            "aggregator_of_8_octets_from_an_old_speaker",
            "RFC 7606 §7.7",
            move |_, draft| draft.add(attribute(TRANSITIVE, 7, &good)),
            Expect::Discard(vec![absent(7)]),
        )
        .old(),
        Case::draft(
            "aggregator_from_an_old_speaker",
            "RFC 6793 §4.2.3",
            move |_, draft| draft.add(attribute(TRANSITIVE, 7, &trans)),
            Expect::Accepted(stays(&as_trans)),
        )
        .old(),
    ]
}
