//! What a notice says, and its key.

use std::fmt::Write as _;

use event::{
    Change, PublicWarning, Severity, Status, Stream, Text, Time, Transition, WarningState,
    WarningType,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Alert + transition, channel, person: the same for ever, whatever is repeated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub String);

impl Key {
    pub fn new(content: &Content, channel: &str, person: &str) -> Self {
        Self(format!(
            "{}@{}/{channel}/{person}",
            content.subject, content.revision
        ))
    }

    /// 32 hexadecimal digits, for receivers that bound the length of an id.
    pub fn short(&self) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        digest.iter().take(16).fold(String::new(), |mut out, byte| {
            // Writing to a text cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
    }
}

/// The part of a transition or of a public warning that is told; kept in the outbox, so it holds no evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Id of the alert or of the warning.
    pub subject: String,
    pub revision: u32,
    /// None for a warning to the public.
    pub change: Option<Change>,
    pub public: bool,
    pub severity: Severity,
    pub status: Status,
    pub stream: Option<Stream>,
    pub cause: Option<String>,
    /// Level of the ladder that it has been escalated to.
    pub level: Option<String>,
    pub areas: Vec<String>,
    pub place: Text,
    /// Journal time of the transition.
    pub at: Time,
    /// Observed time from which it holds.
    pub since: Time,
    pub message: Text,
    pub guidance: Text,
    pub value: Option<f64>,
    pub unit: Option<String>,
    /// Decision support, not an official bulletin.
    pub unofficial: bool,
    pub suspect: bool,
    pub estimate: bool,
    /// Public warnings that this one updates or cancels.
    #[serde(default)]
    pub supersedes: Vec<String>,
    /// The CAP message, without references; none where CAP has nothing to say (a reminder).
    pub cap: Option<Box<cap::Message>>,
}

impl Content {
    pub fn of_transition(transition: &Transition, profile: &cap::Profile<'_>) -> Self {
        let alert = &transition.alert;
        let place = alert.area_name.as_ref().map_or_else(
            || alert.entity_name.clone(),
            |area| Text {
                vi: format!("{}, {area}", alert.entity_name.vi),
                en: format!("{}, {area}", alert.entity_name.en),
            },
        );
        Self {
            subject: alert.id.0.clone(),
            revision: alert.revision,
            change: Some(transition.change),
            public: false,
            severity: alert.severity,
            status: alert.status,
            stream: Some(alert.stream),
            cause: alert.rating.cause.as_ref().map(ToString::to_string),
            level: alert
                .handling
                .escalated
                .as_ref()
                .map(|escalation| escalation.level.to_string()),
            areas: alert.area.iter().map(ToString::to_string).collect(),
            place,
            at: alert.changed,
            since: alert.since,
            message: alert.message.clone(),
            guidance: alert.guidance.clone(),
            value: alert.value,
            unit: alert.unit.as_ref().map(ToString::to_string),
            unofficial: alert.unofficial,
            suspect: alert.rating.suspect,
            estimate: alert.rating.estimate,
            supersedes: Vec::new(),
            cap: cap::of_transition(transition, profile).map(Box::new),
        }
    }

    /// None unless it is released: a proposal is told to nobody outside.
    pub fn of_warning(warning: &PublicWarning, profile: &cap::Profile<'_>) -> Option<Self> {
        if warning.state != WarningState::Released {
            return None;
        }
        let text = &warning.text;
        let names = profile.area_names(&text.areas);
        Some(Self {
            subject: warning.id.0.clone(),
            revision: match warning.kind {
                WarningType::Alert => 1,
                WarningType::Update => 2,
                WarningType::Cancel => 3,
            },
            change: None,
            public: true,
            severity: text.severity,
            status: warning.status,
            stream: None,
            cause: None,
            level: None,
            areas: text.areas.iter().map(ToString::to_string).collect(),
            place: Text {
                vi: names.clone(),
                en: names,
            },
            at: warning.changed,
            since: text.onset.unwrap_or(warning.changed),
            message: text.headline.clone(),
            guidance: text.instruction.clone(),
            value: None,
            unit: None,
            unofficial: false,
            suspect: false,
            estimate: false,
            supersedes: warning
                .references
                .iter()
                .map(|reference| reference.0.clone())
                .collect(),
            cap: Some(Box::new(cap::of_warning(warning, profile))),
        })
    }

    /// `alert.raised`, `warning.released`.
    pub fn kind(&self) -> String {
        match self.change {
            Some(change) => format!("alert.{}", change.name()),
            None => "warning.released".to_owned(),
        }
    }

    pub fn is_drill(&self) -> bool {
        self.status != Status::Actual
    }
}
