//! Alerts as the operator sees them, by the state words of ISA-18.2 / IEC 62682.

use serde::{Deserialize, Serialize};

use crate::{Handling, IncidentId, JournalId, Name, Quality, Rating, Status, Stream, Time, Value};

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

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Condition present, nobody has acknowledged.
    Unacknowledged,
    /// Condition present, acknowledged.
    Acknowledged,
    /// Condition gone, still to be acknowledged.
    ReturnedUnacknowledged,
    /// Over: condition gone and acknowledged.
    #[default]
    Normal,
    /// Condition gone and acknowledged; its rule asks for a reset by hand.
    Latched,
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
    /// Ends with the episode, whatever `until` says.
    #[serde(default)]
    pub one_shot: bool,
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
    /// Whose value it is, where the rule reads more than the alert's own entity.
    #[serde(default)]
    pub entity: Option<Name>,
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

/// The samples that a function over time looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceWindow {
    pub entity: Option<Name>,
    pub measure: Name,
    /// Observed time, both included.
    pub from: Time,
    pub to: Time,
    /// Observed time, value, offset of the message in `inputs`; the newest where there were more.
    pub samples: Vec<(Time, f64, u64)>,
    /// How many there were.
    pub count: u32,
}

/// A reason not to tell of an alert that was looked at when it rang.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    /// The suppression, the enabling expression, the corroboration.
    pub what: Name,
    /// Whether it kept the alert back or lowered it.
    pub applied: bool,
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
    /// What the functions over time looked at; bounded.
    #[serde(default)]
    pub windows: Vec<EvidenceWindow>,
    /// What was asked before it was told, and how each was answered.
    #[serde(default)]
    pub considered: Vec<Considered>,
    /// The limits named in the condition.
    pub limits: Vec<Limit>,
    /// For silence: when the thing was last heard (journal time).
    pub last_heard: Option<Time>,
}

/// From when to when a condition held, on observed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpisodeSpan {
    pub since: Time,
    pub returned: Option<Time>,
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
    /// What the rule says of its weight.
    #[serde(default)]
    pub rating: Rating,
    /// What people and the ladder have done with it.
    #[serde(default)]
    pub handling: Handling,
    /// The incident it belongs to.
    #[serde(default)]
    pub incident: Option<IncidentId>,
    /// 1 at first, one more at each reopening.
    pub occurrences: u32,
    /// The newest episodes (bounded), oldest first; the last is that of `since` and `returned`. `occurrences` is how many there were.
    #[serde(default)]
    pub episodes: Vec<EpisodeSpan>,
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
    /// Two episodes proved to be one: this one goes on in the other (`handling.merged_into`).
    Merged,
    Assigned,
    /// To the next level, by hand or because nobody took it in time.
    Escalated,
    Reminded,
    /// Kept back: a gateway is down, or somebody works there.
    Suppressed,
    Unsuppressed,
    /// It comes and goes too fast: held active, its turns are counted.
    ChatteringBegan,
    ChatteringEnded,
    /// Set back by hand after a latched return.
    Reset,
    Closed,
    MarkedFalse,
    UnmarkedFalse,
    /// What a delivery of notices reported.
    Notified,
    /// Never should have been (its rule or entity was taken out of the pack).
    Annulled,
}

impl Change {
    /// The word for it, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Reopened => "reopened",
            Self::Revised => "revised",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedToNormal => "returned_to_normal",
            Self::Resolved => "resolved",
            Self::Shelved => "shelved",
            Self::Unshelved => "unshelved",
            Self::Commented => "commented",
            Self::Merged => "merged",
            Self::Assigned => "assigned",
            Self::Escalated => "escalated",
            Self::Reminded => "reminded",
            Self::Suppressed => "suppressed",
            Self::Unsuppressed => "unsuppressed",
            Self::ChatteringBegan => "chattering_began",
            Self::ChatteringEnded => "chattering_ended",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::MarkedFalse => "marked_false",
            Self::UnmarkedFalse => "unmarked_false",
            Self::Notified => "notified",
            Self::Annulled => "annulled",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    pub change: Change,
    /// Operator for a command, absent for the engine's own.
    pub by: Option<String>,
    pub command_id: Option<String>,
    pub alert: Alert,
}
