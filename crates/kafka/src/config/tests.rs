use super::*;

fn on() -> KafkaConfig {
    KafkaConfig {
        brokers: "127.0.0.1:9092".to_owned(),
        ..KafkaConfig::default()
    }
}

fn keys(config: &KafkaConfig) -> Vec<String> {
    config.validate().into_iter().map(|(key, _)| key).collect()
}

#[test]
fn the_defaults_are_valid_and_off() {
    let config = KafkaConfig::default();
    assert_eq!(config.validate(), []);
    assert!(!config.is_on());
    assert!(on().is_on());
}

#[test]
fn all_mistakes_are_named_by_key() {
    let config = KafkaConfig {
        partitions: 0,
        topic_alerts: "ioc.events.v1".to_owned(),
        topic_rejects: "not a topic".to_owned(),
        security_protocol: SecurityProtocol::SaslSsl,
        cert_file: "client.pem".into(),
        window_records: 1,
        queue_kib: 1_024,
        message_bytes_max: 2_000_000,
        ..on()
    };
    assert_eq!(
        keys(&config),
        [
            "partitions",
            "window_records",
            "queue_kib",
            "topic_alerts",
            "topic_rejects",
            "user",
            "cert_file"
        ]
    );
}

#[test]
fn properties_that_would_break_a_promise_are_refused_with_the_reason() {
    let mut config = on();
    for name in [
        "acks",
        "enable.idempotence",
        "message.timeout.ms",
        "partitioner",
    ] {
        config
            .properties
            .insert(name.to_owned(), Property::Text("1".to_owned()));
    }
    config.properties.insert(
        "socket.send.buffer.bytes".to_owned(),
        Property::Number(65_536),
    );
    let wrong = config.validate();
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    assert!(
        wrong
            .iter()
            .all(|(key, reason)| { key.starts_with("properties.") && reason.len() > 10 })
    );
}

#[test]
fn what_is_passed_on_reaches_the_client_and_what_is_refused_does_not() {
    let mut config = on();
    let own = [
        ("batch.num.messages", Property::Number(77)),
        ("acks", Property::Text("1".to_owned())),
        ("message.timeout.ms", Property::Number(5)),
    ];
    config
        .properties
        .extend(own.map(|(name, value)| (name.to_owned(), value)));
    let bytes = [500_000, 20_000, 500_000, 500_000, 500_000, 500_000];
    let client = crate::properties::producer(&config, bytes, 1_000_000);
    assert_eq!(client.get("batch.num.messages"), Some("77"));
    assert_eq!(client.get("acks"), Some("all"));
    assert_eq!(client.get("message.timeout.ms"), Some("0"));
    assert_eq!(client.get("enable.idempotence"), Some("true"));
    // Of the topic that takes most, and a request that every topic takes.
    assert_eq!(client.get("message.max.bytes"), Some("500000"));
    assert_eq!(client.get("batch.size"), Some("20000"));
}

#[test]
fn a_password_is_never_shown() {
    let mut config = KafkaConfig {
        user: "ioc".to_owned(),
        password: Secret::new("open sesame"),
        key_password: Secret::new("open sesame"),
        security_protocol: SecurityProtocol::SaslPlaintext,
        ..on()
    };
    config.properties.insert(
        "ssl.keystore.password".to_owned(),
        Property::Text("open sesame".to_owned()),
    );
    assert_eq!(config.validate(), []);
    let shown = format!(
        "{config:?} {}",
        serde_json::to_string(&config).expect("JSON")
    );
    assert!(!shown.contains("sesame"), "{shown}");
    assert!(shown.contains("***"));
    let client = crate::properties::connection(&config);
    assert_eq!(client.get("sasl.password"), Some("open sesame"));
    assert_eq!(client.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
}

#[test]
fn unknown_keys_are_refused() {
    assert!(serde_json::from_str::<KafkaConfig>(r#"{"brokers":"a:1","lingerms":3}"#).is_err());
    let read: KafkaConfig = serde_json::from_str(
        r#"{"brokers":"a:1","sasl_mechanism":"scram_sha_256","compression":"zstd","on_full":"hold",
            "properties":{"socket.nagle.disable":true}}"#,
    )
    .expect("valid");
    assert_eq!(read.sasl_mechanism, SaslMechanism::ScramSha256);
    assert_eq!(read.on_full, OnFull::Hold);
    assert_eq!(read.linger_ms, 3);
}
