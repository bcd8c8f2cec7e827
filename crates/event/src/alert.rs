//! Alerts as the operator sees them, by the state words of ISA-18.2 / IEC 62682.

use serde::{Deserialize, Serialize};

use crate::{JournalId, Name, Quality, Status, Stream, Time, Value};

/// A text in both languages; Vietnamese first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub vi: String,
    pub en: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Critical,
    Major,
    Minor,
    Warning,
    Info,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Condition present, nobody has acknowledged.
    Unacknowledged,
    /// Condition present, acknowledged.
    Acknowledged,
    /// Condition gone, still to be acknowledged.
    ReturnedUnacknowledged,
    /// Over: condition gone and acknowledged.
    Normal,
}

/// Rule + key + what first raised it, as `rule:key:journal-offset`; unique for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(pub String);

impl AlertId {
    pub fn new(rule: &str, key: &str, journal: JournalId, offset: u64) -> Self {
        Self(format!("{rule}:{key}:{journal}-{offset}"))
    }
}

impl std::fmt::Display for AlertId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub operator: String,
    /// False until accounts exist: the name was typed, nobody checked it.
    pub verified: bool,
    pub at: Time,
    pub command_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shelving {
    pub operator: String,
    pub verified: bool,
    pub at: Time,
    pub until: Time,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    pub operator: String,
    pub verified: bool,
    pub at: Time,
    pub text: String,
}

/// A threshold with where it comes from. `verified: false` is shown as such and never stated as law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub name: Name,
    pub value: f64,
    pub unit: Name,
    pub source: String,
    pub verified: bool,
}

/// A value that the decision rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceValue {
    pub measure: Name,
    pub value: Value,
    pub unit: Name,
    pub quality: Quality,
    pub observed: Time,
    pub received: Time,
    pub processed: Time,
    /// Offset of the message in `inputs`.
    pub offset: u64,
}

/// Why it rang; copied into the alert so that it can be explained after retention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub rule: String,
    pub rule_version: u32,
    /// The condition as written in the rule file.
    pub condition: String,
    pub hold_seconds: u64,
    /// Bounded (the engine's `evidence_values_max`), newest last.
    pub values: Vec<EvidenceValue>,
    /// The limits named in the condition.
    pub limits: Vec<Limit>,
    /// For silence: when the thing was last heard (journal time).
    pub last_heard: Option<Time>,
}

/// The whole of an alert; every transition carries it, so a reader needs no history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub id: AlertId,
    pub rule: String,
    pub severity: Severity,
    pub status: Status,
    pub stream: Stream,
    pub site: Name,
    pub entity: Name,
    pub entity_name: Text,
    /// Code and name of the commune or ward.
    pub area: Option<Name>,
    pub area_name: Option<String>,
    pub lat: Option<f64>,
    pub lon: Option<f64>,
    pub state: AlertState,
    /// Rises by one with every transition: what an operator's command says it saw.
    pub revision: u32,
    /// Observed time from which the condition is held to be true.
    pub since: Time,
    /// Journal time of the record that raised it.
    pub raised: Time,
    /// Journal time of the last transition.
    pub changed: Time,
    pub returned: Option<Time>,
    pub acknowledged: Option<Acknowledgement>,
    pub shelved: Option<Shelving>,
    pub comments: Vec<Comment>,
    /// 1 at first, one more at each reopening.
    pub occurrences: u32,
    /// Raised by data older than the lateness bound: never a live one.
    pub retrospective: bool,
    /// Measure that the rule is about and its value at the transition.
    pub measure: Option<Name>,
    pub value: Option<f64>,
    pub unit: Option<Name>,
    /// What happened, where, since when.
    pub message: Text,
    /// What to do.
    pub guidance: Text,
    /// All limits of this measure at this entity, ascending: for the bar.
    pub scale: Vec<Limit>,
    /// True where the level is computed here: "decision support, not an official bulletin".
    pub unofficial: bool,
    pub evidence: Evidence,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Raised,
    /// The condition came back while `returned_unacknowledged`.
    Reopened,
    /// Value, evidence or rule version changed.
    Revised,
    Acknowledged,
    ReturnedToNormal,
    /// Gone and acknowledged: the episode is over.
    Resolved,
    Shelved,
    Unshelved,
    Commented,
    /// Never should have been (its rule or entity was taken out of the pack).
    Annulled,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    pub change: Change,
    /// Operator for a command, absent for the engine's own.
    pub by: Option<String>,
    pub command_id: Option<String>,
    pub alert: Alert,
}
