//! A world around one shard for tests: drivers that follow, pull, fall behind and decode.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::net::{
    Asn, ClusterId, Family, Ipv4, Ipv4Prefix, Ipv6, Ipv6Prefix, PathId, PeerId, PerFamily, Prefix,
    RouterId,
};
use crate::policy::{NextHopMode, Policy, Then};
use crate::wire::{
    AddPathDirection, AsPath, DecodeContext, Framer, Message, NextHop, Nlri, PathAttributes, decode,
};

/// What a driver has of one prefix.
pub(crate) type Told = BTreeMap<Prefix, Arc<PathAttributes>>;

/// The far side of one session in one family.
#[derive(Debug, Default)]
pub(crate) struct Driver {
    pub(crate) told: Told,
    pub(crate) end_of_ribs: usize,
    pub(crate) octets: usize,
    /// Position in the group's publications, while live.
    live: Option<(GroupId, usize)>,
    written: Version,
    pulling: bool,
    four_octet_as: bool,
    add_path: bool,
}

pub(crate) struct World {
    pub(crate) shard: Shard,
    pub(crate) now: Instant,
    pub(crate) drivers: BTreeMap<(PeerId, Family), Driver>,
    published: BTreeMap<GroupId, Vec<Arc<Chunk>>>,
    pub(crate) fib: BTreeMap<Prefix, FibRoute>,
    pub(crate) fib_pending: bool,
    fib_last: usize,
    pub(crate) asked: Vec<IpAddr>,
    pub(crate) unasked: Vec<IpAddr>,
    /// What is said of next hops that are asked about; `None` to say nothing.
    pub(crate) answers: Option<BTreeMap<IpAddr, NextHopState>>,
    answer: Option<Answer>,
}

pub(crate) fn accept_all() -> Arc<Policy> {
    Arc::new(Policy {
        name: "all".into(),
        rules: Vec::new(),
        otherwise: Then::Accept,
    })
}

pub(crate) fn both<T: Clone>(value: T) -> PerFamily<T> {
    PerFamily {
        ipv4: value.clone(),
        ipv6: value,
    }
}

pub(crate) fn prefix(text: &str) -> Prefix {
    text.parse().expect("a valid prefix")
}

/// The `n`th test prefix of a family.
pub(crate) fn nth(family: Family, n: u32) -> Prefix {
    match family {
        Family::Ipv4 => Prefix::new(Ipv4Addr::from(0x0a00_0000 + (n << 8)).into(), 24),
        Family::Ipv6 => Prefix::new(
            IpAddr::V6((0xfd00_u128 << 112 | u128::from(n) << 64).into()),
            64,
        ),
    }
    .expect("in range")
}

/// The address of peer `n` in a family.
pub(crate) fn address(family: Family, n: u32) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::from(0xc000_0200 + n).into(),
        Family::Ipv6 => IpAddr::V6((0x2001_0db8_u128 << 96 | u128::from(n)).into()),
    }
}

pub(crate) fn attributes(next_hop: IpAddr, path: &[u32]) -> PathAttributes {
    PathAttributes {
        as_path: AsPath::sequence(path.iter().map(|n| Asn(*n))),
        ..PathAttributes::originated(NextHop::from(next_hop))
    }
}

/// A peer whose number is its last address octet; this side is AS 64512 at .254.
pub(crate) fn peer(n: u32, external: bool, client: bool) -> PeerSetup {
    let cluster = ClusterId(Ipv4Addr::new(10, 0, 0, 254));
    PeerSetup {
        peer: PeerId(n),
        name: format!("peer {n}").into(),
        address: address(Family::Ipv4, n),
        local_as: Asn(64_512),
        router_id: RouterId(Ipv4Addr::new(192, 0, 2, 254)),
        external,
        reflector_client: client.then_some(cluster),
        cluster_id: Some(cluster),
        next_hop_mode: NextHopMode::Auto,
        own_next_hop: PerFamily {
            ipv4: Some(address(Family::Ipv4, 254)),
            ipv6: Some(address(Family::Ipv6, 254)),
        },
        allowed_local_as: 0,
        import: both(accept_all()),
        export: both(accept_all()),
    }
}

pub(crate) fn terms(n: u32) -> SessionTerms {
    SessionTerms {
        peer: PeerId(n),
        peer_id: RouterId(Ipv4Addr::from(0xc000_0200 + n)),
        families: both(true),
        four_octet_as: true,
        add_path: both(AddPathDirection::default()),
        forwarding_preserved: both(true),
        stale_until: None,
    }
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    pub(crate) fn new(track_next_hops: bool) -> Self {
        let mut world = Self {
            shard: Shard::new(ShardOptions {
                track_next_hops,
                ..ShardOptions::default()
            }),
            now: Instant::now(),
            drivers: BTreeMap::new(),
            published: BTreeMap::new(),
            fib: BTreeMap::new(),
            fib_pending: false,
            fib_last: 0,
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

    pub(crate) fn announce_path(
        &mut self,
        n: u32,
        path_id: PathId,
        prefixes: &[Prefix],
        attributes: PathAttributes,
    ) {
        self.routes(
            n,
            path_id,
            prefixes,
            &RouteOp::Announce(Arc::new(attributes)),
        );
    }

    pub(crate) fn withdraw(&mut self, n: u32, prefixes: &[Prefix]) {
        self.withdraw_path(n, PathId(0), prefixes);
    }

    pub(crate) fn withdraw_path(&mut self, n: u32, path_id: PathId, prefixes: &[Prefix]) {
        self.routes(n, path_id, prefixes, &RouteOp::Withdraw);
    }

    fn routes(&mut self, n: u32, path_id: PathId, prefixes: &[Prefix], op: &RouteOp) {
        let source = PeerId(n);
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            match *prefix {
                Prefix::V4(prefix) => v4.push(Nlri { prefix, path_id }),
                Prefix::V6(prefix) => v6.push(Nlri { prefix, path_id }),
            }
        }
        let ops = |len: usize| vec![(op.clone(), u32::try_from(len).expect("few"))];
        if !v4.is_empty() {
            let ops = ops(v4.len());
            let batch = RouteBatch::<Ipv4Prefix> {
                source,
                ops,
                nlri: v4,
            };
            self.tell(Command::Routes(Routes::V4(batch)));
        }
        if !v6.is_empty() {
            let ops = ops(v6.len());
            let batch = RouteBatch::<Ipv6Prefix> {
                source,
                ops,
                nlri: v6,
            };
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
            if !busy && live && !self.turn() {
                return;
            }
        }
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
                Output::Detach { peer, family } => {
                    let driver = self.drivers.get_mut(&(peer, family));
                    driver.expect("only live members are detached").live = None;
                }
                Output::GroupGone(group) => {
                    self.published.remove(&group);
                }
                Output::FibPending => {
                    assert!(!self.fib_pending, "said once until it pulls");
                    self.fib_pending = true;
                }
                Output::Fib(changes) => {
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

impl Driver {
    fn write(&mut self, peer: PeerId, family: Family, chunk: &Chunk) {
        for (own, bytes) in &chunk.amends {
            if *own == peer {
                self.take(family, bytes);
            }
        }
        let mut start = 0;
        for mark in &chunk.marks {
            assert!(start <= mark.start as usize && mark.start < mark.end);
            if mark.source == peer {
                self.take(family, &chunk.bytes[start..mark.start as usize]);
                start = mark.end as usize;
            }
        }
        self.take(family, &chunk.bytes[start..]);
        self.written = chunk.upto;
    }

    fn take(&mut self, family: Family, bytes: &[u8]) {
        self.octets += bytes.len();
        let context = DecodeContext {
            four_octet_as: self.four_octet_as,
            add_path: both(self.add_path),
            families: both(true),
            external: false,
        };
        let mut framer = Framer::new();
        framer.extend(bytes);
        while let Some(message) = framer.next().expect("whole messages") {
            let Message::Update(update) = decode(&message, &context).expect("valid") else {
                panic!("only UPDATEs are packed");
            };
            assert!(update.faults.is_empty(), "{:?}", update.faults);
            self.end_of_ribs += usize::from(update.end_of_rib == Some(family));
            for run in &update.withdrawn {
                for prefix in prefixes(run) {
                    self.told.remove(&prefix);
                }
            }
            for announced in &update.announced {
                for prefix in prefixes(&announced.nlri) {
                    self.told.insert(prefix, Arc::clone(&announced.attributes));
                }
            }
        }
        assert_eq!(framer.buffered(), 0, "no message is cut");
    }
}

fn prefixes(run: &crate::wire::NlriRun<'_>) -> Vec<Prefix> {
    match run.family {
        Family::Ipv4 => run.iter::<Ipv4>().map(|nlri| nlri.prefix.into()).collect(),
        Family::Ipv6 => run.iter::<Ipv6>().map(|nlri| nlri.prefix.into()).collect(),
    }
}

/// A policy that refuses one prefix.
pub(crate) fn refusing(text: &str) -> Arc<Policy> {
    let rule = crate::policy::Rule {
        name: "refused".into(),
        conditions: vec![crate::policy::Condition::Equals([prefix(text)].into())],
        edits: Vec::new(),
        then: Then::Reject,
    };
    Arc::new(Policy {
        name: format!("all but {text}").into(),
        rules: vec![rule],
        otherwise: Then::Accept,
    })
}
