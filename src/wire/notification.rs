//! NOTIFICATION (RFC 4271 §4.5, RFC 4486, RFC 8203/9003, RFC 8538).

use std::fmt;

use bytes::BufMut;

use super::error::Hex;
use super::frame::{Header, MessageKind};
use super::{HEADER_LENGTH, MESSAGE_LENGTH_MAX};
use crate::net::{Afi, Family, PerFamily, Safi};

/// NOTIFICATION as sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The error code.
    pub code: u8,
    /// The error subcode; zero where unspecific.
    pub subcode: u8,
    /// What the code's section says; for Cease 2 and 4 a length-prefixed text.
    pub data: Vec<u8>,
}

/// Subcodes of Cease, code 6 (RFC 4486, RFC 8538, RFC 9384).
pub mod cease {
    /// Maximum number of prefixes reached.
    pub const PREFIX_LIMIT: u8 = 1;
    /// Administrative shutdown.
    pub const ADMIN_SHUTDOWN: u8 = 2;
    /// Peer de-configured.
    pub const PEER_DECONFIGURED: u8 = 3;
    /// Administrative reset.
    pub const ADMIN_RESET: u8 = 4;
    /// Connection rejected.
    pub const CONNECTION_REJECTED: u8 = 5;
    /// Other configuration change.
    pub const CONFIG_CHANGE: u8 = 6;
    /// Connection collision resolution.
    pub const COLLISION: u8 = 7;
    /// Out of resources.
    pub const OUT_OF_RESOURCES: u8 = 8;
    /// Hard reset (RFC 8538).
    pub const HARD_RESET: u8 = 9;
    /// BFD down (RFC 9384).
    pub const BFD_DOWN: u8 = 10;
}

/// Subcodes of Finite State Machine Error, code 5 (RFC 6608).
pub mod fsm_error {
    /// Unspecified error.
    pub const UNSPECIFIED: u8 = 0;
    /// A message that OpenSent does not expect.
    pub const OPEN_SENT: u8 = 1;
    /// A message that OpenConfirm does not expect.
    pub const OPEN_CONFIRM: u8 = 2;
    /// A message that Established does not expect.
    pub const ESTABLISHED: u8 = 3;
}

const HEADER: u8 = 1;
const OPEN: u8 = 2;
const UPDATE: u8 = 3;
const HOLD_TIMER: u8 = 4;
const FSM: u8 = 5;
const CEASE: u8 = 6;
const REFRESH: u8 = 7;
const SEND_HOLD_TIMER: u8 = 8;

impl Notification {
    /// A notification without data.
    pub const fn new(code: u8, subcode: u8) -> Self {
        Self::with_data(code, subcode, Vec::new())
    }

    const fn with_data(code: u8, subcode: u8, data: Vec<u8>) -> Self {
        Self {
            code,
            subcode,
            data,
        }
    }

    /// 1/1: the marker is wrong.
    pub const fn connection_not_synchronized() -> Self {
        Self::new(HEADER, 1)
    }

    /// 1/2: the length field, which is the data, is out of bounds.
    pub fn bad_message_length(length: u16) -> Self {
        Self::with_data(HEADER, 2, length.to_be_bytes().to_vec())
    }

    /// 1/3: the type, which is the data, is not known.
    pub fn bad_message_type(kind: u8) -> Self {
        Self::with_data(HEADER, 3, vec![kind])
    }

    /// 2/0: the optional parameters cannot be taken apart.
    pub const fn malformed_open() -> Self {
        Self::new(OPEN, 0)
    }

    /// 2/1: another version; the data is the one spoken, 4, in two octets.
    pub fn unsupported_version() -> Self {
        Self::with_data(OPEN, 1, vec![0, 4])
    }

    /// 2/2: the peer's AS is not the one configured, or zero.
    pub const fn bad_peer_as() -> Self {
        Self::new(OPEN, 2)
    }

    /// 2/3: the peer's BGP Identifier is zero, or this side's own within one AS (RFC 6286).
    pub const fn bad_bgp_identifier() -> Self {
        Self::new(OPEN, 3)
    }

    /// 2/4: an optional parameter is not supported.
    pub const fn unsupported_optional_parameter() -> Self {
        Self::new(OPEN, 4)
    }

    /// 2/6: the hold time is one or two seconds.
    pub const fn unacceptable_hold_time() -> Self {
        Self::new(OPEN, 6)
    }

    /// 2/7: the peer lacks these capabilities, given as on the wire (RFC 5492 §5).
    pub const fn unsupported_capability(capabilities: Vec<u8>) -> Self {
        Self::with_data(OPEN, 7, capabilities)
    }

    /// 2/7 for a peer that offers none of the families configured; they are the data.
    pub fn no_common_family(families: PerFamily<bool>) -> Self {
        let mut data = Vec::new();
        for family in families.families() {
            let [high, low] = family.afi().0.to_be_bytes();
            data.extend_from_slice(&[1, 4, high, low, 0, family.safi().0]);
        }
        Self::unsupported_capability(data)
    }

    /// 2/11: the roles of both sides do not go together (RFC 9234 §4.2).
    pub const fn role_mismatch() -> Self {
        Self::new(OPEN, 11)
    }

    /// 3/*: an UPDATE that the session cannot survive.
    pub const fn update_error(subcode: u8, data: Vec<u8>) -> Self {
        Self::with_data(UPDATE, subcode, data)
    }

    /// 4/0: nothing was heard for the hold time.
    pub const fn hold_timer_expired() -> Self {
        Self::new(HOLD_TIMER, 0)
    }

    /// 5/*: a message that the state does not expect; subcodes in [`fsm_error`].
    pub const fn fsm_error(subcode: u8) -> Self {
        Self::new(FSM, subcode)
    }

    /// 6/*: the session is ended in order; subcodes in [`cease`].
    pub const fn cease(subcode: u8) -> Self {
        Self::new(CEASE, subcode)
    }

    /// 6/1: the peer has announced more prefixes of a family than it may; family and bound are the
    /// data (RFC 4486 §4).
    pub fn prefix_limit(family: Family, max: u32) -> Self {
        let mut data = family.afi().0.to_be_bytes().to_vec();
        data.push(family.safi().0);
        data.extend_from_slice(&max.to_be_bytes());
        Self::with_data(CEASE, cease::PREFIX_LIMIT, data)
    }

    /// 6/2 with a text for the peer's operator (RFC 9003), cut at 255 octets.
    pub fn admin_shutdown(text: &str) -> Self {
        Self::with_data(CEASE, cease::ADMIN_SHUTDOWN, operator_text(text))
    }

    /// 6/4 with a text for the peer's operator (RFC 9003), cut at 255 octets.
    pub fn admin_reset(text: &str) -> Self {
        Self::with_data(CEASE, cease::ADMIN_RESET, operator_text(text))
    }

    /// 6/9 around the real reason (RFC 8538 §3.1): tells a peer that keeps routes over other
    /// NOTIFICATIONs to forget them.
    pub fn hard_reset(reason: &Self) -> Self {
        let mut data = vec![reason.code, reason.subcode];
        data.extend_from_slice(&reason.data);
        Self::with_data(CEASE, cease::HARD_RESET, data)
    }

    /// Whether this is 6/9, over which nothing is kept (RFC 8538 §3.3).
    pub const fn is_hard_reset(&self) -> bool {
        self.code == CEASE && self.subcode == cease::HARD_RESET
    }

    /// The reason inside a hard reset, where it holds one; a hard reset in there means nothing more.
    pub fn encapsulated(&self) -> Option<Self> {
        match &*self.data {
            [code, subcode, data @ ..] if self.is_hard_reset() => {
                Some(Self::with_data(*code, *subcode, data.to_vec()))
            }
            _ => None,
        }
    }

    /// 7/1: a ROUTE-REFRESH, which is the data, has the wrong length (RFC 7313 §5).
    pub const fn bad_refresh_length(message: Vec<u8>) -> Self {
        Self::with_data(REFRESH, 1, message)
    }

    /// 8/0: the peer took nothing for the send-hold time (RFC 9687).
    pub const fn send_hold_timer_expired() -> Self {
        Self::new(SEND_HOLD_TIMER, 0)
    }

    /// Writes the message; data that does not fit 4096 octets is cut.
    pub fn encode(&self, out: &mut impl BufMut) {
        let mut body = vec![self.code, self.subcode];
        body.extend(self.data.iter().take(DATA_OCTETS_MAX));
        Header::put(MessageKind::Notification, &body, out);
    }

    /// Reads a body; the header's bounds give it two octets at least. Of a message that RFC 8654 has
    /// let grow, no more data is kept than an ordinary one holds.
    pub(crate) fn decode(body: &[u8]) -> Self {
        match body {
            [code, subcode, data @ ..] => {
                let kept = data.get(..DATA_OCTETS_MAX).unwrap_or(data);
                Self::with_data(*code, *subcode, kept.to_vec())
            }
            _ => Self::new(0, 0),
        }
    }

    /// Says in the words of the RFCs what code, subcode and data mean.
    pub fn meaning(&self) -> String {
        let name = code_name(self.code);
        let mut text = match subcode_name(self.code, self.subcode) {
            Some(detail) => format!("{name}: {detail}"),
            None if self.subcode == 0 => name.to_owned(),
            None => format!("{name}: subcode {}", self.subcode),
        };
        if let Some(inner) = self.encapsulated() {
            // One level only: a peer decides how many there are.
            let detail = match inner.is_hard_reset() {
                true => code_name(inner.code).to_owned(),
                false => inner.meaning(),
            };
            text.push_str(&format!(" ({detail})"));
        } else if let Some(detail) = self.detail() {
            text.push_str(&format!(" ({detail})"));
        }
        text
    }

    /// What the data says; `None` where there is none, or a text that contradicts its length.
    fn detail(&self) -> Option<String> {
        match (self.code, self.subcode, &*self.data) {
            (CEASE, cease::ADMIN_SHUTDOWN | cease::ADMIN_RESET, data) => {
                read_operator_text(data).map(|said| format!("{said:?}"))
            }
            (CEASE, cease::PREFIX_LIMIT, [high, low, safi, max @ ..]) if max.len() == 4 => {
                let afi = u16::from_be_bytes([*high, *low]);
                let max = max
                    .iter()
                    .fold(0, |max, octet| max << 8 | u32::from(*octet));
                let family = Family::from_wire(Afi(afi), Safi(*safi));
                let family = family.map_or_else(
                    || format!("AFI {afi} SAFI {safi}"),
                    |family| family.name().to_owned(),
                );
                Some(format!("{family}, at most {max}"))
            }
            (_, _, []) => None,
            (_, _, data) => Some(Hex(data).to_string()),
        }
    }
}

impl fmt::Display for Notification {
    /// Writes `code/subcode` and the meaning: `6/2 Cease: Administrative Shutdown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.code, self.subcode, self.meaning())
    }
}

/// The data of the longest ordinary message.
const DATA_OCTETS_MAX: usize = MESSAGE_LENGTH_MAX - HEADER_LENGTH - 2;

/// The text behind its length, cut at a character's end within 255 octets.
fn operator_text(text: &str) -> Vec<u8> {
    let text = text.get(..text.floor_char_boundary(255)).unwrap_or(text);
    let length = u8::try_from(text.len()).expect("cut at 255 octets");
    std::iter::once(length).chain(text.bytes()).collect()
}

/// The text of RFC 9003 §2: `None` where there is none or its length is wrong. What is not UTF-8 is
/// replaced; the caller shows it escaped, since it comes from a stranger.
fn read_operator_text(data: &[u8]) -> Option<String> {
    let (&length, rest) = data.split_first()?;
    let text = rest.get(..length.into()).filter(|text| !text.is_empty())?;
    Some(String::from_utf8_lossy(text).into_owned())
}

const fn code_name(code: u8) -> &'static str {
    match code {
        HEADER => "Message Header Error",
        OPEN => "OPEN Message Error",
        UPDATE => "UPDATE Message Error",
        HOLD_TIMER => "Hold Timer Expired",
        FSM => "Finite State Machine Error",
        CEASE => "Cease",
        REFRESH => "ROUTE-REFRESH Message Error",
        SEND_HOLD_TIMER => "Send Hold Timer Expired",
        _ => "Unknown error code",
    }
}

const fn subcode_name(code: u8, subcode: u8) -> Option<&'static str> {
    let name = match (code, subcode) {
        (HEADER, 1) => "Connection Not Synchronized",
        (HEADER, 2) => "Bad Message Length",
        (HEADER, 3) => "Bad Message Type",
        (OPEN, 1) => "Unsupported Version Number",
        (OPEN, 2) => "Bad Peer AS",
        (OPEN, 3) => "Bad BGP Identifier",
        (OPEN, 4) => "Unsupported Optional Parameter",
        (OPEN, 5) => "Authentication Failure",
        (OPEN, 6) => "Unacceptable Hold Time",
        (OPEN, 7) => "Unsupported Capability",
        (OPEN, 11) => "Role Mismatch",
        (UPDATE, 1) => "Malformed Attribute List",
        (UPDATE, 2) => "Unrecognized Well-known Attribute",
        (UPDATE, 3) => "Missing Well-known Attribute",
        (UPDATE, 4) => "Attribute Flags Error",
        (UPDATE, 5) => "Attribute Length Error",
        (UPDATE, 6) => "Invalid ORIGIN Attribute",
        (UPDATE, 7) => "AS Routing Loop",
        (UPDATE, 8) => "Invalid NEXT_HOP Attribute",
        (UPDATE, 9) => "Optional Attribute Error",
        (UPDATE, 10) => "Invalid Network Field",
        (UPDATE, 11) => "Malformed AS_PATH",
        (FSM, fsm_error::OPEN_SENT) => "Receive Unexpected Message in OpenSent State",
        (FSM, fsm_error::OPEN_CONFIRM) => "Receive Unexpected Message in OpenConfirm State",
        (FSM, fsm_error::ESTABLISHED) => "Receive Unexpected Message in Established State",
        (CEASE, cease::PREFIX_LIMIT) => "Maximum Number of Prefixes Reached",
        (CEASE, cease::ADMIN_SHUTDOWN) => "Administrative Shutdown",
        (CEASE, cease::PEER_DECONFIGURED) => "Peer De-configured",
        (CEASE, cease::ADMIN_RESET) => "Administrative Reset",
        (CEASE, cease::CONNECTION_REJECTED) => "Connection Rejected",
        (CEASE, cease::CONFIG_CHANGE) => "Other Configuration Change",
        (CEASE, cease::COLLISION) => "Connection Collision Resolution",
        (CEASE, cease::OUT_OF_RESOURCES) => "Out of Resources",
        (CEASE, cease::HARD_RESET) => "Hard Reset",
        (CEASE, cease::BFD_DOWN) => "BFD Down",
        (REFRESH, 1) => "Invalid Message Length",
        _ => return None,
    };
    Some(name)
}

#[cfg(test)]
mod tests;
