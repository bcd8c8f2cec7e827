//! What the archive can be told: the `[archive]` section.

use event::Stream;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArchiveConfig {
    pub enabled: bool,
    /// Folder of the archive; empty is `archive` in the data directory.
    pub dir: String,
    /// A block is written when it has so many values or records, ...
    pub flush_rows: usize,
    /// ... or takes so many bytes of memory, ...
    pub flush_bytes: usize,
    /// ... or its first record is so old.
    pub flush_age_s: u64,
    /// Partitions (stream and hour) that one block may touch; at the bound it is written early.
    pub partitions_max: usize,
    pub batch_records: u64,
    pub batch_bytes: usize,
    pub batch_age_ms: u64,
    /// Batches that wait for their block; at half of it the block is written early.
    pub inflight_batches: usize,
    pub retry_min_ms: u64,
    pub retry_max_ms: u64,
    /// Series in the catalogue; a further one is archived and exported, but neither listed nor answered, and counted.
    pub series_max: usize,
    /// Merge the files of hours that are over.
    pub compaction: bool,
    /// How often it is looked whether there is something to merge or to let go.
    pub compact_interval_s: u64,
    /// Files merged at a time; bounds the memory of a merge.
    pub compact_files: usize,
    /// Files that together are larger than this stay apart.
    pub compact_bytes_max: u64,
    pub retention_days: RetentionDays,
    pub query: QueryConfig,
}

/// Days of observed time that are kept; 0 is for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionDays {
    pub disaster: u32,
    pub energy: u32,
    pub environment: u32,
    pub tourism: u32,
    pub city: u32,
    pub alerts: u32,
    /// The outcomes with their very bytes: how far back a refill or a back-test can go.
    pub records: u32,
}

/// Bounds of one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryConfig {
    /// Points or steps in an answer.
    pub points_max: usize,
    /// Series in an answer, entities compared for a top list.
    pub series_max: usize,
    /// Entries of a top list.
    pub top_max: usize,
    /// Files opened.
    pub files_max: usize,
    /// Rows decoded.
    pub rows_max: u64,
    pub timeout_ms: u64,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            dir: String::new(),
            flush_rows: 131_072,
            flush_bytes: 32 * 1024 * 1024,
            flush_age_s: 60,
            partitions_max: 512,
            batch_records: 4_096,
            batch_bytes: 1024 * 1024,
            batch_age_ms: 200,
            inflight_batches: 1_024,
            retry_min_ms: 500,
            retry_max_ms: 30_000,
            series_max: 200_000,
            compaction: true,
            compact_interval_s: 300,
            compact_files: 32,
            compact_bytes_max: 1 << 30,
            retention_days: RetentionDays::default(),
            query: QueryConfig::default(),
        }
    }
}

impl Default for RetentionDays {
    fn default() -> Self {
        Self {
            disaster: 0,
            energy: 1_095,
            environment: 1_825,
            tourism: 1_095,
            city: 1_825,
            alerts: 0,
            records: 366,
        }
    }
}

impl Default for QueryConfig {
    fn default() -> Self {
        Self {
            points_max: 20_000,
            series_max: 50_000,
            top_max: 1_000,
            files_max: 5_000,
            rows_max: 50_000_000,
            timeout_ms: 15_000,
        }
    }
}

impl RetentionDays {
    pub(crate) const fn of(&self, stream: Stream) -> u32 {
        match stream {
            Stream::Disaster => self.disaster,
            Stream::Energy => self.energy,
            Stream::Environment => self.environment,
            Stream::Tourism => self.tourism,
            Stream::City => self.city,
        }
    }
}

impl ArchiveConfig {
    /// Mistakes as (key below `[archive]`, what is wrong).
    pub fn validate(&self) -> Vec<(&'static str, String)> {
        let query = &self.query;
        let ranges: [(&'static str, u64, u64, u64); 19] = [
            ("flush_rows", self.flush_rows as u64, 1_024, 2_000_000),
            ("flush_bytes", self.flush_bytes as u64, 1 << 20, 1 << 30),
            ("flush_age_s", self.flush_age_s, 1, 3_600),
            ("partitions_max", self.partitions_max as u64, 16, 8_192),
            ("batch_records", self.batch_records, 1, 100_000),
            ("batch_bytes", self.batch_bytes as u64, 4_096, 16 << 20),
            ("batch_age_ms", self.batch_age_ms, 1, 10_000),
            ("inflight_batches", self.inflight_batches as u64, 16, 65_536),
            ("retry_min_ms", self.retry_min_ms, 10, 60_000),
            ("retry_max_ms", self.retry_max_ms, 100, 600_000),
            ("series_max", self.series_max as u64, 100, 2_000_000),
            ("compact_interval_s", self.compact_interval_s, 1, 86_400),
            ("compact_files", self.compact_files as u64, 2, 64),
            (
                "compact_bytes_max",
                self.compact_bytes_max,
                1 << 20,
                1 << 40,
            ),
            ("query.points_max", query.points_max as u64, 10, 1_000_000),
            ("query.series_max", query.series_max as u64, 1, 1_000_000),
            ("query.top_max", query.top_max as u64, 1, 100_000),
            ("query.files_max", query.files_max as u64, 10, 100_000),
            ("query.timeout_ms", query.timeout_ms, 10, 600_000),
        ];
        let mut wrong: Vec<_> = ranges
            .into_iter()
            .filter(|(_, value, low, high)| !(low..=high).contains(&value))
            .map(|(key, value, low, high)| (key, format!("{value} is not within {low} to {high}")))
            .collect();
        if !(10_000..=10_000_000_000).contains(&query.rows_max) {
            wrong.push((
                "query.rows_max",
                format!("{} is not within 10000 to 10000000000", query.rows_max),
            ));
        }
        if self.retry_max_ms < self.retry_min_ms {
            wrong.push(("retry_max_ms", "is below retry_min_ms".to_owned()));
        }
        wrong
    }
}
