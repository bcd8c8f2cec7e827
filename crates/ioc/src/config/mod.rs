//! Configuration: defaults, then the file, then `IOC__SECTION__KEY` variables, then validation — a pure function of text
//! and variables, done before any socket opens. All mistakes are reported together, each with its file and line.
//!
//! `default.toml` is at once the documentation, the list of known keys and their types: a key that is not there is
//! unknown, a value of another type is refused.

mod layers;
mod network;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use network::parse_addresses;

/// The embedded defaults, which are also the reference page of every key.
pub(crate) const DEFAULT_TOML: &str = include_str!("default.toml");

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) node: Node,
    pub(crate) journal: Journal,
    pub(crate) ingest: mqtt::ListenerConfig,
    pub(crate) broker: mqtt::client::ClientConfig,
    pub(crate) kafka: kafka::KafkaConfig,
    pub(crate) influxdb: influxdb::InfluxConfig,
    pub(crate) archive: archive::ArchiveConfig,
    pub(crate) notify: notify::NotifyConfig,
    pub(crate) evidence: crate::evidence::EvidenceConfig,
    pub(crate) console: console::ConsoleConfig,
    pub(crate) admin: console::AdminConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    pub(crate) data_dir: PathBuf,
    pub(crate) site: String,
    pub(crate) shutdown_seconds: u64,
    pub(crate) snapshot_every_records: u64,
    pub(crate) heartbeat_seconds: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    pub(crate) segment_bytes: u64,
    pub(crate) inputs_bytes_max: u64,
    pub(crate) outcomes_bytes_max: u64,
    pub(crate) retain_days: u64,
    pub(crate) reserve_disaster_bytes: u64,
    pub(crate) reserve_system_bytes: u64,
    pub(crate) memory_tail_bytes: u64,
}

/// One mistake, with where it is (`ioc.toml:12`, `environment`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) place: String,
    pub(crate) message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// A configuration file as it was read: its name for messages and its text.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Config {
    /// Pure: the same text and variables give the same result.
    pub(crate) fn load(
        source: Option<&Source>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let merged = layers::merge(source, variables, &mut mistakes);
        // A key that was refused keeps its default, so that the others can be checked in the same go.
        let config: Self = merged
            .table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| {
                let message = error.message().to_owned();
                mistakes.push(Mistake {
                    place: "configuration".to_owned(),
                    message,
                });
                mistakes.clone()
            })?;
        config.validate(&merged, &mut mistakes);
        if mistakes.is_empty() {
            Ok(config)
        } else {
            Err(mistakes)
        }
    }

    fn validate(&self, merged: &layers::Merged, mistakes: &mut Vec<Mistake>) {
        let mut check = |ok: bool, key: &str, message: String| {
            if !ok {
                mistakes.push(Mistake {
                    place: merged.place(key),
                    message,
                });
            }
        };
        check(
            !self.node.data_dir.as_os_str().is_empty(),
            "node.data_dir",
            "`node.data_dir` is empty: name the folder for the journals".to_owned(),
        );
        for (key, value, least, most) in self.ranges().into_iter().chain(self.evidence.ranges()) {
            check(
                (least..=most).contains(&value),
                key,
                format!("`{key}` is {value}; it must lie between {least} and {most}"),
            );
        }
        let reserves = self.journal.reserve_disaster_bytes + self.journal.reserve_system_bytes;
        check(
            self.journal.inputs_bytes_max >= 4 * self.journal.segment_bytes + reserves,
            "journal.inputs_bytes_max",
            format!(
                "`journal.inputs_bytes_max` must hold at least four segments and both reserves ({} bytes)",
                4 * self.journal.segment_bytes + reserves
            ),
        );
        let sections: [(&str, Vec<(String, String)>); 5] = [
            ("broker", owned(self.broker.validate())),
            ("kafka", self.kafka.validate()),
            ("influxdb", owned(self.influxdb.validate())),
            ("archive", owned(self.archive.validate())),
            ("notify", owned(self.notify.validate())),
        ];
        for (section, wrong) in sections {
            for (key, message) in wrong {
                let key = format!("{section}.{key}");
                check(false, &key, format!("`{key}`: {message}"));
            }
        }
        for (section, messages) in [
            ("ingest", self.ingest.mistakes()),
            ("console", self.console.mistakes()),
        ] {
            for message in messages {
                // Each sentence begins with its key.
                let key = message.split([':', ' ']).next().unwrap_or_default();
                check(
                    false,
                    &format!("{section}.{key}"),
                    format!("[{section}] {message}"),
                );
            }
        }
    }

    /// Every bounded number: key, value, least, most.
    fn ranges(&self) -> Vec<(&'static str, u64, u64, u64)> {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        vec![
            ("node.shutdown_seconds", self.node.shutdown_seconds, 1, 600),
            (
                "node.snapshot_every_records",
                self.node.snapshot_every_records,
                1_000,
                100_000_000,
            ),
            (
                "node.heartbeat_seconds",
                self.node.heartbeat_seconds,
                1,
                3_600,
            ),
            (
                "journal.segment_bytes",
                self.journal.segment_bytes,
                MIB,
                GIB,
            ),
            (
                "journal.inputs_bytes_max",
                self.journal.inputs_bytes_max,
                8 * MIB,
                1 << 50,
            ),
            (
                "journal.outcomes_bytes_max",
                self.journal.outcomes_bytes_max,
                8 * MIB,
                1 << 50,
            ),
            ("journal.retain_days", self.journal.retain_days, 1, 36_500),
            (
                "journal.reserve_disaster_bytes",
                self.journal.reserve_disaster_bytes,
                MIB,
                16 * GIB,
            ),
            (
                "journal.reserve_system_bytes",
                self.journal.reserve_system_bytes,
                MIB,
                16 * GIB,
            ),
            (
                "journal.memory_tail_bytes",
                self.journal.memory_tail_bytes,
                MIB,
                4 * GIB,
            ),
        ]
    }

    /// Addresses that are reachable from other machines; refused without `--insecure` until credentials exist.
    pub(crate) fn exposed(&self) -> Vec<(&'static str, SocketAddr)> {
        let sections = [
            ("ingest.listen", self.ingest.listen.as_slice()),
            ("console.listen", std::slice::from_ref(&self.console.listen)),
            ("admin.listen", std::slice::from_ref(&self.admin.listen)),
        ];
        sections
            .into_iter()
            .flat_map(|(key, list)| list.iter().map(move |address| (key, *address)))
            .filter(|(_, address)| !address.ip().to_canonical().is_loopback())
            .collect()
    }

    /// The effective configuration as TOML. Secrets mask themselves when they are written.
    pub(crate) fn print(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

fn owned(wrong: Vec<(&'static str, String)>) -> Vec<(String, String)> {
    wrong
        .into_iter()
        .map(|(key, message)| (key.to_owned(), message))
        .collect()
}

/// The variables of the process that are meant for us. The only place that reads the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(layers::PREFIX))
        .collect()
}

/// What logging is to show (`RUST_LOG`), read here because only this module reads the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
pub(crate) fn log_filter() -> Option<String> {
    std::env::var("RUST_LOG")
        .ok()
        .filter(|filter| !filter.is_empty())
}

#[cfg(test)]
mod tests;
