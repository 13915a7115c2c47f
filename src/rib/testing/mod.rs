//! A world around one shard for tests: drivers that follow, pull, fall behind and decode.

mod driver;
mod fixtures;
mod sharded;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use driver::Driver;
use driver::Told;
pub(crate) use fixtures::*;
pub(crate) use sharded::ShardedWorld;

use super::*;
use crate::net::{Family, PathId, PeerId, Prefix};
use crate::wire::{Nlri, PathAttributes};

pub(crate) struct World {
    pub(crate) shard: Shard,
    pub(crate) now: Instant,
    pub(crate) drivers: BTreeMap<(PeerId, Family), Driver>,
    published: BTreeMap<GroupId, Vec<Arc<Chunk>>>,
    pub(crate) fib: BTreeMap<Prefix, FibRoute>,
    pub(crate) fib_pending: bool,
    fib_last: usize,
    /// Pulls of the kernel's writer that were not answered yet.
    pub(crate) fib_pulls: usize,
    pub(crate) limits: Vec<(PeerId, Family, PrefixLimitEvent)>,
    pub(crate) refused: Vec<(PeerId, Prefix, &'static str)>,
    pub(crate) asked: Vec<IpAddr>,
    pub(crate) unasked: Vec<IpAddr>,
    /// What is said of next hops that are asked about; `None` to say nothing.
    pub(crate) answers: Option<BTreeMap<IpAddr, NextHopState>>,
    answer: Option<Answer>,
}

impl World {
    pub(crate) fn new(track_next_hops: bool) -> Self {
        Self::with(ShardOptions {
            track_next_hops,
            ..ShardOptions::default()
        })
    }

    /// A world in which the speaker itself has restarted.
    pub(crate) fn recovering(track_next_hops: bool) -> Self {
        Self::with(ShardOptions {
            track_next_hops,
            recovering: true,
            ..ShardOptions::default()
        })
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn with(options: ShardOptions) -> Self {
        let mut world = Self {
            shard: Shard::new(options),
            now: Instant::now(),
            drivers: BTreeMap::new(),
            published: BTreeMap::new(),
            fib: BTreeMap::new(),
            fib_pending: false,
            fib_last: 0,
            fib_pulls: 0,
            limits: Vec::new(),
            refused: Vec::new(),
            asked: Vec::new(),
            unasked: Vec::new(),
            answers: None,
            answer: None,
        };
        world.tell(Command::SetKernelPolicy(both(accept_all())));
        world
    }

    pub(crate) fn tell(&mut self, command: Command) {
        self.shard.handle(self.now, command);
        self.take_outputs();
    }

    /// Configures a peer and brings its session up.
    pub(crate) fn peer_up(&mut self, setup: PeerSetup) {
        let n = setup.peer.0;
        self.tell(Command::AddPeer(setup));
        self.session_up(terms(n));
    }

    pub(crate) fn session_up(&mut self, terms: SessionTerms) {
        for family in terms.families.families() {
            let driver = Driver {
                four_octet_as: terms.four_octet_as,
                add_path: terms.add_path.get(family).send,
                enhanced_refresh: terms.enhanced_refresh,
                demarcation: Some(Demarcation::new(Sharding::ONE)),
                ..Driver::default()
            };
            self.drivers.insert((terms.peer, family), driver);
        }
        let (peer, families) = (terms.peer, terms.families);
        self.tell(Command::SessionUp(terms));
        for family in families.families() {
            self.pull(peer, family);
        }
    }

    /// A peer wants to be told everything again.
    pub(crate) fn refresh(&mut self, n: u32, family: Family) {
        let peer = PeerId(n);
        let steps = self.drivers.get_mut(&(peer, family)).and_then(|driver| {
            let marked = driver.enhanced_refresh;
            Some(driver.demarcation.as_mut()?.on_refresh(marked))
        });
        self.demarcate(peer, family, steps.unwrap_or_default());
    }

    fn demarcate(&mut self, peer: PeerId, family: Family, steps: DemarcationSteps) {
        if let Some(driver) = self.drivers.get_mut(&(peer, family)) {
            for boundary in steps.write {
                driver.take(family, &boundary.message(family));
            }
        }
        if let Some(awaited) = steps.refresh {
            self.tell(Command::Refresh {
                peer,
                family,
                awaited,
            });
        }
    }

    pub(crate) fn session_down(&mut self, n: u32, keep_until: Option<Instant>) {
        self.drivers.retain(|(peer, _), _| peer.0 != n);
        self.tell(Command::SessionDown {
            peer: PeerId(n),
            keep_until: both(keep_until),
        });
    }

    pub(crate) fn announce(&mut self, n: u32, prefixes: &[Prefix], attributes: PathAttributes) {
        self.announce_path(n, PathId(0), prefixes, attributes);
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "tests hand over what they have just made"
    )]
    pub(crate) fn announce_path(
        &mut self,
        n: u32,
        path_id: PathId,
        prefixes: &[Prefix],
        attributes: PathAttributes,
    ) {
        self.routes(n, path_id, prefixes, Some(&attributes));
    }

    pub(crate) fn withdraw(&mut self, n: u32, prefixes: &[Prefix]) {
        self.withdraw_path(n, PathId(0), prefixes);
    }

    pub(crate) fn withdraw_path(&mut self, n: u32, path_id: PathId, prefixes: &[Prefix]) {
        self.routes(n, path_id, prefixes, None);
    }

    fn routes(
        &mut self,
        n: u32,
        path_id: PathId,
        prefixes: &[Prefix],
        attributes: Option<&PathAttributes>,
    ) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            match *prefix {
                Prefix::V4(prefix) => v4.push(Nlri { prefix, path_id }),
                Prefix::V6(prefix) => v6.push(Nlri { prefix, path_id }),
            }
        }
        for nlri in v4.chunks(BATCH_ROUTES_MAX) {
            let batch = batch(n, nlri, attributes);
            self.tell(Command::Routes(Routes::V4(batch)));
        }
        for nlri in v6.chunks(BATCH_ROUTES_MAX) {
            let batch = batch(n, nlri, attributes);
            self.tell(Command::Routes(Routes::V6(batch)));
        }
    }

    pub(crate) fn originate(&mut self, prefix: Prefix) {
        let origin = "test".into();
        self.tell(Command::Originate(LocalRoute { prefix, origin }));
    }

    pub(crate) fn turn(&mut self) -> bool {
        let more = self.shard.turn(self.now);
        self.take_outputs();
        more
    }

    fn pull(&mut self, peer: PeerId, family: Family) {
        if let Some(driver) = self.drivers.get_mut(&(peer, family))
            && !driver.pulling
        {
            driver.pulling = true;
            self.tell(Command::Pull { peer, family });
        }
    }

    /// Lets a driver read up to `count` publications; one that is not live pulls instead.
    pub(crate) fn read(&mut self, n: u32, family: Family, count: usize) {
        let peer = PeerId(n);
        let Some(driver) = self.drivers.get_mut(&(peer, family)) else {
            return;
        };
        let Some((group, next)) = driver.live else {
            self.pull(peer, family);
            return;
        };
        let chunks = self.published.get(&group).map_or(&[][..], |c| &c[..]);
        let end = next.saturating_add(count).min(chunks.len());
        for chunk in &chunks[next..end] {
            driver.write(peer, family, chunk);
        }
        driver.live = Some((group, end));
    }

    /// Throws a live driver out of its ring if it has anything unread.
    pub(crate) fn lag(&mut self, n: u32, family: Family) {
        let peer = PeerId(n);
        let Some(driver) = self.drivers.get_mut(&(peer, family)) else {
            return;
        };
        if driver.live.take().is_some() {
            let after = driver.written;
            self.tell(Command::Lagged {
                peer,
                family,
                after,
            });
            self.pull(peer, family);
        }
    }

    /// Says of every group how far its slowest live driver is.
    pub(crate) fn drain(&mut self) {
        for group in self.published.keys().copied().collect::<Vec<_>>() {
            let live = self
                .drivers
                .values()
                .filter(|d| d.live.is_some_and(|l| l.0 == group));
            if let Some(upto) = live.map(|driver| driver.written).min() {
                self.tell(Command::Drained { group, upto });
            }
        }
    }

    pub(crate) fn pull_fib(&mut self, max: usize) -> usize {
        self.fib_pending = false;
        self.fib_last = 0;
        self.fib_pulls += 1;
        self.tell(Command::PullFib { max });
        self.fib_last
    }

    /// Runs until nobody has anything to do.
    pub(crate) fn settle(&mut self) {
        loop {
            let mut busy = self.turn();
            for (peer, family) in self.drivers.keys().copied().collect::<Vec<_>>() {
                self.read(peer.0, family, usize::MAX);
            }
            self.drain();
            if self.fib_pending {
                self.pull_fib(100);
                busy = true;
            }
            busy |= self.answer_next_hops();
            let live = self.drivers.values().all(|driver| driver.live.is_some());
            if !busy && live && !self.turn() && !self.tidy() {
                return;
            }
        }
    }

    /// Lets the shard tidy up as if it had been quiet for long; says whether it had to.
    fn tidy(&mut self) -> bool {
        let due = self.shard.poll_tidy();
        if let Some(at) = due {
            self.shard.turn(at.max(self.now));
        }
        due.is_some()
    }

    /// Answers what was asked of next hops; says whether anything was.
    pub(crate) fn answer_next_hops(&mut self) -> bool {
        let Some(answers) = self.answers.as_ref().filter(|_| !self.asked.is_empty()) else {
            return false;
        };
        let reachable = NextHopState::Reachable { metric: 0 };
        let state = |address: &IpAddr| answers.get(address).copied().unwrap_or(reachable);
        let told = self.asked.iter().map(|address| (*address, state(address)));
        let told = told.collect();
        self.asked.clear();
        self.tell(Command::NextHops(told));
        true
    }

    pub(crate) fn ask(&mut self, query: Query) -> Answer {
        self.tell(Command::Query { id: 9, query });
        self.answer.take().expect("a query is answered at once")
    }

    pub(crate) fn explain(&mut self, prefix: Prefix, to: Option<u32>) -> Option<Explanation> {
        let to = to.map(PeerId);
        match self.ask(Query::Explain { prefix, to }) {
            Answer::Explain(explanation) => explanation.map(|explanation| *explanation),
            other => panic!("not an explanation: {other:?}"),
        }
    }

    pub(crate) fn rows(
        &mut self,
        table: RouteTable,
        family: Family,
    ) -> BTreeMap<Prefix, Vec<PathRow>> {
        let (mut rows, mut start) = (BTreeMap::new(), 0);
        loop {
            let query = RoutesQuery {
                table,
                family,
                prefix: None,
                longer: false,
                start,
                limit: 7,
            };
            let Answer::Routes(page) = self.ask(Query::Routes(query)) else {
                panic!("not a page");
            };
            rows.extend(page.rows.into_iter().map(|row| (row.prefix, row.paths)));
            match page.next {
                Some(next) => start = next,
                None => return rows,
            }
        }
    }

    pub(crate) fn told(&self, n: u32, family: Family) -> &Told {
        &self.drivers[&(PeerId(n), family)].told
    }

    pub(crate) fn after(&mut self, time: Duration) {
        self.now += time;
        self.settle();
    }

    fn take_outputs(&mut self) {
        while let Some(output) = self.shard.poll_output() {
            match output {
                Output::Publish { group, chunk } => {
                    assert!(chunk.bytes.len() <= CHUNK_BYTES_MAX);
                    self.published.entry(group).or_default().push(chunk);
                }
                Output::Pulled {
                    peer,
                    family,
                    chunk,
                } => {
                    assert!(chunk.bytes.len() <= CHUNK_BYTES_MAX);
                    if let Some(driver) = self.drivers.get_mut(&(peer, family)) {
                        assert!(driver.pulling, "one answer to one pull");
                        driver.pulling = false;
                        driver.write(peer, family, &chunk);
                    }
                }
                Output::Live {
                    peer,
                    family,
                    group,
                    at,
                } => {
                    let next = self.published.get(&group).map_or(0, Vec::len);
                    if let Some(driver) = self.drivers.get_mut(&(peer, family)) {
                        assert!(driver.pulling, "one answer to one pull");
                        driver.pulling = false;
                        driver.live = Some((group, next));
                        driver.written = at;
                    }
                }
                Output::Complete { peer, family } => {
                    let driver = self.drivers.get_mut(&(peer, family));
                    let demarcation = driver.and_then(|driver| driver.demarcation.as_mut());
                    if let Some(demarcation) = demarcation {
                        let steps = demarcation.on_complete(ShardId(0));
                        self.demarcate(peer, family, steps);
                    }
                }
                Output::Detach { peer, family } => {
                    let driver = self.drivers.get_mut(&(peer, family));
                    let driver = driver.expect("only live members are detached");
                    driver.live = None;
                    driver.detached += 1;
                }
                Output::PrefixLimit {
                    peer,
                    family,
                    event,
                } => self.limits.push((peer, family, event)),
                Output::Refused {
                    peer,
                    prefix,
                    reason,
                } => self.refused.push((peer, prefix, reason)),
                Output::GroupGone(group) => {
                    self.published.remove(&group);
                }
                Output::FibPending => {
                    assert!(!self.fib_pending, "said once until it pulls");
                    self.fib_pending = true;
                }
                Output::Fib(changes) => {
                    assert!(self.fib_pulls > 0, "one answer to one pull");
                    self.fib_pulls -= 1;
                    self.fib_last = changes.len();
                    for change in changes {
                        match change.route {
                            Some(route) => self.fib.insert(change.prefix, route),
                            None => self.fib.remove(&change.prefix),
                        };
                    }
                }
                Output::TrackNextHops(addresses) => self.asked.extend(addresses),
                Output::UntrackNextHops(addresses) => self.unasked.extend(addresses),
                Output::Answer { id, answer } => {
                    assert_eq!(id, 9);
                    self.answer = Some(answer);
                }
            }
        }
    }
}

/// Routes to announce with attributes, or to withdraw without.
fn batch<P: Copy>(n: u32, nlri: &[Nlri<P>], attributes: Option<&PathAttributes>) -> RouteBatch<P> {
    let mut batch = RouteBatch::new(PeerId(n));
    let mut nlri = nlri.iter().copied();
    match attributes {
        Some(attributes) => batch.announce_path(attributes, &mut nlri),
        None => batch.withdraw(&mut nlri),
    }
    batch
}
