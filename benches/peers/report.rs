//! Tables for people, JSON for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::outcome::{Measure, Row, shown};
use crate::scenarios::{Bound, Reach, Scale, Scenario};

/// The target whose figures are judged, and the one that does not compete.
const OURS: &str = "calidris";
const LIMIT: &str = "limit";

/// All rows of one scenario.
pub(crate) struct Report {
    pub(crate) scenario: &'static Scenario,
    pub(crate) scale: Scale,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// The table, then what was reached, then what went wrong.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "\n{}: {}\n\n{}",
            self.scenario.name,
            (self.scenario.title)(self.scale),
            self.table()
        );
        let reaches = match self.scale {
            Scale::Full | Scale::Quick => self.scenario.reaches,
            Scale::Trial => &[],
        };
        for reach in reaches {
            if let Some(judged) = self.judged(reach) {
                let _ = writeln!(text, "  {judged}");
            }
        }
        for row in &self.rows {
            let said = [row.failures.as_slice(), &row.notes].concat();
            for (failure, times) in counted(&said) {
                let times = if times > 1 {
                    format!(" ({times} ×)")
                } else {
                    String::new()
                };
                let _ = writeln!(text, "  {}: {failure}{times}", row.target);
            }
        }
        text
    }

    /// A quick run must not take the place of a full one; a trial measures nothing.
    pub(crate) fn file_name(&self) -> Option<String> {
        match self.scale {
            Scale::Full => Some(self.scenario.name.to_owned()),
            Scale::Quick => Some(format!("quick-{}", self.scenario.name)),
            Scale::Trial => None,
        }
    }

    fn table(&self) -> String {
        let medians: Vec<_> = self.rows.iter().map(Row::medians).collect();
        let mut measures: Vec<Measure> = Vec::new();
        for (measure, _) in medians.iter().flat_map(|figures| &figures.all) {
            if !measures.contains(measure) {
                measures.push(*measure);
            }
        }
        let mut cells = vec![vec![String::new()]];
        cells[0].extend(measures.iter().map(|measure| measure.title.to_owned()));
        for (row, figures) in self.rows.iter().zip(&medians) {
            let mut line = vec![row.target.to_owned()];
            for measure in &measures {
                line.push(match figures.get(measure.key) {
                    None => "–".to_owned(),
                    Some(value) if row.target == OURS => {
                        shown(value) + &self.ratio(measure.key, value)
                    }
                    Some(value) => shown(value),
                });
            }
            cells.push(line);
        }
        aligned(&cells)
    }

    /// How ours compares to the best of the others.
    fn ratio(&self, key: &str, value: f64) -> String {
        match self.best(key, &[]) {
            Some((best, _)) if best > 0.0 => format!(" ({:.2} ×)", value / best),
            _ => String::new(),
        }
    }

    /// The best of the others, and whose it is.
    fn best(&self, key: &str, among: &[&str]) -> Option<(f64, &'static str)> {
        self.rows
            .iter()
            .filter(|row| row.target != OURS && row.target != LIMIT)
            .filter(|row| among.is_empty() || among.contains(&row.target))
            .filter_map(|row| Some((row.medians().get(key)?, row.target)))
            .min_by(|one, other| match is_rate(key) {
                false => one.0.total_cmp(&other.0),
                true => other.0.total_cmp(&one.0),
            })
    }

    fn ours(&self, key: &str) -> Option<(f64, &'static str)> {
        let row = self.rows.iter().find(|row| row.target == OURS)?;
        let medians = row.medians();
        let found = medians.all.iter().find(|(measure, _)| measure.key == key)?;
        Some((found.1, found.0.title))
    }

    fn judged(&self, reach: &Reach) -> Option<String> {
        let (value, title) = self.ours(reach.key)?;
        let (bound, what) = match reach.bound {
            Bound::AtMost(bound) => (bound, String::new()),
            Bound::Times(times, among) | Bound::AtLeastTimes(times, among) => {
                let (best, whose) = self.best(reach.key, among)?;
                (
                    times * best,
                    format!(" = {times} × {whose}'s {}", shown(best)),
                )
            }
        };
        let (holds, limit) = match reach.bound {
            Bound::AtLeastTimes(..) => (value >= bound, "least"),
            Bound::AtMost(_) | Bound::Times(..) => (value <= bound, "most"),
        };
        let verdict = if holds { "reached" } else { "MISSED" };
        Some(format!(
            "{verdict}: {title} ({}) {} of at {limit} {}{what}",
            reach.key,
            shown(value),
            shown(bound)
        ))
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "scenario": self.scenario.name,
            "title": (self.scenario.title)(self.scale),
            "scale": format!("{:?}", self.scale).to_lowercase(),
            "headline": self.scenario.headline,
            "targets": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "reach": self.scenario.reaches.iter().filter_map(|reach| self.judged(reach))
                .collect::<Vec<_>>(),
        })
    }
}

/// Whether more is better.
fn is_rate(key: &str) -> bool {
    key.ends_with("_per_s")
}

fn counted(texts: &[String]) -> Vec<(&str, usize)> {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for text in texts {
        match counted.iter_mut().find(|(other, _)| other == text) {
            Some((_, times)) => *times += 1,
            None => counted.push((text, 1)),
        }
    }
    counted
}

/// Columns side by side, the first to the left, the others to the right.
fn aligned(cells: &[Vec<String>]) -> String {
    let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = cells.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in cells {
        for (column, cell) in line.iter().enumerate() {
            let _ = match column {
                0 => write!(text, "  {cell:<0$}", widths[0]),
                _ => write!(text, "  {cell:>0$}", widths[column]),
            };
        }
        text.push('\n');
    }
    text
}
