//! Why an alert rang, told by the real binary: while the node runs, when the journals are gone, and not if one byte of the evidence
//! is another one.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use ioc_tests::metrics::Metrics;
use ioc_tests::node::{Folder, Node};
use ioc_tests::process::{binary, output, run};
use ioc_tests::{http, wait};
use serde_json::{Value, json};

/// Sizes of the store's headers, from `docs/evidence.md`.
const FILE_HEADER: usize = 32;
const HEADER: usize = 40;
const FRAME: u8 = 2;

fn publish(node: &Node, seq: u64, level: f64) {
    let port = node.ingest[0].port().to_string();
    let payload = json!({"id": "wl-bao-ha", "seq": seq, "level": level}).to_string();
    let topic = "ioc/lao-cai/disaster/wl-bao-ha/up";
    run(
        "mosquitto_pub",
        ["-p", &port, "-q", "1", "-t", topic, "-m", &payload],
    );
}

fn explain(data: &Path, alert: &str, more: &[&str]) -> Output {
    let mut args = vec!["explain", alert, "--data", data.to_str().unwrap()];
    args.extend(more);
    output(binary("ioc"), args)
}

fn explained(data: &Path, alert: &str) -> Value {
    let answer = explain(data, alert, &["--verify", "--json"]);
    assert!(answer.status.success(), "{answer:?}");
    serde_json::from_slice(&answer.stdout).unwrap()
}

/// A node with one alert whose evidence is kept.
fn ringing(name: &str) -> (Folder, Node, String) {
    let folder = Folder::new(name);
    let node = Node::start(folder.path());
    publish(&node, 1, 54.0);
    publish(&node, 2, 58.13);
    let alert = node.wait_for_alert("river-bd3", "wl-bao-ha");
    wait::until("the evidence is kept", Duration::from_secs(20), || {
        let kept = Metrics::scrape(node.admin).get("ioc_evidence_transitions_total", &[]);
        // Levels 1 to 3 at least.
        kept.is_some_and(|kept| kept >= 3.0).then_some(())
    });
    let id = alert["id"].as_str().unwrap().to_owned();
    (folder, node, id)
}

#[test]
fn an_alert_is_explained_while_the_node_runs_and_when_the_journals_are_gone() {
    let (folder, node, alert) = ringing("explain");
    let data = folder.path();
    let found = explained(data, &alert);
    assert_eq!(found["verify"]["verdict"], "proven", "{found:#}");
    let transition = &found["transitions"][0];
    assert_eq!(transition["change"], "raised");
    let value = &transition["values"][0];
    assert_eq!(value["value"]["number"], 58.13);
    assert_eq!(value["device_time"], Value::Null, "it wrote none");
    let record = &transition["records"][0];
    assert_eq!(record["offset"], value["offset"]);
    assert!(record["payload"].as_str().unwrap().contains("58.13"));
    let limit = &transition["limits"][0];
    assert!(
        limit["source"]
            .as_str()
            .is_some_and(|source| !source.is_empty())
    );
    assert!(limit["verified"].is_boolean());
    assert!(
        found["rule"]["text"]
            .as_str()
            .unwrap()
            .contains("river-bd3")
    );
    // The same from the API.
    let answer = http::get(node.console, &format!("/api/v1/alerts/{alert}/explain"));
    assert_eq!(answer.status, 200);
    let mut told = answer.json();
    assert_eq!(told["verify"], Value::Null);
    told["verify"] = found["verify"].clone();
    assert_eq!(told, found);
    assert_eq!(
        http::get(node.console, "/api/v1/alerts/none/explain").status,
        404
    );
    // People read both languages.
    let text = explain(data, &alert, &["--verify"]);
    let text = String::from_utf8(text.stdout).unwrap();
    for part in [
        "Quy tắc / Rule",
        "Ngưỡng / Thresholds",
        "58.13",
        "Vòng đời / Life cycle",
    ] {
        assert!(text.contains(part), "{text}");
    }
    node.stop();
    // What retention would do over the years, at once.
    for gone in ["inputs", "outcomes", "snapshots", "archive"] {
        fs::remove_dir_all(data.join(gone)).unwrap();
    }
    assert_eq!(explained(data, &alert)["transitions"], found["transitions"]);
    assert!(!explain(data, "none:x:y", &[]).status.success());
}

/// Writes the file again with one byte changed within a raw record and the checksum of that record made right.
fn change_a_byte(path: &Path, from: &[u8], to: u8) {
    let mut bytes = fs::read(path).unwrap();
    let mut at = FILE_HEADER;
    let number =
        |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    while at + HEADER <= bytes.len() {
        let (start, length) = (at + HEADER, number(&bytes, at + 4) as usize);
        let payload = &mut bytes[start..start + length];
        let found = payload.windows(from.len()).position(|part| part == from);
        if payload.len() > from.len()
            && let Some(found) = found
            && bytes[at + 8] == FRAME
        {
            bytes[start + found + from.len() - 1] = to;
            let crc = crc32c::crc32c(&bytes[start..start + length]);
            bytes[at + 36..at + 40].copy_from_slice(&crc.to_le_bytes());
            fs::write(path, bytes).unwrap();
            return;
        }
        at = start + length;
    }
    panic!("no raw record with {}", String::from_utf8_lossy(from));
}

#[test]
fn one_changed_byte_with_the_checksum_mended_is_found() {
    let (folder, node, alert) = ringing("explain-changed");
    let data = folder.path();
    node.stop();
    let file = data.join("evidence/0000000000.ev");
    let whole = fs::read(&file).unwrap();
    for (from, to) in [
        (&b"58.13"[..], b'4'),
        (b"wl-bao-ha", b'b'),
        (b"level\":", b' '),
    ] {
        change_a_byte(&file, from, to);
        let answer = explain(data, &alert, &["--verify", "--json"]);
        assert_eq!(answer.status.code(), Some(1));
        let found: Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert_eq!(found["verify"]["verdict"], "failed");
        assert!(found["damaged"].as_array().unwrap().is_empty(), "{found:#}");
        let item = &found["verify"]["items"][0];
        let place = item["place"].as_str().unwrap();
        assert!(place.contains("of inputs"), "{item}");
        fs::write(&file, &whole).unwrap();
    }
    assert_eq!(explained(data, &alert)["verify"]["verdict"], "proven");
}
