//! What the language says, where the cases of the rules do not show it.

use event::{MeasureType, Measured, Name, Quality, Time};

use super::*;
use crate::slot::{Slot, Stamp};

struct Names;

impl Environment for Names {
    fn measure(&self, name: &str) -> Option<(Name, MeasureType)> {
        let kind = match name {
            "a" | "b" | "none" => MeasureType::Number,
            "on" => MeasureType::Boolean,
            "mode" => MeasureType::Code,
            _ => return None,
        };
        Some((name.into(), kind))
    }

    fn limit_exists(&self, name: &str) -> bool {
        name == "x"
    }

    fn measures(&self) -> Vec<String> {
        vec!["a".to_owned()]
    }
}

/// The answer of a condition with a = 6, b = 0, on = true, mode = "open", none unknown, limit.x = 5.
fn answer(text: &str) -> String {
    let mut need = Need::default();
    let program = compile(text, Kind::Boolean, &Names, &mut need).unwrap();
    let slots: Vec<Slot> = need
        .measures
        .iter()
        .map(|name| {
            let mut slot = Slot::new(3_600_000_000_000);
            let value = match &**name {
                "a" => event::Value::Number(6.0),
                "b" => event::Value::Number(0.0),
                "on" => event::Value::Boolean(true),
                "mode" => event::Value::Code("open".into()),
                _ => return slot,
            };
            let measured = Measured {
                measure: name.clone(),
                value,
                unit: "".into(),
                quality: Quality::GOOD,
            };
            let stamp = Stamp {
                observed: 10,
                received: Time(10),
                processed: Time(10),
                offset: 0,
            };
            slot.put(&measured, &stamp, 3_600_000_000_000);
            slot
        })
        .collect();
    let map: Vec<u8> = (0..slots.len() as u8).collect();
    let cell = LimitCell {
        value: 5.0,
        from: i64::MIN,
        to: i64::MAX,
    };
    let inputs = Inputs {
        slots: &slots,
        map: &map,
        limits: &[cell],
        at: 10,
        max_age: 1_000,
        accept: 0,
        last_good: false,
    };
    match program.run(&inputs) {
        Value::Boolean(value) => value.to_string(),
        Value::Unknown => "unknown".to_owned(),
        Value::Fault => "fault".to_owned(),
        Value::Number(_) | Value::Text(_) | Value::Duration(_) => "no bool".to_owned(),
    }
}

#[test]
fn answers() {
    let table = [
        ("a > limit.x", "true"),
        ("a + 1.0 * 2.0 == 8.0", "true"),
        ("(a + 1.0) * 2.0 == 14.0", "true"),
        ("a - 1.0 - 1.0 == 4.0", "true"),
        ("-a + 7.0 == 1.0", "true"),
        ("a % 4.0 == 2.0", "true"),
        ("a / b > 1.0", "fault"),
        ("a % b > 1.0", "fault"),
        ("a * 1e308 > 1.0", "fault"),
        ("none > 1.0", "unknown"),
        ("none > 1.0 && a < 1.0", "false"),
        ("a < 1.0 && none > 1.0", "false"),
        ("none > 1.0 || a > 1.0", "true"),
        ("a / b > 1.0 || a > 1.0", "true"),
        ("a / b > 1.0 && a > 1.0", "fault"),
        ("a / b > 1.0 && none > 1.0", "unknown"),
        ("!(none > 1.0)", "unknown"),
        ("has(none) || has(a)", "true"),
        ("has(none)", "false"),
        ("on && mode == 'open'", "true"),
        ("mode in ['shut', \"open\"]", "true"),
        ("mode in ['shut']", "false"),
        ("a in [1.0, none, 6.0]", "true"),
        ("a in [1.0, none]", "unknown"),
        ("on ? a > 1.0 : none > 1.0", "true"),
        ("none > 1.0 ? true : on", "unknown"),
        ("abs(b - a) == 6.0", "true"),
        ("count(a, duration('1h')) == 1.0", "true"),
        ("change(a, duration('1h')) > 0.0", "unknown"),
        ("last(a) >= 6.0", "true"),
        ("duration('1h') > duration('59m') && on", "true"),
        ("true || on", "true"),
    ];
    for (text, wanted) in table {
        assert_eq!(answer(text), wanted, "{text}");
    }
}

#[test]
fn durations() {
    assert_eq!(parse_duration("1h30m"), Some(5_400_000_000_000));
    assert_eq!(parse_duration("1.5s"), Some(1_500_000_000));
    assert_eq!(parse_duration("250ms"), Some(250_000_000));
    for wrong in ["", "h", "10", "-1s", "1w", "1h m", "1e9s", "99999999999h"] {
        assert_eq!(parse_duration(wrong), None, "{wrong}");
    }
}

#[test]
fn no_text_makes_the_compiler_panic() {
    let alphabet: Vec<char> = "ab1.'\"()[]&|!?:<>=+-*/%, \\elimtx\u{111}\n"
        .chars()
        .collect();
    let mut seed = 1_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..seed % 24 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push(alphabet[(seed >> 33) as usize % alphabet.len()]);
        }
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let _ = compile(&text, Kind::Boolean, &Names, &mut Need::default());
    }
}
