//! What a group has cost and given so far.

use serde::{Deserialize, Serialize};

use super::command::Chunk;

/// Counts of one group since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupCounts {
    /// Chunks encoded once for all live members.
    pub chunks: u64,
    /// Their octets, each counted once whatever the number of members.
    pub octets: u64,
    /// Prefixes announced and withdrawn in them.
    pub prefixes: u64,
    /// Chunks encoded for one member alone: a dump, or what it had missed.
    pub served: u64,
    /// Their octets.
    pub served_octets: u64,
    /// How often a live member fell behind and was served from the change log.
    pub resyncs: u64,
}

impl GroupCounts {
    /// Counts a chunk for all live members.
    pub(crate) fn published(&mut self, chunk: &Chunk) {
        self.chunks += 1;
        self.octets += octets(chunk);
        self.prefixes += u64::from(chunk.prefixes);
    }

    /// Counts a chunk for one member.
    pub(crate) fn served(&mut self, chunk: &Chunk) {
        self.served += 1;
        self.served_octets += octets(chunk);
    }
}

fn octets(chunk: &Chunk) -> u64 {
    u64::try_from(chunk.bytes.len()).unwrap_or(u64::MAX)
}
