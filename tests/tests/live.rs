//! A message that crosses the socket becomes an alert on the feed; an operator's answer is durable and final.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ioc_tests::http::{self, Feed};
use ioc_tests::node::{Folder, Node, Options, journal};
use ioc_tests::process::{Guard, run};
use ioc_tests::wait;
use serde_json::{Value, json};

fn publish(node: &Node, topic: &str, payload: &Value) {
    let port = node.ingest[0].port().to_string();
    run(
        "mosquitto_pub",
        [
            "-p",
            &port,
            "-q",
            "1",
            "-i",
            "gateway",
            "-t",
            topic,
            "-m",
            &payload.to_string(),
        ],
    );
}

fn level(node: &Node, entity: &str, seq: u64, level: f64) {
    publish(
        node,
        &format!("ioc/lao-cai/disaster/{entity}/up"),
        &json!({"id": entity, "seq": seq, "level": level}),
    );
}

#[test]
fn a_message_becomes_an_alert_on_the_feed_within_a_second() {
    let folder = Folder::new("feed");
    let node = Node::start(folder.path());
    let mut feed = Feed::open(node.console);
    assert_eq!(feed.next_event().0, "snapshot");
    level(&node, "wl-bao-ha", 1, 58.13);
    let started = Instant::now();
    let alert = loop {
        let (name, data) = feed.next_event();
        let found = data["alerts"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|alert| alert["rule"] == "river-bd3")
            .cloned();
        if name == "change"
            && let Some(alert) = found
        {
            break alert;
        }
    };
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(alert["state"], "unacknowledged");
    assert_eq!(alert["entity"], "wl-bao-ha");
    let vi = alert["message"]["vi"].as_str().unwrap();
    assert!(
        vi.contains("58,13") && vi.contains("báo động 3") && vi.contains("1,13"),
        "{vi}"
    );
    let en = alert["message"]["en"].as_str().unwrap();
    assert!(en.contains("58.13"), "{en}");
    let evidence = &alert["evidence"];
    assert!(evidence["condition"].as_str().unwrap().contains("level"));
    assert_eq!(evidence["values"][0]["value"]["number"], 58.13);
    assert!(
        evidence["limits"][0]["source"]
            .as_str()
            .is_some_and(|source| !source.is_empty())
    );
    node.stop();
}

#[test]
fn an_acknowledgement_is_answered_by_the_monitor_and_survives_sigkill() {
    let folder = Folder::new("ack");
    let node = Node::start(folder.path());
    level(&node, "wl-yen-bai", 1, 33.98);
    let alert = node.wait_for_alert("river-bd3", "wl-yen-bai");
    let path = format!(
        "/api/v1/alerts/{}/acknowledge",
        alert["id"].as_str().unwrap()
    );
    let body = json!({"command_id": "c-1", "operator": "Nguyễn Văn A", "seen_state": "unacknowledged", "seen_revision": alert["revision"]});
    let first = http::post(node.console, &path, &body);
    assert_eq!(
        first.status,
        200,
        "{}",
        String::from_utf8_lossy(&first.body)
    );
    assert_eq!(first.json()["verdict"]["accepted"], true);
    // The same command again gets the same answer; another operator is told who was first.
    assert_eq!(
        http::post(node.console, &path, &body).json()["verdict"],
        first.json()["verdict"]
    );
    let second = http::post(
        node.console,
        &path,
        &json!({"command_id": "c-2", "operator": "B", "seen_state": "unacknowledged", "seen_revision": alert["revision"]}),
    );
    assert_eq!(second.status, 409);
    assert!(
        second.json()["verdict"]["detail"]["vi"]
            .as_str()
            .unwrap()
            .contains("Nguyễn Văn A")
    );
    let options = Options {
        console: node.console.to_string(),
        ..Options::default()
    };
    node.kill();
    let node = Node::start_with(folder.path(), &options);
    let alert = node.wait_for_alert("river-bd3", "wl-yen-bai");
    assert_eq!(alert["state"], "acknowledged");
    assert_eq!(alert["acknowledged"]["operator"], "Nguyễn Văn A");
    assert_eq!(alert["acknowledged"]["verified"], false);
    node.stop();
}

#[test]
fn a_foreign_origin_is_refused() {
    let folder = Folder::new("origin");
    let node = Node::start(folder.path());
    level(&node, "wl-lao-cai", 1, 84.0);
    let alert = node.wait_for_alert("river-bd3", "wl-lao-cai");
    let path = format!(
        "/api/v1/alerts/{}/acknowledge",
        alert["id"].as_str().unwrap()
    );
    let body = json!({"operator": "x"}).to_string();
    for origin in ["http://evil.example", "null", "https://127.0.0.1:1"] {
        let headers = [("Content-Type", "application/json"), ("Origin", origin)];
        let answer = http::request(node.console, "POST", &path, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert_eq!(
        node.wait_for_alert("river-bd3", "wl-lao-cai")["state"],
        "unacknowledged"
    );
    node.stop();
}

#[test]
fn bad_payloads_are_kept_with_a_reason_and_stop_nothing() {
    let folder = Folder::new("bad");
    let node = Node::start(folder.path());
    let cases: [(&str, &str, &str); 14] = [
        ("ioc/lao-cai/env/aqm-0001/up", "", "payload_empty"),
        ("ioc/lao-cai/env/aqm-0001/up", "{", "payload_not_json"),
        (
            "ioc/lao-cai/env/aqm-0001/up",
            "{\"pm25\":1}}",
            "payload_not_json",
        ),
        (
            "ioc/lao-cai/env/aqm-0001/up",
            "{\"pm25\":NaN}",
            "payload_not_json",
        ),
        (
            "ioc/lao-cai/env/aqm-0001/up",
            "{\"pm25\":1e400}",
            "payload_not_json",
        ),
        ("ioc/lao-cai/env/aqm-0001/up", "[1,2,3]", "payload_shape"),
        ("ioc/lao-cai/env/aqm-0001/up", "\"text\"", "payload_shape"),
        ("ioc/lao-cai/env/aqm-0001/up", "{}", "no_values"),
        ("ioc/lao-cai/env/aqm-0001/up", "{\"foo\":1}", "no_values"),
        (
            "ioc/lao-cai/env/aqm-0001/up",
            "{\"ts\":\"yesterday\",\"pm25\":1}",
            "time_invalid",
        ),
        (
            "ioc/lao-cai/env/aqm-0001/up",
            "{\"id\":\"aqm-0002\",\"pm25\":1}",
            "device_mismatch",
        ),
        (
            "ioc/lao-cai/env/toaster-1/up",
            "{\"pm25\":1}",
            "device_unknown",
        ),
        ("ioc/ha-noi/env/aqm-0001/up", "{\"pm25\":1}", "site_unknown"),
        ("hello/world", "{\"pm25\":1}", "topic_unknown"),
    ];
    let port = node.ingest[0].port().to_string();
    for (topic, payload, _) in cases {
        // An empty payload has a flag of its own.
        let message: &[&str] = if payload.is_empty() {
            &["-n"]
        } else {
            &["-m", payload]
        };
        run(
            "mosquitto_pub",
            ["-p", &port, "-q", "1", "-t", topic].iter().chain(message),
        );
    }
    publish(
        &node,
        "ioc/lao-cai/env/aqm-0001/up",
        &json!({"id": "aqm-0001", "seq": 1, "pm25": 12}),
    );
    let counters = ioc_tests::wait::until("all are folded", Duration::from_secs(20), || {
        let status = http::get(node.console, "/api/v1/status").json();
        (status["counters"]["events"] == 1 && status["counters"]["rejected"] == cases.len())
            .then(|| status["counters"].clone())
    });
    assert_eq!(counters["received"], cases.len() + 1);
    let rejects = http::get(node.console, "/api/v1/rejects").json();
    let mut codes: Vec<&str> = rejects["rejects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reject| reject["code"].as_str().unwrap())
        .collect();
    codes.reverse();
    assert_eq!(codes, cases.map(|(_, _, code)| code));
    node.stop();
}

/// One figure of `/metrics`, summed over its labels.
fn metric(text: &str, name: &str) -> u64 {
    let values = text
        .lines()
        .filter(|line| line.starts_with(name) && line[name.len()..].starts_with([' ', '{']));
    values
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64)
        .sum()
}

/// Good, repeated and bad messages while somebody looks all the time: the figures add up at every look.
#[test]
fn accounting_holds_at_every_scrape() {
    let folder = Folder::new("accounting");
    let node = Node::start(folder.path());
    let port = node.ingest[0].port().to_string();
    let mut child = Guard(
        Command::new("mosquitto_pub")
            .args(["-p", &port, "-q", "1", "-i", "gateway", "-l"])
            .args(["-t", "ioc/lao-cai/env/aqm-7/up"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = String::new();
    for seq in 0..3_000 {
        let time = 1_790_000_000 + seq / 2;
        lines.push_str(&format!(
            "{{\"seq\":{},\"ts\":{time},\"pm25\":9}}\n",
            seq / 2
        ));
        if seq % 10 == 0 {
            lines.push_str("not json\n");
        }
    }
    let mut input = child.0.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let mut looks = 0;
    ioc_tests::wait::until("all are folded", Duration::from_secs(60), || {
        looks += 1;
        let status = http::get(node.console, "/api/v1/status").json();
        let number = |key: &str| status["counters"][key].as_u64().unwrap();
        assert_eq!(
            number("received"),
            number("events") + number("state") + number("duplicates") + number("rejected"),
            "{status}"
        );
        let text = String::from_utf8(http::get(node.admin, "/metrics").body).unwrap();
        let scraped = |what: &str| metric(&text, &format!("ioc_monitor_{what}_total"));
        assert_eq!(
            scraped("received"),
            scraped("events") + scraped("state") + scraped("duplicates") + scraped("rejected")
        );
        (number("received") == 3_300).then_some(())
    });
    writer.join().unwrap();
    let counters = http::get(node.console, "/api/v1/status").json()["counters"].clone();
    assert_eq!(
        (
            &counters["events"],
            &counters["duplicates"],
            &counters["rejected"]
        ),
        (&json!(1_500), &json!(1_500), &json!(300))
    );
    assert!(looks > 3, "looked {looks} times only");
    assert_eq!(http::get(node.admin, "/livez").status, 200);
    assert_eq!(http::get(node.admin, "/readyz").status, 200);
    node.stop();
}

#[test]
fn an_orderly_stop_leaves_a_snapshot_and_a_clean_log() {
    let folder = Folder::new("stop");
    let node = Node::start(folder.path());
    level(&node, "wl-lao-cai", 1, 79.0);
    node.stop();
    assert!(
        fs::read_dir(folder.path().join("snapshots"))
            .unwrap()
            .count()
            > 0
    );
    let log = fs::read_to_string(folder.path().join("node.log")).unwrap();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

/// Silence is counted in the time in which the node was awake; what no record shows would be lost with a crash.
#[test]
fn a_node_to_which_nothing_comes_notes_that_it_is_awake() {
    let folder = Folder::new("awake");
    let data = folder.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let options = Options {
        variables: vec![("IOC__NODE__HEARTBEAT_SECONDS".to_owned(), "1".to_owned())],
        ..Options::default()
    };
    let node = Node::start_with(&data, &options);
    wait::until("it has noted it thrice", Duration::from_secs(30), || {
        let records = journal(&data, &["cat", "--json"]);
        let ticks = records
            .lines()
            .filter(|line| line.contains("\"kind\":\"clock\""))
            .count();
        (ticks >= 3).then_some(())
    });
    node.stop();
    journal(&data, &["replay"]);
}
