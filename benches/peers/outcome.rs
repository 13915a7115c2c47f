//! Figures: what a scenario measures, run by run, and their medians.

use serde_json::{Map, Value, json};

/// One thing that a scenario measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measure {
    /// Its name in JSON.
    pub(crate) key: &'static str,
    /// Its column.
    pub(crate) title: &'static str,
}

/// The figures of one run of one target, or of several together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) all: Vec<(Measure, f64)>,
    /// What else there is to say, such as what was not finished in time while the rest was.
    pub(crate) notes: Vec<String>,
}

impl Figures {
    pub(crate) fn add(&mut self, key: &'static str, title: &'static str, value: f64) {
        self.all.push((Measure { key, title }, value));
    }

    pub(crate) fn get(&self, key: &str) -> Option<f64> {
        let found = self.all.iter().find(|(measure, _)| measure.key == key);
        found.map(|(_, value)| *value)
    }
}

/// All runs of one target in one scenario.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) target: &'static str,
    pub(crate) version: String,
    pub(crate) runs: Vec<Figures>,
    /// Why a run did not come to its end.
    pub(crate) failures: Vec<String>,
    /// What the runs had to say.
    pub(crate) notes: Vec<String>,
}

impl Row {
    /// The medians, of what all runs measured that came so far.
    pub(crate) fn medians(&self) -> Figures {
        let mut measures: Vec<Measure> = Vec::new();
        for (measure, _) in self.runs.iter().flat_map(|run| &run.all) {
            if !measures.contains(measure) {
                measures.push(*measure);
            }
        }
        let median = |measure: Measure| {
            let mut values: Vec<f64> = self
                .runs
                .iter()
                .filter_map(|run| run.get(measure.key))
                .collect();
            values.sort_by(f64::total_cmp);
            (measure, values[values.len() / 2])
        };
        Figures {
            all: measures.into_iter().map(median).collect(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let object = |figures: &Figures| -> Value {
            let fields: Map<_, _> = figures
                .all
                .iter()
                .map(|(measure, value)| (measure.key.to_owned(), json!(rounded(*value))))
                .collect();
            fields.into()
        };
        json!({
            "target": self.target,
            "version": self.version,
            "medians": object(&self.medians()),
            "runs": self.runs.iter().map(object).collect::<Vec<_>>(),
            "failures": self.failures,
            "notes": self.notes,
        })
    }
}

/// Six digits behind the point are more than any of this is worth.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// A figure as a table shows it: three digits that count.
pub(crate) fn shown(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.01 => format!("{value:.4}"),
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => {
            let digits = format!("{value:.0}");
            let mut text = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
    }
}
