//! Putting refused messages into `inputs` once more, as `reprocess` records with the bytes and the stamps of the original.
//!
//! The original comes out of `inputs`; where retention took it, it is made again from its reject in `outcomes`, which has topic,
//! client, payload and both times (what it lacks - session, packet id, MQTT 5 properties - no decoder but that of compressed
//! payloads looks at). Bounds: [`MESSAGES_MAX`] messages a request, [`BATCH_RECORDS`] or [`BATCH_BYTES`] in one append.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use event::outcome::{self, Outcome};
use journal::inputs::{self, FrontDoor, Kind, Message, Reprocess};
use journal::{Batch, Class, Frame, Journal, Reader, Stamp, State};

use super::index::Entry;

/// Messages that one request puts into the journal; it is asked again for the rest.
pub(crate) const MESSAGES_MAX: usize = 100_000;
const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;
/// A reader is taken along over so many records rather than opened anew.
const SKIP_MAX: u64 = 4_096;
const PATIENCE: Duration = Duration::from_millis(200);

/// Who asked, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By<'a> {
    pub(crate) operator: &'a str,
    pub(crate) verified: bool,
    pub(crate) reason: &'a str,
}

/// What became of the entries, each in one of the lists.
#[derive(Debug, Default)]
pub(crate) struct Requeued {
    pub(crate) queued: Vec<u64>,
    /// Neither journal has the bytes, or they were blanked.
    pub(crate) gone: Vec<u64>,
}

/// On an error what was appended until then stands in `done`.
pub(crate) fn requeue(
    inputs: &Journal,
    outcomes: &Journal,
    entries: &[Entry],
    by: By<'_>,
    done: &mut Requeued,
) -> Result<()> {
    let mut writer = Writer {
        inputs,
        by,
        batch: Batch::new(),
        waiting: Vec::new(),
        done,
    };
    let offsets: Vec<u64> = entries.iter().map(|entry| entry.offset).collect();
    let mut missing: Vec<(u64, u64)> = Vec::new();
    let mut at = entries.iter();
    let open = |from| inputs.reader(from);
    read_each(&open, inputs.next_offset(), &offsets, &mut |frame| {
        let Some(entry) = at.next() else {
            return Ok(());
        };
        match frame {
            Some(frame) if frame.is_redacted() => writer.done.gone.push(entry.offset),
            Some(frame) if frame.kind == u8::from(Kind::Message) => {
                writer.push(entry.offset, frame.stamp, frame.version, frame.payload)?;
            }
            Some(_) => writer.done.gone.push(entry.offset),
            None => missing.push((entry.outcome, entry.offset)),
        }
        Ok(())
    })?;
    let offsets: Vec<u64> = missing.iter().map(|(outcome, _)| *outcome).collect();
    let mut at = missing.iter();
    let open = |from| outcomes.reader(from);
    read_each(&open, outcomes.next_offset(), &offsets, &mut |frame| {
        let Some((_, offset)) = at.next() else {
            return Ok(());
        };
        match frame.and_then(|frame| Some((frame.stamp, remade(frame)?))) {
            Some((stamp, message)) => writer.push(*offset, stamp, inputs::VERSION, &message)?,
            None => writer.done.gone.push(*offset),
        }
        Ok(())
    })?;
    writer.flush()
}

/// The message of a reject, as far as the reject has it.
fn remade(frame: &Frame<'_>) -> Option<Vec<u8>> {
    if frame.is_redacted() {
        return None;
    }
    let decoded = outcome::decode(frame.kind, frame.version, frame.payload).ok()?;
    let (_, Outcome::Reject(reject)) = decoded else {
        return None;
    };
    let message = Message {
        front_door: FrontDoor::Listener,
        protocol: 4,
        principal: "",
        peer: "",
        client_id: &reject.client,
        session: 0,
        connection: 0,
        packet_id: 0,
        qos: 0,
        dup: false,
        retain: false,
        will: false,
        oversize: None,
        properties: &[],
        topic: &reject.topic,
        payload: &reject.payload,
    };
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    Some(bytes)
}

struct Writer<'a> {
    inputs: &'a Journal,
    by: By<'a>,
    batch: Batch,
    /// Offsets of what is in the batch.
    waiting: Vec<u64>,
    done: &'a mut Requeued,
}

impl Writer<'_> {
    fn push(&mut self, offset: u64, stamp: Stamp, version: u8, record: &[u8]) -> Result<()> {
        let reprocess = Reprocess {
            offset,
            stamp,
            operator: self.by.operator,
            verified: self.by.verified,
            reason: self.by.reason,
            kind: Kind::Message as u8,
            version,
            record,
        };
        self.batch
            .push(Kind::Reprocess as u8, |out| reprocess.encode(out));
        self.waiting.push(offset);
        if self.batch.len() >= BATCH_RECORDS || self.batch.bytes() >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Waits for the disk: the live messages of the next commits go first, and memory stays bounded.
    fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        if matches!(&*self.inputs.state().borrow(), State::Full { .. }) {
            bail!("the journal is full: what comes in from the field goes first");
        }
        let batch = std::mem::take(&mut self.batch);
        let ticket = self
            .inputs
            .appender()
            .append_blocking(Class::Normal, batch)
            .context("cannot append to `inputs`")?;
        ticket.wait().context("cannot make the records durable")?;
        self.done.queued.append(&mut self.waiting);
        Ok(())
    }
}

/// Hands over the frame at each of the ascending offsets, in order, or `None` where there is none any more.
pub(crate) fn read_each(
    open: &dyn Fn(u64) -> Reader,
    end: u64,
    offsets: &[u64],
    each: &mut dyn FnMut(Option<&Frame<'_>>) -> Result<()>,
) -> Result<()> {
    let mut wanted = offsets.iter().copied().peekable();
    let mut kept: Option<Reader> = None;
    while let Some(next) = wanted.peek().copied() {
        if next >= end {
            wanted.next();
            each(None)?;
            continue;
        }
        let mut reader = match kept.take() {
            Some(reader) if (reader.position()..=reader.position() + SKIP_MAX).contains(&next) => {
                reader
            }
            Some(_) | None => open(next),
        };
        let batch = reader
            .next_blocking(Some(PATIENCE))
            .with_context(|| format!("cannot read record {next}"))?;
        let frames = batch.iter().flat_map(|batch| batch.frames());
        for frame in frames {
            while wanted.next_if(|offset| *offset < frame.offset).is_some() {
                each(None)?;
            }
            if wanted.next_if_eq(&frame.offset).is_some() {
                each(Some(&frame))?;
            }
        }
        // A gap, or the end of a journal that is only looked at.
        let passed = match &batch {
            Some(_) => reader.position(),
            None => next + 1,
        };
        while wanted.next_if(|offset| *offset < passed).is_some() {
            each(None)?;
        }
        kept = Some(reader);
    }
    Ok(())
}
