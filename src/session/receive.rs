//! What a session does with the bytes of its peer.

use std::cell::Cell;
use std::collections::VecDeque;

use bytes::BytesMut;

use super::driver::Driver;
use super::throttle::Throttle;
use crate::clock;
use crate::fsm::{ConnectionId, Input, Received};
use crate::rib::Command;
use crate::wire::{self, DecodeContext, HEADER_LENGTH, Message, MessageKind, Update};

thread_local! {
    /// The room that the sessions of a thread read into, one after the other: no session keeps a
    /// buffer while its peer is silent.
    static SCRATCH: Cell<BytesMut> = Cell::default();
}

impl Driver {
    /// Reads what has arrived before a timer judges the peer's silence (invariant 9).
    pub(super) fn read_everything(&mut self) {
        let ids: Vec<_> = self
            .connections
            .iter()
            .map(|connection| connection.id)
            .collect();
        for id in ids {
            self.read(id);
        }
    }

    /// Reads once and does what was read; says whether there may be more.
    pub(super) fn read(&mut self, id: ConnectionId) -> bool {
        let octets = self.mail.read_octets();
        let Some(connection) = self.open_connection(id) else {
            return false;
        };
        let outcome = connection.read(SCRATCH.take(), octets);
        let more = matches!(outcome, Some(Ok(())));
        self.parse(id);
        // One that has been closed meanwhile takes the room with it.
        if let Some(connection) = self.connections.iter_mut().find(|c| c.id == id) {
            SCRATCH.set(connection.leave_rest());
        }
        self.flush_inbox();
        self.mail.send();
        if let Some(Err(reason)) = outcome
            && self.open_connection(id).is_some()
        {
            self.connections.retain(|connection| connection.id != id);
            self.input(Input::Closed {
                connection: id,
                reason,
            });
        }
        more
    }

    /// Tells the RIB something that must come behind the routes received before it.
    pub(super) fn tell_in_order(&mut self, command: Command) {
        self.flush_inbox();
        self.mail.command(command);
    }

    /// Addresses what has gathered of routes to the RIB.
    pub(super) fn flush_inbox(&mut self) {
        if let Some(session) = &mut self.session {
            let mut commands = VecDeque::new();
            session.inbox.drain_into(&mut commands);
            for command in commands {
                self.mail.command(command);
            }
        }
    }

    fn parse(&mut self, id: ConnectionId) {
        while let Some(connection) = self.open_connection(id) {
            match connection.framer.next() {
                Ok(Some(message)) => {
                    self.with_message(id, &message, |driver| driver.on_message(id, &message));
                }
                Ok(None) => return,
                Err(error) => {
                    self.received(id, Received::Faulty(error));
                    return;
                }
            }
        }
    }

    fn on_message(&mut self, id: ConnectionId, message: &[u8]) {
        #[cfg(test)]
        assert!(!message.ends_with(super::BOMB), "asked for by a test");
        if kind(message) == Some(MessageKind::Update) {
            return self.on_update(id, message);
        }
        let message = match wire::decode(message, &DecodeContext::BEFORE_OPEN) {
            Ok(Message::Open(open)) => {
                if let Some(connection) = self.open_connection(id) {
                    connection.arrival = None;
                }
                Received::Open(open)
            }
            Ok(Message::Keepalive) => Received::Keepalive,
            Ok(Message::Notification(notification)) => Received::Notification(notification),
            Ok(Message::RouteRefresh(refresh)) => Received::RouteRefresh(refresh),
            Ok(Message::Update(_)) => Received::Update,
            Err(error) => Received::Faulty(error),
        };
        self.record.count_received(&message, clock::wall());
        self.received(id, message);
        let extended = self
            .fsm
            .negotiated(id)
            .is_some_and(|terms| terms.extended_message);
        if let Some(connection) = self.open_connection(id) {
            connection.framer.allow_extended(extended);
        }
    }

    /// The machine hears of an UPDATE first: the session may come up with it, and only then does it
    /// count.
    fn on_update(&mut self, id: ConnectionId, message: &[u8]) {
        self.received(id, Received::Update);
        let Some(session) = self.session.as_mut().filter(|s| s.connection == id) else {
            return;
        };
        match wire::decode(message, &session.context) {
            Ok(Message::Update(update)) => {
                let ended = session.inbox.push(&update);
                self.record.count_update(&update);
                session.faults.log(&update);
                if let Some(family) = ended {
                    *self.record.end_of_rib_received.get_mut(family) = true;
                }
            }
            Err(error) => {
                self.record.count_fatal_update();
                self.received(id, Received::Faulty(error));
            }
            Ok(
                Message::Open(_)
                | Message::Keepalive
                | Message::Notification(_)
                | Message::RouteRefresh(_),
            ) => debug_assert!(false, "the message's type was looked at"),
        }
    }

    fn received(&mut self, connection: ConnectionId, message: Received) {
        self.input(Input::Received {
            connection,
            message,
        });
        self.perform();
    }
}

/// Logs faulty UPDATEs, one line a second at most: a peer decides how many there are.
#[derive(Debug, Default)]
pub(super) struct FaultLog(Throttle);

impl FaultLog {
    fn log(&mut self, update: &Update<'_>) {
        let Some(first) = update.faults.first() else {
            return;
        };
        let Some(suppressed) = self.0.pass(clock::now()) else {
            return;
        };
        tracing::warn!(
            attribute = first.code,
            offset = first.offset,
            octets = %first.shown_octets(),
            action = first.disposition.name(),
            reason = first.reason,
            more = update.faults.len() - 1,
            suppressed,
            "faulty attribute in an UPDATE"
        );
    }
}

impl Drop for FaultLog {
    fn drop(&mut self) {
        let suppressed = self.0.take();
        if suppressed > 0 {
            tracing::warn!(
                suppressed,
                "further faulty UPDATEs before the session ended"
            );
        }
    }
}

fn kind(message: &[u8]) -> Option<MessageKind> {
    message
        .get(HEADER_LENGTH - 1)
        .copied()
        .and_then(MessageKind::from_wire)
}
