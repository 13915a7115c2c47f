//! A bound on connections that somebody has opened and not used.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;

use super::socket::SocketTerms;

/// Accepted connections on which no OPEN has come yet, over all listeners and peers.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Arc<AtomicUsize>);

/// One of them; it counts until it is dropped.
#[derive(Debug)]
pub(super) struct Arrival(Arc<AtomicUsize>);

/// An accepted connection on its way to its session.
#[derive(Debug)]
pub struct Incoming {
    pub(super) stream: TcpStream,
    pub(super) arrival: Arrival,
    /// What its socket was made to demand.
    pub(super) terms: SocketTerms,
}

impl Arrivals {
    /// Counts one more, unless there are `max` already.
    pub(super) fn admit(&self, max: usize) -> Option<Arrival> {
        let more = |count: usize| (count < max).then_some(count + 1);
        let counted = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.ok().map(|_| Arrival(Arc::clone(&self.0)))
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_the_bound() {
        let arrivals = Arrivals::default();
        let first = arrivals.admit(2).expect("room");
        let _second = arrivals.admit(2).expect("room");
        assert!(arrivals.admit(2).is_none());
        drop(first);
        assert!(arrivals.admit(2).is_some());
    }
}
