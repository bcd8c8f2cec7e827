//! What keeps alerts back by design, and what alerts have in common: windows of maintenance, things out of service, incidents.

use serde::{Deserialize, Serialize};

use crate::{AlertId, Name, Severity, Status, Stream, SuppressionKind, Text, Time};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// Id of the command that began it.
    SuppressionId
);
text_id!(
    /// Cause + place + what first belonged to it; unique for ever.
    IncidentId
);
text_id!(
    /// Id of the command that proposed it.
    PublicWarningId
);

/// What a suppression covers. Empty lists cover everything; at least one must not be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SuppressionScope {
    /// Entities, or patterns with `*` at the end.
    pub entities: Vec<String>,
    /// Codes of communes and wards.
    pub areas: Vec<Name>,
    pub rules: Vec<Name>,
    pub streams: Vec<Stream>,
}

/// A maintenance window or something out of service, ordered by an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suppression {
    pub id: SuppressionId,
    pub kind: SuppressionKind,
    pub scope: SuppressionScope,
    /// Journal time.
    pub from: Time,
    /// None for something out of service until further notice.
    pub until: Option<Time>,
    pub reason: String,
    pub operator: String,
    pub verified: bool,
    pub at: Time,
    pub ended: Option<Time>,
    pub ended_by: Option<String>,
    /// Alerts that it has kept back so far.
    pub kept_back: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionStep {
    Ordered,
    Began,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuppressionChange {
    pub step: SuppressionStep,
    pub by: Option<String>,
    pub command_id: Option<String>,
    pub suppression: Suppression,
}

/// Alerts of one cause in one place: one line for an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    pub cause: Name,
    pub title: Text,
    pub status: Status,
    /// Severity of its most severe alert so far.
    pub severity: Severity,
    /// Communes and wards, in order of appearance; bounded.
    pub areas: Vec<Name>,
    /// Its alerts in order of appearance; bounded, `total` is the truth.
    pub alerts: Vec<AlertId>,
    pub total: u64,
    pub active: u64,
    pub opened: Time,
    pub changed: Time,
    pub closed: Option<Time>,
}
