//! Addresses of routing: prefixes, address families and identifiers, and the terms of sessions.
//!
//! The lowest room: everything else speaks in these types. Nothing here knows a protocol message,
//! a socket or a clock. Prefixes are always masked, so two spellings of one prefix are one key.

mod family;
mod id;
mod prefix;
mod session;
#[cfg(test)]
pub(crate) mod testing;

pub use family::{AddressFamily, Afi, Family, Ipv4, Ipv6, PerFamily, Safi};
pub use id::{Asn, ClusterId, PathId, PeerId, RouterId};
pub use prefix::{Ipv4Prefix, Ipv6Prefix, Prefix, PrefixError, PrefixKey};
pub use session::{AddPathDirection, PrefixLimit, Role, Secret};
