//! The metrics of the front door: names and labels are all here, and come from closed sets.

#![allow(
    clippy::disallowed_macros,
    reason = "the one place for metric names of this crate"
)] // The one place of this crate where metric names are given.

pub(crate) mod client;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::Close;
use crate::codec::Reason;
use crate::counters::Counters;

/// Why a QoS 0 message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    Full,
    Rate,
    Oversize,
}

/// Why a connection was closed as soon as it came, or its CONNECT refused for a bound of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Connections,
    Address,
    Descriptors,
    Sessions,
    Wills,
    Full,
}

/// Counts everything twice: for the registry and for [`Counters`].
pub(crate) struct Meter {
    pub(crate) counters: Arc<Counters>,
    received: [Counter; 3],
    acknowledged: Counter,
    journalled: Counter,
    repeated: Counter,
    dropped: [Counter; 3],
    oversize: Counter,
    oversize_recorded: Counter,
    abandoned: Counter,
    refused: [Counter; 6],
    takeovers: Counter,
    keep_alive: Counter,
    wills: Counter,
    subscriptions: Counter,
    in_flight: Gauge,
    in_flight_bytes: Gauge,
    connections: Gauge,
    sessions: Gauge,
    age: Histogram,
}

impl Meter {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        let rejected = |reason| counter!("ioc_ingest_rejected_total", "reason" => reason);
        Self {
            counters,
            received: ["0", "1", "2"]
                .map(|qos| counter!("ioc_ingest_received_total", "qos" => qos)),
            acknowledged: counter!("ioc_ingest_acknowledged_total"),
            journalled: counter!("ioc_ingest_written_total"),
            repeated: counter!("ioc_ingest_repeated_total"),
            dropped: ["journal_full", "rate", "oversize"]
                .map(|reason| counter!("ioc_ingest_dropped_total", "reason" => reason)),
            oversize: rejected("oversize"),
            oversize_recorded: counter!("ioc_ingest_oversize_recorded_total"),
            abandoned: counter!("ioc_ingest_abandoned_total"),
            refused: [
                "connections",
                "address",
                "descriptors",
                "sessions",
                "wills",
                "journal_full",
            ]
            .map(|reason| counter!("ioc_ingest_connections_refused_total", "reason" => reason)),
            takeovers: counter!("ioc_ingest_takeovers_total"),
            keep_alive: counter!("ioc_ingest_keep_alive_timeouts_total"),
            wills: counter!("ioc_ingest_wills_total"),
            subscriptions: counter!("ioc_ingest_subscriptions_refused_total"),
            in_flight: gauge!("ioc_ingest_in_flight_messages"),
            in_flight_bytes: gauge!("ioc_ingest_in_flight_bytes"),
            connections: gauge!("ioc_ingest_connections"),
            sessions: gauge!("ioc_ingest_sessions"),
            age: histogram!("ioc_ingest_event_age_seconds"),
        }
    }

    pub(crate) fn received(&self, by_qos: [u64; 3]) {
        let counts = [
            &self.counters.received_qos0,
            &self.counters.received_qos1,
            &self.counters.received_qos2,
        ];
        for ((metric, count), n) in self.received.iter().zip(counts).zip(by_qos) {
            add(metric, count, n);
        }
    }

    pub(crate) fn acknowledged(&self, n: u64) {
        add(&self.acknowledged, &self.counters.acknowledged, n);
    }

    pub(crate) fn repeated(&self, n: u64) {
        add(&self.repeated, &self.counters.repeated, n);
    }

    pub(crate) fn dropped(&self, why: Dropped, n: u64) {
        let (index, count) = match why {
            Dropped::Full => (0, &self.counters.dropped_full),
            Dropped::Rate => (1, &self.counters.dropped_rate),
            Dropped::Oversize => (2, &self.counters.dropped_oversize),
        };
        add(&self.dropped[index], count, n);
    }

    pub(crate) fn oversize_refused(&self) {
        add(&self.oversize, &self.counters.rejected_oversize, 1);
    }

    pub(crate) fn oversize_recorded(&self) {
        add(&self.oversize_recorded, &self.counters.oversize_recorded, 1);
    }

    pub(crate) fn subscriptions_refused(&self, n: u64) {
        add(&self.subscriptions, &self.counters.subscriptions_refused, n);
    }

    pub(crate) fn takeover(&self) {
        add(&self.takeovers, &self.counters.takeovers, 1);
    }

    pub(crate) fn keep_alive_timeout(&self) {
        add(&self.keep_alive, &self.counters.keep_alive_timeouts, 1);
    }

    /// A connection with a session ended.
    pub(crate) fn ended(&self, why: Close) {
        let reason = match why {
            Close::Disconnected => "disconnected",
            Close::DisconnectedWithWill => "disconnected_with_will",
            Close::Lost => "lost",
            Close::KeepAlive => "keep_alive",
            Close::Malformed => "malformed",
            Close::TakenOver => "taken_over",
            Close::ServerStopping => "stopping",
            Close::WriteTimeout => "write_timeout",
            Close::Busy => "journal_full",
        };
        counter!("ioc_ingest_connections_ended_total", "reason" => reason).increment(1);
    }

    pub(crate) fn wills(&self, n: u64) {
        add(&self.wills, &self.counters.wills, n);
    }

    pub(crate) fn malformed(&self, reason: Reason) {
        self.counters.malformed.fetch_add(1, Ordering::Relaxed);
        counter!("ioc_ingest_malformed_total", "reason" => label(reason)).increment(1);
    }

    pub(crate) fn refused(&self, why: Refusal) {
        let index = match why {
            Refusal::Connections => 0,
            Refusal::Address => 1,
            Refusal::Descriptors => 2,
            Refusal::Sessions => 3,
            Refusal::Wills => 4,
            Refusal::Full => 5,
        };
        add(&self.refused[index], &self.counters.connections_refused, 1);
    }

    pub(crate) fn connection_opened(&self) {
        self.counters
            .connections_accepted
            .fetch_add(1, Ordering::Relaxed);
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        self.connections.increment(1.0);
    }

    pub(crate) fn connection_closed(&self) {
        self.counters.connections.fetch_sub(1, Ordering::Relaxed);
        self.connections.decrement(1.0);
    }

    pub(crate) fn sessions(&self, now: usize) {
        self.counters.sessions.store(now as u64, Ordering::Relaxed);
        self.sessions.set(now as f64);
    }

    /// Messages entered the journal's queue.
    pub(crate) fn entered(&self, messages: u64, bytes: u64) {
        self.counters
            .in_flight
            .fetch_add(messages, Ordering::Relaxed);
        self.counters
            .in_flight_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        self.in_flight.increment(messages as f64);
        self.in_flight_bytes.increment(bytes as f64);
    }

    /// They became durable, `age` after the last of them had been read.
    pub(crate) fn durable(&self, messages: u64, bytes: u64, age: Duration) {
        self.left(messages, bytes);
        add(&self.journalled, &self.counters.journalled, messages);
        self.age.record(age.as_secs_f64());
    }

    /// Their connection ended first: they will be durable or not, nobody here is told.
    pub(crate) fn abandoned(&self, messages: u64, bytes: u64) {
        self.left(messages, bytes);
        add(&self.abandoned, &self.counters.abandoned, messages);
    }

    fn left(&self, messages: u64, bytes: u64) {
        self.counters
            .in_flight
            .fetch_sub(messages, Ordering::Relaxed);
        self.counters
            .in_flight_bytes
            .fetch_sub(bytes, Ordering::Relaxed);
        self.in_flight.decrement(messages as f64);
        self.in_flight_bytes.decrement(bytes as f64);
    }
}

fn add(metric: &Counter, count: &AtomicU64, n: u64) {
    if n > 0 {
        metric.increment(n);
        count.fetch_add(n, Ordering::Relaxed);
    }
}

/// The label of a reason; those that no refusal of ours carries share one.
fn label(reason: Reason) -> &'static str {
    const LABELS: [(Reason, &str); 13] = [
        (Reason::MalformedPacket, "malformed_packet"),
        (Reason::ProtocolError, "protocol_error"),
        (Reason::UnsupportedProtocolVersion, "unsupported_version"),
        (Reason::ClientIdentifierNotValid, "client_identifier"),
        (Reason::BadAuthenticationMethod, "authentication_method"),
        (Reason::TopicFilterInvalid, "topic_filter"),
        (Reason::TopicNameInvalid, "topic_name"),
        (Reason::ReceiveMaximumExceeded, "receive_maximum"),
        (Reason::TopicAliasInvalid, "topic_alias"),
        (Reason::PacketTooLarge, "packet_too_large"),
        (Reason::QuotaExceeded, "quota"),
        (Reason::PayloadFormatInvalid, "payload_format"),
        (Reason::MaximumConnectTime, "connect_timeout"),
    ];
    LABELS
        .iter()
        .find(|(known, _)| *known == reason)
        .map_or("other", |(_, label)| label)
}
