//! Alert health: what the backend is told, what it is asked, and how its answers travel. The figures are the backend's own.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use event::outcome::Outcome;
use event::{Alert, Text, Time};

use super::{App, request};
use crate::node::Node;
use crate::{ConsoleConfig, HealthAsk, HealthBackend, HealthProblem, sample};

#[derive(Default)]
struct Fake {
    told: Mutex<Vec<&'static str>>,
    asked: Mutex<Vec<HealthAsk>>,
}

impl HealthBackend for Fake {
    fn seen(&self, _at: Time) {
        self.told.lock().unwrap().push("seen");
    }

    fn standing(&self, alerts: &[Alert]) {
        assert_eq!(alerts.len(), 1);
        self.told.lock().unwrap().push("standing");
    }

    fn fold(&self, _at: Time, outcome: &Outcome<'_>) {
        self.told.lock().unwrap().push(outcome.kind().name());
    }

    fn answer(&self, ask: &HealthAsk) -> Result<Vec<u8>, HealthProblem> {
        self.asked.lock().unwrap().push(ask.clone());
        match ask.position.as_deref() {
            Some("nobody") => Err(HealthProblem::PositionUnknown),
            _ if ask.to < ask.from => Err(HealthProblem::Period(Text {
                vi: "ngược".to_owned(),
                en: "backwards".to_owned(),
            })),
            _ => Ok(b"{}".to_vec()),
        }
    }
}

async fn app() -> (App, Arc<Fake>) {
    let node = Node::new();
    let alert = sample::alert("a:b:c", node.now());
    let mut deps = node.deps(vec![alert]);
    let fake = Arc::new(Fake::default());
    deps.health = Some(Arc::clone(&fake) as Arc<dyn HealthBackend>);
    (
        App::with_deps(node, ConsoleConfig::default(), deps).await,
        fake,
    )
}

#[tokio::test]
async fn the_backend_is_told_of_every_record_but_events() {
    let (app, fake) = app().await;
    let alert = sample::alert("a:b:d", app.node.now());
    app.node.readings([("wl-bao-ha", 57.9)]).await;
    app.node
        .transition(event::Change::Raised, None, &alert)
        .await;
    app.caught_up().await;
    assert_eq!(
        *fake.told.lock().unwrap(),
        ["standing", "seen", "transition"]
    );
}

#[tokio::test]
async fn a_period_a_position_and_a_format_are_asked_for() {
    let (app, fake) = app().await;
    let path = "/api/v1/health?from=2026-11-20T07:00:00%2B07:00&to=2026-11-21T00:00:00Z&position=x";
    let got = app.get(path).await;
    assert_eq!(
        (got.status.as_u16(), got.header("content-type")),
        (200, "application/json")
    );
    let csv = app.get(&format!("{path}&format=csv")).await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    let accept = request("GET", path).header("accept", "text/csv");
    let by_accept = app.send(accept.body(Body::empty()).unwrap()).await;
    assert!(by_accept.header("content-type").starts_with("text/csv"));
    let ask = |csv| HealthAsk {
        from: Time::parse("2026-11-20T00:00:00Z").unwrap(),
        to: Time::parse("2026-11-21T00:00:00Z").unwrap(),
        position: Some("x".to_owned()),
        csv,
    };
    assert_eq!(
        *fake.asked.lock().unwrap(),
        [ask(false), ask(true), ask(true)]
    );
    app.get("/api/v1/health").await;
    let day = {
        let asked = fake.asked.lock().unwrap();
        asked[3].to.since(asked[3].from)
    };
    assert_eq!(day, 24 * 3_600 * Time::SECOND);
}

#[tokio::test]
async fn what_cannot_be_answered_is_said_in_both_languages() {
    let (app, _fake) = app().await;
    app.get("/api/v1/health?from=yesterday")
        .await
        .is_problem(400);
    app.get("/api/v1/health?since=now").await.is_problem(400);
    app.get("/api/v1/health?from=now&to=-2h")
        .await
        .is_problem(400);
    app.get("/api/v1/health?position=nobody")
        .await
        .is_problem(404);
    let without = App::new(ConsoleConfig::default(), Vec::new()).await;
    without.get("/api/v1/health").await.is_problem(404);
}
