//! Ten thousand hostile rules: each is refused, or evaluating it against a history that is full takes no more steps than
//! its price, and its price is bounded. Steps are nodes, samples and members looked at, not time.

use std::fmt::Write as _;

use event::{EntityInfo, MeasureInfo, PackFiles, Stream, Text, Vocabulary};

use super::*;
use crate::history::OBSERVATIONS_MAX;
use crate::ruleset::{Clear, Kind as RuleKind, Rule, RuleSet};

const RULES: u64 = 10_000;

/// A seed, and whether it makes mistakes of types and lengths too.
struct Chance(u64, bool);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as usize
    }

    /// One of the first `sane` without mistakes, one of all with them.
    fn one_of<'a>(&mut self, sane: usize, all: &[&'a str]) -> &'a str {
        let count = if self.1 { all.len() } else { sane };
        all[self.below(count)]
    }
}

fn vocabulary() -> Vocabulary {
    let mut vocabulary = Vocabulary::default();
    for (name, kind) in [
        ("a", MeasureType::Number),
        ("b", MeasureType::Number),
        ("on", MeasureType::Boolean),
        ("mode", MeasureType::Code),
        ("none", MeasureType::Number),
    ] {
        let info = MeasureInfo {
            name: name.into(),
            kind,
            unit: "".into(),
            unit_text: Text::default(),
            label: Text::default(),
            decimals: 1,
        };
        vocabulary.measures.insert(name.to_owned(), info);
    }
    for id in ["e1", "e2"] {
        let info = EntityInfo {
            id: id.into(),
            name: Text::default(),
            stream: Stream::Disaster,
            profile: "p".into(),
            area: None,
            lat: Some(22.5),
            lon: Some(104.0),
            labels: Default::default(),
            interval_seconds: 60,
            expected: true,
            gateway: None,
            river: None,
            river_km: None,
        };
        vocabulary.entities.insert(id.to_owned(), info);
    }
    vocabulary
}

fn span(chance: &mut Chance) -> String {
    let length = chance.one_of(
        7,
        &[
            "1s",
            "10s",
            "1m",
            "10m",
            "1h",
            "6h",
            "3d",
            "7m",
            "1d",
            "4d",
            "99999999999h",
            "0",
            "1e9s",
            "9223372036s",
            "ó",
        ],
    );
    let how = chance.one_of(2, &["duration", "duration", "tumbling", "session", "span"]);
    format!("{how}('{length}')")
}

fn numeric(chance: &mut Chance, depth: usize) -> String {
    if depth == 0 {
        return chance
            .one_of(
                7,
                &[
                    "a",
                    "b",
                    "none",
                    "1.0",
                    "1e308",
                    "last(a)",
                    "local_hour()",
                    "-0.0",
                    "limit.x",
                    "on",
                ],
            )
            .to_owned();
    }
    let below = depth - 1;
    let across = chance.1 && chance.below(4) == 0;
    match chance.below(14) {
        5 if !across => format!("change(a, {})", span(chance)),
        0 => format!("mean(a, {})", span(chance)),
        1 => format!(
            "percentile(b, {}, {})",
            chance.one_of(3, &["95", "0", "100", "-1", "a", "1e999"]),
            span(chance)
        ),
        2 => format!("rate(a, {})", span(chance)),
        3 => format!("times({}, {})", truth(chance, below), span(chance)),
        4 => format!(
            "{}(a, {})",
            chance.one_of(2, &["baseline", "deviation"]),
            chance.one_of(2, &["14", "1", "15", "0", "1.5"])
        ),
        5 => format!(
            "across('{}', {})",
            chance.one_of(1, &["max", "count", "sum"]),
            numeric(chance, below)
        ),
        6 => format!("previous({})", chance.one_of(1, &["a", "mode", "up.a"])),
        7 => format!("abs({})", numeric(chance, below)),
        8 => {
            let items: Vec<String> = (0..1 + chance.below(90))
                .map(|_| numeric(chance, 0))
                .collect();
            format!("max({})", items.join(", "))
        }
        9 => format!(
            "({} ? {} : {})",
            truth(chance, below),
            numeric(chance, below),
            numeric(chance, below)
        ),
        10 => format!("sum(b, {})", span(chance)),
        _ => format!(
            "({} {} {})",
            numeric(chance, below),
            chance.one_of(5, &["+", "-", "*", "/", "%"]),
            numeric(chance, below)
        ),
    }
}

fn truth(chance: &mut Chance, depth: usize) -> String {
    if depth == 0 {
        return chance
            .one_of(
                6,
                &[
                    "on",
                    "a > b",
                    "has(none)",
                    "mode == 'open'",
                    "true",
                    "quality(a, 'stuck')",
                ],
            )
            .to_owned();
    }
    let below = depth - 1;
    match chance.below(8) {
        0 => format!("!({})", truth(chance, below)),
        1 => format!(
            "time_to(a, {}, {}) < duration('6h')",
            numeric(chance, below),
            span(chance)
        ),
        2 => {
            let items: Vec<String> = (0..chance.below(120)).map(|_| numeric(chance, 0)).collect();
            format!("a in [{}]", items.join(", "))
        }
        3 | 4 => format!(
            "({} {} {})",
            truth(chance, below),
            chance.one_of(2, &["&&", "||"]),
            truth(chance, below)
        ),
        _ => format!(
            "{} {} {}",
            numeric(chance, below),
            chance.one_of(4, &[">", "<=", "==", "!="]),
            numeric(chance, below)
        ),
    }
}

fn condition(chance: &mut Chance) -> String {
    let many = 1 + chance.below(if chance.1 { 300 } else { 24 });
    let first = if chance.1 { 0 } else { 6 };
    match first + chance.below(12 - first) {
        0 => format!("{}a > 1.0{}", "(".repeat(many), ")".repeat(many)),
        1 => format!(
            "{}on",
            chance
                .one_of(5, &["!", "on && ", "on ? on : ", "-", "!("])
                .repeat(many)
        ),
        2 => format!("a > {}", "1.0 + ".repeat(many) + "1.0"),
        3 => format!("a in [{}]", vec!["1.0"; many * 20].join(", ")),
        4 => format!(
            "mode == '{}'",
            chance
                .one_of(6, &["ệ", "\u{0}", "🌊", "\\", "\\'", "\u{202e}"])
                .repeat(many * 8)
        ),
        5 => {
            let alphabet: Vec<char> = "ab1.'\"()[]&|!?:<>=+-*/%, \\on\u{111}\u{0}\n🌧"
                .chars()
                .collect();
            (0..many)
                .map(|_| alphabet[chance.below(alphabet.len())])
                .collect()
        }
        6 => {
            let mut text = "a > 1.0".to_owned();
            for _ in 0..1 + chance.below(4) {
                text = format!("times({text}, {}) > 1.0", span(chance));
            }
            text
        }
        7 => vec!["mean(a, duration('3d')) > 1.0"; 1 + chance.below(16)].join(" && "),
        _ => {
            let depth = 1 + chance.below(5);
            truth(chance, depth)
        }
    }
}

/// As a TOML string, whatever is in it.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

fn rule(chance: &mut Chance) -> String {
    let mut text = "[[rule]]\nid = \"r\"\nversion = 1\nstream = \"disaster\"\nseverity = \"minor\"\nmeasure = \"a\"\n\
                    title = { vi = \"t\", en = \"t\" }\nguidance = { vi = \"g\", en = \"g\" }\n"
        .to_owned();
    let mut put = |key: &str, value: String| {
        let _ = writeln!(text, "{key} = {value}");
    };
    match chance.below(8) {
        0 => {
            put("kind", "\"sequence\"".to_owned());
            put("first", quoted(&condition(chance)));
            put("then", quoted(&condition(chance)));
            put(
                "within",
                quoted(chance.one_of(3, &["1s", "30m", "7d", "8d", "0"])),
            );
        }
        1 => {
            put("kind", "\"absence\"".to_owned());
            put(
                "after",
                quoted(chance.one_of(2, &["1s", "7d", "99999999999h"])),
            );
            put("when", quoted(&condition(chance)));
        }
        2 => {
            put("kind", "\"condition\"".to_owned());
            put("site", "true".to_owned());
            put(
                "condition",
                quoted(&format!("across('count', {}) > 1.0", condition(chance))),
            );
        }
        _ => {
            put("kind", "\"condition\"".to_owned());
            put("condition", quoted(&condition(chance)));
        }
    }
    if chance.below(4) == 0 {
        put("clear", quoted(&condition(chance)));
    }
    if chance.below(4) == 0 {
        put("enabled", quoted(&condition(chance)));
    }
    if chance.below(8) == 0 {
        put(
            "dead_band",
            chance
                .one_of(2, &["1e308", "0.5", "-1.0", "nan"])
                .to_owned(),
        );
    }
    let words = match chance.below(if chance.1 { 3 } else { 12 }) {
        0 => format!("{{{}:.1}}", numeric(chance, 2)).repeat(1 + chance.below(40)),
        1 => "{".repeat(chance.below(3_000)),
        _ => "{name}".to_owned(),
    };
    put(
        "message",
        format!("{{ vi = {}, en = \"x\" }}", quoted(&words)),
    );
    text
}

/// 32,768 observations of all slots, one a second and one in a hundred bad.
fn full() -> History {
    let mut history = History::new(SLOTS.len());
    for step in 0..(OBSERVATIONS_MAX / 4) as i64 {
        let at = step * SECOND;
        let quality = if step % 100 == 7 { 4 } else { 0 };
        put(
            &mut history,
            0,
            at,
            event::Value::Number((step % 977) as f64),
            quality,
        );
        number(&mut history, 1, at, (step % 13) as f64);
        put(&mut history, 2, at, event::Value::Boolean(step % 3 == 0), 0);
        put(&mut history, 3, at, event::Value::Code("open".into()), 0);
    }
    history
}

fn programs(rule: &Rule) -> Vec<&Program> {
    let mut all: Vec<&Program> = rule.enabled.iter().collect();
    match &rule.kind {
        RuleKind::Condition { raise, clear, .. } | RuleKind::Group { raise, clear, .. } => {
            all.push(raise);
            if let Clear::When(clear) = clear {
                all.push(clear);
            }
        }
        RuleKind::Absence { when, .. } => all.extend(when),
        RuleKind::Sequence {
            first, then, clear, ..
        } => {
            all.extend([first, then]);
            all.extend(clear);
        }
    }
    all
}

#[test]
fn hostile_rules_are_refused_or_bounded() {
    let vocabulary = vocabulary();
    let history = full();
    let at = history.newest();
    let sources = vec![&history; MEMBERS_MAX];
    let (mut refused, mut taken_in, mut most) = (0, 0, 0);
    for seed in 0..RULES {
        let text = rule(&mut Chance(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            seed % 4 == 0,
        ));
        let mut files = PackFiles::default();
        files
            .files
            .insert("rules/r.toml".to_owned(), text.clone().into());
        let rules = match RuleSet::load(&files, &vocabulary) {
            Ok(rules) => rules,
            Err(errors) => {
                refused += 1;
                assert!(
                    errors
                        .iter()
                        .all(|error| !error.message.is_empty() && error.line > 0)
                );
                continue;
            }
        };
        let Some(rule) = rules.rules.first() else {
            panic!("neither refused nor there:\n{text}");
        };
        taken_in += 1;
        assert!(rule.cost <= COST_MAX, "{}\n{text}", rule.cost);
        let map = map(&rule.need, 0);
        let member = MemberView {
            map: &map,
            limits: &[],
            profile: None,
        };
        let members = vec![member; MEMBERS_MAX];
        let inputs = Inputs {
            sources: &sources,
            map: &map,
            members: &members,
            limits: &[],
            at,
            max_age: HOUR,
            accept: 0,
            last_good: false,
            memo: None,
        };
        let mut all = 0;
        for program in programs(rule) {
            steps::take();
            program.run(&inputs);
            let taken = steps::take();
            assert!(
                taken <= program.cost(),
                "{taken} steps, priced {}\n{text}",
                program.cost()
            );
            all += taken;
        }
        assert!(
            all <= rule.cost,
            "{all} steps, priced {}\n{text}",
            rule.cost
        );
        most = most.max(all);
    }
    // Both happen, and some of those taken in are dear.
    assert!(
        refused > 3_000 && taken_in > 1_000,
        "{refused} refused, {taken_in} taken in"
    );
    assert!(most > 20_000 && most <= COST_MAX, "{most}");
}
