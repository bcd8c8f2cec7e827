//! What the encoder writes is what an independent parser reads: nothing lost, nothing added (line-protocol injection).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test program"
)]

mod common;

use std::collections::BTreeMap;

use common::{
    T0, batch, event_payload, event_record, measured, reading, transition, transition_record,
};
use event::outcome::{EventView, VERSION};
use event::{
    Change, Event, EventFlags, EventId, Kind, Measured, Name, Place, Quality, Status, Stream, Time,
    Value,
};
use influxdb::line::{Columns, LineError, put_event};
use influxdb::{Lines, percent_decode};
use influxdb_line_protocol::{FieldValue, ParsedLine, parse_lines};
use proptest::prelude::*;

const ALL: Columns = Columns {
    event_id: true,
    device: true,
};

#[derive(Clone, Debug, PartialEq)]
enum Field {
    Float(f64),
    Text(String),
}

#[derive(Debug, PartialEq)]
struct Point {
    measurement: String,
    tags: BTreeMap<String, String>,
    fields: BTreeMap<String, Field>,
    time: i64,
}

/// Keys and tags as they come back from a server, turned back into names.
fn point(line: &ParsedLine<'_>) -> Point {
    let tags = line.series.tag_set.iter().flatten();
    let fields = line.field_set.iter().map(|(key, value)| {
        let value = match value {
            FieldValue::F64(number) => Field::Float(*number),
            // Line protocol has no mark for floats: without one, a number is a float.
            FieldValue::String(text) => Field::Text(text.to_string()),
            other => panic!("a field of another type: {other:?}"),
        };
        (percent_decode(key.as_str()), value)
    });
    Point {
        measurement: line.series.measurement.to_string(),
        tags: tags
            .map(|(key, value)| (key.to_string(), percent_decode(value.as_str())))
            .collect(),
        fields: fields.collect(),
        time: line.timestamp.unwrap(),
    }
}

fn parsed(text: &[u8]) -> Vec<Point> {
    parse_lines(std::str::from_utf8(text).unwrap())
        .map(|line| point(&line.unwrap()))
        .collect()
}

/// What the contract says that an event becomes.
fn expected(event: &Event) -> Point {
    let json = |value: &dyn erased::Serialize| value.text();
    let tags = [
        (
            "area",
            event
                .place
                .as_ref()
                .and_then(|place| place.area.as_deref())
                .unwrap_or_default()
                .to_owned(),
        ),
        ("entity", event.entity.to_string()),
        ("kind", json(&event.kind)),
        ("site", event.site.to_string()),
        ("status", json(&event.status)),
    ];
    let mut fields = BTreeMap::new();
    for Measured {
        measure,
        value,
        quality,
        ..
    } in &event.values
    {
        let (key, field) = match value {
            Value::Number(number) => (measure.to_string(), Field::Float(*number)),
            Value::Boolean(boolean) => (
                measure.to_string(),
                Field::Float(f64::from(u8::from(*boolean))),
            ),
            Value::Code(code) => (format!("{measure}_code"), Field::Text(code.to_string())),
        };
        fields.insert(key, field);
        if !quality.is_good() {
            fields.insert(
                format!("{measure}_quality"),
                Field::Text(quality.names().join("|")),
            );
        }
    }
    if event.device != event.entity {
        fields.insert("device".to_owned(), Field::Text(event.device.to_string()));
    }
    fields.insert("event_id".to_owned(), Field::Text(event.id.to_string()));
    Point {
        measurement: json(&event.stream),
        tags: tags
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
        fields,
        time: event.observed.0,
    }
}

/// The word of a closed list as it stands in JSON.
mod erased {
    pub(crate) trait Serialize {
        fn text(&self) -> String;
    }

    impl<T: serde::Serialize> Serialize for T {
        fn text(&self) -> String {
            serde_json::to_value(self)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        }
    }
}

/// Names as a hostile publisher would choose them.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9_-]{0,8}",
        any::<String>(),
        r#"[a-c,= "\\\n\r\t%#'0-9]{0,10}"#,
        Just(r"ends with \".to_owned()),
        Just("a v=1 1\nenergy,entity=x v=2 2".to_owned()),
    ]
}

/// A text column and a number never meet in one event here: the contract keeps their keys apart by a percent form, which
/// turning back hides.
fn measure() -> impl Strategy<Value = String> {
    hostile().prop_filter("taken", |name| {
        !name.ends_with("_code")
            && !name.ends_with("_quality")
            && !matches!(&**name, "device" | "event_id")
    })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::Number),
        (-1_000_000..1_000_000_i64).prop_map(|number| Value::Number(number as f64 / 100.0)),
        any::<bool>().prop_map(Value::Boolean),
        hostile().prop_map(|code| Value::Code(code.into())),
    ]
}

prop_compose! {
    fn event()(
        id in any::<[u8; 16]>(),
        kind in prop_oneof![Just(Kind::Reading), Just(Kind::State), Just(Kind::Warning), Just(Kind::Announcement)],
        stream in prop_oneof![Just(Stream::Disaster), Just(Stream::Energy), Just(Stream::Environment), Just(Stream::Tourism)],
        status in prop_oneof![Just(Status::Actual), Just(Status::Exercise), Just(Status::Test)],
        (site, entity, device) in (hostile(), hostile(), hostile()),
        area in proptest::option::of(hostile()),
        observed in prop_oneof![i64::MIN + 2..i64::MAX, T0..T0 + 1_000_000_000_000],
        values in proptest::collection::btree_map(measure(), (value(), 0..8_u16), 0..5),
    ) -> Event {
        let values = values.into_iter().map(|(measure, (value, quality))| Measured {
            measure: measure.into(), value, unit: "m".into(), quality: Quality(quality),
        });
        let name = |text: String| Name::from(text);
        Event {
            id: EventId(id), kind, stream, status, site: name(site), entity: name(entity), device: name(device),
            observed: Time(observed), observed_until: None, valid_from: None, valid_to: None, received: Time(0),
            processed: Time(0), sequence: None, flags: EventFlags::default(), values: values.collect(),
            place: area.map(|area| Place { area: Some(area.into()), lat: 22.0, lon: 104.0 }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_is_read(events in proptest::collection::vec(event(), 1..4)) {
        let records = (0..).zip(&events).map(|(offset, event)| event_record(offset, event)).collect();
        let mut lines = Lines::default();
        lines.fill(&batch(records), ALL);
        prop_assert_eq!(lines.len(), events.len());
        let points = parsed(lines.text());
        let expected: Vec<_> = events.iter().map(expected).collect();
        prop_assert_eq!(points, expected);
    }
}

fn line_of(event: &Event, columns: Columns) -> String {
    let payload = event_payload(event);
    let mut out = Vec::new();
    put_event(
        &EventView::read(VERSION, &payload).unwrap(),
        columns,
        &mut out,
    )
    .unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_reads_well() {
    let mut event = reading(
        "wl-lao-cai",
        T0,
        vec![
            measured("level", Value::Number(80.5)),
            measured("door_open", Value::Boolean(true)),
            measured("weather", Value::Code("heavy \"rain\"".into())),
        ],
    );
    event.stream = Stream::Disaster;
    event.values[0].quality = Quality::OUT_OF_RANGE.with(Quality::MAINTENANCE);
    assert_eq!(
        line_of(&event, Columns::default()),
        "disaster,area=02647,entity=wl-lao-cai,kind=reading,site=lao-cai,status=actual \
         level=80.5,level_quality=\"out_of_range|maintenance\",door_open=1,\
         weather_code=\"heavy \\\"rain\\\"\" 1725840000000000000\n"
    );
    event.device = "gw-1".into();
    event.values.truncate(1);
    event.values[0].quality = Quality::GOOD;
    assert_eq!(
        line_of(&event, ALL),
        "disaster,area=02647,entity=wl-lao-cai,kind=reading,site=lao-cai,status=actual \
         level=80.5,device=\"gw-1\",event_id=\"07070707-0707-0707-0707-070707070707\" 1725840000000000000\n"
    );
}

/// The type of a field follows from its key, whatever measures are called.
#[test]
fn no_two_types_share_a_key() {
    let names = [
        "air",
        "air_quality",
        "air_code",
        "device",
        "event_id",
        "time",
        "",
        "x_code_code",
    ];
    let mut types: BTreeMap<String, bool> = BTreeMap::new();
    for name in names {
        for value in [
            Value::Number(1.5),
            Value::Boolean(true),
            Value::Code("c".into()),
        ] {
            let mut event = reading("e", T0, vec![measured(name, value)]);
            event.device = "d".into();
            event.values[0].quality = Quality::SENSOR_FAULT;
            let text = line_of(&event, ALL);
            let lines: Vec<_> = parse_lines(&text).map(Result::unwrap).collect();
            assert_eq!(lines.len(), 1, "{text}");
            for (key, value) in &lines[0].field_set {
                let is_text = matches!(value, FieldValue::String(_));
                assert_eq!(
                    *types.entry(key.to_string()).or_insert(is_text),
                    is_text,
                    "{key}"
                );
                assert!(!key.as_str().is_empty() && key.as_str() != "time");
            }
        }
    }
}

#[test]
fn an_event_without_values_is_still_a_point() {
    let text = line_of(&reading("e", T0, Vec::new()), Columns::default());
    assert!(text.contains(" event_id=\"07070707-"), "{text}");
}

#[test]
fn what_cannot_be_stored_is_refused_and_leaves_no_trace() {
    let good = reading("e", T0, vec![measured("level", Value::Number(1.0))]);
    for observed in [i64::MIN, i64::MIN + 1, i64::MAX] {
        let payload = event_payload(&Event {
            observed: Time(observed),
            processed: Time(0),
            ..good.clone()
        });
        let mut out = b"before\n".to_vec();
        let view = EventView::read(VERSION, &payload).unwrap();
        assert!(matches!(
            put_event(&view, ALL, &mut out),
            Err(LineError::Time)
        ));
        assert_eq!(out, b"before\n");
    }
    // Not finite: refused where the record is read, and where it is written.
    let mut bad = good.clone();
    bad.values.push(measured("broken", Value::Number(f64::NAN)));
    let payload = event_payload(&bad);
    let mut out = Vec::new();
    let written = EventView::read(VERSION, &payload)
        .map_err(LineError::from)
        .and_then(|view| put_event(&view, ALL, &mut out));
    assert!(written.is_err() && out.is_empty());
}

#[test]
fn transitions_of_one_alert_stay_apart() {
    let records = [
        (Change::ReturnedToNormal, 4, T0),
        (Change::Resolved, 5, T0),
        (Change::Revised, 6, T0 + 1),
        (Change::Revised, 7, T0 + 1),
    ];
    let records = (0..)
        .zip(records)
        .map(|(offset, (change, revision, changed))| {
            transition_record(offset, &transition(change, revision, changed))
        });
    let mut lines = Lines::default();
    lines.fill(&batch(records.collect()), Columns::default());
    let points = parsed(lines.text());
    assert_eq!(points.len(), 4);
    assert_eq!(
        points.iter().map(|point| point.time).collect::<Vec<_>>(),
        [T0 + 4, T0 + 5, T0 + 7, T0 + 8]
    );
    let point = &points[0];
    assert_eq!(point.measurement, "alerts");
    let tags: Vec<_> = point
        .tags
        .iter()
        .map(|(key, value)| (&**key, &**value))
        .collect();
    assert_eq!(
        tags,
        [
            ("area", "02647"),
            ("change", "returned_to_normal"),
            ("entity", "wl-lao-cai"),
            ("rule", "flood"),
            ("severity", "critical"),
            ("site", "lao-cai"),
            ("status", "actual"),
            ("stream", "disaster"),
        ]
    );
    assert_eq!(
        point.fields["title_vi"],
        Field::Text("Mực nước \"trên\" báo động 3,\nlên nhanh \\".to_owned())
    );
    assert_eq!(point.fields["value"], Field::Float(83.5));
    assert_eq!(
        point.fields["id"],
        Field::Text("flood:wl-lao-cai:0-5".to_owned())
    );
}

/// The words of closed lists are those of JSON, everywhere.
#[test]
fn words_are_those_of_json() {
    use erased::Serialize as _;
    use event::{AlertState, Severity};
    let mut transition = transition(Change::Raised, 1, T0);
    let changes = [
        Change::Raised,
        Change::Reopened,
        Change::Revised,
        Change::Acknowledged,
        Change::ReturnedToNormal,
        Change::Resolved,
        Change::Shelved,
        Change::Unshelved,
        Change::Commented,
        Change::Annulled,
    ];
    let severities = [
        Severity::Critical,
        Severity::Major,
        Severity::Minor,
        Severity::Warning,
        Severity::Info,
    ];
    let states = [
        AlertState::Unacknowledged,
        AlertState::Acknowledged,
        AlertState::ReturnedUnacknowledged,
        AlertState::Normal,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        transition.change = change;
        transition.alert.severity = severities[index % severities.len()];
        transition.alert.state = states[index % states.len()];
        let mut out = Vec::new();
        influxdb::line::put_transition(&transition, &mut out).unwrap();
        let point = parsed(&out).remove(0);
        assert_eq!(point.tags["change"], change.text());
        assert_eq!(point.tags["severity"], transition.alert.severity.text());
        assert_eq!(
            point.fields["state"],
            Field::Text(transition.alert.state.text())
        );
    }
}
