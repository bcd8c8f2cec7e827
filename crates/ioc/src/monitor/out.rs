//! What one input record gave, before it is written.

use alert::Effect;
use event::outcome::{self, Cause, EncodeError, OutcomeKind};
use event::{Event, Reject, Reprocessed, Verdict};

/// One outcome before it is written.
pub(super) enum Out<'a> {
    Event(Event),
    Reject(Reject),
    Effect(Box<Effect>),
    Verdict(Box<Verdict>),
    Reprocessed(Reprocessed),
    Copy(OutcomeKind, &'a [u8]),
}

impl Out<'_> {
    pub(super) fn kind(&self) -> OutcomeKind {
        match self {
            Self::Event(_) => OutcomeKind::Event,
            Self::Reject(_) => OutcomeKind::Reject,
            Self::Effect(effect) => effect_kind(effect),
            Self::Verdict(_) => OutcomeKind::Verdict,
            Self::Reprocessed(_) => OutcomeKind::Reprocessed,
            Self::Copy(kind, _) => *kind,
        }
    }

    pub(super) fn encode(&self, cause: Cause, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Event(event) => outcome::encode_event(cause, event, buffer),
            Self::Reject(reject) => outcome::encode_reject(cause, reject, buffer),
            Self::Effect(effect) => return encode_effect(cause, effect, buffer),
            Self::Verdict(verdict) => return outcome::encode_verdict(cause, verdict, buffer),
            Self::Reprocessed(reprocessed) => {
                return outcome::encode_reprocessed(cause, reprocessed, buffer);
            }
            Self::Copy(_, bytes) => outcome::encode_copy(cause, bytes, buffer),
        }
        Ok(())
    }
}

fn encode_effect(cause: Cause, effect: &Effect, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
    match effect {
        Effect::Transition(transition) => outcome::encode_transition(cause, transition, buffer),
        Effect::Shadow(transition) => outcome::encode_shadow(cause, transition, buffer),
        Effect::Suppression(change) => outcome::encode_suppression(cause, change, buffer),
        Effect::Incident(incident) => outcome::encode_incident(cause, incident, buffer),
        Effect::PublicWarning(warning) => outcome::encode_public_warning(cause, warning, buffer),
    }
}

const fn effect_kind(effect: &Effect) -> OutcomeKind {
    match effect {
        Effect::Transition(_) => OutcomeKind::Transition,
        Effect::Shadow(_) => OutcomeKind::Shadow,
        Effect::Suppression(_) => OutcomeKind::Suppression,
        Effect::Incident(_) => OutcomeKind::Incident,
        Effect::PublicWarning(_) => OutcomeKind::PublicWarning,
    }
}
