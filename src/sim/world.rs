//! The world: speakers, peerings, and the loop that makes things happen.

use std::sync::Arc;
use std::time::Duration;

use super::link::{Network, Place};
use super::oracle::{self, Violation};
use super::session::Session;
use super::speaker::{Core, Identity, Speaker};
use crate::fsm::{ConnectionId, Peer, PeerConfig, StopReason};
use crate::net::{Asn, ClusterId, Family, PeerId, PerFamily, Prefix, RouterId};
use crate::policy::{NextHopMode, Policy, Then};
use crate::rib::{Command, PeerSetup, RouteTable};
use crate::wire::{AddPathDirection, HoldTime};

/// A speaker's number in its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpeakerId(pub usize);

/// What two speakers agree on before they meet.
#[derive(Clone, Debug)]
pub struct Peering {
    /// The families offered by both.
    pub families: PerFamily<bool>,
    /// The hold time proposed by both, in seconds: zero, or at least three.
    pub hold_time: u16,
    /// Whether the second speaker only waits.
    pub passive: bool,
    /// Whether both offer graceful restart, and for how many seconds.
    pub restart_time: Option<u16>,
    /// Whether both say that their forwarding state survived, each time they meet.
    pub forwarding_preserved: bool,
    /// Whether both send several paths to a prefix.
    pub add_path: bool,
    /// How long an octet takes from one to the other.
    pub latency: Duration,
}

impl Default for Peering {
    fn default() -> Self {
        Self {
            families: PerFamily {
                ipv4: true,
                ipv6: true,
            },
            hold_time: 90,
            passive: false,
            restart_time: None,
            forwarding_preserved: false,
            add_path: false,
            latency: Duration::from_millis(5),
        }
    }
}

/// Something that goes wrong, or is mended, or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The link between two speakers loses everything.
    Cut(SpeakerId, SpeakerId),
    /// The link is whole again.
    Mend(SpeakerId, SpeakerId),
    /// Connections between two speakers break at once.
    Reset(SpeakerId, SpeakerId),
    /// The first speaker stops reading from the second.
    Stall(SpeakerId, SpeakerId),
    /// The first speaker reads from the second again.
    Resume(SpeakerId, SpeakerId),
    /// The first speaker resets its session with the second by Cease.
    Cease(SpeakerId, SpeakerId),
    /// The first speaker asks the second for its routes again.
    Refresh(SpeakerId, SpeakerId),
    /// A speaker originates a prefix.
    Originate(SpeakerId, Prefix),
    /// A speaker originates a prefix no longer.
    Withdraw(SpeakerId, Prefix),
}

/// What the queue holds.
#[derive(Clone, Copy, Debug)]
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
    /// A shard's turn.
    Turn(usize),
    /// Trouble.
    Fault(Fault),
}

/// Speakers, links and a clock; see the [room](super).
pub struct World {
    network: Network,
    speakers: Vec<Speaker>,
    ring_chunks: usize,
    seed: u64,
    events: u64,
}

impl World {
    /// An empty world. Connections hold at most `window_octets` each way, rings `ring_chunks`.
    pub fn new(seed: u64, window_octets: usize, ring_chunks: usize) -> Self {
        Self {
            network: Network::new(window_octets),
            speakers: Vec::new(),
            ring_chunks,
            seed,
            events: 0,
        }
    }

    /// Adds a speaker of an AS; with a cluster id it reflects to its internal peers without one.
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
        let mut speaker = Speaker::new(identity, self.ring_chunks);
        let accept = accept_all();
        let kernel = Command::SetKernelPolicy(PerFamily {
            ipv4: Arc::clone(&accept),
            ipv6: accept,
        });
        speaker.core.tell(self.network.clock.now(), kernel);
        speaker.settle(&mut self.network);
        self.speakers.push(speaker);
        SpeakerId(index)
    }

    /// Lays a link between two speakers and starts a session on it.
    pub fn peer(&mut self, one: SpeakerId, other: SpeakerId, peering: &Peering) {
        self.network.link(one.0, other.0, peering.latency);
        let place = |world: &Self, speaker: SpeakerId| Place {
            speaker: speaker.0,
            session: world.speakers[speaker.0].sessions.len(),
        };
        let (here, there) = (place(self, one), place(self, other));
        self.add_session(here, there, peering, false);
        self.add_session(there, here, peering, peering.passive);
        for at in [here, there] {
            let speaker = &mut self.speakers[at.speaker];
            speaker.sessions[at.session].start(&mut self.network, &mut speaker.core);
            speaker.settle(&mut self.network);
        }
    }

    fn add_session(&mut self, here: Place, there: Place, peering: &Peering, passive: bool) {
        let now = self.network.clock.now();
        let remote = self.speakers[there.speaker].identity;
        let speaker = &mut self.speakers[here.speaker];
        let local = speaker.identity;
        let number = u32::try_from(here.session + 1).expect("fewer sessions");
        let peer = PeerId(number);
        let setup = peer_setup(peer, local, remote);
        speaker.core.tell(now, Command::AddPeer(setup));
        let add_path = AddPathDirection {
            receive: peering.add_path,
            send: peering.add_path,
        };
        let config = PeerConfig {
            local_as: local.asn,
            remote_as: remote.asn,
            router_id: local.router_id,
            remote_address: remote.address(Family::Ipv4),
            passive,
            families: peering.families,
            add_path: PerFamily {
                ipv4: add_path,
                ipv6: add_path,
            },
            hold_time: HoldTime::new(peering.hold_time).expect("not one or two"),
            keepalive: None,
            connect_delay: Duration::from_secs(2),
            connect_retry: Duration::from_secs(5),
            idle_hold: (Duration::from_secs(5), Duration::from_secs(30)),
            restart_time: peering.restart_time,
            long_lived_time: None,
            role: None,
            delay_open: None,
        };
        let seed = self.seed ^ (here.speaker as u64) << 32 ^ (here.session as u64) << 16;
        let mut machine = Peer::new(config, seed);
        machine.set_restarting(peering.forwarding_preserved);
        let session = Session::new(here, there, peer, machine);
        speaker.sessions.push(session);
    }

    /// Lets something happen at a time from now on.
    pub fn plan(&mut self, after: Duration, fault: Fault) {
        let at = self.network.clock.now() + after;
        self.network.clock.schedule(at, Event::Fault(fault));
    }

    /// Lets something happen now.
    pub fn inflict(&mut self, fault: Fault) {
        match fault {
            Fault::Cut(one, other) => self.network.set_up(one.0, other.0, false),
            Fault::Mend(one, other) => self.network.set_up(one.0, other.0, true),
            Fault::Reset(one, other) => self.network.reset(one.0, other.0),
            Fault::Stall(reader, of) => self.stall(reader, of, true),
            Fault::Resume(reader, of) => self.stall(reader, of, false),
            Fault::Cease(one, other) => {
                self.with_session(one, other, |session, network, core| {
                    let reason = StopReason::AdminReset("by the world".into());
                    session.stop(network, core, reason);
                });
            }
            Fault::Refresh(one, other) => {
                self.with_session(one, other, Session::request_refresh);
            }
            Fault::Originate(speaker, prefix) => self.originate(speaker, prefix, true),
            Fault::Withdraw(speaker, prefix) => self.originate(speaker, prefix, false),
        }
    }

    fn stall(&mut self, reader: SpeakerId, of: SpeakerId, stalled: bool) {
        self.with_session(reader, of, |session, network, core| {
            session.stall(network, core, stalled);
        });
    }

    fn originate(&mut self, speaker: SpeakerId, prefix: Prefix, there: bool) {
        let now = self.network.clock.now();
        let speaker = &mut self.speakers[speaker.0];
        speaker.originate(now, prefix, there);
        speaker.settle(&mut self.network);
    }

    fn with_session(
        &mut self,
        of: SpeakerId,
        with: SpeakerId,
        act: impl FnOnce(&mut Session, &mut Network, &mut Core),
    ) {
        let speaker = &mut self.speakers[of.0];
        let found = speaker
            .sessions
            .iter_mut()
            .find(|session| session.remote.speaker == with.0);
        if let Some(session) = found {
            act(session, &mut self.network, &mut speaker.core);
            speaker.settle(&mut self.network);
        }
    }

    /// Lets virtual time pass.
    ///
    /// # Panics
    /// If time stands still because something asks to be called again and again.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.network.clock.now() + duration;
        let events_end = self.events + EVENTS_MAX;
        while let Some(event) = self.network.clock.next_until(end) {
            self.events += 1;
            assert!(self.events < events_end, "time passes");
            self.happen(event);
        }
        self.network.clock.advance_to(end);
    }

    /// Lets virtual time pass until nothing moves but keepalives, and every session is up whose link
    /// is, and down whose link is cut.
    ///
    /// # Errors
    /// [`Violation::Restless`] if that is not so after `limit`, or after two million events.
    pub fn run_until_quiet(&mut self, limit: Duration) -> Result<(), Violation> {
        let end = self.network.clock.now() + limit;
        let events_end = self.events + EVENTS_MAX;
        while self.network.clock.now() < end && self.events < events_end {
            self.run_for(STEP);
            if self.is_quiet() {
                return Ok(());
            }
        }
        Err(Violation::Restless(self.describe()))
    }

    fn is_quiet(&self) -> bool {
        let sessions_settled = self.sessions().all(|session| {
            let (one, other) = (session.place.speaker, session.remote.speaker);
            session.established().is_some() == self.network.is_up(one, other)
        });
        sessions_settled
            && self.network.is_silent()
            && self.speakers.iter().all(Speaker::is_at_rest)
            && self.speakers.iter().all(|speaker| {
                // Stale routes still have to go.
                speaker.core.shard.poll_timeout().is_none()
            })
    }

    fn happen(&mut self, event: Event) {
        let network = &mut self.network;
        match event {
            Event::Syn { from, to, dial } => network.connect(from, to, dial),
            Event::Arrival { connection, side } => {
                if let Some(place) = network.place(connection, side) {
                    let speaker = &mut self.speakers[place.speaker];
                    let session = &mut speaker.sessions[place.session];
                    session.on_arrival(network, &mut speaker.core, connection);
                    speaker.settle(network);
                }
            }
            Event::Writable { connection, side } => {
                if let Some(place) = network.place(connection, side) {
                    let speaker = &mut self.speakers[place.speaker];
                    let session = &mut speaker.sessions[place.session];
                    session.pump(network, &mut speaker.core);
                    speaker.settle(network);
                }
            }
            Event::Timer(place) => {
                let speaker = &mut self.speakers[place.speaker];
                let session = &mut speaker.sessions[place.session];
                session.on_timer(network, &mut speaker.core);
                speaker.settle(network);
            }
            Event::Turn(speaker) => self.speakers[speaker].turn(network),
            Event::Fault(fault) => self.inflict(fault),
        }
    }

    /// Compares what is there with what must be there, at rest.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check(&mut self) -> Result<(), Violation> {
        oracle::check(&mut self.network, &mut self.speakers)
    }

    /// Whether a speaker has selected a path to a prefix.
    pub fn selects(&mut self, speaker: SpeakerId, prefix: Prefix) -> bool {
        let speaker = &mut self.speakers[speaker.0];
        let rows = speaker.routes(&mut self.network, RouteTable::Loc, prefix.family());
        rows.get(&prefix)
            .is_some_and(|row| row.paths.iter().any(|path| path.best))
    }

    /// A hash over every octet written, with its time and connection.
    pub const fn trace(&self) -> u64 {
        self.network.trace()
    }

    /// The octets written on all connections.
    pub const fn octets(&self) -> u64 {
        self.network.octets()
    }

    /// The events that have happened.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// How often sessions came up, both ends counted.
    pub fn session_ups(&self) -> u64 {
        self.sessions().map(|session| session.ups).sum()
    }

    /// How often members fell behind their groups.
    pub fn lags(&self) -> u64 {
        self.sessions().map(Session::lags).sum()
    }

    fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.speakers.iter().flat_map(|speaker| &speaker.sessions)
    }

    /// What still moves, for a human.
    fn describe(&self) -> String {
        let mut text = String::new();
        for session in self.sessions() {
            let (one, other) = (session.place.speaker, session.remote.speaker);
            let up = session.established().is_some();
            let rest = session.is_at_rest(&self.speakers[one].core.fanout);
            if up != self.network.is_up(one, other) || !rest {
                let state = session.machine.state();
                let last = session.machine.last_down();
                text += &format!("{one} → {other}: {state}, at rest: {rest}, {last:?}; ");
            }
        }
        for speaker in &self.speakers {
            if !speaker.is_at_rest() || speaker.core.shard.poll_timeout().is_some() {
                text += &format!("speaker {} is at work; ", speaker.identity.index);
            }
        }
        text + &format!("octets under way: {}", !self.network.is_silent())
    }
}

fn peer_setup(peer: PeerId, local: Identity, remote: Identity) -> PeerSetup {
    let internal = local.asn == remote.asn;
    let client = local
        .cluster_id
        .filter(|own| internal && remote.cluster_id != Some(*own));
    let accept = accept_all();
    let policies = PerFamily {
        ipv4: Arc::clone(&accept),
        ipv6: accept,
    };
    PeerSetup {
        peer,
        name: format!("to {}", remote.index).into(),
        address: remote.address(Family::Ipv4),
        local_as: local.asn,
        remote_as: remote.asn,
        router_id: local.router_id,
        external: !internal,
        reflector_client: client,
        cluster_id: local.cluster_id,
        next_hop_mode: NextHopMode::Auto,
        own_next_hop: PerFamily {
            ipv4: Some(local.address(Family::Ipv4)),
            ipv6: Some(local.address(Family::Ipv6)),
        },
        allowed_local_as: 0,
        import: policies.clone(),
        export: policies,
        prefix_limit: PerFamily::default(),
        role: None,
        add_path_max: u16::MAX,
    }
}

fn accept_all() -> Arc<Policy> {
    Arc::new(Policy {
        name: "accept all".into(),
        rules: Vec::new(),
        otherwise: Then::Accept,
    })
}

/// How far time moves between two looks for quiet; not a divisor of keepalive intervals, lest a
/// keepalive be under way at every look.
const STEP: Duration = Duration::from_millis(997);

/// Events in which a world must come to rest; one that goes on is going in circles.
const EVENTS_MAX: u64 = 2_000_000;
