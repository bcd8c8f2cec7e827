//! Alert health over HTTP: what the alerts asked of each operator position in a period.
//!
//! The tail hands every record that is no event to a [`HealthBackend`], in order; requests ask it. The console checks the
//! parameters and bounds how many reports are made at a time ([`REPORTS_MAX`]). Without a backend the address says so.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use event::outcome::Outcome;
use event::{Alert, Text, Time};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::api::{bad_query, json};
use crate::problem::{self, Problem};
use crate::series::parse_instant;
use crate::shared::Shared;

/// Reports made at a time; further requests are told to come again.
const REPORTS_MAX: usize = 2;
/// Without `from`: so long before `to`.
const PERIOD_DEFAULT_NS: i64 = 24 * 3_600 * Time::SECOND;

/// Folds what the tail reads and answers for a period. `fold` and `seen` are called by one task and must be quick;
/// `answer` by several, each call may take a second.
pub trait HealthBackend: Send + Sync {
    /// The journal has come to `at`; the first time told is that from which records follow.
    fn seen(&self, at: Time);
    /// The alerts as they stand, told once, after the records read back and before those of the tail.
    fn standing(&self, alerts: &[Alert]);
    fn fold(&self, at: Time, outcome: &Outcome<'_>);
    /// The finished body: JSON, or CSV with a header line.
    fn answer(&self, ask: &HealthAsk) -> Result<Vec<u8>, HealthProblem>;
}

/// A question whose parameters have been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthAsk {
    pub from: Time,
    pub to: Time,
    /// None for all.
    pub position: Option<String>,
    pub csv: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthProblem {
    /// Backwards, or too long; says what would be right.
    Period(Text),
    PositionUnknown,
    /// Ours: the answer could not be written.
    Failed(String),
}

/// The backend with its bound.
pub(crate) struct Desk {
    backend: Option<Arc<dyn HealthBackend>>,
    permits: Arc<Semaphore>,
}

impl Desk {
    pub(crate) fn new(backend: Option<Arc<dyn HealthBackend>>) -> Self {
        Self {
            backend,
            permits: Arc::new(Semaphore::new(REPORTS_MAX)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthQuery {
    from: Option<String>,
    to: Option<String>,
    position: Option<String>,
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Json,
    Csv,
}

pub(crate) async fn health(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    query: Result<Query<HealthQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    let desk = &shared.health;
    let backend = desk.backend.clone();
    let backend =
        backend.ok_or_else(|| problem::not_found("alert health", "chất lượng cảnh báo"))?;
    let (now, newest) = (shared.now(), shared.view().now());
    let ask = read(query, accepts_csv(&headers), now)?;
    let permits = Arc::clone(&desk.permits);
    let permit = permits
        .try_acquire_owned()
        .map_err(|_| problem::busy("reports", "báo cáo"))?;
    let csv = ask.csv;
    let answer = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        if newest != Time::default() {
            backend.seen(newest);
        }
        backend.answer(&ask)
    });
    let answer = answer.await.map_err(|error| problem::internal(&error))?;
    let body = answer.map_err(refused)?;
    let mut response = json(body);
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if csv {
        let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
        headers.insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

fn read(query: HealthQuery, accepts_csv: bool, now: Time) -> Result<HealthAsk, Problem> {
    let at = |name: &str, text: Option<&str>, default: Time| match text {
        None => Ok(default),
        Some(text) => parse_instant(text, now).ok_or_else(|| {
            problem::bad_request(
                format!("`{name}` is no instant such as 2024-09-08T06:00:00+07:00, now, -24h"),
                format!(
                    "`{name}` không phải là thời điểm, ví dụ 2024-09-08T06:00:00+07:00, now, -24h"
                ),
            )
        }),
    };
    let to = at("to", query.to.as_deref(), now)?;
    let from = at("from", query.from.as_deref(), to.plus(-PERIOD_DEFAULT_NS))?;
    Ok(HealthAsk {
        from,
        to,
        position: query.position,
        csv: query
            .format
            .map_or(accepts_csv, |format| format == Format::Csv),
    })
}

fn accepts_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    accept
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.trim_start().starts_with("text/csv"))
}

fn refused(problem: HealthProblem) -> Problem {
    match problem {
        HealthProblem::Period(text) => problem::bad_request(text.en, text.vi),
        HealthProblem::PositionUnknown => problem::not_found("operator position", "vị trí trực"),
        HealthProblem::Failed(why) => problem::internal(&std::io::Error::other(why)),
    }
}
