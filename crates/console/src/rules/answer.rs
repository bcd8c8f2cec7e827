//! The routes of the rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{ApplyAsk, RulesBackend, RulesDiff};
use crate::metrics::{self, CommandEnd};
use crate::problem::{self, Problem};
use crate::shared::Shared;

/// Questions that run at a time; one more is answered 503.
const RUNNING_MAX: usize = 2;
/// A pack is at most 8 MiB; as JSON text it is longer.
const PACK_BYTES_MAX: usize = 12 << 20;
const FILES_MAX: usize = 1_000;

/// Where questions about the rules are asked.
pub(crate) struct Bench {
    backend: Option<Arc<dyn RulesBackend>>,
    running: Arc<Semaphore>,
}

impl Bench {
    pub(crate) fn new(backend: Option<Arc<dyn RulesBackend>>) -> Self {
        Self {
            backend,
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn RulesBackend) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let backend = self
            .backend
            .clone()
            .ok_or_else(|| problem::not_found("list of rules", "danh sách quy tắc"))?;
        let place = Arc::clone(&self.running)
            .try_acquire_owned()
            .map_err(|_| problem::busy("questions about the rules", "yêu cầu về quy tắc"))?;
        tokio::task::spawn_blocking(move || {
            let answer = question(&*backend);
            drop(place);
            answer
        })
        .await
        .map_err(|error| problem::internal(&error))
    }
}

pub(crate) async fn in_force(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let rules = shared.rules.ask(|backend| backend.in_force()).await?;
    Ok(Json(rules).into_response())
}

pub(crate) async fn diff(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let changed = shared.rules.ask(|backend| backend.last_change()).await?;
    let changed: RulesDiff = changed.ok_or_else(|| {
        problem::not_found(
            "change of the rules since the start",
            "thay đổi quy tắc từ khi khởi động",
        )
    })?;
    Ok(Json(changed).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    operator: String,
    #[serde(default)]
    dry_run: bool,
    files: BTreeMap<String, String>,
}

pub(crate) async fn apply(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let body: Body =
        crate::commands::read_json_up_to(request, &shared.config, PACK_BYTES_MAX).await?;
    if body.files.is_empty() || body.files.len() > FILES_MAX {
        return Err(problem::bad_request(
            format!("files must be 1 to {FILES_MAX} files of a site pack, text by path"),
            format!("files phải gồm 1 đến {FILES_MAX} tệp của gói địa bàn"),
        ));
    }
    let ask = ApplyAsk {
        operator: crate::commands::operator(&body.operator)?,
        dry_run: body.dry_run,
        files: body.files,
    };
    let answered = shared.rules.ask(move |backend| backend.apply(&ask)).await?;
    let answer = answered.map_err(|problem| {
        metrics::command(CommandEnd::NotRecorded);
        problem::later(&problem.detail)
    })?;
    if !answer.dry_run {
        metrics::command(if answer.accepted {
            CommandEnd::Accepted
        } else {
            CommandEnd::Refused
        });
    }
    let status = if answer.accepted {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    Ok((status, Json(answer)).into_response())
}
