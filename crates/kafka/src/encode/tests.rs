use std::sync::Arc;

use ::event::outcome::{self, Cause, EventView};
use ::event::{
    Acknowledgement, AlertId, AlertState, Change, Comment, Event, EventFlags, EventId, Evidence,
    EvidenceValue, Kind, Limit, Measured, Place, Quality, RejectCode, Severity, Shelving, Status,
    Stream, Text, Time, Value,
};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

const CAUSE: Cause = Cause {
    offset: 4_711,
    index: 2,
    last: true,
};

fn json_of(event: &Event) -> Vec<u8> {
    let mut record = Vec::new();
    outcome::encode_event(CAUSE, event, &mut record);
    let view = EventView::read(outcome::VERSION, &record).expect("readable");
    let mut out = Vec::new();
    put_event(&view, &mut out).expect("encodable");
    out
}

fn check_schema(schema: &str, document: &[u8]) {
    let schema: Json = serde_json::from_str(schema).expect("the schema is JSON");
    let document: Json = serde_json::from_slice(document).expect("the message is JSON");
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a valid schema");
    let mistakes: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(mistakes.is_empty(), "{mistakes:?} in {document:#}");
}

const EVENT: &str = include_str!("../../../../deploy/schemas/event.v1.json");
const TRANSITION: &str = include_str!("../../../../deploy/schemas/alert-transition.v1.json");
const ALERT: &str = include_str!("../../../../deploy/schemas/alert.v1.json");
const REJECT: &str = include_str!("../../../../deploy/schemas/reject.v1.json");

fn name() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![
        "[a-z0-9_-]{0,12}",
        // Everything that JSON has to escape, and what it need not.
        proptest::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter),
        "[\u{0}-\u{1f}\"\\\\/\u{7f}é∑😀]{0,8}",
    ]
    .prop_map(Arc::from)
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        any::<i64>(),
        (0..2_000_000_000_i64).prop_map(|seconds| seconds * Time::SECOND),
        (0..2_000_000_000_000_i64).prop_map(|millis| millis * 1_000_000),
        Just(-1),
        Just(i64::MIN),
        Just(i64::MAX),
    ]
    .prop_map(Time)
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |number| number.is_finite()),
        (-100_000..100_000_i32).prop_map(|n| f64::from(n) / 100.0),
        Just(-0.0),
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE),
    ]
}

fn measured() -> impl Strategy<Value = Measured> {
    let value = prop_oneof![
        number().prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        name().prop_map(Value::Code),
    ];
    (name(), value, name(), 0_u16..8).prop_map(|(measure, value, unit, quality)| Measured {
        measure,
        value,
        unit,
        quality: Quality(quality),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let kinds = prop::sample::select(vec![
        Kind::Reading,
        Kind::State,
        Kind::Warning,
        Kind::Announcement,
    ]);
    let streams = prop::sample::select(vec![
        Stream::Disaster,
        Stream::Energy,
        Stream::Environment,
        Stream::Tourism,
    ]);
    let statuses = prop::sample::select(vec![Status::Actual, Status::Exercise, Status::Test]);
    let place = (prop::option::of(name()), -90.0..90.0, -180.0..180.0)
        .prop_map(|(area, lat, lon)| Place { area, lat, lon });
    let optional_times = prop::array::uniform3(prop::option::of(time()));
    (
        (any::<[u8; 16]>(), kinds, streams, statuses),
        (name(), name(), prop::option::of(name())),
        (prop::array::uniform3(time()), optional_times),
        (
            prop::option::of(any::<u64>()),
            prop::option::of(place),
            0_u16..256,
            prop::collection::vec(measured(), 0..6),
        ),
    )
        .prop_map(|(head, names, times, tail)| Event {
            id: EventId(head.0),
            kind: head.1,
            stream: head.2,
            status: head.3,
            site: names.0,
            device: names.2.unwrap_or_else(|| names.1.clone()),
            entity: names.1,
            observed: times.0[0],
            received: times.0[1],
            processed: times.0[2],
            observed_until: times.1[0],
            valid_from: times.1[1],
            valid_to: times.1[2],
            sequence: tail.0,
            place: tail.1,
            flags: EventFlags(tail.2),
            values: tail.3,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_event_has_the_bytes_of_its_json_form(event in event()) {
        let expected = serde_json::to_vec(&event.json()).expect("JSON");
        prop_assert_eq!(
            String::from_utf8(json_of(&event)),
            String::from_utf8(expected)
        );
    }

    #[test]
    fn base64_is_that_of_the_standard(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut out = Vec::new();
        text::put_base64(&bytes, &mut out);
        prop_assert_eq!(unbase64(&out), bytes);
    }
}

/// An independent way back, by arithmetic over the whole text.
fn unbase64(text: &[u8]) -> Vec<u8> {
    assert!(text.len().is_multiple_of(4));
    let mut bits = 0_u32;
    let mut held = 0;
    let mut out = Vec::new();
    for byte in text.iter().take_while(|byte| **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

#[test]
fn base64_known_answers() {
    for (bytes, known) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foobar", "Zm9vYmFy"),
    ] {
        let mut out = Vec::new();
        text::put_base64(bytes.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).expect("ASCII"), known);
    }
}

pub(crate) fn gauge() -> Event {
    Event {
        id: EventId([0xab; 16]),
        kind: Kind::Reading,
        stream: Stream::Disaster,
        status: Status::Actual,
        site: "lao-cai".into(),
        entity: "river-thao-01".into(),
        device: "gauge-17".into(),
        observed: Time(1_763_800_000_120_000_000),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: Time(1_763_800_000_512_345_678),
        processed: Time(1_763_800_000_512_000_000),
        sequence: Some(42),
        place: Some(Place {
            area: Some("02647".into()),
            lat: 22.4856,
            lon: 103.9707,
        }),
        flags: EventFlags::LATE.with(EventFlags::RETAINED),
        values: vec![
            Measured {
                measure: "water_level".into(),
                value: Value::Number(81.53),
                unit: "m".into(),
                quality: Quality::OUT_OF_RANGE,
            },
            Measured {
                measure: "door_open".into(),
                value: Value::Boolean(false),
                unit: "".into(),
                quality: Quality::GOOD,
            },
            Measured {
                measure: "mode".into(),
                value: Value::Code("auto".into()),
                unit: "".into(),
                quality: Quality::GOOD,
            },
        ],
    }
}

#[test]
fn an_event_is_what_its_schema_says() {
    check_schema(EVENT, &json_of(&gauge()));
    let mut bare = gauge();
    bare.place = None;
    bare.sequence = None;
    bare.values.clear();
    bare.observed_until = Some(Time(0));
    bare.valid_from = Some(Time(1));
    bare.valid_to = Some(Time(-1_000_000_000));
    check_schema(EVENT, &json_of(&bare));
}

#[test]
#[should_panic(expected = "water_level")]
fn the_schema_check_can_fail() {
    let broken = String::from_utf8(json_of(&gauge()))
        .expect("UTF-8")
        .replace("\"unit\":\"m\"", "\"unit\":7");
    check_schema(EVENT, broken.as_bytes());
}

pub(crate) fn alert() -> Alert {
    let text = |vi: &str, en: &str| Text {
        vi: vi.to_owned(),
        en: en.to_owned(),
    };
    let limit = Limit {
        name: "bd2".into(),
        value: 82.0,
        unit: "m".into(),
        source: "Quyết định 05/2020".to_owned(),
        verified: false,
    };
    Alert {
        id: AlertId("river-level:river-thao-01:abc-12".to_owned()),
        rule: "river-level".to_owned(),
        severity: Severity::Critical,
        status: Status::Exercise,
        stream: Stream::Disaster,
        site: "lao-cai".into(),
        entity: "river-thao-01".into(),
        entity_name: text("Sông Thao", "Thao river"),
        area: Some("02647".into()),
        area_name: Some("Phường Lào Cai".to_owned()),
        lat: Some(22.4),
        lon: Some(103.9),
        state: AlertState::Acknowledged,
        revision: 3,
        since: Time(1_763_800_000_000_000_000),
        raised: Time(1_763_800_000_000_000_001),
        changed: Time(1_763_800_100_000_000_000),
        returned: Some(Time(1_763_800_100_000_000_000)),
        acknowledged: Some(Acknowledgement {
            operator: "lan".to_owned(),
            verified: false,
            at: Time(1_763_800_050_000_000_000),
            command_id: "c-1".to_owned(),
        }),
        shelved: Some(Shelving {
            operator: "lan".to_owned(),
            verified: true,
            at: Time(0),
            until: Time(10),
            reason: "sửa chữa".to_owned(),
            one_shot: false,
        }),
        comments: vec![Comment {
            operator: "lan".to_owned(),
            verified: false,
            at: Time(5),
            text: "đang kiểm tra".to_owned(),
        }],
        occurrences: 1,
        episodes: Vec::new(),
        rating: ::event::Rating::default(),
        handling: ::event::Handling::default(),
        incident: None,
        retrospective: false,
        measure: Some("water_level".into()),
        value: Some(82.4),
        unit: Some("m".into()),
        message: text("Nước lên", "Water rises"),
        guidance: text("Sơ tán", "Evacuate"),
        scale: vec![limit.clone()],
        unofficial: true,
        evidence: Evidence {
            rule: "river-level".to_owned(),
            rule_version: 2,
            condition: "water_level > bd2".to_owned(),
            hold_seconds: 0,
            values: [
                Value::Number(82.4),
                Value::Boolean(true),
                Value::Code("auto".into()),
            ]
            .map(|value| EvidenceValue {
                entity: None,
                measure: "water_level".into(),
                value,
                unit: "m".into(),
                quality: Quality::SENSOR_FAULT,
                observed: Time(1),
                received: Time(2),
                processed: Time(3),
                offset: 12,
            })
            .to_vec(),
            limits: vec![limit],
            last_heard: Some(Time(9)),
            windows: Vec::new(),
            considered: Vec::new(),
        },
    }
}

#[test]
fn transitions_and_alerts_are_what_their_schemas_say() {
    let mut bare = alert();
    bare.area = None;
    bare.area_name = None;
    bare.lat = None;
    bare.lon = None;
    bare.returned = None;
    bare.acknowledged = None;
    bare.shelved = None;
    bare.measure = None;
    bare.value = None;
    bare.unit = None;
    bare.evidence.last_heard = None;
    for alert in [alert(), bare] {
        let mut out = Vec::new();
        put_alert(&alert, &mut out).expect("encodable");
        check_schema(ALERT, &out);
        for (change, by) in [
            (Change::Raised, None),
            (Change::Commented, Some("lan".to_owned())),
        ] {
            let transition = Transition {
                change,
                by: by.clone(),
                command_id: by,
                alert: alert.clone(),
            };
            out.clear();
            put_transition(&transition, &mut out).expect("encodable");
            check_schema(TRANSITION, &out);
        }
    }
}

fn reject(payload: Vec<u8>) -> Reject {
    Reject {
        code: RejectCode::PayloadShape,
        reason: "not \"what\" it should be".to_owned(),
        client: "gauge-17".to_owned(),
        topic: "lao-cai/disaster/river".to_owned(),
        payload,
    }
}

fn reject_json(reject: &Reject, message_bytes: usize) -> Json {
    let stamp = Stamp {
        journal_ns: 1,
        wall_ns: 1_763_800_000_000_000_000,
    };
    let mut out = Vec::new();
    put_reject("abc-1-0", reject, stamp, message_bytes, &mut out);
    assert!(out.len() <= message_bytes, "{} bytes", out.len());
    check_schema(REJECT, &out);
    serde_json::from_slice(&out).expect("JSON")
}

#[test]
fn every_reject_code_is_in_the_schema() {
    for code in RejectCode::ALL {
        let mut reject = reject(b"x".to_vec());
        reject.code = code;
        reject_json(&reject, 1_000_000);
    }
}

#[test]
fn a_reject_carries_its_bytes_and_its_text_if_it_is_text() {
    let text = reject_json(&reject("{\"nước\": ".into()), 1_000_000);
    assert_eq!(text["payload_text"], "{\"nước\": ");
    assert_eq!(
        unbase64(text["payload_base64"].as_str().expect("text").as_bytes()),
        "{\"nước\": ".as_bytes()
    );
    let binary = reject_json(&reject(vec![0xff, 0x00, 0xfe]), 1_000_000);
    assert_eq!(binary.get("payload_text"), None);
    assert_eq!(binary["payload_base64"], "/wD+");
    let empty = reject_json(&reject(Vec::new()), 1_000_000);
    assert_eq!(empty["payload_base64"], "");
}

#[test]
fn a_reject_always_fits_into_a_message() {
    for size in [10_000, 30_000, 200_000] {
        for byte in [b'a', b'\0', 0xff] {
            let cut = reject_json(&reject(vec![byte; size]), 16_384);
            assert_eq!(cut["payload_bytes"], size);
            assert_eq!(cut["payload_truncated"], true);
        }
    }
    let whole = reject_json(&reject(vec![0; 2_000]), 16_384);
    assert_eq!(whole["payload_truncated"], false);
}
