//! A backlog of a million records is delivered to Kafka and InfluxDB while the load goes on. Run by `make faults`.

use std::time::{Duration, Instant};

use ioc_tests::faults::{
    Alarm, Bed, Load, Parts, Row, Watch, check_influxdb_counts, check_kafka, quantile,
};
use ioc_tests::services::memory;
use ioc_tests::wait;

const BACKLOG: u64 = 1_000_000;
const FILL_RATE: u64 = 20_000;
const RATE: u64 = 5_000;
const LIMIT: Duration = Duration::from_secs(900);
const RSS_MAX: u64 = 512 << 20;

fn variable(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
#[ignore = "takes minutes: `make faults`"]
fn a_million_records_are_drained_while_more_arrive() {
    let parts = Parts {
        kafka: true,
        influxdb: true,
        proxies: false,
    };
    let backlog = variable("IOC_FAULT_BACKLOG", BACKLOG);
    let mut bed = Bed::new("backlog", parts);
    bed.start().stop();
    bed.kafka().server.kill();
    bed.influxdb().server.kill();
    let node = bed.start();
    let watch = Watch::start(node.console, node.pid());
    let load = Load::start(node.ingest[0], FILL_RATE);
    let filling = Instant::now();
    wait::until("the backlog is there", LIMIT, || {
        (load.acked() >= backlog).then_some(())
    });
    println!("{backlog} records in {:?}", filling.elapsed());
    load.set_rate(RATE);
    let alarm = Alarm::start(node.ingest[0], node.console);
    let (started, first, sent) = (Instant::now(), watch.last(), load.sent());
    bed.influxdb().start_again();
    bed.kafka().start_again();
    let mut rates = Vec::new();
    for sink in ["kafka", "influxdb"] {
        let (records, time) = wait::until(&format!("{sink} is up to date"), LIMIT, || {
            alarm.check();
            let views = watch.between(started, Instant::now());
            let done = views
                .iter()
                .find(|view| view.sink(sink).lag_records < RATE)?;
            // From the first record that it took.
            let position = first.sink(sink).position;
            let begun = views
                .iter()
                .find(|view| view.sink(sink).position > position)?;
            let records = done.sink(sink).position - begun.sink(sink).position;
            Some((records, done.at.saturating_duration_since(begun.at)))
        });
        let rate = records as f64 / time.as_secs_f64().max(0.001);
        let net = backlog as f64 / time.as_secs_f64().max(0.001);
        println!(
            "{sink}: {records} records in {time:?}, {rate:.0} a second, of the backlog {net:.0}"
        );
        rates.push((sink, rate));
    }
    let arrived = (load.sent() - sent) as f64 / started.elapsed().as_secs_f64();
    println!("meanwhile {arrived:.0} a second arrived");
    let rang = alarm.finish();
    let stamps = load.finish();
    wait::until("everything is delivered", LIMIT, || {
        let view = watch.last();
        let left = ["kafka", "influxdb"].map(|sink| view.sink(sink).lag_records);
        (left == [0, 0]).then_some(())
    });
    let peak = memory(node.pid()).peak;
    node.stop();
    let delivered = check_kafka(&bed.kafka().topics.clone(), &stamps, 0);
    check_influxdb_counts(&bed.influxdb().bucket, &stamps);
    let late = rang.iter().map(|one| one.on_feed.as_secs_f64() * 1e3);
    let mut row = Row::new("backlog drained");
    row.set("rate", RATE)
        .set("backlog", backlog)
        .set("lag_records", backlog)
        .figure("arrived_per_second", Some(arrived))
        .figure("alert_p99_ms", quantile(late.collect(), 0.99))
        .set("rss_peak_mib", peak >> 20)
        .set("lost", 0)
        .set(
            "kafka_repeats",
            delivered.iter().filter(|one| one.repeat).count(),
        );
    for (sink, rate) in &rates {
        row.set(&format!("{sink}_per_second"), rate.round());
    }
    let slowest = rates
        .iter()
        .map(|(_, rate)| *rate)
        .fold(f64::INFINITY, f64::min);
    row.set("drain_per_second", slowest.round());
    row.write();
    assert!(peak <= RSS_MAX, "{} MiB resident", peak >> 20);
}
