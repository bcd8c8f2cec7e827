//! The full path with sinks on: CPU time of the node alone, and the rate at which everything is delivered.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::kafka_bare::{PARTITIONS, Produced, produce, read};
use crate::load::Load;
use crate::node_cases::folded;
use crate::results::{Results, Target};
use crate::servers::{Servers, Site, With};
use crate::{Plan, cpu, latency_case};

const RATE: u32 = 10_000;
const WINDOW: u32 = 16_000;
/// After the load, for what is not delivered yet.
const LIMIT: Duration = Duration::from_secs(300);
const BARE_TOPIC: &str = "bare-produce";
/// Messages kept in memory to be produced again.
const SAMPLES: usize = 50_000;
/// The variant that has a target.
const BOTH_NAME: &str = "kafka + influxdb";

const NONE: With = With {
    kafka: false,
    influxdb: false,
    archive: false,
    broker: false,
};
const KAFKA: With = With {
    kafka: true,
    ..NONE
};
const INFLUXDB: With = With {
    influxdb: true,
    ..NONE
};
pub(crate) const BOTH: With = With {
    kafka: true,
    ..INFLUXDB
};
const ALL: With = With {
    archive: true,
    ..BOTH
};

/// What a load cost the node until everything was folded and delivered.
pub(crate) struct Delivered {
    pub(crate) messages: f64,
    pub(crate) cpu_us: f64,
    pub(crate) messages_per_second: f64,
    pub(crate) peak_mib: f64,
    /// Microseconds a message, by thread.
    pub(crate) threads: BTreeMap<String, f64>,
}

/// Pushes at `address` (the node's own, or of a broker in front of it) and waits until all is where it belongs.
pub(crate) fn push(site: &Site, load: &Load, address: std::net::SocketAddr) -> Result<Delivered> {
    let before = folded(site.node.console);
    let threads_before = cpu::thread_seconds(site.node.pid())?;
    let cpu_before = site.cpu_seconds()?;
    let started = Instant::now();
    let report = load.run(address)?;
    let all = before + report.sent;
    let outlets = site.outlets();
    site.until("everything is folded and delivered", LIMIT, |view| {
        outlets.iter().all(|name| view.sink(name).lag_records == 0)
            && folded(site.node.console) >= all
            // Folded just now: the head of `outcomes` may have moved since the look.
            && site.view().is_ok_and(|view| outlets.iter().all(|name| view.sink(name).lag_records == 0))
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = site.cpu_seconds()? - cpu_before;
    let messages = report.sent as f64;
    let mut threads = cpu::thread_seconds(site.node.pid())?;
    for (name, seconds) in &mut threads {
        *seconds -= threads_before.get(name).copied().unwrap_or(0.0);
        *seconds *= 1e6 / messages;
    }
    Ok(Delivered {
        messages,
        cpu_us: cpu_seconds * 1e6 / messages,
        messages_per_second: messages / seconds,
        peak_mib: site.peak_mib(),
        threads,
    })
}

pub(crate) fn run(plan: Plan, servers: &mut Servers, results: &mut Results) -> Result<()> {
    at_full_speed(plan, servers, results)?;
    at_fixed_rate(plan, servers, results)?;
    latency_case::run(plan, servers, results)
}

fn at_full_speed(plan: Plan, servers: &mut Servers, results: &mut Results) -> Result<()> {
    let load = Load {
        connections: 1,
        qos: 1,
        rate: None,
        window: WINDOW,
        duration: plan.load / 8,
    };
    let case = "sinks-max";
    let (none, _) = measure(servers, NONE, &load)?;
    row(results, case, "no sinks", &none, None)?;
    let (kafka, bare) = measure(servers, KAFKA, &load)?;
    row(results, case, "kafka", &kafka, Some(&none))?;
    if let Some(bare) = bare {
        against_bare(results, case, &kafka, &none, &bare)?;
    }
    let (influxdb, _) = measure(servers, INFLUXDB, &load)?;
    row(results, case, "influxdb", &influxdb, Some(&none))?;
    let (both, _) = measure(servers, BOTH, &load)?;
    row(results, case, BOTH_NAME, &both, Some(&none))?;
    let (all, _) = measure(servers, ALL, &load)?;
    row(results, case, "both + archive", &all, Some(&none))?;
    threads(results, case, &all)
}

fn at_fixed_rate(plan: Plan, servers: &mut Servers, results: &mut Results) -> Result<()> {
    let load = Load {
        connections: 8,
        qos: 1,
        rate: Some(RATE),
        window: 1,
        duration: plan.fixed_rate / 2,
    };
    let case = "sinks-10k";
    let (none, _) = measure(servers, NONE, &load)?;
    row(results, case, "no sinks", &none, None)?;
    let (both, _) = measure(servers, BOTH, &load)?;
    row(results, case, BOTH_NAME, &both, Some(&none))?;
    threads(results, case, &both)?;
    let (all, _) = measure(servers, ALL, &load)?;
    row(results, case, "both + archive", &all, Some(&none))
}

/// One fresh node; with Kafka alone also a bare producer of the bytes that it delivered.
fn measure(
    servers: &mut Servers,
    with: With,
    load: &Load,
) -> Result<(Delivered, Option<Produced>)> {
    let site = servers.node(with)?;
    let delivered = push(&site, load, site.ingest()?)?;
    if with.kafka {
        lost(servers, &site, delivered.messages)?;
    }
    let mut bare = None;
    if with.kafka && !with.influxdb {
        let brokers = &servers.kafka.topics.brokers;
        let samples = read(brokers, &site.events_topic(), SAMPLES)?;
        servers.kafka.topics.create(BARE_TOPIC, PARTITIONS);
        let messages = delivered.messages as usize;
        bare = Some(produce(brokers, BARE_TOPIC, &samples, messages)?);
    }
    site.stop()?;
    Ok((delivered, bare))
}

/// What is delivered is counted at the other end.
fn lost(servers: &Servers, site: &Site, messages: f64) -> Result<()> {
    let there = servers.kafka.topics.count(&site.events_topic());
    if (there as f64) < messages {
        bail!("{there} of {messages} messages are in Kafka");
    }
    Ok(())
}

fn row(
    results: &mut Results,
    case: &str,
    what: &str,
    ours: &Delivered,
    bare: Option<&Delivered>,
) -> Result<()> {
    let reference = |of: fn(&Delivered) -> f64| bare.map(of);
    let both = what == BOTH_NAME;
    results.add(
        case,
        &format!("cpu per message, {what}"),
        "us",
        ours.cpu_us,
        reference(|bare| bare.cpu_us),
        both.then_some(Target::AtMost(7.0)),
    )?;
    // The archive writes its last block when it is old enough: how long that took says nothing.
    if !what.contains("archive") {
        results.add(
            case,
            &format!("delivered per second, {what}"),
            "1/s",
            ours.messages_per_second,
            reference(|bare| bare.messages_per_second),
            None,
        )?;
    }
    results.add(
        case,
        &format!("peak memory, {what}"),
        "MiB",
        ours.peak_mib,
        reference(|bare| bare.peak_mib),
        None,
    )
}

fn against_bare(
    results: &mut Results,
    case: &str,
    kafka: &Delivered,
    none: &Delivered,
    bare: &Produced,
) -> Result<()> {
    results.add(
        case,
        "cpu per message, kafka's part",
        "us",
        kafka.cpu_us - none.cpu_us,
        Some(bare.cpu_us),
        None,
    )?;
    results.add(
        case,
        "rate to kafka, bare producer beside",
        "1/s",
        kafka.messages_per_second,
        Some(bare.messages_per_second),
        None,
    )
}

/// Where the CPU time went.
pub(crate) fn threads(results: &mut Results, case: &str, ours: &Delivered) -> Result<()> {
    for (name, us) in &ours.threads {
        if *us >= 0.05 {
            let metric = format!("cpu per message, thread {name}");
            results.add(case, &metric, "us", *us, None, None)?;
        }
    }
    Ok(())
}
