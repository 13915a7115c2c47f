//! UPDATE (RFC 4271 §4.3): its sections as borrowed, verified runs of NLRI.

use std::sync::Arc;

use smallvec::SmallVec;

use super::attribute::{Attributes, NextHop, PathAttributes};
use super::error::{AttributeFault, WireError};
use super::nlri::NlriRun;
use super::{DecodeContext, HEADER_LENGTH};
use crate::net::Family;

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

impl<'a> Update<'a> {
    /// Reads a body.
    pub(crate) fn decode(body: &'a [u8], context: &DecodeContext) -> Result<Self, WireError> {
        let sections = Sections::split(body)?;
        let ipv4 = |section, octets| {
            NlriRun::verify(Family::Ipv4, context.add_path.ipv4, octets)
                .map_err(|error| WireError::Nlri { section, error })
        };
        let withdrawn = ipv4("withdrawn routes", sections.withdrawn)?;
        let classic = ipv4("NLRI", sections.nlri)?;
        let mut attributes =
            Attributes::walk(sections.attributes, sections.attributes_offset, context)?;

        let reach = attributes.reach.filter(|reach| !reach.nlri.is_empty());
        if !classic.is_empty() || reach.is_some() {
            attributes.check_mandatory(!classic.is_empty())?;
        }
        let announces = !classic.is_empty() || reach.is_some() || attributes.reach_ignored;
        // Attributes without prefixes, and a fault in them: the prefixes may be what the fault ate
        // (RFC 7606 §5.2).
        if !announces
            && attributes.others
            && let Some(malformed) = attributes.withdraw.take()
        {
            return Err(malformed.into());
        }

        let mut update = Self {
            end_of_rib: end_of_rib(body, &attributes, withdrawn, classic, context),
            faults: std::mem::take(&mut attributes.faults),
            ..Self::default()
        };
        let classic = Some(classic).filter(|run| !run.is_empty() && context.families.ipv4);
        let withdrawn = Some(withdrawn).filter(|_| context.families.ipv4);
        let runs = withdrawn.into_iter().chain(attributes.unreach);
        update.withdrawn.extend(runs.filter(|run| !run.is_empty()));

        let reached = reach.map(|reach| (reach.next_hop, reach.nlri));
        let next_hop = NextHop::V4(
            attributes
                .next_hop
                .unwrap_or(std::net::Ipv4Addr::UNSPECIFIED),
        );
        let announced = classic
            .map(|run| (next_hop, run))
            .into_iter()
            .chain(reached);
        update.announce(announced.collect(), attributes);
        Ok(update)
    }

    /// Adds the runs as announced, or as withdrawn where a fault demands that.
    fn announce(
        &mut self,
        runs: SmallVec<[(NextHop, NlriRun<'a>); 2]>,
        attributes: Attributes<'a>,
    ) {
        let Some((first_hop, _)) = runs.first().copied() else {
            return;
        };
        let path = match attributes.withdraw {
            Some(_) => None,
            None => attributes.into_path(first_hop),
        };
        let Some(path) = path else {
            self.withdrawn.extend(runs.into_iter().map(|(_, run)| run));
            return;
        };
        let path = Arc::new(path);
        for (next_hop, nlri) in runs {
            let attributes = if next_hop == path.next_hop {
                Arc::clone(&path)
            } else {
                Arc::new(PathAttributes {
                    next_hop,
                    ..(*path).clone()
                })
            };
            self.announced.push(Announced { attributes, nlri });
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
    attributes: &Attributes<'_>,
    withdrawn: NlriRun<'_>,
    classic: NlriRun<'_>,
    context: &DecodeContext,
) -> Option<Family> {
    if body == [0; 4] {
        return Some(Family::Ipv4).filter(|_| context.families.ipv4);
    }
    let unreach = attributes.unreach.filter(NlriRun::is_empty)?;
    let alone = withdrawn.is_empty() && classic.is_empty() && !attributes.others;
    alone.then_some(unreach.family)
}
