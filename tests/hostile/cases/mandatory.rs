//! ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF (RFC 7606 §7.1, §7.2, §7.3, §7.5).

use super::{twice, with};
use crate::case::{
    Case, Check, Expect, inside, next_hop_inside, path_inside, path_outside, relayed,
};
use crate::octets::{EXTENDED, Octets, WELL_KNOWN, attribute, segment};
use crate::stage::{LOCAL_AS, Stage};

const ORIGIN: &str = "RFC 7606 §7.1";
const AS_PATH: &str = "RFC 7606 §7.2";
const NEXT_HOP: &str = "RFC 7606 §7.3";
const LOCAL_PREF: &str = "RFC 7606 §7.5";
const FLAGS: &str = "RFC 7606 §3 c";
const MISSING: &str = "RFC 7606 §3 d";
const AS_ZERO: &str = "RFC 7607 §2";
const SETS: &str = "RFC 9774 §3";
const CONFEDERATION: &str = "RFC 5065 §5, RFC 7606 §7.2";

pub(super) fn cases() -> Vec<Case> {
    [origin(), as_path(), long_paths(), next_hop(), local_pref()]
        .into_iter()
        .flatten()
        .collect()
}

fn withdraw(name: &'static str, rfc: &'static str, flags: u8, code: u8, value: &[u8]) -> Case {
    with(name, rfc, flags, code, value, Expect::Withdraw)
}

fn missing(name: &'static str, code: u8) -> Case {
    Case::draft(
        name,
        MISSING,
        move |_, draft| draft.without(code),
        Expect::Withdraw,
    )
    .rows(&[15])
}

fn origin() -> Vec<Case> {
    let accepted = |name, flags, value: &[u8]| {
        let check = relayed(WELL_KNOWN, 1, value);
        with(name, ORIGIN, flags, 1, value, Expect::Accepted(vec![check]))
    };
    let first = |value: u8| Expect::Discard(vec![relayed(WELL_KNOWN, 1, &[value])]);
    vec![
        withdraw("origin_3", ORIGIN, WELL_KNOWN, 1, &[3]).rows(&[11, 13]),
        withdraw("origin_255", ORIGIN, WELL_KNOWN, 1, &[255]).rows(&[11, 13]),
        withdraw("origin_of_0_octets", ORIGIN, WELL_KNOWN, 1, &[]).rows(&[9, 11, 13]),
        withdraw("origin_of_2_octets", ORIGIN, WELL_KNOWN, 1, &[0, 0]).rows(&[9, 11, 13]),
        withdraw("origin_of_255_octets", ORIGIN, WELL_KNOWN, 1, &[0; 255]).rows(&[9, 11]),
        withdraw("origin_that_is_optional", FLAGS, 0xc0, 1, &[0]),
        withdraw("origin_that_is_not_transitive", FLAGS, 0, 1, &[0]).rows(&[31]),
        withdraw(
            "origin_that_is_optional_and_not_transitive",
            FLAGS,
            0x80,
            1,
            &[0],
        )
        .rows(&[31]),
        missing("no_origin", 1),
        accepted("origin_egp", WELL_KNOWN, &[1]),
        accepted("origin_with_the_partial_bit", 0x60, &[0]),
        accepted("origin_of_extended_length", WELL_KNOWN | EXTENDED, &[1]).rows(&[6]),
        twice("origin_twice", WELL_KNOWN, 1, &[0], &[2], first(0)),
        twice(
            "origin_twice_the_second_malformed",
            WELL_KNOWN,
            1,
            &[1],
            &[9],
            first(1),
        ),
        twice(
            "origin_twice_the_first_malformed",
            WELL_KNOWN,
            1,
            &[9],
            &[0],
            Expect::Withdraw,
        ),
    ]
}

/// The known prefix with an AS path of these octets.
fn path(
    name: &'static str,
    rfc: &'static str,
    value: impl Fn(&Stage) -> Octets + Send + Sync + 'static,
    expect: Expect,
) -> Case {
    let edit = move |s: &Stage, draft: crate::stage::Draft| {
        draft.set(2, attribute(WELL_KNOWN, 2, &value(s)))
    };
    Case::draft(name, rfc, edit, expect)
}

/// A good sequence, and then these octets.
fn path_and(name: &'static str, rfc: &'static str, octets: &'static [u8], expect: Expect) -> Case {
    path(
        name,
        rfc,
        move |s| [s.path(&[64_990]), octets.to_vec()].concat(),
        expect,
    )
}

/// What both witnesses see of a path with these numbers behind the peer's own.
fn passed_on(rest: &[u32]) -> Vec<Check> {
    let (mine, too) = (rest.to_vec(), rest.to_vec());
    vec![
        path_inside(move |s| s.path(&mine)),
        path_outside(move |s| segment(2, &[vec![LOCAL_AS], s.numbers(&too)].concat(), true)),
    ]
}

fn as_path() -> Vec<Case> {
    use Expect::{Accepted, Gone, Withdraw};
    let wrong = |name, octets| path_and(name, AS_PATH, octets, Withdraw).rows(&[9, 11, 13]);
    vec![
        path("as_path_of_1_octet", AS_PATH, |_| vec![2], Withdraw).rows(&[9, 11, 13]),
        wrong("as_path_with_an_octet_too_many", &[2]),
        wrong(
            "as_path_with_a_segment_cut_short",
            &[2, 2, 0, 0, 0xfd, 0xde],
        ),
        wrong("as_path_with_a_segment_of_255_that_are_missing", &[2, 255]),
        wrong("as_path_with_an_empty_segment", &[2, 0]),
        wrong("as_path_with_segment_type_0", &[0, 1, 0, 0, 0xfd, 0xde]),
        wrong("as_path_with_segment_type_5", &[5, 1, 0, 0, 0xfd, 0xde]),
        wrong("as_path_with_segment_type_255", &[255, 1, 0, 0, 0xfd, 0xde]),
        path(
            "as_path_with_numbers_of_2_octets",
            AS_PATH,
            |s| segment(2, &s.numbers(&[64_990]), false),
            Withdraw,
        ),
        path(
            "as_path_that_begins_with_as_0",
            AS_ZERO,
            |s| s.segment(2, &[0, 64_990]),
            Withdraw,
        )
        .rows(&[40]),
        path(
            "as_path_with_as_0_inside",
            AS_ZERO,
            |s| s.path(&[0, 64_990]),
            Withdraw,
        )
        .rows(&[40]),
        path(
            "as_path_that_ends_with_as_0",
            AS_ZERO,
            |s| s.path(&[64_990, 0]),
            Withdraw,
        )
        .rows(&[40]),
        path_and(
            "as_path_with_a_set",
            SETS,
            &[1, 2, 0, 0, 0xfd, 0xde, 0, 0, 0xfd, 0xdf],
            Withdraw,
        ),
        path_and(
            "as_path_with_a_set_of_one",
            SETS,
            &[1, 1, 0, 0, 0xfd, 0xde],
            Withdraw,
        ),
        path(
            "as_path_of_a_set_alone",
            SETS,
            |s| s.segment(1, &[64_990]),
            Withdraw,
        ),
        path_and(
            "as_path_with_a_confederation_sequence",
            CONFEDERATION,
            &[3, 1, 0, 0, 0xfd, 0xde],
            Withdraw,
        ),
        path_and(
            "as_path_with_a_confederation_set",
            CONFEDERATION,
            &[4, 1, 0, 0, 0xfd, 0xde],
            Withdraw,
        ),
        path(
            "as_path_that_begins_with_a_confederation",
            CONFEDERATION,
            |s| [s.segment(3, &[64_990]), s.path(&[64_990])].concat(),
            Withdraw,
        ),
        with("as_path_that_is_optional", FLAGS, 0xc0, 2, &[], Withdraw),
        with(
            "as_path_that_is_not_transitive",
            FLAGS,
            0x00,
            2,
            &[],
            Withdraw,
        ),
        missing("no_as_path", 2),
        Case::draft(
            "no_origin_and_no_as_path",
            MISSING,
            |_, d| d.without(1).without(2),
            Withdraw,
        )
        .rows(&[15]),
        Case::draft(
            "no_origin_and_an_unknown_attribute",
            MISSING,
            |_, draft| draft.without(1).add(attribute(0xc0, 99, &[1, 2, 3])),
            Withdraw,
        )
        .rows(&[15]),
        path(
            "empty_as_path",
            "RFC 4271 §5.1.2",
            |_| vec![],
            Accepted(vec![path_inside(|_| vec![])]),
        )
        .internal()
        .rows(&[30]),
        Case::draft(
            "as_path_of_extended_length",
            "RFC 4271 §4.3",
            |_, draft| draft.extended(2),
            Accepted(passed_on(&[64_990])),
        ),
        path(
            "as_path_with_the_largest_numbers",
            "RFC 6793 §2",
            |s| s.path(&[4_200_000_000, 4_294_967_294]),
            Accepted(passed_on(&[4_200_000_000, 4_294_967_294])),
        ),
        path(
            "as_path_with_the_local_as",
            "RFC 4271 §9.1.2",
            |s| s.path(&[LOCAL_AS, 64_990]),
            Gone,
        )
        .rows(&[38]),
        path(
            "as_path_that_ends_with_the_local_as",
            "RFC 4271 §9.1.2",
            |s| s.path(&[64_990, LOCAL_AS]),
            Gone,
        )
        .rows(&[38]),
        Case::draft(
            "as_path_twice",
            "RFC 7606 §3 g",
            |s, draft| {
                let second = attribute(WELL_KNOWN, 2, &s.path(&[64_777]));
                draft.add(second)
            },
            Expect::Discard(passed_on(&[64_990])),
        )
        .rows(&[12]),
    ]
}

fn numbers(count: u32) -> Vec<u32> {
    (0..count).map(|number| 100_000 + number).collect()
}

/// Segments of at most 255 numbers each.
fn sequences(numbers: &[u32]) -> Octets {
    numbers
        .chunks(255)
        .flat_map(|chunk| segment(2, chunk, true))
        .collect()
}

fn long_paths() -> Vec<Case> {
    let long = |name, count: u32| {
        let value = move |s: &Stage| sequences(&s.numbers(&numbers(count)));
        path(
            name,
            "RFC 4271 §5.1.2 b",
            value,
            Expect::Accepted(vec![
                path_inside(value),
                path_outside(move |s| {
                    sequences(&[vec![LOCAL_AS], s.numbers(&numbers(count))].concat())
                }),
            ]),
        )
        .rows(&[2])
    };
    vec![
        long("as_path_of_about_63_numbers", 63),
        long("as_path_of_about_254_numbers", 253),
        long("as_path_of_about_255_numbers", 254),
        long("as_path_of_about_256_numbers", 255),
        long("as_path_of_about_257_numbers", 256),
        long("as_path_of_about_900_numbers", 900).rows(&[2, 32]),
        path(
            "as_path_of_400_segments",
            "RFC 4271 §4.3",
            |s| {
                let first = s.path(&[]);
                let rest = (0..400).flat_map(|number| segment(2, &[100_000 + number], true));
                first.into_iter().chain(rest).collect()
            },
            Expect::Accepted(vec![]),
        )
        .rows(&[2]),
    ]
}

fn next_hop() -> Vec<Case> {
    let wrong = |name, value: &[u8]| withdraw(name, NEXT_HOP, WELL_KNOWN, 3, value).v4();
    let sized = |name, value: &[u8]| wrong(name, value).rows(&[9, 11, 13]);
    vec![
        sized("next_hop_of_0_octets", &[]),
        sized("next_hop_of_3_octets", &[10, 9, 1]),
        sized("next_hop_of_5_octets", &[10, 9, 1, 1, 0]),
        sized("next_hop_of_16_octets", &[0xfd; 16]),
        wrong("next_hop_0", &[0; 4]),
        wrong("next_hop_in_network_0", &[0, 1, 2, 3]),
        wrong("next_hop_on_the_loopback", &[127, 0, 0, 1]),
        wrong("next_hop_that_is_a_group", &[224, 0, 0, 5]),
        wrong("next_hop_of_ones", &[255; 4]),
        withdraw("next_hop_that_is_optional", FLAGS, 0xc0, 3, &[10, 9, 1, 1]).v4(),
        withdraw(
            "next_hop_that_is_not_transitive",
            FLAGS,
            0,
            3,
            &[10, 9, 1, 1],
        )
        .v4(),
        missing("no_next_hop", 3).v4(),
        Case::draft(
            "next_hop_that_is_the_daemon",
            "RFC 4271 §5.1.3",
            |s, draft| draft.set(3, attribute(WELL_KNOWN, 3, &s.daemon())),
            Expect::Gone,
        )
        .v4()
        .rows(&[38]),
        with(
            "next_hop_of_a_third_party",
            "RFC 4271 §5.1.3",
            WELL_KNOWN,
            3,
            &[10, 9, 77, 7],
            Expect::Accepted(vec![next_hop_inside(|_| vec![10, 9, 77, 7])]),
        )
        .v4()
        .internal(),
        Case::draft(
            "next_hop_twice",
            "RFC 7606 §3 g",
            |_, draft| draft.add(attribute(WELL_KNOWN, 3, &[0; 4])),
            Expect::Discard(vec![next_hop_inside(Stage::next_hop)]),
        )
        .v4()
        .rows(&[12]),
        Case::draft(
            "next_hop_beside_mp_reach",
            "RFC 4760 §3: ignored",
            |_, draft| draft.add(attribute(WELL_KNOWN, 3, &[10, 9, 1, 1])),
            Expect::Accepted(vec![next_hop_inside(Stage::next_hop)]),
        )
        .v6(),
        Case::draft(
            "next_hop_0_beside_mp_reach",
            "RFC 4760 §3: ignored",
            |_, draft| draft.add(attribute(WELL_KNOWN, 3, &[0; 4])),
            Expect::Accepted(vec![]),
        )
        .v6(),
    ]
}

fn local_pref() -> Vec<Case> {
    let wrong = |name, rfc, flags, value: &[u8]| withdraw(name, rfc, flags, 5, value).internal();
    let foreign = |name, flags, value: &[u8]| {
        let default = inside(WELL_KNOWN, 5, &[0, 0, 0, 100]);
        with(
            name,
            LOCAL_PREF,
            flags,
            5,
            value,
            Expect::Discard(vec![default]),
        )
        .external()
        .rows(&[37])
    };
    vec![
        wrong("local_pref_of_0_octets", LOCAL_PREF, WELL_KNOWN, &[]).rows(&[9, 13]),
        wrong(
            "local_pref_of_3_octets",
            LOCAL_PREF,
            WELL_KNOWN,
            &[0, 0, 100],
        )
        .rows(&[9, 13]),
        wrong(
            "local_pref_of_5_octets",
            LOCAL_PREF,
            WELL_KNOWN,
            &[0, 0, 0, 0, 100],
        )
        .rows(&[9, 13]),
        wrong("local_pref_that_is_optional", FLAGS, 0xc0, &[0, 0, 0, 100]).rows(&[13]),
        wrong(
            "local_pref_that_is_not_transitive",
            FLAGS,
            0,
            &[0, 0, 0, 100],
        )
        .rows(&[13]),
        with(
            "local_pref_777",
            LOCAL_PREF,
            WELL_KNOWN,
            5,
            &[0, 0, 3, 9],
            Expect::Accepted(vec![inside(WELL_KNOWN, 5, &[0, 0, 3, 9])]),
        )
        .internal(),
        Case::draft(
            "no_local_pref",
            "RFC 4271 §5.1.5",
            |_, draft| draft.without(5),
            Expect::Accepted(vec![inside(WELL_KNOWN, 5, &[0, 0, 0, 100])]),
        )
        .internal(),
        foreign("local_pref_from_outside", WELL_KNOWN, &[0, 0, 3, 9]),
        foreign("local_pref_of_2_octets_from_outside", WELL_KNOWN, &[0, 9]),
        foreign(
            "local_pref_with_wrong_flags_from_outside",
            0xc0,
            &[0, 0, 3, 9],
        ),
        twice(
            "local_pref_twice",
            WELL_KNOWN,
            5,
            &[0, 0, 3, 9],
            &[0, 0, 4, 9],
            Expect::Discard(vec![inside(WELL_KNOWN, 5, &[0, 0, 3, 9])]),
        )
        .internal(),
    ]
}
