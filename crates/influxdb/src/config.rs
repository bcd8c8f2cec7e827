//! Section `[influxdb]`: what an operator sets, with defaults and bounds.

use std::path::PathBuf;
use std::time::Duration;

use pipeline::{Limits, OnFull};
use reqwest_011::Url;
use serde::{Deserialize, Serialize};

use crate::Secret;

/// Everything that can be set. The sink is off while `url` is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InfluxConfig {
    /// `http://host:port` or `https://host:port`, without a path. Empty = no InfluxDB.
    pub url: String,
    pub org: String,
    pub bucket: String,
    /// A token that may write to the bucket; it needs no other right.
    pub token: Secret,
    /// PEM file of the authority that signed the server's certificate, if it is not a public one.
    pub ca_file: PathBuf,
    /// Create the bucket when it is missing: needs a token that may read organisations and create buckets.
    pub create_bucket: bool,
    /// Of a bucket that is created here; 0 = keep for ever.
    pub retention_days: u32,

    /// Compress requests.
    pub gzip: bool,
    /// Write the id of every event as the text field `event_id`.
    pub event_id: bool,
    /// Write what measured as the text field `device`, where it is not the entity itself.
    pub device: bool,

    /// A request is sent when it has so many records or bytes of records, or is so old.
    pub batch_lines: u64,
    pub batch_bytes: usize,
    pub batch_age_ms: u64,
    /// Requests unanswered at a time.
    pub inflight_batches: usize,
    /// Records sent beyond the stored position: what a kill can send again.
    pub window_lines: u64,

    /// For the TCP and TLS connection.
    pub connect_timeout_ms: u64,
    /// For one request, from the first byte sent to the last of the answer.
    pub request_timeout_ms: u64,
    /// Back-off after a failure: from the first, doubling to the second.
    pub retry_min_ms: u64,
    pub retry_max_ms: u64,
    /// What happens to records not yet written when `outcomes` reaches its bound on disk.
    pub on_full: OnFull,
}

impl Default for InfluxConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            org: String::new(),
            bucket: "ioc".to_owned(),
            token: Secret::default(),
            ca_file: PathBuf::new(),
            create_bucket: false,
            retention_days: 0,
            gzip: true,
            event_id: false,
            device: true,
            batch_lines: 5_000,
            batch_bytes: 4 * 1024 * 1024,
            batch_age_ms: 200,
            inflight_batches: 2,
            window_lines: 50_000,
            connect_timeout_ms: 5_000,
            request_timeout_ms: 60_000,
            retry_min_ms: 200,
            retry_max_ms: 30_000,
            on_full: OnFull::Gap,
        }
    }
}

impl InfluxConfig {
    /// Whether there is a server to write to.
    pub fn enabled(&self) -> bool {
        !self.url.is_empty()
    }

    /// Everything wrong with the values: the key and a sentence; empty when sound.
    pub fn validate(&self) -> Vec<(&'static str, String)> {
        let mut mistakes = Vec::new();
        self.check_bounds(&mut mistakes);
        if self.enabled() {
            if let Err(why) = parse_url(&self.url) {
                mistakes.push(("url", why));
            }
            for (key, text) in [("org", &self.org), ("bucket", &self.bucket)] {
                if text.is_empty() {
                    mistakes.push((key, "must be named when url is set".to_owned()));
                }
            }
            if self
                .token
                .reveal()
                .bytes()
                .any(|byte| !byte.is_ascii_graphic())
            {
                mistakes.push((
                    "token",
                    "has a space, a line end or a character that no token has".to_owned(),
                ));
            }
            if !self.ca_file.as_os_str().is_empty() && !self.url.starts_with("https://") {
                mistakes.push((
                    "ca_file",
                    "is given, but http:// does not encrypt; write https://".to_owned(),
                ));
            }
        }
        mistakes
    }

    fn check_bounds(&self, mistakes: &mut Vec<(&'static str, String)>) {
        let bounds = [
            ("retention_days", u64::from(self.retention_days), 0, 24_000),
            ("batch_lines", self.batch_lines, 1, 100_000),
            (
                "batch_bytes",
                self.batch_bytes as u64,
                64 * 1024,
                64 * 1024 * 1024,
            ),
            ("batch_age_ms", self.batch_age_ms, 0, 60_000),
            ("inflight_batches", self.inflight_batches as u64, 1, 16),
            (
                "window_lines",
                self.window_lines,
                self.batch_lines,
                10_000_000,
            ),
            ("connect_timeout_ms", self.connect_timeout_ms, 100, 60_000),
            (
                "request_timeout_ms",
                self.request_timeout_ms,
                1_000,
                600_000,
            ),
            ("retry_min_ms", self.retry_min_ms, 10, 60_000),
            (
                "retry_max_ms",
                self.retry_max_ms,
                self.retry_min_ms,
                600_000,
            ),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                mistakes.push((key, format!("{value} is not between {least} and {most}")));
            }
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            batch_records: self.batch_lines,
            batch_bytes: self.batch_bytes,
            batch_age: Duration::from_millis(self.batch_age_ms),
            inflight_batches: self.inflight_batches,
            window_records: self.window_lines,
            retry_min: Duration::from_millis(self.retry_min_ms),
            retry_max: Duration::from_millis(self.retry_max_ms),
            on_full: self.on_full,
        }
    }
}

/// The address of the server, or what is wrong with it. A path is refused: the client would lose it and write elsewhere.
pub(crate) fn parse_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| {
        format!("\"{text}\" is not an address like http://127.0.0.1:8086 ({error})")
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: it may hold a password.
        return Err(
            "a login does not belong into the address, where logs show it; set token".to_owned(),
        );
    }
    let wrong = |what: &str| {
        Err(format!(
            "\"{text}\" {what}; write it like http://127.0.0.1:8086"
        ))
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("is neither http:// nor https://");
    }
    if !url.has_host() {
        return wrong("names no host");
    }
    if !matches!(url.path(), "" | "/") {
        return wrong(
            "has a path, which cannot be served: put the server at the root of a host name",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("has a query or fragment");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> InfluxConfig {
        InfluxConfig {
            url: "http://127.0.0.1:8086".to_owned(),
            org: "lao-cai".to_owned(),
            token: "t0k3n==".to_owned().into(),
            ..InfluxConfig::default()
        }
    }

    #[test]
    fn defaults_are_off_and_sound() {
        assert!(!InfluxConfig::default().enabled());
        assert_eq!(InfluxConfig::default().validate(), []);
        assert_eq!(sound().validate(), []);
    }

    #[test]
    fn the_token_is_never_shown() {
        let config = sound();
        let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("t0k3n"), "{shown}");
        assert!(shown.contains("***"));
    }

    #[test]
    fn every_mistake_is_named() {
        let check = |change: fn(&mut InfluxConfig), key: &str| {
            let mut config = sound();
            change(&mut config);
            let keys: Vec<_> = config.validate().into_iter().map(|(key, _)| key).collect();
            assert_eq!(keys, [key]);
        };
        check(
            |config| config.url = "http://host:8086/influx".to_owned(),
            "url",
        );
        check(
            |config| config.url = "http://user:pass@host:8086".to_owned(),
            "url",
        );
        check(
            |config| config.url = "http://host:8086/?a=b".to_owned(),
            "url",
        );
        check(|config| config.url = "127.0.0.1:8086".to_owned(), "url");
        check(|config| config.url = "mqtt://host".to_owned(), "url");
        check(|config| config.org.clear(), "org");
        check(|config| config.bucket.clear(), "bucket");
        check(|config| config.token = "a\nb".to_owned().into(), "token");
        check(|config| config.ca_file = "ca.pem".into(), "ca_file");
        check(|config| config.batch_lines = 0, "batch_lines");
        check(|config| config.inflight_batches = 0, "inflight_batches");
        check(|config| config.window_lines = 1, "window_lines");
        check(|config| config.retry_max_ms = 1, "retry_max_ms");
        let mut config = sound();
        config.url = "http://user:pass@host:8086".to_owned();
        assert!(!config.validate()[0].1.contains("pass"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<InfluxConfig>(r#"{"urls":"x"}"#).is_err());
    }
}
