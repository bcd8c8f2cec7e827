//! The fold itself: save and restore, ids, bounds, history, what is not folded, changed rules.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::collections::BTreeSet;
use std::sync::Arc;

use derive::{Deriver, State};
use event::{Event, EventFlags, EventId, Kind, Quality, Stream, Time, Value};
use proptest::prelude::*;
use site::*;

/// Readings of every rule of the site over three days, some out of order.
fn city() -> Vec<Event> {
    let mut events = Vec::new();
    let mut seed = 5_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for step in 0..72 * 3_i64 {
        let at = START + step * 20 * MINUTE - if step % 11 == 0 { 95 * MINUTE } else { 0 };
        let wave = (step % 40) as f64;
        let noise = random(10) as f64;
        let of = |entity: &str, offset: i64, values: &[(&str, f64)]| {
            reading(entity, at + offset, values)
        };
        events.push(of("wl-lao-cai", 0, &[("level", 79.0 + wave / 8.0)]));
        events.push(of("wl-radar", 1, &[("distance", 12.0 - wave / 8.0)]));
        events.push(of(
            "rg-count",
            2,
            &[("rain_total", ((step * 7) % 500) as f64)],
        ));
        events.push(of("rg-tip", 3, &[("rain_10min", noise / 4.0)]));
        events.push(of(
            "aqm-1",
            4,
            &[("pm25", 20.0 + wave), ("pm10", 40.0 + noise), ("o3", 80.0)],
        ));
        events.push(of(
            "wx-sa-pa",
            5,
            &[("temp", 20.0 + noise), ("hum", 50.0), ("rain_24h", 0.0)],
        ));
        events.push(of("mt-1", 6, &[("energy", step as f64 * 3.5)]));
        events.push(of(
            "tr-1",
            7,
            &[
                ("voltage_l1", 220.0),
                ("voltage_l2", 221.0),
                ("voltage_l3", 215.0),
                ("power", 50.0 + wave),
            ],
        ));
        events.push(of(
            "rv-1",
            8,
            &[
                ("inflow", 400.0 + wave),
                ("outflow", 410.0),
                ("outflow_turbine", 300.0),
                ("reservoir_level", 58.0),
            ],
        ));
        events.push(of("vc-1", 9, &[("count_in", noise), ("count_out", 4.0)]));
        events.push(of(
            "vc-2",
            10,
            &[("count_in", step as f64), ("count_out", (step / 2) as f64)],
        ));
    }
    for event in &mut events {
        // Journal time goes on whatever a reading says.
        event.processed = Time(event.observed.0.max(START));
    }
    events
}

fn bytes(deriver: &Deriver) -> Vec<u8> {
    postcard::to_stdvec(&deriver.save()).unwrap()
}

fn restored(bytes: &[u8]) -> Deriver {
    let state: State = postcard::from_bytes(bytes).unwrap();
    Deriver::restore(rules(), state).unwrap()
}

fn run(deriver: &mut Deriver, events: &[Event], out: &mut Vec<Event>) {
    for event in events {
        deriver.advance(event.processed, event.received, out);
        deriver.event(event, out);
    }
}

#[test]
fn a_restored_fold_goes_on_with_equal_events_and_bytes() {
    let events = city();
    let mut whole = deriver();
    let mut expected = Vec::new();
    run(&mut whole, &events, &mut expected);
    let measures: BTreeSet<String> = expected
        .iter()
        .flat_map(|event| {
            event
                .values
                .iter()
                .map(|measured| measured.measure.to_string())
        })
        .collect();
    assert!(measures.len() > 30, "{measures:?}");
    for cut in [0, 1, 700, events.len() / 2, events.len() - 1] {
        let mut first = deriver();
        let mut out = Vec::new();
        run(&mut first, &events[..cut], &mut out);
        let saved = bytes(&first);
        let mut second = restored(&saved);
        assert_eq!(bytes(&second), saved, "cut at {cut}");
        run(&mut second, &events[cut..], &mut out);
        assert_eq!(out, expected, "cut at {cut}");
        assert_eq!(bytes(&second), bytes(&whole), "cut at {cut}");
    }
    // The text form holds the same.
    let text = serde_json::to_string(&whole.save()).unwrap();
    let state: State = serde_json::from_str(&text).unwrap();
    assert_eq!(
        bytes(&Deriver::restore(rules(), state).unwrap()),
        bytes(&whole)
    );
}

#[test]
fn a_state_of_another_release_is_refused() {
    let text = serde_json::to_string(&deriver().save())
        .unwrap()
        .replace(r#""version":1"#, r#""version":2"#);
    let state: State = serde_json::from_str(&text).unwrap();
    assert!(Deriver::restore(rules(), state).is_none());
}

#[test]
fn ids_are_unique_and_the_same_in_every_run() {
    let events = city();
    let ids = || {
        let (mut deriver, mut out) = (deriver(), Vec::new());
        run(&mut deriver, &events, &mut out);
        out.iter().map(|event| event.id).collect::<Vec<EventId>>()
    };
    let first = ids();
    assert_eq!(first, ids());
    let distinct: BTreeSet<EventId> = first.iter().copied().collect();
    assert_eq!(distinct.len(), first.len());
    let inputs: BTreeSet<EventId> = events.iter().map(|event| event.id).collect();
    assert!(distinct.is_disjoint(&inputs));
}

#[test]
fn every_event_is_derived_sound_and_its_inputs_are_told_apart() {
    let events = city();
    let (mut deriver, mut out) = (deriver(), Vec::new());
    run(&mut deriver, &events, &mut out);
    for event in &out {
        assert!(event.flags.has(EventFlags::DERIVED) && event.kind == Kind::Reading);
        for measured in &event.values {
            assert!(measured.quality.is_usable());
            assert!(!matches!(measured.value, Value::Number(number) if !number.is_finite()));
        }
    }
    assert_eq!(deriver.counts().derived, out.len() as u64);
    assert_eq!(deriver.counts().folded, events.len() as u64);
}

#[test]
fn two_readings_of_one_instant_have_results_of_their_own() {
    let mut deriver = deriver();
    let first = reading("wl-lao-cai", START, &[("level", 80.5)]);
    let second = reading("wl-lao-cai", START, &[("level", 81.5)]);
    let mut out = fold(&mut deriver, &first);
    out.extend(fold(&mut deriver, &second));
    assert!(out.len() >= 2);
    let ids: BTreeSet<EventId> = out.iter().map(|event| event.id).collect();
    let times: BTreeSet<Time> = out.iter().map(|event| event.observed).collect();
    assert_eq!((ids.len(), times.len()), (out.len(), out.len()));
}

#[test]
fn what_is_not_a_reading_or_not_usable_or_already_derived_is_not_folded() {
    let mut deriver = deriver();
    let level = reading("wl-lao-cai", START, &[("level", 81.0)]);
    let mut announced = level.clone();
    announced.kind = Kind::Announcement;
    let mut derived = level.clone();
    derived.flags = EventFlags::DERIVED;
    for event in [announced, derived] {
        assert_eq!(fold(&mut deriver, &event), []);
    }
    for quality in [
        Quality::OUT_OF_RANGE,
        Quality::MAINTENANCE,
        Quality::SENSOR_FAULT,
        Quality::UNCERTAIN_SOURCE,
    ] {
        assert_eq!(
            fold(&mut deriver, &with_quality(level.clone(), quality)),
            []
        );
    }
    assert_eq!(
        fold(&mut deriver, &reading("nobody", START, &[("level", 81.0)])),
        []
    );
    assert_eq!(deriver.counts().series, 0);
    // Advice is passed on, and does not stop anything.
    let out = fold(&mut deriver, &with_quality(level, Quality::RATE));
    assert!(
        one(&out, "bd_status")
            .value("bd_status")
            .unwrap()
            .quality
            .has(Quality::RATE)
    );
}

#[test]
fn history_stays_history() {
    let mut deriver = deriver();
    let live = reading("rg-count", START + DAY, &[("rain_total", 50.0)]);
    fold(&mut deriver, &live);
    for hour in 0..20 {
        let mut block = reading(
            "rg-count",
            START + hour * HOUR,
            &[("rain_total", 10.0 + hour as f64)],
        );
        block.processed = live.processed;
        block.flags = EventFlags::HISTORY
            .with(EventFlags::LATE)
            .with(EventFlags::REPROCESSED);
        for event in fold(&mut deriver, &block) {
            assert!(event.flags.has(block.flags), "{event:?}");
        }
    }
    let next = reading(
        "rg-count",
        START + DAY + 10 * MINUTE,
        &[("rain_total", 50.0)],
    );
    let out = fold(&mut deriver, &next);
    assert_eq!(out[0].flags, EventFlags::DERIVED);
    let rain = number(&out[0], "rain_24h").unwrap();
    assert!(
        (rain - (40.0 - 1.0 / 6.0)).abs() < 1e-6,
        "{rain} with all that came late"
    );
}

#[test]
fn a_result_older_than_the_stream_s_lateness_is_history() {
    let mut vocabulary = vocabulary();
    vocabulary.lateness_seconds.insert(Stream::Disaster, 3_600);
    let mut files = event::PackFiles::default();
    files.files.insert(
        "derive.toml".to_owned(),
        DERIVE.replace("wl-lao-cai", "wl-vinh-yen").into_bytes(),
    );
    let thresholds = include_str!("../testdata/site/thresholds.toml");
    files
        .files
        .insert("thresholds.toml".to_owned(), thresholds.as_bytes().to_vec());
    let rules = derive::Rules::load(&files, &vocabulary).unwrap();
    let mut deriver = Deriver::new(Arc::new(rules));
    let mut late = reading("rg-tip", START, &[("rain_10min", 1.0)]);
    late.processed = Time(START + HOUR);
    assert!(!fold(&mut deriver, &late)[0].flags.has(EventFlags::HISTORY));
    let mut later = reading("rg-tip", START + MINUTE, &[("rain_10min", 1.0)]);
    later.processed = Time(START + HOUR + 2 * MINUTE);
    assert!(fold(&mut deriver, &later)[0].flags.has(EventFlags::HISTORY));
}

#[test]
fn members_of_a_family_are_taken_in_by_pattern_up_to_the_bound() {
    let few = DERIVE.replace("[limits]", "[limits]\nseries_max = 3\nidle_days = 1");
    let mut deriver = Deriver::new(Arc::new(load(&few).unwrap()));
    let member = |number: i64, at: i64| {
        reading(
            &format!("rg-family-{number}"),
            START + at,
            &[("rain_total", 1.0)],
        )
    };
    for number in 0..5 {
        fold(&mut deriver, &member(number, number));
    }
    assert_eq!(
        (deriver.counts().series, deriver.counts().series_refused),
        (3, 2)
    );
    // Members that were silent for a day make room.
    fold(&mut deriver, &member(0, DAY));
    fold(&mut deriver, &member(9, DAY + 3));
    assert_eq!(
        (deriver.counts().series, deriver.counts().series_refused),
        (2, 2)
    );
}

#[test]
fn a_full_series_lets_the_oldest_go_and_says_incomplete() {
    let few = DERIVE.replace("[limits]", "[limits]\nreadings_max = 100");
    let mut deriver = Deriver::new(Arc::new(load(&few).unwrap()));
    let mut out = Vec::new();
    for minute in 0..240_i64 {
        out = fold(
            &mut deriver,
            &reading(
                "rg-count",
                START + minute * MINUTE,
                &[("rain_total", minute as f64)],
            ),
        );
    }
    assert_eq!(deriver.counts().readings, 100);
    assert_eq!(deriver.counts().readings_cut, 140);
    assert_eq!(said(&out, "rain_1h"), (60.0, Quality::GOOD));
    assert_eq!(said(&out, "rain_3h"), (100.0, Quality::INCOMPLETE));
    fold(
        &mut deriver,
        &reading("rg-count", START + MINUTE / 2, &[("rain_total", 0.5)]),
    );
    assert_eq!(deriver.counts().too_old, 1);
}

#[test]
fn one_reading_revises_no_more_than_the_bound() {
    let few = DERIVE.replace("[limits]", "[limits]\nrevisions_max = 10");
    let mut deriver = Deriver::new(Arc::new(load(&few).unwrap()));
    for step in 0..60_i64 {
        fold(
            &mut deriver,
            &reading(
                "vc-1",
                START + step * MINUTE,
                &[("count_in", 1.0), ("count_out", 0.0)],
            ),
        );
    }
    let late = reading(
        "vc-1",
        START + MINUTE / 2,
        &[("count_in", 9.0), ("count_out", 0.0)],
    );
    let out = fold(&mut deriver, &late);
    // Its own and the ten newest.
    assert_eq!(out.len(), 11);
    assert_eq!(number(out.last().unwrap(), "people_present"), Some(69.0));
    assert_eq!(deriver.counts().revisions_cut, 49);
}

#[test]
fn changed_rules_keep_the_series_that_still_fit() {
    let mut deriver = deriver();
    let total =
        |minute: i64, mm| reading("rg-count", START + minute * MINUTE, &[("rain_total", mm)]);
    fold(&mut deriver, &total(0, 0.0));
    fold(&mut deriver, &reading("aqm-1", START, &[("pm25", 9.0)]));
    assert_eq!(deriver.counts().series, 2);
    let narrower = DERIVE.replace(
        r#", o3 = "o3", no2 = "no2", so2 = "so2", co = "co" }"#,
        " }",
    );
    assert_ne!(narrower, DERIVE);
    deriver.set_rules(Arc::new(load(&narrower).unwrap()));
    assert_eq!(
        deriver.counts().series,
        1,
        "the inputs of VN_AQI are others now"
    );
    assert_eq!(
        said(&fold(&mut deriver, &total(60, 3.0)), "rain_1h"),
        (3.0, Quality::GOOD)
    );
    deriver.set_rules(Arc::new(derive::Rules::default()));
    assert_eq!((deriver.counts().series, deriver.next_due()), (0, None));
    assert_eq!(fold(&mut deriver, &total(70, 4.0)), []);
}

/// No clock of the world says such times; nothing may break of them.
#[test]
fn the_ends_of_time_are_times() {
    let mut deriver = deriver();
    for at in [i64::MIN, i64::MAX, 0, i64::MIN + 1, i64::MAX - 1] {
        for (entity, measure) in [
            ("rg-count", "rain_total"),
            ("rg-tip", "rain_10min"),
            ("mt-1", "energy"),
            ("aqm-1", "pm25"),
            ("wx-sa-pa", "temp"),
            ("vc-2", "count_in"),
            ("wl-lao-cai", "level"),
            ("rv-1", "reservoir_level"),
            ("tr-1", "power"),
        ] {
            fold(&mut deriver, &reading(entity, at, &[(measure, 1.0)]));
        }
        deriver.advance(Time(at), Time(at), &mut Vec::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, in whatever order: no panic, finite values, revisions behind what they replace, bounded memory.
    #[test]
    fn any_readings_in_any_order(
        readings in prop::collection::vec((0_usize..8, -3_000_i64..9_000, -1.0e7_f64..1.0e7, 0_u8..5), 1..120)
    ) {
        let kinds: [(&str, &[&str]); 8] = [
            ("wl-lao-cai", &["level"]),
            ("wl-radar", &["distance"]),
            ("rg-wrap", &["rain_total"]),
            ("rg-tip", &["rain_10min"]),
            ("aqm-1", &["pm25", "o3"]),
            ("wx-sa-pa", &["temp", "hum", "rain_24h"]),
            ("mt-1", &["energy"]),
            ("vc-2", &["count_in", "count_out"]),
        ];
        let mut deriver = deriver();
        let mut out = Vec::new();
        for (kind, minute, value, small) in readings {
            let (entity, measures) = kinds[kind];
            let value = if small == 0 { value } else { value / 1e5 };
            let values: Vec<(&str, f64)> = measures.iter().map(|measure| (*measure, value)).collect();
            let event = reading(entity, START + minute * MINUTE, &values);
            deriver.advance(event.processed, event.received, &mut out);
            deriver.event(&event, &mut out);
        }
        for event in &out {
            for measured in &event.values {
                prop_assert!(!matches!(measured.value, Value::Number(number) if !number.is_finite()));
            }
        }
        let again = restored(&bytes(&deriver));
        prop_assert_eq!(bytes(&again), bytes(&deriver));
    }
}
