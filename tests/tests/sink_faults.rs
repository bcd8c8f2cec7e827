//! Kafka and InfluxDB stopped, killed and slow, alone and together, under a steady load and with alerts ringing all along:
//! the other sink and the alerts go on, an operator is told, memory stays bounded, and nothing is lost.
//!
//! How long a fault lasts is `IOC_FAULT_SECONDS` (`make faults`: a minute); figures go to `target/sink-faults.jsonl`.

use std::time::Duration;

use ioc_tests::faults::{Bed, Expected, Fault, Parts, Published, Trial};

const SERVERS: Parts = Parts {
    kafka: true,
    influxdb: true,
    proxies: true,
};

/// What an operator is told of a server that does not answer, or is not there.
const AWAY: &[&str] = &["timed_out", "unreachable", "unavailable"];

const fn away(sink: &'static str) -> Expected {
    Expected {
        sink,
        codes: AWAY,
        lasting: true,
    }
}

/// A server that is only slow answers now and then.
const fn slow(sink: &'static str) -> Expected {
    Expected {
        lasting: false,
        ..away(sink)
    }
}

fn fault(name: &'static str, hurt: &[Expected], well: &[&'static str]) -> Fault {
    let (hurt, well) = (hurt.to_vec(), well.to_vec());
    Fault { name, hurt, well }
}

fn kafka(name: &'static str, expected: Expected) -> Fault {
    fault(name, &[expected], &["influxdb"])
}

fn influxdb(name: &'static str, expected: Expected) -> Fault {
    fault(name, &[expected], &["kafka"])
}

fn told(published: &Published) {
    let (messages, repeats) = (published.stamps.len(), published.repeats);
    println!("{messages} messages, 0 lost, {repeats} repeats in Kafka");
}

fn freeze_kafka(bed: &mut Bed) {
    bed.kafka().server.freeze();
}

fn thaw_kafka(bed: &mut Bed) {
    bed.kafka().server.thaw();
}

fn kill_kafka(bed: &mut Bed) {
    bed.kafka().server.kill();
}

fn start_kafka(bed: &mut Bed) {
    bed.kafka().start_again();
}

fn freeze_influxdb(bed: &mut Bed) {
    bed.influxdb().server.freeze();
}

fn thaw_influxdb(bed: &mut Bed) {
    bed.influxdb().server.thaw();
}

fn kill_influxdb(bed: &mut Bed) {
    bed.influxdb().server.kill();
}

fn start_influxdb(bed: &mut Bed) {
    bed.influxdb().start_again();
}

/// Far too slow for the load: next to nothing comes through, and that late.
fn slow_kafka(bed: &mut Bed) {
    bed.kafka_proxy().throttle(2);
    bed.kafka_proxy().slow(Duration::from_millis(300));
}

fn slow_influxdb(bed: &mut Bed) {
    bed.influxdb_proxy().throttle(1);
    bed.influxdb_proxy().slow(Duration::from_millis(300));
}

fn heal_kafka(bed: &mut Bed) {
    bed.kafka_proxy().heal();
}

fn heal_influxdb(bed: &mut Bed) {
    bed.influxdb_proxy().heal();
}

#[test]
fn without_kafka_everything_else_goes_on() {
    let mut bed = Bed::new("no-kafka", SERVERS);
    let mut trial = Trial::start(&bed);
    let stopped = kafka("Kafka stopped", away("kafka"));
    trial.fault(&mut bed, &stopped, freeze_kafka, thaw_kafka);
    let killed = kafka("Kafka killed", away("kafka"));
    trial.fault(&mut bed, &killed, kill_kafka, start_kafka);
    let slowed = kafka("Kafka slow", slow("kafka"));
    trial.fault(&mut bed, &slowed, slow_kafka, heal_kafka);
    let published = trial.finish(&mut bed);
    told(&published);
}

#[test]
fn without_influxdb_everything_else_goes_on() {
    let mut bed = Bed::new("no-influxdb", SERVERS);
    let mut trial = Trial::start(&bed);
    let stopped = influxdb("InfluxDB stopped", away("influxdb"));
    trial.fault(&mut bed, &stopped, freeze_influxdb, thaw_influxdb);
    let killed = influxdb("InfluxDB killed", away("influxdb"));
    trial.fault(&mut bed, &killed, kill_influxdb, start_influxdb);
    let slowed = influxdb("InfluxDB slow", slow("influxdb"));
    trial.fault(&mut bed, &slowed, slow_influxdb, heal_influxdb);
    let published = trial.finish(&mut bed);
    assert_eq!(published.repeats, 0, "nothing happened to Kafka");
    told(&published);
}

#[test]
fn without_either_alerts_go_on() {
    let mut bed = Bed::new("no-sink", SERVERS);
    let mut trial = Trial::start(&bed);
    let stop = |bed: &mut Bed| {
        freeze_kafka(bed);
        freeze_influxdb(bed);
    };
    let go_on = |bed: &mut Bed| {
        thaw_kafka(bed);
        thaw_influxdb(bed);
    };
    let gone = [away("kafka"), away("influxdb")];
    trial.fault(&mut bed, &fault("both stopped", &gone, &[]), stop, go_on);
    let kill = |bed: &mut Bed| {
        kill_kafka(bed);
        kill_influxdb(bed);
    };
    let start = |bed: &mut Bed| {
        start_influxdb(bed);
        start_kafka(bed);
    };
    trial.fault(&mut bed, &fault("both killed", &gone, &[]), kill, start);
    let throttle = |bed: &mut Bed| {
        slow_kafka(bed);
        slow_influxdb(bed);
    };
    let heal = |bed: &mut Bed| {
        heal_kafka(bed);
        heal_influxdb(bed);
    };
    let late = [slow("kafka"), slow("influxdb")];
    trial.fault(&mut bed, &fault("both slow", &late, &[]), throttle, heal);
    let published = trial.finish(&mut bed);
    told(&published);
}
