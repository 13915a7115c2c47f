//! What a route costs: as many prefixes as a full table has, with one path and with four.

use super::{AS, Bound, PACE, Reach, Run, Scale, Scenario, Stage, address, next_hop};
use crate::generator::{Octets, Passage};
use crate::outcome::Figures;
use crate::routes::{announce, external, table};
use crate::targets::Neighbour;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "memory",
    title: |scale| {
        format!(
            "resident memory of {} prefixes with one path, and with {SENDERS} paths of {SENDERS} peers",
            scale.of(PREFIXES)
        )
    },
    prepare,
    headline: "bytes_4",
    reaches: &[
        Reach {
            key: "bytes_1",
            bound: Bound::AtMost(110.0),
        },
        Reach {
            key: "bytes_4",
            bound: Bound::AtMost(80.0),
        },
    ],
};

const PREFIXES: usize = 1_000_000;
const SENDERS: usize = 4;
/// Connects last, to see that all was taken in.
const RECEIVER: usize = SENDERS;

fn prepare(scale: Scale) -> Result<Run, String> {
    let prefixes = scale.of(PREFIXES);
    let routes = table(prefixes);
    let asn = |number| AS + 1 + u32::try_from(number).expect("few");
    let streams: Vec<Octets> = (0..SENDERS)
        .map(|sender| {
            announce(&routes, |_, attributes| {
                let times = if sender == 0 { 1 } else { 2 };
                external(attributes, asn(sender), next_hop(sender), times);
            })
        })
        .collect();
    let limit = scale.limit();
    Ok(Box::new(move |target, figures: &mut Figures| {
        if target.is_limit() {
            return Ok(());
        }
        let neighbours = (0..=SENDERS).map(|number| Neighbour {
            address: address(number),
            asn: asn(number),
        });
        let passage = Passage::External { through: AS };
        let mut stage = Stage::new(target, neighbours.collect(), 1, passage)?;
        stage.generator.connect(0..SENDERS, PACE, limit)?;
        let start = stage.settle()?;
        let mut taken = 0;
        let mut per_path = |stage: &Stage, paths: usize| {
            taken += paths;
            let grown = stage.running.usage().resident - start.resident;
            grown * 1e6 / (prefixes * taken) as f64
        };
        for (sender, stream) in streams.iter().enumerate() {
            stage.generator.send(sender, stream);
            stage
                .generator
                .run(limit, |generator| generator.has_sent(sender))?;
            stage.settle()?;
            let bytes = per_path(&stage, 1);
            match sender {
                0 => figures.add("bytes_1", "bytes a route, 1 path", bytes),
                3 => figures.add("bytes_4", "a path at 4", bytes),
                _ => {}
            }
        }
        stage.generator.know(&streams[0], None);
        stage.generator.listen(RECEIVER);
        stage.generator.expect(0, &streams[0]);
        stage.generator.connect(RECEIVER..RECEIVER + 1, 1, limit)?;
        stage
            .generator
            .run(limit, |generator| generator.all_right())?;
        Ok(())
    }))
}
