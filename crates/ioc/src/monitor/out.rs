//! What one input record gave, before it is written.

use event::outcome::{self, Cause, EncodeError, OutcomeKind};
use event::{Event, Reject, Reprocessed, Transition, Verdict};

/// One outcome before it is written.
pub(super) enum Out<'a> {
    Event(Event),
    Reject(Reject),
    Transition(Transition),
    Verdict(Verdict),
    Reprocessed(Reprocessed),
    Copy(OutcomeKind, &'a [u8]),
}

impl Out<'_> {
    pub(super) fn kind(&self) -> OutcomeKind {
        match self {
            Self::Event(_) => OutcomeKind::Event,
            Self::Reject(_) => OutcomeKind::Reject,
            Self::Transition(_) => OutcomeKind::Transition,
            Self::Verdict(_) => OutcomeKind::Verdict,
            Self::Reprocessed(_) => OutcomeKind::Reprocessed,
            Self::Copy(kind, _) => *kind,
        }
    }

    pub(super) fn encode(&self, cause: Cause, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Event(event) => outcome::encode_event(cause, event, buffer),
            Self::Reject(reject) => outcome::encode_reject(cause, reject, buffer),
            Self::Transition(transition) => {
                return outcome::encode_transition(cause, transition, buffer);
            }
            Self::Verdict(verdict) => return outcome::encode_verdict(cause, verdict, buffer),
            Self::Reprocessed(reprocessed) => {
                return outcome::encode_reprocessed(cause, reprocessed, buffer);
            }
            Self::Copy(_, bytes) => outcome::encode_copy(cause, bytes, buffer),
        }
        Ok(())
    }
}
