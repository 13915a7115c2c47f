use proptest::prelude::*;

use super::*;
use crate::net::{Family, Prefix};
use crate::net::{Ipv4, Ipv4Prefix, Ipv6, PathId};
use crate::rib::testing::{address, attributes, nth};

const CONTEXT: EncodeContext = EncodeContext {
    four_octet_as: true,
    add_path: false,
    extended_message: false,
    extended_next_hop: false,
};

fn v4(n: u32) -> Nlri<Ipv4Prefix> {
    let path_id = PathId(0);
    match nth(Family::Ipv4, n) {
        Prefix::V4(prefix) => Nlri { prefix, path_id },
        Prefix::V6(_) => unreachable!("asked for IPv4"),
    }
}

fn nobody() -> Barred {
    Barred::new()
}

fn advertised(attributes: &Arc<PathAttributes>) -> Advertised {
    Advertised {
        path_id: PathId(0),
        attributes: Arc::clone(attributes),
        source: PeerId(1),
    }
}

fn shared(path: u32) -> Arc<PathAttributes> {
    Arc::new(attributes(address(Family::Ipv4, 1), &[path]))
}

#[test]
fn prefixes_with_equal_attributes_share_messages() {
    let mut batch = Batch::<Ipv4>::new(CONTEXT);
    let (one, two) = (shared(1), shared(2));
    for n in 0..100 {
        batch.announce(v4(n), if n % 2 == 0 { &one } else { &two }, &nobody());
    }
    let chunks = batch.pack(Version(3), Version(7));
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].prefixes, 100);
    assert_eq!(chunks[0].upto, Version(7));
    let messages = chunks[0]
        .bytes
        .windows(16)
        .filter(|w| **w == [0xff; 16])
        .count();
    assert_eq!(messages, 2);
}

#[test]
fn only_the_last_chunk_of_a_turn_moves_members_on() {
    let mut batch = Batch::<Ipv4>::new(CONTEXT);
    for n in 0..4096 {
        batch.announce(v4(n), &shared(n + 1), &Barred::from_iter([PeerId(n % 3)]));
    }
    batch.amend(PeerId(9), v4(5000));
    let chunks = batch.pack(Version(3), Version(7));
    assert!(chunks.len() > 2);
    let upto: Vec<_> = chunks.iter().map(|chunk| chunk.upto.0).collect();
    assert!(upto[..upto.len() - 1].iter().all(|version| *version == 3));
    assert_eq!(upto.last(), Some(&7));
    assert_eq!(chunks[0].amends.len(), 1);
    for chunk in &chunks {
        assert!(chunk.bytes.len() <= CHUNK_BYTES_MAX);
        assert!(
            chunk
                .marks
                .windows(2)
                .all(|pair| pair[0].end <= pair[1].start)
        );
        let marked: u32 = chunk.marks.iter().map(|mark| mark.end - mark.start).sum();
        assert_eq!(marked as usize, chunk.bytes.len());
    }
}

#[test]
fn an_empty_batch_is_no_chunk() {
    let chunks = Batch::<Ipv6>::new(CONTEXT).pack(Version(1), Version(1));
    assert!(chunks.is_empty());
}

proptest! {
    #[test]
    fn a_batch_with_room_fits_one_chunk(
        paths in prop::collection::vec((prop_oneof![9 => 1usize..400, 1 => 400usize..6000], any::<bool>()), 1..40),
        add_path: bool,
        four_octet_as: bool,
        extended_message: bool,
    ) {
        let context = EncodeContext {
            four_octet_as,
            add_path,
            extended_message,
            ..EncodeContext::default()
        };
        let mut batch = Batch::<Ipv4>::new(context);
        let mut n = 0;
        'full: for (length, withdraw) in paths.iter().cycle() {
            let path: Vec<u32> = (1..=u32::try_from(*length).expect("small")).collect();
            let attributes = Arc::new(attributes(address(Family::Ipv4, 1), &path));
            for _ in 0..50 {
                let path = advertised(&attributes);
                let (announced, withdrawn) = match withdraw {
                    true => (&[][..], 1),
                    false => (std::slice::from_ref(&path), 0),
                };
                if !batch.has_room_for(announced, withdrawn) {
                    break 'full;
                }
                if *withdraw {
                    batch.withdraw(v4(n));
                } else {
                    batch.announce(v4(n), &attributes, &nobody());
                }
                n += 1;
            }
        }
        prop_assert!(n > 0);
        let octets = batch.octets;
        let chunks = batch.pack(Version(1), Version(1));
        prop_assert_eq!(chunks.len(), 1);
        prop_assert!(chunks[0].bytes.len() <= octets);
        prop_assert!(chunks[0].bytes.len() <= CHUNK_BYTES_MAX);
    }
}
