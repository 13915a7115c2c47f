//! What processes use, as `/proc` tells it.

use std::fs;

/// CPU time and memory of a program with all its processes and threads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Seconds of CPU, user and system.
    pub(crate) cpu: f64,
    /// Resident memory in MB.
    pub(crate) resident: f64,
    /// The most that it ever was, in MB.
    pub(crate) peak: f64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Self {
        let mut all = Self::default();
        for part in family(process) {
            all.cpu += cpu(part);
            all.resident += memory(part, "VmRSS:");
            all.peak += memory(part, "VmHWM:");
        }
        all
    }
}

/// A process and all its descendants.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(parent) = field_of_stat(number, 1).and_then(|text| text.parse::<u32>().ok()) {
            parents.push((number, parent));
        }
    }
    let mut all = vec![process];
    let mut at = 0;
    while let Some(&next) = all.get(at) {
        all.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == next)
                .map(|(number, _)| *number),
        );
        at += 1;
    }
    all
}

/// Whether a process is still there.
pub(crate) fn exists(process: u32) -> bool {
    fs::exists(format!("/proc/{process}")).unwrap_or(false)
}

/// User and system time of the process: what ended threads have used is part of it, and the
/// scheduler's finer account of the living is preferred where it says more than the ticks.
fn cpu(process: u32) -> f64 {
    let ticks = |field| {
        let text = field_of_stat(process, field);
        text.and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    let by_ticks = (ticks(11) + ticks(12)) / TICKS_PER_SECOND;
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let by_scheduler: f64 = threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        })
        .sum::<f64>()
        / 1e9;
    // A tick is the coarse account's error.
    if (by_ticks - by_scheduler).abs() < 0.05 + 0.02 * by_ticks {
        by_scheduler
    } else {
        by_ticks
    }
}

/// A field of `/proc/PID/stat`, counted from the state, which follows the name in parentheses.
fn field_of_stat(process: u32, field: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    fields.split(' ').nth(field).map(str::to_owned)
}

fn memory(process: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kilobytes = text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .trim()
            .strip_suffix(" kB")?
            .parse::<f64>()
            .ok()
    });
    kilobytes.unwrap_or(0.0) * 1024.0 / 1e6
}

const TICKS_PER_SECOND: f64 = 100.0;
