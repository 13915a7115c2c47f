//! Where a BGP next hop leads: a mirror of the node's links, addresses and routes. Pure.
//!
//! A next hop takes the longest match among the routes of the main table that are not ours, so that
//! BGP never resolves through BGP. Routes through an interface that is down or has no carrier do not
//! count.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::route::{KernelNextHop, KernelRoute, KernelRouteKind};
use crate::net::{Family, PerFamily, Prefix};
use crate::rib::NextHopState;

/// An interface of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The kernel's index.
    pub index: u32,
    /// The name.
    pub name: String,
    /// Whether it is switched on. Switched off, the kernel drops every route through it.
    pub is_up: bool,
    /// Whether the wire is alive. Without carrier routes stay, but lead nowhere.
    pub has_carrier: bool,
}

/// An address of the node on one of its interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkAddress {
    /// The address.
    pub address: IpAddr,
    /// The interface's index.
    pub link: u32,
}

/// Where an address leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// It is a neighbour on this interface.
    Direct {
        /// The interface's index.
        oif: u32,
    },
    /// It is behind other routers, every one of which has a gateway.
    Via(SmallVec<[KernelNextHop; 1]>),
    /// It is the node itself.
    Local,
    /// No usable route leads there.
    Unreachable,
}

impl Resolution {
    /// What the decision process is told: a shared link costs 0, a router in between 1.
    pub(super) const fn state(&self) -> NextHopState {
        match self {
            Self::Direct { .. } => NextHopState::Reachable { metric: 0 },
            Self::Via(_) => NextHopState::Reachable { metric: 1 },
            Self::Local | Self::Unreachable => NextHopState::Unreachable,
        }
    }

    /// The kernel next hops that a route to BGP next hop `address` gets.
    pub(super) fn hops(&self, address: IpAddr) -> SmallVec<[KernelNextHop; 1]> {
        match self {
            Self::Direct { oif } => SmallVec::from_iter([KernelNextHop::via(address, *oif)]),
            Self::Via(hops) => hops.clone(),
            Self::Local | Self::Unreachable => SmallVec::new(),
        }
    }
}

/// What an event did to the mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// Tracked next hops that lead elsewhere than before.
    pub(super) changed: Vec<IpAddr>,
    /// Whether the mirror is certainly right; if not, the kernel must be read again.
    pub(super) is_certain: bool,
}

/// Routes of one prefix length, by prefix.
type OneLength = HashMap<Prefix, SmallVec<[KernelRoute; 1]>>;

/// The mirror, and the next hops watched in it.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    links: BTreeMap<u32, Link>,
    addresses: BTreeSet<LinkAddress>,
    /// By length, so that the longest match is one look-up for each length in use.
    routes: PerFamily<BTreeMap<u8, OneLength>>,
    /// Prefixes with a route through a link: what to look at when the link goes.
    by_link: HashMap<u32, BTreeSet<Prefix>>,
    tracked: BTreeMap<IpAddr, Resolution>,
}

impl Resolver {
    /// Replaces the whole mirror; routes must be those of the main table that are not ours.
    /// Returns the tracked next hops that lead elsewhere than before.
    pub(super) fn reset(
        &mut self,
        links: Vec<Link>,
        addresses: Vec<LinkAddress>,
        routes: impl IntoIterator<Item = KernelRoute>,
    ) -> Vec<IpAddr> {
        self.links = links.into_iter().map(|link| (link.index, link)).collect();
        self.addresses = addresses.into_iter().collect();
        self.routes = PerFamily::default();
        self.by_link.clear();
        for route in routes {
            if leads_anywhere(route.prefix) {
                self.insert(route);
            }
        }
        self.resolve_again_all()
    }

    /// Takes note of an interface that is new or changed.
    pub(super) fn set_link(&mut self, link: Link) -> Effect {
        let index = link.index;
        let went_down = !link.is_up;
        self.links.insert(index, link);
        if !self.has_routes_through(index) {
            return Effect::none();
        }
        let is_certain = !went_down || self.forget_routes_through(index);
        Effect {
            changed: self.resolve_again_all(),
            is_certain,
        }
    }

    /// Forgets an interface. The kernel tells of each of its addresses.
    pub(super) fn remove_link(&mut self, index: u32) -> Effect {
        self.links.remove(&index);
        if !self.has_routes_through(index) {
            return Effect::none();
        }
        let is_certain = self.forget_routes_through(index);
        Effect {
            changed: self.resolve_again_all(),
            is_certain,
        }
    }

    /// Takes note of an address of the node.
    pub(super) fn add_address(&mut self, address: LinkAddress) -> Effect {
        self.addresses.insert(address);
        self.effect_on(Prefix::host(address.address), true)
    }

    /// Forgets an address of the node.
    pub(super) fn remove_address(&mut self, address: LinkAddress) -> Effect {
        self.addresses.remove(&address);
        self.effect_on(Prefix::host(address.address), true)
    }

    /// Takes note of a route of the main table that is not ours; `replaces` where the kernel said
    /// that it took the place of the one with its prefix and metric.
    pub(super) fn add_route(&mut self, route: KernelRoute, replaces: bool) -> Effect {
        let prefix = route.prefix;
        if !leads_anywhere(prefix) || self.routes_to(prefix).contains(&route) {
            return Effect::none();
        }
        let rival = self
            .routes_to(prefix)
            .iter()
            .find(|r| r.key() == route.key())
            .cloned();
        // Without the mark of a replacement, a second route of the same key is an alias or an IPv6
        // sibling: only the kernel knows what the two look like together.
        let is_certain = rival.is_none() || replaces;
        if let Some(rival) = rival {
            self.take(&rival);
        }
        self.insert(route);
        self.effect_on(prefix, is_certain)
    }

    /// Forgets a route of the main table that is not ours.
    pub(super) fn remove_route(&mut self, route: &KernelRoute) -> Effect {
        let prefix = route.prefix;
        if !leads_anywhere(prefix) {
            return Effect::none();
        }
        if self.take(route) {
            return self.effect_on(prefix, true);
        }
        // One leg of an IPv6 multipath route goes in a message of its own.
        let same_key = self
            .routes_to(prefix)
            .iter()
            .any(|r| r.key() == route.key());
        self.effect_on(prefix, !same_key)
    }

    /// Watches a next hop.
    pub(super) fn track(&mut self, address: IpAddr) -> &Resolution {
        let resolution = self.resolve(address);
        let entry = self
            .tracked
            .entry(address)
            .or_insert(Resolution::Unreachable);
        *entry = resolution;
        entry
    }

    /// Stops to watch a next hop.
    pub(super) fn untrack(&mut self, address: IpAddr) {
        self.tracked.remove(&address);
    }

    /// Where a watched next hop leads; `None` where it is not watched.
    pub(super) fn tracked(&self, address: IpAddr) -> Option<&Resolution> {
        self.tracked.get(&address)
    }

    /// Finds where an address leads.
    pub(super) fn resolve(&self, address: IpAddr) -> Resolution {
        if !leads_anywhere(Prefix::host(address)) {
            return Resolution::Unreachable;
        }
        if self.is_own(address) {
            return Resolution::Local;
        }
        let by_length = self.routes.get(Family::of(address)).iter().rev();
        by_length
            .filter_map(|(length, routes)| {
                let prefix = Prefix::new(address, *length).ok()?;
                self.choose(address, routes.get(&prefix)?)
            })
            .next()
            .unwrap_or(Resolution::Unreachable)
    }

    /// The interface with an index.
    pub(super) fn link(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    /// The name of the interface with an index.
    pub(super) fn link_name(&self, index: u32) -> Option<&str> {
        self.links.get(&index).map(|link| link.name.as_str())
    }

    /// Whether a route of the mirror goes through a link.
    pub(super) fn has_routes_through(&self, index: u32) -> bool {
        self.by_link.contains_key(&index)
    }

    /// Chooses among the routes to one prefix: the lowest metric that is alive.
    fn choose(&self, address: IpAddr, routes: &[KernelRoute]) -> Option<Resolution> {
        let mut routes: SmallVec<[&KernelRoute; 4]> = routes.iter().collect();
        routes.sort_by_key(|route| route.metric);
        routes.into_iter().find_map(|route| match &route.kind {
            KernelRouteKind::Unicast(hops) => self.living(address, hops),
            KernelRouteKind::Blackhole
            | KernelRouteKind::Unreachable
            | KernelRouteKind::Other(_) => Some(Resolution::Unreachable),
        })
    }

    /// The next hops whose interface works; `None` where there is none.
    fn living(&self, address: IpAddr, hops: &[KernelNextHop]) -> Option<Resolution> {
        let mut living: SmallVec<[KernelNextHop; 1]> = hops.iter().copied().collect();
        living.retain(|hop| {
            let link = self.links.get(&hop.oif);
            link.is_some_and(|link| link.is_up && link.has_carrier)
        });
        match living.as_mut_slice() {
            [] => None,
            [only] if only.gateway.is_none() => Some(Resolution::Direct { oif: only.oif }),
            several => {
                for hop in several {
                    hop.gateway.get_or_insert(address);
                }
                Some(Resolution::Via(living))
            }
        }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        let on = |link| LinkAddress { address, link };
        self.addresses.range(on(0)..=on(u32::MAX)).next().is_some()
    }

    fn routes_to(&self, prefix: Prefix) -> &[KernelRoute] {
        let of_length = self.routes.get(prefix.family()).get(&prefix.length());
        of_length
            .and_then(|routes| routes.get(&prefix))
            .map_or(&[], SmallVec::as_slice)
    }

    fn insert(&mut self, route: KernelRoute) {
        for hop in route.kind.hops() {
            self.by_link
                .entry(hop.oif)
                .or_default()
                .insert(route.prefix);
        }
        let by_length = self.routes.get_mut(route.prefix.family());
        let of_length = by_length.entry(route.prefix.length()).or_default();
        of_length.entry(route.prefix).or_default().push(route);
    }

    /// Removes exactly this route; false where it is not there.
    fn take(&mut self, route: &KernelRoute) -> bool {
        let by_length = self.routes.get_mut(route.prefix.family());
        let Some(of_length) = by_length.get_mut(&route.prefix.length()) else {
            return false;
        };
        let Some(routes) = of_length.get_mut(&route.prefix) else {
            return false;
        };
        let Some(at) = routes.iter().position(|other| other == route) else {
            return false;
        };
        routes.swap_remove(at);
        let uses = |oif| {
            routes
                .iter()
                .any(|r| r.kind.hops().iter().any(|hop| hop.oif == oif))
        };
        for hop in route.kind.hops() {
            if !uses(hop.oif)
                && let Some(prefixes) = self.by_link.get_mut(&hop.oif)
            {
                prefixes.remove(&route.prefix);
                if prefixes.is_empty() {
                    self.by_link.remove(&hop.oif);
                }
            }
        }
        if routes.is_empty() {
            of_length.remove(&route.prefix);
            if of_length.is_empty() {
                by_length.remove(&route.prefix.length());
            }
        }
        true
    }

    /// Drops what the kernel drops, in IPv4 without a word, when an interface goes down. False where
    /// a route has other legs as well, whose fate only the kernel knows.
    fn forget_routes_through(&mut self, index: u32) -> bool {
        let prefixes = self.by_link.get(&index).cloned().unwrap_or_default();
        let mut is_certain = true;
        for prefix in prefixes {
            let through =
                |route: &&KernelRoute| route.kind.hops().iter().any(|hop| hop.oif == index);
            let gone: Vec<_> = self
                .routes_to(prefix)
                .iter()
                .filter(through)
                .cloned()
                .collect();
            for route in gone {
                if route.kind.hops().len() == 1 {
                    self.take(&route);
                } else {
                    is_certain = false;
                }
            }
        }
        is_certain
    }

    fn resolve_again_all(&mut self) -> Vec<IpAddr> {
        let addresses: Vec<IpAddr> = self.tracked.keys().copied().collect();
        self.resolve_again(addresses)
    }

    fn effect_on(&mut self, prefix: Prefix, is_certain: bool) -> Effect {
        let inside = self.tracked.range(prefix.address()..=last_address(prefix));
        let inside = inside.map(|(address, _)| *address).collect();
        Effect {
            changed: self.resolve_again(inside),
            is_certain,
        }
    }

    fn resolve_again(&mut self, mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        addresses.retain(|address| {
            let resolution = self.resolve(*address);
            let known = self.tracked.get_mut(address);
            known.is_some_and(|known| std::mem::replace(known, resolution.clone()) != resolution)
        });
        addresses
    }
}

impl Effect {
    const fn none() -> Self {
        Self {
            changed: Vec::new(),
            is_certain: true,
        }
    }
}

/// Whether a route to `prefix` can resolve a BGP next hop: link-local (they name no interface),
/// multicast and loopback destinations cannot. Leaving them out also keeps the mirror still while
/// interfaces come and go, each with its own `fe80::/64`.
fn leads_anywhere(prefix: Prefix) -> bool {
    match prefix.address() {
        IpAddr::V4(address) => {
            !(address.is_multicast()
                || address.is_loopback()
                || (prefix.is_host() && (address.is_unspecified() || address.is_broadcast())))
        }
        IpAddr::V6(address) => {
            !(address.is_multicast()
                || address.is_unicast_link_local()
                || (prefix.is_host() && (address.is_unspecified() || address.is_loopback())))
        }
    }
}

/// The last address inside a prefix.
fn last_address(prefix: Prefix) -> IpAddr {
    let length = u32::from(prefix.length());
    match prefix.address() {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(length).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() | host).into()
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(length).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() | host).into()
        }
    }
}

#[cfg(test)]
mod tests;
