use std::iter::once;

use super::*;
use crate::net::testing::{Seeds, check_corpus};
use crate::net::{Asn, Prefix};
use crate::wire::{AsPath, Community, NextHop, Nlri, PathAttributes};

/// Octets that choose values: a counter, which reaches every branch sooner or later.
fn choices(first: u8, step: u8, count: usize) -> Vec<u8> {
    let rest = (0..count).map(|n| {
        let n = u8::try_from(n % 251).expect("below 256");
        n.wrapping_mul(step).wrapping_add(first)
    });
    once(first).chain(rest).collect()
}

fn round_trip_seeds() -> Seeds {
    vec![
        ("nothing", Vec::new()),
        ("open", choices(0, 1, 60)),
        ("open-many-capabilities", choices(0, 59, 400)),
        ("notification", choices(1, 3, 300)),
        ("refresh", choices(2, 1, 4)),
        ("ipv4", choices(3, 1, 120)),
        ("ipv4-old", choices(4, 2, 120)),
        ("ipv4-long-path", choices(3, 113, 1_500)),
        ("ipv4-add-path", choices(5, 7, 600)),
        ("ipv6", choices(6, 1, 200)),
        ("ipv6-many", choices(7, 29, 900)),
        ("ipv6-too-long", choices(6, 199, 4_500)),
        ("ones", [&[3][..], &[0xff; 600]].concat()),
    ]
}

/// An UPDATE's body as the packer writes it, behind the terms.
fn packed(terms: u8, attributes: &PathAttributes, prefixes: &[&str]) -> Vec<u8> {
    let terms_of = context(terms);
    let mut packer = UpdatePacker::new(EncodeContext {
        four_octet_as: terms_of.four_octet_as,
        add_path: terms_of.add_path.ipv4,
        ..EncodeContext::default()
    });
    for text in prefixes {
        match text.parse().expect("a prefix") {
            Prefix::V4(prefix) => packer.announce::<Ipv4>(attributes, once(Nlri::plain(prefix))),
            Prefix::V6(prefix) => packer.announce::<Ipv6>(attributes, once(Nlri::plain(prefix))),
        };
    }
    let octets = packer.take();
    [&[terms], octets.get(HEADER_LENGTH..).expect("one message")].concat()
}

fn update_seeds() -> Seeds {
    let path = |numbers: &[u32]| AsPath::sequence(numbers.iter().map(|number| Asn(*number)));
    let plain = PathAttributes {
        as_path: path(&[65_001, 70_000]),
        ..PathAttributes::originated(NextHop::V4([192, 0, 2, 1].into()))
    };
    let well_known = PathAttributes {
        communities: [
            Community::NO_EXPORT,
            Community::NO_ADVERTISE,
            Community::NO_EXPORT_SUBCONFED,
        ]
        .into(),
        ..plain.clone()
    };
    let v6 = PathAttributes {
        next_hop: NextHop::V6 {
            global: "2001:db8::1".parse().expect("an address"),
            link_local: "fe80::1".parse().ok(),
        },
        ..plain.clone()
    };
    vec![
        ("packed-old", packed(0, &plain, &["10.65.0.0/26"])),
        ("packed-external", packed(9, &plain, &["10.65.0.0/26"])),
        ("packed-add-path", packed(3, &plain, &["10.65.0.0/26"])),
        (
            "packed-well-known",
            packed(1, &well_known, &["10.65.0.0/26"]),
        ),
        ("packed-ipv6", packed(1, &v6, &["fd00:10:65::/122"])),
        (
            "packed-extended-next-hop",
            packed(0x41, &plain, &["10.65.0.0/26"]),
        ),
    ]
}

#[test]
fn the_corpus_does_no_harm() {
    check_corpus("framer", Vec::new(), framer);
    check_corpus("message", Vec::new(), message);
    check_corpus("open", Vec::new(), open);
    check_corpus("update", update_seeds(), update);
    check_corpus("round_trip", round_trip_seeds(), round_trip);
}
