//! The Kafka sink: records of `outcomes` as CloudEvents, in order per key, by an idempotent producer.
//!
//! # Contract
//!
//! - Five topics: events (key = entity), alerts (key = alert id, every transition), the latest state of every alert
//!   (the same key, compacted), rejects, and, where it is named, CAP messages of alerts and released warnings. Other outcomes are for nobody outside and are passed over.
//! - At least once: what the mover's cursor covers is acknowledged by all in-sync replicas. A kill repeats at most what was
//!   submitted beyond the stored cursor and is not yet known to be delivered; a repeat has the same CloudEvents id and
//!   the same value, byte for byte.
//! - Per partition the order of the journal is kept, over broker failures, retries and new producers.
//! - No message ever expires while the journal holds it: without a broker the sink waits, says so
//!   ([`pipeline::Sink::stall`]), and its client's bounded queue stops the reading.
//! - A message that no topic takes is refused alone; its neighbours pass.
//!
//! # Inside
//!
//! [`KafkaSink`] is the mover's side; `session` is one producer's life on a thread of its own, `link` its producer; `flight` knows what is on
//! its way, `vector` what has arrived; `probe` checks the cluster before the first message; `outbox`, `encode` and
//! `headers` make messages of records.

mod cap_topic;
mod config;
mod context;
mod encode;
mod flight;
mod headers;
mod link;
mod metrics;
mod outbox;
mod partition;
mod probe;
mod properties;
mod session;
mod sink;
mod statistics;
mod topic;
mod trouble;
mod vector;

pub use cap_topic::CapSource;
pub use config::{Compression, KafkaConfig, Property, SaslMechanism, Secret, SecurityProtocol};
pub use sink::KafkaSink;
