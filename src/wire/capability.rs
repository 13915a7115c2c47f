//! Capabilities (RFC 5492): what a speaker says that it can do.

mod describe;
mod restart;

pub use restart::{GracefulRestart, GracefulRestartFamily, LongLived, LongLivedFamily};

use nom::Parser;
use nom::multi::many0;

use super::error::OpenProblem;
use super::read::{Read, block, long, octet, octets, short};
use crate::net::{AddPathDirection, Afi, Asn, Family, PerFamily, Safi};

/// The capabilities of one OPEN, known ones by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Multiprotocol (1): the families offered.
    pub families: PerFamily<bool>,
    /// Families offered that calidris does not carry, as (AFI, SAFI) numbers.
    pub other_families: Vec<(u16, u8)>,
    /// Route refresh (2, RFC 2918).
    pub route_refresh: bool,
    /// Enhanced route refresh (70, RFC 7313).
    pub enhanced_route_refresh: bool,
    /// Extended message (6, RFC 8654): messages of more than 4096 octets are understood.
    pub extended_message: bool,
    /// Extended next hop encoding (5, RFC 8950) of IPv4 unicast with IPv6 next hops; what else a peer
    /// says there is of families that calidris does not carry.
    pub extended_next_hop: bool,
    /// Role (9, RFC 9234), the sender's, as [`crate::net::Role::wire`] numbers them; a peer may send
    /// an unassigned one.
    pub role: Option<u8>,
    /// Graceful restart (64, RFC 4724).
    pub graceful_restart: Option<GracefulRestart>,
    /// Long-lived graceful restart (71, RFC 9494).
    pub long_lived: Option<LongLived>,
    /// Four-octet AS numbers (65, RFC 6793), with the sender's number.
    pub four_octet_as: Option<Asn>,
    /// ADD-PATH (69, RFC 7911): what the sender is willing to do in each family.
    pub add_path: PerFamily<AddPathDirection>,
    /// Codes of capabilities that calidris does not know; ignored, and shown.
    pub unknown: Vec<u8>,
}

const MULTIPROTOCOL: u8 = 1;
const ROUTE_REFRESH: u8 = 2;
const EXTENDED_NEXT_HOP: u8 = 5;
const EXTENDED_MESSAGE: u8 = 6;
const ROLE: u8 = 9;
const GRACEFUL_RESTART: u8 = 64;
const FOUR_OCTET_AS: u8 = 65;
const ADD_PATH: u8 = 69;
const ENHANCED_ROUTE_REFRESH: u8 = 70;
const LONG_LIVED: u8 = 71;
/// Names a host, of interest to people alone: not read.
const FQDN: u8 = 73;
/// Names a program, of interest to people alone: not read.
const SOFTWARE_VERSION: u8 = 75;

const ADD_PATH_RECEIVE: u8 = 1;
const ADD_PATH_SEND: u8 = 2;

impl Capabilities {
    /// Takes one capability in; of a repeated one the last counts (RFC 5492 §4), of families all.
    pub(crate) fn add(&mut self, code: u8, value: &[u8]) -> Result<(), OpenProblem> {
        let problem = OpenProblem::CapabilityLength {
            code,
            length: value.len(),
        };
        match code {
            MULTIPROTOCOL => self.add_family(whole(multiprotocol, value).ok_or(problem)?),
            // Other than zero is a lie about length that harms nobody.
            ROUTE_REFRESH => self.route_refresh = true,
            ENHANCED_ROUTE_REFRESH => self.enhanced_route_refresh = true,
            EXTENDED_MESSAGE => self.extended_message = true,
            EXTENDED_NEXT_HOP => {
                let entries = whole(extended_next_hop, value).ok_or(problem)?;
                self.extended_next_hop |= entries.contains(&IPV4_THROUGH_IPV6);
            }
            ROLE => self.set_role(whole(octet, value).ok_or(problem)?)?,
            GRACEFUL_RESTART => {
                let terms = whole(restart::graceful_restart, value).ok_or(problem)?;
                self.graceful_restart = Some(terms);
            }
            LONG_LIVED => {
                self.long_lived = Some(whole(restart::long_lived, value).ok_or(problem)?);
            }
            FOUR_OCTET_AS => {
                self.four_octet_as = Some(Asn(whole(long, value).ok_or(problem)?));
            }
            ADD_PATH => self.set_add_path(&whole(add_path, value).ok_or(problem)?),
            // A hundred of one code are shown once, so that a stranger cannot fill the display.
            _ if self.unknown.contains(&code) => {}
            _ => self.unknown.push(code),
        }
        Ok(())
    }

    fn add_family(&mut self, (afi, safi): (u16, u8)) {
        match Family::from_wire(Afi(afi), Safi(safi)) {
            Some(family) => *self.families.get_mut(family) = true,
            None if self.other_families.contains(&(afi, safi)) => {}
            None => self.other_families.push((afi, safi)),
        }
    }

    /// Several equal roles are one; different ones are refused, whether or not this side has a role
    /// (RFC 9234 §4.2).
    fn set_role(&mut self, role: u8) -> Result<(), OpenProblem> {
        match self.role.replace(role) {
            Some(first) if first != role => Err(OpenProblem::Roles {
                first,
                second: role,
            }),
            _ => Ok(()),
        }
    }

    fn set_add_path(&mut self, entries: &[(u16, u8, u8)]) {
        for &(afi, safi, direction) in entries {
            // Directions other than 1, 2, 3 are ignored (RFC 7911 §4).
            if let Some(family) = Family::from_wire(Afi(afi), Safi(safi))
                && (1..=3).contains(&direction)
            {
                *self.add_path.get_mut(family) = AddPathDirection {
                    receive: direction & ADD_PATH_RECEIVE != 0,
                    send: direction & ADD_PATH_SEND != 0,
                };
            }
        }
    }

    /// Writes all capabilities, each behind code and length; unknown ones with an empty value.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let families = self.families.families().map(|f| (f.afi().0, f.safi().0));
        for (afi, safi) in families.chain(self.other_families.iter().copied()) {
            let [high, low] = afi.to_be_bytes();
            put(out, MULTIPROTOCOL, &[high, low, 0, safi]);
        }
        if self.route_refresh {
            put(out, ROUTE_REFRESH, &[]);
        }
        if self.extended_next_hop {
            let (afi, safi, next_hop) = IPV4_THROUGH_IPV6;
            let entry = [afi, safi, next_hop].map(u16::to_be_bytes);
            put(out, EXTENDED_NEXT_HOP, entry.as_flattened());
        }
        if self.extended_message {
            put(out, EXTENDED_MESSAGE, &[]);
        }
        if let Some(role) = self.role {
            put(out, ROLE, &[role]);
        }
        if let Some(restart) = &self.graceful_restart {
            put(out, GRACEFUL_RESTART, &restart.value());
        }
        if let Some(asn) = self.four_octet_as {
            put(out, FOUR_OCTET_AS, &asn.0.to_be_bytes());
        }
        let add_path = self.add_path_value();
        if !add_path.is_empty() {
            put(out, ADD_PATH, &add_path);
        }
        if self.enhanced_route_refresh {
            put(out, ENHANCED_ROUTE_REFRESH, &[]);
        }
        if let Some(terms) = &self.long_lived {
            put(out, LONG_LIVED, &terms.value());
        }
        for code in &self.unknown {
            put(out, *code, &[]);
        }
    }

    fn add_path_value(&self) -> Vec<u8> {
        let mut value = Vec::new();
        for (family, directions) in self.add_path.iter() {
            let mut direction = 0;
            if directions.receive {
                direction |= ADD_PATH_RECEIVE;
            }
            if directions.send {
                direction |= ADD_PATH_SEND;
            }
            if direction != 0 {
                value.extend_from_slice(&family.afi().0.to_be_bytes());
                value.extend_from_slice(&[family.safi().0, direction]);
            }
        }
        value
    }
}

fn put(out: &mut Vec<u8>, code: u8, value: &[u8]) {
    let length = u8::try_from(value.len()).expect("no value of ours exceeds fourteen octets");
    out.extend_from_slice(&[code, length]);
    out.extend_from_slice(value);
}

/// Code and value of the capability at the front.
pub(crate) fn capability(input: &[u8]) -> Read<'_, (u8, &[u8])> {
    (octet, block).parse(input)
}

/// What a grammar reads of a value, if it takes all of it.
fn whole<'a, T>(grammar: impl Fn(&'a [u8]) -> Read<'a, T>, value: &'a [u8]) -> Option<T> {
    match grammar(value) {
        Ok(([], read)) => Some(read),
        _ => None,
    }
}

/// AFI, a reserved octet, SAFI (RFC 4760 §8).
fn multiprotocol(input: &[u8]) -> Read<'_, (u16, u8)> {
    (short, octets(1), octet)
        .map(|(afi, _, safi)| (afi, safi))
        .parse(input)
}

/// AFI and SAFI of the prefixes, AFI of the next hop, of each combination (RFC 8950 §4).
fn extended_next_hop(input: &[u8]) -> Read<'_, Vec<(u16, u16, u16)>> {
    many0((short, short, short)).parse(input)
}

/// IPv4 unicast with next hops of IPv6.
const IPV4_THROUGH_IPV6: (u16, u16, u16) = (1, 1, 2);

/// AFI, SAFI and direction of each family (RFC 7911 §4).
fn add_path(input: &[u8]) -> Read<'_, Vec<(u16, u8, u8)>> {
    many0((short, octet, octet)).parse(input)
}
