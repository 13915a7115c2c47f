//! A world around several shards, each of which takes its letters at its own pace.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::batch;
use super::driver::{Driver, ToldPaths};
use super::fixtures::{accept_all, both};
use crate::net::{Family, Ipv4Prefix, PathId, PeerId, PerFamily, Prefix};
use crate::rib::*;
use crate::wire::{Nlri, PathAttributes};

const V4: Family = Family::Ipv4;

pub(crate) struct ShardedWorld {
    pub(crate) shards: Shards,
    sharding: Sharding,
    now: Instant,
    mailboxes: Vec<VecDeque<Command>>,
    pub(crate) members: BTreeMap<u32, Member>,
    published: BTreeMap<(ShardId, GroupId), Vec<Arc<Chunk>>>,
    pulls: KernelPulls,
    pub(crate) fib: BTreeMap<Prefix, FibRoute>,
    /// How often the kernel's writer heard that there is nothing more, and what it had then.
    pub(crate) fib_complete: Vec<usize>,
    pub(crate) exceeded: Vec<u32>,
    asked: Vec<IpAddr>,
    pub(crate) next_hops: BTreeMap<IpAddr, NextHopState>,
    answer: Option<Answer>,
}

/// The far side of a session in IPv4.
pub(crate) struct Member {
    pub(crate) driver: Driver,
    demarcation: Demarcation,
    marked: bool,
    feeds: Vec<Feed>,
    /// How many prefixes it had when End-of-RIB came.
    pub(crate) told_at_end: Option<usize>,
}

#[derive(Default)]
struct Feed {
    live: Option<(GroupId, usize)>,
    written: Version,
    pulling: bool,
}

impl ShardedWorld {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    pub(crate) fn new(count: usize, recovering: bool) -> Self {
        let sharding = Sharding::new(count, 0x5eed);
        let options = ShardOptions {
            recovering,
            ..ShardOptions::default()
        };
        let mut world = Self {
            shards: Shards::new(options, sharding),
            sharding,
            now: Instant::now(),
            mailboxes: (0..count).map(|_| VecDeque::new()).collect(),
            members: BTreeMap::new(),
            published: BTreeMap::new(),
            pulls: KernelPulls::new(sharding),
            fib: BTreeMap::new(),
            fib_complete: Vec::new(),
            exceeded: Vec::new(),
            asked: Vec::new(),
            next_hops: BTreeMap::new(),
            answer: None,
        };
        world.tell(Command::SetKernelPolicy(both(accept_all())));
        world
    }

    pub(crate) fn tell(&mut self, command: Command) {
        for (shard, command) in self.shards.address(command) {
            self.mailboxes[shard.index()].push_back(command);
        }
    }

    pub(crate) fn session_up(&mut self, mut terms: SessionTerms) {
        terms.families.ipv6 = false;
        let (peer, n) = (terms.peer, terms.peer.0);
        let driver = Driver {
            four_octet_as: true,
            add_path: terms.add_path.ipv4.send,
            ..Driver::default()
        };
        let member = Member {
            driver,
            demarcation: Demarcation::new(self.sharding),
            marked: terms.enhanced_refresh,
            feeds: self.sharding.shards().map(|_| Feed::default()).collect(),
            told_at_end: None,
        };
        self.members.insert(n, member);
        self.tell(Command::SessionUp(terms));
        for shard in self.sharding.shards() {
            self.pull(peer, shard);
        }
    }

    pub(crate) fn session_down(&mut self, n: u32, keep: Option<std::time::Duration>) {
        self.members.remove(&n);
        // Answers to the session that has ended reach nobody.
        self.tell(Command::SessionDown {
            peer: PeerId(n),
            keep_until: PerFamily {
                ipv4: keep.map(|time| self.now + time),
                ipv6: None,
            },
        });
        self.flush(n);
    }

    /// Lets all shards take their letters, so that none of a session that has ended is left.
    fn flush(&mut self, _: u32) {
        for shard in self.sharding.shards() {
            self.step(shard.index(), usize::MAX);
        }
    }

    pub(crate) fn announce(
        &mut self,
        n: u32,
        path_id: PathId,
        prefixes: &[Prefix],
        attributes: Option<&PathAttributes>,
    ) {
        let nlri = |prefix: &Prefix| match *prefix {
            Prefix::V4(prefix) => Nlri { prefix, path_id },
            Prefix::V6(_) => panic!("an IPv4 world"),
        };
        let nlri: Vec<Nlri<Ipv4Prefix>> = prefixes.iter().map(nlri).collect();
        self.tell(Command::Routes(Routes::V4(batch(n, &nlri, attributes))));
    }

    /// Lets a shard take some letters and have a turn; says whether there is more to do.
    pub(crate) fn step(&mut self, shard: usize, letters: usize) -> bool {
        let id = ShardId(u8::try_from(shard).expect("few shards"));
        for _ in 0..letters {
            let Some(letter) = self.mailboxes[shard].pop_front() else {
                break;
            };
            self.shards.handle_at(self.now, id, letter);
            self.take_outputs();
        }
        let more = self.shards.turn_at(self.now, id);
        self.take_outputs();
        more || !self.mailboxes[shard].is_empty()
    }

    fn pull(&mut self, peer: PeerId, shard: ShardId) {
        let Some(member) = self.members.get_mut(&peer.0) else {
            return;
        };
        let feed = &mut member.feeds[shard.index()];
        if !std::mem::replace(&mut feed.pulling, true) {
            let pull = Command::Pull { peer, family: V4 };
            self.mailboxes[shard.index()].push_back(pull);
        }
    }

    /// Lets a member read up to `count` publications of a shard; one that is not live pulls instead.
    pub(crate) fn read(&mut self, n: u32, shard: usize, count: usize) {
        let shard = ShardId(u8::try_from(shard).expect("few shards"));
        let Some(member) = self.members.get_mut(&n) else {
            return;
        };
        let feed = &mut member.feeds[shard.index()];
        let Some((group, next)) = feed.live else {
            return self.pull(PeerId(n), shard);
        };
        let chunks = self.published.get(&(shard, group)).map_or(&[][..], |c| c);
        let end = next.saturating_add(count).min(chunks.len());
        for chunk in &chunks[next..end] {
            member.driver.write(PeerId(n), V4, chunk);
            feed.written = chunk.upto;
        }
        feed.live = Some((group, end));
    }

    /// Throws a live member out of its ring in one shard.
    pub(crate) fn lag(&mut self, n: u32, shard: usize) {
        let Some(feed) = self.members.get_mut(&n).map(|m| &mut m.feeds[shard]) else {
            return;
        };
        if feed.live.take().is_some() {
            let lagged = Command::Lagged {
                peer: PeerId(n),
                family: V4,
                after: feed.written,
            };
            self.mailboxes[shard].push_back(lagged);
            self.pull(PeerId(n), ShardId(u8::try_from(shard).expect("few shards")));
        }
    }

    pub(crate) fn drain(&mut self) {
        for (shard, group) in self.published.keys().copied().collect::<Vec<_>>() {
            let feeds = self.members.values().map(|m| &m.feeds[shard.index()]);
            let live = feeds.filter(|feed| feed.live.is_some_and(|live| live.0 == group));
            if let Some(upto) = live.map(|feed| feed.written).min() {
                // Whoever lags has said so before.
                let drained = Command::Drained { group, upto };
                self.mailboxes[shard.index()].push_back(drained);
            }
        }
    }

    pub(crate) fn refresh(&mut self, n: u32) {
        if let Some(member) = self.members.get_mut(&n) {
            let steps = member.demarcation.on_refresh(member.marked);
            self.demarcate(n, steps);
        }
    }

    fn demarcate(&mut self, n: u32, steps: DemarcationSteps) {
        let Some(member) = self.members.get_mut(&n) else {
            return;
        };
        for boundary in steps.write {
            if boundary == Boundary::EndOfRib {
                member.told_at_end = Some(member.driver.told.len());
            }
            member.driver.take(V4, &boundary.message(V4));
        }
        if let Some(awaited) = steps.refresh {
            self.tell(Command::Refresh {
                peer: PeerId(n),
                family: V4,
                awaited,
            });
        }
    }

    /// Pulls for the kernel where that is due, and writes at once what comes.
    pub(crate) fn pull_fib(&mut self, max: usize) -> bool {
        let mut any = false;
        while let Some(shard) = self.pulls.next_pull() {
            any = true;
            self.mailboxes[shard.index()].push_back(Command::PullFib { max });
        }
        any
    }

    pub(crate) fn restart_fib(&mut self) {
        self.fib.clear();
        self.tell(Command::RestartFib);
    }

    /// The kernel's writer may remove left-overs as soon as there is nothing more.
    pub(crate) fn want_more(&mut self) {
        self.pulls.on_written();
    }

    pub(crate) fn answer_next_hops(&mut self) -> bool {
        let asked = std::mem::take(&mut self.asked);
        let reachable = NextHopState::Reachable { metric: 0 };
        let state = |address| self.next_hops.get(&address).copied().unwrap_or(reachable);
        let told: Vec<_> = asked.into_iter().map(|a| (a, state(a))).collect();
        let any = !told.is_empty();
        if any {
            self.tell(Command::NextHops(told));
        }
        any
    }

    /// Runs until nobody has anything to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut busy = false;
            for shard in 0..self.mailboxes.len() {
                busy |= self.step(shard, usize::MAX);
                for n in self.members.keys().copied().collect::<Vec<_>>() {
                    self.read(n, shard, usize::MAX);
                }
            }
            self.drain();
            busy |= self.pull_fib(5);
            busy |= self.answer_next_hops();
            let mut feeds = self.members.values().flat_map(|member| &member.feeds);
            busy |= !feeds.all(|feed| feed.live.is_some());
            let mailed = |mail: &VecDeque<Command>| {
                mail.iter().any(|c| !matches!(c, Command::Drained { .. }))
            };
            busy |= self.mailboxes.iter().any(mailed);
            if !busy {
                let turns = (0..self.mailboxes.len()).map(|shard| self.step(shard, usize::MAX));
                if !turns.fold(false, |any, more| any | more) {
                    return;
                }
            }
        }
        panic!("no rest");
    }

    pub(crate) fn told(&self, n: u32) -> &ToldPaths {
        &self.members[&n].driver.paths
    }

    pub(crate) fn ask(&mut self, query: Query) -> Answer {
        self.shards
            .handle(self.now, Command::Query { id: 9, query });
        self.take_outputs();
        self.answer.take().expect("a query is answered at once")
    }

    pub(crate) fn rows(&mut self, table: RouteTable) -> BTreeMap<Prefix, Vec<PathRow>> {
        let (mut rows, mut start) = (BTreeMap::new(), 0);
        loop {
            let query = RoutesQuery {
                table,
                family: V4,
                prefix: None,
                longer: false,
                start,
                limit: 7,
            };
            let Answer::Routes(page) = self.ask(Query::Routes(query)) else {
                panic!("not a page");
            };
            for row in page.rows {
                assert!(rows.insert(row.prefix, row.paths).is_none(), "listed once");
            }
            match page.next {
                Some(next) => start = next,
                None => return rows,
            }
        }
    }

    fn take_outputs(&mut self) {
        while let Some((shard, output)) = self.shards.poll_output() {
            self.take_output(shard, output);
        }
    }

    fn feed(&mut self, peer: PeerId, shard: ShardId) -> Option<&mut Feed> {
        let member = self.members.get_mut(&peer.0)?;
        Some(&mut member.feeds[shard.index()])
    }

    fn take_output(&mut self, shard: ShardId, output: Output) {
        match output {
            Output::Publish { group, chunk } => {
                self.published
                    .entry((shard, group))
                    .or_default()
                    .push(chunk);
            }
            Output::Pulled { peer, chunk, .. } => {
                if let Some(member) = self.members.get_mut(&peer.0) {
                    assert!(std::mem::take(&mut member.feeds[shard.index()].pulling));
                    member.driver.write(peer, V4, &chunk);
                    self.pull(peer, shard);
                }
            }
            Output::Live {
                peer, group, at, ..
            } => {
                let next = self.published.get(&(shard, group)).map_or(0, Vec::len);
                if let Some(feed) = self.feed(peer, shard) {
                    assert!(std::mem::take(&mut feed.pulling));
                    (feed.live, feed.written) = (Some((group, next)), at);
                }
            }
            Output::Complete { peer, .. } => {
                let member = self.members.get_mut(&peer.0);
                if let Some(steps) = member.map(|m| m.demarcation.on_complete(shard)) {
                    self.demarcate(peer.0, steps);
                }
            }
            Output::Detach { peer, .. } => {
                if let Some(feed) = self.feed(peer, shard) {
                    feed.live = None;
                    self.pull(peer, shard);
                }
            }
            Output::PrefixLimit { peer, event, .. } => {
                if let PrefixLimitEvent::Exceeded { .. } = event {
                    self.exceeded.push(peer.0);
                }
            }
            Output::Refused { .. } => {}
            Output::GroupGone(group) => {
                self.published.remove(&(shard, group));
            }
            Output::FibPending => self.pulls.on_pending(shard),
            Output::Fib(changes) => {
                if self.pulls.on_changes(shard, changes.is_empty()) {
                    if changes.is_empty() {
                        self.fib_complete.push(self.fib.len());
                    } else {
                        self.pulls.on_written();
                    }
                }
                for change in changes {
                    match change.route {
                        Some(route) => self.fib.insert(change.prefix, route),
                        None => self.fib.remove(&change.prefix),
                    };
                }
            }
            Output::TrackNextHops(addresses) => self.asked.extend(addresses),
            Output::UntrackNextHops(_) => {}
            Output::Answer { id, answer } => {
                assert_eq!(id, 9);
                self.answer = Some(answer);
            }
        }
    }
}
