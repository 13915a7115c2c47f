//! BlockAffinity: which node owns an address block (spec/calico.md §1.6, §4.1).

use std::sync::Arc;

use super::metadata::Metadata;
use super::read::{FieldError, Object};
use crate::net::Prefix;

/// A BlockAffinity. Its `deleted` flag does not matter to BGP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockAffinity {
    /// Name, labels, annotations.
    pub metadata: Metadata,
    /// `spec.node`: the owner.
    pub node: Arc<str>,
    /// `spec.cidr`: the block.
    pub cidr: Prefix,
    /// `spec.state`.
    pub state: AffinityState,
    /// `spec.type` is a host, and not a virtual owner such as the load balancer's.
    pub is_host: bool,
}

/// `spec.state` of an affinity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AffinityState {
    /// Claimed, not yet sure.
    Pending,
    /// Owned; clusters of old leave the field empty.
    #[default]
    Confirmed,
    /// About to be given up.
    PendingDeletion,
}

impl BlockAffinity {
    /// Reads a BlockAffinity.
    pub(super) fn read(root: &Object<'_>) -> Result<Self, FieldError> {
        let spec = root.object("spec")?;
        let state = |text: &str| match text {
            "pending" => Some(AffinityState::Pending),
            "confirmed" => Some(AffinityState::Confirmed),
            "pendingDeletion" => Some(AffinityState::PendingDeletion),
            _ => None,
        };
        Ok(Self {
            metadata: Metadata::read(root)?,
            node: spec.required_text("node", "the name of a Node")?.into(),
            cidr: spec.prefix("cidr")?,
            state: spec
                .parsed("state", "pending, confirmed or pendingDeletion", state)?
                .unwrap_or_default(),
            is_host: spec.text("type")?.is_none_or(|kind| kind == "host"),
        })
    }
}
