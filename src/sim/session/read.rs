//! Reading: from what a link delivers to what machine and RIB are told.

use super::super::learn;
use super::super::link::{Item, Network};
use super::super::outbox::Outbox;
use super::super::core::Core;
use super::super::world::Event;
use super::{Reading, Session, Stream};
use crate::fsm::{ConnectionId, Direction, Input, Negotiated, Received};
use crate::wire::{DecodeContext, Framer, Message, decode};

impl Session {
    /// Stops reading, or reads so many octets a second; `None` reads everything at once.
    pub(in super::super) fn pace(
        &mut self,
        network: &mut Network,
        core: &mut Core,
        octets: Option<usize>,
    ) {
        let was_slow = matches!(self.reading, Reading::Slowly { .. });
        self.reading = match octets {
            None => Reading::Freely,
            Some(0) => Reading::Stalled,
            Some(octets) => Reading::Slowly { octets, left: 0 },
        };
        if matches!(self.reading, Reading::Slowly { .. }) && !was_slow {
            self.schedule_pace(network);
        }
        self.read_all(network, core);
    }

    /// A second has passed for a slow reader.
    pub(in super::super) fn on_pace(&mut self, network: &mut Network, core: &mut Core) {
        if let Reading::Slowly { octets, left } = &mut self.reading {
            *left = *octets;
            self.schedule_pace(network);
            self.read_all(network, core);
        }
    }

    fn schedule_pace(&self, network: &mut Network) {
        let at = network.clock.now() + PACE;
        network.clock.schedule(at, Event::Pace(self.place));
    }

    fn read_all(&mut self, network: &mut Network, core: &mut Core) {
        let connections: Vec<_> = self.streams.keys().copied().collect();
        for connection in connections {
            self.on_arrival(network, core, connection);
        }
    }

    /// Reads what has arrived on a connection.
    pub(in super::super) fn on_arrival(
        &mut self,
        network: &mut Network,
        core: &mut Core,
        id: ConnectionId,
    ) {
        loop {
            let known = self.streams.get(&id).map(|stream| stream.side);
            let octets_max = match (known, self.reading) {
                (Some(_), Reading::Stalled | Reading::Slowly { left: 0, .. }) => return,
                (Some(_), Reading::Slowly { left, .. }) => left,
                (Some(_), Reading::Freely) | (None, _) => usize::MAX,
            };
            let side = match known {
                Some(side) => side,
                // A connection begins with the item that says so.
                None if network.place(id, 0) == Some(self.place) => 0,
                None if network.place(id, 1) == Some(self.place) => 1,
                None => return,
            };
            match network.take(id, side, octets_max) {
                None => return,
                Some(Item::Connected(direction, dial)) => {
                    self.on_connected(network, core, (id, side), direction, dial);
                }
                Some(Item::Octets(octets)) => {
                    if let Reading::Slowly { left, .. } = &mut self.reading {
                        *left = left.saturating_sub(octets.len());
                    }
                    self.on_octets(network, core, id, &octets);
                }
                Some(Item::Ended(reason)) => {
                    self.streams.remove(&id);
                    let input = Input::Closed {
                        connection: id,
                        reason,
                    };
                    self.machine.handle(network.clock.now(), input);
                    self.obey(network, core);
                }
            }
        }
    }

    fn on_connected(
        &mut self,
        network: &mut Network,
        core: &mut Core,
        (id, side): (ConnectionId, usize),
        direction: Direction,
        dial: u64,
    ) {
        let wanted = match direction {
            Direction::Outgoing => self.dial == Some(dial),
            Direction::Incoming => !self.removed,
        };
        if !wanted {
            network.close(id, side);
            return;
        }
        if direction == Direction::Outgoing {
            self.dial = None;
        }
        let stream = Stream {
            side,
            framer: Framer::new(),
            outbox: Outbox::default(),
            closing: false,
        };
        self.streams.insert(id, stream);
        let input = Input::Connected {
            direction,
            connection: id,
        };
        self.machine.handle(network.clock.now(), input);
        self.obey(network, core);
    }

    fn on_octets(
        &mut self,
        network: &mut Network,
        core: &mut Core,
        id: ConnectionId,
        octets: &[u8],
    ) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.framer.extend(octets);
        }
        while let Some(stream) = self.streams.get_mut(&id)
            && !stream.closing
        {
            match stream.framer.next() {
                Ok(None) => return,
                Ok(Some(message)) => self.on_message(network, core, id, &message),
                Err(error) => self.receive(network, core, id, Received::Faulty(error)),
            }
        }
    }

    fn on_message(
        &mut self,
        network: &mut Network,
        core: &mut Core,
        id: ConnectionId,
        message: &[u8],
    ) {
        let context = self
            .machine
            .negotiated(id)
            .map_or(DecodeContext::BEFORE_OPEN, Negotiated::decode_context);
        match decode(message, &context) {
            Ok(Message::Open(open)) => self.receive(network, core, id, Received::Open(open)),
            Ok(Message::Keepalive) => self.receive(network, core, id, Received::Keepalive),
            Ok(Message::Notification(notification)) => {
                self.receive(network, core, id, Received::Notification(notification));
            }
            Ok(Message::RouteRefresh(refresh)) => {
                self.receive(network, core, id, Received::RouteRefresh(refresh));
            }
            Ok(Message::Update(update)) => {
                assert!(update.faults.is_empty(), "our own messages are good");
                self.receive(network, core, id, Received::Update);
                if self.established() == Some(id) {
                    self.heard += learn::route_count(&update);
                    for command in learn::commands(self.peer, &update, core.defect) {
                        core.tell(network.clock.now(), command);
                    }
                }
            }
            Err(error) => self.receive(network, core, id, Received::Faulty(error)),
        }
        let agreed = self.machine.negotiated(id);
        let extended = agreed.is_some_and(|agreed| agreed.extended_message);
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.framer.allow_extended(extended);
        }
    }

    fn receive(
        &mut self,
        network: &mut Network,
        core: &mut Core,
        connection: ConnectionId,
        message: Received,
    ) {
        let input = Input::Received {
            connection,
            message,
        };
        self.machine.handle(network.clock.now(), input);
        self.obey(network, core);
    }
}

/// How often a slow reader reads.
const PACE: std::time::Duration = std::time::Duration::from_secs(1);
