//! OPEN (RFC 4271 §4.2) and its optional parameters (RFC 5492, RFC 9072).

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::BufMut;
use nom::Parser;

use super::HEADER_LENGTH;
use super::capability::{Capabilities, capability};
use super::error::{OpenProblem, WireError};
use super::frame::{Header, MessageKind};
use super::read::{Read, Stopped, block, long, long_block, octet, octets, short, stopped};
use crate::net::{Asn, RouterId};

/// OPEN as sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The sender's AS: the four-octet capability's value where present, else the header field.
    pub asn: Asn,
    /// The hold time proposed.
    pub hold_time: HoldTime,
    /// The sender's BGP Identifier.
    pub router_id: RouterId,
    /// What the sender can do.
    pub capabilities: Capabilities,
}

/// Hold time of a session, in whole seconds (RFC 4271 §4.2).
///
/// Zero switches the hold and keepalive timers off; one and two are not representable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldTime(u16);

impl HoldTime {
    /// Accepts 0 and 3..=65535; `None` for one and two, which are answered with NOTIFICATION 2/6.
    pub const fn new(seconds: u16) -> Option<Self> {
        match seconds {
            1 | 2 => None,
            _ => Some(Self(seconds)),
        }
    }

    /// The number of seconds.
    pub const fn seconds(self) -> u16 {
        self.0
    }

    /// The time as a duration; `None` where the timers are off.
    pub const fn duration(self) -> Option<Duration> {
        match self.0 {
            0 => None,
            seconds => Some(Duration::from_secs(seconds as u64)),
        }
    }
}

impl Open {
    /// Writes the message. Capabilities go in one optional parameter, which takes the extended form
    /// of RFC 9072 where they exceed 253 octets; AS_TRANS stands for an AS number above 65535.
    pub fn encode(&self, out: &mut impl BufMut) {
        let mut capabilities = Vec::new();
        self.capabilities.encode(&mut capabilities);
        let mut body = vec![VERSION];
        body.extend_from_slice(&self.asn.to_two_octets().to_be_bytes());
        body.extend_from_slice(&self.hold_time.seconds().to_be_bytes());
        body.extend_from_slice(&self.router_id.0.octets());
        match u8::try_from(capabilities.len()) {
            Ok(0) => body.push(0),
            Ok(length @ ..=252) => {
                body.extend_from_slice(&[length + 2, CAPABILITIES, length]);
            }
            _ => {
                let length = u16::try_from(capabilities.len()).unwrap_or(u16::MAX);
                body.extend_from_slice(&[EXTENDED, EXTENDED]);
                body.extend_from_slice(&length.saturating_add(3).to_be_bytes());
                body.push(CAPABILITIES);
                body.extend_from_slice(&length.to_be_bytes());
            }
        }
        body.extend_from_slice(&capabilities);
        Header::put(MessageKind::Open, &body, out);
    }

    /// Reads a body. What only configuration can judge (is this the AS expected, is the identifier
    /// our own?) is left to the session's machine.
    pub(crate) fn decode(body: &[u8]) -> Result<Self, WireError> {
        let at = |left: usize| HEADER_LENGTH + body.len() - left;
        let overrun = |stop: nom::Err<Stopped>| WireError::Parameters {
            offset: at(stopped(&stop).left),
            problem: OpenProblem::Overrun,
        };
        let (rest, (version, two_octet_as, hold_time, router_id)) =
            fixed_fields(body).map_err(overrun)?;
        if version != VERSION {
            return Err(WireError::Version(version));
        }
        if two_octet_as == 0 {
            return Err(WireError::AsZero);
        }
        let hold_time = HoldTime::new(hold_time).ok_or(WireError::HoldTime(hold_time))?;
        let router_id = Ipv4Addr::from_bits(router_id);
        if router_id.is_unspecified() {
            return Err(WireError::RouterId(router_id));
        }
        let (after, (extended, parameters)) = parameter_list(rest).map_err(overrun)?;
        if !after.is_empty() {
            return Err(WireError::Parameters {
                offset: at(after.len()),
                problem: OpenProblem::Excess,
            });
        }
        // The list ends where the message does, so what is left of either is the same.
        let capabilities = read_parameters(parameters, extended, at)?;
        if capabilities.four_octet_as == Some(Asn(0)) {
            return Err(WireError::AsZero);
        }
        Ok(Self {
            asn: capabilities
                .four_octet_as
                .unwrap_or(Asn(two_octet_as.into())),
            hold_time,
            router_id: RouterId(router_id),
            capabilities,
        })
    }
}

fn read_parameters(
    parameters: &[u8],
    extended: bool,
    at: impl Fn(usize) -> usize,
) -> Result<Capabilities, WireError> {
    let malformed = |left: usize, problem| WireError::Parameters {
        offset: at(left),
        problem,
    };
    let mut capabilities = Capabilities::default();
    let mut left = parameters;
    while !left.is_empty() {
        let (rest, (kind, value)) = parameter(left, extended)
            .map_err(|stop| malformed(stopped(&stop).left, OpenProblem::Overrun))?;
        if kind != CAPABILITIES {
            return Err(WireError::OptionalParameter(kind));
        }
        let mut inside = value;
        while !inside.is_empty() {
            // What follows the parameter counts as left, too.
            let (after, (code, content)) = capability(inside).map_err(|stop| {
                malformed(rest.len() + stopped(&stop).left, OpenProblem::Overrun)
            })?;
            capabilities
                .add(code, content)
                .map_err(|problem| malformed(rest.len() + inside.len(), problem))?;
            inside = after;
        }
        left = rest;
    }
    Ok(capabilities)
}

/// Version, AS, hold time, BGP Identifier.
fn fixed_fields(input: &[u8]) -> Read<'_, (u8, u16, u16, u32)> {
    (octet, short, short, long).parse(input)
}

/// The optional parameters behind their length, and whether they have the extended form: any length
/// but zero, then 255 where a parameter's type would be (RFC 9072 §2).
fn parameter_list(input: &[u8]) -> Read<'_, (bool, &[u8])> {
    match input {
        [1..=255, EXTENDED, ..] => (octets(2), long_block)
            .map(|(_, list)| (true, list))
            .parse(input),
        _ => block.map(|list| (false, list)).parse(input),
    }
}

/// Type and value of the parameter at the front.
fn parameter(input: &[u8], extended: bool) -> Read<'_, (u8, &[u8])> {
    if extended {
        (octet, long_block).parse(input)
    } else {
        (octet, block).parse(input)
    }
}

const VERSION: u8 = 4;
/// The type of the one optional parameter that is spoken (RFC 5492 §4).
const CAPABILITIES: u8 = 2;
/// The length and the type that announce the extended form (RFC 9072 §2).
const EXTENDED: u8 = 255;
