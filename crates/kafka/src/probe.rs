//! What is checked before the first message: connection, password, topics, their settings, and whether what was delivered
//! before is still there.
//!
//! Blocking calls of librdkafka: runs on a thread for blocking work, in slices, so that a stop does not wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pipeline::{Code, Trouble};
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseProducer, Producer};
use tokio::runtime::Handle;

use crate::config::KafkaConfig;
use crate::context::Context;
use crate::topic::Topic;
use crate::vector::Vector;
use crate::{properties, trouble};

/// How long one blocking question may take before stop and deadline are looked at again; doubles from the first.
const SLICE_FIRST: Duration = Duration::from_millis(250);
const SLICE_MAX: Duration = Duration::from_secs(2);

/// A partition's end is asked for within this; an answer that does not come changes nothing.
const WATERMARK_WAIT: Duration = Duration::from_secs(1);

/// Framing of a message beyond key, value and headers.
const FRAMING_BYTES: u32 = 1_024;

/// What the cluster allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Largest message that each topic takes, at most ours.
    pub(crate) message_bytes: [u32; Topic::COUNT],
}

#[derive(Clone, Debug, Default)]
struct Found {
    /// 0 = not there.
    partitions: usize,
    leaderless: Vec<i32>,
}

pub(crate) struct Probe<'a> {
    config: &'a KafkaConfig,
    cancelled: &'a AtomicBool,
    deadline: Instant,
    client: BaseProducer<Context>,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(config: &'a KafkaConfig, cancelled: &'a AtomicBool) -> Result<Self, Trouble> {
        let mut client = properties::connection(config);
        properties::pass_on(config, &mut client);
        let context = Context::new(config.brokers.trim(), None);
        let client = BaseProducer::from_config_and_context(&client, context)
            .map_err(|error| unusable(&error))?;
        Ok(Self {
            config,
            cancelled,
            deadline: Instant::now() + Duration::from_millis(config.open_timeout_ms),
            client,
        })
    }

    /// Checks everything and fits `vector` to what is there.
    pub(crate) fn run(&self, runtime: &Handle, vector: &mut Vector) -> Result<Checked, Trouble> {
        let mut found = self.topics()?;
        let missing: Vec<Topic> = Topic::used(self.config)
            .filter(|topic| found[topic.index()].partitions == 0)
            .collect();
        if !missing.is_empty() {
            if !self.config.create_topics {
                return Err(self.not_there(&missing));
            }
            self.create(runtime, &missing)?;
            found = self.wait_for_topics()?;
        }
        for topic in Topic::used(self.config) {
            let partitions = found[topic.index()].partitions;
            vector.fit(topic, topic.name(self.config), partitions);
            self.check_made_anew(topic, &found[topic.index()], vector);
        }
        let message_bytes = self.check_settings(runtime)?;
        Ok(Checked { message_bytes })
    }

    fn not_there(&self, missing: &[Topic]) -> Trouble {
        let names: Vec<&str> = missing
            .iter()
            .map(|topic| topic.name(self.config))
            .collect();
        Trouble::new(
            Code::NotFound,
            format!(
                "Kafka at {} has no topic {} (or kafka.user may not see it): create it (the topic {} with \
                 cleanup.policy=compact), give the right Describe, or set kafka.create_topics = true",
                self.config.brokers,
                names.join(", "),
                self.config.topic_alerts_current,
            ),
        )
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Asks again and again until there is an answer, the time is over, or waiting is hopeless.
    fn ask<T>(
        &self,
        mut question: impl FnMut(Duration) -> Result<T, KafkaError>,
    ) -> Result<T, Trouble> {
        let mut slice = SLICE_FIRST;
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Trouble::new(Code::Unavailable, "stopped while connecting"));
            }
            let answer = question(slice.min(self.left().max(SLICE_FIRST)));
            self.serve_events();
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if let Some(trouble) = self.client.client().context().hopeless() {
                return Err(trouble);
            }
            if self.left().is_zero() {
                return Err(self.explain(&error));
            }
            slice = (slice * 2).min(SLICE_MAX);
        }
    }

    fn serve_events(&self) {
        let context = self.client.client().context();
        loop {
            let before = context.events();
            self.client.poll(Duration::ZERO);
            if context.events() == before {
                return;
            }
        }
    }

    fn explain(&self, error: &KafkaError) -> Trouble {
        let context = self.client.client().context();
        context.last_error().unwrap_or_else(|| {
            let code = error
                .rdkafka_error_code()
                .unwrap_or(RDKafkaErrorCode::BrokerTransportFailure);
            trouble::of_client(
                code,
                &format!("no answer within {} ms", self.config.open_timeout_ms),
                context.brokers(),
            )
        })
    }

    fn topics(&self) -> Result<[Found; Topic::COUNT], Trouble> {
        // All topics, not ours by name: asking by name makes a broker create what is missing as it likes.
        let metadata = self.ask(|wait| self.client.client().fetch_metadata(None, wait))?;
        let mut found: [Found; Topic::COUNT] = Default::default();
        for topic in Topic::used(self.config) {
            found[topic.index()] = self.find(topic, &metadata)?;
        }
        Ok(found)
    }

    fn find(&self, topic: Topic, metadata: &Metadata) -> Result<Found, Trouble> {
        let name = topic.name(self.config);
        let Some(seen) = metadata.topics().iter().find(|seen| seen.name() == name) else {
            return Ok(Found::default());
        };
        if let Some(error) = seen.error() {
            let code = RDKafkaErrorCode::from(error);
            if trouble::code(code) == Code::Forbidden {
                return Err(trouble::of_topic(code, "reading about", name));
            }
        }
        Ok(Found {
            partitions: seen.partitions().len(),
            leaderless: seen
                .partitions()
                .iter()
                .filter(|partition| partition.leader() < 0)
                .map(|partition| partition.id())
                .collect(),
        })
    }

    fn wait_for_topics(&self) -> Result<[Found; Topic::COUNT], Trouble> {
        loop {
            let found = self.topics()?;
            if Topic::used(self.config).all(|topic| found[topic.index()].partitions > 0) {
                return Ok(found);
            }
            if self.left().is_zero() {
                return Err(Trouble::new(
                    Code::Unavailable,
                    format!(
                        "Kafka at {} has taken the new topics but does not show them yet",
                        self.config.brokers
                    ),
                ));
            }
            // Serves the client while it waits.
            self.client.poll(Duration::from_millis(50));
        }
    }

    fn admin(&self) -> Result<AdminClient<Context>, Trouble> {
        let mut client = properties::connection(self.config);
        properties::pass_on(self.config, &mut client);
        let context = Context::new(self.config.brokers.trim(), None);
        AdminClient::from_config_and_context(&client, context).map_err(|error| unusable(&error))
    }

    fn options(&self) -> AdminOptions {
        let wait = self.left().max(Duration::from_secs(1));
        AdminOptions::new()
            .request_timeout(Some(wait))
            .operation_timeout(Some(wait))
    }

    fn create(&self, runtime: &Handle, missing: &[Topic]) -> Result<(), Trouble> {
        let admin = self.admin()?;
        let retention_ms = (self.config.retention_hours * 3_600_000).to_string();
        let topics: Vec<NewTopic<'_>> = missing
            .iter()
            .map(|topic| self.new_topic(*topic, &retention_ms))
            .collect();
        let results = runtime
            .block_on(admin.create_topics(&topics, &self.options()))
            .map_err(|error| self.refused("creating the topics", &error))?;
        for result in results {
            match result {
                Ok(name) => tracing::info!(topic = name, "created a Kafka topic"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, error)) => {
                    return Err(trouble::of_topic(error, "creating", &name));
                }
            }
        }
        Ok(())
    }

    fn new_topic<'t>(&'t self, topic: Topic, retention_ms: &'t str) -> NewTopic<'t> {
        // 0 = the broker's default, which the protocol writes as -1.
        let replication = match self.config.replication {
            0 => -1,
            count => i32::try_from(count).unwrap_or(-1),
        };
        let partitions = i32::try_from(self.config.partitions).unwrap_or(1);
        let new = NewTopic::new(
            topic.name(self.config),
            partitions,
            TopicReplication::Fixed(replication),
        );
        // The broker's clock: retention must not depend on when a device says something was.
        let new = new.set("message.timestamp.type", "LogAppendTime");
        if topic.is_compacted() {
            return new.set("cleanup.policy", "compact");
        }
        if self.config.retention_hours == 0 {
            new
        } else {
            new.set("retention.ms", retention_ms)
        }
    }

    fn refused(&self, doing: &str, error: &KafkaError) -> Trouble {
        let code = if let KafkaError::AdminOp(code) = error {
            *code
        } else {
            error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
        };
        trouble::of_client(code, &format!("{doing} failed"), &self.config.brokers)
    }

    /// Compaction and size; who may not read settings is told later, by a refusal.
    fn check_settings(&self, runtime: &Handle) -> Result<[u32; Topic::COUNT], Trouble> {
        let admin = self.admin()?;
        let asked: Vec<ResourceSpecifier<'_>> = Topic::used(self.config)
            .map(|topic| ResourceSpecifier::Topic(topic.name(self.config)))
            .collect();
        let wait = self.left().clamp(SLICE_FIRST, SLICE_MAX);
        let options = AdminOptions::new().request_timeout(Some(wait));
        let answer = runtime.block_on(admin.describe_configs(&asked, &options));
        let mut message_bytes = [self.config.message_bytes_max; Topic::COUNT];
        let settings = match answer {
            Ok(settings) => settings,
            Err(error) => {
                tracing::info!(%error, "the settings of the Kafka topics cannot be read and are not checked");
                return Ok(message_bytes);
            }
        };
        for (topic, setting) in Topic::used(self.config).zip(settings) {
            let Ok(setting) = setting else { continue };
            self.check_compaction(topic, &setting)?;
            if let Some(most) = value(&setting, "max.message.bytes").and_then(|n| n.parse().ok()) {
                let most: u32 = most;
                let bytes = &mut message_bytes[topic.index()];
                *bytes = (*bytes)
                    .min(most.saturating_sub(FRAMING_BYTES))
                    .max(FRAMING_BYTES);
            }
        }
        Ok(message_bytes)
    }

    fn check_compaction(&self, topic: Topic, setting: &ConfigResource) -> Result<(), Trouble> {
        let Some(policy) = value(setting, "cleanup.policy") else {
            return Ok(());
        };
        let compacts = policy.split(',').any(|word| word.trim() == "compact");
        if compacts == topic.is_compacted() {
            return Ok(());
        }
        let name = topic.name(self.config);
        let wish = if topic.is_compacted() {
            "it holds the latest state of every alert: set it to compact"
        } else {
            "compaction would drop all but the last message of a key: set it to delete"
        };
        Err(Trouble::new(
            Code::Configuration,
            format!("the Kafka topic {name} has cleanup.policy={policy}; {wish}"),
        ))
    }

    /// A topic that ends before what it was given was made anew (or lost its end): nothing is skipped there. Neither
    /// where a partition's end cannot be learned.
    fn check_made_anew(&self, topic: Topic, found: &Found, vector: &mut Vector) {
        let name = topic.name(self.config);
        let mut unknown = Vec::new();
        let mut shorter = false;
        for (partition, position) in vector.positions(topic).iter().enumerate() {
            if position.delivered.is_none() {
                continue;
            }
            match self.end(name, partition, found) {
                Some(end) => shorter |= end <= position.kafka,
                None => unknown.push(partition),
            }
        }
        if shorter {
            tracing::info!(
                topic = name,
                "the Kafka topic was made anew since the last delivery"
            );
            vector.forget(topic);
        }
        for partition in unknown {
            vector.forget_partition(topic, partition);
        }
    }

    fn end(&self, name: &str, partition: usize, found: &Found) -> Option<i64> {
        let partition = i32::try_from(partition).ok()?;
        if found.leaderless.contains(&partition) || self.cancelled.load(Ordering::Relaxed) {
            return None;
        }
        let wait = WATERMARK_WAIT.min(self.left());
        let ends = self.client.client().fetch_watermarks(name, partition, wait);
        ends.ok().map(|(_, end)| end)
    }
}

fn value<'a>(setting: &'a ConfigResource, name: &str) -> Option<&'a str> {
    setting.get(name).and_then(|entry| entry.value.as_deref())
}

pub(crate) fn unusable(error: &KafkaError) -> Trouble {
    Trouble::new(
        Code::Configuration,
        format!("the Kafka client cannot be made: {error}; correct [kafka] in the configuration"),
    )
}
