//! An allocator that counts what is in use, and the time that a thread has spent.

#![allow(
    unsafe_code,
    reason = "an allocator that counts is unsafe by its trait, and so is asking for a thread's time"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Passes on to the system's allocator, and counts octets as they were asked for.
pub(crate) struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn add(octets: usize) {
    let used = USED.fetch_add(octets, Relaxed) + octets;
    PEAK.fetch_max(used, Relaxed);
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps what `alloc` demands.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps what `dealloc` demands, and `at` is of the system's allocator.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both exist for a moment, unless the allocator is lucky.
        add(size);
        USED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// The octets in use.
pub(crate) fn used() -> usize {
    USED.load(Relaxed)
}

/// Begins to look for the most octets in use.
pub(crate) fn reset_peak() {
    PEAK.store(used(), Relaxed);
}

/// The most octets in use since.
pub(crate) fn peak() -> usize {
    PEAK.load(Relaxed)
}

/// The time that this thread has spent on a processor.
pub(crate) fn thread_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock exists, and `time` is ours to write.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "every thread has a clock");
    let seconds = u64::try_from(time.tv_sec).expect("time is positive");
    Duration::from_secs(seconds) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}
