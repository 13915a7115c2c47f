//! A whole table in from one AS and out to another, and all of it withdrawn.

use std::time::Duration;

use super::{AS, Bound, PACE, Reach, Run, Scale, Scenario, Stage, address, next_hop};
use crate::generator::Passage;
use crate::outcome::Figures;
use crate::routes::{announce, external, table, withdraw};
use crate::targets::Neighbour;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "full-table",
    title: |scale| {
        format!(
            "{} routes from one eBGP peer to another, then their withdrawal",
            scale.of(ROUTES)
        )
    },
    prepare,
    headline: "cpu_s",
    reaches: &[
        Reach {
            key: "cpu_s",
            bound: Bound::Times(0.5, &[]),
        },
        Reach {
            key: "wall_s",
            bound: Bound::Times(0.5, &[]),
        },
        Reach {
            key: "peak_mb",
            bound: Bound::Times(0.8, &[]),
        },
        Reach {
            key: "withdraw_cpu_s",
            bound: Bound::Times(0.5, &[]),
        },
        Reach {
            key: "idle_ratio",
            bound: Bound::AtMost(1.3),
        },
    ],
};

const ROUTES: usize = 1_000_000;
const SENDER: usize = 0;
const RECEIVER: usize = 1;
/// How long a target has to give memory back.
const IDLE: Duration = Duration::from_secs(5);

fn prepare(scale: Scale) -> Result<Run, String> {
    let routes = table(scale.of(ROUTES));
    let neighbours = || {
        let neighbour = |number, asn| Neighbour {
            address: address(number),
            asn,
        };
        vec![neighbour(SENDER, AS + 1), neighbour(RECEIVER, AS + 2)]
    };
    let stream = announce(&routes, |_, attributes| {
        external(attributes, AS + 1, next_hop(SENDER), 1);
    });
    let withdrawal = withdraw(&routes);
    let limit = scale.limit();
    Ok(Box::new(move |target, figures: &mut Figures| {
        let passage = Passage::External { through: AS };
        let mut stage = Stage::new(target, neighbours(), 1, passage)?;
        stage.generator.know(&stream, None);
        stage.generator.listen(RECEIVER);
        stage.generator.connect(0..2, PACE, limit)?;
        let start = stage.settle()?;
        stage.generator.expect(SENDER, &stream);
        let cost = stage.measure(|generator| {
            generator.send(SENDER, &stream);
            generator.run(limit, |generator| generator.all_right())
        })?;
        figures.add("cpu_s", "CPU s", cost.cpu);
        figures.add("wall_s", "wall s", cost.wall);
        figures.add("peak_mb", "peak MB", cost.after.peak);
        stage.generator.expect_none(&stream);
        let cost = stage.measure(|generator| {
            generator.send(SENDER, &withdrawal);
            generator.run(limit, |generator| generator.all_right())
        })?;
        figures.add("withdraw_cpu_s", "withdraw CPU s", cost.cpu);
        figures.add("withdraw_wall_s", "withdraw wall s", cost.wall);
        stage.generator.idle(IDLE)?;
        let idle = stage.running.usage();
        figures.add("idle_mb", "MB when empty", idle.resident);
        figures.add("idle_ratio", "× of start", idle.resident / start.resident);
        Ok(())
    }))
}
