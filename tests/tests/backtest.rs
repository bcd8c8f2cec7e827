//! `ioc backtest` and `ioc rules …`: rules tried on what came in, put on trial, promoted, and handed to a running node.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use ioc_tests::http;
use ioc_tests::node::{Folder, Node, Options, journal};
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
        ("version", json!(1)),
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
            last.insert(alert["id"].as_str().unwrap().to_owned(), alert.clone());
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

#[test]
fn cases_beside_the_rules_pass_and_fail() {
    let shipped = ioc(&["rules", "test"]);
    assert_eq!(
        shipped.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&shipped.stdout)
    );
    let folder = Folder::new("rules-test");
    let site = copied(folder.path());
    let site_text = site.to_str().unwrap();
    let path = site.join("rules/cases/river.toml");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        good.replacen("raised = \"+20m\"", "raised = \"+25m\"", 1),
    )
    .unwrap();
    let wrong = ioc(&["rules", "test", "--site", site_text]);
    assert_eq!(wrong.status.code(), Some(1));
    let text = String::from_utf8(wrong.stdout).unwrap();
    assert!(
        text.contains("expected 2024-09-08T17:25:00Z") && text.contains("got 2024-09-08T17:20:00Z"),
        "{text}"
    );
    fs::write(&path, good.replacen("level = 56.9 ", "levle = 56.9 ", 1)).unwrap();
    let wrong = ioc(&["rules", "test", "--site", site_text, "--json"]);
    assert_eq!(wrong.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&wrong.stdout).unwrap();
    assert_eq!(report["failed"], 1);
    assert!(
        report["results"][0]["wrong"][0]
            .as_str()
            .unwrap()
            .contains("levle")
    );
    fs::write(&path, good.replacen("[[case.alert]]", "[[case.alerts]]", 1)).unwrap();
    assert_eq!(
        ioc(&["rules", "test", "--site", site_text]).status.code(),
        Some(2)
    );
    let check = ioc(&["rules", "check", "--site", site_text]);
    assert_eq!(check.status.code(), Some(1));
    fs::write(&path, &good).unwrap();
    let check = answer(&["rules", "check", "--site", site_text, "--json"]);
    assert_eq!(
        (
            check["good"].clone(),
            check["mistakes"].as_array().unwrap().len()
        ),
        (json!(true), 0)
    );
    assert!(
        answer(&["rules", "list", "--json"])["rules"]
            .as_array()
            .unwrap()
            .len()
            > 20
    );
}

/// A rule of its own, so that it may stand beside all others.
fn fresh_rule(version: u32, bound: &str) -> String {
    format!(
        "[[rule]]\nid = \"bao-ha-watch\"\nversion = {version}\nkind = \"condition\"\nstream = \"disaster\"\nseverity = \"info\"\n\
         measure = \"level\"\nprofiles = [\"river-level\"]\ncondition = \"level >= {bound}\"\n\
         title.vi = \"Theo dõi\"\ntitle.en = \"Watch\"\nmessage.vi = \"Mực nước {{level}}.\"\nmessage.en = \"Level {{level}}.\"\n\
         guidance.vi = \"Theo dõi.\"\nguidance.en = \"Watch.\"\n"
    )
}

#[test]
fn a_rule_goes_on_trial_is_promoted_and_dropped() {
    let folder = Folder::new("rules-shadow");
    let site = copied(folder.path());
    let site_text = site.to_str().unwrap();
    let file = folder.path().join("watch.toml");
    fs::write(&file, fresh_rule(1, "56.0")).unwrap();
    let rules = |args: &[&str]| ioc(&[&["rules"], args, &["--site", site_text]].concat());
    let file_text = file.to_str().unwrap();
    assert_eq!(rules(&["shadow", file_text]).status.code(), Some(0));
    assert!(site.join("rules/shadow/watch.toml").is_file());
    assert_eq!(rules(&["promote", "bao-ha-watch"]).status.code(), Some(0));
    assert!(!site.join("rules/shadow/watch.toml").exists());
    assert!(
        fs::read_to_string(site.join("rules/watch.toml"))
            .unwrap()
            .contains("bao-ha-watch")
    );
    // The same version again means two things by one number.
    assert_ne!(rules(&["shadow", file_text]).status.code(), Some(0));
    assert!(!site.join("rules/shadow/watch.toml").exists());
    // Five mistakes, all five told, nothing written.
    let bad = fresh_rule(2, "limit.none")
        .replace("bao-ha-watch", "other-watch")
        .replace("severity = \"info\"", "severity = \"loud\"")
        .replace("\"river-level\"", "\"no-such\"")
        .replace("guidance.vi = \"Theo dõi.\"\n", "")
        .replace("title.en = \"Watch\"\n", "colour = 1\n");
    fs::write(&file, bad).unwrap();
    let refused = rules(&["shadow", file_text]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.lines()
            .filter(|line| line.contains("rules/shadow/watch.toml:"))
            .count()
            >= 5,
        "{told}"
    );
    assert!(!site.join("rules/shadow/watch.toml").exists());
    fs::write(
        &file,
        fresh_rule(1, "56.0").replace("bao-ha-watch", "third-watch"),
    )
    .unwrap();
    assert_eq!(rules(&["shadow", file_text]).status.code(), Some(0));
    assert_eq!(rules(&["drop", "third-watch"]).status.code(), Some(0));
    assert_eq!(rules(&["drop", "third-watch"]).status.code(), Some(1));
    assert!(!site.join("rules/shadow/watch.toml").exists());
}

#[test]
fn a_running_node_takes_a_good_pack_and_refuses_a_bad_one_whole() {
    let folder = Folder::new("rules-apply");
    let site = copied(folder.path());
    let options = Options {
        variables: vec![(
            "IOC__NODE__SITE".to_owned(),
            site.to_str().unwrap().to_owned(),
        )],
        ..Options::default()
    };
    let data = folder.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let node = Node::start_with(&data, &options);
    let url = format!("http://{}", node.console);
    let apply = |more: &[&str]| {
        ioc(&[
            &[
                "rules",
                "apply",
                "--operator",
                "Lan",
                "--url",
                &url,
                "--site",
                site.to_str().unwrap(),
            ],
            more,
        ]
        .concat())
    };
    let rules = || http::get(node.console, "/api/v1/rules").json();
    let (before, count) = (
        rules()["pack"].clone(),
        rules()["rules"].as_array().unwrap().len(),
    );
    assert_eq!(http::get(node.console, "/api/v1/rules/diff").status, 404);

    let river = fs::read_to_string(site.join("rules/river.toml")).unwrap();
    let raised = river.replacen(
        "condition = \"level >= limit.bd3\"",
        "condition = \"level >= limit.bd3 + 0.1\"",
        1,
    );
    let second = raised.replacen(
        "id = \"river-bd3\"\nversion = 1",
        "id = \"river-bd3\"\nversion = 2",
        1,
    );
    assert_ne!(river, second);
    fs::write(site.join("rules/river.toml"), &second).unwrap();
    assert_eq!(apply(&["--dry-run"]).status.code(), Some(0));
    assert_eq!(rules()["pack"], before, "a dry run changes nothing");
    let applied = apply(&[]);
    let text = String::from_utf8(applied.stdout).unwrap();
    assert_eq!(applied.status.code(), Some(0), "{text}");
    assert!(
        text.contains("river-bd3") && text.contains("v1 → v2"),
        "{text}"
    );
    assert_ne!(rules()["pack"], before);
    let of = |rules: &Value| {
        rules["rules"]
            .as_array()
            .unwrap()
            .iter()
            .find(|rule| rule["id"] == "river-bd3")
            .unwrap()
            .clone()
    };
    assert_eq!(of(&rules())["version"], 2);
    assert_eq!(rules()["rules"].as_array().unwrap().len(), count);
    let diff = http::get(node.console, "/api/v1/rules/diff").json();
    assert_eq!(diff["operator"], "Lan");
    assert_eq!(diff["changes"].as_array().unwrap().len(), 1);
    assert!(
        diff["changes"][0]["old"]["text"]
            .as_str()
            .unwrap()
            .contains("limit.bd3\"")
    );
    // The screens are told too.
    let shown = http::get(node.console, "/api/v1/site").json();
    assert_eq!(of(&shown)["version"], 2);

    // Sent past the check of the command line: the node refuses it with every mistake.
    let in_force = rules()["pack"].clone();
    let mut files = serde_json::Map::new();
    files.insert("rules/x.toml".to_owned(), "[[rule]]\nid = 1\n".into());
    let refused = http::post(
        node.console,
        "/api/v1/site",
        &json!({"operator": "Lan", "files": files}),
    );
    assert_eq!(refused.status, 422);
    assert!(!refused.json()["mistakes"].as_array().unwrap().is_empty());
    assert_eq!(rules()["pack"], in_force);
    fs::write(
        site.join("rules/river.toml"),
        second.replacen("severity = \"major\"", "severity = \"loud\"", 1),
    )
    .unwrap();
    assert_eq!(apply(&[]).status.code(), Some(1));
    assert_eq!(rules()["pack"], in_force);
    fs::write(site.join("rules/river.toml"), &second).unwrap();
    assert_eq!(apply(&["--json"]).status.code(), Some(0));
    node.stop();

    let records = journal(&data, &["cat", "--json"]);
    assert_eq!(
        records
            .lines()
            .filter(|line| line.contains("\"kind\":\"configuration\""))
            .count(),
        2
    );
    run(
        binary("ioc"),
        ["journal", "replay", "--data", data.to_str().unwrap()],
    );
    let compared = answer(&[
        "rules",
        "compare",
        "--data",
        data.to_str().unwrap(),
        "--rule",
        "river-bd3",
        "--json",
    ]);
    assert_eq!(compared["shadow"], json!([]));
}
