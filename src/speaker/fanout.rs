//! One bounded broadcast ring per update group.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::rib::{Chunk, Command, GroupId, RING_CHUNKS, Version};

/// The rings of all groups of one shard; lives on the shard's thread.
#[derive(Debug, Default)]
pub(super) struct Fanout {
    rings: HashMap<GroupId, Ring>,
}

#[derive(Debug)]
struct Ring {
    sender: broadcast::Sender<Arc<Chunk>>,
    published: Version,
    /// Whether the shard has been told that everyone has read everything.
    drained: bool,
}

impl Fanout {
    /// Publishes to the live members of a group. A reader that is a whole ring behind falls off.
    pub(super) fn publish(&mut self, group: GroupId, chunk: Arc<Chunk>) {
        let ring = self.ring(group);
        ring.published = chunk.upto;
        ring.drained = false;
        // An error means that nobody is live: the RIB keeps what they need.
        let _ = ring.sender.send(chunk);
    }

    /// A reader whose first chunk is the next one published.
    pub(super) fn subscribe(&mut self, group: GroupId) -> broadcast::Receiver<Arc<Chunk>> {
        self.ring(group).sender.subscribe()
    }

    /// Forgets a group.
    pub(super) fn remove(&mut self, group: GroupId) {
        self.rings.remove(&group);
    }

    /// What to tell the shard of rings that everyone has read to the end.
    pub(super) fn drained(&mut self) -> Vec<Command> {
        let mut told = Vec::new();
        for (group, ring) in &mut self.rings {
            if !ring.drained && ring.sender.is_empty() {
                ring.drained = true;
                told.push(Command::Drained {
                    group: *group,
                    upto: ring.published,
                });
            }
        }
        told
    }

    /// Whether some ring still holds chunks that a reader has not taken.
    pub(super) fn is_draining(&self) -> bool {
        self.rings.values().any(|ring| !ring.drained)
    }

    fn ring(&mut self, group: GroupId) -> &mut Ring {
        self.rings.entry(group).or_insert_with(|| Ring {
            sender: broadcast::Sender::new(RING_CHUNKS),
            published: Version::default(),
            drained: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn chunk(upto: u64) -> Arc<Chunk> {
        let (marks, amends) = (vec![], vec![]);
        Arc::new(Chunk {
            bytes: Bytes::new(),
            marks,
            amends,
            upto: Version(upto),
            prefixes: 0,
        })
    }

    #[test]
    fn a_ring_is_drained_once_its_slowest_reader_is_through() {
        let mut fanout = Fanout::default();
        let (mut quick, mut slow) = (fanout.subscribe(GroupId(1)), fanout.subscribe(GroupId(1)));
        fanout.publish(GroupId(1), chunk(9));
        quick.try_recv().expect("a chunk");
        assert!(fanout.drained().is_empty());
        slow.try_recv().expect("a chunk");
        assert!(matches!(
            fanout.drained()[..],
            [Command::Drained {
                group: GroupId(1),
                upto: Version(9)
            }]
        ));
        assert!(!fanout.is_draining());
    }

    #[test]
    fn a_reader_that_is_a_ring_behind_is_told_so() {
        let mut fanout = Fanout::default();
        let mut stuck = fanout.subscribe(GroupId(1));
        for version in 0..=RING_CHUNKS as u64 {
            fanout.publish(GroupId(1), chunk(version));
        }
        assert!(matches!(
            stuck.try_recv(),
            Err(broadcast::error::TryRecvError::Lagged(missed)) if missed > 0
        ));
    }
}
