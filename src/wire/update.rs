//! UPDATE (RFC 4271 §4.3): its sections as borrowed, verified runs of NLRI.

use std::sync::Arc;

use smallvec::SmallVec;

use super::attribute::PathAttributes;
use super::error::AttributeFault;
use crate::net::{Family, PathId};

/// One UPDATE as received, after RFC 7606: what is left is safe to apply in the order given here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update<'a> {
    /// Prefixes to withdraw, those of treat-as-withdraw included.
    pub withdrawn: SmallVec<[NlriRun<'a>; 2]>,
    /// Prefixes to announce; at most one run from the classic field and one from MP_REACH_NLRI.
    pub announced: SmallVec<[Announced<'a>; 2]>,
    /// The family whose initial dump this message ends (RFC 4724 §2).
    pub end_of_rib: Option<Family>,
    /// Faults that were survived, for counters and the log.
    pub faults: Vec<AttributeFault>,
}

/// Prefixes and the attributes that they share.
#[derive(Clone, Debug, PartialEq)]
pub struct Announced<'a> {
    /// The attributes, with the next hop that belongs to this run.
    pub attributes: Arc<PathAttributes>,
    /// The prefixes.
    pub nlri: NlriRun<'a>,
}

/// A verified run of NLRI of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NlriRun<'a> {
    /// The family of every prefix in the run.
    pub family: Family,
    pub(crate) add_path: bool,
    pub(crate) octets: &'a [u8],
}

/// One prefix on the wire, with its path identifier (zero without ADD-PATH).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nlri<P> {
    /// The masked prefix.
    pub prefix: P,
    /// The sender's identifier of the path (RFC 7911 §3).
    pub path_id: PathId,
}
