//! What the listener can be told. Every bound of the front door is here, with its default.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec;
use crate::filter::TopicFilters;

/// What stands before the payload of the largest packet, besides topic and fixed header: the packet
/// id and the MQTT 5 properties.
const PROPERTY_BYTES_MAX: u32 = 64 * 1024;

const DAY_SECONDS: u32 = 24 * 60 * 60;

/// The `[ingest]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenerConfig {
    /// Addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Connections at a time; one more is closed as soon as it is accepted.
    pub connections_max: usize,
    /// The same for one peer address.
    pub connections_per_address_max: usize,
    /// From the TCP connection to the last byte of CONNECT, and from there to CONNACK.
    pub connect_timeout_ms: u64,
    /// How long a client may leave our answers unread before it is cut off.
    pub write_timeout_ms: u64,
    /// How long a stop waits for what is in flight.
    pub stop_timeout_ms: u64,
    /// The payload of one message. A larger one is refused; the third time the same one comes it is
    /// recorded by length, hash and first bytes, and acknowledged.
    pub payload_bytes_max: u32,
    /// Bytes of a topic name.
    pub topic_bytes_max: u16,
    /// Levels of a topic name.
    pub topic_levels_max: u16,
    /// MQTT 5 topic aliases a connection.
    pub topic_alias_max: u16,
    /// Bytes of a client identifier.
    pub client_id_bytes_max: u16,
    /// Messages of one connection received and not yet acknowledged. In MQTT 5 this is the Receive
    /// Maximum and more is an error; otherwise the connection is not read until there is room.
    pub inflight_per_connection_max: u16,
    /// Bytes of one connection received and not yet durable; then it is not read.
    pub inflight_bytes_per_connection_max: u64,
    /// Messages of all connections received and not yet durable; then none is read.
    pub inflight_max: u64,
    /// Bytes of all connections received and not yet durable; then none is read.
    pub inflight_bytes_max: u64,
    /// Messages a second a client (0 = no bound), with bursts of one second. Above it the connection
    /// is not read; QoS 0 messages are dropped and counted.
    pub messages_per_second_max: u32,
    /// Longest keep-alive granted to MQTT 5 clients, which are told (0 = what they ask for, or none).
    pub keep_alive_seconds_max: u16,
    /// Sessions remembered, of clients connected or not. At the bound the one that would expire
    /// first makes room; if all are connected, new clients are refused.
    pub sessions_max: usize,
    /// How long the session of a client that is gone is remembered, whatever it asks for.
    pub session_expiry_seconds_max: u32,
    /// Bytes of all wills we keep (topic, properties and payload).
    pub will_bytes_max: u64,
    /// How long after a start the clients cut off by the stop have to return before their wills are
    /// published.
    pub reconnect_grace_seconds: u32,
    /// Filters of the topics that are still accepted, from a reserve, when the journal is full.
    pub disaster_topics: Vec<String>,
    /// How many clients may connect while the journal is full: their session records come from the
    /// reserve of the disaster topics.
    pub full_connects_max: u32,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            listen: vec![
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1883),
                SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 1883),
            ],
            connections_max: 10_000,
            connections_per_address_max: 4_096,
            connect_timeout_ms: 10_000,
            write_timeout_ms: 30_000,
            stop_timeout_ms: 10_000,
            payload_bytes_max: 256 * 1024,
            topic_bytes_max: 1_024,
            topic_levels_max: 32,
            topic_alias_max: 32,
            client_id_bytes_max: 256,
            inflight_per_connection_max: 16_384,
            inflight_bytes_per_connection_max: 8 * 1024 * 1024,
            inflight_max: 262_144,
            inflight_bytes_max: 64 * 1024 * 1024,
            messages_per_second_max: 0,
            keep_alive_seconds_max: 0,
            sessions_max: 100_000,
            session_expiry_seconds_max: 30 * DAY_SECONDS,
            will_bytes_max: 64 * 1024 * 1024,
            reconnect_grace_seconds: 60,
            // The stream and its short name in topics.
            disaster_topics: vec!["ioc/+/disaster/#".to_owned(), "ioc/+/dis/#".to_owned()],
            full_connects_max: 4_096,
        }
    }
}

impl ListenerConfig {
    /// Everything wrong with the values, each a sentence that names its key; empty when sound.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.listen.is_empty() {
            mistakes.push("listen: at least one address is needed".to_owned());
        }
        let bounds = [
            ("connections_max", self.connections_max as u64),
            (
                "connections_per_address_max",
                self.connections_per_address_max as u64,
            ),
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("write_timeout_ms", self.write_timeout_ms),
            ("payload_bytes_max", u64::from(self.payload_bytes_max)),
            ("topic_bytes_max", u64::from(self.topic_bytes_max)),
            ("topic_levels_max", u64::from(self.topic_levels_max)),
            ("client_id_bytes_max", u64::from(self.client_id_bytes_max)),
            (
                "inflight_per_connection_max",
                u64::from(self.inflight_per_connection_max),
            ),
            ("inflight_max", self.inflight_max),
            ("sessions_max", self.sessions_max as u64),
            (
                "session_expiry_seconds_max",
                u64::from(self.session_expiry_seconds_max),
            ),
        ];
        for (name, value) in bounds {
            if value == 0 {
                mistakes.push(format!("{name}: must be at least 1"));
            }
        }
        // A record of the journal holds 8 MiB.
        if self.payload_bytes_max > 4 * 1024 * 1024 {
            mistakes.push("payload_bytes_max: at most 4194304 (4 MiB)".to_owned());
        }
        let packet = u64::from(self.packet_bytes_max());
        let bytes = [
            (
                "inflight_bytes_per_connection_max",
                self.inflight_bytes_per_connection_max,
            ),
            ("inflight_bytes_max", self.inflight_bytes_max),
        ];
        for (name, value) in bytes {
            if value < packet {
                mistakes.push(format!("{name}: one packet takes up to {packet} bytes"));
            }
        }
        if let Err(error) = TopicFilters::new(&self.disaster_topics) {
            mistakes.push(format!("disaster_topics: {error}"));
        }
        mistakes
    }

    /// The largest packet that is taken whole.
    pub(crate) fn packet_bytes_max(&self) -> u32 {
        let before_payload = 16 + u32::from(self.topic_bytes_max) + PROPERTY_BYTES_MAX;
        self.payload_bytes_max
            .saturating_add(before_payload)
            .min(codec::PACKET_BYTES_MAX)
    }

    /// The bounds of the decoder.
    pub(crate) fn limits(&self) -> codec::Limits {
        codec::Limits {
            packet_bytes_max: self.packet_bytes_max(),
            topic_bytes_max: self.topic_bytes_max,
            topic_levels_max: self.topic_levels_max,
            ..codec::Limits::default()
        }
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(crate) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }

    pub(crate) fn stop_timeout(&self) -> Duration {
        Duration::from_millis(self.stop_timeout_ms)
    }

    /// How long a session of this expiry outlives its connection.
    pub(crate) fn expiry(&self, expiry_seconds: u32) -> Duration {
        Duration::from_secs(u64::from(
            expiry_seconds.min(self.session_expiry_seconds_max),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::ListenerConfig;

    #[test]
    fn the_default_is_sound() {
        assert_eq!(ListenerConfig::default().mistakes(), Vec::<String>::new());
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let config = ListenerConfig {
            listen: Vec::new(),
            connections_max: 0,
            inflight_bytes_max: 1,
            disaster_topics: vec!["a/#/b".to_owned()],
            ..ListenerConfig::default()
        };
        let mistakes = config.mistakes().join("\n");
        for key in [
            "listen:",
            "connections_max:",
            "inflight_bytes_max:",
            "disaster_topics:",
        ] {
            assert!(mistakes.contains(key), "{key} in {mistakes}");
        }
    }
}
