//! The quarantine's addresses over a backend that remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use console::{
    ConsoleConfig, QuarantineBackend, QuarantineFilter, QuarantineGroup, QuarantineItem,
    QuarantineOverview, QuarantineProblem, QuarantineReason, QuarantineState, ReprocessAnswer,
    ReprocessAsk,
};
use event::{RejectCode, Text, Time};
use serde_json::json;

use super::{App, openapi, request};

#[derive(Default)]
struct Fake {
    filters: Mutex<Vec<QuarantineFilter>>,
    asked: Mutex<Vec<ReprocessAsk>>,
}

impl QuarantineBackend for Fake {
    fn overview(&self, filter: &QuarantineFilter) -> QuarantineOverview {
        self.filters.lock().unwrap().push(filter.clone());
        let mut overview = QuarantineOverview::default();
        let mut reason = QuarantineReason::new(RejectCode::NoValues, true);
        reason.group.add(7, Time(1), QuarantineState::Pending, true);
        let mut group = QuarantineGroup::default();
        group.add(7, Time(1), QuarantineState::Done, false);
        overview.reasons.push(reason);
        overview.devices.push(console::QuarantineDevice {
            device: "wl-1".to_owned(),
            unknown: true,
            others: false,
            group,
        });
        overview
    }

    fn one(&self, offset: u64) -> Result<Option<QuarantineItem>, QuarantineProblem> {
        Ok((offset == 7).then(|| QuarantineItem {
            offset,
            time: Time(1),
            state: QuarantineState::Failed,
            code: RejectCode::NoValues,
            meaning: RejectCode::NoValues.text(),
            reason: "no field".to_owned(),
            reprocessable: true,
            device: "wl-1".to_owned(),
            client: "gw".to_owned(),
            topic: "ioc/x".to_owned(),
            payload_bytes: 2,
            payload: Some("{}".to_owned()),
            payload_base64: None,
            payload_cut: false,
            adopt: Some(console::AdoptProposal {
                profiles: vec![console::ProfileProposal {
                    profile: "rain-gauge".to_owned(),
                    known: 1,
                    keys: 2,
                }],
                snippet: String::new(),
                command: String::new(),
                writable: true,
            }),
        }))
    }

    fn adopt(&self, ask: &console::AdoptAsk) -> Result<console::AdoptAnswer, QuarantineProblem> {
        Ok(console::AdoptAnswer {
            snippet: ask.name.vi.clone(),
            file: "devices/adopted.toml".to_owned(),
        })
    }

    fn reprocess(&self, ask: &ReprocessAsk) -> Result<ReprocessAnswer, QuarantineProblem> {
        self.asked.lock().unwrap().push(ask.clone());
        if ask.operator == "full" {
            return Err(QuarantineProblem {
                later: true,
                detail: Text {
                    vi: "đầy".to_owned(),
                    en: "full".to_owned(),
                },
            });
        }
        Ok(ReprocessAnswer::default())
    }
}

async fn app() -> (App, Arc<Fake>) {
    let fake = Arc::new(Fake::default());
    let backend = Arc::clone(&fake) as Arc<dyn QuarantineBackend>;
    (
        App::with_quarantine(ConsoleConfig::default(), backend).await,
        fake,
    )
}

#[tokio::test]
async fn the_answers_have_the_shapes_described() {
    let (app, fake) = app().await;
    let path = "/api/v1/quarantine?code=no_values&device=a%2Fb&from=2026-11-22T00:00:00Z";
    let got = app.get(path).await;
    assert_eq!(got.status, 200);
    openapi::conforms("Quarantine", &got.json());
    let filter = fake.filters.lock().unwrap()[0].clone();
    assert_eq!(filter.code, Some(RejectCode::NoValues));
    assert_eq!(filter.device.as_deref(), Some("a/b"));
    assert!(filter.from.is_some() && filter.to.is_none());
    openapi::conforms(
        "QuarantineItem",
        &app.get("/api/v1/quarantine/7").await.json(),
    );
    app.get("/api/v1/quarantine/8").await.is_problem(404);
    for wrong in ["code=nonsense", "from=yesterday", "colour=red"] {
        let path = format!("/api/v1/quarantine?{wrong}");
        app.get(&path).await.is_problem(400);
    }
}

#[tokio::test]
async fn trying_again_needs_a_name_and_a_reason_and_goes_on_record_as_unverified() {
    let (app, fake) = app().await;
    let post = async |body: serde_json::Value| {
        let request = request("POST", "/api/v1/quarantine/reprocess")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        app.send(request).await
    };
    post(json!({"reason": "mended"})).await.is_problem(400);
    post(json!({"operator": "Lan"})).await.is_problem(400);
    assert_eq!(fake.asked.lock().unwrap().len(), 0);
    let got = post(json!({"operator": "Lan", "dry_run": true})).await;
    assert_eq!(got.status, 200);
    openapi::conforms("ReprocessAnswer", &got.json());
    let got =
        post(json!({"operator": " Lan ", "reason": "mended", "code": "no_values", "offset": 7}))
            .await;
    assert_eq!(got.status, 200);
    let ask = fake.asked.lock().unwrap()[1].clone();
    assert_eq!(
        (ask.operator.as_str(), ask.verified, ask.dry_run),
        ("Lan", false, false)
    );
    assert_eq!(
        (ask.reason.as_str(), ask.filter.offset),
        ("mended", Some(7))
    );
    post(json!({"operator": "full", "reason": "mended"}))
        .await
        .is_problem(503);
}

#[tokio::test]
async fn a_device_is_taken_in_under_a_name_and_without_line_breaks() {
    let (app, _) = app().await;
    let post = async |body: serde_json::Value| {
        let request = request("POST", "/api/v1/quarantine/adopt")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        app.send(request).await
    };
    let got = post(json!({"operator": "Lan", "device": "new-1", "profile": "rain-gauge"})).await;
    assert_eq!(got.status, 200);
    openapi::conforms("AdoptAnswer", &got.json());
    for wrong in [
        json!({"device": "new-1", "profile": "rain-gauge"}),
        json!({"operator": "Lan", "device": "", "profile": "rain-gauge"}),
        json!({"operator": "Lan", "device": "a\nb", "profile": "rain-gauge"}),
    ] {
        post(wrong).await.is_problem(400);
    }
}
