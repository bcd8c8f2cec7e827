//! Commands: what is refused before anything is recorded, and the way of the verdict.

use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};

use super::{App, Got, openapi, request};
use crate::node::{Node, until};
use crate::{ConsoleConfig, sample};

const ID: &str = "river-bd3:wl-bao-ha:j-1";

async fn app(config: ConsoleConfig) -> App {
    let node = Node::new();
    let alert = sample::alert(ID, node.now());
    App::on(node, config, vec![alert]).await
}

async fn post(app: &App, action: &str, body: &Value) -> Got {
    let request = request("POST", &format!("/api/v1/alerts/{ID}/{action}"))
        .header("Content-Type", "application/json")
        .header("Origin", "http://127.0.0.1:8080")
        .body(Body::from(body.to_string()))
        .unwrap();
    app.send(request).await
}

fn monitor(app: &App) -> tokio::task::JoinHandle<()> {
    app.node.spawn_monitor(sample::alert(ID, app.node.now()))
}

#[tokio::test]
async fn an_acknowledgement_is_recorded_and_answered_with_the_verdict() {
    let app = app(ConsoleConfig::default()).await;
    let _monitor = monitor(&app);
    let body = json!({ "command_id": "c-1", "operator": " Lan ", "seen_state": "unacknowledged", "seen_revision": 1 });
    let got = post(&app, "acknowledge", &body).await;
    assert_eq!(got.status, 200, "{}", String::from_utf8_lossy(&got.body));
    openapi::conforms("Answer", &got.json());
    assert_eq!(
        got.json()["verdict"]["alert"]["acknowledged"]["operator"],
        "Lan"
    );
    assert_eq!(got.json()["verdict"]["command_id"], "c-1");

    // The same command again: the same verdict, and no second record.
    let again = post(&app, "acknowledge", &body).await;
    assert_eq!(again.json(), got.json());
    assert_eq!(app.node.inputs.next_offset(), 1);

    // Another one that saw the old state is refused by the monitor.
    let late = json!({ "operator": "Minh", "seen_state": "unacknowledged", "seen_revision": 1 });
    let refused = post(&app, "acknowledge", &late).await;
    assert_eq!(refused.status, 409);
    openapi::conforms("Answer", &refused.json());
    assert_eq!(refused.json()["verdict"]["refusal"], "state_changed");
    assert_ne!(refused.json()["verdict"]["command_id"], "");

    app.caught_up().await;
    let detail = app.get(&format!("/api/v1/alerts/{ID}")).await.json();
    assert_eq!(detail["alert"]["state"], "acknowledged");
    assert_eq!(detail["history"][0]["by"], "Lan");
}

#[tokio::test]
async fn the_same_command_twice_at_once_waits_for_one_verdict() {
    let app = app(ConsoleConfig::default()).await;
    let body = json!({ "command_id": "c-2", "operator": "Lan" });
    let both = async {
        tokio::join!(
            post(&app, "acknowledge", &body),
            post(&app, "acknowledge", &body)
        )
    };
    let answer = async {
        until("both are recorded", || app.node.inputs.next_offset() == 2).await;
        let _runs_on = monitor(&app);
    };
    let ((first, second), ()) = tokio::join!(both, answer);
    assert_eq!(first.status, 200);
    assert_eq!(first.json(), second.json());
}

#[tokio::test]
async fn without_a_verdict_the_operator_learns_that_the_command_is_recorded() {
    let config = ConsoleConfig {
        verdict_timeout_ms: 80,
        ..ConsoleConfig::default()
    };
    let app = app(config).await;
    let got = post(
        &app,
        "acknowledge",
        &json!({ "operator": "Lan", "command_id": "c-3" }),
    )
    .await;
    got.is_problem(503);
    assert_eq!(got.json()["title"], "Recorded, the verdict is pending");
    assert!(got.json()["detail"].as_str().unwrap().contains("c-3"));
    assert_eq!(app.node.inputs.next_offset(), 1);
    // Asking again once the monitor is there gets the verdict.
    let _monitor = monitor(&app);
    until("the verdict is seen", || {
        app.shared.view().verdict("c-3").is_some()
    })
    .await;
    let again = post(
        &app,
        "acknowledge",
        &json!({ "operator": "Lan", "command_id": "c-3" }),
    )
    .await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn a_journal_that_is_closed_takes_no_command() {
    let app = app(ConsoleConfig::default()).await;
    app.node.inputs.clone().close().unwrap();
    let got = post(&app, "acknowledge", &json!({ "operator": "Lan" })).await;
    got.is_problem(503);
    assert_eq!(got.json()["title"], "The command was not recorded");
}

#[tokio::test]
async fn waiting_commands_are_bounded_and_a_client_that_leaves_frees_its_place() {
    let config = ConsoleConfig {
        commands_waiting_max: 1,
        ..ConsoleConfig::default()
    };
    let app = app(config).await;
    {
        let body = json!({ "operator": "Lan" });
        let waiting = post(&app, "acknowledge", &body);
        let recorded = until("the first is recorded", || {
            app.node.inputs.next_offset() == 1
        });
        tokio::select! {
            _ = waiting => panic!("nobody answers"),
            () = async {
                recorded.await;
                post(&app, "acknowledge", &json!({ "operator": "Minh" })).await.is_problem(503);
            } => {}
        }
    }
    assert_eq!(
        app.node.inputs.next_offset(),
        1,
        "the second was refused before it was recorded"
    );
    let _monitor = monitor(&app);
    let free = post(&app, "acknowledge", &json!({ "operator": "Minh" })).await;
    assert!(matches!(free.status.as_u16(), 200 | 409), "{}", free.status);
}

#[tokio::test]
async fn shelving_takes_an_instant_or_a_duration_and_a_reason() {
    let app = app(ConsoleConfig {
        verdict_timeout_ms: 5_000,
        ..ConsoleConfig::default()
    })
    .await;
    let _monitor = monitor(&app);
    let until = app.node.now().plus(3_600 * event::Time::SECOND).to_string();
    for body in [
        json!({ "operator": "Lan", "duration_seconds": 3_600, "reason": "sửa chữa" }),
        json!({ "operator": "Lan", "until": until, "reason": "sửa chữa" }),
    ] {
        // The monitor of this test refuses what is no acknowledgement: it was asked.
        assert_eq!(post(&app, "shelve", &body).await.status, 409, "{body}");
    }
    let comment = json!({ "operator": "Lan", "text": "đã gọi\nUBND xã" });
    assert_eq!(post(&app, "comment", &comment).await.status, 409);
    assert_eq!(
        post(&app, "unshelve", &json!({ "operator": "Lan" }))
            .await
            .status,
        409
    );
}

#[tokio::test]
async fn bad_bodies_are_refused_before_anything_is_recorded() {
    let app = app(ConsoleConfig::default()).await;
    let now = app.node.now().to_string();
    let long = "x".repeat(1_001);
    for (action, body) in [
        ("acknowledge", json!({})),
        ("acknowledge", json!({ "operator": "" })),
        ("acknowledge", json!({ "operator": "   " })),
        ("acknowledge", json!({ "operator": "x".repeat(101) })),
        ("acknowledge", json!({ "operator": "a\nb" })),
        ("acknowledge", json!({ "operator": 7 })),
        (
            "acknowledge",
            json!({ "operator": "Lan", "command_id": "" }),
        ),
        (
            "acknowledge",
            json!({ "operator": "Lan", "command_id": "a b" }),
        ),
        (
            "acknowledge",
            json!({ "operator": "Lan", "command_id": "x".repeat(101) }),
        ),
        (
            "acknowledge",
            json!({ "operator": "Lan", "seen_state": "purple" }),
        ),
        (
            "acknowledge",
            json!({ "operator": "Lan", "seen_revision": -1 }),
        ),
        (
            "acknowledge",
            json!({ "operator": "Lan", "reason": "because" }),
        ),
        ("acknowledge", json!({ "operator": "Lan", "colour": "red" })),
        ("acknowledge", json!(["operator"])),
        (
            "shelve",
            json!({ "operator": "Lan", "duration_seconds": 60 }),
        ),
        ("shelve", json!({ "operator": "Lan", "reason": "x" })),
        (
            "shelve",
            json!({ "operator": "Lan", "reason": "x", "duration_seconds": 0 }),
        ),
        (
            "shelve",
            json!({ "operator": "Lan", "reason": "x", "duration_seconds": 86_401 }),
        ),
        (
            "shelve",
            json!({ "operator": "Lan", "reason": "x", "until": "tomorrow" }),
        ),
        (
            "shelve",
            json!({ "operator": "Lan", "reason": "x", "until": now }),
        ),
        (
            "shelve",
            json!({ "operator": "Lan", "reason": "x", "until": "2027-01-01T00:00:00Z", "duration_seconds": 1 }),
        ),
        (
            "shelve",
            json!({ "operator": "Lan", "reason": long, "duration_seconds": 60 }),
        ),
        ("comment", json!({ "operator": "Lan" })),
        ("comment", json!({ "operator": "Lan", "text": " " })),
        ("unshelve", json!({ "operator": "Lan", "text": "x" })),
    ] {
        post(&app, action, &body).await.is_problem(400);
    }
    assert_eq!(app.node.inputs.next_offset(), 0);
}

#[tokio::test]
async fn wrong_types_sizes_origins_and_addresses_are_refused() {
    let app = app(ConsoleConfig {
        request_timeout_ms: 50,
        ..ConsoleConfig::default()
    })
    .await;
    let path = format!("/api/v1/alerts/{ID}/acknowledge");
    let good = r#"{"operator":"Lan"}"#;
    let send = async |headers: &[(&str, &str)], body: Body| {
        let mut builder = request("POST", &path);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        app.send(builder.body(body).unwrap()).await
    };
    let json = ("Content-Type", "application/json");
    send(&[], good.into()).await.is_problem(415);
    send(&[("Content-Type", "text/plain")], good.into())
        .await
        .is_problem(415);
    send(&[json], "{".into()).await.is_problem(400);
    send(&[json], "x".repeat(16_385).into())
        .await
        .is_problem(413);
    for origin in [
        "http://evil.example",
        "null",
        "http://127.0.0.1:9999",
        "http://localhost:8080",
    ] {
        send(&[json, ("Origin", origin)], good.into())
            .await
            .is_problem(403);
    }
    send(&[json, ("Sec-Fetch-Site", "cross-site")], good.into())
        .await
        .is_problem(403);
    let never = Body::from_stream(futures_util::stream::pending::<
        Result<bytes::Bytes, std::io::Error>,
    >());
    send(&[json], never).await.is_problem(408);

    let unknown = request("POST", "/api/v1/alerts/none/acknowledge")
        .header("Content-Type", "application/json")
        .body(Body::from(good))
        .unwrap();
    app.send(unknown).await.is_problem(404);
    app.get(&path).await.is_problem(405);
    assert_eq!(app.node.inputs.next_offset(), 0);
}

#[tokio::test]
async fn stopping_answers_who_waits() {
    let app = app(ConsoleConfig::default()).await;
    let body = json!({ "operator": "Lan" });
    let stop = async {
        until("it is recorded", || app.node.inputs.next_offset() == 1).await;
        app.shared.cancel.cancel();
    };
    let waiting = tokio::time::timeout(Duration::from_secs(5), post(&app, "acknowledge", &body));
    let (got, ()) = tokio::join!(waiting, stop);
    got.unwrap().is_problem(503);
}
