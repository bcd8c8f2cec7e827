//! `ioc backtest`: rules tried on what came in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use ioc_tests::node::{Folder, journal};
use ioc_tests::process::{binary, output, repository, run};
use serde_json::{Value, json};

fn ioc(args: &[&str]) -> Output {
    output(binary("ioc"), args)
}

fn answer(args: &[&str]) -> Value {
    let text = run(binary("ioc"), args);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn copied(folder: &Path) -> PathBuf {
    let site = folder.join("site");
    let source = repository().join("deploy/sites/lao-cai");
    run(
        "cp",
        ["-r", source.to_str().unwrap(), site.to_str().unwrap()],
    );
    site
}

/// A line of recorded traffic: the gauge of Bảo Hà, so many minutes after midnight UTC.
fn line(minute: u32, level_cm: u32) -> String {
    let time = format!("2024-09-09T{:02}:{:02}:00Z", minute / 60, minute % 60);
    json!({
        "received": time, "topic": "ioc/lao-cai/disaster/wl-bao-ha/up",
        "payload": json!({"ts": time, "level_cm": level_cm}).to_string(),
    })
    .to_string()
}

/// Above alarm level 3 (57.00 m) from 0:20 to 0:50, and again from 1:30 on.
const LEVELS: [(u32, u32); 9] = [
    (0, 5_650),
    (10, 5_690),
    (20, 5_705),
    (30, 5_740),
    (40, 5_690),
    (50, 5_670),
    (70, 5_690),
    (90, 5_720),
    (100, 5_730),
];

fn recorded(folder: &Path) -> String {
    let lines: Vec<String> = LEVELS
        .iter()
        .map(|(minute, level)| line(*minute, *level))
        .collect();
    let path = folder.join("traffic.jsonl");
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    path.to_str().unwrap().to_owned()
}

fn of_rule(report: &Value, rule: &str) -> Vec<(String, Value)> {
    report["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["rule"] == rule)
        .map(|row| {
            (
                row["raised"].as_str().unwrap().to_owned(),
                row["cleared"].clone(),
            )
        })
        .collect()
}

fn changed_rules(site: &Path, folder: &Path, from: &str, to: &str) -> PathBuf {
    let rules = folder.join("rules");
    run(
        "cp",
        [
            "-r",
            site.join("rules").to_str().unwrap(),
            rules.to_str().unwrap(),
        ],
    );
    let river = fs::read_to_string(rules.join("river.toml")).unwrap();
    assert!(river.contains(from));
    fs::write(rules.join("river.toml"), river.replacen(from, to, 1)).unwrap();
    rules
}

#[test]
fn recorded_traffic_gives_episodes_and_the_difference_to_other_rules() {
    let folder = Folder::new("backtest");
    let (site, input) = (copied(folder.path()), recorded(folder.path()));
    let site_text = site.to_str().unwrap();
    let base = ["backtest", "--site", site_text, "--input", &input];
    let report = answer(&[&base[..], &["--json"]].concat());
    let first = (
        "2024-09-09T00:20:00Z".to_owned(),
        json!("2024-09-09T00:50:00Z"),
    );
    let second = ("2024-09-09T01:30:00Z".to_owned(), Value::Null);
    assert_eq!(of_rule(&report, "river-bd3"), [first, second]);
    let row = report["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["rule"] == "river-bd3")
        .unwrap();
    for (key, value) in [
        ("version", json!(2)),
        ("entity", json!("wl-bao-ha")),
        ("severity", json!("major")),
        ("status", json!("actual")),
        ("retrospective", json!(false)),
        ("area_name", json!("Xã Bảo Hà")),
    ] {
        assert_eq!(row[key], value, "{key}");
    }
    assert_eq!(report["input"]["messages"], 9);
    assert_eq!(report["load"]["by_severity"]["major"], 2);
    assert_eq!(report["load"]["positions"][0]["position"], "operations");

    // A hold of 15 minutes: the first episode begins later, the second stays open to be decided.
    let rules = changed_rules(
        &site,
        folder.path(),
        "condition = \"level >= limit.bd3\"",
        "hold = \"15m\"\ncondition = \"level >= limit.bd3 + 0.3\"",
    );
    let against = [
        &base[..],
        &[
            "--rules",
            rules.to_str().unwrap(),
            "--against",
            "current",
            "--json",
        ],
    ]
    .concat();
    let report = answer(&against);
    let diff = &report["diff"];
    let names = |list: &Value| -> Vec<String> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|row| {
                format!(
                    "{} {}",
                    row["rule"].as_str().unwrap(),
                    row["raised"].as_str().unwrap()
                )
            })
            .collect()
    };
    assert_eq!(
        names(&diff["gone"]),
        [
            "river-bd3 2024-09-09T00:20:00Z",
            "river-bd3 2024-09-09T01:30:00Z"
        ]
    );
    assert!(diff["new"].as_array().unwrap().is_empty());
    assert!(diff["same"].as_u64().unwrap() >= 2, "{diff}");

    // With --to the traffic is whole until then: the gauge falls silent at high water.
    let silent = answer(&[&base[..], &["--to", "2024-09-09T12:00:00Z", "--json"]].concat());
    let of_gauge = |report: &Value| {
        let rows = report["alerts"].as_array().unwrap();
        rows.iter()
            .filter(|row| row["entity"] == "wl-bao-ha")
            .count()
    };
    assert!(of_gauge(&silent) > of_gauge(&answer(&[&base[..], &["--json"]].concat())));
}

#[test]
fn the_order_of_lines_does_not_matter_and_bad_lines_are_told() {
    let folder = Folder::new("backtest-lines");
    let input = recorded(folder.path());
    let base = ["backtest", "--input", &input, "--json"];
    let ordered = answer(&base);
    let mut lines: Vec<String> = LEVELS
        .iter()
        .map(|(minute, level)| line(*minute, *level))
        .collect();
    lines.reverse();
    lines.insert(3, "{\"received\":\"soon\"}".to_owned());
    fs::write(&input, lines.join("\n")).unwrap();
    let shuffled = answer(&base);
    assert_eq!(shuffled["alerts"], ordered["alerts"]);
    assert_eq!(shuffled["load"], ordered["load"]);
    assert_eq!(shuffled["input"]["sorted"], true);
    assert_eq!(shuffled["input"]["bad_lines"], 1);
    assert_eq!(shuffled["input"]["mistakes"][0]["line"], 4);
    // Byte for byte the same answer to the same question.
    assert_eq!(ioc(&base).stdout, ioc(&base).stdout);

    let marks = folder.path().join("marks.jsonl");
    let mark = json!({"id": "m", "at": "2024-09-09T00:15:00Z", "entity": "wl-bao-ha", "rules": ["river-bd3"]});
    let never = json!({"id": "n", "at": "2024-09-09T00:15:00Z", "entity": "wl-yen-bai", "rules": ["river-bd3"]});
    fs::write(&marks, format!("{mark}\n{never}\n")).unwrap();
    let picture = folder.path().join("picture.svg");
    let args = [
        "--marks",
        marks.to_str().unwrap(),
        "--picture",
        picture.to_str().unwrap(),
    ];
    let report = answer(&[&base[..], &args].concat());
    assert_eq!(report["detections"][0]["seconds"], 300.0);
    assert_eq!(report["detections"][1]["detected"], false);
    let picture = fs::read_to_string(&picture).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("river-bd3 · wl-bao-ha"));
    let table = run(binary("ioc"), [&base[..3], &args].concat());
    for words in [
        "Cảnh báo / Alerts",
        "Tải người trực / Operator load",
        "Thời gian phát hiện / Time to detection",
    ] {
        assert!(table.contains(words), "{table}");
    }
    for wrong in [
        &["backtest"][..],
        &["backtest", "--input", "/no/such/file"],
        &["backtest", "--input", &input, "--site", "/no/such/site"],
        &["backtest", "--input", &input, "--from", "later"],
    ] {
        assert!(matches!(ioc(wrong).status.code(), Some(1 | 2)), "{wrong:?}");
    }
}

/// Rule, entity, status, observed start and end of every transition's alert as it was told last.
fn told_live(data: &Path) -> BTreeSet<(String, String, String)> {
    let mut last = std::collections::BTreeMap::new();
    for line in journal(data, &["cat", "--journal", "outcomes", "--json"]).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["kind"] == "transition" {
            let alert = &record["transition"]["alert"];
            let id = alert["id"].as_str().unwrap().to_owned();
            // What late data took back is no episode.
            if record["transition"]["change"] == "annulled" {
                last.remove(&id);
            } else {
                last.insert(id, alert.clone());
            }
        }
    }
    let key = |alert: &Value| {
        let text = |key: &str| alert[key].as_str().unwrap().to_owned();
        (text("rule"), text("entity"), text("since"))
    };
    last.values().map(key).collect()
}

#[test]
fn live_is_what_a_back_test_on_the_same_journal_says() {
    let folder = Folder::new("backtest-live");
    let data = folder.path().join("data");
    let config = folder.path().join("ioc.toml");
    fs::write(&config, "[ingest]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[console]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let data_text = data.to_str().unwrap();
    run(
        binary("ioc"),
        [
            "demo",
            "--config",
            config.to_str().unwrap(),
            "--scenario",
            "yagi-2024",
            "--speed",
            "max",
            "--headless",
            "--exit-at-end",
            "--data",
            data_text,
        ],
    );
    let live = told_live(&data);
    assert!(live.len() > 50, "{}", live.len());
    let report = answer(&[
        "backtest",
        "--data",
        data_text,
        "--against",
        "current",
        "--json",
    ]);
    let rows: Vec<Value> = report["alerts"].as_array().unwrap().clone();
    let tried: BTreeSet<_> = rows
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            (text("rule"), text("entity"), text("raised"))
        })
        .collect();
    let missing: Vec<_> = live.difference(&tried).collect();
    assert!(
        missing.is_empty(),
        "told live, not in the back-test: {missing:?}"
    );
    // Whatever else there is belongs to an alert that was told live, as an earlier episode of it.
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), live.len());
    assert_eq!(report["diff"]["same"].as_u64().unwrap(), rows.len() as u64);
    // The archive has the same events: the same alerts come of them.
    let archive = answer(&[
        "backtest", "--data", data_text, "--source", "archive", "--json",
    ]);
    let essence = |report: &Value| -> Vec<Value> {
        let rows = report["alerts"].as_array().unwrap().iter();
        rows.map(|row| {
            json!([
                row["rule"],
                row["entity"],
                row["raised"],
                row["cleared"],
                row["status"]
            ])
        })
        .collect()
    };
    assert_eq!(essence(&archive), essence(&report));
}
