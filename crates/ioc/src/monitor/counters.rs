//! What the fold has counted.

use event::RejectCode;
use serde::{Deserialize, Serialize};

/// What the fold has seen, for the accounting identity: received = events + state + duplicates + rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Message records.
    pub(crate) messages: u64,
    pub(crate) messages_by_qos: [u64; 3],
    /// Messages that gave at least one event.
    pub(crate) events: u64,
    /// Messages that changed what is remembered of a source and gave nothing to deliver (a birth, a join, a status).
    pub(crate) state: u64,
    pub(crate) duplicates: u64,
    pub(crate) rejected: u64,
    pub(crate) rejected_by_code: [u64; RejectCode::ALL.len()],
    pub(crate) alerts_raised: u64,
    pub(crate) commands: u64,
    /// Messages taken out of the quarantine, and those that were refused again: no part of the identity above.
    pub(crate) reprocessed: u64,
    pub(crate) reprocessed_failed: u64,
}
