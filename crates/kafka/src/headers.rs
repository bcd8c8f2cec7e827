//! CloudEvents 1.0, Kafka binding, binary mode: the attributes as headers, the value as it is.
//!
//! Beside the attributes of the standard: `cause`, which is journal id, offset and index of the record of `inputs` that
//! brought this about (`<journal>/<offset>/<index>`), and `sequence`, the offset in `outcomes` (20 digits: it sorts as
//! text). One attribute for the cause, not three: each header costs an allocation here and a parse at every reader.

use event::outcome::Cause;
use event::{JournalId, Time};
use rdkafka::message::{Header, OwnedHeaders};

use crate::encode;
use crate::topic::Form;

/// Attributes that change with every message.
pub(crate) struct Attributes<'a> {
    pub(crate) form: Form,
    pub(crate) id: &'a [u8],
    pub(crate) subject: &'a str,
    pub(crate) time: Time,
    pub(crate) cause: Cause,
    /// Offset in `outcomes`.
    pub(crate) sequence: u64,
}

/// Attributes that do not, and a buffer for texts.
pub(crate) struct HeaderMaker {
    source: String,
    journal: String,
    scratch: Vec<u8>,
}

impl HeaderMaker {
    const COUNT: usize = 10;

    pub(crate) fn new(source: &str, journal: JournalId) -> Self {
        Self {
            source: source.to_owned(),
            journal: journal.to_string(),
            scratch: Vec::with_capacity(64),
        }
    }

    pub(crate) fn make(&mut self, attributes: &Attributes<'_>) -> OwnedHeaders {
        let form = attributes.form;
        let headers = OwnedHeaders::new_with_capacity(Self::COUNT)
            .insert(header("ce_specversion", b"1.0"))
            .insert(header("ce_type", form.event_type().as_bytes()))
            .insert(header("ce_source", self.source.as_bytes()))
            .insert(header("ce_id", attributes.id))
            .insert(header("ce_dataschema", form.schema().as_bytes()))
            .insert(header("content-type", form.content_type().as_bytes()));
        // The standard forbids an empty one.
        let headers = if attributes.subject.is_empty() {
            headers
        } else {
            headers.insert(header("ce_subject", attributes.subject.as_bytes()))
        };
        let headers = self.with("ce_time", headers, |_, out| {
            encode::put_time(attributes.time, out);
        });
        let headers = self.with("ce_cause", headers, |journal, out| {
            out.extend_from_slice(journal.as_bytes());
            out.push(b'/');
            encode::put_unsigned(attributes.cause.offset, out);
            out.push(b'/');
            encode::put_unsigned(attributes.cause.index.into(), out);
        });
        self.with("ce_sequence", headers, |_, out| {
            encode::put_padded(attributes.sequence, 20, out);
        })
    }

    fn with(
        &mut self,
        key: &'static str,
        headers: OwnedHeaders,
        put: impl FnOnce(&str, &mut Vec<u8>),
    ) -> OwnedHeaders {
        self.scratch.clear();
        put(&self.journal, &mut self.scratch);
        headers.insert(header(key, &self.scratch))
    }
}

fn header<'a>(key: &'static str, value: &'a [u8]) -> Header<'a, &'a [u8]> {
    Header {
        key,
        value: Some(value),
    }
}
