//! What two speakers agree on before they meet, and what each side of it is told.

use std::sync::Arc;
use std::time::Duration;

use super::defect::Defect;
use super::filter::Filter;
use super::identity::Identity;
use crate::fsm::PeerConfig;
use crate::net::{Asn, Family, PeerId, PerFamily, PrefixLimit};
use crate::policy::{NextHopMode, Policy};
use crate::rib::PeerSetup;
use crate::wire::{AddPathDirection, HoldTime};

/// What two speakers agree on before they meet.
#[derive(Clone, Debug)]
pub struct Peering {
    /// The families offered by both.
    pub families: PerFamily<bool>,
    /// The hold time proposed by both, in seconds: zero, or at least three.
    pub hold_time: u16,
    /// Whether the second speaker only waits.
    pub passive: bool,
    /// Whether both offer graceful restart, and for how many seconds.
    pub restart_time: Option<u16>,
    /// Whether both say that their forwarding state survived, each time they meet.
    pub forwarding_preserved: bool,
    /// Whether the first and the second speaker send several paths to a prefix.
    pub several_paths: (bool, bool),
    /// How many paths each sends at most, where it sends several.
    pub paths_max: u16,
    /// Whether the first takes the second for its client, and the second the first. Without it,
    /// reflectors take for clients whoever is in their AS and not in their cluster.
    pub clients: Option<(bool, bool)>,
    /// How long an octet takes from one to the other.
    pub latency: Duration,
}

impl Default for Peering {
    fn default() -> Self {
        Self {
            families: PerFamily {
                ipv4: true,
                ipv6: true,
            },
            hold_time: 90,
            passive: false,
            restart_time: None,
            forwarding_preserved: false,
            several_paths: (false, false),
            paths_max: u16::MAX,
            clients: None,
            latency: Duration::from_millis(5),
        }
    }
}

/// One side of a peering.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) peering: Peering,
    pub(super) passive: bool,
    /// Whether this side sends several paths, and takes them.
    pub(super) sends_several: bool,
    pub(super) takes_several: bool,
    /// Whether this side takes the other for its client.
    pub(super) client: bool,
    pub(super) import: Filter,
    pub(super) export: Filter,
    pub(super) limit: Option<u32>,
}

impl Terms {
    /// The terms of the first speaker, or of the second.
    pub(super) fn new(peering: &Peering, first: bool, local: &Identity, remote: &Identity) -> Self {
        let (ours, theirs) = match (peering.several_paths, first) {
            ((one, other), true) => (one, other),
            ((one, other), false) => (other, one),
        };
        let by_cluster = local.cluster_id.is_some() && local.cluster_id != remote.cluster_id;
        let client = match (peering.clients, first) {
            (Some((client, _)), true) | (Some((_, client)), false) => client,
            (None, _) => by_cluster,
        };
        Self {
            passive: peering.passive && !first,
            sends_several: ours,
            takes_several: theirs,
            client: client && local.asn == remote.asn && local.cluster_id.is_some(),
            import: Filter::All,
            export: Filter::All,
            limit: None,
            peering: peering.clone(),
        }
    }

    /// What the machine is told.
    pub(super) fn config(&self, local: &Identity, remote: &Identity) -> PeerConfig {
        let add_path = AddPathDirection {
            receive: self.takes_several,
            send: self.sends_several,
        };
        PeerConfig {
            local_as: local.asn,
            remote_as: remote.asn,
            router_id: local.router_id,
            remote_address: remote.address(Family::Ipv4),
            passive: self.passive,
            families: self.peering.families,
            add_path: PerFamily {
                ipv4: add_path,
                ipv6: add_path,
            },
            hold_time: HoldTime::new(self.peering.hold_time).expect("not one or two"),
            keepalive: None,
            connect_delay: Duration::from_secs(2),
            connect_retry: Duration::from_secs(5),
            idle_hold: (Duration::from_secs(5), Duration::from_secs(30)),
            restart_time: self.peering.restart_time,
            long_lived_time: None,
            role: None,
            delay_open: None,
        }
    }

    /// What the RIB is told.
    pub(super) fn setup(&self, peer: PeerId, local: &Identity, remote: &Identity) -> PeerSetup {
        PeerSetup {
            name: format!("to {}", remote.index).into(),
            address: remote.address(Family::Ipv4),
            remote_as: remote.asn,
            external: local.asn != remote.asn,
            reflector_client: local.cluster_id.filter(|_| self.client),
            import: both(self.import),
            export: both(self.export),
            prefix_limit: both_of(self.limit.map(limit)),
            add_path_max: self.peering.paths_max,
            ..bare_setup(peer, local)
        }
    }
}

/// A peer of a speaker, of which nothing is said but this side of it.
pub(super) fn bare_setup(peer: PeerId, local: &Identity) -> PeerSetup {
    PeerSetup {
        peer,
        name: "".into(),
        address: local.address(Family::Ipv4),
        local_as: local.asn,
        remote_as: Asn(0),
        router_id: local.router_id,
        external: true,
        reflector_client: None,
        cluster_id: local.cluster_id,
        next_hop_mode: NextHopMode::Auto,
        own_next_hop: PerFamily {
            ipv4: Some(local.address(Family::Ipv4)),
            ipv6: Some(local.address(Family::Ipv6)),
        },
        allowed_local_as: 0,
        import: both(Filter::All),
        export: both(Filter::All),
        prefix_limit: PerFamily::default(),
        role: None,
        add_path_max: u16::MAX,
    }
}

/// The setup as a RIB with a defect takes it.
pub(super) fn spoilt(setup: PeerSetup, defect: Option<Defect>) -> PeerSetup {
    match defect {
        Some(Defect::AsLoopsTaken) => PeerSetup {
            allowed_local_as: 9,
            ..setup
        },
        Some(Defect::ClusterLoopsTaken) => PeerSetup {
            cluster_id: None,
            ..setup
        },
        Some(_) | None => setup,
    }
}

fn both(filter: Filter) -> PerFamily<Arc<Policy>> {
    let policy = filter.policy();
    PerFamily {
        ipv4: Arc::clone(&policy),
        ipv6: policy,
    }
}

const fn both_of<T: Copy>(value: T) -> PerFamily<T> {
    PerFamily {
        ipv4: value,
        ipv6: value,
    }
}

const fn limit(max: u32) -> PrefixLimit {
    PrefixLimit {
        max,
        warn_percent: 80,
        restart: Some(LIMIT_PAUSE),
    }
}

/// How long a session stays down that had too many prefixes.
pub(super) const LIMIT_PAUSE: Duration = Duration::from_secs(20);
