//! Configuration of the console and of the admin server, with every bound of this crate.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{Error, series};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleConfig {
    pub listen: SocketAddr,
    /// Host names (without port) under which the page may be opened, beside `localhost` and any IP address. A name that
    /// is not listed is refused, so that no foreign page can reach us through a DNS name of its own (rebinding).
    pub hosts: Vec<String>,
    /// Open connections; further ones wait in the system's backlog. Must exceed `clients_max`.
    pub connections_max: usize,
    /// Clients of the live feed; one more is answered 503.
    pub clients_max: usize,
    /// Frames in any second to one client. Four tenths are for data, the rest is kept for alerts and the first snapshot.
    pub frames_per_second_max: u32,
    /// Frames a client may be behind before it gets a new snapshot.
    pub frames_behind_max: usize,
    pub heartbeat_ms: u64,
    /// Commands waiting for their verdict; one more is answered 503 before anything is recorded.
    pub commands_waiting_max: usize,
    pub verdict_timeout_ms: u64,
    pub request_bytes_max: usize,
    pub request_timeout_ms: u64,
    /// A client that takes no bytes for so long is cut off.
    pub stalled_client_ms: u32,
    /// Records of `outcomes` read back at start for charts, latest values, rejects and histories.
    pub history_records_max: u64,
    pub history_timeout_ms: u64,
    /// Entities with latest values; the longest silent ones leave the view (about 1 KiB each).
    pub entities_max: usize,
    /// Charts kept; those of the longest silent entities go first. At most 29 KiB each: 60 MiB at the default.
    pub series_max: usize,
    /// Alerts in the view, about 6 KiB each; the over ones leave first, then the least severe and oldest.
    pub alerts_max: usize,
    /// Of these, the ones that are over.
    pub alerts_resolved_max: usize,
    /// Figures of the deliveries on the feed; a change of state is sent within about a second whatever this says.
    pub sinks_interval_ms: u64,
    /// Questions to the archive that run at a time, and that run or wait; one more is answered 503.
    pub series_running_max: usize,
    pub series_waiting_max: usize,
    /// For one question, waiting included.
    pub series_timeout_ms: u64,
    /// Points (or series, or rows) in one answer.
    pub series_points_max: usize,
    /// Days between `from` and `to` of one question.
    pub series_days_max: u32,
    /// Time zone (IANA name) of answers about series when the question names none.
    pub series_zone: String,
    /// For everything at shutdown.
    pub stop_deadline_ms: u64,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            hosts: Vec::new(),
            connections_max: 512,
            clients_max: 256,
            frames_per_second_max: 10,
            frames_behind_max: 32,
            heartbeat_ms: 2_000,
            commands_waiting_max: 256,
            verdict_timeout_ms: 10_000,
            request_bytes_max: 16_384,
            request_timeout_ms: 10_000,
            stalled_client_ms: 60_000,
            history_records_max: 500_000,
            history_timeout_ms: 10_000,
            entities_max: 20_000,
            series_max: 2_048,
            alerts_max: 10_000,
            alerts_resolved_max: 2_000,
            sinks_interval_ms: 5_000,
            series_running_max: 2,
            series_waiting_max: 32,
            series_timeout_ms: 10_000,
            series_points_max: 10_000,
            series_days_max: 3_660,
            series_zone: "Asia/Ho_Chi_Minh".to_owned(),
            stop_deadline_ms: 5_000,
        }
    }
}

impl ConsoleConfig {
    /// All mistakes at once, each naming its key.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut positive = |key: &str, value: u64| {
            if value == 0 {
                mistakes.push(format!("{key} must be at least 1"));
            }
        };
        positive("connections_max", self.connections_max as u64);
        positive("clients_max", self.clients_max as u64);
        positive("frames_behind_max", self.frames_behind_max as u64);
        positive("heartbeat_ms", self.heartbeat_ms);
        positive("commands_waiting_max", self.commands_waiting_max as u64);
        positive("verdict_timeout_ms", self.verdict_timeout_ms);
        positive("request_bytes_max", self.request_bytes_max as u64);
        positive("request_timeout_ms", self.request_timeout_ms);
        positive("stalled_client_ms", u64::from(self.stalled_client_ms));
        positive("entities_max", self.entities_max as u64);
        positive("alerts_max", self.alerts_max as u64);
        positive("stop_deadline_ms", self.stop_deadline_ms);
        positive("series_running_max", self.series_running_max as u64);
        positive("series_timeout_ms", self.series_timeout_ms);
        positive("series_days_max", u64::from(self.series_days_max));
        if !(1_000..=60_000).contains(&self.sinks_interval_ms) {
            mistakes.push("sinks_interval_ms must be from 1000 to 60000".to_owned());
        }
        if self.series_running_max > 64 {
            mistakes.push("series_running_max must be at most 64".to_owned());
        }
        if self.series_waiting_max < self.series_running_max {
            mistakes.push(
                "series_waiting_max counts the running ones too: at least series_running_max"
                    .to_owned(),
            );
        }
        if !(100..=1_000_000).contains(&self.series_points_max) {
            mistakes.push("series_points_max must be from 100 to 1000000".to_owned());
        }
        if !series::is_zone(&self.series_zone) {
            mistakes.push("series_zone must be a name such as Asia/Ho_Chi_Minh".to_owned());
        }
        if !(2..=100).contains(&self.frames_per_second_max) {
            mistakes.push("frames_per_second_max must be from 2 to 100".to_owned());
        }
        if self.connections_max <= self.clients_max {
            mistakes
                .push("connections_max must exceed clients_max: each feed holds one".to_owned());
        }
        if self.alerts_resolved_max >= self.alerts_max {
            mistakes.push("alerts_resolved_max must be below alerts_max".to_owned());
        }
        for host in &self.hosts {
            if host.is_empty() || host.contains(['/', ':', ' ', '*']) {
                mistakes.push(format!("hosts: {host:?} is not a bare host name"));
            }
        }
        mistakes
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let mistakes = self.mistakes();
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(Error::Configuration(mistakes))
        }
    }
}

/// The admin server: `/livez`, `/readyz`, `/metrics`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    pub listen: SocketAddr,
    pub connections_max: usize,
    pub stop_deadline_ms: u64,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)),
            connections_max: 64,
            stop_deadline_ms: 2_000,
        }
    }
}
