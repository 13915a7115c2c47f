//! A shard with five neighbours and a prefix for each thing that can be explained.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::net::{Asn, Ipv4Prefix, PathId, PeerId, PerFamily, RouterId};
use crate::policy::{Condition, Edit, NextHopMode, Policy, Rule, Then};
use crate::rib::{
    Answer, Command, LocalRoute, NextHopState, Output, PeerSetup, Query, RouteBatch, Routes,
    SessionTerms, Shard, ShardOptions,
};
use crate::wire::{AddPathDirection, AsPath, Community, NextHop, Nlri, Origin, PathAttributes};

/// A shard that answers questions.
pub(super) struct FixedShard(Mutex<Shard>);

impl FixedShard {
    /// Builds it; nothing changes from there on.
    pub(super) fn new() -> Self {
        let mut shard = Shard::new(ShardOptions::default());
        let now = now();
        for command in story() {
            shard.handle(now, command);
            while shard.poll_output().is_some() {}
        }
        while shard.turn(now) {}
        while shard.poll_output().is_some() {}
        Self(Mutex::new(shard))
    }

    /// The answer to a question.
    pub(super) fn answer(&self, query: &Query) -> Answer {
        let mut shard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let query = query.clone();
        shard.handle(now(), Command::Query { id: 0, query });
        match shard.poll_output() {
            Some(Output::Answer { answer, .. }) => answer,
            other => unreachable!("a question is answered at once, not by {other:?}"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing here has a time")]
fn now() -> Instant {
    Instant::now()
}

/// Everything that the shard has heard.
fn story() -> Vec<Command> {
    let policy = |name: &str, rules, otherwise| {
        let name = name.into();
        Arc::new(Policy {
            name,
            rules,
            otherwise,
        })
    };
    let inside = |name: &str, net: &str, then| Rule {
        name: name.into(),
        conditions: vec![Condition::Inside([super::prefix(net)].into())],
        edits: Vec::new(),
        then,
    };
    let kernel = policy("kernel", Vec::new(), Then::Accept);
    let filter = inside("BGPFilter/no-lab importV4[0]", "10.66.0.0/16", Then::Reject);
    let import = policy("import ipv4", vec![filter], Then::Accept);
    let normal = Rule {
        name: "BGPConfiguration/default spec.ipv4NormalRoutePriority".into(),
        conditions: Vec::new(),
        edits: vec![Edit::AddCommunity(Community(64_512 << 16 | 7))],
        then: Then::Next,
    };
    let pool = inside("IPPool/pods-v4 spec.cidr", "10.65.0.0/16", Then::Accept);
    let export = policy("export ipv4", vec![normal, pool], Then::Reject);
    let mut story = vec![Command::SetKernelPolicy(PerFamily {
        ipv4: Arc::clone(&kernel),
        ipv6: kernel,
    })];
    let peers = [
        (1, "Mesh_192_0_2_12", 12, 64_512),
        (2, "Global_192_0_2_254", 254, 65_001),
        (3, "Node_192_0_2_13", 13, 64_512),
        (4, "Node_192_0_2_14", 14, 64_512),
        (5, "Node_192_0_2_15", 15, 65_005),
    ];
    for (n, name, host, remote_as) in peers {
        let setup = setup(n, name, host, remote_as, (&import, &export));
        story.push(Command::AddPeer(setup));
        story.push(Command::SessionUp(terms(n, host)));
    }
    let heard = |host: u8, path: &[u32]| PathAttributes {
        as_path: AsPath::sequence(path.iter().map(|asn| Asn(*asn))),
        ..PathAttributes::originated(NextHop::V4([192, 0, 2, host].into()))
    };
    let mut announce = |n, net: &str, attributes: &PathAttributes| {
        story.push(announced(n, net, attributes));
    };
    announce(1, "10.65.1.0/26", &heard(12, &[65_009]));
    announce(2, "10.65.1.0/26", &heard(254, &[65_001, 65_009]));
    announce(
        3,
        "10.65.1.0/26",
        &PathAttributes {
            local_pref: Some(50),
            ..heard(13, &[])
        },
    );
    announce(
        4,
        "10.65.1.0/26",
        &PathAttributes {
            med: Some(20),
            ..heard(14, &[65_009])
        },
    );
    announce(
        5,
        "10.65.1.0/26",
        &PathAttributes {
            origin: Origin::Incomplete,
            ..heard(15, &[65_005])
        },
    );
    announce(2, "10.66.0.0/24", &heard(254, &[65_001]));
    announce(
        5,
        "10.65.3.0/26",
        &PathAttributes {
            communities: [Community::NO_EXPORT].into(),
            ..heard(15, &[65_005])
        },
    );
    announce(2, "10.0.0.0/8", &heard(254, &[65_001, 65_002]));
    story.push(Command::Originate(LocalRoute {
        prefix: super::prefix("10.65.0.0/26"),
        origin: "BlockAffinity/node-a-10-65-0-0-26".into(),
    }));
    let reachable = |host: u8| {
        let state = NextHopState::Reachable { metric: 0 };
        ([192, 0, 2, host].into(), state)
    };
    let hosts = [12, 13, 14, 15, 254];
    story.push(Command::NextHops(hosts.map(reachable).to_vec()));
    story
}

fn setup(
    n: u32,
    name: &str,
    host: u8,
    remote_as: u32,
    (import, export): (&Arc<Policy>, &Arc<Policy>),
) -> PeerSetup {
    fn both<T: Clone>(value: &T) -> PerFamily<T> {
        PerFamily {
            ipv4: value.clone(),
            ipv6: value.clone(),
        }
    }
    PeerSetup {
        peer: PeerId(n),
        name: name.into(),
        address: [192, 0, 2, host].into(),
        local_as: Asn(64_512),
        remote_as: Asn(remote_as),
        router_id: RouterId([192, 0, 2, 11].into()),
        external: remote_as != 64_512,
        reflector_client: None,
        cluster_id: None,
        next_hop_mode: NextHopMode::Auto,
        own_next_hop: PerFamily {
            ipv4: Some([192, 0, 2, 11].into()),
            ipv6: None,
        },
        allowed_local_as: 0,
        import: both(import),
        export: both(export),
        prefix_limit: PerFamily::default(),
        role: None,
        add_path_max: 16,
    }
}

fn terms(n: u32, host: u8) -> SessionTerms {
    SessionTerms {
        peer: PeerId(n),
        peer_id: RouterId([192, 0, 2, host].into()),
        local_address: None,
        families: PerFamily {
            ipv4: true,
            ipv6: false,
        },
        four_octet_as: true,
        add_path: PerFamily {
            ipv4: AddPathDirection::default(),
            ipv6: AddPathDirection::default(),
        },
        forwarding_preserved: PerFamily::default(),
        stale_until: None,
        enhanced_refresh: false,
        extended_message: false,
        extended_next_hop: false,
    }
}

fn announced(n: u32, net: &str, attributes: &PathAttributes) -> Command {
    let prefix: Ipv4Prefix = match super::prefix(net) {
        crate::net::Prefix::V4(prefix) => prefix,
        crate::net::Prefix::V6(_) => unreachable!("all that is announced here is IPv4"),
    };
    let mut batch = RouteBatch::new(PeerId(n));
    let nlri = Nlri {
        prefix,
        path_id: PathId(0),
    };
    batch.announce_path(attributes, &mut std::iter::once(nlri));
    Command::Routes(Routes::V4(batch))
}
