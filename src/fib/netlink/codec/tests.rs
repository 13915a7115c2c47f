use netlink_packet_core::{Emitable, NetlinkBuffer};
use proptest::prelude::*;

use super::*;

fn arbitrary_route() -> impl Strategy<Value = KernelRoute> {
    let hop = (
        any::<bool>(),
        any::<u32>(),
        1u32..9,
        any::<bool>(),
        1u16..=256,
    );
    let hops = proptest::collection::vec(hop, 0..5);
    (
        any::<(bool, u128)>(),
        0u8..=32,
        hops,
        any::<bool>(),
        1u32..9999,
        any::<u8>(),
    )
        .prop_map(|((v6, bits), length, hops, blackhole, metric, protocol)| {
            let address = if v6 {
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            } else {
                IpAddr::V4(Ipv4Addr::from_bits(
                    u32::try_from(bits >> 96).expect("32 bits"),
                ))
            };
            let hops = hops
                .into_iter()
                .map(|(v6_gateway, bits, oif, onlink, weight)| {
                    let gateway = if v6 || v6_gateway {
                        IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits)))
                    } else {
                        IpAddr::V4(Ipv4Addr::from_bits(bits))
                    };
                    KernelNextHop {
                        gateway: Some(gateway),
                        oif,
                        onlink,
                        weight,
                    }
                });
            let kind = match KernelRouteKind::unicast(hops) {
                kind if !kind.hops().is_empty() => kind,
                _ if blackhole => KernelRouteKind::Blackhole,
                _ => KernelRouteKind::Unreachable,
            };
            KernelRoute {
                prefix: Prefix::new(address, length).expect("32 fits both"),
                kind,
                metric,
                protocol,
                table: 254,
                has_extras: false,
            }
        })
}

proptest! {
    #[test]
    fn routes_survive_the_way_to_the_kernel_and_back(wanted in arbitrary_route()) {
        let mut bytes = Vec::new();
        encode(&Op::Add(wanted.clone()), 7, true, &mut bytes);
        let buffer = NetlinkBuffer::new_checked(&bytes[..]).expect("a message");
        prop_assert_eq!(buffer.sequence_number(), 7);
        let event = decode(buffer.message_type(), buffer.flags(), buffer.payload());
        prop_assert_eq!(event, Some(Event::Route { route: wanted, replaces: false }));
    }

    #[test]
    fn no_octets_make_the_decoder_panic(
        kind in 16u16..30, payload in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let _ = decode(kind, 0, &payload);
        let _ = outcome(&payload);
    }
}

#[test]
fn a_port_that_leaves_a_bridge_is_no_link_that_goes() {
    let mut payload = vec![0; LINK_HEADER];
    payload[4] = 3;
    payload.extend([9, 0, 3, 0, b'e', b't', b'h', b'0', 0, 0, 0, 0]);
    let gone = decode(RTM_DELLINK, 0, &payload);
    assert_eq!(gone, Some(Event::LinkGone(3)));
    payload[0] = u8::try_from(libc::AF_BRIDGE).expect("a family is an octet");
    assert_eq!(decode(RTM_DELLINK, 0, &payload), None);
}

#[test]
fn routes_with_a_type_of_service_are_not_ours_to_judge() {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.tos = 8;
    let mut payload = vec![0; message.buffer_len()];
    message.emit(&mut payload);
    assert_eq!(decode(RTM_NEWROUTE, 0, &payload), None);
}
