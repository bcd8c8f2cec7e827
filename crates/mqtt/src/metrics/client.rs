//! The metrics of the client of an outside broker.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::add;
use crate::client::Counters;

/// Why a QoS 0 message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shed {
    Full,
    Window,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Received {
    pub(crate) qos0: u64,
    pub(crate) qos1: u64,
    pub(crate) dup: u64,
    pub(crate) retained: u64,
}

/// Counts everything twice: for the registry and for [`Counters`].
pub(crate) struct BrokerMeter {
    counters: Arc<Counters>,
    received: [Counter; 2],
    dup: Counter,
    retained: Counter,
    journalled: Counter,
    acknowledged: Counter,
    dropped: [Counter; 2],
    oversize: Counter,
    topics: Counter,
    abandoned: Counter,
    connected: Counter,
    lost_sessions: Counter,
    subscriptions: Counter,
    poison: Counter,
    rescued: Counter,
    fresh: Counter,
    ready: Gauge,
    in_flight: Gauge,
    in_flight_bytes: Gauge,
    age: Histogram,
}

impl BrokerMeter {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Self {
            counters,
            received: ["0", "1"].map(|qos| counter!("ioc_broker_received_total", "qos" => qos)),
            dup: counter!("ioc_broker_received_dup_total"),
            retained: counter!("ioc_broker_received_retained_total"),
            journalled: counter!("ioc_broker_written_total"),
            acknowledged: counter!("ioc_broker_acknowledged_total"),
            dropped: ["journal_full", "window"]
                .map(|reason| counter!("ioc_broker_dropped_total", "reason" => reason)),
            oversize: counter!("ioc_broker_oversize_recorded_total"),
            topics: counter!("ioc_broker_topics_mended_total"),
            abandoned: counter!("ioc_broker_abandoned_total"),
            connected: counter!("ioc_broker_connected_total"),
            lost_sessions: counter!("ioc_broker_lost_sessions_total"),
            subscriptions: counter!("ioc_broker_subscriptions_refused_total"),
            poison: counter!("ioc_broker_poison_total"),
            rescued: counter!("ioc_broker_poison_rescued_total"),
            fresh: counter!("ioc_broker_fresh_sessions_total"),
            ready: gauge!("ioc_broker_connections_ready"),
            in_flight: gauge!("ioc_broker_in_flight_messages"),
            in_flight_bytes: gauge!("ioc_broker_in_flight_bytes"),
            age: histogram!("ioc_broker_event_age_seconds"),
        }
    }

    pub(crate) fn received(&self, received: Received) {
        let counters = &self.counters;
        add(&self.received[0], &counters.received_qos0, received.qos0);
        add(&self.received[1], &counters.received_qos1, received.qos1);
        add(&self.dup, &counters.received_dup, received.dup);
        add(
            &self.retained,
            &counters.received_retained,
            received.retained,
        );
    }

    pub(crate) fn acknowledged(&self, n: u64) {
        add(&self.acknowledged, &self.counters.acknowledged, n);
    }

    pub(crate) fn dropped(&self, why: Shed, n: u64) {
        let (index, count) = match why {
            Shed::Full => (0, &self.counters.dropped_full),
            Shed::Window => (1, &self.counters.dropped_window),
        };
        add(&self.dropped[index], count, n);
    }

    /// QoS 0 messages that were received, and dropped before anybody looked at them.
    pub(crate) fn dropped_unseen(&self, n: u64) {
        self.received(Received {
            qos0: n,
            ..Received::default()
        });
        self.dropped(Shed::Window, n);
    }

    pub(crate) fn oversize_recorded(&self) {
        add(&self.oversize, &self.counters.oversize_recorded, 1);
    }

    pub(crate) fn topic_mended(&self) {
        add(&self.topics, &self.counters.topics_mended, 1);
    }

    pub(crate) fn connected(&self) {
        add(&self.connected, &self.counters.connected, 1);
    }

    pub(crate) fn disconnected(&self, cause: &'static str) {
        self.counters.disconnected.fetch_add(1, Ordering::Relaxed);
        counter!("ioc_broker_disconnected_total", "reason" => cause).increment(1);
    }

    pub(crate) fn lost_session(&self) {
        add(&self.lost_sessions, &self.counters.lost_sessions, 1);
    }

    pub(crate) fn subscriptions_refused(&self, n: u64) {
        add(&self.subscriptions, &self.counters.subscriptions_refused, n);
    }

    pub(crate) fn poison(&self) {
        add(&self.poison, &self.counters.poison, 1);
    }

    pub(crate) fn rescued(&self, n: u64) {
        add(&self.rescued, &self.counters.poison_rescued, n);
    }

    pub(crate) fn fresh_session(&self) {
        add(&self.fresh, &self.counters.fresh_sessions, 1);
    }

    pub(crate) fn ready(&self) {
        self.counters.ready.fetch_add(1, Ordering::Relaxed);
        self.ready.increment(1.0);
    }

    pub(crate) fn not_ready(&self) {
        self.counters.ready.fetch_sub(1, Ordering::Relaxed);
        self.ready.decrement(1.0);
    }

    /// Messages were handed to the journal.
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

    /// They became durable, `age` after they had been read.
    pub(crate) fn durable(&self, messages: u64, bytes: u64, age: Duration) {
        self.left(messages, bytes);
        add(&self.journalled, &self.counters.journalled, messages);
        self.age.record(age.as_secs_f64());
    }

    /// Their connection ended first: they will be durable or not, and come again in any case.
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
