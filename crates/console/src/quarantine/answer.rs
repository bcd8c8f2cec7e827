//! The routes of the quarantine.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::form::{AdoptBody, Body, Given};
use super::{QuarantineBackend, QuarantineProblem};
use crate::api::bad_query;
use crate::metrics::{self, CommandEnd};
use crate::problem::{self, Problem};
use crate::shared::Shared;

/// Questions that run at a time; one more is answered 503.
const RUNNING_MAX: usize = 4;

/// Where questions about the quarantine are asked.
pub(crate) struct Counter {
    backend: Option<Arc<dyn QuarantineBackend>>,
    running: Arc<Semaphore>,
}

impl Counter {
    pub(crate) fn new(backend: Option<Arc<dyn QuarantineBackend>>) -> Self {
        Self {
            backend,
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn QuarantineBackend) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let backend = self
            .backend
            .clone()
            .ok_or_else(|| problem::not_found("quarantine", "khu cách ly"))?;
        let place = Arc::clone(&self.running).try_acquire_owned().map_err(|_| {
            problem::busy("questions about the quarantine", "yêu cầu về khu cách ly")
        })?;
        tokio::task::spawn_blocking(move || {
            let answer = question(&*backend);
            drop(place);
            answer
        })
        .await
        .map_err(|error| problem::internal(&error))
    }
}

pub(crate) async fn overview(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<Given>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(given) = query.map_err(|error| bad_query(&error))?;
    let filter = given.filter(shared.now())?;
    let ask = shared
        .quarantine
        .ask(move |backend| backend.overview(&filter));
    Ok(Json(ask.await?).into_response())
}

pub(crate) async fn one(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<u64>, PathRejection>,
) -> Result<Response, Problem> {
    let unknown = || problem::not_found("such message in quarantine", "bản tin trong khu cách ly");
    let Path(offset) = path.map_err(|_| unknown())?;
    let found = shared
        .quarantine
        .ask(move |backend| backend.one(offset))
        .await?;
    let item = found.map_err(|error| told(&error))?.ok_or_else(unknown)?;
    Ok(Json(item).into_response())
}

pub(crate) async fn reprocess(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let body: Body = crate::commands::read_json(request, &shared.config).await?;
    let ask = body.ask(shared.now())?;
    let dry_run = ask.dry_run;
    let answered = shared
        .quarantine
        .ask(move |backend| backend.reprocess(&ask))
        .await?;
    if !dry_run {
        metrics::command(if answered.is_ok() {
            CommandEnd::Accepted
        } else {
            CommandEnd::NotRecorded
        });
    }
    Ok(Json(answered.map_err(|error| told(&error))?).into_response())
}

pub(crate) async fn adopt(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let body: AdoptBody = crate::commands::read_json(request, &shared.config).await?;
    let ask = body.ask()?;
    let answered = shared
        .quarantine
        .ask(move |backend| backend.adopt(&ask))
        .await?;
    Ok(Json(answered.map_err(|error| told(&error))?).into_response())
}

fn told(error: &QuarantineProblem) -> Problem {
    if error.later {
        problem::later(&error.detail)
    } else {
        problem::bad_request(error.detail.en.clone(), error.detail.vi.clone())
    }
}
