//! What is written reads back as it was meant; what is not ours does no harm.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::strategy::{
    attributes, next_hop_v4, next_hop_v6, nlri_v4, nlri_v6, notification, open, refresh,
};
use super::*;
use crate::net::{AddressFamily, Ipv4Prefix, Ipv6Prefix, PathId};

/// Terms on which both sides of a session agree.
fn terms(four_octet_as: bool, add_path: bool) -> (EncodeContext, DecodeContext) {
    let encode = EncodeContext {
        four_octet_as,
        add_path,
        ..EncodeContext::default()
    };
    let decode = DecodeContext {
        four_octet_as,
        add_path: PerFamily {
            ipv4: add_path,
            ipv6: add_path,
        },
        families: BOTH,
        external: false,
        extended_next_hop: false,
    };
    (encode, decode)
}

/// Packs, reads everything back and compares: each prefix once, in order, with equal attributes.
fn survives_packing<A: AddressFamily>(
    attributes: &PathAttributes,
    nlri: Vec<Nlri<A::Prefix>>,
    (four_octet_as, add_path): (bool, bool),
) -> Result<(), TestCaseError> {
    let (encode, decode) = terms(four_octet_as, add_path);
    let mut packer = UpdatePacker::new(encode);
    let packed = packer.announce::<A>(attributes, nlri.iter().copied());
    prop_assert_eq!(packed.announced, nlri.len());
    packer.withdraw::<A>(nlri.iter().copied());
    packer.end_of_rib(A::FAMILY);

    let mut framer = Framer::new();
    framer.extend(&packer.take());
    let (mut got, mut gone, mut end) = (Vec::new(), Vec::new(), None);
    while let Some(octets) = framer.next().expect("valid") {
        let update = read(&octets, &decode).expect("valid");
        prop_assert_eq!(&update.faults, &[]);
        for announced in &update.announced {
            prop_assert_eq!(&update.path(announced), attributes);
            got.extend(announced.nlri.iter::<A>());
        }
        gone.extend(update.withdrawn.iter().flat_map(|run| run.iter::<A>()));
        end = update.end_of_rib;
    }
    let sent: Vec<_> = nlri
        .into_iter()
        .map(|nlri| Nlri {
            path_id: if add_path { nlri.path_id } else { PathId(0) },
            ..nlri
        })
        .collect();
    prop_assert_eq!(&got, &sent);
    prop_assert_eq!(&gone, &sent);
    prop_assert_eq!(end, Some(A::FAMILY));
    Ok(())
}

/// Octets that mean something on their own: whole messages of every type.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let update = (attributes(), next_hop_v4(), next_hop_v6(), any::<bool>()).prop_map(
        |(attributes, v4, v6, use_v6)| {
            let mut packer = UpdatePacker::new(terms(true, false).0);
            let next_hop = if use_v6 { v6 } else { v4 };
            let attributes = PathAttributes {
                next_hop,
                ..attributes
            };
            if use_v6 {
                let prefix = Ipv6Prefix::new(1.into(), 64).expect("in range");
                packer.announce::<Ipv6>(&attributes, [Nlri::plain(prefix)]);
            } else {
                let prefix = Ipv4Prefix::new(1.into(), 24).expect("in range");
                packer.announce::<Ipv4>(&attributes, [Nlri::plain(prefix)]);
            }
            packer.take().to_vec()
        },
    );
    let encoded = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        out
    };
    prop_oneof![
        4 => update,
        2 => open().prop_map(move |open| encoded(&|out| open.encode(out))),
        1 => notification().prop_map(move |n| encoded(&|out| n.encode(out))),
        1 => refresh().prop_map(move |r| encoded(&|out| r.encode(out))),
    ]
}

proptest! {
    #[test]
    fn open_round_trips(open in open()) {
        let mut out = Vec::new();
        open.encode(&mut out);
        prop_assert_eq!(decode(&out, &INTERNAL), Ok(Message::Open(open)));
    }

    #[test]
    fn notification_round_trips(notification in notification()) {
        let mut out = Vec::new();
        notification.encode(&mut out);
        prop_assert!(!notification.to_string().contains('\n'));
        prop_assert_eq!(decode(&out, &INTERNAL), Ok(Message::Notification(notification)));
    }

    #[test]
    fn refresh_round_trips(refresh in refresh()) {
        let mut out = Vec::new();
        refresh.encode(&mut out);
        prop_assert_eq!(decode(&out, &INTERNAL), Ok(Message::RouteRefresh(refresh)));
    }

    #[test]
    fn ipv4_routes_round_trip(
        attributes in attributes(), next_hop in next_hop_v4(), nlri in nlri_v4(),
        terms: (bool, bool),
    ) {
        let attributes = PathAttributes { next_hop, ..attributes };
        survives_packing::<Ipv4>(&attributes, nlri, terms)?;
    }

    #[test]
    fn ipv6_routes_round_trip(
        attributes in attributes(), next_hop in next_hop_v6(), nlri in nlri_v6(),
        terms: (bool, bool),
    ) {
        let attributes = PathAttributes { next_hop, ..attributes };
        survives_packing::<Ipv6>(&attributes, nlri, terms)?;
    }

    #[test]
    fn attributes_are_written_in_ascending_order_at_the_length_foretold(
        attributes in attributes(), next_hop in next_hop_v4(), four_octet_as: bool,
    ) {
        let attributes = PathAttributes { next_hop, ..attributes };
        let mut out = Vec::new();
        attributes.encode(four_octet_as, &mut out);
        prop_assert_eq!(out.len(), attributes.encoded_length(four_octet_as));
        let (mut left, mut codes) = (&out[..], Vec::new());
        while let [flags, code, ..] = left {
            let (header, length) = if flags & 0x10 == 0 {
                (3, usize::from(left[2]))
            } else {
                (4, usize::from(u16::from_be_bytes([left[2], left[3]])))
            };
            prop_assert_eq!(header == 4, length > 255, "extended only where needed");
            codes.push(*code);
            left = &left[header + length..];
        }
        prop_assert!(codes.is_sorted_by(|one, next| one < next), "{:?}", codes);
    }

    #[test]
    fn arbitrary_octets_do_no_harm(data in vec(any::<u8>(), 0..300)) {
        fuzzing::framer(&data);
        fuzzing::message(&data);
        fuzzing::open(&data);
        fuzzing::update(&data);
    }

    #[test]
    fn damaged_messages_do_no_harm(
        message in any_message(),
        terms: u8,
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        cut in any::<Index>(),
        cut_it: bool,
    ) {
        let mut message = message;
        for (at, octet) in damage {
            let at = at.index(message.len());
            message[at] = octet;
        }
        let body: Vec<u8> = [&[terms], message.get(19..).unwrap_or_default()].concat();
        fuzzing::update(&body);
        fuzzing::open(&body[1..]);
        if cut_it {
            message.truncate(cut.index(message.len()));
        }
        message.insert(0, terms);
        fuzzing::message(&message);
        fuzzing::framer(&message);
    }
}
