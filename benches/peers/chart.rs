//! The chart: a group of bars for each scenario, relative to calidris, on a logarithmic scale.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use serde_json::Value;

use crate::scenarios::SCENARIOS;

/// Everyone in the chart, with a colour that can be told on light and dark.
const COLOURS: [(&str, &str); 6] = [
    ("calidris", "#d9480f"),
    ("bird", "#4c6ef5"),
    ("frr", "#2f9e44"),
    ("frr-tuned", "#74b816"),
    ("gobgp", "#1098ad"),
    ("openbgpd", "#9c36b5"),
];

/// One scenario's figures relative to calidris.
struct Group {
    label: String,
    bars: Vec<(&'static str, &'static str, f64)>,
}

/// Draws the results that a folder holds; whether there were any.
pub(crate) fn draw(folder: &Path) -> io::Result<bool> {
    let groups: Vec<Group> = SCENARIOS
        .iter()
        .filter_map(|scenario| {
            let text = fs::read_to_string(folder.join(format!("{}.json", scenario.name))).ok()?;
            group(
                scenario.name,
                scenario.headline,
                &serde_json::from_str(&text).ok()?,
            )
        })
        .collect();
    if groups.is_empty() {
        return Ok(false);
    }
    fs::write(folder.join("peers.svg"), svg(&groups))?;
    Ok(true)
}

fn group(name: &str, headline: &str, results: &Value) -> Option<Group> {
    let of = |target: &str| -> Option<f64> {
        let rows = results["targets"].as_array()?;
        let row = rows.iter().find(|row| row["target"] == target)?;
        row["medians"][headline]
            .as_f64()
            .filter(|value| *value > 0.0)
    };
    let ours = of("calidris")?;
    let bars = COLOURS
        .iter()
        .filter_map(|(target, colour)| Some((*target, *colour, of(target)? / ours)))
        .collect();
    let what = match headline {
        "p99_us" => "p99",
        "bytes_4" => "bytes a path",
        _ => "CPU",
    };
    Some(Group {
        label: format!("{name} · {what}"),
        bars,
    })
}

fn svg(groups: &[Group]) -> String {
    let bars: usize = groups.iter().map(|group| group.bars.len()).sum();
    let height = TOP + bars * BAR + groups.len() * GAP + 20;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#868e96\">\n\
         <title>calidris beside other BGP speakers: CPU, latency and memory relative to it</title>\n"
    );
    legend(&mut text);
    for power in -1..=3_i32 {
        let x = place(10_f64.powi(power));
        let _ = writeln!(
            text,
            "<path d=\"M{x:.1} {TOP}V{}\" stroke=\"#868e96\" stroke-opacity=\"{}\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{} ×</text>",
            height - 20,
            if power == 0 { "0.8" } else { "0.25" },
            height - 6,
            10_f64.powi(power)
        );
    }
    let mut y = TOP + GAP / 2;
    for group in groups {
        let middle = y + group.bars.len() * BAR / 2 + 4;
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>",
            LEFT - 10,
            group.label
        );
        for (target, colour, ratio) in &group.bars {
            bar(&mut text, y, target, colour, *ratio);
            y += BAR;
        }
        y += GAP;
    }
    text + "</svg>\n"
}

fn legend(text: &mut String) {
    let mut x = LEFT;
    for (target, colour) in COLOURS {
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"8\" width=\"10\" height=\"10\" rx=\"2\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"17\">{target}</text>",
            x + 15
        );
        x += 30 + 7 * target.len();
    }
}

fn bar(text: &mut String, y: usize, target: &str, colour: &str, ratio: f64) {
    let (from, to) = (place(LEAST), place(ratio));
    let _ = writeln!(
        text,
        "<rect x=\"{from:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"{}\" rx=\"1.5\" fill=\"{colour}\">\
         <title>{target}: {ratio:.2} ×</title></rect>\
         <text x=\"{:.1}\" y=\"{}\" font-size=\"10\">{ratio:.1}</text>",
        (to - from).max(1.0),
        BAR - 3,
        to + 4.0,
        y + BAR - 5
    );
}

/// Where a ratio lies.
fn place(ratio: f64) -> f64 {
    let decades = (ratio.clamp(LEAST, MOST) / LEAST).log10();
    let all = (MOST / LEAST).log10();
    LEFT as f64 + decades / all * (WIDTH - LEFT - 40) as f64
}

const WIDTH: usize = 820;
const LEFT: usize = 190;
const TOP: usize = 30;
const BAR: usize = 13;
const GAP: usize = 12;
const LEAST: f64 = 0.1;
const MOST: f64 = 1_000.0;
