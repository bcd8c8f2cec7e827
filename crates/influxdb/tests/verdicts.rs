//! Every answer a server can give, and what it means for the records.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test program"
)]

mod common;

use common::asking::{
    answered, config, done, line_of, offsets, retried, split, three, verdict, without,
};
use common::server::{Reply, Server};
use common::{T0, batch_of, level};
use influxdb::{InfluxConfig, InfluxSink};
use influxdb_line_protocol::parse_lines;
use pipeline::Code;

/// F39: the quoted line goes to quarantine with the server's reason, the others come again.
#[tokio::test]
async fn a_quoted_line_is_left_out() {
    let message = format!(
        "unable to parse '{}': time outside range",
        line_of("b", "2.5")
    );
    let (verdict, requests) = verdict(vec![Reply::error(400, &message)]).await;
    let refused = without(verdict);
    assert_eq!(offsets(&refused), [11]);
    assert_eq!(refused[0].reason, "400: time outside range");
    assert_eq!(requests.len(), 1, "no probe where the words tell");
}

#[tokio::test]
async fn several_quoted_lines_are_left_out() {
    let message = format!(
        "unable to parse '{}': missing tag value\nunable to parse '{}': invalid boolean",
        line_of("c", "3.5"),
        line_of("a", "1.5")
    );
    let (verdict, _) = verdict(vec![Reply::error(400, &message)]).await;
    let refused = without(verdict);
    assert_eq!(offsets(&refused), [12, 10]);
    assert_eq!(refused[1].reason, "400: invalid boolean");
}

/// A publisher writes the server's words into a text, to get another's record refused.
#[tokio::test]
async fn a_quotation_within_a_line_is_not_the_servers() {
    let mut bad = level("x", T0, 1.0);
    bad.device = format!("\nunable to parse '{}': ha", line_of("b", "2.5")).into();
    let events = [level("b", T0, 2.5), bad];
    let server = Server::start(vec![Reply::stored()]).await;
    let mut sink = InfluxSink::new(&config(&server.url)).unwrap();
    done(answered(&mut sink, batch_of(10, &events)).await);
    let body = server.requests().remove(0).body;
    let bad_line = body.split_once('\n').unwrap().1.trim_end().to_owned();

    let message = format!("unable to parse '{bad_line}': some reason");
    let server = Server::start(vec![Reply::error(400, &message)]).await;
    let mut sink = InfluxSink::new(&config(&server.url)).unwrap();
    let refused = without(answered(&mut sink, batch_of(10, &events)).await);
    assert_eq!(offsets(&refused), [11]);
}

/// InfluxDB 3 names number and beginning of a line.
#[tokio::test]
async fn a_numbered_line_is_believed_if_it_begins_so() {
    let fault = |line: &str| {
        let fault =
            serde_json::json!({ "original_line": line, "line_number": 2, "error_message": "bad" });
        let body = serde_json::json!({ "error": "partial write of line protocol occurred", "data": [fault] });
        Reply::Status(400, body.to_string())
    };
    let (right, _) = verdict(vec![fault(&line_of("b", "2.5")[..40])]).await;
    assert_eq!(offsets(&without(right)), [11]);
    let (wrong, _) = verdict(vec![fault(&line_of("a", "1.5")), Reply::stored()]).await;
    assert_eq!(split(wrong).code, Code::BadRecord);
}

/// Words that name no line of ours: a request without lines tells whether the lines are at fault.
#[tokio::test]
async fn an_unclear_400_is_probed() {
    for message in [
        "something is wrong",
        "unable to parse 'energy other=1': bad",
    ] {
        let unclear = || Reply::error(400, message);
        let (lines_at_fault, requests) = verdict(vec![unclear(), Reply::stored()]).await;
        let trouble = split(lines_at_fault);
        assert_eq!(trouble.code, Code::BadRecord);
        assert!(trouble.message.contains(message), "{trouble}");
        assert_eq!(
            parse_lines(&requests[1].body).count(),
            0,
            "a probe writes nothing"
        );

        let (request_at_fault, _) = verdict(vec![unclear(), unclear()]).await;
        assert_eq!(retried(request_at_fault).code, Code::Configuration);
        let (token_at_fault, _) =
            verdict(vec![unclear(), Reply::error(401, "unauthorized access")]).await;
        assert_eq!(retried(token_at_fault).code, Code::Unauthenticated);
    }
}

fn conflict(field: &str, measurement: &str, kind: &str, dropped: u64) -> Reply {
    Reply::error(
        422,
        &format!(
            "failure writing points to database: partial write: field type conflict: input field \"{field}\" on \
             measurement \"{measurement}\" is type {kind}, already exists as type integer dropped={dropped}"
        ),
    )
}

/// F39, F40: the others are stored; those that conflict go to quarantine and nothing is sent again.
#[tokio::test]
async fn a_partial_write_is_done_without_the_dropped() {
    let mut other = level("b", T0, 2.5);
    other.values[0].measure = "power".into();
    let events = [level("a", T0, 1.5), other, level("c", T0, 3.5)];
    for (reply, expected) in [
        (conflict("level", "energy", "float", 2), vec![10, 12]),
        (conflict("power", "energy", "float", 1), vec![11]),
        (conflict("anything", "energy", "float", 3), vec![10, 11, 12]),
    ] {
        let server = Server::start(vec![reply]).await;
        let mut sink = InfluxSink::new(&config(&server.url)).unwrap();
        let refused = done(answered(&mut sink, batch_of(10, &events)).await);
        assert_eq!(offsets(&refused), expected);
        assert!(
            refused[0].reason.contains("field type conflict"),
            "{}",
            refused[0].reason
        );
        assert_eq!(server.requests().len(), 1);
    }
}

/// The message names one reason only: if the counts differ there is another, and only halving finds it.
#[tokio::test]
async fn a_partial_write_that_is_not_explained_is_split() {
    for reply in [
        conflict("level", "energy", "float", 2),
        conflict("level", "energy", "string", 1),
        conflict("level", "energ", "float", 2),
        Reply::error(
            422,
            "partial write: points beyond retention policy dropped=1",
        ),
        Reply::error(422, "some other words"),
        Reply::Status(422, "not even JSON".to_owned()),
    ] {
        let (verdict, requests) = verdict(vec![reply]).await;
        assert_eq!(split(verdict).code, Code::BadRecord);
        assert_eq!(requests.len(), 1);
    }
    let beyond = Reply::error(
        422,
        "partial write: points beyond retention policy dropped=3",
    );
    let (verdict, _) = verdict(vec![beyond]).await;
    assert_eq!(offsets(&done(verdict)), [10, 11, 12]);
}

/// F43 and the like: no record is lost to a set-up, whatever it is.
#[tokio::test]
async fn trouble_with_the_setup_is_retried_and_explained() {
    for (status, message, code, advice) in [
        (
            401,
            "unauthorized access",
            Code::Unauthenticated,
            "influxdb.token",
        ),
        (
            403,
            "insufficient permissions for write",
            Code::Forbidden,
            "right",
        ),
        (
            404,
            "bucket \"river data\" not found",
            Code::NotFound,
            "create it",
        ),
        (
            404,
            "organization name \"lao-cai\" not found",
            Code::NotFound,
            "influxdb.org",
        ),
        (404, "page not found", Code::NotFound, "influxdb.url"),
        (200, "welcome", Code::Configuration, "influxdb.url"),
        (302, "moved", Code::Configuration, "influxdb.url"),
        (402, "pay", Code::Other, "does not take"),
    ] {
        let (verdict, requests) = verdict(vec![Reply::error(status, message)]).await;
        let trouble = retried(verdict);
        assert_eq!(trouble.code, code, "{status}");
        assert!(trouble.message.contains(advice), "{trouble}");
        assert!(
            trouble.message.contains(&status.to_string()) && trouble.message.contains(message),
            "{trouble}"
        );
        assert!(!trouble.message.contains("t0k3n"));
        assert_eq!(requests.len(), 1, "a redirect is not followed");
    }
}

/// F38: the mover backs off; influxdb2 drops the headers, so `Retry-After` is not seen.
#[tokio::test]
async fn a_busy_server_is_asked_again() {
    for (status, code) in [
        (408, Code::TimedOut),
        (429, Code::RateLimited),
        (500, Code::Unavailable),
        (503, Code::Unavailable),
        (507, Code::Unavailable),
    ] {
        let (verdict, _) = verdict(vec![Reply::error(status, "later")]).await;
        assert_eq!(retried(verdict).code, code);
    }
}

#[tokio::test]
async fn too_large_is_split() {
    let page = "<html><h1>413 Request Entity Too Large</h1></html>".to_owned();
    let (verdict, _) = verdict(vec![Reply::Status(413, page)]).await;
    let trouble = split(verdict);
    assert_eq!(trouble.code, Code::TooLarge);
    assert!(trouble.message.contains("batch_lines"), "{trouble}");
}

/// F41: whether it was stored is not known; the same bytes are sent again.
#[tokio::test]
async fn a_lost_answer_is_resent_alike() {
    for lost in [Reply::Cut, Reply::Half(503), Reply::Half(200)] {
        let server = Server::start(vec![lost, Reply::stored()]).await;
        let mut sink = InfluxSink::new(&config(&server.url)).unwrap();
        let trouble = retried(answered(&mut sink, three()).await);
        assert_eq!(trouble.code, Code::Unreachable);
        assert_eq!(done(answered(&mut sink, three()).await), []);
        let requests = server.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].body, requests[1].body);
    }
}

/// F44: only the request waits, and not for ever.
#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let server = Server::start(vec![Reply::Silent]).await;
    let mut sink = InfluxSink::new(&InfluxConfig {
        request_timeout_ms: 100,
        ..config(&server.url)
    })
    .unwrap();
    assert_eq!(
        retried(answered(&mut sink, three()).await).code,
        Code::TimedOut
    );
}
