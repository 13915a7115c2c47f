//! ROUTE-REFRESH (RFC 2918, RFC 7313).

use crate::case::{Case, Data, Expect};
use crate::octets::{ROUTE_REFRESH, message, refresh};

fn ignored(name: &'static str, rfc: &'static str, afi: u16, subtype: u8, safi: u8) -> Case {
    Case::new(
        name,
        rfc,
        move |_| vec![refresh(afi, subtype, safi)],
        Expect::Unchanged,
    )
}

/// A wrong length with a subtype of RFC 7313: the answer carries the message.
fn bad_length(name: &'static str, body: &'static [u8]) -> Case {
    Case::new(
        name,
        "RFC 7313 §5: invalid message length",
        move |_| vec![message(ROUTE_REFRESH, body)],
        Expect::Reset(7, 1, Data::Is(message(ROUTE_REFRESH, body))),
    )
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        ignored("refresh_of_ipv4", "RFC 2918 §4", 1, 0, 1),
        ignored("refresh_of_ipv6", "RFC 2918 §4", 2, 0, 1),
        ignored(
            "refresh_of_an_unknown_family",
            "RFC 2918 §4: ignored",
            99,
            0,
            99,
        ),
        ignored("refresh_of_afi_0", "RFC 2918 §4: ignored", 0, 0, 0),
        ignored("refresh_of_subtype_3", "RFC 7313 §5: ignored", 1, 3, 1),
        ignored("refresh_of_subtype_255", "RFC 7313 §5: ignored", 1, 255, 1),
        ignored("end_of_refresh_out_of_the_blue", "RFC 7313 §4", 1, 2, 1),
        ignored(
            "end_of_refresh_of_ipv6_out_of_the_blue",
            "RFC 7313 §4",
            2,
            2,
            1,
        ),
        Case::new(
            "a_hundred_refreshes",
            "RFC 2918 §4",
            |s| {
                let afi = u16::from_be_bytes(s.afi());
                vec![refresh(afi, 0, 1).repeat(100)]
            },
            Expect::Unchanged,
        ),
        bad_length("begin_of_refresh_of_3_octets", &[0, 1, 1]),
        bad_length("begin_of_refresh_of_5_octets", &[0, 1, 1, 1, 0]),
        bad_length(
            "end_of_refresh_of_40_octets",
            &[
                0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
        ),
        Case::new(
            "refresh_of_subtype_9_of_5_octets",
            "RFC 4271 §6.1: length",
            |_| vec![message(ROUTE_REFRESH, &[0, 1, 9, 1, 0])],
            Expect::Reset(1, 2, Data::Is(vec![0, 24])),
        ),
    ]
}
