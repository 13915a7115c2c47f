//! The walk over the attributes of an UPDATE: one pass, every fault with its RFC 7606 handling.

use std::net::Ipv4Addr;

use super::as_path;
use super::code::{self, OPTIONAL, PARTIAL, TRANSITIVE};
use super::error::{AttributeError, AttributeErrorKind};
use super::raw::{Raw, Seen, split_fault};
use super::reach::{Reach, decode_unreach};
use super::value::{
    fixed, is_martian, is_martian_v4, list, may_repeat, read_origin, verify_aggregator, verify_aigp,
};
use super::view::{AttributesView, Span};
use crate::net::Asn;
use crate::wire::DecodeContext;
use crate::wire::error::{AttributeFault, Disposition, FAULT_OCTETS_MAX, WireError};
use crate::wire::nlri::NlriRun;

/// What the walk found.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    /// The attributes that are kept.
    pub(crate) view: AttributesView<'a>,
    /// MP_REACH_NLRI of a negotiated family.
    pub(crate) reach: Option<Reach<'a>>,
    /// MP_UNREACH_NLRI of a negotiated family.
    pub(crate) unreach: Option<NlriRun<'a>>,
    /// MP_REACH_NLRI of another family was there: its prefixes are nobody's business.
    pub(crate) reach_ignored: bool,
    /// Whether anything but MP_UNREACH_NLRI was there.
    pub(crate) others: bool,
    seen: Seen,
    /// Where the list begins in the message.
    offset: usize,
    /// What is wrong, where anything is.
    faults: Option<Box<Faults>>,
}

/// An error ends the session; it is boxed, since the way of good messages leads past it.
pub(crate) type Fatal = Result<(), Box<WireError>>;

/// A fault in one attribute; boxed for the same reason.
type Taken = Result<(), Box<AttributeErrorKind>>;

/// Faults of a message that the session survives.
#[derive(Debug, Default)]
struct Faults {
    /// At most [`FAULTS_MAX`].
    told: Vec<AttributeFault>,
    /// The first that demands treat-as-withdraw.
    withdraw: Option<WireError>,
}

/// How many survived faults of one message are reported. Further ones are handled alike, unseen: a
/// message of a thousand faults must not become a hundred kilobytes of text.
const FAULTS_MAX: usize = 16;

impl<'a> Walk<'a> {
    /// A walk over an attribute list, yet to be made.
    #[inline]
    pub(crate) fn new(list: &'a [u8], context: &DecodeContext) -> Self {
        Self {
            view: AttributesView::new(list, context.four_octet_as),
            reach: None,
            unreach: None,
            reach_ignored: false,
            others: false,
            seen: Seen::default(),
            offset: 0,
            faults: None,
        }
    }

    /// Walks the list, which begins `offset` octets into the message.
    ///
    /// # Errors
    /// [`WireError::Attribute`] for a fault that ends the session.
    #[inline]
    pub(crate) fn run(&mut self, offset: usize, context: &DecodeContext) -> Fatal {
        self.offset = offset;
        let list = self.view.list;
        let mut left = list;
        while !left.is_empty() {
            let Some((raw, rest)) = Raw::split_off(left) else {
                // Where the next attribute begins is unknown, where the list ends is not
                // (RFC 7606 §4).
                self.others = true;
                let (code, kind) = split_fault(left);
                self.record(code, kind, list.len() - left.len(), left)?;
                break;
            };
            self.others |= raw.code != code::MP_UNREACH_NLRI;
            if let Err(kind) = self.take(&raw, rest.len(), context) {
                let whole = left.get(..left.len() - rest.len()).unwrap_or_default();
                self.record(raw.code, *kind, list.len() - left.len(), whole)?;
            }
            left = rest;
        }
        if context.four_octet_as {
            return Ok(());
        }
        self.reconcile()
    }

    /// Whether the mandatory attributes are there and fit to announce prefixes with (RFC 7606 §3 d),
    /// with `classic` set for those that need NEXT_HOP.
    #[inline]
    pub(crate) fn has_mandatory(&self, classic: bool) -> bool {
        let has_next_hop = match self.view.next_hop {
            Some(next_hop) => !classic || !is_martian_v4(next_hop),
            None => !classic,
        };
        self.view.origin.is_some() && self.view.as_path.is_there() && has_next_hop
    }

    /// Notes which of the mandatory attributes are missing.
    ///
    /// # Errors
    /// As [`Self::run`], should RFC 7606's table not let the session survive.
    #[cold]
    pub(crate) fn record_missing(&mut self, classic: bool) -> Fatal {
        let view = &self.view;
        let missing = [
            (code::ORIGIN, view.origin.is_none()),
            (code::AS_PATH, !view.as_path.is_there()),
            (code::NEXT_HOP, classic && view.next_hop.is_none()),
        ];
        for (code, _) in missing.into_iter().filter(|(_, missing)| *missing) {
            // One that was there and malformed has been reported.
            if !self.seen.contains(code) {
                self.record(code, AttributeErrorKind::Missing, 0, &[])?;
            }
        }
        if let Some(next_hop) = self.view.next_hop.filter(|_| classic)
            && is_martian_v4(next_hop)
        {
            let kind = AttributeErrorKind::NextHop(next_hop.into());
            let (place, whole) = self.find(code::NEXT_HOP);
            self.record(code::NEXT_HOP, kind, place, whole)?;
        }
        Ok(())
    }

    /// Whether the prefixes have to be withdrawn: a fault demands it, or a mandatory attribute is not
    /// there to announce them with.
    pub(crate) fn withdraws(&self) -> bool {
        self.withdraw_fault().is_some()
            || self.view.origin.is_none()
            || !self.view.as_path.is_there()
    }

    /// The first fault that demands treat-as-withdraw, as the error that it is where nothing can be
    /// withdrawn.
    pub(crate) fn withdraw_fault(&self) -> Option<&WireError> {
        self.faults.as_ref()?.withdraw.as_ref()
    }

    /// The faults that are told.
    pub(crate) fn faults(&self) -> &[AttributeFault] {
        self.faults.as_ref().map_or(&[], |faults| &faults.told)
    }

    /// Hands the faults over.
    #[inline]
    pub(crate) fn take_faults(&mut self) -> Vec<AttributeFault> {
        match self.faults.take() {
            Some(faults) => faults.told,
            None => Vec::new(),
        }
    }

    #[inline]
    fn take(&mut self, raw: &Raw<'a>, after: usize, context: &DecodeContext) -> Taken {
        if !self.seen.insert(raw.code) {
            return fault(AttributeErrorKind::Duplicate);
        }
        match raw.code {
            // These are discarded whatever their content (RFC 7606 §7.5, §7.9, §7.10; RFC 6793
            // §4.1), so before anything in them can be malformed.
            code::LOCAL_PREF | code::ORIGINATOR_ID | code::CLUSTER_LIST if context.external => {
                fault(AttributeErrorKind::External)
            }
            code::AS4_PATH | code::AS4_AGGREGATOR if context.four_octet_as => {
                fault(AttributeErrorKind::FourOctetSession)
            }
            // Where AIGP is not enabled, it is as unknown as any that is not transitive (RFC 7311
            // §3.3); between autonomous systems nobody has enabled it.
            code::AIGP if context.external => Ok(()),
            // Prefixes first: wrong flags withdraw them.
            code::MP_REACH_NLRI => {
                self.take_reach(raw, context)?;
                check_flags(raw)
            }
            code::MP_UNREACH_NLRI => {
                self.unreach = Some(decode_unreach(raw.value, context)?);
                check_flags(raw)
            }
            _ => {
                if !raw.has_right_flags() {
                    return fault(raw.flags_fault());
                }
                self.take_value(raw, after)
            }
        }
    }

    fn take_reach(&mut self, raw: &Raw<'a>, context: &DecodeContext) -> Taken {
        match Reach::decode(raw.value, context) {
            Ok(reach) => {
                self.reach = Some(reach);
                match reach.next_hop.address() {
                    Some(address) if is_martian(address) => {
                        fault(AttributeErrorKind::NextHop(address))
                    }
                    _ => Ok(()),
                }
            }
            Err(kind) => {
                self.reach_ignored = matches!(kind, AttributeErrorKind::NotNegotiated { .. });
                fault(kind)
            }
        }
    }

    #[inline]
    fn take_value(&mut self, raw: &Raw<'a>, after: usize) -> Taken {
        let view = &mut self.view;
        let value = raw.value;
        let place = Span::of(value, view.list.len(), after);
        match raw.code {
            code::ORIGIN => view.origin = Some(read_origin(value)?),
            code::AS_PATH => {
                as_path::verify(value, view.four_octet_as)?;
                view.as_path = place;
            }
            code::NEXT_HOP => view.next_hop = Some(Ipv4Addr::from(fixed::<4>(value, "4")?)),
            code::MULTI_EXIT_DISC => view.med = Some(u32::from_be_bytes(fixed(value, "4")?)),
            code::LOCAL_PREF => view.local_pref = Some(u32::from_be_bytes(fixed(value, "4")?)),
            code::ATOMIC_AGGREGATE => {
                fixed::<0>(value, "0")?;
                view.atomic_aggregate = true;
            }
            code::AGGREGATOR => {
                verify_aggregator(value, view.four_octet_as)?;
                view.aggregator = place;
            }
            code::COMMUNITIES => {
                list::<4>(value, "a multiple of 4 above 0")?;
                view.communities = place;
            }
            code::ORIGINATOR_ID => view.originator_id = Some(fixed(value, "4")?),
            code::CLUSTER_LIST => {
                list::<4>(value, "a multiple of 4 above 0")?;
                view.cluster_list = place;
            }
            code::EXTENDED_COMMUNITIES => {
                list::<8>(value, "a multiple of 8 above 0")?;
                view.extended_communities = place;
            }
            code::AS4_PATH => {
                as_path::verify_as4(value)?;
                view.as4_path = place;
            }
            code::AS4_AGGREGATOR => {
                verify_aggregator(value, true)?;
                view.as4_aggregator = place;
            }
            code::IPV6_EXTENDED_COMMUNITIES => {
                list::<20>(value, "a multiple of 20 above 0")?;
                view.ipv6_extended_communities = place;
            }
            code::AIGP => {
                verify_aigp(value)?;
                view.aigp = place;
            }
            code::LARGE_COMMUNITY => {
                list::<12>(value, "a multiple of 12 above 0")?;
                view.repeated = may_repeat(value);
                view.large_communities = place;
            }
            code::ONLY_TO_CUSTOMER => view.otc = Some(u32::from_be_bytes(fixed(value, "4")?)),
            _ => return self.take_unknown(raw),
        }
        if raw.flags & PARTIAL != 0 {
            view.partial.insert(raw.code);
        }
        Ok(())
    }

    #[cold]
    fn take_unknown(&mut self, raw: &Raw<'a>) -> Taken {
        if raw.flags & OPTIONAL == 0 {
            return fault(AttributeErrorKind::Unrecognized(raw.flags));
        }
        self.view.unknown |= raw.flags & TRANSITIVE != 0;
        Ok(())
    }

    /// Decides which of the attributes of an old speaker tell the truth (RFC 6793 §4.2.3).
    #[cold]
    fn reconcile(&mut self) -> Fatal {
        let view = &mut self.view;
        let has_as4_path = view.as4_path.is_there();
        let hops = as_path::hop_count(view.at(view.as_path), false);
        if has_as4_path && as_path::hop_count(view.at(view.as4_path), true) > hops {
            view.as4_path = Span::default();
        }
        let trans = Asn::TRANS.to_two_octets().to_be_bytes();
        if view.as4_aggregator.is_there() && view.aggregator.is_there() {
            // Someone aggregated behind the last speaker that knew four octets.
            if !view.at(view.aggregator).starts_with(&trans) {
                view.as4_aggregator = Span::default();
                view.as4_path = Span::default();
            }
        } else {
            view.as4_aggregator = Span::default();
        }
        // With four-octet numbers the set has to fit an attribute list, too.
        if view.list.len() + 2 * hops + 4 > usize::from(u16::MAX) {
            let (place, whole) = self.find(code::AS_PATH);
            self.record(code::AS_PATH, AttributeErrorKind::TooLong, place, whole)?;
        }
        Ok(())
    }

    /// Looks again for the first attribute of a type: its place in the list, and the attribute with its
    /// header.
    fn find(&self, code: u8) -> (usize, &'a [u8]) {
        let list = self.view.list;
        let mut left = list;
        while let Some((raw, rest)) = Raw::split_off(left) {
            if raw.code == code {
                let whole = left.get(..left.len() - rest.len()).unwrap_or_default();
                return (list.len() - left.len(), whole);
            }
            left = rest;
        }
        (0, &[])
    }

    /// Notes a fault in the attribute at a place of the list; one that is missing is empty.
    #[cold]
    #[inline(never)]
    fn record(
        &mut self,
        code: u8,
        kind: AttributeErrorKind,
        place: usize,
        attribute: &[u8],
    ) -> Fatal {
        let error = AttributeError { code, kind };
        let disposition = error.disposition();
        let offset = match attribute {
            [] => 0,
            _ => self.offset + place,
        };
        let faults = self.faults.get_or_insert_default();
        if faults.told.len() < FAULTS_MAX {
            faults.told.push(AttributeFault {
                code,
                disposition,
                offset,
                octets: attribute
                    .get(..FAULT_OCTETS_MAX)
                    .unwrap_or(attribute)
                    .to_vec(),
                reason: error.to_string(),
            });
        }
        let error = || WireError::Attribute {
            error,
            offset,
            attribute: attribute.to_vec(),
        };
        match disposition {
            Disposition::SessionReset => return Err(Box::new(error())),
            Disposition::TreatAsWithdraw => {
                if faults.withdraw.is_none() {
                    faults.withdraw = Some(error());
                }
            }
            Disposition::DiscardAttribute => {}
        }
        Ok(())
    }
}

#[cold]
fn fault(kind: AttributeErrorKind) -> Taken {
    Err(Box::new(kind))
}

fn check_flags(raw: &Raw<'_>) -> Taken {
    if raw.has_right_flags() {
        Ok(())
    } else {
        fault(raw.flags_fault())
    }
}
