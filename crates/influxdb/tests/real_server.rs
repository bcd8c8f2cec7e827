//! Against a real InfluxDB 2: the one that `make services` started and `target/services.env` names.
//!
//! Ignored by default, because it needs that server: `cargo test -p influxdb --test real_server -- --ignored`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test program"
)]

mod common;

use std::collections::BTreeMap;

use common::asking::{START, answered, done, offsets};
use common::influxd::{Influxd, key, number_or_text};
use common::{
    T0, batch, batch_of, event_record, level, measured, reading, transition, transition_record,
};
use event::{Change, Event, Kind, Quality, Status, Stream, Value};
use influxdb::line::Columns;
use influxdb::{InfluxConfig, InfluxSink, Lines};
use influxdb_line_protocol::{FieldValue, parse_lines};
use pipeline::{Code, Sink, Trouble, Verdict};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest_011 as reqwest;
use serde_json::{Value as Json, json};

/// The same, of lines of ours, by an independent parser.
fn content_of(lines: &Lines) -> BTreeMap<String, String> {
    let mut expected = BTreeMap::new();
    for line in parse_lines(std::str::from_utf8(lines.text()).unwrap()).map(Result::unwrap) {
        let tags = line.series.tag_set.iter().flatten();
        let tags: Vec<_> = tags.map(|(key, value)| format!("{key}={value}")).collect();
        for (field, value) in &line.field_set {
            let value = match value {
                FieldValue::F64(number) => number_or_text(&number.to_string()),
                FieldValue::String(text) => number_or_text(text),
                other => panic!("{other:?}"),
            };
            let field = key(
                &line.series.measurement,
                &tags,
                line.timestamp.unwrap(),
                field,
            );
            expected.insert(field, value);
        }
    }
    expected
}

async fn trouble_of(config: &InfluxConfig) -> Trouble {
    InfluxSink::new(config)
        .unwrap()
        .open(START)
        .await
        .unwrap_err()
}

/// Names and texts as a hostile publisher would choose them; other control characters than these do not survive CSV.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        r#"[a-zĐđữ,= "\\\n\r\t%#'0-9]{1,12}"#,
        Just(r"ends with \".to_owned()),
        Just("a v=1 1\nenergy,entity=x v=2 2".to_owned()),
        Just("\0\u{1}\u{7f}".to_owned()),
    ]
}

fn hostile_events(count: i64) -> Vec<Event> {
    let mut runner = TestRunner::deterministic();
    let strategy = (
        (hostile(), hostile(), hostile()),
        proptest::collection::btree_map(hostile(), (hostile(), any::<f64>(), 0..8_u16), 1..4),
    );
    let one = |at: i64| {
        let ((site, entity, device), values) = strategy.new_tree(&mut runner).unwrap().current();
        let values = values
            .into_iter()
            .flat_map(|(measure, (code, number, quality))| {
                let number = if number.is_finite() { number } else { 0.5 };
                let mut pair = [
                    measured(&measure, Value::Number(number)),
                    measured(&format!("{measure}x"), Value::Code(code.into())),
                ];
                pair[0].quality = Quality(quality);
                pair
            });
        let mut event = reading(&entity, T0 + at, values.collect());
        event.site = site.into();
        event.device = device.into();
        (event.kind, event.status, event.stream) = (Kind::State, Status::Exercise, Stream::Tourism);
        event
    };
    (0..count).map(one).collect()
}

#[tokio::test]
#[ignore = "needs the real servers: make services"]
async fn what_is_written_is_queried() {
    let server = Influxd::find();
    server.fresh_bucket("t-escapes", 0).await;
    let mut records: Vec<_> = (0..)
        .zip(&hostile_events(300))
        .map(|(offset, event)| event_record(offset, event))
        .collect();
    let offset = records.len() as u64;
    records.push(transition_record(
        offset,
        &transition(Change::Raised, 1, T0),
    ));
    records.push(transition_record(
        offset + 1,
        &transition(Change::Revised, 2, T0),
    ));
    let batch = batch(records);
    let mut lines = Lines::default();
    let config = InfluxConfig {
        event_id: true,
        ..server.config("t-escapes")
    };
    lines.fill(
        &batch,
        Columns {
            event_id: true,
            device: true,
        },
    );

    let mut sink = InfluxSink::new(&config).unwrap();
    sink.open(START).await.unwrap();
    // Twice: what comes again overwrites itself.
    for _ in 0..2 {
        assert_eq!(done(answered(&mut sink, batch.clone()).await), []);
        let found = server.content("t-escapes").await;
        let expected = content_of(&lines);
        assert!(expected.len() > 900, "{}", expected.len());
        for (key, value) in &expected {
            assert_eq!(found.get(key), Some(value), "{key}");
        }
        assert_eq!(found.len(), expected.len());
    }
}

#[tokio::test]
#[ignore = "needs the real servers: make services"]
async fn a_line_that_is_refused_is_found() {
    let server = Influxd::find();
    server.fresh_bucket("t-bad-line", 0).await;
    let mut sink = InfluxSink::new(&server.config("t-bad-line")).unwrap();
    let long = "x".repeat(70_000);
    let events = [
        level("a", T0, 1.0),
        level(&long, T0, 2.0),
        level("b", T0, 3.0),
        level(&long, T0 + 1, 4.0),
    ];
    let Verdict::Without { refused } = answered(&mut sink, batch_of(10, &events)).await else {
        panic!("not without");
    };
    assert_eq!(offsets(&refused), [11, 13]);
    assert!(
        refused[0].reason.contains("max key length exceeded"),
        "{}",
        refused[0].reason
    );
    assert_eq!(
        server.content("t-bad-line").await.len(),
        0,
        "nothing of the batch is stored"
    );
    let rest = [event_record(10, &events[0]), event_record(12, &events[2])];
    assert_eq!(done(answered(&mut sink, batch(rest.to_vec())).await), []);
    assert_eq!(server.content("t-bad-line").await.len(), 2);
}

#[tokio::test]
#[ignore = "needs the real servers: make services"]
async fn a_conflict_of_types_costs_only_those_lines() {
    let server = Influxd::find();
    server.fresh_bucket("t-conflict", 0).await;
    server
        .write_by_hand(
            "t-conflict",
            &format!("energy,entity=foreign level=1i,power=1i {T0}"),
        )
        .await;
    let power = |entity: &str| reading(entity, T0 + 1, vec![measured("power", Value::Number(1.0))]);
    let mut code = reading("c", T0 + 1, vec![measured("mode", Value::Code("x".into()))]);
    code.stream = Stream::Energy;
    let events = [
        level("a", T0 + 1, 1.0),
        code.clone(),
        level("b", T0 + 1, 3.0),
    ];
    let mut sink = InfluxSink::new(&server.config("t-conflict")).unwrap();
    let refused = done(answered(&mut sink, batch_of(10, &events)).await);
    assert_eq!(offsets(&refused), [10, 12]);
    assert!(
        refused[0].reason.contains("field type conflict"),
        "{}",
        refused[0].reason
    );
    // The foreign two and the one that fits.
    assert_eq!(server.content("t-conflict").await.len(), 3);

    // Two conflicts at once: the message names one, so the batch is to be halved.
    let events = [level("a", T0 + 1, 1.0), code, power("b")];
    let Verdict::Split(trouble) = answered(&mut sink, batch_of(10, &events)).await else {
        panic!("not split");
    };
    assert_eq!(trouble.code, Code::BadRecord);
}

#[tokio::test]
#[ignore = "needs the real servers: make services"]
async fn what_is_older_than_the_bucket_keeps_is_refused() {
    let server = Influxd::find();
    server.fresh_bucket("t-retention", 3_600).await;
    let mut sink = InfluxSink::new(&server.config("t-retention")).unwrap();
    let old = [level("a", T0, 1.0), level("b", T0, 2.0)];
    let refused = done(answered(&mut sink, batch_of(10, &old)).await);
    assert_eq!(offsets(&refused), [10, 11]);
    assert!(
        refused[0].reason.contains("retention"),
        "{}",
        refused[0].reason
    );
    // 2100: kept. Which of the two is too old the server does not say.
    let mixed = [
        level("a", T0, 1.0),
        level("b", 4_102_444_800_000_000_000, 2.0),
    ];
    let verdict = answered(&mut sink, batch_of(10, &mixed)).await;
    assert!(matches!(verdict, Verdict::Split(_)), "{verdict:?}");
}

#[tokio::test]
#[ignore = "needs the real servers: make services"]
async fn wrong_settings_are_explained() {
    let server = Influxd::find();
    let sound = server.config("t-none");
    server.drop_bucket("t-none").await;
    let trouble = trouble_of(&sound).await;
    assert_eq!(trouble.code, Code::NotFound);
    assert!(trouble.message.contains("bucket \"t-none\""), "{trouble}");
    let trouble = trouble_of(&InfluxConfig {
        token: "wrong".to_owned().into(),
        ..sound.clone()
    })
    .await;
    assert_eq!(trouble.code, Code::Unauthenticated);
    let trouble = trouble_of(&InfluxConfig {
        org: "nobody".to_owned(),
        ..sound.clone()
    })
    .await;
    assert_eq!(trouble.code, Code::NotFound);
    assert!(trouble.message.contains("influxdb.org"), "{trouble}");

    let making = InfluxConfig {
        create_bucket: true,
        retention_days: 30,
        ..sound
    };
    InfluxSink::new(&making).unwrap().open(START).await.unwrap();
    InfluxSink::new(&server.config("t-none"))
        .unwrap()
        .open(START)
        .await
        .unwrap();
    server.drop_bucket("t-none").await;
}

/// T23: a token that may write to one bucket and nothing else is enough, and can indeed not read.
#[tokio::test]
#[ignore = "needs the real servers: make services"]
async fn a_token_that_only_writes_is_enough() {
    let server = Influxd::find();
    let bucket = server.fresh_bucket("t-write-only", 0).await;
    let org = server.org_id().await;
    let right =
        json!({ "action": "write", "resource": { "type": "buckets", "id": bucket, "orgID": org } });
    let wanted = json!({ "orgID": org, "description": "t-write-only", "permissions": [right] });
    let made = server
        .api(reqwest::Method::POST, "/api/v2/authorizations", &wanted)
        .await;
    let (token, id) = (
        made["token"].as_str().unwrap(),
        made["id"].as_str().unwrap(),
    );
    let config = InfluxConfig {
        token: token.to_owned().into(),
        ..server.config("t-write-only")
    };
    let mut sink = InfluxSink::new(&config).unwrap();
    sink.open(START).await.unwrap();
    assert_eq!(
        done(answered(&mut sink, batch_of(0, &[level("a", T0, 1.0)])).await),
        []
    );
    assert_eq!(server.content("t-write-only").await.len(), 1);
    let (status, answer) = server.flux("t-write-only", token, "").await;
    assert_ne!(status, 200, "it can read: {answer}");

    // Revoked while in use (F43), and a bucket that it has no right to.
    server.fresh_bucket("t-other", 0).await;
    let other = InfluxConfig {
        bucket: "t-other".to_owned(),
        ..config
    };
    let code = trouble_of(&other).await.code;
    assert!(matches!(code, Code::Forbidden | Code::NotFound), "{code:?}");
    server
        .api(
            reqwest::Method::DELETE,
            &format!("/api/v2/authorizations/{id}"),
            &Json::Null,
        )
        .await;
    let verdict = answered(&mut sink, batch_of(0, &[level("a", T0, 1.0)])).await;
    let Verdict::Retry { trouble, .. } = verdict else {
        panic!("not retried: {verdict:?}");
    };
    assert_eq!(trouble.code, Code::Unauthenticated);
}
