//! Outcomes as time series in InfluxDB 2 (or any server with its v2 write endpoint).
//!
//! # Contract
//!
//! - [`InfluxSink`] is a [`pipeline::Sink`]: it never ends the process and never waits for anything but its server.
//! - A record that is written again overwrites itself and nothing else ([`line`]): batches in flight may be answered in
//!   any order, and an answer that was lost costs nothing but a second request.
//! - Readings and the like become points of the measurement of their stream, alert transitions points of `alerts`.
//!   Rejects, verdicts and copies are not written.
//! - What the server refuses for good goes to quarantine with the server's reason, alone ([`mod@answer`] has the table);
//!   everything else is retried for ever.
//! - A token that may only write is enough.
//!
//! The encoder is our own; influxdb2 is the client.

mod answer;
mod client;
mod config;
mod fields;
pub mod line;
mod lines;
mod metrics;
mod secret;
mod silence;
mod sink;
mod text;

use std::path::PathBuf;

use thiserror::Error;

pub use config::InfluxConfig;
pub use lines::Lines;
pub use secret::Secret;
pub use sink::InfluxSink;
pub use text::percent_decode;

/// Why the sink could not be made: something in `[influxdb]` is wrong.
#[derive(Debug, Error)]
pub enum Error {
    #[error("influxdb.url {0}")]
    Address(String),
    #[error("reading influxdb.ca_file {}: {why}", path.display())]
    Authority { path: PathBuf, why: String },
    #[error("making the InfluxDB client: {0}")]
    Client(String),
}
