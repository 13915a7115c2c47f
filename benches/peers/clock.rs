//! The clock.

use std::time::Instant;

/// This moment.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark of real processes measures real time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
