//! What is shown of a redacted record: that it is one, and the names of the keys; never its bytes, zeros as they are.

use anyhow::{Context, Result};
use journal::inputs::Redaction;
use journal::{JournalName, ReadOnly, Redactions};
use serde_json::{Map, Value, json};

use crate::cli::{JournalArgs, Which};

/// Fields that would show the zeros.
const CONTENT: [&str; 4] = [
    "payload",
    "payload_base64",
    "properties_base64",
    "record_base64",
];

/// What the redaction records say; read when the first redacted record is met, from there on.
pub(super) struct Sayings<'a> {
    args: &'a JournalArgs,
    journal: &'a ReadOnly,
    read: Option<Redactions>,
}

impl<'a> Sayings<'a> {
    pub(super) fn new(args: &'a JournalArgs, journal: &'a ReadOnly) -> Self {
        Self {
            args,
            journal,
            read: None,
        }
    }

    /// Marks a shown record as redacted.
    pub(super) fn put(&mut self, offset: u64, record: &mut Map<String, Value>) -> Result<()> {
        CONTENT.iter().for_each(|field| {
            record.remove(*field);
        });
        let what = "cannot read what `inputs` says of redactions";
        let read = match self.read.take() {
            Some(read) => read,
            // The record is behind the frame that it names, and in `inputs` also for the other journal.
            None if self.args.journal == Which::Inputs => {
                self.journal.redactions(offset).context(what)?
            }
            None => super::open_named(&self.args.data, JournalName::Inputs)
                .and_then(|inputs| inputs.redactions(inputs.info().first_offset).context(what))
                .unwrap_or_default(),
        };
        let name = self.journal.info().name;
        let said = read.get(name, offset);
        record.insert(
            "redacted".into(),
            json!({"code": said.map(|said| &said.code), "keys": said.map(|said| &said.keys)}),
        );
        self.read = Some(read);
        Ok(())
    }
}

/// A redaction record itself.
pub(super) fn fields(record: &Redaction<'_>, hex: &dyn Fn(&[u8]) -> String) -> Value {
    json!({
        "journal": record.journal.folder(),
        "redacts": record.offset,
        "code": record.code,
        "keys": record.keys,
        "hash": hex(&record.hash),
    })
}
