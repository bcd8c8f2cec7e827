//! The names of this crate's metrics, in one place. Every one carries the label `pipeline` (the sink); reasons and states
//! come from closed sets.
#![allow(
    clippy::disallowed_macros,
    reason = "the one place for metric names of this crate"
)]

use journal::GapReason;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::{Code, State, Status};

/// Everything this crate reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    Received,
    Rejected,
    Written,
    Retried,
    Dropped,
    InflightBatches,
    EventAgeSeconds,
    LagRecords,
    LagSeconds,
    HeldRatio,
    State,
}

impl Metric {
    pub const ALL: [Self; 11] = [
        Self::Received,
        Self::Rejected,
        Self::Written,
        Self::Retried,
        Self::Dropped,
        Self::InflightBatches,
        Self::EventAgeSeconds,
        Self::LagRecords,
        Self::LagSeconds,
        Self::HeldRatio,
        Self::State,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "ioc_pipeline_received_total",
            Self::Rejected => "ioc_pipeline_rejected_total",
            Self::Written => "ioc_pipeline_written_total",
            Self::Retried => "ioc_pipeline_retried_total",
            Self::Dropped => "ioc_pipeline_dropped_total",
            Self::InflightBatches => "ioc_pipeline_inflight_batches",
            Self::EventAgeSeconds => "ioc_pipeline_event_age_seconds",
            Self::LagRecords => "ioc_pipeline_lag_records",
            Self::LagSeconds => "ioc_pipeline_lag_seconds",
            Self::HeldRatio => "ioc_pipeline_held_ratio",
            Self::State => "ioc_pipeline_state",
        }
    }

    fn counter(self, sink: &'static str) -> Counter {
        counter!(self.name(), "pipeline" => sink)
    }

    fn gauge(self, sink: &'static str) -> Gauge {
        gauge!(self.name(), "pipeline" => sink)
    }

    fn histogram(self, sink: &'static str) -> Histogram {
        histogram!(self.name(), "pipeline" => sink)
    }
}

/// Handles of one sink, looked up once.
pub(crate) struct Meter {
    sink: &'static str,
    received: Counter,
    written: Counter,
    retried: Counter,
    inflight_batches: Gauge,
    event_age_seconds: Histogram,
    lag_records: Gauge,
    lag_seconds: Gauge,
    held_ratio: Gauge,
    states: [(State, Gauge); State::ALL.len()],
}

impl Meter {
    pub(crate) fn new(sink: &'static str) -> Self {
        let meter = Self {
            sink,
            received: Metric::Received.counter(sink),
            written: Metric::Written.counter(sink),
            retried: Metric::Retried.counter(sink),
            inflight_batches: Metric::InflightBatches.gauge(sink),
            event_age_seconds: Metric::EventAgeSeconds.histogram(sink),
            lag_records: Metric::LagRecords.gauge(sink),
            lag_seconds: Metric::LagSeconds.gauge(sink),
            held_ratio: Metric::HeldRatio.gauge(sink),
            states: State::ALL.map(|state| {
                let labels = [("pipeline", sink), ("state", state.name())];
                (state, gauge!(Metric::State.name(), &labels))
            }),
        };
        // A counter that is there from the start: a rate can be taken of its first move.
        meter.dropped(GapReason::Retention, 0);
        meter
    }

    pub(crate) fn received(&self, records: u64) {
        self.received.increment(records);
    }

    pub(crate) fn written(&self, records: u64) {
        self.written.increment(records);
    }

    pub(crate) fn retried(&self, records: u64) {
        self.retried.increment(records);
    }

    pub(crate) fn rejected(&self, code: Code, records: u64) {
        let labels = [("pipeline", self.sink), ("reason", code.name())];
        counter!(Metric::Rejected.name(), &labels).increment(records);
    }

    pub(crate) fn dropped(&self, why: GapReason, records: u64) {
        let reason = match why {
            GapReason::Retention => "gap",
            GapReason::Damage => "damage",
        };
        let labels = [("pipeline", self.sink), ("reason", reason)];
        counter!(Metric::Dropped.name(), &labels).increment(records);
    }

    /// From the journal to the acknowledgement.
    pub(crate) fn age(&self, nanoseconds: i64) {
        self.event_age_seconds
            .record(nanoseconds.max(0) as f64 / 1e9);
    }

    pub(crate) fn show(&self, status: &Status) {
        self.inflight_batches
            .set(status.counts.inflight_batches as f64);
        self.lag_records.set(status.lag_records as f64);
        self.lag_seconds.set(status.lag_seconds);
        self.held_ratio.set(status.held_ratio);
        for (state, gauge) in &self.states {
            gauge.set(f64::from(u8::from(*state == status.state)));
        }
    }
}
