//! OPEN's fixed fields (RFC 4271 §6.2, RFC 6286, RFC 6793, RFC 7607).

use crate::case::{Case, Data, Expect};
use crate::octets::{OPEN, Open, capability, message};
use crate::stage::Stage;

fn open(
    name: &'static str,
    rfc: &'static str,
    edit: impl Fn(&Stage) -> Open + Send + Sync + 'static,
    expect: Expect,
) -> Case {
    Case::connected(name, rfc, move |s| vec![edit(s).octets()], expect)
}

fn version(name: &'static str, version: u8) -> Case {
    open(
        name,
        "RFC 4271 §6.2: version",
        move |s| Open {
            version,
            ..s.open()
        },
        // The largest version supported that is smaller than the one bid, or the only one.
        Expect::Reset(2, 1, Data::Is(vec![0, 4])),
    )
    .rows(&[42])
}

fn hold_time(name: &'static str, hold_time: u16, expect: Expect) -> Case {
    open(
        name,
        "RFC 4271 §6.2: hold time",
        move |s| Open {
            hold_time,
            ..s.open()
        },
        expect,
    )
}

fn identifier(name: &'static str, identifier: [u8; 4], expect: Expect) -> Case {
    open(
        name,
        "RFC 6286 §2.2",
        move |s| Open {
            identifier,
            ..s.open()
        },
        expect,
    )
}

const BAD_AS: Expect = Expect::Reset(2, 2, Data::Echo);
const BAD_ID: Expect = Expect::Reset(2, 3, Data::Echo);

/// An OPEN whose capability of four-octet AS numbers has this value.
fn as4(s: &Stage, value: &[u8]) -> Open {
    let [high, low] = s.afi();
    s.open_with(&[capability(1, &[high, low, 0, 1]), capability(65, value)].concat())
}

pub(super) fn cases() -> Vec<Case> {
    let only_as4 =
        |name, rfc, value: &'static [u8], expect| open(name, rfc, move |s| as4(s, value), expect);
    vec![
        open("a_good_open", "RFC 4271 §8.2.2", Stage::open, Expect::Up),
        version("version_0", 0),
        version("version_1", 1),
        version("version_3", 3),
        version("version_5", 5),
        version("version_255", 255),
        open(
            "as_0",
            "RFC 7607 §2",
            |s| Open { asn: 0, ..s.open() },
            BAD_AS,
        ),
        open(
            "another_as",
            "RFC 4271 §6.2: AS",
            |s| {
                Open {
                    asn: 64_999,
                    ..s.open()
                }
                .tail(vec![0])
            },
            BAD_AS,
        ),
        open(
            "another_as_before_a_right_capability",
            "RFC 6793 §4.2.1: the capability decides",
            |s| Open {
                asn: 64_999,
                ..s.open()
            },
            Expect::Up,
        ),
        open(
            "as_trans_before_a_right_capability",
            "RFC 6793 §4.2.1",
            |s| Open {
                asn: 23_456,
                ..s.open()
            },
            Expect::Up,
        ),
        open(
            "as_trans_without_a_capability",
            "RFC 7607 §2, RFC 6793 §9",
            |s| {
                Open {
                    asn: 23_456,
                    ..s.open()
                }
                .tail(vec![0])
            },
            BAD_AS,
        ),
        only_as4("as_0_in_the_capability", "RFC 7607 §2", &[0; 4], BAD_AS).rows(&[19]),
        only_as4(
            "another_as_in_the_capability",
            "RFC 6793 §4.2.1",
            &[0, 1, 0, 0],
            BAD_AS,
        ),
        only_as4(
            "as_trans_in_the_capability",
            "RFC 6793 §9",
            &[0, 0, 0x5b, 0xa0],
            BAD_AS,
        )
        .rows(&[19]),
        hold_time("hold_time_1", 1, Expect::Reset(2, 6, Data::Echo)),
        hold_time("hold_time_2", 2, Expect::Reset(2, 6, Data::Echo)),
        hold_time("hold_time_0", 0, Expect::Up),
        hold_time("hold_time_3", 3, Expect::Up),
        hold_time("hold_time_65535", 65_535, Expect::Up),
        identifier("identifier_0", [0; 4], BAD_ID),
        identifier("own_identifier_inside", [10, 9, 0, 1], BAD_ID)
            .internal()
            .rows(&[49]),
        identifier("own_identifier_outside", [10, 9, 0, 1], Expect::Up)
            .external()
            .rows(&[49]),
        identifier(
            "identifier_of_a_multicast_group",
            [224, 0, 0, 5],
            Expect::Up,
        ),
        identifier("identifier_of_ones", [255; 4], Expect::Up),
        open(
            "no_capabilities",
            "RFC 5492 §3, RFC 4760 §8",
            |s| s.open().tail(vec![0]),
            Expect::Up,
        )
        .two_octets(),
        Case::connected(
            "an_open_of_4096_octets",
            "RFC 4271 §4.1, RFC 9072 §2",
            |s| {
                let filler = capability(200, &[0x55; 255]).repeat(15);
                let rest = 4096 - 29 - 3 - 3 - s.capabilities().len() - filler.len();
                let last = capability(201, &vec![0x66; rest - 2]);
                let all = [s.capabilities(), filler, last].concat();
                let octets = s
                    .open()
                    .long_parameters(&crate::octets::long_parameter(2, &all))
                    .octets();
                assert_eq!(octets.len(), 4096);
                vec![octets]
            },
            Expect::Up,
        ),
        Case::connected(
            "an_open_in_two_halves",
            "RFC 4271 §4.1: the stream knows no segments",
            |s| {
                let octets = s.open().octets();
                let (head, tail) = octets.split_at(23);
                vec![head.to_vec(), tail.to_vec()]
            },
            Expect::Up,
        ),
        Case::connected(
            "an_open_without_a_length_of_parameters",
            "RFC 4271 §6.1: length",
            |s| {
                let octets = s.open().octets();
                vec![message(OPEN, &octets[19..28])]
            },
            Expect::Reset(1, 2, Data::Is(vec![0, 28])),
        ),
    ]
}
