//! The table that the suite prints.

use std::collections::BTreeMap;
use std::fmt;

use crate::cases::Case;
use crate::peers::PROGRAMS;
use crate::setup::{Family, Kind};

/// What came of one case with one program in one kind of session.
pub(crate) struct Cell {
    pub(crate) program: &'static str,
    pub(crate) kind: Kind,
    pub(crate) family: Family,
    pub(crate) case: Case,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// The program cannot do it; the fact that says so.
    Lacks(&'static str),
    /// It could not be tried here.
    Skipped(String),
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("ok"),
            Self::Lacks(fact) => write!(f, "not supported: {fact}"),
            Self::Skipped(reason) => write!(f, "skipped: {reason}"),
            Self::Failed(error) => write!(f, "FAILED: {error}"),
        }
    }
}

/// Prints cases down, programs across, each cell over iBGP and eBGP, IPv4 and IPv6, and below it
/// every reason.
pub(crate) fn print(cells: &[Cell]) {
    let programs: Vec<&str> = PROGRAMS
        .iter()
        .map(|program| program.name)
        .filter(|name| cells.iter().any(|cell| cell.program == *name))
        .collect();
    let mut notes = Notes::default();
    println!("\nEach cell: iBGP and eBGP, over IPv4 and over IPv6.\n");
    print!("{:25}", "");
    for program in &programs {
        print!(" {program:22}");
    }
    println!();
    for case in Case::ALL {
        print!("{:25}", case.name());
        for program in &programs {
            let of_cell: Vec<&Cell> = cells
                .iter()
                .filter(|cell| cell.case == case && cell.program == *program)
                .collect();
            print!(" {:22}", summary(&of_cell, &mut notes));
        }
        println!();
    }
    println!();
    for (index, note) in notes.texts.iter().enumerate() {
        println!("[{}] {note}", index + 1);
    }
    for cell in cells {
        if let Outcome::Failed(error) = &cell.outcome {
            let (kind, family) = (cell.kind.name(), cell.family.name());
            let (program, case) = (cell.program, cell.case.name());
            println!("\nFAILED {program} {kind} {family}: {case}: {error}");
        }
    }
}

/// Facts that several cells share have one number.
#[derive(Default)]
struct Notes {
    texts: Vec<String>,
}

impl Notes {
    fn number(&mut self, text: String) -> usize {
        let known = self.texts.iter().position(|known| *known == text);
        let index = known.unwrap_or_else(|| {
            self.texts.push(text);
            self.texts.len() - 1
        });
        index + 1
    }
}

fn summary(cells: &[&Cell], notes: &mut Notes) -> String {
    if cells.is_empty() {
        return "FAILED: not tried".to_owned();
    }
    let mut words: BTreeMap<&str, (usize, Vec<usize>)> = BTreeMap::new();
    for cell in cells {
        let (word, note) = match &cell.outcome {
            Outcome::Passed => ("ok", None),
            Outcome::Lacks(fact) => {
                let note = notes.number(format!("{}: {fact}", cell.program));
                ("not supported", Some(note))
            }
            Outcome::Skipped(reason) => ("SKIPPED", Some(notes.number(reason.clone()))),
            Outcome::Failed(_) => ("FAILED", None),
        };
        let entry = words.entry(word).or_default();
        entry.0 += 1;
        entry.1.extend(note);
    }
    let alone = words.len() == 1;
    let parts: Vec<String> = words
        .into_iter()
        .map(|(word, (count, mut notes))| {
            notes.dedup();
            let notes: String = notes.iter().map(|note| format!(" [{note}]")).collect();
            match alone {
                true => format!("{word}{notes}"),
                false => format!("{word} {count}{notes}"),
            }
        })
        .collect();
    parts.join(", ")
}
