//! NLRI (RFC 4271 §4.3, RFC 4760 §5, RFC 7911 §3): verified once, then walked without a check.

use std::marker::PhantomData;

use crate::net::{AddressFamily, Family, PathId, PrefixKey};

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

/// Why octets are not a run of NLRI (RFC 7606 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NlriError {
    /// A prefix is longer than the family's addresses.
    #[error("prefix length {length} at octet {offset} is above {max}")]
    Length {
        /// Where, counted from the start of the run.
        offset: usize,
        /// The length found.
        length: u8,
        /// The family's width in bits.
        max: u8,
    },
    /// The last prefix is cut short.
    #[error("the prefix at octet {offset} is cut short")]
    Truncated {
        /// Where, counted from the start of the run.
        offset: usize,
    },
}

impl<'a> NlriRun<'a> {
    /// Verifies a run.
    ///
    /// # Errors
    /// [`NlriError`] where a prefix is too long for the family or cut short.
    #[inline]
    pub fn verify(family: Family, add_path: bool, octets: &'a [u8]) -> Result<Self, NlriError> {
        let run = Self {
            family,
            add_path,
            octets,
        };
        match run.is_whole() {
            true => Ok(run),
            false => Err(run.fault()),
        }
    }

    /// Takes octets for a run; whoever does so asks [`Self::is_whole`] before anything else.
    #[inline]
    pub(crate) const fn unverified(family: Family, add_path: bool, octets: &'a [u8]) -> Self {
        Self {
            family,
            add_path,
            octets,
        }
    }

    /// Whether every prefix is complete, and short enough for the family.
    #[inline]
    pub(crate) fn is_whole(&self) -> bool {
        let path_id = if self.add_path { 4 } else { 0 };
        let mut step = Step::default();
        let mut at = path_id;
        while let Some(&length) = self.octets.get(at) {
            if length > self.bits_max() {
                return false;
            }
            at += step.over(length) + path_id;
        }
        // The last step leads to where the length of one more prefix would stand.
        at == self.octets.len() + path_id
    }

    /// The family's width in bits.
    #[inline]
    const fn bits_max(&self) -> u8 {
        match self.family {
            Family::Ipv4 => 32,
            Family::Ipv6 => 128,
        }
    }

    /// The first fault of a run that has one.
    #[cold]
    #[inline(never)]
    pub(crate) fn fault(&self) -> NlriError {
        let max = self.bits_max();
        let mut left = self.octets;
        loop {
            let offset = self.octets.len() - left.len();
            let Some((_, length, after_length)) = split_length(left, self.add_path) else {
                return NlriError::Truncated { offset };
            };
            if length > max {
                return NlriError::Length {
                    offset,
                    length,
                    max,
                };
            }
            match after_length.get(octets_of(length)..) {
                Some(rest) => left = rest,
                None => return NlriError::Truncated { offset },
            }
        }
    }

    /// Walks the run in order; nothing where `A` is another family than the run's.
    #[inline]
    pub fn iter<A: AddressFamily>(&self) -> NlriIter<'a, A> {
        debug_assert_eq!(A::FAMILY, self.family, "a run is walked in its own family");
        NlriIter {
            add_path: self.add_path,
            left: if A::FAMILY == self.family {
                self.octets
            } else {
                &[]
            },
            step: Step::default(),
            family: PhantomData,
        }
    }

    /// The number of prefixes, by a walk over the lengths.
    pub fn len(&self) -> usize {
        let path_id = if self.add_path { 4 } else { 0 };
        let mut step = Step::default();
        let (mut at, mut count) = (path_id, 0);
        while let Some(&length) = self.octets.get(at) {
            at += step.over(length) + path_id;
            count += 1;
        }
        count
    }

    /// Whether the run holds no prefix.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }
}

/// The distance from one prefix to the next.
///
/// Most prefixes of a run take as many octets as the one before. The branch that checks this is
/// predicted, so that the processor goes on to the next prefix before the length of this one is loaded;
/// a sum of lengths would wait for each.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    octets: usize,
}

impl Step {
    /// The octets of a prefix of this length, its length field included.
    #[inline(always)]
    fn over(&mut self, length: u8) -> usize {
        if octets_of(length) != self.octets {
            self.set(length);
        }
        1 + self.octets
    }

    #[cold]
    #[inline(never)]
    fn set(&mut self, length: u8) {
        self.octets = octets_of(length);
    }
}

/// The walk over a [`NlriRun`].
#[derive(Clone, Debug)]
pub struct NlriIter<'a, A> {
    add_path: bool,
    left: &'a [u8],
    step: Step,
    family: PhantomData<A>,
}

impl<A> NlriIter<'_, A> {
    /// Whether the walk has reached the end.
    pub const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }
}

impl<A: AddressFamily> Iterator for NlriIter<'_, A> {
    type Item = Nlri<A::Prefix>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // The run was verified, so neither of these ends the walk early.
        let (path_id, length, after_length) = split_length(self.left, self.add_path)?;
        self.left = after_length.get(self.step.over(length) - 1..)?;
        // What belongs to the next prefix is masked off.
        let prefix = A::Prefix::from_octets(after_length, length).ok()?;
        Some(Nlri { prefix, path_id })
    }
}

impl<P: PrefixKey> Nlri<P> {
    /// Pairs a prefix with the identifier of a session without ADD-PATH.
    pub const fn plain(prefix: P) -> Self {
        Self {
            prefix,
            path_id: PathId(0),
        }
    }

    /// The octets that this takes on the wire.
    #[inline]
    pub(crate) fn encoded_length(&self, add_path: bool) -> usize {
        let path_id = if add_path { 4 } else { 0 };
        path_id + 1 + octets_of(self.prefix.length())
    }

    /// Writes this as it stands in NLRI, the identifier only with ADD-PATH, and says how many octets
    /// count; those after them are no one's.
    #[inline]
    pub(crate) fn encode(&self, add_path: bool, out: &mut [u8; NLRI_OCTETS_MAX]) -> usize {
        let [a, b, c, d, rest @ ..] = out;
        let length = self.prefix.length();
        let octets = self.prefix.octets();
        if add_path {
            [*a, *b, *c, *d] = self.path_id.0.to_be_bytes();
            let [first, rest @ ..] = rest;
            *first = length;
            *rest = octets;
            5 + octets_of(length)
        } else if let Some([first, rest @ ..]) = out.first_chunk_mut::<17>() {
            *first = length;
            *rest = octets;
            1 + octets_of(length)
        } else {
            0
        }
    }
}

/// Takes the path identifier (zero without ADD-PATH) and the prefix length off the front.
#[inline]
fn split_length(octets: &[u8], add_path: bool) -> Option<(PathId, u8, &[u8])> {
    let (path_id, after_id) = if add_path {
        let (id, rest) = octets.split_first_chunk::<4>()?;
        (PathId(u32::from_be_bytes(*id)), rest)
    } else {
        (PathId(0), octets)
    };
    let (&length, rest) = after_id.split_first()?;
    Some((path_id, length, rest))
}

/// The octets that hold this many bits.
#[inline]
const fn octets_of(bits: u8) -> usize {
    (bits as usize).div_ceil(8)
}

/// The most octets of one prefix: identifier, length, and the whole of an IPv6 address.
pub(crate) const NLRI_OCTETS_MAX: usize = 4 + 1 + 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Ipv4, Ipv6, Prefix};

    fn texts<A: AddressFamily>(run: &NlriRun<'_>) -> Vec<String> {
        run.iter::<A>()
            .map(|nlri| format!("{} #{}", nlri.prefix, nlri.path_id.0))
            .collect()
    }

    #[test]
    fn a_run_is_walked_in_order_with_host_bits_masked() {
        let octets = [24, 10, 65, 3, 0, 26, 10, 65, 0, 0xff];
        let run = NlriRun::verify(Family::Ipv4, false, &octets).expect("valid");
        assert_eq!(
            texts::<Ipv4>(&run),
            ["10.65.3.0/24 #0", "0.0.0.0/0 #0", "10.65.0.192/26 #0"]
        );
        assert_eq!(run.len(), 3);
    }

    #[test]
    fn path_identifiers_stand_before_each_prefix() {
        let octets = [0, 0, 0, 7, 8, 0xfd, 0, 0, 1, 0, 0];
        let run = NlriRun::verify(Family::Ipv6, true, &octets).expect("valid");
        assert_eq!(texts::<Ipv6>(&run), ["fd00::/8 #7", "::/0 #256"]);
    }

    #[test]
    fn faults_name_the_prefix_by_its_offset() {
        let verify = |family, add_path, octets| NlriRun::verify(family, add_path, octets).err();
        assert_eq!(
            verify(Family::Ipv4, false, &[8, 10, 33, 1, 2, 3, 4, 5]),
            Some(NlriError::Length {
                offset: 2,
                length: 33,
                max: 32
            })
        );
        assert_eq!(
            verify(Family::Ipv4, false, &[8, 10, 24, 1, 2]),
            Some(NlriError::Truncated { offset: 2 })
        );
        assert_eq!(
            verify(Family::Ipv6, true, &[0, 0, 1]),
            Some(NlriError::Truncated { offset: 0 })
        );
        assert_eq!(
            verify(Family::Ipv6, false, &[129]),
            Some(NlriError::Length {
                offset: 0,
                length: 129,
                max: 128
            })
        );
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let octets = [0, 0, 0, 9, 26, 10, 65, 0, 64];
        let run = NlriRun::verify(Family::Ipv4, true, &octets).expect("valid");
        let mut out = [0; NLRI_OCTETS_MAX];
        for nlri in run.iter::<Ipv4>() {
            assert_eq!(nlri.encoded_length(true), octets.len());
            assert!(matches!(nlri.prefix.into(), Prefix::V4(_)));
            let count = nlri.encode(true, &mut out);
            assert_eq!(out[..count], octets);
            let count = nlri.encode(false, &mut out);
            assert_eq!(out[..count], octets[4..]);
        }
    }
}
