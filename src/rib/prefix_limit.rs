//! How many prefixes a peer may announce (RFC 4271 §6.7), watched as they come in.

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

/// A limit and what was said of it in this session.
#[derive(Debug, Default)]
pub(crate) struct LimitGauge {
    limit: Option<PrefixLimit>,
    warned: bool,
    exceeded: bool,
}

impl LimitGauge {
    /// Sets the limit; another one may be exceeded anew.
    pub(crate) fn set(&mut self, limit: Option<PrefixLimit>) {
        if self.limit != limit {
            *self = Self {
                limit,
                ..Self::default()
            };
        }
    }

    /// Forgets what was said.
    pub(crate) fn restart(&mut self) {
        (self.warned, self.exceeded) = (false, false);
    }

    /// Whether a peer with this many prefixes may announce no new one.
    pub(crate) fn is_full(&self, count: u64) -> bool {
        let at_limit = |limit: PrefixLimit| self.exceeded || count >= u64::from(limit.max);
        self.limit.is_some_and(at_limit)
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
        if count > u64::from(limit.max) {
            return self.exceed(limit, count);
        }
        let threshold = u64::from(limit.max) * u64::from(limit.warn_percent) / 100;
        if count <= threshold - threshold.div_ceil(10) {
            self.warned = false;
        }
        if self.warned || count <= threshold {
            return None;
        }
        self.warned = true;
        Some(PrefixLimitEvent::Warning {
            count: saturated(count),
            limit: limit.max,
        })
    }

    fn exceed(&mut self, limit: PrefixLimit, count: u64) -> Option<PrefixLimitEvent> {
        if std::mem::replace(&mut self.exceeded, true) {
            return None;
        }
        Some(PrefixLimitEvent::Exceeded {
            count: saturated(count),
            limit: limit.max,
        })
    }
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
    fn without_a_limit_nothing_is_full() {
        let mut gauge = LimitGauge::default();
        assert!(!gauge.is_full(u64::MAX) && gauge.measure(u64::MAX).is_none());
        assert_eq!(gauge.refuse(), None);
    }
}
