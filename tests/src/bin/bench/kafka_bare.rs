//! A bare rdkafka producer and consumer, in this process: what the Kafka part of the node is compared with.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::cpu;

const LIMIT: Duration = Duration::from_secs(60);
/// The node's default.
pub(crate) const PARTITIONS: i32 = 6;

/// A message as it stands in a topic.
pub(crate) struct Sample {
    pub(crate) key: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Sample {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            key: message.key().unwrap_or_default().to_vec(),
            payload: message.payload().unwrap_or_default().to_vec(),
            headers: headers
                .map(|one| (one.key.to_owned(), one.value.unwrap_or_default().to_vec()))
                .collect(),
        }
    }

    fn headers(&self) -> OwnedHeaders {
        let all = OwnedHeaders::new_with_capacity(self.headers.len());
        self.headers.iter().fold(all, |all, (key, value)| {
            all.insert(Header {
                key,
                value: Some(value),
            })
        })
    }
}

/// With the same settings as the node's own.
pub(crate) fn producer(brokers: &str) -> Result<BaseProducer> {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("linger.ms", "2")
        .set("compression.type", "lz4")
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("queue.buffering.max.messages", "50000")
        .set("queue.buffering.max.kbytes", "65536")
        .create()
        .context("making a producer")
}

/// Reads all partitions from the beginning or from their ends on.
pub(crate) fn consumer(brokers: &str, topic: &str, from: Offset) -> Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .create()
        .context("making a consumer")?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let at = match from {
            Offset::End => Offset::Offset(end_of(&consumer, topic, partition)?),
            other => other,
        };
        partitions.add_partition_offset(topic, partition, at)?;
    }
    consumer.assign(&partitions)?;
    Ok(consumer)
}

/// Looked up beforehand: a consumer that does it itself may do so after the first message. A topic that was just made may
/// have no leader yet.
fn end_of(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<i64> {
    let end = Instant::now() + LIMIT;
    loop {
        match consumer.fetch_watermarks(topic, partition, LIMIT) {
            Ok((_, high)) => return Ok(high),
            Err(error) if Instant::now() > end => return Err(error).context("looking up an end"),
            Err(_) => thread::park_timeout(Duration::from_millis(100)),
        }
    }
}

/// At most so many messages of the topic.
pub(crate) fn read(brokers: &str, topic: &str, count: usize) -> Result<Vec<Sample>> {
    let consumer = consumer(brokers, topic, Offset::Beginning)?;
    let mut samples = Vec::with_capacity(count);
    let end = Instant::now() + LIMIT;
    while samples.len() < count {
        match consumer.poll(Duration::from_secs(2)) {
            Some(message) => samples.push(Sample::of(&message?)),
            // All of a short topic.
            None if !samples.is_empty() => break,
            None if Instant::now() > end => bail!("{topic} cannot be read back"),
            None => {}
        }
    }
    Ok(samples)
}

/// What it cost to produce.
pub(crate) struct Produced {
    pub(crate) cpu_us: f64,
    pub(crate) messages_per_second: f64,
}

/// Produces the samples, over and over, until `messages` are delivered.
pub(crate) fn produce(
    brokers: &str,
    topic: &str,
    samples: &[Sample],
    messages: usize,
) -> Result<Produced> {
    let producer = producer(brokers)?;
    // Connected, and the topic known.
    if let Some(first) = samples.first() {
        send(&producer, topic, first)?;
    }
    producer.flush(LIMIT)?;
    let cpu_before = cpu::process_seconds(std::process::id())?;
    let started = Instant::now();
    for (at, sample) in samples.iter().cycle().take(messages).enumerate() {
        send(&producer, topic, sample)?;
        if at % 500 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(LIMIT)?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = cpu::process_seconds(std::process::id())? - cpu_before;
    Ok(Produced {
        cpu_us: cpu_seconds * 1e6 / messages as f64,
        messages_per_second: messages as f64 / seconds,
    })
}

fn send(producer: &BaseProducer, topic: &str, sample: &Sample) -> Result<()> {
    let mut record = BaseRecord::to(topic)
        .key(&sample.key)
        .payload(&sample.payload)
        .headers(sample.headers());
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                producer.poll(Duration::from_millis(10));
                record = back;
            }
            Err((error, _)) => return Err(error).context("producing"),
        }
    }
}

/// When each message came out, by the number that `number` finds in it; ends when `wanted` have come.
pub(crate) fn arrivals(
    consumer: &BaseConsumer,
    wanted: usize,
    limit: Duration,
    number: impl Fn(&Sample) -> Result<u64>,
) -> Result<BTreeMap<u64, Instant>> {
    let end = Instant::now() + limit;
    let mut seen = Vec::with_capacity(wanted);
    while seen.len() < wanted {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            // The time is taken before anything is parsed.
            let at = Instant::now();
            seen.push((Sample::of(&message?), at));
        } else if Instant::now() > end {
            bail!("{} of {wanted} messages came within {limit:?}", seen.len());
        }
    }
    let mut arrivals = BTreeMap::new();
    for (sample, at) in seen {
        // A repeat does not count.
        arrivals.entry(number(&sample)?).or_insert(at);
    }
    Ok(arrivals)
}
