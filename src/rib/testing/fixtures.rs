//! Prefixes, peers, policies and attributes for tests.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::net::{Asn, ClusterId, Family, PeerId, PerFamily, Prefix, RouterId};
use crate::policy::{Condition, NextHopMode, Policy, Rule, Then};
use crate::rib::{PeerSetup, SessionTerms};
use crate::wire::{AddPathDirection, AsPath, NextHop, PathAttributes};

pub(crate) fn accept_all() -> Arc<Policy> {
    Arc::new(Policy {
        name: "all".into(),
        rules: Vec::new(),
        otherwise: Then::Accept,
    })
}

pub(crate) fn both<T: Clone>(value: T) -> PerFamily<T> {
    PerFamily {
        ipv4: value.clone(),
        ipv6: value,
    }
}

pub(crate) fn prefix(text: &str) -> Prefix {
    text.parse().expect("a valid prefix")
}

/// The `n`th test prefix of a family.
pub(crate) fn nth(family: Family, n: u32) -> Prefix {
    match family {
        Family::Ipv4 => Prefix::new(Ipv4Addr::from(0x0a00_0000 + (n << 8)).into(), 24),
        Family::Ipv6 => Prefix::new(
            IpAddr::V6((0xfd00_u128 << 112 | u128::from(n) << 64).into()),
            64,
        ),
    }
    .expect("in range")
}

/// The address of peer `n` in a family.
pub(crate) fn address(family: Family, n: u32) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::from(0xc000_0200 + n).into(),
        Family::Ipv6 => IpAddr::V6((0x2001_0db8_u128 << 96 | u128::from(n)).into()),
    }
}

pub(crate) fn attributes(next_hop: IpAddr, path: &[u32]) -> PathAttributes {
    PathAttributes {
        as_path: AsPath::sequence(path.iter().map(|n| Asn(*n))),
        ..PathAttributes::originated(NextHop::from(next_hop))
    }
}

/// A peer whose number is its last address octet; this side is AS 64512 at .254.
pub(crate) fn peer(n: u32, external: bool, client: bool) -> PeerSetup {
    let cluster = ClusterId(Ipv4Addr::new(10, 0, 0, 254));
    PeerSetup {
        peer: PeerId(n),
        name: format!("peer {n}").into(),
        address: address(Family::Ipv4, n),
        local_as: Asn(64_512),
        remote_as: Asn(if external { 65_000 + n } else { 64_512 }),
        router_id: RouterId(Ipv4Addr::new(192, 0, 2, 254)),
        external,
        reflector_client: client.then_some(cluster),
        cluster_id: Some(cluster),
        next_hop_mode: NextHopMode::Auto,
        own_next_hop: PerFamily {
            ipv4: Some(address(Family::Ipv4, 254)),
            ipv6: Some(address(Family::Ipv6, 254)),
        },
        allowed_local_as: 0,
        import: both(accept_all()),
        export: both(accept_all()),
        prefix_limit: both(None),
        role: None,
        add_path_max: 16,
    }
}

pub(crate) fn terms(n: u32) -> SessionTerms {
    SessionTerms {
        local_address: None,
        peer: PeerId(n),
        peer_id: RouterId(Ipv4Addr::from(0xc000_0200 + n)),
        families: both(true),
        four_octet_as: true,
        add_path: both(AddPathDirection::default()),
        forwarding_preserved: both(true),
        stale_until: None,
        enhanced_refresh: false,
        extended_message: false,
        extended_next_hop: false,
    }
}

/// A policy that refuses one prefix.
pub(crate) fn refusing(text: &str) -> Arc<Policy> {
    let rule = Rule {
        name: "refused".into(),
        conditions: vec![Condition::Equals([prefix(text)].into())],
        edits: Vec::new(),
        then: Then::Reject,
    };
    Arc::new(Policy {
        name: format!("all but {text}").into(),
        rules: vec![rule],
        otherwise: Then::Accept,
    })
}
