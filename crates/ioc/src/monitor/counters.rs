//! What the fold has counted.

use event::RejectCode;
use serde::{Deserialize, Serialize};

/// What the fold has seen, for the accounting identity: received = events + duplicates + rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Message records.
    pub(crate) messages: u64,
    pub(crate) messages_by_qos: [u64; 3],
    /// Messages that gave at least one event.
    pub(crate) events: u64,
    pub(crate) duplicates: u64,
    pub(crate) rejected: u64,
    pub(crate) rejected_by_code: [u64; RejectCode::ALL.len()],
    pub(crate) alerts_raised: u64,
    pub(crate) commands: u64,
}
