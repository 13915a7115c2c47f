//! What a case plays on: a setting, a peer in it, and prefixes of its own.

use std::net::IpAddr;

use crate::octets::{
    EXTENDED, OPTIONAL, Octets, Open, WELL_KNOWN, attribute, capability, parameter, segment, update,
};

/// The AS of the daemon.
pub(crate) const LOCAL_AS: u32 = 64_512;
/// The AS of external peers.
pub(crate) const EXTERNAL_AS: u32 = 65_101;
/// The AS in every path, behind the peer's own.
pub(crate) const FAR_AS: u32 = 64_990;
/// The daemon's addresses.
pub(crate) const DAEMON_V4: [u8; 4] = [10, 9, 0, 1];
/// The daemon's addresses.
pub(crate) const DAEMON_V6: [u8; 16] = [0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// The daemon's cluster (RFC 4456).
pub(crate) const CLUSTER: [u8; 4] = [10, 9, 255, 1];

/// The family of a session: of its addresses and of its routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    V4,
    V6,
}

/// What tells one kind of session from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Setting {
    pub(crate) external: bool,
    pub(crate) family: Family,
    /// AS numbers of two octets: the peer does not speak RFC 6793.
    pub(crate) old: bool,
    /// The daemon's role towards the peer (RFC 9234), which then has the counterpart.
    pub(crate) role: Option<&'static str>,
}

impl Setting {
    /// Those in which the daemon has a role.
    pub(crate) fn with_roles() -> impl Iterator<Item = Self> {
        let families = [Family::V4, Family::V6];
        families.into_iter().flat_map(|family| {
            ["provider", "customer", "peer"].map(|role| Self {
                external: true,
                family,
                old: false,
                role: Some(role),
            })
        })
    }

    /// All settings without a role.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [false, true].into_iter().flat_map(|old| {
            [Family::V4, Family::V6]
                .into_iter()
                .flat_map(move |family| {
                    [false, true].into_iter().map(move |external| Self {
                        external,
                        family,
                        old,
                        role: None,
                    })
                })
        })
    }

    /// As reports name it.
    pub(crate) fn name(self) -> &'static str {
        match self.role {
            Some("provider") => return "eBGP, the daemon a provider",
            Some("customer") => return "eBGP, the daemon a customer",
            Some(_) => return "eBGP, the daemon a peer",
            None => {}
        }
        match (self.external, self.family, self.old) {
            (false, Family::V4, false) => "iBGP, IPv4",
            (true, Family::V4, false) => "eBGP, IPv4",
            (false, Family::V6, false) => "iBGP, IPv6",
            (true, Family::V6, false) => "eBGP, IPv6",
            (false, Family::V4, true) => "iBGP, IPv4, 2-octet AS",
            (true, Family::V4, true) => "eBGP, IPv4, 2-octet AS",
            (false, Family::V6, true) => "iBGP, IPv6, 2-octet AS",
            (true, Family::V6, true) => "eBGP, IPv6, 2-octet AS",
        }
    }

    /// The peer's AS.
    pub(crate) const fn peer_as(self) -> u32 {
        if self.external { EXTERNAL_AS } else { LOCAL_AS }
    }
}

/// The value of the role that goes with the daemon's (RFC 9234 §4.2).
fn role_of_peer(role: &str) -> u8 {
    match role {
        "provider" => 3,
        "customer" => 0,
        _ => 4,
    }
}

/// One case's place in the world.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) setting: Setting,
    /// The peer's address.
    pub(crate) address: IpAddr,
    /// The peer's BGP Identifier.
    pub(crate) identifier: [u8; 4],
    /// Tells this run's prefixes from all others.
    pub(crate) number: u16,
}

impl Stage {
    pub(crate) fn is_v4(&self) -> bool {
        self.setting.family == Family::V4
    }

    /// The AFI of the session's family, as two octets.
    pub(crate) fn afi(&self) -> [u8; 2] {
        if self.is_v4() { [0, 1] } else { [0, 2] }
    }

    /// The prefix announced beforehand, which the hostile message is about.
    pub(crate) fn known(&self) -> Octets {
        self.prefix(0)
    }

    /// A prefix announced beforehand, which the hostile message says nothing of.
    pub(crate) fn bystander(&self) -> Octets {
        self.prefix(1)
    }

    /// A prefix that was never announced.
    pub(crate) fn fresh(&self) -> Octets {
        self.prefix(2)
    }

    /// The prefix that shows that all before it has been worked off.
    pub(crate) fn sentinel(&self) -> Octets {
        self.prefix(3)
    }

    /// One of the run's own prefixes, as it stands in NLRI.
    fn prefix(&self, which: u8) -> Octets {
        let [high, low] = self.number.to_be_bytes();
        match self.setting.family {
            Family::V4 => vec![27, 10, 128 + high, low, which * 32],
            Family::V6 => vec![64, 0xfd, 0x5a, 0, 0, high, low, 0, which],
        }
    }

    /// Whether a complaint about what was sent is about this run's prefixes, or about none at all.
    pub(crate) fn concerns(&self, complaint: &str) -> bool {
        let mark: String = self
            .known()
            .iter()
            .take(if self.is_v4() { 4 } else { 7 })
            .map(|o| format!("{o:02x}"))
            .collect();
        !complaint.contains(crate::checker::IN) || complaint.contains(&mark)
    }

    /// The peer's address as a next hop.
    pub(crate) fn next_hop(&self) -> Octets {
        match self.address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        }
    }

    /// The daemon's address as a next hop.
    pub(crate) fn daemon(&self) -> Octets {
        match self.setting.family {
            Family::V4 => DAEMON_V4.to_vec(),
            Family::V6 => DAEMON_V6.to_vec(),
        }
    }

    /// The numbers of a path as this peer would send it: its own AS first where it is external.
    pub(crate) fn numbers(&self, rest: &[u32]) -> Vec<u32> {
        let own = self.setting.external.then_some(EXTERNAL_AS);
        own.into_iter().chain(rest.iter().copied()).collect()
    }

    /// The value of AS_PATH: one sequence of [`Self::numbers`].
    pub(crate) fn path(&self, rest: &[u32]) -> Octets {
        let numbers = self.numbers(rest);
        if numbers.is_empty() {
            return Vec::new();
        }
        segment(2, &numbers, !self.setting.old)
    }

    /// A segment with numbers as wide as the session has them.
    pub(crate) fn segment(&self, kind: u8, numbers: &[u32]) -> Octets {
        segment(kind, numbers, !self.setting.old)
    }

    /// MP_REACH_NLRI of the session's family.
    pub(crate) fn reach(&self, next_hop: &[u8], nlri: &[u8]) -> Octets {
        attribute(OPTIONAL, 14, &self.reach_value(next_hop, nlri))
    }

    /// The value of MP_REACH_NLRI of the session's family.
    pub(crate) fn reach_value(&self, next_hop: &[u8], nlri: &[u8]) -> Octets {
        let length = crate::octets::byte(next_hop.len());
        [&self.afi()[..], &[1, length], next_hop, &[0], nlri].concat()
    }

    /// MP_UNREACH_NLRI of the session's family.
    pub(crate) fn unreach(&self, nlri: &[u8]) -> Octets {
        attribute(OPTIONAL, 15, &[&self.afi()[..], &[1], nlri].concat())
    }

    /// An UPDATE in the making that announces `nlri` with good attributes.
    pub(crate) fn announce(&self, nlri: &[u8]) -> Draft {
        let mut attributes = Vec::new();
        if !self.is_v4() {
            attributes.push((14, self.reach(&self.next_hop(), nlri)));
        }
        attributes.push((1, attribute(WELL_KNOWN, 1, &[0])));
        attributes.push((2, attribute(WELL_KNOWN, 2, &self.path(&[FAR_AS]))));
        if self.is_v4() {
            attributes.push((3, attribute(WELL_KNOWN, 3, &self.next_hop())));
        }
        if !self.setting.external {
            attributes.push((5, attribute(WELL_KNOWN, 5, &[0, 0, 0, 100])));
        }
        Draft {
            withdrawn: Vec::new(),
            attributes,
            nlri: if self.is_v4() {
                nlri.to_vec()
            } else {
                Vec::new()
            },
        }
    }

    /// [`Self::announce`] of the known prefix, again.
    pub(crate) fn again(&self) -> Draft {
        self.announce(&self.known())
    }

    /// An UPDATE that withdraws.
    pub(crate) fn withdraw(&self, nlri: &[u8]) -> Octets {
        match self.setting.family {
            Family::V4 => update(nlri, &[], &[]),
            Family::V6 => update(&[], &self.unreach(nlri), &[]),
        }
    }

    /// The capabilities of a good OPEN.
    pub(crate) fn capabilities(&self) -> Octets {
        let [high, low] = self.afi();
        let mut capabilities = capability(1, &[high, low, 0, 1]);
        capabilities.extend(capability(2, &[]));
        if !self.setting.old {
            capabilities.extend(capability(65, &self.setting.peer_as().to_be_bytes()));
        }
        if let Some(role) = self.setting.role {
            capabilities.extend(capability(9, &[role_of_peer(role)]));
        }
        capabilities
    }

    /// The capabilities of a good OPEN, but for the peer's role.
    pub(crate) fn capabilities_without_role(&self) -> Octets {
        let setting = Setting {
            role: None,
            ..self.setting
        };
        Self {
            setting,
            ..self.clone()
        }
        .capabilities()
    }

    /// A good OPEN.
    pub(crate) fn open(&self) -> Open {
        self.open_with(&self.capabilities())
    }

    /// An OPEN with exactly these capabilities.
    pub(crate) fn open_with(&self, capabilities: &[u8]) -> Open {
        Open {
            version: 4,
            asn: u16::try_from(self.setting.peer_as()).expect("the peers have small numbers"),
            hold_time: 180,
            identifier: self.identifier,
            tail: Vec::new(),
        }
        .parameters(&parameter(2, capabilities))
    }
}

/// An UPDATE in the making.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    withdrawn: Octets,
    attributes: Vec<(u8, Octets)>,
    nlri: Octets,
}

impl Draft {
    /// Puts these octets where the attribute `code` is, or behind all others.
    pub(crate) fn set(mut self, code: u8, octets: Octets) -> Self {
        match self.attributes.iter_mut().find(|(held, _)| *held == code) {
            Some((_, held)) => *held = octets,
            None => self.attributes.push((code, octets)),
        }
        self
    }

    /// Puts these octets behind all attributes, whatever is there.
    pub(crate) fn add(mut self, octets: Octets) -> Self {
        self.attributes.push((0, octets));
        self
    }

    /// Puts these octets before all attributes.
    pub(crate) fn front(mut self, octets: Octets) -> Self {
        self.attributes.insert(0, (0, octets));
        self
    }

    /// Leaves an attribute out.
    pub(crate) fn without(mut self, code: u8) -> Self {
        self.attributes.retain(|(held, _)| *held != code);
        self
    }

    /// Gives an attribute the length of two octets.
    pub(crate) fn extended(mut self, code: u8) -> Self {
        for (_, octets) in self.attributes.iter_mut().filter(|(held, _)| *held == code) {
            if octets[0] & EXTENDED == 0 {
                octets[0] |= EXTENDED;
                octets.insert(2, 0);
            }
        }
        self
    }

    /// The attributes in the opposite order.
    pub(crate) fn reversed(mut self) -> Self {
        self.attributes.reverse();
        self
    }

    /// Replaces the classic NLRI field.
    pub(crate) fn nlri(mut self, nlri: Octets) -> Self {
        self.nlri = nlri;
        self
    }

    /// Fills the withdrawn routes field.
    pub(crate) fn withdrawn(mut self, nlri: Octets) -> Self {
        self.withdrawn = nlri;
        self
    }

    /// The octets of the attributes.
    pub(crate) fn list(&self) -> Octets {
        self.attributes
            .iter()
            .flat_map(|(_, octets)| octets.clone())
            .collect()
    }

    /// The message.
    pub(crate) fn octets(&self) -> Octets {
        update(&self.withdrawn, &self.list(), &self.nlri)
    }
}
