//! The shell's clock: the one place that reads the time.
//!
//! Core rooms take time as an argument (architecture invariant 1); the rooms around them ask here.

use std::time::{Instant, SystemTime};

/// The monotonic clock; follows tokio's paused time in tests.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The wall clock, for what people read. Never for timers.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the shell reads the wall clock"
)]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
