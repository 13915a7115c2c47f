//! The command line.
//!
//! `cargo bench` says `--bench`. Without it a test run builds and starts this program: then it only
//! tries whether everything runs, with calidris alone.

use crate::scenarios::{SCENARIOS, Scale, Scenario};
use crate::targets::{TARGETS, Target};

/// What was asked for.
pub(crate) struct Arguments {
    pub(crate) scale: Scale,
    pub(crate) runs: usize,
    pub(crate) scenarios: Vec<&'static Scenario>,
    pub(crate) targets: Vec<&'static Target>,
}

impl Arguments {
    /// Reads the words; `None` where only help was wanted.
    pub(crate) fn parse(words: &[String]) -> Result<Option<Self>, String> {
        let is_bench = words.iter().any(|word| word == "--bench");
        let mut arguments = Self {
            scale: match is_bench {
                true => Scale::Full,
                false => Scale::Trial,
            },
            runs: 3,
            scenarios: SCENARIOS.to_vec(),
            targets: match is_bench {
                true => TARGETS.to_vec(),
                false => chosen("calidris,limit", &TARGETS, |target| target.name)?,
            },
        };
        let mut runs = None;
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (flag, inline) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(value)),
                None => (word, None),
            };
            let mut value = || {
                let value = inline.or_else(|| words.next());
                value.ok_or_else(|| format!("{flag} needs a value"))
            };
            match flag {
                // What cargo says to every benchmark.
                "--bench" => {}
                "--quick" => arguments.scale = Scale::Quick,
                "--runs" => {
                    let text = value()?;
                    let count = text.parse().ok().filter(|count| *count > 0);
                    runs = Some(count.ok_or_else(|| format!("--runs {text}: no number of runs"))?);
                }
                "--only" => {
                    let known = |scenario: &&'static Scenario| scenario.name;
                    arguments.scenarios = chosen(value()?, SCENARIOS, known)?;
                }
                "--peers" => {
                    let known = |target: &&'static Target| target.name;
                    arguments.targets = chosen(value()?, &TARGETS, known)?;
                }
                "--help" | "-h" => {
                    help();
                    return Ok(None);
                }
                other => return Err(format!("{other}: see --help")),
            }
        }
        arguments.runs = runs.unwrap_or(match arguments.scale {
            Scale::Full => 3,
            Scale::Quick | Scale::Trial => 1,
        });
        Ok(Some(arguments))
    }
}

/// The named ones of all that are known, in their own order; a name may end in `*`.
fn chosen<T: Copy>(
    names: &str,
    known: &[T],
    name_of: impl Fn(&T) -> &'static str,
) -> Result<Vec<T>, String> {
    let fits = |wanted: &str, name: &str| match wanted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == wanted,
    };
    for wanted in names.split(',') {
        if !known.iter().any(|item| fits(wanted, name_of(item))) {
            let all: Vec<_> = known.iter().map(&name_of).collect();
            return Err(format!("{wanted} is none of {}", all.join(", ")));
        }
    }
    let is_wanted = |item: &&T| names.split(',').any(|wanted| fits(wanted, name_of(item)));
    Ok(known.iter().filter(is_wanted).copied().collect())
}

fn help() {
    println!(
        "cargo bench --bench peers -- [OPTIONS]

  --quick           a tenth of the size, one run
  --only NAME,…     only these scenarios (NAME* for all that begin so)
  --peers NAME,…    only these targets
  --runs N          how often; medians are shown [3]

Scenarios:"
    );
    for scenario in SCENARIOS {
        println!("  {:<16} {}", scenario.name, (scenario.title)(Scale::Full));
    }
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    println!("\nTargets: {}", names.join(", "));
}
