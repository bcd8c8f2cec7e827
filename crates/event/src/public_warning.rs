//! A warning of our own to the public: one person proposes it, another releases it.

use serde::{Deserialize, Serialize};

use crate::{AlertId, Certainty, Name, PublicWarningId, Response, Severity, Status, Text, Time};

/// CAP's `urgency`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    #[default]
    Immediate,
    Expected,
    Future,
    Past,
    Unknown,
}

/// What a proposal says; the whole of what would go out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarningText {
    /// CAP `event`.
    pub event: Text,
    pub headline: Text,
    pub description: Text,
    pub instruction: Text,
    /// CAP categories (`Geo`, `Met`, ...).
    pub categories: Vec<String>,
    pub urgency: Urgency,
    pub severity: Severity,
    pub certainty: Certainty,
    pub response: Vec<Response>,
    /// Communes and wards.
    pub areas: Vec<Name>,
    pub onset: Option<Time>,
    pub expires: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningState {
    Proposed,
    /// Refused by the second person, or withdrawn by the first; never sent.
    Rejected,
    Released,
    /// A later one has taken its place.
    Superseded,
    Cancelled,
    Expired,
}

/// What it is towards the ones before it (CAP `msgType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningType {
    #[default]
    Alert,
    Update,
    Cancel,
}

/// Who signed, when, by which command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub operator: String,
    pub verified: bool,
    pub at: Time,
    pub command_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublicWarning {
    pub id: PublicWarningId,
    pub kind: WarningType,
    pub state: WarningState,
    pub status: Status,
    /// The alerts that it rests on.
    pub alerts: Vec<AlertId>,
    /// The released warnings that this one updates or cancels.
    pub references: Vec<PublicWarningId>,
    pub text: WarningText,
    pub proposed: Signature,
    pub released: Option<Signature>,
    pub rejected: Option<Signature>,
    pub reason: Option<String>,
    pub changed: Time,
}
