//! How deliveries are shown: the answer, and what clients of the feed are told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use event::Time;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::openapi::conforms;
use crate::client::{Feed, request};
use crate::node::Node;
use crate::{Bound, ConsoleConfig, SinkInfo, SinkState, TROUBLE_CODES, sample};

struct Deliveries {
    node: Node,
    sinks: Arc<Mutex<Vec<SinkInfo>>>,
    bound: Bound,
    _stop: DropGuard,
}

async fn start(sinks: Vec<SinkInfo>, sinks_interval_ms: u64) -> Deliveries {
    let node = Node::new();
    let sinks = Arc::new(Mutex::new(sinks));
    let told = Arc::clone(&sinks);
    let mut deps = node.deps(Vec::new());
    deps.sinks = Arc::new(move || told.lock().unwrap().clone());
    let config = ConsoleConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        sinks_interval_ms,
        // Nothing else shall be said in between.
        heartbeat_ms: 60_000,
        ..ConsoleConfig::default()
    };
    let cancel = CancellationToken::new();
    let bound = crate::start(config, deps, cancel.clone()).await.unwrap();
    Deliveries {
        node,
        sinks,
        bound,
        _stop: cancel.drop_guard(),
    }
}

#[tokio::test]
async fn the_list_has_the_shape_described() {
    let now = Time::from_seconds(1_795_305_600);
    let these = start(sample::sinks(now), 5_000).await;
    let got = request(these.bound.local_addr(), "GET", "/api/v1/sinks", &[], "").await;
    let got = got.json();
    conforms("SinkList", &got);
    assert_eq!(got["sinks"][0]["name"], "kafka");
    assert_eq!(got["sinks"][0]["trouble"]["code"], "unreachable");
    assert_eq!(got["sinks"][0]["since"], "2026-11-21T23:59:00Z");
    assert_eq!(got["sinks"][1]["gaps"], serde_json::json!([[10, 20]]));
    assert_eq!(got["sinks"][2]["kind"], "front_door");
    assert_eq!(got["sinks"][2]["connections"]["lost_sessions"], 1);

    let mut any = sample::sinks(now).remove(0);
    for code in TROUBLE_CODES {
        any.trouble.as_mut().unwrap().code = code;
        conforms("Sink", &serde_json::to_value(&any).unwrap());
    }
}

#[tokio::test]
async fn a_change_of_state_is_told_soon_and_figures_only_now_and_then() {
    let now = Time::from_seconds(1_795_305_600);
    // Figures within this test never come due.
    let these = start(sample::sinks(now), 60_000).await;
    let mut feed = Feed::open(these.bound.local_addr(), &[]).await;
    let snapshot = feed.next().await;
    assert_eq!(snapshot.event, "snapshot");
    conforms("Snapshot", &snapshot.data);
    // Which of the two brings it depends on which came first, the client or the first look.
    if snapshot.data["sinks"].as_array().unwrap().is_empty() {
        let told = feed.expect("sinks").await;
        assert_eq!(told.data["sinks"].as_array().unwrap().len(), 3);
    }

    these.sinks.lock().unwrap()[0].lag_records += 1;
    let nothing = feed.next_within(Duration::from_millis(1_500)).await;
    assert!(nothing.is_none(), "figures alone were told: {nothing:?}");

    these.sinks.lock().unwrap()[0].state = SinkState::Running;
    let told = feed.expect("sinks").await;
    conforms("SinkList", &told.data);
    assert_eq!(told.id, None, "no place to come back to");
    assert_eq!(told.data["sinks"][0]["state"], "running");
    assert_eq!(told.data["sinks"][0]["lag_records"], 12_346);

    // Who comes later is told the same, by the snapshot or beside the frames that were missed.
    let mut later = Feed::open(these.bound.local_addr(), &[]).await;
    let snapshot = later.expect("snapshot").await;
    assert_eq!(snapshot.data["sinks"][0]["state"], "running");
    these.node.readings([("a", 1.0)]).await;
    let seen = feed.expect("change").await.id.unwrap();
    assert_eq!(
        later.expect("change").await.data.get("sinks"),
        None,
        "no news"
    );
    these.sinks.lock().unwrap()[0].state = SinkState::Failed;
    feed.expect("sinks").await;
    let id = seen.to_string();
    let back = [("Last-Event-ID", id.as_str())];
    let mut back = Feed::open(these.bound.local_addr(), &back).await;
    let told = back.expect("sinks").await;
    assert_eq!(told.data["sinks"][0]["state"], "failed");
}

#[tokio::test]
async fn figures_are_told_at_their_interval() {
    let now = Time::from_seconds(1_795_305_600);
    let these = start(sample::sinks(now), 1_000).await;
    let mut feed = Feed::open(these.bound.local_addr(), &[]).await;
    feed.expect("snapshot").await;
    these.sinks.lock().unwrap()[0].lag_records = 99;
    let told = loop {
        let told = feed.expect("sinks").await;
        if told.data["sinks"][0]["lag_records"] == 99 {
            break told;
        }
    };
    assert_eq!(told.data["sinks"][0]["state"], "retrying");
}

#[tokio::test]
async fn while_changes_are_sent_the_news_goes_with_them() {
    let now = Time::from_seconds(1_795_305_600);
    let these = start(sample::sinks(now), 60_000).await;
    let mut feed = Feed::open(these.bound.local_addr(), &[]).await;
    feed.expect("snapshot").await;
    let alert = sample::alert("a:b:c", these.node.now());
    let node = these.node.clone();
    // An alert every few milliseconds leaves no frame for anything else.
    let storm = tokio::spawn(async move {
        for revision in 2.. {
            let alert = event::Alert {
                revision,
                ..alert.clone()
            };
            node.transition(event::Change::Raised, None, &alert).await;
        }
    });
    let mut seen = 0;
    while seen < 12 {
        let frame = feed.next().await;
        seen += usize::from(frame.event == "change");
    }
    these.sinks.lock().unwrap()[0].state = SinkState::Running;
    let told = loop {
        let frame = feed.next().await;
        assert_ne!(frame.event, "sinks", "a frame that an alert could have had");
        if frame.data.get("sinks").is_some() {
            break frame;
        }
    };
    storm.abort();
    conforms("Change", &told.data);
    assert_eq!(told.data["sinks"][0]["state"], "running");
}
