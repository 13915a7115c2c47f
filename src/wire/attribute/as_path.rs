//! AS_PATH (RFC 4271 §4.3, §5.1.2) and its merger with AS4_PATH (RFC 6793).

use std::fmt;

use super::error::AttributeErrorKind;
use crate::net::Asn;

/// AS_PATH: segments, nearest first (RFC 4271 §5.1.2), always with four-octet numbers.
///
/// Every segment has 1 to 255 numbers, so that each path has a form on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AsPath {
    segments: Box<[AsSegment]>,
}

/// One segment of an AS_PATH.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AsSegment {
    /// AS_SEQUENCE: ordered.
    Sequence(Box<[Asn]>),
    /// AS_SET: unordered; counts as one in path length.
    Set(Box<[Asn]>),
}

impl AsSegment {
    /// The numbers of the segment, as they stand.
    pub const fn numbers(&self) -> &[Asn] {
        match self {
            Self::Sequence(numbers) | Self::Set(numbers) => numbers,
        }
    }

    /// What the segment adds to the length of a path (RFC 4271 §9.1.2.2 a).
    pub const fn hop_count(&self) -> usize {
        match self {
            Self::Sequence(numbers) => numbers.len(),
            Self::Set(_) => 1,
        }
    }

    const fn wire_type(&self) -> u8 {
        match self {
            Self::Set(_) => AS_SET,
            Self::Sequence(_) => AS_SEQUENCE,
        }
    }
}

impl AsPath {
    /// Makes a path of segments: empty ones are left out, those above 255 numbers are split.
    pub fn new(segments: impl IntoIterator<Item = AsSegment>) -> Self {
        let mut split = Vec::new();
        for segment in segments {
            let again: fn(Box<[Asn]>) -> AsSegment = match segment {
                AsSegment::Sequence(_) => AsSegment::Sequence,
                AsSegment::Set(_) => AsSegment::Set,
            };
            for numbers in segment.numbers().chunks(SEGMENT_NUMBERS_MAX) {
                split.push(again(numbers.into()));
            }
        }
        Self {
            segments: split.into(),
        }
    }

    /// Makes a path of one AS_SEQUENCE; empty where there are no numbers.
    pub fn sequence(numbers: impl IntoIterator<Item = Asn>) -> Self {
        Self::new([AsSegment::Sequence(numbers.into_iter().collect())])
    }

    /// The path with one more number in front, in a new segment where the first one is an AS_SET or
    /// has 255 numbers (RFC 4271 §5.1.2 b).
    #[must_use]
    pub fn prepend(&self, asn: Asn) -> Self {
        let (first, rest) = match self.segments.split_first() {
            Some((AsSegment::Sequence(numbers), rest)) if numbers.len() < SEGMENT_NUMBERS_MAX => {
                (&**numbers, rest)
            }
            _ => (&[][..], &*self.segments),
        };
        let first = std::iter::once(asn).chain(first.iter().copied()).collect();
        Self {
            segments: std::iter::once(AsSegment::Sequence(first))
                .chain(rest.iter().cloned())
                .collect(),
        }
    }

    /// The segments, nearest first.
    pub fn iter(&self) -> std::slice::Iter<'_, AsSegment> {
        self.segments.iter()
    }

    /// All numbers, nearest first, those of sets included.
    pub fn numbers(&self) -> impl Iterator<Item = Asn> + '_ {
        self.iter().flat_map(|segment| segment.numbers()).copied()
    }

    /// Whether the path has no segment, as on a route that its own AS originates.
    pub const fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The length that the decision process compares: an AS_SET counts as one.
    pub fn hop_count(&self) -> usize {
        self.iter().map(AsSegment::hop_count).sum()
    }

    /// Whether a number is anywhere in the path (the loop check of RFC 4271 §9.1.2).
    pub fn contains(&self, asn: Asn) -> bool {
        self.numbers().any(|number| number == asn)
    }

    /// How often a number is in the path, sets included.
    pub fn occurrences(&self, asn: Asn) -> usize {
        self.numbers().filter(|number| *number == asn).count()
    }

    /// The leftmost number.
    pub fn first(&self) -> Option<Asn> {
        self.numbers().next()
    }

    /// The AS that the route came from: the leftmost number, unless it is one of an AS_SET.
    pub fn neighbour(&self) -> Option<Asn> {
        match self.segments.first()? {
            AsSegment::Sequence(numbers) => numbers.first().copied(),
            AsSegment::Set(_) => None,
        }
    }

    /// The AS that originated the route: the rightmost number, unless it is one of an AS_SET.
    pub fn origin(&self) -> Option<Asn> {
        match self.segments.last()? {
            AsSegment::Sequence(numbers) => numbers.last().copied(),
            AsSegment::Set(_) => None,
        }
    }

    /// Whether every number fits two octets, so that no AS4_PATH is needed.
    pub(crate) fn fits_two_octets(&self) -> bool {
        self.numbers().all(|number| number.0 <= 0xffff)
    }

    /// The octets of the attribute's value.
    pub(crate) fn encoded_length(&self, four_octet_as: bool) -> usize {
        let width = if four_octet_as { 4 } else { 2 };
        self.iter()
            .map(|segment| 2 + width * segment.numbers().len())
            .sum()
    }

    /// Writes the attribute's value; numbers that do not fit two octets become AS_TRANS there.
    pub(crate) fn encode(&self, four_octet_as: bool, out: &mut Vec<u8>) {
        for segment in self.iter() {
            let count = u8::try_from(segment.numbers().len())
                .expect("the constructors split segments at 255 numbers");
            out.extend_from_slice(&[segment.wire_type(), count]);
            for number in segment.numbers() {
                if four_octet_as {
                    out.extend_from_slice(&number.0.to_be_bytes());
                } else {
                    out.extend_from_slice(&number.to_two_octets().to_be_bytes());
                }
            }
        }
    }

    /// Reads the value of AS_PATH.
    pub(crate) fn decode(value: &[u8], four_octet_as: bool) -> Result<Self, AttributeErrorKind> {
        Self::read(value, four_octet_as, Confederations::Refused)
    }

    /// Reads the value of AS4_PATH; segments of a confederation are dropped (RFC 6793 §6).
    pub(crate) fn decode_as4(value: &[u8]) -> Result<Self, AttributeErrorKind> {
        if value.len() < 6 {
            return Err(AttributeErrorKind::Length {
                found: value.len(),
                wanted: "6 or more",
            });
        }
        Self::read(value, true, Confederations::Dropped)
    }

    fn read(
        value: &[u8],
        four_octet_as: bool,
        confederations: Confederations,
    ) -> Result<Self, AttributeErrorKind> {
        let width = if four_octet_as { 4 } else { 2 };
        // One segment is the rule: room for just that spares the boxing a second allocation.
        let mut segments = Vec::with_capacity(usize::from(!value.is_empty()));
        let mut left = value;
        while let Some((&kind, after_kind)) = left.split_first() {
            let overrun = |numbers| AttributeErrorKind::SegmentOverrun {
                numbers,
                left: left.len().saturating_sub(2),
            };
            if !(AS_SET..=AS_CONFED_SET).contains(&kind) {
                return Err(AttributeErrorKind::SegmentType(kind));
            }
            let (&count, after_count) = after_kind.split_first().ok_or_else(|| overrun(0))?;
            let (octets, rest) = after_count
                .split_at_checked(usize::from(count) * width)
                .ok_or_else(|| overrun(count))?;
            left = rest;
            if count == 0 {
                return Err(AttributeErrorKind::EmptySegment);
            }
            let numbers = read_numbers(octets, four_octet_as)?;
            match (kind, confederations) {
                (AS_SET, _) => segments.push(AsSegment::Set(numbers)),
                (AS_SEQUENCE, _) => segments.push(AsSegment::Sequence(numbers)),
                (_, Confederations::Dropped) => {}
                (_, Confederations::Refused) => {
                    return Err(AttributeErrorKind::Confederation(kind));
                }
            }
        }
        Ok(Self {
            segments: segments.into(),
        })
    }

    /// Puts the true numbers of AS4_PATH in the place of AS_TRANS (RFC 6793 §4.2.3): the leading
    /// hops of AS_PATH that AS4_PATH lacks, then AS4_PATH. An AS4_PATH with more hops than AS_PATH
    /// is ignored.
    pub(crate) fn merged_with_as4(self, as4_path: &Self) -> Self {
        let Some(mut missing) = self.hop_count().checked_sub(as4_path.hop_count()) else {
            return self;
        };
        let mut segments: Vec<AsSegment> = Vec::with_capacity(as4_path.segments.len() + 1);
        for segment in self.segments {
            if missing == 0 {
                break;
            }
            let taken = segment.hop_count().min(missing);
            missing -= taken;
            segments.push(match segment {
                AsSegment::Sequence(numbers) => {
                    AsSegment::Sequence(numbers.iter().take(taken).copied().collect())
                }
                set @ AsSegment::Set(_) => set,
            });
        }
        let mut rest = as4_path.segments.iter();
        if let Some(AsSegment::Sequence(leading)) = segments.last_mut()
            && let Some(AsSegment::Sequence(following)) = as4_path.segments.first()
            && leading.len() + following.len() <= SEGMENT_NUMBERS_MAX
        {
            *leading = leading.iter().chain(following).copied().collect();
            rest.next();
        }
        segments.extend(rest.cloned());
        Self {
            segments: segments.into(),
        }
    }
}

fn read_numbers(octets: &[u8], four_octet_as: bool) -> Result<Box<[Asn]>, AttributeErrorKind> {
    let numbers: Box<[Asn]> = if four_octet_as {
        let (numbers, _) = octets.as_chunks::<4>();
        numbers
            .iter()
            .map(|number| Asn(u32::from_be_bytes(*number)))
            .collect()
    } else {
        let (numbers, _) = octets.as_chunks::<2>();
        numbers
            .iter()
            .map(|number| Asn(u16::from_be_bytes(*number).into()))
            .collect()
    };
    if numbers.contains(&Asn(0)) {
        return Err(AttributeErrorKind::AsZero);
    }
    Ok(numbers)
}

/// What to do with segments that belong inside a confederation (RFC 5065).
#[derive(Clone, Copy)]
enum Confederations {
    Refused,
    Dropped,
}

const SEGMENT_NUMBERS_MAX: usize = 255;
const AS_SET: u8 = 1;
const AS_SEQUENCE: u8 = 2;
/// The highest segment type; 3 is AS_CONFED_SEQUENCE.
const AS_CONFED_SET: u8 = 4;

impl<'a> IntoIterator for &'a AsPath {
    type Item = &'a AsSegment;
    type IntoIter = std::slice::Iter<'a, AsSegment>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for AsPath {
    /// Writes numbers separated by spaces and sets in braces: `65001 65002 {65003,65004}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for segment in self.iter() {
            match segment {
                AsSegment::Sequence(numbers) => {
                    for number in numbers {
                        write!(f, "{gap}{number}")?;
                        gap = " ";
                    }
                }
                AsSegment::Set(numbers) => {
                    f.write_str(gap)?;
                    let mut open = "{";
                    for number in numbers {
                        write!(f, "{open}{number}")?;
                        open = ",";
                    }
                    f.write_str("}")?;
                    gap = " ";
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(numbers: &[u32]) -> AsSegment {
        AsSegment::Sequence(numbers.iter().copied().map(Asn).collect())
    }

    fn set(numbers: &[u32]) -> AsSegment {
        AsSegment::Set(numbers.iter().copied().map(Asn).collect())
    }

    #[test]
    fn sets_count_one_hop_and_are_shown_in_braces() {
        let path = AsPath::new([sequence(&[65_001, 65_002]), set(&[65_003, 65_004])]);
        assert_eq!(path.hop_count(), 3);
        assert_eq!(path.to_string(), "65001 65002 {65003,65004}");
        assert_eq!(path.neighbour(), Some(Asn(65_001)));
        assert_eq!(path.origin(), None);
        assert!(path.contains(Asn(65_004)));
        assert_eq!(AsPath::default().to_string(), "");
    }

    #[test]
    fn prepending_opens_a_segment_before_a_set_and_after_255_numbers() {
        let behind_set = AsPath::new([set(&[3, 4])]).prepend(Asn(1));
        assert_eq!(behind_set, AsPath::new([sequence(&[1]), set(&[3, 4])]));
        let full = AsPath::sequence((0..255).map(|_| Asn(7)));
        let longer = full.prepend(Asn(1));
        assert_eq!(longer.iter().count(), 2);
        assert_eq!(longer.hop_count(), 256);
        assert_eq!(longer.first(), Some(Asn(1)));
        assert_eq!(longer.occurrences(Asn(7)), 255);
        assert_eq!(
            AsPath::default().prepend(Asn(1)),
            AsPath::sequence([Asn(1)])
        );
    }

    #[test]
    fn long_segments_are_split_and_empty_ones_left_out() {
        let path = AsPath::sequence((1..=600).map(Asn));
        let lengths: Vec<_> = path.iter().map(AsSegment::hop_count).collect();
        assert_eq!(lengths, [255, 255, 90]);
        assert!(AsPath::sequence([]).is_empty());
    }

    #[test]
    fn as4_path_replaces_the_tail_and_keeps_what_old_speakers_prepended() {
        let two_octet = AsPath::sequence([Asn(10), Asn(20), Asn::TRANS, Asn::TRANS]);
        let as4 = AsPath::sequence([Asn(70_000), Asn(80_000)]);
        assert_eq!(
            two_octet.clone().merged_with_as4(&as4),
            AsPath::sequence([Asn(10), Asn(20), Asn(70_000), Asn(80_000)])
        );
        let too_long = AsPath::sequence((1..=5).map(|n| Asn(70_000 + n)));
        assert_eq!(two_octet.clone().merged_with_as4(&too_long), two_octet);
    }

    #[test]
    fn as4_path_behind_a_set_starts_its_own_segment() {
        let two_octet = AsPath::new([set(&[1, 2]), sequence(&[23_456])]);
        let as4 = AsPath::sequence([Asn(70_000)]);
        assert_eq!(
            two_octet.merged_with_as4(&as4),
            AsPath::new([set(&[1, 2]), sequence(&[70_000])])
        );
    }
}
