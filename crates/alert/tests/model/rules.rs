//! The rules of `rules/*.toml` once more, in plain code.

use event::{Quality, Value};

use crate::MINUTE;
use crate::truth::View;

/// True, false, or no answer.
pub(crate) type Answer = Option<bool>;

/// What a rule asks of the history at an instant.
pub(crate) type Question = Box<dyn Fn(&View<'_>, i64) -> Answer + Send + Sync>;
/// A measure of the rule's own thing (0), or of one of its members.
pub(crate) type Read = (usize, &'static str);

pub(crate) struct Rule {
    pub(crate) id: &'static str,
    /// Another number is another text of the rule.
    pub(crate) version: u32,
    /// None: the rule is for each thing by itself.
    pub(crate) members: Vec<&'static str>,
    pub(crate) reads: Vec<Read>,
    pub(crate) enabled: Option<Question>,
    pub(crate) raise: Question,
    /// None: cleared when no longer raised.
    pub(crate) clear: Option<Question>,
    pub(crate) hold: i64,
    pub(crate) release: i64,
}

const HOUR: i64 = 60 * MINUTE;

pub(crate) fn rule(id: &'static str, measures: &[&'static str], raise: Question) -> Rule {
    Rule {
        id,
        version: 1,
        members: Vec::new(),
        reads: measures.iter().map(|measure| (0, *measure)).collect(),
        enabled: None,
        raise,
        clear: None,
        hold: 0,
        release: 0,
    }
}

fn number(
    view: &View<'_>,
    (member, measure): Read,
    at: i64,
    max_age: i64,
    accept: Quality,
) -> Option<f64> {
    match view.0[member].value(measure, at, max_age, accept)? {
        Value::Number(value) => Some(value),
        Value::Boolean(_) | Value::Code(_) => None,
    }
}

fn compared(
    measure: &'static str,
    max_age: i64,
    test: impl Fn(f64) -> bool + Send + Sync + 'static,
) -> Question {
    of_member((0, measure), max_age, test)
}

pub(crate) fn of_member(
    read: Read,
    max_age: i64,
    test: impl Fn(f64) -> bool + Send + Sync + 'static,
) -> Question {
    Box::new(move |view, at| number(view, read, at, max_age, Quality::GOOD).map(&test))
}

pub(crate) fn either(left: Question, right: Question) -> Question {
    Box::new(move |view, at| match (left(view, at), right(view, at)) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    })
}

pub(crate) fn both(left: Question, right: Question) -> Question {
    Box::new(move |view, at| match (left(view, at), right(view, at)) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    })
}

/// A function over the window of a measure against a limit.
fn window(
    measure: &'static str,
    length: i64,
    function: impl Fn(&[(i64, f64)], i64) -> Option<f64> + Send + Sync + 'static,
    test: impl Fn(f64) -> bool + Send + Sync + 'static,
) -> Question {
    Box::new(move |view, at| {
        function(&view.0[0].window(measure, at - length, at), length).map(&test)
    })
}

fn mean(samples: &[(i64, f64)], _: i64) -> Option<f64> {
    let sum: f64 = samples.iter().map(|(_, value)| value).sum();
    (!samples.is_empty()).then(|| sum / samples.len() as f64)
}

fn greatest(samples: &[(i64, f64)], _: i64) -> Option<f64> {
    samples.iter().map(|(_, value)| *value).reduce(f64::max)
}

fn count(samples: &[(i64, f64)], _: i64) -> Option<f64> {
    Some(samples.len() as f64)
}

/// Newest less oldest, unknown while they lie closer than half the window.
fn change(samples: &[(i64, f64)], length: i64) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    let covered = last.0 - first.0;
    (covered > 0 && covered >= length / 2).then_some(last.1 - first.1)
}

/// Slope an hour between the medians of up to three samples at each end.
fn rate(samples: &[(i64, f64)], length: i64) -> Option<f64> {
    change(samples, length)?;
    let group = (samples.len() / 2).min(3);
    let (early, late) = (
        middle(&samples[..group]),
        middle(&samples[samples.len() - group..]),
    );
    let hours = (late.0 - early.0) as f64 / HOUR as f64;
    (hours > 0.0).then(|| (late.1 - early.1) / hours)
}

fn middle(samples: &[(i64, f64)]) -> (i64, f64) {
    let mut values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    match samples {
        [a, b] => (a.0 + (b.0 - a.0) / 2, f64::midpoint(values[0], values[1])),
        _ => (samples[samples.len() / 2].0, values[samples.len() / 2]),
    }
}

/// The rules of `rules/first.toml` (0) and `rules/next.toml` (1).
pub(crate) fn conditions(set: usize) -> Vec<Rule> {
    let next = set == 1;
    let version = |changed: bool| if changed { 2 } else { 1 };
    let (hi, mean_over) = if next { (4.5, 90.0) } else { (5.0, 100.0) };
    let (hold, release) = if next { (4, 8) } else { (10, 5) };
    let mut rules = vec![
        Rule {
            hold: 3 * MINUTE,
            ..rule(
                "and",
                &["temp", "level"],
                both(
                    compared("temp", 8 * MINUTE, |temp| temp > 30.0),
                    compared("level", 8 * MINUTE, |level| level >= 4.5),
                ),
            )
        },
        rule(
            "both",
            &["temp", "flow"],
            either(
                compared("temp", 12 * MINUTE, |temp| temp > 50.0),
                compared("flow", 12 * MINUTE, |flow| flow > 120.0),
            ),
        ),
        rule(
            "busy",
            &["flow"],
            window("flow", 10 * MINUTE, count, |count| count >= 3.0),
        ),
        Rule {
            version: version(next),
            clear: Some(compared("flow", HOUR, |flow| flow < 80.0)),
            hold: hold * MINUTE,
            release: release * MINUTE,
            ..rule(
                "held",
                &["flow"],
                compared("flow", HOUR, |flow| flow > 100.0),
            )
        },
        Rule {
            version: version(next),
            clear: Some(compared("level", HOUR, move |level| level < hi - 1.0)),
            ..rule(
                "hi",
                &["level"],
                compared("level", HOUR, move |level| level >= hi),
            )
        },
        Rule {
            hold: 10 * MINUTE,
            ..rule(
                "hold",
                &["flow"],
                compared("flow", HOUR, |flow| flow > 100.0),
            )
        },
        Rule {
            version: version(next),
            clear: Some(window("flow", 15 * MINUTE, mean, move |mean| {
                mean <= mean_over - 10.0
            })),
            ..rule(
                "mean",
                &["flow"],
                window("flow", 15 * MINUTE, mean, move |mean| mean > mean_over),
            )
        },
    ];
    rules.extend(more());
    rules
}

fn more() -> Vec<Rule> {
    vec![
        rule(
            "mode",
            &["mode"],
            Box::new(
                |view, at| match view.0[0].value("mode", at, HOUR, Quality::GOOD)? {
                    Value::Code(mode) => Some(&*mode == "shut" || &*mode == "stuck"),
                    Value::Boolean(_) | Value::Number(_) => None,
                },
            ),
        ),
        Rule {
            release: 2 * MINUTE,
            ..rule(
                "out",
                &["on"],
                Box::new(
                    |view, at| match view.0[0].value("on", at, HOUR, Quality::GOOD)? {
                        Value::Boolean(on) => Some(!on),
                        Value::Code(_) | Value::Number(_) => None,
                    },
                ),
            )
        },
        Rule {
            hold: 4 * MINUTE,
            ..rule(
                "peak",
                &["level"],
                window("level", 10 * MINUTE, greatest, |level| level >= 6.0),
            )
        },
        rule(
            "rate",
            &["level"],
            window("level", 30 * MINUTE, rate, |rate| rate >= 3.0),
        ),
        Rule {
            release: 7 * MINUTE,
            ..rule(
                "rel",
                &["level"],
                compared("level", HOUR, |level| level >= 6.0),
            )
        },
        rule(
            "rise",
            &["level"],
            window("level", 10 * MINUTE, change, |change| change >= 1.5),
        ),
        rule(
            "wild",
            &["temp"],
            Box::new(|view, at| {
                number(view, (0, "temp"), at, HOUR, Quality::OUT_OF_RANGE).map(|temp| temp > 90.0)
            }),
        ),
    ]
}
