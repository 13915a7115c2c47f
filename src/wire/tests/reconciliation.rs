//! Paths of four-octet numbers that travel through a speaker of two (RFC 6793 §4.2).

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::strategy::asn;
use super::*;
use crate::net::Asn;

const AS_PATH_CODE: u8 = 2;

/// The attributes of a list, each with its header.
fn split(list: &[u8]) -> Vec<&[u8]> {
    let (mut left, mut attributes) = (list, Vec::new());
    while let [flags, _, ..] = left {
        let length = if flags & 0x10 == 0 {
            3 + usize::from(left[2])
        } else {
            4 + usize::from(u16::from_be_bytes([left[2], left[3]]))
        };
        let (one, rest) = left.split_at(length);
        attributes.push(one);
        left = rest;
    }
    attributes
}

/// What a speaker that knows two octets only makes of a list: it prepends its number to AS_PATH, and
/// hands on what it does not understand with the Partial bit set.
fn through_old_speaker(list: &[u8], own: u16) -> Vec<u8> {
    let mut out = Vec::new();
    for attribute in split(list) {
        let header = if attribute[0] & 0x10 == 0 { 3 } else { 4 };
        let (head, value) = attribute.split_at(header);
        match head[1] {
            AS_PATH_CODE => {
                let mut path = vec![2, 1];
                path.extend_from_slice(&own.to_be_bytes());
                match value {
                    [2, count @ ..=254, numbers @ ..] => {
                        path[1] = count + 1;
                        path.extend_from_slice(numbers);
                    }
                    _ => path.extend_from_slice(value),
                }
                out.extend_from_slice(&[0x50, AS_PATH_CODE]);
                let length = u16::try_from(path.len()).expect("short");
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(&path);
            }
            17 | 18 => {
                out.push(head[0] | 0x20);
                out.extend_from_slice(&attribute[1..]);
            }
            _ => out.extend_from_slice(attribute),
        }
    }
    out
}

proptest! {
    #[test]
    fn what_a_new_speaker_sends_through_old_ones_comes_back(
        path in vec(asn(), 0..300),
        aggregator in option::of(asn()),
        old in vec(1u16.., 1..5),
    ) {
        let attributes = PathAttributes {
            as_path: AsPath::sequence(path.iter().copied()),
            rare: RareAttributes {
                aggregator: aggregator.map(|asn| Aggregator { asn, router_id: [192, 0, 2, 9].into() }),
                ..RareAttributes::default()
            }
            .into(),
            ..PathAttributes::originated(NextHop::V4([192, 0, 2, 1].into()))
        };
        let mut list = Vec::new();
        attributes.encode(false, &mut list);
        for own in &old {
            list = through_old_speaker(&list, *own);
        }
        let octets = update(&[], &[&list], NLRI);
        let update = read(&octets, &OLD).expect("in order");
        prop_assert_eq!(&update.faults, &[]);
        let got = path_of(&update);
        let passed = old.iter().rev().map(|own| Asn((*own).into()));
        let wanted: Vec<Asn> = passed.chain(path).collect();
        prop_assert_eq!(got.as_path.numbers().collect::<Vec<_>>(), wanted);
        prop_assert_eq!(got.rare.aggregator, attributes.rare.aggregator);
        prop_assert_eq!(&*got.rare.unknown, &[], "AS4_PATH and AS4_AGGREGATOR are used up");
    }
}
