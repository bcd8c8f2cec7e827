//! Level, flood alarm status, rate of rise, reservoir.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use event::{EventFlags, Quality, Time};
use site::*;

fn level(entity: &str, minute: i64, metres: f64) -> event::Event {
    reading(entity, START + minute * MINUTE, &[("level", metres)])
}

#[test]
fn level_from_distance_and_from_depth() {
    let mut deriver = deriver();
    let down = reading("wl-radar", START, &[("distance", 12.34)]);
    let out = fold(&mut deriver, &with_quality(down, Quality::SPIKE));
    assert_eq!(said(&out, "level"), (80.16, Quality::SPIKE));
    assert!(!one(&out, "level").flags.has(EventFlags::UNOFFICIAL));
    let out = fold(&mut deriver, &reading("wl-depth", START, &[("depth", 2.5)]));
    assert_eq!(said(&out, "level"), (80.5, Quality::GOOD));
    let fault = reading("wl-depth", START + MINUTE, &[("depth", 9.0)]);
    assert_eq!(
        fold(&mut deriver, &with_quality(fault, Quality::SENSOR_FAULT)),
        []
    );
}

#[test]
fn a_computed_level_has_a_status_too() {
    let mut deriver = deriver();
    let out = fold(
        &mut deriver,
        &reading("wl-radar", START, &[("distance", 11.5)]),
    );
    // 81.00 m: BĐ1 was 80.0 until July.
    assert_eq!(said(&out, "bd_excess"), (1.0, Quality::GOOD));
    let july = Time::parse("2026-07-01T00:00:00+07:00").unwrap();
    let out = fold(
        &mut deriver,
        &reading("wl-radar", july.0, &[("distance", 12.0)]),
    );
    assert_eq!(code(&one(&out, "bd_status"), "bd_status").unwrap(), "below");
    assert_eq!(said(&out, "bd_excess").0, -0.5);
}

#[test]
fn status_follows_the_thresholds_and_is_unofficial() {
    let mut deriver = deriver();
    let cases = [
        (79.66, "below", -0.34, Quality::GOOD),
        (80.0, "bd1", 0.0, Quality::ASSUMED),
        (80.55, "bd1", 0.55, Quality::ASSUMED),
        (82.0, "bd2", 0.0, Quality::ASSUMED),
        (83.5, "bd3", 0.0, Quality::GOOD),
        (86.91, "bd3", 3.41, Quality::GOOD),
    ];
    for (minute, (metres, status, excess, quality)) in (0..).step_by(10).zip(cases) {
        let out = fold(&mut deriver, &level("wl-lao-cai", minute, metres));
        let event = one(&out, "bd_status");
        assert_eq!(code(&event, "bd_status").unwrap(), status, "{metres}");
        assert_eq!(said(&out, "bd_excess"), (excess, quality), "{metres}");
        assert!(
            event
                .flags
                .has(EventFlags::UNOFFICIAL.with(EventFlags::DERIVED))
        );
    }
}

#[test]
fn an_unknown_alarm_level_gives_no_status() {
    let mut deriver = deriver();
    let out = fold(&mut deriver, &level("wl-vinh-yen", 0, 131.0));
    assert!(
        none(&out, "bd_status"),
        "whether BĐ1 or BĐ2 was reached is not known"
    );
    let out = fold(&mut deriver, &level("wl-vinh-yen", 10, 134.0));
    assert_eq!(said(&out, "bd_excess"), (2.5, Quality::GOOD));
}

#[test]
fn rate_of_rise_is_not_moved_by_one_wrong_reading() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for step in 0..=6 {
        // 0.6 m/h, and one reading 5 m too high.
        let wrong = if step == 5 { 5.0 } else { 0.0 };
        out = fold(
            &mut deriver,
            &level("wl-lao-cai", step * 10, 80.0 + 0.1 * step as f64 + wrong),
        );
        if step < 3 {
            assert!(none(&out, "level_rate"), "less than half of the hour");
        }
    }
    // Medians: 80.1 at 00:10, and of 80.4, 85.5, 80.6 at 00:50 80.6.
    let (rate, _) = said(&out, "level_rate");
    assert!((rate - 0.75).abs() < 1e-6, "{rate}");
}

#[test]
fn a_late_level_never_becomes_current() {
    let mut deriver = deriver();
    fold(&mut deriver, &level("wl-lao-cai", 0, 79.0));
    let current = fold(&mut deriver, &level("wl-lao-cai", 60, 84.0));
    let mut late = level("wl-lao-cai", 30, 79.5);
    late.flags = EventFlags::LATE;
    let out = fold(&mut deriver, &late);
    let own = one(&out[..1], "bd_status");
    assert_eq!(own.observed.0, START + 30 * MINUTE + 1 + 8);
    assert!(own.observed < current[0].observed);
    assert!(out.iter().all(|event| event.flags.has(EventFlags::LATE)));
    // What is said again of 01:00 has the status of 01:00.
    for event in out
        .iter()
        .filter(|event| event.observed > current[0].observed)
    {
        assert_eq!(code(event, "bd_status").unwrap(), "bd3");
    }
}

fn report(minute: i64, values: &[(&str, f64)]) -> event::Event {
    reading("rv-1", START + minute * MINUTE, values)
}

#[test]
fn reservoir_balance_spill_and_rise() {
    let mut deriver = deriver();
    // Thác Bà, 2024-09-03: 405 in, 545.93 out, of which 275.93 through the turbines.
    let out = fold(
        &mut deriver,
        &report(
            0,
            &[
                ("inflow", 405.0),
                ("outflow", 545.93),
                ("outflow_turbine", 275.93),
                ("reservoir_level", 58.0),
            ],
        ),
    );
    assert_eq!(said(&out, "reservoir_balance").0, -140.93);
    assert_eq!(said(&out, "outflow_spill").0, 270.0);
    // A spill that was told is not computed; the outflow that was not told is.
    let out = fold(
        &mut deriver,
        &report(
            30,
            &[
                ("inflow", 600.0),
                ("outflow_turbine", 275.0),
                ("outflow_spill", 270.0),
                ("reservoir_level", 58.1),
            ],
        ),
    );
    assert!(none(&out, "outflow_spill"));
    assert_eq!(said(&out, "reservoir_balance").0, 55.0);
    assert_eq!(said(&out, "reservoir_rise").0, 0.2);
    // Turbines of more than the total: by a little it is nothing, by much the figures are wrong.
    let out = fold(
        &mut deriver,
        &report(45, &[("outflow", 272.0), ("outflow_turbine", 275.0)]),
    );
    assert_eq!(said(&out, "outflow_spill").0, 0.0);
    let out = fold(
        &mut deriver,
        &report(60, &[("outflow", 200.0), ("outflow_turbine", 275.0)]),
    );
    assert!(none(&out, "outflow_spill"));
}
