//! One speaker: its shards, its sessions, its kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::core::Core;
use super::defect::Defect;
use super::fanout::{Fanout, GroupOf};
use super::filter::Filter;
use super::identity::{Costs, Identity};
use super::link::Network;
use super::peering::LIMIT_PAUSE;
use super::session::{Change, Session};
use super::source::{Offer, Source};
use super::world::{Event, Options};
use crate::fsm::StopReason;
use crate::net::{Asn, Family, PeerId, PerFamily, Prefix};
use crate::rib::{
    Answer, Command, FibRoute, LocalRoute, NextHopState, Output, PrefixLimitEvent, ShardId, Version,
};

/// One speaker.
pub(super) struct Speaker {
    pub(super) identity: Identity,
    pub(super) core: Core,
    pub(super) sessions: Vec<Session>,
    pub(super) sources: Vec<Source>,
    pub(super) originated: BTreeSet<Prefix>,
    pub(super) costs: Costs,
    /// What the kernel was told.
    pub(super) kernel: BTreeMap<Prefix, FibRoute>,
    /// Whether its process runs.
    pub(super) alive: bool,
    /// Whether it has come back and still learns what it knew.
    recovering: bool,
    pub(super) lives: u64,
    tracked: BTreeSet<IpAddr>,
    drained: BTreeMap<GroupOf, Version>,
    turn_at: Option<Instant>,
    turn_delay: Duration,
    pub(super) answers: Vec<Answer>,
}

impl Speaker {
    pub(super) fn new(identity: Identity, options: &Options, now: Instant) -> Self {
        let mut speaker = Self {
            identity,
            core: Core::new(options, false),
            sessions: Vec::new(),
            sources: Vec::new(),
            originated: BTreeSet::new(),
            costs: Costs::default(),
            kernel: BTreeMap::new(),
            alive: true,
            recovering: false,
            lives: 1,
            tracked: BTreeSet::new(),
            drained: BTreeMap::new(),
            turn_at: None,
            turn_delay: options.turn_delay,
            answers: Vec::new(),
        };
        speaker.set_kernel_policy(now);
        speaker
    }

    fn set_kernel_policy(&mut self, now: Instant) {
        let kernel = Command::SetKernelPolicy(PerFamily {
            ipv4: Filter::All.policy(),
            ipv6: Filter::All.policy(),
        });
        self.core.tell(now, kernel);
    }

    /// The process ends, and with it all that is not configuration.
    pub(super) fn crash(&mut self, options: &Options, seed: u64) {
        self.alive = false;
        self.recovering = false;
        self.core = Core::new(options, false);
        self.kernel.clear();
        self.tracked.clear();
        self.drained.clear();
        self.turn_at = None;
        for session in &mut self.sessions {
            let number = session.place.session as u64;
            session.crash(seed ^ self.lives << 40 ^ number << 16);
        }
    }

    /// The process starts again; `gracefully`, if it says so to its peers. Sources are silent.
    pub(super) fn boot(&mut self, network: &mut Network, options: &Options, gracefully: bool) {
        let now = network.clock.now();
        self.alive = true;
        self.lives += 1;
        self.recovering = gracefully;
        self.core = Core::new(options, gracefully);
        self.set_kernel_policy(now);
        for prefix in self.originated.clone() {
            self.originate(now, prefix, true);
        }
        for source in &mut self.sources {
            source.begin(now, &mut self.core, &self.identity);
        }
        for session in self.sessions.iter_mut().filter(|session| !session.removed) {
            session.begin(network, &mut self.core, gracefully);
        }
        if gracefully {
            let (speaker, life) = (self.identity.index, self.lives);
            let event = Event::Recovered { speaker, life };
            network.clock.schedule(now + RECOVERY, event);
        }
        self.settle(network);
    }

    /// What others had to tell after a restart is waited for no longer.
    pub(super) fn recovered(&mut self, network: &mut Network, life: u64) {
        if self.lives == life && std::mem::take(&mut self.recovering) {
            self.core.tell(network.clock.now(), Command::Recovered);
            for session in &mut self.sessions {
                session.recovered();
            }
            self.settle(network);
        }
    }

    /// Originates a prefix, or no longer.
    pub(super) fn originate(&mut self, now: Instant, prefix: Prefix, there: bool) {
        let command = match there {
            true => {
                self.originated.insert(prefix);
                Command::Originate(LocalRoute {
                    prefix,
                    origin: "sim".into(),
                })
            }
            false => {
                self.originated.remove(&prefix);
                Command::WithdrawLocal(prefix)
            }
        };
        if self.alive {
            self.core.tell(now, command);
        }
    }

    /// Lets a source say something; it comes to be where there was none.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        (number, asn): (usize, Asn),
        prefix: Prefix,
        offer: Option<&Offer>,
    ) {
        if !self.alive {
            return;
        }
        let (core, identity) = (&mut self.core, &self.identity);
        if !self.sources.iter().any(|source| source.number == number) {
            let mut source = Source::new(number, asn, identity);
            source.begin(now, core, identity);
            self.sources.push(source);
        }
        let mut sources = self.sources.iter_mut();
        let source = sources.find(|source| source.number == number);
        if let Some(source) = source {
            source.offer(now, core, identity, prefix, offer);
        }
    }

    /// Sources take back what they have said.
    pub(super) fn silence(&mut self, now: Instant) {
        for source in &mut self.sources {
            source.silence(now, &mut self.core, &self.identity);
        }
    }

    /// All sessions tell what one filter lets through.
    pub(super) fn export_all(&mut self, now: Instant, filter: Filter) {
        let mut setups = Vec::new();
        for session in self.sessions.iter_mut().filter(|session| !session.removed) {
            setups.push(session.changed(Change::Export(filter)));
        }
        if self.alive {
            self.core.update(now, setups.into_iter());
        }
    }

    /// The ways to next hops change.
    pub(super) fn set_costs(&mut self, now: Instant, costs: Costs) {
        self.costs = costs;
        if self.alive && self.core.defect != Some(Defect::NextHopsUntold) {
            let addresses = self.tracked.iter().copied().collect();
            self.tell_next_hops(now, addresses);
        }
    }

    fn tell_next_hops(&mut self, now: Instant, addresses: Vec<IpAddr>) {
        let state = |address| match self.costs.to(address) {
            NextHopState::Reachable { .. } if self.core.defect == Some(Defect::CostsIgnored) => {
                NextHopState::Reachable { metric: 0 }
            }
            state => state,
        };
        let known = addresses.into_iter().map(|a| (a, state(a))).collect();
        self.core.tell(now, Command::NextHops(known));
    }

    /// Lets the shards do one bounded turn each.
    pub(super) fn turn(&mut self, network: &mut Network) {
        let now = network.clock.now();
        if self.turn_at.is_some_and(|at| at <= now) {
            self.turn_at = None;
        }
        if !self.alive {
            return;
        }
        self.report_drained(now);
        self.core.told = false;
        if self.core.rib.turn(now) {
            self.core.told = true;
        }
        self.settle(network);
    }

    /// Hands on what the shards have put out, and sees to their next turn.
    pub(super) fn settle(&mut self, network: &mut Network) {
        while let Some((shard, output)) = self.core.rib.poll_output() {
            self.dispatch(network, shard, output);
        }
        let now = network.clock.now();
        let due = match self.core.told || self.core.moved {
            true => Some(now + self.turn_delay),
            false => {
                let rib = &self.core.rib;
                let due = [rib.poll_timeout(), rib.poll_tidy()].into_iter().flatten();
                due.min().map(|at| at.max(now))
            }
        };
        if let Some(at) = due
            && self.turn_at.is_none_or(|planned| at < planned)
        {
            self.turn_at = Some(at);
            network.clock.schedule(at, Event::Turn(self.identity.index));
        }
    }

    fn dispatch(&mut self, network: &mut Network, shard: ShardId, output: Output) {
        let now = network.clock.now();
        match output {
            Output::Publish { group, chunk } => {
                let group = (shard, group);
                self.core.fanout.publish(group, chunk);
                for session in &mut self.sessions {
                    if session.live().any(|(of, _)| of == group) {
                        session.pump(network, &mut self.core);
                    }
                }
                for source in &mut self.sources {
                    source.drain(now, &mut self.core);
                }
            }
            Output::Pulled {
                peer,
                family,
                chunk,
            } => self.with_member(network, (shard, peer, family), |member, _| {
                member.on_pulled(&chunk);
            }),
            Output::Live {
                peer,
                family,
                group,
                at,
            } => self.with_member(network, (shard, peer, family), |member, fanout| {
                member.on_live(group, fanout.next((shard, group)), at);
            }),
            Output::Complete { peer, family } => {
                if let Some(session) = session_of(&mut self.sessions, peer) {
                    session.on_complete(now, &mut self.core, (shard, family));
                    session.pump(network, &mut self.core);
                }
            }
            Output::Detach { peer, family } => {
                self.with_member(network, (shard, peer, family), |member, _| {
                    member.on_detach();
                });
            }
            Output::PrefixLimit {
                peer,
                family,
                event: PrefixLimitEvent::Exceeded { limit, .. },
            } => {
                if let Some(session) = session_of(&mut self.sessions, peer) {
                    let reason = StopReason::PrefixLimit {
                        family,
                        max: limit,
                        restart: Some(LIMIT_PAUSE),
                    };
                    session.stop(network, &mut self.core, reason);
                }
            }
            Output::PrefixLimit { .. } | Output::Refused { .. } => {}
            Output::GroupGone(group) => {
                self.core.fanout.forget((shard, group));
                self.drained.remove(&(shard, group));
            }
            Output::FibPending => self.pull_fib(now, shard),
            Output::Fib(changes) => {
                if !changes.is_empty() {
                    self.pull_fib(now, shard);
                }
                for change in changes {
                    match change.route {
                        Some(route) => {
                            self.kernel.insert(change.prefix, route);
                        }
                        None if self.core.defect == Some(Defect::KernelKeeps) => {}
                        None => {
                            self.kernel.remove(&change.prefix);
                        }
                    }
                }
            }
            Output::TrackNextHops(addresses) => {
                self.tracked.extend(addresses.iter().copied());
                self.tell_next_hops(now, addresses);
            }
            Output::UntrackNextHops(addresses) => {
                self.tracked.retain(|address| !addresses.contains(address));
            }
            Output::Answer { answer, .. } => self.answers.push(answer),
        }
    }

    fn pull_fib(&mut self, now: Instant, shard: ShardId) {
        let pull = Command::PullFib { max: FIB_MAX };
        self.core.tell_at(now, shard, pull);
    }

    /// Does something with a member, and writes what it then has.
    fn with_member(
        &mut self,
        network: &mut Network,
        (shard, peer, family): (ShardId, PeerId, Family),
        act: impl FnOnce(&mut super::member::Member, &Fanout),
    ) {
        self.core.moved = true;
        if let Some(session) = session_of(&mut self.sessions, peer) {
            if let Some(member) = session.member(shard, family) {
                act(member, &self.core.fanout);
                session.pump(network, &mut self.core);
            }
        } else if let Some(source) = self.sources.iter_mut().find(|s| s.peer == peer) {
            act(source.member(shard, family), &self.core.fanout);
            source.drain(network.clock.now(), &mut self.core);
        }
    }

    /// Tells the shards how far every live member of each group has come.
    fn report_drained(&mut self, now: Instant) {
        if !std::mem::take(&mut self.core.moved) {
            return;
        }
        let mut slowest: BTreeMap<GroupOf, Version> = BTreeMap::new();
        let sessions = self.sessions.iter().flat_map(Session::live);
        let sources = self.sources.iter().flat_map(Source::members);
        for (group, at) in sessions.chain(sources.filter_map(|member| member.live())) {
            let entry = slowest.entry(group).or_insert(at);
            *entry = at.min(*entry);
        }
        for ((shard, group), upto) in slowest {
            let told = self.drained.entry((shard, group)).or_default();
            if *told < upto {
                *told = upto;
                let drained = Command::Drained { group, upto };
                self.core.tell_at(now, shard, drained);
            }
        }
    }

    /// Whether no turn is needed and nothing waits to be written.
    pub(super) fn is_at_rest(&self) -> bool {
        let fanout = &self.core.fanout;
        !self.alive
            || !self.core.told
                && !self.core.moved
                && !self.recovering
                // Stale routes still have to go.
                && self.core.rib.poll_timeout().is_none()
                && self.core.rib.poll_tidy().is_none()
                && self.sessions.iter().all(|session| session.is_at_rest(fanout))
    }
}

fn session_of(sessions: &mut [Session], peer: PeerId) -> Option<&mut Session> {
    // Peers are numbered as sessions are.
    let index = usize::try_from(peer.0).ok()?.checked_sub(1)?;
    sessions.get_mut(index)
}

/// How long a restarted speaker waits for what others have to tell.
const RECOVERY: Duration = Duration::from_secs(45);

/// The most changes that the kernel takes at a time; few, so that there are several.
const FIB_MAX: usize = 7;
