//! The test site, events of it, and what came out in a form that is easy to compare.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "test helpers outside #[test] functions")]

use std::collections::BTreeMap;
use std::sync::Arc;

use derive::{Deriver, Rules};
use event::{
    EntityInfo, Event, EventFlags, EventId, Kind, MeasureInfo, MeasureType, Measured, Name,
    PackError, PackFiles, Quality, Status, Stream, Text, Time, Value, Vocabulary,
};

pub(crate) const MINUTE: i64 = 60 * Time::SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Local midnight of 2026-06-01.
pub(crate) const START: i64 = 1_780_246_800 * Time::SECOND;

pub(crate) const DERIVE: &str = include_str!("../../testdata/site/derive.toml");
const THRESHOLDS: &str = include_str!("../../testdata/site/thresholds.toml");
const VOCABULARY: &str = include_str!("../../testdata/site/vocabulary.toml");

fn stream_of(name: &str) -> Stream {
    match name {
        "disaster" => Stream::Disaster,
        "energy" => Stream::Energy,
        "environment" => Stream::Environment,
        _ => Stream::Tourism,
    }
}

pub(crate) fn vocabulary() -> Vocabulary {
    let table: toml::Table = VOCABULARY.parse().unwrap();
    let mut vocabulary = Vocabulary {
        site: "test".to_owned(),
        ..Vocabulary::default()
    };
    for (name, unit) in table["measures"].as_table().unwrap() {
        let unit = unit.as_str().unwrap();
        let info = MeasureInfo {
            name: Name::from(name.as_str()),
            kind: if unit.is_empty() {
                MeasureType::Code
            } else {
                MeasureType::Number
            },
            unit: Name::from(unit),
            unit_text: Text::default(),
            label: Text::default(),
            decimals: 1,
        };
        vocabulary.measures.insert(name.clone(), info);
    }
    for (id, what) in table["entities"].as_table().unwrap() {
        let info = EntityInfo {
            id: Name::from(id.as_str()),
            name: Text::default(),
            stream: stream_of(what[1].as_str().unwrap()),
            profile: Name::from(what[0].as_str().unwrap()),
            area: None,
            lat: None,
            lon: None,
            labels: BTreeMap::new(),
            interval_seconds: 600,
            expected: true,
            gateway: None,
            river: None,
            river_km: None,
        };
        vocabulary.entities.insert(id.clone(), info);
    }
    vocabulary
}

pub(crate) fn load(derive: &str) -> Result<Rules, Vec<PackError>> {
    let mut files = PackFiles::default();
    for (path, text) in [("derive.toml", derive), ("thresholds.toml", THRESHOLDS)] {
        files
            .files
            .insert(path.to_owned(), text.as_bytes().to_vec());
    }
    Rules::load(&files, &vocabulary())
}

pub(crate) fn rules() -> Arc<Rules> {
    Arc::new(load(DERIVE).unwrap())
}

pub(crate) fn deriver() -> Deriver {
    Deriver::new(rules())
}

/// Id from everything that makes the test's readings different.
fn id_of(entity: &str, device: &str, at: i64, values: &[(&str, f64)]) -> EventId {
    let mut bytes = [0_u8; 16];
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    entity.bytes().chain(device.bytes()).for_each(&mut add);
    for (name, value) in values {
        name.bytes().chain(value.to_le_bytes()).for_each(&mut add);
    }
    bytes[..8].copy_from_slice(&hash.to_le_bytes());
    bytes[8..].copy_from_slice(&at.to_le_bytes());
    EventId(bytes)
}

pub(crate) fn reading(entity: &str, at: i64, values: &[(&str, f64)]) -> Event {
    let vocabulary_unit = |_: &str| Name::from("");
    Event {
        id: id_of(entity, entity, at, values),
        kind: Kind::Reading,
        stream: Stream::Disaster,
        status: Status::Actual,
        site: Name::from("test"),
        entity: Name::from(entity),
        device: Name::from(entity),
        observed: Time(at),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: Time(at),
        processed: Time(at),
        sequence: None,
        place: None,
        flags: EventFlags::default(),
        values: values
            .iter()
            .map(|(measure, value)| Measured {
                measure: Name::from(*measure),
                value: Value::Number(*value),
                unit: vocabulary_unit(measure),
                quality: Quality::GOOD,
            })
            .collect(),
    }
}

pub(crate) fn with_quality(mut event: Event, quality: Quality) -> Event {
    for measured in &mut event.values {
        measured.quality = quality;
    }
    event
}

pub(crate) fn from_device(mut event: Event, device: &str) -> Event {
    let values: Vec<(&str, f64)> = Vec::new();
    event.id = id_of(&event.entity, device, event.observed.0, &values);
    event.device = Name::from(device);
    event
}

pub(crate) fn with_code(mut event: Event, measure: &str, code: &str) -> Event {
    event.values.push(Measured {
        measure: Name::from(measure),
        value: Value::Code(Name::from(code)),
        unit: Name::from(""),
        quality: Quality::GOOD,
    });
    event
}

pub(crate) fn fold(deriver: &mut Deriver, event: &Event) -> Vec<Event> {
    let mut out = Vec::new();
    deriver.event(event, &mut out);
    out
}

pub(crate) fn number(event: &Event, measure: &str) -> Option<f64> {
    match event.value(measure)?.value {
        Value::Number(value) => Some(value),
        Value::Boolean(_) | Value::Code(_) => None,
    }
}

pub(crate) fn code(event: &Event, measure: &str) -> Option<String> {
    match &event.value(measure)?.value {
        Value::Code(code) => Some(code.to_string()),
        Value::Boolean(_) | Value::Number(_) => None,
    }
}

/// The only event that carries the measure.
pub(crate) fn one(events: &[Event], measure: &str) -> Event {
    let with: Vec<_> = events
        .iter()
        .filter(|event| event.value(measure).is_some())
        .collect();
    assert_eq!(with.len(), 1, "{measure} in {events:#?}");
    with[0].clone()
}

/// The number of the only event that carries the measure, and its quality.
pub(crate) fn said(events: &[Event], measure: &str) -> (f64, Quality) {
    let event = one(events, measure);
    (
        number(&event, measure).unwrap(),
        event.value(measure).unwrap().quality,
    )
}

pub(crate) fn none(events: &[Event], measure: &str) -> bool {
    events.iter().all(|event| event.value(measure).is_none())
}

/// Last word on every result: measure, time without the nanoseconds of rule and revision.
pub(crate) type Last = BTreeMap<(String, String, i64), (String, Quality)>;

pub(crate) fn last_words<'a>(events: impl IntoIterator<Item = &'a Event>) -> Last {
    let mut newest: BTreeMap<(String, String, i64), i64> = BTreeMap::new();
    let mut last = Last::new();
    for event in events {
        for measured in &event.values {
            let base = event.observed.0.div_euclid(Time::SECOND);
            let key = (event.entity.to_string(), measured.measure.to_string(), base);
            let before = newest.insert(key.clone(), event.observed.0);
            assert!(
                before.is_none_or(|before| before < event.observed.0),
                "a revision must lie after what it replaces: {key:?}"
            );
            last.insert(key, (format!("{:?}", measured.value), measured.quality));
        }
    }
    last
}
