//! Section `[notify]`: what an operator sets, with defaults and bounds. Who is told what is in the directory file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pipeline::{Limits, OnFull};
use serde::{Deserialize, Serialize};

use crate::Secret;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifyConfig {
    pub enabled: bool,
    /// The directory: people, groups, channels, routes.
    pub file: PathBuf,
    /// Where outbox, tokens and feeds live; empty = `notify` in the data folder.
    pub dir: PathBuf,

    /// Notices planned and not settled; beyond it nothing new is taken and the outlet lags.
    pub pending_max: usize,
    /// Notices waiting for one address; those beyond it go into one grouped notice.
    pub queue_max: usize,
    /// Requests unanswered at a time, in all and on one channel.
    pub inflight_max: usize,
    pub inflight_per_channel_max: usize,
    /// Notices to one address within a window that go one by one; the rest goes as one. Critical ones have a bound of their own.
    pub storm_notices: u32,
    pub storm_critical_notices: u32,
    pub storm_window_seconds: u64,
    /// For one request, name resolution and connection included.
    pub request_timeout_ms: u64,
    /// Back-off of an address after a failure: from the first, doubling to the second, with jitter.
    pub retry_min_ms: u64,
    pub retry_max_ms: u64,
    /// Failures in a row of an address after which its notices go to the next channel of the person.
    pub fallback_attempts: u32,
    /// A notice this old that could not be delivered is given up.
    pub expire_minutes: u64,
    /// The outbox is written anew when it has grown by so much.
    pub outbox_grow_bytes: u64,
    pub on_full: OnFull,
    /// Secrets by the names that the directory uses.
    pub secrets: BTreeMap<String, Secret>,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            file: PathBuf::from("notify.toml"),
            dir: PathBuf::new(),
            pending_max: 100_000,
            queue_max: 500,
            inflight_max: 64,
            inflight_per_channel_max: 16,
            storm_notices: 10,
            storm_critical_notices: 30,
            storm_window_seconds: 600,
            request_timeout_ms: 10_000,
            retry_min_ms: 1_000,
            retry_max_ms: 300_000,
            fallback_attempts: 3,
            expire_minutes: 240,
            outbox_grow_bytes: 16 * 1024 * 1024,
            on_full: OnFull::Gap,
            secrets: BTreeMap::new(),
        }
    }
}

impl NotifyConfig {
    /// Everything wrong with the values: the key and a sentence; empty when sound.
    pub fn validate(&self) -> Vec<(&'static str, String)> {
        let bounds = [
            ("pending_max", self.pending_max as u64, 100, 1_000_000),
            ("queue_max", self.queue_max as u64, 1, 10_000),
            ("inflight_max", self.inflight_max as u64, 1, 1_024),
            (
                "inflight_per_channel_max",
                self.inflight_per_channel_max as u64,
                1,
                256,
            ),
            ("storm_notices", u64::from(self.storm_notices), 1, 1_000),
            (
                "storm_critical_notices",
                u64::from(self.storm_critical_notices),
                1,
                1_000,
            ),
            ("storm_window_seconds", self.storm_window_seconds, 1, 86_400),
            ("request_timeout_ms", self.request_timeout_ms, 100, 120_000),
            ("retry_min_ms", self.retry_min_ms, 10, 60_000),
            (
                "retry_max_ms",
                self.retry_max_ms,
                self.retry_min_ms,
                3_600_000,
            ),
            (
                "fallback_attempts",
                u64::from(self.fallback_attempts),
                1,
                100,
            ),
            ("expire_minutes", self.expire_minutes, 1, 10_080),
            (
                "outbox_grow_bytes",
                self.outbox_grow_bytes,
                64 * 1024,
                1 << 30,
            ),
        ];
        let mut mistakes: Vec<_> = bounds
            .into_iter()
            .filter(|(_, value, least, most)| !(least..=most).contains(&value))
            .map(|(key, value, least, most)| {
                (key, format!("{value} is not between {least} and {most}"))
            })
            .collect();
        if self.enabled && self.file.as_os_str().is_empty() {
            mistakes.push(("file", "must be named when enabled is true".to_owned()));
        }
        mistakes
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            batch_records: 1_000,
            batch_bytes: 4 * 1024 * 1024,
            batch_age: Duration::from_millis(100),
            // One at a time: storms are counted in the order of the journal.
            inflight_batches: 1,
            window_records: 10_000,
            retry_min: Duration::from_millis(self.retry_min_ms),
            retry_max: Duration::from_millis(self.retry_max_ms).min(Duration::from_secs(30)),
            on_full: self.on_full,
        }
    }

    pub(crate) fn storm_window_ns(&self) -> i64 {
        seconds_ns(self.storm_window_seconds)
    }

    pub(crate) fn expire_ns(&self) -> i64 {
        seconds_ns(self.expire_minutes.saturating_mul(60))
    }
}

fn seconds_ns(seconds: u64) -> i64 {
    i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(event::Time::SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_off_and_sound_and_secrets_are_masked() {
        let mut config = NotifyConfig::default();
        assert!(!config.enabled);
        assert_eq!(config.validate(), []);
        config
            .secrets
            .insert("hook".to_owned(), "whsec_c2VjcmV0".to_owned().into());
        let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
        assert!(
            !shown.contains("c2VjcmV0") && shown.contains("***"),
            "{shown}"
        );
    }

    #[test]
    fn every_bound_is_checked() {
        let config = NotifyConfig {
            storm_notices: 0,
            retry_max_ms: 1,
            enabled: true,
            file: PathBuf::new(),
            ..NotifyConfig::default()
        };
        let keys: Vec<_> = config.validate().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["storm_notices", "retry_max_ms", "file"]);
    }
}
