//! One client of many stops reading while all routes change again and again; the others must not
//! notice.

use super::fan_out::{CLIENTS, ROUTES, SENDER};
use super::{Bound, Cost, PACE, Reach, Run, Scale, Scenario, Stage, clients, next_hop};
use crate::generator::{Failure, Octets, Passage};
use crate::outcome::Figures;
use crate::routes::{announce, table};
use crate::targets::Target;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "stuck",
    title: |scale| {
        format!(
            "{} routes to {CLIENTS} clients, all changed {} times; one client stops reading",
            scale.of(ROUTES),
            ROUNDS - 1
        )
    },
    prepare,
    headline: "cpu_s",
    reaches: &[
        Reach {
            key: "cpu_ratio",
            bound: Bound::AtMost(1.05),
        },
        Reach {
            key: "wall_ratio",
            bound: Bound::AtMost(1.05),
        },
        Reach {
            key: "extra_mb",
            bound: Bound::AtMost(1.0),
        },
    ],
};

/// More than the buffers of a connection hold.
const ROUNDS: usize = 8;
const STUCK: usize = CLIENTS;

fn prepare(scale: Scale) -> Result<Run, String> {
    let routes = table(scale.of(ROUTES));
    let version = |version: u32| {
        announce(&routes, |_, attributes| {
            attributes.next_hop = next_hop(SENDER);
            attributes.med = Some(version);
        })
    };
    let versions = [version(1), version(2)];
    let limit = scale.limit();
    let rounds = move |target: &'static Target, is_stuck: bool| -> Result<Cost, Failure> {
        let neighbours = clients(CLIENTS + 1);
        let mut stage = Stage::new(target, neighbours, 1, Passage::Reflected)?;
        stage.generator.know(&versions[0], None);
        let readers = if is_stuck { STUCK } else { STUCK + 1 };
        (1..readers).for_each(|client| stage.generator.listen(client));
        stage.generator.connect(0..CLIENTS + 1, PACE, limit)?;
        stage.settle()?;
        stage.generator.set_reading(STUCK, !is_stuck);
        stage.measure(|generator| {
            let mut wall = std::time::Duration::ZERO;
            for round in 0..ROUNDS {
                let stream: &Octets = &versions[round % 2];
                generator.expect(SENDER, stream);
                generator.send(SENDER, stream);
                wall += generator.run(limit, |generator| generator.all_right())?;
            }
            Ok(wall)
        })
    };
    Ok(Box::new(move |target, figures: &mut Figures| {
        if target.is_limit() {
            return Ok(());
        }
        let plain = rounds(target, false)?;
        let stuck = rounds(target, true)?;
        figures.add("cpu_s", "CPU s", stuck.cpu);
        figures.add("wall_s", "wall s", stuck.wall);
        figures.add("cpu_ratio", "CPU, × of without", stuck.cpu / plain.cpu);
        figures.add("wall_ratio", "wall, × of without", stuck.wall / plain.wall);
        figures.add("extra_mb", "MB more", stuck.after.peak - plain.after.peak);
        Ok(())
    }))
}
