//! Why a message gives no event.

use event::RejectCode;

#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: RejectCode,
    /// One sentence: what was wrong, where, and what to do.
    pub(crate) reason: String,
}

impl Fault {
    pub(crate) fn new(code: RejectCode, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// JSON, XML or CBOR that is well formed but not what the format says.
    pub(crate) fn shape(reason: impl Into<String>) -> Self {
        Self::new(RejectCode::PayloadShape, reason)
    }

    /// Bytes that are not of the format at all.
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::new(RejectCode::PayloadMalformed, reason)
    }
}
