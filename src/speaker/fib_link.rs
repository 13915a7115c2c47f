//! What waits between the shards and the kernel's feed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::rib::{FibChange, ShardId};

/// What shards hand to the kernel's feed. Never blocks a shard: wishes to track next hops are
/// coalesced to one an address, route changes are only sent when asked for.
#[derive(Debug, Default)]
pub struct FibLink {
    state: Mutex<BTreeMap<ShardId, FibMail>>,
    /// Rung whenever there is something in the link.
    pub bell: Notify,
}

/// What waits for the kernel's feed from one shard.
#[derive(Debug, Default)]
pub(super) struct FibMail {
    /// The shard has changes to pull.
    pub(super) pending: bool,
    /// The answer to the last pull.
    pub(super) changes: Option<Vec<FibChange>>,
    /// Addresses to track from here on (`true`) or no longer.
    pub(super) tracking: HashMap<std::net::IpAddr, bool>,
}

impl FibLink {
    pub(super) fn put(&self, shard: ShardId, fill: impl FnOnce(&mut FibMail)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        fill(state.entry(shard).or_default());
        drop(state);
        self.bell.notify_one();
    }

    pub(super) fn take(&self) -> BTreeMap<ShardId, FibMail> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
