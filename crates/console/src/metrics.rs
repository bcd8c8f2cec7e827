//! Names of this crate's metrics, and the only place where they are written.

#![allow(
    clippy::disallowed_macros,
    reason = "this is the crate's metrics module"
)]

use metrics::{counter, gauge};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    FeedClients,
    FeedClientsRefused,
    FeedFrames,
    FeedFrameBytes,
    FeedResyncs,
    Snapshots,
    Requests,
    Commands,
    OutcomesBehind,
    Entities,
    EntitiesDropped,
    AlertsDropped,
    ConnectionErrors,
    Questions,
}

impl Metric {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::FeedClients => "ioc_console_feed_clients",
            Self::FeedClientsRefused => "ioc_console_feed_clients_refused_total",
            Self::FeedFrames => "ioc_console_feed_frames_total",
            Self::FeedFrameBytes => "ioc_console_feed_frame_bytes_total",
            Self::FeedResyncs => "ioc_console_feed_resyncs_total",
            Self::Snapshots => "ioc_console_snapshots_total",
            Self::Requests => "ioc_console_requests_total",
            Self::Commands => "ioc_console_commands_total",
            Self::OutcomesBehind => "ioc_console_outcomes_behind",
            Self::Entities => "ioc_console_entities",
            Self::EntitiesDropped => "ioc_console_entities_dropped",
            Self::AlertsDropped => "ioc_console_alerts_dropped",
            Self::ConnectionErrors => "ioc_console_connection_errors_total",
            Self::Questions => "ioc_console_series_questions_total",
        }
    }
}

/// How a command ended for the person who gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandEnd {
    Accepted,
    Refused,
    /// Recorded, verdict not seen in time.
    Pending,
    /// Not recorded.
    NotRecorded,
}

/// How a question to the archive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuestionEnd {
    Answered,
    /// By the backend, with a reason.
    Refused,
    TooSlow,
    /// Too many at a time.
    Busy,
}

pub(crate) fn feed_clients(count: usize) {
    gauge!(Metric::FeedClients.name()).set(count as f64);
}

pub(crate) fn feed_client_refused() {
    counter!(Metric::FeedClientsRefused.name()).increment(1);
}

pub(crate) fn feed_frame(kind: &'static str, bytes: usize) {
    counter!(Metric::FeedFrames.name(), "kind" => kind).increment(1);
    counter!(Metric::FeedFrameBytes.name(), "kind" => kind).increment(bytes as u64);
}

pub(crate) fn feed_resync() {
    counter!(Metric::FeedResyncs.name()).increment(1);
}

pub(crate) fn snapshot() {
    counter!(Metric::Snapshots.name()).increment(1);
}

/// `class` is the route's, `status` the first digit: both closed sets.
pub(crate) fn request(class: &'static str, status: u16) {
    let status = match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    counter!(Metric::Requests.name(), "route" => class, "status" => status).increment(1);
}

pub(crate) fn command(end: CommandEnd) {
    let result = match end {
        CommandEnd::Accepted => "accepted",
        CommandEnd::Refused => "refused",
        CommandEnd::Pending => "pending",
        CommandEnd::NotRecorded => "not_recorded",
    };
    counter!(Metric::Commands.name(), "result" => result).increment(1);
}

pub(crate) fn tail(behind: u64, (entities, entities_dropped, alerts_dropped): (usize, u64, u64)) {
    gauge!(Metric::OutcomesBehind.name()).set(behind as f64);
    gauge!(Metric::Entities.name()).set(entities as f64);
    gauge!(Metric::EntitiesDropped.name()).set(entities_dropped as f64);
    gauge!(Metric::AlertsDropped.name()).set(alerts_dropped as f64);
}

pub(crate) fn connection_error() {
    counter!(Metric::ConnectionErrors.name()).increment(1);
}

pub(crate) fn question(end: QuestionEnd) {
    let result = match end {
        QuestionEnd::Answered => "answered",
        QuestionEnd::Refused => "refused",
        QuestionEnd::TooSlow => "too_slow",
        QuestionEnd::Busy => "busy",
    };
    counter!(Metric::Questions.name(), "result" => result).increment(1);
}
