//! A shard with an owner that reads at once whatever it says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use calidris::net::{AddPathDirection, Asn, ClusterId, Ipv4Prefix, PeerId, PerFamily, RouterId};
use calidris::policy::{NextHopMode, Policy, Then};
use calidris::rib::{
    Command, GroupId, Output, PeerSetup, RouteBatch, Routes, SessionTerms, Shard, ShardOptions,
    Version,
};

use super::memory::thread_time;
use super::now;

/// A shard and its owner.
pub(crate) struct World {
    shard: Shard,
    now: Instant,
    published: BTreeMap<GroupId, Version>,
    spent: Duration,
    octets: usize,
}

impl World {
    pub(crate) fn new(options: ShardOptions) -> Self {
        Self {
            shard: Shard::new(options),
            now: now(),
            published: BTreeMap::new(),
            spent: Duration::ZERO,
            octets: 0,
        }
    }

    /// Brings a peer up; it pulls until it is live.
    pub(crate) fn up(&mut self, setup: PeerSetup, add_path: bool) {
        let terms = terms(&setup, add_path);
        let (peer, families) = (setup.peer, terms.families);
        self.tell(Command::AddPeer(setup));
        self.tell(Command::SessionUp(terms));
        for family in families.families() {
            self.tell(Command::Pull { peer, family });
        }
        self.settle();
    }

    /// Hands in the batches of several peers, one of each in turn, and lets things settle.
    pub(crate) fn feed(&mut self, peers: &[Vec<RouteBatch<Ipv4Prefix>>]) {
        let longest = peers.iter().map(Vec::len).max().unwrap_or(0);
        let mut waiting = 0;
        for at in 0..longest {
            for batches in peers {
                let Some(batch) = batches.get(at) else {
                    continue;
                };
                self.tell(Command::Routes(Routes::V4(batch.clone())));
                waiting += 1;
                if waiting == BATCHES_A_TURN {
                    waiting = 0;
                    self.turn();
                }
            }
        }
        self.settle();
    }

    /// The time spent since the last call, in nanoseconds.
    pub(crate) fn take_time(&mut self) -> u128 {
        std::mem::take(&mut self.spent).as_nanos()
    }

    fn tell(&mut self, command: Command) {
        let start = thread_time();
        self.shard.handle(self.now, command);
        self.spent += thread_time() - start;
    }

    fn turn(&mut self) -> bool {
        let start = thread_time();
        let busy = self.shard.turn(self.now);
        let mut pulls = Vec::new();
        while let Some(output) = self.shard.poll_output() {
            match output {
                Output::Publish { group, chunk } => {
                    self.published.insert(group, chunk.upto);
                    self.octets += chunk.bytes.len();
                }
                Output::Pulled {
                    peer,
                    family,
                    chunk,
                } => {
                    self.octets += chunk.bytes.len();
                    pulls.push(Command::Pull { peer, family });
                }
                _ => {}
            }
        }
        let more = busy || !pulls.is_empty();
        for pull in pulls {
            self.shard.handle(self.now, pull);
        }
        self.spent += thread_time() - start;
        more
    }

    fn settle(&mut self) {
        loop {
            while self.turn() {}
            if self.published.is_empty() {
                return;
            }
            for (group, upto) in std::mem::take(&mut self.published) {
                self.tell(Command::Drained { group, upto });
            }
        }
    }
}

/// Batches that the owner has in its hands when it gives the shard its turn.
const BATCHES_A_TURN: usize = 4;

/// A peer in an AS of its own.
pub(crate) fn external(n: u32) -> PeerSetup {
    PeerSetup {
        remote_as: Asn(65_000 + n),
        external: true,
        ..reflector_client(n)
    }
}

/// A client in this side's AS.
pub(crate) fn reflector_client(n: u32) -> PeerSetup {
    let cluster = ClusterId([10, 0, 0, 254].into());
    let policy = Arc::new(Policy {
        name: "all".into(),
        rules: Vec::new(),
        otherwise: Then::Accept,
    });
    PeerSetup {
        peer: PeerId(n),
        name: format!("peer {n}").into(),
        address: std::net::Ipv4Addr::from(0xac10_0000 + n).into(),
        local_as: Asn(64_512),
        remote_as: Asn(64_512),
        router_id: RouterId([192, 0, 2, 254].into()),
        external: false,
        reflector_client: Some(cluster),
        cluster_id: Some(cluster),
        next_hop_mode: NextHopMode::Auto,
        own_next_hop: PerFamily {
            ipv4: Some([192, 0, 2, 254].into()),
            ipv6: None,
        },
        allowed_local_as: 0,
        import: both(Arc::clone(&policy)),
        export: both(policy),
        prefix_limit: both(None),
        role: None,
        add_path_max: 16,
    }
}

fn terms(setup: &PeerSetup, add_path: bool) -> SessionTerms {
    SessionTerms {
        peer: setup.peer,
        peer_id: RouterId((0xac10_0000 + setup.peer.0).into()),
        local_address: None,
        families: PerFamily {
            ipv4: true,
            ipv6: false,
        },
        four_octet_as: true,
        add_path: both(AddPathDirection {
            receive: add_path,
            send: add_path,
        }),
        forwarding_preserved: both(true),
        stale_until: None,
        enhanced_refresh: false,
        extended_message: false,
        extended_next_hop: false,
    }
}

fn both<T: Clone>(value: T) -> PerFamily<T> {
    PerFamily {
        ipv4: value.clone(),
        ipv6: value,
    }
}
