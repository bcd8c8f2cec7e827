//! What operators do: each command becomes a record of `inputs`, and its answer is the monitor's verdict.
//!
//! The order is: check the request, register as a waiter, append, wait until the record is durable, wait for the verdict
//! in `outcomes`. The same `command_id` twice is one command: a verdict already seen is answered at once, two requests at
//! the same time wait for the same verdict, and what reaches the monitor twice gets its first answer.

mod body;
mod waiters;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::{Action, AlertId, Command, Verdict};
use journal::inputs;
use journal::{Batch, Class};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::alerts_api::{alert_id, unknown};
use crate::metrics::{self, CommandEnd};
use crate::problem::{self, Problem};
use crate::server::Peer;
use crate::shared::Shared;
use crate::view::Answer;

use body::{Fields, Kind};

pub(crate) use body::{operator, read_json, read_json_up_to, words};
pub(crate) use waiters::Waiters;

type Id = Result<Path<String>, PathRejection>;

pub(crate) async fn acknowledge(
    State(shared): State<Arc<Shared>>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    command(shared, Kind::Acknowledge, id, request).await
}

pub(crate) async fn shelve(
    State(shared): State<Arc<Shared>>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    command(shared, Kind::Shelve, id, request).await
}

pub(crate) async fn unshelve(
    State(shared): State<Arc<Shared>>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    command(shared, Kind::Unshelve, id, request).await
}

pub(crate) async fn comment(
    State(shared): State<Arc<Shared>>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    command(shared, Kind::Comment, id, request).await
}

#[derive(Serialize)]
struct Answered<'a> {
    offset: u64,
    verdict: &'a Verdict,
}

async fn command(
    shared: Arc<Shared>,
    kind: Kind,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let id = alert_id(id)?;
    let peer = request
        .extensions()
        .get::<Peer>()
        .map(|peer| peer.0.to_string());
    let fields = body::read(request, &shared.config).await?;
    let action = fields.action(kind, shared.now())?;
    let known = shared.view().alert(&id).map(|(shown, _)| shown.alert);
    let alert = known.ok_or_else(unknown)?;
    let Fields {
        command_id,
        operator,
        seen_state,
        seen_revision,
        ..
    } = fields;
    let command = Command {
        command_id: command_id.unwrap_or_else(|| shared.make_command_id()),
        operator,
        // Until accounts exist: a typed name.
        verified: false,
        alert: Some(AlertId(id)),
        seen_state: seen_state.unwrap_or(alert.state),
        seen_revision: seen_revision.unwrap_or(alert.revision),
        action,
    };
    let answer = submit(&shared, &command, peer.as_deref().unwrap_or("")).await?;
    let (status, end) = if answer.verdict.accepted {
        (StatusCode::OK, CommandEnd::Accepted)
    } else {
        (StatusCode::CONFLICT, CommandEnd::Refused)
    };
    metrics::command(end);
    let Answer { offset, verdict } = &*answer;
    Ok((
        status,
        Json(Answered {
            offset: *offset,
            verdict,
        }),
    )
        .into_response())
}

/// Puts the command into `inputs` and waits for its verdict.
async fn submit(shared: &Shared, command: &Command, peer: &str) -> Result<Arc<Answer>, Problem> {
    let id = &command.command_id;
    let deadline = Instant::now() + Duration::from_millis(shared.config.verdict_timeout_ms);
    let mut waiter = shared
        .waiters
        .register(id)
        .ok_or_else(|| problem::busy("commands waiting for a verdict", "lệnh đang chờ kết quả"))?;
    // After registering: a verdict is either seen here or handed to the waiter.
    if let Some(answer) = shared.view().verdict(id) {
        return Ok(answer);
    }
    record(shared, command, peer, deadline).await?;
    let answer = tokio::select! {
        answer = timeout_at(deadline, waiter.answer()) => answer.ok().flatten(),
        // The verdict is still to come, but perhaps not before the deadline of the shutdown.
        () = shared.cancel.cancelled() => None,
    };
    answer.ok_or_else(|| {
        metrics::command(CommandEnd::Pending);
        problem::verdict_pending(id)
    })
}

/// Returns when the command is durable.
async fn record(
    shared: &Shared,
    command: &Command,
    peer: &str,
    deadline: Instant,
) -> Result<(), Problem> {
    let body = serde_json::to_vec(command).map_err(|error| problem::internal(&error))?;
    let mut batch = Batch::with_capacity(body.len() + 512);
    batch.push(inputs::Kind::Command as u8, |out| {
        inputs::Command {
            command_id: &command.command_id,
            operator: &command.operator,
            verified: command.verified,
            peer,
            body: &body,
        }
        .encode(out);
    });
    let not_recorded = |why: &str| {
        metrics::command(CommandEnd::NotRecorded);
        problem::not_recorded(why)
    };
    let appender = shared.inputs.appender();
    let ticket = timeout_at(deadline, appender.append(Class::System, batch))
        .await
        .map_err(|_| not_recorded("the journal takes no commands at the moment"))?
        .map_err(|error| {
            tracing::error!(%error, "a command was not recorded");
            not_recorded("the journal refused the command")
        })?;
    match timeout_at(deadline, ticket).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(%error, "it is not known whether a command was recorded");
            metrics::command(CommandEnd::NotRecorded);
            Err(problem::maybe_recorded(&command.command_id))
        }
        Err(_) => {
            metrics::command(CommandEnd::NotRecorded);
            Err(problem::maybe_recorded(&command.command_id))
        }
    }
}

/// Journal time until which a shelved alert stays hidden.
const SHELVE_SECONDS_MAX: i64 = 24 * 3_600;

impl Fields {
    /// What the fields ask for; a field that the action does not know is a mistake.
    fn action(&self, kind: Kind, now: event::Time) -> Result<Action, Problem> {
        let until_or_duration = self.until.is_some() || self.duration_seconds.is_some();
        if kind != Kind::Shelve && (until_or_duration || self.reason.is_some()) {
            return Err(unexpected("until, duration_seconds, reason"));
        }
        if kind != Kind::Comment && self.text.is_some() {
            return Err(unexpected("text"));
        }
        Ok(match kind {
            Kind::Acknowledge => Action::Acknowledge,
            Kind::Unshelve => Action::Unshelve,
            Kind::Comment => Action::Comment {
                text: body::words("text", self.text.as_deref())?,
            },
            Kind::Shelve => Action::Shelve {
                until: self.shelved_until(now)?,
                reason: body::words("reason", self.reason.as_deref())?,
                one_shot: false,
            },
        })
    }

    fn shelved_until(&self, now: event::Time) -> Result<event::Time, Problem> {
        let until = match (self.until, self.duration_seconds) {
            (Some(until), None) => Some(until),
            (None, Some(seconds @ 1..=SHELVE_SECONDS_MAX)) => {
                Some(now.plus(seconds * event::Time::SECOND))
            }
            _ => None,
        };
        until.filter(|until| *until > now).ok_or_else(|| {
            problem::bad_request(
                "give either until, an instant to come, or duration_seconds, from 1 to 86400",
                "cần until (thời điểm trong tương lai) hoặc duration_seconds (1 đến 86400)",
            )
        })
    }
}

fn unexpected(fields: &str) -> Problem {
    problem::bad_request(
        format!("this command does not take {fields}"),
        format!("lệnh này không nhận {fields}"),
    )
}
