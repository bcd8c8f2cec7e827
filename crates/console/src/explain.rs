//! Why an alert rang: asked of whoever keeps the evidence, on a thread that may block.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::alerts_api::{alert_id, unknown};
use crate::api::json;
use crate::problem::{self, Problem};
use crate::shared::Shared;

/// Questions that run at a time; one more is answered 503. Each reads the whole store.
const RUNNING_MAX: usize = 2;

/// Tells why an alert rang. Called from several threads at once, each call may block.
pub trait ExplainBackend: Send + Sync {
    /// The finished body (JSON); `None` when nothing is kept of the alert.
    fn explain(&self, alert: &str) -> Result<Option<Vec<u8>>, String>;
}

/// Where such questions are asked.
pub(crate) struct Explained {
    backend: Option<Arc<dyn ExplainBackend>>,
    running: Arc<Semaphore>,
}

impl Explained {
    pub(crate) fn new(backend: Option<Arc<dyn ExplainBackend>>) -> Self {
        Self {
            backend,
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
        }
    }
}

pub(crate) async fn one(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = alert_id(id)?;
    let backend = shared.explain.backend.clone().ok_or_else(unknown)?;
    let place = Arc::clone(&shared.explain.running)
        .try_acquire_owned()
        .map_err(|_| problem::busy("questions about evidence", "yêu cầu về bằng chứng"))?;
    let answer = tokio::task::spawn_blocking(move || {
        let answer = backend.explain(&id);
        drop(place);
        answer
    })
    .await
    .map_err(|error| problem::internal(&error))?;
    let body = answer.map_err(|error| {
        tracing::warn!(%error, "an alert could not be explained");
        problem::later(&event::Text {
            vi: "chưa đọc được bằng chứng, hãy thử lại sau".to_owned(),
            en: "the evidence cannot be read now, try again later".to_owned(),
        })
    })?;
    body.map(json).ok_or_else(unknown)
}
