//! What the datastore's reader shows of itself.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// The state of the datastore, published on every change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatastoreView {
    /// The backend: `dir`.
    pub backend: String,
    /// The URL that it was given.
    pub url: String,
    /// Whether it can be read at present.
    pub up: bool,
    /// Whether it has been read completely at least once.
    pub synced: bool,
    /// Grows with every change seen.
    pub revision: u64,
    /// When the last change was seen.
    pub last_event: Option<SystemTime>,
    /// Complete re-reads.
    pub relists: u64,
    /// Why it cannot be read, if so.
    pub last_error: Option<String>,
    /// Objects in force, by kind.
    pub objects: BTreeMap<String, ObjectCounts>,
    /// Objects refused, with the reason; the last good version of each stays in force.
    pub rejected: Vec<RejectedObject>,
}

/// Objects of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectCounts {
    /// In force.
    pub accepted: u64,
    /// Refused at present.
    pub rejected: u64,
}

/// One object that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedObject {
    /// `Kind/name` as far as it could be told, else the file.
    pub resource: String,
    /// File and line, or key.
    pub location: String,
    /// The field at fault, if known.
    pub field: Option<String>,
    /// One sentence with the value found and what is allowed.
    pub reason: String,
    /// Whether an earlier good version stays in force.
    pub last_good_kept: bool,
}
