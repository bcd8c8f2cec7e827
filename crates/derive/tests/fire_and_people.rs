//! Forest-fire index; people present and flow.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use derive::arithmetic::saturation_deficit_hpa;
use event::{Event, EventFlags, Quality, Time};
use proptest::prelude::*;
use site::*;

fn weather(day: i64, hour: f64, temp: f64, hum: f64, rain_24h: f64) -> Event {
    let at = START + day * DAY + (hour * HOUR as f64) as i64;
    reading(
        "wx-sa-pa",
        at,
        &[("temp", temp), ("hum", hum), ("rain_24h", rain_24h)],
    )
}

/// 30 °C at 40 %: `e_s = 6.112·exp(17.62·30 / 273.12)` = 42.337 hPa, of which 60 % are missing; times 30.
const DRY_DAY: f64 = 762.070_305;

#[test]
fn deficit_of_the_air() {
    // Saturated air of 20 °C has 23.39 hPa in every table.
    assert!((saturation_deficit_hpa(20.0, 0.0) - 23.37).abs() < 0.05);
    assert_eq!(saturation_deficit_hpa(20.0, 100.0), 0.0);
    assert!((30.0 * saturation_deficit_hpa(30.0, 40.0) - DRY_DAY).abs() < 1e-5);
}

/// The readings of a day; those away from 13:00 would give another product.
fn day_of(day: i64, temp: f64, hum: f64, rain: f64) -> [Event; 3] {
    [
        weather(day, 7.0, 12.0, 90.0, rain),
        weather(day, 13.0, temp, hum, rain),
        weather(day, 19.0, 22.0, 70.0, rain),
    ]
}

fn indices(out: &[Event]) -> Vec<(f64, Quality)> {
    let with = out.iter().filter_map(|event| event.value("fire_index"));
    with.map(|measured| match measured.value {
        event::Value::Number(value) => (value, measured.quality),
        event::Value::Boolean(_) | event::Value::Code(_) => unreachable!(),
    })
    .collect()
}

#[test]
fn the_index_adds_up_until_it_rains() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for (day, rain) in [0.0, 12.0, 0.0, 4.9, 0.0, 5.0, 0.0].into_iter().enumerate() {
        for event in day_of(day as i64, 30.0, 40.0, rain) {
            deriver.event(&event, &mut out);
        }
    }
    let round = |(value, quality): (f64, Quality)| ((value / DRY_DAY * 1e6).round() / 1e6, quality);
    let found: Vec<_> = indices(&out).into_iter().map(round).collect();
    let good = Quality::GOOD;
    // Where the sum began before the first rain nobody knows.
    let expected = [
        (1.0, Quality::INCOMPLETE),
        (0.0, good),
        (1.0, good),
        (2.0, good),
        (3.0, good),
        (0.0, good),
        (1.0, good),
    ];
    assert_eq!(found, expected);
    let last = out.last().unwrap();
    assert_eq!(
        last.observed.0,
        START + 6 * DAY + 14 * HOUR + 30,
        "13:00 and the tolerance"
    );
    assert!(last.flags.has(EventFlags::UNOFFICIAL));
}

#[test]
fn the_sum_outlives_the_readings() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for day in 0..40 {
        for event in day_of(day, 30.0, 40.0, if day == 0 { 20.0 } else { 0.0 }) {
            deriver.event(&event, &mut out);
        }
    }
    assert!(deriver.counts().readings < 20, "{:?}", deriver.counts());
    let found = indices(&out);
    assert!((found.last().unwrap().0 - 39.0 * DRY_DAY).abs() < 1e-3);
    assert_eq!(found.last().unwrap().1, Quality::GOOD);
    let classes: Vec<String> = out
        .iter()
        .filter_map(|event| code(event, "fire_class"))
        .collect();
    // 5,000 is passed on day 7 (6.56 dry days), 10,000 on day 14, 15,000 on day 20, 20,000 on day 27.
    for (day, class) in [(6, "i"), (7, "ii"), (14, "iii"), (20, "iv"), (27, "v")] {
        assert_eq!(classes[day], class, "day {day}");
    }
    let class = out.last().unwrap().value("fire_class").unwrap();
    assert_eq!(
        class.quality,
        Quality::ASSUMED,
        "a table that nobody verified"
    );
}

#[test]
fn a_day_without_a_reading_at_noon_gives_nothing_and_is_remembered() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for event in day_of(0, 30.0, 40.0, 9.0) {
        deriver.event(&event, &mut out);
    }
    deriver.event(&weather(1, 11.0, 30.0, 40.0, 0.0), &mut out);
    for event in day_of(2, 30.0, 40.0, 0.0) {
        deriver.event(&event, &mut out);
    }
    let found = indices(&out);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!((found[1].0 - DRY_DAY).abs() < 1e-5 && found[1].1 == Quality::INCOMPLETE);
}

#[test]
fn late_rain_takes_the_index_back() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for day in 0..3 {
        let [morning, noon, evening] = day_of(day, 30.0, 40.0, 0.0);
        deriver.event(&morning, &mut out);
        if day != 1 {
            deriver.event(&noon, &mut out);
        }
        deriver.event(&evening, &mut out);
    }
    let out = fold(&mut deriver, &weather(1, 13.0, 30.0, 40.0, 50.0));
    let found = indices(&out);
    assert_eq!(found[0], (0.0, Quality::GOOD), "the day of the rain");
    assert!(
        (found[1].0 - DRY_DAY).abs() < 1e-5,
        "the day after it, again"
    );
    assert!(out.iter().all(|event| event.flags.has(EventFlags::LATE)));
}

#[test]
fn rain_may_be_lent_by_the_gauge_beside_the_station() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for day in 0..3 {
        let at = START + day * DAY;
        let mut noon = reading("wx-sa-pa", at + 13 * HOUR, &[("temp", 30.0), ("hum", 40.0)]);
        noon.stream = event::Stream::Environment;
        deriver.event(&noon, &mut out);
        let rain = if day == 1 { 8.0 } else { 0.0 };
        // The gauge closes the day.
        deriver.event(
            &reading("rg-tip", at + 13 * HOUR + MINUTE, &[("rain_24h", rain)]),
            &mut out,
        );
        deriver.event(
            &reading("rg-tip", at + 15 * HOUR, &[("rain_24h", rain)]),
            &mut out,
        );
    }
    let found = indices(&out);
    let values: Vec<f64> = found
        .iter()
        .map(|(value, _)| (value / DRY_DAY * 1e6).round() / 1e6)
        .collect();
    assert_eq!(values, [1.0, 0.0, 1.0]);
    for event in out
        .iter()
        .filter(|event| event.value("fire_index").is_some())
    {
        assert_eq!((&*event.entity, &*event.device), ("wx-sa-pa", "wx-sa-pa"));
        assert_eq!(event.stream, event::Stream::Environment);
    }
}

fn door(minute: i64, came: f64, went: f64) -> Event {
    reading(
        "vc-1",
        START + minute * MINUTE,
        &[("count_in", came), ("count_out", went)],
    )
}

#[test]
fn people_present_are_never_below_zero_and_flow_is_of_an_hour() {
    let mut deriver = deriver();
    let unknown_start = Quality::INCOMPLETE;
    let out = fold(&mut deriver, &door(600, 50.0, 10.0));
    assert_eq!(said(&out, "people_present"), (40.0, unknown_start));
    let out = fold(&mut deriver, &door(610, 5.0, 90.0));
    assert_eq!(said(&out, "people_present"), (0.0, unknown_start));
    let out = fold(&mut deriver, &door(660, 30.0, 0.0));
    assert_eq!(said(&out, "people_present").0, 30.0);
    assert_eq!(
        (said(&out, "flow_in").0, said(&out, "flow_out").0),
        (35.0, 90.0),
        "10:00 is an hour ago"
    );
}

#[test]
fn an_absolute_count_corrects_and_ends_the_doubt() {
    let mut deriver = deriver();
    fold(&mut deriver, &door(600, 50.0, 0.0));
    let counted = reading(
        "vc-1",
        START + 610 * MINUTE,
        &[("count_in", 3.0), ("count_out", 1.0), ("people", 120.0)],
    );
    assert_eq!(
        said(&fold(&mut deriver, &counted), "people_present"),
        (120.0, Quality::GOOD)
    );
    let out = fold(&mut deriver, &door(620, 0.0, 20.0));
    assert_eq!(said(&out, "people_present"), (100.0, Quality::GOOD));
}

#[test]
fn the_night_resets_the_sum_unless_people_still_pass() {
    for (passing, expected) in [(4.0, 7.0), (30.0, 207.0)] {
        let mut deriver = deriver();
        fold(&mut deriver, &door(60, 200.0, 0.0));
        // Shortly before 03:00, in and out alike.
        fold(&mut deriver, &door(170, passing, passing));
        let out = fold(&mut deriver, &door(190, 7.0, 0.0));
        assert_eq!(
            said(&out, "people_present").0,
            expected,
            "{passing} passing"
        );
    }
}

#[test]
fn cumulative_doors_have_steps_of_their_own() {
    let mut deriver = deriver();
    let gate = |minute: i64, came: f64, went: f64, device: &str| {
        let event = reading(
            "vc-2",
            START + minute * MINUTE,
            &[("count_in", came), ("count_out", went)],
        );
        from_device(event, device)
    };
    fold(&mut deriver, &gate(0, 65_500.0, 10.0, "north"));
    fold(&mut deriver, &gate(1, 900.0, 900.0, "south"));
    let out = fold(&mut deriver, &gate(10, 64.0, 10.0, "north"));
    assert_eq!(said(&out, "people_present").0, 100.0, "over 65,536");
    let out = fold(&mut deriver, &gate(11, 900.0, 940.0, "south"));
    assert_eq!(said(&out, "people_present").0, 60.0);
    // The south counter restarts: 5 and 2 since.
    let out = fold(&mut deriver, &gate(21, 5.0, 2.0, "south"));
    assert_eq!(said(&out, "people_present").0, 63.0);
}

#[test]
fn the_sum_of_people_outlives_the_readings() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    let gate = |hour: i64| {
        reading(
            "vc-2",
            START + hour * HOUR,
            &[
                ("count_in", (3 * hour) as f64),
                ("count_out", (2 * hour) as f64),
            ],
        )
    };
    for hour in 0..300 {
        out = fold(&mut deriver, &gate(hour));
    }
    assert!(deriver.counts().readings < 60);
    assert_eq!(said(&out, "people_present").0, 299.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order gives the last words of the right order, and never people below zero.
    #[test]
    fn doors_in_any_order(
        steps in prop::collection::vec((1_i64..120, 0_u32..50, 0_u32..50), 2..40),
        order in any::<u64>(),
    ) {
        let mut minute = 0;
        let mut events = Vec::new();
        for (gap, came, went) in steps {
            minute += gap;
            events.push(door(minute, f64::from(came), f64::from(went)));
        }
        // All within the time in which results are revised.
        let end = events.last().unwrap().observed.0;
        events.retain(|event| event.observed.0 > end - 47 * HOUR);
        let run = |events: &[Event]| {
            let mut deriver = deriver();
            let mut out = Vec::new();
            events.iter().for_each(|event| deriver.event(event, &mut out));
            out
        };
        let in_order = run(&events);
        let mut seed = order | 1;
        for index in (1..events.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            events.swap(index, (seed >> 33) as usize % (index + 1));
        }
        let shuffled = run(&events);
        prop_assert_eq!(last_words(&in_order), last_words(&shuffled));
        for event in in_order.iter().chain(&shuffled) {
            prop_assert!(number(event, "people_present").unwrap() >= 0.0);
        }
    }
}

#[test]
fn time_is_only_what_it_is_told() {
    let mut deriver = deriver();
    let out = fold(&mut deriver, &door(600, 1.0, 0.0));
    assert_eq!(out[0].processed, Time(START + 600 * MINUTE));
}
