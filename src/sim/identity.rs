//! Who a speaker is, and how far others are from it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::{Asn, ClusterId, Family, RouterId};
use crate::rib::NextHopState;

/// Who a speaker is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) index: usize,
    pub(super) asn: Asn,
    pub(super) router_id: RouterId,
    pub(super) cluster_id: Option<ClusterId>,
}

impl Identity {
    /// The address in a family; also the next hop of what the speaker originates.
    pub(super) fn address(&self, family: Family) -> IpAddr {
        let number = u16::try_from(self.index + 1).expect("fewer speakers");
        let [high, low] = number.to_be_bytes();
        match family {
            Family::Ipv4 => Ipv4Addr::new(172, 16, high, low).into(),
            Family::Ipv6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number).into(),
        }
    }

    /// The address of one of the sources behind the speaker, in a family.
    pub(super) fn source_address(&self, source: usize, family: Family) -> IpAddr {
        let number = u16::try_from(self.index * 4 + source).expect("fewer speakers");
        let [high, low] = number.to_be_bytes();
        match family {
            Family::Ipv4 => Ipv4Addr::new(192, 18, high, low).into(),
            Family::Ipv6 => Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, number).into(),
        }
    }
}

/// What a speaker knows of the ways to next hops: any function will do that can be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Speakers with equal seeds agree; another seed is another state of the network.
    pub seed: u64,
    /// Whether some addresses cannot be reached.
    pub some_unreachable: bool,
}

impl Costs {
    /// The state of an address.
    pub(super) fn to(self, address: IpAddr) -> NextHopState {
        let last = match address {
            IpAddr::V4(address) => u64::from(address.to_bits() & 0xffff),
            IpAddr::V6(address) => u64::from(address.segments()[7]),
        };
        let mixed = (last + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.seed;
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40;
        if self.some_unreachable && mixed.is_multiple_of(7) {
            return NextHopState::Unreachable;
        }
        let metric = u32::try_from(mixed / 7 % 4).expect("below four");
        NextHopState::Reachable { metric }
    }
}
