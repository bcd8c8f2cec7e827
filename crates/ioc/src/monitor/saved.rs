//! The fold's state in a snapshot.

use std::sync::Arc;

use alert::Engine;
use derive::Deriver;
use event::JournalId;
use mqtt::{SessionTable, SessionTableV1};
use normalize::Normalizer;
use serde::Deserialize;

use super::counters::Counters;
use super::delivered::Delivered;
use super::domain::Domain;
use super::fold::Fold;

/// Version of the state in a snapshot; rises with any change, the previous one stays readable.
pub(crate) const FORMAT: u16 = 4;

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

/// Site pack, normalizer, derived measures, alert engine, sessions, counters, what reprocessing delivered.
type Parts = (
    Vec<u8>,
    normalize::State,
    derive::State,
    alert::Saved,
    SessionTable,
    Counters,
    Delivered,
);

/// The same in formats 1 and 2, from before formats had a memory.
type PartsV2<S, C> = (Vec<u8>, normalize::StateV1, alert::Saved, S, C);

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

/// The counters of format 2, from before messages could be state alone.
#[derive(Deserialize)]
struct CountersV2 {
    messages: u64,
    messages_by_qos: [u64; 3],
    events: u64,
    duplicates: u64,
    rejected: u64,
    rejected_by_code: [u64; 17],
    alerts_raised: u64,
    commands: u64,
}

impl From<CountersV1> for Counters {
    fn from(old: CountersV1) -> Self {
        let mut rejected_by_code = [0; 17];
        rejected_by_code[..16].copy_from_slice(&old.rejected_by_code);
        CountersV2 {
            messages: old.messages,
            messages_by_qos: old.messages_by_qos,
            events: old.events,
            duplicates: old.duplicates,
            rejected: old.rejected,
            rejected_by_code,
            alerts_raised: old.alerts_raised,
            commands: old.commands,
        }
        .into()
    }
}

impl From<CountersV2> for Counters {
    fn from(old: CountersV2) -> Self {
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
        counters.rejected_by_code[..17].copy_from_slice(&old.rejected_by_code);
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
            domain.deriver.save(),
            domain.engine.save(),
            &self.sessions,
            self.counters,
            &self.delivered,
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
        let (pack, normalizer, derived, engine, sessions, counters, delivered) = match format {
            1 => {
                let (pack, normalizer, engine, sessions, counters): PartsV2<
                    SessionTableV1,
                    CountersV1,
                > = postcard::from_bytes(bytes)?;
                let (sessions, counters) = (sessions.into(), Counters::from(counters));
                let delivered = Delivered::default();
                (
                    pack,
                    normalizer.into(),
                    None,
                    engine,
                    sessions,
                    counters,
                    delivered,
                )
            }
            2 => {
                let (pack, normalizer, engine, sessions, counters): PartsV2<
                    SessionTable,
                    CountersV2,
                > = postcard::from_bytes(bytes)?;
                let counters = Counters::from(counters);
                let delivered = Delivered::default();
                (
                    pack,
                    normalizer.into(),
                    None,
                    engine,
                    sessions,
                    counters,
                    delivered,
                )
            }
            // Format 4 differs in the state of the alert engine alone, which knows its own.
            _ => {
                let (pack, normalizer, derived, engine, sessions, counters, delivered): Parts =
                    postcard::from_bytes(bytes)?;
                (
                    pack,
                    normalizer,
                    Some(derived),
                    engine,
                    sessions,
                    counters,
                    delivered,
                )
            }
        };
        let mut domain = Domain::build(pack).map_err(RestoreError::Pack)?;
        let catalogue = Arc::clone(domain.normalizer.catalogue());
        domain.normalizer =
            Normalizer::restore(catalogue, normalizer).ok_or(RestoreError::Part("normalizer"))?;
        if let Some(derived) = derived {
            let rules = Arc::clone(&domain.site.derive);
            domain.deriver =
                Deriver::restore(rules, derived).ok_or(RestoreError::Part("derived measures"))?;
        }
        let vocabulary = Arc::new(domain.site.catalogue.vocabulary().clone());
        domain.engine = Engine::restore(Arc::clone(&domain.site.rules), vocabulary, engine)?;
        let mut fold = Self::new(journal);
        fold.next_input = next_input;
        fold.domain = Some(domain);
        fold.sessions = sessions;
        fold.counters = counters;
        fold.delivered = delivered;
        Ok(fold)
    }
}

#[cfg(test)]
mod tests;
