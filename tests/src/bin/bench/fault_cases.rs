//! Sinks that stand still: what alerts notice of it, and how fast a backlog goes out afterwards.
//!
//! The servers are frozen with `SIGSTOP`: connections stay, nobody answers.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ioc_tests::faults::{self, View};

use crate::Plan;
use crate::load::Load;
use crate::node_cases::{Crossings, crossings, folded};
use crate::results::{Results, Target, quantile};
use crate::servers::{Servers, Site};
use crate::sink_cases::BOTH;

const LIMIT: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(100);
/// What one crossing takes at most, with its pause: for so long there has to be a load beside it.
const CROSSING: Duration = Duration::from_millis(250);
/// Messages a second that come in while a backlog is delivered.
const ARRIVING: u64 = 5_000;
/// At which the backlog is built up.
const BACKLOG_RATE: u32 = 100_000;

/// Alerts with Kafka frozen, against the same alerts on the same node before.
pub(crate) fn outage(plan: Plan, servers: &mut Servers, results: &mut Results) -> Result<()> {
    for (case, rate) in [("outage-1k", 1_000), ("outage-10k", 10_000)] {
        let site = servers.node(BOTH)?;
        let mut sent = 0;
        let mut before = under_load(&site, rate, plan.probes / 2, &mut sent)?;
        servers.kafka.server.freeze();
        let during = under_load(&site, rate, plan.probes, &mut sent);
        servers.kafka.server.thaw();
        let thawed = Instant::now();
        let mut during = during.context("with Kafka frozen")?;
        site.until("the backlog is in Kafka", LIMIT, |view| {
            folded(site.node.console) >= sent && view.sink("kafka").lag_records == 0
        })?;
        let drained = thawed.elapsed().as_secs_f64();
        let there = servers.kafka.topics.count(&site.events_topic());
        alert_rows(results, case, &mut before, &mut during)?;
        let lost = sent.saturating_sub(there) as f64;
        let none = Some(Target::AtMost(0.0));
        results.add(
            case,
            "messages not in kafka afterwards",
            "1",
            lost,
            None,
            none,
        )?;
        results.add(case, "backlog delivered after", "s", drained, None, None)?;
        results.add(case, "peak memory", "MiB", site.peak_mib(), None, None)?;
        site.stop()?;
    }
    Ok(())
}

/// Crossings beside a load; `sent` grows by all messages, those of the crossings too.
fn under_load(site: &Site, rate: u32, count: u32, sent: &mut u64) -> Result<Crossings> {
    let load = Load {
        connections: 8,
        qos: 1,
        rate: Some(rate),
        window: 1,
        duration: CROSSING * count,
    };
    let address = site.ingest()?;
    thread::scope(|scope| {
        let pushing = scope.spawn(|| load.run(address));
        let taken = crossings(count, PAUSE, &site.node);
        let Ok(pushed) = pushing.join() else {
            bail!("the load panicked")
        };
        *sent += pushed?.sent + 2 * u64::from(count);
        taken
    })
}

fn alert_rows(
    results: &mut Results,
    case: &str,
    before: &mut Crossings,
    during: &mut Crossings,
) -> Result<()> {
    for (what, before, during, bound) in [
        (
            "publish to alert in outcomes",
            &mut before.outcomes,
            &mut during.outcomes,
            Some(10_000.0),
        ),
        (
            "publish to alert on the feed",
            &mut before.feed,
            &mut during.feed,
            None,
        ),
    ] {
        for (name, share, bound) in [("p50", 0.5, None), ("p99", 0.99, bound)] {
            results.add(
                case,
                &format!("{what} {name}"),
                "us",
                quantile(during, share),
                Some(quantile(before, share)),
                bound.map(Target::AtMost),
            )?;
        }
    }
    Ok(())
}

/// A backlog for both sinks goes out while more comes in.
pub(crate) fn drain(plan: Plan, servers: &mut Servers, results: &mut Results) -> Result<()> {
    let site = servers.node(BOTH)?;
    let points_before = points(servers);
    servers.kafka.server.freeze();
    servers.influxdb.server.freeze();
    let load = Load {
        connections: 4,
        qos: 1,
        rate: Some(BACKLOG_RATE),
        window: 1,
        duration: Duration::from_secs_f64(plan.backlog as f64 / f64::from(BACKLOG_RATE)),
    };
    let filled = backlog(&site, &load);
    // More comes in from now on, and goes on until both are done.
    let arriving = faults::Load::start(site.ingest()?, ARRIVING);
    servers.kafka.server.thaw();
    servers.influxdb.server.thaw();
    let backlog = filled?;
    let first = site.view()?;
    let mut done = [("kafka", None), ("influxdb", None)];
    site.until("both backlogs are delivered", LIMIT, |view| {
        for (name, end) in &mut done {
            // Up to date: behind by less than a second.
            if end.is_none() && view.sink(name).lag_records < ARRIVING {
                *end = Some(view.clone());
            }
        }
        done.iter().all(|(_, end)| end.is_some())
    })?;
    let arrived = arriving.finish().len() as u64;
    let sent = backlog + arrived;
    site.until("everything is delivered", LIMIT, |view| {
        folded(site.node.console) >= sent
            && view.sink("kafka").lag_records == 0
            && view.sink("influxdb").lag_records == 0
    })?;
    for (name, end) in &done {
        if let Some(end) = end {
            drain_rows(results, name, &first, end)?;
        }
    }
    let none = Some(Target::AtMost(0.0));
    let there = servers.kafka.topics.count(&site.events_topic());
    let lost = sent.saturating_sub(there) as f64;
    results.add("drain", "messages not in kafka", "1", lost, None, none)?;
    let lost = sent.saturating_sub(points(servers) - points_before) as f64;
    results.add("drain", "messages not in influxdb", "1", lost, None, none)?;
    let most = Some(Target::AtMost(512.0));
    results.add("drain", "peak memory", "MiB", site.peak_mib(), None, most)?;
    site.stop()
}

/// Fills the journal; gives the messages sent.
fn backlog(site: &Site, load: &Load) -> Result<u64> {
    let report = load.run(site.ingest()?)?;
    site.until("the backlog is folded", LIMIT, |_| {
        folded(site.node.console) >= report.sent
    })?;
    Ok(report.sent)
}

/// Values of one measure that every message of the loads has.
fn points(servers: &Servers) -> u64 {
    let bucket = &servers.influxdb.bucket;
    bucket.count(Some("environment"), Some("pm25"))
}

fn drain_rows(results: &mut Results, name: &str, first: &View, last: &View) -> Result<()> {
    let seconds = (last.at - first.at).as_secs_f64();
    let (from, to) = (first.sink(name), last.sink(name));
    let delivered = to.position.saturating_sub(from.position) as f64;
    let shrunk = from.lag_records.saturating_sub(to.lag_records) as f64;
    let least = Some(Target::AtLeast(10_000.0));
    let case = format!("drain-{name}");
    results.add(&case, "backlog", "1", from.lag_records as f64, None, None)?;
    results.add(
        &case,
        "records delivered per second",
        "1/s",
        delivered / seconds,
        None,
        least,
    )?;
    results.add(
        &case,
        "backlog shrinks per second",
        "1/s",
        shrunk / seconds,
        None,
        least,
    )
}
