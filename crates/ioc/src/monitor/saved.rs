//! The fold's state in a snapshot.

use std::sync::Arc;

use alert::Engine;
use event::JournalId;
use mqtt::{SessionTable, SessionTableV1};
use normalize::Normalizer;
use serde::Deserialize;

use super::counters::Counters;
use super::domain::Domain;
use super::fold::Fold;

/// Version of the state in a snapshot; rises with any change, the previous one stays readable.
pub(crate) const FORMAT: u16 = 2;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    #[error(
        "the snapshot has format {0}, this release reads 1 to {FORMAT}: use the release that wrote it, or an older snapshot"
    )]
    Format(u16),
    #[error("the snapshot cannot be decoded")]
    Decode(#[from] postcard::Error),
    #[error("the state of the {0} is of another release")]
    Part(&'static str),
    #[error("the state of the alert engine cannot be restored")]
    Engine(#[from] alert::RestoreError),
    #[error("the site pack inside the snapshot is not accepted by this release: {0}")]
    Pack(String),
}

/// Site pack, normalizer, alert engine, sessions, counters.
type Parts<S, C> = (Vec<u8>, normalize::State, alert::Saved, S, C);

/// The counters of format 1, from before sinks could refuse a record.
#[derive(Deserialize)]
struct CountersV1 {
    messages: u64,
    messages_by_qos: [u64; 3],
    events: u64,
    duplicates: u64,
    rejected: u64,
    rejected_by_code: [u64; 16],
    alerts_raised: u64,
    commands: u64,
}

impl From<CountersV1> for Counters {
    fn from(old: CountersV1) -> Self {
        let mut counters = Self {
            messages: old.messages,
            messages_by_qos: old.messages_by_qos,
            events: old.events,
            duplicates: old.duplicates,
            rejected: old.rejected,
            alerts_raised: old.alerts_raised,
            commands: old.commands,
            ..Self::default()
        };
        counters.rejected_by_code[..16].copy_from_slice(&old.rejected_by_code);
        counters
    }
}

impl Fold {
    pub(crate) fn save(&self) -> Result<Option<Vec<u8>>, postcard::Error> {
        let Some(domain) = &self.domain else {
            return Ok(None);
        };
        let parts = (
            &domain.pack,
            domain.normalizer.save(),
            domain.engine.save(),
            &self.sessions,
            self.counters,
        );
        postcard::to_stdvec(&parts).map(Some)
    }

    pub(crate) fn restore(
        journal: JournalId,
        format: u16,
        next_input: u64,
        bytes: &[u8],
    ) -> Result<Self, RestoreError> {
        if !(1..=FORMAT).contains(&format) {
            return Err(RestoreError::Format(format));
        }
        let parts: Parts<SessionTable, Counters> = if format == 1 {
            let (pack, normalizer, engine, sessions, counters): Parts<SessionTableV1, CountersV1> =
                postcard::from_bytes(bytes)?;
            (pack, normalizer, engine, sessions.into(), counters.into())
        } else {
            postcard::from_bytes(bytes)?
        };
        let (pack, normalizer, engine, sessions, counters) = parts;
        let mut domain = Domain::build(pack).map_err(RestoreError::Pack)?;
        let catalogue = Arc::clone(domain.normalizer.catalogue());
        domain.normalizer =
            Normalizer::restore(catalogue, normalizer).ok_or(RestoreError::Part("normalizer"))?;
        let vocabulary = Arc::new(domain.site.catalogue.vocabulary().clone());
        domain.engine = Engine::restore(Arc::clone(&domain.site.rules), vocabulary, engine)?;
        let mut fold = Self::new(journal);
        fold.next_input = next_input;
        fold.domain = Some(domain);
        fold.sessions = sessions;
        fold.counters = counters;
        Ok(fold)
    }
}

#[cfg(test)]
mod tests;
