//! A reflector dies and is started again; all its clients connect as soon as it listens.

use super::{Run, Scale, Scenario, reflector};
use crate::clock::now;
use crate::generator::Failure;
use crate::outcome::Figures;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "restart",
    title: |scale| {
        format!(
            "a reflector is killed and started again: until all {} clients are back and hear everyone",
            scale.of(CLIENTS)
        )
    },
    prepare,
    headline: "cpu_s",
    reaches: &[],
};

const CLIENTS: usize = 1_000;

fn prepare(scale: Scale) -> Result<Run, String> {
    let count = scale.of(CLIENTS);
    let streams = reflector::streams(count);
    let limit = scale.limit();
    Ok(Box::new(move |target, figures: &mut Figures| {
        // A copier keeps nothing for those who come later.
        if target.is_limit() {
            return Ok(());
        }
        let mut stage = reflector::stage(target, &streams)?;
        stage.running.kill();
        for (client, stream) in streams.iter().enumerate() {
            stage.generator.expect(client, stream);
        }
        let begin = now();
        stage.running.spawn().map_err(Failure::Wrong)?;
        let generator = &mut stage.generator;
        generator.begin_connecting(0..count, count);
        let mut up = None;
        generator.run(limit, |generator| {
            for client in generator.take_risen() {
                generator.send(client, &streams[client]);
            }
            if up.is_none() && generator.all_up() {
                up = Some(begin.elapsed());
            }
            up.is_some() && generator.all_right()
        })?;
        let wall = begin.elapsed().as_secs_f64();
        let usage = stage.settle()?;
        let up = up.unwrap_or_default().as_secs_f64();
        figures.add("up_s", "all up s", up);
        figures.add("wall_s", "all heard s", wall);
        figures.add("cpu_s", "CPU s, start included", usage.cpu);
        figures.add("peak_mb", "peak MB", usage.peak);
        Ok(())
    }))
}
