//! Large worlds: a thousand speakers around a few reflectors.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::fault::Fault;
use super::peering::Peering;
use super::random::Random;
use super::report::Report;
use super::violation::Violation;
use super::world::{Options, SpeakerId, World};
use crate::net::{Asn, ClusterId, PerFamily, Prefix, RouterId};

/// How the reflectors of a crowd stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One cluster id for all; every client has a session with each.
    OneCluster,
    /// A cluster id each; every client has a session with each.
    OwnClusters,
    /// As before, but each reflector takes the others for its clients.
    Contradictory,
    /// The first reflector has the others for clients, and those share the clients.
    Hierarchy,
}

/// A thousand speakers and what happens to them.
pub struct Crowd {
    random: Random,
    shape: Shape,
    world: World,
    reflectors: Vec<SpeakerId>,
    clients: Vec<SpeakerId>,
    links: Vec<(SpeakerId, SpeakerId)>,
    faults: u64,
}

impl Crowd {
    /// Draws a world of so many speakers, `reflectors` among them.
    pub fn new(seed: u64, shape: Shape, reflectors: usize, speakers: usize, shards: usize) -> Self {
        let options = Options {
            seed,
            turn_delay: Duration::from_millis(10),
            shards,
            ..Options::default()
        };
        let mut crowd = Self {
            random: Random::new(seed),
            shape,
            world: World::new(options),
            reflectors: Vec::new(),
            clients: Vec::new(),
            links: Vec::new(),
            faults: 0,
        };
        crowd.draw(reflectors, speakers);
        crowd
    }

    fn draw(&mut self, reflectors: usize, speakers: usize) {
        for number in 0..speakers {
            let bits = u32::try_from(number).expect("few speakers");
            let router_id = RouterId(Ipv4Addr::from_bits(
                0x0a00_0001 + (bits * 37) % 101 + (bits << 8),
            ));
            let cluster = match self.shape {
                Shape::OneCluster => 1,
                Shape::OwnClusters | Shape::Contradictory | Shape::Hierarchy => bits + 1,
            };
            let cluster = ClusterId(Ipv4Addr::from_bits(0xf400_0000 + cluster));
            let cluster = Some(cluster).filter(|_| number < reflectors);
            let speaker = self.world.add_speaker(Asn(64_512), router_id, cluster);
            match cluster {
                Some(_) => self.reflectors.push(speaker),
                None => self.clients.push(speaker),
            }
        }
        let roles = match self.shape {
            Shape::OneCluster | Shape::OwnClusters => (false, false),
            Shape::Contradictory => (true, true),
            Shape::Hierarchy => (true, false),
        };
        let reflectors = self.reflectors.clone();
        for (number, one) in reflectors.iter().enumerate() {
            for other in &reflectors[number + 1..] {
                // In a hierarchy only the first has a session with the others.
                if self.shape != Shape::Hierarchy || number == 0 {
                    self.peer(*one, *other, Some(roles));
                }
            }
        }
        for (number, client) in self.clients.clone().into_iter().enumerate() {
            let its = match self.shape {
                Shape::Hierarchy => vec![reflectors[1 + number % (reflectors.len() - 1)]],
                Shape::OneCluster | Shape::OwnClusters | Shape::Contradictory => reflectors.clone(),
            };
            for reflector in its {
                self.peer(reflector, client, None);
            }
        }
    }

    fn peer(&mut self, one: SpeakerId, other: SpeakerId, clients: Option<(bool, bool)>) {
        let peering = Peering {
            families: PerFamily {
                ipv4: true,
                ipv6: false,
            },
            restart_time: self.random.chance(50).then_some(40),
            forwarding_preserved: true,
            latency: self.random.milliseconds(1, 20),
            clients,
            ..Peering::default()
        };
        self.world.peer(one, other, &peering);
        self.links.push((one, other));
    }

    /// Lets everybody come up, churn, and fall silent; every invariant is checked at each rest.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn run(mut self) -> Result<Report, Violation> {
        for number in 0..self.clients.len() {
            let fault = Fault::Originate(self.clients[number], block(number));
            self.inflict(fault);
        }
        self.world.run_until_quiet(PATIENCE)?;
        self.world.check_reach()?;
        self.churn();
        self.world.run_for(CHURN);
        self.world.run_until_quiet(PATIENCE)?;
        self.world.check()?;
        self.world.check_reach()?;
        self.world.withdraw_all();
        self.world.run_until_quiet(PATIENCE)?;
        self.world.check_empty()?;
        let shape = format!("{:?}, {} reflectors", self.shape, self.reflectors.len());
        Ok(Report::of(
            &self.world,
            shape,
            self.links.len(),
            self.faults,
        ))
    }

    /// A minute in which much goes wrong, and is mended.
    fn churn(&mut self) {
        let clients = self.clients.len();
        for _ in 0..clients / 10 {
            let number = self.random.between(0, clients - 1);
            let at = self.random.milliseconds(0, 30_000);
            self.flap(number, at, Duration::from_secs(10), 1);
        }
        // At line rate.
        for _ in 0..5 {
            let number = self.random.between(0, clients - 1);
            let at = self.random.milliseconds(0, 30_000);
            self.flap(number, at, Duration::from_micros(100), 50);
        }
        for _ in 0..clients / 50 {
            let (one, other) = *self.random.pick(&self.links);
            let at = self.random.milliseconds(0, 30_000);
            let until = at + self.random.milliseconds(1_000, 20_000);
            match self.random.between(0, 3) {
                0 => self.plan(at, Fault::Reset(one, other)),
                1 => self.pair(at, Fault::Cut(one, other), until, Fault::Mend(one, other)),
                2 => self.pair(
                    at,
                    Fault::Stall(other, one),
                    until,
                    Fault::Resume(other, one),
                ),
                _ => {
                    let slow = Fault::Throttle(other, one, 1);
                    self.pair(at, slow, until, Fault::Resume(other, one));
                }
            }
        }
        for _ in 0..clients / 50 {
            let speaker = *self.random.pick(&self.clients);
            self.restart(speaker);
        }
        let speaker = *self.random.pick(&self.reflectors);
        self.restart(speaker);
    }

    fn flap(&mut self, number: usize, at: Duration, apart: Duration, times: u32) {
        let (client, block) = (self.clients[number], block(number));
        for time in 0..times {
            let at = at + apart * (2 * time);
            self.pair(
                at,
                Fault::Withdraw(client, block),
                at + apart,
                Fault::Originate(client, block),
            );
        }
    }

    fn restart(&mut self, speaker: SpeakerId) {
        let at = self.random.milliseconds(0, 30_000);
        let until = at + self.random.milliseconds(100, 20_000);
        let silently = self.random.chance(20);
        let gracefully = self.random.chance(50);
        let boot = Fault::Boot {
            speaker,
            gracefully,
        };
        self.pair(at, Fault::Crash { speaker, silently }, until, boot);
    }

    fn pair(&mut self, at: Duration, fault: Fault, until: Duration, mending: Fault) {
        self.plan(at, fault);
        self.plan(until, mending);
    }

    fn plan(&mut self, after: Duration, fault: Fault) {
        self.faults += 1;
        self.world.plan(after, fault);
    }

    fn inflict(&mut self, fault: Fault) {
        self.faults += 1;
        self.world.inflict(fault);
    }
}

/// The block of a client.
fn block(number: usize) -> Prefix {
    let number = u32::try_from(number).expect("few clients");
    let address = Ipv4Addr::from_bits(0x0a40_0000 + number * 64);
    Prefix::new(address.into(), 26).expect("26 is in range")
}

/// How long a crowd is in trouble.
const CHURN: Duration = Duration::from_secs(60);

/// How long it may take to come to rest: hold time, restart time and pauses, and some more.
const PATIENCE: Duration = Duration::from_secs(400);
