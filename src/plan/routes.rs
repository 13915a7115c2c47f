//! The routes that a node originates: its blocks (spec/calico.md §4.1).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::speaker::Local;
use super::{OriginatedPlan, Provenance};
use crate::model::{AffinityState, BlockAffinity};
use crate::net::Prefix;

/// Plans a blackhole for every block of this node that is confirmed or on its way out; single
/// addresses have none, because the workload's own route is the same prefix.
pub(super) fn plan(local: &Local<'_>) -> BTreeMap<Prefix, OriginatedPlan> {
    let field: Arc<str> = "spec.cidr".into();
    local
        .own_affinities()
        .filter(|affinity| match affinity.state {
            AffinityState::Confirmed | AffinityState::PendingDeletion => !affinity.cidr.is_host(),
            AffinityState::Pending => false,
        })
        .map(|affinity| {
            let provenance = Provenance {
                resource: format!("BlockAffinity/{}/{}", affinity.node, affinity.cidr).into(),
                field: Arc::clone(&field),
            };
            (affinity.cidr, OriginatedPlan { provenance })
        })
        .collect()
}

impl<'a> Local<'a> {
    /// The affinities of this node.
    pub(super) fn own_affinities(&self) -> impl Iterator<Item = &'a BlockAffinity> + use<'a> {
        let name = &self.node.metadata.name;
        self.store
            .affinities()
            .filter(move |affinity| affinity.is_host && affinity.node == *name)
    }
}
