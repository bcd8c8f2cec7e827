//! Reads become batches: cut by records and bytes, in order, without a copy. Holds one read and the begin of one batch.

use journal::{Gap, ReadBatch, Stamp};
use tokio::time::Instant;

/// The begin of a batch, and what was read and does not fit into it.
#[derive(Default)]
pub(crate) struct Gather {
    parts: Vec<ReadBatch>,
    from: u64,
    records: u64,
    bytes: usize,
    stamps: Option<(Stamp, Stamp)>,
    since: Option<Instant>,
    rest: ReadBatch,
    gap: Option<Gap>,
}

/// Records for one batch.
pub(crate) struct Gathered {
    pub(crate) parts: Vec<ReadBatch>,
    pub(crate) from: u64,
    pub(crate) records: u64,
    pub(crate) stamps: Option<(Stamp, Stamp)>,
}

impl Gather {
    pub(crate) fn at(position: u64) -> Self {
        Self {
            from: position,
            ..Self::default()
        }
    }

    /// Offset of its first record, or of the one that comes next.
    pub(crate) fn from(&self) -> u64 {
        self.from
    }

    /// Takes a read; only when nothing of the last one is left ([`Gather::wants`]).
    pub(crate) fn offer(&mut self, read: ReadBatch) {
        debug_assert!(self.wants(), "one read at a time");
        match read.gap() {
            Some(gap) => self.gap = Some(*gap),
            None => self.rest = read,
        }
    }

    /// All that was read is in the batch that begins.
    pub(crate) fn wants(&self) -> bool {
        self.rest.is_empty() && self.gap.is_none()
    }

    /// Moves what fits into the batch that begins.
    pub(crate) fn fill(&mut self, records_max: u64, bytes_max: usize, now: Instant) {
        while !self.rest.is_empty() {
            let records = records_max.saturating_sub(self.records);
            let bytes = bytes_max.saturating_sub(self.bytes);
            let mut taken = self.rest.take_front(records, bytes);
            if taken.is_none() && self.records == 0 && records > 0 {
                // Larger than a batch: alone.
                taken = self.rest.take_front(1, usize::MAX);
            }
            let Some(taken) = taken else {
                return;
            };
            self.since.get_or_insert(now);
            self.records += taken.records;
            self.bytes += taken.bytes;
            let first = self.stamps.map_or(taken.stamps.0, |stamps| stamps.0);
            self.stamps = Some((first, taken.stamps.1));
            self.parts.push(taken.read);
        }
    }

    /// Nothing can be added to the batch that begins.
    pub(crate) fn is_full(&self, records_max: u64, bytes_max: usize) -> bool {
        let begun = self.records > 0;
        begun && (!self.wants() || self.records >= records_max || self.bytes >= bytes_max)
    }

    /// Since when there is something in it.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.since
    }

    pub(crate) fn first_stamp(&self) -> Option<Stamp> {
        self.stamps.map(|stamps| stamps.0)
    }

    /// Nothing was read that was not taken out again.
    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0 && self.wants()
    }

    /// Takes the batch that begins, if there is anything in it.
    pub(crate) fn take(&mut self) -> Option<Gathered> {
        if self.records == 0 {
            return None;
        }
        let gathered = Gathered {
            parts: std::mem::take(&mut self.parts),
            from: self.from,
            records: self.records,
            stamps: self.stamps.take(),
        };
        self.from += gathered.records;
        (self.records, self.bytes, self.since) = (0, 0, None);
        Some(gathered)
    }

    /// Takes the gap, once everything before it is taken.
    pub(crate) fn take_gap(&mut self) -> Option<Gap> {
        if self.records > 0 || !self.rest.is_empty() {
            return None;
        }
        let gap = self.gap.take()?;
        self.from = gap.to;
        Some(gap)
    }
}
