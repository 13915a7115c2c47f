//! How a session gets what it tells its peer: pulled at first, then from its group's ring.

use std::task::{Context, Poll};

use super::driver::Driver;
use super::mailbox::{RibMail, RibReply};
use super::ring::{Found, RingReader};
use crate::fsm::StopReason;
use crate::net::{Family, PerFamily};
use crate::rib::{Chunk, Command, Version};

/// How one family's routes reach the peer.
#[derive(Debug, Default)]
pub(super) enum Follow {
    /// The family is not of this session.
    #[default]
    Off,
    /// The next chunk is to be pulled.
    Ask,
    /// A pull is under way.
    Waiting,
    /// Following the group's ring; everything up to the version is queued.
    Live(RingReader, Version),
}

impl Driver {
    pub(super) fn has_room(&self) -> bool {
        self.session.as_ref().is_some_and(|session| {
            self.connections
                .iter()
                .any(|c| c.id == session.connection && c.outbox.has_room())
        })
    }

    pub(super) fn request_routes(&mut self) {
        if !self.has_room() {
            return;
        }
        let peer = self.spec.id;
        let Some(session) = &mut self.session else {
            return;
        };
        for family in Family::ALL {
            let follow = session.follow.get_mut(family);
            if matches!(follow, Follow::Ask) {
                *follow = Follow::Waiting;
                self.mail
                    .push_back(RibMail::Command(Command::Pull { peer, family }));
            }
        }
        self.mail.send();
    }

    pub(super) fn on_reply(&mut self, reply: Option<RibReply>) {
        let Some(session) = &mut self.session else {
            return;
        };
        match reply {
            Some(RibReply::Chunk { family, chunk }) => {
                *session.follow.get_mut(family) = Follow::Ask;
                self.queue_chunk(&chunk);
            }
            Some(RibReply::Live { family, at, ring }) => {
                *session.follow.get_mut(family) = Follow::Live(ring, at);
                *self.record.end_of_rib_sent.get_mut(family) = true;
                self.record.touch();
            }
            Some(RibReply::Detach { family }) => {
                // A pull under way is answered all the same; only a follower must ask anew.
                let follow = session.follow.get_mut(family);
                if matches!(follow, Follow::Live(..)) {
                    *follow = Follow::Ask;
                }
            }
            Some(RibReply::PrefixLimit { family, event }) => self.on_prefix_limit(family, event),
            None => self.stop(StopReason::Silent),
        }
    }

    /// Takes what the ring had, and what else it has as far as there is room: all that goes out in one
    /// write.
    pub(super) fn on_ring(&mut self, family: Family, found: Found) {
        self.take_found(family, found);
        let mut progress = true;
        while std::mem::take(&mut progress) {
            for family in Family::ALL {
                if self.has_room()
                    && let Some(session) = &mut self.session
                    && let Follow::Live(ring, _) = session.follow.get_mut(family)
                    && let Some(found) = ring.try_next()
                {
                    self.take_found(family, found);
                    progress = true;
                }
            }
        }
    }

    fn take_found(&mut self, family: Family, found: Found) {
        let peer = self.spec.id;
        let Some(session) = &mut self.session else {
            return;
        };
        let follow = session.follow.get_mut(family);
        match (found, std::mem::replace(follow, Follow::Ask)) {
            (Found::Chunk { chunk, rouse }, Follow::Live(ring, _)) => {
                *follow = Follow::Live(ring, chunk.upto);
                self.queue_chunk(&chunk);
                if rouse {
                    self.mail.rouse();
                }
            }
            (Found::Lagged, Follow::Live(ring, after)) => {
                self.record.resynced();
                self.mail.push_back(RibMail::Lagged {
                    peer,
                    family,
                    after,
                    ring,
                });
            }
            // The group is gone; the RIB has sent a Detach or will tell when asked.
            (Found::Closed, Follow::Live(..)) => {}
            // Only a follower hears its ring.
            (_, other) => *follow = other,
        }
    }

    fn queue_chunk(&mut self, chunk: &Chunk) {
        let own = self.spec.id;
        let Some(session) = &self.session else { return };
        let id = session.connection;
        if let Some(connection) = self.open_connection(id) {
            let updates = connection.outbox.push_chunk(own, chunk);
            self.record.count_sent(|sent| sent.update += updates);
        }
    }
}

/// The next publication of whichever ring is followed.
pub(super) fn poll_rings(
    follow: Option<&mut PerFamily<Follow>>,
    context: &Context<'_>,
) -> Poll<(Family, Found)> {
    if let Some(follow) = follow {
        for family in Family::ALL {
            if let Follow::Live(ring, _) = follow.get_mut(family)
                && let Poll::Ready(found) = ring.poll_next(context)
            {
                return Poll::Ready((family, found));
            }
        }
    }
    Poll::Pending
}
