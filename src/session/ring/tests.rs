use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::rib::Version;

fn chunk(version: u64, octets: usize) -> Arc<Chunk> {
    Arc::new(Chunk {
        bytes: Bytes::from(vec![0; octets]),
        marks: vec![],
        amends: vec![],
        upto: Version(version),
        prefixes: 0,
    })
}

fn next(reader: &mut RingReader) -> Option<u64> {
    match reader.try_next() {
        Some(Found::Chunk { chunk, .. }) => Some(chunk.upto.0),
        Some(Found::Lagged | Found::Closed) | None => None,
    }
}

#[test]
fn a_reader_gets_what_is_published_after_it_has_come() {
    let ring = Ring::default();
    ring.publish(chunk(1, 10));
    let mut early = ring.subscribe();
    ring.publish(chunk(2, 10));
    let mut late = ring.subscribe();
    ring.publish(chunk(3, 10));
    assert_eq!([next(&mut early), next(&mut early)], [Some(2), Some(3)]);
    assert_eq!([next(&mut late), next(&mut late)], [Some(3), None]);
    assert!(ring.is_drained());
}

#[test]
fn the_minority_that_is_stuck_keeps_no_more_than_its_share() {
    let ring = Ring::default();
    let mut quick = [ring.subscribe(), ring.subscribe()];
    let mut stuck = ring.subscribe();
    let octets = CHUNK;
    for version in 0..100 {
        ring.publish(chunk(version, octets));
        for reader in &mut quick {
            assert_eq!(next(reader), Some(version));
        }
        assert!(ring.lock().octets <= LAGGARD_OCTETS_MAX + octets);
    }
    assert!(matches!(stuck.try_next(), Some(Found::Lagged)));
    assert!(!ring.is_drained());
    drop(stuck);
    assert!(ring.is_drained());
}

#[test]
fn a_majority_that_is_behind_falls_off_only_at_the_last_bound() {
    let ring = Ring::default();
    let mut readers = [ring.subscribe(), ring.subscribe()];
    let fit = RING_OCTETS_MAX / CHUNK;
    for version in 0..fit as u64 {
        ring.publish(chunk(version, CHUNK));
    }
    assert_eq!(ring.unread().chunks, fit);
    ring.publish(chunk(fit as u64, CHUNK));
    for reader in &mut readers {
        assert!(matches!(reader.try_next(), Some(Found::Lagged)));
    }
    assert_eq!(ring.unread().readers, 0);
}

#[test]
fn the_publisher_is_told_by_the_reader_that_makes_it_half() {
    let ring = Ring::default();
    let mut readers: Vec<_> = (0..5).map(|_| ring.subscribe()).collect();
    ring.publish(chunk(1, 10));
    assert!(ring.await_half());
    let roused: Vec<bool> = readers
        .iter_mut()
        .map(|reader| matches!(reader.try_next(), Some(Found::Chunk { rouse: true, .. })))
        .collect();
    assert_eq!(roused, [false, false, true, false, false]);
    assert!(!ring.await_half());
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_reader_without_room_is_woken_only_when_it_falls_off() {
    let ring = Ring::default();
    let mut quick = [ring.subscribe(), ring.subscribe()];
    let mut full = ring.subscribe();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let context = Context::from_waker(&waker);
    let mut publications = 0;
    while full.poll_fallen(&context).is_pending() {
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        ring.publish(chunk(publications, CHUNK));
        for reader in &mut quick {
            assert_eq!(next(reader), Some(publications));
        }
        ring.wake();
        publications += 1;
    }
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    let published = usize::try_from(publications).expect("few") * CHUNK;
    assert!(published > LAGGARD_OCTETS_MAX);
}

#[test]
fn readers_are_woken_once_there_is_something() {
    let ring = Ring::default();
    let mut reader = ring.subscribe();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    assert!(reader.poll_next(&Context::from_waker(&waker)).is_pending());
    ring.wake();
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    ring.publish(chunk(1, 10));
    ring.wake();
    ring.wake();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_ring_that_ends_is_read_to_its_end() {
    let ring = Ring::default();
    let mut reader = ring.subscribe();
    ring.publish(chunk(1, 10));
    ring.close();
    assert_eq!(next(&mut reader), Some(1));
    assert!(matches!(reader.try_next(), Some(Found::Closed)));
}

const CHUNK: usize = 64 * 1024;

proptest! {
    #[test]
    fn whoever_does_not_fall_off_misses_nothing(
        steps in prop::collection::vec((0u8..8, 0usize..6), 0..300),
    ) {
        let ring = Ring::default();
        let mut readers: Vec<Option<(RingReader, u64)>> = (0..6).map(|_| None).collect();
        let mut version = 0;
        for (step, reader) in steps {
            let place = &mut readers[reader];
            match (step, &mut *place) {
                (0, _) => *place = Some((ring.subscribe(), version)),
                (1, _) => *place = None,
                (2..5, _) => {
                    version += 1;
                    ring.publish(chunk(version, 100_000));
                }
                (_, Some((reader, last))) => match reader.try_next() {
                    Some(Found::Chunk { chunk, .. }) => {
                        *last += 1;
                        prop_assert_eq!(chunk.upto.0, *last);
                    }
                    Some(Found::Lagged) => *place = None,
                    Some(Found::Closed) => prop_assert!(false, "nobody has closed it"),
                    None => prop_assert_eq!(*last, version),
                },
                (_, None) => {}
            }
            let unread = ring.unread();
            prop_assert_eq!(unread.chunks == 0, !ring.await_half());
        }
        readers.clear();
        prop_assert!(ring.is_drained());
        prop_assert_eq!(ring.lock().octets, 0);
    }
}
