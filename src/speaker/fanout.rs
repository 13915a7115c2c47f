//! One ring per update group, and the pace at which its head publishes.
//!
//! The pace has no floor: at rest a change goes out at once. While the members have not taken what was
//! published before, changes gather, and for some time more in proportion to what taking it took: telling
//! many members costs a part of the time and no more, however small the letters are in which routes
//! come. So a burst leaves in a few full chunks. Half of the members decide, so one that is stuck delays
//! nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::rib::{Chunk, Command, GroupId, Version};
use crate::session::{Ring, RingReader, Unread};

/// How long changes gather at most while the members are busy with earlier ones.
const GATHER_MAX: Duration = Duration::from_millis(5);

/// For so many times as long as half of the members took over a publication changes gather for the next.
const GATHER_TIMES: u32 = 8;

/// How long changes wait at most for members of which half are behind by [`BEHIND_OCTETS`].
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// So many changes gathered are worth a publication in any case.
const GATHERED_CHANGES: u64 = 4096;

/// So many octets that half of the members have not taken mean that they are behind.
const BEHIND_OCTETS: usize = 1024 * 1024;

/// The rings of all groups of one shard; lives with its runner.
#[derive(Debug, Default)]
pub(super) struct Fanout {
    rings: HashMap<GroupId, Group>,
    crier: Arc<Crier>,
}

#[derive(Debug)]
struct Group {
    ring: Ring,
    published: Version,
    published_at: Option<Instant>,
    /// Until when the head is held back.
    held_until: Option<Instant>,
    /// Whether the shard has been told that everyone has read everything.
    drained: bool,
}

/// Wakes the readers of rings on their own thread.
#[derive(Debug, Default)]
pub(super) struct Crier {
    news: Mutex<Vec<Ring>>,
    bell: Notify,
}

impl Crier {
    /// Runs for as long as there are rings.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            self.bell.notified().await;
            let news = std::mem::take(&mut *self.news());
            news.iter().for_each(Ring::wake);
        }
    }

    fn news(&self) -> std::sync::MutexGuard<'_, Vec<Ring>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fanout {
    /// What wakes the readers; to be run on their thread.
    pub(super) fn crier(&self) -> Arc<Crier> {
        Arc::clone(&self.crier)
    }

    /// Publishes to the live members of a group; [`Fanout::cry`] lets them know.
    pub(super) fn publish(&mut self, now: Instant, group: GroupId, chunk: Arc<Chunk>) {
        let group = self.group(group);
        group.published = chunk.upto;
        group.published_at = Some(now);
        group.drained = false;
        group.ring.publish(chunk);
        let ring = group.ring.clone();
        self.crier.news().push(ring);
    }

    /// Wakes whoever waits for what was published.
    pub(super) fn cry(&self) {
        if !self.crier.news().is_empty() {
            self.crier.bell.notify_one();
        }
    }

    /// A reader whose first chunk is the next one published.
    pub(super) fn subscribe(&mut self, group: GroupId) -> RingReader {
        self.group(group).ring.subscribe()
    }

    /// Forgets a group.
    pub(super) fn remove(&mut self, group: GroupId) {
        if let Some(group) = self.rings.remove(&group) {
            group.ring.close();
            self.crier.news().push(group.ring);
        }
    }

    /// Whether a group's head may move on, with so many changes ahead of it. If not, the shard's runner
    /// is roused when half of the members have taken everything, or wakes at [`Fanout::held_until`].
    pub(super) fn may_publish(&mut self, now: Instant, group: GroupId, changes: u64) -> bool {
        let group = self.group(group);
        let since = group.published_at.unwrap_or(now);
        let unread = group.ring.unread();
        let until = gather_until(since, unread, changes);
        let may = now >= until || unread.chunks > 0 && !group.ring.await_half();
        group.held_until = (!may).then_some(until);
        may
    }

    /// Begins a turn, in which every group with changes asks anew.
    pub(super) fn begin_turn(&mut self) {
        for group in self.rings.values_mut() {
            group.held_until = None;
        }
    }

    /// When a head that is held back may move on in any case.
    pub(super) fn held_until(&self) -> Option<Instant> {
        let held = self.rings.values().filter_map(|group| group.held_until);
        held.min()
    }

    /// What to tell the shard of rings that everyone has read to the end.
    pub(super) fn drained(&mut self) -> Vec<Command> {
        let mut told = Vec::new();
        for (group, ring) in &mut self.rings {
            if !ring.drained && ring.ring.is_drained() {
                ring.drained = true;
                told.push(Command::Drained {
                    group: *group,
                    upto: ring.published,
                });
            }
        }
        told
    }

    /// Whether some ring still holds chunks that a reader has not taken.
    pub(super) fn is_draining(&self) -> bool {
        self.rings.values().any(|ring| !ring.drained)
    }

    fn group(&mut self, group: GroupId) -> &mut Group {
        self.rings.entry(group).or_insert_with(|| Group {
            ring: Ring::default(),
            published: Version::default(),
            published_at: None,
            held_until: None,
            drained: true,
        })
    }
}

/// Until when a head waits that has published at `since` and has so many changes ahead of it.
fn gather_until(since: Instant, unread: Unread, changes: u64) -> Instant {
    let wait = if unread.octets >= BEHIND_OCTETS {
        PAUSE_MAX
    } else if changes >= GATHERED_CHANGES {
        Duration::ZERO
    } else if unread.chunks > 0 {
        GATHER_MAX
    } else {
        let taken = unread.taken_at.unwrap_or(since);
        GATHER_MAX.min(GATHER_TIMES * taken.saturating_duration_since(since))
    };
    since + wait
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::clock;
    use crate::session::Found;

    fn chunk(upto: u64) -> Arc<Chunk> {
        let (marks, amends) = (vec![], vec![]);
        Arc::new(Chunk {
            bytes: Bytes::from_static(&[0; 64]),
            marks,
            amends,
            upto: Version(upto),
            prefixes: 0,
        })
    }

    fn take(reader: &mut RingReader) {
        assert!(matches!(reader.try_next(), Some(Found::Chunk { .. })));
    }

    const GROUP: GroupId = GroupId(1);

    #[test]
    fn a_ring_is_drained_once_its_slowest_reader_is_through() {
        let mut fanout = Fanout::default();
        let (mut quick, mut slow) = (fanout.subscribe(GROUP), fanout.subscribe(GROUP));
        fanout.publish(clock::now(), GROUP, chunk(9));
        take(&mut quick);
        assert!(fanout.drained().is_empty());
        take(&mut slow);
        assert!(matches!(
            fanout.drained()[..],
            [Command::Drained {
                group: GROUP,
                upto: Version(9)
            }]
        ));
        assert!(!fanout.is_draining());
    }

    #[test]
    fn at_rest_a_change_goes_out_at_once_and_the_next_one_once_half_have_taken_it() {
        let mut fanout = Fanout::default();
        let mut readers: Vec<_> = (0..4).map(|_| fanout.subscribe(GROUP)).collect();
        let start = clock::now();
        assert!(fanout.may_publish(start, GROUP, 1));
        fanout.publish(start, GROUP, chunk(1));
        assert!(!fanout.may_publish(start, GROUP, 1));
        take(&mut readers[0]);
        assert!(!fanout.may_publish(start, GROUP, 1));
        assert!(matches!(
            readers[1].try_next(),
            Some(Found::Chunk { rouse: true, .. })
        ));
        assert!(fanout.may_publish(start + GATHER_MAX, GROUP, 1));
        assert!(fanout.may_publish(start, GROUP, GATHERED_CHANGES));
    }

    #[test]
    fn a_few_changes_wait_in_proportion_to_what_telling_the_last_ones_took() {
        let start = clock::now();
        let after = |took| Unread {
            readers: 100,
            octets: 0,
            chunks: 0,
            taken_at: Some(start + took),
        };
        let took = Duration::from_micros(100);
        assert_eq!(gather_until(start, after(took), 1), start + 8 * took);
        assert_eq!(gather_until(start, after(took), GATHERED_CHANGES), start);
        let long = Duration::from_secs(1);
        assert_eq!(gather_until(start, after(long), 1), start + GATHER_MAX);
        let never = Unread::default();
        assert_eq!(gather_until(start, never, 1), start);
    }

    #[test]
    fn members_that_are_busy_delay_changes_for_so_long_or_until_there_are_many() {
        let mut fanout = Fanout::default();
        let _stuck = fanout.subscribe(GROUP);
        let start = clock::now();
        fanout.publish(start, GROUP, chunk(1));
        assert!(!fanout.may_publish(start, GROUP, 1));
        assert_eq!(fanout.held_until(), Some(start + GATHER_MAX));
        assert!(fanout.may_publish(start, GROUP, GATHERED_CHANGES));
        assert!(fanout.may_publish(start + GATHER_MAX, GROUP, 1));
    }

    #[test]
    fn members_of_which_half_are_far_behind_delay_even_many_changes() {
        let behind = Unread {
            readers: 2,
            octets: BEHIND_OCTETS,
            chunks: 16,
            taken_at: None,
        };
        let start = clock::now();
        let many = gather_until(start, behind, GATHERED_CHANGES);
        assert_eq!(many, start + PAUSE_MAX);
    }

    #[test]
    fn a_stuck_member_delays_nobody() {
        let mut fanout = Fanout::default();
        let (_stuck, mut quick) = (fanout.subscribe(GROUP), fanout.subscribe(GROUP));
        let start = clock::now();
        for version in 0..1_000 {
            assert!(fanout.may_publish(start + GATHER_MAX, GROUP, 1));
            fanout.publish(start, GROUP, chunk(version));
            take(&mut quick);
        }
    }
}
