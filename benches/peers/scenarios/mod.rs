//! What is measured.
//!
//! A scenario prepares its octets once, then runs with one target at a time, each in a process of its
//! own that was just started. Figures go in as they come, so that a target which does not get to the
//! end still shows how far it came.

mod fan_out;
mod full_table;
mod latency;
mod memory;
mod recorded;
mod reflector;
mod restart;
mod senders;
mod stuck;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use calidris::wire::NextHop;

use crate::clock::now;
use crate::generator::{CLUSTER, Failure, Generator, Passage};
use crate::outcome::Figures;
use crate::targets::{ADDRESS, Neighbour, PORT, Running, Setup, Target, Usage};

/// Measures one target, and adds the figures as they come.
pub(crate) type Run = Box<dyn FnMut(&'static Target, &mut Figures) -> Result<(), Failure>>;

/// One scenario.
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What happens in it.
    pub(crate) title: fn(Scale) -> String,
    /// Makes what it sends; or why it cannot run.
    pub(crate) prepare: fn(Scale) -> Result<Run, String>,
    /// The figure that the chart shows.
    pub(crate) headline: &'static str,
    /// What calidris has to reach, next to the best of the others.
    pub(crate) reaches: &'static [Reach],
}

/// A bound on a figure of calidris.
pub(crate) struct Reach {
    /// The figure.
    pub(crate) key: &'static str,
    /// How it is bounded.
    pub(crate) bound: Bound,
}

/// How a figure is bounded.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// So many times the least that one of these targets has; of all where none is named.
    Times(f64, &'static [&'static str]),
    /// At least so many times what this target has.
    AtLeastTimes(f64, &'static [&'static str]),
    /// So much, in the figure's own unit.
    AtMost(f64),
}

/// All scenarios, in the order of the report.
pub(crate) const SCENARIOS: &[&Scenario] = &[
    &full_table::SCENARIO,
    &fan_out::SCENARIO,
    &senders::SCENARIO,
    &reflector::OF_500,
    &reflector::OF_1000,
    &latency::AT_REST,
    &latency::UNDER_LOAD,
    &memory::SCENARIO,
    &stuck::SCENARIO,
    &restart::SCENARIO,
    &recorded::TABLE,
    &recorded::CHURN,
];

/// Whether scenarios run at their size, at a tenth for a first look, or at a hundredth to see that
/// they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Full,
    Quick,
    Trial,
}

impl Scale {
    /// A number of things at this scale.
    pub(crate) fn of(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Quick => full.div_ceil(10),
            Self::Trial => full.div_ceil(100),
        }
    }

    /// How long one phase of a scenario may take.
    pub(crate) fn limit(self) -> Duration {
        match self {
            Self::Full => Duration::from_secs(60),
            Self::Quick => Duration::from_secs(15),
            // Unoptimised, on a machine that does other things.
            Self::Trial => Duration::from_secs(60),
        }
    }
}

/// A running target with its neighbours.
pub(crate) struct Stage {
    pub(crate) running: Running,
    pub(crate) generator: Generator,
}

impl Stage {
    /// Starts the target, and makes its neighbours, which are not connected yet.
    pub(crate) fn new(
        target: &'static Target,
        neighbours: Vec<Neighbour>,
        sources: usize,
        passage: Passage,
    ) -> Result<Self, Failure> {
        let passage = match target.is_limit() {
            true => Passage::Copied,
            false => passage,
        };
        let mut generator = Generator::new(SocketAddr::from((ADDRESS, PORT)), passage)?;
        for neighbour in &neighbours {
            generator.add(neighbour.address, neighbour.asn);
        }
        let setup = Setup {
            asn: AS,
            cluster: CLUSTER,
            neighbours,
            sources,
        };
        let running = target.start(&setup).map_err(Failure::Wrong)?;
        Ok(Self { running, generator })
    }

    /// Does something, and says what it took the target: seconds of the clock and of CPU, what it
    /// still does afterwards included.
    pub(crate) fn measure(
        &mut self,
        act: impl FnOnce(&mut Generator) -> Result<Duration, Failure>,
    ) -> Result<Cost, Failure> {
        let before = self.running.usage();
        let wall = act(&mut self.generator).map_err(|failure| self.explain(failure))?;
        let after = self.settle()?;
        Ok(Cost {
            wall: wall.as_secs_f64(),
            cpu: after.cpu - before.cpu,
            after,
        })
    }

    /// Waits until the target does nothing more.
    pub(crate) fn settle(&mut self) -> Result<Usage, Failure> {
        let end = now() + SETTLE_MAX;
        let mut last = self.running.usage();
        loop {
            self.generator.idle(SETTLED)?;
            let usage = self.running.usage();
            if usage.cpu - last.cpu < 0.02 * SETTLED.as_secs_f64() || now() > end {
                return Ok(usage);
            }
            last = usage;
        }
    }

    /// Adds the target's own last words to a fault.
    fn explain(&self, failure: Failure) -> Failure {
        match (failure, self.running.log(3)) {
            (Failure::Wrong(what), log) if !log.is_empty() => {
                Failure::Wrong(format!("{what}; it says: {log:.400}"))
            }
            (failure, _) => failure,
        }
    }
}

/// What a phase took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) after: Usage,
}

/// The address of a neighbour.
pub(crate) fn address(number: usize) -> Ipv4Addr {
    let number = u32::try_from(number).expect("few neighbours");
    let base = u32::from(Ipv4Addr::new(10, 9, 1, 1));
    (base + number / 250 * 256 + number % 250).into()
}

/// So many internal neighbours.
pub(crate) fn clients(count: usize) -> Vec<Neighbour> {
    (0..count)
        .map(|number| Neighbour {
            address: address(number),
            asn: AS,
        })
        .collect()
}

/// The address of a neighbour as a next hop.
pub(crate) fn next_hop(number: usize) -> NextHop {
    NextHop::V4(address(number))
}

/// The AS of every target, in which streams have no hop.
pub(crate) const AS: u32 = 64_900;
/// So many speakers connect at once, where connecting is not what is measured: programs that listen
/// with a short backlog lose more.
pub(crate) const PACE: usize = 4;
const SETTLED: Duration = Duration::from_millis(200);
const SETTLE_MAX: Duration = Duration::from_secs(30);
