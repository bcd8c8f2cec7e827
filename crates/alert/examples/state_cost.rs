//! Memory an entity at rest costs the engine: `cargo run --release -p alert --example state_cost`. Grown by entities that
//! have spoken once, measured by the resident set of this process.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for people; its input is in the repository"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::sync::Arc;

use alert::{Engine, Origin, RuleSet};
use event::{Event, EventFlags, EventId, Kind, Measured, Quality, Status, Stream, Time, Value};

const ENTITIES: u64 = 200_000;
const PAGE: u64 = 4_096;

fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * PAGE
}

fn main() {
    let (files, vocabulary) = common::site::site();
    let vocabulary = Arc::new(vocabulary);
    let rules = Arc::new(RuleSet::load(&files, &vocabulary).unwrap());
    let mut engine = Engine::new(Arc::clone(&rules), Arc::clone(&vocabulary));
    let measures = ["load_pct", "voltage", "oil_temp"];
    let mut out = Vec::new();
    let before = resident();
    for number in 0..ENTITIES {
        let now = Time(1_725_800_400_000_000_000 + number as i64 * 1_000_000);
        let origin = Origin {
            journal: common::JOURNAL,
            offset: number,
            now,
            wall: now,
        };
        let name: event::Name = format!("dev-{number:07}").into();
        let event = Event {
            id: EventId::default(),
            kind: Kind::Reading,
            stream: Stream::Energy,
            status: Status::Actual,
            site: "lao-cai".into(),
            entity: name.clone(),
            device: name,
            observed: now,
            observed_until: None,
            valid_from: None,
            valid_to: None,
            received: now,
            processed: now,
            sequence: None,
            place: None,
            flags: EventFlags::default(),
            values: (measures.iter())
                .map(|name| Measured {
                    measure: vocabulary.measures[*name].name.clone(),
                    value: Value::Number(20.0),
                    unit: vocabulary.measures[*name].unit.clone(),
                    quality: Quality::GOOD,
                })
                .collect(),
        };
        engine.advance(&origin, &mut out);
        engine.event(&origin, &event, &mut out);
        out.clear();
    }
    let grown = resident() - before;
    println!(
        "{ENTITIES} entities with {} measures: {} bytes each",
        measures.len(),
        grown / ENTITIES
    );
}
