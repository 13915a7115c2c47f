//! The shard: commands in, bounded steps, outputs out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::RouteBatch;
use super::command::{Command, GroupId, Output, Routes};
use super::loc_rib::LocRib;
use super::member::Served;
use super::path::Path;
use super::peers::PeerSlot;
use super::shared::Shared;
use super::sweep::{Sweep, SweepKind};
use crate::net::{AddressFamily, Family, Ipv4, Ipv6, PathId, PeerId, Prefix};
use crate::policy::SelectionRules;

/// How a shard works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardOptions {
    /// How paths are chosen; [`Command::SetSelection`] changes it.
    pub selection: SelectionRules,
    /// Whether the owner resolves next hops. If so, a path waits until the owner has answered for its
    /// next hop; if not (a reflector off the data path), every next hop counts as reachable.
    pub track_next_hops: bool,
    /// Whether the speaker has restarted and still learns what it knew. Until [`Command::Recovered`]
    /// it tells routes, but not that they are all ([`Output::Complete`]), upon which peers would give
    /// up what is missing (RFC 4724 §4.1).
    pub recovering: bool,
}

impl Default for ShardOptions {
    fn default() -> Self {
        Self {
            selection: SelectionRules::default(),
            track_next_hops: true,
            recovering: false,
        }
    }
}

/// All route state of a set of prefixes.
///
/// The owner feeds it with [`Self::handle`], gives it time with [`Self::turn`], and takes what it says
/// with [`Self::poll_output`] after each of the two. No step takes longer than a few thousand
/// destinations.
///
/// ```
/// use std::time::Instant;
/// use calidris::rib::{Answer, Command, LocalRoute, Output, Query, Shard, ShardOptions};
///
/// # #[expect(clippy::disallowed_methods, reason = "an owner reads the clock")]
/// let now = Instant::now();
/// let mut shard = Shard::new(ShardOptions::default());
/// shard.handle(now, Command::Originate(LocalRoute {
///     prefix: "10.65.3.0/26".parse().expect("a prefix"),
///     origin: "BlockAffinity/node-1".into(),
/// }));
/// while shard.turn(now) {}
/// shard.handle(now, Command::Query { id: 1, query: Query::Totals });
/// let Some(Output::Answer { answer: Answer::Totals(totals), .. }) = shard.poll_output() else {
///     panic!("a query is answered at once");
/// };
/// assert_eq!(totals.ipv4.prefixes, 1);
/// ```
pub struct Shard {
    pub(super) v4: LocRib<Ipv4>,
    pub(super) v6: LocRib<Ipv6>,
    pub(super) shared: Shared,
    pub(super) sweeps: VecDeque<Sweep>,
    /// Pulls not answered yet, one entry each; a driver has one under way.
    pub(super) waiting: VecDeque<(Family, PeerId)>,
    pub(super) deadline: Option<Instant>,
    /// From when on nothing is expected to be announced or withdrawn soon.
    quiet_from: Option<Instant>,
    /// Whether the owner has said that recovery is over; acted upon once things have settled.
    recovered: bool,
    /// Whether the kernel's writer was told that changes wait.
    pub(super) fib_told: bool,
    /// Pulls of the kernel's writer not answered yet, with their bounds; it has one under way.
    pub(super) fib_pulls: VecDeque<usize>,
}

/// Does the same with the tables of whichever family is meant.
macro_rules! in_family {
    ($shard:expr, $family:expr, $method:ident $(, $argument:expr)*) => {
        match $family {
            $crate::net::Family::Ipv4 => $shard.v4.$method($($argument),*),
            $crate::net::Family::Ipv6 => $shard.v6.$method($($argument),*),
        }
    };
}
pub(super) use in_family;

impl Shard {
    /// An empty shard.
    pub fn new(options: ShardOptions) -> Self {
        Self {
            v4: LocRib::default(),
            v6: LocRib::default(),
            shared: Shared::new(options),
            sweeps: VecDeque::new(),
            waiting: VecDeque::new(),
            deadline: None,
            quiet_from: None,
            recovered: false,
            fib_told: false,
            fib_pulls: VecDeque::new(),
        }
    }

    /// Takes one command. Commands about peers that are not configured, or not up, do nothing.
    pub fn handle(&mut self, now: Instant, command: Command) {
        match command {
            Command::AddPeer(setup) => self.set_peers(vec![setup]),
            Command::UpdatePeers(setups) => self.set_peers(setups),
            Command::RemovePeer(peer) => self.remove_peer(peer),
            Command::ShareTally { peer, tallies } => self.share_tally(peer, tallies),
            Command::SessionUp(terms) => self.session_up(terms),
            Command::SessionDown { peer, keep_until } => self.session_down(peer, keep_until),
            Command::Routes(Routes::V4(batch)) => {
                self.quiet_from = Some(now + QUIET);
                if let Some(slot) = self.announcer(&batch, Family::Ipv4) {
                    self.v4.apply(&mut self.shared, slot, &batch);
                }
            }
            Command::Routes(Routes::V6(batch)) => {
                self.quiet_from = Some(now + QUIET);
                if let Some(slot) = self.announcer(&batch, Family::Ipv6) {
                    self.v6.apply(&mut self.shared, slot, &batch);
                }
            }
            Command::EndOfRib { peer, family } => self.end_of_rib(peer, family),
            Command::Refresh {
                peer,
                family,
                awaited,
            } => {
                if let Some(slot) = self.shared.peers.slot(peer) {
                    in_family!(self, family, refresh, &mut self.shared, slot, awaited);
                }
            }
            Command::RefreshBegin { peer, family } => self.refresh_begin(now, peer, family),
            Command::RefreshEnd { peer, family } => self.refresh_end(peer, family),
            Command::Pull { peer, family } => {
                if in_family!(self, family, group_of_peer, &self.shared, peer).is_some() {
                    self.waiting.push_back((family, peer));
                }
            }
            Command::Lagged {
                peer,
                family,
                after,
            } => {
                if let Some(slot) = self.shared.peers.slot(peer) {
                    in_family!(self, family, lag, &self.shared, slot, after);
                }
            }
            Command::Drained { group, upto } => {
                self.v4.drain(group, upto);
                self.v6.drain(group, upto);
            }
            Command::Originate(route) => {
                let family = route.prefix.family();
                in_family!(self, family, originate, &mut self.shared, &route);
            }
            Command::WithdrawLocal(prefix) => self.withdraw_local(prefix),
            Command::SetKernelPolicy(policies) => {
                if self.shared.kernel.as_ref() != Some(&policies) {
                    self.shared.kernel = Some(policies);
                    self.restart_feeds();
                }
            }
            Command::SetSelection(rules) => {
                if std::mem::replace(&mut self.shared.options.selection, rules) != rules {
                    for family in Family::ALL {
                        self.begin_sweep(Sweep::new(family, SweepKind::Reselect));
                    }
                }
            }
            Command::NextHops(states) => {
                for (address, state) in states {
                    if self.shared.next_hops.tell(address, state) {
                        for family in Family::ALL {
                            let kind = SweepKind::Resolve(address);
                            self.begin_sweep(Sweep::new(family, kind));
                        }
                    }
                }
            }
            Command::PullFib { max } => {
                self.fib_pulls.push_back(max);
                self.turn_fib();
            }
            Command::Recovered => self.recovered = true,
            Command::RestartFib => self.restart_feeds(),
            Command::Query { id, query } => {
                let answer = self.answer(&query);
                self.shared.outputs.push_back(Output::Answer { id, answer });
            }
        }
        self.shared.ask_for_next_hops();
        self.tell_fib();
    }

    /// Does one bounded round of what waits; says whether more does.
    pub fn turn(&mut self, now: Instant) -> bool {
        self.turn_paced(now, &mut |_, _| true)
    }

    /// The same at the pace of the owner: a group's head moves only if `may_publish` agrees, which
    /// hears how many changes the head has not met. What is held back for that is not said to wait:
    /// the owner knows when to ask again.
    pub fn turn_paced(
        &mut self,
        now: Instant,
        may_publish: &mut dyn FnMut(GroupId, u64) -> bool,
    ) -> bool {
        self.fire_deadlines(now);
        self.turn_sweeps();
        let Self { v4, v6, shared, .. } = self;
        let mut busy = turn_groups(v4, shared, may_publish) | turn_groups(v6, shared, may_publish);
        self.turn_recovery();
        self.turn_pulls();
        self.turn_fib();
        busy |= !self.sweeps.is_empty() || !self.waiting.is_empty();
        busy |= !self.fib_pulls.is_empty() && self.feeds_wait();
        let trimming = self.v4.trim(TRIM_STEPS) | self.v6.trim(TRIM_STEPS);
        let unused = self.shared.next_hops.take_unused(UNTRACK_STEPS);
        if !unused.is_empty() {
            let output = Output::UntrackNextHops(unused);
            self.shared.outputs.push_back(output);
        }
        let is_quiet = !busy && self.quiet_from.is_none_or(|from| from <= now);
        let sweeping = self.shared.interner.sweep(INTERN_STEPS, is_quiet);
        self.shared.ask_for_next_hops();
        self.tell_fib();
        busy || trimming || sweeping || self.shared.next_hops.has_idle()
    }

    /// The number of paths in both families.
    pub fn paths(&self) -> u64 {
        self.v4.paths + self.v6.paths
    }

    /// The next thing that the shard asks of its owner.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.shared.outputs.pop_front()
    }

    /// When [`Self::turn`] is due though nothing else happens: stale routes run out of time.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// When a turn is worth its while, should nothing happen until then: there is something to tidy up.
    pub fn poll_tidy(&self) -> Option<Instant> {
        self.quiet_from
            .filter(|_| self.shared.interner.is_due_at_rest())
    }

    fn announcer<P: Copy>(&self, batch: &RouteBatch<P>, family: Family) -> Option<PeerSlot> {
        let slot = self.shared.peers.slot(batch.source())?;
        self.shared.peers.get(slot).session_in(family).map(|_| slot)
    }

    fn withdraw_local(&mut self, prefix: Prefix) {
        fn withdraw<A: AddressFamily>(rib: &mut LocRib<A>, shared: &mut Shared, prefix: Prefix) {
            use crate::net::PrefixKey;
            let dest = A::Prefix::from_prefix(prefix).and_then(|prefix| rib.table.find(prefix));
            if let Some(dest) = dest {
                let all = |path: &Path| path.path_id() == PathId(0);
                rib.remove_paths(shared, dest, PeerSlot::LOCAL, all);
            }
        }
        withdraw(&mut self.v4, &mut self.shared, prefix);
        withdraw(&mut self.v6, &mut self.shared, prefix);
    }

    fn restart_feeds(&mut self) {
        self.v4.restart_feed();
        self.v6.restart_feed();
    }

    /// Queues a sweep unless the same one waits already: at most two of a kind exist, one of them
    /// under way.
    pub(super) fn begin_sweep(&mut self, sweep: Sweep) {
        if !self.sweeps.iter().any(|queued| queued.covers(&sweep)) {
            self.sweeps.push_back(sweep);
        }
    }

    /// Runs a sweep for up to `steps` destinations; returns the steps left once it is complete.
    pub(super) fn run_sweep(&mut self, sweep: &mut Sweep, steps: usize) -> Option<usize> {
        in_family!(self, sweep.family, sweep, &mut self.shared, sweep, steps)
    }

    fn turn_sweeps(&mut self) {
        let mut steps = SWEEP_STEPS;
        while let Some(mut sweep) = self.sweeps.pop_front() {
            let Some(left) = self.run_sweep(&mut sweep, steps) else {
                self.sweeps.push_front(sweep);
                return;
            };
            steps = left;
            self.end_sweep(&sweep);
        }
    }

    fn end_sweep(&mut self, sweep: &Sweep) {
        match sweep.kind {
            SweepKind::Expire(slot) => self.release(slot),
            // The next one looks for what the key after that means.
            SweepKind::Reexport(group)
                if !self.sweeps.iter().any(|queued| queued.kind == sweep.kind) =>
            {
                in_family!(self, sweep.family, end_reexport, group);
            }
            SweepKind::Reexport(_)
            | SweepKind::Reimport { .. }
            | SweepKind::Resolve(_)
            | SweepKind::Reselect => {}
        }
    }

    /// Whether all that was heard is decided upon.
    pub(super) fn is_settled(&self) -> bool {
        self.sweeps.is_empty() && !self.shared.next_hops.has_untold()
    }

    /// Ends a recovery once all that was heard in it is with the groups.
    fn turn_recovery(&mut self) {
        let heard = self.is_settled() && self.v4.groups_rest() && self.v6.groups_rest();
        if self.recovered && self.shared.options.recovering && heard {
            self.shared.options.recovering = false;
            self.v4.owe_end_of_rib(&mut self.shared);
            self.v6.owe_end_of_rib(&mut self.shared);
        }
    }

    /// Serves members that asked, in the order in which they did.
    fn turn_pulls(&mut self) {
        for _ in 0..PULLS_MAX.min(self.waiting.len()) {
            let Some((family, peer)) = self.waiting.pop_front() else {
                return;
            };
            let Some(group) = in_family!(self, family, group_of_peer, &self.shared, peer) else {
                continue;
            };
            let id = in_family!(self, family, group_id, group);
            let (served, complete) = in_family!(self, family, serve, &mut self.shared, group, peer);
            let outputs = &mut self.shared.outputs;
            match served {
                Served::Chunk(chunk) => outputs.push_back(Output::Pulled {
                    peer,
                    family,
                    chunk,
                }),
                Served::Live(at) => outputs.push_back(Output::Live {
                    peer,
                    family,
                    group: id,
                    at,
                }),
                Served::Later => self.waiting.push_back((family, peer)),
            }
            if complete {
                outputs.push_back(Output::Complete { peer, family });
            }
        }
    }
}

/// Moves the head of every group on that has one to tell nobody, owes somebody an end, or may; says
/// whether one has more to do.
fn turn_groups<A: AddressFamily>(
    rib: &mut LocRib<A>,
    shared: &mut Shared,
    may_publish: &mut dyn FnMut(GroupId, u64) -> bool,
) -> bool {
    let mut busy = false;
    for group in &mut rib.groups {
        let id = group.id;
        let mut may_move = || {
            let changes = rib.log.head().0 - group.head.0;
            !group.publishes() || group.owes_an_end() || may_publish(id, changes)
        };
        if group.has_work(&rib.log) && may_move() {
            let (log, ids) = (&mut rib.log, &rib.path_ids);
            let chunks = group.advance(&rib.table, log, ids, shared, EXPORT_STEPS);
            chunks
                .iter()
                .for_each(|chunk| group.counts.published(chunk));
            shared
                .outputs
                .extend(chunks.into_iter().map(|chunk| Output::Publish {
                    group: id,
                    chunk: Arc::new(chunk),
                }));
            busy |= group.has_work(&rib.log);
        }
    }
    busy
}

/// Destinations swept in one turn.
const SWEEP_STEPS: usize = steps(4096);
/// Changes that a group's head takes from the log in one turn.
const EXPORT_STEPS: usize = steps(4096);
/// Members served in one turn.
const PULLS_MAX: usize = 64;
/// Log entries trimmed in one turn.
const TRIM_STEPS: usize = steps(2048);
/// How long nobody must have announced or withdrawn anything before unused attribute sets are sought
/// for the sake of a few: a look at all of them would cost far more than a change.
const QUIET: Duration = Duration::from_millis(100);
/// Attribute sets looked at in one turn.
const INTERN_STEPS: usize = steps(512);
/// Unused next hops forgotten in one turn.
const UNTRACK_STEPS: usize = steps(1024);

/// A bound of a turn; in this crate's own tests so small that turns end midway.
pub(super) const fn steps(bound: usize) -> usize {
    if cfg!(test) { 3 } else { bound }
}
