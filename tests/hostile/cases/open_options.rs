//! OPEN's optional parameters and capabilities (RFC 5492, RFC 9072, and each capability's own RFC).

use crate::case::{Case, Data, Expect};
use crate::octets::{Octets, capability, long_parameter, parameter};
use crate::stage::Stage;

const MALFORMED: Expect = Expect::Reset(2, 0, Data::Echo);
const PARAMETERS: &str = "RFC 4271 §6.2: malformed optional parameters";
const EXTENDED: &str = "RFC 9072 §2";
const CAPABILITY: &str = "RFC 5492 §4";

/// An OPEN with these octets behind the identifier.
fn tail(
    name: &'static str,
    rfc: &'static str,
    tail: impl Fn(&Stage) -> Octets + Send + Sync + 'static,
    expect: Expect,
) -> Case {
    Case::connected(
        name,
        rfc,
        move |s| vec![s.open().tail(tail(s)).octets()],
        expect,
    )
}

/// An OPEN with these octets as capabilities behind the good ones.
fn capabilities(name: &'static str, rfc: &'static str, octets: Octets, expect: Expect) -> Case {
    Case::connected(
        name,
        rfc,
        move |s| {
            vec![
                s.open_with(&[s.capabilities(), octets.clone()].concat())
                    .octets(),
            ]
        },
        expect,
    )
}

/// An OPEN with one more capability.
fn also(name: &'static str, rfc: &'static str, code: u8, value: &[u8], expect: Expect) -> Case {
    capabilities(name, rfc, capability(code, value), expect)
}

/// The good capabilities in one parameter of the extended form.
fn long(s: &Stage) -> Octets {
    long_parameter(2, &s.capabilities())
}

pub(super) fn cases() -> Vec<Case> {
    [
        parameters(),
        extended_parameters(),
        known_capabilities(),
        unknown_capabilities(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn parameters() -> Vec<Case> {
    vec![
        tail(
            "parameters_beyond_the_message",
            PARAMETERS,
            |_| vec![200, 2, 2, 2, 0],
            MALFORMED,
        ),
        tail(
            "octets_behind_the_parameters",
            PARAMETERS,
            |_| vec![0, 2, 2, 2, 0],
            MALFORMED,
        ),
        tail("half_a_parameter", PARAMETERS, |_| vec![1, 2], MALFORMED),
        tail(
            "a_parameter_beyond_the_list",
            PARAMETERS,
            |_| vec![4, 2, 9, 2, 0],
            MALFORMED,
        ),
        tail(
            "half_a_capability",
            PARAMETERS,
            |_| vec![3, 2, 1, 65],
            MALFORMED,
        )
        .rows(&[20]),
        tail(
            "a_capability_beyond_its_parameter",
            PARAMETERS,
            |_| vec![6, 2, 4, 65, 4, 0, 1],
            MALFORMED,
        )
        .rows(&[20, 22]),
        tail(
            "a_graceful_restart_capability_beyond_its_parameter",
            PARAMETERS,
            |_| vec![6, 2, 4, 64, 200, 0, 120],
            MALFORMED,
        )
        .rows(&[20]),
        tail(
            "an_orf_capability_beyond_its_parameter",
            PARAMETERS,
            |_| vec![9, 2, 7, 3, 255, 0, 1, 0, 1, 9],
            MALFORMED,
        )
        .rows(&[20]),
        tail(
            "a_parameter_of_type_1",
            "RFC 4271 §6.2: unsupported optional parameter",
            |_| vec![4, 1, 2, 0, 0],
            Expect::Reset(2, 4, Data::Echo),
        ),
        tail(
            "a_parameter_of_type_9",
            "RFC 4271 §6.2: unsupported optional parameter",
            |s| {
                let all = [parameter(2, &s.capabilities()), parameter(9, &[])].concat();
                [vec![crate::octets::byte(all.len())], all].concat()
            },
            Expect::Reset(2, 4, Data::Echo),
        ),
        Case::connected(
            "a_parameter_of_no_capabilities",
            CAPABILITY,
            |s| {
                let all = [parameter(2, &[]), parameter(2, &s.capabilities())].concat();
                vec![s.open().parameters(&all).octets()]
            },
            Expect::Up,
        ),
        Case::connected(
            "a_parameter_for_each_capability",
            CAPABILITY,
            |s| {
                let [high, low] = s.afi();
                let asn = s.setting.peer_as().to_be_bytes();
                let all = [
                    capability(1, &[high, low, 0, 1]),
                    capability(2, &[]),
                    capability(65, &asn),
                ];
                let all: Vec<_> = all.iter().map(|one| parameter(2, one)).collect();
                vec![s.open().parameters(&all.concat()).octets()]
            },
            Expect::Up,
        ),
    ]
}

fn extended_parameters() -> Vec<Case> {
    let cut = |name, octets: &'static [u8]| {
        tail(name, EXTENDED, move |_| octets.to_vec(), MALFORMED).rows(&[18])
    };
    vec![
        Case::connected(
            "extended_parameters",
            EXTENDED,
            |s| vec![s.open().long_parameters(&long(s)).octets()],
            Expect::Up,
        )
        .rows(&[18]),
        tail(
            "extended_parameters_behind_another_length",
            "RFC 9072 §2: the first length is not looked at",
            |s| {
                let length = crate::octets::short(long(s).len()).to_be_bytes();
                [&[7, 255][..], &length, &long(s)].concat()
            },
            Expect::Up,
        )
        .rows(&[18]),
        cut("extended_parameters_without_a_length", &[255, 255]),
        cut("extended_parameters_with_half_a_length", &[255, 255, 0]),
        cut(
            "extended_parameters_beyond_the_message",
            &[255, 255, 0, 200, 2, 0, 0],
        ),
        cut(
            "extended_parameters_of_65535_octets",
            &[255, 255, 255, 255, 2, 0, 0],
        ),
        cut(
            "octets_behind_extended_parameters",
            &[255, 255, 0, 3, 2, 0, 0, 9],
        ),
        cut("half_an_extended_parameter", &[255, 255, 0, 2, 2, 0]),
        cut(
            "an_extended_parameter_beyond_the_list",
            &[255, 255, 0, 5, 2, 0, 9, 2, 0],
        ),
        cut(
            "a_capability_beyond_its_extended_parameter",
            &[255, 255, 0, 5, 2, 0, 2, 65, 4],
        ),
        tail(
            "extended_parameters_that_are_none",
            EXTENDED,
            |_| vec![255, 255, 0, 0],
            Expect::Up,
        )
        .two_octets()
        .rows(&[18]),
    ]
}

fn known_capabilities() -> Vec<Case> {
    let bad = |name, rfc, code, value: &[u8]| also(name, rfc, code, value, MALFORMED);
    vec![
        bad("multiprotocol_of_3_octets", "RFC 4760 §8", 1, &[0, 1, 0]),
        bad(
            "multiprotocol_of_5_octets",
            "RFC 4760 §8",
            1,
            &[0, 1, 0, 1, 0],
        ),
        bad("multiprotocol_of_0_octets", "RFC 4760 §8", 1, &[]),
        bad(
            "four_octet_as_of_3_octets",
            "RFC 6793 §3",
            65,
            &[0, 0, 0xfc],
        )
        .rows(&[19]),
        bad(
            "four_octet_as_of_5_octets",
            "RFC 6793 §3",
            65,
            &[0, 0, 0xfc, 0, 0],
        )
        .rows(&[19]),
        bad("four_octet_as_of_0_octets", "RFC 6793 §3", 65, &[]).rows(&[19]),
        bad("graceful_restart_of_1_octet", "RFC 4724 §3", 64, &[0]).rows(&[20]),
        bad(
            "graceful_restart_of_5_octets",
            "RFC 4724 §3",
            64,
            &[0, 120, 0, 1, 1],
        )
        .rows(&[20]),
        also(
            "multiprotocol_twice",
            CAPABILITY,
            1,
            &[0, 1, 0, 1],
            Expect::Up,
        )
        .v4(),
        also(
            "multiprotocol_of_another_family",
            CAPABILITY,
            1,
            &[0, 25, 0, 70],
            Expect::Up,
        ),
        also(
            "multiprotocol_with_a_reserved_octet",
            "RFC 4760 §8",
            1,
            &[0, 25, 9, 70],
            Expect::Up,
        ),
        also(
            "graceful_restart_of_no_family",
            "RFC 4724 §3",
            64,
            &[0, 120],
            Expect::Up,
        ),
        also(
            "graceful_restart_of_an_unknown_family",
            "RFC 4724 §3",
            64,
            &[0x70, 120, 0, 99, 99, 0xff],
            Expect::Up,
        ),
        also(
            "add_path_with_an_undefined_direction",
            "RFC 7911 §4: the entry is ignored",
            69,
            &[0, 1, 1, 9, 0, 2, 1, 0],
            Expect::Up,
        ),
        also(
            "role_where_none_is_configured",
            "RFC 9234 §4.2",
            9,
            &[3],
            Expect::Up,
        ),
        also("enhanced_refresh_twice", CAPABILITY, 70, &[], Expect::Up),
        Case::connected(
            "another_family_alone",
            "RFC 5492 §3, RFC 4760 §8",
            |s| {
                let asn = s.setting.peer_as().to_be_bytes();
                let l2vpn = capability(1, &[0, 25, 0, 70]);
                vec![
                    s.open_with(&[l2vpn, capability(65, &asn)].concat())
                        .octets(),
                ]
            },
            Expect::Reset(
                2,
                7,
                Data::Of(Box::new(|s| {
                    let [high, low] = s.afi();
                    capability(1, &[high, low, 0, 1])
                })),
            ),
        ),
    ]
}

fn unknown_capabilities() -> Vec<Case> {
    let up = |name, code, value: &[u8]| also(name, "RFC 5492 §3", code, value, Expect::Up);
    vec![
        up("an_unknown_capability", 200, &[1, 2, 3]),
        up("an_unknown_capability_of_0_octets", 201, &[]).rows(&[22]),
        up("an_unknown_capability_of_200_octets", 202, &[0xaa; 200]),
        up("capability_0", 0, &[]),
        up("capability_255", 255, &[0; 9]),
        up("an_orf_capability_of_rubbish", 3, &[0, 1, 0, 1, 255, 64]).rows(&[20]),
        up("software_version_of_0_octets", 75, &[]).rows(&[23]),
        up(
            "software_version_that_claims_200_octets",
            75,
            &[200, b'c', b'a', b'l'],
        )
        .rows(&[23]),
        up(
            "software_version_that_is_no_text",
            75,
            &[3, 0xff, 0xfe, 0x00],
        )
        .rows(&[23]),
        up("host_name_that_claims_200_octets", 73, &[200, b'h', 0]),
        up("a_dynamic_capability", 67, &[]),
        capabilities(
            "eighty_capabilities_of_0_octets",
            "RFC 5492 §3",
            (100..180).flat_map(|code| capability(code, &[])).collect(),
            Expect::Up,
        )
        .rows(&[22]),
        capabilities(
            "one_unknown_capability_a_hundred_times",
            "RFC 5492 §4",
            capability(250, &[]).repeat(100),
            Expect::Up,
        )
        .rows(&[22]),
    ]
}
