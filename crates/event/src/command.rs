//! What an operator asks of an alert, and the monitor's answer.

use serde::{Deserialize, Serialize};

use crate::{AlertId, AlertState, Time};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    Acknowledge,
    /// Journal time until which it is hidden; at most 24 h ahead.
    Shelve {
        until: Time,
        reason: String,
    },
    Unshelve,
    Comment {
        text: String,
    },
}

/// The body of a `command` record in `inputs` (JSON). The record itself carries command id and operator too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Chosen by the client; a repeat gets the first answer.
    pub command_id: String,
    pub operator: String,
    pub verified: bool,
    pub alert: AlertId,
    /// State and revision that the operator was looking at.
    pub seen_state: AlertState,
    pub seen_revision: u32,
    pub action: Action,
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    AlertUnknown,
    /// Somebody was faster, or the alert moved on: `detail` says who and when.
    StateChanged,
    AlreadyAcknowledged,
    NotShelved,
    ShelveTooLong,
    ReasonMissing,
    /// The end of the shelving lies in the past.
    TimePast,
    TextTooLong,
    /// The alert carries as many comments as it may.
    TooManyComments,
    CommandUnreadable,
    /// The command id was given before, to a command that asked for something else.
    CommandIdReused,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub command_id: String,
    pub accepted: bool,
    pub refusal: Option<Refusal>,
    /// For people, both languages; empty when accepted.
    pub detail: crate::Text,
    /// The alert after the command, where it exists.
    pub alert: Option<crate::Alert>,
}
