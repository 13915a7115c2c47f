//! A reflector's client announces a table to all others, and withdraws it.

use super::{Bound, PACE, Reach, Run, Scale, Scenario, Stage, clients, next_hop};
use crate::generator::Passage;
use crate::outcome::Figures;
use crate::routes::{announce, table, withdraw};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "fan-out",
    title: |scale| {
        format!(
            "{} routes from one client of a reflector to {CLIENTS} others, then their withdrawal",
            scale.of(ROUTES)
        )
    },
    prepare,
    headline: "cpu_s",
    reaches: &[
        Reach {
            key: "cpu_s",
            bound: Bound::Times(0.35, &[]),
        },
        Reach {
            key: "wall_s",
            bound: Bound::Times(0.7, &[]),
        },
        Reach {
            key: "peak_mb",
            bound: Bound::Times(1.0, &[]),
        },
    ],
};

pub(super) const ROUTES: usize = 100_000;
pub(super) const CLIENTS: usize = 100;
pub(super) const SENDER: usize = 0;

fn prepare(scale: Scale) -> Result<Run, String> {
    let routes = table(scale.of(ROUTES));
    let stream = announce(&routes, |_, attributes| {
        attributes.next_hop = next_hop(SENDER);
    });
    let withdrawal = withdraw(&routes);
    let limit = scale.limit();
    Ok(Box::new(move |target, figures: &mut Figures| {
        let neighbours = clients(CLIENTS + 1);
        let mut stage = Stage::new(target, neighbours, 1, Passage::Reflected)?;
        stage.generator.know(&stream, None);
        (1..=CLIENTS).for_each(|client| stage.generator.listen(client));
        stage.generator.connect(0..CLIENTS + 1, PACE, limit)?;
        stage.settle()?;
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
        Ok(())
    }))
}
