//! The driver of one session: sockets, framer, machine, outbox, and the way to and from the RIB.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::fanout::{Fanout, Found};
use super::link::{Item, Network, Place};
use super::outbox::{Hand, Outbox};
use super::world::Event;
use crate::fsm::{
    Action, Backlog, ConnectionId, Direction, Input, Negotiated, Peer, Received, SessionDown,
    StopReason,
};
use crate::net::{AddressFamily, Family, Ipv4, Ipv6, PeerId, PerFamily};
use crate::rib::{
    BATCH_ROUTES_MAX, Chunk, Command, GroupId, RouteBatch, RouteOp, Routes, SessionTerms, Shard,
    Version,
};
use crate::wire::{DecodeContext, Framer, KEEPALIVE, Message, Nlri, NlriRun, Update, decode};

/// What a speaker has besides its sessions.
pub(super) struct Core {
    pub(super) shard: Shard,
    pub(super) fanout: Fanout,
    /// Whether the shard was told something since its last turn.
    pub(super) told: bool,
}

impl Core {
    /// Tells the shard something.
    pub(super) fn tell(&mut self, now: Instant, command: Command) {
        self.told = true;
        self.shard.handle(now, command);
    }
}

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
    /// How often it fell behind its group.
    pub(super) lags: u64,
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

/// Where a family's routes come from next.
#[derive(Clone, Debug, Default)]
struct Member {
    feed: Feed,
    hand: Option<Hand>,
    /// The log position of all that was taken.
    at: Version,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Feed {
    /// The session is down, or does not carry the family.
    #[default]
    Off,
    /// A pull is to be sent as soon as the chunk in hand is written.
    ToAsk,
    /// A pull is under way.
    Asked,
    /// Publications are followed.
    Live { group: GroupId, place: u64 },
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
            members: PerFamily::default(),
            stalled: false,
            wake_at: None,
            ups: 0,
            lags: 0,
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
            .map_or(BEFORE_OPEN, Negotiated::decode_context);
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
                    self.learn(network.clock.now(), core, &update);
                }
            }
            Err(error) => self.receive(network, core, id, Received::Faulty(error)),
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

    /// Hands the routes of an UPDATE to the RIB.
    fn learn(&self, now: Instant, core: &mut Core, update: &Update<'_>) {
        for run in &update.withdrawn {
            self.batch(now, core, run, &RouteOp::Withdraw);
        }
        for announced in &update.announced {
            let op = RouteOp::Announce(announced.attributes.clone());
            self.batch(now, core, &announced.nlri, &op);
        }
        if let Some(family) = update.end_of_rib {
            let peer = self.peer;
            core.tell(now, Command::EndOfRib { peer, family });
        }
    }

    fn batch(&self, now: Instant, core: &mut Core, run: &NlriRun<'_>, op: &RouteOp) {
        match run.family {
            Family::Ipv4 => self.batches::<Ipv4>(now, core, run, op, Routes::V4),
            Family::Ipv6 => self.batches::<Ipv6>(now, core, run, op, Routes::V6),
        }
    }

    fn batches<A: AddressFamily>(
        &self,
        now: Instant,
        core: &mut Core,
        run: &NlriRun<'_>,
        op: &RouteOp,
        wrap: fn(RouteBatch<A::Prefix>) -> Routes,
    ) {
        let all: Vec<Nlri<A::Prefix>> = run.iter::<A>().collect();
        for part in all.chunks(BATCH_ROUTES_MAX) {
            let count = u32::try_from(part.len()).expect("bounded by the batch");
            let batch = RouteBatch {
                source: self.peer,
                ops: vec![(op.clone(), count)],
                nlri: part.to_vec(),
            };
            core.tell(now, Command::Routes(wrap(batch)));
        }
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
                Action::SendNotification(id, notification) => {
                    // Hold timer, Cease: anything else would be a fault of our own.
                    assert!(matches!(notification.code, 4 | 6), "{notification:?}");
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
                    let peer = self.peer;
                    let refresh = Command::Refresh { peer, family };
                    core.tell(network.clock.now(), refresh);
                }
                Action::Failed(_) => {}
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
        };
        core.tell(now, Command::SessionUp(session));
        for family in terms.families.families() {
            let peer = self.peer;
            self.members.get_mut(family).feed = Feed::Asked;
            core.tell(now, Command::Pull { peer, family });
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
        self.members = PerFamily::default();
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

    /// The RIB has answered a pull with a chunk.
    pub(super) fn on_pulled(&mut self, family: Family, chunk: &Chunk) {
        let hand = Hand::new(chunk, self.peer);
        let member = self.members.get_mut(family);
        if member.feed == Feed::Asked {
            member.hand = Some(hand);
        }
    }

    /// The RIB has answered a pull with the end of catching up.
    pub(super) fn on_live(&mut self, family: Family, group: GroupId, place: u64, at: Version) {
        let member = self.members.get_mut(family);
        if member.feed == Feed::Asked {
            member.feed = Feed::Live { group, place };
            member.at = at;
        }
    }

    /// The RIB wants this member to pull again.
    pub(super) fn on_detach(&mut self, family: Family) {
        let member = self.members.get_mut(family);
        if matches!(member.feed, Feed::Live { .. }) {
            member.feed = Feed::ToAsk;
        }
    }

    /// The groups that this session follows, and how far it has come.
    pub(super) fn live(&self) -> impl Iterator<Item = (GroupId, Version)> + '_ {
        self.members
            .iter()
            .filter_map(|(_, member)| match member.feed {
                Feed::Live { group, .. } => Some((group, member.at)),
                Feed::Off | Feed::ToAsk | Feed::Asked => None,
            })
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
        }
    }

    fn next_routes(&mut self, now: Instant, core: &mut Core) -> Option<bytes::Bytes> {
        let peer = self.peer;
        for family in Family::ALL {
            let member = self.members.get_mut(family);
            loop {
                if let Some(hand) = &mut member.hand {
                    if let Some(message) = hand.next_message() {
                        return Some(message);
                    }
                    member.at = hand.upto;
                    member.hand = None;
                    if member.feed == Feed::Asked {
                        member.feed = Feed::ToAsk;
                    }
                }
                match member.feed {
                    Feed::Off | Feed::Asked => break,
                    Feed::ToAsk => {
                        member.feed = Feed::Asked;
                        core.tell(now, Command::Pull { peer, family });
                        break;
                    }
                    Feed::Live { group, place } => match core.fanout.find(group, place) {
                        Found::Nothing => break,
                        Found::Chunk(chunk) => {
                            member.hand = Some(Hand::new(&chunk, peer));
                            member.feed = Feed::Live {
                                group,
                                place: place + 1,
                            };
                        }
                        Found::Lagged => {
                            self.lags += 1;
                            let after = member.at;
                            let lagged = Command::Lagged {
                                peer,
                                family,
                                after,
                            };
                            core.tell(now, lagged);
                            member.feed = Feed::ToAsk;
                        }
                    },
                }
            }
        }
        None
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
        let idle = |member: &Member| {
            member.hand.is_none()
                && match member.feed {
                    Feed::Off => true,
                    Feed::ToAsk | Feed::Asked => false,
                    Feed::Live { group, place } => place == fanout.next(group),
                }
        };
        // What lingers on a closed connection may have to wait for its link.
        let written = |stream: &Stream| stream.closing || stream.outbox.is_free();
        self.streams.values().all(written) && self.members.iter().all(|(_, member)| idle(member))
    }
}

/// How long stale routes of a peer may stay after it has come back.
const STALE_TIME: Duration = Duration::from_secs(120);

/// Before the terms are known no UPDATE is expected, and none would be read.
const BEFORE_OPEN: DecodeContext = DecodeContext {
    four_octet_as: true,
    add_path: PerFamily {
        ipv4: false,
        ipv6: false,
    },
    families: PerFamily {
        ipv4: false,
        ipv6: false,
    },
    external: false,
};
