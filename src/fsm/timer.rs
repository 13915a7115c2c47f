//! Deadlines: what they are called, how they are jittered, how failures stretch them.

use std::time::{Duration, Instant};

use super::config::PeerConfig;

/// What a wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The next dial, or the end of one that nobody answers (RFC 4271 §8.1.3, event 9).
    ConnectRetry,
    /// The end of the pause after a failure (event 13).
    IdleHold,
    /// The end of the wait for the peer's OPEN before this side sends its own (event 12).
    DelayOpen,
    /// A connection whose peer has not sent OPEN.
    OpenHold,
    /// The peer has been silent for the hold time (event 10).
    Hold,
    /// The next KEEPALIVE (event 11).
    Keepalive,
    /// The peer has taken nothing for the send hold time (RFC 9687, event 29).
    SendHold,
}

/// How long an outgoing connection may stay without OPEN: RFC 4271 §8.2.2 suggests four minutes.
pub(super) const OPEN_HOLD_OUTGOING: Duration = Duration::from_secs(240);

/// How long an accepted connection may stay without OPEN; shorter, since anybody at the peer's
/// address can open one.
pub(super) const OPEN_HOLD_INCOMING: Duration = Duration::from_secs(30);

/// How long a connection may stay without OPEN once another one to the same peer has got further.
pub(super) const OPEN_HOLD_RIVAL: Duration = Duration::from_secs(10);

/// How much longer the peer is believed in while its bytes wait unread (invariant 9).
pub(super) const BACKLOG_GRACE: Duration = Duration::from_secs(5);

/// The least time given to a dial, whatever is configured.
pub(super) const DIAL_MIN: Duration = Duration::from_millis(100);

/// The least time for which a peer may take nothing (RFC 9687 §3.1).
pub(super) const SEND_HOLD_MIN: Duration = Duration::from_secs(480);

/// The pause after a reset that an operator has asked for: time for the peer to read why and to
/// close its side. It is no failure and does not grow.
pub(super) const RESET_HOLD: Duration = Duration::from_secs(2);

/// After this long without a failure earlier ones are forgotten, or after twice the largest pause
/// where that is longer: a pause must not wipe out the memory that led to it.
pub(super) const FAILURE_MEMORY: Duration = Duration::from_secs(300);

/// The times of one established or nearly established session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionTimers {
    /// When the peer has been silent for too long.
    pub(super) hold: Option<Instant>,
    /// When the next KEEPALIVE is due.
    pub(super) keepalive: Option<Instant>,
    /// Whether a KEEPALIVE was asked for that is not written yet.
    pub(super) keepalive_waits: bool,
    /// When the peer has taken nothing for too long; runs while the session is established.
    pub(super) send_hold: Option<Instant>,
}

/// A source of jitter: SplitMix64, good enough to spread timers and equal for equal seeds.
#[derive(Clone, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Shortens a duration to between 75 and 100 per cent (RFC 4271 §10).
    pub(super) fn shorten(&mut self, duration: Duration) -> Duration {
        // 768/1024 is three quarters; 257 equally likely steps reach the whole.
        let step = u32::try_from(self.next() % 257).expect("below 257");
        duration / 1024 * (768 + step)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// How often the peering has failed of late (RFC 4271 §8.1.1, DampPeerOscillations).
#[derive(Clone, Debug, Default)]
pub(super) struct BackOff {
    failures: u32,
    last: Option<Instant>,
}

impl BackOff {
    /// The failures that count, as of the last one.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure and returns the pause that follows it, before jitter.
    pub(super) fn after_failure(&mut self, now: Instant, config: &PeerConfig) -> Duration {
        let (first, largest) = config.idle_hold;
        let memory = FAILURE_MEMORY.max(largest.saturating_mul(2));
        if self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) >= memory)
        {
            self.failures = 0;
        }
        // 2^16 times any sensible first pause is above any sensible largest one.
        let pause = first.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.last = Some(now);
        pause.min(largest)
    }
}
