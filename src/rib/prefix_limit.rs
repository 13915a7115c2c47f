//! How many prefixes a peer may announce (RFC 4271 §6.7), watched as they come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::net::PrefixLimit;

/// What is said of a peer's number of prefixes in a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixLimitEvent {
    /// More than the share of the limit that one wants to hear of.
    Warning {
        /// Prefixes announced.
        count: u32,
        /// The limit.
        limit: u32,
    },
    /// More than the limit. No further prefix is taken in this session, which is to be closed with
    /// Cease 6/1 (RFC 4486 §4).
    Exceeded {
        /// Prefixes announced, the first that was not taken included.
        count: u32,
        /// The limit.
        limit: u32,
    },
}

/// The prefixes of one session and family in all shards together.
///
/// Shards take a peer's routes at their own pace, so for a moment one may count a prefix whose
/// predecessor in another shard is about to go. A peer that replaces prefixes while it is exactly at its
/// limit may be found beyond it.
#[derive(Debug, Default)]
pub struct PrefixTally {
    prefixes: AtomicU64,
    /// The limits of which was said that they are near, or exceeded; zero for none.
    warned: AtomicU64,
    exceeded: AtomicU64,
}

/// A limit and what was said of it in this session.
#[derive(Debug, Default)]
pub(crate) struct LimitGauge {
    limit: Option<PrefixLimit>,
    warned: bool,
    exceeded: bool,
    /// What other shards count too, and how much of it is counted here.
    shared: Option<(Arc<PrefixTally>, u64)>,
}

impl LimitGauge {
    /// Sets the limit; another one may be exceeded anew.
    pub(crate) fn set(&mut self, limit: Option<PrefixLimit>) {
        if self.limit != limit {
            self.limit = limit;
            (self.warned, self.exceeded) = (false, false);
        }
    }

    /// Counts from here on together with other shards.
    pub(crate) fn share(&mut self, tally: Arc<PrefixTally>) {
        self.shared = Some((tally, 0));
    }

    /// Forgets what was said.
    pub(crate) fn restart(&mut self) {
        (self.warned, self.exceeded) = (false, false);
    }

    /// Whether the number of prefixes matters to other shards too.
    pub(crate) const fn is_shared(&self) -> bool {
        self.limit.is_some() && self.shared.is_some()
    }

    /// The prefixes in all shards, where this one has `count`.
    pub(crate) fn total(&mut self, count: u64) -> u64 {
        let Some((tally, counted)) = &mut self.shared else {
            return count;
        };
        // A sum that wraps around: what is less here is added as its complement.
        let change = count.wrapping_sub(std::mem::replace(counted, count));
        let before = tally.prefixes.fetch_add(change, Ordering::Relaxed);
        before.wrapping_add(change)
    }

    /// Whether a peer with this many prefixes may announce no new one.
    pub(crate) fn is_full(&mut self, count: u64) -> bool {
        let Some(limit) = self.limit else {
            return false;
        };
        let exceeded = match &self.shared {
            Some((tally, _)) => tally.exceeded.load(Ordering::Relaxed) == key(limit),
            None => self.exceeded,
        };
        exceeded || self.total(count) >= u64::from(limit.max)
    }

    /// Takes note of a prefix beyond the limit.
    pub(crate) fn refuse(&mut self) -> Option<PrefixLimitEvent> {
        let limit = self.limit?;
        self.exceed(limit, u64::from(limit.max) + 1)
    }

    /// Compares; says each thing once. A warning is given again after the number has fallen to nine
    /// tenths of where it is given, so that a flapping prefix does not repeat it.
    pub(crate) fn measure(&mut self, count: u64) -> Option<PrefixLimitEvent> {
        let limit = self.limit?;
        let count = self.total(count);
        if count > u64::from(limit.max) {
            return self.exceed(limit, count);
        }
        let threshold = u64::from(limit.max) * u64::from(limit.warn_percent) / 100;
        if count <= threshold - threshold.div_ceil(10) {
            self.warned = false;
            if let Some((tally, _)) = &self.shared {
                tally.warned.store(0, Ordering::Relaxed);
            }
        }
        if count <= threshold || self.was_warned(limit) {
            return None;
        }
        Some(PrefixLimitEvent::Warning {
            count: saturated(count),
            limit: limit.max,
        })
    }

    /// Whether a warning was given, here or by another shard; one is given now.
    fn was_warned(&mut self, limit: PrefixLimit) -> bool {
        let here = std::mem::replace(&mut self.warned, true);
        match &self.shared {
            Some((tally, _)) => tally.warned.swap(key(limit), Ordering::Relaxed) == key(limit),
            None => here,
        }
    }

    fn exceed(&mut self, limit: PrefixLimit, count: u64) -> Option<PrefixLimitEvent> {
        let here = std::mem::replace(&mut self.exceeded, true);
        let said = match &self.shared {
            Some((tally, _)) => tally.exceeded.swap(key(limit), Ordering::Relaxed) == key(limit),
            None => here,
        };
        if said {
            return None;
        }
        Some(PrefixLimitEvent::Exceeded {
            count: saturated(count),
            limit: limit.max,
        })
    }
}

/// A limit as a number other than zero.
fn key(limit: PrefixLimit) -> u64 {
    u64::from(limit.max) << 8 | u64::from(limit.warn_percent) | 1 << 63
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(max: u32, warn_percent: u8) -> LimitGauge {
        let mut gauge = LimitGauge::default();
        gauge.set(Some(PrefixLimit {
            max,
            warn_percent,
            restart: None,
        }));
        gauge
    }

    #[test]
    fn a_flapping_number_is_warned_of_once() {
        let mut gauge = gauge(100, 50);
        assert_eq!(gauge.measure(50), None);
        let warning = PrefixLimitEvent::Warning {
            count: 51,
            limit: 100,
        };
        assert_eq!(gauge.measure(51), Some(warning));
        assert_eq!((gauge.measure(48), gauge.measure(51)), (None, None));
        assert_eq!(gauge.measure(45), None);
        assert_eq!(gauge.measure(51), Some(warning));
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_said_once() {
        let mut gauge = gauge(3, 100);
        assert_eq!(gauge.measure(3), None);
        assert!(gauge.is_full(3) && !gauge.is_full(2));
        assert_eq!(
            gauge.refuse(),
            Some(PrefixLimitEvent::Exceeded { count: 4, limit: 3 })
        );
        assert_eq!((gauge.refuse(), gauge.measure(9)), (None, None));
        assert!(gauge.is_full(0), "nothing new until the session has ended");
        gauge.restart();
        assert!(!gauge.is_full(0));
    }

    #[test]
    fn shards_count_together_and_say_each_thing_once() {
        let tally = Arc::new(PrefixTally::default());
        let (mut one, mut other) = (gauge(10, 50), gauge(10, 50));
        one.share(Arc::clone(&tally));
        other.share(tally);
        assert_eq!(one.measure(4), None);
        let (count, limit) = (6, 10);
        let warning = PrefixLimitEvent::Warning { count, limit };
        assert_eq!(other.measure(2), Some(warning));
        assert_eq!(one.measure(5), None, "warned of by the other");
        assert!(!one.is_full(5));
        assert_eq!(other.measure(5), None);
        assert!(one.is_full(5) && !one.is_full(4), "what goes makes room");
        assert_eq!(one.measure(5), None);
        let count = 11;
        let exceeded = PrefixLimitEvent::Exceeded { count, limit };
        assert_eq!(one.refuse(), Some(exceeded));
        assert!(other.is_full(0));
        assert_eq!((other.refuse(), one.measure(9)), (None, None));
    }

    #[test]
    fn without_a_limit_nothing_is_full() {
        let mut gauge = LimitGauge::default();
        assert!(!gauge.is_full(u64::MAX) && gauge.measure(u64::MAX).is_none());
        assert_eq!(gauge.refuse(), None);
    }
}
