//! Attribute type codes and flags as IANA numbers them.

/// ORIGIN (RFC 4271 §5.1.1).
pub const ORIGIN: u8 = 1;
/// AS_PATH (RFC 4271 §5.1.2).
pub const AS_PATH: u8 = 2;
/// NEXT_HOP (RFC 4271 §5.1.3).
pub const NEXT_HOP: u8 = 3;
/// MULTI_EXIT_DISC (RFC 4271 §5.1.4).
pub const MULTI_EXIT_DISC: u8 = 4;
/// LOCAL_PREF (RFC 4271 §5.1.5).
pub const LOCAL_PREF: u8 = 5;
/// ATOMIC_AGGREGATE (RFC 4271 §5.1.6).
pub const ATOMIC_AGGREGATE: u8 = 6;
/// AGGREGATOR (RFC 4271 §5.1.7).
pub const AGGREGATOR: u8 = 7;
/// COMMUNITIES (RFC 1997).
pub const COMMUNITIES: u8 = 8;
/// ORIGINATOR_ID (RFC 4456 §8).
pub const ORIGINATOR_ID: u8 = 9;
/// CLUSTER_LIST (RFC 4456 §8).
pub const CLUSTER_LIST: u8 = 10;
/// MP_REACH_NLRI (RFC 4760 §3).
pub const MP_REACH_NLRI: u8 = 14;
/// MP_UNREACH_NLRI (RFC 4760 §4).
pub const MP_UNREACH_NLRI: u8 = 15;
/// EXTENDED COMMUNITIES (RFC 4360 §2).
pub const EXTENDED_COMMUNITIES: u8 = 16;
/// AS4_PATH (RFC 6793 §3).
pub const AS4_PATH: u8 = 17;
/// AS4_AGGREGATOR (RFC 6793 §3).
pub const AS4_AGGREGATOR: u8 = 18;
/// IPv6 Address Specific EXTENDED COMMUNITIES (RFC 5701 §2).
pub const IPV6_EXTENDED_COMMUNITIES: u8 = 25;
/// AIGP (RFC 7311 §3).
pub const AIGP: u8 = 26;
/// LARGE_COMMUNITY (RFC 8092 §3).
pub const LARGE_COMMUNITY: u8 = 32;
/// ONLY_TO_CUSTOMER (RFC 9234 §5).
pub const ONLY_TO_CUSTOMER: u8 = 35;

/// The attribute need not be known to every speaker.
pub(crate) const OPTIONAL: u8 = 0x80;
/// The attribute is passed on even by speakers that do not know it.
pub(crate) const TRANSITIVE: u8 = 0x40;
/// Some speaker on the way did not know the attribute.
pub(crate) const PARTIAL: u8 = 0x20;
/// The attribute's length has two octets.
pub(crate) const EXTENDED_LENGTH: u8 = 0x10;

/// The optional and transitive bits that an attribute's definition demands; `None` for attributes
/// that calidris does not interpret.
pub(crate) const fn flags(code: u8) -> Option<u8> {
    match code {
        ORIGIN | AS_PATH | NEXT_HOP | LOCAL_PREF | ATOMIC_AGGREGATE => Some(TRANSITIVE),
        MULTI_EXIT_DISC | ORIGINATOR_ID | CLUSTER_LIST | MP_REACH_NLRI | MP_UNREACH_NLRI | AIGP => {
            Some(OPTIONAL)
        }
        AGGREGATOR
        | COMMUNITIES
        | EXTENDED_COMMUNITIES
        | AS4_PATH
        | AS4_AGGREGATOR
        | IPV6_EXTENDED_COMMUNITIES
        | LARGE_COMMUNITY
        | ONLY_TO_CUSTOMER => Some(OPTIONAL | TRANSITIVE),
        _ => None,
    }
}

/// The attribute's name in its RFC, or `unknown`.
pub const fn name(code: u8) -> &'static str {
    match code {
        ORIGIN => "ORIGIN",
        AS_PATH => "AS_PATH",
        NEXT_HOP => "NEXT_HOP",
        MULTI_EXIT_DISC => "MULTI_EXIT_DISC",
        LOCAL_PREF => "LOCAL_PREF",
        ATOMIC_AGGREGATE => "ATOMIC_AGGREGATE",
        AGGREGATOR => "AGGREGATOR",
        COMMUNITIES => "COMMUNITIES",
        ORIGINATOR_ID => "ORIGINATOR_ID",
        CLUSTER_LIST => "CLUSTER_LIST",
        MP_REACH_NLRI => "MP_REACH_NLRI",
        MP_UNREACH_NLRI => "MP_UNREACH_NLRI",
        EXTENDED_COMMUNITIES => "EXTENDED COMMUNITIES",
        AS4_PATH => "AS4_PATH",
        AS4_AGGREGATOR => "AS4_AGGREGATOR",
        IPV6_EXTENDED_COMMUNITIES => "IPv6 EXTENDED COMMUNITIES",
        AIGP => "AIGP",
        LARGE_COMMUNITY => "LARGE_COMMUNITY",
        ONLY_TO_CUSTOMER => "ONLY_TO_CUSTOMER",
        _ => "unknown",
    }
}
