//! Rain windows: 14 days with two resets against windows counted by hand, any order of delivery, gaps, wraps, interval gauges.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use std::collections::BTreeMap;

use event::{Event, EventFlags, Quality, Time};
use proptest::prelude::*;
use site::*;

const READINGS: &str = include_str!("../testdata/rain/readings.csv");
const WINDOWS: &str = include_str!("../testdata/rain/windows.csv");
const MEASURES: [&str; 7] = [
    "rain_1h", "rain_3h", "rain_6h", "rain_12h", "rain_24h", "rain_48h", "rain_72h",
];

fn rows(text: &str) -> impl Iterator<Item = Vec<f64>> {
    text.lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
}

fn fourteen_days() -> Vec<Event> {
    rows(READINGS)
        .map(|row| {
            reading(
                "rg-count",
                START + row[0] as i64 * MINUTE,
                &[("rain_total", row[1])],
            )
        })
        .collect()
}

/// Every window of every reading as counted by hand, and `INCOMPLETE` exactly where the gauge was not heard for long enough.
fn check_fourteen_days(out: &[Event]) {
    let last = last_words(out);
    let mut checked = 0;
    for row in rows(WINDOWS) {
        let at = (START + row[0] as i64 * MINUTE) / Time::SECOND;
        for (index, measure) in MEASURES.iter().enumerate() {
            let key = ("rg-count".to_owned(), (*measure).to_owned(), at);
            let (value, quality) = &last[&key];
            let expected = (
                format!("Number({:?})", row[1 + index]),
                index >= row[8] as usize,
            );
            let incomplete = quality.has(Quality::INCOMPLETE);
            assert_eq!(
                (value.clone(), incomplete),
                expected,
                "{measure} at minute {}",
                row[0]
            );
            assert!(!quality.has(Quality::RATE));
            checked += 1;
        }
    }
    assert_eq!(checked, (14 * 144 - 1 - 31) * 7);
    assert_eq!(last.len(), checked, "nothing else is said");
}

#[test]
fn fourteen_days_with_two_resets() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for event in fourteen_days() {
        deriver.event(&event, &mut out);
    }
    check_fourteen_days(&out);
    assert!(out.iter().all(|event| event.flags == EventFlags::DERIVED));
    assert_eq!(deriver.counts().revised, 0);
    // 72 h and the 48 h in which results are revised, six an hour, and one to count from.
    assert!(
        deriver.counts().readings <= 120 * 6 + 2,
        "{:?}",
        deriver.counts()
    );
}

#[test]
fn fourteen_days_delivered_out_of_order() {
    let mut events = fourteen_days();
    // Minutes late by a fixed scramble: most in time, some by hours, a few by more than a day.
    let mut seed = 11_u64;
    let mut arrivals: Vec<(i64, usize)> = (0..events.len())
        .map(|index| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let late = match seed >> 33 & 31 {
                0 => 26 * 60,
                1..=3 => 300,
                4..=9 => 45,
                _ => 0,
            };
            (index as i64 * 10 + late, index)
        })
        .collect();
    arrivals.sort_unstable();
    let mut deriver = deriver();
    let mut out = Vec::new();
    for (minute, index) in &arrivals {
        let event = &mut events[*index];
        event.processed = Time(START + minute * MINUTE);
        event.received = event.processed;
        deriver.event(event, &mut out);
    }
    check_fourteen_days(&out);
    assert!(deriver.counts().revised > 100, "{:?}", deriver.counts());
    assert_eq!(deriver.counts().too_old + deriver.counts().revisions_cut, 0);
    // 6 h is the bound of the stream in the real site; the test site has none, so nothing is history.
    assert!(out.iter().any(|event| event.flags.has(EventFlags::LATE)));
}

#[test]
fn a_repeat_changes_nothing() {
    let events = fourteen_days();
    let mut deriver = deriver();
    for event in &events[..300] {
        fold(&mut deriver, event);
    }
    for event in &events[100..300] {
        assert_eq!(fold(&mut deriver, event), []);
    }
    assert_eq!(deriver.counts().repeats, 200);
}

#[test]
fn a_late_reading_revises_what_it_changes_and_is_flagged() {
    let mut deriver = deriver();
    let at = |minute: i64| START + minute * MINUTE;
    let total = |minute, mm| reading("rg-count", at(minute), &[("rain_total", mm)]);
    fold(&mut deriver, &total(0, 10.0));
    // The reading of 00:30 is on its way; without it the counter seems to have risen evenly.
    fold(&mut deriver, &total(60, 16.0));
    let live = fold(&mut deriver, &total(90, 16.0));
    assert_eq!(said(&live, "rain_1h"), (3.0, Quality::GOOD));
    let mut late = total(30, 15.0);
    late.flags = EventFlags::LATE.with(EventFlags::HISTORY);
    late.processed = Time(at(91));
    let out = fold(&mut deriver, &late);
    let times: Vec<i64> = out
        .iter()
        .map(|event| event.observed.0 / Time::SECOND * Time::SECOND)
        .collect();
    // At 00:30 for the first time; at 01:00 nothing of it changed; at 01:30 only 1 mm fell after 00:30.
    assert_eq!(times, [at(30), at(90)]);
    assert_eq!(number(&out[1], "rain_1h"), Some(1.0));
    for event in &out {
        assert!(event.flags.has(late.flags.with(EventFlags::DERIVED)));
    }
    assert!(
        out[1].observed > live[0].observed,
        "a revision lies behind what it replaces"
    );
    assert_ne!(out[1].id, live[0].id);
    // The next live one is not late again.
    let next = fold(&mut deriver, &total(100, 16.0));
    assert_eq!(next[0].flags, EventFlags::DERIVED);
}

#[test]
fn a_fall_is_a_wrap_a_reset_or_neither() {
    let mut deriver = deriver();
    let total = |entity: &str, minute: i64, mm| {
        reading(entity, START + minute * MINUTE, &[("rain_total", mm)])
    };
    // 998.6 -> 0.8 at a wrap of 1,000: 2.2 mm.
    fold(&mut deriver, &total("rg-wrap", 0, 998.6));
    assert_eq!(
        said(&fold(&mut deriver, &total("rg-wrap", 60, 0.8)), "rain_1h"),
        (2.2, Quality::GOOD)
    );
    // 500 -> 3: a wrap would be 503 mm in an hour, so it is a reset: 3 mm.
    fold(&mut deriver, &total("rg-wrap", 120, 200.0));
    assert_eq!(
        said(&fold(&mut deriver, &total("rg-wrap", 180, 3.0)), "rain_1h"),
        (3.0, Quality::GOOD)
    );
    // Back by a little: neither; nothing counts and it says so.
    fold(&mut deriver, &total("rg-count", 0, 400.4));
    let back = fold(&mut deriver, &total("rg-count", 60, 400.2));
    assert_eq!(said(&back, "rain_1h"), (0.0, Quality::INCOMPLETE));
    // A rise that cannot be rain counts, for it may be: flagged.
    let leap = fold(&mut deriver, &total("rg-count", 120, 800.2));
    assert_eq!(said(&leap, "rain_1h"), (400.0, Quality::RATE));
}

#[test]
fn rain_of_a_gap_is_spread_and_an_edge_in_it_is_incomplete() {
    let mut deriver = deriver();
    let total =
        |minute: i64, mm| reading("rg-count", START + minute * MINUTE, &[("rain_total", mm)]);
    fold(&mut deriver, &total(0, 0.0));
    let out = fold(&mut deriver, &total(360, 36.0));
    assert_eq!(said(&out, "rain_1h"), (6.0, Quality::INCOMPLETE));
    assert_eq!(said(&out, "rain_3h"), (18.0, Quality::INCOMPLETE));
    assert_eq!(said(&out, "rain_6h"), (36.0, Quality::GOOD));
    assert_eq!(said(&out, "rain_12h"), (36.0, Quality::INCOMPLETE));
}

#[test]
fn interval_gauges_add_up_and_need_coverage() {
    let mut deriver = deriver();
    let tip = |minute: i64, mm| reading("rg-tip", START + minute * MINUTE, &[("rain_10min", mm)]);
    let mut out = Vec::new();
    for step in 0..=18_i64 {
        out = fold(
            &mut deriver,
            &tip(step * 10, if step % 2 == 0 { 0.4 } else { 0.0 }),
        );
    }
    assert_eq!(said(&out, "rain_1h"), (1.2, Quality::GOOD));
    assert_eq!(said(&out, "rain_3h"), (3.6, Quality::GOOD));
    assert_eq!(said(&out, "rain_24h"), (4.0, Quality::INCOMPLETE));
    // Three of six readings are missing: the hour is not complete.
    out = fold(&mut deriver, &tip(220, 1.0));
    assert_eq!(said(&out, "rain_1h"), (1.4, Quality::INCOMPLETE));
    // An interval that the event names counts at its end.
    let mut named = tip(220, 3.0);
    named.observed_until = Some(Time(START + 250 * MINUTE));
    let out = fold(&mut deriver, &named);
    assert_eq!(out[0].observed, Time(START + 250 * MINUTE + 21));
    assert_eq!(said(&out, "rain_1h").0, 4.0);
}

#[test]
fn two_gauges_of_one_place_are_two_gauges() {
    let mut deriver = deriver();
    let total =
        |minute: i64, mm| reading("rg-count", START + minute * MINUTE, &[("rain_total", mm)]);
    fold(&mut deriver, &total(0, 100.0));
    fold(&mut deriver, &from_device(total(1, 7.0), "other"));
    let out = fold(&mut deriver, &total(60, 101.0));
    assert_eq!(number(&out[0], "rain_1h"), Some(1.0));
    let out = fold(&mut deriver, &from_device(total(61, 9.0), "other"));
    assert_eq!(
        (number(&out[0], "rain_1h"), &*out[0].device),
        (Some(2.0), "other")
    );
}

/// What the naive model thinks of readings in order: rain of each minute, then sums of minutes.
fn naive(readings: &[(i64, f64)]) -> BTreeMap<(i64, usize), f64> {
    let end = readings.last().unwrap().0;
    let mut minutes = vec![0.0; end as usize + 1];
    for pair in readings.windows(2) {
        let ((before, old), (at, new)) = (pair[0], pair[1]);
        let fell = if new < old { new } else { new - old };
        for minute in before + 1..=at {
            minutes[minute as usize] = fell / (at - before) as f64;
        }
    }
    let mut windows = BTreeMap::new();
    for (at, _) in &readings[1..] {
        for (index, hours) in [1, 3, 6, 12, 24, 48, 72].into_iter().enumerate() {
            let from = (at - hours * 60 + 1).max(0);
            let sum = minutes[from as usize..=*at as usize].iter().sum();
            windows.insert((*at, index), sum);
        }
    }
    windows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Random rain, gaps and resets, delivered in a random order: the last word on every window is the naive model's.
    #[test]
    fn windows_equal_a_naive_model_in_any_order(
        steps in prop::collection::vec((1_i64..90, 0_u32..40, prop::bool::weighted(0.1)), 5..70),
        order in any::<u64>(),
    ) {
        let (mut minute, mut counter) = (0, 60.0);
        let mut readings = vec![(0, counter)];
        for (gap, tenths, reset) in steps {
            minute += gap;
            let fell = f64::from(tenths) / 8.0;
            counter = if reset { fell } else { counter + fell };
            readings.push((minute, counter));
        }
        // A reset that does not show as a fall is no reset to anybody; the model takes the values as they are too.
        let mut events: Vec<Event> = readings
            .iter()
            .map(|(minute, mm)| reading("rg-count", START + minute * MINUTE, &[("rain_total", *mm)]))
            .collect();
        let mut seed = order | 1;
        for index in (1..events.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            events.swap(index, (seed >> 33) as usize % (index + 1));
        }
        let mut deriver = deriver();
        let mut out = Vec::new();
        let mut newest = i64::MIN;
        for event in &events {
            newest = newest.max(event.observed.0);
            deriver.event(event, &mut out);
        }
        prop_assume!(deriver.counts().too_old == 0);
        let last = last_words(&out);
        for ((minute, index), expected) in naive(&readings) {
            let at = START + minute * MINUTE;
            if at < newest - 48 * HOUR {
                continue;
            }
            let key = ("rg-count".to_owned(), MEASURES[index].to_owned(), at / Time::SECOND);
            let (value, _) = &last[&key];
            let value: f64 = value.trim_start_matches("Number(").trim_end_matches(')').parse().unwrap();
            prop_assert!((value - expected).abs() < 2e-6, "{key:?}: {value} is not {expected}");
        }
    }
}
