//! Memory that went free, given back to the system.
//!
//! glibc keeps what is free between pages in use, so after a full table was withdrawn the process
//! would stay as large as it was. It is asked for those pages once things are quiet, because that
//! takes some tens of milliseconds for a large heap.

use std::time::{Duration, Instant};

/// So many paths fewer than there were are worth the trouble: some MiB.
const PATHS_GONE: u64 = 65_536;

/// How long nothing must have happened.
const QUIET: Duration = Duration::from_secs(1);

/// Knows when memory is worth giving back.
#[derive(Debug, Default)]
pub(super) struct Thrift {
    /// The most paths since memory was last given back.
    peak: u64,
    quiet_since: Option<Instant>,
}

impl Thrift {
    /// Notes the number of paths after something has happened.
    pub(super) fn busy(&mut self, now: Instant, paths: u64) {
        self.peak = self.peak.max(paths);
        self.quiet_since = (self.peak >= paths + PATHS_GONE).then_some(now);
    }

    /// When memory is to be given back, unless something happens before.
    pub(super) fn due(&self) -> Option<Instant> {
        self.quiet_since.map(|since| since + QUIET)
    }

    /// Gives memory back if it is time.
    pub(super) fn act(&mut self, now: Instant) {
        if self.due().is_some_and(|due| due <= now) {
            *self = Self::default();
            give_back();
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "the allocator has no other way to be asked for its free pages"
)]
fn give_back() {
    // SAFETY: `malloc_trim` has no conditions; it takes the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do it unasked.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn memory_is_given_back_once_it_is_quiet_after_many_paths_went() {
        let start = clock::now();
        let mut thrift = Thrift::default();
        thrift.busy(start, 1_000_000);
        assert_eq!(thrift.due(), None);
        let later = start + Duration::from_millis(300);
        thrift.busy(start, 1_000_000 - PATHS_GONE);
        thrift.busy(later, 10);
        assert_eq!(thrift.due(), Some(later + QUIET));
        thrift.act(later);
        assert!(thrift.due().is_some());
        thrift.act(later + QUIET);
        assert_eq!(thrift.due(), None);
        thrift.busy(later + QUIET, 10);
        assert_eq!(thrift.due(), None, "nothing more has gone");
    }
}
