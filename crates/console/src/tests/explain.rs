//! Why an alert rang, over a backend that knows one alert.

use std::sync::Arc;

use serde_json::json;

use super::{App, openapi};
use crate::node::Node;
use crate::{ConsoleConfig, ExplainBackend};

const ID: &str = "river-bd3:wl-bao-ha:00000000-0000-0000-0000-000000000000-7";

struct Fake;

impl ExplainBackend for Fake {
    fn explain(&self, alert: &str) -> Result<Option<Vec<u8>>, String> {
        match alert {
            ID => Ok(Some(explanation().to_string().into_bytes())),
            "broken" => Err("the disk fails".to_owned()),
            _ => Ok(None),
        }
    }
}

fn explanation() -> serde_json::Value {
    let time = "2024-09-08T07:40:00Z";
    json!({
        "alert": ID, "entity": "wl-bao-ha", "severity": "major", "state": "unacknowledged",
        "since": time, "raised": time,
        "rule": {"id": "river-bd3", "version": 1, "condition": "level >= limit.bd3", "file": null, "text": null, "pack": null},
        "transitions": [{
            "change": "raised", "revision": 1, "at": time, "since": time, "outcome": 9, "cause": 7,
            "values": [{
                "entity": "wl-bao-ha", "measure": "level", "value": {"number": 58.13}, "unit": "m", "quality": [],
                "observed": time, "received": time, "processed": time, "device_time": null,
                "clock_offset_seconds": null, "offset": 7,
            }],
            "windows": [], "limits": [], "considered": [],
            "records": [{"offset": 7, "state": "kept", "payload": "{}"}],
        }],
        "life": [], "damaged": [],
    })
}

#[tokio::test]
async fn an_alert_is_explained_by_whoever_keeps_the_evidence() {
    let node = Node::new();
    let mut deps = node.deps(Vec::new());
    deps.explain = Some(Arc::new(Fake));
    let app = App::with_deps(node, ConsoleConfig::default(), deps).await;
    let got = app.get(&format!("/api/v1/alerts/{ID}/explain")).await;
    assert_eq!(got.status, 200);
    openapi::conforms("Explanation", &got.json());
    assert_eq!(got.json(), explanation());
    app.get("/api/v1/alerts/none/explain").await.is_problem(404);
    app.get("/api/v1/alerts/broken/explain")
        .await
        .is_problem(503);
    let without = App::new(ConsoleConfig::default(), Vec::new()).await;
    without
        .get(&format!("/api/v1/alerts/{ID}/explain"))
        .await
        .is_problem(404);
}
