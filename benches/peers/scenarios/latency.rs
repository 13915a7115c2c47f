//! One change at a time: how long until the last receiver has it, at rest and under load.

use std::time::Duration;

use calidris::wire::Nlri;

use super::{Bound, PACE, Reach, Run, Scale, Scenario, Stage, clients, next_hop};
use crate::clock::now;
use crate::generator::{Failure, Generator, Octets, Passage, prefixes_in, split};
use crate::outcome::Figures;
use crate::routes::{Routes, announce, table};

pub(crate) const AT_REST: Scenario = Scenario {
    name: "latency-rest",
    title: |scale| {
        let routes = scale.of(ROUTES);
        format!(
            "{routes} routes loaded, one change at a time: until the last of {RECEIVERS} has it"
        )
    },
    prepare: |scale| Ok(prepare(scale, false)),
    headline: "p99_us",
    reaches: &[
        Reach {
            key: "p50_us",
            bound: Bound::Times(1.1, &["bird"]),
        },
        Reach {
            key: "p99_us",
            bound: Bound::Times(1.1, &["bird"]),
        },
    ],
};

pub(crate) const UNDER_LOAD: Scenario = Scenario {
    name: "latency-load",
    title: |scale| {
        let routes = scale.of(ROUTES);
        format!(
            "the same, while another peer sends {routes} routes that are never the best, ever changed, \
             as fast as they are taken"
        )
    },
    prepare: |scale| Ok(prepare(scale, true)),
    headline: "p99_us",
    reaches: &[
        Reach {
            key: "p99_us",
            bound: Bound::Times(0.5, &[]),
        },
        Reach {
            key: "taken_per_s",
            bound: Bound::AtLeastTimes(1.0, &["bird"]),
        },
    ],
};

const ROUTES: usize = 100_000;
const RECEIVERS: usize = 10;
const SENDER: usize = 0;
const LOADER: usize = RECEIVERS + 1;
/// Changes measured.
const CHANGES: usize = 500;
/// Between a change's arrival and the next.
const PAUSE: Duration = Duration::from_millis(3);
/// Octets that the loader has ready at a time, about.
const PIECE: usize = 200_000;
/// How long the load runs before the first change.
const WARM_UP: Duration = Duration::from_millis(500);

/// A peer that sends without end.
struct Load {
    pieces: Vec<(Octets, usize)>,
    next: usize,
    /// Routes that are with the system.
    sent: usize,
}

impl Load {
    /// Two versions of all routes in turn, so that every route is a change.
    fn new(routes: &Routes) -> Self {
        let version = |version| {
            announce(routes, |_, attributes| {
                attributes.next_hop = next_hop(LOADER);
                attributes.local_pref = Some(50);
                attributes.med = Some(version);
            })
        };
        let pieces = [version(1), version(2)];
        let pieces = pieces.iter().flat_map(|all| split(all, PIECE));
        let counted = pieces.map(|piece| {
            let count = prefixes_in(&piece);
            (Octets::new(piece), count)
        });
        Self {
            pieces: counted.collect(),
            next: 0,
            sent: 0,
        }
    }

    fn go_on(&mut self, generator: &mut Generator) {
        if generator.has_sent(LOADER) {
            let (piece, count) = &self.pieces[self.next];
            self.sent += count;
            generator.send(LOADER, piece);
            self.next = (self.next + 1) % self.pieces.len();
        }
    }
}

fn prepare(scale: Scale, loaded: bool) -> Run {
    let routes = table(scale.of(ROUTES));
    let stream = announce(&routes, |_, attributes| {
        attributes.next_hop = next_hop(SENDER);
    });
    let changes = changes(&routes);
    let mut load = loaded.then(|| Load::new(&routes));
    let limit = scale.limit();
    Box::new(move |target, figures: &mut Figures| {
        let neighbours = clients(LOADER + 1);
        let mut stage = Stage::new(target, neighbours, 1, Passage::Reflected)?;
        let generator = &mut stage.generator;
        generator.know(&stream, None);
        (1..=RECEIVERS).for_each(|client| generator.listen(client));
        generator.connect(0..LOADER + 1, PACE, limit)?;
        generator.expect(SENDER, &stream);
        generator.send(SENDER, &stream);
        generator.run(limit, |generator| generator.all_right())?;
        stage.settle()?;
        let generator = &mut stage.generator;
        let begin = now();
        if let Some(load) = &mut load {
            load.sent = 0;
            pass(generator, WARM_UP, &mut Some(load))?;
        }
        let mut times = Vec::new();
        for change in &changes {
            times.push(one(generator, change, load.as_mut(), limit)?.as_secs_f64() * 1e6);
            pass(generator, PAUSE, &mut load.as_mut())?;
        }
        times.sort_by(f64::total_cmp);
        figures.add("p50_us", "p50 µs", times[times.len() / 2]);
        figures.add("p99_us", "p99 µs", times[times.len() * 99 / 100]);
        figures.add("max_us", "max µs", times[times.len() - 1]);
        if let Some(load) = &load {
            let rate = load.sent as f64 / begin.elapsed().as_secs_f64();
            figures.add("taken_per_s", "routes/s taken", rate);
        }
        Ok(())
    })
}

/// Each of a prefix, of sets far apart, with a MED of its own.
fn changes(routes: &Routes) -> Vec<Octets> {
    let pick = |number: usize| {
        let (attributes, nlri) = &routes[number * 7_919 % routes.len()];
        let nlri: Vec<Nlri<_>> = nlri.iter().take(1).copied().collect();
        let med = 10_000 + u32::try_from(number).expect("few");
        announce(&vec![(attributes.clone(), nlri)], |_, attributes| {
            attributes.next_hop = next_hop(SENDER);
            attributes.med = Some(med);
        })
    };
    (0..CHANGES).map(pick).collect()
}

fn one(
    generator: &mut Generator,
    change: &Octets,
    mut load: Option<&mut Load>,
    limit: Duration,
) -> Result<Duration, Failure> {
    generator.expect(SENDER, change);
    let begin = now();
    generator.send(SENDER, change);
    generator.run(limit, |generator| {
        if let Some(load) = &mut load {
            load.go_on(generator);
        }
        generator.all_right()
    })?;
    Ok(begin.elapsed())
}

fn pass(
    generator: &mut Generator,
    time: Duration,
    load: &mut Option<&mut Load>,
) -> Result<(), Failure> {
    let end = now() + time;
    generator.run(time * 100, |generator| {
        if let Some(load) = load {
            load.go_on(generator);
        }
        now() >= end
    })?;
    Ok(())
}
