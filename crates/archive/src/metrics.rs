//! The metrics of the archive: names are all here, and none has a label but the kind of file.
#![allow(
    clippy::disallowed_macros,
    reason = "the one place for metric names of this crate"
)] // The one module where the raw macros belong.

use metrics::{counter, gauge, histogram};

/// Every name, for documents and dashboards.
pub const NAMES: [&str; 10] = [
    "ioc_archive_records_total",
    "ioc_archive_points_total",
    "ioc_archive_unreadable_total",
    "ioc_archive_bytes_total",
    "ioc_archive_block_seconds",
    "ioc_archive_files",
    "ioc_archive_disk_bytes",
    "ioc_archive_merged_files_total",
    "ioc_archive_removed_files_total",
    "ioc_archive_series_left_out_total",
];

pub(crate) fn block(records: usize, points: usize, bytes: u64, unreadable: u64, seconds: f64) {
    counter!("ioc_archive_records_total").increment(records as u64);
    counter!("ioc_archive_points_total").increment(points as u64);
    counter!("ioc_archive_bytes_total").increment(bytes);
    counter!("ioc_archive_unreadable_total").increment(unreadable);
    histogram!("ioc_archive_block_seconds").record(seconds);
}

pub(crate) fn disk(files: usize, bytes: u64) {
    gauge!("ioc_archive_files").set(files as f64);
    gauge!("ioc_archive_disk_bytes").set(bytes as f64);
}

pub(crate) fn merged(files: usize) {
    counter!("ioc_archive_merged_files_total").increment(files as u64);
}

pub(crate) fn removed(files: usize) {
    counter!("ioc_archive_removed_files_total").increment(files as u64);
}

pub(crate) fn series_left_out(series: u64) {
    counter!("ioc_archive_series_left_out_total").increment(series);
}
