//! The rules of `rules/wide.toml` once more, in plain code: the kinds beyond a single thing and its own values.

use crate::MINUTE;
use crate::rules::{Question, Rule, both, either, of_member, rule};

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
