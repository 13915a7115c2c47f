//! What the kernel's writer shows of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::net::{PerFamily, Prefix};

/// Totals, published after every batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FibView {
    /// Whether routes are written at all: `--fib kernel`.
    pub enabled: bool,
    /// Why nothing can be written, if so (`missing CAP_NET_ADMIN`).
    pub denied: Option<String>,
    /// Routes of ours in the kernel.
    pub routes: PerFamily<u64>,
    /// Routes wanted that are not in the kernel as they should be.
    pub pending: PerFamily<u64>,
    /// Operations since start by (op, result): op is `add`, `replace` or `delete`; result is `ok` or
    /// an errno's name such as `EEXIST`.
    pub operations: BTreeMap<String, BTreeMap<String, u64>>,
    /// Full resyncs since start, by reason (`start`, `overrun`, `interval`, …).
    pub resyncs: BTreeMap<String, u64>,
    /// Differences that others made and that were put right.
    pub drift_repaired: u64,
    /// Whether the first full programming has been acknowledged.
    pub programmed: bool,
    /// Whether left-over routes may be deleted by now (invariant 11).
    pub sweeping: bool,
}

/// One prefix: wanted against present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FibRow {
    /// The prefix.
    pub prefix: Prefix,
    /// What should be there, in the words of `ip route`.
    pub wanted: Option<String>,
    /// What is there of ours, in the words of `ip route`.
    pub present: Option<String>,
    /// How the two relate.
    pub state: FibRowState,
    /// What the kernel said when it refused, such as `EEXIST: another route with this prefix …`.
    pub error: Option<String>,
}

/// Wanted against present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FibRowState {
    /// As it should be.
    Installed,
    /// Wanted and not there (yet).
    Pending,
    /// Wanted, and refused by the kernel.
    Refused,
    /// Left over from an earlier run, kept until the tables are complete.
    Stale,
}
