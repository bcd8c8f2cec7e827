//! What arrives, and what comes after a restart, against librdkafka's mock cluster.

#[allow(dead_code, reason = "shared by several test files")]
mod common;

use common::*;
use event::outcome::{self, OutcomeKind};
use event::{Reject, RejectCode};
use pipeline::{Batch, Code, RecordBuffer, Resume, Sink};

#[tokio::test]
async fn events_arrive_in_order_per_entity_as_cloud_events() {
    let mock = cluster(1);
    let config = config(&mock);
    let mut mover = Mover::new(config.clone(), events(3_000));
    mover.open(&[]).await;
    mover.finish().await;
    assert_eq!(mover.troubles, []);
    let messages = read(&config, EVENTS);
    assert_eq!(check_order(&messages, 0..3_000), 0);
    let partitions: std::collections::BTreeSet<i32> =
        messages.iter().map(|message| message.partition).collect();
    assert!(partitions.len() > 1, "one partition only");
    for message in &messages {
        let number = message.sequence();
        let expected = serde_json::to_vec(&event(number).json()).expect("JSON");
        assert_eq!(message.value, expected);
        assert_eq!(message.key, Some(entity(number)));
        let cause = format!("{JOURNAL}/{}/0", number + 1_000);
        let headers = [
            ("ce_specversion", "1.0"),
            ("ce_type", "ioc.event.v1"),
            ("ce_source", "urn:ioc"),
            ("ce_id", &*event(number).id.to_string()),
            ("ce_subject", &*entity(number)),
            ("ce_time", &*event(number).observed.to_string()),
            ("ce_dataschema", "urn:ioc:event:v1"),
            ("content-type", "application/json"),
            ("ce_cause", &*cause),
            ("ce_sequence", &*format!("{number:020}")),
        ];
        let expected = headers.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(message.headers, expected.into());
    }
    mover.sink.close().await;
}

#[tokio::test]
async fn rejects_arrive_with_their_bytes_and_records_for_nobody_are_passed_over() {
    let mock = cluster(1);
    let config = config(&mock);
    let reject = Reject {
        code: RejectCode::PayloadNotJson,
        reason: "not JSON".to_owned(),
        client: "gauge-1".to_owned(),
        topic: "a/b".to_owned(),
        payload: vec![0xff, 0x01],
    };
    let mut payload = Vec::new();
    outcome::encode_reject(cause(0), &reject, &mut payload);
    let mut anonymous = Vec::new();
    let nobody = Reject {
        client: String::new(),
        topic: String::new(),
        ..reject.clone()
    };
    outcome::encode_reject(cause(1), &nobody, &mut anonymous);
    let mut copy = Vec::new();
    outcome::encode_copy(cause(2), b"whatever", &mut copy);
    let records = vec![
        record(0, OutcomeKind::Reject, payload),
        record(1, OutcomeKind::Reject, anonymous),
        record(2, OutcomeKind::ClockCopy, copy),
        event_record(3),
    ];
    let mut mover = Mover::new(config.clone(), records);
    mover.open(&[]).await;
    mover.finish().await;
    let rejects = read(&config, REJECTS);
    assert_eq!(rejects.len(), 2);
    let named = rejects.iter().find(|read| read.key.is_some());
    let named = named.expect("the one with a client");
    assert_eq!(named.key.as_deref(), Some("gauge-1"));
    assert_eq!(named.headers["ce_id"], format!("{JOURNAL}-1000-0"));
    let json: serde_json::Value = serde_json::from_slice(&named.value).expect("JSON");
    assert_eq!(json["payload_base64"], "/wE=");
    let nobody = rejects.iter().find(|read| read.key.is_none());
    assert_eq!(nobody.expect("the other").headers.get("ce_subject"), None);
    assert_eq!(read(&config, EVENTS).len(), 1);
    assert_eq!(read(&config, ALERTS).len(), 0);
}

#[tokio::test]
async fn a_restart_sends_only_what_a_partition_has_not() {
    let mock = cluster(1);
    let config = config(&mock);
    let mut before = Mover::new(config.clone(), events(150));
    before.open(&[]).await;
    mock.partition_leader(EVENTS, 2, None).expect("leaderless");
    before.submit_all().await;
    let others: Vec<u64> = {
        mock.partition_leader(EVENTS, 2, Some(1)).expect("a leader");
        before.finish().await;
        read(&config, EVENTS)
            .iter()
            .filter(|message| message.partition != 2)
            .map(Read::sequence)
            .collect()
    };
    assert!(others.len() < 150, "partition 2 has some");
    let note = before.sink.resume_note();
    assert!(note.len() < 64 * 1024);
    before.sink.close().await;
    drop(before);

    // The cursor that was stored lies far behind: all of it is submitted again, nothing is sent again.
    let mut after = Mover::new(config.clone(), events(200));
    after.open(&note).await;
    after.finish().await;
    assert_eq!(check_order(&read(&config, EVENTS), 0..200), 0);

    // Without a note everything comes again, with equal bytes.
    let mut careless = Mover::new(config.clone(), events(200));
    careless.open(&[]).await;
    careless.finish().await;
    assert_eq!(check_order(&read(&config, EVENTS), 0..200), 200);
}

/// Of the first 150 events.
const IN_PARTITION_1: i64 = 13;

/// Messages that a note says are in the topic of events.
fn delivered(note: &[u8]) -> i64 {
    let note: serde_json::Value = serde_json::from_slice(note).expect("JSON");
    let partitions = note["topics"][0]["partitions"].as_array();
    partitions
        .expect("partitions")
        .iter()
        .map(|place| place[1].as_i64().expect("an offset") + 1)
        .sum()
}

#[tokio::test]
async fn what_one_partition_has_while_another_waits_is_not_sent_again() {
    let mock = cluster(1);
    let mut config = config(&mock);
    config.close_timeout_ms = 100;
    let mut before = Mover::new(config.clone(), events(150));
    before.open(&[]).await;
    mock.partition_leader(EVENTS, 1, None).expect("leaderless");
    before.submit_all().await;
    let trouble = before.sink.troubles();
    until("the partition without leader is named", || {
        trouble.borrow().as_ref().is_some_and(|trouble| {
            trouble.code == Code::Leaderless && trouble.message.contains("ioc.events.v1/1")
        })
    })
    .await;
    until("the others have theirs", || {
        delivered(&before.sink.resume_note()) == 150 - IN_PARTITION_1
    })
    .await;
    // Killed here: no answer was ever given, and only the note tells what the other partitions have.
    let note = before.sink.resume_note();
    before.forget_flights();
    before.sink.close().await;
    drop(before);
    mock.partition_leader(EVENTS, 1, Some(1)).expect("a leader");
    let mut after = Mover::new(config.clone(), events(150));
    after.open(&note).await;
    after.finish().await;
    assert_eq!(check_order(&read(&config, EVENTS), 0..150), 0);
}

#[tokio::test]
async fn a_topic_made_anew_gets_everything_again() {
    let first = cluster(1);
    let mut before = Mover::new(config(&first), events(100));
    before.open(&[]).await;
    before.finish().await;
    let note = before.sink.resume_note();
    before.sink.close().await;
    drop(before);

    let second = cluster(1);
    let config = config(&second);
    let mut after = Mover::new(config.clone(), events(100));
    after.open(&note).await;
    after.finish().await;
    assert_eq!(check_order(&read(&config, EVENTS), 0..100), 0);
}

#[tokio::test]
async fn closing_delivers_what_is_on_its_way() {
    let mock = cluster(1);
    let mut config = config(&mock);
    config.linger_ms = 500;
    let mut mover = Mover::new(config.clone(), events(200));
    mover.open(&[]).await;
    mover.submit_all().await;
    mover.sink.close().await;
    mover.all_done().await;
    assert_eq!(check_order(&read(&config, EVENTS), 0..200), 0);
}

#[tokio::test]
async fn a_missing_topic_is_named() {
    let mock = rdkafka::mocking::MockCluster::new(1).expect("a mock cluster");
    mock.create_topic(EVENTS, 1, 1).expect("a topic");
    let mut mover = Mover::new(config(&mock), Vec::new());
    let trouble = open_once(&mut mover).await;
    assert_eq!(trouble.code, Code::NotFound);
    for topic in [ALERTS, CURRENT, REJECTS] {
        assert!(trouble.message.contains(topic), "{trouble}");
    }
    assert!(!trouble.message.contains(EVENTS), "{trouble}");
}

#[tokio::test]
async fn brokers_that_are_not_there_are_named_in_time() {
    let mock = cluster(1);
    let mut config = config(&mock);
    drop(mock);
    config.open_timeout_ms = 500;
    let brokers = config.brokers.clone();
    let mut mover = Mover::new(config, Vec::new());
    let started = std::time::Instant::now();
    let trouble = open_once(&mut mover).await;
    assert_eq!(trouble.code, Code::Unreachable, "{trouble}");
    assert!(trouble.message.contains(&brokers), "{trouble}");
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    let verdict = mover
        .sink
        .submit(Batch::of_records(RecordBuffer { records: events(1) }))
        .await
        .await;
    assert!(matches!(verdict, pipeline::Verdict::Retry { .. }));
}

async fn open_once(mover: &mut Mover) -> pipeline::Trouble {
    mover
        .sink
        .open(Resume {
            position: 0,
            note: &[],
            again: false,
        })
        .await
        .expect_err("cannot open")
}

const TRANSITION: &str = r#"{
    "change": "revised", "by": null, "command_id": null,
    "alert": {
        "id": "ALERT", "rule": "level", "severity": "major", "status": "actual", "stream": "disaster",
        "site": "lao-cai", "entity": "river-1", "entity_name": TEXT, "area": null, "area_name": null,
        "lat": null, "lon": null, "state": "unacknowledged", "revision": REVISION,
        "since": TIME, "raised": TIME, "changed": TIME, "returned": null,
        "acknowledged": null, "shelved": null, "comments": [], "occurrences": 1, "retrospective": false,
        "measure": null, "value": null, "unit": null, "message": TEXT, "guidance": TEXT, "scale": [],
        "unofficial": false,
        "evidence": { "rule": "level", "rule_version": 1, "condition": "x > 1", "hold_seconds": 0,
                      "values": [], "limits": [], "last_heard": null }
    }
}"#;

fn transition(offset: u64, alert: &str, revision: u64) -> pipeline::Record {
    transition_of(offset, alert, revision, "actual")
}

fn transition_of(offset: u64, alert: &str, revision: u64, status: &str) -> pipeline::Record {
    let text = TRANSITION
        .replace("ALERT", alert)
        .replace("\"actual\"", &format!("\"{status}\""))
        .replace("REVISION", &revision.to_string())
        .replace("TIME", "\"2026-11-22T03:04:05Z\"")
        .replace("TEXT", r#"{ "vi": "nước lên", "en": "water rises" }"#);
    let transition: event::Transition = serde_json::from_str(&text).expect("a transition");
    let mut payload = Vec::new();
    outcome::encode_transition(cause(offset), &transition, &mut payload).expect("encodable");
    record(offset, OutcomeKind::Transition, payload)
}

#[tokio::test]
async fn a_transition_goes_to_the_history_and_to_the_latest_state() {
    let mock = cluster(1);
    let config = config(&mock);
    let records = (0..30)
        .map(|number| transition(number, &format!("level:river-{}:1", number % 3), number))
        .collect();
    let mut mover = Mover::new(config.clone(), records);
    mover.open(&[]).await;
    mover.finish().await;
    for (topic, kind) in [
        (ALERTS, "ioc.alert.transition.v1"),
        (CURRENT, "ioc.alert.v1"),
    ] {
        let messages = read(&config, topic);
        assert_eq!(check_order(&messages, 0..30), 0);
        for message in &messages {
            let number = message.sequence();
            let alert = format!("level:river-{}:1", number % 3);
            assert_eq!(message.headers["ce_type"], kind);
            assert_eq!(message.headers["ce_id"], format!("{alert}/{number}"));
            assert_eq!(message.key.as_ref(), Some(&alert));
            let json: serde_json::Value = serde_json::from_slice(&message.value).expect("JSON");
            let body = if topic == ALERTS {
                &json["alert"]
            } else {
                &json
            };
            assert_eq!(body["revision"], number);
            assert_eq!(json["version"], 1);
        }
    }
    assert_eq!(read(&config, EVENTS).len(), 0);
}

#[tokio::test]
async fn cap_messages_have_a_topic_where_it_is_named() {
    let mock = cluster(1);
    mock.create_topic("cap", common::PARTITIONS, 1)
        .expect("a topic");
    let config = kafka::KafkaConfig {
        topic_cap: "cap".to_owned(),
        ..config(&mock)
    };
    let source = kafka::CapSource {
        config: cap::CapConfig::default(),
        zone_seconds: 7 * 3_600,
        released: Vec::new(),
    };
    let sink = kafka::KafkaSink::new(config.clone(), JOURNAL).with_cap(source);
    let records = vec![
        event_record(0),
        transition(1, "level:river-1:1", 2),
        transition(2, "level:river-2:1", 2),
    ];
    let mut mover = Mover::of(sink, records);
    mover.open(&[]).await;
    mover.finish().await;
    let messages = read(&config, "cap");
    assert_eq!(check_order(&messages, 1..3), 0);
    for message in &messages {
        let alert = format!("level:river-{}:1", message.sequence());
        assert_eq!(message.key.as_ref(), Some(&alert));
        assert_eq!(message.headers["ce_type"], "ioc.cap.v1");
        assert_eq!(message.headers["content-type"], "application/cap+xml");
        assert_eq!(message.headers["ce_id"], format!("{alert}.2"));
        let xml = String::from_utf8(message.value.clone()).expect("UTF-8");
        assert!(xml.contains("<msgType>Update</msgType>"), "{xml}");
        let first =
            format!("<references>ioc.local,{alert}.1,2026-11-22T10:04:05+07:00</references>");
        assert!(xml.contains(&first), "{xml}");
    }
    assert_eq!(read(&config, ALERTS).len(), 2);
}

/// A drill beside the real thing: nothing crosses, with a topic of drills and without.
#[tokio::test]
async fn drills_go_to_a_topic_of_their_own_or_nowhere() {
    for named in [true, false] {
        let mock = cluster(1);
        for topic in ["drills", "cap"] {
            mock.create_topic(topic, common::PARTITIONS, 1)
                .expect("a topic");
        }
        let config = kafka::KafkaConfig {
            topic_drills: if named { "drills" } else { "" }.to_owned(),
            topic_cap: "cap".to_owned(),
            ..config(&mock)
        };
        let source = kafka::CapSource {
            config: cap::CapConfig::default(),
            zone_seconds: 7 * 3_600,
            released: Vec::new(),
        };
        let drill = |offset, status| {
            let event = event::Event {
                status,
                ..common::event(offset)
            };
            common::event_record_of(offset, &event)
        };
        let records = vec![
            event_record(0),
            drill(1, event::Status::Exercise),
            drill(2, event::Status::Test),
            transition(3, "level:river-1:1", 2),
            transition_of(4, "level:river-2:1", 2, "exercise"),
            transition_of(5, "level:river-2:1", 3, "test"),
        ];
        let sink = kafka::KafkaSink::new(config.clone(), JOURNAL).with_cap(source);
        let mut mover = Mover::of(sink, records);
        mover.open(&[]).await;
        mover.finish().await;
        let offsets = |topic| {
            let read = read(&config, topic);
            let mut all: Vec<u64> = read.iter().map(Read::sequence).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(offsets(EVENTS), [0]);
        for topic in [ALERTS, CURRENT, "cap"] {
            assert_eq!(offsets(topic), [3], "{topic}");
        }
        let drills = read(&config, "drills");
        if !named {
            assert!(drills.is_empty());
            continue;
        }
        let mut types: Vec<_> = (drills.iter())
            .map(|message| (message.sequence(), message.headers["ce_type"].as_str()))
            .collect();
        types.sort_unstable();
        assert_eq!(
            types,
            [
                (1, "ioc.event.v1"),
                (2, "ioc.event.v1"),
                (4, "ioc.alert.transition.v1"),
                (5, "ioc.alert.transition.v1"),
            ]
        );
    }
}
