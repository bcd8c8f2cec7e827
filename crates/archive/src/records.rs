//! The table of outcomes with their very bytes, and reading them back.
//!
//! One file a block, in the order of the offsets; it is renamed last and so says that its block is whole.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::LazyLock;

use bytes::Bytes;
use event::outcome::OutcomeKind;
use journal::Stamp;
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use pipeline::{Record, RecordBuffer};

use crate::block::Block;
use crate::error::Error;
use crate::store::Archive;
use crate::table::{Bound, Chunk, Column, Field, Spec, Table, TableFile};

const OFFSET: usize = 0;
const KIND_CODE: usize = 2;
const VERSION: usize = 3;
const JOURNAL_TIME: usize = 4;
const WALL_TIME: usize = 5;
const PAYLOAD: usize = 10;

const SPEC: Spec = Spec {
    schema: "message record {
        required int64 outcome_offset;
        required binary kind (STRING);
        required int32 kind_code;
        required int32 version;
        required int64 journal_time (TIMESTAMP(NANOS,true));
        required int64 wall_time (TIMESTAMP(NANOS,true));
        optional int64 cause_offset;
        optional int32 cause_index;
        optional int32 cause_last;
        required binary journal_id (STRING);
        required binary payload;
    }",
    key: &[OFFSET],
    encodings: &[
        ("outcome_offset", Encoding::DELTA_BINARY_PACKED),
        ("journal_time", Encoding::DELTA_BINARY_PACKED),
        ("wall_time", Encoding::DELTA_BINARY_PACKED),
        ("cause_offset", Encoding::DELTA_BINARY_PACKED),
        ("payload", Encoding::DELTA_LENGTH_BYTE_ARRAY),
    ],
    paged: &["outcome_offset", "journal_time"],
    bounded: &["kind"],
    repeated: &[],
};

static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| Table::new(SPEC).ok());

pub(crate) fn table() -> Option<&'static Table> {
    TABLE.as_ref()
}

pub(crate) const NOTES: [(&str, &str); 1] = [(
    "ioc.table",
    "records.v1: one row an outcome, ascending by outcome_offset; payload are its bytes in the journal; times in UTC",
)];

/// Key of the note with the digest of the configuration in force behind the last record.
pub(crate) const PACK: &str = "ioc.pack";

fn kind_name(kind: u8) -> Option<ByteArray> {
    let name = OutcomeKind::from_u8(kind).map_or("unknown", OutcomeKind::name);
    Some(ByteArray::from(Bytes::from_static(name.as_bytes())))
}

/// The records of the block.
pub(crate) fn chunk(block: &Block, rows: std::ops::Range<usize>, journal_id: &Bytes) -> Chunk {
    let records = || block.records[rows.clone()].iter();
    let valid = || records().map(|record| record.cause.is_some()).collect();
    let start = rows
        .start
        .checked_sub(1)
        .map_or(0, |before| block.records[before].end);
    let end = rows
        .end
        .checked_sub(1)
        .map_or(0, |last| block.records[last].end);
    let bytes = Bytes::copy_from_slice(&block.payloads[start..end]);
    let mut at = 0;
    let payloads = records().map(|record| {
        let payload = bytes.slice(at..record.end - start);
        at = record.end - start;
        ByteArray::from(payload)
    });
    let fields = vec![
        Column::Int64(
            records()
                .map(|record| record.offset.cast_signed())
                .collect(),
        )
        .into(),
        Field::texts(records().map(|record| record.kind), kind_name),
        Column::Int32(records().map(|record| i32::from(record.kind)).collect()).into(),
        Column::Int32(records().map(|record| i32::from(record.version)).collect()).into(),
        Column::Int64(records().map(|record| record.stamp.journal_ns).collect()).into(),
        Column::Int64(records().map(|record| record.stamp.wall_ns).collect()).into(),
        Field {
            values: Column::Int64(
                records()
                    .map(|record| record.cause.map_or(0, |cause| cause.offset.cast_signed()))
                    .collect(),
            ),
            valid: Some(valid()),
        },
        Field {
            values: Column::Int32(
                records()
                    .map(|record| record.cause.map_or(0, |cause| cause.index.cast_signed()))
                    .collect(),
            ),
            valid: Some(valid()),
        },
        Field {
            values: Column::Int32(
                records()
                    .map(|record| record.cause.map_or(0, |cause| i32::from(cause.last)))
                    .collect(),
            ),
            valid: Some(valid()),
        },
        Column::Same(Some(ByteArray::from(journal_id.clone())), rows.len()).into(),
        Column::Text(payloads.collect()).into(),
    ];
    Chunk { fields }
}

/// Rows read at a time, and what one buffer holds at most (a single larger record excepted).
const BUFFER_RECORDS: usize = 1_000;
const BUFFER_BYTES: usize = 512 * 1024;

/// Outcomes out of the archive, ascending by offset; what is not there is skipped ([`Archive::missing_records`]).
pub struct RecordsIter {
    archive: Archive,
    journal: String,
    next: u64,
    to: u64,
    files: VecDeque<PathBuf>,
    open: Option<(TableFile, usize)>,
    ready: VecDeque<Record>,
    scan: Option<crate::table::Scan>,
    failed: bool,
}

impl RecordsIter {
    pub(crate) fn new(archive: Archive, journal: String, from: u64, to: u64) -> Self {
        let files = archive.record_files(&journal, from, to).into();
        Self {
            archive,
            journal,
            next: from,
            to,
            files,
            open: None,
            ready: VecDeque::new(),
            scan: None,
            failed: false,
        }
    }

    fn fill(&mut self) -> Result<bool, Error> {
        let Some(table) = table() else {
            return Ok(false);
        };
        loop {
            if let Some(scan) = &mut self.scan {
                if let Some(chunk) = scan.next(BUFFER_RECORDS)? {
                    self.take(&chunk);
                    if self.ready.is_empty() {
                        continue;
                    }
                    return Ok(true);
                }
                self.scan = None;
            }
            if let Some((file, group)) = &mut self.open {
                if *group < file.groups() {
                    let wanted = [Bound::Int64(
                        OFFSET,
                        self.next.cast_signed(),
                        self.to.cast_signed(),
                    )];
                    let ranges = file.prune(*group, &wanted);
                    let columns = [OFFSET, KIND_CODE, VERSION, JOURNAL_TIME, WALL_TIME, PAYLOAD];
                    self.scan = Some(file.scan(*group, &columns, ranges)?);
                    *group += 1;
                    continue;
                }
                self.open = None;
            }
            let Some(path) = self.files.pop_front() else {
                return Ok(false);
            };
            match TableFile::open(table, &path) {
                Ok(file) => self.open = Some((file, 0)),
                Err(error) if error.is_gone() => {
                    // Merged meanwhile: what covers it is there.
                    self.files = self
                        .archive
                        .record_files(&self.journal, self.next, self.to)
                        .into();
                    if self.files.front() == Some(&path) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, chunk: &Chunk) {
        for row in 0..chunk.rows() {
            let offset = chunk.int64(0)[row].cast_unsigned();
            if offset < self.next || offset >= self.to {
                continue;
            }
            let byte = |field: usize| u8::try_from(chunk.int32(field)[row]).unwrap_or_default();
            self.ready.push_back(Record {
                offset,
                kind: byte(1),
                version: byte(2),
                stamp: Stamp {
                    journal_ns: chunk.int64(3)[row],
                    wall_ns: chunk.int64(4)[row],
                },
                payload: chunk.text(5)[row].data().to_vec(),
            });
            self.next = offset + 1;
        }
    }
}

impl Iterator for RecordsIter {
    type Item = Result<RecordBuffer, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.ready.is_empty() {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        let mut bytes = 0;
        let mut records = Vec::with_capacity(self.ready.len());
        while let Some(record) = self.ready.pop_front() {
            bytes += record.payload.len();
            if bytes > BUFFER_BYTES && !records.is_empty() {
                self.ready.push_front(record);
                break;
            }
            records.push(record);
        }
        Some(Ok(RecordBuffer { records }))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_can_be_made() {
        assert_eq!(super::table().unwrap().width(), 11);
    }
}
