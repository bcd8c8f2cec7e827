//! The few figures that we want of librdkafka's statistics.

use std::collections::HashMap;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Statistics {
    pub(crate) msg_cnt: u64,
    pub(crate) msg_size: u64,
    pub(crate) brokers: HashMap<String, Broker>,
    pub(crate) topics: HashMap<String, TopicFigures>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Broker {
    pub(crate) nodeid: i32,
    pub(crate) state: String,
    pub(crate) tx: u64,
    pub(crate) txbytes: u64,
    pub(crate) txerrs: u64,
    pub(crate) txretries: u64,
    pub(crate) req_timeouts: u64,
    pub(crate) rtt: Window,
}

/// Microseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Window {
    pub(crate) p50: i64,
    pub(crate) p99: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TopicFigures {
    pub(crate) topic: String,
    pub(crate) partitions: HashMap<String, PartitionFigures>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PartitionFigures {
    pub(crate) partition: i32,
    /// Id of the leading broker, -1 = none.
    pub(crate) leader: i32,
    pub(crate) msgq_cnt: u64,
    pub(crate) xmit_msgq_cnt: u64,
}

impl Statistics {
    /// At most this many are named.
    const NAMED_MAX: usize = 8;

    /// Partitions that have messages to send and nobody to send them to.
    pub(crate) fn leaderless(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .topics
            .values()
            .flat_map(|topic| {
                topic
                    .partitions
                    .values()
                    .filter(|partition| {
                        partition.partition >= 0
                            && partition.leader < 0
                            && partition.msgq_cnt + partition.xmit_msgq_cnt > 0
                    })
                    .map(|partition| format!("{}/{}", topic.topic, partition.partition))
            })
            .collect();
        names.sort_unstable();
        names.truncate(Self::NAMED_MAX);
        names
    }
}
