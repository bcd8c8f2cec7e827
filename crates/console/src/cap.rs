//! CAP messages to the outside: an Atom feed of those in force, and each by its id.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::problem::{self, Problem};
use crate::shared::Shared;

/// Questions that run at a time; one more is answered 503. Each may wait for a message that is being published.
const RUNNING_MAX: usize = 2;
/// Longer than any id we make.
const ID_BYTES_MAX: usize = 1_024;

/// What has been published. Called from several threads at once, each call may block.
pub trait CapBackend: Send + Sync {
    /// The messages in force, newest first, as an Atom feed whose links are relative to `/api/v1/cap`.
    fn feed(&self) -> Vec<u8>;
    /// The message of this id (of the feed's link, or its CAP identifier) as XML; `None` when nothing is kept of it.
    fn message(&self, id: &str) -> Option<Vec<u8>>;
}

/// Where such questions are asked.
pub(crate) struct Published {
    backend: Option<Arc<dyn CapBackend>>,
    running: Arc<Semaphore>,
}

impl Published {
    pub(crate) fn new(backend: Option<Arc<dyn CapBackend>>) -> Self {
        Self {
            backend,
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn CapBackend) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let backend = self.backend.clone().ok_or_else(no_feed)?;
        let place = Arc::clone(&self.running)
            .try_acquire_owned()
            .map_err(|_| problem::busy("readers of the CAP feed", "yêu cầu đọc bản tin CAP"))?;
        let answer = tokio::task::spawn_blocking(move || {
            let answer = ask(&*backend);
            drop(place);
            answer
        });
        answer.await.map_err(|error| problem::internal(&error))
    }
}

fn no_feed() -> Problem {
    problem::not_found("CAP feed", "nguồn bản tin CAP")
}

pub(crate) async fn feed(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let body = shared.cap.ask(|backend| backend.feed()).await?;
    Ok(xml(body, "application/atom+xml"))
}

pub(crate) async fn one(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let unknown = || problem::not_found("CAP message", "bản tin CAP");
    let id = match id {
        Ok(Path(id)) if id.len() <= ID_BYTES_MAX => id,
        Ok(_) | Err(_) => return Err(unknown()),
    };
    let body = (shared.cap.ask(move |backend| backend.message(&id)).await?).ok_or_else(unknown)?;
    Ok(xml(body, "application/cap+xml"))
}

fn xml(body: Vec<u8>, kind: &'static str) -> Response {
    let mut response = Response::new(body.into());
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
