//! Energy from registers, voltage, unbalance, load factor.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use derive::arithmetic::{max_deviation_pct, negative_sequence_pct};
use event::{Event, EventFlags, Quality};
use proptest::prelude::*;
use site::*;

fn register(minute: i64, kwh: f64) -> Event {
    reading("mt-1", START + minute * MINUTE, &[("energy", kwh)])
}

#[test]
fn use_of_an_interval_an_hour_and_a_day() {
    let mut deriver = deriver();
    let mut out = Vec::new();
    for quarter in 0..=97_i64 {
        deriver.event(
            &register(quarter * 15, 1_000.0 + 2.5 * quarter as f64),
            &mut out,
        );
    }
    let uses: Vec<f64> = out
        .iter()
        .filter_map(|event| number(event, "energy_use"))
        .collect();
    assert_eq!(uses, [2.5; 97]);
    let hours: Vec<f64> = out
        .iter()
        .filter_map(|event| number(event, "energy_use_1h"))
        .collect();
    assert_eq!(hours, [10.0; 24]);
    assert_eq!(said(&out, "energy_use_1d"), (240.0, Quality::GOOD));
}

#[test]
fn an_hour_takes_its_part_of_what_crosses_its_edges() {
    let mut deriver = deriver();
    fold(&mut deriver, &register(30, 0.0));
    // 40 kWh from 00:30 to 01:10: 30 of them before 01:00, of which half an hour was heard.
    let out = fold(&mut deriver, &register(70, 40.0));
    assert_eq!(said(&out, "energy_use_1h"), (30.0, Quality::INCOMPLETE));
    fold(&mut deriver, &register(110, 40.0));
    let out = fold(&mut deriver, &register(130, 50.0));
    assert_eq!(said(&out, "energy_use_1h"), (15.0, Quality::GOOD));
}

#[test]
fn an_hour_closed_without_its_last_reading_is_revised() {
    let mut deriver = deriver();
    fold(&mut deriver, &register(0, 0.0));
    fold(&mut deriver, &register(45, 30.0));
    let mut out = Vec::new();
    let due = deriver.next_due().unwrap();
    assert_eq!(due.0, START + 70 * MINUTE);
    deriver.advance(due, due, &mut out);
    assert_eq!(said(&out, "energy_use_1h"), (30.0, Quality::INCOMPLETE));
    let first = out[0].clone();
    let out = fold(&mut deriver, &register(75, 50.0));
    let again = one(&out, "energy_use_1h");
    assert_eq!(said(&out, "energy_use_1h"), (40.0, Quality::GOOD));
    assert!(
        again.flags.has(EventFlags::LATE)
            && again.observed > first.observed
            && again.id != first.id
    );
}

#[test]
fn rollover_exchange_and_falls() {
    let mut deriver = deriver();
    fold(&mut deriver, &register(0, 99_990.0));
    let over = fold(&mut deriver, &register(15, 15.0));
    assert_eq!(
        said(&over, "energy_use"),
        (25.0, Quality::GOOD),
        "over 100,000"
    );
    // 85 kWh short of the modulus within an hour would be more than 500 kW: another meter.
    let fall = fold(&mut deriver, &register(30, 10.0));
    assert_eq!(said(&fall, "energy_use"), (0.0, Quality::INCOMPLETE));
    let after = fold(&mut deriver, &register(45, 14.0));
    assert_eq!(said(&after, "energy_use"), (4.0, Quality::GOOD));
    // A changed serial number is an exchange, also when the new meter shows more.
    let serial = |minute, kwh, serial| with_code(register(minute, kwh), "meter_serial", serial);
    fold(&mut deriver, &serial(60, 20.0, "A-1"));
    let unnamed = fold(&mut deriver, &register(75, 21.0));
    assert_eq!(said(&unnamed, "energy_use"), (1.0, Quality::GOOD));
    let new = fold(&mut deriver, &serial(90, 70.0, "B-7"));
    assert_eq!(said(&new, "energy_use"), (0.0, Quality::INCOMPLETE));
    let next = fold(&mut deriver, &serial(105, 71.5, "B-7"));
    assert_eq!(said(&next, "energy_use"), (1.5, Quality::GOOD));
}

#[test]
fn a_serial_number_may_be_a_number() {
    let text = DERIVE.replace(r#"serial = "meter_serial""#, r#"serial = "hum""#);
    let mut deriver = derive::Deriver::new(std::sync::Arc::new(load(&text).unwrap()));
    let of = |minute: i64, kwh: f64, serial: f64| {
        reading(
            "mt-1",
            START + minute * MINUTE,
            &[("energy", kwh), ("hum", serial)],
        )
    };
    fold(&mut deriver, &of(0, 5.0, 4_711.0));
    assert_eq!(
        said(&fold(&mut deriver, &of(15, 6.0, 4_711.0)), "energy_use").0,
        1.0
    );
    assert_eq!(
        said(&fold(&mut deriver, &of(30, 9.0, 4_712.0)), "energy_use").0,
        0.0
    );
    // A message with nothing but the serial number says nothing.
    let only = reading("mt-1", START + 40 * MINUTE, &[("hum", 4_712.0)]);
    assert_eq!(fold(&mut deriver, &only), []);
}

#[test]
fn two_meters_of_one_place_add_up() {
    let mut deriver = deriver();
    let other = |minute, kwh| from_device(register(minute, kwh), "mt-1b");
    for event in [
        register(0, 100.0),
        other(0, 7.0),
        register(60, 110.0),
        other(60, 12.0),
    ] {
        fold(&mut deriver, &event);
    }
    let mut out = Vec::new();
    deriver.event(&register(120, 110.0), &mut out);
    // The first hour was closed by the first reading of 01:00 and said again with the second.
    out.retain(|event| event.value("energy_use_1h").is_some());
    let mut deriver = site::deriver();
    let mut all = Vec::new();
    for event in [
        register(0, 100.0),
        other(0, 7.0),
        register(60, 110.0),
        other(60, 12.0),
    ] {
        deriver.event(&event, &mut all);
    }
    let hours: Vec<f64> = all
        .iter()
        .filter_map(|event| number(event, "energy_use_1h"))
        .collect();
    assert_eq!(hours, [10.0, 15.0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a register does, in whatever order it comes: no use is below zero.
    #[test]
    fn consumption_is_never_negative(
        readings in prop::collection::vec((0_i64..4_000, 0.0_f64..120_000.0, 0_u8..4), 1..60)
    ) {
        let mut deriver = deriver();
        let mut out = Vec::new();
        for (minute, kwh, serial) in readings {
            let event = register(minute, kwh);
            let event = match serial {
                0 => with_code(event, "meter_serial", "A"),
                1 => with_code(event, "meter_serial", "B"),
                _ => event,
            };
            deriver.event(&event, &mut out);
        }
        deriver.advance(event::Time(START + 10 * DAY), event::Time(0), &mut out);
        for event in &out {
            for measured in &event.values {
                let event::Value::Number(value) = measured.value else { unreachable!() };
                prop_assert!(value >= 0.0, "{measured:?}");
            }
        }
    }

    /// A rising register: the intervals add up to the whole rise, the hours to the hours.
    #[test]
    fn nothing_is_lost_between_intervals_and_hours(
        steps in prop::collection::vec((1_i64..40, 0_u32..80), 3..80),
        order in any::<u64>(),
    ) {
        let (mut minute, mut kwh) = (0, 500.0);
        let mut events = vec![register(0, kwh)];
        for (gap, eighths) in steps {
            minute += gap;
            kwh += f64::from(eighths) / 8.0;
            events.push(register(minute, kwh));
        }
        let mut seed = order | 1;
        for index in (1..events.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            events.swap(index, (seed >> 33) as usize % (index + 1));
        }
        let mut deriver = deriver();
        let mut out = Vec::new();
        for event in &events {
            deriver.event(event, &mut out);
        }
        deriver.advance(event::Time(START + 9 * DAY), event::Time(0), &mut out);
        let last = last_words(&out);
        for measure in ["energy_use", "energy_use_1h"] {
            let sum: f64 = last
                .iter()
                .filter(|((_, name, _), _)| name == measure)
                .map(|(_, (value, _))| value["Number(".len()..value.len() - 1].parse::<f64>().unwrap())
                .sum();
            prop_assert!((sum - (kwh - 500.0)).abs() < 1e-4, "{measure}: {sum} of {}", kwh - 500.0);
        }
    }
}

fn phases(minute: i64, volts: [f64; 3]) -> Event {
    let [a, b, c] = volts;
    reading(
        "tr-1",
        START + minute * MINUTE,
        &[("voltage_l1", a), ("voltage_l2", b), ("voltage_l3", c)],
    )
}

#[test]
fn voltage_deviation_is_of_the_farthest_phase() {
    let mut deriver = deriver();
    let out = fold(&mut deriver, &phases(0, [223.0, 209.0, 226.0]));
    assert_eq!(said(&out, "voltage_deviation"), (-5.0, Quality::GOOD));
    let single = reading("tr-1", START + MINUTE, &[("voltage_l1", 231.0)]);
    let out = fold(&mut deriver, &with_quality(single, Quality::STUCK));
    assert_eq!(said(&out, "voltage_deviation"), (5.0, Quality::STUCK));
    assert!(
        none(&out, "voltage_unbalance"),
        "unbalance needs three phases"
    );
}

#[test]
fn unbalance_of_three_phases() {
    let mut deriver = deriver();
    let out = fold(&mut deriver, &phases(0, [230.0, 220.0, 210.0]));
    let (percent, _) = said(&out, "voltage_unbalance");
    assert!((percent - 10.0 / 220.0 * 100.0).abs() < 1e-6);
    assert_eq!(max_deviation_pct([0.0, 0.0, 0.0]), None);
    // Negative sequence: balanced lines have none; 400, 400, 380 V by phasors: 3.45 %.
    assert!(negative_sequence_pct([400.0; 3]).unwrap() < 0.01);
    let percent = negative_sequence_pct([400.0, 400.0, 380.0]).unwrap();
    assert!(
        (percent - by_phasors([400.0, 400.0, 380.0])).abs() < 1e-6,
        "{percent}"
    );
    assert_eq!(
        negative_sequence_pct([400.0, 100.0, 100.0]),
        None,
        "no triangle"
    );
}

/// The textbook way: put the three lines into a triangle and take the symmetrical components.
fn by_phasors([ab, bc, ca]: [f64; 3]) -> f64 {
    // a at the origin, b on the real axis; c from the two other lengths.
    let x = (ab * ab + ca * ca - bc * bc) / (2.0 * ab);
    let y = (ca * ca - x * x).sqrt();
    let lines = [(ab, 0.0), (x - ab, y), (-x, -y)];
    let third = std::f64::consts::TAU / 3.0;
    let component = |sign: f64| {
        let (mut re, mut im) = (0.0, 0.0);
        for (k, (a, b)) in lines.into_iter().enumerate() {
            let (sin, cos) = (sign * third * k as f64).sin_cos();
            re += a * cos - b * sin;
            im += a * sin + b * cos;
        }
        re.hypot(im)
    };
    let (one, two) = (component(1.0), component(-1.0));
    one.min(two) / one.max(two) * 100.0
}

#[test]
fn load_factor_of_a_day() {
    let mut deriver = deriver();
    let power = |hour: i64, kw| reading("tr-1", START + hour * HOUR, &[("power", kw)]);
    let mut out = Vec::new();
    for hour in 0..=24 {
        out = fold(
            &mut deriver,
            &power(hour, if hour == 19 { 200.0 } else { 100.0 }),
        );
    }
    let (factor, quality) = said(&out, "load_factor");
    assert!((factor - (23.0 * 100.0 + 200.0) / 24.0 / 200.0).abs() < 1e-6);
    assert_eq!(quality, Quality::GOOD);
    for hour in 25..=40 {
        fold(&mut deriver, &power(hour, 100.0));
    }
    let out = fold(&mut deriver, &power(48, 100.0));
    assert!(none(&out, "load_factor"), "17 of 24 hours are too few");
}
