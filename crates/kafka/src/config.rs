//! Section `[kafka]`: what an operator sets, with defaults and bounds.

mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pipeline::{Limits, OnFull};
use serde::{Deserialize, Serialize};

use crate::properties;

pub use values::{Compression, Property, SaslMechanism, Secret, SecurityProtocol};

/// Everything that can be set. The sink is off while `brokers` is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port`, several with commas. Empty = no Kafka.
    pub brokers: String,
    pub client_id: String,
    /// CloudEvents `source` of every message.
    pub source: String,

    pub topic_events: String,
    pub topic_alerts: String,
    /// Compacted: the latest state of every alert.
    pub topic_alerts_current: String,
    pub topic_rejects: String,
    /// CAP messages (XML); empty = none.
    pub topic_cap: String,
    /// Events, transitions and public warnings (CAP) of exercises and tests, which go to no other topic; empty = to none.
    pub topic_drills: String,
    /// Create missing topics; if false they must be there.
    pub create_topics: bool,
    /// Of topics that are created here.
    pub partitions: u32,
    /// Of topics that are created here; 0 = the broker's default.
    pub replication: u32,
    /// Of topics that are created here; 0 = the broker's default. The compacted topic keeps everything.
    pub retention_hours: u64,

    pub security_protocol: SecurityProtocol,
    pub sasl_mechanism: SaslMechanism,
    pub user: String,
    pub password: Secret,
    pub ca_file: PathBuf,
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    pub key_password: Secret,

    pub compression: Compression,
    /// How long a message waits for company.
    pub linger_ms: u64,
    /// Largest message; lowered to what the topics take.
    pub message_bytes_max: u32,
    /// Messages and KiB that wait in the client; when full, reading waits.
    pub queue_messages: u32,
    pub queue_kib: u32,
    /// Without any delivery for so long, trouble is shown.
    pub unreachable_after_ms: u64,
    /// For connecting and checking, each try.
    pub open_timeout_ms: u64,
    /// At a stop: for what is still on its way.
    pub close_timeout_ms: u64,
    /// Statistics of the client into `/metrics`; 0 = off, and then a partition without leader is not named.
    pub statistics_interval_ms: u64,

    pub batch_records: u64,
    pub batch_kib: usize,
    pub batch_age_ms: u64,
    pub inflight_batches: usize,
    /// Records submitted beyond the stored cursor: the most that a kill can repeat.
    pub window_records: u64,
    pub retry_min_ms: u64,
    pub retry_max_ms: u64,
    pub on_full: OnFull,

    /// Properties of librdkafka, passed on as they are.
    pub properties: BTreeMap<String, Property>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: String::new(),
            client_id: "ioc".to_owned(),
            source: "urn:ioc".to_owned(),
            topic_events: "ioc.events.v1".to_owned(),
            topic_alerts: "ioc.alerts.v1".to_owned(),
            topic_alerts_current: "ioc.alerts.current.v1".to_owned(),
            topic_rejects: "ioc.rejects.v1".to_owned(),
            topic_cap: String::new(),
            topic_drills: String::new(),
            create_topics: true,
            partitions: 3,
            replication: 0,
            retention_hours: 168,
            security_protocol: SecurityProtocol::Plaintext,
            sasl_mechanism: SaslMechanism::ScramSha512,
            user: String::new(),
            password: Secret::default(),
            ca_file: PathBuf::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            key_password: Secret::default(),
            compression: Compression::Lz4,
            linger_ms: 3,
            message_bytes_max: 1_000_000,
            queue_messages: 50_000,
            queue_kib: 65_536,
            unreachable_after_ms: 5_000,
            open_timeout_ms: 10_000,
            close_timeout_ms: 5_000,
            statistics_interval_ms: 5_000,
            batch_records: 1_000,
            batch_kib: 1_024,
            batch_age_ms: 2,
            inflight_batches: 16,
            window_records: 50_000,
            retry_min_ms: 500,
            retry_max_ms: 30_000,
            on_full: OnFull::Gap,
            properties: BTreeMap::new(),
        }
    }
}

impl KafkaConfig {
    pub fn is_on(&self) -> bool {
        !self.brokers.trim().is_empty()
    }

    /// All mistakes, each with its key; empty = usable.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        self.check_bounds(&mut wrong);
        self.check_names(&mut wrong);
        self.check_security(&mut wrong);
        for name in self.properties.keys() {
            if let Some(reason) = properties::refused(name) {
                wrong.push((format!("properties.{name}"), reason.to_owned()));
            }
        }
        wrong
    }

    fn check_bounds(&self, wrong: &mut Vec<(String, String)>) {
        let bounds: [(&str, u64, u64, u64); 19] = [
            ("partitions", self.partitions.into(), 1, 1_000),
            ("replication", self.replication.into(), 0, 15),
            ("retention_hours", self.retention_hours, 0, 876_000),
            ("linger_ms", self.linger_ms, 0, 1_000),
            (
                "message_bytes_max",
                self.message_bytes_max.into(),
                16_384,
                100_000_000,
            ),
            ("queue_messages", self.queue_messages.into(), 16, 1_000_000),
            ("queue_kib", self.queue_kib.into(), 1_024, 1_048_576),
            (
                "unreachable_after_ms",
                self.unreachable_after_ms,
                100,
                600_000,
            ),
            ("open_timeout_ms", self.open_timeout_ms, 100, 300_000),
            ("close_timeout_ms", self.close_timeout_ms, 0, 60_000),
            (
                "statistics_interval_ms",
                self.statistics_interval_ms,
                0,
                3_600_000,
            ),
            ("batch_records", self.batch_records, 1, 100_000),
            ("batch_kib", self.batch_kib as u64, 16, 65_536),
            ("batch_age_ms", self.batch_age_ms, 0, 10_000),
            ("inflight_batches", self.inflight_batches as u64, 1, 1_024),
            (
                "window_records",
                self.window_records,
                self.batch_records,
                10_000_000,
            ),
            ("retry_min_ms", self.retry_min_ms, 10, 60_000),
            (
                "retry_max_ms",
                self.retry_max_ms,
                self.retry_min_ms,
                3_600_000,
            ),
            (
                "queue_kib",
                u64::from(self.queue_kib) * 1_024,
                u64::from(self.message_bytes_max),
                u64::MAX,
            ),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                wrong.push((
                    key.to_owned(),
                    format!("{value} is not between {least} and {most}"),
                ));
            }
        }
    }

    fn check_names(&self, wrong: &mut Vec<(String, String)>) {
        let names = [
            ("topic_events", &self.topic_events),
            ("topic_alerts", &self.topic_alerts),
            ("topic_alerts_current", &self.topic_alerts_current),
            ("topic_rejects", &self.topic_rejects),
            ("topic_cap", &self.topic_cap),
            ("topic_drills", &self.topic_drills),
        ];
        for (at, (key, name)) in names.iter().enumerate() {
            if matches!(*key, "topic_cap" | "topic_drills") && name.is_empty() {
                continue;
            }
            let legal = !name.is_empty()
                && name.len() <= 249
                && !matches!(name.as_str(), "." | "..")
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            if !legal {
                wrong.push((
                    (*key).to_owned(),
                    format!(
                        "\"{name}\" is no topic name: letters, digits, '.', '_', '-'; at most 249"
                    ),
                ));
            }
            if names[..at].iter().any(|(_, other)| other == name) {
                wrong.push(((*key).to_owned(), format!("\"{name}\" is used twice")));
            }
        }
        if self.source.is_empty() || self.source.bytes().any(|byte| byte <= b' ') {
            wrong.push((
                "source".to_owned(),
                "must be a URI reference without spaces, such as urn:ioc".to_owned(),
            ));
        }
    }

    fn check_security(&self, wrong: &mut Vec<(String, String)>) {
        if self.security_protocol.has_sasl() && (self.user.is_empty() || self.password.is_empty()) {
            wrong.push((
                "user".to_owned(),
                "a security_protocol with SASL needs user and password".to_owned(),
            ));
        }
        if !self.security_protocol.has_sasl() && !self.user.is_empty() {
            wrong.push((
                "security_protocol".to_owned(),
                "a user is set, but without SASL nobody is asked for it: sasl_ssl or sasl_plaintext"
                    .to_owned(),
            ));
        }
        if is_set(&self.cert_file) != is_set(&self.key_file) {
            wrong.push((
                "cert_file".to_owned(),
                "cert_file and key_file belong together".to_owned(),
            ));
        }
        let files = [
            ("ca_file", &self.ca_file),
            ("cert_file", &self.cert_file),
            ("key_file", &self.key_file),
        ];
        for (key, file) in files {
            if is_set(file) && !self.security_protocol.has_tls() {
                wrong.push((
                    key.to_owned(),
                    "has no effect without TLS: security_protocol ssl or sasl_ssl".to_owned(),
                ));
            }
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            batch_records: self.batch_records,
            batch_bytes: self.batch_kib * 1_024,
            batch_age: Duration::from_millis(self.batch_age_ms),
            inflight_batches: self.inflight_batches,
            window_records: self.window_records,
            retry_min: Duration::from_millis(self.retry_min_ms),
            retry_max: Duration::from_millis(self.retry_max_ms),
            on_full: self.on_full,
        }
    }
}

pub(crate) fn is_set(file: &Path) -> bool {
    !file.as_os_str().is_empty()
}

#[cfg(test)]
mod tests;
