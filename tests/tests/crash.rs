//! `SIGKILL` at random moments, under load from stock MQTT clients, with operators at work: nothing acknowledged is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use ioc_tests::node::{self, Folder, Node, Options};
use ioc_tests::publisher::{Publisher, Random};
use ioc_tests::{http, wait};
use serde_json::{Value, json};

/// Kills in `make test`; more by the variable.
fn kills() -> u64 {
    std::env::var("IOC_CRASH_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20)
}

fn seed() -> u64 {
    std::env::var("IOC_CRASH_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0x5EED)
}

#[test]
fn nothing_acknowledged_is_lost_by_sigkill() {
    let folder = Folder::new("crash");
    let data = folder.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let mut node = Node::start(&data);
    let options = Options {
        ingest: node.ingest[0].to_string(),
        console: node.console.to_string(),
        ..Options::default()
    };
    let port = node.ingest[0].port();
    let mut publishers = [
        Publisher::start(folder.path(), port, "v4q1", "3.1.1", 1),
        Publisher::start(folder.path(), port, "v5q1", "5", 1),
        Publisher::start(folder.path(), port, "v4q2", "3.1.1", 2),
        Publisher::start(folder.path(), port, "v5q2", "5", 2),
    ];
    let mut random = Random(seed());
    let mut acknowledged = BTreeMap::new();
    let total = |publishers: &[Publisher]| {
        publishers
            .iter()
            .map(|publisher| publisher.acked().len())
            .sum::<usize>()
    };
    let mut operators = Operators::default();
    for kill in 0..kills() {
        let before = total(&publishers);
        // From "at once" to well into the flow.
        let target = before + usize::try_from(random.next() % 1500).unwrap();
        wait::until("messages are acknowledged", Duration::from_secs(60), || {
            (total(&publishers) >= target).then_some(())
        });
        operators.ring(&node, kill, &mut acknowledged);
        if random.next().is_multiple_of(2) {
            // While a command is under way.
            operators.ask_and_do_not_wait(&node, kill);
        }
        node.kill();
        node = Node::start_with(&data, &options);
        check_acknowledgements(&node, &acknowledged);
    }
    for publisher in &mut publishers {
        publisher.finish();
    }
    assert_same_as_fold(&node);
    node.stop();
    let journaled = journaled_ids(&data);
    let mut sum = 0;
    for publisher in &publishers {
        let acked = publisher.acked();
        let lost: Vec<_> = acked
            .iter()
            .filter(|id| !journaled.contains_key(*id))
            .collect();
        assert!(
            lost.is_empty(),
            "{} acknowledged ids are lost: {:?}",
            lost.len(),
            &lost[..lost.len().min(5)]
        );
        sum += acked.len();
    }
    assert_each_identifier_is_released_first(&data);
    let replay = node::journal(&data, &["replay", "--json"]);
    let replay: Value = serde_json::from_str(&replay).unwrap();
    assert_eq!(replay["identical"], true);
    assert_eq!(replay["to_come"], 0);
    println!(
        "{} kills, {sum} acknowledged ids, 0 lost; {} acknowledgements of operators, 0 lost; replay identical over {} outcomes",
        kills(),
        acknowledged.len(),
        replay["outcomes"]
    );
}

/// Alerts to be acknowledged: a river that rises and falls.
#[derive(Default)]
struct Operators {
    sequence: u64,
}

impl Operators {
    /// Makes an alert ring over HTTP-visible means, acknowledges it and remembers the verdict.
    fn ring(&mut self, node: &Node, kill: u64, acknowledged: &mut BTreeMap<String, String>) {
        self.publish_level(node, 84.0);
        let alert = node.wait_for_alert("river-bd3", "wl-lao-cai");
        let id = alert["id"].as_str().unwrap().to_owned();
        if acknowledged.contains_key(&id) {
            return;
        }
        let operator = format!("trực ban {kill}");
        let body = json!({"command_id": format!("ack-{kill}"), "operator": operator});
        let answer = http::post(
            node.console,
            &format!("/api/v1/alerts/{id}/acknowledge"),
            &body,
        );
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        acknowledged.insert(id, operator);
        // Back to normal ends this episode; the next kill gets a new one.
        self.publish_level(node, 79.0);
    }

    fn ask_and_do_not_wait(&mut self, node: &Node, kill: u64) {
        let Some(alert) = node.active_alerts().into_iter().next() else {
            return;
        };
        let (console, id) = (node.console, alert["id"].as_str().unwrap().to_owned());
        std::thread::spawn(move || {
            let body = json!({"command_id": format!("comment-{kill}"), "operator": "trực ban", "text": "đang xem"});
            // The node is killed underneath: any answer, or none, is right.
            let _ = http::try_post(console, &format!("/api/v1/alerts/{id}/comment"), &body);
        });
    }

    fn publish_level(&mut self, node: &Node, level: f64) {
        self.sequence += 1;
        let payload = json!({"id": "wl-lao-cai", "seq": self.sequence, "level": level}).to_string();
        let port = node.ingest[0].port().to_string();
        let args = [
            "-p",
            &port,
            "-q",
            "1",
            "-i",
            "river",
            "-t",
            "ioc/lao-cai/disaster/wl-lao-cai/up",
            "-m",
            &payload,
        ];
        ioc_tests::process::run("mosquitto_pub", args);
    }
}

fn check_acknowledgements(node: &Node, acknowledged: &BTreeMap<String, String>) {
    for (id, operator) in acknowledged {
        let answer = http::get(node.console, &format!("/api/v1/alerts/{id}"));
        assert_eq!(answer.status, 200, "alert {id} is gone");
        let alert = &answer.json()["alert"];
        assert_eq!(
            alert["acknowledged"]["operator"],
            operator.as_str(),
            "the acknowledgement of {id} is lost"
        );
    }
}

/// What the page lists is what folding the journal gives.
fn assert_same_as_fold(node: &Node) {
    let mut folded = BTreeMap::new();
    for line in node::journal(&node.data, &["cat", "--journal", "outcomes", "--json"]).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["kind"] == "transition" {
            let alert = &record["transition"]["alert"];
            folded.insert(alert["id"].as_str().unwrap().to_owned(), alert.clone());
        }
    }
    folded.retain(|_, alert| alert["state"] != "normal");
    let shown: BTreeMap<_, _> = node
        .active_alerts()
        .into_iter()
        .map(|alert| (alert["id"].as_str().unwrap().to_owned(), alert))
        .collect();
    assert_eq!(shown, folded);
}

/// Exactly once: a QoS 2 packet identifier is journalled again only after its PUBREL was. (Counting messages instead would
/// blame us for paho, which publishes anew what it had already released when two attempts to reconnect fail.)
fn assert_each_identifier_is_released_first(data: &Path) {
    let mut held = BTreeSet::new();
    let mut messages = 0;
    for line in node::journal(data, &["cat", "--json"]).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let key = || (record["session"].as_u64(), record["packet_id"].as_u64());
        if record["kind"] == "message" && record["qos"] == 2 {
            messages += 1;
            assert!(
                held.insert(key()),
                "journalled twice without PUBREL in between: {record}"
            );
        } else if record["kind"] == "release" {
            held.remove(&key());
        }
    }
    assert!(messages > 0);
}

/// The `note` of every journalled message, with how often it is there.
fn journaled_ids(data: &Path) -> BTreeMap<String, u32> {
    let mut ids = BTreeMap::new();
    for line in node::journal(data, &["cat", "--json"]).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["kind"] == "message" {
            let payload: Value = serde_json::from_str(record["payload"].as_str().unwrap()).unwrap();
            if let Some(note) = payload["note"].as_str() {
                *ids.entry(note.to_owned()).or_default() += 1;
            }
        }
    }
    ids
}
