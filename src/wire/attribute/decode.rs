//! The walk over the attributes of an UPDATE: one pass, every fault with its RFC 7606 handling.

use std::net::Ipv4Addr;

use super::code::{self, OPTIONAL, PARTIAL, TRANSITIVE};
use super::error::{AttributeError, AttributeErrorKind};
use super::raw::{Raw, Seen};
use super::reach::{Reach, decode_unreach};
use super::value::{fixed, is_martian, list, read_aggregator, read_large_communities, read_origin};
use super::{
    Aggregator, AsPath, Community, LargeCommunity, NextHop, Origin, PathAttributes,
    UnknownAttribute,
};
use crate::net::{Asn, ClusterId, RouterId};
use crate::wire::DecodeContext;
use crate::wire::error::{AttributeFault, Disposition, Hex, WireError};
use crate::wire::nlri::NlriRun;

/// What the walk found.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a> {
    /// MP_REACH_NLRI of a negotiated family.
    pub(crate) reach: Option<Reach<'a>>,
    /// MP_UNREACH_NLRI of a negotiated family.
    pub(crate) unreach: Option<NlriRun<'a>>,
    /// MP_REACH_NLRI of another family was there: its prefixes are nobody's business.
    pub(crate) reach_ignored: bool,
    /// Whether anything but MP_UNREACH_NLRI was there.
    pub(crate) others: bool,
    /// The first fault that demands treat-as-withdraw.
    pub(crate) withdraw: Option<Malformed>,
    /// Faults that were survived, at most [`FAULTS_MAX`].
    pub(crate) faults: Vec<AttributeFault>,
    /// NEXT_HOP, for the classic NLRI field only.
    pub(crate) next_hop: Option<Ipv4Addr>,
    next_hop_offset: usize,
    origin: Option<Origin>,
    as_path: Option<AsPath>,
    as4_path: Option<AsPath>,
    med: Option<u32>,
    local_pref: Option<u32>,
    atomic_aggregate: bool,
    aggregator: Option<Aggregator>,
    as4_aggregator: Option<Aggregator>,
    communities: Box<[Community]>,
    originator_id: Option<RouterId>,
    cluster_list: Box<[ClusterId]>,
    extended_communities: Box<[[u8; 8]]>,
    large_communities: Box<[LargeCommunity]>,
    unknown: Vec<UnknownAttribute>,
    seen: Seen,
}

/// A fault with the attribute that has it, as a NOTIFICATION would show it.
#[derive(Clone, Debug)]
pub(crate) struct Malformed {
    pub(crate) error: AttributeError,
    pub(crate) offset: usize,
    pub(crate) attribute: Vec<u8>,
}

impl From<Malformed> for WireError {
    fn from(malformed: Malformed) -> Self {
        Self::Attribute {
            error: malformed.error,
            offset: malformed.offset,
            attribute: malformed.attribute,
        }
    }
}

/// How many survived faults of one message are reported. Further ones are handled alike, unseen: a
/// message of a thousand faults must not become a hundred kilobytes of text.
const FAULTS_MAX: usize = 16;

impl<'a> Attributes<'a> {
    /// Walks the attribute list, which begins `offset` octets into the message.
    ///
    /// # Errors
    /// [`WireError::Attribute`] for a fault that ends the session.
    pub(crate) fn walk(
        list: &'a [u8],
        offset: usize,
        context: &DecodeContext,
    ) -> Result<Self, WireError> {
        let mut found = Self::default();
        let mut left = list;
        while !left.is_empty() {
            let offset = offset + list.len() - left.len();
            match Raw::split_off(left) {
                Ok((raw, rest)) => {
                    found.others |= raw.code != code::MP_UNREACH_NLRI;
                    if raw.code == code::NEXT_HOP && found.next_hop.is_none() {
                        found.next_hop_offset = offset;
                    }
                    if let Err(kind) = found.take(&raw, context) {
                        found.record(raw.code, kind, offset, raw.whole)?;
                    }
                    left = rest;
                }
                Err((code, kind)) => {
                    // Where the next attribute begins is unknown, where the list ends is not
                    // (RFC 7606 §4).
                    found.others = true;
                    found.record(code, kind, offset, left)?;
                    break;
                }
            }
        }
        found.reconcile();
        Ok(found)
    }

    /// Notes the absence of mandatory attributes (RFC 7606 §3 d); called where prefixes are
    /// announced, with `classic` set for those that need NEXT_HOP.
    ///
    /// # Errors
    /// As [`Self::walk`], should RFC 7606's table not let the session survive.
    pub(crate) fn check_mandatory(&mut self, classic: bool) -> Result<(), WireError> {
        let missing = [
            (code::ORIGIN, self.origin.is_none()),
            (code::AS_PATH, self.as_path.is_none()),
            (code::NEXT_HOP, classic && self.next_hop.is_none()),
        ];
        for (code, _) in missing.into_iter().filter(|(_, missing)| *missing) {
            // One that was there and malformed has been reported.
            if !self.seen.contains(code) {
                self.record(code, AttributeErrorKind::Missing, 0, &[])?;
            }
        }
        if let Some(next_hop) = self.next_hop.filter(|_| classic)
            && is_martian(next_hop.into())
        {
            let kind = AttributeErrorKind::NextHop(next_hop.into());
            let offset = self.next_hop_offset;
            self.record(code::NEXT_HOP, kind, offset, &next_hop.octets())?;
        }
        Ok(())
    }

    /// Makes the attributes of the announced prefixes, all but the next hop's final word; `None`
    /// where a mandatory one is missing, so that nothing can be announced.
    pub(crate) fn into_path(self, next_hop: NextHop) -> Option<PathAttributes> {
        Some(PathAttributes {
            origin: self.origin?,
            as_path: self.as_path?,
            next_hop,
            med: self.med,
            local_pref: self.local_pref,
            atomic_aggregate: self.atomic_aggregate,
            aggregator: self.aggregator,
            communities: self.communities,
            originator_id: self.originator_id,
            cluster_list: self.cluster_list,
            extended_communities: self.extended_communities,
            large_communities: self.large_communities,
            otc: None,
            unknown: self.unknown.into(),
        })
    }

    fn take(&mut self, raw: &Raw<'a>, context: &DecodeContext) -> Result<(), AttributeErrorKind> {
        if !self.seen.insert(raw.code) {
            return Err(AttributeErrorKind::Duplicate);
        }
        match raw.code {
            // These are discarded whatever their content (RFC 7606 §7.5, §7.9, §7.10; RFC 6793
            // §4.1), so before anything in them can be malformed.
            code::LOCAL_PREF | code::ORIGINATOR_ID | code::CLUSTER_LIST if context.external => {
                Err(AttributeErrorKind::External)
            }
            code::AS4_PATH | code::AS4_AGGREGATOR if context.four_octet_as => {
                Err(AttributeErrorKind::FourOctetSession)
            }
            // Prefixes first: wrong flags withdraw them.
            code::MP_REACH_NLRI => {
                self.take_reach(raw, context)?;
                raw.check_flags()
            }
            code::MP_UNREACH_NLRI => {
                self.unreach = Some(decode_unreach(raw.value, context)?);
                raw.check_flags()
            }
            _ => {
                raw.check_flags()?;
                self.take_value(raw, context)
            }
        }
    }

    fn take_reach(
        &mut self,
        raw: &Raw<'a>,
        context: &DecodeContext,
    ) -> Result<(), AttributeErrorKind> {
        match Reach::decode(raw.value, context) {
            Ok(reach) => {
                self.reach = Some(reach);
                match reach.next_hop.address() {
                    Some(address) if is_martian(address) => {
                        Err(AttributeErrorKind::NextHop(address))
                    }
                    _ => Ok(()),
                }
            }
            Err(kind) => {
                self.reach_ignored = matches!(kind, AttributeErrorKind::NotNegotiated { .. });
                Err(kind)
            }
        }
    }

    fn take_value(
        &mut self,
        raw: &Raw<'a>,
        context: &DecodeContext,
    ) -> Result<(), AttributeErrorKind> {
        let value = raw.value;
        match raw.code {
            code::ORIGIN => self.origin = Some(read_origin(value)?),
            code::AS_PATH => self.as_path = Some(AsPath::decode(value, context.four_octet_as)?),
            code::NEXT_HOP => self.next_hop = Some(Ipv4Addr::from(fixed::<4>(value, "4")?)),
            code::MULTI_EXIT_DISC => self.med = Some(u32::from_be_bytes(fixed(value, "4")?)),
            code::LOCAL_PREF => self.local_pref = Some(u32::from_be_bytes(fixed(value, "4")?)),
            code::ATOMIC_AGGREGATE => {
                fixed::<0>(value, "0")?;
                self.atomic_aggregate = true;
            }
            code::AGGREGATOR => {
                self.aggregator = Some(read_aggregator(value, context.four_octet_as)?);
            }
            code::COMMUNITIES => {
                self.communities = list::<4, _>(value, "a multiple of 4 above 0", |octets| {
                    Community(u32::from_be_bytes(octets))
                })?;
            }
            code::ORIGINATOR_ID => {
                self.originator_id = Some(RouterId(Ipv4Addr::from(fixed::<4>(value, "4")?)));
            }
            code::CLUSTER_LIST => {
                self.cluster_list = list::<4, _>(value, "a multiple of 4 above 0", |octets| {
                    ClusterId(Ipv4Addr::from(octets))
                })?;
            }
            code::EXTENDED_COMMUNITIES => {
                self.extended_communities =
                    list::<8, _>(value, "a multiple of 8 above 0", |octets| octets)?;
            }
            code::AS4_PATH => self.as4_path = Some(AsPath::decode_as4(value)?),
            code::AS4_AGGREGATOR => self.as4_aggregator = Some(read_aggregator(value, true)?),
            code::LARGE_COMMUNITY => self.large_communities = read_large_communities(value)?,
            _ => return self.take_unknown(raw),
        }
        Ok(())
    }

    fn take_unknown(&mut self, raw: &Raw<'a>) -> Result<(), AttributeErrorKind> {
        if raw.flags & OPTIONAL == 0 {
            return Err(AttributeErrorKind::Unrecognized(raw.flags));
        }
        // A non-transitive one ends here, quietly (RFC 4271 §5).
        if raw.flags & TRANSITIVE != 0 {
            let unknown = UnknownAttribute {
                code: raw.code,
                flags: OPTIONAL | TRANSITIVE | PARTIAL,
                value: raw.value.into(),
            };
            let at = self.unknown.partition_point(|other| other.code < raw.code);
            self.unknown.insert(at, unknown);
        }
        Ok(())
    }

    /// Puts four-octet numbers where an old speaker could only say AS_TRANS (RFC 6793 §4.2.3).
    fn reconcile(&mut self) {
        let as4_path = self.as4_path.take();
        match (self.aggregator, self.as4_aggregator.take()) {
            // Someone aggregated behind the last speaker that knew four octets.
            (Some(aggregator), Some(_)) if aggregator.asn != Asn::TRANS => return,
            (Some(_), Some(true_one)) => self.aggregator = Some(true_one),
            _ => {}
        }
        if let (Some(as_path), Some(as4_path)) = (&mut self.as_path, as4_path) {
            *as_path = std::mem::take(as_path).merged_with_as4(&as4_path);
        }
    }

    fn record(
        &mut self,
        code: u8,
        kind: AttributeErrorKind,
        offset: usize,
        attribute: &[u8],
    ) -> Result<(), WireError> {
        let error = AttributeError { code, kind };
        let disposition = error.disposition();
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(AttributeFault {
                code,
                disposition,
                reason: match offset {
                    0 => error.to_string(),
                    _ => format!("{error}, at octet {offset}: {}", Hex(attribute)),
                },
            });
        }
        let malformed = Malformed {
            error,
            offset,
            attribute: match disposition {
                Disposition::DiscardAttribute => Vec::new(),
                _ => attribute.to_vec(),
            },
        };
        match disposition {
            Disposition::SessionReset => return Err(malformed.into()),
            Disposition::TreatAsWithdraw => {
                self.withdraw.get_or_insert(malformed);
            }
            Disposition::DiscardAttribute => {}
        }
        Ok(())
    }
}
