//! Worlds and their troubles, drawn from a seed.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::oracle::Violation;
use super::random::Random;
use super::world::{Fault, Peering, SpeakerId, World};
use crate::net::{Asn, ClusterId, Prefix, RouterId};

/// How the speakers of a world are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One AS, everybody with everybody.
    Mesh,
    /// One AS each, in a row.
    Chain,
    /// One AS, clients of one or two reflectors.
    Reflectors,
    /// A mesh whose members each have neighbours in other ASes.
    Edges,
}

/// A world and what happens in it.
pub struct Scenario {
    seed: u64,
    random: Random,
    topology: Topology,
    world: World,
    speakers: Vec<SpeakerId>,
    links: Vec<(SpeakerId, SpeakerId)>,
    faults: u64,
}

/// What came of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How the speakers were connected.
    pub topology: Topology,
    /// How many speakers there were.
    pub speakers: usize,
    /// How many sessions they had configured among them.
    pub sessions: usize,
    /// How many faults and changes were inflicted.
    pub faults: u64,
    /// How often a session came up, both ends counted.
    pub session_ups: u64,
    /// How often a member fell behind its group.
    pub lags: u64,
    /// How many events happened.
    pub events: u64,
    /// How many octets were written.
    pub octets: u64,
    /// A hash over all of them, with their times.
    pub trace: u64,
}

impl Scenario {
    /// Draws a world of two to thirty speakers.
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let topology = *random.pick(&[
            Topology::Mesh,
            Topology::Chain,
            Topology::Reflectors,
            Topology::Edges,
        ]);
        let window = *random.pick(&[200, 1_000, 5_000, 60_000]);
        let ring_chunks = random.between(1, 4);
        let mut scenario = Self {
            seed,
            topology,
            world: World::new(random.next(), window, ring_chunks),
            random,
            speakers: Vec::new(),
            links: Vec::new(),
            faults: 0,
        };
        match topology {
            Topology::Mesh => scenario.draw_mesh(),
            Topology::Chain => scenario.draw_chain(),
            Topology::Reflectors => scenario.draw_reflectors(),
            Topology::Edges => scenario.draw_edges(),
        }
        scenario
    }

    fn draw_mesh(&mut self) {
        // Large meshes are rare: sessions grow with the square.
        let most = if self.random.chance(5) { 30 } else { 9 };
        let count = self.random.between(2, most);
        for _ in 0..count {
            self.add_speaker(Asn(64_512), None);
        }
        for one in 0..count {
            for other in one + 1..count {
                self.peer(one, other);
            }
        }
    }

    fn draw_chain(&mut self) {
        let count = self.random.between(2, 30);
        for number in 0..count {
            let number = u32::try_from(number).expect("at most thirty");
            // Some numbers need four octets.
            let base = if number % 3 == 0 {
                4_200_000_000
            } else {
                65_000
            };
            self.add_speaker(Asn(base + number), None);
        }
        for one in 1..count {
            self.peer(one - 1, one);
        }
        // Some rows are rings, so that AS loops occur.
        if count > 2 && self.random.chance(50) {
            self.peer(0, count - 1);
        }
    }

    fn draw_reflectors(&mut self) {
        let reflectors = self.random.between(1, 2);
        let clients = self.random.between(1, 28);
        let same_cluster = self.random.chance(50);
        for number in 0..reflectors {
            let last = if same_cluster { 1 } else { number + 1 };
            let last = u8::try_from(last).expect("one or two");
            let cluster = ClusterId(Ipv4Addr::new(244, 0, 0, last));
            self.add_speaker(Asn(64_512), Some(cluster));
        }
        for _ in 0..clients {
            self.add_speaker(Asn(64_512), None);
        }
        if reflectors == 2 {
            self.peer(0, 1);
        }
        for client in reflectors..reflectors + clients {
            for reflector in 0..reflectors {
                self.peer(reflector, client);
            }
        }
    }

    fn draw_edges(&mut self) {
        let inner = self.random.between(1, 5);
        for _ in 0..inner {
            self.add_speaker(Asn(64_512), None);
        }
        for one in 0..inner {
            for other in one + 1..inner {
                self.peer(one, other);
            }
        }
        let outer = self.random.between(1, 6);
        for number in 0..outer {
            let number = u32::try_from(number).expect("at most six");
            // Pairs share an AS, so that paths of equal length compete.
            let there = self.speakers.len();
            self.add_speaker(Asn(65_000 + number / 2), None);
            let first = self.random.between(0, inner - 1);
            self.peer(first, there);
            let second = self.random.between(0, inner - 1);
            if second != first {
                self.peer(second, there);
            }
        }
    }

    fn add_speaker(&mut self, asn: Asn, cluster_id: Option<ClusterId>) {
        let number = u32::try_from(self.speakers.len()).expect("few speakers");
        // Identifiers are in another order than addresses.
        let router_id = RouterId(Ipv4Addr::from_bits(
            0x0a00_0001 + (number * 37) % 101 + (number << 16),
        ));
        let speaker = self.world.add_speaker(asn, router_id, cluster_id);
        self.speakers.push(speaker);
    }

    fn peer(&mut self, one: usize, other: usize) {
        let random = &mut self.random;
        let peering = Peering {
            hold_time: *random.pick(&[9, 30, 90]),
            passive: random.chance(30),
            restart_time: random.chance(50).then_some(40),
            forwarding_preserved: random.chance(50),
            latency: random.milliseconds(1, 60),
            add_path: random.chance(30),
            ..Peering::default()
        };
        let link = (self.speakers[one], self.speakers[other]);
        self.world.peer(link.0, link.1, &peering);
        self.links.push(link);
    }

    /// Lets everything happen, in two rounds; after each, every invariant is checked.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn run(mut self) -> Result<Report, Violation> {
        self.originate_some();
        let cut = self.trouble();
        self.world.run_until_quiet(PATIENCE)?;
        self.world.check()?;
        for (one, other) in cut {
            self.world.inflict(Fault::Mend(one, other));
        }
        let cut = self.trouble();
        for (one, other) in cut {
            self.plan(TROUBLE, Fault::Mend(one, other));
        }
        self.world.run_for(TROUBLE);
        self.world.run_until_quiet(PATIENCE)?;
        self.world.check()?;
        Ok(Report {
            seed: self.seed,
            topology: self.topology,
            speakers: self.speakers.len(),
            sessions: self.links.len(),
            faults: self.faults,
            session_ups: self.world.session_ups(),
            lags: self.world.lags(),
            events: self.world.events(),
            octets: self.world.octets(),
            trace: self.world.trace(),
        })
    }

    fn originate_some(&mut self) {
        for speaker in self.speakers.clone() {
            for _ in 0..self.random.between(0, 12) {
                let prefix = self.draw_prefix();
                self.world.inflict(Fault::Originate(speaker, prefix));
            }
        }
    }

    /// One minute of trouble; returns the links that are left cut.
    fn trouble(&mut self) -> Vec<(SpeakerId, SpeakerId)> {
        for _ in 0..self.random.between(5, 40) {
            let at = self.random.milliseconds(0, 60_000);
            let speaker = *self.random.pick(&self.speakers);
            let prefix = self.draw_prefix();
            let fault = match self.random.chance(60) {
                true => Fault::Originate(speaker, prefix),
                false => Fault::Withdraw(speaker, prefix),
            };
            self.plan(at, fault);
            if self.random.chance(15) {
                self.burst(at, speaker);
            }
        }
        for _ in 0..self.random.between(0, self.links.len().min(8)) {
            self.hurt_a_link();
        }
        let mut cut = Vec::new();
        for _ in 0..self.random.between(0, 2) {
            let link = *self.random.pick(&self.links);
            if self.random.chance(50) {
                // Lost connections, not expired hold timers: stale routes must run out of time.
                self.plan(TROUBLE - LAST_MOMENT, Fault::Reset(link.0, link.1));
            }
            self.plan(TROUBLE, Fault::Cut(link.0, link.1));
            cut.push(link);
        }
        self.world.run_for(TROUBLE);
        cut
    }

    /// Many changes at once, more than a ring holds.
    fn burst(&mut self, at: Duration, speaker: SpeakerId) {
        for step in 0..self.random.between(5, 40) {
            let prefix = self.draw_prefix();
            let at = at + Duration::from_millis(step as u64);
            self.plan(at, Fault::Originate(speaker, prefix));
            if self.random.chance(70) {
                let later = at + self.random.milliseconds(1, 3_000);
                self.plan(later, Fault::Withdraw(speaker, prefix));
            }
        }
    }

    fn hurt_a_link(&mut self) {
        let (one, other) = *self.random.pick(&self.links);
        let at = self.random.milliseconds(0, 50_000);
        let until = (at + self.random.milliseconds(10, 40_000)).min(TROUBLE);
        match self.random.between(0, 5) {
            0 | 1 => {
                self.plan(at, Fault::Stall(one, other));
                self.plan(until, Fault::Resume(one, other));
            }
            2 => {
                self.plan(at, Fault::Cut(one, other));
                self.plan(until, Fault::Mend(one, other));
            }
            3 => self.plan(at, Fault::Reset(one, other)),
            4 => self.plan(at, Fault::Refresh(one, other)),
            _ => self.plan(at, Fault::Cease(other, one)),
        }
    }

    fn plan(&mut self, after: Duration, fault: Fault) {
        self.faults += 1;
        self.world.plan(after, fault);
    }

    /// A prefix of either family, from few enough that speakers compete for them.
    fn draw_prefix(&mut self) -> Prefix {
        let number = u8::try_from(self.random.between(0, 60)).expect("small");
        let prefix = match self.random.chance(50) {
            true => Prefix::new(Ipv4Addr::new(10, 65, number, 0).into(), 26),
            false => {
                let address = Ipv6Addr::new(0xfd10, 0x65, u16::from(number), 0, 0, 0, 0, 0);
                Prefix::new(address.into(), 122)
            }
        };
        prefix.expect("the lengths are in range")
    }
}

/// How long a round of trouble takes.
const TROUBLE: Duration = Duration::from_secs(61);

/// Less than it takes to dial again.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// How long the world may take to come to rest: hold time, restart time and pauses, and some more.
const PATIENCE: Duration = Duration::from_secs(400);
