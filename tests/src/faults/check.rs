//! The strict comparison: what the load published against what stands in the stores, read with clients that are not ours.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use super::load::{DEVICES, device, value};
use crate::node;
use crate::outcomes::{Outcomes, instant};
use crate::process::Guard;
use crate::readback::{self, EVENTS, Repeats};
use crate::services::{ALL_TIME, Bucket, Topics};

/// A message of the load in Kafka.
#[derive(Clone, Copy, Debug)]
pub struct Delivered {
    pub number: u64,
    /// When the broker appended it, in milliseconds since 1970.
    pub appended_ms: i64,
    pub repeat: bool,
}

#[derive(Deserialize)]
struct Event {
    sequence: u64,
    values: BTreeMap<String, Measured>,
}

#[derive(Deserialize)]
struct Measured {
    value: f64,
}

/// Every message from number `from` on is in Kafka as it was published, per device in order and without a hole; a repeat is
/// of one that is there. What is before `from` may be missing.
pub fn check_kafka(topics: &Topics, stamps: &[i64], from: u64) -> Vec<Delivered> {
    let mut child = Guard(
        Command::new("kcat")
            .args(["-b", &topics.brokers, "-C", "-t", EVENTS])
            .args(["-o", "beginning", "-e", "-q", "-f", "%p %T %k %s\\n"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut next: BTreeMap<String, u64> = BTreeMap::new();
    let (mut delivered, mut found) = (Vec::new(), vec![false; stamps.len()]);
    for line in lines.map(Result::unwrap) {
        let mut parts = line.splitn(4, ' ').skip(1);
        let mut part = || parts.next().unwrap();
        let (appended, key, text) = (part(), part(), part());
        if !key.starts_with("aqm-load-") {
            continue;
        }
        let event: Event = serde_json::from_str(text).unwrap();
        let number = event.sequence;
        assert!(
            (number as usize) < stamps.len(),
            "never published: {number}"
        );
        assert_eq!(key, device(number));
        assert_eq!(
            event.values["pm25"].value,
            value(number),
            "message {number}"
        );
        assert_eq!(event.values.len(), 9, "message {number}");
        let first = from + (number % DEVICES + DEVICES - from % DEVICES) % DEVICES;
        let expected = next.entry(key.to_owned()).or_insert(first);
        assert!(
            number <= *expected,
            "{key}: {number} came where {expected} was due"
        );
        let repeat = found[number as usize];
        found[number as usize] = true;
        assert!(
            repeat || number == *expected || number < from,
            "{key}: {number} came too late"
        );
        *expected = (*expected).max(number + DEVICES);
        delivered.push(Delivered {
            number,
            appended_ms: appended.parse().unwrap(),
            repeat,
        });
    }
    assert!(child.0.wait().unwrap().success());
    let missing: Vec<usize> = (from as usize..found.len())
        .filter(|at| !found[*at])
        .collect();
    none_missing("Kafka", &missing, stamps.len());
    delivered
}

fn none_missing(store: &str, missing: &[usize], all: usize) {
    assert!(
        missing.is_empty(),
        "{} of {all} messages are missing in {store}, first {:?}",
        missing.len(),
        &missing[..missing.len().min(5)]
    );
}

/// Every message is in InfluxDB with its value and time, and nothing besides.
pub fn check_influxdb(bucket: &Bucket, stamps: &[i64]) {
    let all = format!(
        "from(bucket: \"{}\") {ALL_TIME} |> filter(fn: (r) => r._measurement == \"environment\")",
        bucket.bucket
    );
    let flux = format!(
        "{all} |> filter(fn: (r) => r._field == \"pm25\") |> keep(columns: [\"_time\", \"_value\", \"entity\"])"
    );
    let mut points: BTreeMap<(String, String), f64> = BTreeMap::new();
    for mut row in bucket.query(&flux) {
        let key = (row.remove("entity").unwrap(), instant(&row["_time"]));
        points.insert(key, row["_value"].parse().unwrap());
    }
    points.retain(|(entity, _), _| entity.starts_with("aqm-load-"));
    let mut missing = Vec::new();
    for (number, stamp) in (0_u64..).zip(stamps) {
        let time = instant(&event::Time(stamp * 1_000).to_string());
        match points.remove(&(device(number), time)) {
            Some(found) => assert_eq!(found, value(number), "message {number}"),
            None => missing.push(number as usize),
        }
    }
    none_missing("InfluxDB", &missing, stamps.len());
    assert!(points.is_empty(), "nobody published {points:?}");
    check_influxdb_counts(bucket, stamps);
}

/// As many values in InfluxDB as were published, by device: for more than can be held in memory.
pub fn check_influxdb_counts(bucket: &Bucket, stamps: &[i64]) {
    let flux = format!(
        "from(bucket: \"{}\") {ALL_TIME} |> filter(fn: (r) => r._measurement == \"environment\" and \
         r.entity =~ /^aqm-load-/ and r._field != \"device\") |> count() |> group(columns: [\"entity\"]) |> sum()",
        bucket.bucket
    );
    let all = stamps.len() as u64;
    let rows = bucket.query(&flux);
    assert_eq!(rows.len() as u64, DEVICES.min(all), "devices in InfluxDB");
    for row in rows {
        let of: u64 = row["entity"]
            .trim_start_matches("aqm-load-")
            .parse()
            .unwrap();
        let published = all / DEVICES + u64::from(of < all % DEVICES);
        assert_eq!(
            row["_value"],
            (9 * published).to_string(),
            "{}",
            row["entity"]
        );
    }
}

/// Transitions and rejects of `outcomes`; the events are too many to be kept in memory.
pub fn alerts_only(data: &Path) -> Outcomes {
    let mut all = Outcomes::default();
    let text = node::journal(data, &["cat", "--journal", "outcomes", "--json"]);
    for line in text
        .lines()
        .filter(|line| !line.contains("\"kind\":\"event\""))
    {
        let record: Value = serde_json::from_str(line).unwrap();
        let offset = record["offset"].as_u64().unwrap();
        match record["kind"].as_str().unwrap() {
            "transition" => all.transitions.insert(offset, record["transition"].clone()),
            "reject" => all.rejects.insert(offset, record),
            _ => None,
        };
    }
    all
}

/// Every transition and the latest state of every alert are in Kafka.
pub fn check_alerts(data: &Path, topics: &Topics) -> Repeats {
    let outcomes = alerts_only(data);
    assert!(!outcomes.transitions.is_empty(), "nothing rang");
    readback::check_alerts_and_rejects(&outcomes, topics)
}
