use super::*;
use crate::net::{Asn, Ipv4, Ipv4Prefix, Ipv6, Ipv6Prefix};
use crate::wire::{AsPath, Framer};

const PLAIN: EncodeContext = EncodeContext {
    four_octet_as: true,
    add_path: false,
    extended_message: false,
    extended_next_hop: false,
};

fn v4(count: u32) -> impl Iterator<Item = Nlri<Ipv4Prefix>> {
    (0..count).map(|number| {
        let bits = 0x0a00_0000 | number << 8;
        Nlri::plain(Ipv4Prefix::new(bits.into(), 24).expect("in range"))
    })
}

fn v6(count: u32) -> impl Iterator<Item = Nlri<Ipv6Prefix>> {
    (0..count).map(|number| {
        let bits = 0xfd << 120 | u128::from(number) << 64;
        Nlri::plain(Ipv6Prefix::new(bits.into(), 64).expect("in range"))
    })
}

fn attributes(next_hop: &str) -> PathAttributes {
    let address: std::net::IpAddr = next_hop.parse().expect("an address");
    PathAttributes {
        as_path: AsPath::sequence([Asn(65_001)]),
        ..PathAttributes::originated(address.into())
    }
}

fn messages(octets: &[u8]) -> Vec<Bytes> {
    let mut framer = Framer::new();
    framer.extend(octets);
    let mut messages = Vec::new();
    while let Some(message) = framer.next().expect("valid") {
        messages.push(message);
    }
    assert_eq!(framer.buffered(), 0);
    messages
}

fn lengths(octets: &[u8]) -> Vec<usize> {
    messages(octets).iter().map(Bytes::len).collect()
}

#[test]
fn messages_are_as_full_as_they_can_be() {
    let mut packer = UpdatePacker::new(PLAIN);
    // 23 octets, 4 + 9 + 7 of attributes, then 4 for each prefix: 1013 fit 4096.
    packer.announce::<Ipv4>(&attributes("192.0.2.1"), v4(2_000));
    assert_eq!(lengths(&packer.take()), [4_095, 23 + 20 + 4 * 987]);
    // 30 octets with the family, 9 for each prefix: 451 fit.
    packer.withdraw::<Ipv6>(v6(452));
    assert_eq!(lengths(&packer.take()), [4_089, 19 + 2 + 2 + 3 + 3 + 9]);
    packer.withdraw::<Ipv4>(v4(1_018));
    assert_eq!(lengths(&packer.take()), [23 + 4 * 1_018]);
    packer.withdraw::<Ipv4>(v4(1_019));
    assert_eq!(lengths(&packer.take()), [23 + 4 * 1_018, 27]);
}

#[test]
fn ipv6_messages_are_filled_to_the_last_octet_that_attributes_leave() {
    let mut packer = UpdatePacker::new(PLAIN);
    // 23 + 4 + 3 + 17 + 1 octets, 13 of attributes behind: 448 prefixes of 9 octets fit.
    packer.announce::<Ipv6>(&attributes("fd00::1"), v6(449));
    let lengths = lengths(&packer.take());
    assert_eq!(lengths[0], 23 + 4 + 21 + 13 + 448 * 9);
    assert_eq!(lengths.len(), 2);
}

#[test]
fn mp_reach_comes_first_and_next_hop_stays_away() {
    let mut packer = UpdatePacker::new(PLAIN);
    packer.announce::<Ipv6>(&attributes("fd00::1"), v6(1));
    let mut wanted = vec![0xff; 16];
    wanted.extend_from_slice(&[0, 69, 2, 0, 0, 0, 46]);
    wanted.extend_from_slice(&[0x80, 14, 30, 0, 2, 1, 16]);
    wanted.extend_from_slice(&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    wanted.extend_from_slice(&[64, 0xfd, 0, 0, 0, 0, 0, 0, 0]);
    wanted.extend_from_slice(&[0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9]);
    assert_eq!(packer.take(), wanted);
}

#[test]
fn old_peers_get_as_trans_and_the_truth_beside_it() {
    let mut packer = UpdatePacker::new(EncodeContext {
        four_octet_as: false,
        ..PLAIN
    });
    let attributes = PathAttributes {
        as_path: AsPath::sequence([Asn(65_001), Asn(65_536)]),
        ..attributes("192.0.2.1")
    };
    packer.announce::<Ipv4>(&attributes, v4(1));
    let octets = packer.take();
    let list = &octets[23..octets.len() - 4];
    let mut wanted = vec![0x40, 1, 1, 0, 0x40, 2, 6, 2, 2, 0xfd, 0xe9, 0x5b, 0xa0];
    wanted.extend_from_slice(&[0x40, 3, 4, 192, 0, 2, 1]);
    wanted.extend_from_slice(&[0xc0, 17, 10, 2, 2, 0, 0, 0xfd, 0xe9, 0, 1, 0, 0]);
    assert_eq!(list, wanted);
}

#[test]
fn end_of_rib_has_the_form_of_its_family() {
    let mut packer = UpdatePacker::new(PLAIN);
    packer.end_of_rib(Family::Ipv4);
    assert_eq!(packer.take()[16..], [0, 23, 2, 0, 0, 0, 0]);
    packer.end_of_rib(Family::Ipv6);
    assert_eq!(
        packer.take()[16..],
        [0, 29, 2, 0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1]
    );
}

#[test]
fn attributes_that_fill_a_message_withdraw_their_prefixes() {
    let mut packer = UpdatePacker::new(PLAIN);
    // 23 octets, 11 of ORIGIN and NEXT_HOP, 4 + 4 * 2 of AS_PATH, and 5 for a prefix leave 4045.
    let with_path = |numbers: u32| PathAttributes {
        as_path: AsPath::sequence((1..=numbers).map(Asn)),
        ..attributes("192.0.2.1")
    };
    let packed = packer.announce::<Ipv4>(&with_path(1_011), v4(3));
    assert_eq!((packed.announced, packed.withdrawn), (3, 0));
    assert!(
        lengths(&packer.take())
            .iter()
            .all(|length| *length <= 4_096)
    );
    for numbers in [1_012, 1_100, 40_000] {
        let packed = packer.announce::<Ipv4>(&with_path(numbers), v4(3));
        assert_eq!((packed.announced, packed.withdrawn), (0, 3));
        assert_eq!(lengths(&packer.take()), [23 + 3 * 4]);
    }
}

#[test]
fn prefixes_with_the_other_familys_next_hop_are_withdrawn() {
    let mut packer = UpdatePacker::new(PLAIN);
    let packed = packer.announce::<Ipv4>(&attributes("fd00::1"), v4(2));
    assert_eq!((packed.announced, packed.withdrawn), (0, 2));
    let packed = packer.announce::<Ipv6>(&attributes("192.0.2.1"), v6(2));
    assert_eq!((packed.announced, packed.withdrawn), (0, 2));
}

#[test]
fn ipv4_prefixes_go_with_an_ipv6_next_hop_where_that_was_agreed() {
    let mut packer = UpdatePacker::new(EncodeContext {
        extended_next_hop: true,
        ..PLAIN
    });
    let packed = packer.announce::<Ipv4>(&attributes("fd00::1"), v4(1));
    assert_eq!((packed.announced, packed.withdrawn), (1, 0));
    let octets = packer.take();
    assert_eq!(octets[23..30], [0x80, 14, 25, 0, 1, 1, 16]);
    assert!(octets[47..].starts_with(&[24, 10, 0, 0]), "{octets:?}");
}

#[test]
fn extended_messages_are_filled_to_65535_octets() {
    let mut packer = UpdatePacker::new(EncodeContext {
        extended_message: true,
        ..PLAIN
    });
    // 23 octets, 20 of attributes, then 4 for each prefix: 16373 fit 65535.
    packer.announce::<Ipv4>(&attributes("192.0.2.1"), v4(16_374));
    let octets = packer.take();
    let first = usize::from(u16::from_be_bytes([octets[16], octets[17]]));
    assert_eq!((first, octets.len() - first), (23 + 20 + 4 * 16_373, 47));
}

#[test]
fn no_prefixes_are_no_message() {
    let mut packer = UpdatePacker::new(PLAIN);
    packer.announce::<Ipv4>(&attributes("192.0.2.1"), v4(0));
    packer.withdraw::<Ipv6>(v6(0));
    assert!(packer.is_empty());
    assert_eq!(packer.take(), Bytes::new());
}

#[test]
fn calls_follow_each_other_at_message_boundaries() {
    let mut packer = UpdatePacker::new(PLAIN);
    packer.announce::<Ipv4>(&attributes("192.0.2.1"), v4(1));
    let boundary = packer.len();
    packer.announce::<Ipv6>(&attributes("fd00::1"), v6(1));
    let octets = packer.take();
    assert_eq!(messages(&octets[..boundary]).len(), 1);
    assert_eq!(messages(&octets[boundary..]).len(), 1);
    assert!(packer.is_empty());
}
