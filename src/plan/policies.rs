//! Import and export policy of sessions (spec/calico.md §4.3, §4.6).
//!
//! BGPFilters, the interface rules and service prefixes are not part of it yet; the steps that are
//! bear the letters of §4.3 in the comments.

use std::sync::Arc;

use super::Warnings;
use super::speaker::Local;
use crate::model::{AffinityState, AnyCommunity, BgpConfiguration, IpPool};
use crate::net::{Family, PerFamily};
use crate::policy::{Condition, Edit, Policy, PrefixSet, RouteSource, Rule, Then};
use crate::wire::{Community, LargeCommunity};

/// The preference of routes that are elevated by their LOCAL_PREF (§5.4).
const ELEVATED_PREFERENCE: u32 = 200;

/// The policies that all sessions of one family share.
pub(super) struct SessionPolicies {
    pub(super) import: Arc<Policy>,
    pub(super) export: Arc<Policy>,
}

/// Builds the policies of both families.
pub(super) fn plan(local: &Local<'_>, warnings: &mut Warnings) -> PerFamily<SessionPolicies> {
    let communities = community_rules(local, warnings);
    let pools = pools(local, warnings);
    let of_family = |family: Family| SessionPolicies {
        import: Arc::new(import(local, family)),
        export: Arc::new(export(local, family, &pools, communities.get(family))),
    };
    PerFamily {
        ipv4: of_family(Family::Ipv4),
        ipv6: of_family(Family::Ipv6),
    }
}

fn import(local: &Local<'_>, family: Family) -> Policy {
    Policy {
        name: format!("import {family}").into(),
        rules: vec![Rule {
            name: normal_priority_field(local, family),
            conditions: vec![Condition::LocalPrefAbove(local.normal_local_pref(family))],
            edits: vec![Edit::Preference(ELEVATED_PREFERENCE)],
            then: Then::Next,
        }],
        otherwise: Then::Accept,
    }
}

fn export(local: &Local<'_>, family: Family, pools: &[&IpPool], communities: &[Rule]) -> Policy {
    let normal = local.normal_local_pref(family);
    let mut rules = vec![Rule {
        // a: what this node originates has the normal priority.
        name: normal_priority_field(local, family),
        conditions: vec![Condition::Source([RouteSource::Static].into())],
        edits: vec![Edit::LocalPref(normal)],
        then: Then::Next,
    }];
    let of_family = || pools.iter().filter(|pool| pool.cidr.family() == family);
    // c: pools that are not to be exported.
    rules.extend(
        of_family()
            .filter(|pool| pool.disable_bgp_export)
            .map(|pool| pool_rule(pool, "spec.disableBGPExport", Then::Reject)),
    );
    // f: communities.
    rules.extend_from_slice(communities);
    // g: own blocks stand for what lies in them.
    rules.extend(own_block_rules(local, family, normal));
    // j: everything else in a pool.
    rules.extend(
        of_family()
            .filter(|pool| !pool.disable_bgp_export)
            .map(|pool| pool_rule(pool, "spec.cidr", Then::Accept)),
    );
    Policy {
        name: format!("export {family}").into(),
        rules,
        otherwise: Then::Reject,
    }
}

fn own_block_rules(local: &Local<'_>, family: Family, normal: u32) -> Vec<Rule> {
    let blocks = own_confirmed_blocks(local, family);
    if blocks.is_empty() {
        return Vec::new();
    }
    let rule = |what: &str, conditions, then| Rule {
        name: format!(
            "BlockAffinity/{}/* spec.cidr: {what}",
            local.node.metadata.name
        )
        .into(),
        conditions,
        edits: Vec::new(),
        then,
    };
    let inside = Condition::Inside(blocks.clone());
    vec![
        rule("own block", vec![Condition::Equals(blocks)], Then::Accept),
        rule(
            "elevated route in an own block",
            vec![inside.clone(), Condition::LocalPrefAbove(normal)],
            Then::Accept,
        ),
        rule("route in an own block", vec![inside], Then::Reject),
    ]
}

/// The blocks that aggregate (§4.1): confirmed ones, single addresses included.
fn own_confirmed_blocks(local: &Local<'_>, family: Family) -> PrefixSet {
    local
        .own_affinities()
        .filter(|affinity| affinity.state == AffinityState::Confirmed)
        .map(|affinity| affinity.cidr)
        .filter(|cidr| cidr.family() == family)
        .collect()
}

fn pool_rule(pool: &IpPool, field: &str, then: Then) -> Rule {
    Rule {
        name: format!("IPPool/{} {field}", pool.metadata.name).into(),
        conditions: vec![Condition::Inside([pool.cidr].into())],
        edits: Vec::new(),
        then,
    }
}

/// The pools, of several with one CIDR only the lowest name (§1.7).
fn pools<'a>(local: &Local<'a>, warnings: &mut Warnings) -> Vec<&'a IpPool> {
    let mut first = std::collections::BTreeMap::new();
    let mut pools = Vec::new();
    for pool in local.store.pools() {
        let name = &pool.metadata.name;
        let winner = first.entry(pool.cidr).or_insert(name);
        if *winner == name {
            pools.push(pool);
        } else {
            let message = format!("{} is the range of IPPool/{winner} already", pool.cidr);
            warnings.add(format!("IPPool/{name}"), "spec.cidr", message);
        }
    }
    pools
}

fn normal_priority_field(local: &Local<'_>, family: Family) -> Arc<str> {
    let field = match family {
        Family::Ipv4 => "spec.ipv4NormalRoutePriority",
        Family::Ipv6 => "spec.ipv6NormalRoutePriority",
    };
    let is_set = local
        .global
        .is_some_and(|global| global.normal_priority.get(family).is_some());
    let default = if is_set { "" } else { " (default)" };
    format!("BGPConfiguration/default {field}{default}").into()
}

/// The rules of `prefixAdvertisements`: a node's list replaces the cluster's for both families.
fn community_rules(local: &Local<'_>, warnings: &mut Warnings) -> PerFamily<Vec<Rule>> {
    let mut rules = PerFamily::default();
    let has_list = |found: &&BgpConfiguration| found.prefix_advertisements.is_some();
    let Some(configuration) = local.own.filter(has_list).or(local.global) else {
        return rules;
    };
    let resource: Arc<str> = format!("BGPConfiguration/{}", configuration.metadata.name).into();
    let entries = configuration.prefix_advertisements.iter().flatten();
    for (index, entry) in entries.enumerate() {
        let field = format!("spec.prefixAdvertisements[{index}]");
        let edits = entry
            .communities
            .iter()
            .filter_map(|text| {
                let found = configuration
                    .communities
                    .get(text)
                    .copied()
                    .or_else(|| AnyCommunity::parse(text));
                if found.is_none() {
                    let message =
                        format!("{text:?} is neither a community nor the name of one: not added");
                    warnings.add(Arc::clone(&resource), &field, message);
                }
                found.map(edit)
            })
            .collect();
        rules.get_mut(entry.cidr.family()).push(Rule {
            name: format!("{resource} {field}").into(),
            conditions: vec![Condition::Inside([entry.cidr].into())],
            edits,
            then: Then::Next,
        });
    }
    rules
}

fn edit(community: AnyCommunity) -> Edit {
    match community {
        AnyCommunity::Standard(value) => Edit::AddCommunity(Community(value)),
        AnyCommunity::Large(parts) => Edit::AddLargeCommunity(LargeCommunity(parts)),
    }
}
