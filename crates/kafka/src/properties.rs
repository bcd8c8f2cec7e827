//! From our configuration to librdkafka's, and which of its properties nobody may touch.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::config::{KafkaConfig, is_set};
use crate::topic::Topic;

/// Properties that would break a promise of the sink, each with the reason.
const REFUSED: [(&str, &str); 34] = [
    ("enable.idempotence", IDEMPOTENT),
    ("enable.gapless.guarantee", IDEMPOTENT),
    ("max.in.flight", IN_FLIGHT),
    ("max.in.flight.requests.per.connection", IN_FLIGHT),
    ("acks", ACKS),
    ("request.required.acks", ACKS),
    ("message.timeout.ms", NEVER),
    ("delivery.timeout.ms", NEVER),
    ("retries", NEVER),
    ("message.send.max.retries", NEVER),
    ("transactional.id", "the sink does not use transactions"),
    (
        "transaction.timeout.ms",
        "the sink does not use transactions",
    ),
    ("delivery.report.only.error", REPORTS),
    ("dr_cb", REPORTS),
    ("dr_msg_cb", REPORTS),
    ("partitioner", PARTITIONS),
    ("partitioner_cb", PARTITIONS),
    ("sticky.partitioning.linger.ms", PARTITIONS),
    (
        "queuing.strategy",
        "messages leave in the order of the journal",
    ),
    ("log.queue", REPORTS),
    ("enabled_events", REPORTS),
    ("bootstrap.servers", "set kafka.brokers"),
    ("metadata.broker.list", "set kafka.brokers"),
    ("security.protocol", "set kafka.security_protocol"),
    ("sasl.mechanism", "set kafka.sasl_mechanism"),
    ("sasl.mechanisms", "set kafka.sasl_mechanism"),
    ("sasl.username", "set kafka.user"),
    ("sasl.password", "set kafka.password: it is masked there"),
    ("compression.codec", "set kafka.compression"),
    ("compression.type", "set kafka.compression"),
    ("queue.buffering.max.messages", "set kafka.queue_messages"),
    ("queue.buffering.max.kbytes", "set kafka.queue_kib"),
    ("message.max.bytes", "set kafka.message_bytes_max"),
    ("batch.size", "set kafka.message_bytes_max"),
];

const IDEMPOTENT: &str = "always on: without it a retry can double messages or change their order";
const IN_FLIGHT: &str = "fixed: idempotence and order rest on it";
const ACKS: &str = "always all: an acknowledged message must survive a broker";
const NEVER: &str = "the client never gives a message up: the journal holds it";
const REPORTS: &str = "the cursor rests on the client's reports";
const PARTITIONS: &str = "the sink chooses the partition: a restart must know it before it sends";

/// Why `name` may not be passed on.
pub(crate) fn refused(name: &str) -> Option<&'static str> {
    REFUSED
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, reason)| *reason)
}

/// What every client of ours needs: where to and as whom.
pub(crate) fn connection(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", config.brokers.trim())
        .set("client.id", &config.client_id)
        .set("security.protocol", config.security_protocol.name())
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.max.ms", "2000")
        .set_log_level(RDKafkaLogLevel::Info);
    if config.security_protocol.has_sasl() {
        client
            .set("sasl.mechanism", config.sasl_mechanism.name())
            .set("sasl.username", &config.user)
            .set("sasl.password", config.password.reveal());
    }
    let files = [
        ("ssl.ca.location", &config.ca_file),
        ("ssl.certificate.location", &config.cert_file),
        ("ssl.key.location", &config.key_file),
    ];
    for (name, file) in files {
        if is_set(file) {
            client.set(name, file.to_string_lossy());
        }
    }
    if !config.key_password.is_empty() {
        client.set("ssl.key.password", config.key_password.reveal());
    }
    client
}

/// The operator's own, last: they override all that is not refused.
pub(crate) fn pass_on(config: &KafkaConfig, client: &mut ClientConfig) {
    for (name, value) in &config.properties {
        if refused(name).is_none() {
            client.set(name, value.text());
        }
    }
}

/// `message_bytes` is the smaller of our bound and the topic's, of each. The client knows one bound for all: it gets the
/// largest, and what is too large for a topic of less is found before it is sent. A request is no larger than
/// `request_bytes` and than what every topic takes, unless it is one message.
pub(crate) fn producer(
    config: &KafkaConfig,
    message_bytes: [u32; Topic::COUNT],
    request_bytes: u32,
) -> ClientConfig {
    let most = message_bytes.into_iter().max().unwrap_or(u32::MAX);
    let request_bytes = message_bytes.into_iter().fold(request_bytes, u32::min);
    let mut client = connection(config);
    client
        .set("linger.ms", config.linger_ms.to_string())
        .set("compression.type", config.compression.name())
        .set(
            "statistics.interval.ms",
            config.statistics_interval_ms.to_string(),
        )
        .set("topic.metadata.refresh.interval.ms", "30000")
        .set("topic.metadata.propagation.max.ms", "5000");
    pass_on(config, &mut client);
    client
        .set("enable.idempotence", "true")
        .set("enable.gapless.guarantee", "true")
        .set("max.in.flight.requests.per.connection", "5")
        .set("acks", "all")
        .set("message.timeout.ms", "0")
        .set("batch.size", request_bytes.to_string())
        .set("message.max.bytes", most.to_string())
        .set(
            "queue.buffering.max.messages",
            config.queue_messages.to_string(),
        )
        .set("queue.buffering.max.kbytes", config.queue_kib.to_string());
    client
}
