//! MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760, RFC 2545, RFC 7606 §5, §7.11, §7.12).

use crate::case::{Case, Data, Expect, absent, next_hop_inside};
use crate::octets::{OPTIONAL, Octets, TRANSITIVE, WELL_KNOWN, attribute};
use crate::stage::{DAEMON_V6, Draft, Stage};

const REACH: &str = "RFC 7606 §7.11";
const UNREACH: &str = "RFC 7606 §7.12";
const FLAGS: &str = "RFC 7606 §3 c";
const TWICE: &str = "RFC 7606 §3 g";
const FOREIGN: &str = "RFC 4760 §6, RFC 7606 §3: of a family not negotiated";
const LINK_LOCAL: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/// Session reset with the attribute as data (RFC 4271 §6.3).
const BAD_ATTRIBUTE: Expect = Expect::Reset(3, 9, Data::Echo);

pub(super) fn cases() -> Vec<Case> {
    [reach(), next_hops(), unreach(), families()]
        .into_iter()
        .flatten()
        .collect()
}

/// The known prefix again, with a value of MP_REACH_NLRI of one's choice.
fn value(
    name: &'static str,
    value: impl Fn(&Stage) -> Octets + Send + Sync + 'static,
    expect: Expect,
) -> Case {
    let edit = move |s: &Stage, draft: Draft| draft.set(14, attribute(OPTIONAL, 14, &value(s)));
    Case::draft(name, REACH, edit, expect).rows(&[16])
}

fn reach() -> Vec<Case> {
    let short = |name, octets: &'static [u8]| {
        value(name, move |_| octets.to_vec(), BAD_ATTRIBUTE).rows(&[16, 26])
    };
    let flags = |name, flags: u8| {
        Case::draft(
            name,
            FLAGS,
            move |s, draft| {
                draft.set(
                    14,
                    attribute(flags, 14, &s.reach_value(&s.next_hop(), &s.known())),
                )
            },
            Expect::Withdraw,
        )
        .v6()
    };
    vec![
        short("mp_reach_of_0_octets", &[]),
        short("mp_reach_of_1_octet", &[0]),
        short("mp_reach_of_3_octets", &[0, 2, 1]),
        short("mp_reach_of_4_octets", &[0, 2, 1, 16]),
        value(
            "mp_reach_without_the_reserved_octet",
            |s| {
                let whole = s.reach_value(&s.next_hop(), &[]);
                whole[..whole.len() - 1].to_vec()
            },
            BAD_ATTRIBUTE,
        ),
        value(
            "mp_reach_with_a_next_hop_beyond_its_end",
            |s| {
                let mut octets = s.reach_value(&s.next_hop(), &s.known());
                octets[3] = 200;
                octets
            },
            BAD_ATTRIBUTE,
        ),
        value(
            "mp_reach_with_a_prefix_too_long",
            |s| s.reach_value(&s.next_hop(), &[&[129][..], &[0xfd; 17]].concat()),
            BAD_ATTRIBUTE,
        ),
        value(
            "mp_reach_with_a_prefix_cut_short",
            |s| s.reach_value(&s.next_hop(), &[32, 0xfd, 0x5a]),
            BAD_ATTRIBUTE,
        ),
        value(
            "mp_reach_with_a_length_at_its_end",
            |s| s.reach_value(&s.next_hop(), &[s.known(), vec![9]].concat()),
            BAD_ATTRIBUTE,
        ),
        Case::draft(
            "mp_reach_beyond_the_list",
            "RFC 7606 §3 j, §4",
            |_, draft| draft.without(14).add(vec![OPTIONAL, 14, 200, 0, 2, 1]),
            BAD_ATTRIBUTE,
        )
        .rows(&[16, 29]),
        Case::draft(
            "mp_reach_twice",
            TWICE,
            |s, draft| draft.set(14, s.reach(&s.next_hop(), &s.known()).repeat(2)),
            Expect::Reset(3, 1, Data::Echo),
        )
        .rows(&[16]),
        value(
            "mp_reach_of_no_prefix",
            |s| s.reach_value(&s.next_hop(), &[]),
            Expect::Unchanged,
        )
        .v6(),
        value(
            "mp_reach_with_a_reserved_octet",
            |s| {
                let mut octets = s.reach_value(&s.next_hop(), &s.known());
                let at = 4 + s.next_hop().len();
                octets[at] = 0xff;
                octets
            },
            Expect::Accepted(vec![]),
        )
        .v6(),
        flags("mp_reach_that_is_transitive", TRANSITIVE),
        flags("mp_reach_that_is_well_known", WELL_KNOWN),
        Case::draft(
            "mp_reach_of_extended_length",
            "RFC 4271 §4.3",
            |_, draft| draft.extended(14),
            Expect::Accepted(vec![]),
        )
        .v6(),
        Case::draft(
            "mp_reach_behind_all_others",
            "RFC 7606 §5.1: receivers take any place",
            |_, draft| draft.reversed(),
            Expect::Accepted(vec![]),
        )
        .v6(),
        Case::new(
            "ipv4_in_mp_reach",
            "RFC 4760 §3",
            |s| {
                let draft = s.again().without(3).nlri(vec![]);
                vec![draft.front(s.reach(&s.next_hop(), &s.known())).octets()]
            },
            Expect::Accepted(vec![next_hop_inside(Stage::next_hop)]),
        )
        .v4()
        .rows(&[34]),
        Case::new(
            "ipv4_in_mp_reach_and_beside_it",
            "RFC 4760 §3",
            |s| vec![s.again().front(s.reach(&s.next_hop(), &s.fresh())).octets()],
            Expect::Accepted(vec![next_hop_inside(Stage::next_hop)]),
        )
        .v4()
        .rows(&[34]),
        Case::new(
            "ipv4_in_mp_reach_without_origin",
            "RFC 7606 §3 d",
            |s| {
                let draft = s.again().without(3).without(1).nlri(vec![]);
                vec![draft.front(s.reach(&s.next_hop(), &s.known())).octets()]
            },
            Expect::Withdraw,
        )
        .v4()
        .rows(&[15, 34]),
    ]
}

fn next_hops() -> Vec<Case> {
    let via = |name, next_hop: &'static [u8], expect| {
        let draft = move |s: &Stage| {
            let draft = s.again().without(3).nlri(vec![]).without(14);
            draft.front(s.reach(next_hop, &s.known()))
        };
        Case::new(name, REACH, move |s| vec![draft(s).octets()], expect)
    };
    let sized = |name, next_hop| via(name, next_hop, BAD_ATTRIBUTE).rows(&[16]);
    let wrong = |name, next_hop| via(name, next_hop, Expect::Withdraw);
    const ONE: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    vec![
        sized("next_hop_of_0_octets_in_mp_reach", &[]),
        sized("next_hop_of_5_octets_in_mp_reach", &[0xfd; 5]),
        sized("next_hop_of_12_octets_in_mp_reach", &[0; 12]),
        sized("next_hop_of_17_octets_in_mp_reach", &[0xfd; 17]),
        sized("next_hop_of_24_octets_in_mp_reach", &[0; 24]),
        sized("next_hop_of_48_octets_in_mp_reach", &[0xfd; 48]),
        sized("next_hop_of_ipv4_for_ipv6", &[10, 9, 1, 1]).v6(),
        sized("next_hop_of_ipv6_for_ipv4", &[0xfd; 16]).v4(),
        wrong("ipv6_next_hop_0", &[0; 16]).v6(),
        wrong("ipv6_next_hop_on_the_loopback", &ONE).v6(),
        wrong("ipv6_next_hop_that_is_a_group", &[0xff; 16]).v6(),
        wrong("ipv4_next_hop_0_in_mp_reach", &[0; 4]).v4(),
        wrong("ipv4_next_hop_that_is_a_group_in_mp_reach", &[224, 0, 0, 1]).v4(),
        via("ipv6_next_hop_that_is_the_daemon", &DAEMON_V6, Expect::Gone)
            .v6()
            .rows(&[38]),
        Case::draft(
            "ipv6_next_hop_with_a_link_local_one",
            "RFC 2545 §3",
            |s, draft| {
                draft.set(
                    14,
                    s.reach(&[s.next_hop(), LINK_LOCAL.to_vec()].concat(), &s.known()),
                )
            },
            Expect::Accepted(vec![next_hop_inside(Stage::next_hop)]),
        )
        .v6(),
        Case::draft(
            "ipv6_next_hop_with_zeros_behind_it",
            "RFC 2545 §3",
            |s, draft| {
                draft.set(
                    14,
                    s.reach(&[s.next_hop(), vec![0; 16]].concat(), &s.known()),
                )
            },
            Expect::Accepted(vec![next_hop_inside(Stage::next_hop)]),
        )
        .v6(),
    ]
}

/// An UPDATE of MP_UNREACH_NLRI alone, with a value of one's choice.
fn unreachable(name: &'static str, value: &'static [u8]) -> Case {
    Case::new(
        name,
        UNREACH,
        move |_| {
            vec![crate::octets::update(
                &[],
                &attribute(OPTIONAL, 15, value),
                &[],
            )]
        },
        BAD_ATTRIBUTE,
    )
    .rows(&[17])
}

fn unreach() -> Vec<Case> {
    let flags = |name, flags: u8, expect: Expect| {
        Case::draft(
            name,
            FLAGS,
            move |s, draft| {
                draft.add(attribute(
                    flags,
                    15,
                    &[&s.afi()[..], &[1], &s.fresh()].concat(),
                ))
            },
            expect,
        )
    };
    vec![
        unreachable("mp_unreach_of_0_octets", &[]),
        unreachable("mp_unreach_of_2_octets", &[0, 2]),
        unreachable(
            "mp_unreach_with_an_ipv4_prefix_of_33_bits",
            &[0, 1, 1, 33, 1, 2, 3, 4, 5],
        )
        .v4(),
        unreachable(
            "mp_unreach_with_an_ipv6_prefix_of_129_bits",
            &[0, 2, 1, 129],
        )
        .v6(),
        unreachable(
            "mp_unreach_with_an_ipv4_prefix_cut_short",
            &[0, 1, 1, 24, 10],
        )
        .v4(),
        unreachable(
            "mp_unreach_with_an_ipv6_prefix_cut_short",
            &[0, 2, 1, 64, 0xfd, 0x5a],
        )
        .v6(),
        Case::new(
            "mp_unreach_beyond_the_list",
            "RFC 7606 §3 j, §4",
            |_| {
                vec![crate::octets::update(
                    &[],
                    &[OPTIONAL, 15, 99, 0, 2, 1],
                    &[],
                )]
            },
            BAD_ATTRIBUTE,
        )
        .rows(&[17, 29]),
        Case::new(
            "mp_unreach_twice",
            TWICE,
            |s| {
                vec![crate::octets::update(
                    &[],
                    &s.unreach(&s.fresh()).repeat(2),
                    &[],
                )]
            },
            Expect::Reset(3, 1, Data::Echo),
        )
        .rows(&[17]),
        Case::new(
            "withdrawal_in_mp_unreach",
            "RFC 4760 §4",
            |s| vec![crate::octets::update(&[], &s.unreach(&s.known()), &[])],
            Expect::Gone,
        )
        .rows(&[35]),
        Case::new(
            "withdrawal_in_mp_unreach_and_beside_it",
            "RFC 4760 §4",
            |s| {
                vec![crate::octets::update(
                    &s.known(),
                    &s.unreach(&s.fresh()),
                    &[],
                )]
            },
            Expect::Gone,
        )
        .v4()
        .rows(&[35]),
        Case::new(
            "end_of_rib_with_a_malformed_attribute",
            "RFC 7606 §5.2",
            |s| {
                let list = [s.unreach(&[]), attribute(OPTIONAL, 4, &[0])].concat();
                vec![crate::octets::update(&[], &list, &[])]
            },
            Expect::Reset(3, 5, Data::Echo),
        )
        .rows(&[17]),
        Case::new(
            "withdrawal_with_a_malformed_attribute",
            "RFC 7606 §5.2",
            |s| {
                let list = [s.unreach(&s.known()), attribute(WELL_KNOWN, 1, &[7])].concat();
                vec![crate::octets::update(&[], &list, &[])]
            },
            Expect::Reset(3, 6, Data::Echo),
        )
        .rows(&[17]),
        flags(
            "mp_unreach_that_is_transitive",
            TRANSITIVE,
            Expect::Withdraw,
        ),
        flags(
            "mp_unreach_that_is_well_known",
            WELL_KNOWN,
            Expect::Withdraw,
        ),
    ]
}

fn families() -> Vec<Case> {
    let beside = |name, octets: Octets| {
        Case::draft(
            name,
            FOREIGN,
            move |_, draft| draft.add(octets.clone()),
            Expect::Accepted(vec![absent(14), absent(15)]),
        )
        .v4()
        .rows(&[43])
    };
    let alone = |name, octets: Octets| {
        Case::new(
            name,
            FOREIGN,
            move |s| {
                let good = s.again().without(14).without(3).nlri(vec![]);
                vec![good.front(octets.clone()).octets()]
            },
            Expect::Unchanged,
        )
        .rows(&[43])
    };
    let ipv6 = [
        &[0, 2, 1, 16, 0xfd, 9][..],
        &[0; 13],
        &[9, 0, 32, 0xfd, 0x5a, 1, 2],
    ]
    .concat();
    let multicast = [
        &[0, 2, 2, 16, 0xfd, 9][..],
        &[0; 13],
        &[9, 0, 32, 0xfd, 0x5a, 1, 2],
    ]
    .concat();
    let labelled = vec![0, 1, 4, 4, 10, 9, 1, 1, 0, 48, 0, 0x10, 1, 10, 128, 9];
    let evpn = [&[0, 25, 70, 4, 10, 9, 1, 1, 0, 2, 33][..], &[0; 33]].concat();
    let flow = vec![0, 1, 133, 0, 0, 5, 1, 24, 10, 128, 9];
    vec![
        beside(
            "ipv6_in_mp_reach_on_a_session_for_ipv4",
            attribute(OPTIONAL, 14, &ipv6),
        ),
        beside(
            "ipv6_in_mp_unreach_on_a_session_for_ipv4",
            attribute(OPTIONAL, 15, &[0, 2, 1, 32, 0xfd, 0x5a, 1, 2]),
        ),
        alone(
            "ipv6_multicast_in_mp_reach",
            attribute(OPTIONAL, 14, &multicast),
        ),
        alone(
            "labelled_ipv4_in_mp_reach",
            attribute(OPTIONAL, 14, &labelled),
        ),
        alone("evpn_in_mp_reach", attribute(OPTIONAL, 14, &evpn)),
        alone("flowspec_in_mp_reach", attribute(OPTIONAL, 14, &flow)),
        alone(
            "an_unknown_family_in_mp_reach",
            attribute(OPTIONAL, 14, &[99, 99, 99, 0, 0]),
        ),
        alone(
            "evpn_in_mp_unreach",
            attribute(OPTIONAL, 15, &[0, 25, 70, 2, 0]),
        ),
        Case::draft(
            "ipv4_beside_ipv6_on_a_session_for_ipv6",
            FOREIGN,
            |s, draft| {
                let next_hop = attribute(WELL_KNOWN, 3, &[10, 9, 0, 77]);
                draft.add(next_hop).nlri(vec![24, 10, 250, s.known()[6]])
            },
            Expect::Accepted(vec![]),
        )
        .v6()
        .rows(&[43]),
        Case::draft(
            "ipv4_withdrawn_on_a_session_for_ipv6",
            FOREIGN,
            |_, draft| draft.withdrawn(vec![24, 10, 250, 1]),
            Expect::Accepted(vec![]),
        )
        .v6()
        .rows(&[43]),
    ]
}
