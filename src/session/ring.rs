//! The ring of one group: what its head publishes, on the way to the members that follow.
//!
//! A chunk stays until every reader has taken it, or until the ring is over its bounds; then the
//! readers that lack the oldest chunk fall off, and catch up from the RIB's log. The majority sets the
//! pace: what half of the readers have taken stays for the others only as far as
//! [`LAGGARD_OCTETS_MAX`], so a reader that is stuck costs no more than that.
//!
//! Readers are not woken by the publisher, which may be a foreign thread and would pay a system call
//! for each of them, but by whoever calls [`Ring::wake`] on the thread of the readers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::clock;
use crate::rib::{Chunk, RING_CHUNKS};

/// Octets kept for readers that are slower than half of all.
pub(crate) const LAGGARD_OCTETS_MAX: usize = 512 * 1024;

/// Octets kept in any case: the publisher pauses before, but not for long.
pub(crate) const RING_OCTETS_MAX: usize = 8 * 1024 * 1024;

/// The publisher's end.
#[derive(Clone, Debug, Default)]
pub struct Ring(Arc<Mutex<State>>);

/// One reader's end; dropped, it holds nobody up any more.
#[derive(Debug)]
pub struct RingReader {
    ring: Ring,
    number: usize,
}

/// What a reader finds.
#[derive(Debug)]
pub enum Found {
    /// The next chunk.
    Chunk {
        /// What to write.
        chunk: Arc<Chunk>,
        /// The publisher waits for half of the readers, and this was the one: it is to be told.
        rouse: bool,
    },
    /// The reader has fallen off.
    Lagged,
    /// There is no publisher any more.
    Closed,
}

/// How far readers are, as the publisher's pace needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Readers that follow.
    pub readers: usize,
    /// Octets that less than half of them have taken.
    pub octets: usize,
    /// Chunks that less than half of them have taken.
    pub chunks: usize,
    /// When half of them had taken everything the last time.
    pub taken_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    slots: VecDeque<Slot>,
    /// The number of the first slot's chunk.
    first: u64,
    /// The number of the first chunk that less than half of the readers have taken.
    half: u64,
    taken_at: Option<Instant>,
    octets: usize,
    readers: Vec<Option<Reader>>,
    free: Vec<usize>,
    /// Readers that follow.
    following: usize,
    /// Readers that fell off and still exist.
    fallen: usize,
    waiting: bool,
    closed: bool,
}

#[derive(Debug)]
struct Slot {
    chunk: Arc<Chunk>,
    /// Followers that have not taken it.
    left: usize,
    /// At this many left, half have taken it.
    half: usize,
}

#[derive(Debug)]
struct Reader {
    /// The number of the chunk to take next.
    next: u64,
    fallen: bool,
    /// It has no room: only a fall is worth waking it.
    is_full: bool,
    waker: Option<Waker>,
}

impl Ring {
    /// Publishes to the readers that follow; those that are too far behind fall off.
    pub fn publish(&self, chunk: Arc<Chunk>) {
        let mut state = self.lock();
        if state.following == 0 {
            return;
        }
        state.octets += chunk.octets();
        let left = state.following;
        state.slots.push_back(Slot {
            chunk,
            left,
            half: left / 2,
        });
        state.bound();
    }

    /// A reader whose first chunk is the next one published.
    pub fn subscribe(&self) -> RingReader {
        let mut state = self.lock();
        let reader = Some(Reader {
            next: state.end(),
            fallen: false,
            is_full: false,
            waker: None,
        });
        state.following += 1;
        let number = match state.free.pop() {
            Some(number) => {
                state.readers[number] = reader;
                number
            }
            None => {
                state.readers.push(reader);
                state.readers.len() - 1
            }
        };
        RingReader {
            ring: self.clone(),
            number,
        }
    }

    /// Wakes the readers that wait for what is published.
    pub fn wake(&self) {
        let mut state = self.lock();
        let end = state.end();
        let closed = state.closed;
        let waiting = state.readers.iter_mut().flatten();
        let wakers: Vec<Waker> = waiting
            .filter(|reader| closed || reader.fallen || (!reader.is_full && reader.next < end))
            .filter_map(|reader| reader.waker.take())
            .collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether every reader has taken everything; one that fell off has not, as long as it exists.
    pub fn is_drained(&self) -> bool {
        let state = self.lock();
        state.slots.is_empty() && state.fallen == 0
    }

    /// How far the readers are.
    pub fn unread(&self) -> Unread {
        self.lock().unread()
    }

    /// Asks for a word once half of the readers have taken everything; `false` where they have.
    pub fn await_half(&self) -> bool {
        let mut state = self.lock();
        state.waiting = state.unread().chunks > 0;
        state.waiting
    }

    /// Ends the ring: readers hear of it once they have taken what there is.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RingReader {
    /// The next thing that the ring has for this reader.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Found> {
        let mut state = self.ring.lock();
        match state.take(self.number) {
            Some(found) => Poll::Ready(found),
            None => {
                state.wait(self.number, false, context);
                Poll::Pending
            }
        }
    }

    /// The same for a reader that can take nothing: all that it has to hear is that it fell off.
    pub fn poll_fallen(&mut self, context: &Context<'_>) -> Poll<Found> {
        let mut state = self.ring.lock();
        if state.is_fallen(self.number) {
            return Poll::Ready(Found::Lagged);
        }
        state.wait(self.number, true, context);
        Poll::Pending
    }

    /// The same without waiting.
    pub fn try_next(&mut self) -> Option<Found> {
        self.ring.lock().take(self.number)
    }
}

impl Drop for RingReader {
    fn drop(&mut self) {
        let mut state = self.ring.lock();
        let Some(reader) = state.readers[self.number].take() else {
            return;
        };
        state.free.push(self.number);
        if reader.fallen {
            state.fallen -= 1;
        } else {
            state.following -= 1;
            state.pass(reader.next, 1);
        }
    }
}

impl State {
    /// The number of the chunk that is published next.
    fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    fn is_fallen(&self, number: usize) -> bool {
        let reader = self.readers[number].as_ref();
        reader.is_some_and(|reader| reader.fallen)
    }

    /// Wakes a reader once there is something for it; one that is full only when it falls off.
    fn wait(&mut self, number: usize, is_full: bool, context: &Context<'_>) {
        let Some(reader) = &mut self.readers[number] else {
            return;
        };
        reader.is_full = is_full;
        match &mut reader.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => reader.waker = Some(context.waker().clone()),
        }
    }

    fn unread(&self) -> Unread {
        let taken = usize::try_from(self.half.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let slots = self.slots.iter().skip(taken);
        Unread {
            readers: self.following,
            octets: slots.clone().map(|slot| slot.chunk.octets()).sum(),
            chunks: slots.len(),
            taken_at: self.taken_at,
        }
    }

    fn take(&mut self, number: usize) -> Option<Found> {
        let end = self.end();
        let reader = self.readers[number].as_mut()?;
        if reader.fallen {
            return Some(Found::Lagged);
        }
        if reader.next >= end {
            return self.closed.then_some(Found::Closed);
        }
        let at = usize::try_from(reader.next - self.first).unwrap_or(usize::MAX);
        reader.next += 1;
        let slot = &mut self.slots[at];
        slot.left -= 1;
        let chunk = Arc::clone(&slot.chunk);
        let rouse = self.settle();
        Some(Found::Chunk { chunk, rouse })
    }

    /// Counts the chunks from a number on as taken by `readers` more.
    fn pass(&mut self, from: u64, readers: usize) {
        let skipped = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        for slot in self.slots.iter_mut().skip(skipped) {
            slot.left -= readers;
        }
        self.settle();
    }

    /// Lets go of what all have taken; says whether the publisher is to be told that half have taken
    /// everything.
    fn settle(&mut self) -> bool {
        while self.slots.front().is_some_and(|slot| slot.left == 0) {
            self.drop_first();
        }
        let before = self.half;
        self.half = self.half.max(self.first);
        while let Ok(at) = usize::try_from(self.half - self.first)
            && self
                .slots
                .get(at)
                .is_some_and(|slot| slot.left <= slot.half)
        {
            self.half += 1;
        }
        if self.half < self.end() {
            return false;
        }
        if self.half > before {
            self.taken_at = Some(clock::now());
        }
        std::mem::take(&mut self.waiting)
    }

    /// Throws the slowest readers off while the ring is over its bounds.
    fn bound(&mut self) {
        while self.slots.len() > 1
            && (self.octets > RING_OCTETS_MAX
                || self.slots.len() > RING_CHUNKS
                || (self.octets > LAGGARD_OCTETS_MAX && self.half > self.first))
        {
            let first = self.first;
            let mut fell = 0;
            for reader in self.readers.iter_mut().flatten() {
                if !reader.fallen && reader.next <= first {
                    reader.fallen = true;
                    fell += 1;
                }
            }
            self.following -= fell;
            self.fallen += fell;
            self.drop_first();
            self.pass(self.first, fell);
        }
    }

    fn drop_first(&mut self) {
        if let Some(slot) = self.slots.pop_front() {
            self.first += 1;
            self.octets -= slot.chunk.octets();
        }
    }
}

#[cfg(test)]
mod tests;
