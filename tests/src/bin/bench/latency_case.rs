//! From PUBLISH to a Kafka consumer on the same machine, against a bare producer with the same settings.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use event::Time;
use ioc_tests::faults::{Link, publish};
use rdkafka::Offset;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use serde::Deserialize;

use crate::Plan;
use crate::kafka_bare::{PARTITIONS, Sample, arrivals, consumer, read};
use crate::results::{Results, Target, quantile};
use crate::servers::{Servers, With};

const RATE: u32 = 1_000;
const BARE_TOPIC: &str = "bare-latency";
/// Messages at the start that do not count: connections, first batches.
const WARM_UP: u64 = 500;
const LIMIT: Duration = Duration::from_secs(60);
const DEVICES: u64 = 100;

#[derive(Deserialize)]
struct Numbered {
    sequence: u64,
}

pub(crate) fn run(plan: Plan, servers: &mut Servers, results: &mut Results) -> Result<()> {
    let with = With {
        kafka: true,
        influxdb: true,
        ..With::default()
    };
    let count = u64::try_from(plan.fixed_rate.as_millis() / 2)?.max(4 * WARM_UP);
    let site = servers.node(with)?;
    let brokers = servers.kafka.topics.brokers.clone();
    let reader = consumer(&brokers, &site.events_topic(), Offset::End)?;
    let address = site.ingest()?;
    let sending = thread::spawn(move || to_node(address, count));
    let wanted = usize::try_from(count)?;
    let arrived = arrivals(&reader, wanted, LIMIT, |sample| {
        let event: Numbered = serde_json::from_slice(&sample.payload)?;
        Ok(event.sequence)
    })?;
    let sent = join(sending)?;
    let mut ours = latencies(&sent, &arrived);
    let bytes = read(&brokers, &site.events_topic(), 1)?;
    site.stop()?;

    let sample = bytes.into_iter().next().context("the topic is empty")?;
    servers.kafka.topics.create(BARE_TOPIC, PARTITIONS);
    let reader = consumer(&brokers, BARE_TOPIC, Offset::End)?;
    let sending = thread::spawn(move || to_kafka(&brokers, &sample, count));
    let arrived = arrivals(&reader, wanted, LIMIT, |sample| {
        let key = std::str::from_utf8(&sample.key)?;
        Ok(key.parse()?)
    })?;
    let mut bare = latencies(&join(sending)?, &arrived);
    for (name, share, bound) in [
        ("publish to kafka p50", 0.5, Some(11_000.0)),
        ("publish to kafka p99", 0.99, Some(22_000.0)),
        ("publish to kafka max", 1.0, None),
    ] {
        results.add(
            "kafka-latency-1k",
            name,
            "us",
            quantile(&mut ours, share),
            Some(quantile(&mut bare, share)),
            bound.map(Target::AtMost),
        )?;
    }
    Ok(())
}

fn join<T>(thread: thread::JoinHandle<Result<T>>) -> Result<T> {
    let Ok(result) = thread.join() else {
        bail!("a sending thread panicked")
    };
    result
}

/// Microseconds, by number.
fn latencies(sent: &[Instant], arrived: &BTreeMap<u64, Instant>) -> Vec<f64> {
    let all = (0_u64..)
        .zip(sent)
        .skip(usize::try_from(WARM_UP).unwrap_or(0));
    let known = all.filter_map(|(number, sent)| Some(*arrived.get(&number)? - *sent));
    known.map(|took| took.as_secs_f64() * 1e6).collect()
}

/// Calls `send` for each number at its time; what was late goes out at once. Gives the times of sending.
fn paced(count: u64, mut send: impl FnMut(u64) -> Result<()>) -> Result<Vec<Instant>> {
    let started = Instant::now();
    let mut sent = Vec::new();
    for number in 0..count {
        let due = started + Duration::from_secs(number) / RATE;
        while let Some(rest) = due.checked_duration_since(Instant::now())
            && !rest.is_zero()
        {
            thread::park_timeout(rest);
        }
        sent.push(Instant::now());
        send(number)?;
    }
    Ok(sent)
}

fn to_node(address: SocketAddr, count: u64) -> Result<Vec<Instant>> {
    let mut link = Link::connect(address, "bench-latency");
    let mut answers = link.stream.try_clone()?;
    let bytes = usize::try_from(count * 4)?;
    let reader = thread::spawn(move || -> Result<()> {
        let mut pubacks = vec![0; bytes];
        answers
            .read_exact(&mut pubacks)
            .context("waiting for acknowledgements")
    });
    let sent = paced(count, |number| {
        let device = format!("aqm-lat-{:03}", number % DEVICES);
        #[allow(clippy::disallowed_methods, reason = "a device has its own clock")]
        // no node here whose clock could be asked
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let stamp = Time(i64::try_from(now.as_nanos())?);
        let payload = format!(
            "{{\"id\":\"{device}\",\"seq\":{number},\"ts\":\"{stamp}\",\"pm25\":21.3,\"pm10\":31.4,\"no2\":21.7,\"so2\":14.2,\
             \"co\":512,\"o3\":44.1,\"temp\":24.3,\"hum\":71.2,\"battery\":12.4,\"lat\":22.48210,\"lon\":103.97310}}"
        );
        let mut packet = Vec::with_capacity(300);
        let id = u16::try_from(number % 60_000 + 1)?;
        let topic = format!("ioc/lao-cai/environment/{device}/up");
        publish(&mut packet, &topic, id, payload.as_bytes());
        link.stream.write_all(&packet).context("publishing")
    })?;
    join(reader)?;
    Ok(sent)
}

fn to_kafka(brokers: &str, sample: &Sample, count: u64) -> Result<Vec<Instant>> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("linger.ms", "2")
        .set("compression.type", "lz4")
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .create()?;
    let sent = paced(count, |number| {
        let key = number.to_string();
        let record = BaseRecord::to(BARE_TOPIC)
            .key(&key)
            .payload(&sample.payload);
        producer
            .send(record)
            .map_err(|(error, _)| error)
            .context("producing")
    })?;
    producer.flush(LIMIT)?;
    Ok(sent)
}
