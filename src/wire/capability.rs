//! Capabilities (RFC 5492): what a speaker says that it can do.

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
    /// Graceful restart (64, RFC 4724).
    pub graceful_restart: Option<GracefulRestart>,
    /// Four-octet AS numbers (65, RFC 6793), with the sender's number.
    pub four_octet_as: Option<Asn>,
    /// ADD-PATH (69, RFC 7911): what the sender is willing to do in each family.
    pub add_path: PerFamily<AddPathDirection>,
    /// Codes of capabilities that calidris does not know; ignored, and shown.
    pub unknown: Vec<u8>,
}

/// Graceful restart (RFC 4724 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GracefulRestart {
    /// The R bit: the sender has restarted and waits for End-of-RIB.
    pub restarting: bool,
    /// The N bit (RFC 8538): NOTIFICATION and hold expiry keep routes as well.
    pub notification: bool,
    /// Seconds until the sender's session should be back; 12 bits.
    pub restart_time: u16,
    /// The families whose routes may be kept.
    pub families: PerFamily<Option<GracefulRestartFamily>>,
}

/// One family of a graceful-restart capability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GracefulRestartFamily {
    /// The F bit: the sender kept its forwarding state over the restart.
    pub forwarding_preserved: bool,
}

const MULTIPROTOCOL: u8 = 1;
const ROUTE_REFRESH: u8 = 2;
const GRACEFUL_RESTART: u8 = 64;
const FOUR_OCTET_AS: u8 = 65;
const ADD_PATH: u8 = 69;
const ENHANCED_ROUTE_REFRESH: u8 = 70;

/// The R bit, above the restart time.
const RESTARTING: u16 = 0x8000;
/// The N bit, above the restart time.
const NOTIFICATION: u16 = 0x4000;
/// The restart time's bits, which also bound it.
const RESTART_TIME: u16 = 0x0fff;
/// The F bit of a family's flags.
const FORWARDING: u8 = 0x80;
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
            GRACEFUL_RESTART => {
                self.graceful_restart = Some(whole(graceful_restart, value).ok_or(problem)?);
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

impl GracefulRestart {
    fn value(&self) -> Vec<u8> {
        let mut first = self.restart_time.min(RESTART_TIME);
        if self.restarting {
            first |= RESTARTING;
        }
        if self.notification {
            first |= NOTIFICATION;
        }
        let mut value = first.to_be_bytes().to_vec();
        for (family, terms) in self.families.iter() {
            if let Some(terms) = terms {
                let flags = if terms.forwarding_preserved {
                    FORWARDING
                } else {
                    0
                };
                value.extend_from_slice(&family.afi().0.to_be_bytes());
                value.extend_from_slice(&[family.safi().0, flags]);
            }
        }
        value
    }
}

fn put(out: &mut Vec<u8>, code: u8, value: &[u8]) {
    let length = u8::try_from(value.len()).expect("no value of ours exceeds ten octets");
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

/// Flags and time, then AFI, SAFI and flags of each family (RFC 4724 §3).
fn graceful_restart(input: &[u8]) -> Read<'_, GracefulRestart> {
    let (input, first) = short(input)?;
    let (input, entries) = many0((short, octet, octet)).parse(input)?;
    let mut families = PerFamily::default();
    for (afi, safi, flags) in entries {
        if let Some(family) = Family::from_wire(Afi(afi), Safi(safi)) {
            *families.get_mut(family) = Some(GracefulRestartFamily {
                forwarding_preserved: flags & FORWARDING != 0,
            });
        }
    }
    Ok((
        input,
        GracefulRestart {
            restarting: first & RESTARTING != 0,
            notification: first & NOTIFICATION != 0,
            restart_time: first & RESTART_TIME,
            families,
        },
    ))
}

/// AFI, SAFI and direction of each family (RFC 7911 §4).
fn add_path(input: &[u8]) -> Read<'_, Vec<(u16, u8, u8)>> {
    many0((short, octet, octet)).parse(input)
}
