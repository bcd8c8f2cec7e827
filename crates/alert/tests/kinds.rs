//! Sequences, rules over several entities and neighbours under disorder and restarts; gateways; and what late data costs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::order::{BASE, BOUND, Chance, MINUTE, Run, event, reading, value};
use common::vocabulary;
use event::{Alert, AlertState, Certainty, PackFiles, Severity, Stream, Vocabulary};

const SEQUENCES: &str = r#"
[[rule]]
id = "after"
kind = "sequence"
measure = "level"
first = "flow > 115.0"
then = "level >= 6.0"
within = "12m"
lasts = "20m"

[[rule]]
id = "after-clear"
kind = "sequence"
measure = "level"
first = "flow > 110.0"
then = "level >= 5.0"
within = "15m"
clear = "level < 2.0"

[[rule]]
id = "missing"
kind = "sequence"
measure = "level"
first = "flow > 110.0"
then = "level < 3.0"
within = "10m"
missing = true
"#;

const GROUPS: &str = r#"
[[rule]]
id = "pair"
kind = "correlation"
condition = "up.level >= 4.0 && down.flow > 100.0"
max_age = "20m"
hold = "4m"
members = { up = "g1", down = "g2" }

[[rule]]
id = "mean"
kind = "correlation"
condition = "mean(up.level, duration('20m')) > mean(down.level, duration('20m')) + 1.0"
release = "3m"
members = { up = "g1", down = "g2" }

[[rule]]
id = "whole"
kind = "condition"
site = true
measure = "level"
profiles = ["gauge"]
condition = "across('max', level) >= 6.0 && across('count', level >= 4.0) >= 2.0"
max_age = "20m"
"#;

const NEAR: &str = r#"
[[rule]]
id = "near"
kind = "condition"
severity = "major"
measure = "level"
condition = "level >= 5.0"

[rule.corroborate]
within_km = 10
window = "20m"
lone_severity = "warning"
"#;

const HELD: &str = r#"
[[rule]]
id = "held"
kind = "condition"
measure = "flow"
condition = "mean(flow, duration('10m')) > 100.0"
hold = "10m"
release = "5m"
"#;

/// Rules with what all have in common filled in.
fn pack_of(rules: &str) -> PackFiles {
    let common = "[[rule]]\nversion = 1\nstream = \"disaster\"\n\
                  title = { vi = \"t\", en = \"t\" }\nmessage = { vi = \"{name}\", en = \"{name}\" }\n\
                  guidance = { vi = \"g\", en = \"g\" }\n";
    let mut text = String::new();
    for rule in rules.split("[[rule]]").skip(1) {
        text.push_str(common);
        if !rule.contains("\nseverity") {
            text.push_str("severity = \"minor\"\n");
        }
        text.push_str(rule.trim_start());
    }
    let mut files = PackFiles::default();
    files
        .files
        .insert("rules/all.toml".to_owned(), text.into_bytes());
    files
}

fn run(rules: &str) -> Run {
    Run::new(&pack_of(rules), vocabulary())
}

/// Ordered input against the same shuffled within the bound, with duplicates and restarts; how many episodes each rule had.
fn shuffled_is_ordered(rules: &str, least: &[(&str, usize)]) {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..25 {
        let mut chance = Chance(seed * 13 + 3);
        let mut ordered = run(rules);
        let mut shuffled = run(rules);
        let mut arrivals = Vec::new();
        let mut minute = 0;
        let mut newest = (-1, -1);
        for number in 0..200 {
            // Both may speak in one minute, which is one point of what they have in common.
            minute += chance.below(4) as i64;
            let (entity, newest) = if chance.below(2) == 0 {
                ("g2", &mut newest.0)
            } else {
                ("g1", &mut newest.1)
            };
            minute += i64::from(minute == *newest);
            *newest = minute;
            let event = event(&mut chance, &ordered.vocabulary, entity, minute);
            ordered.record(event.observed.0, Some(&event));
            let delay = chance.below(2) * chance.below(BOUND as u64 + 1);
            arrivals.push((minute + delay as i64, number, event.clone()));
            if chance.below(10) == 0 {
                let again = chance.below(BOUND as u64 + 1) as i64;
                arrivals.push((minute + again, 200 + number, event));
            }
        }
        arrivals.sort_by_key(|(at, number, _)| (*at, *number));
        for (at, _, event) in &arrivals {
            if chance.below(8) == 0 {
                shuffled.restart();
            }
            shuffled.record(BASE + at * MINUTE, Some(event));
        }
        let end = BASE + (minute + 300) * MINUTE;
        ordered.record(end, None);
        shuffled.record(end, None);
        let (wanted, found) = (ordered.episodes(), shuffled.episodes());
        let missing: Vec<_> = wanted.difference(&found).collect();
        let wrong: Vec<_> = found.difference(&wanted).collect();
        assert!(
            missing.is_empty() && wrong.is_empty(),
            "seed {seed}\nmissing {missing:?}\nwrong {wrong:?}"
        );
        for (rule, ..) in wanted {
            *counts.entry(rule).or_default() += 1;
        }
    }
    for (rule, least) in least {
        assert!(
            counts.get(*rule).is_some_and(|count| count >= least),
            "{counts:?}"
        );
    }
}

#[test]
fn sequences_do_not_depend_on_the_order_of_arrival() {
    shuffled_is_ordered(
        SEQUENCES,
        &[("after", 40), ("after-clear", 40), ("missing", 40)],
    );
}

#[test]
fn rules_over_several_entities_do_not_depend_on_the_order_of_arrival() {
    shuffled_is_ordered(GROUPS, &[("pair", 40), ("mean", 40), ("whole", 40)]);
}

fn only(run: &Run) -> &Alert {
    let alerts: Vec<_> = run.engine.alerts().collect();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    alerts[0]
}

/// Entity, minute of arrival and of observation, level; then whether the alert of g1 is suspect.
type Step = (&'static str, i64, i64, f64, bool);

#[test]
fn a_lone_sensor_is_suspect_until_another_says_so_too() {
    let tables: [&[Step]; 5] = [
        // Alone, then shared.
        &[("g1", 0, 0, 6.0, true), ("g2", 10, 10, 6.0, false)],
        // The neighbour says no.
        &[("g1", 0, 0, 6.0, true), ("g2", 10, 10, 3.0, true)],
        // The neighbour's word is late, and about a time before.
        &[("g1", 20, 20, 6.0, true), ("g2", 29, 5, 6.0, false)],
        // Too far ahead, until the episode has gone on to there.
        &[
            ("g1", 0, 0, 6.0, true),
            ("g2", 25, 25, 6.0, true),
            ("g1", 26, 26, 6.0, false),
        ],
        // Too early to say anything of this.
        &[("g1", 29, 29, 6.0, true), ("g2", 30, 1, 6.0, true)],
    ];
    for table in tables {
        let mut run = run(NEAR);
        for (entity, arrives, minute, level, suspect) in table {
            let values = vec![value(&run.vocabulary, "level", *level)];
            let event = reading(entity, *minute, values);
            run.record(BASE + arrives * MINUTE, Some(&event));
            run.restart();
            let mut alerts = run.engine.alerts();
            let own = alerts.find(|alert| &*alert.entity == "g1");
            let own = own.unwrap_or_else(|| panic!("{table:?}: no alert"));
            assert_eq!(own.rating.suspect, *suspect, "{table:?}");
            let (severity, certainty) = if *suspect {
                (Severity::Warning, Certainty::Possible)
            } else {
                (Severity::Major, Certainty::Observed)
            };
            assert_eq!((own.severity, own.rating.certainty), (severity, certainty));
        }
    }
}

#[test]
fn a_neighbour_known_before_makes_it_full_at_once() {
    let mut run = run(NEAR);
    for (entity, minute) in [("g2", 0), ("g1", 10)] {
        let values = vec![value(&run.vocabulary, "level", 6.0)];
        run.record(
            BASE + minute * MINUTE,
            Some(&reading(entity, minute, values)),
        );
    }
    for alert in run.engine.alerts() {
        assert!(!alert.rating.suspect, "{}", alert.entity);
    }
    assert_eq!(run.engine.alerts().count(), 2);
}

/// `g1` speaks through the gateway `e1`, which rings when it is silent for half an hour.
fn behind_a_gateway() -> Run {
    let mut vocabulary: Vocabulary = vocabulary();
    vocabulary.entities.get_mut("g1").unwrap().gateway = Some("e1".into());
    let rules =
        "[[rule]]\nid = \"silent\"\nkind = \"absence\"\nafter = \"30m\"\nprofiles = [\"box\"]\n";
    Run::new(&pack_of(rules), vocabulary)
}

#[test]
fn hearing_a_device_is_hearing_its_gateway() {
    let on = |run: &Run| {
        let mut alerts = run.engine.alerts();
        alerts.any(|alert| {
            matches!(
                alert.state,
                AlertState::Unacknowledged | AlertState::Acknowledged
            )
        })
    };
    let mut run = behind_a_gateway();
    run.record(BASE, None);
    for minute in [20, 45, 70] {
        let values = vec![value(&run.vocabulary, "level", 1.0)];
        run.record(BASE + minute * MINUTE, Some(&reading("g1", minute, values)));
        run.restart();
        assert!(!on(&run), "minute {minute}");
    }
    run.record(BASE + 99 * MINUTE, None);
    assert!(!on(&run));
    run.record(BASE + 101 * MINUTE, None);
    assert!(on(&run));
    let values = vec![value(&run.vocabulary, "level", 1.0)];
    run.record(BASE + 102 * MINUTE, Some(&reading("g1", 102, values)));
    assert!(!on(&run));
}

/// A gateway that was cut off sends what it kept, after live data of the same device: rule evaluations for each point.
fn backlog(entity_busy: bool, reverse: bool) -> f64 {
    const POINTS: i64 = 3_000;
    let mut vocabulary: Vocabulary = vocabulary();
    let bound = &mut vocabulary.lateness_seconds;
    bound.insert(Stream::Disaster, 7 * 86_400);
    let mut run = Run::new(&pack_of(HELD), vocabulary);
    let flow = if entity_busy { 120.0 } else { 20.0 };
    let first = if entity_busy { 120.0 } else { 20.0 };
    let mut record = |minute: i64, arrives: i64, flow: f64| {
        let values = vec![value(&run.vocabulary, "flow", flow)];
        let event = reading("g1", minute, values);
        run.record(BASE + arrives * MINUTE, Some(&event));
    };
    record(0, 0, first);
    for minute in 0..30 {
        record(POINTS + minute, POINTS + minute, flow);
    }
    for number in 1..POINTS {
        let minute = if reverse { POINTS - number } else { number };
        // An episode now and then.
        let flow = if minute % 400 < 30 {
            140.0 - flow
        } else {
            flow
        };
        record(minute, POINTS + 30, flow);
    }
    run.engine.counters().evaluations as f64 / POINTS as f64
}

#[test]
fn a_backlog_costs_what_it_brings() {
    for busy in [false, true] {
        for reverse in [false, true] {
            let each = backlog(busy, reverse);
            assert!(
                each < 260.0,
                "busy {busy}, newest first {reverse}: {each} evaluations a point"
            );
        }
    }
}

/// The oldest go, counted, and what is as old as they are is history; the episode that is on goes on.
#[test]
fn more_observations_than_are_kept() {
    let mut run = run(HELD);
    let second = MINUTE / 60;
    let count = alert::OBSERVATIONS_MAX as i64 + 1_000;
    for number in 0..count {
        let mut event = reading("g1", 0, vec![value(&run.vocabulary, "flow", 120.0)]);
        // Twenty a second.
        event.observed = event::Time(BASE + number * second / 20);
        run.record(event.observed.0, Some(&event));
    }
    let counters = run.engine.counters();
    assert!(counters.observations_dropped > 0, "{counters:?}");
    assert_eq!(only(&run).since.0, BASE);
    let before = counters.history;
    let mut late = reading("g1", 0, vec![value(&run.vocabulary, "flow", 1.0)]);
    late.observed = event::Time(BASE + second / 40);
    run.record(BASE + count * second / 20, Some(&late));
    assert_eq!(run.engine.counters().history, before + 1);
    run.restart();
    assert_eq!(only(&run).since.0, BASE);
}
