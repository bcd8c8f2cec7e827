//! Routes by `oneshot`, and the answers against the OpenAPI document.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use event::{AreaInfo, EntityInfo, MeasureInfo, MeasureType, Severity, Stream, Text, Vocabulary};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;

use crate::node::{Node, until};
use crate::{ConsoleConfig, MapLine, RuleInfo, SiteInfo, Trend, feed, routes, sample, tail};

mod cap;
mod commands;
mod explain;
mod health;
mod openapi;
mod quarantine;
mod series;
mod sinks;

struct App {
    node: Node,
    router: Router,
    shared: Arc<crate::shared::Shared>,
    _stop: DropGuard,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// A problem in both languages, and nothing else.
    #[track_caller]
    fn is_problem(&self, status: u16) {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        assert_eq!(
            self.header("content-type"),
            "application/problem+json; charset=utf-8"
        );
        openapi::conforms("Problem", &self.json());
        assert_eq!(self.json()["status"], status);
        for text in ["title", "detail", "title_vi", "detail_vi"] {
            assert!(!self.json()[text].as_str().unwrap().is_empty(), "{text}");
        }
    }
}

impl App {
    async fn new(config: ConsoleConfig, alerts: Vec<event::Alert>) -> Self {
        Self::on(Node::new(), config, alerts).await
    }

    async fn on(node: Node, config: ConsoleConfig, alerts: Vec<event::Alert>) -> Self {
        let deps = node.deps(alerts);
        Self::with_deps(node, config, deps).await
    }

    async fn with_quarantine(
        config: ConsoleConfig,
        backend: Arc<dyn crate::QuarantineBackend>,
    ) -> Self {
        let node = Node::new();
        let mut deps = node.deps(Vec::new());
        deps.quarantine = Some(backend);
        Self::with_deps(node, config, deps).await
    }

    async fn with_deps(node: Node, config: ConsoleConfig, deps: crate::Deps) -> Self {
        let cancel = CancellationToken::new();
        let (shared, position) = tail::prepare(config, deps, cancel.clone()).await.unwrap();
        tokio::spawn(tail::run(Arc::clone(&shared), position, cancel.clone()));
        tokio::spawn(feed::run(Arc::clone(&shared), cancel.clone()));
        let router = routes::router(Arc::clone(&shared));
        Self {
            node,
            router,
            shared,
            _stop: cancel.drop_guard(),
        }
    }

    async fn caught_up(&self) {
        let (shared, node) = (&self.shared, &self.node);
        until("the view follows", || {
            shared.view().next() == node.outcomes.next_offset()
        })
        .await;
    }

    async fn send(&self, request: Request<Body>) -> Got {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        // A feed does not end: its first frame is enough here.
        let streams = parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream");
        let body = if streams {
            Vec::new()
        } else {
            to_bytes(body, 1 << 24).await.unwrap().to_vec()
        };
        Got {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    async fn get(&self, path: &str) -> Got {
        self.send(request("GET", path).body(Body::empty()).unwrap())
            .await
    }
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("Host", "127.0.0.1:8080")
}

fn site() -> SiteInfo {
    let text = |vi: &str, en: &str| Text {
        vi: vi.into(),
        en: en.into(),
    };
    let entity = EntityInfo {
        id: "wl-bao-ha".into(),
        name: text("Bảo Hà", "Bao Ha"),
        stream: Stream::Disaster,
        profile: "river".into(),
        area: None,
        lat: Some(22.17),
        lon: None,
        labels: BTreeMap::new(),
        interval_seconds: 600,
        expected: true,
        gateway: None,
        river: None,
        river_km: None,
    };
    let area = AreaInfo {
        code: "03103".into(),
        kind: "xa".into(),
        name: "Bảo Hà".into(),
        lat: 22.17,
        lon: 104.35,
        km2: 165.2,
    };
    let measure = MeasureInfo {
        name: "level".into(),
        kind: MeasureType::Number,
        unit: "m".into(),
        unit_text: text("m", "m"),
        label: text("Mực nước", "Level"),
        decimals: 2,
    };
    let limits = sample::alert("x", event::Time(0)).scale;
    SiteInfo {
        vocabulary: Arc::new(Vocabulary {
            site: "lao-cai".into(),
            site_name: text("Lào Cai", "Lao Cai"),
            measures: BTreeMap::from([("level".into(), measure)]),
            entities: BTreeMap::from([("wl-bao-ha".into(), entity)]),
            areas: BTreeMap::from([("03103".into(), area)]),
            lateness_seconds: BTreeMap::new(),
        }),
        limits: BTreeMap::from([(
            "wl-bao-ha".into(),
            BTreeMap::from([("level".into(), limits)]),
        )]),
        rules: vec![RuleInfo {
            id: "river-bd3".into(),
            version: 1,
            severity: Severity::Critical,
            stream: Some(Stream::Disaster),
            measure: None,
            title: text("Trên báo động 3", "Above alarm 3"),
            condition: "level >= bd3".into(),
        }],
        trends: vec![Trend {
            entity: "wl-bao-ha".into(),
            measure: "level".into(),
        }],
        lines: vec![MapLine {
            name: text("Sông Thao", "Thao river"),
            schematic: true,
            source: None,
            points: vec![[103.968, 22.5], [104.35, 22.17]],
        }],
    }
}

#[tokio::test]
async fn site_shows_the_pack_in_force() {
    let app = App::new(ConsoleConfig::default(), Vec::new()).await;
    app.node.site.send_replace(Arc::new(site()));
    let got = app.get("/api/v1/site").await.json();
    openapi::conforms("Site", &got);
    assert_eq!(got["name"]["vi"], "Lào Cai");
    assert_eq!(got["limits"]["wl-bao-ha"]["level"][0]["value"], 57.0);
    assert_eq!(got["lines"][0]["points"][1], json!([104.35, 22.17]));
}

#[tokio::test]
async fn alerts_are_listed_by_filter_and_shown_with_their_history() {
    let node = Node::new();
    let alert = sample::alert("river-bd3:wl-bao-ha:j-1", node.now());
    node.transition(event::Change::Raised, None, &alert).await;
    let mut old = sample::alert("old:x:j-2", node.now());
    old.state = event::AlertState::Normal;
    let app = App::on(node, ConsoleConfig::default(), vec![alert.clone(), old]).await;
    let ids = async |query: &str| {
        let got = app.get(&format!("/api/v1/alerts{query}")).await.json();
        openapi::conforms("AlertList", &got);
        let alerts = got["alerts"].as_array().unwrap().clone();
        alerts
            .iter()
            .map(|alert| alert["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, ["river-bd3:wl-bao-ha:j-1"]);
    assert_eq!(
        ids("?state=all").await,
        ["river-bd3:wl-bao-ha:j-1", "old:x:j-2"]
    );
    assert_eq!(
        ids("?severity=critical&stream=disaster&area=03103")
            .await
            .len(),
        1
    );
    assert_eq!(ids("?severity=minor").await.len(), 0);
    assert_eq!(ids("?area=99999").await.len(), 0);
    app.get("/api/v1/alerts?severity=loud")
        .await
        .is_problem(400);
    app.get("/api/v1/alerts?colour=red").await.is_problem(400);

    let got = app
        .get("/api/v1/alerts/river-bd3:wl-bao-ha:j-1")
        .await
        .json();
    openapi::conforms("AlertDetail", &got);
    assert_eq!(
        got["history"][0]["change"], "raised",
        "read back from before the image"
    );
    let coded = app.get("/api/v1/alerts/river-bd3%3Awl-bao-ha%3Aj-1").await;
    assert_eq!(coded.status, 200);
    app.get("/api/v1/alerts/nothing").await.is_problem(404);
}

#[tokio::test]
async fn an_alert_read_back_that_the_monitor_no_longer_names_is_gone() {
    let node = Node::new();
    let alert = sample::alert("river-bd3:wl-bao-ha:j-1", node.now());
    node.transition(event::Change::Raised, None, &alert).await;
    let app = App::on(node, ConsoleConfig::default(), Vec::new()).await;
    assert_eq!(
        app.get("/api/v1/alerts?state=all").await.json()["alerts"],
        json!([])
    );
}

#[tokio::test]
async fn latest_recent_status_and_rejects_answer_as_described() {
    let app = App::new(ConsoleConfig::default(), Vec::new()).await;
    app.node.site.send_replace(Arc::new(site()));
    let empty = app
        .get("/api/v1/recent?entity=wl-bao-ha&measure=level")
        .await
        .json();
    openapi::conforms("Series", &empty);
    assert_eq!(empty["points"], json!([]));

    app.node.readings([("wl-bao-ha", 57.9)]).await;
    app.node.reject("not JSON", b"{\"a\":").await;
    app.node.reject("not text", &[0xff, 0x00]).await;
    app.caught_up().await;

    let latest = app.get("/api/v1/latest").await.json();
    openapi::conforms("LatestList", &latest);
    assert_eq!(latest["offset"], 3);
    let series = app
        .get("/api/v1/recent?entity=wl-bao-ha&measure=level&hours=48")
        .await
        .json();
    openapi::conforms("Series", &series);
    assert_eq!(series["points"][0][1], 57.9);
    assert_eq!(series["limits"][0]["name"], "bd3");
    for wrong in [
        "entity=wl-bao-ha",
        "entity=a&measure=b&hours=0",
        "entity=a&measure=b&hours=49",
    ] {
        app.get(&format!("/api/v1/recent?{wrong}"))
            .await
            .is_problem(400);
    }
    app.get("/api/v1/recent?entity=wl-bao-ha&measure=colour")
        .await
        .is_problem(404);

    let status = app.get("/api/v1/status").await.json();
    openapi::conforms("NodeStatus", &status);
    assert_eq!(status["counters"]["events"], 4);
    assert_eq!(status["counters"]["rejected"], 2);
    assert_eq!(status["counters"]["received"], 7);
    assert_eq!(status["journal"]["outcomes"]["next_offset"], 3);
    assert_eq!(status["view"]["behind"], 0);

    let rejects = app.get("/api/v1/rejects").await.json();
    openapi::conforms("RejectList", &rejects);
    assert_eq!(rejects["rejects"][0]["payload_base64"], "/wA=");
    assert_eq!(rejects["rejects"][1]["payload"], "{\"a\":");
}

#[tokio::test]
async fn every_response_carries_the_security_headers() {
    let app = App::new(ConsoleConfig::default(), Vec::new()).await;
    let mut foreign = request("GET", "/api/v1/status")
        .body(Body::empty())
        .unwrap();
    foreign
        .headers_mut()
        .insert("Origin", "http://evil.example".parse().unwrap());
    let mut answers = vec![app.send(foreign).await];
    answers[0].is_problem(403);
    for path in [
        "/",
        "/api/v1/status",
        "/api/v1/feed",
        "/api/none",
        "/none.js",
        "/alerts/some-id",
    ] {
        answers.push(app.get(path).await);
    }
    for got in &answers {
        let csp = got.header("content-security-policy");
        assert!(csp.starts_with(
            "default-src 'self'; worker-src 'self'; img-src 'self' data: blob:; connect-src 'self'"
        ));
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_eq!(got.header("x-frame-options"), "DENY");
        assert_eq!(got.header("referrer-policy"), "no-referrer");
        assert!(!got.header("cache-control").is_empty());
        assert_eq!(got.header("access-control-allow-origin"), "");
    }
    assert_eq!(answers[2].header("cache-control"), "no-store");
    app.get("/api/none").await.is_problem(404);
    app.get("/api/v1/alerts/").await.is_problem(404);
    app.get("/none.js").await.is_problem(404);
}

#[tokio::test]
async fn the_page_or_word_that_it_is_missing_is_served() {
    let app = App::new(ConsoleConfig::default(), Vec::new()).await;
    for path in ["/", "/index.html", "/alerts/river"] {
        let got = app.get(path).await;
        assert_eq!(
            got.header("cache-control"),
            "no-cache",
            "{path}: {}",
            got.status
        );
        assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
    }
    let post = request("POST", "/").body(Body::empty()).unwrap();
    app.send(post).await.is_problem(405);
}

#[tokio::test]
async fn names_that_are_not_ours_are_refused() {
    let config = ConsoleConfig {
        hosts: vec!["ioc.example".into()],
        ..ConsoleConfig::default()
    };
    let app = App::new(config, Vec::new()).await;
    for (host, status) in [
        ("evil.example", 421),
        ("ioc.example", 200),
        ("localhost:8080", 200),
    ] {
        let request = Request::get("/api/v1/status").header("Host", host);
        let got = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(got.status.as_u16(), status, "{host}");
    }
    let nameless = Request::get("/api/v1/status").body(Body::empty()).unwrap();
    app.send(nameless).await.is_problem(421);
}

#[tokio::test]
async fn the_admin_server_says_what_the_node_tells_it() {
    let reasons = Arc::new(std::sync::Mutex::new(vec![crate::admin::Reason {
        component: "journal".into(),
        detail: "the volume is full".into(),
    }]));
    let told = Arc::clone(&reasons);
    let deps = crate::admin::Deps {
        status: Arc::new(|| r#"{"running":true}"#.to_owned()),
        unready: Arc::new(move || told.lock().unwrap().clone()),
        metrics: Arc::new(|| "ioc_up 1\n".to_owned()),
    };
    let config = crate::AdminConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        ..Default::default()
    };
    let cancel = CancellationToken::new();
    let bound = crate::admin::start(config, deps, cancel.clone())
        .await
        .unwrap();
    let get =
        async |path: &str| crate::client::request(bound.local_addr(), "GET", path, &[], "").await;
    assert_eq!(get("/livez").await.status, 200);
    let unready = get("/readyz").await;
    assert_eq!(unready.status, 503);
    assert_eq!(unready.json()["reasons"][0]["component"], "journal");
    reasons.lock().unwrap().clear();
    assert_eq!(get("/readyz").await.status, 200);
    assert_eq!(get("/metrics").await.body, b"ioc_up 1\n");
    assert_eq!(get("/none").await.status, 404);
    let origin = [("Origin", "http://evil.example")];
    let foreign = crate::client::request(bound.local_addr(), "GET", "/metrics", &origin, "").await;
    assert_eq!(foreign.status, 403);
    cancel.cancel();
    bound.join().await.unwrap();
}
