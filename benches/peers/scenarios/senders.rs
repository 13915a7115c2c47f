//! Many peers with the same prefixes: the best of each goes on.

use super::{AS, Bound, PACE, Reach, Run, Scale, Scenario, Stage, address, next_hop};
use crate::generator::{Octets, Passage};
use crate::outcome::Figures;
use crate::routes::{announce, external, table};
use crate::targets::Neighbour;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "senders",
    title: |scale| {
        format!(
            "{SENDERS} eBGP peers announce the same {} prefixes at once; the best go to one peer",
            scale.of(PREFIXES)
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
            key: "peak_mb",
            bound: Bound::Times(0.8, &[]),
        },
    ],
};

const PREFIXES: usize = 200_000;
const SENDERS: usize = 20;
const RECEIVER: usize = SENDERS;

fn prepare(scale: Scale) -> Result<Run, String> {
    let routes = table(scale.of(PREFIXES));
    let asn = |number| AS + 1 + u32::try_from(number).expect("few");
    // Each peer has the shortest path to a part of the prefixes, so that there is one best.
    let streams: Vec<Octets> = (0..SENDERS)
        .map(|sender| {
            announce(&routes, |set, attributes| {
                let times = if set % SENDERS == sender { 1 } else { 3 };
                external(attributes, asn(sender), next_hop(sender), times);
            })
        })
        .collect();
    let best: Vec<Octets> = (0..SENDERS)
        .map(|sender| {
            let own = routes.iter().skip(sender).step_by(SENDERS).cloned();
            announce(&own.collect(), |_, attributes| {
                external(attributes, asn(sender), next_hop(sender), 1);
            })
        })
        .collect();
    let limit = scale.limit();
    Ok(Box::new(move |target, figures: &mut Figures| {
        let neighbours = (0..=SENDERS).map(|number| Neighbour {
            address: address(number),
            asn: asn(number),
        });
        let passage = Passage::External { through: AS };
        let mut stage = Stage::new(target, neighbours.collect(), 1, passage)?;
        stage.generator.know(&streams[0], None);
        stage.generator.listen(RECEIVER);
        stage.generator.connect(0..SENDERS + 1, PACE, limit)?;
        stage.settle()?;
        if target.is_limit() {
            // It copies from the first, and chooses nothing.
            stage.generator.expect(0, &streams[0]);
        } else {
            for (sender, best) in best.iter().enumerate() {
                stage.generator.expect(sender, best);
            }
        }
        let cost = stage.measure(|generator| {
            for (sender, stream) in streams.iter().enumerate() {
                generator.send(sender, stream);
            }
            generator.run(limit, |generator| {
                generator.all_right() && (0..SENDERS).all(|sender| generator.has_sent(sender))
            })
        })?;
        figures.add("cpu_s", "CPU s", cost.cpu);
        figures.add("wall_s", "wall s", cost.wall);
        figures.add("peak_mb", "peak MB", cost.after.peak);
        Ok(())
    }))
}
