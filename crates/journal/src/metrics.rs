//! The names of this crate's metrics, in one place, and the handles of one journal. Every one carries the label
//! `journal` (inputs or outcomes) and nothing else.
#![allow(
    clippy::disallowed_macros,
    reason = "the one place for metric names of this crate"
)] // The one module where the raw macros belong.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::JournalName;

/// Everything this crate reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    Commits,
    Records,
    Bytes,
    SyncSeconds,
    CommitRecords,
    DiskBytes,
    DiskBytesMax,
    Segments,
    QueueBytes,
    State,
    SegmentsDeleted,
    GapRecords,
    DamagedRecords,
    TornBytes,
    RedactedFrames,
}

impl Metric {
    pub const ALL: [Self; 15] = [
        Self::Commits,
        Self::Records,
        Self::Bytes,
        Self::SyncSeconds,
        Self::CommitRecords,
        Self::DiskBytes,
        Self::DiskBytesMax,
        Self::Segments,
        Self::QueueBytes,
        Self::State,
        Self::SegmentsDeleted,
        Self::GapRecords,
        Self::DamagedRecords,
        Self::TornBytes,
        Self::RedactedFrames,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Commits => "ioc_journal_commits_total",
            Self::Records => "ioc_journal_records_total",
            Self::Bytes => "ioc_journal_bytes_total",
            Self::SyncSeconds => "ioc_journal_sync_seconds",
            Self::CommitRecords => "ioc_journal_commit_records",
            Self::DiskBytes => "ioc_journal_disk_bytes",
            Self::DiskBytesMax => "ioc_journal_disk_bytes_max",
            Self::Segments => "ioc_journal_segments",
            Self::QueueBytes => "ioc_journal_queue_bytes",
            Self::State => "ioc_journal_state",
            Self::SegmentsDeleted => "ioc_journal_segments_deleted_total",
            Self::GapRecords => "ioc_journal_gap_records_total",
            Self::DamagedRecords => "ioc_journal_damaged_records_total",
            Self::TornBytes => "ioc_journal_torn_bytes_total",
            Self::RedactedFrames => "ioc_journal_redacted_frames_total",
        }
    }

    fn counter(self, journal: JournalName) -> Counter {
        counter!(self.name(), "journal" => journal.folder())
    }

    fn gauge(self, journal: JournalName) -> Gauge {
        gauge!(self.name(), "journal" => journal.folder())
    }

    fn histogram(self, journal: JournalName) -> Histogram {
        histogram!(self.name(), "journal" => journal.folder())
    }
}

/// Frames whose content was overwritten: rare, so the handle is looked up each time.
pub(crate) fn redacted(journal: JournalName, frames: u64) {
    Metric::RedactedFrames.counter(journal).increment(frames);
}

/// Handles, looked up once: a commit costs no look-up.
pub(crate) struct Meters {
    pub(crate) commits: Counter,
    pub(crate) records: Counter,
    pub(crate) bytes: Counter,
    pub(crate) sync_seconds: Histogram,
    pub(crate) commit_records: Histogram,
    pub(crate) disk_bytes: Gauge,
    pub(crate) disk_bytes_max: Gauge,
    pub(crate) segments: Gauge,
    pub(crate) queue_bytes: Gauge,
    /// 0 ok, 1 full, 2 poisoned.
    pub(crate) state: Gauge,
    pub(crate) segments_deleted: Counter,
    pub(crate) gap_records: Counter,
    pub(crate) damaged_records: Counter,
    pub(crate) torn_bytes: Counter,
}

impl Meters {
    pub(crate) fn new(journal: JournalName) -> Self {
        Self {
            commits: Metric::Commits.counter(journal),
            records: Metric::Records.counter(journal),
            bytes: Metric::Bytes.counter(journal),
            sync_seconds: Metric::SyncSeconds.histogram(journal),
            commit_records: Metric::CommitRecords.histogram(journal),
            disk_bytes: Metric::DiskBytes.gauge(journal),
            disk_bytes_max: Metric::DiskBytesMax.gauge(journal),
            segments: Metric::Segments.gauge(journal),
            queue_bytes: Metric::QueueBytes.gauge(journal),
            state: Metric::State.gauge(journal),
            segments_deleted: Metric::SegmentsDeleted.counter(journal),
            gap_records: Metric::GapRecords.counter(journal),
            damaged_records: Metric::DamagedRecords.counter(journal),
            torn_bytes: Metric::TornBytes.counter(journal),
        }
    }
}
