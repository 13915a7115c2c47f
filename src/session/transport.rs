//! A session's connections: taken in, written to, closed.

use std::task::{Context, Poll};

use tokio::net::TcpStream;
use tracing::debug;

use super::arrival::Incoming;
use super::connection::{Connection, Readiness};
use super::driver::Driver;
use super::socket::SocketTerms;
use crate::clock;
use crate::fsm::{ConnectionId, Direction, Input};

/// Reads of what a peer said before a write to it failed.
const READS_AFTER_FAILURE: usize = 16;

impl Driver {
    /// Takes in a connection that this side has dialled.
    pub(super) fn connected(&mut self, stream: TcpStream) {
        match Connection::new(self.next_id(), stream) {
            Ok(connection) => self.take_in(Direction::Outgoing, connection),
            Err(error) => {
                let reason = error.to_string();
                self.input(Input::DialFailed { reason });
            }
        }
    }

    /// Takes in a connection that the peer has dialled, unless it was accepted on terms that have
    /// changed since: the listeners hear of a new plan later than the session.
    pub(super) fn accepted(&mut self, incoming: Incoming) {
        if incoming.terms != SocketTerms::new(&self.spec.plan) {
            debug!("incoming connection closed: the session's terms have just changed");
            return;
        }
        match Connection::new(self.next_id(), incoming.stream) {
            Ok(mut connection) => {
                connection.arrival = Some(incoming.arrival);
                self.take_in(Direction::Incoming, connection);
            }
            Err(error) => debug!(reason = %error, "incoming connection was gone at once"),
        }
    }

    fn next_id(&mut self) -> ConnectionId {
        self.next_connection += 1;
        ConnectionId(self.next_connection)
    }

    fn take_in(&mut self, direction: Direction, connection: Connection) {
        let id = connection.id;
        self.connections.push(connection);
        self.input(Input::Connected {
            direction,
            connection: id,
        });
    }

    /// The connection, unless it is being closed.
    pub(super) fn open_connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections
            .iter_mut()
            .find(|c| c.id == id && c.closing.is_none())
    }

    /// Writes what waits, and lets the machine know of progress (RFC 9687).
    pub(super) fn write(&mut self) {
        let now = clock::now();
        let mut failed = Vec::new();
        for connection in self.connections.iter_mut().filter(|c| c.closing.is_none()) {
            let id = connection.id;
            match connection.write() {
                Ok(0) => {}
                Ok(_) => {
                    let wrote = Input::Wrote {
                        connection: id,
                        caught_up: !connection.outbox.has_control(),
                    };
                    self.fsm.handle(now, wrote);
                }
                Err(reason) => failed.push((id, reason)),
            }
        }
        for (connection, reason) in failed {
            // The peer's last word may wait unread: a Cease says that nothing is to be kept.
            for _ in 0..READS_AFTER_FAILURE {
                if !self.read(connection) {
                    break;
                }
            }
            if self.open_connection(connection).is_some() {
                self.connections.retain(|c| c.id != connection);
                self.input(Input::Closed { connection, reason });
            }
            self.perform();
        }
    }

    pub(super) fn close_steps(&mut self) {
        let now = clock::now();
        self.connections
            .retain_mut(|c| c.closing.is_none() || !c.close_step(now));
    }
}

/// Waits for a connection that can be read from, unless `paused`, or written to.
pub(super) fn poll_connections(
    connections: &[Connection],
    paused: bool,
    context: &mut Context<'_>,
) -> Poll<(ConnectionId, Readiness)> {
    for connection in connections {
        // What a closing connection still receives is read away once its last message is written.
        let paused = match connection.closing {
            Some(_) => !connection.outbox.is_empty(),
            None => paused,
        };
        if let Poll::Ready(readiness) = connection.poll_ready(context, paused) {
            return Poll::Ready((connection.id, readiness));
        }
    }
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;
    use crate::rib::Sharding;
    use crate::session::RibMailboxes;
    use crate::session::arrival::Arrivals;
    use crate::session::driver::{DriverCommand, DriverOptions};
    use crate::session::testing;

    #[tokio::test]
    async fn a_connection_accepted_on_earlier_terms_is_closed() {
        let mut spec = testing::spec("peer");
        spec.plan.passive = true;
        spec.plan.ttl_security = Some(1);
        let terms = SocketTerms::new(&spec.plan);
        let (rib, _letters) = mpsc::channel(16);
        let rib = RibMailboxes::new(Sharding::ONE, vec![rib]);
        let driver = Driver::spawn(spec, &rib, DriverOptions::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        for (terms, octets) in [(SocketTerms::default(), 0), (terms, 1)] {
            let mut peer = TcpStream::connect(address).await.expect("a connection");
            let (stream, _) = listener.accept().await.expect("a connection");
            let incoming = Incoming {
                stream,
                arrival: Arrivals::default().admit(1).expect("room"),
                terms,
            };
            let handed_over = driver
                .commands
                .send(DriverCommand::Incoming(Box::new(incoming)));
            handed_over.await.expect("the session runs");
            // The end, or the beginning of an OPEN.
            let read = peer.read(&mut [0]).await.expect("no reset");
            assert_eq!(read, octets);
        }
    }
}
