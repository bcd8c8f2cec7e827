//! The metrics of this sink beyond the mover's seven: names and labels are all here, and come from closed sets.

#![allow(
    clippy::disallowed_macros,
    reason = "the one place for metric names of this crate"
)]

use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

/// How the server answered a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Stored,
    /// 400.
    Invalid,
    /// 422.
    Partial,
    Unauthenticated,
    Forbidden,
    NotFound,
    TooLarge,
    RateLimited,
    /// 5xx.
    Unavailable,
    /// Any other status.
    Other,
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
}

impl Class {
    const ALL: [(Self, &'static str); 12] = [
        (Self::Stored, "stored"),
        (Self::Invalid, "invalid"),
        (Self::Partial, "partial"),
        (Self::Unauthenticated, "unauthenticated"),
        (Self::Forbidden, "forbidden"),
        (Self::NotFound, "not_found"),
        (Self::TooLarge, "too_large"),
        (Self::RateLimited, "rate_limited"),
        (Self::Unavailable, "unavailable"),
        (Self::Other, "other"),
        (Self::TimedOut, "timed_out"),
        (Self::Unreachable, "unreachable"),
    ];

    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            204 => Self::Stored,
            400 => Self::Invalid,
            401 => Self::Unauthenticated,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            408 => Self::TimedOut,
            413 => Self::TooLarge,
            422 => Self::Partial,
            429 => Self::RateLimited,
            500..=599 => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

pub(crate) struct Meter {
    answers: [Counter; Class::ALL.len()],
    seconds: Histogram,
    lines: Counter,
    refused: Counter,
    raw_bytes: Counter,
    sent_bytes: Counter,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let bytes = |form| counter!("ioc_influxdb_bytes_total", "form" => form);
        Self {
            answers: Class::ALL
                .map(|(_, class)| counter!("ioc_influxdb_answers_total", "class" => class)),
            seconds: histogram!("ioc_influxdb_request_seconds"),
            lines: counter!("ioc_influxdb_lines_total"),
            refused: counter!("ioc_influxdb_refused_total"),
            raw_bytes: bytes("line_protocol"),
            sent_bytes: bytes("sent"),
        }
    }

    /// A request was answered, or given up, after `took`.
    pub(crate) fn answered(&self, class: Class, took: Duration) {
        if let Some(index) = Class::ALL.iter().position(|(known, _)| *known == class) {
            self.answers[index].increment(1);
        }
        self.seconds.record(took.as_secs_f64());
    }

    pub(crate) fn sent(&self, raw: usize, sent: usize) {
        self.raw_bytes.increment(raw as u64);
        self.sent_bytes.increment(sent as u64);
    }

    pub(crate) fn stored(&self, lines: usize) {
        self.lines.increment(lines as u64);
    }

    pub(crate) fn refused(&self, records: usize) {
        self.refused.increment(records as u64);
    }
}
