//! ROUTE-REFRESH (RFC 2918) and its demarcation (RFC 7313).

use bytes::BufMut;

use super::HEADER_LENGTH;
use super::error::WireError;
use super::frame::{Header, MessageKind};
use super::read::{Read, octet, short};
use crate::net::{Afi, Family, Safi};

/// ROUTE-REFRESH as sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRefresh {
    /// The family; `None` for one that calidris does not carry (ignored).
    pub family: Option<Family>,
    /// Request, or the begin and end marks of an enhanced refresh.
    pub kind: RefreshKind,
}

/// The message's subtype (RFC 7313 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshKind {
    /// A request to advertise again, subtype 0.
    Request,
    /// BoRR, subtype 1.
    Begin,
    /// EoRR, subtype 2.
    End,
    /// Any other subtype: ignored (RFC 7313 §5).
    Unknown(u8),
}

impl RefreshKind {
    const fn from_wire(subtype: u8) -> Self {
        match subtype {
            0 => Self::Request,
            1 => Self::Begin,
            2 => Self::End,
            other => Self::Unknown(other),
        }
    }

    const fn wire(self) -> u8 {
        match self {
            Self::Request => 0,
            Self::Begin => 1,
            Self::End => 2,
            Self::Unknown(other) => other,
        }
    }
}

impl RouteRefresh {
    /// A request for all routes of a family.
    pub const fn request(family: Family) -> Self {
        Self {
            family: Some(family),
            kind: RefreshKind::Request,
        }
    }

    /// Writes the message; nothing where the family is one that calidris does not carry.
    pub fn encode(&self, out: &mut impl BufMut) {
        let Some(family) = self.family else { return };
        let [high, low] = family.afi().0.to_be_bytes();
        let body = [high, low, self.kind.wire(), family.safi().0];
        Header::put(MessageKind::RouteRefresh, &body, out);
    }

    /// Reads a message whose header is in order.
    pub(crate) fn decode(message: &[u8]) -> Result<Self, WireError> {
        let body = message.get(HEADER_LENGTH..).unwrap_or_default();
        match fields(body) {
            Ok(([], (afi, subtype, safi))) => Ok(Self {
                family: Family::from_wire(Afi(afi), Safi(safi)),
                kind: RefreshKind::from_wire(subtype),
            }),
            // RFC 7313 §5 has an error of its own for the subtypes that it defines.
            _ if matches!(body.get(2), Some(1 | 2)) => {
                Err(WireError::RefreshLength(message.to_vec()))
            }
            _ => Err(WireError::Length {
                kind: Some(MessageKind::RouteRefresh),
                length: u16::try_from(message.len()).unwrap_or(u16::MAX),
            }),
        }
    }
}

/// AFI, subtype, SAFI.
fn fields(input: &[u8]) -> Read<'_, (u16, u8, u8)> {
    use nom::Parser;
    (short, octet, octet).parse(input)
}
