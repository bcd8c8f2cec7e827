//! The embedded archive: outcomes as Parquet files that outlive the journals, and the questions asked of them.
//!
//! # Contract
//!
//! - [`ArchiveSink`] is a sink of the mover. A batch is answered only when the block that holds it is durable: every file
//!   of the block synced, renamed and its folder synced. Blocks go out by rows, bytes or age.
//! - Every record of `outcomes` is in the archive exactly once, whatever the process was doing when it was killed. The
//!   file in `records/` is renamed last and commits its block; what lies beyond the newest of them is removed at the next
//!   start, and what the mover submits again below it is skipped.
//! - Files are never changed. Compaction writes a file whose name covers those that it replaces; a reader that finds both
//!   takes the covering one.
//! - Recent values are in the answers before they are in a file.
//! - Whatever is asked, memory is bounded: rows, files, points and time of a question have limits, and an answer that
//!   would pass one is an error that says how to narrow the question.
//!
//! # Folders (`archive/`)
//!
//! | path | rows |
//! |---|---|
//! | `points/stream=<s>/date=<d>/hour=<h>/` | one a value, by entity, measure, observed; partition by observed time, UTC |
//! | `alerts/date=<d>/` | one an alert transition, flat |
//! | `records/date=<d>/` | one an outcome, with the very bytes: for back-tests and refills |
//! | `series.index` | catalogue and latest values; made again from the points when it is missing |
//!
//! A file is `<journal>-<from>-<to>-<generation>.parquet`: the outcomes it was made from, and how often it was merged.

mod alerts;
mod answer;
mod block;
mod compact;
mod config;
mod disk;
mod error;
mod export;
mod index;
mod layout;
mod metrics;
mod points;
mod query;
mod question;
mod records;
mod render;
mod sink;
mod store;
mod table;
mod writer;

pub use answer::{
    Answer, CatalogueAnswer, LatestAnswer, LatestValue, PointOut, Scalar, SeriesAnswer, SeriesInfo,
    SeriesName, TopAnswer, TopEntry,
};
pub use config::{ArchiveConfig, QueryConfig, RetentionDays};
pub use disk::{Step, StepHook};
pub use error::{Error, Problem, ProblemCode};
pub use export::{Export, ExportFormat};
pub use metrics::NAMES as METRIC_NAMES;
pub use question::{Aggregate, Ask, Filter, Order, QualityWanted, Question};
pub use records::RecordsIter;
pub use render::{Format, render};
pub use sink::ArchiveSink;
pub use store::{Archive, Identity};
