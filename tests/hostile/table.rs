//! The table of cases as it is played: each case once in each setting, whoever asks for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

use crate::case::Case;
use crate::cases;
use crate::stage::Setting;
use crate::world::World;

/// How many cases are played at a time.
const WORKERS: usize = 24;

/// One case in one setting, and what came of it.
struct Entry {
    case: &'static Case,
    setting: Setting,
    outcome: OnceLock<Result<(), String>>,
}

impl Entry {
    fn outcome(&self) -> &Result<(), String> {
        self.outcome
            .get_or_init(|| self.case.play(World::get(), self.setting))
    }
}

fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let all: &'static [Case] = Box::leak(cases::all().into_boxed_slice());
        all.iter()
            .flat_map(|case| {
                case.settings.iter().map(move |setting| Entry {
                    case,
                    setting: *setting,
                    outcome: OnceLock::new(),
                })
            })
            .collect()
    })
}

/// Plays the cases that `wanted` picks; reports what was played.
///
/// # Panics
/// If a case failed: with all that did.
pub(crate) fn play(wanted: impl Fn(&Case) -> bool) -> String {
    let picked: Vec<&Entry> = entries()
        .iter()
        .filter(|entry| wanted(entry.case))
        .collect();
    assert!(!picked.is_empty(), "no case is picked");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS.min(picked.len()) {
            scope.spawn(|| {
                while let Some(entry) = picked.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(failure) = entry.outcome() {
                        failures
                            .lock()
                            .expect("nobody panics here")
                            .push(failure.clone());
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panics here");
    if !failures.is_empty() {
        let list = failures.join("\n");
        panic!(
            "{} of {} failed:\n{list}\n--- the daemon's last lines\n{}",
            failures.len(),
            picked.len(),
            World::get().log()
        );
    }
    summary(&picked)
}

fn summary(picked: &[&Entry]) -> String {
    let mut names: Vec<&str> = picked.iter().map(|entry| entry.case.name).collect();
    names.dedup();
    let mut text = format!("{} cases, {} runs\n", names.len(), picked.len());
    let mut by_group: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut by_reaction: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in picked {
        let (group, reaction) = (entry.case.group, entry.case.expect.name());
        *by_group
            .entry(group)
            .or_default()
            .entry(reaction)
            .or_default() += 1;
        *by_reaction.entry(reaction).or_default() += 1;
    }
    for (group, reactions) in by_group {
        let list: Vec<String> = reactions
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        writeln!(
            text,
            "  {group:<22} {:>5}  {}",
            reactions.values().sum::<usize>(),
            list.join(", ")
        )
        .expect("writing to a string");
    }
    for (reaction, count) in by_reaction {
        writeln!(text, "  = {reaction:<20} {count:>5}").expect("writing to a string");
    }
    text
}

/// Plays all cases; what the witnesses were sent must have been well-formed even where no case says
/// anything of it.
pub(crate) fn play_all() -> String {
    let report = play(|_| true);
    World::get()
        .witnesses_were_sent_good_messages(None)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    check_metrics();
    report
}

/// Prometheus is told of every fault, by what was done about it.
fn check_metrics() {
    let text = World::get().ask("/metrics");
    for action in ["treat_as_withdraw", "attribute_discard", "session_reset"] {
        let wanted = entries()
            .iter()
            .filter(|entry| entry.case.expect.action() == Some(action))
            .count();
        let label = format!("action=\"{action}\"");
        let counted: f64 = text
            .lines()
            .filter(|line| line.starts_with("calidris_update_errors_total{"))
            .filter(|line| line.contains(&label))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        let wanted = f64::from(u32::try_from(wanted).expect("a few thousand"));
        assert!(
            counted >= wanted,
            "{counted} counted as {action} of {wanted}"
        );
    }
}

/// The names of all cases, each of which must be there once.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = entries().iter().map(|entry| entry.case.name).collect();
    names.dedup();
    names
}
