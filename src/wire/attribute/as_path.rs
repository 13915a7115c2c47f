//! AS_PATH (RFC 4271 §4.3, §5.1.2) and its merger with AS4_PATH (RFC 6793).

use std::fmt;

use smallvec::SmallVec;

use super::encode::Sink;
use super::error::AttributeErrorKind;
use crate::net::Asn;

/// AS_PATH: numbers, nearest first (RFC 4271 §5.1.2).
///
/// AS_SETs are not accepted (RFC 9774) and confederations are not spoken, so every segment is an
/// AS_SEQUENCE, and where one ends and the next begins says nothing: a path is one row of numbers. On
/// the wire the first segment takes what is left after segments of 255 numbers, which is what
/// prepending to a full one leads to (RFC 4271 §5.1.2 b).
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct AsPath {
    /// As they stand on the wire, so that reading, comparing and writing are copies.
    numbers: Box<[[u8; 4]]>,
}

impl AsPath {
    /// Makes a path of numbers, nearest first.
    pub fn sequence(numbers: impl IntoIterator<Item = Asn>) -> Self {
        Self {
            numbers: numbers
                .into_iter()
                .map(|number| number.0.to_be_bytes())
                .collect(),
        }
    }

    /// The path with one more number in front.
    #[must_use]
    pub fn prepend(&self, asn: Asn) -> Self {
        let mut numbers = Vec::with_capacity(self.numbers.len() + 1);
        numbers.push(asn.0.to_be_bytes());
        numbers.extend_from_slice(&self.numbers);
        Self {
            numbers: numbers.into(),
        }
    }

    /// All numbers, nearest first.
    pub fn numbers(&self) -> impl ExactSizeIterator<Item = Asn> + DoubleEndedIterator + '_ {
        self.numbers
            .iter()
            .map(|number| Asn(u32::from_be_bytes(*number)))
    }

    /// Whether the path has no number, as on a route that its own AS originates.
    pub const fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The length that the decision process compares (RFC 4271 §9.1.2.2 a).
    pub const fn hop_count(&self) -> usize {
        self.numbers.len()
    }

    /// Whether a number is anywhere in the path (the loop check of RFC 4271 §9.1.2).
    pub fn contains(&self, asn: Asn) -> bool {
        self.numbers.contains(&asn.0.to_be_bytes())
    }

    /// How often a number is in the path.
    pub fn occurrences(&self, asn: Asn) -> usize {
        let wanted = asn.0.to_be_bytes();
        self.numbers
            .iter()
            .filter(|number| **number == wanted)
            .count()
    }

    /// The leftmost number: the AS that the route came from.
    pub fn first(&self) -> Option<Asn> {
        self.numbers().next()
    }

    /// The AS that the route came from: the leftmost number.
    pub fn neighbour(&self) -> Option<Asn> {
        self.first()
    }

    /// The AS that originated the route: the rightmost number.
    pub fn origin(&self) -> Option<Asn> {
        self.numbers().next_back()
    }

    /// Whether every number fits two octets, so that no AS4_PATH is needed.
    pub(super) fn fits_two_octets(&self) -> bool {
        self.numbers.iter().all(|[a, b, ..]| *a == 0 && *b == 0)
    }

    /// The octets of the attribute's value.
    pub(super) const fn encoded_length(&self, four_octet_as: bool) -> usize {
        encoded_length(self.numbers.len(), four_octet_as)
    }

    /// Writes the attribute's value; numbers that do not fit two octets become AS_TRANS there.
    pub(super) fn encode(&self, four_octet_as: bool, out: &mut impl Sink) {
        let mut rest = &*self.numbers;
        while let Some((count, segment, after)) = first_segment(rest) {
            out.put(&[AS_SEQUENCE, count]);
            if four_octet_as {
                out.put(segment.as_flattened());
            } else {
                for number in segment {
                    let number = Asn(u32::from_be_bytes(*number)).to_two_octets();
                    out.put(&number.to_be_bytes());
                }
            }
            rest = after;
        }
    }

    /// Reads a verified value with four-octet numbers.
    pub(super) fn from_value(value: &[u8]) -> Self {
        Self {
            numbers: match value {
                // One segment is the rule.
                [_, count, octets @ ..] if octets.len() == 4 * usize::from(*count) => {
                    octets.as_chunks().0.into()
                }
                _ => numbers(value, true).collect(),
            },
        }
    }
}

/// Takes the segment at the front, with its count, off a row of numbers.
#[expect(clippy::type_complexity, reason = "a segment and what follows it")]
fn first_segment(numbers: &[[u8; 4]]) -> Option<(u8, &[[u8; 4]], &[[u8; 4]])> {
    let count = match numbers.len() % SEGMENT_NUMBERS_MAX {
        0 => numbers.len().min(SEGMENT_NUMBERS_MAX),
        some => some,
    };
    let (segment, rest) = numbers.split_at_checked(count)?;
    let count = u8::try_from(count).ok().filter(|count| *count > 0)?;
    Some((count, segment, rest))
}

const fn encoded_length(numbers: usize, four_octet_as: bool) -> usize {
    let width = if four_octet_as { 4 } else { 2 };
    2 * numbers.div_ceil(SEGMENT_NUMBERS_MAX) + width * numbers
}

/// Checks the value of AS_PATH.
///
/// AS_SET makes the route unusable (RFC 9774 §3), and so does a segment of a confederation, which no
/// peer outside of one may send (RFC 5065 §5).
#[inline]
pub(super) fn verify(value: &[u8], four_octet_as: bool) -> Result<(), AttributeErrorKind> {
    let width = if four_octet_as { 4 } else { 2 };
    let mut left = value;
    while let [kind, count, tail @ ..] = left {
        let length = usize::from(*count) * width;
        let (AS_SEQUENCE, 1.., Some((octets, rest))) =
            (*kind, *count, tail.split_at_checked(length))
        else {
            return Err(segment_fault(left, four_octet_as));
        };
        if has_zero(octets, four_octet_as) {
            return Err(AttributeErrorKind::AsZero);
        }
        left = rest;
    }
    match left {
        [] => Ok(()),
        _ => Err(segment_fault(left, four_octet_as)),
    }
}

/// Checks the value of AS4_PATH; segments of a confederation are skipped (RFC 6793 §6), but for an
/// AS_CONFED_SET, which RFC 9774 §3 does not let pass.
pub(super) fn verify_as4(value: &[u8]) -> Result<(), AttributeErrorKind> {
    if value.len() < 6 {
        return Err(AttributeErrorKind::Length {
            found: value.len(),
            wanted: "6 or more",
        });
    }
    let mut left = value;
    while let [kind, count, tail @ ..] = left {
        let length = 4 * usize::from(*count);
        let (AS_SEQUENCE | AS_CONFED_SEQUENCE, 1.., Some((octets, rest))) =
            (*kind, *count, tail.split_at_checked(length))
        else {
            return Err(segment_fault(left, true));
        };
        if *kind == AS_SEQUENCE && has_zero(octets, true) {
            return Err(AttributeErrorKind::AsZero);
        }
        left = rest;
    }
    match left {
        [] => Ok(()),
        _ => Err(segment_fault(left, true)),
    }
}

#[inline]
fn has_zero(octets: &[u8], four_octet_as: bool) -> bool {
    if four_octet_as {
        octets.as_chunks().0.contains(&[0; 4])
    } else {
        octets.as_chunks().0.contains(&[0; 2])
    }
}

/// What is wrong with the segment at the front.
#[cold]
fn segment_fault(left: &[u8], four_octet_as: bool) -> AttributeErrorKind {
    let width = if four_octet_as { 4 } else { 2 };
    let (kind, count, octets) = match left {
        [kind, count, octets @ ..] => (*kind, *count, octets.len()),
        [kind] => (*kind, 0, 0),
        [] => (0, 0, 0),
    };
    match kind {
        0 | 5.. => AttributeErrorKind::SegmentType(kind),
        _ if left.len() < 2 || usize::from(count) * width > octets => {
            AttributeErrorKind::SegmentOverrun {
                numbers: count,
                left: octets,
            }
        }
        _ if count == 0 => AttributeErrorKind::EmptySegment,
        AS_SET | AS_CONFED_SET => AttributeErrorKind::AsSet(kind),
        _ => AttributeErrorKind::Confederation(kind),
    }
}

/// The numbers of a verified value in four octets, those of confederations left out.
fn numbers(value: &[u8], four_octet_as: bool) -> impl Iterator<Item = [u8; 4]> + Clone + '_ {
    let width = if four_octet_as { 4 } else { 2 };
    let mut left = value;
    let segments = std::iter::from_fn(move || {
        let [kind, count, tail @ ..] = left else {
            return None;
        };
        let (octets, rest) = tail.split_at_checked(width * usize::from(*count))?;
        left = rest;
        Some((*kind, octets))
    });
    segments
        .filter(|(kind, _)| *kind == AS_SEQUENCE)
        .flat_map(move |(_, octets)| octets.chunks_exact(width))
        .map(|number| match number {
            [a, b, c, d] => [*a, *b, *c, *d],
            [a, b] => [0, 0, *a, *b],
            _ => [0; 4],
        })
}

/// The number of hops in a verified value.
pub(super) fn hop_count(value: &[u8], four_octet_as: bool) -> usize {
    numbers(value, four_octet_as).count()
}

/// A verified AS_PATH value, with the AS4_PATH that came beside it, on its way into the form in which
/// [`AsPath::encode`] writes it.
#[derive(Clone, Copy)]
pub(super) struct Received<'a> {
    pub(super) value: &'a [u8],
    pub(super) four_octet_as: bool,
    /// The value of AS4_PATH, which has no more hops than AS_PATH.
    pub(super) as4_path: Option<&'a [u8]>,
}

impl Received<'_> {
    /// The value in the form in which it is kept, handed out in one piece.
    pub(super) fn with_value<T>(self, give: impl FnOnce(&[u8]) -> T) -> T {
        match self.value {
            [] if self.as4_path.is_none() => give(&[]),
            [_, count, octets @ ..]
                if self.four_octet_as && octets.len() == 4 * usize::from(*count) =>
            {
                give(self.value)
            }
            _ => give(&self.rewritten()),
        }
    }

    /// Puts the true numbers of AS4_PATH in the place of AS_TRANS (RFC 6793 §4.2.3): the leading hops
    /// of AS_PATH that AS4_PATH lacks, then AS4_PATH.
    fn rewritten(self) -> SmallVec<[u8; 256]> {
        let own = numbers(self.value, self.four_octet_as);
        let true_ones = self.as4_path.unwrap_or_default();
        let missing = own
            .clone()
            .count()
            .saturating_sub(hop_count(true_ones, true));
        let taken = match self.as4_path {
            Some(_) => missing,
            None => usize::MAX,
        };
        let merged: SmallVec<[[u8; 4]; 64]> =
            own.take(taken).chain(numbers(true_ones, true)).collect();
        let mut value = SmallVec::new();
        let mut rest = &*merged;
        while let Some((count, segment, after)) = first_segment(rest) {
            value.extend_from_slice(&[AS_SEQUENCE, count]);
            value.extend_from_slice(segment.as_flattened());
            rest = after;
        }
        value
    }
}

const SEGMENT_NUMBERS_MAX: usize = 255;
const AS_SET: u8 = 1;
const AS_SEQUENCE: u8 = 2;
const AS_CONFED_SEQUENCE: u8 = 3;
const AS_CONFED_SET: u8 = 4;

impl fmt::Display for AsPath {
    /// Writes numbers separated by spaces: `65001 65002`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for number in self.numbers() {
            write!(f, "{gap}{number}")?;
            gap = " ";
        }
        Ok(())
    }
}

impl fmt::Debug for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(path: &AsPath, four_octet_as: bool) -> Vec<u8> {
        let mut out = Vec::new();
        path.encode(four_octet_as, &mut out);
        assert_eq!(out.len(), path.encoded_length(four_octet_as));
        out
    }

    fn received(value: &[u8], as4_path: Option<&[u8]>) -> AsPath {
        let received = Received {
            value,
            four_octet_as: false,
            as4_path,
        };
        received.with_value(AsPath::from_value)
    }

    fn path(numbers: &[u32]) -> AsPath {
        AsPath::sequence(numbers.iter().copied().map(Asn))
    }

    #[test]
    fn hops_are_counted_found_and_shown() {
        let path = path(&[65_001, 65_002, 65_001]);
        assert_eq!(path.hop_count(), 3);
        assert_eq!(path.to_string(), "65001 65002 65001");
        assert_eq!(path.neighbour(), Some(Asn(65_001)));
        assert_eq!(path.prepend(Asn(1)).first(), Some(Asn(1)));
        assert_eq!(path.origin(), Some(Asn(65_001)));
        assert_eq!(path.occurrences(Asn(65_001)), 2);
        assert!(path.contains(Asn(65_002)) && !path.contains(Asn(65_003)));
        assert_eq!(AsPath::default().to_string(), "");
        assert_eq!(AsPath::default().first(), None);
    }

    #[test]
    fn prepending_to_255_numbers_opens_a_segment_in_front() {
        let full = AsPath::sequence((0..255).map(|_| Asn(7)));
        assert_eq!(value(&full, true)[..2], [2, 255]);
        let longer = value(&full.prepend(Asn(1)), true);
        assert_eq!(longer[..8], [2, 1, 0, 0, 0, 1, 2, 255]);
        verify(&longer, true).expect("whole segments");
        assert_eq!(AsPath::from_value(&longer), full.prepend(Asn(1)));
    }

    #[test]
    fn paths_of_many_segments_read_as_one_row() {
        let split = [2, 1, 0, 0, 0, 1, 2, 2, 0, 0, 0, 2, 0, 0, 0, 3];
        verify(&split, true).expect("valid");
        assert_eq!(AsPath::from_value(&split), path(&[1, 2, 3]));
        let whole = Received {
            value: &split,
            four_octet_as: true,
            as4_path: None,
        };
        assert_eq!(
            whole.with_value(<[u8]>::to_vec),
            value(&path(&[1, 2, 3]), true)
        );
    }

    #[test]
    fn as4_path_replaces_the_tail_and_keeps_what_old_speakers_prepended() {
        let old = value(&path(&[10, 20, 70_000, 80_000]), false);
        assert_eq!(old, [2, 4, 0, 10, 0, 20, 0x5b, 0xa0, 0x5b, 0xa0]);
        let as4 = value(&path(&[70_000, 80_000]), true);
        assert_eq!(received(&old, Some(&as4)), path(&[10, 20, 70_000, 80_000]));
        assert_eq!(received(&old, None), path(&[10, 20, 23_456, 23_456]));
    }
}
