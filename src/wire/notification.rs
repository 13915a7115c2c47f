//! NOTIFICATION (RFC 4271 §4.5, RFC 4486, RFC 8203/9003, RFC 8538).

use std::fmt;

use bytes::BufMut;

use super::error::Hex;
use super::frame::{Header, MessageKind};
use super::{HEADER_LENGTH, MESSAGE_LENGTH_MAX};
use crate::net::PerFamily;

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

    /// 6/2 with a text for the peer's operator (RFC 9003), cut at 255 octets.
    pub fn admin_shutdown(text: &str) -> Self {
        Self::with_data(CEASE, cease::ADMIN_SHUTDOWN, operator_text(text))
    }

    /// 6/4 with a text for the peer's operator (RFC 9003), cut at 255 octets.
    pub fn admin_reset(text: &str) -> Self {
        Self::with_data(CEASE, cease::ADMIN_RESET, operator_text(text))
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
        let room = MESSAGE_LENGTH_MAX - HEADER_LENGTH - body.len();
        body.extend(self.data.iter().take(room));
        Header::put(MessageKind::Notification, &body, out);
    }

    /// Reads a body; the header's bounds give it two octets at least.
    pub(crate) fn decode(body: &[u8]) -> Self {
        match body {
            [code, subcode, data @ ..] => Self::with_data(*code, *subcode, data.to_vec()),
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
        match (self.code, self.subcode) {
            (CEASE, cease::ADMIN_SHUTDOWN | cease::ADMIN_RESET) => {
                if let Some(said) = read_operator_text(&self.data) {
                    text.push_str(&format!(" ({said:?})"));
                }
            }
            (CEASE, cease::HARD_RESET) => {
                // One level only: a hard reset inside a hard reset means nothing more.
                if let [code, subcode, ..] = &*self.data
                    && let Some(detail) = subcode_name(*code, *subcode)
                {
                    text.push_str(&format!(" ({}: {detail})", code_name(*code)));
                }
            }
            _ if self.data.is_empty() => {}
            _ => text.push_str(&format!(" ({})", Hex(&self.data))),
        }
        text
    }
}

impl fmt::Display for Notification {
    /// Writes `code/subcode` and the meaning: `6/2 Cease: Administrative Shutdown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.code, self.subcode, self.meaning())
    }
}

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
mod tests {
    use super::*;

    #[test]
    fn meanings_are_in_the_words_of_the_rfcs() {
        let meanings = [
            (
                Notification::bad_peer_as(),
                "2/2 OPEN Message Error: Bad Peer AS",
            ),
            (Notification::hold_timer_expired(), "4/0 Hold Timer Expired"),
            (
                Notification::unsupported_version(),
                "2/1 OPEN Message Error: Unsupported Version Number (00 04)",
            ),
            (
                Notification::fsm_error(fsm_error::ESTABLISHED),
                "5/3 Finite State Machine Error: Receive Unexpected Message in Established State",
            ),
            (Notification::cease(99), "6/99 Cease: subcode 99"),
            (Notification::new(77, 0), "77/0 Unknown error code"),
        ];
        for (notification, meaning) in meanings {
            assert_eq!(notification.to_string(), meaning);
        }
    }

    #[test]
    fn shutdown_texts_are_shown_escaped() {
        let notification = Notification::admin_shutdown("moving to \"rack 4\"\n");
        assert_eq!(
            notification.meaning(),
            r#"Cease: Administrative Shutdown ("moving to \"rack 4\"\n")"#
        );
    }

    #[test]
    fn shutdown_texts_that_lie_about_their_length_are_left_out() {
        let mut notification = Notification::admin_shutdown("x");
        for data in [vec![], vec![0], vec![9, b'x'], vec![255]] {
            notification.data = data;
            assert_eq!(notification.meaning(), "Cease: Administrative Shutdown");
        }
        notification.data = vec![2, 0xff, b'x', b'y'];
        assert_eq!(
            notification.meaning(),
            "Cease: Administrative Shutdown (\"\u{fffd}x\")"
        );
    }

    #[test]
    fn shutdown_texts_are_cut_at_a_whole_character() {
        let notification = Notification::admin_shutdown(&"ü".repeat(200));
        assert_eq!(notification.data.len(), 255);
        assert_eq!(notification.data.first(), Some(&254));
        assert!(!notification.meaning().contains('\u{fffd}'));
    }

    #[test]
    fn a_hard_reset_tells_what_it_holds() {
        let mut notification = Notification::cease(cease::HARD_RESET);
        notification.data = vec![6, 3];
        assert_eq!(
            notification.meaning(),
            "Cease: Hard Reset (Cease: Peer De-configured)"
        );
    }

    #[test]
    fn data_beyond_a_message_is_cut() {
        let mut out = Vec::new();
        Notification::update_error(2, vec![7; 5000]).encode(&mut out);
        assert_eq!(out.len(), MESSAGE_LENGTH_MAX);
    }

    #[test]
    fn families_that_the_peer_lacks_are_named_as_capabilities() {
        let both = PerFamily {
            ipv4: true,
            ipv6: true,
        };
        let data = Notification::no_common_family(both).data;
        assert_eq!(data, [1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1]);
    }
}
