//! UPDATE (RFC 4271 §4.3): its sections as borrowed, verified runs of NLRI.

use smallvec::SmallVec;

use super::attribute::{AttributesView, NextHop, PathAttributes, Walk};
use super::error::{AttributeFault, WireError};
use super::nlri::NlriRun;
use super::{DecodeContext, HEADER_LENGTH};
use crate::net::Family;

/// One UPDATE as received, after RFC 7606: what is left is safe to apply in the order given here.
#[derive(Clone, Debug, PartialEq)]
pub struct Update<'a> {
    /// Prefixes to withdraw, those of treat-as-withdraw included.
    pub withdrawn: SmallVec<[NlriRun<'a>; 2]>,
    /// Prefixes to announce; at most one run from the classic field and one from MP_REACH_NLRI.
    pub announced: SmallVec<[Announced<'a>; 2]>,
    /// What the announced prefixes share. Where there are none, it means nothing.
    pub attributes: AttributesView<'a>,
    /// The family whose initial dump this message ends (RFC 4724 §2).
    pub end_of_rib: Option<Family>,
    /// Faults that were survived, for counters and the log.
    pub faults: Vec<AttributeFault>,
}

/// Prefixes and what belongs to them alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced<'a> {
    /// The next hop of these prefixes.
    pub next_hop: NextHop,
    /// The prefixes.
    pub nlri: NlriRun<'a>,
}

impl<'a> Update<'a> {
    /// The attributes of a run of this UPDATE, as a set of their own.
    pub fn path(&self, announced: &Announced<'_>) -> PathAttributes {
        self.attributes.to_path(announced.next_hop)
    }

    /// Reads a body.
    #[inline]
    pub(crate) fn decode(body: &'a [u8], context: &DecodeContext) -> Result<Self, WireError> {
        let sections = Sections::split(body)?;
        let ipv4 = |section, octets| {
            NlriRun::verify(Family::Ipv4, context.add_path.ipv4, octets)
                .map_err(|error| WireError::Nlri { section, error })
        };
        let withdrawn = ipv4("withdrawn routes", sections.withdrawn)?;
        let classic = ipv4("NLRI", sections.nlri)?;
        let mut walk = Walk::over(sections.attributes, sections.attributes_offset, context)?;

        let reach = walk.reach.filter(|reach| !reach.nlri.is_empty());
        if !classic.is_empty() || reach.is_some() {
            walk.check_mandatory(!classic.is_empty())?;
        } else if walk.others
            && !walk.reach_ignored
            && let Some(malformed) = walk.withdraw_fault()
        {
            // Attributes without prefixes, and a fault in them: the prefixes may be what the fault
            // ate (RFC 7606 §5.2).
            return Err(malformed.clone());
        }

        let mut update = Self {
            withdrawn: SmallVec::new(),
            announced: SmallVec::new(),
            attributes: walk.view,
            end_of_rib: end_of_rib(body, &walk, withdrawn, classic, context),
            faults: Vec::new(),
        };
        if !withdrawn.is_empty() && context.families.ipv4 {
            update.withdrawn.push(withdrawn);
        }
        if let Some(unreach) = walk.unreach.filter(|run| !run.is_empty()) {
            update.withdrawn.push(unreach);
        }
        let withdraws = walk.withdraws();
        if !classic.is_empty() && context.families.ipv4 {
            // With classic prefixes and no next hop, a fault has been found.
            let next_hop = walk.view.next_hop.map_or(NextHop::Local, NextHop::V4);
            update.take(next_hop, classic, withdraws);
        }
        if let Some(reach) = reach {
            update.take(reach.next_hop, reach.nlri, withdraws);
        }
        update.faults = walk.take_faults();
        Ok(update)
    }

    /// Adds a run as announced, or as withdrawn where a fault demands that.
    #[inline]
    fn take(&mut self, next_hop: NextHop, nlri: NlriRun<'a>, withdraws: bool) {
        if withdraws {
            self.withdrawn.push(nlri);
        } else {
            self.announced.push(Announced { next_hop, nlri });
        }
    }
}

/// The three parts of an UPDATE.
struct Sections<'a> {
    withdrawn: &'a [u8],
    attributes: &'a [u8],
    /// Counted from the first octet of the header.
    attributes_offset: usize,
    nlri: &'a [u8],
}

impl<'a> Sections<'a> {
    #[inline]
    fn split(body: &'a [u8]) -> Result<Self, WireError> {
        let (withdrawn, rest) = split_section("withdrawn routes", body)?;
        let (attributes, nlri) = split_section("path attributes", rest)?;
        Ok(Self {
            withdrawn,
            attributes,
            attributes_offset: HEADER_LENGTH + 2 + withdrawn.len() + 2,
            nlri,
        })
    }
}

/// Takes off a section behind its length of two octets.
#[inline]
fn split_section<'a>(
    section: &'static str,
    octets: &'a [u8],
) -> Result<(&'a [u8], &'a [u8]), WireError> {
    let (length, rest) = octets.split_first_chunk::<2>().ok_or(WireError::Sections {
        section,
        declared: 2,
        left: octets.len(),
    })?;
    let declared = usize::from(u16::from_be_bytes(*length));
    rest.split_at_checked(declared).ok_or(WireError::Sections {
        section,
        declared,
        left: rest.len(),
    })
}

/// The family of an End-of-RIB: an UPDATE with nothing in it, or with an MP_UNREACH_NLRI that
/// names no prefix and nothing else (RFC 4724 §2).
fn end_of_rib(
    body: &[u8],
    walk: &Walk<'_>,
    withdrawn: NlriRun<'_>,
    classic: NlriRun<'_>,
    context: &DecodeContext,
) -> Option<Family> {
    if body == [0; 4] {
        return Some(Family::Ipv4).filter(|_| context.families.ipv4);
    }
    let unreach = walk.unreach.filter(NlriRun::is_empty)?;
    let alone = withdrawn.is_empty() && classic.is_empty() && !walk.others;
    alone.then_some(unreach.family)
}
