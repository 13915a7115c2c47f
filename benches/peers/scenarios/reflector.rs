//! A reflector of Calico nodes: each has a few blocks, everyone hears everyone.

use super::{Bound, PACE, Reach, Run, Scale, Scenario, Stage, clients, next_hop};
use crate::generator::{Failure, Octets, Passage};
use crate::outcome::Figures;
use crate::routes::{announce_plainly, blocks};
use crate::targets::Target;

pub(crate) const OF_500: Scenario = Scenario {
    name: "reflector-500",
    title: |scale| title(scale.of(500)),
    prepare: |scale| Ok(prepare(scale, scale.of(500))),
    headline: "cpu_s",
    reaches: &[
        Reach {
            key: "cpu_s",
            bound: Bound::AtMost(0.4),
        },
        Reach {
            key: "wall_s",
            bound: Bound::AtMost(0.4),
        },
        Reach {
            key: "peak_mb",
            bound: Bound::Times(1.2, &["bird"]),
        },
        Reach {
            key: "drop_cpu_s",
            bound: Bound::Times(1.0, &[]),
        },
        Reach {
            key: "return_cpu_s",
            bound: Bound::Times(0.4, &[]),
        },
        Reach {
            key: "return_wall_s",
            bound: Bound::Times(0.4, &[]),
        },
        Reach {
            key: "at_once_s",
            bound: Bound::AtMost(0.15),
        },
    ],
};

pub(crate) const OF_1000: Scenario = Scenario {
    name: "reflector-1000",
    title: |scale| title(scale.of(1_000)),
    prepare: |scale| Ok(prepare(scale, scale.of(1_000))),
    headline: "cpu_s",
    reaches: &[],
};

fn title(clients: usize) -> String {
    format!(
        "{clients} reflector clients with {BLOCKS} blocks each, everyone hears everyone; a tenth drops \
         and returns; all connect at once"
    )
}

pub(super) const BLOCKS: u32 = 8;

/// What each client announces.
pub(super) fn streams(count: usize) -> Vec<Octets> {
    (0..count)
        .map(|client| {
            let number = u32::try_from(client).expect("few");
            announce_plainly(&blocks(number, BLOCKS, next_hop(client)))
        })
        .collect()
}

/// A reflector with clients that are not connected yet.
pub(super) fn stage(target: &'static Target, streams: &[Octets]) -> Result<Stage, Failure> {
    let count = streams.len();
    let mut stage = Stage::new(target, clients(count), count, Passage::Reflected)?;
    for (client, stream) in streams.iter().enumerate() {
        stage.generator.know(stream, Some(client));
    }
    (0..count).for_each(|client| stage.generator.listen(client));
    Ok(stage)
}

fn prepare(scale: Scale, count: usize) -> Run {
    let streams = streams(count);
    let limit = scale.limit();
    Box::new(move |target, figures: &mut Figures| {
        let mut stage = stage(target, &streams)?;
        let up = stage.measure(|generator| generator.connect(0..count, PACE, limit))?;
        expect_all(&mut stage, &streams, 0..count);
        let cost = stage.measure(|generator| {
            for (client, stream) in streams.iter().enumerate() {
                generator.send(client, stream);
            }
            generator.run(limit, |generator| generator.all_right())
        })?;
        figures.add("cpu_s", "CPU s", up.cpu + cost.cpu);
        figures.add("wall_s", "wall s", up.wall + cost.wall);
        figures.add("up_cpu_s", "(coming up) CPU s", up.cpu);
        figures.add("up_wall_s", "wall s", up.wall);
        figures.add("peak_mb", "peak MB", cost.after.peak);
        if target.is_limit() {
            return at_once(&mut stage, count, figures);
        }
        drop_and_return(&mut stage, &streams, figures, limit)?;
        at_once(&mut stage, count, figures)
    })
}

fn expect_all(stage: &mut Stage, streams: &[Octets], clients: std::ops::Range<usize>) {
    for client in clients {
        stage.generator.expect(client, &streams[client]);
    }
}

fn drop_and_return(
    stage: &mut Stage,
    streams: &[Octets],
    figures: &mut Figures,
    limit: std::time::Duration,
) -> Result<(), Failure> {
    let tenth = streams.len() / 10;
    for (client, stream) in streams.iter().enumerate().take(tenth) {
        stage.generator.ignore(client);
        stage.generator.expect_none(stream);
    }
    let cost = stage.measure(|generator| {
        (0..tenth).for_each(|client| generator.hang_up(client));
        generator.run(limit, |generator| generator.all_right())
    })?;
    figures.add("drop_cpu_s", "drop CPU s", cost.cpu);
    figures.add("drop_wall_s", "wall s", cost.wall);
    (0..tenth).for_each(|client| stage.generator.listen(client));
    expect_all(stage, streams, 0..tenth);
    let cost = stage.measure(|generator| {
        let wall = generator.connect(0..tenth, PACE, limit)?;
        for (client, stream) in streams.iter().enumerate().take(tenth) {
            generator.send(client, stream);
        }
        Ok(wall + generator.run(limit, |generator| generator.all_right())?)
    })?;
    figures.add("return_cpu_s", "return CPU s", cost.cpu);
    figures.add("return_wall_s", "wall s", cost.wall);
    Ok(())
}

/// All sessions gone, all clients connect in the same moment. Who has a short queue of connections
/// loses many, and TCP backs off: that is said, and is no reason to stop.
fn at_once(stage: &mut Stage, count: usize, figures: &mut Figures) -> Result<(), Failure> {
    stage.generator.hang_up_all();
    stage.settle()?;
    match stage.generator.connect(0..count, count, AT_ONCE_MAX) {
        Ok(up) => figures.add("at_once_s", "at once s", up.as_secs_f64()),
        Err(Failure::Late(limit, missing)) => {
            let late = Failure::Late(limit, missing);
            figures.notes.push(format!("all at once: {late}"));
        }
        Err(wrong) => return Err(wrong),
    }
    Ok(())
}

const AT_ONCE_MAX: std::time::Duration = std::time::Duration::from_secs(10);
