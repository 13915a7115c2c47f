//! The world: speakers, peerings, and the loop that makes things happen.

use std::time::Duration;

use super::defect::Defect;
use super::fault::Fault;
use super::identity::Identity;
use super::link::{Network, Place};
use super::peering::{Peering, Terms};
use super::session::Session;
use super::speaker::Speaker;
use super::violation::Violation;
use crate::fsm::ConnectionId;
use crate::net::{Asn, ClusterId, RouterId};

/// A speaker's number in its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpeakerId(pub usize);

/// How a world works.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where chance comes from.
    pub seed: u64,
    /// The octets that a connection holds in each direction.
    pub window_octets: usize,
    /// The chunks in the ring of a group; a small number makes members lag.
    pub ring_chunks: usize,
    /// How long a shard takes to come to a command.
    pub turn_delay: Duration,
    /// The shards of every speaker.
    pub shards: usize,
    /// A fault put in on purpose.
    pub defect: Option<Defect>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            window_octets: 60_000,
            ring_chunks: 4,
            turn_delay: Duration::from_micros(300),
            shards: 1,
            defect: None,
        }
    }
}

/// What the queue holds.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A dial reaches the other side.
    Syn { from: Place, to: Place, dial: u64 },
    /// Something has arrived at one end of a connection.
    Arrival {
        connection: ConnectionId,
        side: usize,
    },
    /// There is room again to write at one end of a connection.
    Writable {
        connection: ConnectionId,
        side: usize,
    },
    /// A machine's timer.
    Timer(Place),
    /// A slow reader reads on.
    Pace(Place),
    /// The turn of a speaker's shards.
    Turn(usize),
    /// A speaker has recovered from the restart that began this life.
    Recovered { speaker: usize, life: u64 },
    /// Trouble.
    Fault(Fault),
}

/// Speakers, links and a clock; see the [room](super).
pub struct World {
    pub(super) network: Network,
    pub(super) speakers: Vec<Speaker>,
    pub(super) options: Options,
    pub(super) seed: u64,
    pub(super) events: u64,
}

impl World {
    /// An empty world.
    pub fn new(options: Options) -> Self {
        Self {
            network: Network::new(options.window_octets),
            speakers: Vec::new(),
            seed: options.seed,
            options,
            events: 0,
        }
    }

    /// Adds a speaker of an AS; with a cluster id it can reflect.
    pub fn add_speaker(
        &mut self,
        asn: Asn,
        router_id: RouterId,
        cluster_id: Option<ClusterId>,
    ) -> SpeakerId {
        let index = self.speakers.len();
        let identity = Identity {
            index,
            asn,
            router_id,
            cluster_id,
        };
        let now = self.network.clock.now();
        let mut speaker = Speaker::new(identity, &self.options, now);
        speaker.settle(&mut self.network);
        self.speakers.push(speaker);
        SpeakerId(index)
    }

    /// Lays a link between two speakers and starts a session on it.
    pub fn peer(&mut self, one: SpeakerId, other: SpeakerId, peering: &Peering) {
        self.network.link(one.0, other.0, peering.latency);
        self.join(one, other, peering);
    }

    fn join(&mut self, one: SpeakerId, other: SpeakerId, peering: &Peering) {
        let place = |speaker: SpeakerId| Place {
            speaker: speaker.0,
            session: self.speakers[speaker.0].sessions.len(),
        };
        let identity = |speaker: SpeakerId| self.speakers[speaker.0].identity;
        let here = (place(one), identity(one));
        let there = (place(other), identity(other));
        for (local, remote, first) in [(here, there, true), (there, here, false)] {
            let terms = Terms::new(peering, first, &local.1, &remote.1);
            let (speaker, number) = (local.0.speaker as u64, local.0.session as u64);
            let seed = self.seed ^ speaker << 32 ^ number << 16;
            let session = Session::new(local, remote, terms, seed);
            self.speakers[local.0.speaker].sessions.push(session);
        }
        for (at, _) in [here, there] {
            let speaker = &mut self.speakers[at.speaker];
            if speaker.alive {
                let session = &mut speaker.sessions[at.session];
                session.begin(&mut self.network, &mut speaker.core, false);
                speaker.settle(&mut self.network);
            }
        }
    }

    /// Lets two speakers that have parted be peers again.
    pub(super) fn rejoin(&mut self, one: SpeakerId, other: SpeakerId) {
        let sessions = &self.speakers[one.0].sessions;
        let with = |session: &&Session| session.remote.speaker == other.0;
        let latest = sessions.iter().rev().find(with);
        if let Some(session) = latest.filter(|session| session.removed) {
            let peering = session.terms.peering.clone();
            self.join(one, other, &peering);
        }
    }

    /// Lets something happen at a time from now on.
    pub fn plan(&mut self, after: Duration, fault: Fault) {
        let at = self.network.clock.now() + after;
        self.network.clock.schedule(at, Event::Fault(fault));
    }

    /// Lets virtual time pass.
    ///
    /// # Panics
    /// If time stands still because something asks to be called again and again.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.network.clock.now() + duration;
        let events_end = self.events + self.events_max();
        while let Some(event) = self.network.clock.next_until(end) {
            self.events += 1;
            assert!(self.events < events_end, "time passes");
            self.happen(event);
        }
        self.network.clock.advance_to(end);
    }

    /// Lets virtual time pass until nothing moves but keepalives, and every session is up that can be,
    /// and down that cannot.
    ///
    /// # Errors
    /// [`Violation::Restless`] if that is not so after `limit`, or after more events than so many
    /// speakers can need.
    pub fn run_until_quiet(&mut self, limit: Duration) -> Result<(), Violation> {
        let end = self.network.clock.now() + limit;
        let events_end = self.events + self.events_max();
        while self.network.clock.now() < end && self.events < events_end {
            self.run_for(STEP);
            if self.is_quiet() {
                return Ok(());
            }
        }
        Err(Violation::Restless(self.describe()))
    }

    fn events_max(&self) -> u64 {
        EVENTS_MAX + EVENTS_MAX_OF_EACH * self.speakers.len() as u64
    }

    fn is_quiet(&self) -> bool {
        self.speakers.iter().all(Speaker::is_at_rest)
            && self.sessions().all(|session| self.is_settled(session))
            && self.network.is_silent()
    }

    /// Whether a session is up, or down, as it should be.
    fn is_settled(&self, session: &Session) -> bool {
        let (one, other) = (session.place.speaker, session.remote.speaker);
        let alive = |speaker: usize| self.speakers[speaker].alive;
        let both = alive(one) && alive(other);
        let can_be_up = !session.removed && both && self.network.is_up(one, other);
        session.established().is_some() == can_be_up
    }

    fn happen(&mut self, event: Event) {
        let network = &mut self.network;
        match event {
            Event::Syn { from, to, dial } => {
                // Who has gone since it dialled answers nobody.
                if [from, to]
                    .iter()
                    .all(|end| self.speakers[end.speaker].alive)
                {
                    network.connect(from, to, dial);
                }
            }
            Event::Arrival { connection, side } => {
                let place = network.place(connection, side);
                self.at(place, |session, network, core| {
                    session.on_arrival(network, core, connection);
                });
            }
            Event::Writable { connection, side } => {
                let place = network.place(connection, side);
                self.at(place, Session::pump);
            }
            Event::Timer(place) => self.at(Some(place), Session::on_timer),
            Event::Pace(place) => self.at(Some(place), Session::on_pace),
            Event::Turn(speaker) => self.speakers[speaker].turn(network),
            Event::Recovered { speaker, life } => self.speakers[speaker].recovered(network, life),
            Event::Fault(fault) => self.inflict(fault),
        }
    }

    /// Does something with the session at a place, if its speaker runs.
    fn at(
        &mut self,
        place: Option<Place>,
        act: impl FnOnce(&mut Session, &mut Network, &mut super::core::Core),
    ) {
        let Some(place) = place else {
            return;
        };
        let speaker = &mut self.speakers[place.speaker];
        if speaker.alive {
            let session = &mut speaker.sessions[place.session];
            act(session, &mut self.network, &mut speaker.core);
            speaker.settle(&mut self.network);
        }
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.speakers.iter().flat_map(|speaker| &speaker.sessions)
    }

    /// What still moves, for a human.
    fn describe(&self) -> String {
        let mut text = String::new();
        for session in self.sessions() {
            let (one, other) = (session.place.speaker, session.remote.speaker);
            let rest = session.is_at_rest(&self.speakers[one].core.fanout);
            let remote = self.speakers[other].sessions.get(session.remote.session);
            let settled = |session: &Session| self.is_settled(session);
            if !settled(session) || !rest || !remote.is_some_and(settled) {
                let state = session.machine.state();
                let last = session.machine.last_down();
                text += &format!("{one} → {other}: {state}, at rest: {rest}, {last:?}; ");
            }
        }
        for speaker in &self.speakers {
            if !speaker.is_at_rest() {
                text += &format!("speaker {} is at work; ", speaker.identity.index);
            }
        }
        text + &format!("octets under way: {}", !self.network.is_silent())
    }
}

/// How far time moves between two looks for quiet; not a divisor of keepalive intervals, lest a
/// keepalive be under way at every look.
const STEP: Duration = Duration::from_millis(997);

/// Events in which a world must come to rest; one that goes on is going in circles.
const EVENTS_MAX: u64 = 2_000_000;

/// And as many more for each speaker.
const EVENTS_MAX_OF_EACH: u64 = 20_000;
