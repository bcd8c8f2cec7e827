//! The disk under the real binary: a failed sync, a full volume, damage.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ioc_tests::node::{Folder, Node, Options, journal, journal_stat};
use ioc_tests::process::{binary, output, run};
use ioc_tests::{http, wait};
use serde_json::{Value, json};

/// MQTT 3.1.1 by hand: the tests must see exactly which PUBACK came.
struct Device {
    stream: TcpStream,
}

impl Device {
    fn connect(address: SocketAddr, client: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut packet = vec![
            0x10,
            u8::try_from(12 + client.len()).unwrap(),
            0,
            4,
            b'M',
            b'Q',
            b'T',
            b'T',
            4,
            2,
            0,
            60,
            0,
            u8::try_from(client.len()).unwrap(),
        ];
        packet.extend_from_slice(client.as_bytes());
        stream.write_all(&packet).unwrap();
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).unwrap();
        assert_eq!(connack, [0x20, 2, 0, 0]);
        Self { stream }
    }

    fn publish(&mut self, topic: &str, id: u16, payload: &[u8]) {
        let length = 2 + topic.len() + 2 + payload.len();
        let mut packet = vec![0x32];
        let mut rest = length;
        loop {
            let digit = u8::try_from(rest % 128).unwrap();
            rest /= 128;
            packet.push(if rest > 0 { digit | 0x80 } else { digit });
            if rest == 0 {
                break;
            }
        }
        packet.extend_from_slice(&u16::try_from(topic.len()).unwrap().to_be_bytes());
        packet.extend_from_slice(topic.as_bytes());
        packet.extend_from_slice(&id.to_be_bytes());
        packet.extend_from_slice(payload);
        self.stream.write_all(&packet).unwrap();
    }

    /// The packet id of the next PUBACK, or nothing when none comes within the limit or the connection ends.
    fn puback(&mut self, limit: Duration) -> Option<u16> {
        self.stream.set_read_timeout(Some(limit)).unwrap();
        let mut puback = [0; 4];
        self.stream.read_exact(&mut puback).ok()?;
        assert_eq!(puback[..2], [0x40, 2]);
        Some(u16::from_be_bytes([puback[2], puback[3]]))
    }
}

fn level(seq: u64, level: f64) -> Vec<u8> {
    json!({"id": "wl-lao-cai", "seq": seq, "level": level})
        .to_string()
        .into_bytes()
}

/// So many readings, each acknowledged.
fn river_reports(node: &Node, count: u16, value: f64) {
    let mut device = Device::connect(node.ingest[0], "river");
    for id in 1..=count {
        device.publish(RIVER, id, &level(u64::from(id), value));
        assert_eq!(device.puback(Duration::from_secs(10)), Some(id));
    }
}

const RIVER: &str = "ioc/lao-cai/disaster/wl-lao-cai/up";

/// The 40th sync fails: nothing that it covered is acknowledged, the process says why and ends; a restart has all the rest.
#[test]
fn a_failed_sync_is_final() {
    let folder = Folder::new("eio");
    let wrapper = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fdatasync",
        "-e",
        "inject=fdatasync:error=EIO:when=40",
    ];
    let options = Options {
        wrapper: wrapper.map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let mut node = Node::start_with(folder.path(), &options);
    let mut device = Device::connect(node.ingest[0], "river");
    let mut acknowledged = 0;
    for id in 1..=200_u16 {
        device.publish(RIVER, id, &level(u64::from(id), 79.0));
        match device.puback(Duration::from_secs(20)) {
            Some(acked) => {
                assert_eq!(acked, id);
                acknowledged += 1;
            }
            None => break,
        }
    }
    assert!(
        acknowledged < 200,
        "the injected error did not stop the acknowledgements"
    );
    let status = wait::until("the node ends", Duration::from_secs(30), || node.ended());
    assert!(!status.success());
    assert!(node.log().contains("sync"), "{}", node.log());
    let again = Node::start(folder.path());
    let messages = journal_stat(folder.path())["messages"]["qos1"]
        .as_u64()
        .unwrap();
    assert!(
        messages >= acknowledged,
        "{messages} of {acknowledged} acknowledged messages are in the journal"
    );
    again.stop();
}

struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // Lazily: a failed test may still have a process in it.
        let _ = output("umount", ["-l", self.0.to_str().unwrap()]);
    }
}

/// A small volume fills up: normal messages wait unacknowledged, the river is still acknowledged and rings, and when there
/// is room again everything goes on by itself.
#[test]
fn a_full_volume_holds_back_all_but_disaster() {
    let folder = Folder::new("full");
    let data = folder.path().join("volume");
    fs::create_dir_all(&data).unwrap();
    let mounted = output(
        "mount",
        [
            "-t",
            "tmpfs",
            "-o",
            "size=64m",
            "tmpfs",
            data.to_str().unwrap(),
        ],
    );
    if !mounted.status.success() {
        // Needs root; CI has it.
        println!("skipped: no right to mount a volume");
        return;
    }
    let _mounted = Mounted(&data);
    let mut options = Options::default();
    for (key, value) in [
        ("IOC__JOURNAL__SEGMENT_BYTES", "1048576"),
        ("IOC__JOURNAL__RESERVE_DISASTER_BYTES", "2097152"),
        ("IOC__JOURNAL__RESERVE_SYSTEM_BYTES", "2097152"),
    ] {
        options.variables.push((key.to_owned(), value.to_owned()));
    }
    let node = Node::start_with(&data, &options);
    let ballast = data.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    let block = vec![1_u8; 1 << 20];
    while file.write_all(&block).is_ok() {}

    let mut device = Device::connect(node.ingest[0], "air");
    let mut held = None;
    let payload = vec![b'x'; 60_000];
    for id in 1..=500_u16 {
        device.publish("ioc/lao-cai/env/aqm-1/up", id, &payload);
        if device.puback(Duration::from_millis(700)).is_none() {
            held = Some(id);
            break;
        }
    }
    let held = held.expect("a full volume stops the acknowledgements");
    let ready = http::get(node.admin, "/readyz");
    assert_eq!(
        ready.status,
        503,
        "{}",
        String::from_utf8_lossy(&ready.body)
    );

    let mut river = Device::connect(node.ingest[0], "river");
    for id in 1..=5_u16 {
        river.publish(RIVER, id, &level(u64::from(id), 84.0));
        assert_eq!(
            river.puback(Duration::from_secs(10)),
            Some(id),
            "disaster messages are acknowledged from the reserve"
        );
    }
    let alert = node.wait_for_alert("river-bd3", "wl-lao-cai");
    let path = format!(
        "/api/v1/alerts/{}/acknowledge",
        alert["id"].as_str().unwrap()
    );
    let answer = http::post(node.console, &path, &json!({"operator": "trực ban"}));
    assert_eq!(answer.status, 200, "commands have their own reserve");

    drop(file);
    fs::remove_file(&ballast).unwrap();
    assert_eq!(
        device.puback(Duration::from_secs(30)),
        Some(held),
        "acknowledged by itself once there is room"
    );
    wait::until("the node is ready again", Duration::from_secs(30), || {
        (http::get(node.admin, "/readyz").status == 200).then_some(())
    });
    node.stop();
    let replay: Value = serde_json::from_str(&journal(&data, &["replay", "--json"])).unwrap();
    assert_eq!(replay["identical"], true);
}

/// Bytes damaged in the middle: the node starts, says which records are gone, and has all others.
#[test]
fn damage_in_the_middle_is_reported_and_read_past() {
    let folder = Folder::new("damage");
    let node = Node::start(folder.path());
    river_reports(&node, 300, 79.0);
    node.stop();
    let before = journal_stat(folder.path())["messages"]["total"]
        .as_u64()
        .unwrap();
    let segment = fs::read_dir(folder.path().join("inputs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "seg"))
        .min()
        .unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    // In the middle of what is written: the payload of message 150.
    let needle = b"\"seq\":150";
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap();
    bytes[at + 2] ^= 0x40;
    fs::write(&segment, bytes).unwrap();
    let verify = output(
        binary("ioc"),
        [
            "journal",
            "verify",
            "--data",
            folder.path().to_str().unwrap(),
        ],
    );
    assert_eq!(verify.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verify.stdout).contains("DAMAGED"));
    let node = Node::start(folder.path());
    assert!(node.log().contains("damaged"), "{}", node.log());
    node.stop();
    let stat = journal_stat(folder.path());
    assert_eq!(stat["messages"]["total"].as_u64().unwrap(), before - 1);
    assert_eq!(stat["missing"].as_array().unwrap().len(), 1);
}

fn last_segment(data: &Path, journal: &str) -> PathBuf {
    let files = fs::read_dir(data.join(journal))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "seg"))
        .max()
        .unwrap()
}

/// Damage at the very end looks like an unfinished write; `outcomes` knows better: it is told, and the node starts.
#[test]
fn damage_at_the_end_is_told_and_stepped_over() {
    let folder = Folder::new("end");
    let node = Node::start(folder.path());
    river_reports(&node, 50, 84.0);
    node.wait_for_alert("river-bd3", "wl-lao-cai");
    node.stop();
    let segment = last_segment(folder.path(), "inputs");
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let verify = output(
        binary("ioc"),
        [
            "journal",
            "verify",
            "--data",
            folder.path().to_str().unwrap(),
        ],
    );
    assert_eq!(verify.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verify.stdout).contains("LOST"));
    let node = Node::start(folder.path());
    assert!(
        node.log().contains("input records are lost"),
        "{}",
        node.log()
    );
    node.wait_for_alert("river-bd3", "wl-lao-cai");
    let mut device = Device::connect(node.ingest[0], "river");
    device.publish(RIVER, 1, &level(1_000, 84.5));
    assert_eq!(device.puback(Duration::from_secs(10)), Some(1));
    node.stop();
    let replay = output(
        binary("ioc"),
        [
            "journal",
            "replay",
            "--data",
            folder.path().to_str().unwrap(),
        ],
    );
    assert_eq!(replay.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&replay.stdout).contains("are missing"));
}

/// `outcomes` can be concluded again from `inputs`: lost in part or as a whole, the next start writes them anew.
#[test]
fn lost_outcomes_are_concluded_again() {
    let folder = Folder::new("outcomes");
    let node = Node::start(folder.path());
    river_reports(&node, 50, 84.0);
    node.stop();
    let before = journal(folder.path(), &["cat", "--journal", "outcomes", "--json"]);
    let segment = last_segment(folder.path(), "outcomes");
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 3_000..].fill(0);
    fs::write(&segment, bytes).unwrap();
    for whole in [false, true] {
        if whole {
            fs::remove_dir_all(folder.path().join("outcomes")).unwrap();
        }
        Node::start(folder.path()).stop();
        let after = journal(folder.path(), &["cat", "--journal", "outcomes", "--json"]);
        assert!(
            after.starts_with(&before),
            "the outcomes differ after losing {}",
            if whole { "all" } else { "the end" }
        );
        let replay: Value =
            serde_json::from_str(&journal(folder.path(), &["replay", "--json"])).unwrap();
        assert_eq!(replay["identical"], true, "{replay}");
    }
}

/// Old segments go behind snapshots: a small bound never stops the front door while a snapshot can make room.
#[test]
fn a_small_size_bound_is_kept_without_stopping() {
    let folder = Folder::new("bound");
    let mut options = Options::default();
    for (key, value) in [
        ("IOC__JOURNAL__SEGMENT_BYTES", "1048576"),
        ("IOC__JOURNAL__INPUTS_BYTES_MAX", "8388608"),
        ("IOC__JOURNAL__OUTCOMES_BYTES_MAX", "8388608"),
        ("IOC__JOURNAL__RESERVE_DISASTER_BYTES", "1048576"),
        ("IOC__JOURNAL__RESERVE_SYSTEM_BYTES", "1048576"),
    ] {
        options.variables.push((key.to_owned(), value.to_owned()));
    }
    let node = Node::start_with(folder.path(), &options);
    let mut device = Device::connect(node.ingest[0], "air");
    let payload = vec![b'x'; 200_000];
    for id in 1..=150_u16 {
        device.publish("ioc/lao-cai/env/aqm-1/up", id, &payload);
        assert_eq!(device.puback(Duration::from_secs(20)), Some(id));
    }
    node.stop();
    let bytes = journal_stat(folder.path())["bytes"].as_u64().unwrap();
    assert!(bytes <= 8_388_608, "{bytes} bytes on disk");
    Node::start_with(folder.path(), &options).stop();
}

/// Frozen and thawed, stopped in time, and everything is still there.
#[test]
fn a_frozen_process_goes_on() {
    let folder = Folder::new("frozen");
    let node = Node::start(folder.path());
    let mut device = Device::connect(node.ingest[0], "river");
    let pid = node.pid().to_string();
    for id in 1..=20_u16 {
        if id == 10 {
            run("kill", ["-STOP", &pid]);
            wait::until("the node is frozen", Duration::from_secs(10), || {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
                stat.contains(") T ").then_some(())
            });
        }
        device.publish(RIVER, id, &level(u64::from(id), 79.0));
        if id == 10 {
            assert_eq!(device.puback(Duration::from_millis(300)), None);
            run("kill", ["-CONT", &pid]);
        }
        assert_eq!(device.puback(Duration::from_secs(10)), Some(id));
    }
    node.stop();
    assert_eq!(journal_stat(folder.path())["messages"]["qos1"], 20);
}

/// Operators look into the journal of a node that is at work.
#[test]
fn the_command_line_of_the_journal_reads_a_running_node() {
    let folder = Folder::new("running");
    let node = Node::start(folder.path());
    let mut device = Device::connect(node.ingest[0], "river");
    device.publish(RIVER, 1, &level(1, 79.0));
    assert_eq!(device.puback(Duration::from_secs(10)), Some(1));
    let lines = journal(folder.path(), &["cat", "--json"]);
    let record: Value = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|record: &Value| record["kind"] == "message")
        .unwrap();
    assert_eq!(record["client"], "river");
    assert_eq!(record["topic"], RIVER);
    assert_eq!(record["qos"], 1);
    assert!(record["offset"].is_u64() && record["time"].is_string());
    assert!(record["payload"].as_str().unwrap().contains("wl-lao-cai"));
    let verify = output(
        Command::new(binary("ioc")).get_program(),
        [
            "journal",
            "verify",
            "--data",
            folder.path().to_str().unwrap(),
        ],
    );
    assert!(verify.status.success());
    node.stop();
}
