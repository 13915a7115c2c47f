//! Small worlds and their troubles, drawn from a seed.
//!
//! Troubles are drawn so that there is one outcome only, whatever comes first: where reflectors see
//! different parts of an AS all agree on the ways to next hops, next hops go missing for all at once
//! and not between ASes, and MED differs within one neighbouring AS only. Else BGP itself may have
//! two answers, or none (RFC 3345).

mod topology;
mod trouble;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::defect::Defect;
use super::fault::Fault;
use super::random::Random;
use super::report::Report;
use super::violation::Violation;
use super::world::{Options, SpeakerId, World};
use crate::net::Prefix;

pub use topology::Topology;

/// A world and what happens in it.
pub struct Scenario {
    random: Random,
    topology: Topology,
    world: World,
    speakers: Vec<SpeakerId>,
    reflectors: Vec<SpeakerId>,
    links: Vec<(SpeakerId, SpeakerId)>,
    traits: Traits,
    faults: u64,
    /// What mends the trouble that is left over from a round.
    mending: Vec<Fault>,
}

/// What occurs in a world.
#[derive(Clone, Copy, Debug)]
struct Traits {
    filters: bool,
    sources: bool,
    crashes: bool,
    limits: bool,
    parting: bool,
    costs: bool,
}

impl Scenario {
    /// Draws a world of two to thirty speakers with one to four shards each.
    pub fn from_seed(seed: u64) -> Self {
        let shards = usize::try_from(seed % 4).expect("below four") + 1;
        Self::with(seed, shards, None)
    }

    /// The same world with another number of shards, or with a defect.
    pub fn with(seed: u64, shards: usize, defect: Option<Defect>) -> Self {
        let mut random = Random::new(seed);
        let topology = *random.pick(&Topology::ALL);
        let options = Options {
            seed,
            window_octets: *random.pick(&[200, 1_000, 5_000, 60_000]),
            ring_chunks: random.between(1, 4),
            turn_delay: Duration::from_micros(*random.pick(&[300, 5_000])),
            shards,
            defect,
        };
        let traits = Traits {
            filters: random.chance(40),
            sources: random.chance(50),
            crashes: random.chance(50),
            limits: random.chance(20),
            parting: random.chance(20),
            costs: random.chance(50),
        };
        let mut scenario = Self {
            topology,
            world: World::new(options),
            random,
            speakers: Vec::new(),
            reflectors: Vec::new(),
            links: Vec::new(),
            traits,
            faults: 0,
            mending: Vec::new(),
        };
        scenario.draw_topology();
        scenario
    }

    /// Lets everything happen, in two rounds, and takes all routes away; after each, every invariant is
    /// checked.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn run(self) -> Result<Report, Violation> {
        self.run_and_tell().map(|(report, _)| report)
    }

    /// The same, with what every speaker has told every peer after the second round
    /// ([`World::told`]).
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn run_and_tell(mut self) -> Result<(Report, Vec<String>), Violation> {
        self.originate_some();
        self.trouble();
        self.world.run_for(TROUBLE);
        self.world.run_until_quiet(PATIENCE)?;
        self.world.check()?;
        for fault in std::mem::take(&mut self.mending) {
            self.world.inflict(fault);
        }
        self.trouble();
        for fault in std::mem::take(&mut self.mending) {
            self.plan(TROUBLE, fault);
        }
        self.world.run_for(TROUBLE + LAST_MOMENT);
        self.world.run_until_quiet(PATIENCE)?;
        self.world.check()?;
        if self.everybody_hears_everybody() {
            self.world.check_reach()?;
        }
        let told = self.world.told();
        self.world.withdraw_all();
        self.world.run_until_quiet(PATIENCE)?;
        self.world.check_empty()?;
        let shape = format!("{:?}", self.topology);
        let report = Report::of(&self.world, shape, self.links.len(), self.faults);
        Ok((report, told))
    }

    const fn everybody_hears_everybody(&self) -> bool {
        let traits = &self.traits;
        let selective = traits.filters || traits.sources || traits.costs;
        !selective && !matches!(self.topology, Topology::Edges)
    }

    fn originate_some(&mut self) {
        for speaker in self.speakers.clone() {
            for _ in 0..self.random.between(0, 12) {
                let prefix = self.draw_prefix();
                self.world.inflict(Fault::Originate(speaker, prefix));
            }
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
