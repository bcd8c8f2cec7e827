//! What an operator asks, and the monitor's answer.

use serde::{Deserialize, Serialize};

use crate::{
    AlertId, AlertState, CloseCause, Name, PublicWarning, PublicWarningId, Suppression,
    SuppressionId, SuppressionKind, SuppressionScope, Time, WarningText, WarningType,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    Acknowledge,
    /// Journal time until which it is hidden; at most 24 h ahead.
    Shelve {
        until: Time,
        reason: String,
        /// Ends with the episode.
        #[serde(default)]
        one_shot: bool,
    },
    Unshelve,
    Comment {
        text: String,
    },
    /// Names who takes it on; empty = nobody any more.
    Assign {
        to: String,
    },
    /// To the next level of the ladder, or to the level named.
    Escalate {
        #[serde(default)]
        level: Option<Name>,
        reason: String,
    },
    /// Sets a latched alert back.
    Reset,
    /// Ends an alert whose condition is gone, or says why one that is not may be left.
    Close {
        cause: CloseCause,
        #[serde(default)]
        text: String,
    },
    /// Takes back a close or a resolution.
    Reopen {
        reason: String,
    },
    MarkFalse {
        reason: String,
    },
    UnmarkFalse,
    /// Not about one alert: `alert` is left out.
    Suppress {
        kind: SuppressionKind,
        scope: SuppressionScope,
        from: Time,
        #[serde(default)]
        until: Option<Time>,
        reason: String,
    },
    EndSuppression {
        suppression: SuppressionId,
    },
    ProposeWarning {
        kind: WarningType,
        alerts: Vec<AlertId>,
        references: Vec<PublicWarningId>,
        text: Box<WarningText>,
    },
    /// By another person than who proposed it.
    ReleaseWarning {
        warning: PublicWarningId,
    },
    RejectWarning {
        warning: PublicWarningId,
        reason: String,
    },
}

impl Action {
    /// Whether it is about one alert.
    pub const fn needs_alert(&self) -> bool {
        !matches!(
            self,
            Self::Suppress { .. }
                | Self::EndSuppression { .. }
                | Self::ProposeWarning { .. }
                | Self::ReleaseWarning { .. }
                | Self::RejectWarning { .. }
        )
    }
}

/// The body of a `command` record in `inputs` (JSON). The record itself carries command id and operator too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Chosen by the client; a repeat gets the first answer.
    pub command_id: String,
    pub operator: String,
    pub verified: bool,
    #[serde(default)]
    pub alert: Option<AlertId>,
    /// State and revision that the operator was looking at.
    #[serde(default)]
    pub seen_state: AlertState,
    #[serde(default)]
    pub seen_revision: u32,
    pub action: Action,
}

impl Command {
    /// The alert it is about; the empty id where it is about none.
    pub fn about(&self) -> &AlertId {
        const NONE: &AlertId = &AlertId(String::new());
        self.alert.as_ref().unwrap_or(NONE)
    }
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
    /// The alert's state does not allow it: `detail` says which would.
    WrongState,
    /// The scope names nothing, or something that does not exist.
    ScopeInvalid,
    SuppressionUnknown,
    /// As many as may be in force at a time.
    TooMany,
    WarningUnknown,
    /// Who proposes a warning does not release it.
    SamePerson,
    LevelUnknown,
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
    /// The suppression that the command began or ended.
    #[serde(default)]
    pub suppression: Option<Suppression>,
    #[serde(default)]
    pub warning: Option<PublicWarning>,
}
