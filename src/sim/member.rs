//! A session's membership in the update group of one family and shard: where its routes come from
//! next.

use std::time::Instant;

use bytes::Bytes;

use super::defect::Defect;
use super::fanout::{Fanout, Found, GroupOf};
use super::outbox::Hand;
use super::core::Core;
use crate::net::{Family, PeerId};
use crate::rib::{Chunk, Command, GroupId, ShardId, Version};

/// One family of one session, as far as one shard goes.
#[derive(Clone, Debug)]
pub(super) struct Member {
    shard: ShardId,
    peer: PeerId,
    family: Family,
    feed: Feed,
    hand: Option<Hand>,
    /// The log position of all that was written.
    at: Version,
    /// How often it fell out of its ring.
    pub(super) lags: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// The session is down, or does not carry the family.
    Off,
    /// A pull is to be sent as soon as the chunk in hand is written.
    ToAsk,
    /// A pull is under way.
    Asked,
    /// Publications are followed.
    Live { group: GroupId, place: u64 },
}

impl Member {
    pub(super) fn new(shard: ShardId, peer: PeerId, family: Family) -> Self {
        Self {
            shard,
            peer,
            family,
            feed: Feed::Off,
            hand: None,
            at: Version::default(),
            lags: 0,
        }
    }

    /// The session is up: asks for the first chunk.
    pub(super) fn begin(&mut self, now: Instant, core: &mut Core) {
        self.feed = Feed::ToAsk;
        self.ask(now, core);
    }

    /// The session is down.
    pub(super) fn end(&mut self) {
        self.feed = Feed::Off;
        self.hand = None;
        self.at = Version::default();
    }

    /// The RIB has answered a pull with a chunk.
    pub(super) fn on_pulled(&mut self, chunk: &Chunk) {
        if self.feed == Feed::Asked {
            self.hand = Some(Hand::new(chunk, self.peer, None));
            self.feed = Feed::ToAsk;
        }
    }

    /// The RIB has answered a pull: the member has caught up.
    pub(super) fn on_live(&mut self, group: GroupId, place: u64, at: Version) {
        if self.feed == Feed::Asked {
            self.feed = Feed::Live { group, place };
            self.at = at;
        }
    }

    /// Gives away what is left of the chunk in hand, as if it were written.
    pub(super) fn take_hand(&mut self, core: &mut Core) -> impl Iterator<Item = Bytes> + use<> {
        let mut hand = self.hand.take();
        if let Some(hand) = &hand {
            self.at = hand.upto;
            core.moved = true;
        }
        std::iter::from_fn(move || hand.as_mut()?.next_message())
    }

    /// The RIB wants the member to pull again.
    pub(super) fn on_detach(&mut self) {
        match self.feed {
            Feed::Live { .. } => self.feed = Feed::ToAsk,
            Feed::Off | Feed::ToAsk | Feed::Asked => {}
        }
    }

    /// The next message to write, if there is one.
    pub(super) fn next_message(&mut self, now: Instant, core: &mut Core) -> Option<Bytes> {
        loop {
            if let Some(hand) = &mut self.hand {
                if let Some(message) = hand.next_message() {
                    return Some(message);
                }
                self.at = hand.upto;
                core.moved = true;
                self.hand = None;
            }
            match self.feed {
                Feed::Off | Feed::Asked => return None,
                Feed::ToAsk => {
                    self.ask(now, core);
                    return None;
                }
                Feed::Live { group, place } => match core.fanout.find((self.shard, group), place) {
                    Found::Nothing => return None,
                    Found::Chunk(chunk) => {
                        let hand = Hand::new(&chunk, self.peer, core.defect);
                        self.hand = Some(hand);
                        let place = place + 1;
                        self.feed = Feed::Live { group, place };
                    }
                    Found::Lagged if core.defect == Some(Defect::LagUntold) => {
                        let place = place + 1;
                        self.feed = Feed::Live { group, place };
                    }
                    Found::Lagged => {
                        self.lags += 1;
                        let lagged = Command::Lagged {
                            peer: self.peer,
                            family: self.family,
                            after: self.at,
                        };
                        core.tell_at(now, self.shard, lagged);
                        self.feed = Feed::ToAsk;
                    }
                },
            }
        }
    }

    fn ask(&mut self, now: Instant, core: &mut Core) {
        self.feed = Feed::Asked;
        let pull = Command::Pull {
            peer: self.peer,
            family: self.family,
        };
        core.tell_at(now, self.shard, pull);
    }

    /// The group that it follows, and how far it has come.
    pub(super) const fn live(&self) -> Option<(GroupOf, Version)> {
        match self.feed {
            Feed::Live { group, .. } => Some(((self.shard, group), self.at)),
            Feed::Off | Feed::ToAsk | Feed::Asked => None,
        }
    }

    /// Whether all there is was written.
    pub(super) fn is_at_rest(&self, fanout: &Fanout) -> bool {
        self.hand.is_none()
            && match self.feed {
                Feed::Off => true,
                Feed::ToAsk | Feed::Asked => false,
                Feed::Live { group, place } => place == fanout.next((self.shard, group)),
            }
    }
}
