//! Collecting what a turn has to say, and packing it into chunks of whole messages.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::CHUNK_BYTES_MAX;
use super::adj_rib_out::Advertised;
use super::command::{Chunk, Mark, Version};
use crate::net::{AddressFamily, PeerId, PrefixKey};
use crate::wire::{EncodeContext, MESSAGE_LENGTH_MAX, Nlri, PathAttributes, UpdatePacker};

/// The members that are not told a route: the one that it comes from, and the one that it leads to.
pub(crate) type Barred = SmallVec<[PeerId; 2]>;

/// Prefixes to announce and to withdraw, gathered by attributes in the order of first appearance.
///
/// `octets` never falls below what packing will take, so a reader that serves one chunk at a time
/// knows when to stop.
pub(crate) struct Batch<A: AddressFamily> {
    context: EncodeContext,
    withdrawn: Vec<Nlri<A::Prefix>>,
    announced: Vec<(u32, Nlri<A::Prefix>)>,
    buckets: Vec<Bucket>,
    index: HashMap<(usize, Barred), u32>,
    /// The bucket of the last announcement: neighbours in the log mostly share attributes.
    last: u32,
    amends: BTreeMap<PeerId, Vec<Nlri<A::Prefix>>>,
    octets: usize,
}

/// Prefixes that share attributes and marks.
struct Bucket {
    attributes: Arc<PathAttributes>,
    barred: Barred,
    count: usize,
    cost: MessageCost,
}

/// What messages with one set of attributes take at most.
#[derive(Clone, Copy)]
struct MessageCost {
    overhead: usize,
    nlri: usize,
    per_message: usize,
    message_max: usize,
}

impl MessageCost {
    fn new<A: AddressFamily>(context: EncodeContext, attributes: Option<&PathAttributes>) -> Self {
        let path_id = if context.add_path { 4 } else { 0 };
        let nlri = 1 + usize::from(A::Prefix::WIDTH / 8) + path_id;
        let overhead = MESSAGE_OVERHEAD + attributes.map_or(0, attribute_octets);
        // Longer messages only ever take less, but for what fits no shorter one.
        let is_long = context.extended_message && overhead + nlri > MESSAGE_LENGTH_MAX;
        let message_max = if is_long {
            usize::from(u16::MAX)
        } else {
            MESSAGE_LENGTH_MAX
        };
        let room = message_max.saturating_sub(overhead);
        Self {
            overhead,
            nlri,
            per_message: (room / nlri).max(1),
            message_max,
        }
    }

    /// What one more prefix takes after `count` others.
    fn next(&self, count: usize) -> usize {
        if count.is_multiple_of(self.per_message) {
            self.overhead + self.nlri
        } else {
            self.nlri
        }
    }

    /// The most prefixes whose messages fit into a chunk.
    fn per_chunk(&self) -> usize {
        self.per_message * (CHUNK_BYTES_MAX / self.message_max)
    }

    fn total(&self, count: usize) -> usize {
        count.div_ceil(self.per_message) * self.overhead + count * self.nlri
    }
}

impl<A: AddressFamily> Batch<A> {
    pub(crate) fn new(context: EncodeContext) -> Self {
        Self {
            context,
            withdrawn: Vec::new(),
            announced: Vec::new(),
            buckets: Vec::new(),
            index: HashMap::new(),
            last: 0,
            amends: BTreeMap::new(),
            octets: 0,
        }
    }

    /// Adds a withdrawal for everyone.
    pub(crate) fn withdraw(&mut self, nlri: Nlri<A::Prefix>) {
        let cost = MessageCost::new::<A>(self.context, None);
        self.octets += cost.next(self.withdrawn.len());
        self.withdrawn.push(nlri);
    }

    /// Adds a withdrawal that only one peer has to write.
    pub(crate) fn amend(&mut self, peer: PeerId, nlri: Nlri<A::Prefix>) {
        self.amends.entry(peer).or_default().push(nlri);
    }

    /// Adds an announcement; the peers in `barred` leave it out.
    pub(crate) fn announce(
        &mut self,
        nlri: Nlri<A::Prefix>,
        attributes: &Arc<PathAttributes>,
        barred: &Barred,
    ) {
        let number = self.bucket(attributes, barred);
        let bucket = &mut self.buckets[number as usize];
        self.octets += bucket.cost.next(bucket.count);
        bucket.count += 1;
        self.announced.push((number, nlri));
    }

    /// The bucket of attributes and marks, made if there is none.
    fn bucket(&mut self, attributes: &Arc<PathAttributes>, barred: &Barred) -> u32 {
        let is_last = self.buckets.get(self.last as usize).is_some_and(|last| {
            Arc::ptr_eq(&last.attributes, attributes) && last.barred == *barred
        });
        if !is_last {
            let key = (Arc::as_ptr(attributes) as usize, barred.clone());
            self.last = *self.index.entry(key).or_insert_with(|| {
                self.buckets.push(Bucket {
                    attributes: Arc::clone(attributes),
                    barred: barred.clone(),
                    count: 0,
                    cost: MessageCost::new::<A>(self.context, Some(attributes)),
                });
                u32::try_from(self.buckets.len() - 1).expect("a turn has fewer than 2^32 buckets")
            });
        }
        self.last
    }

    /// Whether a chunk has room for one more destination, whatever the paths; an empty one always has.
    pub(crate) fn has_room_for(&self, announced: &[Advertised], withdrawn: usize) -> bool {
        let alone = |attributes: Option<&PathAttributes>| {
            MessageCost::new::<A>(self.context, attributes).next(0)
        };
        let announced = announced.iter().map(|path| alone(Some(&path.attributes)));
        let octets = announced.sum::<usize>() + withdrawn * alone(None);
        self.octets == 0 || self.octets + octets <= CHUNK_BYTES_MAX
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.withdrawn.is_empty() && self.announced.is_empty() && self.amends.is_empty()
    }

    /// Packs withdrawals, then announcements. The last chunk brings a member to `upto`, those before
    /// it leave it at `before`, because one turn's prefixes are spread over all of them.
    pub(crate) fn pack(mut self, before: Version, upto: Version) -> Vec<Chunk> {
        let mut packed = Packed::new(self.context, before);
        let cost = MessageCost::new::<A>(self.context, None);
        for run in self.withdrawn.chunks(cost.per_chunk()) {
            packed.make_room(cost.total(run.len()));
            packed.packer.withdraw::<A>(run.iter().copied());
            packed.count(run.len());
        }
        for (peer, nlri) in mem::take(&mut self.amends) {
            let mut packer = UpdatePacker::new(self.context);
            packer.withdraw::<A>(nlri);
            packed.amends.push((peer, packer.take()));
        }
        let (sorted, ends) = self.by_bucket();
        let mut start = 0;
        for (bucket, end) in self.buckets.iter().zip(ends) {
            for run in sorted[start..end].chunks(bucket.cost.per_chunk()) {
                packed.make_room(bucket.cost.total(run.len()));
                let from = packed.packer.len();
                packed
                    .packer
                    .announce::<A>(&bucket.attributes, run.iter().copied());
                packed.mark(&bucket.barred, from);
                packed.count(run.len());
            }
            start = end;
        }
        packed.finish(upto)
    }

    /// The announced prefixes sorted by bucket, and where each bucket ends.
    fn by_bucket(&self) -> (Vec<Nlri<A::Prefix>>, Vec<usize>) {
        let mut next = Vec::with_capacity(self.buckets.len());
        let mut total = 0;
        for bucket in &self.buckets {
            next.push(total);
            total += bucket.count;
        }
        let Some((_, first)) = self.announced.first() else {
            return (Vec::new(), next);
        };
        let mut sorted = vec![*first; total];
        for (bucket, nlri) in &self.announced {
            let at = &mut next[*bucket as usize];
            sorted[*at] = *nlri;
            *at += 1;
        }
        (sorted, next)
    }
}

/// Chunks under construction.
struct Packed {
    packer: UpdatePacker,
    marks: Vec<Mark>,
    amends: Vec<(PeerId, Bytes)>,
    prefixes: u32,
    before: Version,
    chunks: Vec<Chunk>,
}

impl Packed {
    fn new(context: EncodeContext, before: Version) -> Self {
        Self {
            packer: UpdatePacker::new(context),
            marks: Vec::new(),
            amends: Vec::new(),
            prefixes: 0,
            before,
            chunks: Vec::new(),
        }
    }

    fn make_room(&mut self, octets: usize) {
        if !self.packer.is_empty() && self.packer.len() + octets > CHUNK_BYTES_MAX {
            self.cut(self.before);
        }
    }

    fn mark(&mut self, barred: &[PeerId], from: usize) {
        let (start, end) = (offset(from), offset(self.packer.len()));
        if end > start {
            let marks = barred.iter().map(|source| Mark {
                source: *source,
                start,
                end,
            });
            self.marks.extend(marks);
        }
    }

    fn count(&mut self, prefixes: usize) {
        self.prefixes += offset(prefixes);
    }

    fn cut(&mut self, upto: Version) {
        self.chunks.push(Chunk {
            bytes: self.packer.take(),
            marks: mem::take(&mut self.marks),
            amends: mem::take(&mut self.amends),
            upto,
            prefixes: mem::take(&mut self.prefixes),
        });
    }

    fn finish(mut self, upto: Version) -> Vec<Chunk> {
        if !self.packer.is_empty() || !self.amends.is_empty() {
            self.cut(upto);
        } else if let Some(last) = self.chunks.last_mut() {
            last.upto = upto;
        }
        self.chunks
    }
}

fn offset(octets: usize) -> u32 {
    u32::try_from(octets).expect("a chunk is smaller than 4 GiB")
}

/// The most octets that attributes take in a message, AS4_PATH and AS4_AGGREGATOR included.
fn attribute_octets(attributes: &PathAttributes) -> usize {
    let as_path = 4 + 4 * attributes.as_path.hop_count();
    // Each 255 numbers have a head of their own.
    let segments = 2 * (attributes.as_path.hop_count() / 255 + 1);
    let unknown: usize = attributes
        .rare
        .unknown
        .iter()
        .map(|a| 4 + a.value.len())
        .sum();
    FIXED_ATTRIBUTES
        + 2 * (as_path + segments)
        + 4 * attributes.communities.len()
        + 4 * attributes.rare.cluster_list.len()
        + 8 * attributes.rare.extended_communities.len()
        + 20 * attributes.rare.ipv6_extended_communities.len()
        + attributes.rare.aigp.len()
        + 12 * attributes.rare.large_communities.len()
        + unknown
}

/// Header, the two length fields, MP_REACH_NLRI or MP_UNREACH_NLRI with two next hops.
const MESSAGE_OVERHEAD: usize = 19 + 4 + 4 + 5 + 32;

/// ORIGIN, NEXT_HOP, MED, LOCAL_PREF, ATOMIC_AGGREGATE, both AGGREGATORs, ORIGINATOR_ID, OTC, and the
/// heads of CLUSTER_LIST, AIGP and the four kinds of communities.
const FIXED_ATTRIBUTES: usize = 4 + 7 + 7 + 7 + 3 + 22 + 7 + 7 + 6 * 4;

#[cfg(test)]
mod tests;
