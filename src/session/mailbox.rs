//! What sessions and the RIB say to each other.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::ring::RingReader;
use crate::net::{Family, PeerId, Prefix};
use crate::rib::{
    Answer, Chunk, Command, PrefixLimitEvent, Query, Routes, ShardId, Sharding, Version,
};

/// Replies under way from one shard to one session: in each family a pull, its end, a detach, and what
/// is said of a limit, twice.
pub(crate) const REPLIES_MAX: usize = 10;

/// The mailboxes of all shards.
#[derive(Clone, Debug)]
pub struct RibMailboxes {
    sharding: Sharding,
    senders: Arc<[mpsc::Sender<RibMail>]>,
}

impl RibMailboxes {
    /// One mailbox for each shard, in their order.
    pub fn new(sharding: Sharding, senders: Vec<mpsc::Sender<RibMail>>) -> Self {
        debug_assert_eq!(sharding.count(), senders.len());
        Self {
            sharding,
            senders: senders.into(),
        }
    }

    /// How prefixes are spread over them.
    pub const fn sharding(&self) -> Sharding {
        self.sharding
    }

    /// The mailboxes, in the order of their shards.
    pub fn iter(&self) -> std::slice::Iter<'_, mpsc::Sender<RibMail>> {
        self.senders.iter()
    }

    /// The mailbox of one shard.
    pub fn of(&self, shard: ShardId) -> Option<&mpsc::Sender<RibMail>> {
        self.senders.get(shard.index())
    }
}

/// A letter to one of the RIB's shards.
#[derive(Debug)]
pub enum RibMail {
    /// For the shard.
    Command(Command),
    /// Routes of a session.
    Routes {
        /// The routes, for the shard.
        routes: Routes,
        /// What the session has paid for the place; given back with it.
        toll: OwnedSemaphorePermit,
    },
    /// Where the replies to a session's pulls go from here on; sent before each `SessionUp`, so that
    /// nothing meant for an earlier session of the peer reaches the next one.
    Attach {
        /// The peer.
        peer: PeerId,
        /// Its replies.
        replies: mpsc::Sender<(ShardId, RibReply)>,
    },
    /// A session fell out of its ring. The ring's end travels along: as long as it exists, the ring
    /// does not count as drained, so the log still holds what the session lacks.
    Lagged {
        /// The peer.
        peer: PeerId,
        /// The family.
        family: Family,
        /// The last version that the session has queued.
        after: Version,
        /// The reader that fell off; dropped once the RIB knows.
        ring: RingReader,
    },
    /// Half of a group's members have taken all that was published.
    Rouse,
    /// A question and where its answer goes.
    Ask {
        /// The question.
        query: Query,
        /// The answer's way back.
        answer: oneshot::Sender<Answer>,
    },
}

/// A letter from one shard to one session.
#[derive(Debug)]
pub enum RibReply {
    /// The chunk that was pulled.
    Chunk {
        /// The family.
        family: Family,
        /// What to write.
        chunk: Box<Chunk>,
    },
    /// Nothing is missing: follow the ring.
    Live {
        /// The family.
        family: Family,
        /// The version reached.
        at: Version,
        /// The group's publications.
        ring: RingReader,
    },
    /// Everything that was to be told was handed over.
    Complete {
        /// The family.
        family: Family,
    },
    /// The peer announces more prefixes than somebody wants to know of, or than it may.
    PrefixLimit {
        /// The family.
        family: Family,
        /// What there is to say.
        event: PrefixLimitEvent,
    },
    /// A path was refused, for a reason that a sound peer never gives; the first one with it.
    Refused {
        /// What it leads to.
        prefix: Prefix,
        /// The reason, as `show routes` words it.
        reason: &'static str,
    },
    /// Leave the ring and pull.
    Detach {
        /// The family.
        family: Family,
    },
}
