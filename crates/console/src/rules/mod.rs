//! The rules over HTTP: what is in force, what the last change was, and a new pack handed in.
//!
//! The console checks the request and its bounds; a [`RulesBackend`] answers, called on a thread that may block. A pack is handed in as a
//! command is: a typed name until accounts exist, JSON alone, no foreign origin.

mod answer;

use std::collections::BTreeMap;

use event::{Name, Severity, Stream, Text, Time};
use serde::{Deserialize, Serialize};

pub(crate) use answer::{Bench, apply, diff, in_force};

/// Answers for the rules. Each call may block.
pub trait RulesBackend: Send + Sync {
    fn in_force(&self) -> RulesInForce;

    /// What the last change since the node's start changed; `None` when there was none.
    fn last_change(&self) -> Option<RulesDiff>;

    /// Checks a whole site pack and, unless it is a dry run, puts it in force. A bad one changes nothing.
    fn apply(&self, ask: &ApplyAsk) -> Result<ApplyAnswer, RulesProblem>;
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RulesInForce {
    /// SHA-256 of the pack, hexadecimal.
    pub pack: String,
    pub rules: Vec<RuleInForce>,
    /// All thresholds of the pack: what `limit.NAME` in a rule may mean, for the rule's measure.
    pub limits: Vec<PackLimit>,
}

/// A threshold as its author wrote it: for one entity, for a profile, or with neither for every entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackLimit {
    pub name: Name,
    pub measure: Name,
    pub entity: Option<Name>,
    pub profile: Option<Name>,
    pub value: f64,
    pub unit: Name,
    pub source: String,
    pub verified: bool,
    /// Dates, the second excluded; outside them the threshold is unknown.
    pub effective_from: Option<String>,
    pub effective_to: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleInForce {
    pub id: String,
    pub version: u32,
    /// On trial: recorded, told to nobody.
    pub shadow: bool,
    /// Of a rule that is compiled; absent for one on trial that the engine does not list.
    pub severity: Option<Severity>,
    pub stream: Option<Stream>,
    pub measure: Option<Name>,
    pub title: Option<Text>,
    pub condition: Option<String>,
    /// The level is computed here and is no bulletin.
    pub unofficial: bool,
    /// Greatest cost of one evaluation, in steps, where the engine states it.
    pub cost: Option<u64>,
    pub text: RuleText,
}

/// A rule as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleText {
    pub file: String,
    pub version: u32,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleChangeKind {
    New,
    Changed,
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleChange {
    pub rule: String,
    pub shadow: bool,
    pub change: RuleChangeKind,
    pub old: Option<RuleText>,
    pub new: Option<RuleText>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesDiff {
    /// The record of `inputs` that put it in force.
    pub offset: u64,
    /// Journal time of that record; none where it cannot be read.
    pub at: Option<Time>,
    pub operator: String,
    pub changes: Vec<RuleChange>,
    /// Files of the pack that are no rules and differ.
    pub other_files: Vec<String>,
}

/// A pack handed in. The files are text, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyAsk {
    pub operator: String,
    pub dry_run: bool,
    pub files: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyAnswer {
    /// The pack has no mistake.
    pub accepted: bool,
    pub dry_run: bool,
    /// It is the one in force already.
    pub unchanged: bool,
    /// The record of `inputs` that put it in force; none when nothing was changed.
    pub offset: Option<u64>,
    pub mistakes: Vec<RulesMistake>,
    pub changes: Vec<RuleChange>,
    pub other_files: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesMistake {
    pub file: String,
    /// 1-based; 0 when the mistake is the file's absence.
    pub line: u32,
    pub message: String,
}

/// Why the backend cannot answer; the request may be repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct RulesProblem {
    pub detail: Text,
}
