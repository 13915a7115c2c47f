//! Which routes reach the kernel (spec/calico.md §5.2).
//!
//! Felix programs VXLAN pools, and IPIP pools unless the cluster says otherwise; what it programs,
//! calidris leaves alone. IPIP routes are never programmed here so far, also where they should be.

use std::sync::Arc;

use super::Warnings;
use super::speaker::Local;
use crate::model::{IpPool, ProgramClusterRoutes};
use crate::net::{Family, PerFamily};
use crate::policy::{Condition, Policy, Rule, Then};

/// Builds the kernel policy of both families.
pub(super) fn plan(local: &Local<'_>, warnings: &mut Warnings) -> PerFamily<Arc<Policy>> {
    let owner = local
        .global
        .map(|global| global.program_cluster_routes.clone())
        .unwrap_or_default();
    remark(local, &owner, warnings);
    PerFamily {
        ipv4: Arc::new(policy(local, Family::Ipv4, &owner)),
        ipv6: Arc::new(policy(local, Family::Ipv6, &owner)),
    }
}

fn policy(local: &Local<'_>, family: Family, owner: &ProgramClusterRoutes) -> Policy {
    // Without an IPv4 network of its own, a node programs every IPv4 pool plainly (§5.2).
    let has_rules = family == Family::Ipv6 || local.address(family).is_some();
    let mut pools: Vec<&IpPool> = local
        .store
        .pools()
        .filter(|pool| has_rules && pool.cidr.family() == family)
        .collect();
    // Calico's own order, which decides where pools overlap.
    pools.sort_by_cached_key(|pool| pool.cidr.to_string());
    Policy {
        name: format!("kernel {family}").into(),
        rules: pools.into_iter().map(|pool| rule(pool, owner)).collect(),
        otherwise: Then::Accept,
    }
}

fn rule(pool: &IpPool, owner: &ProgramClusterRoutes) -> Rule {
    let (field, then) = if pool.has_vxlan() {
        ("spec.vxlanMode: Felix programs it", Then::Reject)
    } else if pool.has_ipip() {
        ("spec.ipipMode: Felix programs it", Then::Reject)
    } else if owner.programs_plain() {
        ("spec.cidr", Then::Accept)
    } else {
        ("by programClusterRoutes: Felix programs it", Then::Reject)
    };
    Rule {
        name: format!("IPPool/{} {field}", pool.metadata.name).into(),
        conditions: vec![Condition::Inside([pool.cidr].into())],
        edits: Vec::new(),
        then,
    }
}

fn remark(local: &Local<'_>, owner: &ProgramClusterRoutes, warnings: &mut Warnings) {
    let mut add = |message: String| {
        warnings.add(
            "BGPConfiguration/default",
            "spec.programClusterRoutes",
            message,
        );
    };
    if let ProgramClusterRoutes::Unknown(text) = owner {
        add(format!(
            "{text:?} is not Disabled, EnabledNoEncapOnly, EnabledIPIPOnly or Enabled: \
             EnabledNoEncapOnly holds"
        ));
    }
    if owner.programs_ipip() {
        let pools = local.store.pools().filter(|pool| pool.has_ipip());
        let names: Vec<&str> = pools.map(|pool| &*pool.metadata.name).collect();
        if !names.is_empty() {
            add(format!(
                "routes of IPIP pools ({}) are not programmed by calidris yet",
                names.join(", ")
            ));
        }
    }
}
