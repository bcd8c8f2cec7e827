//! Holds what stands in Kafka and InfluxDB, read back with clients that are not ours, against `outcomes`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::outcomes::{Outcomes, instant};
use crate::process::{python, repository};
use crate::services::{ALL_TIME, Bucket, Message, Topics};

pub const EVENTS: &str = "ioc.events.v1";
pub const ALERTS: &str = "ioc.alerts.v1";
pub const ALERTS_CURRENT: &str = "ioc.alerts.current.v1";
pub const REJECTS: &str = "ioc.rejects.v1";
/// Only where `kafka.topic_drills` names it.
pub const DRILLS: &str = "ioc.drills.v1";

/// What a restart sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Messages that are there a second time.
    pub messages: usize,
    /// Most often that one partition went back.
    pub jumps: usize,
    /// Furthest that one partition went back, in messages.
    pub furthest: usize,
}

/// Offset in `outcomes` of the record that a message carries.
fn offset(message: &Message) -> u64 {
    message.headers["ce_sequence"].parse().unwrap()
}

/// How many different records of `outcomes` the topic has.
pub fn distinct(topics: &Topics, topic: &str) -> usize {
    let messages = topics.read(topic);
    messages.iter().map(offset).collect::<BTreeSet<_>>().len()
}

/// Every real event is there, nothing else is, each as it was recorded, in order; a repeat is the same byte for byte.
pub fn check_events(outcomes: &Outcomes, topics: &Topics) -> Repeats {
    let messages = topics.read(EVENTS);
    for message in &messages {
        assert_eq!(check_event(outcomes, message)["status"], "actual");
    }
    validate("event.v1.json", &messages);
    let wanted = outcomes.events.iter();
    let wanted = wanted.filter(|(_, event)| event["status"] == "actual");
    check_order(&messages, wanted.map(|(offset, _)| *offset))
}

/// The events and transitions of exercises and tests are on their own topic, and nothing else is.
pub fn check_drills(outcomes: &Outcomes, topics: &Topics) -> Repeats {
    let messages = topics.read(DRILLS);
    for message in &messages {
        let status = match message.headers["ce_type"].as_str() {
            "ioc.event.v1" => &check_event(outcomes, message)["status"],
            _ => &check_transition(outcomes, message)["alert"]["status"],
        };
        assert_ne!(status, "actual", "{message:?}");
    }
    let events = outcomes.events.iter();
    let events = events.filter(|(_, event)| event["status"] != "actual");
    let transitions = outcomes.transitions.iter();
    let transitions = transitions.filter(|(_, one)| one["alert"]["status"] != "actual");
    let wanted: BTreeSet<u64> = events.chain(transitions).map(|(at, _)| *at).collect();
    check_order(&messages, wanted.into_iter())
}

fn check_event<'o>(outcomes: &'o Outcomes, message: &Message) -> &'o Value {
    let event = outcomes
        .events
        .get(&offset(message))
        .unwrap_or_else(|| panic!("was never recorded: {message:?}"));
    let value: Value = serde_json::from_str(message.value.as_deref().unwrap()).unwrap();
    assert_eq!(&value, event, "{message:?}");
    assert_eq!(message.key.as_deref(), event["entity"].as_str());
    assert_eq!(message.headers["ce_id"], event["id"].as_str().unwrap());
    event
}

fn check_transition<'o>(outcomes: &'o Outcomes, message: &Message) -> &'o Value {
    let transition = &outcomes.transitions[&offset(message)];
    let value: Value = serde_json::from_str(message.value.as_deref().unwrap()).unwrap();
    assert_eq!(value["alert"], transition["alert"]);
    assert_eq!(message.key.as_deref(), transition["alert"]["id"].as_str());
    transition
}

/// Every transition of a real alert, the latest state of each, every reject.
pub fn check_alerts_and_rejects(outcomes: &Outcomes, topics: &Topics) -> Repeats {
    let messages = topics.read(ALERTS);
    let real = || {
        let all = outcomes.transitions.iter();
        all.filter(|(_, one)| one["alert"]["status"] == "actual")
    };
    let mut latest = BTreeMap::new();
    for (offset, transition) in real() {
        let alert = &transition["alert"];
        latest.insert(alert["id"].as_str().unwrap(), (offset, &alert["state"]));
    }
    for message in &messages {
        let transition = check_transition(outcomes, message);
        assert_eq!(transition["alert"]["status"], "actual");
    }
    validate("alert-transition.v1.json", &messages);
    let repeats = check_order(&messages, real().map(|(offset, _)| *offset));

    let current = topics.read(ALERTS_CURRENT);
    let mut shown = BTreeMap::new();
    for message in &current {
        shown.insert(message.key.as_deref().unwrap(), message);
    }
    assert_eq!(
        shown.keys().collect::<Vec<_>>(),
        latest.keys().collect::<Vec<_>>()
    );
    for (id, message) in shown {
        assert_eq!(offset(message), *latest[id].0, "not the latest of {id}");
        let value: Value = serde_json::from_str(message.value.as_deref().unwrap()).unwrap();
        assert_eq!(&value["state"], latest[id].1);
    }
    validate("alert.v1.json", &current);

    let rejects = topics.read(REJECTS);
    for message in &rejects {
        let value: Value = serde_json::from_str(message.value.as_deref().unwrap()).unwrap();
        assert_eq!(value["code"], outcomes.rejects[&offset(message)]["code"]);
    }
    validate("reject.v1.json", &rejects);
    check_order(&rejects, outcomes.rejects.keys().copied());
    repeats
}

/// The headers of CloudEvents in binary mode.
fn check_headers(message: &Message) {
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(message.headers[name], value, "{message:?}");
    }
    let mut wanted = vec!["ce_id", "ce_type", "ce_source", "ce_time"];
    // A reject behind a broker has no client to be about, and what a sink refused came on no topic.
    let key = message.key.as_deref();
    let about = key.is_some_and(|key| !key.starts_with("sink:"));
    wanted.extend(about.then_some("ce_subject"));
    for name in wanted {
        assert!(
            message
                .headers
                .get(name)
                .is_some_and(|text| !text.is_empty()),
            "no {name}: {message:?}"
        );
    }
}

/// A partition has its records in the order of `outcomes`, one after the other without a hole. Where it goes back, it goes
/// back to one that it has, and on from there.
fn check_order(messages: &[Message], wanted: impl Iterator<Item = u64>) -> Repeats {
    let mut first: BTreeMap<u64, &Message> = BTreeMap::new();
    let mut partitions: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for message in messages {
        check_headers(message);
        partitions
            .entry(message.partition)
            .or_default()
            .push(offset(message));
        let before = first.entry(offset(message)).or_insert(message);
        let what = |message: &Message| {
            let headers = message.headers.clone();
            (
                message.partition,
                message.key.clone(),
                headers,
                message.value.clone(),
            )
        };
        assert_eq!(what(before), what(message), "a repeat that is not equal");
    }
    let missing: Vec<u64> = wanted
        .filter(|offset| !first.contains_key(offset))
        .collect();
    assert!(
        missing.is_empty(),
        "{} of {} records are missing, first {:?}",
        missing.len(),
        missing.len() + first.len(),
        &missing[..missing.len().min(5)]
    );
    let mut repeats = Repeats {
        messages: messages.len() - first.len(),
        ..Repeats::default()
    };
    for (partition, offsets) in partitions {
        let ranks: BTreeMap<u64, usize> = BTreeSet::from_iter(offsets.iter().copied())
            .into_iter()
            .zip(0..)
            .collect();
        let (mut jumps, mut expected) = (0, 0);
        for offset in offsets {
            let rank = ranks[&offset];
            assert!(
                rank <= expected,
                "partition {partition}: {offset} came before those it follows"
            );
            if rank < expected {
                jumps += 1;
                repeats.furthest = repeats.furthest.max(expected - rank);
            }
            expected = rank + 1;
        }
        repeats.jumps = repeats.jumps.max(jumps);
    }
    repeats
}

/// Holds every message against its schema in `deploy/schemas`.
fn validate(schema: &str, messages: &[Message]) {
    let mut child = Command::new(python())
        .arg(repository().join("tests/clients/validate.py"))
        .arg(repository().join("deploy/schemas").join(schema))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for value in messages.iter().filter_map(|message| message.value.as_ref()) {
        writeln!(input, "{value}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "not as {schema} says");
}

/// A point by what makes it one: stream, entity, observed time. Its fields as texts, numbers in Rust's shortest form.
pub type Points = BTreeMap<(String, String, String), BTreeMap<String, String>>;

/// What InfluxDB has to have, by what the devices said.
pub fn expected_points(outcomes: &Outcomes) -> Points {
    let mut points = Points::new();
    for event in outcomes.events.values() {
        let text = |key: &str| event[key].as_str().unwrap().to_owned();
        let mut fields = BTreeMap::new();
        for (measure, measured) in event["values"].as_object().unwrap() {
            match &measured["value"] {
                Value::Bool(value) => fields.insert(measure.clone(), number(f64::from(*value))),
                Value::String(code) => fields.insert(format!("{measure}_code"), code.clone()),
                value => fields.insert(measure.clone(), number(value.as_f64().unwrap())),
            };
            let quality = measured["quality"].as_array().unwrap();
            if !quality.is_empty() {
                let names: Vec<_> = quality.iter().map(|name| name.as_str().unwrap()).collect();
                fields.insert(format!("{measure}_quality"), names.join("|"));
            }
        }
        let key = (text("stream"), text("entity"), instant(&text("observed")));
        let before = points.insert(key, fields);
        assert!(
            before.is_none(),
            "two events of one entity at one time: {event}"
        );
    }
    points
}

fn number(value: f64) -> String {
    value.to_string()
}

/// What InfluxDB has, by Flux.
pub fn points(bucket: &Bucket) -> Points {
    let mut points = Points::new();
    for stream in ["city", "disaster", "energy", "environment", "tourism"] {
        let flux = format!(
            "from(bucket: \"{}\") {ALL_TIME} |> filter(fn: (r) => r._measurement == \"{stream}\") \
             |> keep(columns: [\"_time\", \"_field\", \"_value\", \"entity\"])",
            bucket.bucket
        );
        for mut row in bucket.query(&flux) {
            let field = row.remove("_field").unwrap();
            // Texts that an operator may switch on.
            if field == "event_id" || field == "device" {
                continue;
            }
            let text = row.remove("_value").unwrap_or_default();
            let is_text = field.ends_with("_code") || field.ends_with("_quality");
            let value = if is_text {
                text
            } else {
                // Read as `outcomes` is: serde_json may miss the last bit of a number with many digits.
                number(serde_json::from_str(&text).unwrap())
            };
            let key = (
                stream.to_owned(),
                row.remove("entity").unwrap(),
                instant(&row["_time"]),
            );
            points.entry(key).or_default().insert(field, value);
        }
    }
    points
}

/// As many points and fields, with the same values, and nothing besides.
pub fn check_points(expected: &Points, found: &Points) {
    for (key, fields) in expected {
        assert_eq!(found.get(key), Some(fields), "{key:?}");
    }
    let more: Vec<_> = found
        .keys()
        .filter(|key| !expected.contains_key(*key))
        .collect();
    assert!(
        more.is_empty(),
        "{} points that nobody said: {more:?}",
        more.len()
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(partition: u64, sequence: u64) -> Message {
        let headers = [
            ("ce_specversion", "1.0"),
            ("content-type", "application/json"),
            ("ce_id", "i"),
            ("ce_type", "t"),
            ("ce_source", "s"),
            ("ce_time", "z"),
            ("ce_subject", "e"),
        ];
        let mut headers: BTreeMap<String, String> = headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        headers.insert("ce_sequence".to_owned(), format!("{sequence:020}"));
        Message {
            partition,
            offset: 0,
            key: Some("e".to_owned()),
            headers,
            value: Some(sequence.to_string()),
        }
    }

    fn order(partitions: [&[u64]; 2]) -> Repeats {
        let messages: Vec<Message> = (0..)
            .zip(partitions)
            .flat_map(|(partition, all)| all.iter().map(move |number| message(partition, *number)))
            .collect();
        check_order(&messages, 0..6)
    }

    #[test]
    fn repeats_are_counted_where_the_order_holds() {
        assert_eq!(order([&[0, 2, 4], &[1, 3, 5]]), Repeats::default());
        let repeated = Repeats {
            messages: 3,
            jumps: 1,
            furthest: 2,
        };
        assert_eq!(order([&[0, 2, 0, 2, 4], &[1, 3, 3, 5]]), repeated);
    }

    #[test]
    #[should_panic(expected = "1 of 6 records are missing, first [4]")]
    fn a_lost_record_is_found() {
        order([&[0, 2], &[1, 3, 5]]);
    }

    #[test]
    #[should_panic(expected = "came before those it follows")]
    fn a_swap_is_found() {
        order([&[0, 4, 2], &[1, 3, 5]]);
    }

    #[test]
    #[should_panic(expected = "a repeat that is not equal")]
    fn another_value_in_a_repeat_is_found() {
        let mut other = message(0, 1);
        other.value = Some("2".to_owned());
        check_order(&[message(0, 1), other], std::iter::empty());
    }

    fn expected() -> Points {
        let values = json!({
            "pm25": {"value": 12.5, "quality": ["out_of_range", "maintenance"]},
            "supply_on": {"value": true, "quality": []}, "gate_state": {"value": "open", "quality": []},
        });
        let event = json!({
            "stream": "environment", "entity": "e", "observed": "2026-01-01T00:00:00.5Z", "values": values,
        });
        let mut outcomes = Outcomes::default();
        outcomes.events.insert(0, event);
        expected_points(&outcomes)
    }

    #[test]
    fn an_event_is_one_point_with_its_fields() {
        let points = expected();
        let (key, fields) = points.first_key_value().unwrap();
        assert_eq!(key.2, "2026-01-01T00:00:00.500000000Z");
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let wanted = [
            "gate_state_code=open",
            "pm25=12.5",
            "pm25_quality=out_of_range|maintenance",
            "supply_on=1",
        ];
        assert_eq!(fields, wanted);
        check_points(&points, &points.clone());
    }

    #[test]
    #[should_panic(expected = "pm25")]
    fn another_value_is_found() {
        let mut found = expected();
        let fields = found.values_mut().next().unwrap();
        fields.insert("pm25".to_owned(), "12.6".to_owned());
        check_points(&expected(), &found);
    }

    #[test]
    #[should_panic(expected = "1 points that nobody said")]
    fn a_point_too_many_is_found() {
        let mut found = expected();
        found.insert(
            (String::new(), String::new(), String::new()),
            BTreeMap::new(),
        );
        check_points(&expected(), &found);
    }
}
