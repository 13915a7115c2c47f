//! All that a session's task must know of its peer.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::fsm::PeerConfig;
use crate::net::{PeerId, PerFamily, RouterId};
use crate::plan::{PeerName, PeerPlan, SpeakerPlan};
use crate::policy::{Policy, Then};
use crate::rib::PeerSetup;
use crate::wire::HoldTime;

/// A planned peer with the handle that the registry gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerSpec {
    /// The process-local handle.
    pub id: PeerId,
    /// The session's name.
    pub name: PeerName,
    /// What the plan says of it.
    pub plan: PeerPlan,
    /// This side's BGP Identifier.
    pub router_id: RouterId,
    /// This side's addresses, the next hops of what it originates.
    pub addresses: PerFamily<Option<IpAddr>>,
    /// Set where this side is a route reflector.
    pub cluster_id: Option<crate::net::ClusterId>,
}

impl PeerSpec {
    /// Joins a planned peer with the speaker that plans it.
    pub fn new(id: PeerId, name: PeerName, plan: PeerPlan, speaker: &SpeakerPlan) -> Self {
        Self {
            id,
            name,
            plan,
            router_id: speaker.router_id,
            addresses: speaker.addresses,
            cluster_id: speaker.cluster_id,
        }
    }

    /// The session machine's view of the peer.
    pub fn fsm_config(&self) -> PeerConfig {
        let plan = &self.plan;
        PeerConfig {
            local_as: plan.local_as,
            remote_as: plan.remote_as,
            router_id: self.router_id,
            remote_address: plan.address,
            passive: plan.passive,
            families: plan.families,
            add_path: PerFamily {
                ipv4: plan.add_path,
                ipv6: plan.add_path,
            },
            hold_time: HoldTime::new(plan.hold_time).unwrap_or(DEFAULT_HOLD_TIME),
            keepalive: plan
                .keepalive
                .filter(|interval| *interval >= Duration::from_secs(1)),
            connect_delay: plan.connect_delay,
            connect_retry: plan.connect_retry,
            idle_hold: plan.idle_hold,
            restart_time: Some(plan.restart_time),
            long_lived_time: plan.long_lived_time,
            role: plan.role,
            delay_open: plan.delay_open,
        }
    }

    /// The RIB's view of the peer.
    pub fn rib_setup(&self) -> PeerSetup {
        let plan = &self.plan;
        PeerSetup {
            peer: self.id,
            name: self.name.0.clone(),
            address: plan.address,
            local_as: plan.local_as,
            remote_as: plan.remote_as,
            router_id: self.router_id,
            external: plan.local_as != plan.remote_as,
            reflector_client: plan.reflector_client,
            cluster_id: self.cluster_id,
            next_hop_mode: plan.next_hop_mode,
            own_next_hop: self.addresses,
            allowed_local_as: plan.allowed_local_as,
            import: in_each_family(&plan.import),
            export: in_each_family(&plan.export),
            prefix_limit: PerFamily {
                ipv4: plan.prefix_limit,
                ipv6: plan.prefix_limit,
            },
            role: plan.role,
            add_path_max: plan.add_path_max,
        }
    }
}

/// The policies of both families; a family that is not offered lets nothing through.
fn in_each_family(planned: &PerFamily<Option<Arc<Policy>>>) -> PerFamily<Arc<Policy>> {
    static CLOSED: LazyLock<Arc<Policy>> = LazyLock::new(|| {
        Arc::new(Policy {
            name: "family not offered".into(),
            rules: Vec::new(),
            otherwise: Then::Reject,
        })
    });
    let policy = |planned: &Option<Arc<Policy>>| planned.as_ref().unwrap_or(&CLOSED).clone();
    PerFamily {
        ipv4: policy(&planned.ipv4),
        ipv6: policy(&planned.ipv6),
    }
}

/// What Calico's BIRD proposes (spec/calico.md §3.9).
const DEFAULT_HOLD_TIME: HoldTime = match HoldTime::new(240) {
    Some(time) => time,
    None => unreachable!(),
};

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::net::{AddPathDirection, PrefixLimit, Role};

    #[test]
    fn the_terms_of_the_plan_reach_the_session_machine_and_the_rib() {
        let mut spec = testing::spec("Mesh_192_0_2_2");
        let send = AddPathDirection {
            receive: false,
            send: true,
        };
        let limit = PrefixLimit {
            max: 7,
            warn_percent: 80,
            restart: None,
        };
        spec.plan.families.ipv6 = true;
        spec.plan.role = Some(Role::Provider);
        spec.plan.prefix_limit = Some(limit);
        (spec.plan.add_path, spec.plan.add_path_max) = (send, 3);
        spec.plan.long_lived_time = Some(60);
        spec.plan.delay_open = Some(Duration::from_secs(5));
        let machine = spec.fsm_config();
        assert!(machine.families.ipv4 && machine.families.ipv6);
        assert_eq!((machine.add_path.ipv4, machine.add_path.ipv6), (send, send));
        assert_eq!(machine.role, Some(Role::Provider));
        assert_eq!(machine.long_lived_time, Some(60));
        assert_eq!(machine.delay_open, Some(Duration::from_secs(5)));
        let rib = spec.rib_setup();
        assert_eq!((rib.role, rib.add_path_max), (Some(Role::Provider), 3));
        assert_eq!(rib.prefix_limit.ipv4, Some(limit));
        assert_eq!(rib.prefix_limit.ipv6, Some(limit));
    }

    #[test]
    fn a_family_that_is_not_offered_lets_nothing_through() {
        let rib = testing::spec("Mesh_192_0_2_2").rib_setup();
        for (offered, other) in [
            (rib.import.ipv4, rib.import.ipv6),
            (rib.export.ipv4, rib.export.ipv6),
        ] {
            assert_eq!(
                (offered.otherwise, other.otherwise),
                (Then::Accept, Then::Reject)
            );
            assert!(other.rules.is_empty());
        }
    }
}
