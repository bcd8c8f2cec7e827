//! Events a second through the rules of the site pack, single thread: `cargo run --release -p alert --example engine_cost`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for people; its input is in the repository"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::Instant;

use alert::{Engine, Origin, RuleSet};
use event::{
    Event, EventFlags, EventId, Kind, Measured, Quality, Status, Stream, Time, Value, Vocabulary,
};

const EVENTS: u64 = 2_000_000;

fn main() {
    let (files, vocabulary) = common::site::site();
    let vocabulary = Arc::new(vocabulary);
    let begun = Instant::now();
    let rules = Arc::new(RuleSet::load(&files, &vocabulary).unwrap());
    println!(
        "load: {} rules in {:?}",
        rules.info().len(),
        begun.elapsed()
    );
    let cases: [(&str, Stream, &[&str]); 3] = [
        ("river level, 6 stations", Stream::Disaster, &["level"]),
        (
            "air quality, 1,000 devices",
            Stream::Environment,
            &["pm25", "pm10", "no2", "temp", "hum"],
        ),
        (
            "transformer, 1,000 devices",
            Stream::Energy,
            &["load_pct", "voltage", "oil_temp"],
        ),
    ];
    for (name, stream, measures) in cases {
        run(name, stream, measures, &rules, &vocabulary);
    }
    for newest_first in [false, true] {
        backlog(newest_first, &rules, &vocabulary);
    }
}

/// What a device kept while it was cut off, after a live reading: a reading every 15 s, ascending or descending.
fn backlog(newest_first: bool, rules: &Arc<RuleSet>, vocabulary: &Arc<Vocabulary>) {
    const POINTS: i64 = 10_000;
    let mut engine = Engine::new(Arc::clone(rules), Arc::clone(vocabulary));
    let measures = ["pm25", "pm10", "no2", "temp", "hum"];
    let mut event = event("dev-00001", Stream::Environment, &measures, vocabulary);
    let start = 1_725_800_400_000_000_000;
    let now = Time(start + (POINTS + 1) * 15_000_000_000);
    let mut out = Vec::new();
    let begun = cpu_ns();
    for number in 0..=POINTS {
        let place = match number {
            0 => POINTS + 1,
            _ if newest_first => POINTS + 1 - number,
            _ => number,
        };
        event.observed = Time(start + place * 15_000_000_000);
        // Polluted for an hour in eight.
        let value = if place / 240 % 8 == 3 { 400.0 } else { 20.0 };
        for measured in &mut event.values {
            measured.value = Value::Number(value);
        }
        let origin = Origin {
            journal: common::JOURNAL,
            offset: number as u64,
            now,
            wall: now,
        };
        engine.advance(&origin, &mut out);
        engine.event(&origin, &event, &mut out);
        out.clear();
    }
    let micros = (cpu_ns() - begun) / 1e3 / POINTS as f64;
    let counters = engine.counters();
    println!(
        "backlog of {POINTS}, newest first {newest_first}: {micros:.1} us of CPU an event, {:.1} rules an event, {} late",
        counters.evaluations as f64 / POINTS as f64,
        counters.late,
    );
}

/// CPU time of this thread, so that a busy machine does not matter.
fn cpu_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn run(
    name: &str,
    stream: Stream,
    measures: &[&str],
    rules: &Arc<RuleSet>,
    vocabulary: &Arc<Vocabulary>,
) {
    let mut engine = Engine::new(Arc::clone(rules), Arc::clone(vocabulary));
    let stations = [
        "wl-lao-cai",
        "wl-bao-ha",
        "wl-yen-bai",
        "wl-bao-yen",
        "wl-van-ban",
        "wl-vinh-yen",
    ];
    let mut events: Vec<Event> = match stream {
        Stream::Disaster => stations
            .iter()
            .map(|id| event(id, stream, measures, vocabulary))
            .collect(),
        Stream::Energy | Stream::Environment | Stream::Tourism | Stream::City => (0..1_000)
            .map(|n| event(&format!("dev-{n:05}"), stream, measures, vocabulary))
            .collect(),
    };
    let mut out = Vec::new();
    let mut transitions = 0;
    let begun = cpu_ns();
    let count = events.len() as u64;
    for offset in 0..EVENTS {
        let event = &mut events[(offset % count) as usize];
        // A reading a minute a device.
        let now = Time(1_725_800_400_000_000_000 + (offset / count) as i64 * 60_000_000_000);
        event.observed = now;
        let origin = Origin {
            journal: common::JOURNAL,
            offset,
            now,
            wall: now,
        };
        engine.advance(&origin, &mut out);
        engine.event(&origin, event, &mut out);
        transitions += out.len();
        out.clear();
    }
    let seconds = (cpu_ns() - begun) / 1e9;
    let counters = engine.counters();
    println!(
        "{name}: {:.0} ns of CPU an event, {:.2} million a second, {:.1} rules an event, {transitions} transitions",
        seconds * 1e9 / EVENTS as f64,
        EVENTS as f64 / seconds / 1e6,
        counters.evaluations as f64 / EVENTS as f64,
    );
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
