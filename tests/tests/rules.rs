//! `ioc rules …`: cases beside the rules, rules put on trial and promoted, and a pack handed to a running node.

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
    let results = report["results"].as_array().unwrap();
    let failed: Vec<_> = (results.iter())
        .filter_map(|case| case["wrong"][0].as_str())
        .collect();
    assert!(
        failed.len() == 1 && failed[0].contains("levle"),
        "{failed:?}"
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
    let limits = rules()["limits"].as_array().unwrap().clone();
    let bd3 = limits
        .iter()
        .find(|limit| limit["name"] == "bd3" && limit["entity"] == "wl-bao-ha");
    assert_eq!(bd3.unwrap()["verified"], true, "{bd3:?}");
    assert!(
        limits
            .iter()
            .any(|limit| limit["effective_from"] == "2026-01-01")
    );
    assert_eq!(http::get(node.console, "/api/v1/rules/diff").status, 404);

    let river = fs::read_to_string(site.join("rules/river.toml")).unwrap();
    let raised = river.replacen(
        "condition = \"level >= limit.bd3\"",
        "condition = \"level >= limit.bd3 + 0.1\"",
        1,
    );
    let shipped: u64 = rules()["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["id"] == "river-bd3")
        .and_then(|rule| rule["version"].as_u64())
        .unwrap();
    let second = raised.replacen(
        &format!("id = \"river-bd3\"\nversion = {shipped}"),
        &format!("id = \"river-bd3\"\nversion = {}", shipped + 1),
        1,
    );
    assert_ne!(raised, second);
    fs::write(site.join("rules/river.toml"), &second).unwrap();
    assert_eq!(apply(&["--dry-run"]).status.code(), Some(0));
    assert_eq!(rules()["pack"], before, "a dry run changes nothing");
    let applied = apply(&[]);
    let text = String::from_utf8(applied.stdout).unwrap();
    assert_eq!(applied.status.code(), Some(0), "{text}");
    assert!(
        text.contains("river-bd3") && text.contains(&format!("v{shipped} → v{}", shipped + 1)),
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
    assert_eq!(of(&rules())["version"], shipped + 1);
    assert_eq!(rules()["rules"].as_array().unwrap().len(), count);
    let diff = http::get(node.console, "/api/v1/rules/diff").json();
    assert_eq!(diff["operator"], "Lan");
    assert!(diff["at"].as_str().unwrap().ends_with('Z'), "{diff}");
    assert_eq!(diff["changes"].as_array().unwrap().len(), 1);
    assert!(
        diff["changes"][0]["old"]["text"]
            .as_str()
            .unwrap()
            .contains("limit.bd3\"")
    );
    // The screens are told too.
    let shown = http::get(node.console, "/api/v1/site").json();
    assert_eq!(of(&shown)["version"], shipped + 1);

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
