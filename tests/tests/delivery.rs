//! From the device to Kafka and InfluxDB on the real servers, read back with clients that are not ours: every acknowledged
//! message is there, with its value, in order; also when the node is killed again and again.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ioc_tests::node::{Folder, Node, Options};
use ioc_tests::outcomes::Outcomes;
use ioc_tests::process::{binary, run};
use ioc_tests::publisher::{Publisher, Random, published};
use ioc_tests::readback::{self, EVENTS};
use ioc_tests::services::{Influxdb, Kafka, Mosquitto};
use ioc_tests::{http, wait};
use serde_json::Value;

/// Messages of each publisher where nobody is killed.
const MESSAGES: u64 = 5_000;

/// Records on their way to Kafka beyond the stored cursor: what one kill may repeat.
const WINDOW: usize = 2_000;

/// For what is acknowledged to be in both stores.
const DRAINED: Duration = Duration::from_secs(180);

/// One at a time: each has servers of its own, and two of them at once would measure each other.
static ONE: Mutex<()> = Mutex::new(());

/// A node, its folder and its two stores.
struct Site {
    kafka: Kafka,
    influxdb: Influxdb,
    data: PathBuf,
    variables: Vec<(String, String)>,
    folder: Folder,
    _one: MutexGuard<'static, ()>,
}

impl Site {
    fn new(name: &str) -> Self {
        // A test that failed leaves nothing behind that another could stumble over.
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::new(name);
        let mut kafka = Kafka::launch(folder.path());
        let influxdb = Influxdb::start(folder.path());
        kafka.ready();
        let data = folder.path().join("data");
        fs::create_dir_all(&data).unwrap();
        let bucket = &influxdb.bucket;
        let variables = [
            ("IOC__KAFKA__BROKERS", kafka.topics.brokers.clone()),
            ("IOC__KAFKA__BATCH_RECORDS", (WINDOW / 4).to_string()),
            ("IOC__KAFKA__WINDOW_RECORDS", WINDOW.to_string()),
            ("IOC__INFLUXDB__URL", bucket.url()),
            ("IOC__INFLUXDB__ORG", bucket.org.clone()),
            ("IOC__INFLUXDB__BUCKET", bucket.bucket.clone()),
            ("IOC__INFLUXDB__TOKEN", bucket.token.clone()),
        ];
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Self {
            kafka,
            influxdb,
            data,
            variables,
            folder,
            _one: one,
        }
    }

    fn start(&self, mut options: Options) -> Node {
        options.variables.extend(self.variables.iter().cloned());
        Node::start_with(&self.data, &options)
    }

    /// Waits until both stores have all that is recorded, then holds them against it.
    fn check(&self, publishers: &[Publisher]) -> (Outcomes, readback::Repeats) {
        let outcomes = Outcomes::read(&self.data);
        let wanted = u64::try_from(outcomes.events.len()).unwrap();
        wait::until("Kafka has every event", DRAINED, || {
            let may_be = self.kafka.topics.count(EVENTS) >= wanted;
            (may_be && readback::distinct(&self.kafka.topics, EVENTS) >= outcomes.events.len())
                .then_some(())
        });
        let repeats = readback::check_events(&outcomes, &self.kafka.topics);
        let expected = readback::expected_points(&outcomes);
        let fields =
            |points: &readback::Points| points.values().map(|one| one.len()).sum::<usize>();
        let found = wait::until("InfluxDB has every value", DRAINED, || {
            let found = readback::points(&self.influxdb.bucket);
            (fields(&found) >= fields(&expected)).then_some(found)
        });
        readback::check_points(&expected, &found);
        for publisher in publishers {
            let (device, acked) = (publisher.device(), publisher.acked_numbers());
            let kept = outcomes.numbers(&device);
            let lost: BTreeSet<_> = acked.difference(&kept).collect();
            assert!(lost.is_empty(), "{device}: {} lost: {lost:?}", lost.len());
            check_values(&outcomes, &device, &found);
        }
        (outcomes, repeats)
    }
}

/// What is in InfluxDB is what the publisher says it published, in the order in which it did. (A message that was never
/// acknowledged may be there too; a repeat was known by its time and number and is there once.)
fn check_values(outcomes: &Outcomes, device: &str, found: &readback::Points) {
    let numbers = outcomes.numbers(device);
    let of_device = found.iter().filter(|((_, entity, _), _)| entity == device);
    let values: Vec<f64> = of_device
        .map(|(_, fields)| fields["pm25"].parse().unwrap())
        .collect();
    let wanted: Vec<f64> = numbers.iter().map(|number| published(*number)).collect();
    assert_eq!(values.len(), wanted.len(), "{device}");
    assert_eq!(values, wanted, "{device}");
}

/// The flood of 2024 in a few seconds, on all four streams; gives how many messages were acknowledged.
fn simulate(port: u16) -> u64 {
    let url = format!("mqtt://127.0.0.1:{port}");
    let report = run(
        binary("simulate"),
        [
            "--url",
            &url,
            "--scenario",
            "yagi-2024",
            "--speed",
            "20000",
            "--json",
        ],
    );
    let report: Value = serde_json::from_str(report.trim()).unwrap();
    assert_eq!(report["unconfirmed"], 0, "{report}");
    report["acknowledged"].as_u64().unwrap()
}

fn publish(port: u16, device: &str, payload: &str) {
    let topic = format!("ioc/lao-cai/env/{device}/up");
    let port = port.to_string();
    run(
        "mosquitto_pub",
        [
            "-p", &port, "-q", "1", "-i", device, "-t", &topic, "-m", payload,
        ],
    );
}

fn received(node: &Node) -> u64 {
    let status = http::get(node.console, "/api/v1/status").json();
    status["counters"]["received"].as_u64().unwrap()
}

/// Devices, simulators and a broken one publish to `port`; everything that was acknowledged reaches both stores.
fn everything_arrives(site: &Site, node: Node, port: u16) {
    let started = Instant::now();
    let before = received(&node);
    let count = MESSAGES.to_string();
    let more = ["--stamped", "--count", &count];
    let path = site.folder.path();
    let mut publishers = [
        Publisher::start_with(path, port, "v4q1", "3.1.1", 1, &more),
        Publisher::start_with(path, port, "v5q2", "5", 2, &more),
    ];
    let simulated = simulate(port);
    publish(port, "aqm-broken", "not json");
    publish(port, "aqm-broken", "{\"foo\": 1}");
    for publisher in &mut publishers {
        publisher.finish();
        assert_eq!(publisher.acked().len() as u64, MESSAGES);
    }
    let total = simulated + 2 * MESSAGES + 2;
    wait::until("all are folded", Duration::from_secs(120), || {
        (received(&node) - before >= total).then_some(())
    });
    let (outcomes, repeats) = site.check(&publishers);
    assert_eq!(repeats, readback::Repeats::default(), "nobody was killed");
    assert_eq!(outcomes.rejects.len(), 2);
    assert!(outcomes.transitions.len() > 20, "the flood rings");
    node.stop();
    readback::check_alerts_and_rejects(&outcomes, &site.kafka.topics);
    println!(
        "{total} acknowledged messages: {} events, {} transitions and {} rejects in Kafka, {} points in InfluxDB, all equal, after {:?}",
        outcomes.events.len(),
        outcomes.transitions.len(),
        outcomes.rejects.len(),
        outcomes.events.len(),
        started.elapsed()
    );
}

#[test]
fn from_the_listener_everything_is_in_kafka_and_influxdb() {
    let site = Site::new("delivery");
    let node = site.start(Options::default());
    let port = node.ingest[0].port();
    everything_arrives(&site, node, port);
}

#[test]
fn from_an_outside_broker_everything_is_in_kafka_and_influxdb() {
    let site = Site::new("delivery-broker");
    let broker = Mosquitto::start(site.folder.path());
    let mut options = Options::default();
    options
        .variables
        .push(("IOC__BROKER__URL".to_owned(), broker.url()));
    let node = site.start(options);
    let port = broker.address.port();
    let mut probes = 0_u64;
    wait::until("the node subscribes", Duration::from_secs(30), || {
        // Nobody keeps a message that nobody is subscribed to.
        publish(
            port,
            "aqm-probe",
            &format!("{{\"seq\": {probes}, \"pm25\": 1}}"),
        );
        probes += 1;
        (received(&node) > 0).then_some(())
    });
    // What comes from now on is counted: the probes have to be in.
    wait::until("the last probe is in", Duration::from_secs(30), || {
        let numbers = Outcomes::read(&site.data).numbers("aqm-probe");
        numbers.contains(&(probes - 1)).then_some(())
    });
    everything_arrives(&site, node, port);
}

/// Kills in `make test`; more by the variable.
fn kills() -> usize {
    let text = std::env::var("IOC_DELIVERY_KILLS").ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(10)
}

#[test]
fn nothing_acknowledged_is_missing_from_the_stores_after_sigkill() {
    let site = Site::new("delivery-kill");
    let mut node = site.start(Options::default());
    let port = node.ingest[0].port();
    let (ingest, console) = (node.ingest[0].to_string(), node.console.to_string());
    let path = site.folder.path();
    let mut publishers = [
        Publisher::start_with(path, port, "v4q1", "3.1.1", 1, &["--stamped"]),
        Publisher::start_with(path, port, "v5q1", "5", 1, &["--stamped"]),
        Publisher::start_with(path, port, "v4q2", "3.1.1", 2, &["--stamped"]),
        Publisher::start_with(path, port, "v5q2", "5", 2, &["--stamped"]),
    ];
    let total = |publishers: &[Publisher]| -> usize {
        publishers.iter().map(|one| one.acked().len()).sum()
    };
    let mut random = Random(0xDE11_7E12);
    for _ in 0..kills() {
        let target = total(&publishers) + usize::try_from(random.next() % 4_000).unwrap();
        wait::until("messages are acknowledged", Duration::from_secs(60), || {
            (total(&publishers) >= target).then_some(())
        });
        node.kill();
        node = site.start(Options {
            ingest: ingest.clone(),
            console: console.clone(),
            ..Options::default()
        });
    }
    for publisher in &mut publishers {
        publisher.finish();
    }
    // The last of all: where it is, everything before it is recorded.
    publish(port, "aqm-last", "{\"seq\": 1, \"pm25\": 1}");
    wait::until("the last message is in InfluxDB", DRAINED, || {
        let flux = "from(bucket: \"ioc\") |> range(start: -1d) |> filter(fn: (r) => r.entity == \"aqm-last\")";
        (!site.influxdb.bucket.query(flux).is_empty()).then_some(())
    });
    let (outcomes, repeats) = site.check(&publishers);
    assert!(repeats.jumps <= kills(), "{repeats:?}");
    assert!(repeats.furthest <= WINDOW, "{repeats:?}");
    assert!(repeats.messages <= kills() * WINDOW, "{repeats:?}");
    println!(
        "{} kills, {} acknowledged, {} events, 0 missing in Kafka and InfluxDB; {repeats:?}",
        kills(),
        total(&publishers),
        outcomes.events.len()
    );
    node.stop();
}
