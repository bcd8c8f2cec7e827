//! From librdkafka's error codes to words: what was tried, what came back, what to do.

use pipeline::{Code, Trouble};
use rdkafka::error::RDKafkaErrorCode as Error;

/// An error of the connection or of the client as a whole.
pub(crate) fn of_client(error: Error, reason: &str, brokers: &str) -> Trouble {
    let code = code(error);
    let advice = advice(code);
    Trouble::new(
        code,
        format!("Kafka at {brokers}: {}; {advice}", essence(reason)),
    )
}

/// The client appends its own state and counts.
fn essence(reason: &str) -> &str {
    reason.split(" (after ").next().unwrap_or(reason).trim()
}

/// A message, or all of a partition's, was not taken.
pub(crate) fn of_delivery(error: Error, topic: &str, partition: i32) -> Trouble {
    let code = code(error);
    let advice = advice(code);
    Trouble::new(
        code,
        format!("Kafka did not take messages for {topic}/{partition}: {error}; {advice}"),
    )
}

/// A question about a topic was answered with an error.
pub(crate) fn of_topic(error: Error, doing: &str, topic: &str) -> Trouble {
    let code = code(error);
    let advice = advice(code);
    Trouble::new(
        code,
        format!("{doing} topic {topic} failed: {error}; {advice}"),
    )
}

pub(crate) fn silent(brokers: &str) -> Trouble {
    Trouble::new(
        Code::TimedOut,
        format!(
            "Kafka at {brokers} acknowledges nothing; messages wait and nothing is lost; see whether the brokers answer \
             and the topics have enough replicas in sync"
        ),
    )
}

pub(crate) fn leaderless(partitions: &[String]) -> Trouble {
    Trouble::new(
        Code::Leaderless,
        format!(
            "Kafka has no leader for {}; their messages wait, and all reading with them once the window is full; bring \
             the broker that leads them back",
            partitions.join(", ")
        ),
    )
}

/// The same trouble while messages wait because of it. Without figures: equal trouble is to read equal.
pub(crate) fn waiting(trouble: &Trouble) -> Trouble {
    Trouble::new(
        trouble.code,
        format!("{}; messages wait and nothing is lost", trouble.message),
    )
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "a list of more than a hundred codes that is not ours; what is not named here is `other`"
)]
pub(crate) fn code(error: Error) -> Code {
    match error {
        Error::AllBrokersDown
        | Error::BrokerTransportFailure
        | Error::Resolve
        | Error::NetworkException => Code::Unreachable,
        Error::MessageTimedOut
        | Error::OperationTimedOut
        | Error::RequestTimedOut
        | Error::TimedOutQueue => Code::TimedOut,
        Error::Authentication | Error::SaslAuthenticationFailed | Error::SSL => {
            Code::Unauthenticated
        }
        Error::TopicAuthorizationFailed
        | Error::ClusterAuthorizationFailed
        | Error::GroupAuthorizationFailed => Code::Forbidden,
        // A partition is unknown when its topic was deleted.
        Error::UnknownTopic
        | Error::UnknownTopicOrPartition
        | Error::UnknownTopicId
        | Error::UnknownPartition => Code::NotFound,
        Error::MessageSizeTooLarge | Error::InvalidMessageSize => Code::TooLarge,
        Error::LeaderNotAvailable | Error::NotLeaderForPartition => Code::Leaderless,
        Error::NotEnoughReplicas | Error::NotEnoughReplicasAfterAppend => Code::Unavailable,
        Error::BrokerNotAvailable | Error::CoordinatorLoadInProgress | Error::NotController => {
            Code::Unavailable
        }
        Error::InvalidRecord | Error::InvalidMessage => Code::BadRecord,
        Error::InvalidTimestamp
        | Error::PolicyViolation
        | Error::InvalidTopic
        | Error::InvalidPartitions
        | Error::InvalidReplicationFactor
        | Error::InvalidConfig
        | Error::UnsupportedFeature
        | Error::UnsupportedVersion
        | Error::UnsupportedSASLMechanism => Code::Configuration,
        Error::KafkaStorageError => Code::Unavailable,
        Error::ThrottlingQuotaExceeded => Code::RateLimited,
        _ => Code::Other,
    }
}

const fn advice(code: Code) -> &'static str {
    match code {
        Code::Unreachable => {
            "see whether the brokers run, and kafka.brokers and kafka.security_protocol are right"
        }
        Code::TimedOut => "see whether the brokers answer",
        Code::Unauthenticated => {
            "check kafka.user, kafka.password, kafka.sasl_mechanism and the certificate files"
        }
        Code::Forbidden => "give kafka.user the rights Describe and Write on the topics",
        Code::NotFound => "create the topic, or set kafka.create_topics = true",
        Code::TooLarge => "raise max.message.bytes of the topic, or lower kafka.message_bytes_max",
        Code::Leaderless => "bring the broker that leads the partition back",
        Code::RateLimited => "raise the quota of kafka.user, or wait",
        Code::Unavailable => "bring the missing brokers or replicas back",
        Code::BadRecord => "see the broker's log for what it refuses",
        Code::Configuration => "correct the topic or kafka.properties",
        Code::Disk | Code::Other => "see the broker's log",
    }
}
