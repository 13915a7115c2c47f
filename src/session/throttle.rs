//! Lines of the log that somebody else decides the number of.

use std::time::{Duration, Instant};

/// The least time between two lines.
const INTERVAL: Duration = Duration::from_secs(1);

/// The lines of one session whose number its peer decides.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Attempts that have failed.
    pub(super) failed: Throttle,
    /// NOTIFICATIONs sent.
    pub(super) notified: Throttle,
}

/// Lets one line through a second and counts the others.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    last: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    /// Whether a line may be written: how many were left out before it.
    pub(super) fn pass(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now < last + INTERVAL) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(self.take())
    }

    /// How many lines were left out since the last one.
    pub(super) fn take(&mut self) -> u64 {
        std::mem::take(&mut self.suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_passes_and_tells_how_many_did_not() {
        let start = crate::clock::now();
        let mut throttle = Throttle::default();
        let at = |millis| start + Duration::from_millis(millis);
        let passed = [0, 10, 999, 1_000, 1_500, 2_500].map(|millis| throttle.pass(at(millis)));
        assert_eq!(passed, [Some(0), None, None, Some(2), None, Some(1)]);
        assert_eq!(throttle.take(), 0);
    }
}
