//! What the simulation submitted, was promised and saw; the disk and the readers are held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::storage::sim::Random;
use crate::{Class, Opened, Reader, Ticket};

/// The payload of a record is its number and bytes that follow from it.
pub(super) fn payload(number: u64, out: &mut Vec<u8>) {
    let mut random = Random::new(number);
    out.extend_from_slice(&number.to_le_bytes());
    let bound = if random.once_in(10) { 1500 } else { 200 };
    let length = random.below(bound);
    let end = out.len() + length as usize;
    while out.len() < end {
        out.extend_from_slice(&random.number().to_le_bytes());
    }
    out.truncate(end);
}

/// What was promised and seen.
#[derive(Default)]
pub(super) struct Model {
    pub(super) submitted: BTreeMap<u64, Class>,
    /// Offset -> number: acknowledged, or shown to a reader.
    pub(super) promised: BTreeMap<u64, u64>,
    pub(super) next_number: u64,
    pub(super) first_offset: u64,
    pub(super) behind: u64,
    pub(super) waiting: Vec<(Vec<u64>, Ticket)>,
    pub(super) acknowledged: u64,
}

impl Model {
    fn promise(&mut self, offset: u64, number: u64) -> Result<(), String> {
        match self.promised.insert(offset, number) {
            Some(other) if other != number => Err(format!(
                "offset {offset} was record {other} and is now {number}"
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn collect_tickets(&mut self) -> Result<(), String> {
        let mut context = Context::from_waker(Waker::noop());
        for (numbers, mut ticket) in std::mem::take(&mut self.waiting) {
            match Pin::new(&mut ticket).poll(&mut context) {
                Poll::Pending => self.waiting.push((numbers, ticket)),
                Poll::Ready(Err(_)) => {}
                Poll::Ready(Ok(committed)) => {
                    if committed.count as usize != numbers.len() {
                        return Err("a ticket counts wrongly".to_owned());
                    }
                    self.acknowledged += numbers.len() as u64;
                    for (offset, number) in (committed.first_offset..).zip(numbers) {
                        self.promise(offset, number)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn check_record(&self, frame: &crate::Frame<'_>) -> Result<u64, String> {
        let number = frame
            .payload
            .first_chunk()
            .map(|bytes| u64::from_le_bytes(*bytes));
        let number = number.ok_or("a record without a number")?;
        let mut expected = Vec::new();
        payload(number, &mut expected);
        if !self.submitted.contains_key(&number) || expected != frame.payload {
            return Err(format!("offset {} holds an invented record", frame.offset));
        }
        Ok(number)
    }

    /// Everything on disk against everything promised.
    pub(super) fn check_disk(&self, opened: &Opened) -> Result<(), String> {
        let mut reader = opened.reader(opened.first_offset());
        let mut found = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut last = BTreeMap::new();
        let mut stamp = i64::MIN;
        while let Some(batch) = reader
            .next_blocking(None)
            .map_err(|error| error.to_string())?
        {
            for frame in batch.frames() {
                let number = self.check_record(&frame)?;
                if !seen.insert(number) {
                    return Err(format!("record {number} is there twice"));
                }
                if last.insert(self.submitted[&number].index(), number) > Some(number) {
                    return Err(format!("record {number} is out of order"));
                }
                if frame.stamp.journal_ns < stamp {
                    return Err(format!("time goes backwards at {}", frame.offset));
                }
                stamp = frame.stamp.journal_ns;
                found.insert(frame.offset, number);
            }
        }
        for (offset, number) in self.promised.range(self.first_offset..) {
            if found.get(offset) != Some(number) {
                let got = found.get(offset);
                return Err(format!(
                    "promised record {number} at {offset} is lost (there: {got:?}); next {}, {:?}",
                    opened.next_offset(),
                    opened.recovery()
                ));
            }
        }
        match self.promised.last_key_value() {
            Some((last, _)) if *last >= opened.next_offset() => {
                Err(format!("offset {last} would be given out twice"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn read(&mut self, reader: &mut Reader, end: u64) -> Result<(), String> {
        if reader.position() >= end {
            return Ok(());
        }
        let before = reader.position();
        let batch = match reader.next_blocking(None) {
            Ok(Some(batch)) => batch,
            // A fault may hit a reader too; it stays where it is.
            Ok(None) | Err(crate::Error::Io { .. }) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        for (expected, frame) in (before..).zip(batch.frames()) {
            if frame.offset != expected {
                return Err(format!("a reader got {} for {expected}", frame.offset));
            }
            let number = self.check_record(&frame)?;
            self.promise(frame.offset, number)?;
        }
        match batch.gap() {
            // A range of a commit that never finished may be a hole; nobody was promised what was in it.
            Some(gap) => {
                let from = gap.from.max(self.first_offset);
                match self.promised.range(from..gap.to.max(from)).next() {
                    Some((offset, _)) => Err(format!("promised {offset} is in the gap {gap:?}")),
                    None => Ok(()),
                }
            }
            None => Ok(()),
        }
    }
}
