//! Nothing is allocated for what is known: a full table comes in a second time, and the allocator is
//! asked how often it was called.

#![allow(
    unsafe_code,
    reason = "an allocator that counts is unsafe by its trait; it only passes calls on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use calidris::net::{AddressFamily, Ipv4, Ipv6, PeerId};
use calidris::rib::{Interner, RouteBatch, RouteOp};
use calidris::wire::{DecodeContext, Message, UpdatePacker, decode};

#[path = "../../benches/streams/mod.rs"]
mod streams;
use streams::{READER, Sets, WRITER, calico, full_table, messages, octets, pack};

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends has no counter left, and nobody asks for it.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps what `alloc` demands.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps what `dealloc` demands, and `at` is of the system's allocator.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` calls the allocator.
fn calls(work: impl FnOnce()) -> usize {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

/// Takes a stream from its octets to the table of known sets; returns the number of batches.
fn learn<A: AddressFamily>(
    stream: &[u8],
    context: &DecodeContext,
    interner: &mut Interner,
) -> usize {
    let mut batch = RouteBatch::new(PeerId(1));
    let mut batches = 1;
    for message in messages(stream) {
        let Ok(Message::Update(update)) = decode(message, context) else {
            unreachable!("packed here");
        };
        assert!(update.faults.is_empty());
        for announced in &update.announced {
            let mut nlri = announced.nlri.iter::<A>();
            while !nlri.is_empty() {
                batch.announce(&update.attributes, announced.next_hop, &mut nlri);
                if batch.is_full() {
                    intern(interner, &batch.take());
                    batches += 1;
                }
            }
        }
    }
    intern(interner, &batch);
    batches
}

fn intern<P: Copy>(interner: &mut Interner, batch: &RouteBatch<P>) {
    for (op, _) in batch.iter() {
        if let RouteOp::Announce(content) = op {
            drop(interner.intern_content(content));
        }
    }
}

/// A batch's three buffers, each growing a little beyond the size of the batch before.
const GROWTHS_MAX: usize = 3 * 2;

fn known_sets_cost_batches_only<A: AddressFamily>(stream: &[u8], context: &DecodeContext) {
    let mut interner = Interner::default();
    let first = calls(|| {
        learn::<A>(stream, context, &mut interner);
    });
    let sets = interner.len();
    assert!(first > sets, "each new set is built");
    let mut batches = 0;
    let again = calls(|| batches = learn::<A>(stream, context, &mut interner));
    assert_eq!(interner.len(), sets);
    let count = messages(stream).count();
    // The first batch of all grows from nothing.
    assert!(
        again <= GROWTHS_MAX * batches + 3 * 16,
        "{again} allocations for {batches} batches of {count} messages"
    );
}

#[test]
fn a_full_table_that_is_known_allocates_nothing_per_message() {
    known_sets_cost_batches_only::<Ipv4>(&octets::<Ipv4>(&full_table(20_000)), &READER);
}

#[test]
fn known_blocks_of_a_reflector_allocate_nothing_per_message() {
    known_sets_cost_batches_only::<Ipv4>(&octets::<Ipv4>(&calico::<Ipv4>(20_000)), &READER);
    known_sets_cost_batches_only::<Ipv6>(&octets::<Ipv6>(&calico::<Ipv6>(20_000)), &READER);
}

#[test]
fn paths_from_old_speakers_allocate_nothing_either() {
    let mut stream = Vec::new();
    let mut packer = UpdatePacker::new(calidris::wire::EncodeContext {
        four_octet_as: false,
        ..WRITER
    });
    pack::<Ipv4>(&mut packer, &full_table(20_000), |chunk| {
        stream.extend_from_slice(chunk);
    });
    let context = DecodeContext {
        four_octet_as: false,
        ..READER
    };
    known_sets_cost_batches_only::<Ipv4>(&stream, &context);
}

#[test]
fn decoding_and_walking_prefixes_allocate_nothing_at_all() {
    let sets: Sets<Ipv4> = full_table(2_000);
    let stream = octets::<Ipv4>(&sets);
    let mut prefixes = 0;
    let decoding = calls(|| {
        for message in messages(&stream) {
            let Ok(Message::Update(update)) = decode(message, &READER) else {
                unreachable!("packed here");
            };
            for announced in &update.announced {
                prefixes += announced.nlri.iter::<Ipv4>().count();
            }
        }
    });
    assert_eq!(decoding, 0);
    assert_eq!(
        prefixes,
        sets.iter().map(|(_, nlri)| nlri.len()).sum::<usize>()
    );
}
