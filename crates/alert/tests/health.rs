//! Alert health: golden logs with figures computed by hand (`testdata/health/README.md` shows the sums), and what holds for any log.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;

use alert::health::{Health, OPEN_MAX, PeriodError, Positions, RECORDS_MAX};
use event::{Alert, PackFiles, Time, Transition};
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/health")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap()
}

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn positions(toml: &str) -> Result<Positions, Vec<event::PackError>> {
    let mut files = PackFiles::default();
    files
        .files
        .insert("positions.toml".to_owned(), toml.as_bytes().to_vec());
    Positions::load(&files)
}

/// Objects are merged, everything else replaced.
fn patch(into: &mut Value, with: &Value) {
    match (into, with) {
        (Value::Object(into), Value::Object(with)) => {
            for (key, value) in with {
                patch(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, with) => *into = with.clone(),
    }
}

/// Folds a log: a line holds what is different from the alert's last one (or from `base.json`).
fn fold(health: &mut Health, log: &str) {
    let base: Value = serde_json::from_str(&read("base.json")).unwrap();
    let mut alerts: Map<String, Value> = Map::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let at = time(line["at"].as_str().unwrap());
        if line["seen"] == true {
            health.seen(at);
            continue;
        }
        if line["rules_changed"] == true {
            health.rules_changed(at, None);
            continue;
        }
        let id = line["id"].as_str().unwrap();
        let known = alerts.entry(id).or_insert_with(|| base.clone());
        known["id"] = json!(id);
        patch(
            known,
            &line["alert"]
                .as_object()
                .map_or(json!({}), |some| json!(some)),
        );
        let transition = Transition {
            change: serde_json::from_value(line["change"].clone()).unwrap(),
            by: None,
            command_id: line["command"].as_str().map(str::to_owned),
            alert: serde_json::from_value::<Alert>(known.clone()).unwrap(),
        };
        if line["shadow"] == true {
            health.shadow(at, &transition);
        } else {
            health.transition(at, &transition);
        }
    }
}

/// Everything that is expected is there; the figures by their keys.
fn compare(path: &str, expected: &Value, found: &Value) {
    match (expected, found) {
        (Value::Object(expected), Value::Array(figures)) if path.ends_with("/figures") => {
            for (key, value) in expected {
                let figure = figures.iter().find(|figure| figure["key"] == **key);
                compare(&format!("{path}/{key}"), value, &figure.unwrap()["value"]);
            }
        }
        (Value::Object(expected), Value::Object(found)) => {
            for (key, value) in expected {
                let path = format!("{path}/{key}");
                compare(
                    &path,
                    value,
                    found.get(key).unwrap_or_else(|| panic!("{path}")),
                );
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            assert_eq!(expected.len(), found.len(), "{path}: {found:?}");
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(&format!("{path}/{index}"), expected, found);
            }
        }
        (Value::Number(expected), Value::Number(found)) => {
            let (expected, found) = (expected.as_f64().unwrap(), found.as_f64().unwrap());
            assert!(
                (expected - found).abs() < 1e-9,
                "{path}: {expected}, found {found}"
            );
        }
        (expected, found) => assert_eq!(expected, found, "{path}"),
    }
}

fn golden(name: &str, positions: Positions) -> Health {
    let mut health = Health::new(positions);
    fold(&mut health, &read(&format!("{name}.jsonl")));
    let expected: Value = serde_json::from_str(&read(&format!("{name}.expected.json"))).unwrap();
    let from = time(expected["from"].as_str().unwrap());
    let to = time(expected["to"].as_str().unwrap());
    let report = health.report(from, to, None).unwrap();
    compare(name, &expected, &serde_json::to_value(&report).unwrap());
    for position in &report.positions {
        let (calls, left) = (&position.calls, &position.calls.left_out);
        let out = left.shadow + left.exercise + left.test + left.retrospective;
        let out = out + left.suppressed + left.shelved;
        assert_eq!(calls.total, calls.counted + out);
        let told = calls.raised + calls.reopened + calls.unsuppressed + calls.unshelved;
        assert_eq!(calls.total, told);
    }
    health
}

#[test]
fn a_quiet_two_days() {
    golden("quiet", Positions::default());
}

#[test]
fn a_flood_begins_above_ten_and_ends_below_five() {
    let health = golden("flood", Positions::default());
    let at = |text| {
        let live = health.live(time(text)).remove(0);
        (live.in_flood, live.since, live.last_10_minutes)
    };
    let since = Some(time("2026-11-20T11:55:00Z"));
    assert_eq!(at("2026-11-20T12:00:00Z"), (true, since, 12));
    assert_eq!(at("2026-11-20T12:04:59Z"), (true, since, 12));
    assert_eq!(at("2026-11-20T12:05:00Z"), (false, None, 0));
}

#[test]
fn what_is_left_out_is_counted_beside() {
    golden("left-out", Positions::default());
}

#[test]
fn positions_see_their_own_and_nothing_is_lost_between_them() {
    golden("positions", positions(&read("positions.toml")).unwrap());
}

#[test]
fn a_report_of_the_past_does_not_know_the_future() {
    let mut health = Health::new(Positions::default());
    fold(&mut health, &read("quiet.jsonl"));
    let (from, to) = ("2026-11-20T00:00:00Z", "2026-11-20T06:10:00Z");
    let then = health.report(time(from), time(to), None).unwrap();
    let acknowledge = &then.positions[0].acknowledge;
    // The answer of a3 came at 06:20.
    assert_eq!((acknowledge.acknowledged, acknowledge.waiting), (2, 1));
    assert_eq!(then.seconds, 22_200.0);
    // A period that is not over counts to now.
    let on = health
        .report(
            time("2026-11-21T20:30:00Z"),
            time("2026-11-23T00:00:00Z"),
            None,
        )
        .unwrap();
    assert_eq!(on.seconds, 12_600.0);
    assert_eq!(on.positions[0].calls.counted, 1);
    assert_eq!(on.positions[0].standing.at_end, 2);
}

#[test]
fn a_stale_alert_is_named_while_it_stands() {
    let mut health = Health::new(Positions::default());
    fold(&mut health, &read("quiet.jsonl"));
    let (from, to) = ("2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z");
    let report = health.report(time(from), time(to), None).unwrap();
    let stale = &report.positions[0].stale_alerts;
    assert_eq!(stale.len(), 1);
    assert_eq!(stale[0].since, time("2026-11-20T12:00:00Z"));
    // Not yet a day at noon.
    let before = health.report(time("2026-11-21T11:00:00Z"), time(from), None);
    assert_eq!(before.unwrap().positions[0].stale.most, 0);
}

#[test]
fn it_goes_on_from_what_was_saved() {
    let log = read("left-out.jsonl");
    let lines: Vec<&str> = log.lines().collect();
    let mut straight = Health::new(Positions::default());
    fold(&mut straight, &log);
    // Cut where no alert of the second half needs a line of the first.
    let mut first = Health::new(Positions::default());
    fold(&mut first, &lines[..lines.len() - 3].join("\n"));
    let bytes = postcard::to_allocvec(&first).unwrap();
    let mut second: Health = postcard::from_bytes(&bytes).unwrap();
    fold(&mut second, &lines[lines.len() - 3..].join("\n"));
    assert_eq!(second, straight);
    let text = serde_json::to_string(&straight).unwrap();
    assert_eq!(serde_json::from_str::<Health>(&text).unwrap(), straight);
}

#[test]
fn other_positions_look_at_the_same_calls() {
    let wanted = positions(&read("positions.toml")).unwrap();
    let mut later = Health::new(Positions::default());
    fold(&mut later, &read("positions.jsonl"));
    later.set_positions(wanted.clone());
    let mut before = Health::new(wanted);
    fold(&mut before, &read("positions.jsonl"));
    assert_eq!(later, before);
}

#[test]
fn memory_is_bounded_and_a_report_says_where_it_begins() {
    let mut health = Health::new(Positions::default());
    let mut alert: Value = serde_json::from_str(&read("base.json")).unwrap();
    alert["id"] = json!("x");
    let transition = Transition {
        change: event::Change::Raised,
        by: None,
        command_id: None,
        alert: serde_json::from_value(alert).unwrap(),
    };
    let begin = time("2026-11-20T00:00:00Z");
    for second in 0..=i64::try_from(RECORDS_MAX).unwrap() {
        health.shadow(begin.plus(second * Time::SECOND), &transition);
    }
    let to = begin.plus(100 * 3_600 * Time::SECOND);
    let report = health.report(begin, to, None).unwrap();
    assert!(!report.complete);
    assert_eq!(report.from, begin.plus(600 * Time::SECOND));
    for count in 0..=OPEN_MAX {
        let mut transition = transition.clone();
        transition.alert.id = event::AlertId(count.to_string());
        health.transition(to, &transition);
    }
    assert_eq!(health.report(begin, to, None).unwrap().untracked, 1);
}

#[test]
fn a_period_that_is_none_is_refused() {
    let health = Health::new(Positions::default());
    let (from, to) = (time("2026-11-20T00:00:00Z"), time("2026-11-19T00:00:00Z"));
    assert_eq!(health.report(from, to, None), Err(PeriodError::Backwards));
    let far = from.plus(401 * 86_400 * Time::SECOND);
    assert_eq!(health.report(from, far, None), Err(PeriodError::TooLong));
    let unknown = health.report(from, from, Some("nobody"));
    assert_eq!(
        unknown,
        Err(PeriodError::PositionUnknown("nobody".to_owned()))
    );
    let empty = health.report(from, from, None).unwrap();
    assert_eq!(empty.positions[0].figures[0].value, None);
}

#[test]
fn the_table_has_every_figure_and_no_formula() {
    let mut health = Health::new(Positions::default());
    let log = read("flood.jsonl").replace("\"entity\": \"e1\"", "\"entity\": \"=cmd,\\\"x\\\"\"");
    fold(&mut health, &log);
    let (from, to) = (time("2026-11-20T10:00:00Z"), time("2026-11-20T12:00:00Z"));
    let report = health.report(from, to, None).unwrap();
    let table = report.to_csv();
    let columns = table.lines().next().unwrap().split(',').count();
    for line in table.lines().filter(|line| !line.contains('"')) {
        assert_eq!(line.split(',').count(), columns, "{line}");
    }
    for figure in &report.positions[0].figures {
        assert!(table.contains(&format!("operations,figure,{},", figure.key)));
        assert!(!figure.label.vi.is_empty() && !figure.label.en.is_empty());
        for target in &figure.targets {
            assert_eq!(target.recalled, target.confidence == "L");
        }
    }
    assert!(table.contains("\"r-flood =cmd,\"\"x\"\"\""), "{table}");
}

#[test]
fn mistakes_in_positions_are_told_with_their_lines() {
    let wrong = "[[position]]\nid = \"A\"\nname = { vi = \"a\", en = \"b\" }\nstreams = [\"fire\"]\nhours = [\"06:05-14:00\"]\nseats = 2\n";
    let errors = positions(wrong).unwrap_err();
    let mut lines: Vec<u32> = errors.iter().map(|error| error.line).collect();
    lines.sort_unstable();
    assert_eq!(lines, [2, 4, 5, 6], "{errors:?}");
    assert_eq!(positions("").unwrap_err().len(), 1);
    assert_eq!(
        Positions::load(&PackFiles::default()).unwrap(),
        Positions::default()
    );
}
