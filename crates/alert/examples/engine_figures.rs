//! What the engine costs on one thread: events a second through packs of 10, 100 and 1,000 rules and through the rules of the shipped pack, what a
//! device kept while it was cut off costs, and the memory of an entity at rest.
//!
//! `cargo run --release -p alert --example engine_figures [-- ENTITIES]` prints one JSON object. Time is CPU time of this thread, so that a busy machine does
//! not matter; memory is the resident set of this process, grown by ENTITIES (a million) that have spoken once.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for people; its input is in the repository"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use alert::{Engine, Origin, RuleSet};
use event::{
    Event, EventFlags, EventId, Kind, Measured, PackFiles, Quality, Status, Stream, Time, Value,
    Vocabulary,
};
use serde_json::{Value as Json, json};

const START: i64 = 1_725_800_400_000_000_000;
const MINUTE: i64 = 60_000_000_000;
const DEVICES: u64 = 1_000;
const PAGE: u64 = 4_096;

fn main() {
    let entities = std::env::args().nth(1);
    let entities = entities.map_or(1_000_000, |count| count.parse().unwrap());
    let (files, vocabulary) = common::site::site();
    let vocabulary = Arc::new(vocabulary);
    let rules = Arc::new(RuleSet::load(&files, &vocabulary).unwrap());
    let packs = [10, 100, 1_000].map(scaled);
    let shipped = [
        ("disaster", Stream::Disaster, &["level"] as &[&str]),
        (
            "environment",
            Stream::Environment,
            &["pm25", "pm10", "no2", "temp", "hum"],
        ),
        (
            "energy",
            Stream::Energy,
            &["load_pct", "voltage", "oil_temp"],
        ),
    ]
    .map(|(name, stream, measures)| {
        let mut row = run(
            &rules,
            &vocabulary,
            events(stream, measures, &vocabulary),
            2_000_000,
            |_| 20.0,
        );
        row["stream"] = name.into();
        row["measures"] = measures.len().into();
        row
    });
    let backlogs = [false, true].map(|newest_first| backlog(newest_first, &rules, &vocabulary));
    println!(
        "{}",
        json!({
            "packs": packs,
            "rules": rules.info().len(),
            "shipped": shipped,
            "backlogs": backlogs,
            "memory": memory(entities, &rules, &vocabulary),
        })
    );
}

/// A pack of so many rules that every event is asked for all of them: thresholds, holds, a change and a mean, in turn.
fn scaled(count: u64) -> Json {
    let mut text = String::new();
    for number in 0..count {
        let limit = 60.0 + number as f64 / 50.0;
        let (condition, hold) = match number % 5 {
            0 => (format!("temp >= {limit:.2}"), ""),
            1 => (format!("temp >= {limit:.2}"), "hold = \"5m\"\n"),
            2 => (format!("temp - previous(temp) >= {limit:.2}"), ""),
            3 => (format!("mean(temp, duration('10m')) >= {limit:.2}"), ""),
            _ => (format!("temp >= {limit:.2} || level >= {limit:.2}"), ""),
        };
        write!(
            text,
            "[[rule]]\nid = \"r-{number:04}\"\nversion = 1\nkind = \"condition\"\nstream = \"disaster\"\nseverity = \"minor\"\nmeasure = \"temp\"\n\
             condition = \"{condition}\"\nclear = \"temp < {:.2}\"\n{hold}\
             title.vi = \"Nóng\"\ntitle.en = \"Hot\"\nmessage.vi = \"{{temp:.1}}\"\nmessage.en = \"{{temp:.1}}\"\n\
             guidance.vi = \"Xem\"\nguidance.en = \"Look\"\n\n",
            limit - 2.0,
        )
        .unwrap();
    }
    let mut files = PackFiles::default();
    files
        .files
        .insert("rules/scaled.toml".to_owned(), text.into_bytes());
    let mut vocabulary = common::vocabulary();
    // As in the shipped pack.
    vocabulary
        .lateness_seconds
        .insert(Stream::Disaster, 6 * 3_600);
    let vocabulary = Arc::new(vocabulary);
    let rules = Arc::new(RuleSet::load(&files, &vocabulary).unwrap());
    let rounds = (20_000_000 / count).clamp(100_000, 2_000_000);
    // Near the limits for one event in a hundred, above none.
    let value = |number: u64| {
        if number.is_multiple_of(100) {
            59.0
        } else {
            20.0
        }
    };
    let events = events(Stream::Disaster, &["temp"], &vocabulary);
    let mut row = run(&rules, &vocabulary, events, rounds, value);
    row["rules"] = count.into();
    row["bare_rule_ns"] = bare(count, rounds, value).into();
    row
}

/// The same comparisons by hand, without time, order, quality or evidence: what a rule costs at least. Nanoseconds a rule.
fn bare(count: u64, rounds: u64, value: impl Fn(u64) -> f64) -> f64 {
    let limits: Vec<f64> = (0..count)
        .map(|number| 60.0 + number as f64 / 50.0)
        .collect();
    let mut devices: BTreeMap<String, (f64, Vec<bool>)> = BTreeMap::new();
    let names: Vec<String> = (0..DEVICES).map(|n| format!("dev-{n:05}")).collect();
    for name in &names {
        devices.insert(name.clone(), (0.0, vec![false; limits.len()]));
    }
    let begun = cpu_ns();
    for number in 0..rounds {
        let value = value(number);
        let name = &names[(number % DEVICES) as usize];
        let (last, on) = devices.get_mut(name).unwrap();
        for (on, limit) in on.iter_mut().zip(&limits) {
            *on = black_box(if *on {
                value >= limit - 2.0
            } else {
                value >= *limit
            });
        }
        *last = value;
    }
    (cpu_ns() - begun) / (rounds * count) as f64
}

/// A reading a minute of each device, in order.
fn run(
    rules: &Arc<RuleSet>,
    vocabulary: &Arc<Vocabulary>,
    mut events: Vec<Event>,
    rounds: u64,
    value: impl Fn(u64) -> f64,
) -> Json {
    let mut engine = Engine::new(Arc::clone(rules), Arc::clone(vocabulary));
    let mut out = Vec::new();
    let mut effects = 0;
    let count = events.len() as u64;
    let begun = cpu_ns();
    for offset in 0..rounds {
        let event = &mut events[(offset % count) as usize];
        event.observed = Time(START + (offset / count) as i64 * MINUTE);
        for measured in &mut event.values {
            measured.value = Value::Number(value(offset));
        }
        step(&mut engine, event, offset, event.observed, &mut out);
        effects += out.len();
        out.clear();
    }
    let nanos = cpu_ns() - begun;
    let evaluations = engine.counters().evaluations;
    json!({
        "events": rounds,
        "event_ns": nanos / rounds as f64,
        "events_a_second": rounds as f64 * 1e9 / nanos,
        "rules_an_event": evaluations as f64 / rounds as f64,
        "rule_ns": nanos / evaluations.max(1) as f64,
        "effects": effects,
    })
}

/// What a device kept while it was cut off, after a live reading: a reading every 15 s, ascending or descending.
fn backlog(newest_first: bool, rules: &Arc<RuleSet>, vocabulary: &Arc<Vocabulary>) -> Json {
    const POINTS: i64 = 10_000;
    let mut engine = Engine::new(Arc::clone(rules), Arc::clone(vocabulary));
    let measures = ["pm25", "pm10", "no2", "temp", "hum"];
    let mut event = event("dev-00001", Stream::Environment, &measures, vocabulary);
    let now = Time(START + (POINTS + 1) * MINUTE / 4);
    let mut out = Vec::new();
    let begun = cpu_ns();
    for number in 0..=POINTS {
        let place = match number {
            0 => POINTS + 1,
            _ if newest_first => POINTS + 1 - number,
            _ => number,
        };
        event.observed = Time(START + place * MINUTE / 4);
        // Polluted for an hour in eight.
        let value = if place / 240 % 8 == 3 { 400.0 } else { 20.0 };
        for measured in &mut event.values {
            measured.value = Value::Number(value);
        }
        step(&mut engine, &event, number as u64, now, &mut out);
        out.clear();
    }
    let micros = (cpu_ns() - begun) / 1e3 / POINTS as f64;
    json!({"newest_first": newest_first, "events": POINTS, "event_us": micros, "late": engine.counters().late})
}

fn memory(entities: u64, rules: &Arc<RuleSet>, vocabulary: &Arc<Vocabulary>) -> Json {
    let mut engine = Engine::new(Arc::clone(rules), Arc::clone(vocabulary));
    let measures = ["load_pct", "voltage", "oil_temp"];
    let mut event = event("dev", Stream::Energy, &measures, vocabulary);
    let mut out = Vec::new();
    let before = resident();
    for number in 0..entities {
        let now = Time(START + number as i64 * 1_000_000);
        event.entity = format!("dev-{number:07}").into();
        event.device = event.entity.clone();
        event.observed = now;
        step(&mut engine, &event, number, now, &mut out);
        out.clear();
    }
    let bytes = (resident() - before) / entities.max(1);
    json!({"entities": entities, "measures": measures.len(), "entity_bytes": bytes})
}

fn step(engine: &mut Engine, event: &Event, offset: u64, now: Time, out: &mut Vec<alert::Effect>) {
    let origin = Origin {
        journal: common::JOURNAL,
        offset,
        now,
        wall: now,
    };
    engine.advance(&origin, out);
    engine.event(&origin, event, out);
}

fn cpu_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * PAGE
}

/// One event of each device; of the river, of its gauges.
fn events(stream: Stream, measures: &[&str], vocabulary: &Vocabulary) -> Vec<Event> {
    let gauges = [
        "wl-lao-cai",
        "wl-bao-ha",
        "wl-yen-bai",
        "wl-bao-yen",
        "wl-van-ban",
        "wl-vinh-yen",
    ];
    if stream == Stream::Disaster && vocabulary.entities.contains_key(gauges[0]) {
        return gauges
            .iter()
            .map(|id| event(id, stream, measures, vocabulary))
            .collect();
    }
    (0..DEVICES)
        .map(|n| event(&format!("dev-{n:05}"), stream, measures, vocabulary))
        .collect()
}

fn event(id: &str, stream: Stream, measures: &[&str], vocabulary: &Vocabulary) -> Event {
    let measured = |name: &&str| Measured {
        measure: vocabulary.measures[*name].name.clone(),
        value: Value::Number(20.0),
        unit: vocabulary.measures[*name].unit.clone(),
        quality: Quality::GOOD,
    };
    Event {
        id: EventId::default(),
        kind: Kind::Reading,
        stream,
        status: Status::Actual,
        site: "lao-cai".into(),
        entity: id.into(),
        device: id.into(),
        observed: Time(0),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: Time(0),
        processed: Time(0),
        sequence: None,
        place: None,
        flags: EventFlags::default(),
        values: measures.iter().map(measured).collect(),
    }
}
