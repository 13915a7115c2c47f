//! Node: the addresses, AS number and reflector role of a machine.

use std::net::{IpAddr, Ipv4Addr};

use super::metadata::Metadata;
use super::read::{FieldError, Object, ZeroAsn};
use crate::net::{Asn, ClusterId, Family, PerFamily, Prefix};

/// A Node, as far as BGP reads it (spec/calico.md §1.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name, labels, annotations.
    pub metadata: Metadata,
    /// `spec.bgp.asNumber`; `None` means the global one.
    pub asn: Option<Asn>,
    /// `spec.bgp.ipv4Address` and `ipv6Address`.
    pub addresses: PerFamily<Option<NodeAddress>>,
    /// `spec.bgp.routeReflectorClusterID`; set makes the node a route reflector.
    pub cluster_id: Option<ClusterId>,
    /// `spec.wireguard.interfaceIPv4Address` and `interfaceIPv6Address`.
    pub wireguard: PerFamily<Option<IpAddr>>,
}

/// A node's address and the network that it lies in; without a mask, a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeAddress {
    /// The address.
    pub address: IpAddr,
    /// The masked network.
    pub network: Prefix,
}

impl Node {
    /// Reads a Node.
    pub(super) fn read(root: &Object<'_>) -> Result<Self, FieldError> {
        let spec = root.object("spec")?;
        let bgp = spec.object("bgp")?;
        let wireguard = spec.object("wireguard")?;
        Ok(Self {
            metadata: Metadata::read(root)?,
            asn: bgp.asn("asNumber", ZeroAsn::Refused)?,
            addresses: PerFamily {
                ipv4: node_address(&bgp, "ipv4Address", Family::Ipv4)?,
                ipv6: node_address(&bgp, "ipv6Address", Family::Ipv6)?,
            },
            cluster_id: bgp.parsed("routeReflectorClusterID", CLUSTER_ID_ALLOWED, |text| {
                text.parse::<Ipv4Addr>().ok().map(ClusterId)
            })?,
            wireguard: PerFamily {
                ipv4: wireguard.address("interfaceIPv4Address")?,
                ipv6: wireguard.address("interfaceIPv6Address")?,
            },
        })
    }

    /// The node's address of one family.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.get(family).map(|found| found.address)
    }
}

const CLUSTER_ID_ALLOWED: &str = "a cluster id in the form of an IPv4 address, such as 244.0.0.1";

fn node_address(
    bgp: &Object<'_>,
    key: &str,
    family: Family,
) -> Result<Option<NodeAddress>, FieldError> {
    let allowed = match family {
        Family::Ipv4 => "an IPv4 address, with or without a mask, such as 192.0.2.11/24",
        Family::Ipv6 => "an IPv6 address, with or without a mask, such as 2001:db8::11/64",
    };
    bgp.parsed(key, allowed, |text| {
        let (address, length) = match text.split_once('/') {
            None => (text, None),
            Some((address, length)) => (address, Some(length.parse().ok()?)),
        };
        let address: IpAddr = address.parse().ok()?;
        let usable = !address.is_unspecified() && !address.is_multicast();
        let network = match length {
            None => Prefix::host(address),
            Some(length) => Prefix::new(address, length).ok()?,
        };
        (usable && Family::of(address) == family).then_some(NodeAddress { address, network })
    })
}
