//! The canonical event and every record of the `outcomes` journal.
//!
//! This crate is the vocabulary that all others share. It has no clock, no socket and no state: types, their versioned
//! binary form (`outcomes`), their JSON form (API, page, Kafka) and the identifiers.

mod alert;
mod command;
mod handling;
mod id;
mod json;
mod pack;
mod personal;
mod public_warning;
mod reading;
mod reject;
mod reprocess;
mod suppression;
mod time;
mod vocabulary;

pub mod outcome;

pub use alert::{
    Acknowledgement, Alert, AlertId, AlertState, Change, Comment, Considered, EpisodeSpan,
    Evidence, EvidenceValue, EvidenceWindow, Limit, Severity, Shelving, Text, Transition,
};
pub use command::{Action, Command, Refusal, Verdict};
pub use handling::{
    AlertSource, Assignment, Certainty, Chattering, CloseCause, Closure, Escalation, FalseMark,
    Handling, NoticeOutcome, NoticeResult, NoticeState, Priority, Rating, Response, Suppressed,
    SuppressionKind,
};
pub use id::{EventId, JournalId};
pub use json::{EventJson, JSON_VERSION, ValuesJson};
pub use pack::{PackError, PackFiles};
pub use personal::personal_data_reason;
pub use public_warning::{
    PublicWarning, Signature, Urgency, WarningState, WarningText, WarningType,
};
pub use reading::{Event, EventFlags, Kind, Measured, Name, Place, Quality, Status, Stream, Value};
pub use reject::{Reject, RejectCode};
pub use reprocess::{ReprocessResult, Reprocessed};
pub use suppression::{
    Incident, IncidentId, PublicWarningId, Suppression, SuppressionChange, SuppressionId,
    SuppressionScope, SuppressionStep,
};
pub use time::Time;
pub use vocabulary::{AreaInfo, EntityInfo, MeasureInfo, MeasureType, Vocabulary};
