//! Compressed payloads over a real MQTT 5 connection, and `online` topics and wills: what the node makes of them.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use ioc_tests::node::{Folder, Node};
use ioc_tests::outcomes::{Outcomes, derived};
use ioc_tests::process::{Guard, run};
use ioc_tests::{http, wait};
use serde_json::{Value, json};

const TOPIC: &str = "ioc/lao-cai/disaster/wl-bao-ha/up";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A frame by RFC 8878: magic number, descriptor (single segment, size in one byte), size, and one raw block that is the last.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let size = u8::try_from(bytes.len()).unwrap();
    let block = (u32::from(size) << 3) | 1;
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x20, size];
    frame.extend_from_slice(&block.to_le_bytes()[..3]);
    frame.extend_from_slice(bytes);
    frame
}

/// Publishes the bytes over MQTT 5 with that content type, if any.
fn publish(node: &Node, folder: &Folder, content_type: Option<&str>, payload: &[u8]) {
    let file = folder.path().join("payload");
    fs::write(&file, payload).unwrap();
    let port = node.ingest[0].port().to_string();
    let mut args = vec!["-V", "mqttv5", "-p", &port, "-q", "1", "-i", "gateway"];
    args.extend(["-t", TOPIC, "-f", file.to_str().unwrap()]);
    if let Some(content_type) = content_type {
        args.extend(["-D", "publish", "content-type", content_type]);
    }
    run("mosquitto_pub", args);
}

fn wait_until_received(node: &Node, messages: u64) {
    wait::until("all are folded", Duration::from_secs(20), || {
        let status = http::get(node.console, "/api/v1/status").json();
        (status["counters"]["received"] == messages).then_some(())
    });
}

fn of_device<'a>(outcomes: &'a Outcomes, device: &str) -> Vec<&'a Value> {
    let events = outcomes.events.values();
    events
        .filter(|event| event["device"] == device)
        .filter(|event| !derived(event))
        .collect()
}

#[test]
fn packed_payloads_are_read_within_their_bound_and_the_rest_is_kept_with_its_reason() {
    let folder = Folder::new("packed");
    let data = folder.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let node = Node::start(&data);
    let said = |number: u64| format!("{{\"seq\":{number},\"level\":5{number}.25}}").into_bytes();
    publish(&node, &folder, None, &said(1));
    publish(&node, &folder, Some("application/gzip"), &gzip(&said(2)));
    publish(&node, &folder, Some("application/zstd"), &zstd(&said(3)));
    publish(&node, &folder, Some("application/json"), &said(4));
    let good = 4;
    // Cut off, not what it says, a few kilobytes that would be 64 MiB, and nothing that says it is packed.
    let whole = gzip(&said(5));
    publish(
        &node,
        &folder,
        Some("application/gzip"),
        &whole[..whole.len() - 9],
    );
    publish(&node, &folder, Some("application/zstd"), &said(6));
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 128 * 1024);
    publish(&node, &folder, Some("application/gzip"), &bomb);
    publish(&node, &folder, None, &gzip(&said(7)));
    wait_until_received(&node, good + 4);
    node.stop();
    let outcomes = Outcomes::read(&data);
    let levels: Vec<f64> = of_device(&outcomes, "wl-bao-ha")
        .iter()
        .map(|event| event["values"]["level"]["value"].as_f64().unwrap())
        .collect();
    assert_eq!(levels, [51.25, 52.25, 53.25, 54.25]);
    let codes: Vec<&str> = outcomes
        .rejects
        .values()
        .map(|reject| reject["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "compression_invalid",
            "compression_invalid",
            "unpacked_too_large",
            "payload_not_utf8"
        ]
    );
}

/// A client with a will; ends without a DISCONNECT when dropped.
fn speaker(node: &Node, client: &str, topic: &str, [first, will]: [&str; 2]) -> Guard {
    let port = node.ingest[0].port().to_string();
    let mut child = Command::new("mosquitto_pub")
        .args(["-p", &port, "-q", "1", "-i", client, "-t", topic, "-l"])
        .args([
            "--will-topic",
            topic,
            "--will-payload",
            will,
            "--will-qos",
            "1",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.as_mut().unwrap();
    writeln!(input, "{first}").unwrap();
    Guard(child)
}

#[test]
fn online_topics_and_wills_become_states_of_their_devices() {
    let folder = Folder::new("online");
    let node = Node::start(folder.path());
    // Our own topics, a Tasmota and a Shelly: each says that it is there, and its will that it is not.
    let speakers = [
        (
            "wl-bao-ha",
            "ioc/lao-cai/disaster/wl-bao-ha/online",
            ["true", "false"],
        ),
        (
            "tm-bao-thang-1",
            "tele/tasmota_bao_thang/LWT",
            ["Online", "Offline"],
        ),
        (
            "sh-sa-pa-1",
            "shellypro3em-08f9e0e68c98/online",
            ["true", "false"],
        ),
    ];
    let mut received = 0;
    for (device, topic, words) in speakers {
        let alive = speaker(&node, device, topic, words);
        received += 1;
        wait_until_received(&node, received);
        drop(alive);
        received += 1;
        wait_until_received(&node, received);
    }
    node.stop();
    let outcomes = Outcomes::read(folder.path());
    assert!(outcomes.rejects.is_empty(), "{:?}", outcomes.rejects);
    for (device, ..) in speakers {
        let events = of_device(&outcomes, device);
        let states: Vec<&Value> = events
            .iter()
            .map(|event| {
                assert_eq!(event["kind"], "state", "{event}");
                &event["values"]["online"]["value"]
            })
            .collect();
        assert_eq!(states, [&json!(true), &json!(false)], "{device}");
    }
}
