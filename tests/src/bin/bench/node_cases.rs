//! Cases with a real node.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ioc_tests::node::{Folder, Node};
use ioc_tests::{http, wait};

use crate::load::{Load, Reference, Report};
use crate::probe::{Probe, Watch};
use crate::results::{Results, Target, quantile};
use crate::{Plan, cpu};

/// Messages unacknowledged on a fat connection; a little below what the listener takes in at a time.
const WINDOW_FAT: u32 = 16_000;
const WINDOW_EACH: u32 = 500;
const MANY: u32 = 64;
const RATE: u32 = 10_000;
/// The monitor may fall behind the listener; this is how long it may take to catch up.
const FOLD_LIMIT: Duration = Duration::from_secs(300);

/// A load, and what it cost the server.
struct Measured {
    report: Report,
    /// CPU seconds until the last acknowledgement, and until everything is folded.
    cpu_acknowledged: f64,
    cpu_folded: f64,
    seconds_folded: f64,
    /// CPU seconds by thread, until everything is folded.
    threads: BTreeMap<String, f64>,
}

fn messages(report: &Report) -> f64 {
    report.sent as f64
}

/// How many messages the monitor has folded.
pub(crate) fn folded(console: SocketAddr) -> u64 {
    http::get(console, "/api/v1/status").json()["counters"]["received"]
        .as_u64()
        .unwrap_or(0)
}

fn on_node(node: &Node, load: &Load) -> Result<Measured> {
    let address = *node.ingest.first().context("the node listens nowhere")?;
    let before = folded(node.console);
    let threads_before = cpu::thread_seconds(node.pid())?;
    let cpu_before = cpu::process_seconds(node.pid())?;
    let started = Instant::now();
    let report = load.run(address)?;
    let cpu_acknowledged = cpu::process_seconds(node.pid())? - cpu_before;
    let all = before + report.sent;
    wait::until("the monitor has folded everything", FOLD_LIMIT, || {
        (folded(node.console) >= all).then_some(())
    });
    let seconds_folded = started.elapsed().as_secs_f64();
    let cpu_folded = cpu::process_seconds(node.pid())? - cpu_before;
    let mut threads = cpu::thread_seconds(node.pid())?;
    for (name, seconds) in &mut threads {
        *seconds -= threads_before.get(name).copied().unwrap_or(0.0);
    }
    Ok(Measured {
        report,
        cpu_acknowledged,
        cpu_folded,
        seconds_folded,
        threads,
    })
}

fn on_reference(load: &Load) -> Result<(Report, f64)> {
    let reference = Reference::start()?;
    let before = cpu::process_seconds(reference.pid())?;
    let report = load.run(reference.address)?;
    Ok((report, cpu::process_seconds(reference.pid())? - before))
}

/// The front door at full speed, by quality of service and number of connections.
pub(crate) fn listener(plan: Plan, results: &mut Results) -> Result<()> {
    for (qos, connections, window) in [
        (1, 1, WINDOW_FAT),
        (1, MANY, WINDOW_EACH),
        (0, 1, WINDOW_FAT),
        (0, MANY, WINDOW_EACH),
    ] {
        let load = Load {
            connections,
            qos,
            rate: None,
            window,
            duration: plan.load,
        };
        let case = format!("listener-qos{qos}-{connections}conn");
        let (bare, bare_cpu) = on_reference(&load)?;
        let folder = Folder::new("bench-listener");
        let node = Node::start(folder.path());
        let ours = on_node(&node, &load)?;
        node.stop();
        at_max(
            &case,
            qos == 1 && connections == 1,
            &ours,
            (&bare, bare_cpu),
            results,
        )?;
    }
    Ok(())
}

fn at_max(
    case: &str,
    headline: bool,
    ours: &Measured,
    (bare, bare_cpu): (&Report, f64),
    results: &mut Results,
) -> Result<()> {
    let (sent, report) = (messages(&ours.report), &ours.report);
    let target = headline.then_some(Target::AtLeast(100_000.0));
    let word = if case.contains("qos0") {
        "messages taken per second"
    } else {
        "messages durable per second"
    };
    results.add(
        case,
        word,
        "1/s",
        report.messages_per_second,
        Some(bare.messages_per_second),
        target,
    )?;
    if report.acknowledged > 0 {
        results.add(
            case,
            "publish to PUBACK p50",
            "us",
            report.latency.p50_us,
            Some(bare.latency.p50_us),
            None,
        )?;
        results.add(
            case,
            "publish to PUBACK p99",
            "us",
            report.latency.p99_us,
            Some(bare.latency.p99_us),
            None,
        )?;
    }
    let us = |seconds: f64, messages: f64| seconds * 1e6 / messages;
    let bare_us = us(bare_cpu, messages(bare));
    results.add(
        case,
        "cpu per message, to PUBACK",
        "us",
        us(ours.cpu_acknowledged, sent),
        Some(bare_us),
        None,
    )?;
    let target = headline.then_some(Target::AtMost(5.0));
    results.add(
        case,
        "cpu per message, full path",
        "us",
        us(ours.cpu_folded, sent),
        Some(bare_us),
        target,
    )?;
    results.add(
        case,
        "messages folded per second",
        "1/s",
        sent / ours.seconds_folded,
        None,
        None,
    )?;
    if let Some(cpu) = report.cpu_seconds {
        results.add(case, "load generator cpu", "us", us(cpu, sent), None, None)?;
    }
    if headline {
        threads(case, ours, results)?;
    }
    Ok(())
}

/// Where the CPU time went.
fn threads(case: &str, ours: &Measured, results: &mut Results) -> Result<()> {
    for (name, seconds) in &ours.threads {
        let us = seconds * 1e6 / messages(&ours.report);
        if us >= 0.01 {
            results.add(
                case,
                &format!("cpu per message, thread {name}"),
                "us",
                us,
                None,
                None,
            )?;
        }
    }
    Ok(())
}

/// 10,000 messages a second through everything, with alerts crossing on the way.
pub(crate) fn full_path(plan: Plan, results: &mut Results) -> Result<()> {
    let load = Load {
        connections: 8,
        qos: 1,
        rate: Some(RATE),
        window: 1,
        duration: plan.fixed_rate,
    };
    let case = "full-path-10k";
    let (bare, bare_cpu) = on_reference(&load)?;
    let folder = Folder::new("bench-path");
    let node = Node::start(folder.path());
    let ours = on_node(&node, &load)?;
    let target = Some(Target::AtMost(20_000.0));
    results.add(
        case,
        "messages per second",
        "1/s",
        ours.report.messages_per_second,
        Some(bare.messages_per_second),
        None,
    )?;
    results.add(
        case,
        "publish to PUBACK p50",
        "us",
        ours.report.latency.p50_us,
        Some(bare.latency.p50_us),
        None,
    )?;
    results.add(
        case,
        "publish to PUBACK p99",
        "us",
        ours.report.latency.p99_us,
        Some(bare.latency.p99_us),
        target,
    )?;
    results.add(
        case,
        "publish to PUBACK max",
        "us",
        ours.report.latency.max_us,
        Some(bare.latency.max_us),
        None,
    )?;
    let us = ours.cpu_folded * 1e6 / messages(&ours.report);
    let bare_us = bare_cpu * 1e6 / messages(&bare);
    results.add(
        case,
        "cpu per message, full path",
        "us",
        us,
        Some(bare_us),
        Some(Target::AtMost(5.0)),
    )?;
    threads(case, &ours, results)?;
    alerts_under_load(plan, &node, results)?;
    node.stop();
    Ok(())
}

/// Alerts while the same load runs; apart from the case above, whose CPU time is to be that of the messages alone.
fn alerts_under_load(plan: Plan, node: &Node, results: &mut Results) -> Result<()> {
    let address = *node.ingest.first().context("the node listens nowhere")?;
    let pause = Duration::from_millis(120);
    // As long as all probes take at their slowest pace, so that the load is there for the last one.
    let duration = (pause + Duration::from_millis(80)) * plan.probes + Duration::from_secs(3);
    let load = Load {
        connections: 8,
        qos: 1,
        rate: Some(RATE),
        window: 1,
        duration,
    };
    std::thread::scope(|scope| {
        let pushing = scope.spawn(|| load.run(address));
        let taken = probes(
            "alert-busy-10k",
            plan.probes,
            pause,
            node,
            results,
            (10_000.0, 100_000.0),
        );
        let Ok(pushed) = pushing.join() else {
            bail!("the load panicked")
        };
        pushed.context("the load beside the probes")?;
        taken
    })
}

/// Alerts on a node where nothing else happens: the first change must go out at once.
pub(crate) fn quiet(plan: Plan, results: &mut Results) -> Result<()> {
    let folder = Folder::new("bench-quiet");
    let node = Node::start(folder.path());
    let pause = Duration::from_millis(250);
    probes(
        "alert-quiet",
        plan.probes,
        pause,
        &node,
        results,
        (10_000.0, 20_000.0),
    )?;
    node.stop();
    Ok(())
}

/// Microseconds from the write of the PUBLISH, of each crossing.
#[derive(Default)]
pub(crate) struct Crossings {
    pub(crate) acknowledged: Vec<f64>,
    pub(crate) outcomes: Vec<f64>,
    pub(crate) feed: Vec<f64>,
}

/// Level crossings one after the other, each seen by everybody before the next.
pub(crate) fn crossings(count: u32, pause: Duration, node: &Node) -> Result<Crossings> {
    let address = *node.ingest.first().context("the node listens nowhere")?;
    let watch = Watch::start(&node.data, node.console)?;
    let mut probe = Probe::connect(address)?;
    let mut all = Crossings::default();
    for _ in 0..count {
        let taken = probe.cross(&watch)?;
        all.acknowledged.push(taken.acknowledged_us);
        all.outcomes.push(taken.outcomes_us);
        all.feed.push(taken.feed_us);
        probe.fall()?;
        // A pause between crossings, so that a quiet feed is quiet again.
        std::thread::park_timeout(pause);
    }
    Ok(all)
}

/// The rows of some crossings.
fn probes(
    case: &str,
    count: u32,
    pause: Duration,
    node: &Node,
    results: &mut Results,
    (outcomes_us, feed_us): (f64, f64),
) -> Result<()> {
    let mut taken = crossings(count, pause, node)?;
    for (metric, values, bound) in [
        ("publish to PUBACK", &mut taken.acknowledged, None),
        (
            "publish to alert in outcomes",
            &mut taken.outcomes,
            Some(Target::AtMost(outcomes_us)),
        ),
        (
            "publish to alert on the feed",
            &mut taken.feed,
            Some(Target::AtMost(feed_us)),
        ),
    ] {
        results.add(
            case,
            &format!("{metric} p50"),
            "us",
            quantile(values, 0.5),
            None,
            None,
        )?;
        results.add(
            case,
            &format!("{metric} p99"),
            "us",
            quantile(values, 0.99),
            None,
            bound,
        )?;
    }
    Ok(())
}
