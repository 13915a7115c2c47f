//! How a session gets what it tells its peer: pulled at first, then from its group's ring.

use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::driver::Driver;
use super::mailbox::{RibMail, RibReply};
use crate::fsm::StopReason;
use crate::net::{Family, PerFamily};
use crate::rib::{Boundary, Chunk, Command, DemarcationSteps, ShardId, Version};

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
    Live(broadcast::Receiver<Arc<Chunk>>, Version),
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
        for (shard, follow) in (0..).map(ShardId).zip(&mut session.follow) {
            for family in Family::ALL {
                let follow = follow.get_mut(family);
                if matches!(follow, Follow::Ask) {
                    *follow = Follow::Waiting;
                    let pull = RibMail::Command(Command::Pull { peer, family });
                    self.mail.letter(shard, pull);
                }
            }
        }
        self.mail_more();
    }

    pub(super) fn on_reply(&mut self, reply: Option<(ShardId, RibReply)>) {
        let Some(session) = &mut self.session else {
            return;
        };
        let Some((shard, reply)) = reply else {
            return self.stop(StopReason::Silent);
        };
        let follow = &mut session.follow[shard.index()];
        match reply {
            RibReply::Chunk { family, chunk } => {
                *follow.get_mut(family) = Follow::Ask;
                self.queue_chunk(&chunk);
            }
            RibReply::Live { family, at, ring } => {
                *follow.get_mut(family) = Follow::Live(ring, at);
            }
            RibReply::Complete { family } => {
                let steps = session.demarcation.get_mut(family).on_complete(shard);
                self.demarcate(family, steps);
            }
            RibReply::Detach { family } => {
                // A pull under way is answered all the same; only a follower must ask anew.
                let follow = follow.get_mut(family);
                if matches!(follow, Follow::Live(..)) {
                    *follow = Follow::Ask;
                }
            }
            RibReply::PrefixLimit { family, event } => self.on_prefix_limit(family, event),
        }
    }

    /// Tells the peer everything again.
    pub(super) fn readvertise(&mut self, family: Family) {
        if let Some(session) = &mut self.session {
            let steps = session
                .demarcation
                .get_mut(family)
                .on_refresh(session.enhanced_refresh);
            self.demarcate(family, steps);
        }
    }

    fn demarcate(&mut self, family: Family, steps: DemarcationSteps) {
        let Some(session) = &self.session else { return };
        let id = session.connection;
        for boundary in steps.write {
            if let Some(connection) = self.open_connection(id) {
                connection.outbox.push_boundary(boundary.message(family));
            }
            match boundary {
                Boundary::EndOfRib => {
                    self.record.count_sent(|sent| sent.update += 1);
                    *self.record.end_of_rib_sent.get_mut(family) = true;
                }
                Boundary::BeginRefresh | Boundary::EndRefresh => {
                    self.record.count_sent(|sent| sent.route_refresh += 1);
                }
            }
            self.record.touch();
        }
        if let Some(awaited) = steps.refresh {
            let peer = self.spec.id;
            self.mail.command(Command::Refresh {
                peer,
                family,
                awaited,
            });
        }
    }

    pub(super) fn on_ring(
        &mut self,
        (shard, family): (ShardId, Family),
        chunk: Result<Arc<Chunk>, RecvError>,
    ) {
        let peer = self.spec.id;
        let Some(session) = &mut self.session else {
            return;
        };
        let follow = session.follow[shard.index()].get_mut(family);
        match (chunk, std::mem::replace(follow, Follow::Ask)) {
            (Ok(chunk), Follow::Live(ring, _)) => {
                *follow = Follow::Live(ring, chunk.upto);
                self.queue_chunk(&chunk);
            }
            (Err(RecvError::Lagged(_)), Follow::Live(ring, after)) => {
                self.record.resynced();
                let lagged = RibMail::Lagged {
                    peer,
                    family,
                    after,
                    ring,
                };
                self.mail.letter(shard, lagged);
            }
            // The group is gone; the RIB has sent a Detach or will tell when asked.
            (Err(RecvError::Closed), Follow::Live(..)) => {}
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
pub(super) async fn follow_rings(
    follow: &mut [PerFamily<Follow>],
) -> ((ShardId, Family), Result<Arc<Chunk>, RecvError>) {
    async fn one(follow: &mut Follow) -> Result<Arc<Chunk>, RecvError> {
        match follow {
            Follow::Live(ring, _) => ring.recv().await,
            Follow::Off | Follow::Ask | Follow::Waiting => pending().await,
        }
    }
    async fn of_shard(follow: &mut PerFamily<Follow>) -> (Family, Result<Arc<Chunk>, RecvError>) {
        tokio::select! {
            chunk = one(&mut follow.ipv4) => (Family::Ipv4, chunk),
            chunk = one(&mut follow.ipv6) => (Family::Ipv6, chunk),
        }
    }
    if let [only] = follow {
        let (family, chunk) = of_shard(only).await;
        return ((ShardId(0), family), chunk);
    }
    let shards = (0..).map(ShardId).zip(follow);
    let mut waits: Vec<_> = shards
        .map(|(shard, follow)| (shard, Box::pin(of_shard(follow))))
        .collect();
    poll_fn(|context| {
        for (shard, wait) in &mut waits {
            if let Poll::Ready((family, chunk)) = wait.as_mut().poll(context) {
                return Poll::Ready(((*shard, family), chunk));
            }
        }
        Poll::Pending
    })
    .await
}
