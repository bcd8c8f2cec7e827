//! Stock MQTT clients that we did not write: mosquitto_pub and paho, both versions, every QoS, thousands of messages.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use ioc_tests::node::{Folder, Node, Options, journal, journal_stat};
use ioc_tests::process::{Guard, python, repository, run};
use ioc_tests::wait;
use serde_json::Value;

const MESSAGES: usize = 2_000;

fn lines(device: &str, count: usize) -> String {
    (0..count)
        .map(|seq| format!("{{\"id\":\"{device}\",\"seq\":{seq},\"pm25\":12.5,\"pm10\":20}}\n"))
        .collect()
}

#[test]
fn mosquitto_pub_in_both_versions_and_every_qos() {
    let folder = Folder::new("mosquitto");
    let node = Node::start(folder.path());
    let port = node.ingest[0].port().to_string();
    for version in ["mqttv311", "mqttv5"] {
        for qos in ["0", "1", "2"] {
            let device = format!("aqm-{version}-{qos}");
            let mut child = Guard(
                Command::new("mosquitto_pub")
                    .args(["-p", &port, "-V", version, "-q", qos, "-i", &device, "-l"])
                    .args(["-t", &format!("ioc/lao-cai/env/{device}/up")])
                    .stdin(Stdio::piped())
                    .spawn()
                    .unwrap(),
            );
            std::io::Write::write_all(
                child.0.stdin.as_mut().unwrap(),
                lines(&device, MESSAGES).as_bytes(),
            )
            .unwrap();
            drop(child.0.stdin.take());
            let status = wait::until("mosquitto_pub ends", Duration::from_secs(60), || {
                child.0.try_wait().unwrap()
            });
            assert!(status.success(), "{version} QoS {qos}: {status}");
        }
    }
    node.stop();
    let stat = journal_stat(folder.path());
    let expected = (2 * MESSAGES) as u64;
    assert_eq!(stat["messages"]["qos1"], expected);
    assert_eq!(stat["messages"]["qos2"], expected);
    assert_eq!(stat["messages"]["qos0"], expected);
    assert_eq!(stat["messages"]["clients"], 6);
    println!("mosquitto_pub: {}", stat["messages"]);
}

#[test]
fn paho_in_both_versions_and_every_qos() {
    let folder = Folder::new("paho");
    let node = Node::start(folder.path());
    let port = node.ingest[0].port().to_string();
    for protocol in ["3.1.1", "5"] {
        for qos in ["0", "1", "2"] {
            let client = format!("paho-{}-{qos}", protocol.replace('.', ""));
            let acked = folder.path().join(format!("{client}.acked"));
            let script = repository().join("tests/clients/publisher.py");
            let args = [
                script.to_str().unwrap(),
                "--port",
                &port,
                "--client",
                &client,
                "--device",
                &format!("aqm-{client}"),
                "--protocol",
                protocol,
                "--qos",
                qos,
                "--count",
                &MESSAGES.to_string(),
                "--acked",
                acked.to_str().unwrap(),
            ];
            let answer: Value = serde_json::from_str(&run(python(), args)).unwrap();
            assert_eq!(answer["unacknowledged"], 0, "{client}");
            assert_eq!(
                fs::read_to_string(&acked).unwrap().lines().count(),
                MESSAGES
            );
        }
    }
    node.stop();
    let stat = journal_stat(folder.path());
    for qos in ["qos0", "qos1", "qos2"] {
        assert_eq!(stat["messages"][qos], (2 * MESSAGES) as u64, "{qos}");
    }
    println!("paho: {}", stat["messages"]);
}

/// A device with a persistent session is killed and comes back while the node is restarted: nothing is lost.
#[test]
fn a_persistent_session_survives_both_ends() {
    let folder = Folder::new("session");
    let data = folder.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let mut node = Node::start(&data);
    let port = node.ingest[0].port().to_string();
    let options = Options {
        ingest: node.ingest[0].to_string(),
        console: node.console.to_string(),
        ..Options::default()
    };
    let script = repository().join("tests/clients/publisher.py");
    let acked = folder.path().join("acked");
    for round in 0..4 {
        let mut child = Guard(
            Command::new(python())
                .arg(&script)
                .args([
                    "--port",
                    &port,
                    "--client",
                    &format!("persistent-{round}"),
                    "--device",
                    "aqm-p",
                ])
                .args([
                    "--protocol",
                    if round % 2 == 0 { "3.1.1" } else { "5" },
                    "--qos",
                    if round < 2 { "1" } else { "2" },
                    "--acked",
                ])
                .arg(&acked)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        );
        let count = || {
            fs::read_to_string(&acked)
                .unwrap_or_default()
                .lines()
                .count()
        };
        let before = count();
        wait::until("some are acknowledged", Duration::from_secs(30), || {
            (count() > before + 300).then_some(())
        });
        if round % 2 == 1 {
            node.kill();
            node = Node::start_with(&data, &options);
            wait::until(
                "more are acknowledged after the restart",
                Duration::from_secs(30),
                || (count() > before + 600).then_some(()),
            );
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
    }
    node.stop();
    let all = journal(&data, &["cat", "--json"]);
    let text = fs::read_to_string(&acked).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut checked = 0;
    for id in whole.lines() {
        assert!(
            all.contains(&format!("\\\"note\\\": \\\"{id}\\\"")),
            "{id} was acknowledged and is not in the journal"
        );
        checked += 1;
    }
    println!("persistent sessions: {checked} acknowledged ids, 0 lost");
}
