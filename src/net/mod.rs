//! Addresses of routing: prefixes, address families and identifiers.
//!
//! The lowest room: everything else speaks in these types. Nothing here knows a protocol message,
//! a socket or a clock. Prefixes are always masked, so two spellings of one prefix are one key.

mod family;
mod id;
mod prefix;

pub use family::{AddressFamily, Afi, Family, Ipv4, Ipv6, PerFamily, Safi};
pub use id::{Asn, ClusterId, PathId, PeerId, RouterId};
pub use prefix::{Ipv4Prefix, Ipv6Prefix, Prefix, PrefixError, PrefixKey};
