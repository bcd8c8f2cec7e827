//! What the sink sends, and how it opens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test program"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::asking::{START, answered, config, done, line_of, offsets, three, verdict, without};
use common::server::{Reply, Server};
use common::{T0, batch, batch_of, event_record, level, record, transition, transition_record};
use event::Change;
use event::outcome::OutcomeKind;
use influxdb::{InfluxConfig, InfluxSink};
use influxdb_line_protocol::parse_lines;
use pipeline::{Code, Sink};

#[tokio::test]
async fn a_stored_batch_is_done() {
    let (verdict, requests) = verdict(vec![Reply::stored()]).await;
    assert_eq!(done(verdict), []);
    let [request] = &requests[..] else {
        panic!("{requests:?}");
    };
    assert_eq!(
        request.target,
        "POST /api/v2/write?bucket=river+data&org=lao-cai&precision=ns"
    );
    assert_eq!(request.header("authorization"), Some("Token t0k3n"));
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    let expected = [
        line_of("a", "1.5"),
        line_of("b", "2.5"),
        line_of("c", "3.5"),
    ];
    assert_eq!(request.body.lines().collect::<Vec<_>>(), expected);
    assert!(parse_lines(&request.body).all(|line| line.is_ok()));
}

#[tokio::test]
async fn without_gzip_the_body_is_plain() {
    let server = Server::start(vec![Reply::stored()]).await;
    let mut sink = InfluxSink::new(&InfluxConfig {
        gzip: false,
        ..config(&server.url)
    })
    .unwrap();
    assert_eq!(done(answered(&mut sink, three()).await), []);
    let request = server.requests().remove(0);
    assert_eq!(request.header("content-encoding"), None);
    assert_eq!(request.body.lines().count(), 3);
}

#[tokio::test]
async fn requests_are_under_way_together() {
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let replies = vec![
        Reply::Together(Arc::clone(&barrier)),
        Reply::Together(barrier),
    ];
    let server = Server::start(replies).await;
    let mut sink = InfluxSink::new(&config(&server.url)).unwrap();
    let first = sink.submit(three()).await;
    let second = sink.submit(batch_of(13, &[level("d", T0, 4.5)])).await;
    let both = async { tokio::join!(first, second) };
    let (first, second) = tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .expect("both");
    assert_eq!((done(first), done(second)), (vec![], vec![]));
}

#[tokio::test]
async fn records_that_have_no_line_cost_no_request() {
    let nothing = Server::start(Vec::new()).await;
    let mut sink = InfluxSink::new(&config(&nothing.url)).unwrap();
    let mut payload = Vec::new();
    event::outcome::encode_copy(
        event::outcome::Cause {
            offset: 1,
            index: 0,
            last: true,
        },
        b"bytes",
        &mut payload,
    );
    let records = vec![
        record(20, OutcomeKind::ClockCopy, payload.clone()),
        record(21, OutcomeKind::NodeCopy, payload),
        record(22, OutcomeKind::Event, vec![1, 2, 3]),
        event_record(23, &level("late", i64::MAX, 1.0)),
    ];
    let refused = done(answered(&mut sink, batch(records)).await);
    assert_eq!(offsets(&refused), [22, 23]);
    assert!(
        refused[0].reason.contains("cannot be read"),
        "{}",
        refused[0].reason
    );
    assert!(refused[1].reason.contains("2262"), "{}", refused[1].reason);
    assert_eq!(nothing.requests().len(), 0);
}

/// What was refused here joins what the server refuses.
#[tokio::test]
async fn refused_here_and_there_are_told_together() {
    let records = vec![
        record(20, OutcomeKind::Event, vec![1, 2, 3]),
        event_record(21, &level("a", T0, 1.5)),
        transition_record(22, &transition(Change::Raised, 1, T0)),
    ];
    let message = format!("unable to parse '{}': bad", line_of("a", "1.5"));
    let server = Server::start(vec![Reply::error(400, &message), Reply::stored()]).await;
    let mut sink = InfluxSink::new(&config(&server.url)).unwrap();
    assert_eq!(
        offsets(&without(answered(&mut sink, batch(records.clone())).await)),
        [21, 20]
    );
    assert_eq!(
        offsets(&done(answered(&mut sink, batch(records)).await)),
        [20]
    );
}

#[tokio::test]
async fn opening_needs_only_the_right_to_write() {
    let server = Server::start(vec![Reply::stored(), Reply::error(404, "no health here")]).await;
    let mut sink = InfluxSink::new(&config(&server.url)).unwrap();
    sink.open(START).await.unwrap();
    let requests = server.requests();
    assert!(requests[0].target.starts_with("POST /api/v2/write?"));
    assert_eq!(requests[0].body, "# ioc\n");
    assert_eq!(requests[1].target, "GET /health");
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn opening_says_what_is_wrong() {
    let replies = vec![
        Reply::error(403, "insufficient permissions for write"),
        Reply::error(404, "bucket not found"),
    ];
    let server = Server::start(replies).await;
    let mut sink = InfluxSink::new(&config(&server.url)).unwrap();
    assert_eq!(sink.open(START).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(sink.open(START).await.unwrap_err().code, Code::NotFound);
    assert_eq!(
        server.requests().len(),
        2,
        "no bucket is made unless configured"
    );

    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let mut sink = InfluxSink::new(&config(&url)).unwrap();
    let trouble = sink.open(START).await.unwrap_err();
    assert_eq!(trouble.code, Code::Unreachable);
    assert!(trouble.message.contains(&url), "{trouble}");
}

#[tokio::test]
async fn a_missing_bucket_is_made_if_configured() {
    let orgs = serde_json::json!({ "orgs": [{ "id": "0123456789abcdef", "name": "lao-cai" }] });
    let replies = vec![
        Reply::error(404, "bucket \"river data\" not found"),
        Reply::Status(200, orgs.to_string()),
        Reply::Status(201, "{}".to_owned()),
        Reply::stored(),
        Reply::error(404, "no health here"),
    ];
    let server = Server::start(replies).await;
    let config = InfluxConfig {
        create_bucket: true,
        retention_days: 2,
        ..config(&server.url)
    };
    InfluxSink::new(&config).unwrap().open(START).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[1].target, "GET /api/v2/orgs?org=lao-cai");
    assert_eq!(requests[2].target, "POST /api/v2/buckets");
    assert_eq!(
        requests[2].body,
        r#"{"orgID":"0123456789abcdef","name":"river data","retentionRules":[{"type":"expire","everySeconds":172800}]}"#
    );
}

#[test]
fn wrong_settings_are_told_at_once() {
    let error = |config: InfluxConfig| {
        InfluxSink::new(&config)
            .err()
            .expect("an error")
            .to_string()
    };
    assert!(error(config("http://host/sub/path")).contains("path"));
    assert!(error(config("nonsense")).contains("nonsense"));
    let missing = InfluxConfig {
        ca_file: "/no/such.pem".into(),
        ..config("https://host")
    };
    assert!(error(missing).contains("/no/such.pem"));
}
