//! One speaker: a shard, its sessions, its kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::fanout::Fanout;
use super::link::Network;
use super::session::Session;
use super::world::Event;
use crate::net::{Asn, ClusterId, Family, PeerId, Prefix, RouterId};
use crate::rib::{
    Answer, Command, FibRoute, GroupId, LocalRoute, NextHopState, Output, Query, RouteRow,
    RouteTable, RoutesQuery, Shard, ShardOptions, Version,
};

/// Who a speaker is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) index: usize,
    pub(super) asn: Asn,
    pub(super) router_id: RouterId,
    pub(super) cluster_id: Option<ClusterId>,
}

impl Identity {
    /// The address in a family; also the next hop of what the speaker originates.
    pub(super) fn address(&self, family: Family) -> IpAddr {
        let number = u16::try_from(self.index + 1).expect("fewer speakers");
        let [high, low] = number.to_be_bytes();
        match family {
            Family::Ipv4 => Ipv4Addr::new(172, 16, high, low).into(),
            Family::Ipv6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number).into(),
        }
    }

    /// The interior cost that a speaker sees to an address: any function that all can repeat.
    pub(super) fn metric_to(&self, address: IpAddr) -> u32 {
        let last = match address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(address) => address.octets()[15],
        };
        (u32::from(last) * 7 + u32::try_from(self.index).expect("fewer speakers") * 3) % 5
    }
}

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

/// One speaker.
pub(super) struct Speaker {
    pub(super) identity: Identity,
    pub(super) core: Core,
    pub(super) sessions: Vec<Session>,
    pub(super) originated: BTreeSet<Prefix>,
    /// What the kernel was told.
    pub(super) kernel: BTreeMap<Prefix, FibRoute>,
    drained: BTreeMap<GroupId, Version>,
    turn_at: Option<Instant>,
    answers: Vec<Answer>,
}

impl Speaker {
    pub(super) fn new(identity: Identity, ring_chunks: usize) -> Self {
        let options = ShardOptions {
            track_next_hops: true,
            ..ShardOptions::default()
        };
        Self {
            identity,
            core: Core {
                shard: Shard::new(options),
                fanout: Fanout::new(ring_chunks),
                told: false,
            },
            sessions: Vec::new(),
            originated: BTreeSet::new(),
            kernel: BTreeMap::new(),
            drained: BTreeMap::new(),
            turn_at: None,
            answers: Vec::new(),
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
        self.core.tell(now, command);
    }

    /// Lets the shard do one bounded turn.
    pub(super) fn turn(&mut self, network: &mut Network) {
        let now = network.clock.now();
        if self.turn_at.is_some_and(|at| at <= now) {
            self.turn_at = None;
        }
        self.core.told = false;
        if self.core.shard.turn(now) {
            self.core.told = true;
        }
        self.settle(network);
    }

    /// Hands on what the shard has put out, and sees to its next turn.
    pub(super) fn settle(&mut self, network: &mut Network) {
        while let Some(output) = self.core.shard.poll_output() {
            self.dispatch(network, output);
        }
        self.report_drained(network.clock.now());
        let now = network.clock.now();
        let due = match self.core.told {
            true => Some(now + TURN_DELAY),
            false => self.core.shard.poll_timeout().map(|at| at.max(now)),
        };
        if let Some(at) = due
            && self.turn_at.is_none_or(|planned| at < planned)
        {
            self.turn_at = Some(at);
            network.clock.schedule(at, Event::Turn(self.identity.index));
        }
    }

    fn dispatch(&mut self, network: &mut Network, output: Output) {
        let now = network.clock.now();
        match output {
            Output::Publish { group, chunk } => {
                self.core.fanout.publish(group, chunk);
                for session in &mut self.sessions {
                    if session.live().any(|(of, _)| of == group) {
                        session.pump(network, &mut self.core);
                    }
                }
            }
            Output::Pulled {
                peer,
                family,
                chunk,
            } => {
                if let Some(session) = session_of(&mut self.sessions, peer) {
                    session.member(family).on_pulled(&chunk);
                    session.pump(network, &mut self.core);
                }
            }
            Output::Live {
                peer,
                family,
                group,
                at,
            } => {
                let place = self.core.fanout.next(group);
                if let Some(session) = session_of(&mut self.sessions, peer) {
                    session.member(family).on_live(group, place, at);
                }
            }
            Output::Complete { peer, family } => {
                if let Some(session) = session_of(&mut self.sessions, peer) {
                    session.member(family).on_complete(now, &mut self.core);
                    session.pump(network, &mut self.core);
                }
            }
            Output::Detach { peer, family } => {
                if let Some(session) = session_of(&mut self.sessions, peer) {
                    session.member(family).on_detach();
                    session.pump(network, &mut self.core);
                }
            }
            Output::PrefixLimit { .. } => debug_assert!(false, "nobody has a limit in this world"),
            Output::GroupGone(group) => {
                self.core.fanout.forget(group);
                self.drained.remove(&group);
            }
            Output::FibPending => self.core.tell(now, Command::PullFib { max: FIB_MAX }),
            Output::Fib(changes) => {
                if !changes.is_empty() {
                    self.core.tell(now, Command::PullFib { max: FIB_MAX });
                }
                for change in changes {
                    match change.route {
                        Some(route) => self.kernel.insert(change.prefix, route),
                        None => self.kernel.remove(&change.prefix),
                    };
                }
            }
            Output::TrackNextHops(addresses) => {
                let state = |address| NextHopState::Reachable {
                    metric: self.identity.metric_to(address),
                };
                let known = addresses.into_iter().map(|a| (a, state(a))).collect();
                self.core.tell(now, Command::NextHops(known));
            }
            Output::UntrackNextHops(_) => {}
            Output::Answer { answer, .. } => self.answers.push(answer),
        }
    }

    /// Tells the shard how far every live member of each group has come.
    fn report_drained(&mut self, now: Instant) {
        let mut slowest: BTreeMap<GroupId, Version> = BTreeMap::new();
        for (group, at) in self.sessions.iter().flat_map(|s| s.live()) {
            let entry = slowest.entry(group).or_insert(at);
            *entry = at.min(*entry);
        }
        for (group, upto) in slowest {
            if self.drained.get(&group).is_none_or(|told| *told < upto) {
                self.drained.insert(group, upto);
                self.core.tell(now, Command::Drained { group, upto });
            }
        }
    }

    /// Asks the shard a question, at rest.
    pub(super) fn ask(&mut self, network: &mut Network, query: Query) -> Answer {
        let now = network.clock.now();
        self.core.shard.handle(now, Command::Query { id: 0, query });
        for _ in 0..TURNS_MAX {
            if let Some(answer) = self.answers.pop() {
                return answer;
            }
            self.turn(network);
        }
        unreachable!("a shard answers within a few turns");
    }

    /// A whole table, page by page.
    pub(super) fn routes(
        &mut self,
        network: &mut Network,
        table: RouteTable,
        family: Family,
    ) -> BTreeMap<Prefix, RouteRow> {
        let mut rows = BTreeMap::new();
        let mut start = 0;
        loop {
            let query = Query::Routes(RoutesQuery {
                table,
                family,
                prefix: None,
                longer: false,
                start,
                limit: 256,
            });
            let Answer::Routes(page) = self.ask(network, query) else {
                unreachable!("routes were asked for");
            };
            for row in page.rows {
                let again = rows.insert(row.prefix, row);
                assert!(again.is_none(), "a prefix is listed once");
            }
            match page.next {
                Some(next) => start = next,
                None => return rows,
            }
        }
    }

    /// Whether no turn is needed and nothing waits to be written.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.core.told
            && self
                .sessions
                .iter()
                .all(|session| session.is_at_rest(&self.core.fanout))
    }
}

fn session_of(sessions: &mut [Session], peer: PeerId) -> Option<&mut Session> {
    sessions.iter_mut().find(|session| session.peer == peer)
}

/// How long a shard takes to come to a command.
const TURN_DELAY: Duration = Duration::from_micros(300);

/// The most changes that the kernel takes at a time; few, so that there are several.
const FIB_MAX: usize = 7;

/// Turns within which a query must be answered at rest.
const TURNS_MAX: usize = 1000;
