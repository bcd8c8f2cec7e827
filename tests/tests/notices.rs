//! Notices through the whole product: a flood of alerts, a kill in the middle, a dead address, drills, and what the API then shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ioc_tests::catcher::{Catcher, Caught};
use ioc_tests::node::{Folder, Node, Options, journal};
use ioc_tests::process::binary;
use ioc_tests::{http, wait};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const KEY: &[u8; 24] = b"a key of twenty-four 8it";
/// Stations that ring, four alerts each; and those of a drill.
const STATIONS: usize = 40;
const DRILLS: usize = 5;
const ALERTS_EACH: usize = 4;
/// Longer than all waits below: who waits for the dead address does not pass.
const REQUEST_TIMEOUT_MS: u64 = 120_000;
const PATIENCE: Duration = Duration::from_secs(90);

fn signature(id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[track_caller]
fn assert_signed(caught: &Caught) {
    let header = |name: &str| caught.headers[name].as_str();
    let expected = signature(caught.id(), header("webhook-timestamp"), &caught.body);
    assert_eq!(header("webhook-signature"), expected);
}

/// How a notice is known at the receiver, out of what it is about.
fn id_of(alert: &str, revision: u64, channel: &str, person: &str) -> String {
    let digest = Sha256::digest(format!("{alert}@{revision}/{channel}/{person}"));
    let hex = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("msg_{}", hex.collect::<String>())
}

struct Receivers {
    live: Catcher,
    drill: Catcher,
    dead: Catcher,
}

impl Receivers {
    fn start() -> Self {
        Self {
            live: Catcher::start(true),
            drill: Catcher::start(true),
            dead: Catcher::start(false),
        }
    }

    fn directory(&self) -> String {
        let hook = |exercise| {
            format!(
                "kind = \"webhook\"\nsecret = \"hook\"\nallow_private = true\nexercise = {exercise}\n"
            )
        };
        let person = |name: &str, chain: &str, at: &Catcher| {
            format!(
                "[people.{name}]\nchain = [\"{chain}\"]\nwebhook = \"http://{}/{name}\"\n",
                at.address
            )
        };
        format!(
            "[cap]\nsender = \"ioc.test\"\ncontact = \"1022\"\n[channels.live]\n{}[channels.drill]\n{}[channels.feed]\nkind = \"cap\"\n\
             {}{}{}[people.public]\nchain = [\"feed\"]\n\
             [[routes]]\nto = [\"duty\", \"dead\", \"drill\", \"public\"]\n",
            hook(false),
            hook(true),
            person("duty", "live", &self.live),
            person("dead", "live", &self.dead),
            person("drill", "drill", &self.drill),
        )
    }
}

fn variables(folder: &Path) -> Vec<(String, String)> {
    let file = folder.join("notify.toml");
    [
        ("ENABLED", "true".to_owned()),
        ("FILE", file.display().to_string()),
        ("STORM_NOTICES", "1000".to_owned()),
        ("STORM_CRITICAL_NOTICES", "1000".to_owned()),
        ("QUEUE_MAX", "10000".to_owned()),
        ("RETRY_MIN_MS", "50".to_owned()),
        ("REQUEST_TIMEOUT_MS", REQUEST_TIMEOUT_MS.to_string()),
        ("SECRETS", format!("hook=whsec_{}", STANDARD.encode(KEY))),
    ]
    .map(|(key, value)| (format!("IOC__NOTIFY__{key}"), value))
    .to_vec()
}

/// Three readings far above every mark: each station rings four times.
fn ring(port: u16, device: &str, status: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let lines: Vec<String> = (0..3)
        .map(|number| {
            let at = now.as_millis() as u64 - 30_000 + 10_000 * number;
            let reading =
                json!({"id": device, "seq": number, "ts": at, "rain_24h": 450, "status": status});
            reading.to_string()
        })
        .collect();
    let mut child = Command::new("mosquitto_pub")
        .args(["-p", &port.to_string(), "-q", "1", "-i", device, "-l", "-t"])
        .arg(format!("ioc/lao-cai/disaster/{device}/up"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all((lines.join("\n") + "\n").as_bytes())
        .unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
}

/// The notices that the transitions of `outcomes` give for a person, with whether it was a drill.
fn expected(data: &Path, channel: &str, person: &str, drill: bool) -> BTreeSet<String> {
    const TOLD: [&str; 7] = [
        "raised",
        "reopened",
        "escalated",
        "reminded",
        "returned_to_normal",
        "resolved",
        "annulled",
    ];
    let mut expected = BTreeSet::new();
    for line in journal(data, &["cat", "--journal", "outcomes", "--json"]).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["kind"] != "transition" {
            continue;
        }
        let (change, alert) = (
            &record["transition"]["change"],
            &record["transition"]["alert"],
        );
        let told = TOLD.iter().any(|word| change == word)
            && alert["retrospective"] == false
            && alert["handling"]["suppressed"] == json!([])
            && (alert["status"] != "actual") == drill;
        if told {
            let (id, revision) = (alert["id"].as_str(), alert["revision"].as_u64());
            expected.insert(id_of(id.unwrap(), revision.unwrap(), channel, person));
        }
    }
    expected
}

fn times(caught: &[Caught]) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for one in caught {
        *times.entry(one.id().to_owned()).or_default() += 1;
    }
    times
}

#[track_caller]
fn assert_told_once_or_twice(caught: &[Caught], expected: &BTreeSet<String>) {
    let times = times(caught);
    let told: BTreeSet<String> = times.keys().cloned().collect();
    assert_eq!(&told, expected, "what was told is what should be");
    let often: Vec<_> = times.iter().filter(|(_, times)| **times > 2).collect();
    assert!(often.is_empty(), "told more than twice: {often:?}");
}

fn alerts(node: &Node) -> Vec<Value> {
    let answer = http::get(node.console, "/api/v1/alerts?state=all").json();
    answer["alerts"].as_array().unwrap().clone()
}

/// The state of delivery that the API shows of a person at every alert.
fn states<'a>(alerts: &'a [Value], person: &str) -> Vec<&'a Value> {
    let notices = alerts
        .iter()
        .filter_map(|alert| alert["handling"]["notices"].as_array())
        .flatten();
    notices
        .filter(|notice| notice["person"] == person)
        .collect()
}

#[test]
fn a_flood_a_kill_and_a_dead_address() {
    let folder = Folder::new("notices");
    let data = folder.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let receivers = Receivers::start();
    fs::write(folder.path().join("notify.toml"), receivers.directory()).unwrap();
    let options = Options {
        variables: variables(folder.path()),
        ..Options::default()
    };
    let node = Node::start_with(&data, &options);
    let port = node.ingest[0].port();
    for number in 0..STATIONS {
        ring(port, &format!("rg-n{number}"), "actual");
        if number < DRILLS {
            ring(port, &format!("rg-d{number}"), "exercise");
        }
    }
    let all = STATIONS * ALERTS_EACH;
    wait::until("a third is told", PATIENCE, || {
        (receivers.live.count() >= all / 3).then_some(())
    });
    let before = receivers.live.count();
    node.kill();
    let node = Node::start_with(&data, &options);
    wait::until("every notice is told", PATIENCE, || {
        (times(&receivers.live.caught()).len() >= all).then_some(())
    });
    wait::until("the drill is told", PATIENCE, || {
        (times(&receivers.drill.caught()).len() >= DRILLS * ALERTS_EACH).then_some(())
    });
    let shown = wait::until("the API shows it at every alert", PATIENCE, || {
        let alerts = alerts(&node);
        (states(&alerts, "duty").len() >= all
            && states(&alerts, "drill").len() >= DRILLS * ALERTS_EACH
            && states(&alerts, "public").len() >= all)
            .then_some(alerts)
    });
    for notice in states(&shown, "duty") {
        assert_eq!(notice["result"], "delivered", "{notice}");
        assert_eq!(notice["channel"], "live");
        assert_eq!(notice["revision"], 1);
    }
    for alert in &shown {
        let drill = alert["status"] != "actual";
        for notice in alert["handling"]["notices"].as_array().unwrap() {
            assert_eq!(notice["person"] == "drill", drill, "{alert}");
        }
    }
    assert_eq!(states(&shown, "dead"), Vec::<&Value>::new());
    // One request at a time to an address that does not answer, before and after the kill.
    assert!((1..=2).contains(&receivers.dead.count()));
    assert_feed(&node, all);
    // The dead address would hold up an orderly stop.
    node.kill();
    let (live, drill) = (receivers.live.caught(), receivers.drill.caught());
    assert_told_once_or_twice(&live, &expected(&data, "live", "duty", false));
    assert_told_once_or_twice(&drill, &expected(&data, "drill", "drill", true));
    for one in live.iter().chain(&drill).chain(&receivers.dead.caught()) {
        assert_signed(one);
    }
    assert!(
        live.iter()
            .all(|one| one.json()["data"]["status"] == "actual")
    );
    assert!(
        drill
            .iter()
            .all(|one| one.json()["data"]["status"] == "exercise")
    );
    println!(
        "{all} notices, killed after {before}: {} requests, {} repeats; {} of a drill",
        live.len(),
        live.len() - all,
        drill.len()
    );
    let replay: Value = serde_json::from_str(&journal(&data, &["replay", "--json"])).unwrap();
    assert_eq!(replay["identical"], true, "{replay}");
}

/// The feed holds the alerts and no drill, and its links lead to the messages.
#[track_caller]
fn assert_feed(node: &Node, all: usize) {
    let feed = http::get(node.console, "/api/v1/cap");
    assert_eq!(feed.status, 200);
    assert!(feed.head.contains("application/atom+xml"), "{}", feed.head);
    let text = String::from_utf8(feed.body).unwrap();
    assert_eq!(text.matches("<entry>").count(), all);
    assert!(!text.contains("<status>Exercise</status>"));
    let link = text.split("href=\"cap/").nth(1).unwrap();
    let name = link.split('"').next().unwrap();
    let message = http::get(node.console, &format!("/api/v1/cap/{name}"));
    assert_eq!(message.status, 200);
    assert!(message.head.contains("application/cap+xml"));
    let text = String::from_utf8(message.body).unwrap();
    assert!(text.contains("<sender>ioc.test</sender>"), "{text}");
    assert!(text.contains("<status>Actual</status>"), "{text}");
}

#[test]
fn one_message_to_one_person_by_hand() {
    let folder = Folder::new("notify-test");
    let receivers = Receivers::start();
    fs::write(folder.path().join("notify.toml"), receivers.directory()).unwrap();
    let run = |channel: &str, person: &str| {
        let mut command = Command::new(binary("ioc"));
        command.args(["notify", "test", "--channel", channel, "--to", person]);
        command.env("IOC__NODE__DATA_DIR", folder.path().join("data"));
        command.envs(variables(folder.path()));
        command.output().unwrap()
    };
    let told = run("live", "duty");
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        told.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&told.stderr)
    );
    assert!(text.contains("đã gửi / delivered: HTTP 204"), "{text}");
    let caught = receivers.live.caught();
    assert_eq!(caught.len(), 1);
    assert_signed(&caught[0]);
    assert_eq!(caught[0].json()["data"]["status"], "test");
    // Not that person's channel.
    assert!(!run("drill", "duty").status.success());
    assert_eq!(receivers.drill.count(), 0);
}

#[test]
fn a_route_may_name_a_position_of_the_site_pack() {
    let folder = Folder::new("notify-position");
    let receivers = Receivers::start();
    let check = |position: &str| {
        let route = format!("position = \"{position}\"\n");
        fs::write(
            folder.path().join("notify.toml"),
            receivers.directory() + &route,
        )
        .unwrap();
        let mut command = Command::new(binary("ioc"));
        command.arg("check").envs(variables(folder.path()));
        command.output().unwrap()
    };
    // Without `positions.toml` there is one, which sees all.
    assert!(check("operations").status.success());
    let wrong = check("nobody");
    assert!(!wrong.status.success());
    let text = String::from_utf8_lossy(&wrong.stdout).into_owned()
        + &String::from_utf8_lossy(&wrong.stderr);
    assert!(text.contains("there is no position nobody"), "{text}");
}
