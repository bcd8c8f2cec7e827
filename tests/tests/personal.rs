//! Personal data vanishes: refused before any store, blanked in the journal, across `SIGKILL` at any moment in between. No
//! other message is lost, and a replay concludes the same.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ioc_tests::metrics::Metrics;
use ioc_tests::node::{self, Folder, Node, Options};
use ioc_tests::outcomes::Outcomes;
use ioc_tests::process::{binary, output, repository, run};
use ioc_tests::publisher::{Publisher, Random};
use ioc_tests::wait;
use serde_json::{Value, json};

const TOPIC: &str = "ioc/lao-cai/environment/aqm-sa-pa/up";
const PAYLOAD_MARK: &str = "C7316529";
const PROPERTY_MARK: &str = "Vang-A-Pao";

/// Kills in `make test`; more by the variable.
fn kills() -> u64 {
    std::env::var("IOC_CRASH_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(12)
}

/// Publishes one message with a passport number, QoS 1; true when it was acknowledged.
fn publish_guest(node: &Node, number: u64) -> bool {
    let payload = json!({
        "id": "aqm-sa-pa", "seq": number, "pm25": 12.0,
        "guest": {"passport": format!("{PAYLOAD_MARK}{number}"), "full_name": format!("{PAYLOAD_MARK} {number}")},
    });
    let port = node.ingest[0].port().to_string();
    let published = output(
        "mosquitto_pub",
        [
            "-V",
            "mqttv5",
            "-p",
            &port,
            "-q",
            "1",
            "-i",
            &format!("hotel-{number}"),
            "-D",
            "publish",
            "user-property",
            "guest",
            PROPERTY_MARK,
            "-t",
            TOPIC,
            "-m",
            &payload.to_string(),
        ],
    );
    published.status.success()
}

/// Publishes messages with passport numbers, one after the other, until it is killed.
struct Hotel(Child);

impl Hotel {
    fn open(node: &Node, number: u64) -> Self {
        let port = node.ingest[0].port().to_string();
        let mut child = Command::new("mosquitto_pub")
            .args(["-p", &port, "-q", "1", "-i", &format!("hotel-{number}")])
            .args(["-t", TOPIC, "-l"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut guests = child.stdin.take().unwrap();
        for guest in 0..200 {
            let payload = json!({
                "id": "aqm-sa-pa", "seq": 1_000_000 + 1_000 * number + guest, "pm25": 12.0,
                "passport": format!("{PAYLOAD_MARK}{guest}"),
            });
            writeln!(guests, "{payload}").unwrap();
        }
        Self(child)
    }
}

impl Drop for Hotel {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Files below the data folder that hold any of the marks.
fn files_with_marks(data: &Path) -> Vec<String> {
    let folder = data.to_str().unwrap();
    // Not a loop of our own: the reserves alone are tens of megabytes of zeros.
    let marks = ["-e", PAYLOAD_MARK, "-e", PROPERTY_MARK];
    let found = output("grep", ["-rlaF"].iter().chain(&marks).chain(&[folder]));
    // 2: a temporary file was renamed meanwhile.
    assert!(matches!(found.status.code(), Some(0..=2)));
    let found = String::from_utf8(found.stdout).unwrap();
    found.lines().map(str::to_owned).collect()
}

fn wait_until_forgotten(node: &Node, data: &Path) {
    wait::until(
        "no file holds personal data any more",
        Duration::from_secs(30),
        || files_with_marks(data).is_empty().then_some(()),
    );
    wait::until("nothing is pending", Duration::from_secs(10), || {
        (Metrics::scrape(node.admin).get("ioc_redactions_pending", &[]) == Some(0.0)).then_some(())
    });
}

/// Offsets of the redacted messages, each with its key names and without a byte of what it was.
fn redacted_messages(data: &Path) -> BTreeSet<u64> {
    let mut redacted = BTreeSet::new();
    let mut named = BTreeSet::new();
    for line in node::journal(data, &["cat", "--json"]).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["kind"] == "redaction" {
            assert_eq!(record["code"], "personal_data");
            assert_ne!(record["hash"], "0".repeat(64), "{record}");
            named.insert(record["redacts"].as_u64().unwrap());
        }
        if record.get("redacted").is_some() {
            assert_eq!(record["kind"], "message");
            assert_eq!(
                record["topic"], TOPIC,
                "everything but the content stays: {record}"
            );
            assert!(record.get("payload").is_none() && record.get("properties_base64").is_none());
            let keys = record["redacted"]["keys"].as_array().unwrap();
            assert!(
                keys.contains(&json!("passport")),
                "the key names stay: {record}"
            );
            redacted.insert(record["offset"].as_u64().unwrap());
        }
    }
    assert_eq!(redacted, named);
    redacted
}

fn assert_replay_is_identical(data: &Path) -> Value {
    let replay = node::journal(data, &["replay", "--json"]);
    let replay: Value = serde_json::from_str(&replay).unwrap();
    assert_eq!(replay["identical"], true, "{replay}");
    assert_eq!(replay["to_come"], 0, "{replay}");
    let verify = node::journal(data, &["verify"]);
    assert!(!verify.contains("DAMAGED"), "{verify}");
    replay
}

/// What became of the messages with personal data: one reject each, naming the key, holding no byte.
fn personal_rejects(data: &Path) -> usize {
    let rejects: Vec<Value> = Outcomes::read(data).rejects.into_values().collect();
    let personal: Vec<_> = rejects
        .iter()
        .filter(|reject| reject["code"] == "personal_data")
        .collect();
    for reject in &personal {
        assert_eq!(reject["payload"], "", "{reject}");
        assert!(reject["reason"].as_str().unwrap().contains("`passport`"));
    }
    personal.len()
}

#[test]
fn personal_data_vanishes_by_sigkill_at_random_moments() {
    let folder = Folder::new("personal");
    let data = folder.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let mut node = Node::start(&data);
    let options = Options {
        ingest: node.ingest[0].to_string(),
        console: node.console.to_string(),
        ..Options::default()
    };
    let mut publisher = Publisher::start(folder.path(), node.ingest[0].port(), "air", "5", 1);
    wait::until("1,000 others", Duration::from_secs(60), || {
        (publisher.acked().len() >= 1_000).then_some(())
    });
    let mut random = Random(0x5EED);
    let (mut acknowledged, mut left_behind) = (0, 0);
    for kill in 0..kills() {
        assert!(publish_guest(&node, kill));
        acknowledged += 1;
        let hotel = Hotel::open(&node, kill);
        // From "at once" to when the redactions are through: the flow of the others is the clock.
        let target = publisher.acked().len() + usize::try_from(random.next() % 20).unwrap();
        wait::until("some others", Duration::from_secs(60), || {
            (publisher.acked().len() >= target).then_some(())
        });
        node.kill();
        drop(hotel);
        left_behind += u64::from(!files_with_marks(&data).is_empty());
        node = Node::start_with(&data, &options);
    }
    publisher.finish();
    wait_until_forgotten(&node, &data);
    let key = data.join("redaction.key").metadata().unwrap().permissions();
    assert_eq!(key.mode() & 0o777, 0o600);
    node.stop();
    assert_eq!(files_with_marks(&data), [""; 0]);
    let redacted = redacted_messages(&data).len();
    assert!(redacted > acknowledged, "those of the flow come on top");
    assert_eq!(personal_rejects(&data), redacted);
    let numbers = Outcomes::read(&data).numbers(&publisher.device());
    let lost: Vec<_> = publisher
        .acked_numbers()
        .difference(&numbers)
        .copied()
        .collect();
    assert!(lost.is_empty(), "{} others are lost: {lost:?}", lost.len());
    let replay = assert_replay_is_identical(&data);
    println!(
        "{} kills ({left_behind} before the content was overwritten), {redacted} messages with personal data, none left; \
         {} others, 0 lost; replay identical over {} outcomes",
        kills(),
        numbers.len(),
        replay["outcomes"]
    );
}

/// `strace` on one thread of the node: kills the process when that thread enters a system call for the n-th time.
struct Trap(Child);

impl Trap {
    fn set(node: &Node, thread: &str, call: &str, when: u32) -> Self {
        let tasks = format!("/proc/{}/task", node.pid());
        // A thread takes its name when it first runs, which may be after the node answers.
        let named = format!("the thread {thread} of the node");
        let task = wait::until(&named, Duration::from_secs(10), || {
            let mut threads = fs::read_dir(&tasks)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            threads.find(|task| {
                fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == thread)
            })
        });
        let id = task.file_name().unwrap().to_str().unwrap().to_owned();
        let child = Command::new("strace")
            .args(["-qq", "-o", "/dev/null", "-p", &id])
            .args(["-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:signal=KILL:when={when}")])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait::until("the trap is set", Duration::from_secs(10), || {
            let status = fs::read_to_string(task.join("status")).unwrap();
            (!status.contains("TracerPid:\t0\n")).then_some(())
        });
        Self(child)
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        // Ends with the process that it watched; ended here when a test fails before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every step of a redaction, in order: the message's own commit, the record's, the overwriting, the cursor.
const STEPS: [(&str, &str, u32); 12] = [
    ("journal-inputs", "pwritev", 1),
    ("journal-inputs", "fdatasync", 1),
    ("journal-outcome", "pwritev", 1),
    ("journal-outcome", "fdatasync", 1),
    ("journal-inputs", "pwritev", 2),
    ("journal-inputs", "fdatasync", 2),
    ("redactor", "pwritev", 1),
    ("redactor", "fdatasync", 1),
    // The cursor: written beside, synced, renamed, the folder synced.
    ("redactor", "pwritev", 2),
    ("redactor", "fdatasync", 2),
    ("redactor", "rename", 1),
    ("redactor", "fsync", 1),
];

#[test]
fn personal_data_vanishes_by_sigkill_at_every_step() {
    let folder = Folder::new("personal-steps");
    let data = folder.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let mut acknowledged = 0;
    for (number, (thread, call, when)) in (0..).zip(STEPS) {
        let mut node = Node::start(&data);
        let trap = Trap::set(&node, thread, call, when);
        let first = publish_guest(&node, number);
        wait::until("the trap kills the node", Duration::from_secs(20), || {
            node.ended()
        });
        drop(trap);
        let node = Node::start(&data);
        // What was not acknowledged is sent again, as any device does.
        assert!(first || publish_guest(&node, number));
        acknowledged += 1;
        wait_until_forgotten(&node, &data);
        node.stop();
        assert_eq!(files_with_marks(&data), [""; 0], "{thread} {call} {when}");
        // A message whose commit was cut off by the kill may be there as well as its repetition.
        assert!(redacted_messages(&data).len() >= acknowledged);
        assert_eq!(personal_rejects(&data), redacted_messages(&data).len());
        assert_replay_is_identical(&data);
    }
}

/// A site pack that did not know the key kept the bytes as another refusal; tried again under one that does, they vanish
/// from the message, from its refusal and from the try.
#[test]
fn personal_data_that_is_recognised_late_vanishes_too() {
    let folder = Folder::new("personal-late");
    let data = folder.path().join("data");
    let pack = folder.path().join("pack");
    fs::create_dir_all(&data).unwrap();
    let site = repository().join("deploy/sites/lao-cai");
    run("cp", ["-r", site.to_str().unwrap(), pack.to_str().unwrap()]);
    fs::write(pack.join("personal.toml"), "keys = [\"face_id\"]\n").unwrap();
    let careless = Options {
        variables: vec![(
            "IOC__NODE__SITE".to_owned(),
            pack.to_str().unwrap().to_owned(),
        )],
        ..Options::default()
    };
    let node = Node::start_with(&data, &careless);
    let port = node.ingest[0].port().to_string();
    let payload = json!({"passport": format!("{PAYLOAD_MARK}1")}).to_string();
    run(
        "mosquitto_pub",
        ["-p", &port, "-q", "1", "-t", TOPIC, "-m", &payload],
    );
    node.stop();
    let kept = files_with_marks(&data);
    assert!(kept.iter().any(|path| path.contains("/inputs/")));
    assert!(kept.iter().any(|path| path.contains("/outcomes/")));
    let node = Node::start(&data);
    let url = format!("http://{}", node.console);
    run(
        binary("ioc"),
        ["quarantine", "reprocess", "--url", &url, "--json"],
    );
    wait::until("it is recognised", Duration::from_secs(20), || {
        (Metrics::scrape(node.admin).get("ioc_redactions_total", &[]) == Some(1.0)).then_some(())
    });
    let archive = |path: &String| path.contains("/archive/");
    wait::until("the journals forget", Duration::from_secs(20), || {
        files_with_marks(&data).iter().all(archive).then_some(())
    });
    node.kill();
    let node = Node::start(&data);
    node.stop();
    assert!(files_with_marks(&data).iter().all(archive));
    assert_replay_is_identical(&data);
}
