//! The flood of September 2024 through the whole product, at full speed, and the same again from its journal.

use std::collections::BTreeMap;

use ioc_tests::node::{Folder, journal};
use ioc_tests::process::{binary, output, repository, run};
use serde_json::Value;

fn demo(data: &str, scenario: &str, seed: &str) -> Value {
    let site = repository().join("deploy/sites/lao-cai");
    let args = [
        "demo",
        "--scenario",
        scenario,
        "--speed",
        "max",
        "--headless",
        "--exit-at-end",
        "--json",
        "--data",
        data,
        "--seed",
        seed,
        "--site",
        site.to_str().unwrap(),
    ];
    let text = run(binary("ioc"), args);
    let last = text.lines().last().unwrap();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"))
}

fn assert_identities(totals: &Value) {
    let number = |key: &str| {
        totals[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key} in {totals}"))
    };
    assert_eq!(number("lost"), 0);
    assert_eq!(number("published"), number("acknowledged"));
    assert_eq!(
        number("acknowledged"),
        number("journaled") - number("duplicates")
    );
    assert_eq!(
        number("journaled"),
        number("events") + number("state") + number("duplicates") + number("rejected")
    );
}

/// How often each (rule, entity) was raised.
fn raised(data: &str) -> BTreeMap<(String, String), u32> {
    let mut raised = BTreeMap::new();
    for line in journal(data.as_ref(), &["cat", "--journal", "outcomes", "--json"]).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["kind"] == "transition" && record["transition"]["change"] == "raised" {
            let alert = &record["transition"]["alert"];
            let key = (
                alert["rule"].as_str().unwrap().to_owned(),
                alert["entity"].as_str().unwrap().to_owned(),
            );
            *raised.entry(key).or_default() += 1;
        }
    }
    raised
}

#[test]
fn yagi_2024_rings_each_level_once_an_episode_and_replays_to_the_byte() {
    let folder = Folder::new("yagi");
    let data = folder.path().to_str().unwrap();
    let totals = demo(data, "yagi-2024", "1");
    println!("{totals}");
    assert_identities(&totals);
    let raised = raised(data);
    for entity in ["wl-lao-cai", "wl-bao-ha", "wl-yen-bai"] {
        for rule in ["river-bd1", "river-bd2", "river-bd3"] {
            let count = raised
                .get(&(rule.to_owned(), entity.to_owned()))
                .copied()
                .unwrap_or(0);
            assert_eq!(count, 1, "{rule} at {entity}: {raised:?}");
        }
    }
    assert!(
        raised.keys().any(|(rule, _)| rule == "river-silent"),
        "{raised:?}"
    );
    let replay: Value =
        serde_json::from_str(&journal(folder.path(), &["replay", "--json"])).unwrap();
    assert_eq!(replay["identical"], true, "{replay}");
    assert_eq!(replay["to_come"], 0);
}

#[test]
fn a_quiet_day_rings_nothing() {
    let folder = Folder::new("quiet");
    let data = folder.path().to_str().unwrap();
    let totals = demo(data, "quiet-day", "7");
    assert_identities(&totals);
    assert_eq!(totals["alerts_raised"], 0, "{:?}", raised(data));
}

#[test]
fn a_reconnect_storm_loses_nothing() {
    let folder = Folder::new("burst");
    let totals = demo(folder.path().to_str().unwrap(), "burst", "3");
    assert_identities(&totals);
    println!("{totals}");
}

#[test]
fn an_unknown_scenario_is_explained() {
    let answer = output(binary("ioc"), ["demo", "--scenario", "nope", "--headless"]);
    assert_eq!(answer.status.code(), Some(2));
    let text = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(
        text.contains("yagi-2024") && text.contains("quiet-day"),
        "{text}"
    );
}

/// A changed byte in `outcomes` is found.
#[test]
fn replay_finds_a_difference() {
    let folder = Folder::new("differs");
    let data = folder.path().to_str().unwrap();
    demo(data, "quiet-day", "1");
    // Another pack in force would conclude differently; the same effect with less: outcomes of another journal.
    let other = Folder::new("differs-other");
    demo(other.path().to_str().unwrap(), "quiet-day", "2");
    let (from, to) = (
        other.path().join("outcomes"),
        folder.path().join("outcomes"),
    );
    std::fs::remove_dir_all(&to).unwrap();
    std::fs::rename(from, to).unwrap();
    let answer = output(binary("ioc"), ["journal", "replay", "--data", data]);
    assert_eq!(answer.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&answer.stdout).contains("DIFFERENT"));
}
