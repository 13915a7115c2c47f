//! The driver of one session: sockets, framer, machine, outbox, and the way to and from the RIB.

mod obey;
mod read;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::core::Core;
use super::fanout::{Fanout, GroupOf};
use super::filter::Filter;
use super::identity::Identity;
use super::link::{Network, Place};
use super::member::Member;
use super::outbox::Outbox;
use super::peering::{Terms, spoilt};
use super::world::Event;
use crate::fsm::{Backlog, ConnectionId, Input, Negotiated, Peer, StopReason};
use crate::net::{Family, PeerId, PerFamily};
use crate::rib::{Command, Demarcation, DemarcationSteps, PeerSetup, ShardId, Sharding, Version};
use crate::wire::Framer;

/// One end of a peering.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) place: Place,
    pub(super) remote: Place,
    pub(super) peer: PeerId,
    pub(super) terms: Terms,
    local: Identity,
    pub(super) other: Identity,
    pub(super) machine: Peer,
    /// Whether it is no longer configured.
    pub(super) removed: bool,
    /// The dial under way, by number: an answer to an earlier one is unwanted.
    dial: Option<u64>,
    dials: u64,
    streams: BTreeMap<ConnectionId, Stream>,
    agreed: Option<Negotiated>,
    members: Vec<PerFamily<Member>>,
    demarcation: PerFamily<Demarcation>,
    /// Messages that go before what members have: where a dump begins and ends, and what was in hand
    /// by then.
    queued: VecDeque<Bytes>,
    reading: Reading,
    wake_at: Option<Instant>,
    /// How often the session came up.
    pub(super) ups: u64,
    /// How many routes were announced to it and withdrawn.
    pub(super) heard: u64,
}

/// How a session reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Everything, at once.
    Freely,
    /// Nothing.
    Stalled,
    /// So many octets a second, of which so many are left of this second.
    Slowly { octets: usize, left: usize },
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
    /// One end; the other is at `remote`. The `seed` is for the machine's jitter.
    pub(super) fn new(
        (place, local): (Place, Identity),
        (remote, other): (Place, Identity),
        terms: Terms,
        seed: u64,
    ) -> Self {
        let number = u32::try_from(place.session + 1).expect("fewer sessions");
        let machine = Peer::new(terms.config(&local, &other), seed);
        Self {
            place,
            remote,
            peer: PeerId(number),
            terms,
            local,
            other,
            machine,
            removed: false,
            dial: None,
            dials: 0,
            streams: BTreeMap::new(),
            agreed: None,
            members: Vec::new(),
            demarcation: demarcation(Sharding::ONE),
            queued: VecDeque::new(),
            reading: Reading::Freely,
            wake_at: None,
            ups: 0,
            heard: 0,
        }
    }

    /// Begins: the RIB learns of the peer, the machine starts. `restarting` says that the speaker has
    /// come back and still learns what it knew.
    pub(super) fn begin(&mut self, network: &mut Network, core: &mut Core, restarting: bool) {
        let member = |shard, family| Member::new(shard, self.peer, family);
        let both = |shard| PerFamily {
            ipv4: member(shard, Family::Ipv4),
            ipv6: member(shard, Family::Ipv6),
        };
        self.members = core.rib.sharding().shards().map(both).collect();
        let setup = self.terms.setup(self.peer, &self.local, &self.other);
        let setup = spoilt(setup, core.defect);
        core.tell(network.clock.now(), Command::AddPeer(setup));
        let preserved = self.terms.peering.forwarding_preserved;
        self.machine.set_restarting(preserved || restarting);
        self.machine.handle(network.clock.now(), Input::Start);
        self.obey(network, core);
    }

    /// Forgets everything but its configuration, as the process ends.
    pub(super) fn crash(&mut self, seed: u64) {
        let config = self.terms.config(&self.local, &self.other);
        self.machine = Peer::new(config, seed);
        self.dial = None;
        // Answers to dials of the life before are unwanted, too.
        self.dials += 1;
        self.streams.clear();
        self.agreed = None;
        self.members.clear();
        self.queued.clear();
        self.reading = Reading::Freely;
        self.wake_at = None;
    }

    /// Stops the machine.
    pub(super) fn stop(&mut self, network: &mut Network, core: &mut Core, reason: StopReason) {
        let now = network.clock.now();
        self.machine.handle(now, Input::Stop(reason));
        self.obey(network, core);
    }

    /// The session is no longer configured.
    pub(super) fn remove(&mut self, network: &mut Network, core: &mut Core) {
        self.stop(network, core, StopReason::Deconfigured);
        core.tell(network.clock.now(), Command::RemovePeer(self.peer));
        self.removed = true;
    }

    /// Applies other terms without a reset; the RIB is to be told of the setup.
    pub(super) fn changed(&mut self, change: Change) -> PeerSetup {
        match change {
            Change::Import(filter) => self.terms.import = filter,
            Change::Export(filter) => self.terms.export = filter,
            Change::Limit(limit) => self.terms.limit = limit,
            Change::Client(client) => self.terms.client = client,
        }
        self.terms.setup(self.peer, &self.local, &self.other)
    }

    /// Asks the peer for its routes again.
    pub(super) fn request_refresh(&mut self, network: &mut Network, core: &mut Core) {
        for family in Family::ALL {
            let request = Input::RequestRefresh(family);
            self.machine.handle(network.clock.now(), request);
        }
        self.obey(network, core);
    }

    /// The speaker recovers no longer.
    pub(super) fn recovered(&mut self) {
        let preserved = self.terms.peering.forwarding_preserved;
        self.machine.set_restarting(preserved);
    }

    /// Fires the machine's timers.
    pub(super) fn on_timer(&mut self, network: &mut Network, core: &mut Core) {
        let now = network.clock.now();
        self.wake_at = None;
        let has_unread = |(id, stream): (&ConnectionId, &Stream)| {
            network.has_unread(*id, stream.side) && !stream.closing
        };
        let backlog = match self.reading != Reading::Freely && self.streams.iter().any(has_unread) {
            true => Backlog::Unread,
            false => Backlog::Drained,
        };
        self.machine.handle_timeout(now, backlog);
        self.obey(network, core);
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
                let octets_max = network.window().min(WRITE_OCTETS_MAX);
                let Some(messages) = self.next_routes(network.clock.now(), core, octets_max) else {
                    break;
                };
                if let Some(stream) = self.streams.get_mut(&id) {
                    stream.outbox.begin(messages);
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

    /// The peer wants to be told everything again.
    fn on_refresh(&mut self, now: Instant, core: &mut Core, family: Family) {
        let agreed = self.agreed.as_ref();
        let marked = agreed.is_some_and(|agreed| agreed.enhanced_refresh);
        let steps = self.demarcation.get_mut(family).on_refresh(marked);
        self.demarcate(now, core, family, &steps);
    }

    /// A shard has handed over all that there was to tell.
    pub(super) fn on_complete(
        &mut self,
        now: Instant,
        core: &mut Core,
        (shard, family): (ShardId, Family),
    ) {
        let steps = self.demarcation.get_mut(family).on_complete(shard);
        self.demarcate(now, core, family, &steps);
    }

    /// Says how far the routes go that are in hand.
    fn demarcate(
        &mut self,
        now: Instant,
        core: &mut Core,
        family: Family,
        steps: &DemarcationSteps,
    ) {
        if !steps.write.is_empty() {
            for both in &mut self.members {
                self.queued.extend(both.get_mut(family).take_hand(core));
            }
        }
        let messages = steps.write.iter().map(|boundary| boundary.message(family));
        self.queued.extend(messages);
        if let Some(awaited) = steps.refresh {
            let refresh = Command::Refresh {
                peer: self.peer,
                family,
                awaited,
            };
            core.tell(now, refresh);
        }
    }

    /// Whole messages, until there are as many octets, or one more.
    fn next_routes(&mut self, now: Instant, core: &mut Core, octets_max: usize) -> Option<Bytes> {
        let mut next = || {
            if let Some(message) = self.queued.pop_front() {
                return Some(message);
            }
            let mut members = self.members.iter_mut();
            members.find_map(|both| {
                let message = both.ipv4.next_message(now, core);
                message.or_else(|| both.ipv6.next_message(now, core))
            })
        };
        let first = next()?;
        if first.len() >= octets_max {
            return Some(first);
        }
        let mut messages = BytesMut::from(first);
        while messages.len() < octets_max
            && let Some(message) = next()
        {
            messages.extend_from_slice(&message);
        }
        Some(messages.freeze())
    }
}

/// What others ask of it.
impl Session {
    /// The membership in a family's group, as far as one shard goes.
    pub(super) fn member(&mut self, shard: ShardId, family: Family) -> Option<&mut Member> {
        let members = self.members.get_mut(shard.index());
        members.map(|both| both.get_mut(family))
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.members
            .iter()
            .flat_map(|both| [&both.ipv4, &both.ipv6])
    }

    /// The groups that this session follows, and how far it has come.
    pub(super) fn live(&self) -> impl Iterator<Item = (GroupOf, Version)> + '_ {
        self.members().filter_map(Member::live)
    }

    /// How often the session fell behind its groups.
    pub(super) fn lags(&self) -> u64 {
        self.members().map(|member| member.lags).sum()
    }

    pub(super) fn established(&self) -> Option<ConnectionId> {
        self.machine.established().map(|(id, _)| id)
    }

    /// What was agreed in the session, while it is up.
    pub(super) const fn agreed(&self) -> Option<&Negotiated> {
        self.agreed.as_ref()
    }

    /// Whether nothing waits to be written and nothing is awaited from the RIB.
    pub(super) fn is_at_rest(&self, fanout: &Fanout) -> bool {
        // What lingers on a closed connection may have to wait for its link.
        let written = |stream: &Stream| stream.closing || stream.outbox.is_free();
        self.streams.values().all(written)
            && self.queued.is_empty()
            && self.members().all(|m| m.is_at_rest(fanout))
    }
}

fn demarcation(sharding: Sharding) -> PerFamily<Demarcation> {
    PerFamily {
        ipv4: Demarcation::new(sharding),
        ipv6: Demarcation::new(sharding),
    }
}

/// What may change of a session without a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Import(Filter),
    Export(Filter),
    Limit(Option<u32>),
    Client(bool),
}

/// The most octets of routes that are written at once.
const WRITE_OCTETS_MAX: usize = 4096;

/// How long stale routes of a peer may stay after it has come back: for ever in this world, so that it
/// is End-of-RIB that must end them.
const STALE_TIME: Duration = Duration::from_hours(1);
