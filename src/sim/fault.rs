//! What can befall a world.

use std::time::Duration;

use super::filter::Filter;
use super::identity::Costs;
use super::link::Network;
use super::session::{Change, Session};
use super::source::Offer;
use super::core::Core;
use super::world::{SpeakerId, World};
use crate::fsm::StopReason;
use crate::net::{Asn, Prefix};

/// Something that goes wrong, or is mended, or changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The link between two speakers loses everything.
    Cut(SpeakerId, SpeakerId),
    /// The link is whole again.
    Mend(SpeakerId, SpeakerId),
    /// The link takes so long from now on.
    Delay(SpeakerId, SpeakerId, Duration),
    /// Connections between two speakers break at once.
    Reset(SpeakerId, SpeakerId),
    /// The first speaker stops reading from the second.
    Stall(SpeakerId, SpeakerId),
    /// The first speaker reads no more than so many octets a second from the second.
    Throttle(SpeakerId, SpeakerId, usize),
    /// The first speaker reads from the second again.
    Resume(SpeakerId, SpeakerId),
    /// The first speaker resets its session with the second by Cease.
    Cease(SpeakerId, SpeakerId),
    /// The first speaker asks the second for its routes again.
    Refresh(SpeakerId, SpeakerId),
    /// What the first speaker takes from the second.
    Import(SpeakerId, SpeakerId, Filter),
    /// What the first speaker tells the second.
    Export(SpeakerId, SpeakerId, Filter),
    /// What a speaker tells everybody.
    ExportAll(SpeakerId, Filter),
    /// How many prefixes the first speaker takes from the second.
    Limit(SpeakerId, SpeakerId, Option<u32>),
    /// Whether the first speaker, a reflector, takes the second for its client.
    Client(SpeakerId, SpeakerId, bool),
    /// Both speakers forget that they are peers.
    Part(SpeakerId, SpeakerId),
    /// Two speakers that have parted are peers again, on the same terms but for their filters.
    Rejoin(SpeakerId, SpeakerId),
    /// A speaker's process ends; its host answers for it, unless that is gone, too.
    Crash {
        /// The speaker.
        speaker: SpeakerId,
        /// Whether nobody tells its peers.
        silently: bool,
    },
    /// A speaker starts again.
    Boot {
        /// The speaker.
        speaker: SpeakerId,
        /// Whether it says that it restarts, and waits with its End-of-RIB (RFC 4724 §4.1).
        gracefully: bool,
    },
    /// What a speaker knows of the ways to next hops.
    Costs(SpeakerId, Costs),
    /// A speaker originates a prefix.
    Originate(SpeakerId, Prefix),
    /// A speaker originates a prefix no longer.
    Withdraw(SpeakerId, Prefix),
    /// A neighbour in another AS behind a speaker says something of a prefix.
    Offer {
        /// The speaker.
        speaker: SpeakerId,
        /// Which of its sources; below four.
        source: usize,
        /// The source's AS; it keeps that of its first words.
        asn: Asn,
        /// The prefix.
        prefix: Prefix,
        /// What it says; nothing withdraws the prefix.
        offer: Option<Offer>,
    },
}

impl World {
    /// Lets something happen now.
    pub fn inflict(&mut self, fault: Fault) {
        match fault {
            Fault::Cut(one, other) => self.network.set_up(one.0, other.0, false),
            Fault::Mend(one, other) => self.network.set_up(one.0, other.0, true),
            Fault::Delay(one, other, latency) => self.network.set_latency(one.0, other.0, latency),
            Fault::Reset(one, other) => self.network.reset(one.0, other.0),
            Fault::Stall(reader, of) => self.pace(reader, of, Some(0)),
            Fault::Throttle(reader, of, octets) => self.pace(reader, of, Some(octets)),
            Fault::Resume(reader, of) => self.pace(reader, of, None),
            Fault::Cease(one, other) => {
                self.with_session(one, other, |session, network, core| {
                    let reason = StopReason::AdminReset("by the world".into());
                    session.stop(network, core, reason);
                });
            }
            Fault::Refresh(one, other) => {
                self.with_session(one, other, Session::request_refresh);
            }
            Fault::Import(one, other, filter) => self.change(one, other, Change::Import(filter)),
            Fault::Export(one, other, filter) => self.change(one, other, Change::Export(filter)),
            Fault::ExportAll(speaker, filter) => {
                let now = self.network.clock.now();
                let speaker = &mut self.speakers[speaker.0];
                speaker.export_all(now, filter);
                speaker.settle(&mut self.network);
            }
            Fault::Limit(one, other, limit) => self.change(one, other, Change::Limit(limit)),
            Fault::Client(one, other, client) => self.change(one, other, Change::Client(client)),
            Fault::Part(one, other) => {
                self.part(one, other);
                self.part(other, one);
            }
            Fault::Rejoin(one, other) => self.rejoin(one, other),
            Fault::Crash { speaker, silently } => self.crash(speaker, silently),
            Fault::Boot {
                speaker,
                gracefully,
            } => self.boot(speaker, gracefully),
            Fault::Costs(speaker, costs) => {
                let now = self.network.clock.now();
                let speaker = &mut self.speakers[speaker.0];
                speaker.set_costs(now, costs);
                speaker.settle(&mut self.network);
            }
            Fault::Originate(speaker, prefix) => self.originate(speaker, prefix, true),
            Fault::Withdraw(speaker, prefix) => self.originate(speaker, prefix, false),
            Fault::Offer {
                speaker,
                source,
                asn,
                prefix,
                offer,
            } => {
                let now = self.network.clock.now();
                let speaker = &mut self.speakers[speaker.0];
                speaker.offer(now, (source, asn), prefix, offer.as_ref());
                speaker.settle(&mut self.network);
            }
        }
    }

    fn pace(&mut self, reader: SpeakerId, of: SpeakerId, octets: Option<usize>) {
        self.with_session(reader, of, |session, network, core| {
            session.pace(network, core, octets);
        });
    }

    fn change(&mut self, of: SpeakerId, with: SpeakerId, change: Change) {
        self.with_session(of, with, |session, network, core| {
            let setup = session.changed(change);
            core.update(network.clock.now(), std::iter::once(setup));
        });
    }

    /// One side forgets the other, be it in its configuration only.
    fn part(&mut self, one: SpeakerId, other: SpeakerId) {
        self.with_session(one, other, Session::remove);
        for session in &mut self.speakers[one.0].sessions {
            session.removed |= session.remote.speaker == other.0;
        }
    }

    fn originate(&mut self, speaker: SpeakerId, prefix: Prefix, there: bool) {
        let now = self.network.clock.now();
        let speaker = &mut self.speakers[speaker.0];
        speaker.originate(now, prefix, there);
        speaker.settle(&mut self.network);
    }

    fn crash(&mut self, speaker: SpeakerId, silently: bool) {
        self.network.forsake(speaker.0, silently);
        self.speakers[speaker.0].crash(&self.options, self.seed ^ (speaker.0 as u64) << 32);
    }

    fn boot(&mut self, speaker: SpeakerId, gracefully: bool) {
        let speaker = &mut self.speakers[speaker.0];
        if !speaker.alive {
            speaker.boot(&mut self.network, &self.options, gracefully);
        }
    }

    /// Does something with a session of a speaker that runs.
    fn with_session(
        &mut self,
        of: SpeakerId,
        with: SpeakerId,
        act: impl FnOnce(&mut Session, &mut Network, &mut Core),
    ) {
        let speaker = &mut self.speakers[of.0];
        let is_meant =
            |session: &&mut Session| !session.removed && session.remote.speaker == with.0;
        if speaker.alive
            && let Some(session) = speaker.sessions.iter_mut().find(is_meant)
        {
            act(session, &mut self.network, &mut speaker.core);
            speaker.settle(&mut self.network);
        }
    }
}
