//! The attributes that most routes do not have, out of the way of those that have none.

use std::fmt;
use std::ops::Deref;

use super::{Aggregator, LargeCommunity, RareList, UnknownAttribute};
use crate::net::{Asn, ClusterId, RouterId};

/// Attributes that are seldom there. [`Rare`] keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RareAttributes {
    /// AGGREGATOR (7), already reconciled with AS4_AGGREGATOR.
    pub aggregator: Option<Aggregator>,
    /// ORIGINATOR_ID (9).
    pub originator_id: Option<RouterId>,
    /// CLUSTER_LIST (10), nearest cluster first.
    pub cluster_list: Vec<ClusterId>,
    /// EXTENDED COMMUNITIES (16, RFC 4360), eight octets each.
    pub extended_communities: RareList<[u8; 8]>,
    /// IPv6 address specific extended communities (25, RFC 5701), twenty octets each.
    pub ipv6_extended_communities: RareList<[u8; 20]>,
    /// AIGP (26, RFC 7311): its TLVs as received, the first of type 1 well-formed; empty without one.
    pub aigp: RareList<u8>,
    /// LARGE_COMMUNITY (32, RFC 8092).
    pub large_communities: RareList<LargeCommunity>,
    /// ONLY_TO_CUSTOMER (35, RFC 9234): the AS that forbids to pass the route upwards or sideways.
    pub otc: Option<Asn>,
    /// Optional transitive attributes that calidris does not interpret, by ascending type.
    pub unknown: RareList<UnknownAttribute>,
}

static NONE: RareAttributes = RareAttributes {
    aggregator: None,
    originator_id: None,
    cluster_list: Vec::new(),
    extended_communities: RareList::EMPTY,
    ipv6_extended_communities: RareList::EMPTY,
    aigp: RareList::EMPTY,
    large_communities: RareList::EMPTY,
    otc: None,
    unknown: RareList::EMPTY,
};

/// [`RareAttributes`] in 8 octets where there are none of them, which is so for nine of ten routes of a
/// full table and for all that a Calico node announces.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Rare(Option<Box<RareAttributes>>);

impl Rare {
    /// Changes them; what holds none afterwards takes no place.
    pub fn edit(&mut self, change: impl FnOnce(&mut RareAttributes)) {
        match &mut self.0 {
            Some(attributes) => {
                change(attributes);
                if **attributes == NONE {
                    self.0 = None;
                }
            }
            None => {
                let mut attributes = NONE.clone();
                change(&mut attributes);
                *self = attributes.into();
            }
        }
    }
}

impl Deref for Rare {
    type Target = RareAttributes;

    #[inline]
    fn deref(&self) -> &RareAttributes {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl From<RareAttributes> for Rare {
    #[inline]
    fn from(attributes: RareAttributes) -> Self {
        Self((attributes != NONE).then(|| Box::new(attributes)))
    }
}

impl fmt::Debug for Rare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_take_no_place() {
        let mut rare = Rare::default();
        rare.edit(|rare| rare.otc = Some(Asn(1)));
        assert_eq!((rare.otc, rare.0.is_some()), (Some(Asn(1)), true));
        rare.edit(|rare| rare.otc = None);
        assert_eq!(rare, Rare::default());
        assert_eq!(Rare::from(RareAttributes::default()), rare);
        assert_eq!(size_of::<Rare>(), 8);
    }
}
