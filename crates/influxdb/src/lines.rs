//! The lines of one batch: the body of a request, and which record each line came from.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use event::outcome::{self, EventView, Outcome, OutcomeKind};
use flate2::Compression;
use flate2::write::GzEncoder;
use journal::Frame;
use pipeline::{Batch, Refused};

use crate::line::{self, Columns, LineError};

/// Reused from batch to batch.
#[derive(Debug, Default)]
pub struct Lines {
    text: Vec<u8>,
    /// Where each line ends, its line end included.
    ends: Vec<usize>,
    /// The record of each line.
    offsets: Vec<u64>,
    /// Records that have no line although they should.
    refused: Vec<Refused>,
}

impl Lines {
    /// Writes the lines of `batch`, in place of what was there.
    pub fn fill(&mut self, batch: &Batch, columns: Columns) {
        self.clear();
        for frame in batch.frames() {
            match put_record(&frame, columns, &mut self.text) {
                Ok(true) => {
                    self.ends.push(self.text.len());
                    self.offsets.push(frame.offset);
                }
                Ok(false) => {}
                Err(error) => self.refused.push(Refused {
                    offset: frame.offset,
                    reason: error.to_string(),
                }),
            }
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.offsets.clear();
        self.refused.clear();
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of it.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    pub(crate) fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    /// The record of a line.
    pub(crate) fn offset(&self, index: usize) -> u64 {
        self.offsets[index]
    }

    /// A line without its line end.
    pub(crate) fn line(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end - 1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.line(index))
    }

    /// The body as it is sent.
    pub fn body(&self, gzip: bool) -> io::Result<Vec<u8>> {
        if gzip {
            compressed(&self.text)
        } else {
            Ok(self.text.clone())
        }
    }
}

/// gzip at the cheapest level: lines of one batch are much alike, higher levels cost more than they save.
pub(crate) fn compressed(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 6 + 64), Compression::fast());
    encoder.write_all(text)?;
    encoder.finish()
}

/// True when the record has a line. Rejects, verdicts and copies have none: they are for the archive.
fn put_record(frame: &Frame<'_>, columns: Columns, out: &mut Vec<u8>) -> Result<bool, LineError> {
    match OutcomeKind::from_u8(frame.kind) {
        Some(OutcomeKind::Event) => {
            let event = EventView::read(frame.version, frame.payload)?;
            line::put_event(&event, columns, out)?;
            Ok(true)
        }
        Some(OutcomeKind::Transition) | None => {
            let (_, decoded) = outcome::decode(frame.kind, frame.version, frame.payload)?;
            let Outcome::Transition(transition) = decoded else {
                return Ok(false);
            };
            line::put_transition(&transition, out)?;
            Ok(true)
        }
        Some(
            OutcomeKind::Reject
            | OutcomeKind::Verdict
            | OutcomeKind::CommandCopy
            | OutcomeKind::ClockCopy
            | OutcomeKind::ConfigurationCopy
            | OutcomeKind::NodeCopy
            | OutcomeKind::OutletCopy
            | OutcomeKind::Reprocessed
            | OutcomeKind::Shadow
            | OutcomeKind::Suppression
            | OutcomeKind::Incident
            | OutcomeKind::PublicWarning,
        ) => Ok(false),
    }
}

/// Buffers between two batches. Bound: as many as batches are in flight; one more is dropped.
#[derive(Debug)]
pub(crate) struct Pool {
    free: Mutex<Vec<Lines>>,
    most: usize,
}

impl Pool {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            free: Mutex::new(Vec::new()),
            most,
        }
    }

    pub(crate) fn take(&self) -> Lines {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_default()
    }

    pub(crate) fn put_back(&self, lines: Lines) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.most {
            free.push(lines);
        }
    }
}
