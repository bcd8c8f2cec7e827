//! What became of a message that was taken out of the quarantine.

use serde::{Deserialize, Serialize};

use crate::RejectCode;

/// The conclusion on one `reprocess` record of `inputs`. The events that it gave follow in the same group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reprocessed {
    /// Offset in `inputs` of the message, as it came.
    pub original: u64,
    pub operator: String,
    pub verified: bool,
    /// Why the operator asked.
    pub reason: String,
    pub result: ReprocessResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum ReprocessResult {
    /// Gave events: delivered as history.
    Delivered { events: u32 },
    /// Was understood and has nothing to deliver: a duplicate of what was delivered before, or a state of its source.
    Nothing,
    /// Was delivered by reprocessing before: nothing was done.
    Already,
    /// Refused again, wholly or beside the events that it gave: it stays in quarantine, with this reason.
    Failed {
        code: RejectCode,
        reason: String,
        events: u32,
    },
}

impl ReprocessResult {
    /// The message is out of the quarantine.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::Nothing | Self::Already)
    }
}
