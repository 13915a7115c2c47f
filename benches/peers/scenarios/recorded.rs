//! Real sessions, played again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AS, PACE, Run, Scale, Scenario, Stage, address, clients};
use crate::generator::{Key, Octets, Passage};
use crate::outcome::Figures;
use crate::recording::{Candidate, best, replay, sessions};
use crate::targets::Neighbour;

pub(crate) const TABLE: Scenario = Scenario {
    name: "recorded-table",
    title: |_| {
        format!("a recorded full table of 2015, from one client of a reflector to {CLIENTS} others")
    },
    prepare: table,
    headline: "cpu_s",
    reaches: &[],
};

pub(crate) const CHURN: Scenario = Scenario {
    name: "recorded-churn",
    title: |_| {
        "five recorded minutes of 69 eBGP peers in 2019, all at once; the best paths, to an internal \
         peer, are those of a plain replay"
            .to_owned()
    },
    prepare: churn,
    headline: "cpu_s",
    reaches: &[],
};

const CLIENTS: usize = 8;
const ABSENT: &str = "the recording is not there";

fn table(scale: Scale) -> Result<Run, String> {
    let recorded = sessions("full-table-reflected-2015.mrt.gz").ok_or(ABSENT)?;
    let stream: Octets = match <[_; 1]>::try_from(recorded) {
        Ok([session]) => Arc::new(session.stream),
        Err(sessions) => return Err(format!("{} sessions instead of one", sessions.len())),
    };
    let limit = scale.limit();
    Ok(Box::new(move |target, figures: &mut Figures| {
        let mut stage = Stage::new(target, clients(CLIENTS + 1), 1, Passage::Reflected)?;
        stage.generator.know(&stream, None);
        (1..=CLIENTS).for_each(|client| stage.generator.listen(client));
        stage.generator.connect(0..CLIENTS + 1, PACE, limit)?;
        stage.settle()?;
        stage.generator.expect_table(0, &replay(&stream));
        let cost = stage.measure(|generator| {
            generator.send(0, &stream);
            generator.run(limit, |generator| {
                generator.has_sent(0) && generator.all_right()
            })
        })?;
        figures.add("cpu_s", "CPU s", cost.cpu);
        figures.add("wall_s", "wall s", cost.wall);
        figures.add("peak_mb", "peak MB", cost.after.peak);
        Ok(())
    }))
}

fn churn(scale: Scale) -> Result<Run, String> {
    let recorded = sessions("churn-69-peers-2019.mrt.gz").ok_or(ABSENT)?;
    let asns: Vec<u32> = recorded.iter().map(|session| session.asn).collect();
    let streams: Vec<Octets> = recorded
        .into_iter()
        .map(|session| Arc::new(session.stream))
        .collect();
    let mut paths: BTreeMap<Key, Vec<Candidate>> = BTreeMap::new();
    for (speaker, (stream, asn)) in streams.iter().zip(&asns).enumerate() {
        for (key, attributes) in replay(stream) {
            let candidate = Candidate::new(attributes, *asn, speaker);
            paths.entry(key).or_default().push(candidate);
        }
    }
    let receiver = streams.len();
    let limit = scale.limit();
    Ok(Box::new(move |target, figures: &mut Figures| {
        if target.is_limit() {
            return Ok(());
        }
        let asns = asns.iter().copied().chain([AS]).enumerate();
        let neighbours = asns.map(|(number, asn)| Neighbour {
            address: address(number),
            asn,
        });
        let mut stage = Stage::new(target, neighbours.collect(), 1, Passage::Inwards)?;
        for stream in &streams {
            stage.generator.know(stream, None);
        }
        stage.generator.listen(receiver);
        stage.generator.connect(0..receiver + 1, PACE, limit)?;
        stage.settle()?;
        for (key, candidates) in &paths {
            let (best, tied) = best(candidates);
            stage.generator.want(*key, best.digest);
            // By default FRR goes by age where the standard goes by identifiers.
            if target.name.starts_with("frr") {
                let tied = tied.iter().map(|path| path.digest);
                stage.generator.accept(*key, tied.collect());
            }
        }
        let cost = stage.measure(|generator| {
            for (speaker, stream) in streams.iter().enumerate() {
                generator.send(speaker, stream);
            }
            generator.run(limit, |generator| {
                generator.all_right() && (0..receiver).all(|speaker| generator.has_sent(speaker))
            })
        })?;
        figures.add("cpu_s", "CPU s", cost.cpu);
        figures.add("wall_s", "wall s", cost.wall);
        figures.add("peak_mb", "peak MB", cost.after.peak);
        Ok(())
    }))
}
