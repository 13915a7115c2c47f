//! The life of one prefix, as a shard tells it: what was heard, decided, told and wanted of the kernel.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::decision::DecisionStep;
use super::query::PathRow;
use super::withheld::Withheld;
use crate::net::Prefix;

/// Everything that a shard knows about one prefix and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The prefix.
    pub prefix: Prefix,
    /// Its paths, best first.
    pub paths: Vec<ExplainedPath>,
    /// Whether readers are left with what they were told, as the path that leads waits for its next
    /// hop.
    pub held: bool,
    /// What is wanted of the kernel.
    pub kernel: KernelVerdict,
    /// What each peer is told, by name; only the one that was asked for, if one was.
    pub exports: Vec<ExplainedExport>,
}

/// One path: what was heard, what import made of it, and how it fared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedPath {
    /// The path after import.
    #[serde(flatten)]
    pub path: PathRow,
    /// What import did.
    pub import: ImportVerdict,
    /// How it fared in the decision.
    pub decision: DecisionVerdict,
}

/// What import did with a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportVerdict {
    /// Whether it passed.
    pub accepted: bool,
    /// Why not, in the words of `reason` of a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the import policy said, if it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyVerdict>,
    /// What was changed, each in words: `LOCAL_PREF none → 0`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// All of it in words.
    pub text: String,
}

/// What a policy said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyVerdict {
    /// Its name.
    pub policy: Arc<str>,
    /// Whether the route passes.
    pub accepted: bool,
    /// The rule that decided; `None` where none did and the policy's end decides.
    pub rule: Option<RuleRow>,
    /// The rules before it whose conditions held and that went on to the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<RuleRow>,
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleRow {
    /// Its number, from 1.
    pub number: usize,
    /// Where it comes from, such as `IPPool/pods spec.cidr`.
    pub name: Arc<str>,
}

impl PolicyVerdict {
    /// The verdict in words, as they follow "accepted by " or "refused by ".
    pub fn text(&self) -> String {
        match &self.rule {
            Some(rule) => format!("rule {} of {} ({})", rule.number, self.policy, rule.name),
            None => format!("the end of {}, as no rule decides", self.policy),
        }
    }
}

/// How a path fared in the decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionVerdict {
    /// What became of it.
    pub outcome: DecisionOutcome,
    /// The step that told it from the one that is preferred to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<DecisionStep>,
    /// Where that step is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The session with the path that is preferred to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Arc<str>>,
    /// What the step saw of this path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
    /// What the step saw of the preferred one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// All of it in words.
    pub text: String,
}

/// What became of a path in the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DecisionOutcome {
    /// It is the best path.
    Best,
    /// It shares the load of the best path.
    Shares,
    /// It is as good as the best path, but another AS path shares no load.
    OtherAsPath,
    /// It is as good as the best path, but as many as may share its load do.
    BeyondMultipath,
    /// Another path is better.
    Loses,
    /// It was not compared: import refused it, or its next hop is not known yet.
    NotCompared,
}

/// What is wanted of the kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KernelVerdict {
    /// The route, in words; `None` to have none.
    pub wanted: Option<String>,
    /// What the kernel policy said, if it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyVerdict>,
    /// All of it in words.
    pub text: String,
}

/// What one peer is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedExport {
    /// The session.
    pub to: Arc<str>,
    /// Its update group, while it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// Whether it is told a path.
    pub told: bool,
    /// Why it is told none, where that is one reason for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
    /// The paths that could be told, best first: without ADD-PATH the best one alone.
    pub paths: Vec<ExportVerdict>,
    /// Why what it has been told may differ for the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// What it has been told, attributes as sent; only where one peer was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<PathRow>,
    /// All of it in words.
    pub text: String,
}

/// Whether one peer is told of one path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportVerdict {
    /// The session that the path comes from; `local` for own routes.
    pub from: Arc<str>,
    /// The path's ADD-PATH identifier as received.
    pub path_id: u32,
    /// Why the peer is not told of it; `None` if it is.
    pub withheld: Option<Withheld>,
    /// What the export policy said, if it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyVerdict>,
    /// All of it in words.
    pub text: String,
}
