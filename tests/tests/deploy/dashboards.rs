//! Every Flux query of every dashboard, run against the real InfluxDB over the flood of September 2024.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use ioc_tests::node::Folder;
use ioc_tests::outcomes::{Outcomes, derived};
use ioc_tests::process::{binary, repository};
use ioc_tests::services::{Bucket, Influxdb, Row};
use serde_json::Value;

use crate::deploy;

/// What Grafana puts in the place of its own names, for a time range over the whole flood.
const OPTIONS: &str = "option v = {timeRangeStart: 2024-09-07T17:00:00Z, timeRangeStop: 2024-09-11T17:00:00Z, \
                       windowPeriod: 10m, defaultBucket: \"ioc\", organization: \"ioc\"}\n";

/// Panels that have nothing to show over the flood, and why.
const EMPTY: [(&str, &str); 2] = [
    (
        "environment: Cảnh báo / Alerts",
        "its alerts of the flood are less than minor",
    ),
    (
        "tourism: Cảnh báo / Alerts",
        "its alerts of the flood are less than minor",
    ),
];

pub(crate) struct Dashboard {
    /// Name of the file, without its ending.
    pub(crate) name: String,
    pub(crate) content: Value,
}

pub(crate) fn dashboards() -> Vec<Dashboard> {
    let mut all: Vec<Dashboard> = fs::read_dir(deploy("grafana/dashboards"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| Dashboard {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            content: serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap(),
        })
        .collect();
    all.sort_by(|left, right| left.name.cmp(&right.name));
    all
}

impl Dashboard {
    pub(crate) fn panels(&self) -> &[Value] {
        self.content["panels"].as_array().unwrap()
    }

    /// Title and query of every panel, annotation and variable.
    fn queries(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        for panel in self.panels() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                all.extend(text(&panel["title"]).zip(text(&target["query"])));
            }
        }
        for one in self.content["annotations"]["list"].as_array().unwrap() {
            let title = text(&one["name"]).map(|title| format!("{}: {title}", self.name));
            all.extend(title.zip(text(&one["target"]["query"])));
        }
        for one in self.content["templating"]["list"].as_array().unwrap() {
            all.extend(text(&one["name"]).zip(text(&one["query"]["query"])));
        }
        all
    }
}

/// The query as Grafana sends it.
fn filled_in(query: &str) -> String {
    let query = query
        .replace("${site}", "lao-cai")
        .replace("${status}", "actual");
    assert!(
        !query.contains("${"),
        "a variable that no dashboard has: {query}"
    );
    let (imports, rest): (Vec<&str>, Vec<&str>) =
        query.lines().partition(|line| line.starts_with("import "));
    format!("{}\n{OPTIONS}{}", imports.join("\n"), rest.join("\n"))
}

/// The flood, delivered to this InfluxDB.
fn deliver_the_flood(folder: &Folder, bucket: &Bucket) {
    let answer = Command::new(binary("ioc"))
        .args([
            "demo",
            "--headless",
            "--exit-at-end",
            "--speed",
            "max",
            "--json",
        ])
        .arg("--data")
        .arg(folder.path().join("data"))
        .arg("--site")
        .arg(repository().join("deploy/sites/lao-cai"))
        .env("IOC__INFLUXDB__URL", bucket.url())
        .env("IOC__INFLUXDB__ORG", &bucket.org)
        .env("IOC__INFLUXDB__BUCKET", &bucket.bucket)
        .env("IOC__INFLUXDB__TOKEN", &bucket.token)
        .env("IOC__NODE__SHUTDOWN_SECONDS", "120")
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "{}: {complaints}", answer.status);
    let totals: Value = serde_json::from_slice(&answer.stdout).unwrap();
    // An event is one time of one entity, and each has a number.
    let rows = bucket.query(
        "from(bucket: \"ioc\") |> range(start: 0) \
         |> filter(fn: (r) => r._measurement != \"alerts\" and r._field !~ /_quality$|_code$|^device$/) \
         |> group(columns: [\"_measurement\", \"entity\"]) |> unique(column: \"_time\") |> count() |> group() |> sum()",
    );
    let outcomes = Outcomes::read(&folder.path().join("data"));
    let direct = outcomes.events.values().filter(|event| !derived(event));
    assert_eq!(totals["events"], direct.count());
    assert_eq!(
        rows[0]["_value"],
        outcomes.events.len().to_string(),
        "not every event is in InfluxDB"
    );
}

#[test]
fn every_query_runs_and_shows_the_flood() {
    let folder = Folder::new("dashboards");
    let influxdb = Influxdb::start(folder.path());
    deliver_the_flood(&folder, &influxdb.bucket);
    let (mut run, mut empty) = (0, BTreeSet::new());
    for dashboard in dashboards() {
        for (title, query) in dashboard.queries() {
            let rows = influxdb.bucket.query(&filled_in(&query));
            run += 1;
            println!("{}: {title}: {} rows", dashboard.name, rows.len());
            if rows.is_empty() {
                empty.insert(title);
            } else if title.starts_with("Mực nước") {
                assert_levels(&title, &rows);
            }
        }
    }
    assert!(run >= 45, "only {run} queries");
    let expected: BTreeSet<String> = EMPTY.iter().map(|(title, _)| (*title).to_owned()).collect();
    assert_eq!(empty, expected, "panels without data");
}

/// The flood's published peaks are what the panel shows.
fn assert_levels(title: &str, rows: &[Row]) {
    let highest = rows
        .iter()
        .map(|row| row["_value"].parse::<f64>().unwrap())
        .fold(f64::MIN, f64::max);
    let peak = match title.split(" / ").next().unwrap() {
        "Mực nước Lào Cai" => 86.91,
        "Mực nước Yên Bái" => 35.73,
        _ => return,
    };
    assert!((highest - peak).abs() < 0.25, "{title}: {highest}");
}

#[test]
fn dashboards_are_whole() {
    let known = ["ioc-influxdb", "ioc-prometheus", "-- Grafana --"];
    let mut uids = BTreeSet::new();
    for dashboard in dashboards() {
        let uid = dashboard.content["uid"].as_str().unwrap();
        assert_eq!(uid, format!("ioc-{}", dashboard.name));
        assert!(uids.insert(uid.to_owned()));
        let titles = [&dashboard.content["title"]];
        let panels = dashboard.panels().iter().map(|panel| &panel["title"]);
        for title in titles.into_iter().chain(panels) {
            let title = title.as_str().unwrap();
            assert!(!title.is_empty());
        }
        let mut ids = BTreeSet::new();
        for panel in dashboard.panels() {
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{uid}: an id twice"
            );
            let place = &panel["gridPos"];
            let end = place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap();
            assert!(end <= 24, "{uid}: {} leaves the page", panel["title"]);
            if panel["type"] == "row" {
                continue;
            }
            let sources = panel["targets"].as_array().unwrap().iter().chain([panel]);
            for source in sources.map(|one| one["datasource"]["uid"].as_str().unwrap()) {
                assert!(known.contains(&source), "{uid}: {source}");
            }
        }
    }
    assert_eq!(uids.len(), 5);
}

/// The lines on a panel are the limits of the site pack, and what is not verified is said to be so.
#[test]
fn the_limits_on_the_panels_are_those_of_the_site_pack() {
    let pack: toml::Table = fs::read_to_string(deploy("sites/lao-cai/thresholds.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let limits = pack["limit"].as_array().unwrap();
    let (mut stations, mut lines) = (0, 0);
    for dashboard in dashboards() {
        for panel in dashboard.panels() {
            let Some(query) = panel["targets"][0]["query"].as_str() else {
                continue;
            };
            let named = |column: &str| {
                let (_, rest) = query.split_once(&format!("r.{column} == \""))?;
                rest.split('"').next()
            };
            let Some(measure) = named("_field") else {
                continue;
            };
            let entity = named("entity");
            let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
            let shown: Vec<f64> = steps
                .into_iter()
                .flatten()
                .filter_map(|step| step["value"].as_f64())
                .collect();
            let fitting: Vec<&toml::Value> = limits
                .iter()
                .filter(|limit| limit["measure"].as_str() == Some(measure))
                .filter(|limit| {
                    limit
                        .get("entity")
                        .is_none_or(|one| one.as_str() == entity || entity.is_none())
                })
                .collect();
            for value in &shown {
                let known = fitting
                    .iter()
                    .any(|limit| limit["value"].as_float() == Some(*value));
                assert!(
                    known || measure == "supply_on",
                    "{}: {value} is no limit",
                    panel["title"]
                );
                lines += 1;
            }
            if measure == "level" {
                stations += 1;
                assert_flood_levels(panel, &shown, &fitting);
            }
        }
    }
    assert_eq!((stations, lines > 30), (6, true));
}

fn assert_flood_levels(panel: &Value, shown: &[f64], limits: &[&toml::Value]) {
    let name = |limit: &toml::Value| limit["name"].as_str().unwrap().to_owned();
    let levels: Vec<&&toml::Value> = limits
        .iter()
        .filter(|limit| ["bd1", "bd2", "bd3"].contains(&name(limit).as_str()))
        .collect();
    let values: Vec<f64> = levels
        .iter()
        .map(|limit| limit["value"].as_float().unwrap())
        .collect();
    assert_eq!(shown, values, "{}", panel["title"]);
    let said = panel["description"].as_str().unwrap();
    for limit in levels {
        let word = name(limit).to_uppercase().replace("BD", "BĐ");
        let part = said.split(';').find(|part| part.contains(&word)).unwrap();
        let verified = limit["verified"].as_bool().unwrap();
        assert_eq!(
            !part.contains("chưa kiểm chứng / unverified"),
            verified,
            "{said}"
        );
    }
}

/// Names that the queries give to devices are those of the site pack.
#[test]
fn the_names_on_the_panels_are_those_of_the_site_pack() {
    let mut pack = toml::Table::new();
    for stream in ["disaster", "energy", "environment", "tourism"] {
        let path = deploy(&format!("sites/lao-cai/devices/{stream}.toml"));
        let file: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
        pack.extend(file["devices"].as_table().unwrap().clone());
    }
    let mut seen = BTreeSet::new();
    for dashboard in dashboards() {
        for (title, query) in dashboard.queries() {
            for pair in query.split("{key: \"").skip(1) {
                let words: Vec<&str> = pair.split('"').collect();
                let (device, shown) = (words[0], words[2]);
                let full = pack[device]["name"]["vi"].as_str().unwrap().to_lowercase();
                assert!(
                    full.contains(&shown.to_lowercase()),
                    "{title}: {device} is {full}"
                );
                seen.insert(device.to_owned());
            }
        }
    }
    assert!(seen.len() > 35, "{seen:?}");
}
