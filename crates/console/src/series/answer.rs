//! From a request to the backend and back: the routes, and the desk where questions queue.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::parse::{CatalogueGiven, LatestGiven, RangeGiven, Reading, TopGiven};
use super::{SeriesAsk, SeriesBackend, SeriesFormat, SeriesQuery, SeriesStop, problems};
use crate::api::{bad_query, json};
use crate::config::ConsoleConfig;
use crate::metrics::{self, QuestionEnd};
use crate::problem::{self, Problem};
use crate::shared::Shared;

/// Where questions wait for their turn.
pub(crate) struct Desk {
    backend: Option<Arc<dyn SeriesBackend>>,
    /// Held while a question runs, also when nobody waits for it any more.
    running: Arc<Semaphore>,
    /// Held from the arrival on.
    places: Arc<Semaphore>,
    limit: Duration,
}

impl Desk {
    pub(crate) fn new(config: &ConsoleConfig, backend: Option<Arc<dyn SeriesBackend>>) -> Self {
        Self {
            backend,
            running: Arc::new(Semaphore::new(config.series_running_max)),
            places: Arc::new(Semaphore::new(config.series_waiting_max)),
            limit: Duration::from_millis(config.series_timeout_ms),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.backend.is_some()
    }

    async fn ask(&self, shared: &Shared, query: SeriesQuery) -> Result<Vec<u8>, Problem> {
        let backend = Arc::clone(self.backend.as_ref().ok_or_else(problems::off)?);
        let limit_ms = shared.config.series_timeout_ms;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            metrics::question(QuestionEnd::Busy);
            problem::busy("questions about series", "câu hỏi về chuỗi số liệu")
        })?;
        let deadline = Instant::now() + self.limit;
        // Dropped when the client goes away: then the question is called off.
        let unwanted = CallOff(SeriesStop::at(deadline.into_std()));
        let slow = || {
            metrics::question(QuestionEnd::TooSlow);
            problems::too_slow(limit_ms)
        };
        let turn = timeout_at(deadline, Arc::clone(&self.running).acquire_owned());
        let turn = turn.await.map_err(|_| slow())?;
        let turn = turn.map_err(|error| problem::internal(&error))?;
        let stop = unwanted.0.clone();
        let task = tokio::task::spawn_blocking(move || {
            let answer = backend.answer(&query, &stop);
            drop((turn, place));
            answer
        });
        let answered = tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return Err(problems::stopping()),
            answered = timeout_at(deadline, task) => answered.map_err(|_| slow())?,
        };
        let answer = answered.map_err(|error| {
            metrics::question(QuestionEnd::Refused);
            problem::internal(&error)
        })?;
        metrics::question(if answer.is_ok() {
            QuestionEnd::Answered
        } else {
            QuestionEnd::Refused
        });
        answer.map_err(|problem| problems::told(problem, limit_ms))
    }
}

struct CallOff(SeriesStop);

impl Drop for CallOff {
    fn drop(&mut self) {
        self.0.ask();
    }
}

/// Which series there are.
pub(crate) async fn catalogue(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    query: Result<Query<CatalogueGiven>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(given) = query.map_err(|error| bad_query(&error))?;
    let reading = Reading::new(&shared);
    let (format, zone) = reading.frame(&headers, given.format.as_deref(), given.zone.as_deref())?;
    let ask = reading.catalogue(given)?;
    respond(&shared, SeriesQuery { ask, format, zone }).await
}

/// The newest value of each series.
pub(crate) async fn latest(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    query: Result<Query<LatestGiven>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(given) = query.map_err(|error| bad_query(&error))?;
    let reading = Reading::new(&shared);
    let (format, zone) = reading.frame(&headers, given.format.as_deref(), given.zone.as_deref())?;
    let ask = reading.latest(given)?;
    respond(&shared, SeriesQuery { ask, format, zone }).await
}

/// The entities with the most extreme values.
pub(crate) async fn top(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    query: Result<Query<TopGiven>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(given) = query.map_err(|error| bad_query(&error))?;
    let reading = Reading::new(&shared);
    let (format, zone) = reading.frame(&headers, given.format.as_deref(), given.zone.as_deref())?;
    let ask = reading.top(given)?;
    respond(&shared, SeriesQuery { ask, format, zone }).await
}

/// Points of one series.
pub(crate) async fn range(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    path: Result<Path<(String, String)>, PathRejection>,
    query: Result<Query<RangeGiven>, QueryRejection>,
) -> Result<Response, Problem> {
    let Path((entity, measure)) =
        path.map_err(|_| problem::not_found("such series", "chuỗi số liệu"))?;
    let Query(given) = query.map_err(|error| bad_query(&error))?;
    let reading = Reading::new(&shared);
    let (format, zone) = reading.frame(&headers, given.format.as_deref(), given.zone.as_deref())?;
    let ask: SeriesAsk = reading.range(entity, measure, given)?;
    respond(&shared, SeriesQuery { ask, format, zone }).await
}

async fn respond(shared: &Shared, query: SeriesQuery) -> Result<Response, Problem> {
    let format = query.format;
    let mut response = json(shared.series.ask(shared, query).await?);
    if format == SeriesFormat::Csv {
        let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}
