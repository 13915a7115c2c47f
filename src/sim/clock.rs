//! Virtual time, and what happens when.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A clock that stands still until the next event.
#[derive(Debug)]
pub(super) struct Clock<E> {
    begin: Instant,
    now: Instant,
    events: BTreeMap<(Instant, u64), E>,
    numbers: u64,
}

impl<E> Clock<E> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the only way to make an instant; virtual time counts from it and never reads it again"
    )]
    pub(super) fn new() -> Self {
        let begin = Instant::now();
        Self {
            begin,
            now: begin,
            events: BTreeMap::new(),
            numbers: 0,
        }
    }

    pub(super) const fn now(&self) -> Instant {
        self.now
    }

    /// Time since the world began.
    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.begin
    }

    /// Puts an event into the queue, behind others of the same time.
    pub(super) fn schedule(&mut self, at: Instant, event: E) {
        self.numbers += 1;
        self.events.insert((at.max(self.now), self.numbers), event);
    }

    /// Moves on to the next event, unless that is after `end`.
    pub(super) fn next_until(&mut self, end: Instant) -> Option<E> {
        let entry = self.events.first_entry()?;
        let (at, _) = *entry.key();
        if at > end {
            return None;
        }
        self.now = at;
        Some(entry.remove())
    }

    /// Moves on without an event.
    pub(super) fn advance_to(&mut self, end: Instant) {
        self.now = self.now.max(end);
    }
}
