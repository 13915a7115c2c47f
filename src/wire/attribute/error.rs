//! What can be wrong with one attribute, and what RFC 7606 makes of it.

use std::net::IpAddr;

use super::code;
use crate::wire::error::Disposition;
use crate::wire::nlri::NlriError;

/// A fault in one attribute of an UPDATE.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribute {} {}: {kind}", .code, code::name(*code))]
pub struct AttributeError {
    /// The attribute type code; zero where not even that was readable.
    pub code: u8,
    /// What is wrong.
    pub kind: AttributeErrorKind,
}

/// What is wrong with an attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeErrorKind {
    /// Fewer octets are left than flags, type and length take.
    #[error("the {left} octets left are too few for an attribute's header")]
    Header {
        /// The octets left.
        left: usize,
    },
    /// The attribute is longer than what is left of the attribute list.
    #[error("length {declared} exceeds the {left} octets left of the attribute list")]
    Overrun {
        /// The attribute's length field.
        declared: usize,
        /// The octets left.
        left: usize,
    },
    /// The attribute was there before.
    #[error("appears more than once")]
    Duplicate,
    /// The optional or the transitive bit is not as the attribute's definition has it.
    #[error("flags are {found:#04x} where the optional and transitive bits must be {wanted:#04x}")]
    Flags {
        /// The flags found.
        found: u8,
        /// The two bits as they should be.
        wanted: u8,
    },
    /// The value has a length that its definition does not allow.
    #[error("length is {found} where {wanted} is allowed")]
    Length {
        /// The length found.
        found: usize,
        /// The lengths allowed, in words.
        wanted: &'static str,
    },
    /// ORIGIN is none of 0, 1, 2.
    #[error("value {0} is undefined")]
    Origin(u8),
    /// A path segment of an undefined type.
    #[error("segment type {0} is undefined")]
    SegmentType(u8),
    /// An AS_SET or AS_CONFED_SET, which is no longer accepted (RFC 9774 §3).
    #[error("segment type {0} is a set, which is no longer accepted")]
    AsSet(u8),
    /// A path segment of a confederation, from a peer outside of it (RFC 5065 §5).
    #[error("segment type {0} belongs inside a confederation")]
    Confederation(u8),
    /// A path segment without any number.
    #[error("a segment is empty")]
    EmptySegment,
    /// A path segment is longer than what is left of the attribute.
    #[error("a segment of {numbers} numbers exceeds the {left} octets left")]
    SegmentOverrun {
        /// The segment's count of numbers.
        numbers: u8,
        /// The octets left.
        left: usize,
    },
    /// A path whose attributes exceed 65,535 octets once its numbers have four.
    #[error("too long a path for numbers of four octets")]
    TooLong,
    /// AS number zero (RFC 7607).
    #[error("contains AS 0")]
    AsZero,
    /// AIGP whose TLVs cannot be taken apart, or which has none of type 1 or one that says nothing.
    #[error("its TLVs are malformed at octet {offset} of the value")]
    AigpTlv {
        /// Where, counted from the start of the value.
        offset: usize,
    },
    /// A next hop that no packet can be sent to.
    #[error("next hop {0} is not a host's address")]
    NextHop(IpAddr),
    /// A well-known mandatory attribute is not there.
    #[error("missing, though prefixes are announced")]
    Missing,
    /// An attribute that has no place between autonomous systems.
    #[error("received from an external peer")]
    External,
    /// AS4_PATH or AS4_AGGREGATOR on a session whose AS numbers have four octets (RFC 6793 §4.1).
    #[error("received from a peer that sends AS numbers of four octets")]
    FourOctetSession,
    /// A well-known attribute that calidris does not know.
    #[error("well-known by its flags {0:#04x}, but not known")]
    Unrecognized(u8),
    /// MP_REACH_NLRI with a next hop of the wrong length for its family.
    #[error("next hop length is {found} where {wanted} is allowed")]
    NextHopLength {
        /// The length found.
        found: u8,
        /// The lengths allowed, in words.
        wanted: &'static str,
    },
    /// The prefixes in MP_REACH_NLRI or MP_UNREACH_NLRI are malformed.
    #[error("{0}")]
    Nlri(NlriError),
    /// The attribute is about a family that was not negotiated.
    #[error("AFI {afi}, SAFI {safi} was not negotiated")]
    NotNegotiated {
        /// The AFI found.
        afi: u16,
        /// The SAFI found.
        safi: u8,
    },
}

impl AttributeError {
    /// Chooses the handling that RFC 7606 §3, §4 and §7 demand, or the attribute's own
    /// RFC: 6793 §6 for AS4 attributes, 7311 §3 for AIGP, 9234 §5 for ONLY_TO_CUSTOMER, 9774 §3 for
    /// sets.
    pub const fn disposition(&self) -> Disposition {
        use AttributeErrorKind as Kind;
        match (self.code, &self.kind) {
            // What cannot be parsed cannot be withdrawn (RFC 7606 §3 j, §7.11, §7.12).
            (
                code::MP_REACH_NLRI | code::MP_UNREACH_NLRI,
                Kind::Header { .. }
                | Kind::Overrun { .. }
                | Kind::Duplicate
                | Kind::Length { .. }
                | Kind::NextHopLength { .. }
                | Kind::Nlri(_),
            )
            | (_, Kind::Unrecognized(_)) => Disposition::SessionReset,
            (
                _,
                Kind::Duplicate
                | Kind::External
                | Kind::FourOctetSession
                | Kind::NotNegotiated { .. },
            )
            | (code::ATOMIC_AGGREGATE | code::AGGREGATOR, Kind::Length { .. } | Kind::AsZero)
            // RFC 7311 §3: whatever is wrong with it, even the transitive bit.
            | (
                code::AIGP,
                Kind::Length { .. } | Kind::AigpTlv { .. } | Kind::Flags { .. },
            )
            | (
                code::AS4_PATH | code::AS4_AGGREGATOR,
                Kind::Length { .. }
                | Kind::SegmentType(_)
                | Kind::EmptySegment
                | Kind::SegmentOverrun { .. }
                | Kind::AsZero,
            ) => Disposition::DiscardAttribute,
            _ => Disposition::TreatAsWithdraw,
        }
    }

    /// The subcode of UPDATE Message Error that RFC 4271 §6.3 and RFC 4760 §7 give to this fault,
    /// for when the session has to end.
    pub const fn subcode(&self) -> u8 {
        use AttributeErrorKind as Kind;
        match (self.code, &self.kind) {
            (_, Kind::Duplicate) => 1,
            (code::MP_REACH_NLRI | code::MP_UNREACH_NLRI, _) => 9,
            (_, Kind::Header { .. } | Kind::Overrun { .. }) => 1,
            (_, Kind::Unrecognized(_)) => 2,
            (_, Kind::Missing) => 3,
            (_, Kind::Flags { .. }) => 4,
            (_, Kind::Length { .. }) => 5,
            (_, Kind::Origin(_)) => 6,
            (_, Kind::NextHop(_)) => 8,
            (code::AS_PATH, _) => 11,
            _ => 9,
        }
    }
}
