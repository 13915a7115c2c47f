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
    #[inline(always)]
    pub(crate) fn decode(body: &'a [u8], context: &DecodeContext) -> Result<Self, WireError> {
        let Some(sections) = Sections::split(body) else {
            return Err(section_fault(body));
        };
        let ipv4 = |octets| NlriRun::unverified(Family::Ipv4, context.add_path.ipv4, octets);
        let withdrawn = ipv4(sections.withdrawn);
        if !withdrawn.is_whole() {
            return Err(nlri_fault("withdrawn routes", withdrawn));
        }
        let classic = ipv4(sections.nlri);
        if !classic.is_whole() {
            return Err(nlri_fault("NLRI", classic));
        }
        let mut walk = Walk::new(sections.attributes, context);
        let offset = HEADER_LENGTH + 2 + withdrawn.octets.len() + 2;
        if let Err(error) = walk.run(offset, context) {
            return Err(*error);
        }

        let reach = walk.reach.filter(|reach| !reach.nlri.is_empty());
        if !classic.is_empty() || reach.is_some() {
            if !walk.has_mandatory(!classic.is_empty()) {
                walk.record_missing(!classic.is_empty())
                    .map_err(|error| *error)?;
            }
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
    #[inline(always)]
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
    nlri: &'a [u8],
}

impl<'a> Sections<'a> {
    #[inline]
    fn split(body: &'a [u8]) -> Option<Self> {
        let (withdrawn, rest) = split_section(body)?;
        let (attributes, nlri) = split_section(rest)?;
        Some(Self {
            withdrawn,
            attributes,
            nlri,
        })
    }
}

/// Takes off a section behind its length of two octets.
#[inline]
fn split_section(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Which section of a body is cut short.
#[cold]
fn section_fault(body: &[u8]) -> WireError {
    let (section, octets) = match split_section(body) {
        None => ("withdrawn routes", body),
        Some((_, rest)) => ("path attributes", rest),
    };
    let (declared, left) = match octets.split_first_chunk::<2>() {
        Some((length, rest)) => (u16::from_be_bytes(*length).into(), rest.len()),
        None => (2, octets.len()),
    };
    WireError::Sections {
        section,
        declared,
        left,
    }
}

#[cold]
fn nlri_fault(section: &'static str, run: NlriRun<'_>) -> WireError {
    WireError::Nlri {
        section,
        error: run.fault(),
    }
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
