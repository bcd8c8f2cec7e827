//! The JSON form against `deploy/schemas/event.v1.json`, by the part of JSON Schema that the file uses: a keyword that this
//! checker does not know fails the test, so the file cannot grow beyond what is checked.

use event::{
    Event, EventFlags, EventId, Kind, Measured, Place, Quality, Status, Stream, Time, Value,
};
use serde_json::{Value as Json, json};

const SCHEMA: &str = include_str!("../../../deploy/schemas/event.v1.json");

fn violations(schema: &Json, value: &Json, at: &str, found: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let fine = match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" | "format" | "pattern" => true,
            "type" => types(wanted).iter().any(|name| is_type(value, name)),
            "const" => value == wanted,
            "enum" => wanted.as_array().expect("enum").contains(value),
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "maximum" => value.as_f64() <= wanted.as_f64(),
            "required" => types(wanted).iter().all(|key| value.get(key).is_some()),
            "uniqueItems" => {
                let items = value.as_array().expect("a list");
                items
                    .iter()
                    .enumerate()
                    .all(|(index, item)| !items[..index].contains(item))
            }
            "items" => {
                for item in value.as_array().expect("a list") {
                    violations(wanted, item, &format!("{at}[]"), found);
                }
                true
            }
            "properties" => {
                for (key, inner) in value.as_object().expect("an object") {
                    match wanted.get(key) {
                        Some(schema) => violations(schema, inner, &format!("{at}.{key}"), found),
                        // Our own output has no key that the schema does not describe.
                        None => found.push(format!("{at}.{key} is not described")),
                    }
                }
                true
            }
            "additionalProperties" => {
                for (key, inner) in value.as_object().expect("an object") {
                    violations(wanted, inner, &format!("{at}.{key}"), found);
                }
                true
            }
            other => panic!("keyword {other} is not checked"),
        };
        if !fine {
            found.push(format!("{at} breaks {keyword}: {value}"));
        }
    }
}

fn types(wanted: &Json) -> Vec<&str> {
    match wanted.as_array() {
        Some(names) => names.iter().filter_map(Json::as_str).collect(),
        None => vec![wanted.as_str().expect("a type")],
    }
}

fn is_type(value: &Json, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        other => panic!("type {other} is not checked"),
    }
}

fn check(value: &Json) -> Vec<String> {
    let schema: Json = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let mut found = Vec::new();
    violations(&schema, value, "event", &mut found);
    found
}

fn event(flags: EventFlags) -> Event {
    let measured = |measure: &str, value, unit: &str, quality| Measured {
        measure: measure.into(),
        value,
        unit: unit.into(),
        quality,
    };
    Event {
        id: EventId([0xab; 16]),
        kind: Kind::Reading,
        stream: Stream::Environment,
        status: Status::Exercise,
        site: "lao-cai".into(),
        entity: "aqm-0001".into(),
        device: "aqm-0001".into(),
        observed: Time::parse("2026-11-22T03:04:05.678Z").expect("a time"),
        observed_until: Some(Time(1)),
        valid_from: Some(Time(2)),
        valid_to: Some(Time(3)),
        received: Time(4),
        processed: Time(5),
        sequence: Some(u64::MAX),
        place: Some(Place {
            area: Some("02647".into()),
            lat: 22.5,
            lon: 104.0,
        }),
        flags,
        values: vec![
            measured("pm25", Value::Number(41.2), "ug/m3", Quality(7)),
            measured("supply_on", Value::Boolean(true), "", Quality::GOOD),
            measured("gate_state", Value::Code("open".into()), "", Quality::GOOD),
        ],
    }
}

#[test]
fn every_event_fits_the_schema() {
    let full = event(EventFlags(0x7f));
    assert_eq!(full.flags.names().len(), 7);
    let mut bare = event(EventFlags::default());
    (bare.observed_until, bare.valid_from, bare.valid_to) = (None, None, None);
    (bare.sequence, bare.place, bare.values) = (None, None, Vec::new());
    for event in [full, bare] {
        let json = serde_json::to_value(event.json()).expect("an event is JSON");
        assert_eq!(check(&json), Vec::<String>::new());
    }
}

#[test]
fn the_json_form_reads_as_documented() {
    let json = serde_json::to_value(event(EventFlags::LATE).json()).expect("an event is JSON");
    assert_eq!(json["id"], "abababab-abab-abab-abab-abababababab");
    assert_eq!(json["observed"], "2026-11-22T03:04:05.678Z");
    assert_eq!(json["flags"], json!(["late"]));
    assert_eq!(
        json["values"]["pm25"],
        json!({"value": 41.2, "unit": "ug/m3", "quality": ["out_of_range", "maintenance", "sensor_fault"]})
    );
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let good = serde_json::to_value(event(EventFlags::default()).json()).expect("an event is JSON");
    for (key, wrong) in [
        ("version", json!(2)),
        ("kind", json!("guess")),
        ("flags", json!(["late", "late"])),
        ("sequence", json!(-1)),
        ("place", json!({"lat": 91, "lon": 0})),
        (
            "values",
            json!({"pm25": {"value": [], "unit": "", "quality": []}}),
        ),
        ("surprise", json!(1)),
    ] {
        let mut json = good.clone();
        json[key] = wrong;
        assert_eq!(check(&json).len(), 1, "{key}");
    }
}
