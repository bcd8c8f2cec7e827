//! What the kernel tells the book: episodes of a rule at a key, as they become known and as late data changes them.
//!
//! The kernel decides when a condition held; the book makes alerts of it. An [`EpisodeId`] is the kernel's, unique for ever,
//! part of both states; the book maps it to the alert that the episode belongs to.

use event::{
    AlertSource, EvidenceValue, EvidenceWindow, Limit, Name, Rating, Severity, Status, Stream,
    Text, Time,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct EpisodeId(pub(crate) u64);

/// What an episode is of. Two episodes with the same key follow each other and never overlap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) rule: Name,
    /// The entity; for rules over several, the first.
    pub(crate) entity: Name,
    pub(crate) status: Status,
    /// Made of history alone: never live.
    pub(crate) retrospective: bool,
    pub(crate) source: AlertSource,
    /// On trial: recorded, told to nobody.
    pub(crate) shadow: bool,
    /// The rule that the product speaks of itself about (`rule-fault`); part of the alert's id instead of the entity.
    pub(crate) about: Option<Name>,
}

/// Everything an alert says of its condition at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) rule_version: u32,
    pub(crate) stream: Stream,
    pub(crate) severity: Severity,
    pub(crate) rating: Rating,
    pub(crate) entity_name: Text,
    pub(crate) area: Option<Name>,
    pub(crate) area_name: Option<String>,
    pub(crate) lat: Option<f64>,
    pub(crate) lon: Option<f64>,
    /// The gateway of the entity, where the rule is about absence.
    pub(crate) gateway: Option<Name>,
    pub(crate) title: Text,
    pub(crate) message: Text,
    pub(crate) guidance: Text,
    pub(crate) measure: Option<Name>,
    pub(crate) value: Option<f64>,
    pub(crate) unit: Option<Name>,
    pub(crate) scale: Vec<Limit>,
    pub(crate) unofficial: bool,
    pub(crate) latches: bool,
    /// Nanoseconds between reminders; none = the ladder's.
    pub(crate) remind_every: Option<i64>,
    pub(crate) condition: String,
    pub(crate) hold_seconds: u64,
    pub(crate) values: Vec<EvidenceValue>,
    pub(crate) windows: Vec<EvidenceWindow>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) last_heard: Option<Time>,
    /// Observed time that this speaks of.
    pub(crate) at: Time,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Signal {
    /// A new episode; over already where `until` is there (late data within the bound).
    Began {
        episode: EpisodeId,
        key: Key,
        since: Time,
        until: Option<Time>,
        said: Box<Said>,
    },
    /// What was told of an episode has changed: where it begins or ends (`until: None` = it goes on, also after it was told as
    /// over), its values, its rating. `said` is absent where only the times moved.
    Changed {
        episode: EpisodeId,
        since: Time,
        until: Option<Time>,
        said: Option<Box<Said>>,
    },
    /// The condition is gone since.
    Ended {
        episode: EpisodeId,
        until: Time,
        value: Option<f64>,
        values: Vec<EvidenceValue>,
    },
    /// What is known now says that it never was; or its rule or entity is gone.
    Annulled { episode: EpisodeId },
    /// It was one with an earlier one.
    Merged { episode: EpisodeId, into: EpisodeId },
    /// Final: the lateness bound has passed, nothing will change its times any more.
    Settled { episode: EpisodeId },
}
