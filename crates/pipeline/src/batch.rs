//! What a sink is handed: consecutive records of `outcomes`, shared and not copied.

use std::sync::Arc;

use journal::{Frame, ReadBatch, Stamp};

/// Records `from..to` of `outcomes`, without those that are already in quarantine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Batch {
    parts: Arc<[Part]>,
    excluded: Arc<[u64]>,
    from: u64,
    to: u64,
}

#[derive(Clone, Debug)]
enum Part {
    Read(ReadBatch),
    Made(RecordBuffer),
}

/// A record that is not in the journal any more, made again (from the archive) for a refill.
#[derive(Clone, Debug)]
pub struct Record {
    pub offset: u64,
    pub kind: u8,
    pub version: u8,
    pub stamp: Stamp,
    pub payload: Vec<u8>,
}

/// Records of our own making, ascending by offset.
#[derive(Clone, Debug, Default)]
pub struct RecordBuffer {
    pub records: Vec<Record>,
}

impl Batch {
    /// The frames of `reads` that lie in `from..to` and are not in `excluded` (ascending).
    pub fn of_reads(reads: Vec<ReadBatch>, from: u64, to: u64, excluded: Vec<u64>) -> Self {
        Self {
            parts: reads.into_iter().map(Part::Read).collect(),
            excluded: excluded.into(),
            from,
            to,
        }
    }

    /// A batch of records of our own making: for a refill, and for tests of sinks.
    pub fn of_records(records: RecordBuffer) -> Self {
        let from = records.records.first().map_or(0, |record| record.offset);
        let to = records.records.last().map_or(0, |record| record.offset + 1);
        Self {
            parts: Arc::new([Part::Made(records)]),
            excluded: Arc::new([]),
            from,
            to,
        }
    }

    /// The part of it that lies in `from..to`, without `excluded` (ascending, and in place of what was excluded).
    pub(crate) fn narrowed(&self, from: u64, to: u64, excluded: &[u64]) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            excluded: excluded.into(),
            from,
            to,
        }
    }

    pub(crate) fn excluded(&self) -> impl Iterator<Item = u64> + use<'_> {
        self.excluded.iter().copied()
    }

    /// Offset of the first record.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// One past the last record.
    pub fn to(&self) -> u64 {
        self.to
    }

    /// Offsets covered, excluded ones counted.
    pub fn len(&self) -> u64 {
        self.to - self.from
    }

    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// The records, ascending by offset.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.parts
            .iter()
            .flat_map(Part::frames)
            .filter(|frame| (self.from..self.to).contains(&frame.offset))
            .filter(|frame| {
                self.excluded.is_empty() || self.excluded.binary_search(&frame.offset).is_err()
            })
    }
}

impl Part {
    fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        // One of the two is there; which one is looked at once a part and not once a record.
        let (read, made) = match self {
            Self::Read(read) => (Some(read), None),
            Self::Made(made) => (None, Some(made)),
        };
        let made = made.into_iter().flat_map(|made| &made.records);
        read.into_iter()
            .flat_map(ReadBatch::frames)
            .chain(made.map(Record::frame))
    }
}

impl Record {
    fn frame(&self) -> Frame<'_> {
        Frame {
            offset: self.offset,
            kind: self.kind,
            version: self.version,
            flags: 0,
            stamp: self.stamp,
            payload: &self.payload,
        }
    }
}
