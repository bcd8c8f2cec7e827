//! The rules of `rules/wide.toml` once more, in plain code: the kinds beyond a single thing and its own values.

use event::{Quality, Value};

use crate::MINUTE;
use crate::rules::{Question, Rule, both, either, of_member, rule};
use crate::truth::View;

const HOUR: i64 = 60 * MINUTE;

/// Much flow at a point, and a high level at one in the ten minutes before it.
fn after() -> Question {
    let first = of_member((0, "level"), HOUR, |level| level >= 5.0);
    let then = of_member((0, "flow"), HOUR, |flow| flow > 105.0);
    Box::new(move |view, at| {
        let mut before = view.0[0]
            .times(&["level", "flow"], at - 10 * MINUTE, at - 1)
            .into_iter();
        Some(then(view, at) == Some(true) && before.any(|point| first(view, point) == Some(true)))
    })
}

/// The mode was opened, and not shut within six minutes.
fn missing() -> Rule {
    let mode = |mode: &'static str| -> Question {
        Box::new(
            move |view, at| match view.0[0].value("mode", at, HOUR, Quality::GOOD)? {
                Value::Code(code) => Some(&*code == mode),
                Value::Number(_) | Value::Boolean(_) => None,
            },
        )
    };
    let (first, then) = (mode("open"), mode("shut"));
    let raise: Question = Box::new(move |view, at| match (first(view, at), then(view, at)) {
        (_, Some(true)) => Some(false),
        (Some(true), _) => Some(true),
        _ => None,
    });
    Rule {
        clear: Some(mode("shut")),
        hold: 6 * MINUTE,
        ..rule("missing", &["mode"], raise)
    }
}

/// Functions over the past: at how many points, the value before, the quarter of an hour before, since the last silence.
fn functions() -> Vec<Rule> {
    let usable = |view: &View<'_>, measure: &str, from: i64, to: i64| {
        let samples = view.0[0].window(measure, from, to).into_iter();
        samples.map(|(_, value)| value).collect::<Vec<f64>>()
    };
    let often = move |view: &View<'_>, at: i64| {
        let high = of_member((0, "level"), HOUR, |level| level >= 5.0);
        let points = view.0[0]
            .times(&["level"], at - 15 * MINUTE, at)
            .into_iter();
        Some(
            points
                .filter(|point| high(view, *point) == Some(true))
                .count()
                >= 3,
        )
    };
    let jump = move |view: &View<'_>, at: i64| {
        let newest = of_member((0, "level"), HOUR, |_| true)(view, at);
        let samples = usable(view, "level", at - 24 * HOUR, at);
        match samples[..] {
            [.., before, now] if newest == Some(true) => Some(now - before >= 1.5),
            _ => None,
        }
    };
    let share = move |view: &View<'_>, at: i64| {
        let mut values = usable(view, "flow", at - 20 * MINUTE, at);
        values.sort_by(f64::total_cmp);
        let rank = 0.8 * (values.len().checked_sub(1)?) as f64;
        let (low, high) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
        Some(low + (high - low) * rank.fract() > 112.37)
    };
    let quarter = move |view: &View<'_>, at: i64| {
        let end = at - at.rem_euclid(15 * MINUTE);
        let values = usable(view, "flow", end - 15 * MINUTE, end - 1);
        let sum: f64 = values.iter().sum();
        (!values.is_empty()).then(|| sum / values.len() as f64 > 100.0)
    };
    let busy = move |view: &View<'_>, at: i64| {
        let mut begin = at;
        let samples = view.0[0].window("flow", at - 24 * HOUR, at);
        for (time, _) in samples.into_iter().rev() {
            if begin - time > 6 * MINUTE {
                break;
            }
            begin = time;
        }
        Some(usable(view, "flow", begin, at).len() >= 3)
    };
    vec![
        rule("often", &["level"], Box::new(often)),
        rule("jump", &["level"], Box::new(jump)),
        rule("share", &["flow"], Box::new(share)),
        rule("quarter", &["flow"], Box::new(quarter)),
        rule("session", &["flow"], Box::new(busy)),
    ]
}

/// A rule over members, each with what is read of it.
fn group(id: &'static str, members: &[&'static str], rule: Rule) -> Rule {
    let reads = rule.reads.iter().enumerate();
    Rule {
        id,
        members: members.to_vec(),
        reads: reads
            .map(|(member, (_, measure))| (member, *measure))
            .collect(),
        ..rule
    }
}

pub(crate) fn conditions() -> Vec<Rule> {
    let mut rules = vec![
        Rule {
            reads: vec![(0, "flow"), (0, "temp")],
            enabled: Some(of_member((0, "temp"), HOUR, |temp| temp > 20.0)),
            ..rule(
                "enabled",
                &["flow"],
                of_member((0, "flow"), HOUR, |flow| flow > 100.0),
            )
        },
        rule(
            "latch",
            &["level"],
            of_member((0, "level"), HOUR, |level| level >= 5.0),
        ),
    ];
    rules.push(missing());
    rules.extend(functions());
    rules.push(Rule {
        clear: Some(of_member((0, "flow"), HOUR, |flow| flow < 80.0)),
        ..rule("after", &["level", "flow"], after())
    });
    rules.push(group(
        "pair",
        &["g1", "g2"],
        Rule {
            hold: 2 * MINUTE,
            ..rule(
                "pair",
                &["temp", "level"],
                both(
                    of_member((0, "temp"), 15 * MINUTE, |temp| temp > 50.0),
                    of_member((1, "level"), 15 * MINUTE, |level| level >= 4.5),
                ),
            )
        },
    ));
    rules.push(group(
        "two",
        &["e1", "g2"],
        Rule {
            release: 5 * MINUTE,
            ..rule(
                "two",
                &["flow", "flow"],
                either(
                    of_member((0, "flow"), HOUR, |flow| flow > 120.0),
                    of_member((1, "flow"), HOUR, |flow| flow > 120.0),
                ),
            )
        },
    ));
    rules
}
