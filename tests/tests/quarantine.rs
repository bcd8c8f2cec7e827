//! A mapping breaks, ten thousand messages are refused, it is mended, they are tried again: every one of them arrives once, as
//! history; nothing rings; a second time changes nothing - with the node up, down, and killed in the middle.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ioc_tests::metrics::Metrics;
use ioc_tests::node::{self, Folder, Node, Options};
use ioc_tests::outcomes::Outcomes;
use ioc_tests::process::{binary, repository, run};
use ioc_tests::publisher::Random;
use ioc_tests::{http, wait};
use serde_json::{Value, json};

const DEVICE: &str = "wl-bao-ha";
const TOPIC: &str = "ioc/lao-cai/disaster/wl-bao-ha/up";
/// Over the third flood level of the station: live it would ring at once.
const LEVEL: f64 = 58.2;

/// The site pack, and the same with the key of the level missing.
struct Packs {
    good: PathBuf,
    broken: PathBuf,
}

impl Packs {
    fn new(folder: &Path) -> Self {
        let packs = Self {
            good: folder.join("good"),
            broken: folder.join("broken"),
        };
        let source = repository().join("deploy/sites/lao-cai");
        for to in [&packs.good, &packs.broken] {
            run("cp", ["-r", source.to_str().unwrap(), to.to_str().unwrap()]);
        }
        let profile = packs.broken.join("profiles/disaster.toml");
        let text = fs::read_to_string(&profile).unwrap();
        let kept = text
            .lines()
            .filter(|line| !line.starts_with("fields.level ="));
        fs::write(&profile, kept.collect::<Vec<_>>().join("\n")).unwrap();
        assert!(fs::read_to_string(&profile).unwrap().len() < text.len());
        packs
    }
}

fn start(data: &Path, pack: &Path) -> Node {
    let site = pack.to_str().unwrap().to_owned();
    let options = Options {
        variables: vec![("IOC__NODE__SITE".to_owned(), site)],
        ..Options::default()
    };
    Node::start_with(data, &options)
}

/// Readings of the last hour, one every few hundred milliseconds, each acknowledged.
fn publish(node: &Node, count: u32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let lines: Vec<String> = (0..count)
        .map(|number| {
            let ago = f64::from(count - number) * 3_000.0 / f64::from(count);
            let ts = now.as_secs_f64() - ago;
            format!("{{\"ts\":{ts:.3},\"seq\":{number},\"level\":{LEVEL}}}\n")
        })
        .collect();
    let port = node.ingest[0].port().to_string();
    let mut child = Command::new("mosquitto_pub")
        .args(["-p", &port, "-q", "1", "-i", "gateway", "-t", TOPIC, "-l"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.concat().as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

fn quarantine(node: &Node) -> Value {
    http::get(node.console, "/api/v1/quarantine").json()
}

fn wait_for(node: &Node, key: &str, count: u64) -> Value {
    wait::until(
        &format!("{key} is {count}"),
        Duration::from_secs(60),
        || {
            let found = quarantine(node);
            (found[key] == count).then_some(found)
        },
    )
}

fn reprocess(node: &Node, dry_run: bool) -> Value {
    let body = json!({"operator": "trực ban 1", "reason": "đã sửa hồ sơ", "dry_run": dry_run});
    let answer = http::post(node.console, "/api/v1/quarantine/reprocess", &body);
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// What the archive has of the level, over all times.
fn archived(node: &Node) -> u64 {
    let path = format!(
        "/api/v1/series/{DEVICE}/level?from=-2d&to=now&interval=P1D&aggregate=count&quality=any"
    );
    let answer = http::get(node.console, &path).json();
    let points = answer["points"].as_array().cloned().unwrap_or_default();
    points
        .iter()
        .map(|point| point["count"].as_u64().unwrap())
        .sum()
}

fn assert_nothing_rang(node: &Node) {
    let alerts = http::get(node.console, "/api/v1/alerts").json();
    assert_eq!(alerts["alerts"], json!([]));
    let status = http::get(node.console, "/api/v1/status").json();
    assert_eq!(status["counters"]["alerts_raised"], 0);
}

fn assert_replay_is_identical(data: &Path) {
    let replay = node::journal(data, &["replay", "--json"]);
    let replay: Value = serde_json::from_str(&replay).unwrap();
    assert_eq!(replay["identical"], true, "{replay}");
}

/// Of each message one event, as history.
fn assert_each_once(data: &Path, count: usize) {
    let outcomes = Outcomes::read(data);
    let events: Vec<&Value> = outcomes.events.values().collect();
    assert_eq!(events.len(), count);
    let mut ids: Vec<&str> = events
        .iter()
        .map(|event| event["id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an event came twice");
    for event in events {
        let flags = event["flags"].as_array().unwrap();
        for flag in ["history", "reprocessed"] {
            assert!(flags.contains(&json!(flag)), "{event}");
        }
    }
}

fn tool(args: &[&str]) -> Value {
    let mut all = vec!["quarantine"];
    all.extend(args);
    all.push("--json");
    serde_json::from_str(&run(binary("ioc"), all)).unwrap()
}

#[test]
fn what_a_broken_mapping_refused_arrives_once_and_nothing_rings() {
    const COUNT: u32 = 10_000;
    let folder = Folder::new("quarantine");
    let (packs, data) = (Packs::new(folder.path()), folder.path().join("data"));
    fs::create_dir_all(&data).unwrap();
    let node = start(&data, &packs.broken);
    publish(&node, COUNT);
    let found = wait_for(&node, "total", COUNT.into());
    assert_eq!(found["to_do"], COUNT);
    assert_eq!(found["reasons"][0]["code"], "no_values");
    assert_eq!(found["devices"][0]["device"], DEVICE);
    let sample = &found["reasons"][0]["samples"][0];
    let item = http::get(node.console, &format!("/api/v1/quarantine/{sample}")).json();
    assert!(item["payload"].as_str().unwrap().contains("\"level\":58.2"));
    assert_eq!(archived(&node), 0);
    node.stop();

    let node = start(&data, &packs.good);
    wait_for(&node, "to_do", COUNT.into());
    assert_eq!(reprocess(&node, true)["to_do"], COUNT);
    assert_eq!(quarantine(&node)["to_do"], COUNT, "a dry run does nothing");
    assert_eq!(reprocess(&node, false)["queued"], COUNT);
    let found = wait_for(&node, "reprocessed", COUNT.into());
    assert_eq!(
        (&found["to_do"], &found["total"]),
        (&json!(0), &json!(COUNT))
    );
    wait::until("the archive has them all", Duration::from_secs(30), || {
        (archived(&node) == u64::from(COUNT)).then_some(())
    });
    assert_nothing_rang(&node);
    let counters = http::get(node.console, "/api/v1/status").json()["counters"].clone();
    assert_eq!(
        (&counters["received"], &counters["rejected"]),
        (&json!(COUNT), &json!(COUNT))
    );
    let metrics = Metrics::scrape(node.admin);
    assert_eq!(
        metrics.get("ioc_reprocessed_total", &[("result", "delivered")]),
        Some(f64::from(COUNT))
    );

    // A second time, from the page and from the command line.
    let before = http::get(node.console, "/api/v1/status").json()["journal"].clone();
    let again = reprocess(&node, false);
    assert_eq!((&again["to_do"], &again["queued"]), (&json!(0), &json!(0)));
    assert_eq!(again["done_before"], COUNT);
    let again = tool(&["reprocess", "--data", data.to_str().unwrap()]);
    assert_eq!(again["queued"], 0);
    assert_eq!(
        http::get(node.console, "/api/v1/status").json()["journal"],
        before
    );
    assert_eq!(archived(&node), u64::from(COUNT));
    node.stop();
    assert_each_once(&data, COUNT as usize);
    assert_replay_is_identical(&data);
}

#[test]
fn a_stopped_node_takes_them_at_its_next_start_and_failures_stay() {
    const COUNT: u32 = 500;
    let folder = Folder::new("quarantine-stopped");
    let (packs, data) = (Packs::new(folder.path()), folder.path().join("data"));
    fs::create_dir_all(&data).unwrap();
    let place = data.to_str().unwrap().to_owned();
    let node = start(&data, &packs.broken);
    publish(&node, COUNT);
    wait_for(&node, "total", COUNT.into());
    // Nothing was mended: refused again, still in quarantine, counted once.
    assert_eq!(reprocess(&node, false)["queued"], COUNT);
    let found = wait_for(&node, "failed", COUNT.into());
    assert_eq!(
        (&found["to_do"], &found["total"]),
        (&json!(COUNT), &json!(COUNT))
    );
    node.stop();

    assert_eq!(
        tool(&["reprocess", "--dry-run", "--data", &place])["to_do"],
        COUNT
    );
    let good = packs.good.to_str().unwrap();
    let asked = tool(&[
        "reprocess",
        "--data",
        &place,
        "--site",
        good,
        "--device",
        DEVICE,
    ]);
    assert_eq!(asked["queued"], COUNT);
    // It lies in the journal and waits for the start.
    let listed = tool(&["list", "--data", &place]);
    assert_eq!(
        (&listed["queued"], &listed["to_do"]),
        (&json!(COUNT), &json!(0))
    );
    let again = tool(&["reprocess", "--data", &place, "--site", good]);
    assert_eq!(
        (&again["queued"], &again["done_before"]),
        (&json!(0), &json!(COUNT))
    );

    let node = start(&data, &packs.good);
    wait_for(&node, "reprocessed", COUNT.into());
    assert_nothing_rang(&node);
    node.stop();
    assert_each_once(&data, COUNT as usize);
    assert_replay_is_identical(&data);
}

#[test]
fn a_kill_in_the_middle_loses_none_and_doubles_none() {
    const COUNT: u32 = 4_000;
    let folder = Folder::new("quarantine-kill");
    let (packs, data) = (Packs::new(folder.path()), folder.path().join("data"));
    fs::create_dir_all(&data).unwrap();
    let node = start(&data, &packs.broken);
    publish(&node, COUNT);
    wait_for(&node, "total", COUNT.into());
    node.stop();
    let mut random = Random(7);
    for _ in 0..5 {
        let node = start(&data, &packs.good);
        wait_for(&node, "total", COUNT.into());
        let address = node.console;
        let body = json!({"operator": "trực ban 1", "reason": "đã sửa hồ sơ"});
        let asking = std::thread::spawn(move || {
            // It may be cut off at any moment: that is the point.
            let _ = http::try_post(address, "/api/v1/quarantine/reprocess", &body);
        });
        let enough = random.next() % u64::from(COUNT);
        // Whatever is there by then: the journal grows while we look.
        wait::until("some of it is under way", Duration::from_secs(20), || {
            let found = quarantine(&node);
            let moved = found["reprocessed"].as_u64()? + found["queued"].as_u64()?;
            (moved >= enough).then_some(())
        });
        node.kill();
        asking.join().unwrap();
    }
    let node = start(&data, &packs.good);
    wait_for(&node, "total", COUNT.into());
    wait_for(&node, "queued", 0);
    reprocess(&node, false);
    wait_for(&node, "reprocessed", COUNT.into());
    wait::until("the archive has them all", Duration::from_secs(30), || {
        (archived(&node) == u64::from(COUNT)).then_some(())
    });
    assert_nothing_rang(&node);
    node.stop();
    assert_each_once(&data, COUNT as usize);
    assert_replay_is_identical(&data);
}

/// Whether a journal has these bytes.
fn journals_hold(data: &Path, needle: &[u8]) -> bool {
    ["inputs", "outcomes"]
        .iter()
        .any(|name| holds(&data.join(name), needle))
}

fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        let bytes = fs::read(&path).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn personal_data_found_by_a_later_pack_is_blanked_in_both_journals() {
    const NUMBER: &str = "024091234567";
    let folder = Folder::new("quarantine-personal");
    let (packs, data) = (Packs::new(folder.path()), folder.path().join("data"));
    fs::create_dir_all(&data).unwrap();
    let keys = packs.broken.join("personal.toml");
    let kept = fs::read_to_string(&keys).unwrap().replace("cccd", "cccd_x");
    fs::write(&keys, kept).unwrap();
    let node = start(&data, &packs.broken);
    let port = node.ingest[0].port().to_string();
    let payload = json!({"seq": 1, "level": LEVEL, "cccd": NUMBER}).to_string();
    run(
        "mosquitto_pub",
        [
            "-p", &port, "-q", "1", "-i", "gw", "-t", TOPIC, "-m", &payload,
        ],
    );
    wait_for(&node, "total", 1);
    node.stop();
    assert!(
        journals_hold(&data, NUMBER.as_bytes()),
        "the older pack let it through"
    );

    let node = start(&data, &packs.good);
    wait_for(&node, "total", 1);
    assert_eq!(reprocess(&node, false)["queued"], 1);
    let found = wait_for(&node, "failed", 1);
    assert_eq!((&found["total"], &found["to_do"]), (&json!(1), &json!(0)));
    assert_eq!(found["reasons"][0]["code"], "personal_data");
    wait::until("it is blanked", Duration::from_secs(20), || {
        let done = Metrics::scrape(node.admin).get("ioc_redactions_pending", &[]);
        (done == Some(0.0) && !journals_hold(&data, NUMBER.as_bytes())).then_some(())
    });
    assert_eq!(reprocess(&node, false)["queued"], 0);
    node.stop();
    assert!(!journals_hold(&data, NUMBER.as_bytes()));
    assert_replay_is_identical(&data);
}
