use event::outcome::{Cause, encode_event, encode_reject, encode_transition};
use event::{
    Change, Event, EventFlags, EventId, Kind, Measured, Quality, Reject, RejectCode, Status,
    Stream, Value,
};

use super::*;
use crate::ConsoleConfig;

/// 2026-11-22T00:00:00Z
const START: i64 = 1_795_305_600 * Time::SECOND;

pub(crate) fn at(seconds: i64) -> Time {
    Time(START + seconds * Time::SECOND)
}

fn event(entity: &str, seconds: i64, values: &[(&str, f64)]) -> Event {
    Event {
        id: EventId::default(),
        kind: Kind::Reading,
        stream: Stream::Environment,
        status: Status::Actual,
        site: "lao-cai".into(),
        entity: entity.into(),
        device: entity.into(),
        observed: at(seconds),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: at(seconds),
        processed: at(seconds),
        sequence: Some(1),
        place: None,
        flags: EventFlags::default(),
        values: values
            .iter()
            .map(|(measure, value)| Measured {
                measure: (*measure).into(),
                value: Value::Number(*value),
                unit: "m".into(),
                quality: Quality::GOOD,
            })
            .collect(),
    }
}

struct Writer {
    view: View,
    next: u64,
}

impl Writer {
    fn new(config: &ConsoleConfig) -> Self {
        Self {
            view: View::new(config),
            next: 0,
        }
    }

    fn push(&mut self, kind: OutcomeKind, time: Time, encode: impl FnOnce(Cause, &mut Vec<u8>)) {
        let mut payload = Vec::new();
        encode(
            Cause {
                offset: self.next,
                index: 0,
                last: true,
            },
            &mut payload,
        );
        let record = Record {
            offset: self.next,
            kind: kind as u8,
            version: 1,
            time,
            payload: &payload,
        };
        self.view.apply(&record);
        self.next += 1;
    }

    fn event(&mut self, event: &Event) {
        let time = event.processed;
        self.push(OutcomeKind::Event, time, |cause, out| {
            encode_event(cause, event, out)
        });
    }

    fn changes(&mut self, from: u64) -> Option<(serde_json::Value, u64)> {
        let changes = self
            .view
            .take_changes(from, at(0), Intake::default())
            .unwrap()?;
        Some((
            serde_json::from_slice(&changes.json).unwrap(),
            changes.offset,
        ))
    }

    fn latest(&self) -> serde_json::Value {
        let mut out = b"[".to_vec();
        self.view.write_latest(&mut out).unwrap();
        out.push(b']');
        serde_json::from_slice(&out).unwrap()
    }
}

#[test]
fn the_newest_by_observed_time_wins_measure_by_measure() {
    let mut writer = Writer::new(&ConsoleConfig::default());
    writer.event(&event("wl-1", 10, &[("level", 2.0), ("rain", 1.0)]));
    writer.event(&event("wl-1", 20, &[("level", 3.0)]));
    writer.event(&event("wl-1", 15, &[("level", 9.0), ("rain", 5.0)]));
    let latest = writer.latest();
    assert_eq!(latest[0]["values"]["level"]["value"], 3.0);
    assert_eq!(latest[0]["values"]["rain"]["value"], 5.0);
    assert_eq!(latest[0]["observed"], at(20).to_string());
    let (unit, points) = writer.view.series("wl-1", "level", 0).unwrap();
    assert_eq!(&*unit, "m");
    assert!(points.is_sorted_by_key(|point| point.0), "{points:?}");
    assert!(
        points.iter().any(|point| point.1 == 9.0),
        "the late crest belongs to the chart"
    );
}

#[test]
fn drills_and_forecasts_never_overwrite_a_value() {
    let mut writer = Writer::new(&ConsoleConfig::default());
    writer.event(&event("wl-1", 10, &[("level", 2.0)]));
    writer.event(&Event {
        status: Status::Exercise,
        ..event("wl-1", 20, &[("level", 9.0)])
    });
    writer.event(&Event {
        kind: Kind::Announcement,
        ..event("wl-1", 30, &[("level", 9.0)])
    });
    assert_eq!(writer.latest()[0]["values"]["level"]["value"], 2.0);
}

#[test]
fn a_frame_holds_what_changed_and_an_id_promises_everything_below_it() {
    let mut writer = Writer::new(&ConsoleConfig::default());
    assert!(writer.changes(0).is_none());
    let entities = FRAME_ENTITIES_MAX + 5;
    for number in 0..entities {
        writer.event(&event(&format!("aqm-{number}"), 1, &[("pm25", 1.0)]));
    }
    let (first, offset) = writer.changes(0).unwrap();
    assert_eq!(
        first["latest"].as_array().unwrap().len(),
        FRAME_ENTITIES_MAX
    );
    assert_eq!(offset, 0, "not everything is in: the offset may not move");
    let (second, offset) = writer.changes(offset).unwrap();
    assert_eq!(second["latest"].as_array().unwrap().len(), 5);
    assert_eq!(offset, entities as u64);
    assert!(writer.changes(offset).is_none());
}

#[test]
fn what_calls_a_person_is_urgent_and_what_only_moved_is_not() {
    let mut writer = Writer::new(&ConsoleConfig::default());
    assert_eq!(writer.view.pending(), Pending::Nothing);
    writer.event(&event("wl-1", 10, &[("level", 2.0)]));
    assert_eq!(writer.view.pending(), Pending::Data);
    for (change, expected) in [
        (Change::Revised, Pending::Data),
        (Change::ReturnedToNormal, Pending::Data),
        (Change::Raised, Pending::Urgent),
        (Change::Revised, Pending::Data),
        (Change::Acknowledged, Pending::Urgent),
    ] {
        let transition = Transition {
            change,
            by: None,
            command_id: None,
            alert: crate::sample::alert("r:wl-1:1", at(10)),
        };
        writer.push(OutcomeKind::Transition, at(10), |cause, out| {
            encode_transition(cause, &transition, out).unwrap();
        });
        assert_eq!(writer.view.pending(), expected, "{change:?}");
        // A frame takes all, and with it the urgency.
        assert!(writer.changes(0).is_some());
        assert_eq!(writer.view.pending(), Pending::Nothing);
    }
}

#[test]
fn rejects_are_counted_kept_and_bounded() {
    let mut writer = Writer::new(&ConsoleConfig::default());
    for number in 0..250 {
        let reject = Reject {
            code: RejectCode::PayloadNotJson,
            reason: format!("number {number}"),
            client: "c".into(),
            topic: "t".into(),
            payload: vec![b'x'; 10_000],
        };
        writer.push(OutcomeKind::Reject, at(number), |cause, out| {
            encode_reject(cause, &reject, out)
        });
    }
    let rejects = serde_json::to_value(
        writer
            .view
            .rejects()
            .iter()
            .map(|reject| &**reject)
            .collect::<Vec<_>>(),
    )
    .unwrap();
    assert_eq!(rejects.as_array().unwrap().len(), 200);
    assert_eq!(rejects[0]["reason"], "number 249");
    assert_eq!(rejects[0]["payload"].as_str().unwrap().len(), 4_096);
    assert_eq!(rejects[0]["payload_bytes"], 10_000);
}

#[test]
fn an_unreadable_record_is_counted_and_the_next_is_folded() {
    let mut writer = Writer::new(&ConsoleConfig::default());
    writer.push(OutcomeKind::Event, at(0), |_, out| {
        out.extend_from_slice(&[0xff; 7])
    });
    writer.event(&event("wl-1", 10, &[("level", 2.0)]));
    assert_eq!(writer.view.health(2, 0).unreadable, 1);
    assert_eq!(writer.view.health(2, 0).behind, 0);
    assert_eq!(writer.latest()[0]["entity"], "wl-1");
}

#[test]
fn entities_and_series_stay_within_their_bounds() {
    let config = ConsoleConfig {
        entities_max: 100,
        series_max: 40,
        ..ConsoleConfig::default()
    };
    let mut writer = Writer::new(&config);
    for number in 0..1_000 {
        writer.event(&event(
            &format!("aqm-{number}"),
            number,
            &[("pm25", 1.0), ("pm10", 2.0)],
        ));
        assert!(writer.view.entities.len() <= 100);
    }
    let latest = writer.latest();
    let names: Vec<_> = latest
        .as_array()
        .unwrap()
        .iter()
        .map(|each| &each["entity"])
        .collect();
    assert!(
        names.iter().any(|name| **name == "aqm-999"),
        "the newest stay"
    );
    let kept =
        (0..1_000).filter_map(|number| writer.view.series(&format!("aqm-{number}"), "pm25", 0));
    assert!(kept.filter(|(_, points)| !points.is_empty()).count() <= 40);
    assert!(writer.view.devices_heard() <= 100);
}

#[test]
fn resolved_alerts_leave_before_active_ones() {
    let config = ConsoleConfig {
        alerts_max: 64,
        alerts_resolved_max: 32,
        ..ConsoleConfig::default()
    };
    let mut writer = Writer::new(&config);
    for number in 0..200_i64 {
        let mut alert = crate::sample::alert(&format!("a-{number:03}"), at(number));
        if number % 2 == 0 {
            alert.state = event::AlertState::Normal;
        }
        let transition = Transition {
            change: Change::Raised,
            by: None,
            command_id: None,
            alert,
        };
        writer.push(OutcomeKind::Transition, at(number), |cause, out| {
            encode_transition(cause, &transition, out).unwrap();
        });
        assert!(writer.view.alerts().len() <= 64);
    }
    assert!(writer.view.alert("a-199").is_some());
    assert!(writer.view.alert("a-000").is_none());
    let active = writer
        .view
        .alerts()
        .iter()
        .filter(|shown| is_active(&shown.alert))
        .count();
    assert_eq!(
        active as u64,
        writer.view.counters(Intake::default()).alerts_active
    );
}

/// Printed with `--nocapture`; the bound is loose because tests run unoptimised and beside others.
#[test]
fn folding_an_event_is_cheap() {
    let mut view = View::new(&ConsoleConfig::default());
    let values = [
        ("pm25", 1.0),
        ("pm10", 2.0),
        ("no2", 3.0),
        ("temp", 4.0),
        ("hum", 5.0),
    ];
    let payloads: Vec<Vec<u8>> = (0..2_000)
        .map(|number| {
            let mut out = Vec::new();
            let cause = Cause {
                offset: number,
                index: 0,
                last: true,
            };
            encode_event(
                cause,
                &event(&format!("aqm-{}", number % 500), 1, &values),
                &mut out,
            );
            out
        })
        .collect();
    let rounds = 50;
    let started = std::time::Instant::now();
    for round in 0..rounds {
        for (number, payload) in payloads.iter().enumerate() {
            let offset = (round * payloads.len() + number) as u64;
            view.apply(&Record {
                offset,
                kind: 1,
                version: 1,
                time: at(1),
                payload,
            });
        }
    }
    let each = started.elapsed().as_secs_f64() / (rounds * payloads.len()) as f64;
    println!(
        "fold: {:.3} us an event of {} values",
        each * 1e6,
        values.len()
    );
    assert!(each < 50e-6, "{each}");
}
