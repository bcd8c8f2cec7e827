//! What the client of an outside broker can be told. Every bound of this front door is here, with its default.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::Protocol;
use crate::filter::{TopicFilters, overlap};

use super::address::Address;
use super::secret::Secret;

/// Bytes of a payload that a record of the journal can hold with room to spare.
const PAYLOAD_BYTES_LIMIT: u32 = 4 * 1024 * 1024;
/// The largest packet that MQTT can express.
const PACKET_BYTES_LIMIT: u32 = 268_435_455;
/// More connections than this cost the broker more than they bring.
const CLIENTS_LIMIT: u16 = 64;

/// What is spoken with the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProtocolChoice {
    /// MQTT 3.1.1: acknowledgements in batches, the window is the broker's.
    #[serde(rename = "3.1.1")]
    V3,
    /// MQTT 5: the window is ours to choose, acknowledgements cost one write each.
    #[serde(rename = "5")]
    V5,
}

impl ProtocolChoice {
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            ProtocolChoice::V3 => Protocol::V3,
            ProtocolChoice::V5 => Protocol::V5,
        }
    }
}

/// The `[broker]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientConfig {
    /// `mqtt://host:port` or `mqtts://host:port`; empty = there is no outside broker.
    pub url: String,
    /// `3.1.1` or `5`.
    pub protocol: ProtocolChoice,
    /// Stable: the broker keeps what we have not acknowledged under it. Two nodes with one client id throw each
    /// other out. The connections are `ID-1`, `ID-2`, … and `ID-disaster`.
    pub client_id: String,
    /// Connections that share `filters`. More than one needs a `shared_group`; one takes what mosquitto can give.
    pub clients: u16,
    /// Name of the shared subscription; empty = plain subscriptions. mosquitto (2.0) keeps no shared subscription
    /// in its store: what is published between its restart and our reconnect is then lost. Plain ones it keeps.
    pub shared_group: String,
    /// What is subscribed to, with QoS 1.
    pub filters: Vec<String>,
    /// The same on a connection of its own, whose window ordinary messages cannot fill while the journal is
    /// full. Must not overlap `filters`: each message would come twice.
    pub disaster_filters: Vec<String>,
    /// Login at the broker; empty = none.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// The authorities that may vouch for the broker, PEM. Needed with `mqtts://`.
    pub ca_file: PathBuf,
    /// Our certificate (chain), PEM; empty = the broker asks for none.
    pub cert_file: PathBuf,
    /// Its key, PEM.
    pub key_file: PathBuf,
    /// Messages of one connection received and not yet acknowledged. MQTT 5: the Receive Maximum we announce. MQTT
    /// 3.1.1: the window is the broker's (`max_inflight_messages` in mosquitto, 20 unless raised); above this
    /// number the connection is not read.
    pub receive_maximum: u16,
    /// Bytes of one connection received and not yet durable; then it is not read.
    pub inflight_bytes_max: u64,
    /// Rest between two reads of a connection, so that a broker which hands on message by message does not make us
    /// wake, sync and answer for each. A message after a pause is read at once. 0 = no rest.
    pub gather_ms: u64,
    /// The payload of one message. A larger one is recorded by length, hash and first bytes, and acknowledged.
    pub payload_bytes_max: u32,
    /// The largest packet that is taken in whole. MQTT 3.1.1: a larger one ends the connection each time it comes;
    /// see `poison_after`. MQTT 5: the broker drops what is larger, unseen by us.
    pub packet_bytes_max: u32,
    /// Silence after which broker and we give each other up. A sign of life is sent at three quarters of it.
    pub keep_alive_seconds: u16,
    /// From the TCP connection to SUBACK.
    pub connect_timeout_ms: u64,
    /// How long the broker may leave our acknowledgements unread.
    pub write_timeout_ms: u64,
    /// How long a stop waits for what is in flight.
    pub stop_timeout_ms: u64,
    /// Rest before the first reconnect; doubled each time, with jitter.
    pub reconnect_min_ms: u64,
    /// The longest rest, and how often a refused subscription is tried again.
    pub reconnect_max_ms: u64,
    /// Connections in a row that one message may end (too large, topic not UTF-8, not decodable) before it is
    /// taken out by a connection of its own: recorded, acknowledged, named and counted. If even that does
    /// not help as many times again, the session is given up for a fresh one, which loses what the broker holds
    /// for it and raises an error.
    pub poison_after: u32,
    /// MQTT 5: how long the broker keeps our session while we are away (3.1.1: as long as it likes).
    pub session_expiry_seconds: u32,
    /// Filters of the topics that are still accepted, from a reserve, when the journal is full.
    pub disaster_topics: Vec<String>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect();
        Self {
            url: String::new(),
            protocol: ProtocolChoice::V3,
            client_id: "ioc".to_owned(),
            clients: 1,
            shared_group: String::new(),
            filters: words(&[
                "ioc/+/energy/+/up",
                "ioc/+/nrg/+/up",
                "ioc/+/environment/+/up",
                "ioc/+/env/+/up",
                "ioc/+/tourism/+/up",
                "ioc/+/tour/+/up",
                "ioc/+/city/+/up",
            ]),
            disaster_filters: words(&["ioc/+/disaster/+/up", "ioc/+/dis/+/up"]),
            user: String::new(),
            password: Secret::default(),
            ca_file: PathBuf::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            receive_maximum: 2_048,
            inflight_bytes_max: 32 * 1024 * 1024,
            gather_ms: 2,
            payload_bytes_max: 256 * 1024,
            packet_bytes_max: 16 * 1024 * 1024,
            keep_alive_seconds: 60,
            connect_timeout_ms: 10_000,
            write_timeout_ms: 30_000,
            stop_timeout_ms: 10_000,
            reconnect_min_ms: 100,
            reconnect_max_ms: 15_000,
            poison_after: 5,
            session_expiry_seconds: 30 * 24 * 60 * 60,
            disaster_topics: words(&["ioc/+/disaster/#", "ioc/+/dis/#"]),
        }
    }
}

impl ClientConfig {
    /// Whether there is an outside broker at all.
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    /// Host and port, once the URL is sound and there is one.
    pub fn address(&self) -> Option<(String, u16)> {
        let address = Address::parse(&self.url).ok()?;
        Some((address.host, address.port))
    }

    /// Everything wrong with the values: key and what to do about it; empty when sound. Looks at no file.
    pub fn validate(&self) -> Vec<(&'static str, String)> {
        let mut mistakes = Vec::new();
        self.check_bounds(&mut mistakes);
        self.check_subscription(&mut mistakes);
        if self.is_on() {
            self.check_broker(&mut mistakes);
        }
        mistakes
    }

    fn check_bounds(&self, mistakes: &mut Vec<(&'static str, String)>) {
        let day_ms = 24 * 60 * 60 * 1_000;
        let bounds = [
            (
                "clients",
                u64::from(self.clients),
                1,
                u64::from(CLIENTS_LIMIT),
            ),
            (
                "receive_maximum",
                u64::from(self.receive_maximum),
                1,
                65_535,
            ),
            ("gather_ms", self.gather_ms, 0, 100),
            (
                "payload_bytes_max",
                u64::from(self.payload_bytes_max),
                1,
                u64::from(PAYLOAD_BYTES_LIMIT),
            ),
            (
                "packet_bytes_max",
                u64::from(self.packet_bytes_max),
                1_024,
                u64::from(PACKET_BYTES_LIMIT),
            ),
            (
                "keep_alive_seconds",
                u64::from(self.keep_alive_seconds),
                40,
                3_600,
            ),
            ("connect_timeout_ms", self.connect_timeout_ms, 100, day_ms),
            ("write_timeout_ms", self.write_timeout_ms, 100, day_ms),
            ("stop_timeout_ms", self.stop_timeout_ms, 0, day_ms),
            ("reconnect_min_ms", self.reconnect_min_ms, 10, 60_000),
            (
                "reconnect_max_ms",
                self.reconnect_max_ms,
                self.reconnect_min_ms,
                600_000,
            ),
            ("poison_after", u64::from(self.poison_after), 1, 1_000),
            (
                "session_expiry_seconds",
                u64::from(self.session_expiry_seconds),
                60,
                u64::from(u32::MAX),
            ),
        ];
        for (key, value, min, max) in bounds {
            if value < min || value > max {
                mistakes.push((
                    key,
                    format!("is {value}; give a number from {min} to {max}"),
                ));
            }
        }
        let packet = u64::from(self.packet_bytes_max);
        if packet < u64::from(self.payload_bytes_max) {
            mistakes.push((
                "packet_bytes_max",
                "is less than payload_bytes_max; raise it, it counts the topic too".to_owned(),
            ));
        }
        if self.inflight_bytes_max < packet {
            mistakes.push((
                "inflight_bytes_max",
                format!(
                    "one packet may take {packet} bytes (packet_bytes_max); give at least that"
                ),
            ));
        }
    }

    fn check_subscription(&self, mistakes: &mut Vec<(&'static str, String)>) {
        if self.client_id.is_empty() || self.client_id.len() > 200 {
            mistakes.push((
                "client_id",
                "give 1 to 200 bytes; the broker keeps our messages under this name".to_owned(),
            ));
        }
        if self.client_id.contains('\0') {
            mistakes.push(("client_id", "must not contain NUL".to_owned()));
        }
        if self.shared_group.contains(['/', '+', '#', '\0']) {
            mistakes.push(("shared_group", "is one word without / + #".to_owned()));
        }
        if self.shared_group.is_empty() && self.clients > 1 {
            mistakes.push((
                "clients",
                "without a shared_group every client gets every message; set clients = 1 or name a group".to_owned(),
            ));
        }
        if self.filters.is_empty() && self.disaster_filters.is_empty() {
            mistakes.push((
                "filters",
                "name at least one filter to subscribe to".to_owned(),
            ));
        }
        let lists = [
            ("filters", &self.filters),
            ("disaster_filters", &self.disaster_filters),
            ("disaster_topics", &self.disaster_topics),
        ];
        for (key, list) in lists {
            if list.len() > 64 {
                mistakes.push((key, format!("has {} filters; at most 64", list.len())));
            }
            if let Err(error) = TopicFilters::new(list) {
                mistakes.push((key, error.to_string()));
            }
            if list.iter().any(|filter| filter.starts_with("$share/")) {
                mistakes.push((key, "leave $share/ out and set shared_group".to_owned()));
            }
        }
        for own in &self.disaster_filters {
            if let Some(other) = self.filters.iter().find(|other| overlap(own, other)) {
                mistakes.push((
                    "disaster_filters",
                    format!("\"{own}\" overlaps \"{other}\" of filters: each such message would come twice; narrow one"),
                ));
            }
        }
    }

    fn check_broker(&self, mistakes: &mut Vec<(&'static str, String)>) {
        let tls = match Address::parse(&self.url) {
            Ok(address) => address.tls,
            Err(why) => {
                mistakes.push(("url", why));
                return;
            }
        };
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        if tls && !given(&self.ca_file) {
            mistakes.push((
                "ca_file",
                "mqtts:// needs the file of the authority that signed the broker's certificate"
                    .to_owned(),
            ));
        }
        if !tls && (given(&self.ca_file) || given(&self.cert_file) || given(&self.key_file)) {
            mistakes.push((
                "url",
                "certificate files are given, but mqtt:// does not encrypt; write mqtts://"
                    .to_owned(),
            ));
        }
        if given(&self.cert_file) != given(&self.key_file) {
            mistakes.push((
                "cert_file",
                "cert_file and key_file belong together; give both or none".to_owned(),
            ));
        }
        if self.user.is_empty() && !self.password.is_empty() {
            mistakes.push((
                "user",
                "a password without a user is never sent; name the user".to_owned(),
            ));
        }
    }

    /// The period of our signs of life: a silent broker is given up when two of them pass unanswered, which is
    /// one and a half times the keep-alive.
    pub(crate) fn ping_every(&self) -> Duration {
        Duration::from_millis(u64::from(self.keep_alive_seconds) * 750)
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
}

#[cfg(test)]
mod tests {
    use super::ClientConfig;

    #[test]
    fn the_default_is_sound_and_off() {
        let config = ClientConfig::default();
        assert!(!config.is_on());
        assert_eq!(config.validate(), []);
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let config = ClientConfig {
            url: "mqtts://broker".to_owned(),
            client_id: String::new(),
            clients: 0,
            shared_group: "a/b".to_owned(),
            filters: vec!["a/#/b".to_owned(), "ioc/#".to_owned()],
            keep_alive_seconds: 29,
            reconnect_max_ms: 5,
            cert_file: "client.pem".into(),
            inflight_bytes_max: 1,
            ..ClientConfig::default()
        };
        let keys: Vec<_> = config.validate().into_iter().map(|(key, _)| key).collect();
        assert_eq!(
            keys,
            [
                "clients",
                "keep_alive_seconds",
                "reconnect_max_ms",
                "inflight_bytes_max",
                "client_id",
                "shared_group",
                "filters",
                // One line for each disaster filter: `ioc/#` covers them both, and both have to be told apart.
                "disaster_filters",
                "disaster_filters",
                "ca_file",
                "cert_file"
            ]
        );
    }

    #[test]
    fn the_password_is_never_shown() {
        let config = ClientConfig {
            password: "hunter2".to_owned().into(),
            ..ClientConfig::default()
        };
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(
            !serde_json::to_string(&config)
                .expect("json")
                .contains("hunter2")
        );
    }
}
