//! Every metric that a dashboard or an alert rule names is one that a running node shows, with the labels it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ioc_tests::http::{self, Feed};
use ioc_tests::metrics::Metrics;
use ioc_tests::node::{Folder, Node, Options};
use ioc_tests::process::{repository, run};
use ioc_tests::services::{Influxdb, Kafka, Mosquitto};
use ioc_tests::wait;
use serde_yaml_ng::Value;

use crate::dashboards::dashboards;
use crate::text;

/// Counters that begin to be with their first event, which the scene cannot bring about: looked up in the code instead.
const LATER: [(&str, &str); 1] = [(
    "ioc_console_feed_resyncs_total",
    "crates/console/src/metrics.rs",
)];

/// Where an expression stands, and the expression.
fn expressions() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for dashboard in dashboards() {
        for panel in dashboard.panels() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                if let Some(expression) = target["expr"].as_str() {
                    let place = format!("{}: {}", dashboard.name, panel["title"]);
                    all.push((place, expression.to_owned()));
                }
            }
        }
    }
    let rules: Value = serde_yaml_ng::from_str(&text("prometheus/alerts.yml")).unwrap();
    for group in rules["groups"].as_sequence().unwrap() {
        for rule in group["rules"].as_sequence().unwrap() {
            let name = rule["alert"].as_str().unwrap().to_owned();
            for word in ["summary", "action"] {
                assert!(
                    rule["annotations"][word].is_string(),
                    "{name} has no {word}"
                );
            }
            let summary = rule["annotations"]["summary"].as_str().unwrap();
            assert!(summary.contains(" / "), "{name}: one language only");
            all.push((name, rule["expr"].as_str().unwrap().to_owned()));
        }
    }
    all
}

/// Metrics named in an expression, each with the labels of its selector.
fn named(expression: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let ours = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut rest = expression;
    while let Some(at) = rest.find("ioc_") {
        rest = &rest[at..];
        let end = rest.find(|c| !ours(c)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let labels = all.entry(name.to_owned()).or_default();
        if let Some(selector) = behind.strip_prefix('{') {
            let selector = selector.split('}').next().unwrap();
            labels.extend(
                selector
                    .split(',')
                    .map(|part| part.split(['=', '!']).next().unwrap().to_owned()),
            );
        }
        rest = behind;
    }
    all
}

/// Labels that an expression groups by.
fn grouped(expression: &str) -> BTreeSet<String> {
    let lists = expression
        .split("by (")
        .skip(1)
        .map(|part| part.split(')').next().unwrap());
    let labels = lists.flat_map(|list| list.split(',').map(|label| label.trim().to_owned()));
    labels.filter(|label| label != "le").collect()
}

/// Label names of the samples that bear this name; nothing: there is no such sample.
fn labels(metrics: &Metrics, name: &str) -> Option<BTreeSet<String>> {
    let mut all = None;
    for line in metrics.text().lines() {
        let Some(rest) = line.strip_prefix(name) else {
            continue;
        };
        let inside = match rest.chars().next() {
            Some('{') => rest[1..].split('}').next().unwrap(),
            Some(' ') => "",
            _ => continue,
        };
        let names = inside
            .split("\",")
            .map(|part| part.split('=').next().unwrap().to_owned());
        all.get_or_insert_with(BTreeSet::new)
            .extend(names.filter(|label| !label.is_empty()));
    }
    all
}

/// A node with everything on, to which everything that is counted has happened once.
struct Scene {
    node: Node,
    _servers: (Influxdb, Kafka, Mosquitto),
    _feed: Feed,
    _folder: Folder,
}

impl Scene {
    fn play() -> Self {
        let folder = Folder::new("metrics");
        let (influxdb, kafka) = (Influxdb::start(folder.path()), Kafka::start(folder.path()));
        let broker = Mosquitto::start(folder.path());
        let bucket = &influxdb.bucket;
        // A text where ours is a number: InfluxDB refuses the reading of humidity below.
        assert_eq!(
            bucket.write("environment,entity=other hum=\"wet\"").status,
            204
        );
        let variables = [
            ("INFLUXDB__URL", bucket.url()),
            ("INFLUXDB__ORG", bucket.org.clone()),
            ("INFLUXDB__BUCKET", bucket.bucket.clone()),
            ("INFLUXDB__TOKEN", bucket.token.clone()),
            ("KAFKA__BROKERS", kafka.topics.brokers.clone()),
            ("KAFKA__STATISTICS_INTERVAL_MS", "1000".to_owned()),
            ("ARCHIVE__FLUSH_AGE_S", "1".to_owned()),
            ("BROKER__URL", broker.url()),
        ];
        let options = Options {
            variables: variables
                .into_iter()
                .map(|(name, value)| (format!("IOC__{name}"), value))
                .collect(),
            ..Options::default()
        };
        let data = folder.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        let node = Node::start_with(&data, &options);
        let mut feed = Feed::open(node.console);
        feed.next_event();
        let scene = Self {
            node,
            _servers: (influxdb, kafka, broker),
            _feed: feed,
            _folder: folder,
        };
        scene.publish();
        scene.malformed();
        // Any answer counts as a question.
        http::get(scene.node.console, "/api/v1/series");
        scene
    }

    /// A reading to each front door, one that InfluxDB refuses, and a message that we refuse.
    fn publish(&self) {
        let reading = |number: u32, measure: &str| {
            format!("{{\"id\":\"wx-sa-pa\",\"seq\":{number},\"{measure}\":21.5}}")
        };
        let ours = self.node.ingest[0].port();
        let theirs = self._servers.2.address.port();
        let messages = [
            (ours, reading(1, "temp")),
            (theirs, reading(2, "temp")),
            (ours, reading(3, "hum")),
            (ours, "not JSON".to_owned()),
        ];
        for (port, message) in messages {
            run(
                "mosquitto_pub",
                [
                    "-p",
                    &port.to_string(),
                    "-q",
                    "1",
                    "-t",
                    "ioc/lao-cai/environment/wx-sa-pa/up",
                    "-m",
                    &message,
                ],
            );
        }
    }

    /// Not MQTT: the connection is closed and counted.
    fn malformed(&self) {
        let mut stream = TcpStream::connect(self.node.ingest[0]).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        // Closed or reset: either ends the read.
        let _ = stream.read(&mut [0; 16]);
    }
}

#[test]
fn every_metric_that_is_asked_for_is_there() {
    let scene = Scene::play();
    let expressions = expressions();
    assert!(expressions.len() > 60, "{}", expressions.len());
    let delivered = ["kafka", "influxdb", "archive"];
    let metrics = wait::until(
        "every sink has delivered, one refused",
        Duration::from_secs(60),
        || {
            let metrics = Metrics::scrape(scene.node.admin);
            let written = |sink: &&str| {
                let count = metrics.get("ioc_pipeline_written_total", &[("pipeline", sink)]);
                count.is_some_and(|count| count > 0.0)
            };
            let refused = metrics.get("ioc_pipeline_rejected_total", &[("pipeline", "influxdb")]);
            (delivered.iter().all(written) && refused.is_some()).then_some(metrics)
        },
    );
    let missing: Vec<String> = expressions
        .iter()
        .flat_map(|(place, expression)| missing(&metrics, place, expression))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What an expression asks for and the node does not show.
fn missing(metrics: &Metrics, place: &str, expression: &str) -> Vec<String> {
    let (mut missing, mut found) = (Vec::new(), BTreeSet::new());
    for (name, wanted) in named(expression) {
        let Some(labels) = labels(metrics, &name) else {
            if let Some((_, file)) = LATER.iter().find(|(later, _)| *later == name) {
                let code = std::fs::read_to_string(repository().join(file)).unwrap();
                assert!(
                    code.contains(&format!("\"{name}\"")),
                    "{name} is not in {file}"
                );
                continue;
            }
            missing.push(format!("{place}: there is no {name}"));
            continue;
        };
        let unknown = wanted.difference(&labels);
        missing.extend(unknown.map(|label| format!("{place}: {name} has no label {label}")));
        found.extend(labels);
    }
    if missing.is_empty() {
        let unknown: Vec<String> = grouped(expression).difference(&found).cloned().collect();
        missing.extend(
            unknown
                .into_iter()
                .map(|label| format!("{place}: nothing has the label {label}")),
        );
    }
    missing
}
