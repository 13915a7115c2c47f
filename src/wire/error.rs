//! What can be wrong with a message, and what RFC 4271 §6 and RFC 7606 make of it.

use std::fmt;
use std::net::Ipv4Addr;

use super::attribute::AttributeError;
use super::frame::MessageKind;
use super::nlri::NlriError;
use super::notification::Notification;

/// A fault that ends the session; [`WireError::notification`] is the answer that the RFCs demand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The header does not begin with 16 octets of ones.
    #[error("marker is {} where all bits must be ones", Hex(.0))]
    Marker(Vec<u8>),
    /// The length field is out of bounds for BGP or for the message's type.
    #[error("length {length} is out of bounds for {}", kind.map_or("a message", MessageKind::name))]
    Length {
        /// The type; `None` where the length fits no message at all.
        kind: Option<MessageKind>,
        /// The length field.
        length: u16,
    },
    /// The message type is not known.
    #[error("message type {0} is not known")]
    MessageType(u8),
    /// OPEN of another protocol version.
    #[error("OPEN has version {0} where only 4 is spoken")]
    Version(u8),
    /// OPEN with AS number zero (RFC 7607).
    #[error("OPEN has AS 0")]
    AsZero,
    /// OPEN with a hold time of one or two seconds.
    #[error("OPEN has hold time {0}, which must be 0 or at least 3")]
    HoldTime(u16),
    /// OPEN with a BGP Identifier that cannot be one.
    #[error("OPEN has BGP Identifier {0}")]
    RouterId(Ipv4Addr),
    /// OPEN with an optional parameter other than capabilities.
    #[error("OPEN has optional parameter {0}, which is not supported")]
    OptionalParameter(u8),
    /// OPEN whose optional parameters cannot be taken apart.
    #[error("OPEN is malformed at octet {offset}: {problem}")]
    Parameters {
        /// Where, counted from the first octet of the header.
        offset: usize,
        /// What is wrong.
        problem: OpenProblem,
    },
    /// UPDATE whose section lengths contradict the message's length.
    #[error("UPDATE declares {declared} octets of {section} where {left} are left")]
    Sections {
        /// Which section.
        section: &'static str,
        /// Its length field; two where the field itself is missing.
        declared: usize,
        /// The octets left.
        left: usize,
    },
    /// UPDATE with malformed prefixes in one of its own sections.
    #[error("UPDATE has malformed {section}: {error}")]
    Nlri {
        /// Which section.
        section: &'static str,
        /// What is wrong.
        error: NlriError,
    },
    /// UPDATE with a fault in an attribute that RFC 7606 does not let the session survive.
    #[error("UPDATE {error}, at octet {offset}: {}", Hex(attribute))]
    Attribute {
        /// What is wrong.
        error: AttributeError,
        /// Where the attribute begins, counted from the first octet of the header.
        offset: usize,
        /// The attribute as received.
        attribute: Vec<u8>,
    },
    /// ROUTE-REFRESH with a subtype of RFC 7313 and a length that does not go with it.
    #[error("ROUTE-REFRESH has {} octets where 23 are needed", .0.len())]
    RefreshLength(Vec<u8>),
}

/// What is wrong with the optional parameters of an OPEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenProblem {
    /// A length field leads past the end of what holds it.
    #[error("a length leads past the end")]
    Overrun,
    /// Octets follow the optional parameters.
    #[error("octets follow the optional parameters")]
    Excess,
    /// A capability has a length that its definition does not allow.
    #[error("capability {code} has length {length}")]
    CapabilityLength {
        /// The capability code.
        code: u8,
        /// The length of its value.
        length: usize,
    },
    /// Two capabilities name different roles (RFC 9234 §4.2).
    #[error("the roles {first} and {second} are both claimed")]
    Roles {
        /// The first one's value.
        first: u8,
        /// The value that differs from it.
        second: u8,
    },
}

impl OpenProblem {
    fn notification(self) -> Notification {
        match self {
            Self::Overrun | Self::Excess | Self::CapabilityLength { .. } => {
                Notification::malformed_open()
            }
            Self::Roles { .. } => Notification::role_mismatch(),
        }
    }
}

impl WireError {
    /// The NOTIFICATION to send before the connection is closed.
    pub fn notification(&self) -> Notification {
        match self {
            Self::Marker(_) => Notification::connection_not_synchronized(),
            Self::Length { length, .. } => Notification::bad_message_length(*length),
            Self::MessageType(kind) => Notification::bad_message_type(*kind),
            Self::Version(_) => Notification::unsupported_version(),
            Self::AsZero => Notification::bad_peer_as(),
            Self::HoldTime(_) => Notification::unacceptable_hold_time(),
            Self::RouterId(_) => Notification::bad_bgp_identifier(),
            Self::OptionalParameter(_) => Notification::unsupported_optional_parameter(),
            Self::Parameters { problem, .. } => problem.notification(),
            Self::Sections { .. } => Notification::update_error(1, Vec::new()),
            Self::Nlri { .. } => Notification::update_error(10, Vec::new()),
            Self::Attribute {
                error, attribute, ..
            } => match error.subcode() {
                3 => Notification::update_error(3, vec![error.code]),
                subcode @ (2 | 4..=6 | 8 | 9) => {
                    Notification::update_error(subcode, attribute.clone())
                }
                subcode => Notification::update_error(subcode, Vec::new()),
            },
            Self::RefreshLength(message) => Notification::bad_refresh_length(message.clone()),
        }
    }
}

/// How an UPDATE with a fault is handled (RFC 7606 §2), mildest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// Close the session with a NOTIFICATION.
    SessionReset,
    /// Withdraw every prefix that the message announces.
    TreatAsWithdraw,
    /// Drop the attribute, keep the rest.
    DiscardAttribute,
}

impl Disposition {
    /// The RFC's words: `session reset`, `treat-as-withdraw`, `attribute discard`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionReset => "session reset",
            Self::TreatAsWithdraw => "treat-as-withdraw",
            Self::DiscardAttribute => "attribute discard",
        }
    }
}

/// A fault in an attribute that did not end the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeFault {
    /// The attribute type code.
    pub code: u8,
    /// What was done about it.
    pub disposition: Disposition,
    /// Where the attribute begins, counted from the first octet of the header; zero where it is
    /// missing.
    pub offset: usize,
    /// The first octets of the attribute, flags and type included; at most 16.
    pub octets: Vec<u8>,
    /// One sentence: what was wrong.
    pub reason: String,
}

impl AttributeFault {
    /// The first octets in hex, as the log shows them.
    pub fn shown_octets(&self) -> impl fmt::Display + '_ {
        Hex(&self.octets)
    }
}

impl fmt::Display for AttributeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match self.offset {
            0 => Ok(()),
            offset => write!(f, ", at octet {offset}: {}", Hex(&self.octets)),
        }
    }
}

/// Shows the first octets of a slice in hex, for texts about faults.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for octet in self.0.iter().take(FAULT_OCTETS_MAX) {
            write!(f, "{gap}{octet:02x}")?;
            gap = " ";
        }
        match self.0.len() {
            0 => f.write_str("(nothing)"),
            length if length > FAULT_OCTETS_MAX => f.write_str(" …"),
            _ => Ok(()),
        }
    }
}

/// How many octets a text about a fault shows; the rest is left out.
pub(crate) const FAULT_OCTETS_MAX: usize = 16;
