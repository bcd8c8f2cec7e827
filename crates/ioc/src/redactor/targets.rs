//! Which frames hold the content of a message that was refused for personal data.

use std::time::Duration;

use anyhow::{Context, Result};
use event::RejectCode;
use event::outcome::{self, Outcome, OutcomeKind};
use journal::inputs::{self, Kind, SessionChange};
use journal::{Frame, Journal, JournalName};

use super::key::Key;

/// The opening of a session is searched for backwards in pieces of so many records, and so many pieces.
const PIECE_RECORDS: u64 = 65_536;
const PIECES_MAX: u64 = 64;

/// A reject for personal data, as the fold concluded it.
#[derive(Clone, Debug)]
pub(super) struct Find {
    /// The record of `inputs` that it rests on.
    pub(super) cause: u64,
    pub(super) keys: Vec<String>,
}

/// One frame to be named and overwritten.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) journal: JournalName,
    pub(super) offset: u64,
    /// What the record was refused for when it came.
    pub(super) code: RejectCode,
    pub(super) hash: [u8; 32],
    /// Its redaction record is durable.
    pub(super) named: bool,
}

/// One record, out of the journal's memory or from disk.
struct Record {
    offset: u64,
    kind: u8,
    version: u8,
    redacted: bool,
    payload: Vec<u8>,
}

impl Record {
    fn of(frame: &Frame<'_>) -> Self {
        Self {
            offset: frame.offset,
            kind: frame.kind,
            version: frame.version,
            redacted: frame.is_redacted(),
            payload: frame.payload.to_vec(),
        }
    }
}

pub(super) struct Finder<'a> {
    pub(super) inputs: &'a Journal,
    pub(super) outcomes: &'a Journal,
    pub(super) key: &'a Key,
}

impl Finder<'_> {
    pub(super) fn targets(&self, find: &Find) -> Result<Vec<Target>> {
        let Some(record) = read(self.inputs, find.cause)? else {
            // Gone, or unreadable: named all the same.
            return Ok(vec![unread(find.cause)]);
        };
        let mut targets = vec![self.of_input(&record, RejectCode::PersonalData)];
        if record.kind == u8::from(Kind::Reprocess)
            && let Ok(again) = inputs::Reprocess::decode(record.version, &record.payload)
        {
            self.originals(again.offset, &mut targets)?;
        }
        if record.kind == u8::from(Kind::Message)
            && let Ok(message) = inputs::Message::decode(record.version, &record.payload)
            && message.will
            && let Some(opening) = self.opening(&message, find.cause)?
        {
            targets.push(self.of_input(&opening, RejectCode::PersonalData));
        }
        Ok(targets)
    }

    /// The record that this will came with: it holds the same bytes.
    fn opening(&self, will: &inputs::Message<'_>, published: u64) -> Result<Option<Record>> {
        let first = self.inputs.first_offset();
        let mut high = published;
        for _ in 0..PIECES_MAX {
            let low = high.saturating_sub(PIECE_RECORDS).max(first);
            let mut reader = self.inputs.reader(low);
            while reader.position() < high {
                let Some(batch) = reader
                    .next_blocking(Some(Duration::ZERO))
                    .context("cannot look for the session of a will in `inputs`")?
                else {
                    break;
                };
                let mut frames = batch.frames();
                if let Some(frame) = frames.find(|frame| opens_with_will(frame, will)) {
                    return Ok(Some(Record::of(&frame)));
                }
            }
            high = low;
            if high <= first {
                return Ok(None);
            }
        }
        tracing::warn!(
            published,
            "the session of a will with personal data began too long ago to be found; retention will take it"
        );
        Ok(None)
    }

    fn of_input(&self, record: &Record, code: RejectCode) -> Target {
        let content = match Kind::try_from(record.kind) {
            Ok(Kind::Message) => message_content(record.version, &record.payload),
            Ok(Kind::Reprocess) => inputs::Reprocess::decode(record.version, &record.payload)
                .ok()
                .and_then(|again| message_content(again.version, again.record)),
            Ok(Kind::Session) => will_content(record.version, &record.payload),
            Ok(_) | Err(_) => None,
        };
        Target {
            journal: JournalName::Inputs,
            offset: record.offset,
            code,
            hash: self.key.hash(content.unwrap_or(&record.payload)),
            named: record.redacted,
        }
    }

    /// The message that was tried again, and what was concluded of it when it came: an older site pack let it through as
    /// a reject with its bytes.
    fn originals(&self, offset: u64, targets: &mut Vec<Target>) -> Result<()> {
        let mut code = RejectCode::PersonalData;
        for record in rejects_of(self.outcomes, offset)? {
            let Ok((_, Outcome::Reject(reject))) =
                outcome::decode(record.kind, record.version, &record.payload)
            else {
                continue;
            };
            if reject.code == RejectCode::PersonalData {
                continue;
            }
            code = reject.code;
            targets.push(Target {
                journal: JournalName::Outcomes,
                offset: record.offset,
                code,
                hash: self.key.hash(&reject.payload),
                named: record.redacted,
            });
        }
        targets.push(match read(self.inputs, offset)? {
            Some(record) => self.of_input(&record, code),
            None => Target {
                code,
                ..unread(offset)
            },
        });
        Ok(())
    }
}

fn unread(offset: u64) -> Target {
    Target {
        journal: JournalName::Inputs,
        offset,
        code: RejectCode::PersonalData,
        hash: [0; 32],
        named: false,
    }
}

fn message_content(version: u8, record: &[u8]) -> Option<&[u8]> {
    inputs::Message::decode(version, record)
        .ok()
        .map(|message| message.payload)
}

fn will_content(version: u8, record: &[u8]) -> Option<&[u8]> {
    match inputs::Session::decode(version, record).ok()?.change {
        SessionChange::Opened(opening) => opening.will.map(|will| will.payload),
        SessionChange::Closed { .. } | SessionChange::Expired => None,
    }
}

fn opens_with_will(frame: &Frame<'_>, will: &inputs::Message<'_>) -> bool {
    if frame.kind != u8::from(Kind::Session) {
        return false;
    }
    let Ok(session) = inputs::Session::decode(frame.version, frame.payload) else {
        return false;
    };
    let same = session.client_id == will.client_id && session.connection == will.connection;
    same && matches!(session.change, SessionChange::Opened(opening) if opening.will.is_some())
}

/// `None`: retention took it, or it is damaged.
fn read(journal: &Journal, offset: u64) -> Result<Option<Record>> {
    let first = first_at(journal, offset)?;
    Ok(first.filter(|record| record.offset == offset))
}

/// The first record at or after `offset`.
fn first_at(journal: &Journal, offset: u64) -> Result<Option<Record>> {
    let mut reader = journal.reader(offset);
    while reader.position() < journal.next_offset() {
        let batch = reader
            .next_blocking(Some(Duration::ZERO))
            .with_context(|| format!("cannot read record {offset} of `{}`", journal.name()))?;
        if let Some(frame) = batch.as_ref().and_then(|batch| batch.frames().next()) {
            return Ok(Some(Record::of(&frame)));
        }
    }
    Ok(None)
}

/// The rejects that rest on one input record. Causes rise with the offsets, so the first is found by halving.
fn rejects_of(outcomes: &Journal, cause: u64) -> Result<Vec<Record>> {
    let (mut low, mut high) = (outcomes.first_offset(), outcomes.next_offset());
    while low < high {
        let middle = low + (high - low) / 2;
        let before = first_at(outcomes, middle)?.is_some_and(|record| {
            outcome::decode_cause(record.version, &record.payload)
                .is_ok_and(|found| found.offset < cause)
        });
        if before {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let mut rejects = Vec::new();
    while let Some(record) = first_at(outcomes, low)? {
        let found = outcome::decode_cause(record.version, &record.payload);
        if found.is_ok_and(|found| found.offset > cause) {
            break;
        }
        low = record.offset + 1;
        if record.kind == OutcomeKind::Reject as u8 {
            rejects.push(record);
        }
    }
    Ok(rejects)
}
