//! Records for tests.

#![allow(dead_code, reason = "every test file uses its part")]

pub(crate) mod asking;
pub(crate) mod influxd;
pub(crate) mod server;

use event::outcome::{self, Cause, OutcomeKind, VERSION};
use event::{
    Alert, AlertId, AlertState, Change, Event, EventFlags, EventId, Evidence, Kind, Measured,
    Place, Quality, Severity, Status, Stream, Text, Time, Transition, Value,
};
use pipeline::{Batch, Record, RecordBuffer};

/// An instant in September 2024.
pub(crate) const T0: i64 = 1_725_840_000_000_000_000;

pub(crate) fn measured(measure: &str, value: Value) -> Measured {
    Measured {
        measure: measure.into(),
        value,
        unit: "1".into(),
        quality: Quality::GOOD,
    }
}

pub(crate) fn reading(entity: &str, observed: i64, values: Vec<Measured>) -> Event {
    Event {
        id: EventId([7; 16]),
        kind: Kind::Reading,
        stream: Stream::Energy,
        status: Status::Actual,
        site: "lao-cai".into(),
        entity: entity.into(),
        device: entity.into(),
        observed: Time(observed),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: Time(observed),
        processed: Time(observed),
        sequence: None,
        place: Some(Place {
            area: Some("02647".into()),
            lat: 22.5,
            lon: 104.0,
        }),
        flags: EventFlags::default(),
        values,
    }
}

pub(crate) fn level(entity: &str, observed: i64, value: f64) -> Event {
    reading(
        entity,
        observed,
        vec![measured("level", Value::Number(value))],
    )
}

fn cause(offset: u64) -> Cause {
    Cause {
        offset,
        index: 0,
        last: true,
    }
}

pub(crate) fn event_payload(event: &Event) -> Vec<u8> {
    let mut payload = Vec::new();
    outcome::encode_event(cause(0), event, &mut payload);
    payload
}

pub(crate) fn record(offset: u64, kind: OutcomeKind, payload: Vec<u8>) -> Record {
    Record {
        offset,
        kind: kind as u8,
        version: VERSION,
        stamp: journal::Stamp {
            journal_ns: T0,
            wall_ns: T0,
        },
        payload,
    }
}

pub(crate) fn event_record(offset: u64, event: &Event) -> Record {
    record(offset, OutcomeKind::Event, event_payload(event))
}

pub(crate) fn transition_record(offset: u64, transition: &Transition) -> Record {
    let mut payload = Vec::new();
    outcome::encode_transition(cause(offset), transition, &mut payload).unwrap();
    record(offset, OutcomeKind::Transition, payload)
}

pub(crate) fn batch(records: Vec<Record>) -> Batch {
    Batch::of_records(RecordBuffer { records })
}

/// Events at offsets from `from` on.
pub(crate) fn batch_of(from: u64, events: &[Event]) -> Batch {
    batch(
        (from..)
            .zip(events)
            .map(|(offset, event)| event_record(offset, event))
            .collect(),
    )
}

pub(crate) fn transition(change: Change, revision: u32, changed: i64) -> Transition {
    Transition {
        change,
        by: None,
        command_id: None,
        alert: Alert {
            id: AlertId("flood:wl-lao-cai:0-5".to_owned()),
            rule: "flood".to_owned(),
            severity: Severity::Critical,
            status: Status::Actual,
            stream: Stream::Disaster,
            site: "lao-cai".into(),
            entity: "wl-lao-cai".into(),
            entity_name: Text {
                vi: "Trạm Lào Cai".to_owned(),
                en: "Lào Cai station".to_owned(),
            },
            area: Some("02647".into()),
            area_name: Some("Phường Lào Cai".to_owned()),
            lat: Some(22.5),
            lon: Some(104.0),
            state: AlertState::Unacknowledged,
            revision,
            since: Time(changed),
            raised: Time(changed),
            changed: Time(changed),
            returned: None,
            acknowledged: None,
            shelved: None,
            comments: Vec::new(),
            occurrences: 1,
            episodes: Vec::new(),
            rating: event::Rating::default(),
            handling: event::Handling::default(),
            incident: None,
            retrospective: false,
            measure: Some("level".into()),
            value: Some(83.5),
            unit: Some("m".into()),
            message: Text {
                vi: "Mực nước \"trên\" báo động 3,\nlên nhanh \\".to_owned(),
                en: "Water above alarm 3".to_owned(),
            },
            guidance: Text::default(),
            scale: Vec::new(),
            unofficial: false,
            evidence: Evidence {
                rule: "flood".to_owned(),
                rule_version: 1,
                condition: "level > 83".to_owned(),
                hold_seconds: 0,
                values: Vec::new(),
                limits: Vec::new(),
                last_heard: None,
                windows: Vec::new(),
                considered: Vec::new(),
            },
        },
    }
}
