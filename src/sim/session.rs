//! The driver of one session: sockets, framer, machine, outbox, and the way to and from the RIB.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::fanout::Fanout;
use super::learn;
use super::link::{Item, Network, Place};
use super::member::Member;
use super::outbox::Outbox;
use super::speaker::Core;
use super::world::Event;
use crate::fsm::{
    Action, Backlog, ConnectionId, Direction, Input, Negotiated, Peer, Received, SessionDown,
    StopReason,
};
use crate::net::{Family, PeerId, PerFamily};
use crate::rib::{Command, GroupId, SessionTerms, Version};
use crate::wire::{DecodeContext, Framer, KEEPALIVE, Message, decode};

/// One end of a peering.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) place: Place,
    pub(super) remote: Place,
    pub(super) peer: PeerId,
    pub(super) machine: Peer,
    /// The dial under way, by number: an answer to an earlier one is unwanted.
    dial: Option<u64>,
    dials: u64,
    streams: BTreeMap<ConnectionId, Stream>,
    terms: Option<Negotiated>,
    members: PerFamily<Member>,
    stalled: bool,
    wake_at: Option<Instant>,
    /// How often the session came up.
    pub(super) ups: u64,
}

/// One TCP connection.
#[derive(Debug)]
struct Stream {
    side: usize,
    framer: Framer,
    outbox: Outbox,
    /// The machine has done with it; what is in the outbox still goes.
    closing: bool,
}

impl Session {
    pub(super) fn new(place: Place, remote: Place, peer: PeerId, machine: Peer) -> Self {
        Self {
            place,
            remote,
            peer,
            machine,
            dial: None,
            dials: 0,
            streams: BTreeMap::new(),
            terms: None,
            members: PerFamily {
                ipv4: Member::new(peer, Family::Ipv4),
                ipv6: Member::new(peer, Family::Ipv6),
            },
            stalled: false,
            wake_at: None,
            ups: 0,
        }
    }

    /// Gives the machine an order.
    pub(super) fn start(&mut self, network: &mut Network, core: &mut Core) {
        self.machine.handle(network.clock.now(), Input::Start);
        self.obey(network, core);
    }

    /// Stops the machine.
    pub(super) fn stop(&mut self, network: &mut Network, core: &mut Core, reason: StopReason) {
        let now = network.clock.now();
        self.machine.handle(now, Input::Stop(reason));
        self.obey(network, core);
    }

    /// Asks the peer for its routes again.
    pub(super) fn request_refresh(&mut self, network: &mut Network, core: &mut Core) {
        for family in Family::ALL {
            let request = Input::RequestRefresh(family);
            self.machine.handle(network.clock.now(), request);
        }
        self.obey(network, core);
    }

    /// Stops or resumes reading.
    pub(super) fn stall(&mut self, network: &mut Network, core: &mut Core, stalled: bool) {
        self.stalled = stalled;
        let connections: Vec<_> = self.streams.keys().copied().collect();
        for connection in connections {
            self.on_arrival(network, core, connection);
        }
    }

    /// Fires the machine's timers.
    pub(super) fn on_timer(&mut self, network: &mut Network, core: &mut Core) {
        let now = network.clock.now();
        self.wake_at = None;
        let unread = self.stalled
            && self
                .streams
                .iter()
                .any(|(id, stream)| network.has_unread(*id, stream.side));
        let backlog = match unread {
            true => Backlog::Unread,
            false => Backlog::Drained,
        };
        self.machine.handle_timeout(now, backlog);
        self.obey(network, core);
    }

    /// Reads what has arrived on a connection.
    pub(super) fn on_arrival(&mut self, network: &mut Network, core: &mut Core, id: ConnectionId) {
        loop {
            let known = self.streams.get(&id).map(|stream| stream.side);
            let side = match known {
                Some(_) if self.stalled => return,
                Some(side) => side,
                // A connection begins with the item that says so.
                None if network.place(id, 0) == Some(self.place) => 0,
                None if network.place(id, 1) == Some(self.place) => 1,
                None => return,
            };
            match network.take(id, side) {
                None => return,
                Some(Item::Connected(direction, dial)) => {
                    self.on_connected(network, core, id, side, direction, dial);
                }
                Some(Item::Octets(octets)) => self.on_octets(network, core, id, &octets),
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
        id: ConnectionId,
        side: usize,
        direction: Direction,
        dial: u64,
    ) {
        let wanted = match direction {
            Direction::Outgoing => self.dial == Some(dial),
            Direction::Incoming => true,
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
                    for command in learn::commands(self.peer, &update) {
                        core.tell(network.clock.now(), command);
                    }
                }
            }
            Err(error) => self.receive(network, core, id, Received::Faulty(error)),
        }
        let terms = self.machine.negotiated(id);
        let extended = terms.is_some_and(|terms| terms.extended_message);
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

    /// Does what the machine asks.
    fn obey(&mut self, network: &mut Network, core: &mut Core) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::Dial => {
                    self.dials += 1;
                    self.dial = Some(self.dials);
                    network.dial(self.place, self.remote, self.dials);
                }
                Action::CancelDial => self.dial = None,
                Action::SendOpen(id, open) => {
                    let mut message = Vec::new();
                    open.encode(&mut message);
                    self.send(id, message);
                }
                Action::SendKeepalive(id) => self.send(id, KEEPALIVE.to_vec()),
                Action::SendRefresh(id, refresh) => {
                    let mut message = Vec::new();
                    refresh.encode(&mut message);
                    self.send(id, message);
                }
                Action::SendNotification(id, notification) => {
                    // Hold timer, Cease, send hold timer: anything else would be a fault of our own.
                    assert!(matches!(notification.code, 4 | 6 | 8), "{notification:?}");
                    let mut message = Vec::new();
                    notification.encode(&mut message);
                    self.send(id, message);
                }
                Action::Close(id) => {
                    if let Some(stream) = self.streams.get_mut(&id) {
                        stream.closing = true;
                    }
                }
                Action::Up(_, terms) => self.on_up(network.clock.now(), core, *terms),
                Action::Down(down) => self.on_down(network.clock.now(), core, &down),
                Action::Refresh(family) => {
                    let marked = self.terms.as_ref().is_some_and(|t| t.enhanced_refresh);
                    let member = self.members.get_mut(family);
                    member.on_refresh(network.clock.now(), core, marked);
                }
                Action::RefreshBegins(family) => {
                    let peer = self.peer;
                    core.tell(network.clock.now(), Command::RefreshBegin { peer, family });
                }
                Action::RefreshEnds(family) => {
                    let peer = self.peer;
                    core.tell(network.clock.now(), Command::RefreshEnd { peer, family });
                }
                Action::RefreshRefused(..) | Action::Failed(_) => {}
            }
        }
        self.pump(network, core);
        self.schedule_wake(network);
    }

    fn send(&mut self, id: ConnectionId, message: Vec<u8>) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.outbox.push(message);
        }
    }

    fn on_up(&mut self, now: Instant, core: &mut Core, terms: Negotiated) {
        self.ups += 1;
        let preserved = |family| {
            let restart = terms.graceful_restart?;
            let of_family = (*restart.families.get(family))?;
            Some(of_family.forwarding_preserved)
        };
        let session = SessionTerms {
            local_address: None,
            peer: self.peer,
            peer_id: terms.peer_id,
            families: terms.families,
            four_octet_as: terms.four_octet_as,
            add_path: terms.add_path,
            forwarding_preserved: PerFamily {
                ipv4: preserved(Family::Ipv4).unwrap_or(false),
                ipv6: preserved(Family::Ipv6).unwrap_or(false),
            },
            stale_until: Some(now + STALE_TIME),
            enhanced_refresh: terms.enhanced_refresh,
            extended_message: terms.extended_message,
            extended_next_hop: terms.extended_next_hop,
        };
        core.tell(now, Command::SessionUp(session));
        for family in terms.families.families() {
            self.members.get_mut(family).begin(now, core);
        }
        self.terms = Some(terms);
    }

    fn on_down(&mut self, now: Instant, core: &mut Core, down: &SessionDown) {
        let terms = self.terms.take();
        let restart = terms
            .and_then(|terms| terms.graceful_restart)
            .filter(|_| down.keep_routes);
        let until = |family| {
            let restart = restart?;
            (*restart.families.get(family))?;
            Some(now + Duration::from_secs(restart.restart_time.into()))
        };
        self.members.ipv4.end();
        self.members.ipv6.end();
        let command = Command::SessionDown {
            peer: self.peer,
            keep_until: PerFamily {
                ipv4: until(Family::Ipv4),
                ipv6: until(Family::Ipv6),
            },
        };
        core.tell(now, command);
    }

    fn schedule_wake(&mut self, network: &mut Network) {
        let Some((at, _)) = self.machine.poll_timeout() else {
            return;
        };
        if self.wake_at.is_none_or(|earlier| at < earlier) {
            self.wake_at = Some(at);
            network.clock.schedule(at, Event::Timer(self.place));
        }
    }

    /// The membership in a family's group.
    pub(super) const fn member(&mut self, family: Family) -> &mut Member {
        self.members.get_mut(family)
    }

    /// The groups that this session follows, and how far it has come.
    pub(super) fn live(&self) -> impl Iterator<Item = (GroupId, Version)> + '_ {
        self.members.iter().filter_map(|(_, member)| member.live())
    }

    /// How often the session fell behind its groups.
    pub(super) fn lags(&self) -> u64 {
        self.members.iter().map(|(_, member)| member.lags).sum()
    }

    /// Writes all that the windows let through, on every connection.
    pub(super) fn pump(&mut self, network: &mut Network, core: &mut Core) {
        let established = self.established();
        let connections: Vec<_> = self.streams.keys().copied().collect();
        for id in connections {
            while let Some(stream) = self.streams.get_mut(&id)
                && stream.outbox.write(network, id, stream.side)
            {
                if stream.closing {
                    network.close(id, stream.side);
                    self.streams.remove(&id);
                    break;
                }
                if established != Some(id) {
                    break;
                }
                let Some(message) = self.next_routes(network.clock.now(), core) else {
                    break;
                };
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.outbox.begin(message);
                }
            }
            self.tell_progress(network.clock.now(), id);
        }
    }

    fn tell_progress(&mut self, now: Instant, connection: ConnectionId) {
        if let Some(stream) = self.streams.get_mut(&connection)
            && stream.outbox.take_progress()
        {
            let caught_up = !stream.outbox.has_control();
            let wrote = Input::Wrote {
                connection,
                caught_up,
            };
            self.machine.handle(now, wrote);
        }
    }

    fn next_routes(&mut self, now: Instant, core: &mut Core) -> Option<Bytes> {
        Family::ALL
            .into_iter()
            .find_map(|family| self.members.get_mut(family).next_message(now, core))
    }

    pub(super) fn established(&self) -> Option<ConnectionId> {
        self.machine.established().map(|(id, _)| id)
    }

    /// The terms of the session, while it is up.
    pub(super) const fn terms(&self) -> Option<&Negotiated> {
        self.terms.as_ref()
    }

    /// Whether nothing waits to be written and nothing is awaited from the RIB.
    pub(super) fn is_at_rest(&self, fanout: &Fanout) -> bool {
        // What lingers on a closed connection may have to wait for its link.
        let written = |stream: &Stream| stream.closing || stream.outbox.is_free();
        self.streams.values().all(written)
            && self
                .members
                .iter()
                .all(|(_, member)| member.is_at_rest(fanout))
    }
}

/// How long stale routes of a peer may stay after it has come back: for ever in this world, so that it
/// is End-of-RIB that must end them.
const STALE_TIME: Duration = Duration::from_hours(1);
