//! The standard `process_*` families, read from `/proc/self`.

use std::fs;

use super::families::Families;

/// Clock ticks in a second as `/proc` counts them: USER_HZ, 100 on every architecture that Calico
/// runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What `/proc/self` tells; each figure that cannot be read is left out.
#[derive(Debug, Default, PartialEq)]
struct Figures {
    cpu_seconds: Option<f64>,
    start_ticks: Option<f64>,
    threads: Option<f64>,
    virtual_bytes: Option<f64>,
    resident_bytes: Option<f64>,
}

/// Adds the families of this process.
pub(super) fn process(families: &mut Families) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let figures = parse(&stat, &status);
    if let Some(value) = figures.cpu_seconds {
        families
            .counter(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            )
            .add(&[], value);
    }
    let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
    let start = figures.start_ticks.zip(boot_time(&boot));
    let open = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let gauges = [
        (
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            start.map(|(ticks, boot)| boot + ticks / TICKS_PER_SECOND),
        ),
        (
            "process_open_fds",
            "Number of open file descriptors.",
            open.and_then(|count| u32::try_from(count).ok())
                .map(f64::from),
        ),
        (
            "process_max_fds",
            "Maximum number of open file descriptors.",
            open_files_max(&limits),
        ),
        ("process_threads", "Number of threads.", figures.threads),
        (
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            figures.virtual_bytes,
        ),
        (
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            figures.resident_bytes,
        ),
    ];
    for (name, help, value) in gauges {
        let mut gauge = families.gauge(name, help);
        if let Some(value) = value {
            gauge.add(&[], value);
        }
    }
}

/// Reads `stat` (after the command's name, which may hold anything) and `status`.
fn parse(stat: &str, status: &str) -> Figures {
    let fields: Vec<&str> = match stat.rsplit_once(')') {
        Some((_, rest)) => rest.split_whitespace().collect(),
        None => Vec::new(),
    };
    // Field numbers of proc(5) less the three that come before this part.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let kibibytes = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key))?;
        let value: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(value * 1024.0)
    };
    Figures {
        cpu_seconds: field(14)
            .zip(field(15))
            .map(|(user, system)| (user + system) / TICKS_PER_SECOND),
        start_ticks: field(22),
        threads: field(20),
        virtual_bytes: kibibytes("VmSize:"),
        resident_bytes: kibibytes("VmRSS:"),
    }
}

fn boot_time(stat: &str) -> Option<f64> {
    let line = stat.lines().find(|line| line.starts_with("btime "))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn open_files_max(limits: &str) -> Option<f64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_spaces_and_parentheses_is_skipped() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 0 1 2 3 4 250 50 0 0 20 0 5 0 1000 99 7";
        let status = "Name:\ta\nVmSize:\t  2048 kB\nVmRSS:\t 1024 kB\n";
        assert_eq!(
            parse(stat, status),
            Figures {
                cpu_seconds: Some(3.0),
                start_ticks: Some(1000.0),
                threads: Some(5.0),
                virtual_bytes: Some(2_097_152.0),
                resident_bytes: Some(1_048_576.0),
            }
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert_eq!(parse("", ""), Figures::default());
        assert_eq!(boot_time("cpu 1 2\n"), None);
        assert_eq!(
            open_files_max("Max open files            1024   4096   files"),
            Some(1024.0)
        );
        assert_eq!(
            open_files_max("Max open files            unlimited   4096   files"),
            None
        );
    }
}
