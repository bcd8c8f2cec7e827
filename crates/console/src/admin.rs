//! The admin server, on a port of its own: `/livez`, `/readyz`, `/metrics`, `/status`.
//!
//! It knows nothing: what is ready and what is measured come from closures of the node. It is stopped last, so that
//! somebody who asks during a shutdown still gets an answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::AdminConfig;
use crate::server::{self, Limits};
use crate::{Error, problem};

/// Why the node should get no traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What is not ready (`journal`, `listener`, `console` ...).
    pub component: String,
    pub detail: String,
}

#[derive(Clone)]
pub struct Deps {
    /// Nothing in the list: ready.
    pub unready: Arc<dyn Fn() -> Vec<Reason> + Send + Sync>,
    /// The whole text of `/metrics`, Prometheus format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// One JSON object for `ioc status`.
    pub status: Arc<dyn Fn() -> String + Send + Sync>,
}

pub struct Bound {
    local_addr: SocketAddr,
    handle: JoinHandle<Result<(), Error>>,
}

impl Bound {
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    pub async fn join(self) -> Result<(), Error> {
        self.handle.await.map_err(|source| Error::Task {
            task: "admin",
            source,
        })?
    }

    pub fn into_handle(self) -> JoinHandle<Result<(), Error>> {
        self.handle
    }
}

pub async fn start(
    config: AdminConfig,
    deps: Deps,
    cancel: CancellationToken,
) -> Result<Bound, Error> {
    let bind = |source| Error::Bind {
        address: config.listen,
        source,
    };
    let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
    let local_addr = listener.local_addr().map_err(Error::Address)?;
    let limits = Limits::from(&config);
    let handle = tokio::spawn(server::serve(listener, router(deps), limits, cancel));
    tracing::info!(address = %local_addr, "admin listens");
    Ok(Bound { local_addr, handle })
}

fn router(deps: Deps) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .route("/status", get(status))
        .fallback(async || problem::not_found("address", "địa chỉ"))
        .layer(middleware::from_fn(guard))
        .with_state(deps)
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<Reason>,
}

async fn readyz(State(deps): State<Deps>) -> Response {
    let reasons = (deps.unready)();
    let ready = reasons.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Readiness { ready, reasons })).into_response()
}

async fn metrics_text(State(deps): State<Deps>) -> Response {
    let text = (deps.metrics)();
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
        .into_response()
}

async fn status(State(deps): State<Deps>) -> Response {
    let text = (deps.status)();
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Scrapers send no origin; a page in a browser has no business here, whatever name it came by.
async fn guard(request: Request, next: Next) -> Response {
    let from_page = request.headers().contains_key(header::ORIGIN)
        || request
            .headers()
            .get("sec-fetch-site")
            .is_some_and(|site| site == "cross-site");
    let mut response = if from_page {
        problem::foreign_origin().into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
