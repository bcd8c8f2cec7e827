//! The metrics of the Kafka sink beside the mover's seven: names and labels are all here, and come from closed sets.

#![allow(
    clippy::disallowed_macros,
    reason = "the one place for metric names of this crate"
)]

use metrics::{Counter, Gauge, counter, gauge};

use crate::statistics::Statistics;
use crate::topic::Topic;

#[derive(Clone)]
pub(crate) struct Meter {
    delivered: [Counter; Topic::COUNT],
    skipped: Counter,
    refused: Counter,
    producers: Counter,
    brokers_up: Gauge,
    queue_messages: Gauge,
    queue_bytes: Gauge,
    rtt_median: Gauge,
    rtt_p99: Gauge,
    requests: Gauge,
    sent_bytes: Gauge,
    send_errors: Gauge,
    retries: Gauge,
    timeouts: Gauge,
    leaderless: Gauge,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            delivered: Topic::ALL
                .map(|topic| counter!("ioc_kafka_delivered_total", "topic" => topic.label())),
            skipped: counter!("ioc_kafka_skipped_total"),
            refused: counter!("ioc_kafka_refused_total"),
            producers: counter!("ioc_kafka_producers_total"),
            brokers_up: gauge!("ioc_kafka_brokers_up"),
            queue_messages: gauge!("ioc_kafka_queue_messages"),
            queue_bytes: gauge!("ioc_kafka_queue_bytes"),
            rtt_median: gauge!("ioc_kafka_round_trip_seconds", "quantile" => "0.5"),
            rtt_p99: gauge!("ioc_kafka_round_trip_seconds", "quantile" => "0.99"),
            requests: gauge!("ioc_kafka_requests"),
            sent_bytes: gauge!("ioc_kafka_sent_bytes"),
            send_errors: gauge!("ioc_kafka_send_errors"),
            retries: gauge!("ioc_kafka_request_retries"),
            timeouts: gauge!("ioc_kafka_request_timeouts"),
            leaderless: gauge!("ioc_kafka_leaderless_partitions"),
        }
    }

    pub(crate) fn delivered(&self, by_topic: [u64; Topic::COUNT]) {
        for (metric, count) in self.delivered.iter().zip(by_topic) {
            if count > 0 {
                metric.increment(count);
            }
        }
    }

    /// Messages that a partition already had.
    pub(crate) fn skipped(&self, messages: u64) {
        if messages > 0 {
            self.skipped.increment(messages);
        }
    }

    pub(crate) fn refused(&self) {
        self.refused.increment(1);
    }

    pub(crate) fn producer_built(&self) {
        self.producers.increment(1);
    }

    /// Totals of brokers are those of the present producer: gauges, because a new one begins at 0.
    pub(crate) fn statistics(&self, statistics: &Statistics) {
        let real = || {
            statistics
                .brokers
                .values()
                .filter(|broker| broker.nodeid >= 0)
        };
        let up = real().filter(|broker| broker.state == "UP").count();
        self.brokers_up.set(up as f64);
        self.queue_messages.set(statistics.msg_cnt as f64);
        self.queue_bytes.set(statistics.msg_size as f64);
        let seconds = |micros: Option<i64>| micros.unwrap_or(0) as f64 / 1e6;
        self.rtt_median
            .set(seconds(real().map(|broker| broker.rtt.p50).max()));
        self.rtt_p99
            .set(seconds(real().map(|broker| broker.rtt.p99).max()));
        let all = || statistics.brokers.values();
        self.requests
            .set(all().map(|broker| broker.tx).sum::<u64>() as f64);
        self.sent_bytes
            .set(all().map(|broker| broker.txbytes).sum::<u64>() as f64);
        self.send_errors
            .set(all().map(|broker| broker.txerrs).sum::<u64>() as f64);
        self.retries
            .set(all().map(|broker| broker.txretries).sum::<u64>() as f64);
        self.timeouts
            .set(all().map(|broker| broker.req_timeouts).sum::<u64>() as f64);
        self.leaderless.set(statistics.leaderless().len() as f64);
    }
}
