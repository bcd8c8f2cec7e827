//! What the language says, where the cases of the rules do not show it.

mod hostile;
mod plain;

use event::{MeasureType, Measured, Name, Quality, Time};

use super::*;
use crate::history::{History, Row};

pub(super) const SECOND: i64 = 1_000_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;

#[derive(Default)]
pub(super) struct Names {
    site: bool,
    members: Vec<&'static str>,
}

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

    fn member(&self, name: &str) -> Option<u8> {
        let index = self.members.iter().position(|member| *member == name)?;
        u8::try_from(index).ok()
    }

    fn is_site(&self) -> bool {
        self.site
    }

    fn has_members(&self) -> bool {
        !self.members.is_empty()
    }
}

/// A history whose slots are `a`, `b`, `on`, `mode`, `none`, in this order.
pub(super) const SLOTS: [&str; 5] = ["a", "b", "on", "mode", "none"];

pub(super) fn put(history: &mut History, slot: usize, at: i64, value: event::Value, quality: u16) {
    let measured = Measured {
        measure: SLOTS[slot].into(),
        value,
        unit: "".into(),
        quality: Quality(quality),
    };
    let row = Row {
        observed: at,
        received: Time(at),
        processed: Time(at),
        offset: 0,
        touched: 0,
    };
    history.insert(row, std::iter::once((slot, &measured)));
}

pub(super) fn number(history: &mut History, slot: usize, at: i64, value: f64) {
    put(history, slot, at, event::Value::Number(value), 0);
}

const LIMIT: LimitCell = LimitCell {
    value: 5.0,
    from: i64::MIN,
    to: i64::MAX,
};

fn map(need: &Need, source: u16) -> Vec<Place> {
    let slot = |name: &Name| SLOTS.iter().position(|known| **known == **name).unwrap();
    (need.measures.iter().zip(&need.members))
        .map(|(name, member)| Place {
            source: source + u16::from(*member),
            slot: slot(name) as u8,
        })
        .collect()
}

/// The answer as text, and the steps that it took.
pub(super) fn ask(text: &str, wanted: Kind, history: &History, at: i64) -> String {
    let mut need = Need::default();
    let program = compile(text, wanted, &Names::default(), &mut need)
        .unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"));
    let map = map(&need, 0);
    let inputs = Inputs {
        sources: &[history],
        map: &map,
        members: &[],
        limits: &[LIMIT],
        at,
        max_age: HOUR,
        accept: 0,
        last_good: false,
        memo: None,
    };
    steps::take();
    let value = program.run(&inputs);
    let taken = steps::take();
    assert!(
        taken <= program.cost(),
        "{text}: {taken} steps, more than {}",
        program.cost()
    );
    match value {
        Value::Boolean(value) => value.to_string(),
        Value::Unknown => "unknown".to_owned(),
        Value::Fault => "fault".to_owned(),
        Value::Number(value) => value.to_string(),
        Value::Text(value) => value.to_owned(),
        Value::Duration(value) => format!("{value} ns"),
    }
}

/// The answer of a condition with a = 6, b = 0, on = true, mode = "open", none unknown, limit.x = 5.
fn answer(text: &str) -> String {
    let mut history = History::new(SLOTS.len());
    number(&mut history, 0, 10, 6.0);
    number(&mut history, 1, 10, 0.0);
    put(&mut history, 2, 10, event::Value::Boolean(true), 0);
    put(&mut history, 3, 10, event::Value::Code("open".into()), 0);
    ask(text, Kind::Boolean, &history, 10)
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
        ("min(a, b) == 0.0 && max(a, b, 9.0) == 9.0", "true"),
        ("max(1.0, 2.0) == 2.0 && on", "true"),
        ("max(a, none) > 1.0", "unknown"),
        ("max(a, duration('1h')) == 6.0", "true"),
        ("quality(a, 'stuck')", "false"),
        ("quality(none, 'stuck')", "unknown"),
        ("previous(a) > 0.0", "unknown"),
        ("percentile(a, 95, duration('1h')) == 6.0", "true"),
        ("times(a > limit.x, duration('1h')) == 1.0", "true"),
        ("time_to(a, 6.0, duration('1h')) == duration('0')", "true"),
        // 10 ns after 1970 began, seven o'clock on a Thursday at the site.
        ("local_hour() == 7.0 && weekday() == 4.0 && on", "true"),
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
        let _ = compile(
            &text,
            Kind::Boolean,
            &Names::default(),
            &mut Need::default(),
        );
    }
}

/// What a program reads, and how far back.
#[test]
fn needs() {
    let need_of = |text: &str| {
        let mut need = Need::default();
        compile(text, Kind::Boolean, &Names::default(), &mut need).unwrap();
        let windows = need.measures.iter().zip(&need.windows);
        windows
            .map(|(name, window)| format!("{name} {}", window / SECOND))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let table = [
        ("a > 1.0", "a 0"),
        ("mean(a, duration('1h')) > b", "a 3600, b 0"),
        ("mean(a, tumbling('1h')) > 1.0", "a 7200"),
        ("mean(a, session('10m')) > 1.0", "a 86400"),
        ("deviation(a, 7) > 1.0", "a 606600"),
        ("previous(a) > 1.0", "a 86400"),
        (
            "times(mean(a, duration('10s')) > b, duration('1m')) > 1.0",
            "a 70, b 60",
        ),
        (
            "times(times(a > b, duration('5s')) > 1.0, duration('9s')) > 1.0",
            "a 14, b 14",
        ),
        (
            "time_to(a, b, duration('3h')) < duration('1h')",
            "a 10800, b 0",
        ),
    ];
    for (text, wanted) in table {
        assert_eq!(need_of(text), wanted, "{text}");
    }
}

#[test]
fn members_have_slots_of_their_own() {
    let names = Names {
        members: vec!["up", "down"],
        ..Names::default()
    };
    let mut need = Need::default();
    let text = "down.a > up.a && change(down.a, duration('1h')) > 0.0 && has(up.on)";
    let program = compile(text, Kind::Boolean, &names, &mut need).unwrap();
    assert_eq!(need.measures.len(), 3);
    assert_eq!(need.members, [1, 0, 0]);
    assert_eq!(program.slots(), [0, 1, 2]);
    let (mut up, mut down) = (History::new(5), History::new(5));
    number(&mut up, 0, HOUR, 3.0);
    put(&mut up, 2, HOUR, event::Value::Boolean(false), 0);
    number(&mut down, 0, 0, 1.0);
    number(&mut down, 0, HOUR, 4.0);
    let map = map(&need, 0);
    let inputs = Inputs {
        sources: &[&up, &down],
        map: &map,
        members: &[],
        limits: &[],
        at: HOUR,
        max_age: HOUR,
        accept: 0,
        last_good: false,
        memo: None,
    };
    assert_eq!(program.run(&inputs), Value::Boolean(true));
    for (text, wanted) in [
        ("a > 1.0", "whose `a`? write MEMBER.a"),
        ("left.a > 1.0", "the rule has no member `left`"),
    ] {
        let mistakes = compile(text, Kind::Boolean, &names, &mut Need::default()).unwrap_err();
        assert_eq!(mistakes[0].message, wanted);
    }
}

#[test]
fn across_asks_each_member_with_its_own_limits() {
    let names = Names {
        site: true,
        ..Names::default()
    };
    let histories: Vec<History> = [6.0, 9.0, 2.0]
        .iter()
        .map(|value| {
            let mut history = History::new(SLOTS.len());
            number(&mut history, 0, 10, *value);
            history
        })
        .chain([History::new(SLOTS.len())])
        .collect();
    let sources: Vec<&History> = histories.iter().collect();
    let (gauge, pump): (Name, Name) = ("gauge".into(), "pump".into());
    let limits: Vec<[LimitCell; 1]> = [5.0, 10.0, 1.0, 1.0]
        .map(|value| [LimitCell { value, ..LIMIT }])
        .to_vec();
    let answer = |text: &str| {
        let mut need = Need::default();
        let program = compile(text, Kind::Number, &names, &mut need).unwrap();
        let maps: Vec<Vec<Place>> = (0..4).map(|source| map(&need, source)).collect();
        let members: Vec<MemberView<'_>> = (maps.iter().zip(&limits).enumerate())
            .map(|(index, (map, limits))| MemberView {
                map,
                limits,
                profile: Some(if index == 2 { &pump } else { &gauge }),
            })
            .collect();
        let inputs = Inputs {
            sources: &sources,
            map: &[],
            members: &members,
            limits: &[],
            at: 10,
            max_age: HOUR,
            accept: 0,
            last_good: false,
            memo: None,
        };
        format!("{:?}", program.run(&inputs))
    };
    let table = [
        // The fourth says nothing and is left out.
        ("across('count', a >= limit.x)", "Number(2.0)"),
        ("across('max', a)", "Number(9.0)"),
        ("across('min', a)", "Number(2.0)"),
        ("across('sum', a)", "Number(17.0)"),
        ("across('mean', a, 'gauge')", "Number(7.5)"),
        ("across('count', a >= limit.x, 'pump')", "Number(1.0)"),
        ("across('max', a, 'none')", "Unknown"),
        ("across('max', b)", "Unknown"),
        ("across('max', a / (a - 6.0))", "Fault"),
        ("across('max', a) - across('min', a)", "Number(7.0)"),
    ];
    for (text, wanted) in table {
        assert_eq!(answer(text), wanted, "{text}");
    }
}
