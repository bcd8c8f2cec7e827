//! What the committer, the handles and the readers of one running journal share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::options::{OnFull, Options, State};
use crate::queue::{Ended, Queue};
use crate::read_batch::{ReadBatch, skip};
use crate::redaction::Named;
use crate::segment::Segments;
use crate::{Id, Stats, Storage, format};

/// Most chunks one read takes from the memory tail.
const TAIL_CHUNKS_MAX: usize = 256;
/// Most recorded gaps; adjacent ones are merged, so this many outages of readers.
const GAPS_MAX: usize = 1024;

/// How far the journal is durable, and whether more can come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) next: u64,
    pub(crate) ended: Option<Ended>,
}

/// A range that a named `gap` reader lost at the size bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedGap {
    pub reader: String,
    pub from: u64,
    pub to: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    pub(crate) position: u64,
    pub(crate) on_full: OnFull,
}

/// What retention must respect.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    pub(crate) behind: u64,
    pub(crate) readers: BTreeMap<String, Hold>,
    pub(crate) gaps: VecDeque<RecordedGap>,
}

impl Holds {
    pub(crate) fn record_gap(&mut self, reader: &str, from: u64, to: u64) {
        if let Some(last) = self.gaps.iter_mut().rev().find(|gap| gap.reader == reader)
            && last.to >= from
        {
            last.to = to;
            return;
        }
        if self.gaps.len() == GAPS_MAX {
            self.gaps.pop_front();
        }
        self.gaps.push_back(RecordedGap {
            reader: reader.to_owned(),
            from,
            to,
        });
    }
}

#[derive(Debug)]
struct TailBatch {
    first_offset: u64,
    count: u64,
    bytes: Bytes,
    /// Memory it holds, which may be more than its bytes.
    held: usize,
}

/// The last committed batches, as they were written. Bound: `memory_tail_bytes`; the oldest go.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    batches: VecDeque<TailBatch>,
    held: usize,
}

impl Tail {
    pub(crate) fn push(&mut self, first_offset: u64, count: u64, buffer: Vec<u8>) {
        let held = buffer.capacity();
        self.held += held;
        self.batches.push_back(TailBatch {
            first_offset,
            count,
            bytes: buffer.into(),
            held,
        });
    }

    pub(crate) fn trim(&mut self, max: usize) {
        while self.held > max {
            let Some(batch) = self.batches.pop_front() else {
                break;
            };
            self.held -= batch.held;
        }
    }

    /// Blanks a frame: its batch is copied, and the old bytes go with the last reader that has them.
    pub(crate) fn redact(&mut self, offset: u64, seed: u32, blank: crate::Blank) {
        let after = self
            .batches
            .partition_point(|batch| batch.first_offset <= offset);
        let Some(batch) = after
            .checked_sub(1)
            .and_then(|at| self.batches.get_mut(at))
            .filter(|batch| offset < batch.first_offset + batch.count)
        else {
            return;
        };
        let from = skip(&batch.bytes, offset - batch.first_offset);
        let to = from + skip(&batch.bytes[from..], 1);
        let mut bytes = batch.bytes.to_vec();
        format::redact(&mut bytes[from..to], seed, blank);
        self.held -= batch.held;
        batch.held = bytes.capacity();
        self.held += batch.held;
        batch.bytes = bytes.into();
    }

    /// Frames from `position` on, about `want` bytes; `None` if the tail does not reach back so far.
    fn read(&self, position: u64, want: usize) -> Option<ReadBatch> {
        if self.batches.front()?.first_offset > position {
            return None;
        }
        let first = self
            .batches
            .partition_point(|batch| batch.first_offset <= position)
            - 1;
        let mut read = ReadBatch::default();
        let mut bytes = 0;
        for batch in self.batches.range(first..).take(TAIL_CHUNKS_MAX) {
            if bytes > 0 && bytes + batch.bytes.len() > want {
                break;
            }
            bytes += batch.bytes.len();
            let behind = position.saturating_sub(batch.first_offset);
            let chunk = batch.bytes.slice(skip(&batch.bytes, behind)..);
            read.push(chunk, batch.count.saturating_sub(behind));
        }
        (!read.is_empty()).then_some(read)
    }
}

pub(crate) struct Shared {
    pub(crate) id: Id,
    pub(crate) options: Options,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) queue: Queue,
    pub(crate) head: watch::Sender<Head>,
    pub(crate) state: watch::Sender<State>,
    pub(crate) tail: Mutex<Tail>,
    pub(crate) segments: Mutex<Segments>,
    pub(crate) holds: Mutex<Holds>,
    pub(crate) named: Arc<Named>,
    pub(crate) stats: Mutex<Stats>,
}

impl Shared {
    pub(crate) fn next_offset(&self) -> u64 {
        self.head.borrow().next
    }

    pub(crate) fn first_offset(&self) -> u64 {
        guard(&self.segments)
            .first_offset()
            .unwrap_or_else(|| self.next_offset())
    }

    pub(crate) fn read_tail(&self, position: u64, want: usize) -> Option<ReadBatch> {
        guard(&self.tail).read(position, want)
    }
}

/// Locks; a panic elsewhere while the lock was held leaves nothing half done in these structures.
pub(crate) fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
