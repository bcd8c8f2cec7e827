//! What analysts get: the published values, the archive through DuckDB and pandas, `ioc query` and InfluxDB agree, and a
//! demo behind real servers has the episodes of the embedded one.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use ioc_tests::node::{Folder, journal};
use ioc_tests::process::{binary, python, repository, run};
use ioc_tests::services::{ALL_TIME, Influxdb, Kafka, Mosquitto};
use serde_json::{Value, json};

/// Gauges whose published `level` is already in the canonical unit.
const GAUGES: [&str; 3] = ["wl-lao-cai", "wl-bao-ha", "wl-yen-bai"];

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Figures {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Figures {
    fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut figures = Self {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            ..Self::default()
        };
        for value in values {
            figures.count += 1;
            figures.sum += value;
            figures.min = figures.min.min(value);
            figures.max = figures.max.max(value);
        }
        figures
    }

    /// Sums of the same numbers in another order differ in the last digits.
    fn assert_equal(self, other: Self, what: &str) {
        let same = (self.count, self.min, self.max) == (other.count, other.min, other.max)
            && (self.sum - other.sum).abs() < 1e-6 * self.sum.abs().max(1.0);
        assert!(same, "{what}: {self:?} and {other:?}");
    }
}

fn demo(data: &Path, variables: &[(String, String)]) -> Value {
    let site = repository().join("deploy/sites/lao-cai");
    let output = Command::new(binary("ioc"))
        .args(["demo", "--config"])
        .arg(repository().join("deploy/ioc.toml"))
        .args(["--scenario", "yagi-2024", "--speed", "max", "--headless"])
        .args(["--exit-at-end", "--json", "--data"])
        .arg(data)
        .arg("--site")
        .arg(site)
        .envs(variables.iter().cloned())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// What was published for each gauge, a repeat counted once.
fn published() -> BTreeMap<String, Figures> {
    let options = simulators::Options::default();
    let scenario = simulators::scenario("yagi-2024", 1, &options).unwrap();
    let mut levels: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let publications = scenario.flat_map(|moment| moment.publications);
    for publication in publications.filter(|publication| publication.duplicate_of.is_none()) {
        if !GAUGES.contains(&&*publication.device) {
            continue;
        }
        let payload: Value = serde_json::from_slice(&publication.payload).unwrap();
        let level = payload["level"].as_f64().unwrap();
        levels
            .entry(publication.device.to_string())
            .or_default()
            .push(level);
    }
    levels
        .into_iter()
        .map(|(gauge, values)| (gauge, Figures::of(values)))
        .collect()
}

fn by_ioc_query(data: &Path, gauge: &str) -> Figures {
    let text = run(
        binary("ioc"),
        [
            "query",
            "range",
            gauge,
            "level",
            "--from",
            "2024-09-01T00:00:00Z",
            "--to",
            "2024-09-30T00:00:00Z",
            "--format",
            "json",
            "--data",
            data.to_str().unwrap(),
        ],
    );
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["series"]["unit"], "m");
    assert_eq!(answer["truncated"], false);
    let points = answer["points"].as_array().unwrap();
    Figures::of(points.iter().map(|point| point["value"].as_f64().unwrap()))
}

fn by_flux(influxdb: &Influxdb, gauge: &str) -> Figures {
    let bucket = &influxdb.bucket;
    let flux = format!(
        "from(bucket: \"{}\") {ALL_TIME} |> filter(fn: (r) => r._measurement == \"disaster\" and r._field == \"level\" \
         and r.entity == \"{gauge}\") |> keep(columns: [\"_time\", \"_value\"])",
        bucket.bucket
    );
    let rows = bucket.query(&flux);
    Figures::of(rows.iter().map(|row| row["_value"].parse().unwrap()))
}

fn episodes(data: &Path) -> Vec<String> {
    let records = journal(data, &["cat", "--journal", "outcomes", "--json"]);
    let transition = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        let transition = record.get("transition")?;
        let alert = &transition["alert"];
        // All but the ids, which carry the journal's.
        Some(
            json!([
                transition["change"],
                alert["rule"],
                alert["entity"],
                alert["severity"],
                alert["since"],
                alert["changed"],
                alert["value"],
                alert["occurrences"]
            ])
            .to_string(),
        )
    };
    records.lines().filter_map(transition).collect()
}

#[test]
fn published_archived_and_stored_values_are_the_same_and_so_are_the_episodes() {
    let folder = Folder::new("analysts");
    let influxdb = Influxdb::start(folder.path());
    let kafka = Kafka::start(folder.path());
    let broker = Mosquitto::start(folder.path());
    let bucket = &influxdb.bucket;
    let variables = [
        ("IOC__KAFKA__BROKERS", kafka.topics.brokers.clone()),
        ("IOC__INFLUXDB__URL", bucket.url()),
        ("IOC__INFLUXDB__ORG", bucket.org.clone()),
        ("IOC__INFLUXDB__BUCKET", bucket.bucket.clone()),
        ("IOC__INFLUXDB__TOKEN", bucket.token.clone()),
        ("IOC__BROKER__URL", broker.url()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let (served, embedded) = (folder.path().join("served"), folder.path().join("embedded"));
    let totals = demo(&served, &variables);
    assert_eq!(totals["lost"], 0);
    let published = published();
    assert_eq!(published.len(), GAUGES.len());

    let mut expected = Vec::new();
    for (gauge, figures) in &published {
        assert!(figures.count > 500, "{gauge}: {figures:?}");
        figures.assert_equal(by_ioc_query(&served, gauge), &format!("{gauge}: ioc query"));
        figures.assert_equal(by_flux(&influxdb, gauge), &format!("{gauge}: InfluxDB"));
        expected.push(json!({
            "entity": gauge, "measure": "level", "count": figures.count, "sum": figures.sum, "min": figures.min,
            "max": figures.max,
        }));
    }
    let list = folder.path().join("expected.json");
    std::fs::write(&list, Value::from(expected).to_string()).unwrap();
    let script = repository().join("tests/clients/archive_check.py");
    let archive = served.join("archive");
    let found = run(python(), [script.as_path(), &archive, &list]);
    assert_eq!(found.lines().count(), 2, "DuckDB and pandas: {found}");

    demo(&embedded, &[]);
    let (served, embedded) = (episodes(&served), episodes(&embedded));
    assert!(embedded.len() > 100);
    assert_eq!(served, embedded, "the episodes differ");
}
