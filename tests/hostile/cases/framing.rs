//! The three sections of an UPDATE, and the prefixes in them (RFC 4271 §6.3, RFC 7606 §3, §5).

use crate::case::{Case, Data, Expect, absent, relayed};
use crate::octets::{Octets, UPDATE, attribute, capability, keepalive, message, update};
use crate::stage::{Draft, Stage};

const SECTIONS: &str = "RFC 4271 §6.3, RFC 7606 §3 a: attribute list";
const NLRI: &str = "RFC 7606 §5.3";
const EXTENDED: &str = "RFC 8654 §4";
const LIST: &str = "RFC 7606 §4";

const BAD_LIST: Expect = Expect::Reset(3, 1, Data::Echo);
const BAD_NLRI: Expect = Expect::Reset(3, 10, Data::Echo);

fn body(name: &'static str, body: &'static [u8]) -> Case {
    Case::new(
        name,
        SECTIONS,
        move |_| vec![message(UPDATE, body)],
        BAD_LIST,
    )
}

/// The classic NLRI field with octets behind the known prefix.
fn nlri(name: &'static str, octets: &'static [u8], expect: Expect) -> Case {
    Case::draft(
        name,
        NLRI,
        move |s, draft| draft.nlri([s.known(), octets.to_vec()].concat()),
        expect,
    )
    .v4()
}

fn withdrawn(name: &'static str, octets: &'static [u8], expect: Expect) -> Case {
    Case::new(name, NLRI, move |_| vec![update(octets, &[], &[])], expect).v4()
}

/// The known prefix announced again, with these octets behind the good attributes.
fn behind(name: &'static str, octets: &'static [u8]) -> Case {
    Case::draft(
        name,
        LIST,
        move |_, draft| draft.add(octets.to_vec()),
        Expect::Withdraw,
    )
    .rows(&[9, 29])
}

/// Attributes alone, with a fault among them.
fn without_nlri(name: &'static str, octets: &'static [u8], subcode: u8) -> Case {
    let list = move |s: &Stage| {
        let good = s.again().without(14).list();
        [good, octets.to_vec()].concat()
    };
    Case::new(
        name,
        "RFC 7606 §5.2",
        move |s| vec![update(&[], &list(s), &[])],
        Expect::Reset(3, subcode, Data::Echo),
    )
    .rows(&[17])
}

/// The known prefix with every bit beyond its length set.
fn untidy(s: &Stage) -> Octets {
    let mut prefix = s.known();
    if s.is_v4() {
        prefix[4] |= 0x1f;
    } else {
        // 63 bits: the last one of the eight octets is beyond.
        prefix[0] = 63;
        prefix[8] |= 1;
    }
    prefix
}

/// An OPEN that offers extended messages.
fn agreed(s: &Stage) -> Octets {
    s.open_with(&[s.capabilities(), capability(6, &[])].concat())
        .octets()
}

/// An OPEN that offers to send several paths to a prefix.
fn add_path(s: &Stage) -> Octets {
    let [high, low] = s.afi();
    let offer = capability(69, &[high, low, 1, 2]);
    s.open_with(&[s.capabilities(), offer].concat()).octets()
}

/// A session of extended messages, and an UPDATE of this length with an unknown attribute.
fn large(name: &'static str, length: usize, flags: u8, expect: Expect) -> Case {
    Case::connected(
        name,
        EXTENDED,
        move |s| {
            let draft = s.again();
            let value = vec![0x5a; length - draft.octets().len() - 4];
            vec![
                agreed(s),
                keepalive(),
                draft.add(attribute(flags, 99, &value)).octets(),
            ]
        },
        expect,
    )
    .rows(&[32])
}

/// Fills the message to its last octet with an unknown attribute.
fn full(draft: Draft, flags: u8, s: &Stage) -> Draft {
    let value = vec![0x5a; 4096 - draft.octets().len() - 4];
    let full = draft.add(attribute(flags, 99, &value));
    assert_eq!(full.octets().len(), 4096, "{}", s.number);
    full
}

pub(super) fn cases() -> Vec<Case> {
    [sections(), prefixes(), lists(), extended_messages()]
        .into_iter()
        .flatten()
        .collect()
}

fn extended_messages() -> Vec<Case> {
    vec![
        large(
            "an_update_of_5000_octets_where_agreed",
            5000,
            0x80,
            Expect::Accepted(vec![absent(99)]),
        ),
        large(
            "an_update_of_65535_octets_where_agreed",
            65_535,
            0x80,
            Expect::Accepted(vec![absent(99)]),
        ),
        // It fits no message to the witnesses, who have not agreed.
        large(
            "a_route_of_9000_octets_where_agreed",
            9000,
            0xc0,
            Expect::Gone,
        ),
        Case::connected(
            "a_path_of_2100_numbers_where_agreed",
            EXTENDED,
            |s| {
                let numbers: Vec<u32> = (0..2100).map(|number| 100_000 + number).collect();
                let numbers = s.numbers(&numbers);
                let path = numbers
                    .chunks(255)
                    .flat_map(|some| s.segment(2, some))
                    .collect::<Vec<_>>();
                let update = s.again().set(2, attribute(0x40, 2, &path)).octets();
                vec![agreed(s), keepalive(), update]
            },
            Expect::Gone,
        )
        .rows(&[2, 32]),
        Case::connected(
            "nlri_with_half_a_path_identifier",
            "RFC 7911 §3, RFC 7606 §5.3",
            |s| {
                vec![
                    add_path(s),
                    keepalive(),
                    s.again().nlri(vec![0, 0, 1]).octets(),
                ]
            },
            BAD_NLRI,
        )
        .v4(),
        Case::connected(
            "mp_reach_with_half_a_path_identifier",
            "RFC 7911 §3, RFC 7606 §5.3",
            |s| {
                let reach = s.reach(&s.next_hop(), &[0, 0, 1]);
                vec![add_path(s), keepalive(), s.again().set(14, reach).octets()]
            },
            Expect::Reset(3, 9, Data::Echo),
        )
        .v6(),
        Case::connected(
            "a_keepalive_of_4097_octets_where_agreed",
            EXTENDED,
            |s| vec![agreed(s), keepalive(), message(4, &[0; 4078])],
            Expect::Reset(1, 2, Data::Is(vec![0x10, 1])),
        )
        .rows(&[41]),
        Case::connected(
            "an_open_of_4097_octets_where_agreed",
            EXTENDED,
            |s| vec![agreed(s), keepalive(), message(1, &[0; 4078])],
            Expect::Reset(1, 2, Data::Is(vec![0x10, 1])),
        ),
    ]
}

fn sections() -> Vec<Case> {
    vec![
        body("withdrawn_routes_beyond_the_message", &[0xff, 0xff, 0, 0]),
        body("withdrawn_routes_up_to_the_end", &[0, 2, 0, 0]),
        body("withdrawn_routes_that_leave_one_octet", &[0, 1, 0, 0]),
        body("attributes_beyond_the_message", &[0, 0, 0, 1]),
        body(
            "attributes_of_65535_octets",
            &[0, 0, 0xff, 0xff, 0x40, 1, 1, 0],
        ),
        Case::new(
            "attributes_that_run_into_the_nlri",
            SECTIONS,
            |s| {
                let mut octets = s.again().octets();
                octets[22] = octets[22].wrapping_add(200);
                vec![octets]
            },
            BAD_LIST,
        ),
        Case::new(
            "nlri_without_attributes",
            "RFC 7606 §3 d, §5.2",
            |s| vec![update(&[], &[], &s.known())],
            Expect::Withdraw,
        )
        .v4()
        .rows(&[14, 15]),
    ]
}

fn prefixes() -> Vec<Case> {
    vec![
        nlri("nlri_of_33_bits", &[33, 10, 128, 1, 2, 0], BAD_NLRI),
        nlri("nlri_of_255_bits", &[255, 10, 128, 1, 2, 0], BAD_NLRI),
        nlri("nlri_cut_short", &[24, 10, 128], BAD_NLRI),
        nlri("nlri_of_a_length_alone", &[32], BAD_NLRI),
        nlri("nlri_of_0_bits", &[0], Expect::Accepted(vec![])),
        nlri(
            "nlri_of_32_bits",
            &[32, 10, 255, 255, 1],
            Expect::Accepted(vec![]),
        ),
        withdrawn(
            "withdrawn_prefix_of_33_bits",
            &[33, 10, 128, 1, 2, 0],
            BAD_NLRI,
        ),
        withdrawn("withdrawn_prefix_cut_short", &[24, 10, 128], BAD_NLRI),
        withdrawn(
            "withdrawn_prefix_that_is_unknown",
            &[24, 10, 255, 254],
            Expect::Unchanged,
        ),
        Case::new(
            "withdrawal_of_an_unknown_prefix",
            "RFC 4271 §4.3",
            |s| vec![s.withdraw(&s.fresh())],
            Expect::Unchanged,
        ),
        Case::new(
            "withdrawal",
            "RFC 4271 §4.3",
            |s| vec![s.withdraw(&s.known())],
            Expect::Gone,
        ),
        Case::new(
            "withdrawal_twice",
            "RFC 4271 §4.3",
            |s| {
                vec![
                    s.withdraw(&[s.known(), s.known()].concat()),
                    s.withdraw(&s.known()),
                ]
            },
            Expect::Gone,
        ),
        Case::new(
            "bits_beyond_the_prefix",
            "RFC 4271 §4.3: their value is irrelevant",
            |s| vec![s.announce(&untidy(s)).octets()],
            Expect::Accepted(vec![]),
        )
        .v4(),
        Case::new(
            "bits_beyond_the_prefix_of_a_withdrawal",
            "RFC 4271 §4.3",
            |s| vec![s.withdraw(&untidy(s))],
            Expect::Gone,
        )
        .v4(),
        Case::new(
            "bits_beyond_an_ipv6_prefix",
            "RFC 4760 §5",
            |s| vec![s.announce(&untidy(s)).octets()],
            Expect::Unchanged,
        )
        .v6(),
        Case::new(
            "one_prefix_twice",
            "RFC 4271 §4.3",
            |s| vec![s.announce(&[s.known(), s.known()].concat()).octets()],
            Expect::Accepted(vec![]),
        ),
        Case::draft(
            "one_prefix_withdrawn_and_announced",
            "RFC 4271 §4.3: as announced",
            |s, draft| draft.withdrawn(s.known()),
            Expect::Accepted(vec![]),
        )
        .v4(),
        Case::draft(
            "one_prefix_withdrawn_and_announced_by_mp",
            "RFC 4271 §4.3: as announced",
            |s, draft| draft.add(s.unreach(&s.known())),
            Expect::Accepted(vec![]),
        )
        .v6(),
        Case::draft(
            "another_prefix_withdrawn_beside",
            "RFC 4271 §4.3",
            |s, draft| draft.withdrawn(s.fresh()),
            Expect::Accepted(vec![]),
        )
        .v4(),
    ]
}

fn lists() -> Vec<Case> {
    vec![
        Case::new(
            "end_of_rib_of_ipv4",
            "RFC 4724 §2",
            |_| vec![update(&[], &[], &[])],
            Expect::Unchanged,
        ),
        Case::new(
            "end_of_rib_of_the_family",
            "RFC 4724 §2",
            |s| vec![update(&[], &s.unreach(&[]), &[])],
            Expect::Unchanged,
        ),
        Case::new(
            "attributes_without_nlri",
            "RFC 4271 §4.3",
            |s| vec![update(&[], &s.again().without(14).list(), &[])],
            Expect::Unchanged,
        ),
        without_nlri("a_malformed_med_without_nlri", &[0x80, 4, 1, 0], 5),
        without_nlri(
            "malformed_communities_without_nlri",
            &[0xc0, 8, 3, 1, 2, 3],
            5,
        ),
        without_nlri("wrong_flags_without_nlri", &[0x40, 4, 4, 0, 0, 0, 1], 4),
        without_nlri(
            "an_attribute_beyond_the_list_without_nlri",
            &[0x80, 4, 99, 0],
            1,
        ),
        behind("one_octet_behind_the_attributes", &[0x40]),
        behind("two_octets_behind_the_attributes", &[0x80, 4]),
        behind("half_an_extended_length", &[0x90, 4, 0]),
        behind("an_attribute_beyond_the_list", &[0x80, 4, 200, 0, 0, 0, 1]),
        behind(
            "an_unknown_attribute_beyond_the_list",
            &[0xc0, 99, 9, 1, 2, 3],
        ),
        behind(
            "an_attribute_of_65535_octets",
            &[0xd0, 99, 0xff, 0xff, 1, 2, 3],
        ),
        behind("an_attribute_one_octet_too_long", &[0xc0, 8, 5, 0, 1, 0, 1]),
        Case::draft(
            "attributes_in_the_wrong_order",
            "RFC 4271 §5: receivers take any",
            |_, draft| draft.reversed(),
            Expect::Accepted(vec![]),
        ),
        Case::draft(
            "an_update_of_4096_octets",
            "RFC 4271 §4.1",
            |s, draft| full(draft, 0x80, s),
            Expect::Accepted(vec![absent(99)]),
        ),
        // With what the daemon adds it exceeds 4096 octets; the old route must not stay out there.
        Case::draft(
            "a_route_too_large_to_be_passed_on",
            "RFC 8654 §4, RFC 4271 §4.1",
            |s, draft| full(draft, 0xc0, s),
            Expect::Gone,
        )
        .external(),
        Case::draft(
            "flags_with_unused_bits",
            "RFC 4271 §4.3: ignored when received",
            |_, draft| {
                draft
                    .set(1, attribute(0x4f, 1, &[0]))
                    .set(4, attribute(0x87, 4, &[0, 0, 0, 9]))
            },
            Expect::Accepted(vec![relayed(0x40, 1, &[0])]),
        ),
    ]
}
