//! The benchmark's judgement of what receivers hear: a wrong route must not count as right.

#[path = "../../benches/peers/generator/digest.rs"]
#[expect(dead_code, reason = "recordings of external peers need the rest")]
mod digest;
#[path = "../../benches/peers/generator/expect.rs"]
mod expect;
#[path = "../../benches/peers/generator/parse.rs"]
#[expect(dead_code, reason = "the rest is for connections")]
mod parse;

use std::net::Ipv4Addr;

use calidris::net::{Asn, ClusterId, Ipv4, Ipv4Prefix, RouterId};
use calidris::wire::{
    AsPath, Community, EncodeContext, NextHop, Nlri, PathAttributes, UpdatePacker,
};
use digest::{Passage, seen, wanted};
use expect::{Expectation, Heard, Index};
use parse::{Key, Prefixes, parts, text};

const SENDER: Ipv4Addr = Ipv4Addr::new(10, 9, 1, 1);
const CLUSTER: Ipv4Addr = Ipv4Addr::new(244, 0, 0, 1);
const THROUGH: u32 = 64_900;

/// A set as its sender encodes it.
fn plain() -> PathAttributes {
    PathAttributes {
        as_path: AsPath::sequence([Asn(64_901), Asn(3_000), Asn(200_000)]),
        local_pref: Some(100),
        communities: [Community(7), Community(9)].into(),
        ..PathAttributes::originated(NextHop::V4(SENDER))
    }
}

/// The UPDATE with a set and some prefixes.
fn update(attributes: &PathAttributes, prefixes: &[(u32, u8)]) -> Vec<u8> {
    let mut packer = UpdatePacker::new(EncodeContext {
        four_octet_as: true,
        ..EncodeContext::default()
    });
    let prefix = |&(bits, length): &(u32, u8)| {
        Nlri::plain(Ipv4Prefix::new(bits.into(), length).expect("a length of at most 32"))
    };
    packer.announce::<Ipv4>(attributes, prefixes.iter().map(prefix));
    packer.take().to_vec()
}

fn octets(attributes: &PathAttributes) -> Vec<u8> {
    let message = update(attributes, &[(0x0a00_0000, 8)]);
    parts(&message).expect("an UPDATE").attributes.to_vec()
}

fn passes(sent: &PathAttributes, heard: &PathAttributes, passage: Passage) -> bool {
    let wanted = wanted(&octets(sent), passage, Some((SENDER, CLUSTER)));
    wanted == seen(&octets(heard), passage)
}

#[test]
fn what_changes_on_the_way_is_noticed() {
    let changes: [fn(&mut PathAttributes); 5] = [
        |set| set.as_path = AsPath::sequence([Asn(64_901), Asn(3_001), Asn(200_000)]),
        |set| set.med = Some(1),
        |set| set.local_pref = Some(101),
        |set| set.communities = [Community(7)].into(),
        |set| set.next_hop = NextHop::V4([10, 9, 1, 2].into()),
    ];
    assert!(passes(&plain(), &plain(), Passage::Copied));
    for change in changes {
        let mut changed = plain();
        change(&mut changed);
        assert!(!passes(&plain(), &changed, Passage::Copied));
    }
}

#[test]
fn the_order_of_communities_does_not_matter() {
    let mut turned = plain();
    turned.communities = [Community(9), Community(7)].into();
    assert!(passes(&plain(), &turned, Passage::Copied));
}

#[test]
fn a_reflected_route_needs_its_originator_and_the_cluster() {
    let mut reflected = plain();
    assert!(!passes(&plain(), &reflected, Passage::Reflected));
    reflected
        .rare
        .edit(|rare| rare.originator_id = Some(RouterId(SENDER)));
    assert!(!passes(&plain(), &reflected, Passage::Reflected));
    reflected
        .rare
        .edit(|rare| rare.cluster_list = [ClusterId(CLUSTER)].into());
    assert!(passes(&plain(), &reflected, Passage::Reflected));
    // A second reflector leaves the originator and puts its cluster in front.
    let before = reflected.clone();
    reflected
        .rare
        .edit(|rare| rare.cluster_list = [ClusterId(CLUSTER); 2].into());
    assert!(passes(&before, &reflected, Passage::Reflected));
    assert!(!passes(&before, &before, Passage::Reflected));
}

#[test]
fn an_external_route_needs_the_as_it_went_through() {
    let passage = Passage::External { through: THROUGH };
    let mut heard = plain();
    heard.local_pref = None;
    heard.next_hop = NextHop::V4([10, 9, 0, 1].into());
    assert!(!passes(&plain(), &heard, passage));
    heard.as_path = plain().as_path.prepend(Asn(THROUGH + 1));
    assert!(!passes(&plain(), &heard, passage));
    heard.as_path = plain().as_path.prepend(Asn(THROUGH));
    assert!(passes(&plain(), &heard, passage));
}

#[test]
fn prefixes_of_every_length_are_read() {
    let prefixes: Vec<(u32, u8)> = (0..=32)
        .map(|length| match length {
            0 => (0, 0),
            _ => (0xffff_ffff << (32 - length), length),
        })
        .map(|(bits, length)| (bits, u8::try_from(length).expect("at most 32")))
        .collect();
    let message = update(&plain(), &prefixes);
    let mut read: Vec<Key> = Prefixes(parts(&message).expect("an UPDATE").announced).collect();
    read.sort_by_key(|key| key & 0xff);
    let sent = prefixes
        .iter()
        .map(|(bits, length)| u64::from(*bits) << 8 | u64::from(*length));
    assert_eq!(read, sent.collect::<Vec<_>>());
    assert_eq!(text(read[9]), "255.128.0.0/9");
}

#[test]
fn every_prefix_keeps_its_number() {
    let mut index = Index::default();
    let key = |number: u64| ((number * 0x1_0000_0000 / 7) << 8) | 24;
    for number in 0..5_000 {
        assert_eq!(index.add(key(number)) as u64, number);
    }
    for number in 0..5_000 {
        assert_eq!(
            index.find(key(number)).map(|number| number as u64),
            Some(number)
        );
        assert_eq!(
            index.key(usize::try_from(number).expect("small")),
            key(number)
        );
    }
    assert_eq!(index.find(key(5_000)), None);
    assert_eq!(index.len(), 5_000);
}

#[test]
fn a_receiver_is_done_when_each_prefix_is_right() {
    let (first, second, own) = (1 << 8 | 24, 2 << 8 | 24, 3 << 8 | 24);
    let mut expectation = Expectation::default();
    for key in [first, second, own] {
        expectation.know(key);
    }
    expectation.own(2, 0);
    expectation.set(0, 77);
    expectation.set(2, 78);
    let mut heard = Heard::nothing(0, &expectation);
    assert_eq!(heard.wrong, 1);
    assert_eq!(heard.first_wrong(3), Some(0));
    assert!(!expectation.holds(0, 0, 76));
    assert!(!expectation.holds(0, 1, 77), "no route is expected");
    assert!(expectation.holds(0, 2, 5), "its own");
    assert!(expectation.holds(0, 0, 77));
    heard.mark(0, true);
    heard.mark(0, true);
    assert_eq!(heard.wrong, 0);
    heard.mark(0, false);
    assert_eq!(heard.wrong, 1);
    expectation.accept(0, vec![80]);
    assert!(expectation.holds(0, 0, 80));
}
