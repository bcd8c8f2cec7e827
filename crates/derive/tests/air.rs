//! VN_AQI: the official worked examples, the arithmetic against a direct formula, hours and days as they close.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use derive::arithmetic::{Averaging, Pollutant, index, nowcast, rounded};
use event::{Event, EventFlags, Quality, Status, Time};
use proptest::prelude::*;
use site::*;

/// Hourly means of PM2.5 from 09:00 to 20:00 of the official example.
const EXAMPLE: [f64; 12] = [
    26.9, 24.7, 20.5, 23.5, 19.5, 16.5, 19.0, 16.5, 20.3, 22.4, 19.6, 20.6,
];

fn newest_first(hours: &[f64]) -> Vec<Option<f64>> {
    hours.iter().rev().copied().map(Some).collect()
}

/// To a hundredth, as the examples print it.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn usual(pollutant: Pollutant, concentration: f64) -> f64 {
    index(pollutant, Averaging::Usual, concentration).unwrap()
}

#[test]
fn official_example_of_nowcast() {
    let result = nowcast(&newest_first(&EXAMPLE)).unwrap();
    assert_eq!(hundredths(result), 20.27);
    assert_eq!((result * 10.0).round() / 10.0, 20.3, "as printed");
}

/// Printed as 43, 60, 41 and 60 over all: the 60 is 59.35 and no rounding rule makes 60 of it and 65 of 65.4 below. Half up
/// gives 59.
#[test]
fn official_example_of_an_hour() {
    let indices = [
        usual(Pollutant::O3, 136.1),
        usual(Pollutant::No2, 118.7),
        usual(Pollutant::Pm25, 20.3),
    ];
    assert_eq!(indices.map(hundredths), [42.53, 59.35, 40.6]);
    assert_eq!(indices.map(rounded), [43.0, 59.0, 41.0]);
}

#[test]
fn official_example_of_a_day() {
    let eight = index(Pollutant::O3, Averaging::EightHours, 89.3).unwrap();
    let indices = [
        eight,
        usual(Pollutant::O3, 114.6),
        usual(Pollutant::No2, 130.8),
        usual(Pollutant::Pm25, 55.7),
    ];
    assert_eq!(indices.map(hundredths), [44.65, 35.81, 65.4, 109.5]);
    assert_eq!(indices.map(rounded), [45.0, 36.0, 65.0, 110.0]);
}

#[test]
fn breakpoints_are_the_decision_s() {
    // Concentrations of index 50, 100, 150, 200, 300, 400, 500.
    let table = [
        (
            Pollutant::O3,
            [160.0, 200.0, 300.0, 400.0, 800.0, 1_000.0, 1_200.0],
        ),
        (
            Pollutant::Co,
            [
                10_000.0, 30_000.0, 45_000.0, 60_000.0, 90_000.0, 120_000.0, 150_000.0,
            ],
        ),
        (
            Pollutant::So2,
            [125.0, 350.0, 550.0, 800.0, 1_600.0, 2_100.0, 2_630.0],
        ),
        (
            Pollutant::No2,
            [100.0, 200.0, 700.0, 1_200.0, 2_350.0, 3_100.0, 3_850.0],
        ),
        (
            Pollutant::Pm10,
            [50.0, 150.0, 250.0, 350.0, 420.0, 500.0, 600.0],
        ),
        (
            Pollutant::Pm25,
            [25.0, 50.0, 80.0, 150.0, 250.0, 350.0, 500.0],
        ),
    ];
    for (pollutant, concentrations) in table {
        let indices = concentrations.map(|concentration| usual(pollutant, concentration));
        assert_eq!(
            indices,
            [50.0, 100.0, 150.0, 200.0, 300.0, 400.0, 500.0],
            "{pollutant:?}"
        );
        assert_eq!(usual(pollutant, 0.0), 0.0);
        assert_eq!(usual(pollutant, 1e6), 500.0);
    }
    let eight = |concentration| index(Pollutant::O3, Averaging::EightHours, concentration);
    assert_eq!(
        [100.0, 120.0, 170.0, 210.0, 400.0].map(eight),
        [50.0, 100.0, 150.0, 200.0, 300.0].map(Some)
    );
    assert_eq!(eight(400.1), None, "above 400 the 8 h mean is not used");
    assert_eq!(index(Pollutant::No2, Averaging::EightHours, 1.0), None);
    assert_eq!(
        [50.5, 50.4, 64.499_999_999_999_99, 0.0].map(rounded),
        [51.0, 50.0, 65.0, 0.0]
    );
}

#[test]
fn nowcast_at_its_edges() {
    assert_eq!(nowcast(&[Some(0.0); 12]), Some(0.0), "all zero");
    assert_eq!(nowcast(&[Some(40.0); 12]), Some(40.0));
    // w* = 0.1, so w = 1/2 and all hours there: the literal sum, whose weights add up to 1 - 2^-12.
    let mut hours = [Some(100.0); 12];
    hours[11] = Some(10.0);
    let literal: f64 =
        (1..=11).map(|i| 0.5_f64.powi(i) * 100.0).sum::<f64>() + 0.5_f64.powi(12) * 10.0;
    assert_eq!(nowcast(&hours), Some(literal));
    // With an hour missing the weights are made up for.
    hours[5] = None;
    let weights: f64 = (1..=12).filter(|i| *i != 6).map(|i| 0.5_f64.powi(i)).sum();
    let sum = literal - 0.5_f64.powi(6) * 100.0;
    assert!((nowcast(&hours).unwrap() - sum / weights).abs() < 1e-9);
    // Two of the newest three.
    let with = |hours: &[usize]| {
        let mut all = [None; 12];
        hours.iter().for_each(|hour| all[*hour] = Some(10.0));
        nowcast(&all)
    };
    assert_eq!(with(&[0, 1]), Some(10.0));
    assert_eq!(with(&[1, 2]), Some(10.0));
    assert_eq!(with(&[0, 3, 4, 5, 6, 7, 8, 9, 10, 11]), None);
    assert_eq!(nowcast(&[]), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The text's formula written down as it stands, for every set of hours.
    #[test]
    fn nowcast_equals_the_direct_formula(
        hours in prop::collection::vec(prop::option::weighted(0.8, 0.0_f64..500.0), 0..16)
    ) {
        let c = |i: usize| hours.get(i - 1).copied().flatten();
        let there: Vec<usize> = (1..=12).filter(|i| c(*i).is_some()).collect();
        let expected = ((1..=3).filter(|i| c(*i).is_some()).count() >= 2).then(|| {
            let most = there.iter().map(|i| c(*i).unwrap()).fold(f64::MIN, f64::max);
            let least = there.iter().map(|i| c(*i).unwrap()).fold(f64::MAX, f64::min);
            let w = if most == 0.0 { 1.0 } else { f64::max(least / most, 0.5) };
            if w == 0.5 && there.len() == 12 {
                there.iter().map(|i| 0.5_f64.powi(*i as i32) * c(*i).unwrap()).sum::<f64>()
            } else {
                let weight = |i: &usize| w.powi(*i as i32 - 1);
                there.iter().map(|i| weight(i) * c(*i).unwrap()).sum::<f64>()
                    / there.iter().map(weight).sum::<f64>()
            }
        });
        match (nowcast(&hours), expected) {
            (Some(is), Some(expected)) => prop_assert!((is - expected).abs() < 1e-9),
            (is, expected) => prop_assert_eq!(is, expected),
        }
    }

    #[test]
    fn an_index_never_falls_with_the_concentration(a in 0.0_f64..4_000.0, b in 0.0_f64..4_000.0) {
        for pollutant in Pollutant::ALL {
            prop_assert!(usual(pollutant, a.min(b)) <= usual(pollutant, a.max(b)));
        }
    }
}

fn hour_of(hour: usize, values: &[(&str, f64)]) -> Event {
    reading("aqm-1", START + hour as i64 * HOUR + 30 * MINUTE, values)
}

#[test]
fn the_official_hour_as_events() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for (hour, pm25) in (8..).zip(EXAMPLE) {
        let values = [("pm25", pm25), ("o3", 136.1), ("no2", 118.7)];
        deriver.event(&hour_of(hour, &values), &mut out);
    }
    let before = out.len();
    deriver.event(&hour_of(20, &[("pm25", 20.0)]), &mut out);
    let closed = one(&out[before..], "vn_aqi");
    assert_eq!(
        closed.observed.0,
        START + 20 * HOUR + 26,
        "the end of the hour, and the rule's position"
    );
    assert_eq!(number(&closed, "vn_aqi"), Some(59.0));
    assert_eq!(code(&closed, "vn_aqi_dominant").unwrap(), "no2");
    assert_eq!(code(&closed, "vn_aqi_category").unwrap(), "moderate");
    assert_eq!(
        closed.value("vn_aqi").unwrap().quality,
        Quality::GOOD,
        "all twelve hours"
    );
    assert_eq!(
        closed.flags,
        EventFlags::DERIVED.with(EventFlags::UNOFFICIAL)
    );
    // Eleven hours and less: allowed, and said.
    let eleventh = last_words(&out[..before]);
    assert!(
        eleventh
            .values()
            .all(|(_, quality)| quality.has(Quality::INCOMPLETE))
    );
}

#[test]
fn without_particles_there_is_no_index() {
    let mut deriver = deriver();
    for hour in 0..6 {
        assert_eq!(fold(&mut deriver, &hour_of(hour, &[("no2", 500.0)])), []);
    }
}

#[test]
fn readings_of_an_instrument_under_calibration_are_not_used() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for hour in 0..5 {
        deriver.event(&hour_of(hour, &[("pm25", 20.0)]), &mut out);
        let wild = reading(
            "aqm-1",
            START + hour as i64 * HOUR + 40 * MINUTE,
            &[("pm25", 900.0)],
        );
        deriver.event(&with_quality(wild, Quality::MAINTENANCE), &mut out);
        let doubtful = reading(
            "aqm-1",
            START + hour as i64 * HOUR + 45 * MINUTE,
            &[("pm25", 20.0)],
        );
        deriver.event(&with_quality(doubtful, Quality::LOW_BATTERY), &mut out);
    }
    let last = out.last().unwrap().value("vn_aqi").unwrap();
    assert_eq!(number(out.last().unwrap(), "vn_aqi"), Some(40.0));
    assert_eq!(last.quality, Quality::LOW_BATTERY.with(Quality::INCOMPLETE));
}

#[test]
fn an_hour_that_no_event_closes_is_closed_by_journal_time() {
    let mut deriver = deriver();
    for hour in 0..3 {
        fold(&mut deriver, &hour_of(hour, &[("pm25", 50.0)]));
    }
    let due = Time(START + 3 * HOUR + 10 * MINUTE);
    assert!(deriver.next_due().unwrap() <= due);
    let mut out = Vec::new();
    deriver.advance(Time(due.0 - 1), due, &mut out);
    assert_eq!(out, []);
    deriver.advance(due, due, &mut out);
    let third = one(&out, "vn_aqi");
    assert_eq!(
        (third.observed.0, third.processed),
        (START + 3 * HOUR + 26, due)
    );
    assert_eq!(number(&third, "vn_aqi"), Some(100.0));
    // One more hour has two of its newest three; then there is nothing to wait for but the day.
    out.clear();
    deriver.advance(Time(START + 9 * HOUR), Time(0), &mut out);
    assert_eq!(one(&out, "vn_aqi").observed.0, START + 4 * HOUR + 26);
    assert_eq!(deriver.next_due(), Some(Time(START + DAY + 10 * MINUTE)));
    deriver.advance(Time(START + 2 * DAY), Time(0), &mut out);
    assert_eq!(deriver.next_due(), None);
}

#[test]
fn a_late_reading_revises_its_hour_and_the_hours_after() {
    let mut deriver = deriver();
    let mut live = Vec::new();
    for hour in [0, 1, 2, 4, 5] {
        deriver.event(&hour_of(hour, &[("pm25", 30.0)]), &mut live);
    }
    let mut late = hour_of(3, &[("pm25", 90.0)]);
    late.flags = EventFlags::LATE;
    let out = fold(&mut deriver, &late);
    let times: Vec<i64> = out
        .iter()
        .map(|event| (event.observed.0 - START) / HOUR)
        .collect();
    assert_eq!(times, [4, 5], "hours that are closed and that it changes");
    assert!(out.iter().all(|event| event.flags.has(EventFlags::LATE)));
    assert!(
        out.iter()
            .all(|event| event.observed.0 % HOUR == 26 + 4_096),
        "behind what it replaces"
    );
    // The same in order.
    let mut ordered = site::deriver();
    let mut in_order = Vec::new();
    for (hour, pm25) in [30.0, 30.0, 30.0, 90.0, 30.0, 30.0].into_iter().enumerate() {
        ordered.event(&hour_of(hour, &[("pm25", pm25)]), &mut in_order);
    }
    live.extend(out);
    assert_eq!(last_words(&live), last_words(&in_order));
}

#[test]
fn a_day_from_hourly_means() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for hour in 0..=24 {
        let o3 = if (10..18).contains(&hour) {
            200.0
        } else {
            20.0
        };
        let values = [
            ("pm25", if hour < 12 { 40.0 } else { 60.0 }),
            ("pm10", 45.0),
            ("o3", o3),
        ];
        deriver.event(&hour_of(hour, &values), &mut out);
    }
    let day = one(&out, "vn_aqi_day");
    assert_eq!(day.observed.0, START + DAY + 27);
    // PM2.5 50 -> 100; PM10 45 -> 45; O3 1 h 200 -> 100; O3 8 h 200 -> 187.5.
    assert_eq!(number(&day, "vn_aqi_day"), Some(188.0));
    assert_eq!(code(&day, "vn_aqi_day_dominant").unwrap(), "o3");
    assert_eq!(code(&day, "vn_aqi_day_category").unwrap(), "bad");
    assert_eq!(day.value("vn_aqi_day").unwrap().quality, Quality::GOOD);
}

#[test]
fn a_day_with_too_few_hours_has_no_index_and_one_with_enough_says_so() {
    for (hours, expected) in [(17, None), (18, Some(Quality::INCOMPLETE))] {
        let mut deriver = deriver();
        for hour in 24 - hours..24 {
            fold(&mut deriver, &hour_of(hour, &[("pm25", 10.0)]));
        }
        let out = fold(&mut deriver, &hour_of(24, &[("pm25", 10.0)]));
        let day = out.iter().find_map(|event| event.value("vn_aqi_day"));
        assert_eq!(day.map(|day| day.quality), expected, "{hours} hours");
    }
}

#[test]
fn a_drill_never_mixes_with_what_is_real() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for hour in 0..5 {
        deriver.event(&hour_of(hour, &[("pm25", 20.0)]), &mut out);
        for (status, minute) in [(Status::Exercise, 31), (Status::Test, 32)] {
            let mut drill = reading(
                "aqm-1",
                START + hour as i64 * HOUR + minute * MINUTE,
                &[("pm25", 400.0)],
            );
            drill.status = status;
            deriver.event(&drill, &mut out);
        }
    }
    for event in out.iter().filter(|event| event.value("vn_aqi").is_some()) {
        let expected = if event.status == Status::Actual {
            40.0
        } else {
            433.0
        };
        assert_eq!(number(event, "vn_aqi"), Some(expected));
    }
    assert_eq!(deriver.counts().series, 3);
}
