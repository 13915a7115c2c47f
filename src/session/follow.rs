//! How a session gets what it tells its peer: pulled at first, then from its group's ring.

use std::task::{Context, Poll};

use super::driver::Driver;
use super::mailbox::{RibMail, RibReply};
use super::ring::{Found, RingReader};
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
        self.mail.send();
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
            RibReply::Refused { prefix, reason } => tracing::warn!(
                %prefix, reason, "a route of the peer is refused; more with this reason are only counted"
            ),
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

    /// Takes what the ring had, and what else all have as far as there is room: all that goes out in one
    /// write.
    pub(super) fn on_ring(&mut self, of: (ShardId, Family), found: Found) {
        self.take_found(of, found);
        let mut progress = true;
        while std::mem::take(&mut progress) {
            for shard in self.mail.sharding().shards() {
                for family in Family::ALL {
                    if self.has_room()
                        && let Some(session) = &mut self.session
                        && let Follow::Live(ring, _) = session.follow[shard.index()].get_mut(family)
                        && let Some(found) = ring.try_next()
                    {
                        self.take_found((shard, family), found);
                        progress = true;
                    }
                }
            }
        }
    }

    fn take_found(&mut self, (shard, family): (ShardId, Family), found: Found) {
        let peer = self.spec.id;
        let Some(session) = &mut self.session else {
            return;
        };
        let follow = session.follow[shard.index()].get_mut(family);
        match (found, std::mem::replace(follow, Follow::Ask)) {
            (Found::Chunk { chunk, rouse }, Follow::Live(ring, _)) => {
                *follow = Follow::Live(ring, chunk.upto);
                self.queue_chunk(&chunk);
                if rouse {
                    self.mail.rouse(shard);
                }
            }
            (Found::Lagged, Follow::Live(ring, after)) => {
                self.record.resynced();
                if !std::mem::replace(&mut session.is_laggard, true) {
                    tracing::info!(%family, "the peer reads more slowly than its group and catches up from the RIB; next times are only counted");
                }
                let lagged = RibMail::Lagged {
                    peer,
                    family,
                    after,
                    ring,
                };
                self.mail.letter(shard, lagged);
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
    follow: &mut [PerFamily<Follow>],
    has_room: bool,
    context: &Context<'_>,
) -> Poll<((ShardId, Family), Found)> {
    for (shard, follow) in (0..).map(ShardId).zip(follow) {
        for family in Family::ALL {
            let Follow::Live(ring, _) = follow.get_mut(family) else {
                continue;
            };
            let polled = match has_room {
                true => ring.poll_next(context),
                false => ring.poll_fallen(context),
            };
            if let Poll::Ready(found) = polled {
                return Poll::Ready(((shard, family), found));
            }
        }
    }
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;
    use crate::net::{Asn, PerFamily, RouterId};
    use crate::rib::{Chunk, Sharding, Version};
    use crate::session::arrival::{Arrivals, Incoming};
    use crate::session::driver::{DriverCommand, DriverOptions};
    use crate::session::outbox::ROUTE_OCTETS_MAX;
    use crate::session::socket::SocketTerms;
    use crate::session::{RibMailboxes, testing};
    use crate::wire::{Capabilities, HoldTime, KEEPALIVE, Open};

    /// A connection to a session; what the session has, takes everything at once.
    async fn connect() -> (TcpStream, Incoming) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let peer = TcpStream::connect(address).await.expect("a connection");
        let (stream, _) = listener.accept().await.expect("a connection");
        let room = socket2::SockRef::from(&stream).set_send_buffer_size(4 * ROUTE_OCTETS_MAX);
        room.expect("a larger buffer");
        let incoming = Incoming {
            stream,
            arrival: Arrivals::default().admit(1).expect("room"),
            terms: SocketTerms::default(),
        };
        (peer, incoming)
    }

    fn hello() -> Vec<u8> {
        let open = Open {
            asn: Asn(64_512),
            hold_time: HoldTime::new(240).expect("a hold time"),
            router_id: RouterId([192, 0, 2, 2].into()),
            capabilities: Capabilities {
                families: PerFamily {
                    ipv4: true,
                    ipv6: false,
                },
                four_octet_as: Some(Asn(64_512)),
                ..Capabilities::default()
            },
        };
        let mut bytes = Vec::new();
        open.encode(&mut bytes);
        bytes.extend(KEEPALIVE);
        bytes
    }

    #[tokio::test]
    async fn routes_are_asked_for_once_a_full_outbox_is_written_at_once() {
        let mut spec = testing::spec("peer");
        spec.plan.passive = true;
        let (rib, mut letters) = mpsc::channel(16);
        let rib = RibMailboxes::new(Sharding::ONE, vec![rib]);
        let driver = Driver::spawn(spec, &rib, DriverOptions::default());
        let (mut peer, incoming) = connect().await;
        let command = DriverCommand::Incoming(Box::new(incoming));
        driver.commands.send(command).await.expect("it runs");
        peer.write_all(&hello()).await.expect("it listens");
        let (mut replies, mut pulls, mut first) = (None, 0, None);
        while pulls < 3 {
            let letter = timeout(Duration::from_secs(20), letters.recv()).await;
            match letter.expect("the session asks").expect("it runs") {
                RibMail::Attach { replies: to, .. } => replies = Some(to),
                RibMail::Command(Command::Pull { family, .. }) => {
                    pulls += 1;
                    // From here on the clock moves only where everyone waits for it.
                    let start = *first.get_or_insert_with(|| {
                        tokio::time::pause();
                        tokio::time::Instant::now()
                    });
                    assert_eq!(start.elapsed(), Duration::ZERO, "no timer has to help");
                    let chunk = Box::new(Chunk {
                        bytes: Bytes::from(
                            KEEPALIVE.repeat(ROUTE_OCTETS_MAX / KEEPALIVE.len() + 1),
                        ),
                        marks: vec![],
                        amends: vec![],
                        upto: Version::default(),
                        prefixes: 0,
                    });
                    let replies = replies.as_ref().expect("attached before");
                    let reply = (ShardId(0), RibReply::Chunk { family, chunk });
                    replies.try_send(reply).expect("room");
                }
                _ => {}
            }
        }
    }
}
