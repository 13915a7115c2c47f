//! What speakers announce, encoded before any clock runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use calidris::net::{Asn, Ipv4, Ipv4Prefix};
use calidris::wire::{AsPath, NextHop, Nlri, PathAttributes, UpdatePacker};

use crate::generator::Octets;
use crate::streams::{Blocks, Sets, WRITER, full_table, pack};

/// Sets of attributes, each with its prefixes, which are all different.
pub(crate) type Routes = Sets<Ipv4>;

/// So many prefixes like those of a full table, about seven to a set.
pub(crate) fn table(prefixes: usize) -> Routes {
    let messages = u32::try_from(prefixes / 5).expect("few enough");
    let mut seen = BTreeSet::new();
    let mut routes = Routes::new();
    for (attributes, mut nlri) in full_table(messages.max(100)) {
        nlri.retain(|nlri| {
            seen.len() < prefixes && is_routable(nlri.prefix) && seen.insert(nlri.prefix)
        });
        if !nlri.is_empty() {
            routes.push((attributes, nlri));
        }
    }
    assert_eq!(seen.len(), prefixes, "the stream is long enough");
    routes
}

/// Whether no speaker may refuse the prefix for what it is.
fn is_routable(prefix: Ipv4Prefix) -> bool {
    let [first, second, ..] = prefix.address().octets();
    !matches!((first, second), (127, _) | (169, 254) | (10, _))
}

/// The blocks of one of a reflector's clients.
pub(crate) fn blocks(client: u32, count: u32, next_hop: NextHop) -> Routes {
    let attributes = PathAttributes {
        local_pref: Some(100),
        ..PathAttributes::originated(next_hop)
    };
    let blocks = (0..count).map(|block| Nlri::plain(Ipv4::block(count * client + block)));
    vec![(attributes, blocks.collect())]
}

/// Announces routes, each set edited by the sender.
pub(crate) fn announce(
    routes: &Routes,
    mut edit: impl FnMut(usize, &mut PathAttributes),
) -> Octets {
    let mut packer = UpdatePacker::new(WRITER);
    let mut octets = Vec::new();
    for (number, (attributes, nlri)) in routes.iter().enumerate() {
        let mut attributes = attributes.clone();
        edit(number, &mut attributes);
        packer.announce::<Ipv4>(&attributes, nlri.iter().copied());
        if packer.len() > PIECE {
            octets.extend_from_slice(&packer.take());
        }
    }
    octets.extend_from_slice(&packer.take());
    Arc::new(octets)
}

/// Announces routes as they are.
pub(crate) fn announce_plainly(routes: &Routes) -> Octets {
    let mut octets = Vec::new();
    pack::<Ipv4>(&mut UpdatePacker::new(WRITER), routes, |piece| {
        octets.extend_from_slice(piece);
    });
    Arc::new(octets)
}

/// Withdraws routes.
pub(crate) fn withdraw(routes: &Routes) -> Octets {
    let mut packer = UpdatePacker::new(WRITER);
    let mut octets = Vec::new();
    for part in routes.chunks(1_000) {
        packer.withdraw::<Ipv4>(part.iter().flat_map(|(_, nlri)| nlri.iter().copied()));
        octets.extend_from_slice(&packer.take());
    }
    Arc::new(octets)
}

/// As a speaker of another AS would say it: its number in front `times` times, itself the next hop.
pub(crate) fn external(attributes: &mut PathAttributes, asn: u32, next_hop: NextHop, times: usize) {
    let numbers = std::iter::repeat_n(Asn(asn), times).chain(attributes.as_path.numbers());
    attributes.as_path = AsPath::sequence(numbers.collect::<Vec<_>>());
    attributes.next_hop = next_hop;
    attributes.local_pref = None;
}

const PIECE: usize = 60_000;
