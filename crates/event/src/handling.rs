//! What is done with an alert: by people, by the ladder of escalation, and by what keeps it back.

use serde::{Deserialize, Serialize};

use crate::{AlertId, Name, SuppressionId, Time};

/// How sure it is, in CAP's words.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    #[default]
    Observed,
    Likely,
    Possible,
    Unlikely,
    Unknown,
}

/// What to do, in CAP's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    Shelter,
    Evacuate,
    Prepare,
    Execute,
    Avoid,
    Monitor,
    Assess,
    AllClear,
    None,
}

/// Operator priority, by which the 80/15/5 split is counted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    High,
    Medium,
    #[default]
    Low,
}

/// Where an alert comes from.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertSource {
    #[default]
    Rule,
    /// A warning of another body (CAP).
    Warning,
    /// The product itself: a rule that cannot be computed, a sink that stands.
    System,
}

/// What the rule says of an alert's weight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rating {
    pub source: AlertSource,
    pub priority: Priority,
    pub certainty: Certainty,
    /// Computed ahead (a crossing expected), not measured.
    pub estimate: bool,
    /// A lone sensor says so: not corroborated by those around it.
    pub suspect: bool,
    /// What such alerts have in common (`flood`, `power`): by it and by place they form incidents.
    pub cause: Option<Name>,
    pub response: Vec<Response>,
    pub audience: Vec<Name>,
    /// The warning that it was made from (CAP identifier), where it is one.
    pub warning: Option<String>,
}

/// Who has taken it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub to: String,
    pub operator: String,
    pub verified: bool,
    pub at: Time,
}

/// How far up the ladder it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// Name of the level (`commune`, `province`).
    pub level: Name,
    /// 1 for the first step of the ladder.
    pub step: u8,
    pub at: Time,
    /// Operator where it was done by hand.
    pub by: Option<String>,
}

/// Kept back by design: still evaluated, resolved and counted; no notice goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    pub kind: SuppressionKind,
    /// The window or order that keeps it back.
    pub suppression: Option<SuppressionId>,
    /// The alert that stands for it (a dead gateway's).
    pub because_of: Option<AlertId>,
    pub since: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionKind {
    /// What it depends on is down, and that rings already.
    Dependency,
    /// Planned work.
    Maintenance,
    OutOfService,
}

/// Held active because it comes and goes too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chattering {
    pub since: Time,
    /// Returns held back so far.
    pub turns: u32,
}

/// Why an alert was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCause {
    Handled,
    FalseAlert,
    SensorFault,
    Maintenance,
    Duplicate,
    Exercise,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    pub operator: String,
    pub verified: bool,
    pub at: Time,
    pub cause: CloseCause,
    pub text: String,
}

/// Somebody says that it should not have rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FalseMark {
    pub operator: String,
    pub verified: bool,
    pub at: Time,
    pub reason: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handling {
    pub assigned: Option<Assignment>,
    pub escalated: Option<Escalation>,
    /// Reminders since it rang or was last acknowledged.
    pub reminders: u32,
    /// Everything that keeps it back; none = told.
    pub suppressed: Vec<Suppressed>,
    pub chattering: Option<Chattering>,
    /// Its rule latches: after its return it waits for a reset.
    pub latches: bool,
    pub closed: Option<Closure>,
    pub false_alert: Option<FalseMark>,
    /// The alert that it proved to be one with.
    pub merged_into: Option<AlertId>,
    /// What became of its notices: the newest of every channel and person, in the order of both; bounded.
    #[serde(default)]
    pub notices: Vec<NoticeState>,
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeOutcome {
    Delivered,
    /// The other side will never take it.
    Refused,
    /// Failed here; it went on to the next channel of the person.
    MovedOn,
    /// Given up because of its age.
    Expired,
}

/// The newest notice of an alert to one person by one channel. Both are ids of the directory: no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeState {
    pub channel: Name,
    pub person: Name,
    /// Revision of the alert that it told of.
    pub revision: u32,
    pub result: NoticeOutcome,
    pub attempts: u32,
    /// Journal time at which that was known.
    pub at: Time,
}

/// What an outlet reports of one notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeResult {
    pub alert: AlertId,
    pub revision: u32,
    pub channel: Name,
    pub person: Name,
    pub result: NoticeOutcome,
    pub attempts: u32,
    pub at: Time,
}
