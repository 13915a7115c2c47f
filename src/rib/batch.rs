//! What a session hands to a shard: routes of one peer and family, in the order of their arrival.

use super::BATCH_ROUTES_MAX;
use crate::net::PeerId;
use crate::wire::{AttributesView, NextHop, Nlri, PathAttributes};

/// Routes of one peer and one family: a flat run of NLRI, cut into operations.
///
/// Attributes travel as content octets, one behind the other, so that a batch costs a few growths of
/// three buffers, however many sets it brings; only the shard knows which of them are new.
#[derive(Clone, Debug)]
pub struct RouteBatch<P> {
    source: PeerId,
    ops: Vec<Op>,
    nlri: Vec<Nlri<P>>,
    contents: Vec<u8>,
}

/// What happens to a stretch of NLRI.
#[derive(Clone, Copy, Debug)]
struct Op {
    /// Where the attributes' content ends; it begins where the operation before has its end.
    content_end: u32,
    announces: bool,
    /// One past its last NLRI; it begins where the operation before ends.
    nlri_end: u32,
}

/// What happens to a stretch of NLRI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteOp<'a> {
    /// Announced with the attributes of this content.
    Announce(&'a [u8]),
    /// Withdrawn.
    Withdraw,
}

impl<P: Copy> RouteBatch<P> {
    /// An empty batch.
    pub const fn new(source: PeerId) -> Self {
        Self {
            source,
            ops: Vec::new(),
            nlri: Vec::new(),
            contents: Vec::new(),
        }
    }

    /// Takes what was gathered. After a full batch comes another one of the size, for which there is
    /// room at once.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let mut next = Self::new(self.source);
        if self.is_full() {
            next.ops.reserve_exact(self.ops.len());
            next.nlri.reserve_exact(self.nlri.len());
            next.contents.reserve_exact(self.contents.len());
        }
        std::mem::replace(self, next)
    }

    /// Who sent the routes.
    pub const fn source(&self) -> PeerId {
        self.source
    }

    /// The number of routes.
    pub const fn len(&self) -> usize {
        self.nlri.len()
    }

    /// Whether there is no route.
    pub const fn is_empty(&self) -> bool {
        self.nlri.is_empty()
    }

    /// Whether the batch should be handed over: it takes no further routes.
    pub const fn is_full(&self) -> bool {
        self.nlri.len() >= BATCH_ROUTES_MAX || self.contents.len() >= CONTENT_OCTETS_MAX
    }

    /// Adds routes announced with attributes as they were received, until the batch is full; what is
    /// left stays in `nlri`.
    pub fn announce(
        &mut self,
        attributes: &AttributesView<'_>,
        next_hop: NextHop,
        nlri: &mut impl Iterator<Item = Nlri<P>>,
    ) {
        let start = self.contents.len();
        attributes.put_content(next_hop, &mut self.contents);
        self.add_announced(start, nlri);
    }

    /// Adds routes announced with a set, until the batch is full; what is left stays in `nlri`.
    pub fn announce_path(
        &mut self,
        attributes: &PathAttributes,
        nlri: &mut impl Iterator<Item = Nlri<P>>,
    ) {
        let start = self.contents.len();
        attributes.put_content(&mut self.contents);
        self.add_announced(start, nlri);
    }

    /// Adds routes withdrawn, until the batch is full; what is left stays in `nlri`.
    pub fn withdraw(&mut self, nlri: &mut impl Iterator<Item = Nlri<P>>) {
        self.add(false, nlri);
    }

    /// The operations, in the order in which they arrived.
    pub fn iter(&self) -> impl Iterator<Item = (RouteOp<'_>, &[Nlri<P>])> {
        let (mut content_start, mut nlri_start) = (0, 0);
        self.ops.iter().map(move |op| {
            let content = content_start..op.content_end as usize;
            let nlri = nlri_start..op.nlri_end as usize;
            (content_start, nlri_start) = (content.end, nlri.end);
            let run = match op.announces {
                true => RouteOp::Announce(&self.contents[content]),
                false => RouteOp::Withdraw,
            };
            (run, &self.nlri[nlri])
        })
    }

    /// The routes by the place that each prefix has among `count`, in the order of their arrival.
    pub(crate) fn split(&self, count: usize, place: impl Fn(P) -> usize) -> Vec<Self> {
        // Somewhat more than an even share, so that few parts have to grow.
        let share = self.nlri.len().div_ceil(count) * 9 / 8;
        let part = || Self {
            nlri: Vec::with_capacity(share),
            ..Self::new(self.source)
        };
        let mut parts: Vec<Self> = (0..count).map(|_| part()).collect();
        for (op, run) in self.iter() {
            for nlri in run {
                parts[place(nlri.prefix)].nlri.push(*nlri);
            }
            for part in &mut parts {
                part.end_op(op);
            }
        }
        parts
    }

    /// Makes an operation of the NLRI that belong to none, if there are any.
    fn end_op(&mut self, op: RouteOp<'_>) {
        let nlri_end = position(self.nlri.len());
        if self.ops.last().map_or(0, |last| last.nlri_end) == nlri_end {
            return;
        }
        if let RouteOp::Announce(content) = op {
            self.contents.extend_from_slice(content);
        }
        self.ops.push(Op {
            content_end: position(self.contents.len()),
            announces: matches!(op, RouteOp::Announce(_)),
            nlri_end,
        });
    }

    /// Adds routes announced with the content that was put behind `start`.
    fn add_announced(&mut self, start: usize, nlri: &mut impl Iterator<Item = Nlri<P>>) {
        // A peer that repeats a set from message to message has it looked up once.
        let previous = match *self.ops {
            [.., before, last] if last.announces => Some(before.content_end),
            [only] if only.announces => Some(0),
            _ => None,
        };
        let is_known = previous.is_some_and(|from| {
            let (known, new) = self.contents.split_at(start);
            known[from as usize..] == *new
        });
        if is_known {
            self.contents.truncate(start);
            self.extend(nlri);
            if let Some(last) = self.ops.last_mut() {
                last.nlri_end = position(self.nlri.len());
            }
        } else {
            self.add(true, nlri);
        }
    }

    fn add(&mut self, announces: bool, nlri: &mut impl Iterator<Item = Nlri<P>>) {
        self.extend(nlri);
        self.ops.push(Op {
            content_end: position(self.contents.len()),
            announces,
            nlri_end: position(self.nlri.len()),
        });
    }

    fn extend(&mut self, nlri: &mut impl Iterator<Item = Nlri<P>>) {
        let room = BATCH_ROUTES_MAX.saturating_sub(self.nlri.len());
        self.nlri.extend(nlri.take(room));
    }
}

/// A position in a buffer that its bounds keep small.
fn position(at: usize) -> u32 {
    u32::try_from(at).expect("a batch is smaller than 4 GiB")
}

/// The octets of attributes at which a batch is full: those of a thousand sets of usual size.
const CONTENT_OCTETS_MAX: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Ipv4Prefix;

    fn set(med: u32) -> PathAttributes {
        PathAttributes {
            med: Some(med),
            ..PathAttributes::originated(NextHop::V4([192, 0, 2, 1].into()))
        }
    }

    fn nlri(numbers: std::ops::Range<u32>) -> impl Iterator<Item = Nlri<Ipv4Prefix>> {
        numbers.map(|n| Nlri::plain(Ipv4Prefix::new((n << 8).into(), 24).expect("in range")))
    }

    fn nlri_at(n: u32) -> Nlri<Ipv4Prefix> {
        nlri(n..n + 1).next().expect("one")
    }

    #[test]
    fn operations_keep_their_order_routes_and_attributes() {
        let mut batch = RouteBatch::new(PeerId(1));
        batch.announce_path(&set(1), &mut nlri(0..3));
        batch.withdraw(&mut nlri(3..4));
        batch.announce_path(&set(2), &mut nlri(4..6));
        let found: Vec<_> = batch.iter().collect();
        let lengths: Vec<_> = found.iter().map(|(_, nlri)| nlri.len()).collect();
        assert_eq!(lengths, [3, 1, 2]);
        let [
            (RouteOp::Announce(first), _),
            (RouteOp::Withdraw, _),
            (RouteOp::Announce(last), _),
        ] = found[..]
        else {
            panic!("{found:?}");
        };
        assert!(set(1).has_content(first) && set(2).has_content(last));
        assert_eq!(batch.len(), 6);
    }

    #[test]
    fn a_set_that_is_repeated_stands_there_once() {
        let mut batch = RouteBatch::new(PeerId(1));
        for from in 0..4 {
            batch.announce_path(&set(1), &mut nlri(from..from + 1));
        }
        batch.announce_path(&set(2), &mut nlri(4..5));
        batch.announce_path(&set(2), &mut nlri(5..6));
        let lengths: Vec<_> = batch.iter().map(|(_, nlri)| nlri.len()).collect();
        assert_eq!(lengths, [4, 2]);
    }

    #[test]
    fn a_split_batch_has_each_route_once_with_its_attributes_and_in_order() {
        let mut batch = RouteBatch::new(PeerId(1));
        batch.announce_path(&set(1), &mut nlri(0..3));
        batch.withdraw(&mut nlri(1..2));
        batch.announce_path(&set(2), &mut nlri(1..9));
        let parts = batch.split(2, |prefix| usize::from(prefix == nlri_at(1).prefix));
        let told = |part: &RouteBatch<Ipv4Prefix>| -> Vec<_> {
            part.iter()
                .flat_map(|(op, run)| run.iter().map(move |nlri| (op, *nlri)))
                .map(|(op, nlri)| match op {
                    RouteOp::Announce(content) => (nlri, Some(set(1).has_content(content))),
                    RouteOp::Withdraw => (nlri, None),
                })
                .collect()
        };
        let one = nlri_at(1);
        assert_eq!(
            told(&parts[1]),
            [(one, Some(true)), (one, None), (one, Some(false))]
        );
        let others = [0, 2].map(|n| (nlri_at(n), Some(true)));
        assert_eq!(told(&parts[0])[..2], others);
        assert_eq!(parts[0].len(), 9);
        assert_eq!(parts[0].iter().count(), 2, "nothing is withdrawn of it");
    }

    #[test]
    fn a_full_batch_leaves_the_rest_where_it_was() {
        let mut batch = RouteBatch::new(PeerId(1));
        let mut left = nlri(0..1500);
        batch.announce_path(&set(1), &mut left);
        assert!(batch.is_full());
        assert_eq!(batch.len(), 1024);
        assert_eq!(left.count(), 476);
    }
}
