//! The state as a value: the kernel's and the book's.

use std::sync::Arc;

use event::Vocabulary;
use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Engine;
use super::saved_v1::SavedV1;
use crate::book::{Book, BookSaved};
use crate::kernel::{Kernel, KernelSaved, NotThisPack};
use crate::ruleset::RuleSet;

/// Raised with every change of the layout.
const FORMAT: u16 = 3;
/// That of releases before the book.
const FORMAT_V1: u16 = 2;

/// The whole state of an [`Engine`]. Begins with its format, in which the rest is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved(Layout);

#[derive(Clone, Debug, PartialEq)]
enum Layout {
    /// Of this release.
    Now(Box<(KernelSaved, BookSaved)>),
    /// Of the releases before: read, never written.
    V1(Box<SavedV1>),
    /// Of a release that this one does not know.
    Unknown(u16),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    #[error("the state has format {found}, this release reads {FORMAT_V1} and {FORMAT}")]
    Format { found: u16 },
    #[error("the state of `{entity}` does not belong to this rule pack")]
    Pack { entity: String },
}

impl From<NotThisPack> for RestoreError {
    fn from(NotThisPack(entity): NotThisPack) -> Self {
        Self::Pack { entity }
    }
}

impl Serialize for Saved {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(2)?;
        match &self.0 {
            Layout::Now(state) => {
                tuple.serialize_element(&FORMAT)?;
                tuple.serialize_element(&**state)?;
            }
            Layout::V1(state) => {
                tuple.serialize_element(&FORMAT_V1)?;
                tuple.serialize_element(&**state)?;
            }
            Layout::Unknown(format) => {
                tuple.serialize_element(format)?;
                tuple.serialize_element(&())?;
            }
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Saved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByFormat;

        impl<'de> Visitor<'de> for ByFormat {
            type Value = Saved;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the state of an engine")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Saved, A::Error> {
                let short = || A::Error::custom("the state ends before its format");
                let format: u16 = seq.next_element()?.ok_or_else(short)?;
                let short = || A::Error::custom("the state ends after its format");
                let layout = match format {
                    FORMAT => Layout::Now(Box::new(seq.next_element()?.ok_or_else(short)?)),
                    FORMAT_V1 => Layout::V1(Box::new(seq.next_element()?.ok_or_else(short)?)),
                    other => Layout::Unknown(other),
                };
                Ok(Saved(layout))
            }
        }

        deserializer.deserialize_tuple(2, ByFormat)
    }
}

impl Engine {
    pub fn save(&self) -> Saved {
        Saved(Layout::Now(Box::new((
            self.kernel.save(),
            self.book.save(),
        ))))
    }

    /// Goes on from `saved`, which must have been saved under the same pack: restore with the pack of the snapshot,
    /// then `set_rules` where a `configuration` record says so.
    pub fn restore(
        rules: Arc<RuleSet>,
        vocabulary: Arc<Vocabulary>,
        saved: Saved,
    ) -> Result<Self, RestoreError> {
        let (kernel, book) = match saved.0 {
            Layout::Now(state) => *state,
            Layout::V1(state) => state.convert(&rules),
            Layout::Unknown(found) => return Err(RestoreError::Format { found }),
        };
        let config = Arc::clone(&rules.book);
        Ok(Self {
            kernel: Kernel::restore(rules, vocabulary, kernel)?,
            book: Book::restore(config, book),
            signals: Vec::new(),
        })
    }
}
