//! The body of the fuzz target that edits attributes on their way from one peer to another.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::Exporter;
use crate::net::{AddressFamily, ClusterId, Ipv4, Ipv6, PathId, PerFamily, RouterId};
use crate::policy::{Condition, Edit, NextHopMode, Policy, Rule, Then};
use crate::rib::path::{Epoch, Imported, Path};
use crate::rib::peers::PeerSlot;
use crate::rib::shared::Shared;
use crate::rib::testing::{peer, terms};
use crate::rib::update_group::GroupKey;
use crate::rib::{PeerSetup, ShardOptions};
use crate::wire::fuzzing::Draw;
use crate::wire::{
    Community, DecodeContext, Framer, LargeCommunity, Message, MessageKind, PathAttributes, Update,
    UpdatePacker, decode,
};

/// An UPDATE's body from one peer, behind octets that choose who the peers are and what the export
/// policy edits: what the other peer is sent is the edit, and reads back as that.
pub fn attribute_edit(data: &[u8]) {
    let mut draw = Draw::new(data);
    let route = Route::chosen(&mut draw);
    let body = draw.rest();
    let mut octets = vec![0xff; 16];
    let Ok(length) = u16::try_from(19 + body.len()) else {
        return;
    };
    octets.extend_from_slice(&length.to_be_bytes());
    octets.push(MessageKind::Update.wire());
    octets.extend_from_slice(body);
    let Ok(Message::Update(update)) = decode(&octets, &route.reader()) else {
        return;
    };
    route.export::<Ipv4>(&update);
    route.export::<Ipv6>(&update);
}

/// From whom, to whom, and how.
struct Route {
    /// The announcing peer; `None` for the speaker itself.
    from: Option<PeerSetup>,
    to: PeerSetup,
    /// Whether the announcing peer and the other one have four-octet AS numbers.
    four_octet_as: (bool, bool),
    add_path: bool,
    edits: Vec<Edit>,
}

impl Route {
    fn chosen(draw: &mut Draw<'_>) -> Self {
        let switches = draw.octet();
        let bit = |bit: u8| switches & 1 << bit != 0;
        let edits = draw.list(4, |draw| match draw.below(4) {
            0 => Edit::LocalPref(draw.long()),
            1 => Edit::Preference(draw.long()),
            2 => Edit::AddCommunity(Community(draw.long())),
            _ => Edit::AddLargeCommunity(LargeCommunity([draw.long(), 1, 2])),
        });
        let rule = Rule {
            name: "edits".into(),
            conditions: draw
                .option(|draw| Condition::LocalPrefAbove(draw.long()))
                .into_iter()
                .collect(),
            edits: edits.clone(),
            then: if draw.flag() {
                Then::Next
            } else {
                Then::Accept
            },
        };
        let export = Arc::new(Policy {
            name: "chosen".into(),
            rules: vec![rule],
            otherwise: Then::Accept,
        });
        let mode = [NextHopMode::Auto, NextHopMode::Own, NextHopMode::Keep][draw.below(3)];
        Self {
            from: (!bit(0)).then(|| peer(1, bit(1), bit(2))),
            to: PeerSetup {
                next_hop_mode: mode,
                export: PerFamily {
                    ipv4: Arc::clone(&export),
                    ipv6: export,
                },
                ..peer(2, bit(3), bit(4))
            },
            four_octet_as: (bit(5), bit(6)),
            add_path: bit(7),
            edits,
        }
    }

    /// How the announcing peer's messages are read.
    fn reader(&self) -> DecodeContext {
        DecodeContext {
            four_octet_as: self.four_octet_as.0,
            families: PerFamily {
                ipv4: true,
                ipv6: true,
            },
            external: self.from.as_ref().is_some_and(|from| from.external),
            ..DecodeContext::BEFORE_OPEN
        }
    }

    fn export<A: AddressFamily>(&self, update: &Update<'_>) {
        let mut shared = Shared::new(ShardOptions::default());
        let source = self.from.clone().map_or(PeerSlot::LOCAL, |from| {
            let slot = shared.peers.add(from).expect("there is room for one");
            shared.peers.get_mut(slot).router_id = RouterId(SOURCE_ID);
            slot
        });
        let mut terms = terms(2);
        terms.four_octet_as = self.four_octet_as.1;
        terms.add_path.get_mut(A::FAMILY).send = self.add_path;
        let key = GroupKey::of(&self.to, &terms, A::FAMILY);
        for announced in update
            .announced
            .iter()
            .filter(|a| a.nlri.family == A::FAMILY)
        {
            let received = shared.interner.intern(Arc::new(update.path(announced)));
            let path = Path::new(
                received,
                Imported::AsReceived,
                source,
                PathId(0),
                Epoch::default(),
            );
            let Some(first) = announced.nlri.iter::<A>().next() else {
                continue;
            };
            let mut exporter = Exporter::new(&key, A::FAMILY, &mut shared);
            let Some(sent) = exporter.export(first.prefix.into(), &path) else {
                continue;
            };
            self.check_edit(path.attributes(), &sent);
            let mut packer = UpdatePacker::new(key.encode);
            let packed = packer.announce::<A>(&sent, announced.nlri.iter::<A>());
            assert_eq!(packed.announced + packed.withdrawn, announced.nlri.len());
            self.check_octets::<A>(&packer.take(), &sent, packed.announced);
        }
    }

    /// What every edit has to be, whatever the policy says.
    fn check_edit(&self, before: &PathAttributes, after: &PathAttributes) {
        let next_hop = after.next_hop.address();
        assert!(
            next_hop.is_some(),
            "a next hop is set before a route is sent"
        );
        assert_eq!(
            after.rare.unknown, before.rare.unknown,
            "what is not understood passes through"
        );
        assert_eq!(after.origin, before.origin);
        if self.to.external {
            assert_eq!(after.as_path, before.as_path.prepend(self.to.local_as));
            assert_eq!((after.local_pref, after.rare.originator_id), (None, None));
            assert!(after.rare.cluster_list.is_empty());
            return;
        }
        assert_eq!(after.as_path, before.as_path);
        assert!(after.local_pref.is_some());
        if self.from.as_ref().is_some_and(|from| !from.external) {
            // RFC 4456 §8: who announced it first, and every cluster on the way.
            let originator = before.rare.originator_id.unwrap_or(RouterId(SOURCE_ID));
            assert_eq!(after.rare.originator_id, Some(originator));
            let (nearest, rest) = after
                .rare
                .cluster_list
                .split_first()
                .expect("one is put in front");
            assert_eq!((*nearest, rest), (CLUSTER, &*before.rare.cluster_list));
        }
        if next_hop != before.next_hop.address() {
            assert!(OWN.contains(&next_hop));
        }
    }

    /// The edits that the policy made can be told from what is sent.
    fn check_octets<A: AddressFamily>(&self, octets: &[u8], sent: &PathAttributes, count: usize) {
        let reader = DecodeContext {
            four_octet_as: self.four_octet_as.1,
            add_path: PerFamily {
                ipv4: self.add_path,
                ipv6: self.add_path,
            },
            external: self.to.external,
            ..self.reader()
        };
        let mut framer = Framer::new();
        framer.extend(octets);
        let mut announced = 0;
        while let Some(message) = framer.next().expect("our own messages are in order") {
            let Ok(Message::Update(update)) = decode(&message, &reader) else {
                unreachable!("a packer writes UPDATEs");
            };
            assert_eq!(update.faults, []);
            for again in &update.announced {
                assert_eq!(update.path(again), *sent);
                announced += again.nlri.iter::<A>().count();
            }
        }
        assert_eq!((announced, framer.buffered()), (count, 0));
        let kept = |edit: &Edit| match edit {
            Edit::AddCommunity(community) => sent.has_community(*community),
            Edit::AddLargeCommunity(community) => sent.rare.large_communities.contains(community),
            Edit::LocalPref(_) | Edit::Preference(_) => true,
        };
        let all = self.edits.iter().all(kept);
        let unconditional = self
            .to
            .export
            .ipv4
            .rules
            .iter()
            .all(|rule| rule.conditions.is_empty());
        assert!(all || !unconditional, "an edit is lost");
    }
}

/// The announcing peer's BGP Identifier.
const SOURCE_ID: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// This side's cluster, and its addresses, as the fixtures have them.
const CLUSTER: ClusterId = ClusterId(Ipv4Addr::new(10, 0, 0, 254));
const OWN: [Option<IpAddr>; 2] = [
    Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254))),
    Some(IpAddr::V6(std::net::Ipv6Addr::new(
        0x2001, 0xdb8, 0, 0, 0, 0, 0, 254,
    ))),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::testing::{Seeds, check_corpus};

    /// No edit; then no condition, the end of the rule, and a next-hop mode.
    const AS_IT_IS: [u8; 4] = [0, 0, 0, 0];
    /// LOCAL_PREF, a community and a large one; only above LOCAL_PREF 9; next-hop self.
    const EDITED: [u8; 22] = [
        3, 0, 0, 0, 1, 44, 2, 0xfb, 0xf0, 0, 100, 3, 0, 0, 0xfb, 0xf0, 1, 0, 0, 0, 9, 0,
    ];

    const ROUTE: &[u8] = &[
        0, 0, 0, 27, 0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9, 0x40, 3, 4, 192, 0, 2, 1,
        0x80, 4, 4, 0, 0, 0, 7, 26, 10, 65, 3, 64, 16, 10, 66,
    ];
    const REFLECTED: &[u8] = &[
        0, 0, 0, 48, 0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, 192, 0, 2, 3, 0x40, 5, 4, 0, 0, 0, 100,
        0xc0, 8, 4, 0xff, 0xff, 0xff, 0x01, 0x80, 9, 4, 192, 0, 2, 9, 0x80, 10, 8, 10, 0, 0, 1, 10,
        0, 0, 2, 0xc0, 99, 0, 26, 10, 65, 3, 64,
    ];
    const IPV6: &[u8] = &[
        0, 0, 0, 45, 0x80, 14, 29, 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 1, 0, 48, 0xfd, 0, 0, 1, 0, 2, 0, 0x40, 1, 1, 2, 0x40, 2, 6, 2, 1, 0, 1, 0x11, 0x70,
    ];

    fn seeds() -> Seeds {
        let names = [
            ("from-self", 0b0110_0001, [ROUTE, IPV6]),
            ("external-to-internal", 0b0110_0010, [ROUTE, IPV6]),
            ("external-to-external", 0b0110_1010, [ROUTE, IPV6]),
            ("internal-to-external", 0b0110_1000, [REFLECTED, IPV6]),
            ("client-to-client", 0b0111_0100, [REFLECTED, IPV6]),
            ("client-to-other", 0b0110_0100, [REFLECTED, ROUTE]),
            ("old-to-new", 0b0100_1010, [ROUTE, REFLECTED]),
            ("new-to-old-add-path", 0b1010_1010, [ROUTE, IPV6]),
        ];
        let mut seeds = Seeds::new();
        for (name, switches, [first, second]) in names {
            let edited = [&[switches][..], &EDITED, second].concat();
            seeds.push((name, [&[switches][..], &AS_IT_IS, first].concat()));
            seeds.push((Box::leak(format!("{name}-edited").into()), edited));
        }
        seeds
    }

    #[test]
    fn the_corpus_does_no_harm() {
        check_corpus("attribute_edit", seeds(), attribute_edit);
    }

    #[test]
    fn seeds_are_exported() {
        let route = Route::chosen(&mut Draw::new(&[&[0b0110_0010][..], &EDITED].concat()));
        assert_eq!(route.edits.len(), 3);
        assert_eq!(route.to.next_hop_mode, NextHopMode::Auto);
    }
}
